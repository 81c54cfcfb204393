/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <elf.h>
#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_debug.h"

const char *dwarf_debug_problem(const struct dwarf_debug *d)
{
	return d->problem;
}

bool dwarf_debug_is_cut(const struct dwarf_debug *d)
{
	return d->is_cut;
}

size_t dwarf_debug_unit_count(struct dwarf_debug *d)
{
	struct dwarf_file *file = dwarf_debug_main(d);
	struct error *err = dwarf_units_list(d, file, UINT64_MAX);

	if (err) { // whoever reads the units is told
		error_free(d->list_error);
		d->list_error = err;
	}
	return file->unit_count;
}

struct error *dwarf_debug_count_error(struct dwarf_debug *d)
{
	return STEAL(d->list_error);
}

struct error *dwarf_debug_overworked(void)
{
	return error_new(LIMIT, "entries claim the same bytes again and again");
}

struct error *dwarf_debug_note(struct dwarf_debug *d, struct error *err,
			       const struct dwarf_file *file, uint64_t offset)
{
	if (!err || d->has_sink_failed || !elf_is_damage(err))
		return err;
	d->is_cut = d->is_cut || error_kind(err) == ERROR_LIMIT;
	if (!d->problem) {
		const char *dwo = file->object.is_split ? ".dwo" : "";

		d->problem = mem_printf(
			"%s.debug_info%s at offset 0x%" PRIx64 ": %s",
			file == &d->files[1] && d->has_alt ? "alternate file: "
							   : "",
			dwo, offset, error_message(err));
		if (!d->problem) {
			error_free(err);
			return error_no_memory;
		}
	}
	error_free(err);
	return NULL;
}

struct error *dwarf_debug_part(struct dwarf_debug *d, struct dwarf_file *file,
			       enum dwarf_section_id id, uint64_t size,
			       struct dwarf_bytes *ret)
{
	return dwarf_debug_note(
		d, dwarf_object_part(&file->object, id, size, ret), file, 0);
}

struct error *dwarf_debug_section(struct dwarf_debug *d,
				  struct dwarf_file *file,
				  enum dwarf_section_id id,
				  struct dwarf_bytes *ret)
{
	return dwarf_debug_note(d, dwarf_object_section(&file->object, id, ret),
				file, 0);
}

/* Where code may lie. A debug file has these sections, too, only without
 * bytes. */
static struct error *find_text(struct dwarf_debug *d,
			       const struct dwarf_debug_inputs *in)
{
	const struct elf_file *f = in->file;
	struct dwarf_spans *text = &d->text;

	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);
		uint64_t start = s.vaddr;

		if (!(s.flags & SHF_ALLOC) || !(s.flags & SHF_EXECINSTR) ||
		    s.size == 0)
			continue;
		if (in->section_vaddrs)
			start = i < in->section_vaddr_count
					? in->section_vaddrs[i]
					: 0;
		if (start <= UINT64_MAX - s.size &&
		    !dwarf_spans_add(text, start, start + s.size))
			return error_no_memory;
	}
	for (size_t i = 0; i < f->segment_count && !text->count; i++) {
		struct elf_phdr p = elf_file_segment(f, i);

		if (p.type == PT_LOAD && (p.flags & PF_X) && p.mem_size &&
		    p.vaddr <= UINT64_MAX - p.mem_size &&
		    !dwarf_spans_add(text, p.vaddr, p.vaddr + p.mem_size))
			return error_no_memory;
	}
	// Nothing is known: only what linkers put for dropped code is none.
	if (!text->count && !dwarf_spans_add(text, 1, UINT64_MAX - 1))
		return error_no_memory;
	dwarf_spans_normalize(text, 0);
	return NULL;
}

static struct error *add_files(struct dwarf_debug *d,
			       const struct dwarf_debug_inputs *in)
{
	struct dwarf_file *main_file;

	d->files = mem_array(2 + in->split_count, sizeof(*d->files));
	if (!d->files)
		return error_no_memory;
	main_file = &d->files[0];
	dwarf_object_init(&main_file->object, in->file, false);
	main_file->object.relocator = (struct dwarf_relocator) {
		.vaddrs = in->section_vaddrs,
		.vaddr_count = in->section_vaddr_count,
	};
	d->has_alt = in->alt != NULL;
	if (in->alt)
		dwarf_object_init(&d->files[1].object, in->alt, false);
	d->file_count = 2;
	for (size_t i = 0; i < in->split_count; i++)
		dwarf_object_init(&d->files[d->file_count++].object,
				  in->splits[i].file, true);
	for (size_t i = 0; i < d->file_count; i++)
		d->files[i].number = i;
	return NULL;
}

static struct error *open_all(struct dwarf_debug *d,
			      const struct dwarf_debug_inputs *in)
{
	TRY(add_files(d, in));
	TRY(find_text(d, in));
	TRY(dwarf_names_create(&d->names));
	TRY(dwarf_walk_create(&d->walk));
	TRY(dwarf_lines_create(&d->lines));
	return NULL;
}

struct error *dwarf_debug_open(const struct dwarf_debug_inputs *inputs,
			       struct dwarf_debug **ret)
{
	CLEANUP_DWARF_DEBUG struct dwarf_debug *d = mem_zalloc(sizeof(*d));

	if (!d)
		return error_no_memory;
	d->work_max = ELF_DWARF_WORK_MAX +
		      inputs->file->in->size * ELF_DWARF_WORK_FOR_BYTE_MAX;
	TRY(open_all(d, inputs));
	*ret = STEAL(d);
	return NULL;
}

void dwarf_debug_close(struct dwarf_debug *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < DWARF_CU_CACHE; i++)
		dwarf_cu_close(d->cus[i]);
	for (size_t i = 0; i < DWARF_ABBREVS_CACHE; i++)
		dwarf_abbrevs_put(d->abbrevs[i].table);
	dwarf_split_index_free(d->splits);
	dwarf_lines_free(d->lines);
	dwarf_walk_free(d->walk);
	dwarf_names_free(d->names);
	for (size_t i = 0; i < d->file_count; i++) {
		dwarf_object_deinit(&d->files[i].object);
		mem_free(d->files[i].units);
	}
	mem_free(d->files);
	mem_free(d->text.v);
	mem_free(d->found.v);
	mem_free(d->problem);
	error_free(d->list_error);
	mem_free(d);
}

/* Code lies in compile units and in skeletons. Partial units, which older
 * versions do not tell apart here, name the line table of another one. */
static bool may_hold_code(const struct dwarf_unit *u)
{
	return u->type == 0 || u->type == DW_UT_compile ||
	       u->type == DW_UT_skeleton;
}

static struct error *read_string(struct dwarf_cu *cu, enum dwarf_slot slot,
				 const char **ret, size_t *len_ret)
{
	*ret = NULL;
	*len_ret = 0;
	if (dwarf_die_has(&cu->root, slot))
		TRY(dwarf_value_string(cu, &cu->root.values[slot], ret,
				       len_ret));
	if (!*ret)
		*ret = "";
	return NULL;
}

static struct error *tell_missing(struct dwarf_cu *cu, uint64_t dwo_id,
				  const struct dwarf_sink *sink)
{
	const char *dir, *name;
	size_t dir_len, name_len;

	if (!sink->missing_split)
		return NULL;
	TRY(read_string(cu, DWARF_SLOT_COMP_DIR, &dir, &dir_len));
	TRY(read_string(cu, DWARF_SLOT_DWO_NAME, &name, &name_len));
	struct error *err = sink->missing_split(sink->ctx, dwo_id, dir, dir_len,
						name, name_len);

	cu->d->has_sink_failed = err != NULL;
	return err;
}

/* A skeleton's own entries, if it has any, are less than those of the split
 * unit. */
static struct error *read_split(struct dwarf_debug *d, struct dwarf_cu *cu,
				const struct dwarf_sink *sink,
				struct dwarf_cu **ret)
{
	uint64_t dwo_id = cu->unit.dwo_id;

	if (cu->unit.type == 0) {
		if (!dwarf_die_has(&cu->root, DWARF_SLOT_DWO_ID))
			return NULL;
		dwo_id = cu->root.values[DWARF_SLOT_DWO_ID].v;
	} else if (cu->unit.type != DW_UT_skeleton) {
		return NULL;
	}
	TRY(dwarf_debug_note(d, dwarf_split_open(d, cu, dwo_id, ret), cu->file,
			     cu->unit.offset));
	return *ret ? NULL : tell_missing(cu, dwo_id, sink);
}

static struct error *read_unit(struct dwarf_debug *d,
			       const struct dwarf_unit *unit,
			       const struct dwarf_wanted *wanted,
			       const struct dwarf_sink *sink)
{
	CLEANUP_DWARF_CU struct dwarf_cu *cu = NULL;
	CLEANUP_DWARF_CU struct dwarf_cu *split = NULL;
	struct dwarf_line_table *lines;

	TRY(dwarf_cu_open(d, dwarf_debug_main(d), unit, NULL, NULL, &cu));
	if (cu->root.abbrev->tag == DW_TAG_partial_unit)
		return NULL;
	TRY(read_split(d, cu, sink, &split));
	if (split)
		split->main_offset = unit->offset;
	cu->main_offset = unit->offset;
	TRY(dwarf_lines_read(cu, &lines));
	return dwarf_walk_unit(d->walk, split ? split : cu, lines, wanted,
			       sink);
}

struct error *dwarf_debug_read_unit(struct dwarf_debug *d, size_t unit,
				    const struct dwarf_wanted *wanted,
				    const struct dwarf_sink *sink)
{
	struct dwarf_file *file = dwarf_debug_main(d);

	if (d->list_error)
		return STEAL(d->list_error);
	if (unit >= file->unit_count)
		TRY(dwarf_units_list(d, file, UINT64_MAX));
	if (unit >= file->unit_count)
		return NULL;
	// A copy: more units may be listed meanwhile.
	const struct dwarf_unit u = file->units[unit];

	if (!may_hold_code(&u))
		return NULL;
	if (sink->ctx != d->sink) { // numbers are its own
		dwarf_names_forget(d->names);
		dwarf_walk_forget(d->walk);
		d->lines->is_read = false;
		d->sink = sink->ctx;
	}
	d->has_sink_failed = false;
	TRY(dwarf_debug_note(d, read_unit(d, &u, wanted, sink), file,
			     u.offset));
	dwarf_object_release(&file->object, DWARF_INFO, u.offset);
	dwarf_object_release(&file->object, DWARF_LINE, d->lines->offset);
	return NULL;
}
