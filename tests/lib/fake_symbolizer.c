/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/lib/fake_symbolizer.h"

enum { THREADS_MAX = 256 };

struct symbolizer {
	struct fake_symbolizer_behaviour b;
	struct batch_limits limits;
	_Atomic size_t addresses, bytes;
	pthread_t threads[THREADS_MAX];
	_Atomic size_t thread_count;
	/* The batch that waits, and who asked. */
	struct batch *_Atomic waiting;
	symbolize_done_fn done;
	void *ctx;
};

struct symbolizer *fake_symbolizer(void)
{
	struct symbolizer *s = mem_zalloc(sizeof(*s));

	assert(s);
	s->limits = (struct batch_limits) {
		.addresses = 1000,
		.modules = 10,
		.wait_ms = 1000,
	};
	return s;
}

void fake_symbolizer_set(struct symbolizer *s,
			 const struct fake_symbolizer_behaviour *b)
{
	s->b = *b;
}

size_t fake_symbolizer_addresses(struct symbolizer *s)
{
	return s->addresses;
}

size_t fake_symbolizer_bytes(struct symbolizer *s)
{
	return s->bytes;
}

void symbolizer_close(struct symbolizer *s)
{
	for (size_t i = 0; s && i < s->thread_count; i++)
		pthread_join(s->threads[i], NULL);
	mem_free(s);
}

const struct batch_limits *symbolizer_limits(const struct symbolizer *s)
{
	return &s->limits;
}

struct job {
	struct symbolizer *s;
	symbolizer_run_fn fn;
	void *ctx;
};

static void *run(void *arg)
{
	struct job job = *(struct job *)arg;
	const struct timespec delay = {
		.tv_sec = job.s->b.delay_ms / 1000,
		.tv_nsec = job.s->b.delay_ms % 1000 * 1000000,
	};

	mem_free(arg);
	nanosleep(&delay, NULL);
	job.fn(job.ctx);
	return NULL;
}

struct error *symbolizer_run(struct symbolizer *s, size_t bytes,
			     symbolizer_run_fn fn, void *ctx)
{
	s->bytes = bytes;
	if (s->b.is_busy)
		return error_new(BUSY, "1000 jobs queued");
	struct job *job = mem_alloc(sizeof(*job));
	size_t number = atomic_fetch_add(&s->thread_count, 1);

	assert(job && number < THREADS_MAX);
	*job = (struct job) { .s = s, .fn = fn, .ctx = ctx };
	int rc = pthread_create(&s->threads[number], NULL, run, job);

	assert(rc == 0);
	(void)rc;
	return NULL;
}

void symbolize(struct symbolizer *s, struct batch *b, symbolize_done_fn done,
	       void *ctx)
{
	s->addresses += b->address_count;
	for (size_t i = 0; i < b->module_count; i++)
		b->modules[i].status = s->b.status;
	b->retry_after_ms = 1000;
	if (s->b.before)
		s->b.before(b);
	if (s->b.waits) {
		s->done = done;
		s->ctx = ctx;
		s->waiting = b;
		return;
	}
	done(ctx, s->b.has_limit
			  ? error_new(LIMIT, "the answer has too many frames")
			  : batch_answer(b));
}

bool fake_symbolizer_go_on(struct symbolizer *s)
{
	struct batch *b = atomic_exchange(&s->waiting, NULL);

	if (b)
		s->done(s->ctx, batch_answer(b));
	return b;
}

void symbolize_file(struct symbolizer *s, const struct build_id *id,
		    unsigned wait_ms, symbolize_file_fn done, void *ctx)
{
	struct symbol_file file = { .fd = -1, .status = s->b.status };
	struct error *err = NULL;

	(void)id;
	(void)wait_ms;
	if (s->b.gsym) {
		size_t size = strlen(s->b.gsym);

		file.status = MODULE_OK;
		file.size = size;
		file.mtime = 1000000000;
		file.etag = 7;
		err = file_open_temporary(NULL, size, &file.fd);
		if (!err)
			err = file_write_all(file.fd, s->b.gsym, size);
	}
	done(ctx, err, &file);
	cleanup_close(&file.fd);
}

enum symtab_quality symbolizer_quality(struct symbolizer *s,
				       const struct build_id *id)
{
	(void)id;
	return s->b.quality;
}
