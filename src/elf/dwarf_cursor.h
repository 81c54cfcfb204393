/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Bounds-checked cursor for the loops that read DWARF by the hundred million
 * bytes: as base/reader.h, but inline, and without an end to LEB128 numbers
 * other than their last byte.
 *
 * Invariant: p <= end. A read past the end sets `failed`, gives zero and moves
 * to the end.
 * Threads: owned by one thread. Allocates nothing.
 */
#ifndef ELF_DWARF_CURSOR_H
#define ELF_DWARF_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dwarf_cursor {
	const uint8_t *p; /* borrowed */
	const uint8_t *end;
	bool big_endian;
	bool failed;
};

static inline struct dwarf_cursor
dwarf_cursor_at(const uint8_t *p, const uint8_t *end, bool big_endian)
{
	return (struct dwarf_cursor) { p, end, big_endian, false };
}

static inline size_t dwarf_left(const struct dwarf_cursor *c)
{
	return (size_t)(c->end - c->p);
}

static inline void dwarf_fail(struct dwarf_cursor *c)
{
	c->failed = true;
	c->p = c->end;
}

/** @param[in] p Has that many bytes: 1, 2, 3, 4 or 8. */
static inline uint64_t dwarf_load(const uint8_t *p, unsigned size,
				  bool big_endian)
{
	bool swap = big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	uint16_t v2;
	uint32_t v4;
	uint64_t v8;

	switch (size) {
	case 1:
		return p[0];
	case 2:
		memcpy(&v2, p, 2);
		return swap ? __builtin_bswap16(v2) : v2;
	case 3:
		return big_endian ? (uint32_t)p[0] << 16 | p[1] << 8 | p[2]
				  : (uint32_t)p[2] << 16 | p[1] << 8 | p[0];
	case 4:
		memcpy(&v4, p, 4);
		return swap ? __builtin_bswap32(v4) : v4;
	default:
		memcpy(&v8, p, 8);
		return swap ? __builtin_bswap64(v8) : v8;
	}
}

/** @param[in] size 1, 2, 3, 4 or 8. */
static inline uint64_t dwarf_uint(struct dwarf_cursor *c, unsigned size)
{
	if (__builtin_expect(dwarf_left(c) < size, 0)) {
		dwarf_fail(c);
		return 0;
	}
	uint64_t v = dwarf_load(c->p, size, c->big_endian);

	c->p += size;
	return v;
}

static inline uint8_t dwarf_u8(struct dwarf_cursor *c)
{
	return (uint8_t)dwarf_uint(c, 1);
}

static inline uint16_t dwarf_u16(struct dwarf_cursor *c)
{
	return (uint16_t)dwarf_uint(c, 2);
}

static inline uint32_t dwarf_u32(struct dwarf_cursor *c)
{
	return (uint32_t)dwarf_uint(c, 4);
}

static inline uint64_t dwarf_u64(struct dwarf_cursor *c)
{
	return dwarf_uint(c, 8);
}

static inline void dwarf_pass(struct dwarf_cursor *c, uint64_t size)
{
	if (__builtin_expect(size > dwarf_left(c), 0))
		dwarf_fail(c);
	else
		c->p += size;
}

/** The length in front of a unit, a set, a table: 4 bytes, or 0xffffffff and 8.
 * What is reserved fails. @param[out] offset_size_ret Of what follows: 4 or 8. */
static inline uint64_t dwarf_length(struct dwarf_cursor *c,
				    unsigned *offset_size_ret)
{
	uint64_t length = dwarf_u32(c);

	*offset_size_ret = 4;
	if (length == 0xffffffff) {
		*offset_size_ret = 8;
		return dwarf_u64(c);
	}
	if (length >= 0xfffffff0)
		dwarf_fail(c);
	return length;
}

/** Bits beyond 64 are lost. */
static inline uint64_t dwarf_uleb(struct dwarf_cursor *c)
{
	if (c->p < c->end && !(*c->p & 0x80))
		return *c->p++;
	uint64_t v = 0;
	unsigned shift = 0;

	while (c->p < c->end) {
		uint8_t byte = *c->p++;

		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += shift < 64 ? 7 : 0;
		if (!(byte & 0x80))
			return v;
	}
	c->failed = true;
	return 0;
}

static inline int64_t dwarf_sleb(struct dwarf_cursor *c)
{
	uint64_t v = 0;
	unsigned shift = 0;

	while (c->p < c->end) {
		uint8_t byte = *c->p++;

		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += shift < 64 ? 7 : 0;
		if (byte & 0x80)
			continue;
		if ((byte & 0x40) && shift < 64)
			v |= ~UINT64_C(0) << shift;
		return (int64_t)v;
	}
	c->failed = true;
	return 0;
}

static inline void dwarf_pass_leb(struct dwarf_cursor *c)
{
	while (c->p < c->end) {
		if (!(*c->p++ & 0x80))
			return;
	}
	c->failed = true;
}

/** NUL-terminated string, borrowed; NULL past the end. */
static inline const char *dwarf_cstr(struct dwarf_cursor *c, size_t *len_ret)
{
	const uint8_t *start = c->p;
	const uint8_t *nul =
		start < c->end ? memchr(start, 0, dwarf_left(c)) : NULL;

	if (!nul) {
		dwarf_fail(c);
		return NULL;
	}
	*len_ret = (size_t)(nul - start);
	c->p = nul + 1;
	return (const char *)start;
}

#endif
