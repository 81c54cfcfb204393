/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "elf/elf_facts.h"
#include "import_debuginfod.h"
#include "worker/jobs.h"
#include "worker/source_list.h"

enum { BATCH = 64, PROGRESS_MS = 250 };

/* One file with all that is known of it. */
struct item {
	struct index_container c;
	char *path;                       /* owned */
	struct index_artifact *artifacts; /* members and sources owned */
	size_t artifact_count, artifact_capacity;
	struct source_list members;
	struct index_source_dir *dirs;
};

struct import {
	struct debuginfod_db *db; /* borrowed */
	struct index *ix;
	struct index_reader *known;
	struct import_counts *counts;
	struct item items[BATCH]; /* of one transaction */
	size_t item_count;
	bool is_terminal;
	int64_t shown_ms;
};

static void item_deinit(struct item *it)
{
	for (size_t i = 0; i < it->artifact_count; i++) {
		mem_free((char *)it->artifacts[i].member);
		mem_free((uint8_t *)it->artifacts[i].sources);
	}
	mem_free(it->artifacts);
	mem_free(it->dirs);
	mem_free(it->path);
	source_list_deinit(&it->members);
	*it = (struct item) { 0 };
}

static void import_destroy(struct import **at)
{
	struct import *im = *at;

	if (!im)
		return;
	for (size_t i = 0; i < im->item_count; i++)
		item_deinit(&im->items[i]);
	index_reader_close(im->known);
	mem_free(im);
}

static struct error *flush(struct import *im)
{
	struct index_container c[BATCH];

	for (size_t i = 0; i < im->item_count; i++)
		c[i] = im->items[i].c;
	if (im->item_count)
		TRY(index_put_containers(im->ix, c, im->item_count));
	for (size_t i = 0; i < im->item_count; i++) {
		im->counts->artifacts += im->items[i].artifact_count;
		item_deinit(&im->items[i]);
	}
	im->counts->imported += im->item_count;
	im->item_count = 0;
	return NULL;
}

/* ---- What a file holds --------------------------------------------------- */

struct names {
	char **v; /* owned */
	size_t count, capacity;
};

static void names_deinit(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		mem_free(n->v[i]);
	mem_free(n->v);
}

static struct error *add_name(void *ctx, const char *name)
{
	struct names *n = ctx;
	char *copy = mem_strdup(name);

	if (!copy ||
	    !mem_grow(&n->v, &n->capacity, n->count + 1, sizeof(*n->v))) {
		mem_free(copy);
		return error_no_memory;
	}
	n->v[n->count++] = copy;
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As the index has them: sorted, packed. */
static struct error *take_sources(struct import *im, int64_t id_row,
				  bool is_archive, struct index_artifact *a)
{
	CLEANUP(names_deinit) struct names names = { 0 };
	CLEANUP_BUF struct buf list = BUF_INIT, packed = BUF_INIT;

	TRY(debuginfod_db_each_source(im->db, id_row, is_archive, add_name,
				      &names));
	if (!names.count)
		return NULL;
	qsort(names.v, names.count, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.count; i++)
		buf_append(&list, names.v[i], strlen(names.v[i]) + 1);
	if (list.failed)
		return error_no_memory;
	TRY(codec_pack(list.data, list.size, &packed));
	uint8_t *bytes = mem_dup(packed.data, packed.size);

	if (!bytes)
		return error_no_memory;
	a->sources = bytes;
	a->sources_size = packed.size;
	a->source_count = names.count;
	a->quality = ELF_QUALITY_DWARF;
	return NULL;
}

struct taking {
	struct import *im;
	struct item *item;
	const struct debuginfod_file *file;
};

/* "/usr/bin/x" and "./usr/bin/x" as scanners name members: "usr/bin/x". */
static const char *member_name(const char *name)
{
	if (name[0] == '.' && name[1] == '/')
		name += 2;
	while (*name == '/')
		name++;
	return name;
}

static struct error *take_artifact(void *ctx,
				   const struct debuginfod_artifact *a)
{
	struct taking *t = ctx;
	struct item *it = t->item;
	struct index_artifact new = {
		.id = a->id,
		.is_gnu = true,
		.ordinal = a->member ? INDEX_UNKNOWN : 0,
		.size = a->member ? INDEX_UNKNOWN : it->c.stamp.size,
		.mtime = t->file->mtime,
		.roles = (a->is_executable ? ELF_ROLE_EXECUTABLE : 0u) |
			 (a->is_debuginfo ? ELF_ROLE_DEBUGINFO : 0u),
		.quality = a->is_debuginfo ? ELF_QUALITY_SYMTAB
					   : ELF_QUALITY_DYNSYM,
	};

	if (!mem_grow(&it->artifacts, &it->artifact_capacity,
		      it->artifact_count + 1, sizeof(new)))
		return error_no_memory;
	if (a->member) {
		new.member = mem_strdup(member_name(a->member));
		if (!new.member)
			return error_no_memory;
	}
	it->artifacts[it->artifact_count++] = new;
	return take_sources(t->im, a->id_row, t->file->is_archive,
			    &it->artifacts[it->artifact_count - 1]);
}

static struct error *take_member(void *ctx, const char *name)
{
	struct taking *t = ctx;
	struct scanner_member m = {
		.name = member_name(name),
		.size = INDEX_UNKNOWN,
		.mtime = t->file->mtime,
	};

	return source_list_add(&t->item->members, &m, INDEX_UNKNOWN);
}

static struct error *show_dirs(struct item *it)
{
	const struct source_list *l = &it->members;

	it->dirs = mem_array(l->count, sizeof(*it->dirs));
	if (!it->dirs)
		return error_no_memory;
	for (size_t i = 0; i < l->count; i++)
		it->dirs[i] = (struct index_source_dir) {
			.dir = l->dirs[i].dir,
			.files = l->dirs[i].files.data,
			.files_size = l->dirs[i].files.size,
		};
	it->c.source_dirs = it->dirs;
	it->c.source_dir_count = l->count;
	return NULL;
}

/* ---- The files ----------------------------------------------------------- */

static void show_progress(struct import *im)
{
	if (!im->is_terminal || clock_ms() < im->shown_ms + PROGRESS_MS)
		return;
	im->shown_ms = clock_ms();
	fprintf(stderr,
		"\rimporting: %" PRIu64 " files, %" PRIu64 " taken over\033[K",
		im->counts->files, im->counts->imported);
}

/* Is it what debuginfod saw? */
static bool is_same(struct import *im, const struct debuginfod_file *f,
		    struct stat *st)
{
	if (lstat(f->name, st)) {
		im->counts->gone++;
		return false;
	}
	if (S_ISREG(st->st_mode) && st->st_mtim.tv_sec == f->mtime &&
	    (uint64_t)st->st_size == f->size)
		return true;
	im->counts->changed++;
	return false;
}

struct match {
	const struct index_stamp *stamp;
	bool found;
};

static struct error *match_known(void *ctx, const struct index_known *k)
{
	struct match *m = ctx;

	m->found = k->stamp.mtime_ns == m->stamp->mtime_ns &&
		   k->stamp.ctime_ns == m->stamp->ctime_ns &&
		   k->stamp.size == m->stamp->size &&
		   k->stamp.inode == m->stamp->inode;
	return NULL;
}

/* What a scan found out is more than what is imported. */
static struct error *is_known(struct import *im,
			      const struct index_container *c, bool *ret)
{
	struct match m = { .stamp = &c->stamp };

	TRY(index_each_known(im->known, c->path, match_known, &m));
	im->counts->known += m.found;
	*ret = m.found;
	return NULL;
}

static struct error *take_file(void *ctx, const struct debuginfod_file *f)
{
	struct import *im = ctx;
	struct item *it = &im->items[im->item_count];
	struct taking t = { .im = im, .item = it, .file = f };
	struct stat st;
	bool known;

	im->counts->files++;
	show_progress(im);
	if (!is_same(im, f, &st))
		return NULL;
	it->path = mem_strdup(f->name);
	if (!it->path)
		return error_no_memory;
	it->c = (struct index_container) {
		.path = it->path,
		.stamp = { .mtime_ns = clock_timespec_ns(st.st_mtim),
			   .ctime_ns = clock_timespec_ns(st.st_ctim),
			   .size = (uint64_t)st.st_size,
			   .inode = st.st_ino },
		.scanner = f->is_archive ? SCANNER_BY_CONTENT : "elf",
		.payload_codec = f->is_archive ? LOCATOR_RESCAN : 0,
	};
	TRY(is_known(im, &it->c, &known));
	if (known) {
		item_deinit(it);
		return NULL;
	}
	im->item_count++; /* from here on import_destroy() frees it */
	TRY(debuginfod_db_each_artifact(im->db, f, take_artifact, &t));
	if (f->is_archive)
		TRY(debuginfod_db_each_member(im->db, f, take_member, &t));
	if (!f->is_archive && !it->artifact_count) {
		im->counts->empty++;
		im->item_count--;
		item_deinit(it);
		return NULL;
	}
	it->c.artifacts = it->artifacts;
	it->c.artifact_count = it->artifact_count;
	TRY(show_dirs(it));
	return f->is_archive || im->item_count == BATCH ? flush(im) : NULL;
}

struct error *import_debuginfod(struct debuginfod_db *db, struct index *ix,
				const char *index_place,
				struct import_counts *counts)
{
	CLEANUP(import_destroy)
	struct import *im = mem_zalloc(sizeof(*im));

	*counts = (struct import_counts) { 0 };
	if (!im)
		return error_no_memory;
	im->db = db;
	im->ix = ix;
	im->counts = counts;
	im->is_terminal = isatty(STDERR_FILENO);
	TRY(index_reader_open(index_place, &im->known));
	struct error *err = debuginfod_db_each_file(im->db, take_file, im);

	if (!err)
		err = flush(im);
	if (im->is_terminal)
		fprintf(stderr, "\r\033[K");
	return err;
}
