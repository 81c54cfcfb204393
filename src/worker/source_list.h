/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Members of an archive that could be somebody's sources, by directory.
 * Owned by one thread.
 */
#ifndef WORKER_SOURCE_LIST_H
#define WORKER_SOURCE_LIST_H

#include "base/buf.h"
#include "base/error.h"
#include "scanners/scanner.h"
#include "worker/wire.h"

struct source_dir {
	char *dir;        /* canonical, absolute; owned */
	struct buf files; /* source_file_put() each */
};

struct source_list {
	struct source_dir *dirs;
	size_t count, capacity;
	uint32_t *table;   /* hash of dir -> index + 1 */
	size_t table_size; /* power of two */
	size_t last;       /* most members follow one of their directory */
};

MUST_CHECK struct error *source_list_add(struct source_list *l,
					 const struct scanner_member *m,
					 uint64_t ordinal);
/** One WIRE_SOURCE_DIR a directory. */
MUST_CHECK struct error *source_list_send(const struct source_list *l,
					  struct wire_out *out);
void source_list_deinit(struct source_list *l);

#endif
