/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symtab/symtab_writer.h"
#include "tests/lib/sample_table.h"

enum { DEPTH_MAX = 128 };

static void must(struct error *err)
{
	if (!err)
		return;
	fprintf(stderr, "%s\n", error_message(err));
	abort();
}

static uint32_t string(struct symtab_writer *w, const char *s)
{
	uint32_t number;

	must(symtab_writer_string(w, s, strlen(s), &number));
	return number;
}

static uint32_t file(struct symtab_writer *w, const char *dir, const char *base)
{
	uint32_t number;

	must(symtab_writer_file(w, string(w, dir), string(w, base), &number));
	return number;
}

static void add(struct symtab_writer *w, const struct sample_table *what,
		unsigned i)
{
	const char *prefix = what->prefix ? what->prefix : "fn";
	unsigned depth = what->depth ? what->depth : 1;
	uint32_t c = file(w, "/src", "a.c"), h = file(w, "/src", "a.h");
	const struct symtab_row rows[] = {
		{ 0, c, 10 * i + 1 },
		{ 0x40, i % 2 ? h : c, i % 2 ? 5 : 10 * i + 2 },
		{ 0x80, c, 10 * i + 3 },
	};
	const struct symtab_range range = { 0x40, 0x40 };
	struct symtab_inline calls[DEPTH_MAX];
	char name[64];

	for (unsigned d = 0; d < depth; d++)
		calls[d] = (struct symtab_inline) {
			.depth = d + 1,
			.name = string(w, "inner"),
			.call_file = c,
			.call_line = 10 * i + 7,
			.ranges = &range,
			.range_count = 1,
		};

	snprintf(name, sizeof(name), "%s%u", prefix, i);
	const struct symtab_function f = {
		.start = { SAMPLE_BASE + 0x100ULL * i },
		.size = 0x100,
		.name = string(w, name),
		.origin = SYMTAB_QUALITY_DWARF,
		.rows = i % 5 ? rows : NULL,
		.row_count = i % 5 ? 3 : 0,
		.inlines = i % 5 && i % 2 ? calls : NULL,
		.inline_count = i % 5 && i % 2 ? depth : 0,
	};

	must(symtab_writer_add(w, &f));
}

void sample_table_write(const struct sample_table *what, int fd)
{
	struct symtab_segment text = {
		.offset = { 0x1000 },
		.vaddr = { SAMPLE_BASE },
		.file_size = 0x100000,
		.mem_size = 0x100000,
		.flags = 5,
	};
	const struct symtab_layout layout = {
		.type = 3,
		.machine = 62,
		.is_from_executable = true,
		.segments = &text,
		.segment_count = 1,
	};
	const struct symtab_writer_facts facts = {
		.id = what->id,
		.quality = what->quality,
		.is_whole = true,
		.is_cut = what->is_cut,
		.layout = &layout,
	};
	struct symtab_writer *w;

	must(symtab_writer_create(&w));
	for (unsigned i = 0; i < what->functions; i++)
		add(w, what, i);
	must(symtab_writer_finish(w, &facts, fd, NULL));
	symtab_writer_free(w);
}

void sample_table_make(const struct sample_table *what, struct buf *out)
{
	int fd = memfd_create("table", MFD_CLOEXEC);

	sample_table_write(what, fd);
	off_t size = lseek(fd, 0, SEEK_END);

	buf_clear(out);
	uint8_t *to = size > 0 ? buf_reserve(out, (size_t)size) : NULL;

	if (!to || pread(fd, to, (size_t)size, 0) != size)
		abort();
	buf_commit(out, (size_t)size);
	close(fd);
}

struct symtab *sample_table_open(const struct sample_table *what,
				 struct buf *bytes)
{
	struct symtab *t = NULL;

	sample_table_make(what, bytes);
	must(symtab_open_memory(bytes->data, bytes->size, NULL, &t));
	return t;
}
