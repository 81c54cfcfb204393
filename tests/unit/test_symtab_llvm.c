/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our tables, read by LLVM. For each llvm-gsymutil there is: it dumps all of a
 * table without a complaint, and its answers are ours.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "symtab/symtab_writer.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/lib/symtab_random.h"
#include "tests/unit/unit.h"

enum { FUNCTIONS = 80, ADDRESSES = 400 };

static const char *const tools[] = { "llvm-gsymutil-14", "llvm-gsymutil-16",
				     "llvm-gsymutil-19", "llvm-gsymutil" };

struct fixture {
	struct symtab_random random;
	struct buf table;
	struct symtab *t;
	char path[64];
};

static void setup(struct fixture *f)
{
	struct symtab_writer_facts facts = { .id = { 24, { 0xab, 0xcd } },
					     .is_whole = true };
	struct symtab_writer *w;

	*f = (struct fixture) { .random.state = 20260101 };
	ck_no_error(symtab_writer_create(&w));
	symtab_random_make(&f->random, w, FUNCTIONS);
	for (size_t i = 0; i < f->random.count; i++)
		ck_no_error(symtab_writer_add(w, &f->random.functions[i]));
	symtab_fixture_finish(w, &facts, &f->table);
	symtab_writer_free(w);
	ck_no_error(
		symtab_open_memory(f->table.data, f->table.size, NULL, &f->t));
	strcpy(f->path, "/tmp/symtab-XXXXXX");
	int fd = mkstemp(f->path);

	ck_assert_int_ge(fd, 0);
	ck_no_error(file_write_all(fd, f->table.data, f->table.size));
	close(fd);
}

static void teardown(struct fixture *f)
{
	unlink(f->path);
	symtab_put(f->t);
	buf_deinit(&f->table);
	symtab_random_free(&f->random);
}

/* What a command prints. @return Its exit status. */
static int run(const char *command, struct buf *out)
{
	FILE *p = popen(command, "r");
	char piece[4096];
	size_t n;

	buf_clear(out);
	ck_assert_ptr_nonnull(p);
	while ((n = fread(piece, 1, sizeof(piece), p)) > 0)
		buf_append(out, piece, n);
	ck_assert_ptr_nonnull(buf_str(out));
	return pclose(p);
}

/* Also asked outside of a case. */
static bool is_installed(const char *tool)
{
	char command[80];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1",
		 tool);
	return system(command) == 0;
}

static void dump(const struct fixture *f, const char *tool)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_FREE char *command = mem_printf("%s %s 2>&1", tool, f->path);
	size_t count = 0;

	ck_assert_msg(run(command, &out) == 0, "%s fails: %.2000s", tool,
		      buf_str(&out));
	ck_assert_ptr_null(strstr(buf_str(&out), "error"));
	for (const char *s = buf_str(&out);
	     (s = strstr(s, "FunctionInfo @")) != NULL; s++)
		count++;
	ck_assert_uint_eq(count, FUNCTIONS);
}

/* One line a frame: name, place, "inlined". */
static void put_frame(struct buf *out, const char *name, size_t name_len,
		      const char *place, size_t place_len, bool is_inlined)
{
	buf_printf(out, "%.*s %.*s%s\n", (int)name_len, name, (int)place_len,
		   place, is_inlined ? " inlined" : "");
}

/* @return False if there is no line: LLVM leaves out the calls then, too. */
static bool put_ours(const struct fixture *f, struct symtab_cursor *c,
		     uint64_t at, struct buf *out)
{
	const struct symtab_frame *frames;
	size_t count;

	ck_no_error(
		symtab_find(c, (struct vaddr) { at }, true, &frames, &count));
	if (!frames[0].file)
		return false;
	for (size_t i = 0; i < count; i++) {
		CLEANUP_BUF struct buf place = BUF_INIT;
		const char *dir, *base;
		size_t dir_len, base_len, len;
		const char *name = symtab_name(f->t, frames[i].name, &len);

		symtab_file(f->t, frames[i].file, &dir, &dir_len, &base,
			    &base_len);
		if (frames[i].line)
			buf_printf(&place, "%s%s%s:%u", dir, dir_len ? "/" : "",
				   base, frames[i].line);
		put_frame(out, name, len, buf_str(&place), place.size,
			  frames[i].is_inlined);
	}
	return true;
}

/* "0x0000000000401000: NAME + 5 @ FILE:7 [inlined]", all but NAME optional. */
static void put_theirs(const char *line, size_t len, struct buf *out)
{
	const char *end = line + len;
	const char *at = memmem(line, len, " @ ", 3);
	const char *inlined = memmem(line, len, " [inlined]", 10);
	const char *place_end = inlined ? inlined : end;

	if (!strncmp(line, "0x", 2))
		line = memchr(line, ' ', len);
	line += strspn(line, " ");
	size_t name_len = strcspn(line, " \n");

	put_frame(out, line, name_len, at ? at + 3 : "",
		  at ? (size_t)(place_end - at) - 3 : 0, inlined);
}

/* Behind a line that says which file it looks into. */
static void normalize(const char *s, struct buf *out)
{
	for (s = strstr(s, "\n0x"); s && *s;) {
		size_t len = strcspn(++s, "\n");

		if (len)
			put_theirs(s, len, out);
		s += len;
	}
}

static void compare(const struct fixture *f, const char *tool)
{
	CLEANUP_BUF struct buf command = BUF_INIT, out = BUF_INIT;
	CLEANUP_BUF struct buf theirs = BUF_INIT, ours = BUF_INIT;
	struct symtab_random dice = { .state = 5 };
	const struct symtab_function *fs = f->random.functions;
	struct symtab_cursor *c;

	ck_no_error(symtab_cursor_create(f->t, &c));
	buf_printf(&command, "%s %s", tool, f->path);
	for (int i = 0; i < ADDRESSES; i++) {
		const struct symtab_function *fn =
			&fs[symtab_random_next(&dice, FUNCTIONS)];
		uint64_t at = fn->start.v +
			      symtab_random_next(&dice, (uint32_t)fn->size);
		bool is_shared = false;

		// Where functions overlap LLVM looks into one only.
		for (int k = 0; k < FUNCTIONS; k++)
			is_shared |= &fs[k] != fn &&
				     fs[k].start.v < fn->start.v + fn->size &&
				     fn->start.v < fs[k].start.v + fs[k].size;
		if (is_shared)
			continue;
		if (put_ours(f, c, at, &ours))
			buf_printf(&command, " --address=0x%" PRIx64, at);
	}
	buf_append_str(&command, " 2>&1");
	ck_assert_int_eq(run(buf_str(&command), &out), 0);
	normalize(buf_str(&out), &theirs);
	ck_assert_uint_gt(ours.size, 10000);
	ck_assert_uint_eq(ours.size, theirs.size);
	ck_assert(!memcmp(ours.data, theirs.data, ours.size));
	symtab_cursor_free(c);
}

START_TEST(llvm_reads_our_tables_and_answers_the_same)
{
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		if (!is_installed(tools[i]))
			continue;
		dump(&f, tools[i]);
		compare(&f, tools[i]);
	}
	teardown(&f);
}
END_TEST

static const char *why_not(void)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		if (is_installed(tools[i]))
			return NULL;
	}
	return "no llvm-gsymutil is installed";
}

UNIT_MAIN_UNLESS(why_not(), "symtab_llvm",
		 llvm_reads_our_tables_and_answers_the_same)
