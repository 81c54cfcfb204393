/* SPDX-License-Identifier: Apache-2.0 */
/** LEB128 out of a table, bounds-checked. Inline: these are what a look-up
 * spends its time in. */
#ifndef SYMTAB_SYMTAB_LEB_H
#define SYMTAB_SYMTAB_LEB_H

#include <stdbool.h>
#include <stdint.h>

/** A place in the table, and where what is there ends. */
struct symtab_input {
	const uint8_t *at;
	const uint8_t *end;
};

bool symtab_uleb_slow(struct symtab_input *in, uint64_t *ret);
bool symtab_sleb_slow(struct symtab_input *in, int64_t *ret);

/** @return False past the end, and beyond 64 bits. */
static inline bool symtab_uleb(struct symtab_input *in, uint64_t *ret)
{
	const uint8_t *p = in->at;

	if (in->end - p >= 2) {
		if (p[0] < 0x80) {
			*ret = p[0];
			in->at = p + 1;
			return true;
		}
		if (p[1] < 0x80) {
			*ret = (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7;
			in->at = p + 2;
			return true;
		}
	}
	return symtab_uleb_slow(in, ret);
}

static inline bool symtab_uleb32(struct symtab_input *in, uint32_t *ret)
{
	uint64_t v;

	if (!symtab_uleb(in, &v) || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static inline bool symtab_sleb(struct symtab_input *in, int64_t *ret)
{
	const uint8_t *p = in->at;

	if (in->end - p >= 2) {
		if (p[0] < 0x80) {
			*ret = (int64_t)(p[0] ^ 0x40) - 0x40;
			in->at = p + 1;
			return true;
		}
		if (p[1] < 0x80) {
			*ret = (int64_t)(((p[0] & 0x7f) | p[1] << 7) ^ 0x2000) -
			       0x2000;
			in->at = p + 2;
			return true;
		}
	}
	return symtab_sleb_slow(in, ret);
}

#endif
