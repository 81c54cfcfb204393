/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "elf/dwarf_reader.h"
#include "elf/elf_limits.h"

/* "line" for .debug_line and .zdebug_line; NULL if it is neither kind. The
 * .dwo ones are another file's and match nothing. */
static const char *debug_name(const char *name)
{
	if (strncmp(name, ".debug_", 7) == 0)
		return name + 7;
	if (strncmp(name, ".zdebug_", 8) == 0)
		return name + 8;
	return NULL;
}

static struct error *list_add(struct dwarf_section_list *list, size_t number)
{
	if (list->count >= ELF_DEBUG_SECTIONS_MAX)
		return NULL;
	if (!mem_grow(&list->numbers, &list->capacity, list->count + 1,
		      sizeof(*list->numbers)))
		return error_no_memory;
	list->numbers[list->count++] = number;
	return NULL;
}

static void keep_first(size_t *to, size_t number)
{
	if (!*to)
		*to = number;
}

static struct error *find_sections(struct dwarf_sections *s,
				   const struct elf_file *file)
{
	for (size_t i = 1; i < file->section_count; i++) {
		struct elf_shdr shdr = elf_file_section(file, i);
		const char *name =
			debug_name(elf_file_section_name(file, &shdr));

		if (!name || shdr.type == SHT_NOBITS || shdr.size == 0)
			continue;
		if (strcmp(name, "line") == 0)
			TRY(list_add(&s->line, i));
		else if (strcmp(name, "info") == 0)
			TRY(list_add(&s->info, i));
		else if (strcmp(name, "abbrev") == 0)
			keep_first(&s->abbrev, i);
		else if (strcmp(name, "str") == 0)
			keep_first(&s->str, i);
		else if (strcmp(name, "line_str") == 0)
			keep_first(&s->line_str, i);
		else if (strcmp(name, "str_offsets") == 0)
			keep_first(&s->str_offsets, i);
	}
	return NULL;
}

struct error *dwarf_reader_init(struct dwarf_reader *ret, struct elf_file *file)
{
	*ret = (struct dwarf_reader) { .file = file };
	struct error *err = find_sections(&ret->sections, file);

	if (err)
		dwarf_reader_deinit(ret);
	return err;
}

void dwarf_reader_deinit(struct dwarf_reader *d)
{
	mem_free(STEAL(d->sections.line.numbers));
	mem_free(STEAL(d->sections.info.numbers));
	source_names_deinit(&d->names);
	mem_free(STEAL(d->problem));
}

struct error *dwarf_note_problem(struct dwarf_reader *d, struct error *err,
				 const char *section, uint64_t offset)
{
	if (!err || !elf_is_damage(err))
		return err;
	if (d->more_problems >= ELF_PROBLEMS_MAX)
		return err;
	if (d->problem) {
		d->more_problems++;
		error_free(err);
		return NULL;
	}
	d->problem = mem_printf("%s at offset 0x%" PRIx64 ": %s", section,
				offset, error_message(err));
	error_free(err);
	return d->problem ? NULL : error_no_memory;
}

struct error *dwarf_string_ref(struct dwarf_reader *d,
			       struct elf_relocs *relocs, uint64_t at,
			       const struct dwarf_string *s,
			       struct source_ref *ret)
{
	uint64_t value = s->value;

	*ret = source_ref_at(SOURCE_MISSING, 0);
	if (s->kind == DWARF_STRING_INLINE)
		return source_names_string(&d->names, s->text, s->len, ret);
	if (s->kind == DWARF_STRING_ALT) {
		*ret = source_ref_at(SOURCE_ALT, value);
		return NULL;
	}
	TRY(elf_relocs_apply(relocs, at, &value, NULL));
	*ret = source_ref_at(s->kind == DWARF_STRING_STR ? SOURCE_STR
							 : SOURCE_LINE_STR,
			     value);
	return NULL;
}
