/* SPDX-License-Identifier: Apache-2.0 */
/* For whoever changes src/elf: what the reader of functions makes of a file.
 *
 *	list_functions FILE [-a ALT] [-s SPLIT]... [-u] [ADDRESS]...
 *
 * Without addresses all functions are counted; -l lists them. With addresses
 * (or -, which reads them from standard input) only the units that hold them
 * are read, and the frames of each are printed as llvm-symbolizer
 * --no-demangle does, without columns. */
#include "config.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "elf/dwarf_functions.h"

enum { SPLITS_MAX = 10000 };

struct opened {
	int fd;
	struct input in;
	struct elf_file elf;
};

struct text {
	char *s;
};

/* A piece of code, copied. */
struct piece {
	uint64_t start, end;
	uint32_t name;
	struct dwarf_row *rows;
	size_t row_count;
	struct dwarf_inline *inlines;
	size_t inline_count;
	bool is_lines;
};

struct state {
	struct text *texts;
	size_t text_count, text_capacity;
	struct piece *pieces;
	size_t piece_count, piece_capacity;
	bool keep, list;
	uint64_t functions, rows, inlines, ranges, lines, names, files;
};

static void die(struct error *err)
{
	if (!err)
		return;
	fprintf(stderr, "list_functions: %s\n", error_message(err));
	exit(1);
}

static void need(bool ok)
{
	if (!ok)
		die(error_no_memory);
}

static struct opened *open_file(const char *path)
{
	struct opened *o = mem_zalloc(sizeof(*o));
	struct stat st;

	need(o);
	o->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (o->fd < 0 || fstat(o->fd, &st) != 0)
		die(error_errno("%s", path));
	o->in = input_from_fd(o->fd, 0, (uint64_t)st.st_size);
	die(elf_file_open(&o->in, &o->elf));
	return o;
}

static uint32_t add_text(struct state *s, const char *a, size_t a_len,
			 const char *b, size_t b_len)
{
	need(mem_grow(&s->texts, &s->text_capacity, s->text_count + 1,
		      sizeof(*s->texts)));
	if (s->keep || s->list)
		s->texts[s->text_count].s = mem_printf(
			"%.*s%s%.*s", (int)a_len, a,
			a_len && a[a_len - 1] != '/' ? "/" : "", (int)b_len, b);
	return (uint32_t)++s->text_count;
}

static struct error *take_name(void *ctx, const char *name, size_t len,
			       uint32_t *ret)
{
	struct state *s = ctx;

	s->names++;
	*ret = add_text(s, "", 0, name, len);
	return NULL;
}

static struct error *take_file(void *ctx, const char *dir, size_t dir_len,
			       const char *base, size_t base_len, uint32_t *ret)
{
	struct state *s = ctx;

	s->files++;
	*ret = add_text(s, dir, dir_len, base, base_len);
	return NULL;
}

static const char *text_of(const struct state *s, uint32_t number)
{
	return number ? s->texts[number - 1].s : "??";
}

static void list(const struct state *s, const struct dwarf_function *f)
{
	printf("%#" PRIx64 " %#" PRIx64 " %s\n", f->start.v, f->size,
	       text_of(s, f->name));
	for (size_t i = 0; i < f->row_count; i++)
		printf("\t+%#" PRIx64 " %s:%u\n", f->rows[i].offset,
		       text_of(s, f->rows[i].file), f->rows[i].line);
	for (size_t i = 0; i < f->inline_count; i++) {
		const struct dwarf_inline *in = &f->inlines[i];

		printf("\t%*s%s from %s:%u", (int)in->depth * 2, "",
		       text_of(s, in->name), text_of(s, in->call_file),
		       in->call_line);
		for (size_t j = 0; j < in->range_count; j++)
			printf(" +%#" PRIx64 ",%#" PRIx64, in->ranges[j].offset,
			       in->ranges[j].size);
		printf("\n");
	}
}

static void keep(struct state *s, const struct dwarf_function *f, bool is_lines)
{
	need(mem_grow(&s->pieces, &s->piece_capacity, s->piece_count + 1,
		      sizeof(*s->pieces)));
	struct piece *p = &s->pieces[s->piece_count++];

	*p = (struct piece) {
		.start = f->start.v,
		.end = f->start.v + f->size,
		.name = f->name,
		.row_count = f->row_count,
		.inline_count = f->inline_count,
		.is_lines = is_lines,
	};
	p->rows = mem_dup(f->rows, f->row_count * sizeof(*f->rows));
	p->inlines = mem_dup(f->inlines, f->inline_count * sizeof(*f->inlines));
	need(p->rows && p->inlines);
	for (size_t i = 0; i < f->inline_count; i++) {
		struct dwarf_inline *in = &p->inlines[i];

		in->ranges = mem_dup(in->ranges,
				     in->range_count * sizeof(*in->ranges));
		need(in->ranges);
	}
}

static struct error *take_function(void *ctx, const struct dwarf_function *f)
{
	struct state *s = ctx;

	s->functions++;
	s->rows += f->row_count;
	s->inlines += f->inline_count;
	for (size_t i = 0; i < f->inline_count; i++)
		s->ranges += f->inlines[i].range_count;
	if (s->list)
		list(s, f);
	if (s->keep)
		keep(s, f, false);
	return NULL;
}

static struct error *take_lines(void *ctx, const struct dwarf_lines *l)
{
	struct state *s = ctx;
	struct dwarf_function f = {
		.start = l->start,
		.size = l->size,
		.rows = l->rows,
		.row_count = l->row_count,
	};

	s->lines++;
	if (s->list)
		list(s, &f);
	if (s->keep)
		keep(s, &f, true);
	return NULL;
}

/* Addresses. */

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *pa = a;
	const struct piece *pb = b;

	if (pa->start != pb->start)
		return pa->start < pb->start ? -1 : 1;
	return (pa->end < pb->end) - (pa->end > pb->end);
}

static int compare_addresses(const void *a, const void *b)
{
	uint64_t va = *(const uint64_t *)a;
	uint64_t vb = *(const uint64_t *)b;

	return (va > vb) - (va < vb);
}

/* The one that begins last. */
static const struct piece *find_piece(const struct state *s, uint64_t address)
{
	size_t low = 0, high = s->piece_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->pieces[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = 0; low-- > 0 && i < 64; i++) {
		if (s->pieces[low].end > address)
			return &s->pieces[low];
	}
	return NULL;
}

static bool holds(const struct dwarf_inline *in, uint64_t offset)
{
	for (size_t i = 0; i < in->range_count; i++) {
		if (offset - in->ranges[i].offset < in->ranges[i].size)
			return true;
	}
	return false;
}

static void answer(const struct state *s, uint64_t address)
{
	const struct piece *p = find_piece(s, address);
	const struct dwarf_inline *chain[4096];
	uint32_t file = 0, line = 0;
	size_t depth = 0;

	if (!p) {
		printf("??\n??:0\n\n");
		return;
	}
	uint64_t offset = address - p->start;

	for (size_t i = 0; i < p->row_count && p->rows[i].offset <= offset;
	     i++) {
		file = p->rows[i].file;
		line = p->rows[i].line;
	}
	for (size_t i = 0; i < p->inline_count; i++) {
		const struct dwarf_inline *in = &p->inlines[i];

		if (in->depth <= depth)
			break;
		if (in->depth == depth + 1 && holds(in, offset))
			chain[depth++] = in;
	}
	while (depth > 0) {
		const struct dwarf_inline *in = chain[--depth];

		printf("%s\n%s:%u\n", text_of(s, in->name), text_of(s, file),
		       line);
		file = in->call_file;
		line = in->call_line;
	}
	printf("%s\n%s:%u\n\n", p->is_lines ? "??" : text_of(s, p->name),
	       text_of(s, file), line);
}

struct addresses {
	uint64_t *v;
	size_t count, capacity;
};

static void add_address(struct addresses *a, const char *s)
{
	need(mem_grow(&a->v, &a->capacity, a->count + 1, sizeof(*a->v)));
	a->v[a->count++] = strtoull(s, NULL, 16);
}

static void read_addresses(struct addresses *a)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin))
		add_address(a, line);
}

static void read_some(struct dwarf_debug *d, const struct addresses *a,
		      const struct dwarf_sink *sink, struct state *s)
{
	uint64_t *sorted = mem_dup(a->v, a->count * sizeof(*a->v));
	struct dwarf_wanted wanted = { sorted, a->count };
	size_t *units;
	size_t count;

	need(sorted);
	qsort(sorted, a->count, sizeof(*sorted), compare_addresses);
	die(dwarf_debug_find_units(d, &wanted, &units, &count));
	fprintf(stderr, "%zu units\n", count);
	for (size_t i = 0; i < count; i++)
		die(dwarf_debug_read_unit(d, units[i], &wanted, sink));
	if (s->piece_count)
		qsort(s->pieces, s->piece_count, sizeof(*s->pieces),
		      compare_pieces);
	for (size_t i = 0; i < a->count; i++)
		answer(s, a->v[i]);
}

/* As symtab_layout.h gives them. */
static void lay_out(const struct elf_file *f, struct dwarf_debug_inputs *in)
{
	uint64_t *v = mem_array(f->section_count + 1, sizeof(*v));
	uint64_t at = 0;

	need(v);
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);
		uint64_t align = s.align < 1 ? 1 : s.align;

		if (!(s.flags & SHF_ALLOC))
			continue;
		at = (at + align - 1) / align * align;
		v[i] = at;
		at += s.size + 16;
	}
	in->section_vaddrs = v;
	in->section_vaddr_count = f->section_count;
}

int main(int argc, char **argv)
{
	static struct dwarf_debug_split splits[SPLITS_MAX];
	struct dwarf_debug_inputs in = { .splits = splits };
	struct addresses addresses = { 0 };
	struct state s = { 0 };
	struct dwarf_sink sink = { &s, take_name, take_file, take_function,
				   take_lines };
	struct dwarf_debug *d;
	struct rusage usage;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-a") == 0 && i + 1 < argc)
			in.alt = &open_file(argv[++i])->elf;
		else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc &&
			 in.split_count < SPLITS_MAX)
			splits[in.split_count++].file =
				&open_file(argv[++i])->elf;
		else if (strcmp(argv[i], "-l") == 0)
			s.list = true;
		else if (strcmp(argv[i], "-") == 0)
			read_addresses(&addresses);
		else if (in.file)
			add_address(&addresses, argv[i]);
		else
			in.file = &open_file(argv[i])->elf;
	}
	if (!in.file)
		return 2;
	if (in.file->header.type == ET_REL)
		lay_out(in.file, &in);
	s.keep = addresses.count > 0;
	die(dwarf_debug_open(&in, &d));
	if (addresses.count)
		read_some(d, &addresses, &sink, &s);
	for (size_t i = 0; !addresses.count && i < dwarf_debug_unit_count(d);
	     i++)
		die(dwarf_debug_read_unit(d, i, NULL, &sink));
	if (dwarf_debug_problem(d))
		fprintf(stderr, "problem: %s\n", dwarf_debug_problem(d));
	getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr,
		"%" PRIu64 " functions, %" PRIu64 " rows, %" PRIu64
		" inlined in %" PRIu64 " ranges, %" PRIu64
		" of lines only; %" PRIu64 " names, %" PRIu64 " files; "
		"user %.2f s, sys %.2f s, %ld KiB\n",
		s.functions, s.rows, s.inlines, s.ranges, s.lines, s.names,
		s.files,
		(double)usage.ru_utime.tv_sec +
			(double)usage.ru_utime.tv_usec / 1e6,
		(double)usage.ru_stime.tv_sec +
			(double)usage.ru_stime.tv_usec / 1e6,
		usage.ru_maxrss);
	dwarf_debug_close(d);
	return 0;
}
