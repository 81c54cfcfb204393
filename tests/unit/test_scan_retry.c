/* SPDX-License-Identifier: Apache-2.0 */
/* When a file that could not be read is tried again. */
#include "config.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "scan/scan.h"
#include "tests/lib/elf_writer.h"
#include "tests/unit/unit.h"
#include "worker/sandbox_check.h"
#include "worker/wire.h"

struct fixture {
	char base[64], tree[96], file[128], state[96];
	const char *roots[2];
	struct index *index;
	struct scan *scan;
};

static void make_tree(struct fixture *f)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;

	strcpy(f->base, "/tmp/symbolized-retry-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->base));
	snprintf(f->tree, sizeof(f->tree), "%s/tree", f->base);
	snprintf(f->file, sizeof(f->file), "%s/a", f->tree);
	snprintf(f->state, sizeof(f->state), "%s/state", f->base);
	ck_no_error(file_make_dirs(f->tree));
	elf_write(&(struct elf_spec) { .build_id = "aaaa", .text_size = 64 },
		  &elf);
	CLEANUP_CLOSE int fd = open(f->file, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_no_error(file_write_all(fd, elf.data, elf.size));
}

static void remove_tree(struct fixture *f)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", f->base);
	ck_assert_int_eq(system(command), 0);
}

/* As a process that has just been started */
static void begin_process(struct fixture *f)
{
	const char *program = getenv("SYMBOLIZED");

	f->roots[0] = f->tree;
	f->roots[1] = NULL;
	ck_no_error(index_open(f->state, 0, NULL, &f->index));
	struct scan_options o = {
		.roots = f->roots,
		.index_place = f->state,
		.state_dir = f->state,
		.cache_dir = f->base, /* not below the tree */
		.workers = 1,
		.program = program ? program : "./symbolized",
		.index = f->index,
	};
	ck_no_error(scan_create(&o, &f->scan));
}

static void end_process(struct fixture *f)
{
	scan_destroy(f->scan);
	index_close(f->index);
}

static uint64_t looked_into(struct fixture *f)
{
	ck_no_error(scan_run(f->scan));
	return atomic_load(&scan_progress(f->scan)->done_files);
}

/* The index says of the file, as it is, that it could not be read. */
static void note_failed(struct fixture *f, const char *kind, bool is_retryable)
{
	struct index_container c = {
		.path = f->file,
		.scanner = "",
		.problem_kind = kind,
		.problem = "as it was then",
		.is_retryable = is_retryable,
	};
	struct stat st;

	ck_assert_int_eq(stat(c.path, &st), 0);
	c.stamp = (struct index_stamp) {
		.mtime_ns = clock_timespec_ns(st.st_mtim),
		.ctime_ns = clock_timespec_ns(st.st_ctim),
		.size = (uint64_t)st.st_size,
		.inode = st.st_ino,
	};
	ck_no_error(index_put_containers(f->index, &c, 1));
}

/* */
START_TEST(what_may_have_passed_is_tried_again_by_another_process)
{
	static const char *const kinds[] = { "io", "busy", "worker" };
	struct fixture f;

	make_tree(&f);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		note_failed(&f, kinds[i], true);
		/* Not within a minute by who has tried already. */
		ck_assert_uint_eq(looked_into(&f), 0);
		end_process(&f);
		begin_process(&f);
		ck_assert_uint_eq(looked_into(&f), 1);
		ck_assert_uint_eq(looked_into(&f), 0);
	}
	end_process(&f);
	remove_tree(&f);
}
END_TEST

START_TEST(what_cannot_have_passed_is_not_tried_by_another_process_either)
{
	struct fixture f;

	make_tree(&f);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	note_failed(&f, "bad_data", false);
	end_process(&f);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 0);
	end_process(&f);
	remove_tree(&f);
}
END_TEST

/* A program that dies of whatever it is given. Its path is @p path. */
static void make_dying_program(const struct fixture *f, char *path, size_t size)
{
	snprintf(path, size, "%s/dies", f->base);
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_WRONLY, 0700);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "#!/bin/sh\nexit 3\n"), 0);
}

/* So much later: the index's times are that much earlier. */
static void pass_time(const struct fixture *f, long seconds)
{
	char path[128], text[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/index.sqlite", f->state);
	snprintf(text, sizeof(text),
		 "UPDATE container SET tried_at = tried_at - %ld", seconds);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	ck_assert_int_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* */
START_TEST(poison_is_tried_after_1_10_60_minutes_then_only_when_it_changes)
{
	static const long pauses_s[] = { 60, 600, 3600 };
	const long year_s = 365 * 24 * 3600L;
	struct fixture f;
	char program[128];

	make_tree(&f);
	make_dying_program(&f, program, sizeof(program));
	const char *before = getenv("SYMBOLIZED");
	CLEANUP_FREE char *kept = before ? mem_strdup(before) : NULL;

	setenv("SYMBOLIZED", program, 1);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	for (size_t i = 0; i < 3; i++) {
		pass_time(&f, pauses_s[i] - 20);
		ck_assert_uint_eq(looked_into(&f), 0);
		pass_time(&f, 20);
		ck_assert_uint_eq(looked_into(&f), 1);
	}
	pass_time(&f, 10 * year_s);
	ck_assert_uint_eq(looked_into(&f), 0);
	/* A restart tries once. */
	end_process(&f);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	pass_time(&f, year_s);
	ck_assert_uint_eq(looked_into(&f), 0);
	/* Changed, it is another file, and it all begins again. */
	ck_assert_int_eq(chmod(f.file, 0644), 0);
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(looked_into(&f), 0);
	pass_time(&f, 60);
	ck_assert_uint_eq(looked_into(&f), 1);
	end_process(&f);
	if (kept)
		setenv("SYMBOLIZED", kept, 1);
	else
		unsetenv("SYMBOLIZED");
	remove_tree(&f);
}
END_TEST

/* what a limit of the worker's stopped, and not the file's own. */
static void must_remove(const struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->base, name);
	ck_assert_int_eq(unlink(path), 0);
}

static void must_exec(const struct fixture *f, const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/index.sqlite", f->state);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* @return How many files are looked into by the first pass of a process that
 * comes to its end, behind so many that break off. */
static uint64_t looked_into_behind(struct fixture *f, unsigned broken)
{
	note_failed(f, "worker", true);
	end_process(f);
	begin_process(f);
	/* No reader can be opened without it. */
	must_exec(f, "ALTER TABLE ignored RENAME TO away");
	for (unsigned i = 0; i < broken; i++)
		ck_error(scan_run(f->scan), DATABASE, "");
	must_exec(f, "ALTER TABLE away RENAME TO ignored");
	return looked_into(f);
}

START_TEST(passes_that_all_break_off_do_not_try_poison_each_time)
{
	struct fixture f;

	make_tree(&f);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(looked_into_behind(&f, 2), 1);
	must_remove(&f, "state/index.sqlite.damaged");
	ck_assert_uint_eq(looked_into_behind(&f, 3), 0);
	end_process(&f);
	remove_tree(&f);
}
END_TEST

START_TEST(what_ran_into_a_limit_is_poison_too)
{
	struct fixture f;

	make_tree(&f);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	for (int i = 0; i < 4; i++)
		note_failed(&f, "limit", true);
	pass_time(&f, 365 * 24 * 3600L);
	ck_assert_uint_eq(looked_into(&f), 0);
	end_process(&f);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	end_process(&f);
	remove_tree(&f);
}
END_TEST

/* A program that says it is held by nothing, while there is a file BASE/bare;
 * otherwise it is a worker as it should be. */
static void make_fickle_program(const struct fixture *f, const char *real,
				char *path, size_t size)
{
	snprintf(path, size, "%s/fickle", f->base);
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_WRONLY, 0700);

	ck_assert_int_ge(fd, 0);
	/* A message of 9 bytes, type WIRE_HELLO: no bits, and a text "x". */
	ck_assert_int_gt(dprintf(fd,
				 "#!/bin/sh\n[ -e '%s/bare' ] || exec '%s' "
				 "\"$@\"\n[ ! -e '%s/once' ] || rm '%s/bare'\n"
				 "printf '\\011\\0\\0\\0\\%o\\0\\0\\0"
				 "\\0\\0\\0\\0\\001\\0\\0\\0x' >&3\n"
				 "cat <&3 >/dev/null\n",
				 f->base, real, f->base, f->base, WIRE_HELLO),
			 0);
}

static void touch(const struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->base, name);
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
}

/* that the machine lacks something for a while is no file's fault. */
START_TEST(what_a_worker_without_its_sandbox_was_to_read_is_tried_again)
{
	const char *before = getenv("SYMBOLIZED");
	char real[4096], program[128];
	struct fixture f;

	ck_assert_ptr_nonnull(realpath(before ? before : "./symbolized", real));
	make_tree(&f);
	make_fickle_program(&f, real, program, sizeof(program));
	CLEANUP_FREE char *kept = before ? mem_strdup(before) : NULL;

	ck_no_error(sandbox_check(real, false));
	setenv("SYMBOLIZED", program, 1);
	/* One such worker: the next one reads it. */
	touch(&f, "bare");
	touch(&f, "once");
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(atomic_load(&scan_progress(f.scan)->failed), 0);
	ck_assert_uint_eq(atomic_load(&scan_progress(f.scan)->artifacts), 1);
	/* None but such: later. */
	must_remove(&f, "once");
	touch(&f, "bare");
	ck_assert_int_eq(chmod(f.file, 0644), 0);
	end_process(&f);
	begin_process(&f);
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(atomic_load(&scan_progress(f.scan)->failed), 1);
	must_remove(&f, "bare");
	ck_assert_uint_eq(looked_into(&f), 0);
	for (int i = 0; i < 9; i++)
		note_failed(&f, "busy", true);
	pass_time(&f, 3600);
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(atomic_load(&scan_progress(f.scan)->failed), 0);
	ck_assert_uint_eq(atomic_load(&scan_progress(f.scan)->artifacts), 1);
	end_process(&f);
	if (kept)
		setenv("SYMBOLIZED", kept, 1);
	else
		unsetenv("SYMBOLIZED");
	remove_tree(&f);
}
END_TEST

UNIT_MAIN("scan_retry", what_may_have_passed_is_tried_again_by_another_process,
	  what_cannot_have_passed_is_not_tried_by_another_process_either,
	  poison_is_tried_after_1_10_60_minutes_then_only_when_it_changes,
	  passes_that_all_break_off_do_not_try_poison_each_time,
	  what_ran_into_a_limit_is_poison_too,
	  what_a_worker_without_its_sandbox_was_to_read_is_tried_again)
