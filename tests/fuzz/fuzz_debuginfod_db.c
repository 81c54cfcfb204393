/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of a debuginfod, to be taken over. Input: the database file.
 *
 * Beyond what the sanitizers see: nothing in it makes more of it than damage;
 * every build ID is one; a file's member has a name, and a bare file has none.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "index/debuginfod_db.h"
#include "tests/fuzz/fuzz.h"

enum { CALLS_MAX = 20000 };

struct taken {
	struct debuginfod_db *db;
	bool is_archive;
	unsigned calls;
};

static struct error *count(struct taken *t)
{
	return ++t->calls > CALLS_MAX ? error_new(NO_SPACE, "enough") : NULL;
}

static struct error *take_name(void *ctx, const char *name)
{
	assert(name && strlen(name) < SIZE_MAX);
	return count(ctx);
}

static struct error *take_artifact(void *ctx,
				   const struct debuginfod_artifact *a)
{
	struct taken *t = ctx;

	assert(a->id.len >= BUILD_ID_MIN && a->id.len <= BUILD_ID_MAX);
	assert(!a->member == !t->is_archive);
	TRY(count(t));
	return debuginfod_db_each_source(t->db, a->id_row, t->is_archive,
					 take_name, t);
}

static struct error *take_file(void *ctx, const struct debuginfod_file *f)
{
	struct taken *t = ctx;

	assert(f->name && strlen(f->name) < SIZE_MAX);
	t->is_archive = f->is_archive;
	TRY(count(t));
	TRY(debuginfod_db_each_artifact(t->db, f, take_artifact, t));
	return f->is_archive ? debuginfod_db_each_member(t->db, f, take_name, t)
			     : NULL;
}

static char path[] = "/tmp/fuzz.XXXXXX";

static void remove_file(void)
{
	unlink(path);
}

/* SQLite wants a name. */
static void write_file(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		fd = mkstemp(path);
		atexit(remove_file);
	}
	if (fd < 0 || ftruncate(fd, 0) || file_write_at(fd, data, size, 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taken t = { NULL };

	write_file(data, size);
	struct error *err = debuginfod_db_open(path, &t.db);

	if (!err)
		err = debuginfod_db_each_file(t.db, take_file, &t);
	assert(!err || error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_DATABASE ||
	       error_kind(err) == ERROR_NO_SPACE ||
	       error_kind(err) == ERROR_NO_MEMORY);
	error_free(err);
	debuginfod_db_close(t.db);
	return 0;
}
