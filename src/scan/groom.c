/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "scan/scan.h"

enum { SLICE_ROWS = 500, PAUSE_US = 2000 };

struct vanished {
	char **paths;
	size_t count, capacity;
};

static void vanished_deinit(struct vanished *v)
{
	for (size_t i = 0; i < v->count; i++)
		mem_free(v->paths[i]);
	mem_free(v->paths);
}

/* Only a file that is certainly not there counts: an unmounted or unreadable
 * directory says nothing of what it held. */
static struct error *add_if_vanished(void *ctx, const struct index_known *k)
{
	struct vanished *v = ctx;
	struct stat st;

	if (!lstat(k->path, &st) || errno != ENOENT)
		return NULL;
	char *copy = mem_strdup(k->path);

	if (!copy || !mem_grow(&v->paths, &v->capacity, v->count + 1,
			       sizeof(*v->paths))) {
		mem_free(copy);
		return error_no_memory;
	}
	v->paths[v->count++] = copy;
	return NULL;
}

static struct error *remove_vanished(struct index *ix, const char *state_dir,
				     const _Atomic bool *stop,
				     struct index_groom_counts *counts)
{
	CLEANUP(vanished_deinit) struct vanished v = { 0 };
	struct index_reader *r;

	TRY(index_reader_open(state_dir, &r));
	struct error *err = index_each_known(r, "/", add_if_vanished, &v);

	index_reader_close(r);
	TRY(err);
	for (size_t i = 0; i < v.count && !atomic_load(stop); i++) {
		TRY(index_remove_container(ix, v.paths[i]));
		counts->containers++;
	}
	return NULL;
}

struct error *scan_groom(struct index *ix, const char *state_dir,
			 const _Atomic bool *stop,
			 struct index_groom_counts *counts)
{
	bool done = false;

	*counts = (struct index_groom_counts) { 0 };
	TRY(remove_vanished(ix, state_dir, stop, counts));
	while (!done && !atomic_load(stop)) {
		TRY(index_groom_slice(ix, SLICE_ROWS, counts, &done));
		/* Let whoever waits for the writer go first. */
		usleep(PAUSE_US);
	}
	return index_maintain(ix);
}
