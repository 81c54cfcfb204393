/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "scan/scan_internal.h"

enum { SLICE_ROWS = 500, PAUSE_US = 2000 };

struct paths {
	char **v;
	size_t count, capacity;
	const _Atomic bool *stop;
};

static void paths_deinit(struct paths *p)
{
	for (size_t i = 0; i < p->count; i++)
		mem_free(p->v[i]);
	mem_free(p->v);
}

static struct error *add_path(void *ctx, const struct index_known *k)
{
	struct paths *p = ctx;

	if (atomic_load(p->stop))
		return error_new(BUSY, "stopping");
	char *copy = mem_strdup(k->path);

	if (!copy ||
	    !mem_grow(&p->v, &p->capacity, p->count + 1, sizeof(*p->v))) {
		mem_free(copy);
		return error_no_memory;
	}
	p->v[p->count++] = copy;
	return NULL;
}

/* Only a file that is certainly not there counts: an unmounted or unreadable
 * directory says nothing of what it held. */
static bool is_gone(const char *path)
{
	struct stat st;

	return lstat(path, &st) && errno == ENOENT;
}

/* The files are looked at when the index has been read: a file system that
 * answers slowly must not hold a read transaction open. */
static struct error *remove_vanished(const struct scan *s,
				     const _Atomic bool *stop)
{
	CLEANUP(paths_deinit) struct paths p = { .stop = stop };
	struct index_reader *r;

	TRY(index_reader_open(s->o.index_place, &r));
	struct error *err = index_each_known(r, "/", add_path, &p);

	index_reader_close(r);
	if (err && atomic_load(stop)) {
		error_free(err);
		return NULL;
	}
	TRY(err);
	for (size_t i = 0; i < p.count && !atomic_load(stop); i++) {
		if (is_gone(p.v[i]) ||
		    (s->o.policy.groom_unwanted && !scan_is_wanted(s, p.v[i])))
			TRY(index_remove_container(s->o.index, p.v[i]));
		else
			metric_inc(METRIC_GROOM_FRESH);
	}
	return NULL;
}

struct error *scan_groom(const struct scan *s, const _Atomic bool *stop,
			 struct index_groom_counts *counts)
{
	bool done = false;

	*counts = (struct index_groom_counts) { 0 };
	TRY(remove_vanished(s, stop));
	while (!done && !atomic_load(stop)) {
		TRY(index_groom_slice(s->o.index, SLICE_ROWS, counts, &done));
		/* Let whoever waits for the writer go first. */
		usleep(PAUSE_US);
	}
	return atomic_load(stop) ? NULL : index_maintain(s->o.index);
}
