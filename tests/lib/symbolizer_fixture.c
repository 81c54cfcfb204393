/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "tests/lib/sample_table.h"
#include "tests/lib/symbolizer_fixture.h"
#include "tests/unit/unit.h"

static void forget(void *ctx, const struct build_id *id)
{
	struct fixture *f = ctx;

	if (f->store)
		store_forget(f->store, id);
}

void open_service(struct fixture *f)
{
	const char *builder = getenv("FAKE_BUILDER");
	const struct store_options store = {
		.state_dir = f->index.dir,
		.cache_dir = f->cache,
		.cache_size_bytes = 1 << 20,
		.workers = 1,
		.program = "/bin/false",
	};

	ck_no_error(store_open(&store, &f->store));
	const struct symbolizer_options options = {
		.store = f->store,
		.table_dir = f->tables,
		.disk_bytes = 1 << 30,
		.memory_bytes = 1 << 30,
		.workers = 2,
		.threads = 2,
		.program = builder ? builder : "tests/lib/fake_builder",
		.waits_for_best = f->waits_for_best,
		.split_copies_bytes = f->split_copies_bytes,
		.limits = { .addresses = 100000,
			    .modules = 1000,
			    .wait_ms = LONG_MS },
	};

	ck_no_error(symbolizer_open(&options, &f->s));
}

void close_service(struct fixture *f)
{
	if (f->store)
		store_abort(f->store);
	symbolizer_close(STEAL(f->s));
	store_close(STEAL(f->store));
}

void fixture_open(struct fixture *f)
{
	*f = (struct fixture) { 0 };
	index_fixture_open(&f->index);
	snprintf(f->cache, sizeof(f->cache), "%s/cache", f->index.dir);
	snprintf(f->tables, sizeof(f->tables), "%s/tables", f->index.dir);
	snprintf(f->gate, sizeof(f->gate), "%s/gate", f->index.dir);
	index_on_change(f->index.ix, forget, f);
	open_service(f);
}

void fixture_close(struct fixture *f)
{
	close_service(f);
	index_fixture_close(&f->index);
}

void open_gate(struct fixture *f)
{
	close(open(f->gate, O_CREAT | O_WRONLY, 0600));
}

void add_file(struct fixture *f, const char *name, const char *words,
	      const struct role *role)
{
	const char *path = index_fixture_path(&f->index, name);
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	struct index_test_container t;
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_no_error(file_write_all(fd, words, strlen(words)));
	ck_assert_int_eq(ftruncate(fd, (off_t)role->size), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	index_test_file(&t, path, role->n, 1);
	t.c.stamp = (struct index_stamp) {
		.mtime_ns = clock_timespec_ns(st.st_mtim),
		.ctime_ns = clock_timespec_ns(st.st_ctim),
		.size = (uint64_t)st.st_size,
		.inode = st.st_ino,
	};
	t.artifacts[0].size = role->size;
	t.artifacts[0].roles = role->roles;
	t.artifacts[0].quality = role->quality;
	t.artifacts[0].split_ids = role->splits;
	t.artifacts[0].split_id_count = role->split_count;
	if (role->alt)
		t.artifacts[0].alt_id = index_test_id(role->alt);
	memset(t.artifacts[0].breakpad_guid, (int)(role->n % 100), 16);
	ck_no_error(index_test_put(f->index.ix, &t));
}

void add_debuginfo(struct fixture *f, const char *name, unsigned n, size_t size,
		   const char *words)
{
	const struct role role = {
		.n = n,
		.roles = INDEX_ROLE_DEBUGINFO,
		.quality = SYMTAB_QUALITY_DWARF,
		.size = size,
	};

	add_file(f, name, words, &role);
}

void add_gated(struct fixture *f, const char *name, unsigned n, size_t size)
{
	char words[160];

	snprintf(words, sizeof(words), "gate=%s", f->gate);
	add_debuginfo(f, name, n, size, words);
}

/* ---- Batches ------------------------------------------------------------ */

void done(void *ctx, struct error *err)
{
	struct asked *a = ctx;

	LOCKED(&a->lock);
	a->err = err;
	a->is_done = true;
	condition_signal(&a->cond);
}

void asked_init(struct asked *a, unsigned wait_ms)
{
	*a = (struct asked) { 0 };
	batch_init(&a->batch);
	a->batch.wait_ms = wait_ms;
	lock_init(&a->lock, LOCK_POOL);
	condition_init(&a->cond);
}

void asked_deinit(struct asked *a)
{
	batch_deinit(&a->batch);
	error_free(a->err);
	condition_deinit(&a->cond);
	lock_deinit(&a->lock);
}
struct batch_module *want_id(struct asked *a, const struct build_id *id)
{
	struct batch_module *m;

	ck_no_error(batch_add_module(&a->batch, &any, &m));
	m->id = *id;
	m->space.kind = ADDRESS_VADDR;
	ck_no_error(batch_add_address(&a->batch, &any, SAMPLE_BASE + 0x100));
	return m;
}

void want(struct asked *a, unsigned n)
{
	struct build_id id = index_test_id(n);

	want_id(a, &id);
}

void begin(struct fixture *f, struct asked *a)
{
	symbolize(f->s, &a->batch, done, a);
}

void finish(struct asked *a)
{
	LOCKED(&a->lock);
	while (!a->is_done)
		condition_wait(&a->cond, &a->lock);
}

enum module_status status(const struct asked *a, size_t i)
{
	ck_assert_ptr_null(a->err);
	return a->batch.modules[i].status;
}

const char *name_of(const struct asked *a, size_t i)
{
	static char name[64];
	const struct batch *b = &a->batch;
	size_t len;

	if (b->chain_start[i] == b->chain_start[i + 1])
		return "";
	const struct batch_frame *x =
		&b->frames[b->chains[b->chain_start[i + 1] - 1]];
	const char *s =
		symtab_name(b->modules[x->module].table, x->f.name, &len);

	snprintf(name, sizeof(name), "%.*s", (int)len, s);
	return name;
}

enum module_status ask_in(struct fixture *f, unsigned n, unsigned wait_ms,
			  char name[64])
{
	CLEANUP_ASKED struct asked a;

	asked_init(&a, wait_ms);
	want(&a, n);
	begin(f, &a);
	finish(&a);
	enum module_status ret = status(&a, 0);

	ck_assert_int_eq(a.batch.is_partial, ret == MODULE_PENDING);
	ck_assert_int_eq(a.batch.retry_after_ms > 0, ret == MODULE_PENDING);
	snprintf(name, 64, "%s", name_of(&a, 0));
	ck_assert_int_eq(name[0] != '\0', ret == MODULE_OK);
	return ret;
}

void expect(struct fixture *f, unsigned n, const char *expected)
{
	char name[64];

	ck_assert_int_eq(ask_in(f, n, LONG_MS, name), MODULE_OK);
	ck_assert_str_eq(name, expected);
}

void expect_status(struct fixture *f, unsigned n, unsigned wait_ms,
		   enum module_status expected)
{
	char name[64];

	ck_assert_int_eq(ask_in(f, n, wait_ms, name), expected);
}

int64_t counted(enum table_op op)
{
	return metric_get(METRIC_TABLE_OPS, op, 0);
}

void wait_for(enum table_op op, int64_t count)
{
	for (int i = 0; i < 10000 && counted(op) < count; i++)
		usleep(1000);
	ck_assert_int_eq(counted(op), count);
}
