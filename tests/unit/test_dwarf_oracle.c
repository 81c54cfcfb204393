/* SPDX-License-Identifier: Apache-2.0 */
/* The functions, inlined calls and lines of this program, as libdw sees them,
 * address by address. Built without debug information, there is nothing to
 * compare, and that is said. */
#include "config.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "elf/dwarf_functions.h"
#include "tests/unit/unit.h"

enum { TEXTS_MAX = 50000, FRAMES_MAX = 256, ONE_OF = 5 };

struct frame {
	const char *name;
	const char *base; /* of the file */
	int line;
};

struct compared {
	Dwarf *dw;
	char *texts[TEXTS_MAX];
	uint32_t count;
	size_t functions, asked, addresses, inlined;
};

static struct error *take_text(struct compared *c, const char *s, size_t len,
			       uint32_t *ret)
{
	ck_assert_uint_lt(c->count, TEXTS_MAX);
	c->texts[c->count] = mem_strndup(s, len);
	ck_assert_ptr_nonnull(c->texts[c->count]);
	*ret = ++c->count;
	return NULL;
}

static struct error *take_name(void *ctx, const char *s, size_t len,
			       uint32_t *ret)
{
	return take_text(ctx, s, len, ret);
}

static struct error *take_file(void *ctx, const char *dir, size_t dir_len,
			       const char *base, size_t base_len, uint32_t *ret)
{
	(void)dir;
	(void)dir_len;
	return take_text(ctx, base, base_len, ret);
}

static const char *text_of(const struct compared *c, uint32_t number)
{
	return number ? c->texts[number - 1] : "";
}

static const char *base_of(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "";
}

/* Theirs. */

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr))
		name = dwarf_formstring(&attr);
	if (!name && dwarf_attr_integrate(die, DW_AT_name, &attr))
		name = dwarf_formstring(&attr);
	return name ? name : "";
}

static void call_site(Dwarf_Die *cu, Dwarf_Die *die, struct frame *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	size_t count;

	ck_assert_int_eq(dwarf_getsrcfiles(cu, &files, &count), 0);
	if (dwarf_attr(die, DW_AT_call_file, &attr))
		dwarf_formudata(&attr, &file);
	if (dwarf_attr(die, DW_AT_call_line, &attr))
		dwarf_formudata(&attr, &line);
	ret->base = base_of(dwarf_filesrc(files, (size_t)file, NULL, NULL));
	ret->line = (int)line;
}

/* By .debug_aranges, which clang does not write, or by looking. */
static bool find_unit(struct compared *c, uint64_t address, Dwarf_Die *ret)
{
	Dwarf_Off offset = 0, next;
	size_t header;

	if (dwarf_addrdie(c->dw, address, ret))
		return true;
	while (dwarf_nextcu(c->dw, offset, &next, &header, NULL, NULL, NULL) ==
	       0) {
		if (dwarf_offdie(c->dw, offset + header, ret) &&
		    dwarf_haspc(ret, address) == 1)
			return true;
		offset = next;
	}
	return false;
}

static size_t their_frames(struct compared *c, uint64_t address,
			   struct frame *ret)
{
	struct frame at = { .base = "" };
	Dwarf_Die cu, *scopes = NULL;
	size_t count = 0;

	if (!find_unit(c, address, &cu))
		return 0;
	Dwarf_Line *line = dwarf_getsrc_die(&cu, address);

	if (line) {
		at.base = base_of(dwarf_linesrc(line, NULL, NULL));
		dwarf_lineno(line, &at.line);
	}
	// Outside of an inlined call these are where it is written, not where
	// it is; so ask again for the innermost.
	Dwarf_Die *innermost = NULL;
	int n = dwarf_getscopes(&cu, address, &innermost);

	if (n > 0)
		n = dwarf_getscopes_die(&innermost[0], &scopes);
	for (int i = 0; i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_inlined_subroutine &&
		    tag != DW_TAG_subprogram)
			continue;
		ck_assert_uint_lt(count, FRAMES_MAX);
		at.name = name_of(&scopes[i]);
		ret[count++] = at;
		if (tag == DW_TAG_subprogram)
			break;
		call_site(&cu, &scopes[i], &at);
	}
	free(innermost);
	free(scopes);
	return count;
}

/* Ours. */

static bool holds(const struct dwarf_inline *in, uint64_t offset)
{
	for (size_t i = 0; i < in->range_count; i++) {
		if (offset - in->ranges[i].offset < in->ranges[i].size)
			return true;
	}
	return false;
}

static size_t our_frames(const struct compared *c,
			 const struct dwarf_function *f, uint64_t offset,
			 struct frame *ret)
{
	const struct dwarf_inline *chain[FRAMES_MAX];
	struct frame at = { .base = "" };
	size_t depth = 0, count = 0;

	for (size_t i = 0; i < f->row_count && f->rows[i].offset <= offset;
	     i++) {
		at.base = text_of(c, f->rows[i].file);
		at.line = (int)f->rows[i].line;
	}
	for (size_t i = 0; i < f->inline_count; i++) {
		const struct dwarf_inline *in = &f->inlines[i];

		if (in->depth <= depth)
			break;
		if (in->depth == depth + 1 && holds(in, offset))
			chain[depth++] = in;
	}
	while (depth) {
		const struct dwarf_inline *in = chain[--depth];

		at.name = text_of(c, in->name);
		ret[count++] = at;
		at.base = text_of(c, in->call_file);
		at.line = (int)in->call_line;
	}
	at.name = text_of(c, f->name);
	ret[count++] = at;
	return count;
}

static void ck_address(struct compared *c, const struct dwarf_function *f,
		       uint64_t offset)
{
	uint64_t address = f->start.v + offset;
	struct frame ours[FRAMES_MAX], theirs[FRAMES_MAX];

	if (c->asked++ % ONE_OF) // libdw begins anew for each
		return;
	size_t our_count = our_frames(c, f, offset, ours);
	size_t count = their_frames(c, address, theirs);

	ck_assert_msg(our_count == count,
		      "%" PRIx64 ": %zu frames, theirs are %zu", address,
		      our_count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(
			strcmp(ours[i].name, theirs[i].name) == 0 &&
				strcmp(ours[i].base, theirs[i].base) == 0 &&
				ours[i].line == theirs[i].line,
			"%" PRIx64 " frame %zu: %s %s:%d, theirs is "
			"%s %s:%d",
			address, i, ours[i].name, ours[i].base, ours[i].line,
			theirs[i].name, theirs[i].base, theirs[i].line);
	c->addresses++;
	c->inlined += count > 1;
}

/* Where something begins, and just in front of its end. */
static struct error *compare(void *ctx, const struct dwarf_function *f)
{
	struct compared *c = ctx;

	c->functions++;
	ck_address(c, f, 0);
	ck_address(c, f, f->size / 2);
	ck_address(c, f, f->size - 1);
	for (size_t i = 0; i < f->row_count; i++)
		ck_address(c, f, f->rows[i].offset);
	for (size_t i = 0; i < f->inline_count; i++) {
		const struct dwarf_range *r = f->inlines[i].ranges;

		ck_address(c, f, r->offset);
		ck_address(c, f, r->offset + r->size - 1);
	}
	return NULL;
}

START_TEST(this_program_is_what_libdw_says)
{
	CLEANUP_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CLEANUP_ELF_FILE struct elf_file elf = { 0 };
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = NULL;
	struct compared *c = mem_zalloc(sizeof(*c));
	const struct dwarf_sink sink = { .ctx = c,
					 .name = take_name,
					 .file = take_file,
					 .function = compare };
	struct stat st;

	ck_assert_ptr_nonnull(c);
	ck_assert(fd >= 0 && fstat(fd, &st) == 0);
	c->dw = dwarf_begin(fd, DWARF_C_READ);
	struct input in = input_from_fd(fd, 0, (uint64_t)st.st_size);

	ck_no_error(elf_file_open(&in, &elf));
	ck_no_error(dwarf_debug_open(
		&(struct dwarf_debug_inputs) { .file = &elf }, &d));
	for (size_t i = 0; i < dwarf_debug_unit_count(d); i++)
		ck_no_error(dwarf_debug_read_unit(d, i, NULL, &sink));
	ck_assert_msg(!dwarf_debug_problem(d), "%s", dwarf_debug_problem(d));
	printf("# %zu addresses of %zu functions, %zu in inlined calls\n",
	       c->addresses, c->functions, c->inlined);
	ck_assert(!c->dw == !c->functions);
	for (uint32_t i = 0; i < c->count; i++)
		mem_free(c->texts[i]);
	dwarf_end(c->dw);
	mem_free(c);
}
END_TEST

UNIT_MAIN("dwarf_oracle", this_program_is_what_libdw_says)
