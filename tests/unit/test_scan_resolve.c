/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What names that wait for an alternate file (dwz) may cost a pass: with
 * archives that take long, with workers that die, and with a scan that is
 * stopped in the middle of it. What the workers were asked for is what
 * tests/lib/troubled_worker says on stderr.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "elf/dwarf_const.h"
#include "scan/scan.h"
#include "tests/lib/elf_writer.h"
#include "tests/lib/pkg_writer.h"
#include "tests/unit/unit.h"

enum { WORKERS = 2 };

struct fixture {
	char base[64], tree[80], state[80], cache[80], said[80];
	const char *roots[2];
	struct index *index;
	struct scan *scan;
	int64_t resolve_ms;
	int old_stderr;
};

static const char *built(const char *name)
{
	static char path[4096];
	const char *dir = getenv("top_builddir");

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", name);
	return path;
}

static void begin_process(struct fixture *f)
{
	ck_no_error(index_open(f->state, 0, NULL, &f->index));
	struct scan_options o = {
		.roots = f->roots,
		.index_place = f->state,
		.state_dir = f->state,
		.cache_dir = f->cache,
		.workers = WORKERS,
		.program = built("tests/lib/troubled_worker"),
		.index = f->index,
		.resolve_ms = f->resolve_ms,
	};
	ck_no_error(scan_create(&o, &f->scan));
}

static void end_process(struct fixture *f)
{
	scan_destroy(f->scan);
	index_close(f->index);
}

static void open_all(struct fixture *f, int64_t resolve_ms)
{
	*f = (struct fixture) { .resolve_ms = resolve_ms };
	strcpy(f->base, "/tmp/symbolized-resolve-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->base));
	snprintf(f->tree, sizeof(f->tree), "%s/tree", f->base);
	snprintf(f->state, sizeof(f->state), "%s/state", f->base);
	snprintf(f->cache, sizeof(f->cache), "%s/cache", f->base);
	snprintf(f->said, sizeof(f->said), "%s/said", f->base);
	f->roots[0] = f->tree;
	ck_no_error(file_make_dirs(f->tree));
	ck_no_error(file_make_dirs(f->cache));
	CLEANUP_CLOSE int fd =
		open(f->said, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	f->old_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	begin_process(f);
}

static void close_all(struct fixture *f)
{
	char command[128];

	end_process(f);
	dup2(f->old_stderr, STDERR_FILENO);
	close(f->old_stderr);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->base);
	ck_assert_int_eq(system(command), 0);
}

/* Lines that hold both since the last look. */
static unsigned said(const struct fixture *f, const char *one, const char *two)
{
	FILE *file = fopen(f->said, "r");
	char line[512];
	unsigned n = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		n += strstr(line, one) && strstr(line, two);
	fclose(file);
	return n;
}

static void forget_said(const struct fixture *f)
{
	ck_assert_int_eq(truncate(f->said, 0), 0);
}

/* ---- Files --------------------------------------------------------------- */

static void write_to(const struct fixture *f, const char *name,
		     const struct buf *b)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->tree, name);
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_no_error(file_write_all(fd, b->data, b->size));
}

/* Names /src/dir/a.c, of which the directory lies in the alternate file. */
static void make_waiting(const struct fixture *f, const char *alt, unsigned n)
{
	static const struct elf_unit_file files[] = { { "a.c", 0 }, { NULL } };
	CLEANUP_BUF struct buf elf = BUF_INIT;
	char id[32], name[64];
	struct elf_unit unit = {
		.version = 4,
		.comp_dir = "",
		.comp_dir_form = DW_FORM_GNU_strp_alt,
		.alt_offset = 4,
		.files = files,
	};

	snprintf(id, sizeof(id), "0a%s%06x", alt, n);
	snprintf(name, sizeof(name), "%s-%u", alt, n);
	elf_write(&(struct elf_spec) { .build_id = id,
				       .alt_name = "alt",
				       .alt_id = alt,
				       .units = &unit,
				       .unit_count = 1 },
		  &elf);
	write_to(f, name, &elf);
}

static void make_many_waiting(const struct fixture *f, const char *alt,
			      unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		make_waiting(f, alt, i);
}

static void put_alt(const char *alt, const char *section, struct buf *out)
{
	struct elf_extra extra = { .name = section,
				   .data = "old\0/src/dir",
				   .size = 13 };

	elf_write(&(struct elf_spec) { .build_id = alt,
				       .extras = &extra,
				       .extra_count = 1 },
		  out);
}

static void make_alt(const struct fixture *f, const char *alt,
		     const char *section)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;
	char name[64];

	put_alt(alt, section, &elf);
	snprintf(name, sizeof(name), "alt-%s", alt);
	write_to(f, name, &elf);
}

/* Behind padding. */
static void make_alt_archive(const struct fixture *f, const char *name,
			     const char *const *alts, unsigned count)
{
	struct pkg_options o = { .kind = PKG_TAR, .codec = CODEC_XZ };
	struct buf elf[16] = { 0 };
	struct pkg_file files[17] = { { .name = "pad", .zeros = 100000 } };
	char path[160], names[16][32];

	ck_assert_uint_le(count, 16);
	for (unsigned i = 0; i < count; i++) {
		put_alt(alts[i], ".debug_str", &elf[i]);
		snprintf(names[i], sizeof(names[i]), "dwz/%s", alts[i]);
		files[1 + i] = (struct pkg_file) { .name = names[i],
						   .data = elf[i].data,
						   .size = elf[i].size };
	}
	snprintf(path, sizeof(path), "%s/%s", f->tree, name);
	pkg_write_file(path, &o, files, 1 + count);
	for (unsigned i = 0; i < count; i++)
		buf_deinit(&elf[i]);
}

/* How many of those that waited wait no more. */
static unsigned complete(const struct fixture *f, const char *alt,
			 unsigned count)
{
	struct index_reader *r;
	unsigned n = 0;

	ck_no_error(index_reader_open(f->state, &r));
	for (unsigned i = 0; i < count; i++) {
		CLEANUP(index_places_deinit) struct index_places p = { 0 };
		struct build_id id;
		char hex[32];

		snprintf(hex, sizeof(hex), "0a%s%06x", alt, i);
		ck_assert(build_id_parse(hex, strlen(hex), &id));
		ck_no_error(index_find(r, &id, 3, &p));
		ck_assert_uint_eq(p.count, 1);
		n += p.v[0].source_count == 1;
	}
	index_reader_close(r);
	return n;
}

static unsigned open_descriptors(void)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	return n;
}

static bool is_empty(const char *path)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir(path);
	const struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			return false;
	return true;
}

/* ---- Cases --------------------------------------------------------------- */

#define ALT "00aa00aa"

START_TEST(an_alternate_file_is_extracted_once_for_all_who_wait)
{
	static const char *const alts[] = { ALT };
	enum { FILES = 600 };
	struct fixture f;

	open_all(&f, 0);
	make_many_waiting(&f, ALT, FILES);
	make_alt_archive(&f, "alt.tar.xz", alts, 1);
	ck_no_error(scan_run(f.scan));
	ck_assert_uint_eq(said(&f, "job extract", "alt.tar.xz"), 1);
	ck_assert_uint_eq(said(&f, "job resolve", ALT), 3);
	ck_assert_uint_eq(complete(&f, ALT, FILES), FILES);
	ck_assert(!scan_has_more(f.scan));
	close_all(&f);
}
END_TEST

START_TEST(jobs_that_end_their_worker_cost_a_pass_little_and_others_nothing)
{
	static const char *const bad[] = { "dddddddd" }, *const good[] = {
		ALT
	};
	enum { FILES = 40, PASSES = 20, FAILURES_MAX = 8 };
	unsigned passes = 0, alone = 0;
	struct fixture f;

	open_all(&f, 0);
	make_many_waiting(&f, *bad, FILES);
	make_many_waiting(&f, *good, FILES);
	make_alt_archive(&f, "bad.tar.xz", bad, 1);
	make_alt_archive(&f, "good.tar.xz", good, 1);
	for (; passes < PASSES && (!passes || scan_has_more(f.scan));
	     passes++) {
		ck_no_error(scan_run(f.scan));
		ck_assert_uint_le(said(&f, "job extract", "bad.tar.xz"), 1);
		ck_assert_uint_le(said(&f, "job resolve", *bad), FAILURES_MAX);
		ck_assert_uint_eq(said(&f, "job resolve", *good), !passes);
		ck_assert_uint_eq(complete(&f, *good, FILES), FILES);
		alone += said(&f, "job resolve", "dddddddd 1\n");
		forget_said(&f);
	}
	/* Each was tried by itself, and no more. */
	ck_assert_uint_gt(passes, 1);
	ck_assert_uint_lt(passes, PASSES);
	ck_assert_uint_eq(alone, FILES);
	ck_no_error(scan_run(f.scan));
	ck_assert_uint_eq(said(&f, "job", ""), 0);
	ck_assert_uint_eq(complete(&f, *bad, FILES), 0);
	close_all(&f);
}
END_TEST

START_TEST(passes_whose_time_is_up_find_out_who_ends_the_worker)
{
	static const char *const bad[] = { "dddddddd" };
	enum { FILES = 40, PASSES = 3 * FILES };
	unsigned passes = 0;
	struct fixture f;

	open_all(&f, 1);
	make_many_waiting(&f, *bad, FILES);
	make_alt_archive(&f, "bad.tar.xz", bad, 1);
	for (; passes < PASSES && (!passes || scan_has_more(f.scan)); passes++)
		ck_no_error(scan_run(f.scan));
	ck_assert_uint_lt(passes, PASSES);
	ck_assert_uint_eq(said(&f, "job resolve", "dddddddd 1\n"), FILES);
	close_all(&f);
}
END_TEST

START_TEST(what_is_too_much_for_one_job_is_done_in_several)
{
	enum { FILES = 300 };
	struct fixture f;

	open_all(&f, 0);
	make_many_waiting(&f, "eeeeeeee", FILES);
	make_alt(&f, "eeeeeeee", ".debug_str");
	ck_no_error(scan_run(f.scan));
	ck_assert_uint_eq(complete(&f, "eeeeeeee", FILES), FILES);
	ck_assert_uint_le(said(&f, "job resolve", ""), FILES / 4);
	close_all(&f);
}
END_TEST

START_TEST(a_pass_whose_time_is_up_leaves_the_rest_to_the_next)
{
	enum { ALTS = 40 };
	unsigned done = 0, passes = 0;
	struct fixture f;

	open_all(&f, 1);
	for (unsigned i = 0; i < ALTS; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%08x", 0x10000000 + i);
		make_waiting(&f, id, 0);
		make_alt(&f, id, ".debug_str");
	}
	for (bool more = true; more; passes++) {
		unsigned now = 0;

		ck_no_error(scan_run(f.scan));
		more = scan_has_more(f.scan);
		for (unsigned i = 0; i < ALTS; i++) {
			char id[16];

			snprintf(id, sizeof(id), "%08x", 0x10000000 + i);
			now += complete(&f, id, 1);
		}
		ck_assert(now > done || done == ALTS);
		ck_assert(more || now == ALTS);
		done = now;
	}
	ck_assert_uint_gt(passes, 1);
	close_all(&f);
}
END_TEST

START_TEST(one_archive_does_not_take_the_time_of_all_others)
{
	static const char *const slow[] = {
		"10000000", "10000001", "10000002", "10000003",
		"10000004", "10000005", "10000006", "10000007",
		"10000008", "10000009", "1000000a", "1000000b",
	};
	enum { SLOW = sizeof(slow) / sizeof(*slow), FULL_MS = 4000 };
	struct fixture f;

	open_all(&f, FULL_MS);
	for (unsigned i = 0; i < SLOW; i++)
		make_waiting(&f, slow[i], 0);
	make_alt_archive(&f, "slow.tar.xz", slow, SLOW);
	make_waiting(&f, "20000000", 0);
	make_alt(&f, "20000000", ".debug_str");
	ck_no_error(scan_run(f.scan));
	ck_assert_uint_ge(said(&f, "job extract", "slow"), 1);
	/* A second each: a quarter of the time, by each worker. */
	ck_assert_uint_le(said(&f, "job extract", "slow"), WORKERS);
	ck_assert_uint_eq(complete(&f, "20000000", 1), 1);
	ck_assert(scan_has_more(f.scan));
	close_all(&f);
}
END_TEST

START_TEST(what_is_of_no_use_is_logged_at_a_limited_rate)
{
	enum { ALTS = 60 };
	struct fixture f;

	open_all(&f, 0);
	for (unsigned i = 0; i < ALTS; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%08x", 0x10000000 + i);
		make_waiting(&f, id, 0);
		make_alt(&f, id, ".debug_other");
	}
	ck_no_error(scan_run(f.scan));
	ck_assert_uint_eq(said(&f, "job resolve", ""), ALTS);
	ck_assert_uint_eq(said(&f, "alternate file of no use", "bad_data"),
			  LOG_BURST);
	ck_assert(!scan_has_more(f.scan));
	close_all(&f);
}
END_TEST

static void *stop_when_stuck(void *arg)
{
	struct fixture *f = arg;
	int64_t until = clock_ms() + 60000;

	while (!said(f, "job extract", "stuck") && clock_ms() < until)
		usleep(1000);
	scan_stop(f->scan);
	return NULL;
}

/* The archive with the alternate file is in the index, and nothing of what is in
 * it is known. */
static void stop_in_mid_extraction(struct fixture *f)
{
	static const char *const stuck[] = { ALT };
	pthread_t thread;

	make_many_waiting(f, ALT, 3);
	make_alt_archive(f, "stuck.tar.xz", stuck, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_when_stuck, f), 0);
	ck_no_error(scan_run(f->scan));
	pthread_join(thread, NULL);
	ck_assert_uint_eq(said(f, "job extract", "stuck"), 1);
	ck_assert_uint_eq(complete(f, ALT, 3), 0);
}

START_TEST(a_scan_that_is_stopped_in_mid_extraction_leaves_nothing_open)
{
	static const char *const more[] = { "10000001" };
	unsigned before = open_descriptors();
	struct fixture f;

	open_all(&f, 0);
	make_many_waiting(&f, *more, 600);
	make_alt_archive(&f, "more.tar.xz", more, 1);
	stop_in_mid_extraction(&f);
	ck_assert(is_empty(f.cache));
	ck_assert_uint_eq(said(&f, "of no use", ""), 0);
	close_all(&f);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(without_memory_nothing_is_lost_and_a_later_pass_does_it)
{
	const struct buf empty = BUF_INIT;
	unsigned before = open_descriptors();
	struct fixture f;

	open_all(&f, 0);
	stop_in_mid_extraction(&f);
	end_process(&f);
	write_to(&f, "stuck.tar.xz.go", &empty);
	begin_process(&f);
	for (unsigned long n = 1;; n++) {
		mem_fail_anywhere(n);
		struct error *err = scan_run(f.scan);
		bool failed = mem_fail_happened();

		mem_fail_anywhere(0);
		ck_assert(!err || error_kind(err) == ERROR_NO_MEMORY);
		error_free(err);
		if (!failed)
			break;
	}
	ck_no_error(scan_run(f.scan));
	ck_assert_uint_eq(complete(&f, ALT, 3), 3);
	ck_assert(is_empty(f.cache));
	close_all(&f);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

UNIT_MAIN("scan_resolve", an_alternate_file_is_extracted_once_for_all_who_wait,
	  jobs_that_end_their_worker_cost_a_pass_little_and_others_nothing,
	  passes_whose_time_is_up_find_out_who_ends_the_worker,
	  what_is_too_much_for_one_job_is_done_in_several,
	  a_pass_whose_time_is_up_leaves_the_rest_to_the_next,
	  one_archive_does_not_take_the_time_of_all_others,
	  what_is_of_no_use_is_logged_at_a_limited_rate,
	  a_scan_that_is_stopped_in_mid_extraction_leaves_nothing_open,
	  without_memory_nothing_is_lost_and_a_later_pass_does_it)
