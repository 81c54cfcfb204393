/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "progress.h"

enum { TERMINAL_MS = 250, LOG_MS = 10000 };

struct progress {
	const struct scan_progress *scan;
	bool is_terminal;
	pthread_t thread;
	struct lock lock;
	struct condition stop_asked;
	bool stop;
};

static void human_bytes(double bytes, char *out, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (bytes >= 1024 && i < 4) {
		bytes /= 1024;
		i++;
	}
	snprintf(out, size, "%.*f %s", i ? 1 : 0, bytes, units[i]);
}

static void human_time(int64_t seconds, char *out, size_t size)
{
	if (seconds >= 3600)
		snprintf(out, size, "%" PRId64 "h%02" PRId64 "m",
			 seconds / 3600, seconds / 60 % 60);
	else
		snprintf(out, size, "%" PRId64 "m%02" PRId64 "s", seconds / 60,
			 seconds % 60);
}

/* Seconds left at the rate so far, by bytes; -1: not known yet. */
static int64_t estimate(const struct scan_progress *p, double seconds)
{
	uint64_t done = atomic_load(&p->done_bytes);
	uint64_t total = atomic_load(&p->total_bytes);

	if (!done || seconds < 1 || total < done || atomic_load(&p->is_walking))
		return -1;
	return (int64_t)(seconds * (double)(total - done) / (double)done);
}

static void show_terminal(const struct scan_progress *p)
{
	double seconds =
		(double)(clock_ms() - atomic_load(&p->started_ms)) / 1000;
	uint64_t done = atomic_load(&p->done_files);
	double bytes = (double)atomic_load(&p->done_bytes);
	int64_t left = estimate(p, seconds);
	char size[32], rate[32], eta[32] = "-";

	human_bytes(bytes, size, sizeof(size));
	human_bytes(seconds > 0 ? bytes / seconds : 0, rate, sizeof(rate));
	if (left >= 0)
		human_time(left, eta, sizeof(eta));
	fprintf(stderr,
		"\r%s %" PRIu64 "/%" PRIu64 " files, %s, %s/s, %" PRIu64
		" artifacts, %" PRIu64 " unreadable, ETA %s\033[K",
		atomic_load(&p->is_walking) ? "walking" : "scanning", done,
		atomic_load(&p->total_files), size, rate,
		atomic_load(&p->artifacts), atomic_load(&p->failed), eta);
	fflush(stderr);
}

static void show_log(const struct scan_progress *p)
{
	double seconds =
		(double)(clock_ms() - atomic_load(&p->started_ms)) / 1000;

	log_info("scan", "progress", LOG_U("visited", atomic_load(&p->visited)),
		 LOG_U("files", atomic_load(&p->done_files)),
		 LOG_U("of", atomic_load(&p->total_files)),
		 LOG_U("bytes", atomic_load(&p->done_bytes)),
		 LOG_U("artifacts", atomic_load(&p->artifacts)),
		 LOG_D("seconds", seconds),
		 LOG_I("eta_seconds", estimate(p, seconds)));
}

static bool wait_stop(struct progress *p)
{
	int64_t until = clock_ms() + (p->is_terminal ? TERMINAL_MS : LOG_MS);

	LOCKED(&p->lock);
	while (!p->stop &&
	       condition_wait_until(&p->stop_asked, &p->lock, until))
		;
	return p->stop;
}

static void *show_thread(void *arg)
{
	struct progress *p = arg;
	bool has_line = false;

	prctl(PR_SET_NAME, "progress");
	while (!wait_stop(p)) {
		bool active = atomic_load(&p->scan->is_active);

		if (active && p->is_terminal)
			show_terminal(p->scan);
		else if (active)
			show_log(p->scan);
		if (p->is_terminal && has_line && !active)
			fprintf(stderr, "\r\033[K");
		has_line = active;
	}
	if (p->is_terminal && has_line)
		fprintf(stderr, "\r\033[K");
	return NULL;
}

struct progress *progress_start(const struct scan *scan)
{
	struct progress *p = mem_zalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->scan = scan_progress(scan);
	p->is_terminal = isatty(STDERR_FILENO);
	lock_init(&p->lock, LOCK_COMMAND);
	condition_init(&p->stop_asked);
	if (pthread_create(&p->thread, NULL, show_thread, p)) {
		mem_free(p);
		return NULL;
	}
	return p;
}

void progress_stop(struct progress *p)
{
	if (!p)
		return;
	{
		LOCKED(&p->lock);
		p->stop = true;
		condition_signal(&p->stop_asked);
	}
	pthread_join(p->thread, NULL);
	condition_deinit(&p->stop_asked);
	lock_deinit(&p->lock);
	mem_free(p);
}
