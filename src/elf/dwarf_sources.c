/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_line_header.h"
#include "elf/dwarf_reader.h"
#include "elf/dwarf_sources.h"
#include "elf/dwarf_strings.h"
#include "elf/dwarf_units.h"
#include "elf/elf_limits.h"
#include "elf/source_pending.h"

static struct error *read_line_headers(struct dwarf_reader *d)
{
	CLEANUP_DWARF_UNITS struct dwarf_units *units = NULL;

	TRY(dwarf_units_open(d, &units));
	for (size_t i = 0; i < d->sections.line.count; i++)
		TRY(dwarf_read_line_headers(d, d->sections.line.numbers[i],
					    units));
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
		struct error *err = dwarf_strings_read(d, section, step, name,
						       strings, count);

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

/* What lies in the alternate file waits for it, or is missing without one. */
static struct error *put_pending(struct dwarf_reader *d, bool has_alt,
				 struct buf *pending)
{
	CLEANUP_FREE struct source_string *strings = NULL;
	size_t count;

	if (has_alt)
		return leave_it(dwarf_note_problem(
			d, source_pending_put(&d->names, pending),
			".debug_line", 0));
	TRY(source_names_wanted(&d->names, SOURCE_ALT, &strings, &count));
	if (!count)
		return NULL;
	source_names_settle(&d->names, SOURCE_ALT, NULL, 0);
	return dwarf_note_problem(
		d,
		error_new(BAD_DATA, "a name lies in the alternate file, and "
				    "there is none"),
		".debug_str", strings[0].offset);
}

struct error *dwarf_sources_read(struct elf_file *f, bool has_alt,
				 struct buf *sources, size_t *count_ret,
				 struct buf *pending, char **problem_ret)
{
	/* Compilers put little into .debug_str that is a file's name, and
	 * hardly anything else into .debug_line_str. */
	enum { STR_STEP = 512, LINE_STR_STEP = 32 << 10 };
	CLEANUP_DWARF_READER struct dwarf_reader d;
	CLEANUP_BUF struct buf joined = BUF_INIT;
	CLEANUP_BUF struct buf waiting = BUF_INIT;
	struct error *err = NULL;
	bool complete;
	size_t count;

	TRY(dwarf_reader_init(&d, f));
	TRY(leave_it(read_line_headers(&d)));
	TRY(read_strings(&d, SOURCE_STR, d.sections.str, STR_STEP,
			 ".debug_str"));
	TRY(read_strings(&d, SOURCE_LINE_STR, d.sections.line_str,
			 LINE_STR_STEP, ".debug_line_str"));
	TRY(put_pending(&d, has_alt, &waiting));
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
	*pending = waiting;
	waiting = (struct buf)BUF_INIT;
	*count_ret = count;
	return NULL;
}
