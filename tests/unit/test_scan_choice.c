/* SPDX-License-Identifier: Apache-2.0 */
/* What is scanned, and as what; containers that a command prints, from the scan
 * to the bytes that the store gives: the rules are what the two share. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "scan/scan.h"
#include "store/store.h"
#include "tests/lib/codec_writer.h"
#include "tests/lib/elf_writer.h"
#include "tests/lib/pkg_writer.h"
#include "tests/unit/unit.h"
#include "worker/jobs.h"
#include "worker/pipe_command.h"

static char base[] = "/tmp/symbolized-choice-XXXXXX";

static char *in_base(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
	return path;
}

static void write_base(const char *name, const void *data, size_t size)
{
	int fd = open(in_base(name), O_CREAT | O_TRUNC | O_WRONLY, 0600);

	ck_assert_int_ge(fd, 0);
	ck_no_error(file_write_all(fd, data, size));
	close(fd);
}

/* ---- Rules -------------------------------------------------------------- */

START_TEST(of_several_rules_the_last_suffix_wins)
{
	struct scan_rule rules[] = {
		{ .suffix = ".gz" },
		{ .suffix = "tar.gz" },
		{ .suffix = ".tar.gz" },
		{ .suffix = "rpm" },
	};
	static const struct {
		const char *path;
		int rule; /* -1: none */
	} table[] = {
		{ "/a/b.gz", 0 },   { "/a/b.tar.gz", 1 }, { "/a/b-tar.gz", 1 },
		{ "/a/xrpm", 3 },   { "/a/b.rpm", 3 },    { "/a/b.rpm.gz", 0 },
		{ "/a/b.deb", -1 }, { "/a/gz", -1 },      { "rpm", 3 },
		{ "/a.gz/b", -1 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct scan_rule *r = scan_rule_of(rules, 4, table[i].path);

		ck_assert_msg(
			r == (table[i].rule < 0 ? NULL : &rules[table[i].rule]),
			"%s", table[i].path);
	}
	ck_assert_ptr_null(scan_rule_of(NULL, 0, "/a/b.gz"));
}
END_TEST

START_TEST(cat_is_no_command_and_others_have_names)
{
	struct scan_rule direct = { .suffix = "a" };
	struct scan_rule cat = { .suffix = "a", .command = "cat" };
	struct scan_rule one = { .suffix = "a", .command = "zcat" };
	struct scan_rule other = { .suffix = "a", .command = "xzcat" };
	char a[SCAN_RULE_NAME_SIZE], b[SCAN_RULE_NAME_SIZE];

	ck_assert(!scan_rule_has_command(NULL));
	ck_assert(!scan_rule_has_command(&direct));
	ck_assert(!scan_rule_has_command(&cat));
	ck_assert(scan_rule_has_command(&one));
	scan_rule_name(&one, a);
	scan_rule_name(&other, b);
	ck_assert_str_ne(a, b);
	ck_assert(scan_rule_is_name(a) && !scan_rule_is_name("deb"));
	ck_assert_str_eq(scan_rule_label(a), "command");
	ck_assert_str_eq(scan_rule_label("deb"), "deb");
}
END_TEST

/* ---- Commands ----------------------------------------------------------- */

static void read_all(int fd, char *to, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while ((n = read(fd, to + done, size - 1 - done)) > 0)
		done += (size_t)n;
	to[done] = '\0';
	close(fd);
}

START_TEST(a_command_gets_the_file_as_its_last_word)
{
	static const char *const names[] = { "plain",
					     "it's a\n\"$(name)\" `x` \\",
					     "-n" };

	for (size_t i = 0; i < 3; i++) {
		struct pipe_command c = { 0 };
		char text[128];
		int fd;

		ck_no_error(pipe_command_start(&c, "printf '%s|' a", names[i],
					       &fd));
		read_all(fd, text, sizeof(text));
		ck_no_error(pipe_command_end(&c, true));
		ck_assert(!strncmp(text, "a|", 2));
		ck_assert_uint_eq(strlen(text), strlen(names[i]) + 3);
		ck_assert(!strncmp(text + 2, names[i], strlen(names[i])));
	}
}
END_TEST

START_TEST(a_command_may_end_in_a_redirection_and_reads_nothing_else)
{
	struct pipe_command c = { 0 };
	char text[128];
	int fd;

	strcpy(base + sizeof(base) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	write_base("a", "content", 7);
	ck_no_error(
		pipe_command_start(&c, "(cat; cat -) <", in_base("a"), &fd));
	read_all(fd, text, sizeof(text));
	ck_no_error(pipe_command_end(&c, true));
	ck_assert_str_eq(text, "content");
	ck_no_error(pipe_command_start(&c, "cat; :", in_base("a"), &fd));
	read_all(fd, text, sizeof(text));
	ck_no_error(pipe_command_end(&c, true));
	ck_assert_str_eq(text, "");
	unlink(in_base("a"));
	rmdir(base);
}
END_TEST

START_TEST(how_a_command_ends_is_told_if_it_was_read_to_its_end)
{
	static const struct {
		const char *command, *message;
		bool is_whole;
	} table[] = {
		{ "exit 3;", "command ended with status 3", true },
		{ "kill -9 $$;", "command ended by signal 9", true },
		{ "/nowhere/to/be/found", "command ended with status 127",
		  true },
		{ "exit 3;", NULL, false },
		{ "sleep 1000;", NULL, false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct pipe_command c = { 0 };
		int64_t begun = clock_ms();
		int fd;

		ck_no_error(pipe_command_start(&c, table[i].command, "x", &fd));
		if (table[i].message)
			ck_error(pipe_command_end(&c, table[i].is_whole),
				 BAD_DATA, table[i].message);
		else
			ck_no_error(pipe_command_end(&c, table[i].is_whole));
		ck_no_error(pipe_command_end(&c, true));
		ck_assert_int_lt(clock_ms() - begun, 5000);
		close(fd);
	}
}
END_TEST

START_TEST(the_end_of_a_command_is_the_end_of_all_it_started)
{
	struct pipe_command c = { 0 };
	char text[128];
	int fd;

	/* Once the group is gone nobody holds the pipe open. */
	ck_no_error(pipe_command_start(
		&c, "(sleep 1000 & sleep 1000) & echo begun; sleep 1000; :",
		"x", &fd));
	ck_assert_int_eq(read(fd, text, 5), 5);
	pipe_command_kill(&c);
	read_all(fd, text, sizeof(text));
	ck_assert_str_eq(text, "\n");
}
END_TEST

/* ---- Scans -------------------------------------------------------------- */

struct fixture {
	struct index *index;
	struct scan *scan;
	struct store *store;
	struct scan_choice choice;
	bool has_choice;
	const char *include, *exclude;
	const char *stop_file; /* when it is there, the pass is stopped */
	const char *roots[3];
	char *state, *cache;
};

static void fixture_begin(struct fixture *f)
{
	*f = (struct fixture) { .has_choice = true };
	strcpy(base + sizeof(base) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	ck_no_error(file_make_dirs(in_base("tree")));
	ck_no_error(file_make_dirs(in_base("cache")));
	f->roots[0] = mem_strdup(in_base("tree"));
	f->state = mem_strdup(in_base("state"));
	f->cache = mem_strdup(in_base("cache"));
}

static const char *program(void)
{
	const char *name = getenv("SYMBOLIZED");

	return name ? name : "./symbolized";
}

static void *stop_soon(void *arg)
{
	struct fixture *f = arg;

	while (access(f->stop_file, F_OK))
		usleep(10000);
	scan_stop(f->scan);
	return NULL;
}

static void run(struct fixture *f)
{
	pthread_t thread;

	if (f->stop_file)
		ck_assert_int_eq(pthread_create(&thread, NULL, stop_soon, f),
				 0);
	ck_no_error(scan_run(f->scan));
	if (f->stop_file)
		pthread_join(thread, NULL);
}

/* One pass with the choice as it is now. */
static uint64_t looked_into(struct fixture *f)
{
	struct scan_options o = {
		.roots = f->roots,
		.index_place = f->state,
		.state_dir = f->state,
		.cache_dir = f->cache,
		.include = f->include,
		.exclude = f->exclude,
		.workers = 2,
		.program = program(),
		.policy = { .choice = f->has_choice ? &f->choice : NULL },
	};

	ck_no_error(index_open(f->state, 0, NULL, &o.index));
	ck_no_error(scan_create(&o, &f->scan));
	run(f);
	uint64_t done = atomic_load(&scan_progress(f->scan)->done_files);

	scan_destroy(f->scan);
	index_close(o.index);
	return done;
}

static void use_rules(struct fixture *f, struct scan_rule *rules, size_t count)
{
	f->choice.rules = rules;
	f->choice.rule_count = count;
}

static void fixture_end(struct fixture *f)
{
	char command[128];

	mem_free((char *)f->roots[0]);
	mem_free(f->state);
	mem_free(f->cache);
	snprintf(command, sizeof(command), "rm -rf '%s'", base);
	ck_assert_int_eq(system(command), 0);
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

static bool note_failed(void *ctx, const char *path, const char *kind,
			const char *problem)
{
	char *to = ctx;
	size_t n = strlen(to);

	snprintf(to + n, 1024 - n, "%s|%s|%s\n", path + strlen(base), kind,
		 problem);
	return true;
}

/* Static. */
static const char *failed(struct fixture *f)
{
	static char text[1024];
	struct index_reader *r;

	*text = '\0';
	ck_no_error(index_reader_open(f->state, &r));
	ck_no_error(index_each_failed(r, note_failed, text));
	index_reader_close(r);
	return text;
}

/* An executable that names a source, and that source, "usr/src/NAME.c". */
static void write_elf(struct buf *out, const char *build_id, const char *name)
{
	char source[64];

	snprintf(source, sizeof(source), "%s.c", name);
	elf_write(
		&(struct elf_spec) {
			.build_id = build_id,
			.text_size = 5000,
			.units = (struct elf_unit[]) { {
				.version = 5,
				.comp_dir = "/usr/src",
				.files =
					(struct elf_unit_file[]) {
						{ source, 0 },
						{ NULL, 0 },
					},
			} },
			.unit_count = 1,
		},
		out);
}

/* A package of an ELF file, its source and a compressed kernel module with the
 * build ID plus "00". */
static void write_package(struct buf *out, enum pkg_kind kind, enum codec codec,
			  const char *build_id)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;
	CLEANUP_BUF struct buf module = BUF_INIT;
	CLEANUP_BUF struct buf packed = BUF_INIT;
	char source[64], module_id[64];

	write_elf(&elf, build_id, build_id);
	snprintf(module_id, sizeof(module_id), "%s00", build_id);
	write_elf(&module, module_id, "module");
	write_codec(CODEC_XZ, module.data, module.size, &packed);
	snprintf(source, sizeof(source), "./usr/src/%s.c", build_id);
	const struct pkg_file files[] = {
		{ .name = "./usr/bin/a", .data = elf.data, .size = elf.size },
		{ .name = "./lib/m.ko.xz",
		  .data = packed.data,
		  .size = packed.size },
		{ .name = source,
		  .data = build_id,
		  .size = strlen(build_id),
		  .mtime = 77 },
	};

	pkg_write(out, &(struct pkg_options) { .kind = kind, .codec = codec },
		  files, 3);
}

static void make_package(const char *name, enum pkg_kind kind, enum codec codec,
			 const char *build_id)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	write_package(&out, kind, codec, build_id);
	write_base(name, out.data, out.size);
}

static void make_elf(const char *name, const char *build_id)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	write_elf(&out, build_id, build_id);
	write_base(name, out.data, out.size);
}

START_TEST(only_what_is_chosen_is_looked_at_and_counted)
{
	struct scan_rule rules[] = { { .suffix = ".deb" },
				     { .suffix = "rpm" } };
	struct fixture f;

	fixture_begin(&f);
	make_elf("tree/a", "aaaa");
	make_package("tree/b.deb", PKG_DEB, CODEC_XZ, "bbbb");
	make_package("tree/c.rpm", PKG_RPM, CODEC_ZSTD, "cccc");
	make_package("tree/d.tar", PKG_TAR, CODEC_NONE, "dddd");
	write_base("tree/text", "text", 4);

	/* Nothing at all. */
	ck_assert_uint_eq(looked_into(&f), 0);

	/* ELF files alone: a package is looked at and is none. */
	f.choice.bare_files = true;
	ck_assert_uint_eq(looked_into(&f), 5);
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	ck_assert_uint_eq(places(&f, "bbbb"), 0);
	ck_assert_uint_eq(places(&f, "dddd"), 0);
	ck_assert_uint_eq(looked_into(&f), 0);
	ck_assert_uint_eq(atomic_load(&f.choice.bare_tally.files), 5);
	ck_assert_uint_eq(atomic_load(&f.choice.bare_tally.executables), 1);
	ck_assert_uint_eq(atomic_load(&f.choice.bare_tally.debuginfos), 1);
	ck_assert_uint_eq(atomic_load(&f.choice.bare_tally.source_refs), 1);

	/* Packages too: what was of no interest is looked at once more. */
	use_rules(&f, rules, 2);
	ck_assert_uint_eq(looked_into(&f), 2);
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	ck_assert_uint_eq(places(&f, "bbbb"), 1);
	ck_assert_uint_eq(places(&f, "cccc"), 1);
	ck_assert_uint_eq(places(&f, "dddd"), 0);
	ck_assert_uint_eq(looked_into(&f), 0);
	ck_assert_uint_eq(atomic_load(&rules[0].tally.files), 1);
	ck_assert_uint_eq(atomic_load(&rules[1].tally.files), 1);
	/* The module in it has its own line table. */
	ck_assert_uint_eq(atomic_load(&rules[1].tally.executables), 2);
	ck_assert_uint_eq(atomic_load(&rules[1].tally.source_refs), 2);
	ck_assert_uint_gt(atomic_load(&rules[0].tally.bytes), 5000);

	/* RPMs alone: the others are forgotten. */
	f.choice.bare_files = false;
	use_rules(&f, rules + 1, 1);
	ck_assert_uint_eq(looked_into(&f), 0);
	ck_assert_uint_eq(places(&f, "aaaa"), 0);
	ck_assert_uint_eq(places(&f, "bbbb"), 0);
	ck_assert_uint_eq(places(&f, "cccc"), 1);

	/* And without a choice all there is a scanner for. */
	f.has_choice = false;
	ck_assert_uint_eq(looked_into(&f), 4);
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	ck_assert_uint_eq(places(&f, "bbbb"), 1);
	ck_assert_uint_eq(places(&f, "dddd"), 1);
	ck_assert_uint_eq(looked_into(&f), 0);
	fixture_end(&f);
}
END_TEST

START_TEST(an_archive_without_a_rule_is_forgotten_where_elf_files_are_scanned)
{
	struct scan_rule rule = { .suffix = ".cpio" };
	struct fixture f;

	fixture_begin(&f);
	make_package("tree/a.cpio", PKG_CPIO, CODEC_GZIP, "aaaa");
	make_package("tree/b.deb", PKG_DEB, CODEC_GZIP, "bbbb");
	use_rules(&f, &rule, 1);
	f.choice.bare_files = true;
	ck_assert_uint_eq(looked_into(&f), 2);
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	use_rules(&f, NULL, 0);
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(places(&f, "aaaa"), 0);
	f.has_choice = false;
	ck_assert_uint_eq(looked_into(&f), 2);
	ck_assert_uint_eq(places(&f, "aaaa"), 0);
	ck_assert_uint_eq(places(&f, "bbbb"), 1);
	fixture_end(&f);
}
END_TEST

static int64_t met(const char *type)
{
	return metric_get(METRIC_SCAN_TRAVERSED, metric_label(LABELS_MET, type),
			  0);
}

START_TEST(what_a_walk_meets_is_counted_over_all_passes)
{
	struct fixture f;

	fixture_begin(&f);
	ck_no_error(file_make_dirs(in_base("tree/sub/deep")));
	write_base("tree/a.in", "a", 1);
	write_base("tree/sub/b.in", "b", 1);
	write_base("tree/sub/c.in.out", "c", 1);
	write_base("tree/sub/d.out", "d", 1);
	write_base("tree/sub/e", "e", 1);
	ck_assert_int_eq(symlink("a.in", in_base("tree/link")), 0);
	ck_assert_int_eq(symlink("nowhere", in_base("tree/dangling")), 0);
	ck_assert_int_eq(mkfifo(in_base("tree/sub/fifo"), 0600), 0);
	f.include = "[.]in";
	f.exclude = "out$";
	for (int64_t pass = 1; pass <= 2; pass++) {
		looked_into(&f);
		ck_assert_int_eq(met("file"), 2 * pass);
		/* d.out counts twice: not included, and excluded. */
		ck_assert_int_eq(met("skipped_include"), 2 * pass);
		ck_assert_int_eq(met("skipped_exclude"), 2 * pass);
		ck_assert_int_eq(met("directory"), 3 * pass);
		ck_assert_int_eq(met("symlink"), 2 * pass);
		ck_assert_int_eq(met("other"), pass);
		ck_assert_int_eq(met("error"), 0);
	}
	mem_free((char *)f.roots[0]);
	f.roots[0] = mem_strdup(in_base("nowhere"));
	looked_into(&f);
	ck_assert_int_eq(met("error"), 1);
	fixture_end(&f);
}
END_TEST

static struct error *append_root(void *ctx, const char *path)
{
	buf_printf(ctx, "%s ", path + strlen(base) + 1);
	return NULL;
}

static void check_roots(struct fixture *f, const char *wanted)
{
	CLEANUP_BUF struct buf all = BUF_INIT;
	struct index_reader *r;

	ck_no_error(index_reader_open(f->state, &r));
	ck_no_error(index_each_root(r, append_root, &all));
	index_reader_close(r);
	ck_assert_str_eq(buf_str(&all), wanted);
}

static void put_root(struct fixture *f, size_t i, const char *name)
{
	mem_free((char *)f->roots[i]);
	f->roots[i] = mem_strdup(in_base(name));
}

START_TEST(the_index_has_the_roots_as_long_as_anything_is_beneath_them)
{
	struct fixture f;

	fixture_begin(&f);
	f.has_choice = false;
	ck_no_error(file_make_dirs(in_base("tree/a")));
	ck_no_error(file_make_dirs(in_base("tree/b")));
	make_elf("tree/a/x", "aaaa");
	make_elf("tree/b/y", "bbbb");
	put_root(&f, 0, "tree/b");
	put_root(&f, 1, "tree/a");
	looked_into(&f);
	check_roots(&f, "tree/a tree/b ");
	/* One twice; the other one's file is still known. */
	put_root(&f, 1, "tree/b");
	looked_into(&f);
	check_roots(&f, "tree/a tree/b ");
	/* Again with it, which has nothing left. */
	ck_assert_int_eq(unlink(in_base("tree/a/x")), 0);
	put_root(&f, 1, "tree/a");
	looked_into(&f);
	check_roots(&f, "tree/a tree/b ");
	put_root(&f, 1, "tree/b");
	looked_into(&f);
	check_roots(&f, "tree/b ");
	mem_free((char *)f.roots[1]);
	fixture_end(&f);
}
END_TEST

/* ---- From the scan to the bytes ----------------------------------------- */

static void get_whole(struct store *st, const struct store_query *q,
		      struct buf *ret, bool *found_ret)
{
	struct artifact a = ARTIFACT_INIT;

	buf_clear(ret);
	ck_no_error(store_get(st, q, &a, found_ret));
	if (!*found_ret)
		return;
	void *to = buf_reserve(ret, a.size + 1);

	ck_assert_int_eq(pread(a.fd, to, a.size, 0), (ssize_t)a.size);
	buf_commit(ret, a.size);
	artifact_deinit(&a);
}

static struct store *open_store(struct fixture *f)
{
	struct store_options o = {
		.state_dir = f->state,
		.cache_dir = f->cache,
		.cache_size_bytes = 64 << 20,
		.workers = 2,
		.program = program(),
		.roots = f->roots,
		.rules = f->choice.rules,
		.rule_count = f->choice.rule_count,
	};
	struct store *st;

	ck_no_error(store_open(&o, &st));
	return st;
}

static void check_bytes(const struct buf *got, const void *data, size_t size)
{
	ck_assert_uint_eq(got->size, size);
	ck_assert_mem_eq(got->data, data, size);
}

/* The ELF file, a section of it, its source, the module. */
static void check_served(struct fixture *f, const char *build_id)
{
	CLEANUP_BUF struct buf elf = BUF_INIT;
	CLEANUP_BUF struct buf module = BUF_INIT;
	CLEANUP_BUF struct buf got = BUF_INIT;
	struct store_query q = { .kind = ARTIFACT_EXECUTABLE };
	char path[64], module_id[64];
	struct store *st = open_store(f);
	bool found;

	write_elf(&elf, build_id, build_id);
	snprintf(module_id, sizeof(module_id), "%s00", build_id);
	write_elf(&module, module_id, "module");
	ck_assert(build_id_parse(build_id, strlen(build_id), &q.id));
	get_whole(st, &q, &got, &found);
	ck_assert_msg(found, "%s is not served", build_id);
	check_bytes(&got, elf.data, elf.size);
	q.kind = ARTIFACT_SECTION;
	q.suffix = ".text";
	get_whole(st, &q, &got, &found);
	ck_assert(found);
	ck_assert_uint_eq(got.size, 5000);
	snprintf(path, sizeof(path), "/usr/src/%s.c", build_id);
	q.kind = ARTIFACT_SOURCE;
	q.suffix = path;
	get_whole(st, &q, &got, &found);
	ck_assert(found);
	check_bytes(&got, build_id, strlen(build_id));
	ck_assert(build_id_parse(module_id, strlen(module_id), &q.id));
	q.kind = ARTIFACT_DEBUGINFO;
	q.suffix = NULL;
	get_whole(st, &q, &got, &found);
	ck_assert(found);
	check_bytes(&got, module.data, module.size);
	store_close(st);
}

START_TEST(archives_that_only_a_rule_asks_for_are_served)
{
	struct scan_rule rules[] = { { .suffix = ".data" },
				     { .suffix = "image", .command = "cat" } };
	struct fixture f;

	fixture_begin(&f);
	make_package("tree/a.data", PKG_CPIO, CODEC_ZSTD, "aaaa");
	make_package("tree/b.data", PKG_TAR, CODEC_XZ, "bbbb");
	make_package("tree/cimage", PKG_RPM, CODEC_GZIP, "cccc");
	use_rules(&f, rules, 2);
	ck_assert_uint_eq(looked_into(&f), 3);
	ck_assert_str_eq(failed(&f), "");
	check_served(&f, "aaaa");
	check_served(&f, "bbbb");
	check_served(&f, "cccc");
	ck_assert_uint_eq(looked_into(&f), 0);
	fixture_end(&f);
}
END_TEST

START_TEST(an_archive_that_asks_for_gigabytes_costs_only_itself)
{
	/* newc: a name of 4 GiB, which libarchive wants in one piece. */
	static const char header[] = "070701"
				     "00000001"
				     "000081a4"
				     "00000000"
				     "00000000"
				     "00000001"
				     "00000000"
				     "00000003"
				     "00000000"
				     "00000000"
				     "00000000"
				     "00000000"
				     "fffffff0"
				     "00000000";
	struct scan_rule rule = { .suffix = ".cpio" };
	struct fixture f;

	fixture_begin(&f);
	write_base("tree/a.cpio", header, sizeof(header) - 1);
	make_package("tree/b.cpio", PKG_CPIO, CODEC_NONE, "bbbb");
	use_rules(&f, &rule, 1);
	ck_assert_uint_eq(looked_into(&f), 2);
	ck_assert_ptr_nonnull(strstr(failed(&f), "/a.cpio|"));
	ck_assert_ptr_null(strstr(failed(&f), "/a.cpio|worker"));
	ck_assert_uint_eq(places(&f, "bbbb"), 1);
	ck_assert_uint_eq(looked_into(&f), 0);
	fixture_end(&f);
}
END_TEST

/* A file that a command has to undo: its first byte is too much. */
static void make_hidden(const char *name, enum pkg_kind kind, enum codec codec,
			const char *build_id)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	buf_append_byte(&out, '#');
	write_package(&out, kind, codec, build_id);
	write_base(name, out.data, out.size);
}

START_TEST(what_a_command_prints_is_served_whatever_kind_it_is)
{
	struct scan_rule rule = { .suffix = ".x", .command = "tail -c +2 <" };
	struct fixture f;

	fixture_begin(&f);
	make_hidden("tree/it's \"a\" $(tar) \n.x", PKG_TAR, CODEC_NONE, "aaaa");
	make_hidden("tree/b.x", PKG_TAR, CODEC_XZ, "bbbb");
	make_hidden("tree/c.x", PKG_CPIO, CODEC_GZIP, "cccc");
	make_hidden("tree/d.x", PKG_DEB, CODEC_ZSTD, "dddd");
	make_hidden("tree/e.x", PKG_RPM, CODEC_XZ, "eeee");
	use_rules(&f, &rule, 1);
	ck_assert_uint_eq(looked_into(&f), 5);
	ck_assert_str_eq(failed(&f), "");
	ck_assert_uint_eq(atomic_load(&rule.tally.files), 5);
	ck_assert_uint_eq(looked_into(&f), 0);
	check_served(&f, "aaaa");
	check_served(&f, "bbbb");
	check_served(&f, "cccc");
	check_served(&f, "dddd");
	check_served(&f, "eeee");
	fixture_end(&f);
}
END_TEST

START_TEST(another_command_means_another_look)
{
	struct scan_rule rule = { .suffix = ".x", .command = "tail -c +2 <" };
	CLEANUP_BUF struct buf got = BUF_INIT;
	struct store_query q = { .kind = ARTIFACT_EXECUTABLE };
	struct fixture f;
	bool found;

	fixture_begin(&f);
	make_hidden("tree/a.x", PKG_TAR, CODEC_NONE, "aaaa");
	use_rules(&f, &rule, 1);
	ck_assert_uint_eq(looked_into(&f), 1);
	rule.command = "tail -c +2 ";

	/* Not scanned yet: nobody knows what the new one would print. */
	struct store *st = open_store(&f);

	ck_assert(build_id_parse("aaaa", 4, &q.id));
	get_whole(st, &q, &got, &found);
	ck_assert(!found);
	store_close(st);
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(looked_into(&f), 0);
	check_served(&f, "aaaa");

	/* Directly: it is no archive. */
	rule.command = NULL;
	ck_assert_uint_eq(looked_into(&f), 1);
	ck_assert_uint_eq(places(&f, "aaaa"), 0);
	ck_assert_ptr_nonnull(strstr(failed(&f), "/a.x|bad_data|"));
	ck_assert_uint_eq(looked_into(&f), 0);
	rule.command = "tail -c +2 <";
	ck_assert_uint_eq(looked_into(&f), 1);
	check_served(&f, "aaaa");
	fixture_end(&f);
}
END_TEST

/* As an import of debuginfod's database puts it: what is in it, by name. */
static void put_taken_over(struct fixture *f, const char *name,
			   const char *build_id)
{
	struct index_artifact a = {
		.is_gnu = true,
		.member = "/usr/bin/a",
		.ordinal = LOCATOR_UNKNOWN,
		.size = LOCATOR_UNKNOWN,
		.roles = INDEX_ROLE_EXECUTABLE,
	};
	struct index_container c = {
		.path = in_base(name),
		.scanner = SCANNER_BY_CONTENT,
		.payload_codec = LOCATOR_RESCAN,
		.artifacts = &a,
		.artifact_count = 1,
	};
	struct index *ix;
	struct stat st;

	ck_assert(build_id_parse(build_id, strlen(build_id), &a.id));
	ck_assert_int_eq(stat(c.path, &st), 0);
	c.stamp = (struct index_stamp) {
		.mtime_ns = clock_timespec_ns(st.st_mtim),
		.ctime_ns = clock_timespec_ns(st.st_ctim),
		.size = (uint64_t)st.st_size,
		.inode = st.st_ino,
	};
	ck_no_error(index_open(f->state, 0, NULL, &ix));
	ck_no_error(index_put_containers(ix, &c, 1));
	index_close(ix);
}

START_TEST(what_was_taken_over_is_read_as_the_rules_say_and_not_scanned)
{
	static const struct {
		const char *name, *id;
		enum pkg_kind kind;
		bool is_hidden;
	} table[] = {
		{ "tree/a.x", "aaaa", PKG_TAR, true },
		{ "tree/b.x", "bbbb", PKG_CPIO, true },
		{ "tree/c.cpio", "cccc", PKG_CPIO, false },
	};
	struct scan_rule rules[] = { { .suffix = ".x",
				       .command = "tail -c +2 <" },
				     { .suffix = ".cpio" } };
	CLEANUP_BUF struct buf got = BUF_INIT;
	struct fixture f;

	fixture_begin(&f);
	use_rules(&f, rules, 2);
	looked_into(&f);
	for (size_t i = 0; i < 3; i++) {
		if (table[i].is_hidden)
			make_hidden(table[i].name, table[i].kind, CODEC_XZ,
				    table[i].id);
		else
			make_package(table[i].name, table[i].kind, CODEC_XZ,
				     table[i].id);
		put_taken_over(&f, table[i].name, table[i].id);
	}
	ck_assert_uint_eq(looked_into(&f), 0);
	struct store *st = open_store(&f);

	for (size_t i = 0; i < 3; i++) {
		CLEANUP_BUF struct buf elf = BUF_INIT;
		struct store_query q = { .kind = ARTIFACT_EXECUTABLE };
		bool found;

		write_elf(&elf, table[i].id, table[i].id);
		ck_assert(build_id_parse(table[i].id, 4, &q.id));
		get_whole(st, &q, &got, &found);
		ck_assert_msg(found, "%s", table[i].name);
		check_bytes(&got, elf.data, elf.size);
	}
	store_close(st);
	fixture_end(&f);
}
END_TEST

START_TEST(a_command_that_fails_marks_its_container_with_the_reason)
{
	struct scan_rule rules[] = {
		{ .suffix = ".status",
		  .command = "f() { cat \"$1\"; exit 3; }; f" },
		{ .suffix = ".signal",
		  .command = "f() { cat \"$1\"; kill -9 $$; }; f" },
		{ .suffix = ".missing", .command = "/nowhere/to/be/found" },
		{ .suffix = ".text", .command = "echo" },
	};
	struct fixture f;

	fixture_begin(&f);
	make_package("tree/a.status", PKG_TAR, CODEC_NONE, "aaaa");
	make_package("tree/b.signal", PKG_TAR, CODEC_XZ, "bbbb");
	make_package("tree/c.missing", PKG_TAR, CODEC_XZ, "cccc");
	make_package("tree/d.text", PKG_TAR, CODEC_XZ, "dddd");
	use_rules(&f, rules, 4);
	ck_assert_uint_eq(looked_into(&f), 4);
	const char *text = failed(&f);

	ck_assert_ptr_nonnull(strstr(text, "/a.status|bad_data|"
					   "command ended with status 3"));
	ck_assert_ptr_nonnull(strstr(text, "/b.signal|bad_data|"
					   "command ended by signal 9"));
	ck_assert_ptr_nonnull(strstr(text, "/c.missing|bad_data|"
					   "command ended with status 127"));
	ck_assert_ptr_nonnull(strstr(text, "/d.text|bad_data|"));
	ck_assert_uint_eq(atomic_load(&rules[0].tally.files), 0);
	/* What it printed until then is known. */
	ck_assert_uint_eq(places(&f, "aaaa"), 1);
	/* Commands are as the machine: another scanner tries them once. */
	ck_assert_uint_eq(looked_into(&f), 4);
	fixture_end(&f);
}
END_TEST

START_TEST(a_member_is_served_before_the_command_has_ended)
{
	struct scan_rule rule = {
		.suffix = ".tar",
		.command = "f() { cat \"$1\"; [ -e \"$1.wait\" ] && "
			   "sleep 1000; :; }; f",
	};
	struct fixture f;

	fixture_begin(&f);
	make_package("tree/a.tar", PKG_TAR, CODEC_NONE, "aaaa");
	use_rules(&f, &rule, 1);
	ck_assert_uint_eq(looked_into(&f), 1);
	write_base("tree/a.tar.wait", "", 0);
	int64_t begun = clock_ms();

	check_served(&f, "aaaa");
	ck_assert_int_lt(clock_ms() - begun, 20000);
	fixture_end(&f);
}
END_TEST

START_TEST(a_scan_that_is_stopped_stops_its_commands)
{
	struct scan_rule rule = { .suffix = ".x" };
	char command[256];
	struct fixture f;

	fixture_begin(&f);
	snprintf(command, sizeof(command),
		 "touch '%s'; sleep 1000; :", in_base("begun"));
	rule.command = command;
	write_base("tree/a.x", "a", 1);
	use_rules(&f, &rule, 1);
	f.stop_file = in_base("begun");
	int64_t begun = clock_ms();

	looked_into(&f);
	ck_assert_int_lt(clock_ms() - begun, 20000);
	ck_assert_str_eq(failed(&f), "");
	fixture_end(&f);
}
END_TEST

UNIT_MAIN("scan_choice", of_several_rules_the_last_suffix_wins,
	  cat_is_no_command_and_others_have_names,
	  a_command_gets_the_file_as_its_last_word,
	  a_command_may_end_in_a_redirection_and_reads_nothing_else,
	  how_a_command_ends_is_told_if_it_was_read_to_its_end,
	  the_end_of_a_command_is_the_end_of_all_it_started,
	  only_what_is_chosen_is_looked_at_and_counted,
	  an_archive_without_a_rule_is_forgotten_where_elf_files_are_scanned,
	  what_a_walk_meets_is_counted_over_all_passes,
	  the_index_has_the_roots_as_long_as_anything_is_beneath_them,
	  archives_that_only_a_rule_asks_for_are_served,
	  an_archive_that_asks_for_gigabytes_costs_only_itself,
	  what_a_command_prints_is_served_whatever_kind_it_is,
	  another_command_means_another_look,
	  what_was_taken_over_is_read_as_the_rules_say_and_not_scanned,
	  a_command_that_fails_marks_its_container_with_the_reason,
	  a_member_is_served_before_the_command_has_ended,
	  a_scan_that_is_stopped_stops_its_commands)
