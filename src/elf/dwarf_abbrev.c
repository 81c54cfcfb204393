/* SPDX-License-Identifier: Apache-2.0 */
/* An abbreviation in .debug_abbrev: its code, tag (ULEB), whether entries have
 * children (1), pairs of attribute and form (ULEB; DW_FORM_implicit_const has
 * its value behind it, SLEB) up to a pair of zeros. A code of 0 ends a table.
 *
 * Source: DWARF 5 (2017-02-13), section 7.5.3. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "elf/dwarf_abbrev.h"
#include "elf/dwarf_cursor.h"
#include "elf/elf_limits.h"

static enum dwarf_kind kind_of(uint64_t tag)
{
	switch (tag) {
	case DW_TAG_compile_unit:
	case DW_TAG_partial_unit:
	case DW_TAG_skeleton_unit:
		return DWARF_KIND_UNIT;
	case DW_TAG_subprogram:
		return DWARF_KIND_SUBPROGRAM;
	case DW_TAG_inlined_subroutine:
		return DWARF_KIND_INLINED;
	case DW_TAG_lexical_block:
		return DWARF_KIND_BLOCK;
	case DW_TAG_namespace:
		return DWARF_KIND_NAMESPACE;
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return DWARF_KIND_TYPE;
	case DW_TAG_array_type:
	case DW_TAG_base_type:
	case DW_TAG_call_site:
	case DW_TAG_call_site_parameter:
	case DW_TAG_constant:
	case DW_TAG_const_type:
	case DW_TAG_enumerator:
	case DW_TAG_file_type:
	case DW_TAG_formal_parameter:
	case DW_TAG_GNU_call_site:
	case DW_TAG_GNU_call_site_parameter:
	case DW_TAG_GNU_formal_parameter_pack:
	case DW_TAG_GNU_template_parameter_pack:
	case DW_TAG_GNU_template_template_param:
	case DW_TAG_imported_declaration:
	case DW_TAG_imported_module:
	case DW_TAG_imported_unit:
	case DW_TAG_inheritance:
	case DW_TAG_label:
	case DW_TAG_member:
	case DW_TAG_packed_type:
	case DW_TAG_pointer_type:
	case DW_TAG_ptr_to_member_type:
	case DW_TAG_reference_type:
	case DW_TAG_restrict_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_set_type:
	case DW_TAG_string_type:
	case DW_TAG_subrange_type:
	case DW_TAG_subroutine_type:
	case DW_TAG_template_alias:
	case DW_TAG_template_type_parameter:
	case DW_TAG_template_value_parameter:
	case DW_TAG_typedef:
	case DW_TAG_unspecified_parameters:
	case DW_TAG_unspecified_type:
	case DW_TAG_variable:
	case DW_TAG_volatile_type:
		return DWARF_KIND_LEAF;
	default:
		return DWARF_KIND_OTHER;
	}
}

static enum dwarf_slot code_slot(uint64_t attribute)
{
	switch (attribute) {
	case DW_AT_name:
		return DWARF_SLOT_NAME;
	case DW_AT_linkage_name:
	case DW_AT_MIPS_linkage_name:
		return DWARF_SLOT_LINKAGE_NAME;
	case DW_AT_low_pc:
		return DWARF_SLOT_LOW_PC;
	case DW_AT_high_pc:
		return DWARF_SLOT_HIGH_PC;
	case DW_AT_ranges:
		return DWARF_SLOT_RANGES;
	case DW_AT_abstract_origin:
		return DWARF_SLOT_ORIGIN;
	case DW_AT_specification:
		return DWARF_SLOT_SPECIFICATION;
	case DW_AT_call_file:
		return DWARF_SLOT_CALL_FILE;
	case DW_AT_call_line:
		return DWARF_SLOT_CALL_LINE;
	default:
		return DWARF_SLOT_NONE;
	}
}

static enum dwarf_slot unit_slot(uint64_t attribute)
{
	switch (attribute) {
	case DW_AT_low_pc:
		return DWARF_SLOT_LOW_PC;
	case DW_AT_high_pc:
		return DWARF_SLOT_HIGH_PC;
	case DW_AT_ranges:
		return DWARF_SLOT_RANGES;
	case DW_AT_stmt_list:
		return DWARF_SLOT_STMT_LIST;
	case DW_AT_comp_dir:
		return DWARF_SLOT_COMP_DIR;
	case DW_AT_language:
		return DWARF_SLOT_LANGUAGE;
	case DW_AT_str_offsets_base:
		return DWARF_SLOT_STR_BASE;
	case DW_AT_addr_base:
	case DW_AT_GNU_addr_base:
		return DWARF_SLOT_ADDR_BASE;
	case DW_AT_rnglists_base:
		return DWARF_SLOT_RNGLISTS_BASE;
	case DW_AT_GNU_dwo_id:
		return DWARF_SLOT_DWO_ID;
	case DW_AT_dwo_name:
	case DW_AT_GNU_dwo_name:
		return DWARF_SLOT_DWO_NAME;
	case DW_AT_GNU_ranges_base:
		return DWARF_SLOT_GNU_RANGES_BASE;
	default:
		return DWARF_SLOT_NONE;
	}
}

static enum dwarf_slot slot_of(const struct dwarf_abbrev *a, uint64_t attribute)
{
	if (attribute == DW_AT_sibling)
		return a->has_children ? DWARF_SLOT_SIBLING : DWARF_SLOT_NONE;
	switch ((enum dwarf_kind)a->kind) {
	case DWARF_KIND_SUBPROGRAM:
	case DWARF_KIND_INLINED:
		return code_slot(attribute);
	case DWARF_KIND_TYPE:
	case DWARF_KIND_NAMESPACE:
		if (attribute == DW_AT_name)
			return DWARF_SLOT_NAME;
		return attribute == DW_AT_specification
			       ? DWARF_SLOT_SPECIFICATION
			       : DWARF_SLOT_NONE;
	case DWARF_KIND_UNIT:
		return unit_slot(attribute);
	case DWARF_KIND_OTHER:
	case DWARF_KIND_LEAF:
	case DWARF_KIND_BLOCK:
		break;
	}
	return DWARF_SLOT_NONE;
}

static struct dwarf_op op(enum dwarf_op_kind kind, unsigned size)
{
	return (struct dwarf_op) { .kind = (uint8_t)kind,
				   .size = (uint8_t)size };
}

/* flat: one form a line */
bool dwarf_op_of(unsigned form, const struct dwarf_format *format,
		 struct dwarf_op *ret)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		*ret = op(DWARF_OP_CONST, 0);
		ret->value = 1;
		break;
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		*ret = op(DWARF_OP_FIXED, 1);
		break;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		*ret = op(DWARF_OP_FIXED, 2);
		break;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		*ret = op(DWARF_OP_FIXED, 3);
		break;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_ref_sup4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		*ret = op(DWARF_OP_FIXED, 4);
		break;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sup8:
	case DW_FORM_ref_sig8:
		*ret = op(DWARF_OP_FIXED, 8);
		break;
	case DW_FORM_data16:
		*ret = op(DWARF_OP_PASS, 0);
		ret->pass = 16;
		break;
	case DW_FORM_sdata:
		*ret = op(DWARF_OP_SLEB, 0);
		break;
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		*ret = op(DWARF_OP_ULEB, 0);
		break;
	case DW_FORM_addr:
		*ret = op(DWARF_OP_FIXED, format->address_size);
		break;
	case DW_FORM_ref_addr:
		*ret = op(DWARF_OP_FIXED, format->version < 3
						  ? format->address_size
						  : format->offset_size);
		break;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		*ret = op(DWARF_OP_FIXED, format->offset_size);
		break;
	case DW_FORM_string:
		*ret = op(DWARF_OP_CSTR, 0);
		break;
	case DW_FORM_block1:
		*ret = op(DWARF_OP_BLOCK, 1);
		break;
	case DW_FORM_block2:
		*ret = op(DWARF_OP_BLOCK, 2);
		break;
	case DW_FORM_block4:
		*ret = op(DWARF_OP_BLOCK, 4);
		break;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		*ret = op(DWARF_OP_BLOCK_ULEB, 0);
		break;
	case DW_FORM_indirect:
		*ret = op(DWARF_OP_INDIRECT, 0);
		break;
	default:
		return false;
	}
	ret->form = (uint16_t)form;
	return true;
}

/* Bytes that an op passes over where its value is not wanted; false if that is
 * not known beforehand. */
static bool fixed_size(const struct dwarf_op *o, uint32_t *ret)
{
	switch ((enum dwarf_op_kind)o->kind) {
	case DWARF_OP_PASS:
		*ret = o->pass;
		return true;
	case DWARF_OP_FIXED:
		*ret = o->size;
		return true;
	case DWARF_OP_CONST:
		*ret = 0;
		return true;
	default:
		return false;
	}
}

/* An attribute of a slot that is taken is passed over, so that an entry costs
 * no more than its bytes and some slots. */
static struct error *add_attribute(struct dwarf_abbrevs *t,
				   struct dwarf_abbrev *a, uint64_t attribute,
				   uint64_t form, int64_t constant)
{
	enum dwarf_slot slot = slot_of(a, attribute);
	struct dwarf_op o;
	uint32_t size;

	if (a->slots >> slot & 1)
		slot = DWARF_SLOT_NONE;
	if (form > UINT16_MAX || !dwarf_op_of((unsigned)form, &t->format, &o))
		return error_new(BAD_DATA,
				 "attribute 0x%" PRIx64
				 " of unknown form 0x%" PRIx64,
				 attribute, form);
	if ((slot == DWARF_SLOT_NONE || o.kind == DWARF_OP_PASS) &&
	    fixed_size(&o, &size) && a->pass <= UINT16_MAX) {
		a->pass += size;
		return NULL;
	}
	if (form == DW_FORM_implicit_const)
		o.value = constant;
	// A value of 16 bytes is nothing that is wanted.
	o.slot = o.kind == DWARF_OP_PASS ? DWARF_SLOT_NONE : (uint8_t)slot;
	o.pass += a->pass;
	a->pass = 0;
	if (t->op_count >= ELF_DWARF_ABBREVS_MAX)
		return error_new(LIMIT, "too many attributes");
	if (!mem_grow(&t->ops, &t->op_capacity, t->op_count + 1, sizeof(o)))
		return error_no_memory;
	t->ops[t->op_count++] = o;
	a->op_count++;
	a->slots |= UINT32_C(1) << o.slot;
	return NULL;
}

static struct error *read_attributes(struct dwarf_abbrevs *t,
				     struct dwarf_cursor *c,
				     struct dwarf_abbrev *a)
{
	for (;;) {
		uint64_t attribute = dwarf_uleb(c);
		uint64_t form = dwarf_uleb(c);
		int64_t constant = 0;

		if (form == DW_FORM_implicit_const)
			constant = dwarf_sleb(c);
		if (c->failed)
			return error_new(BAD_DATA, "ends in an abbreviation");
		if (!attribute && !form)
			return NULL;
		TRY(add_attribute(t, a, attribute, form, constant));
	}
}

static struct error *read_table(struct dwarf_abbrevs *t, struct dwarf_cursor *c)
{
	for (;;) {
		struct dwarf_abbrev a = { .code = dwarf_uleb(c) };

		// The last table may do without its end.
		if (c->failed || a.code == 0)
			return NULL;
		uint64_t tag = dwarf_uleb(c);

		a.has_children = dwarf_u8(c) != 0;
		a.tag = tag > UINT16_MAX ? 0 : (uint16_t)tag;
		a.kind = (uint8_t)kind_of(tag);
		if (t->count >= ELF_DWARF_ABBREVS_MAX)
			return error_new(LIMIT, "too large a table");
		a.first_op = (uint32_t)t->op_count;
		TRY(read_attributes(t, c, &a));
		if (!mem_grow(&t->list, &t->capacity, t->count + 1, sizeof(a)))
			return error_no_memory;
		t->is_dense = t->is_dense && a.code == t->count + 1;
		t->list[t->count++] = a;
	}
}

static int compare_codes(const void *a, const void *b)
{
	const struct dwarf_abbrev *aa = a;
	const struct dwarf_abbrev *ab = b;

	return (aa->code > ab->code) - (aa->code < ab->code);
}

struct error *dwarf_abbrevs_read(const struct dwarf_bytes *section,
				 uint64_t offset,
				 const struct dwarf_format *format,
				 struct dwarf_abbrevs **ret, size_t *size_ret)
{
	*size_ret = 0;
	if (offset >= section->size)
		return error_new(BAD_DATA, "no table at 0x%" PRIx64, offset);
	const uint8_t *start = section->data + offset;
	struct dwarf_cursor c =
		dwarf_cursor_at(start, section->data + section->size, false);
	struct dwarf_abbrevs *t = mem_zalloc(sizeof(*t));

	if (!t)
		return error_no_memory;
	t->offset = offset;
	t->format = *format;
	t->users = 1;
	t->is_dense = true;
	struct error *err = read_table(t, &c);

	*size_ret = (size_t)(c.p - start);
	if (err) {
		dwarf_abbrevs_put(t);
		return error_wrap(err, "table at 0x%" PRIx64, offset);
	}
	if (!t->is_dense)
		qsort(t->list, t->count, sizeof(*t->list), compare_codes);
	*ret = t;
	return NULL;
}

void dwarf_abbrevs_put(struct dwarf_abbrevs *t)
{
	if (!t || --t->users)
		return;
	mem_free(t->list);
	mem_free(t->ops);
	mem_free(t);
}

const struct dwarf_abbrev *dwarf_abbrevs_search(const struct dwarf_abbrevs *t,
						uint64_t code)
{
	struct dwarf_abbrev key = { .code = code };

	return t->count ? bsearch(&key, t->list, t->count, sizeof(key),
				  compare_codes)
			: NULL;
}
