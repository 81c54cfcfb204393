/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of .debug_info: the code of its abbreviation (ULEB), 0 at the end of
 * a list of siblings, and the values of its attributes; its children follow,
 * if its abbreviation says so.
 *
 * .debug_str_offsets, .debug_addr: at a unit's base, offsets or addresses one
 * behind the other.
 *
 * Source: DWARF 5 (2017-02-13), sections 7.5.2 to 7.5.6, 7.26 and 7.27. */
#include "config.h"

#include <inttypes.h>

#include "elf/dwarf_debug.h"
#include "elf/elf_limits.h"

/* DW_FORM_indirect: its form first. Each round takes a byte at least. */
COLD static struct dwarf_op find_indirect(const struct dwarf_cu *cu,
					  struct dwarf_cursor *c)
{
	struct dwarf_op o = { .kind = DWARF_OP_INDIRECT };

	while (o.kind == DWARF_OP_INDIRECT && !c->failed) {
		uint64_t form = dwarf_uleb(c);

		// The constant of an implicit one is in no abbreviation.
		if (form > UINT16_MAX || form == DW_FORM_implicit_const ||
		    !dwarf_op_of((unsigned)form, &cu->unit.format, &o))
			dwarf_fail(c);
	}
	dwarf_pass(c, o.pass);
	return o;
}

void dwarf_die_read(const struct dwarf_cu *cu, const struct dwarf_abbrev *a,
		    struct dwarf_cursor *c, struct dwarf_die *ret)
{
	ret->abbrev = a;
	ret->slots = 0;
	for (uint32_t i = 0; i < a->op_count; i++) {
		const struct dwarf_op *o = &cu->abbrevs->ops[a->first_op + i];
		const struct dwarf_op *from = o;
		struct dwarf_op indirect;

		dwarf_pass(c, o->pass);
		if (o->kind == DWARF_OP_INDIRECT) {
			indirect = find_indirect(cu, c);
			from = &indirect;
		}
		uint64_t v = dwarf_op_read(from, c);

		ret->slots |= UINT32_C(1) << o->slot;
		ret->values[o->slot] = (struct dwarf_value) { v, from->form };
	}
	dwarf_pass(c, a->pass);
}

/* Where a reference within the unit leads, if that is forward. */
static const uint8_t *find_ahead(const struct dwarf_cu *cu,
				 const struct dwarf_value *v,
				 const struct dwarf_cursor *c)
{
	uint64_t offset = v->v;

	if (v->form != DW_FORM_ref_addr)
		offset += cu->unit.offset;
	if (offset < v->v || offset >= cu->unit.end ||
	    offset < dwarf_cu_offset(cu, c))
		return NULL;
	return cu->info.data + offset;
}

const uint8_t *dwarf_die_sibling(const struct dwarf_cu *cu,
				 const struct dwarf_die *die,
				 const struct dwarf_cursor *c)
{
	if (!dwarf_die_has(die, DWARF_SLOT_SIBLING))
		return NULL;
	return find_ahead(cu, &die->values[DWARF_SLOT_SIBLING], c);
}

void dwarf_die_pass(const struct dwarf_cu *cu, const struct dwarf_abbrev *a,
		    struct dwarf_cursor *c, const uint8_t **sibling_ret)
{
	struct dwarf_value sibling = { 0 };

	for (uint32_t i = 0; i < a->op_count; i++) {
		const struct dwarf_op *o = &cu->abbrevs->ops[a->first_op + i];
		const struct dwarf_op *from = o;
		struct dwarf_op indirect;

		dwarf_pass(c, o->pass);
		if (o->kind == DWARF_OP_INDIRECT) {
			indirect = find_indirect(cu, c);
			from = &indirect;
		}
		uint64_t v = dwarf_op_read(from, c);

		if (o->slot == DWARF_SLOT_SIBLING)
			sibling = (struct dwarf_value) { v, from->form };
	}
	dwarf_pass(c, a->pass);
	*sibling_ret = sibling.form ? find_ahead(cu, &sibling, c) : NULL;
}

COLD static struct error *cut_off(const struct dwarf_cu *cu)
{
	return error_new(BAD_DATA, "unit at 0x%" PRIx64 " ends in an entry",
			 cu->unit.offset);
}

COLD static struct error *no_abbrev(const struct dwarf_cu *cu,
				    const struct dwarf_cursor *c, uint64_t code)
{
	return error_new(BAD_DATA,
			 "no abbreviation %" PRIu64 " for an entry in front of "
			 "0x%" PRIx64,
			 code, dwarf_cu_offset(cu, c));
}

struct error *dwarf_die_next(const struct dwarf_cu *cu, struct dwarf_cursor *c,
			     const struct dwarf_abbrev **ret)
{
	uint64_t code = dwarf_uleb(c);

	*ret = NULL;
	if (code == 0)
		return c->failed ? cut_off(cu) : NULL;
	*ret = dwarf_abbrevs_find(cu->abbrevs, code);
	return *ret ? NULL : no_abbrev(cu, c, code);
}

struct error *dwarf_children_pass(const struct dwarf_cu *cu,
				  struct dwarf_cursor *c)
{
	// However deep they claim to be, each takes a byte at least.
	for (uint64_t depth = 1; depth;) {
		const struct dwarf_abbrev *a;
		const uint8_t *sibling;

		TRY(dwarf_die_next(cu, c, &a));
		if (!a) {
			depth--;
			continue;
		}
		if (!a->op_count && !a->has_children) {
			dwarf_pass(c, a->pass);
			continue;
		}
		dwarf_die_pass(cu, a, c, &sibling);
		if (!a->has_children)
			continue;
		if (sibling)
			c->p = sibling;
		else
			depth++;
	}
	return c->failed ? cut_off(cu) : NULL;
}

struct error *dwarf_die_at(const struct dwarf_cu *cu, uint64_t offset,
			   struct dwarf_die *ret)
{
	const struct dwarf_abbrev *a;

	if (offset < cu->unit.offset + cu->unit.header_size ||
	    offset >= cu->unit.end)
		return error_new(BAD_DATA,
				 "reference to 0x%" PRIx64 ", outside a unit",
				 offset);
	const uint8_t *start = cu->info.data + offset;
	struct dwarf_cursor c = dwarf_cu_cursor(cu, start);

	TRY(dwarf_die_next(cu, &c, &a));
	if (!a)
		return error_new(BAD_DATA,
				 "reference to 0x%" PRIx64 ", to no entry",
				 offset);
	ret->offset = offset;
	dwarf_die_read(cu, a, &c, ret);
	// However long it is, it may be asked for by many.
	TRY(dwarf_debug_work(cu->d, (uint64_t)(c.p - start) / 16));
	return c.failed ? cut_off(cu) : NULL;
}

/* Where a string in a section ends, as far as it is there; false: nowhere
 * yet. */
static bool find_end(const struct dwarf_bytes *s, uint64_t offset,
		     size_t *len_ret)
{
	if (offset >= s->size)
		return false;
	size_t max = s->size - (size_t)offset;

	if (max > ELF_FUNCTION_NAME_MAX + 1)
		max = ELF_FUNCTION_NAME_MAX + 1;
	const uint8_t *start = s->data + offset;
	const uint8_t *nul = memchr(start, 0, max);

	if (nul)
		*len_ret = (size_t)(nul - start);
	return nul != NULL;
}

/* A string in a section, of which as much is looked at as is there, then as
 * much as it may take. */
static struct error *string_at(struct dwarf_cu *cu, struct dwarf_file *file,
			       enum dwarf_section_id id, uint64_t offset,
			       const char **ret, size_t *len_ret)
{
	struct dwarf_bytes s;

	TRY(dwarf_debug_part(cu->d, file, id, 1, &s));
	if (!find_end(&s, offset, len_ret)) {
		uint64_t max = offset + ELF_FUNCTION_NAME_MAX + 1;

		TRY(dwarf_debug_part(cu->d, file, id,
				     max > offset ? max : offset, &s));
		if (!find_end(&s, offset, len_ret))
			return error_new(BAD_DATA,
					 "no string that ends at 0x%" PRIx64
					 " of %s",
					 offset, dwarf_section_name(id));
	}
	*ret = (const char *)s.data + offset;
	return NULL;
}

static struct error *string_by_index(struct dwarf_cu *cu, uint64_t index,
				     const char **ret, size_t *len_ret)
{
	unsigned size = cu->unit.format.offset_size;
	struct dwarf_bytes s;

	TRY(dwarf_debug_section(cu->d, cu->file, DWARF_STR_OFFSETS, &s));
	if (cu->bases.str_offsets > s.size ||
	    index >= (s.size - cu->bases.str_offsets) / size)
		return error_new(BAD_DATA,
				 "string %" PRIu64
				 " lies outside .debug_str_offsets",
				 index);
	uint64_t offset =
		dwarf_load(s.data + cu->bases.str_offsets + index * size, size,
			   cu->file->object.big_endian);

	return string_at(cu, cu->file, DWARF_STR, offset, ret, len_ret);
}

struct error *dwarf_value_string(struct dwarf_cu *cu,
				 const struct dwarf_value *v, const char **ret,
				 size_t *len_ret)
{
	*ret = NULL;
	*len_ret = 0;
	switch (v->form) {
	case DW_FORM_string:
		*ret = (const char *)(uintptr_t)v->v;
		*len_ret = strnlen(*ret, ELF_FUNCTION_NAME_MAX); // has an end
		return NULL;
	case DW_FORM_strp:
		return string_at(cu, cu->file, DWARF_STR, v->v, ret, len_ret);
	case DW_FORM_line_strp:
		return string_at(cu, cu->file, DWARF_LINE_STR, v->v, ret,
				 len_ret);
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		if (!cu->d->has_alt)
			return NULL;
		return string_at(cu, &cu->d->files[1], DWARF_STR, v->v, ret,
				 len_ret);
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		return string_by_index(cu, v->v, ret, len_ret);
	default:
		return NULL;
	}
}

struct error *dwarf_address_by_index(struct dwarf_cu *cu, uint64_t index,
				     uint64_t *ret)
{
	unsigned size = cu->unit.format.address_size;
	struct dwarf_bytes s;

	TRY(dwarf_debug_section(cu->d, cu->addr_file, DWARF_ADDR, &s));
	if (cu->bases.addr > s.size ||
	    index >= (s.size - cu->bases.addr) / size)
		return error_new(BAD_DATA,
				 "address %" PRIu64 " lies outside .debug_addr",
				 index);
	*ret = dwarf_load(s.data + cu->bases.addr + index * size, size,
			  cu->file->object.big_endian);
	return NULL;
}

struct error *dwarf_value_address(struct dwarf_cu *cu,
				  const struct dwarf_value *v, uint64_t *ret,
				  bool *found_ret)
{
	*found_ret = true;
	switch (v->form) {
	case DW_FORM_addr:
		*ret = v->v;
		return NULL;
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index:
		return dwarf_address_by_index(cu, v->v, ret);
	default:
		*found_ret = false;
		return NULL;
	}
}

void dwarf_value_reference(const struct dwarf_cu *cu,
			   const struct dwarf_value *v,
			   struct dwarf_file **file_ret, uint64_t *offset_ret)
{
	*file_ret = cu->file;
	*offset_ret = v->v;
	switch (v->form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		*offset_ret = cu->unit.offset + v->v;
		return;
	case DW_FORM_ref_addr:
		return;
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
	case DW_FORM_GNU_ref_alt:
		*file_ret = cu->d->has_alt ? &cu->d->files[1] : NULL;
		return;
	default: // DW_FORM_ref_sig8 is a type's
		*file_ret = NULL;
		return;
	}
}
