/* SPDX-License-Identifier: Apache-2.0 */
/* A relocation: r_offset, r_info (4 or 8 bytes each) and in SHT_RELA r_addend,
 * which in SHT_REL is what stands at r_offset.
 *
 *	class 32: symbol = r_info >> 8	class 64: symbol = r_info >> 32
 *	MIPS64 little-endian: r_info is the symbol (4 bytes) and four bytes of
 *	types, so read as one integer the symbol is its low half
 *
 * A symbol: class 32 name value size info other shndx: 4 4 4 1 1 2 bytes;
 * class 64 name info other shndx value size: 4 1 1 2 8 8.
 *
 * Assemblers and `ld -r` write relocations in order of their offsets, so they
 * are read like a tape. An offset without one (there should be none where a
 * string or another section is referred to) is the moment to find out whether
 * this table is an exception; if so it is sorted in memory.
 *
 * Source: System V gABI 4.1, chapter 4, "Relocation" and "Symbol Table"; MIPS64
 * ELF Object File Specification 2.5, section 2.9. */
#include "config.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/reader.h"
#include "elf/elf_limits.h"
#include "elf/elf_reloc.h"
#include "elf/elf_section.h"

enum { STEP = 16 << 10 };

struct reloc {
	uint64_t offset;
	uint64_t symbol;
	uint64_t addend;
};

struct elf_relocs {
	struct elf_file *f;
	size_t table;   /* section of the relocations */
	size_t symbols; /* section of the symbols */
	bool has_addend;
	struct elf_stream *tape;
	uint64_t behind; /* all in front of this offset have passed */
	uint64_t passed; /* relocations, in all rounds of the tape */
	bool order_checked;
	struct reloc *sorted; /* NULL: in order, read from the tape */
	size_t sorted_count;
	size_t sorted_capacity;
	/* The last symbol asked for: in practice always the same. */
	bool has_symbol;
	uint64_t symbol;
	uint64_t symbol_value;
	uint32_t symbol_section;
};

static size_t entry_size(const struct elf_relocs *r)
{
	size_t word = r->f->header.is_64 ? 8 : 4;

	return (r->has_addend ? 3 : 2) * word;
}

static struct reloc parse_reloc(const struct elf_relocs *r,
				const uint8_t *entry)
{
	const struct elf_header *h = &r->f->header;
	size_t word = h->is_64 ? 8 : 4;
	struct reloc ret = { 0 };
	struct reader in;

	reader_init(&in, entry, entry_size(r), h->big_endian);
	ret.offset = reader_uint(&in, word);
	uint64_t info = reader_uint(&in, word);

	if (!h->is_64)
		ret.symbol = info >> 8;
	else if (h->machine == EM_MIPS && !h->big_endian)
		ret.symbol = info & UINT32_MAX;
	else
		ret.symbol = info >> 32;
	if (r->has_addend)
		ret.addend = reader_uint(&in, word);
	return ret;
}

/* The next one on the tape. */
static struct error *peek_reloc(struct elf_relocs *r, struct reloc *ret,
				bool *found_ret)
{
	const uint8_t *entry;
	size_t size;

	TRY(elf_stream_peek(r->tape, entry_size(r), &entry, &size));
	*found_ret = size >= entry_size(r);
	if (*found_ret)
		*ret = parse_reloc(r, entry);
	return NULL;
}

static struct error *pass_reloc(struct elf_relocs *r)
{
	if (++r->passed > ELF_RELOCS_MAX)
		return error_new(LIMIT, "more than %" PRIu64 " looked at",
				 ELF_RELOCS_MAX);
	return elf_stream_skip(r->tape, entry_size(r));
}

static struct error *rewind_tape(struct elf_relocs *r)
{
	struct elf_stream *tape;

	TRY(elf_stream_open(r->f, r->table, STEP, &tape));
	elf_stream_close(r->tape);
	r->tape = tape;
	r->behind = 0;
	return NULL;
}

static bool find_table(struct elf_file *f, size_t section,
		       struct elf_relocs *ret)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if ((s.type != SHT_RELA && s.type != SHT_REL) ||
		    s.info != section)
			continue;
		*ret = (struct elf_relocs) {
			.f = f,
			.table = i,
			.symbols = s.link,
			.has_addend = s.type == SHT_RELA,
		};
		return true;
	}
	return false;
}

struct error *elf_relocs_open(struct elf_file *f, size_t section,
			      struct elf_relocs **ret)
{
	struct elf_relocs found;

	*ret = NULL;
	if (f->header.type != ET_REL || !find_table(f, section, &found))
		return NULL;
	CLEANUP_ELF_RELOCS struct elf_relocs *r =
		mem_dup(&found, sizeof(found));

	if (!r)
		return error_no_memory;
	TRY(rewind_tape(r));
	*ret = STEAL(r);
	return NULL;
}

static struct error *read_symbol(struct elf_relocs *r, uint64_t number)
{
	const struct elf_header *h = &r->f->header;
	uint64_t size = h->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	CLEANUP_ELF_VIEW struct elf_view v = { 0 };
	struct reader in;

	if (r->symbols >= r->f->section_count)
		return error_new(BAD_DATA, "no symbol table %zu", r->symbols);
	struct elf_shdr table = elf_file_section(r->f, r->symbols);

	if (table.type != SHT_SYMTAB || number >= table.size / size)
		return error_new(BAD_DATA, "no symbol %" PRIu64, number);
	TRY(elf_file_view(r->f, table.offset + number * size, size, &v));
	reader_init(&in, v.data, v.size, h->big_endian);
	reader_skip(&in, 4);
	if (!h->is_64) {
		r->symbol_value = reader_u32(&in);
		reader_skip(&in, 4 + 2);
		r->symbol_section = reader_u16(&in);
	} else {
		reader_skip(&in, 2);
		r->symbol_section = reader_u16(&in);
		r->symbol_value = reader_u64(&in);
	}
	if (r->symbol_section >= SHN_LORESERVE)
		r->symbol_section = 0;
	r->symbol = number;
	r->has_symbol = true;
	return NULL;
}

/* Is the whole table in order? */
static struct error *check_order(struct elf_relocs *r, bool *ret)
{
	uint64_t last = 0;

	TRY(rewind_tape(r));
	for (*ret = true; *ret;) {
		struct reloc reloc;
		bool found;

		TRY(peek_reloc(r, &reloc, &found));
		if (!found)
			break;
		*ret = reloc.offset >= last;
		last = reloc.offset;
		TRY(pass_reloc(r));
	}
	return rewind_tape(r);
}

static int compare_offsets(const void *a, const void *b)
{
	const struct reloc *ra = a;
	const struct reloc *rb = b;

	return (ra->offset > rb->offset) - (ra->offset < rb->offset);
}

static struct error *sort_table(struct elf_relocs *r)
{
	for (;;) {
		struct reloc reloc;
		bool found;

		TRY(peek_reloc(r, &reloc, &found));
		if (!found)
			break;
		if (r->sorted_count >= ELF_UNSORTED_RELOCS_MAX)
			return error_new(LIMIT, "relocations are not in order");
		if (!mem_grow(&r->sorted, &r->sorted_capacity,
			      r->sorted_count + 1, sizeof(reloc)))
			return error_no_memory;
		r->sorted[r->sorted_count++] = reloc;
		TRY(pass_reloc(r));
	}
	if (r->sorted_count)
		qsort(r->sorted, r->sorted_count, sizeof(*r->sorted),
		      compare_offsets);
	return NULL;
}

/* On the tape, which is behind no offset that is greater. */
static struct error *find_ahead(struct elf_relocs *r, uint64_t offset,
				struct reloc *ret, bool *found_ret)
{
	if (offset < r->behind)
		TRY(rewind_tape(r));
	for (;;) {
		TRY(peek_reloc(r, ret, found_ret));
		if (!*found_ret)
			return NULL;
		if (ret->offset >= offset)
			break;
		r->behind = ret->offset + 1;
		TRY(pass_reloc(r));
	}
	*found_ret = ret->offset == offset;
	return NULL;
}

static struct error *find(struct elf_relocs *r, uint64_t offset,
			  struct reloc *ret, bool *found_ret)
{
	if (!r->sorted) {
		TRY(find_ahead(r, offset, ret, found_ret));
		if (*found_ret || r->order_checked)
			return NULL;
		bool in_order;

		r->order_checked = true;
		TRY(check_order(r, &in_order));
		if (in_order)
			return NULL;
		TRY(sort_table(r));
	}
	struct reloc key = { .offset = offset };
	const struct reloc *found = bsearch(&key, r->sorted, r->sorted_count,
					    sizeof(key), compare_offsets);

	*found_ret = found != NULL;
	if (found)
		*ret = *found;
	return NULL;
}

struct error *elf_relocs_apply(struct elf_relocs *r, uint64_t offset,
			       uint64_t *value, uint32_t *section_ret)
{
	struct reloc reloc;
	bool found = false;

	if (section_ret)
		*section_ret = 0;
	if (r)
		TRY(error_wrap(find(r, offset, &reloc, &found), "relocations"));
	if (!found)
		return NULL;
	if (!r->has_symbol || r->symbol != reloc.symbol)
		TRY(error_wrap(read_symbol(r, reloc.symbol), "relocations"));
	*value = r->symbol_value + (r->has_addend ? reloc.addend : *value);
	if (!r->f->header.is_64)
		*value &= UINT32_MAX;
	if (section_ret)
		*section_ret = r->symbol_section;
	return NULL;
}

void elf_relocs_close(struct elf_relocs *r)
{
	if (!r)
		return;
	elf_stream_close(r->tape);
	mem_free(r->sorted);
	mem_free(r);
}
