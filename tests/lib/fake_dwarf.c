/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "tests/lib/fake_dwarf.h"

struct dwarf_debug {
	size_t count;
};

const struct fake_function *fake_functions;
const char *fake_problem;
bool fake_is_cut;
uint64_t fake_section_vaddrs[FAKE_SECTIONS];
size_t fake_section_vaddr_count;
size_t fake_units_read;

struct error *dwarf_debug_open(const struct dwarf_debug_inputs *inputs,
			       struct dwarf_debug **ret)
{
	size_t count = inputs->section_vaddr_count;

	fake_section_vaddr_count = count;
	if (count)
		memcpy(fake_section_vaddrs, inputs->section_vaddrs,
		       sizeof(*fake_section_vaddrs) *
			       (count < FAKE_SECTIONS ? count : FAKE_SECTIONS));
	fake_units_read = 0;
	*ret = mem_zalloc(sizeof(**ret));
	if (!*ret)
		return error_no_memory;
	while (fake_functions && fake_functions[(*ret)->count].size)
		(*ret)->count++;
	return NULL;
}

void dwarf_debug_close(struct dwarf_debug *d)
{
	mem_free(d);
}

const char *dwarf_debug_problem(const struct dwarf_debug *d)
{
	(void)d;
	return fake_problem;
}

bool dwarf_debug_is_cut(const struct dwarf_debug *d)
{
	(void)d;
	return fake_is_cut;
}

size_t dwarf_debug_unit_count(struct dwarf_debug *d)
{
	return d->count;
}

struct error *dwarf_debug_count_error(struct dwarf_debug *d)
{
	(void)d;
	return NULL;
}

static bool is_wanted(const struct fake_function *f,
		      const struct dwarf_wanted *wanted)
{
	for (size_t i = 0; wanted && i < wanted->count; i++) {
		if (wanted->addresses[i] - f->start < f->size)
			return true;
	}
	return !wanted;
}

static struct error *give_lines(const struct fake_function *f,
				const struct dwarf_row *rows, size_t count,
				const struct dwarf_sink *sink)
{
	struct dwarf_lines l = { .start = { f->start },
				 .size = f->size,
				 .rows = rows,
				 .row_count = count,
				 .is_left_over = !strcmp(f->name, "<rest>") };

	return sink->lines(sink->ctx, &l);
}

static struct error *give_function(const struct fake_function *f,
				   const struct dwarf_row *rows, size_t count,
				   uint32_t file, const struct dwarf_sink *sink)
{
	struct dwarf_range range = { 0, f->size };
	struct dwarf_inline call = { .depth = 1,
				     .call_file = file,
				     .call_line = f->call.call_line,
				     .ranges = &range,
				     .range_count = 1 };
	struct dwarf_function out = { .start = { f->start },
				      .size = f->size,
				      .rows = rows,
				      .row_count = count };

	if (f->name)
		TRY(sink->name(sink->ctx, f->name, strlen(f->name), &out.name));
	if (f->call.name) {
		if (*f->call.name)
			TRY(sink->name(sink->ctx, f->call.name,
				       strlen(f->call.name), &call.name));
		out.inlines = &call;
		out.inline_count = 1;
	}
	return sink->function(sink->ctx, &out);
}

struct error *dwarf_debug_read_unit(struct dwarf_debug *d, size_t unit,
				    const struct dwarf_wanted *wanted,
				    const struct dwarf_sink *sink)
{
	const struct fake_function *f = &fake_functions[unit];
	struct dwarf_row rows[16];
	size_t count = 0;
	uint32_t file;

	(void)d;
	fake_units_read++;
	if (!is_wanted(f, wanted))
		return NULL;
	TRY(sink->file(sink->ctx, "/src", 4, "a.c", 3, &file));
	if (f->name && !strcmp(f->name, "<missing>"))
		return sink->missing_split(sink->ctx, FAKE_DWO_ID, "/build", 6,
					   "a.dwo", 5);
	for (; f->line && count < f->size && count < 16; count++)
		rows[count] = (struct dwarf_row) {
			.offset = count,
			.file = file,
			.line = f->line + (unsigned)count,
		};
	if (f->name &&
	    (!strcmp(f->name, "<lines>") || !strcmp(f->name, "<rest>")))
		return give_lines(f, rows, count, sink);
	return give_function(f, rows, count, file, sink);
}

struct error *dwarf_debug_find_units(struct dwarf_debug *d,
				     const struct dwarf_wanted *wanted,
				     size_t **units_ret, size_t *count_ret)
{
	*count_ret = 0;
	*units_ret = mem_array(d->count, sizeof(**units_ret));
	if (!*units_ret)
		return error_no_memory;
	for (size_t i = 0; i < d->count; i++) {
		if (is_wanted(&fake_functions[i], wanted))
			(*units_ret)[(*count_ret)++] = i;
	}
	return NULL;
}
