/* SPDX-License-Identifier: Apache-2.0 */
/* elf_writer, first half: header, segments, sections in order, relocations,
 * symbols, and last the section table.
 *
 *	ELF header | program headers | notes | .text | .dynsym .dynstr |
 *	.debug_* | .gnu_debugaltlink | extras | .rela.* | .symtab .strtab |
 *	.shstrtab | section table
 *
 * Source: System V gABI 4.1 with the drafts up to 2022 (SHF_COMPRESSED). */
#include "config.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/build_id.h"
#include "base/mem.h"
#include "tests/lib/elf_writer_impl.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

static void check(bool ok)
{
	if (!ok) {
		fputs("elf_writer: no memory, or a spec that cannot be\n",
		      stderr);
		abort();
	}
}

void elf_out_bytes(struct buf *b, const void *data, size_t size)
{
	check(size == 0 || buf_append(b, data, size));
}

void elf_out_zeros(struct buf *b, size_t size)
{
	void *p = buf_reserve(b, size + 1);

	check(p != NULL);
	memset(p, 0, size);
	buf_commit(b, size);
}

void elf_out_set(const struct elf_out *out, struct buf *b, size_t at,
		 uint64_t v, unsigned size)
{
	check(size <= 8 && at + size <= b->size);
	for (unsigned i = 0; i < size; i++) {
		unsigned byte = out->spec->big_endian ? size - 1 - i : i;

		b->data[at + i] = (uint8_t)(v >> (8 * byte));
	}
}

void elf_out_put(const struct elf_out *out, struct buf *b, uint64_t v,
		 unsigned size)
{
	elf_out_zeros(b, size);
	elf_out_set(out, b, b->size - size, v, size);
}

void elf_out_uleb(struct buf *b, uint64_t v)
{
	do {
		uint8_t byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));

		elf_out_bytes(b, &byte, 1);
		v >>= 7;
	} while (v);
}

void elf_out_sleb(struct buf *b, int64_t v)
{
	bool more = true;

	while (more) {
		uint8_t byte = (uint8_t)v & 0x7f;

		v >>= 7;
		more = !((v == 0 && !(byte & 0x40)) ||
			 (v == -1 && (byte & 0x40)));
		if (more)
			byte |= 0x80;
		elf_out_bytes(b, &byte, 1);
	}
}

/* An address or offset in the file's class. */
static unsigned word_size(const struct elf_out *out)
{
	return out->spec->is_32 ? 4 : 8;
}

static void put_word(const struct elf_out *out, struct buf *b, uint64_t v)
{
	elf_out_put(out, b, v, word_size(out));
}

size_t elf_out_section(struct elf_out *out, const char *name, uint32_t type,
		       uint64_t align)
{
	check(mem_grow(&out->sections, &out->section_capacity,
		       out->section_count + 1, sizeof(*out->sections)));
	out->sections[out->section_count] = (struct elf_out_section) {
		.name = name, .type = type, .align = align
	};
	return out->section_count++;
}

struct buf *elf_out_data(struct elf_out *out, size_t section)
{
	check(section < out->section_count);
	return &out->sections[section].data;
}

void elf_out_reference(struct elf_out *out, size_t section, size_t target,
		       uint64_t v, unsigned size)
{
	struct buf *b = elf_out_data(out, section);

	if (out->relocatable) {
		check(mem_grow(&out->relocs, &out->reloc_capacity,
			       out->reloc_count + 1, sizeof(*out->relocs)));
		out->relocs[out->reloc_count++] = (struct elf_out_reloc) {
			.section = section,
			.offset = b->size,
			.target = target,
			.addend = v,
			.size = size,
		};
		if (!out->spec->use_rel)
			v = 0;
	}
	elf_out_put(out, b, v, size);
}

/* The value of a field, which may be a lie. */
static uint64_t field(const struct elf_out *out, enum elf_field field,
		      const char *section, size_t at, uint64_t truth)
{
	const struct elf_lie *lie = out->spec->lies;

	for (; lie && lie->field; lie++) {
		if (lie->field != field)
			continue;
		if (section && (!lie->section || strcmp(lie->section, section)))
			continue;
		if (!section && lie->at != at)
			continue;
		return lie->value;
	}
	return truth;
}

static void tell_byte_lies(struct elf_out *out, enum elf_field kind)
{
	const struct elf_lie *lie = out->spec->lies;

	for (; lie && lie->field; lie++) {
		if (lie->field != kind)
			continue;
		for (size_t i = 0; i < out->section_count; i++) {
			struct elf_out_section *s = &out->sections[i];

			if (!s->name || strcmp(s->name, lie->section))
				continue;
			elf_out_set(out, &s->data, lie->at, lie->value,
				    lie->width);
			break;
		}
	}
}

/* Notes. */

static void put_note(struct elf_out *out, struct buf *b, const char *name,
		     uint32_t type, const void *desc, size_t size)
{
	size_t align = out->spec->note_align ? out->spec->note_align : 4;

	elf_out_put(out, b, strlen(name) + 1, 4);
	elf_out_put(out, b, size, 4);
	elf_out_put(out, b, type, 4);
	elf_out_bytes(b, name, strlen(name) + 1);
	elf_out_zeros(b, -b->size & (align - 1));
	elf_out_bytes(b, desc, size);
	elf_out_zeros(b, -b->size & (align - 1));
}

static size_t add_note_section(struct elf_out *out, const char *name)
{
	size_t i = elf_out_section(
		out, name,
		out->spec->notes_by_segment_only ? SHT_PROGBITS : SHT_NOTE,
		out->spec->note_align ? out->spec->note_align : 4);

	out->sections[i].flags = SHF_ALLOC;
	return i;
}

/* Hexadecimal of any length, also ones no build ID may have. */
static void put_hex(struct buf *b, const char *hex)
{
	size_t len = strlen(hex);

	check(len % 2 == 0);
	for (size_t i = 0; i < len; i += 2) {
		char two[3] = { hex[i], hex[i + 1], 0 };
		uint8_t byte = (uint8_t)strtoul(two, NULL, 16);

		elf_out_bytes(b, &byte, 1);
	}
}

static void add_notes(struct elf_out *out)
{
	const struct elf_spec *spec = out->spec;

	if (spec->build_id) {
		CLEANUP_BUF struct buf id = BUF_INIT;
		size_t i = add_note_section(out, ".note.gnu.build-id");
		struct buf *b = elf_out_data(out, i);

		if (spec->has_other_note)
			put_note(out, b, "Linux", 257, "12345", 5);
		put_hex(&id, spec->build_id);
		put_note(out, b, "GNU", NT_GNU_BUILD_ID, id.data, id.size);
	}
	if (spec->go_id) {
		size_t i = add_note_section(out, ".note.go.buildid");

		put_note(out, elf_out_data(out, i), "Go", 4, spec->go_id,
			 strlen(spec->go_id));
	}
}

/* Program bits. */

static void add_text(struct elf_out *out)
{
	const struct elf_spec *spec = out->spec;
	size_t i = elf_out_section(out, ".text", SHT_PROGBITS, 16);
	struct elf_out_section *s = &out->sections[i];
	uint64_t state = spec->text_seed + UINT64_C(0x9e3779b97f4a7c15);

	s->flags = SHF_ALLOC | SHF_EXECINSTR;
	if (spec->is_debug_file) {
		s->type = SHT_NOBITS;
		s->size = spec->text_size;
		return;
	}
	elf_out_zeros(&s->data, spec->text_size);
	for (size_t at = 0; at < s->data.size; at++) {
		state = state * UINT64_C(6364136223846793005) +
			1442695040888963407;
		s->data.data[at] = (uint8_t)(state >> 56);
	}
}

static void put_symbol(const struct elf_out *out, struct buf *b, uint32_t name,
		       uint64_t value, uint64_t size, uint8_t info,
		       uint16_t shndx)
{
	elf_out_put(out, b, name, 4);
	if (out->spec->is_32) {
		elf_out_put(out, b, value, 4);
		elf_out_put(out, b, size, 4);
	}
	elf_out_put(out, b, info, 1);
	elf_out_put(out, b, 0, 1);
	elf_out_put(out, b, shndx, 2);
	if (!out->spec->is_32) {
		elf_out_put(out, b, value, 8);
		elf_out_put(out, b, size, 8);
	}
}

static size_t section_of(const struct elf_out *out, const char *name)
{
	for (size_t i = 1; i < out->section_count; i++) {
		if (strcmp(out->sections[i].name, name) == 0)
			return i;
	}
	return 0;
}

/* A symbol table and its strings. In ET_REL each section so far has a symbol
 * of its own number. */
static size_t add_symbols(struct elf_out *out, bool dynamic)
{
	const struct elf_spec *spec = out->spec;
	const struct elf_symbol *symbols =
		dynamic ? spec->dynamic_symbols : spec->symbols;
	size_t count =
		dynamic ? spec->dynamic_symbol_count : spec->symbol_count;
	size_t locals = out->relocatable && !dynamic ? out->section_count : 1;
	CLEANUP_BUF struct buf table = BUF_INIT;
	CLEANUP_BUF struct buf names = BUF_INIT;
	size_t text = section_of(out, ".text");

	put_symbol(out, &table, 0, 0, 0, 0, 0);
	elf_out_zeros(&names, 1);
	for (size_t i = 1; i < locals; i++)
		put_symbol(out, &table, 0, 0, 0, STT_SECTION, (uint16_t)i);
	for (size_t i = 0; i < count; i++) {
		const struct elf_symbol *s = &symbols[i];

		put_symbol(out, &table, (uint32_t)names.size, s->value, s->size,
			   (uint8_t)(s->info ? s->info
					     : STB_GLOBAL << 4 | STT_FUNC),
			   (uint16_t)(s->section ? section_of(out, s->section)
						 : text));
		elf_out_bytes(&names, symbols[i].name,
			      strlen(symbols[i].name) + 1);
	}
	size_t i = elf_out_section(out, dynamic ? ".dynsym" : ".symtab",
				   dynamic ? SHT_DYNSYM : SHT_SYMTAB,
				   word_size(out));
	size_t n = elf_out_section(out, dynamic ? ".dynstr" : ".strtab",
				   SHT_STRTAB, 1);
	struct elf_out_section *s = &out->sections[i];
	bool no_bits = dynamic && spec->is_debug_file;

	s->link = (uint32_t)n;
	s->info = (uint32_t)locals;
	s->entsize = spec->is_32 ? 16 : 24;
	s->flags = dynamic ? SHF_ALLOC : 0;
	out->sections[n].flags = s->flags;
	if (no_bits) {
		s->type = out->sections[n].type = SHT_NOBITS;
		s->size = table.size;
		out->sections[n].size = names.size;
		return i;
	}
	elf_out_bytes(&s->data, table.data, table.size);
	elf_out_bytes(&out->sections[n].data, names.data, names.size);
	return i;
}

/* Relocations. */

static unsigned reloc_type(const struct elf_out *out, unsigned size)
{
	switch (out->spec->machine) {
	case 0:
	case EM_X86_64:
		if (out->spec->is_32)
			return R_386_32;
		return size == 8 ? R_X86_64_64 : R_X86_64_32;
	case EM_AARCH64:
		return size == 8 ? R_AARCH64_ABS64 : R_AARCH64_ABS32;
	case EM_ARM:
		return R_ARM_ABS32;
	default: /* EM_386, EM_PPC, EM_PPC64: 1 is the word */
		return size == 8 ? 38 : 1;
	}
}

static void put_reloc(const struct elf_out *out, struct buf *b,
		      const struct elf_out_reloc *r)
{
	uint64_t type = reloc_type(out, r->size);
	uint64_t info = out->spec->is_32 ? (uint64_t)r->target << 8 | type
					 : (uint64_t)r->target << 32 | type;

	/* MIPS64 little-endian: symbol, then the types as bytes. */
	if (out->spec->machine == EM_MIPS && !out->spec->is_32 &&
	    !out->spec->big_endian)
		info = (uint64_t)r->target | type << 56;
	put_word(out, b, r->offset);
	put_word(out, b, info);
	if (!out->spec->use_rel)
		put_word(out, b, r->addend);
}

static void add_relocs_of(struct elf_out *out, size_t section)
{
	const struct elf_spec *spec = out->spec;
	CLEANUP_BUF struct buf table = BUF_INIT;
	CLEANUP_FREE char *name =
		mem_printf("%s%s", spec->use_rel ? ".rel" : ".rela",
			   out->sections[section].name);

	for (size_t i = 0; i < out->reloc_count; i++) {
		size_t at = spec->unsorted_relocations
				    ? out->reloc_count - 1 - i
				    : i;

		if (out->relocs[at].section == section)
			put_reloc(out, &table, &out->relocs[at]);
	}
	if (!table.size)
		return;
	size_t i = elf_out_section(
		out, name, spec->use_rel ? SHT_REL : SHT_RELA, word_size(out));

	out->sections[i].owned_name = STEAL(name);
	elf_out_bytes(elf_out_data(out, i), table.data, table.size);
	out->sections[i].entsize = (spec->use_rel ? 2 : 3) * word_size(out);
	out->sections[i].info = (uint32_t)section;
	out->sections[i].flags = SHF_INFO_LINK;
}

/* The symbol table's number is known only after the relocations'. */
static void add_relocs_and_symbols(struct elf_out *out)
{
	size_t before = out->section_count;

	for (size_t i = 1; i < before; i++)
		add_relocs_of(out, i);
	if (!out->spec->symbol_count && !out->reloc_count)
		return;
	size_t symtab = add_symbols(out, false);

	for (size_t i = before; i < symtab; i++)
		out->sections[i].link = (uint32_t)symtab;
}

/* Packing. */

static size_t compress_bytes(enum elf_packing packing, const struct buf *raw,
			     struct buf *packed)
{
	if (packing == ELF_PACK_ZSTD) {
		size_t room = ZSTD_compressBound(raw->size);
		void *p = buf_reserve(packed, room);
		size_t n = ZSTD_compress(p, room, raw->data, raw->size, 3);

		check(p && !ZSTD_isError(n));
		return n;
	}
	uLongf n = compressBound(raw->size);
	void *p = buf_reserve(packed, n);

	check(p && compress2(p, &n, raw->data, raw->size, 6) == Z_OK);
	return n;
}

static void pack_section(struct elf_out *out, struct elf_out_section *s)
{
	enum elf_packing packing = out->spec->packing;
	struct buf packed = BUF_INIT;

	if (packing == ELF_PACK_ZDEBUG) {
		elf_out_bytes(&packed, "ZLIB", 4);
		for (int shift = 56; shift >= 0; shift -= 8) {
			uint8_t byte =
				(uint8_t)((uint64_t)s->data.size >> shift);

			elf_out_bytes(&packed, &byte, 1);
		}
		s->owned_name = mem_printf(".z%s", s->name + 1);
		check(s->owned_name != NULL);
		s->name = s->owned_name;
	} else {
		elf_out_put(out, &packed,
			    packing == ELF_PACK_ZSTD ? ELFCOMPRESS_ZSTD
						     : ELFCOMPRESS_ZLIB,
			    4);
		if (!out->spec->is_32)
			elf_out_put(out, &packed, 0, 4);
		put_word(out, &packed, s->data.size);
		put_word(out, &packed, 1);
		s->flags |= SHF_COMPRESSED;
	}
	size_t n = compress_bytes(packing, &s->data, &packed);

	buf_commit(&packed, n);
	buf_deinit(&s->data);
	s->data = packed;
}

static void pack_sections(struct elf_out *out)
{
	if (out->spec->packing == ELF_PACK_NONE)
		return;
	for (size_t i = 1; i < out->section_count; i++) {
		struct elf_out_section *s = &out->sections[i];

		if (s->data.size && strncmp(s->name, ".debug_", 7) == 0)
			pack_section(out, s);
	}
}

/* The file. */

static void add_alt_link(struct elf_out *out)
{
	size_t i = elf_out_section(out, ".gnu_debugaltlink", SHT_PROGBITS, 1);
	struct buf *b = elf_out_data(out, i);

	elf_out_bytes(b, out->spec->alt_name, strlen(out->spec->alt_name) + 1);
	if (out->spec->alt_id)
		put_hex(b, out->spec->alt_id);
}

static void add_extra(struct elf_out *out, const struct elf_extra *extra)
{
	size_t i = elf_out_section(out, extra->name,
				   extra->type ? extra->type : SHT_PROGBITS,
				   extra->align ? extra->align : 1);
	struct elf_out_section *s = &out->sections[i];

	s->flags = extra->flags;
	if (extra->type == SHT_NOBITS)
		s->size = extra->size;
	else if (extra->data)
		elf_out_bytes(&s->data, extra->data, extra->size);
	else
		elf_out_zeros(&s->data, extra->size);
}

static void add_section_names(struct elf_out *out)
{
	size_t i = elf_out_section(out, ".shstrtab", SHT_STRTAB, 1);
	struct buf *b = elf_out_data(out, i);

	elf_out_zeros(b, 1);
	for (size_t n = 1; n < out->section_count; n++) {
		struct elf_out_section *s = &out->sections[n];

		if (n > 1 && strcmp(s->name, s[-1].name) == 0) {
			s->name_at = s[-1].name_at;
			continue;
		}
		s->name_at = (uint32_t)b->size;
		elf_out_bytes(b, s->name, strlen(s->name) + 1);
	}
}

static void add_sections(struct elf_out *out)
{
	const struct elf_spec *spec = out->spec;

	elf_out_section(out, "", SHT_NULL, 0);
	add_notes(out);
	if (spec->text_size)
		add_text(out);
	if (spec->dynamic_symbol_count)
		add_symbols(out, true);
	if (spec->unit_count)
		elf_out_dwarf(out);
	if (spec->alt_name)
		add_alt_link(out);
	for (size_t i = 0; i < spec->extra_count; i++)
		add_extra(out, &spec->extras[i]);
	add_relocs_and_symbols(out);
	for (size_t i = 0; i < spec->filler_sections; i++)
		elf_out_section(out, ".f", SHT_PROGBITS, 1);
	tell_byte_lies(out, ELF_RAW_BYTES);
	pack_sections(out);
	tell_byte_lies(out, ELF_BYTES);
	add_section_names(out);
}

struct layout {
	uint64_t base; /* address of offset 0 */
	size_t segments;
	uint64_t loaded_end; /* file offset behind what is loaded */
	uint64_t notes_start;
	uint64_t notes_end;
	uint64_t section_table;
	size_t header_size;
	size_t segment_size;
	size_t section_size;
};

static void place_sections(struct elf_out *out, struct layout *l)
{
	uint64_t at = l->header_size + l->segments * l->segment_size;

	for (size_t i = 1; i < out->section_count; i++) {
		struct elf_out_section *s = &out->sections[i];

		if (s->align > 1)
			at = (at + s->align - 1) & ~(s->align - 1);
		s->offset = at;
		if ((s->flags & SHF_ALLOC) && !out->relocatable)
			s->addr = l->base + at;
		if (s->type != SHT_NOBITS) {
			s->size = s->data.size;
			at += s->size;
		}
		if (strncmp(s->name, ".note.", 6) == 0) {
			if (!l->notes_end)
				l->notes_start = s->offset;
			l->notes_end = at;
		}
		if (s->flags & SHF_ALLOC)
			l->loaded_end = at;
	}
	l->section_table = (at + 7) & ~UINT64_C(7);
}

static void put_header(struct elf_out *out, const struct layout *l,
		       struct buf *b)
{
	const struct elf_spec *spec = out->spec;
	uint64_t type = spec->type ? spec->type : ET_DYN;
	uint64_t machine = spec->machine ? spec->machine
			   : spec->is_32 ? EM_386
					 : EM_X86_64;
	uint64_t shoff = spec->no_section_table ? 0 : l->section_table;
	uint64_t shnum = out->section_count;
	uint64_t phnum = l->segments;

	if (spec->no_section_table || shnum >= SHN_LORESERVE)
		shnum = 0;
	if (phnum >= PN_XNUM)
		phnum = PN_XNUM;
	elf_out_bytes(b, ELFMAG, 4);
	elf_out_put(out, b, spec->is_32 ? ELFCLASS32 : ELFCLASS64, 1);
	elf_out_put(out, b, spec->big_endian ? ELFDATA2MSB : ELFDATA2LSB, 1);
	elf_out_put(out, b, EV_CURRENT, 1);
	elf_out_zeros(b, EI_NIDENT - 7);
	elf_out_put(out, b, type, 2);
	elf_out_put(out, b, machine, 2);
	elf_out_put(out, b, field(out, ELF_E_VERSION, NULL, 0, EV_CURRENT), 4);
	put_word(out, b, 0); /* e_entry */
	put_word(out, b,
		 field(out, ELF_E_PHOFF, NULL, 0,
		       l->segments ? l->header_size : 0));
	put_word(out, b, field(out, ELF_E_SHOFF, NULL, 0, shoff));
	elf_out_put(out, b, 0, 4);
	elf_out_put(out, b, l->header_size, 2);
	elf_out_put(out, b,
		    field(out, ELF_E_PHENTSIZE, NULL, 0, l->segment_size), 2);
	elf_out_put(out, b, field(out, ELF_E_PHNUM, NULL, 0, phnum), 2);
	elf_out_put(out, b,
		    field(out, ELF_E_SHENTSIZE, NULL, 0, l->section_size), 2);
	elf_out_put(out, b, field(out, ELF_E_SHNUM, NULL, 0, shnum), 2);
	elf_out_put(out, b,
		    field(out, ELF_E_SHSTRNDX, NULL, 0,
			  spec->no_section_table ? 0
			  : out->section_count > SHN_LORESERVE
				  ? SHN_XINDEX
				  : out->section_count - 1),
		    2);
}

static void put_segment(struct elf_out *out, struct buf *b, size_t number,
			uint32_t type, uint64_t start, uint64_t end,
			uint64_t base, uint64_t align)
{
	uint64_t offset = field(out, ELF_P_OFFSET, NULL, number, start);
	uint64_t size = field(out, ELF_P_FILESZ, NULL, number, end - start);
	uint32_t flags = type == PT_LOAD ? PF_R | PF_X : PF_R;

	align = field(out, ELF_P_ALIGN, NULL, number, align);
	elf_out_put(out, b, type, 4);
	if (!out->spec->is_32)
		elf_out_put(out, b, flags, 4);
	put_word(out, b, offset);
	put_word(out, b, base + start);
	put_word(out, b, base + start);
	put_word(out, b, size);
	put_word(out, b, end - start);
	if (out->spec->is_32)
		elf_out_put(out, b, flags, 4);
	put_word(out, b, align);
}

static void put_segments(struct elf_out *out, const struct layout *l,
			 struct buf *b)
{
	size_t number = 0;

	if (!l->segments)
		return;
	put_segment(out, b, number++, PT_LOAD, 0, l->loaded_end, l->base,
		    0x1000);
	put_segment(out, b, number++, PT_NOTE, l->notes_start, l->notes_end,
		    l->base, out->spec->note_align ? out->spec->note_align : 4);
	while (number < l->segments)
		put_segment(out, b, number++, out->spec->filler_type, 0, 0, 0,
			    0);
}

static void put_section_header(struct elf_out *out, const struct layout *l,
			       struct buf *b, size_t i)
{
	const struct elf_out_section *s = &out->sections[i];
	const char *n = s->name;
	uint64_t size = s->size;
	uint64_t link = s->link;
	uint64_t info = s->info;

	if (i == 0) {
		size = out->section_count >= SHN_LORESERVE ? out->section_count
							   : 0;
		link = out->section_count > SHN_LORESERVE
			       ? out->section_count - 1
			       : 0;
		info = l->segments >= PN_XNUM ? l->segments : 0;
	}
	elf_out_put(out, b, field(out, ELF_SH_NAME, n, 0, s->name_at), 4);
	elf_out_put(out, b, field(out, ELF_SH_TYPE, n, 0, s->type), 4);
	put_word(out, b, field(out, ELF_SH_FLAGS, n, 0, s->flags));
	put_word(out, b, s->addr);
	put_word(out, b, field(out, ELF_SH_OFFSET, n, 0, s->offset));
	put_word(out, b, field(out, ELF_SH_SIZE, n, 0, size));
	elf_out_put(out, b, field(out, ELF_SH_LINK, n, 0, link), 4);
	elf_out_put(out, b, field(out, ELF_SH_INFO, n, 0, info), 4);
	put_word(out, b, s->align);
	put_word(out, b, s->entsize);
}

static void put_file(struct elf_out *out, struct layout *l, struct buf *file)
{
	place_sections(out, l);
	put_header(out, l, file);
	put_segments(out, l, file);
	for (size_t i = 1; i < out->section_count; i++) {
		const struct elf_out_section *s = &out->sections[i];

		elf_out_zeros(file, s->offset - file->size);
		elf_out_bytes(file, s->data.data, s->data.size);
	}
	if (out->spec->no_section_table)
		return;
	elf_out_zeros(file, l->section_table - file->size);
	for (size_t i = 0; i < out->section_count; i++)
		put_section_header(out, l, file, i);
}

void elf_write(const struct elf_spec *spec, struct buf *ret)
{
	struct elf_out out = { .spec = spec,
			       .relocatable = spec->type == ET_REL };
	CLEANUP_BUF struct buf file = BUF_INIT;
	struct layout l = {
		.base = spec->type == ET_EXEC ? 0x400000 : 0,
		.header_size = spec->is_32 ? 52 : 64,
		.segment_size = spec->is_32 ? 32 : 56,
		.section_size = spec->is_32 ? 40 : 64,
	};

	if (!out.relocatable && !spec->no_segments)
		l.segments = 2 + spec->filler_segments;
	add_sections(&out);
	put_file(&out, &l, &file);
	if (spec->truncate_to && spec->truncate_to < file.size)
		file.size = spec->truncate_to;
	elf_out_bytes(ret, file.data, file.size);
	for (size_t i = 0; i < out.section_count; i++) {
		buf_deinit(&out.sections[i].data);
		mem_free(out.sections[i].owned_name);
	}
	mem_free(out.sections);
	mem_free(out.relocs);
}
