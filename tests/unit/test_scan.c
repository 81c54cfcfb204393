/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "elf/dwarf_const.h"
#include "scan/known.h"
#include "scan/scan.h"
#include "scan/walk.h"
#include "tests/lib/elf_writer.h"
#include "tests/lib/pkg_writer.h"
#include "tests/unit/unit.h"

static char base[] = "/tmp/symbolized-scan-XXXXXX";

static void make_base(void)
{
	strcpy(base + sizeof(base) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
}

static void remove_base(void)
{
	char command[128];

	snprintf(command, sizeof(command), "chmod -R u+rwx '%s'; rm -rf '%s'",
		 base, base);
	ck_assert_int_eq(system(command), 0);
}

static char *in_base(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
	return path;
}

static void make_dir(const char *name)
{
	ck_no_error(file_make_dirs(in_base(name)));
}

static void make_file(const char *name, const void *data, size_t size)
{
	int fd = open(in_base(name), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	ck_assert_int_ge(fd, 0);
	ck_no_error(file_write_all(fd, data, size));
	close(fd);
}

static void make_elf(const char *name, const char *build_id)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;

	elf_write(&(struct elf_spec) { .build_id = build_id, .text_size = 64 },
		  &elf);
	make_file(name, elf.data, elf.size);
}

/* ---- Walk ------------------------------------------------------------------
 */

struct seen {
	char names[16][256];
	size_t count;
	size_t problems;
};

static struct error *see(void *ctx, const char *dir, const char *path,
			 const struct stat *st)
{
	struct seen *s = ctx;

	ck_assert(S_ISREG(st->st_mode));
	ck_assert(!strncmp(path, dir, strlen(dir)));
	ck_assert_uint_lt(s->count, 16);
	snprintf(s->names[s->count++], 256, "%s", path + strlen(base) + 1);
	return NULL;
}

static void see_problem(void *ctx, const char *path, struct error *err)
{
	(void)path;
	((struct seen *)ctx)->problems++;
	error_free(err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void walk(const char *root, bool follow, const char *skip,
		 struct seen *s)
{
	_Atomic bool stop = false;
	const char *const skips[] = { skip, NULL };
	struct walk_options o = {
		.root = root,
		.skip = skips,
		.follow_symlinks = follow,
		.stop = &stop,
		.file = see,
		.problem = see_problem,
		.ctx = s,
	};

	memset(s, 0, sizeof(*s));
	ck_no_error(walk_tree(&o));
	qsort(s->names, s->count, sizeof(s->names[0]), by_name);
}

START_TEST(a_walk_meets_every_regular_file_once)
{
	struct seen s;

	make_base();
	make_dir("a/b");
	make_file("one", "1", 1);
	make_file("a/two", "2", 1);
	make_file("a/b/three", "3", 1);
	ck_assert_int_eq(mkfifo(in_base("a/fifo"), 0600), 0);
	ck_assert_int_eq(symlink("two", in_base("a/link")), 0);
	ck_assert_int_eq(symlink("..", in_base("a/up")), 0);
	walk(base, false, NULL, &s);
	ck_assert_uint_eq(s.count, 3);
	ck_assert_str_eq(s.names[0], "a/b/three");
	ck_assert_str_eq(s.names[1], "a/two");
	ck_assert_str_eq(s.names[2], "one");
	ck_assert_uint_eq(s.problems, 0);
	remove_base();
}
END_TEST

START_TEST(links_followed_go_by_the_real_name_and_never_in_circles)
{
	struct seen s;

	make_base();
	make_dir("tree/sub");
	make_dir("away");
	make_file("away/far", "f", 1);
	make_file("away/near", "n", 1);
	ck_assert_int_eq(symlink("..", in_base("tree/sub/up")), 0);
	ck_assert_int_eq(symlink("../away", in_base("tree/away")), 0);
	ck_assert_int_eq(symlink("nowhere", in_base("tree/dangling")), 0);
	walk(in_base("tree"), true, NULL, &s);
	ck_assert_uint_eq(s.count, 2);
	ck_assert_str_eq(s.names[0], "away/far");
	ck_assert_str_eq(s.names[1], "away/near");
	walk(in_base("tree"), false, NULL, &s);
	ck_assert_uint_eq(s.count, 0);
	remove_base();
}
END_TEST

START_TEST(a_skipped_directory_is_not_entered_and_a_file_can_be_a_root)
{
	struct seen s;

	make_base();
	make_dir("cache");
	make_file("cache/x", "x", 1);
	make_file("y", "y", 1);
	walk(base, false, in_base("cache"), &s);
	ck_assert_uint_eq(s.count, 1);
	ck_assert_str_eq(s.names[0], "y");
	walk(in_base("y"), false, NULL, &s);
	ck_assert_uint_eq(s.count, 1);
	walk(in_base("gone"), false, NULL, &s);
	ck_assert_uint_eq(s.count, 0);
	ck_assert_uint_eq(s.problems, 1);
	remove_base();
}
END_TEST

static unsigned open_descriptors(void)
{
	CLEANUP_CLOSEDIR DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	return n;
}

/* Each file is named as it can be opened. */
static struct error *see_same(void *ctx, const char *dir, const char *path,
			      const struct stat *st)
{
	struct stat named;

	(void)dir;
	ck_assert_int_eq(lstat(path, &named), 0);
	ck_assert_uint_eq(named.st_ino, st->st_ino);
	++*(size_t *)ctx;
	return NULL;
}

static void no_problem(void *ctx, const char *path, struct error *err)
{
	(void)ctx;
	ck_abort_msg("%s: %s", path, error_message(err));
}

START_TEST(a_walk_of_many_levels_names_files_rightly_and_leaves_nothing_open)
{
	enum { LEVELS = 40 };
	_Atomic bool stop = false;
	char path[160] = "t";
	size_t met = 0;
	struct walk_options o = {
		.stop = &stop,
		.file = see_same,
		.problem = no_problem,
		.ctx = &met,
	};

	make_base();
	for (unsigned i = 0; i < LEVELS; i++) {
		char name[200];

		/* Directories before and behind the one that goes on. */
		snprintf(name, sizeof(name), "%s/a/x", path);
		make_dir(name);
		snprintf(name, sizeof(name), "%s/z", path);
		make_dir(name);
		snprintf(name, sizeof(name), "%s/a/x/file", path);
		make_file(name, "1", 1);
		snprintf(name, sizeof(name), "%s/z/file", path);
		make_file(name, "2", 1);
		snprintf(name, sizeof(name), "%s/file", path);
		make_file(name, "3", 1);
		snprintf(name, sizeof(name), "%s/up", path);
		ck_assert_int_eq(symlink("..", in_base(name)), 0);
		strcat(path, "/m");
		make_dir(path);
	}
	o.root = in_base("t");
	for (int follow = 0; follow < 2; follow++) {
		unsigned before = open_descriptors();

		o.follow_symlinks = follow;
		met = 0;
		ck_no_error(walk_tree(&o));
		ck_assert_uint_eq(met, 3 * LEVELS);
		ck_assert_uint_eq(open_descriptors(), before);
	}
	for (unsigned long n = 1;; n++) {
		mem_fail_at(n);
		struct error *err = walk_tree(&o);
		bool failed = mem_fail_happened();

		mem_fail_at(0);
		if (!failed)
			break;
		ck_error(err, NO_MEMORY, "");
	}
	remove_base();
}
END_TEST

START_TEST(a_walk_goes_no_deeper_than_it_is_told)
{
	_Atomic bool stop = false;
	struct seen s;

	make_base();
	make_dir("a/b/c");
	make_file("one", "1", 1);
	make_file("a/two", "2", 1);
	make_file("a/b/three", "3", 1);
	make_file("a/b/c/four", "4", 1);
	for (unsigned depth = 0; depth <= 5; depth++) {
		struct walk_options o = {
			.root = base,
			.max_depth = depth,
			.stop = &stop,
			.file = see,
			.problem = see_problem,
			.ctx = &s,
		};

		memset(&s, 0, sizeof(s));
		ck_no_error(walk_tree(&o));
		ck_assert_uint_eq(s.count, depth == 0 || depth > 4 ? 4 : depth);
		ck_assert_uint_eq(s.problems, 0);
	}
	remove_base();
}
END_TEST

/* ---- Scan ------------------------------------------------------------------
 */

struct fixture {
	struct index *index;
	struct scan *scan;
	const char *roots[3];
	char *state, *cache;
};

static void fixture_open(struct fixture *f)
{
	const char *program = getenv("SYMBOLIZED");
	char *notice = NULL;

	make_dir("tree");
	f->roots[0] = mem_strdup(in_base("tree"));
	f->roots[1] = f->roots[2] = NULL;
	f->state = mem_strdup(in_base("state"));
	f->cache = mem_strdup(in_base("cache"));
	make_dir("cache");
	ck_no_error(index_open(f->state, 0, &notice, &f->index));
	mem_free(notice);
	struct scan_options o = {
		.roots = f->roots,
		.index_place = f->state,
		.state_dir = f->state,
		.cache_dir = f->cache,
		.workers = 2,
		.program = program ? program : "./symbolized",
		.index = f->index,
		.exclude = "not-this",
	};

	ck_no_error(scan_create(&o, &f->scan));
}

static void fixture_close(struct fixture *f)
{
	scan_destroy(f->scan);
	index_close(f->index);
	mem_free((char *)f->roots[0]);
	mem_free((char *)f->roots[1]);
	mem_free(f->state);
	mem_free(f->cache);
}

static uint64_t looked_into(struct fixture *f)
{
	ck_no_error(scan_run(f->scan));
	return atomic_load(&scan_progress(f->scan)->done_files);
}

static size_t places(struct fixture *f, const char *hex)
{
	CLEANUP(index_places_deinit) struct index_places p = { 0 };
	struct index_reader *r;
	struct build_id id;

	ck_assert(build_id_parse(hex, strlen(hex), &id));
	ck_no_error(index_reader_open(f->state, &r));
	ck_no_error(index_find(r, &id, 3, &p));
	index_reader_close(r);
	return p.count;
}

START_TEST(a_second_scan_looks_into_nothing_that_did_not_change)
{
	struct fixture f;

	make_base();
	fixture_open(&f);
	make_elf("tree/a", "aaaa");
	make_file("tree/text", "not an ELF file", 15);
	make_file("tree/empty", "", 0);
	make_elf("tree/not-this", "dddd");
	ck_assert_uint_eq(looked_into(&f), 3);
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	ck_assert_uint_eq(places(&f, "dddd"), 0);
	ck_assert_uint_eq(looked_into(&f), 0);
	make_elf("tree/b", "bbbb");
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(places(&f, "bbbb"), 1);
	ck_assert_uint_eq(looked_into(&f), 0);
	fixture_close(&f);
	remove_base();
}
END_TEST

START_TEST(what_is_gone_or_changed_is_so_in_the_index_after_one_scan)
{
	struct fixture f;

	make_base();
	fixture_open(&f);
	make_elf("tree/a", "aaaa");
	make_elf("tree/b", "bbbb");
	make_elf("tree/c", "cccc");
	looked_into(&f);
	unlink(in_base("tree/a"));
	make_elf("tree/b", "eeee");
	make_file("tree/c", "text now", 8);
	ck_assert_uint_eq(looked_into(&f), 2);
	ck_assert_uint_eq(places(&f, "aaaa"), 0);
	ck_assert_uint_eq(places(&f, "bbbb"), 0);
	ck_assert_uint_eq(places(&f, "eeee"), 1);
	ck_assert_uint_eq(places(&f, "cccc"), 0);
	ck_assert_uint_eq(looked_into(&f), 0);
	fixture_close(&f);
	remove_base();
}
END_TEST

/* For this thread and those it starts, the rights of files hold, even for root;
 * or, again, what root may. */
static void respect_rights(bool respect)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	ck_assert_int_eq(syscall(SYS_capget, &header, caps), 0);
	caps[0].effective = caps[0].permitted;
	if (respect)
		caps[0].effective &= ~(UINT32_C(1) << CAP_DAC_OVERRIDE |
				       UINT32_C(1) << CAP_DAC_READ_SEARCH);
	ck_assert_int_eq(syscall(SYS_capset, &header, caps), 0);
}

START_TEST(an_unreadable_directory_loses_nothing)
{
	struct fixture f;

	make_base();
	respect_rights(true);
	fixture_open(&f);
	make_dir("tree/sub");
	make_elf("tree/sub/a", "aaaa");
	make_elf("tree/b", "bbbb");
	looked_into(&f);
	ck_assert_int_eq(chmod(in_base("tree/sub"), 0), 0);
	ck_assert_int_eq(open(in_base("tree/sub/a"), O_RDONLY), -1);
	unlink(in_base("tree/b"));
	looked_into(&f);
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	ck_assert_uint_eq(places(&f, "bbbb"), 0);
	chmod(in_base("tree/sub"), 0700);
	ck_assert_uint_eq(looked_into(&f), 0);
	/* Gone, then, is gone. */
	rename(in_base("tree/sub"), in_base("tree/moved"));
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	fixture_close(&f);
	respect_rights(false);
	remove_base();
}
END_TEST

START_TEST(a_damaged_package_is_recorded_and_not_tried_again)
{
	CLEANUP_BUF struct buf deb = BUF_INIT;
	CLEANUP_BUF struct buf elf = BUF_INIT;
	struct pkg_file files[2] = { { .name = "./usr/bin/a" },
				     { .name = "./usr/share/z" } };
	struct fixture f;

	make_base();
	fixture_open(&f);
	elf_write(&(struct elf_spec) { .build_id = "aaaa", .text_size = 64 },
		  &elf);
	files[0].data = elf.data;
	files[0].size = elf.size;
	files[1].zeros = 1000;
	pkg_write(
		&deb,
		&(struct pkg_options) { .kind = PKG_DEB, .codec = CODEC_GZIP },
		files, 2);
	make_file("tree/good.deb", deb.data, deb.size);
	buf_clear(&deb);
	pkg_write(&deb,
		  &(struct pkg_options) {
			  .kind = PKG_DEB, .codec = CODEC_GZIP, .cut = 100 },
		  files, 2);
	make_file("tree/cut.deb", deb.data, deb.size);
	ck_assert_uint_eq(looked_into(&f), 2);
	ck_assert_uint_eq(atomic_load(&scan_progress(f.scan)->failed), 1);
	ck_assert_uint_ge(places(&f, "aaaa"), 1);
	ck_assert_uint_eq(looked_into(&f), 0);
	fixture_close(&f);
	remove_base();
}
END_TEST

static bool print_failed(void *ctx, const char *path, const char *kind,
			 const char *problem)
{
	snprintf(ctx, 512, "%s|%s|%s", path, kind, problem);
	return true;
}

START_TEST(a_problem_names_file_member_and_place)
{
	CLEANUP_BUF struct buf deb = BUF_INIT;
	struct pkg_file zeros = { .name = "./usr/share/zeros",
				  .zeros = UINT64_C(100) << 20 };
	struct index_reader *r;
	char text[512] = "";
	struct fixture f;

	make_base();
	fixture_open(&f);
	pkg_write(&deb,
		  &(struct pkg_options) { .kind = PKG_DEB, .codec = CODEC_XZ },
		  &zeros, 1);
	make_file("tree/bomb.deb", deb.data, deb.size);
	looked_into(&f);
	ck_no_error(index_reader_open(f.state, &r));
	ck_no_error(index_each_failed(r, print_failed, text));
	index_reader_close(r);
	ck_assert_ptr_nonnull(strstr(text, "tree/bomb.deb|limit|"));
	ck_assert_ptr_nonnull(strstr(text, "usr/share/zeros"));
	fixture_close(&f);
	remove_base();
}
END_TEST

START_TEST(grooming_removes_all_that_nothing_refers_to)
{
	_Atomic bool stop = false;
	struct index_groom_counts counts;
	struct index_reader *r;
	struct index_stats stats;
	struct fixture f;

	make_base();
	fixture_open(&f);
	make_elf("tree/a", "aaaa");
	looked_into(&f);
	unlink(in_base("tree/a"));
	/* Without a scan: the file is simply gone. */
	ck_no_error(scan_groom(f.scan, &stop, &counts));
	ck_no_error(index_reader_open(f.state, &r));
	ck_no_error(index_stats(r, &stats));
	index_reader_close(r);
	ck_assert_uint_eq(stats.containers, 0);
	ck_assert_uint_eq(stats.artifacts, 0);
	ck_assert_uint_eq(stats.build_ids, 0);
	ck_assert_uint_eq(counts.containers, 1);
	fixture_close(&f);
	remove_base();
}
END_TEST

static struct error *count_ignored(void *ctx, const char *dir,
				   const uint64_t *prints, size_t count)
{
	size_t *counts = ctx;

	ck_assert_ptr_nonnull(dir);
	for (size_t i = 1; i < count; i++)
		ck_assert_uint_lt(prints[i - 1], prints[i]);
	counts[0]++;
	counts[1] += count;
	return NULL;
}

START_TEST(what_lies_beneath_two_roots_is_looked_into_once)
{
	size_t counts[2] = { 0, 0 }; /* directories, prints */
	struct index_reader *r;
	struct fixture f;

	make_base();
	fixture_open(&f);
	make_dir("tree/sub");
	make_file("tree/text", "not an ELF file", 15);
	make_file("tree/sub/text", "nor is this", 11);
	make_file("tree/sub/other", "nor this", 8);
	make_elf("tree/sub/a", "aaaa");
	/* A file, then its directory with another in between. */
	f.roots[1] = f.roots[0];
	f.roots[0] = mem_strdup(in_base("tree/sub/text"));
	ck_assert_uint_eq(looked_into(&f), 4);
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	ck_assert_uint_eq(looked_into(&f), 0);
	ck_assert_uint_eq(looked_into(&f), 0);
	ck_no_error(index_reader_open(f.state, &r));
	ck_no_error(index_each_ignored(r, f.roots[1], count_ignored, counts));
	index_reader_close(r);
	ck_assert_uint_eq(counts[0], 2);
	ck_assert_uint_eq(counts[1], 3);
	mem_free((char *)f.roots[0]);
	f.roots[0] = mem_strdup(in_base("tree/sub"));
	ck_assert_uint_eq(looked_into(&f), 0);
	unlink(in_base("tree/sub/a"));
	ck_assert_uint_eq(looked_into(&f), 0);
	ck_assert_uint_eq(atomic_load(&scan_progress(f.scan)->removed), 1);
	fixture_close(&f);
	remove_base();
}
END_TEST

static void check_first(struct fixture *f, const char *hex, const char *name)
{
	CLEANUP(index_places_deinit) struct index_places p = { 0 };
	struct index_reader *r;
	struct build_id id;

	ck_assert(build_id_parse(hex, strlen(hex), &id));
	ck_no_error(index_reader_open(f->state, &r));
	ck_no_error(index_find(r, &id, 3, &p));
	index_reader_close(r);
	ck_assert_uint_eq(p.count, 2);
	ck_assert_str_eq(p.v[0].path, in_base(name));
	ck_assert_uint_eq(p.v[0].root_order, 0);
	ck_assert_uint_eq(p.v[1].root_order, 1);
}

START_TEST(files_that_did_not_change_follow_the_order_of_the_roots)
{
	struct fixture f;
	const char *first;

	make_base();
	fixture_open(&f);
	make_dir("tree/sub");
	make_elf("tree/a", "aaaa");
	make_elf("tree/sub/b", "aaaa");
	/* One beneath the other: the earlier one's order holds. */
	first = f.roots[0];
	f.roots[0] = mem_strdup(in_base("tree/sub"));
	f.roots[1] = first;
	ck_assert_uint_eq(looked_into(&f), 2);
	check_first(&f, "aaaa", "tree/sub/b");
	mem_free((char *)f.roots[0]);
	f.roots[0] = mem_strdup(in_base("tree/a"));
	ck_assert_uint_eq(looked_into(&f), 0);
	check_first(&f, "aaaa", "tree/a");
	ck_assert_uint_eq(looked_into(&f), 0);
	check_first(&f, "aaaa", "tree/a");
	fixture_close(&f);
	remove_base();
}
END_TEST

START_TEST(few_descriptors_cost_time_and_no_file)
{
	enum { FILES = 150, TAKEN = 40, LIMIT = 70 };
	struct rlimit old, few;
	struct fixture f;
	int taken[TAKEN];

	make_base();
	fixture_open(&f);
	for (unsigned i = 0; i < FILES; i++) {
		char name[32], id[16];

		snprintf(name, sizeof(name), "tree/%u", i);
		snprintf(id, sizeof(id), "%08x", i + 1);
		make_elf(name, id);
	}
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = LIMIT;
	/* The scan thinks it has more than there are then. */
	for (unsigned i = 0; i < TAKEN; i++)
		taken[i] = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_uint_eq(looked_into(&f), FILES);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (unsigned i = 0; i < TAKEN; i++)
		close(taken[i]);
	ck_assert_uint_eq(atomic_load(&scan_progress(f.scan)->failed), 0);
	ck_assert_uint_eq(places(&f, "00000001"), 1);
	ck_assert_uint_eq(places(&f, "00000096"), 1);
	fixture_close(&f);
	remove_base();
}
END_TEST

START_TEST(a_regular_expression_that_is_none_is_refused_by_name)
{
	struct scan_options o = { .include = "(" };
	struct scan *s;

	ck_error(scan_create(&o, &s), BAD_REQUEST, "--include: \"(\"");
}
END_TEST

/* ---- Names that wait for an alternate file (dwz) --------------------------
 */

#define ALT_ID "00aa00aa"

/* Names /src/dir/a.c, of which the directory lies in the alternate file. */
static void put_waiting(const char *build_id, uint64_t offset, struct buf *out)
{
	static const struct elf_unit_file files[] = { { "a.c", 0 }, { NULL } };
	struct elf_unit unit = {
		.version = 4,
		.comp_dir = "",
		.comp_dir_form = DW_FORM_GNU_strp_alt,
		.alt_offset = offset,
		.files = files,
	};

	elf_write(&(struct elf_spec) { .build_id = build_id,
				       .alt_name = "../.dwz/alt",
				       .alt_id = ALT_ID,
				       .units = &unit,
				       .unit_count = 1 },
		  out);
}

static void put_alt(const char *strings, size_t size, struct buf *out)
{
	struct elf_extra extra = { .name = ".debug_str",
				   .data = strings,
				   .size = size };

	elf_write(&(struct elf_spec) { .build_id = ALT_ID,
				       .extras = &extra,
				       .extra_count = 1 },
		  out);
}

static void make_waiting(const char *name, const char *build_id)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;

	put_waiting(build_id, 4, &elf);
	make_file(name, elf.data, elf.size);
}

static void make_alt(const char *name)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;

	put_alt("old\0/src/dir", 13, &elf);
	make_file(name, elf.data, elf.size);
}

/* The only source an artifact is known to have; "" if none is. */
static const char *source_of(struct fixture *f, const char *hex)
{
	CLEANUP(index_places_deinit) struct index_places p = { 0 };
	CLEANUP_BUF struct buf packed = BUF_INIT;
	CLEANUP_BUF struct buf list = BUF_INIT;
	static char source[64];
	struct index_reader *r;
	struct build_id id;

	source[0] = '\0';
	ck_assert(build_id_parse(hex, strlen(hex), &id));
	ck_no_error(index_reader_open(f->state, &r));
	ck_no_error(index_find(r, &id, 3, &p));
	ck_assert_uint_eq(p.count, 1);
	ck_assert_uint_le(p.v[0].source_count, 1);
	ck_no_error(index_sources(r, p.v[0].artifact_id, &packed));
	index_reader_close(r);
	ck_assert_uint_eq(p.v[0].source_count, packed.size != 0);
	if (packed.size) {
		ck_no_error(codec_unpack(packed.data, packed.size, 64, &list));
		snprintf(source, sizeof(source), "%s", (char *)list.data);
	}
	return source;
}

/* A process that knows nothing but the index. */
static void start_anew(struct fixture *f)
{
	scan_destroy(f->scan);
	index_close(f->index);
	mem_free(f->state);
	mem_free(f->cache);
	mem_free((char *)f->roots[0]);
	fixture_open(f);
}

START_TEST(names_are_complete_whichever_file_comes_first)
{
	static const char *const orders[][2] = { { "tree/1", "tree/2" },
						 { "tree/2", "tree/1" } };

	for (unsigned passes = 1; passes <= 2; passes++) {
		for (unsigned i = 0; i < 2; i++) {
			struct fixture f;

			make_base();
			fixture_open(&f);
			make_waiting(orders[i][0], "aaaa");
			if (passes == 2) {
				looked_into(&f);
				ck_assert_str_eq(source_of(&f, "aaaa"), "");
				start_anew(&f);
			}
			make_alt(orders[i][1]);
			looked_into(&f);
			ck_assert_str_eq(source_of(&f, "aaaa"), "/src/dir/a.c");
			ck_assert_uint_eq(looked_into(&f), 0);
			fixture_close(&f);
			remove_base();
		}
	}
}
END_TEST

START_TEST(names_are_complete_when_the_alternate_file_came_long_before)
{
	struct fixture f;

	make_base();
	fixture_open(&f);
	make_alt("tree/alt");
	looked_into(&f);
	start_anew(&f);
	make_waiting("tree/a", "aaaa");
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_str_eq(source_of(&f, "aaaa"), "/src/dir/a.c");
	fixture_close(&f);
	remove_base();
}
END_TEST

START_TEST(names_stay_complete_when_the_alternate_file_goes_or_changes)
{
	struct fixture f;

	make_base();
	fixture_open(&f);
	make_alt("tree/alt");
	make_waiting("tree/a", "aaaa");
	looked_into(&f);
	unlink(in_base("tree/alt"));
	looked_into(&f);
	ck_assert_uint_eq(places(&f, ALT_ID), 0);
	ck_assert_str_eq(source_of(&f, "aaaa"), "/src/dir/a.c");
	make_elf("tree/alt", ALT_ID);
	looked_into(&f);
	ck_assert_str_eq(source_of(&f, "aaaa"), "/src/dir/a.c");
	/* Until the file itself changes. */
	unlink(in_base("tree/alt"));
	make_waiting("tree/a", "aaaa");
	looked_into(&f);
	ck_assert_str_eq(source_of(&f, "aaaa"), "");
	make_alt("tree/alt");
	looked_into(&f);
	ck_assert_str_eq(source_of(&f, "aaaa"), "/src/dir/a.c");
	fixture_close(&f);
	remove_base();
}
END_TEST

/* In one archive, or in two. */
static void check_in_archives(enum pkg_kind kind, enum codec codec, bool one)
{
	CLEANUP_BUF struct buf waiting = BUF_INIT, alt = BUF_INIT;
	struct pkg_options o = { .kind = kind,
				 .codec = codec,
				 .block_size = codec ? 512 : 0 };
	const char *suffix = kind == PKG_RPM ? "rpm" : "deb";
	char first[32], second[32];
	struct fixture f;

	make_base();
	fixture_open(&f);
	put_waiting("aaaa", 4, &waiting);
	put_alt("old\0/src/dir", 13, &alt);
	struct pkg_file files[] = {
		{ .name = "./usr/lib/debug/.build-id/aa/aa.debug",
		  .data = waiting.data,
		  .size = waiting.size },
		{ .name = "./usr/lib/debug/.dwz/alt",
		  .data = alt.data,
		  .size = alt.size },
	};

	snprintf(first, sizeof(first), "tree/1.%s", suffix);
	snprintf(second, sizeof(second), "tree/2.%s", suffix);
	pkg_write_file(in_base(first), &o, files, one ? 2 : 1);
	if (!one)
		pkg_write_file(in_base(second), &o, files + 1, 1);
	looked_into(&f);
	ck_assert_str_eq(source_of(&f, "aaaa"), "/src/dir/a.c");
	ck_assert_uint_eq(looked_into(&f), 0);
	fixture_close(&f);
	remove_base();
}

START_TEST(names_are_complete_where_the_alternate_file_is_in_an_archive)
{
	check_in_archives(PKG_DEB, CODEC_XZ, true);
	check_in_archives(PKG_DEB, CODEC_GZIP, false);
	check_in_archives(PKG_DEB, CODEC_NONE, true);
	check_in_archives(PKG_RPM, CODEC_ZSTD, true);
	check_in_archives(PKG_RPM, CODEC_BZIP2, false);
}
END_TEST

START_TEST(a_useless_alternate_file_is_tried_once_and_another_one_helps)
{
	CLEANUP_BUF struct buf empty = BUF_INIT;
	struct elf_extra extra = { .name = ".debug_other",
				   .data = "other",
				   .size = 5 };
	struct fixture f;

	make_base();
	fixture_open(&f);
	make_waiting("tree/a", "aaaa");
	make_waiting("tree/b", "bbbb");
	elf_write(&(struct elf_spec) { .build_id = ALT_ID,
				       .extras = &extra,
				       .extra_count = 1 },
		  &empty);
	make_file("tree/c", empty.data, empty.size);
	ck_assert_uint_eq(looked_into(&f), 3);
	ck_assert_str_eq(source_of(&f, "aaaa"), "");
	ck_assert_uint_eq(looked_into(&f), 0);
	make_alt("tree/d");
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_str_eq(source_of(&f, "aaaa"), "/src/dir/a.c");
	ck_assert_str_eq(source_of(&f, "bbbb"), "/src/dir/a.c");
	fixture_close(&f);
	remove_base();
}
END_TEST

START_TEST(any_number_may_wait_for_one_file)
{
	enum { FILES = 600 };
	struct fixture f;

	make_base();
	fixture_open(&f);
	make_alt("tree/alt");
	for (unsigned i = 1; i <= FILES; i++) {
		char name[32], id[16];

		snprintf(name, sizeof(name), "tree/%u", i);
		snprintf(id, sizeof(id), "%08x", i);
		make_waiting(name, id);
	}
	ck_assert_uint_eq(looked_into(&f), FILES + 1);
	for (unsigned i = 1; i <= FILES; i += 37) {
		char id[16];

		snprintf(id, sizeof(id), "%08x", i);
		ck_assert_str_eq(source_of(&f, id), "/src/dir/a.c");
	}
	fixture_close(&f);
	remove_base();
}
END_TEST

UNIT_MAIN("scan", a_walk_meets_every_regular_file_once,
	  a_walk_of_many_levels_names_files_rightly_and_leaves_nothing_open,
	  links_followed_go_by_the_real_name_and_never_in_circles,
	  a_skipped_directory_is_not_entered_and_a_file_can_be_a_root,
	  a_walk_goes_no_deeper_than_it_is_told,
	  a_second_scan_looks_into_nothing_that_did_not_change,
	  what_is_gone_or_changed_is_so_in_the_index_after_one_scan,
	  an_unreadable_directory_loses_nothing,
	  a_damaged_package_is_recorded_and_not_tried_again,
	  a_problem_names_file_member_and_place,
	  grooming_removes_all_that_nothing_refers_to,
	  what_lies_beneath_two_roots_is_looked_into_once,
	  files_that_did_not_change_follow_the_order_of_the_roots,
	  few_descriptors_cost_time_and_no_file,
	  a_regular_expression_that_is_none_is_refused_by_name,
	  names_are_complete_whichever_file_comes_first,
	  names_are_complete_when_the_alternate_file_came_long_before,
	  names_stay_complete_when_the_alternate_file_goes_or_changes,
	  names_are_complete_where_the_alternate_file_is_in_an_archive,
	  a_useless_alternate_file_is_tried_once_and_another_one_helps,
	  any_number_may_wait_for_one_file)
