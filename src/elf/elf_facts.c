/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "base/mem.h"
#include "elf/dwarf_functions.h"
#include "elf/dwarf_sources.h"
#include "elf/elf_facts.h"
#include "elf/elf_file.h"
#include "elf/elf_hash.h"
#include "elf/elf_limits.h"
#include "elf/elf_note.h"

/* What the section table says the file is good for. Only sections with bytes
 * count: separate debug files list the program's as SHT_NOBITS. */
struct contents {
	bool has_program;   /* bytes to be loaded, notes apart */
	bool has_lines;     /* .debug_line: names of sources */
	bool has_dwarf;     /* .debug_info or .debug_line */
	bool has_debug;     /* these or another part of them */
	bool has_split;     /* .debug_info.dwo or .debug_cu_index */
	bool has_unwinding; /* .debug_frame */
	bool has_symtab;
	bool has_dynsym;
	bool has_minidebuginfo;
	size_t alt_link; /* section; 0: none */
};

/* Not all that is named .debug_* makes a file one to debug with. Programs that
 * are stripped keep .debug_gdb_scripts (loaded: Rust), and .debug_frame where
 * exceptions need it (ARM). */
static void look_at_debug_section(const char *part, bool is_loaded,
				  struct contents *c)
{
	if (strcmp(part, "gdb_scripts") == 0 || is_loaded)
		return;
	if (strcmp(part, "frame") == 0) {
		c->has_unwinding = true;
		return;
	}
	c->has_debug = true;
	if (strcmp(part, "info") == 0 || strcmp(part, "line") == 0)
		c->has_dwarf = true;
	if (strcmp(part, "line") == 0)
		c->has_lines = true;
	if (strcmp(part, "info.dwo") == 0 || strcmp(part, "cu_index") == 0)
		c->has_split = true;
}

static void look_at_section(const char *name, size_t number,
			    const struct elf_shdr *s, struct contents *c)
{
	bool is_loaded = s->flags & SHF_ALLOC;

	if (s->type == SHT_NOBITS || s->size == 0)
		return;
	if (s->type == SHT_SYMTAB)
		c->has_symtab = true;
	if (s->type == SHT_DYNSYM)
		c->has_dynsym = true;
	if (s->type == SHT_PROGBITS && is_loaded)
		c->has_program = true;
	if (strncmp(name, ".debug_", 7) == 0)
		look_at_debug_section(name + 7, is_loaded, c);
	else if (strncmp(name, ".zdebug_", 8) == 0)
		look_at_debug_section(name + 8, is_loaded, c);
	else if (strcmp(name, ".gnu_debugdata") == 0)
		c->has_minidebuginfo = true;
	else if (strcmp(name, ".gnu_debugaltlink") == 0)
		c->alt_link = number;
}

/* Without a section table (sstrip, packers, a damaged end) the segments tell
 * whether there is a program, and whether it is still there. */
static bool has_loadable_bytes(const struct elf_file *f)
{
	for (size_t i = 0; i < f->segment_count; i++) {
		struct elf_phdr p = elf_file_segment(f, i);

		if (p.type == PT_LOAD && (p.flags & PF_X) && p.file_size &&
		    p.offset <= f->in->size &&
		    p.file_size <= f->in->size - p.offset)
			return true;
	}
	return false;
}

static struct contents look_at_sections(const struct elf_file *f)
{
	struct contents c = { 0 };

	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		look_at_section(elf_file_section_name(f, &s), i, &s, &c);
	}
	if (f->section_count == 0)
		c.has_program = has_loadable_bytes(f);
	return c;
}

static unsigned roles(const struct elf_file *f, const struct contents *c)
{
	uint16_t type = f->header.type;
	unsigned ret = 0;

	if (type != ET_EXEC && type != ET_DYN && type != ET_REL)
		return 0;
	if (c->has_program && !(c->has_split && type == ET_REL))
		ret |= ELF_ROLE_EXECUTABLE;
	if (c->has_debug ||
	    ((c->has_symtab || c->has_unwinding) && !c->has_program))
		ret |= ELF_ROLE_DEBUGINFO;
	return ret;
}

static enum elf_quality quality(const struct contents *c)
{
	if (c->has_dwarf)
		return ELF_QUALITY_DWARF;
	if (c->has_symtab)
		return ELF_QUALITY_SYMTAB;
	if (c->has_minidebuginfo)
		return ELF_QUALITY_MINIDEBUGINFO;
	return c->has_dynsym ? ELF_QUALITY_DYNSYM : ELF_QUALITY_NONE;
}

static struct error *read_segments(const struct elf_file *f,
				   struct elf_facts *facts)
{
	size_t count = 0;

	for (size_t i = 0; i < f->segment_count; i++)
		count += elf_file_segment(f, i).type == PT_LOAD;
	facts->segments = mem_array(count, sizeof(*facts->segments));
	if (!facts->segments)
		return error_no_memory;
	for (size_t i = 0; i < f->segment_count; i++) {
		struct elf_phdr p = elf_file_segment(f, i);

		if (p.type != PT_LOAD)
			continue;
		facts->segments[facts->segment_count++] = (struct elf_segment) {
			.offset = { p.offset },
			.vaddr = { p.vaddr },
			.file_size = p.file_size,
			.mem_size = p.mem_size,
			.flags = p.flags,
		};
	}
	return NULL;
}

/* A core file's notes are about the process it was. */
static struct error *read_ids(struct elf_file *f, struct elf_facts *facts)
{
	if (f->header.type != ET_CORE)
		TRY(elf_file_ids(f, &facts->gnu_id, &facts->go_id));
	if (f->sections_problem && !facts->gnu_id.len && !facts->go_id)
		return error_new(BAD_DATA, "no identity, and %s",
				 f->sections_problem);
	elf_htlhash(f, facts->htlhash);
	return elf_breakpad_guid(f, &facts->gnu_id, facts->breakpad_guid);
}

static struct error *read_sources(struct elf_file *f, const struct contents *c,
				  struct elf_facts *facts)
{
	if (f->sections_problem) {
		facts->sources_problem = mem_strdup(f->sections_problem);
		return facts->sources_problem ? NULL : error_no_memory;
	}
	if (!c->has_lines)
		return NULL;
	// A file that names itself has no other one.
	bool has_alt = facts->alt_id.len &&
		       !build_id_equal(&facts->alt_id, &facts->gnu_id);

	return dwarf_sources_read(f, has_alt, &facts->sources,
				  &facts->source_count, &facts->sources_pending,
				  &facts->sources_problem);
}

static struct error *read_facts(struct elf_file *f, bool want_sources,
				struct elf_facts *facts)
{
	struct contents c = look_at_sections(f);

	facts->elf_class = f->header.is_64 ? 64 : 32;
	facts->is_big_endian = f->header.big_endian;
	facts->machine = f->header.machine;
	facts->type = f->header.type;
	TRY(read_ids(f, facts));
	facts->roles = roles(f, &c);
	facts->quality = quality(&c);
	TRY(read_segments(f, facts));
	if (c.has_split)
		TRY(dwarf_split_ids(f, &facts->split_ids,
				    &facts->split_id_count));
	if (c.alt_link)
		TRY(elf_alt_link(f, c.alt_link, &facts->alt_id,
				 &facts->alt_name));
	return want_sources ? read_sources(f, &c, facts) : NULL;
}

struct error *elf_facts_read(struct input *in, bool want_sources,
			     struct elf_facts *ret)
{
	CLEANUP_ELF_FACTS struct elf_facts facts = { 0 };
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	TRY(elf_file_open(in, &f));
	struct error *err = read_facts(&f, want_sources, &facts);
	struct error *input_error = elf_file_take_error(&f);

	// Says what is behind the other one, if there is another one.
	if (input_error) {
		error_free(err);
		return input_error;
	}
	TRY(err);
	*ret = facts;
	facts = (struct elf_facts) { 0 };
	return NULL;
}

void elf_facts_deinit(struct elf_facts *f)
{
	mem_free(STEAL(f->go_id));
	mem_free(STEAL(f->alt_name));
	mem_free(STEAL(f->segments));
	mem_free(STEAL(f->split_ids));
	mem_free(STEAL(f->sources_problem));
	buf_deinit(&f->sources);
	buf_deinit(&f->sources_pending);
	f->segment_count = 0;
	f->split_id_count = 0;
	f->source_count = 0;
}

struct error *elf_section_find(struct input *in, const char *name,
			       struct elf_section_range *ret, bool *found_ret)
{
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	TRY(elf_file_open(in, &f));
	if (f.sections_problem)
		return error_new(BAD_DATA, "%s", f.sections_problem);
	*found_ret = false;
	for (size_t i = 1; i < f.section_count && !*found_ret; i++) {
		struct elf_shdr s = elf_file_section(&f, i);

		if (s.type == SHT_NOBITS || s.size == 0 ||
		    strcmp(elf_file_section_name(&f, &s), name) != 0)
			continue;
		if (s.offset > in->size || s.size > in->size - s.offset)
			return error_new(BAD_DATA,
					 "section %s lies outside the file",
					 name);
		*ret = (struct elf_section_range) { { s.offset }, s.size };
		*found_ret = true;
	}
	return NULL;
}
