/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "elf/dwarf_form.h"

bool dwarf_read_length(struct reader *r, uint64_t *length_ret,
		       unsigned *offset_size_ret)
{
	uint64_t length = reader_u32(r);

	*offset_size_ret = 4;
	if (length == 0xffffffff) {
		*offset_size_ret = 8;
		length = reader_u64(r);
	} else if (length >= 0xfffffff0) {
		return false;
	}
	*length_ret = length;
	return reader_ok(r);
}

/* flat: one form a line */
bool dwarf_skip(struct reader *r, unsigned form,
		const struct dwarf_format *format)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return true;
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		reader_skip(r, 1);
		return true;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		reader_skip(r, 2);
		return true;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		reader_skip(r, 3);
		return true;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_ref_sup4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		reader_skip(r, 4);
		return true;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sup8:
	case DW_FORM_ref_sig8:
		reader_skip(r, 8);
		return true;
	case DW_FORM_data16:
		reader_skip(r, 16);
		return true;
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		reader_sleb(r);
		return true;
	case DW_FORM_addr:
		reader_skip(r, format->address_size);
		return true;
	case DW_FORM_ref_addr:
		reader_skip(r, format->version < 3 ? format->address_size
						   : format->offset_size);
		return true;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		reader_skip(r, format->offset_size);
		return true;
	case DW_FORM_string:
		reader_cstr(r, NULL);
		return true;
	case DW_FORM_block1:
		reader_skip(r, reader_u8(r));
		return true;
	case DW_FORM_block2:
		reader_skip(r, reader_u16(r));
		return true;
	case DW_FORM_block4:
		reader_skip(r, reader_u32(r));
		return true;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		reader_skip(r, reader_uleb(r));
		return true;
	default:
		return false;
	}
}

bool dwarf_read_uint(struct reader *r, unsigned form,
		     const struct dwarf_format *format, uint64_t *ret)
{
	switch (form) {
	case DW_FORM_data1:
		*ret = reader_u8(r);
		return true;
	case DW_FORM_data2:
		*ret = reader_u16(r);
		return true;
	case DW_FORM_data4:
		*ret = reader_u32(r);
		return true;
	case DW_FORM_data8:
		*ret = reader_u64(r);
		return true;
	case DW_FORM_udata:
		*ret = reader_uleb(r);
		return true;
	case DW_FORM_sec_offset:
		*ret = reader_uint(r, format->offset_size);
		return true;
	default:
		return false;
	}
}

bool dwarf_read_string(struct reader *r, unsigned form,
		       const struct dwarf_format *format,
		       struct dwarf_string *ret)
{
	*ret = (struct dwarf_string) { .at = r->pos };
	switch (form) {
	case DW_FORM_string:
		ret->kind = DWARF_STRING_INLINE;
		ret->text = reader_cstr(r, &ret->len);
		return true;
	case DW_FORM_strp:
		ret->kind = DWARF_STRING_STR;
		ret->value = reader_uint(r, format->offset_size);
		return true;
	case DW_FORM_line_strp:
		ret->kind = DWARF_STRING_LINE_STR;
		ret->value = reader_uint(r, format->offset_size);
		return true;
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		ret->kind = DWARF_STRING_ALT;
		ret->value = reader_uint(r, format->offset_size);
		return true;
	case DW_FORM_strx:
	case DW_FORM_GNU_str_index:
		ret->kind = DWARF_STRING_INDEX;
		ret->value = reader_uleb(r);
		return true;
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
		ret->kind = DWARF_STRING_INDEX;
		ret->value = reader_uint(r, form - DW_FORM_strx1 + 1);
		return true;
	default:
		return false;
	}
}
