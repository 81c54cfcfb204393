/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "elf/dwarf_line_header.h"
#include "elf/dwarf_reader.h"
#include "elf/dwarf_sources.h"
#include "elf/dwarf_units.h"
#include "elf/elf_limits.h"
#include "elf/elf_section.h"

static struct error *read_line_headers(struct dwarf_reader *d)
{
	CLEANUP_DWARF_UNITS struct dwarf_units *units = NULL;

	TRY(dwarf_units_open(d, &units));
	for (size_t i = 0; i < d->sections.line.count; i++)
		TRY(dwarf_read_line_headers(d, d->sections.line.numbers[i],
					    units));
	return NULL;
}

/* The string that the stream stands at. @p work: bytes looked through. */
static struct error *read_string(struct dwarf_reader *d, struct elf_stream *s,
				 uint64_t *work, struct source_ref *ret)
{
	const uint8_t *data;
	size_t size = 0;

	for (size_t want = 64;; want *= 8) {
		if (want > ELF_NAME_MAX + 1)
			want = ELF_NAME_MAX + 1;
		TRY(elf_stream_peek(s, want, &data, &size));
		if (size > ELF_NAME_MAX + 1)
			size = ELF_NAME_MAX + 1;
		const uint8_t *nul = memchr(data, 0, size);
		size_t len = nul ? (size_t)(nul - data) : size;

		*work += len;
		if (nul)
			return source_names_string(&d->names, (char *)data, len,
						   ret);
		if (size < want)
			return error_new(BAD_DATA, "string without an end");
		if (want > ELF_NAME_MAX)
			return error_new(
				LIMIT, "a name of more than %" PRIu64 " bytes",
				ELF_NAME_MAX);
	}
}

static struct error *fetch(struct dwarf_reader *d, size_t section, size_t step,
			   const char *name, struct source_string *strings,
			   size_t count)
{
	CLEANUP_ELF_STREAM struct elf_stream *s = NULL;
	uint64_t work = 0;

	if (!section)
		return error_new(BAD_DATA, "there is no such section");
	TRY(elf_stream_open(d->file, section, step, &s));
	for (size_t i = 0; i < count; i++) {
		uint64_t offset = strings[i].offset;
		struct error *err;

		if (offset >= elf_stream_size(s))
			return error_new(BAD_DATA,
					 "string at 0x%" PRIx64
					 " lies outside the section",
					 offset);
		TRY(elf_stream_skip(s, offset - elf_stream_tell(s)));
		err = read_string(d, s, &work, &strings[i].ref);
		TRY(dwarf_note_problem(d, err, name, offset));
		if (work > ELF_NAME_WORK_MAX)
			return error_new(LIMIT, "strings overlap too much");
	}
	return NULL;
}

/* What is damage still when it comes up to here is one problem too many: the
 * rest of that step is left out. */
static struct error *leave_it(struct error *err)
{
	if (!err || !elf_is_damage(err))
		return err;
	error_free(err);
	return NULL;
}

/* Read the strings that are wanted from one section, front to back. */
static struct error *read_strings(struct dwarf_reader *d, enum source_kind kind,
				  size_t section, size_t step, const char *name)
{
	CLEANUP_FREE struct source_string *strings = NULL;
	size_t count;

	TRY(source_names_wanted(&d->names, kind, &strings, &count));
	if (count) {
		struct error *err =
			fetch(d, section, step, name, strings, count);

		err = dwarf_note_problem(d, err, name, strings[0].offset);
		TRY(leave_it(err));
	}
	source_names_settle(&d->names, kind, strings, count);
	return NULL;
}

static struct error *take_problem(struct dwarf_reader *d, char **ret)
{
	if (!d->more_problems) {
		*ret = STEAL(d->problem);
		return NULL;
	}
	*ret = mem_printf("%s; and %zu more", d->problem, d->more_problems);
	return *ret ? NULL : error_no_memory;
}

struct error *dwarf_sources_read(struct elf_file *f, struct buf *sources,
				 size_t *count_ret, char **problem_ret)
{
	/* Compilers put little into .debug_str that is a file's name, and
	 * hardly anything else into .debug_line_str. */
	enum { STR_STEP = 512, LINE_STR_STEP = 32 << 10 };
	CLEANUP_DWARF_READER struct dwarf_reader d;
	CLEANUP_BUF struct buf joined = BUF_INIT;
	struct error *err = NULL;
	bool complete;
	size_t count;

	TRY(dwarf_reader_init(&d, f));
	TRY(leave_it(read_line_headers(&d)));
	TRY(read_strings(&d, SOURCE_STR, d.sections.str, STR_STEP,
			 ".debug_str"));
	TRY(read_strings(&d, SOURCE_LINE_STR, d.sections.line_str,
			 LINE_STR_STEP, ".debug_line_str"));
	TRY(source_names_join(&d.names, &joined, &count, &complete));
	if (!complete)
		err = error_new(LIMIT,
				"more than %" PRIu64 " sources or %" PRIu64
				" bytes of them",
				ELF_SOURCES_MAX, ELF_SOURCE_BYTES_MAX);
	TRY(leave_it(dwarf_note_problem(&d, err, ".debug_line", 0)));
	TRY(take_problem(&d, problem_ret));
	*sources = joined;
	joined = (struct buf)BUF_INIT;
	*count_ret = count;
	return NULL;
}
