/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libiberty does the work, through the callbacks of its C++ and Rust
 * demanglers: these allocate nothing and hold nothing, so that the callback can
 * leave by longjmp() when a name has grown too long. A name of 100 bytes can
 * say 2^30 bytes: each of its parts may refer to one before it, twice.
 *
 * The D demangler has no callback and allocates as it goes, and where a name
 * can be read in two ways it tries one after the other. There, what a name can
 * expand to, and how often that may be, is estimated before. And so it is for
 * Rust's lifetimes, which are counted through where nothing is printed.
 */
#include "config.h"

#ifdef HAVE_LIBIBERTY_DEMANGLE_H
#include <libiberty/demangle.h>
#else
#include <demangle.h>
#endif
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_demangle.h"
#include "symtab/symtab_private.h"

enum {
	OPTIONS = DMGL_PARAMS | DMGL_ANSI,
	/* Bytes of D that one byte may become: "immutable(". */
	D_EXPANSION = 10,
	D_INPUT_MAX = 4096,
	/* Some 20 ms where each doubles the time. */
	D_TRIES_MAX = 14,
	/* 5 ms; a program's functions have a few each. */
	RUST_LIFETIMES_MAX = 100000,
};

bool symtab_is_mangled(const char *name, size_t len)
{
	size_t at = 0;

	// Some targets put another underscore before every symbol.
	while (at < len && at < 3 && name[at] == '_')
		at++;
	if (!at || at == len)
		return false;
	return name[at] == 'Z' || (at == 1 && strchr("RD", name[at]));
}

struct growing {
	struct buf *out;
	size_t start;
	jmp_buf too_long;
};

static void grow(const char *text, size_t len, void *ctx)
{
	struct growing *g = ctx;

	if (len > SYMTAB_NAME_MAX - (g->out->size - g->start) ||
	    !buf_append(g->out, text, len))
		longjmp(g->too_long, 1);
}

/* The number in base 62 at @at, up to some millions: digits, small letters, large
 * letters, then '_', and one more than that; alone, '_' is 0. SIZE_MAX: there is
 * none. */
static size_t read_base_62(const char *name, size_t at, size_t len)
{
	size_t n = 0;

	if (at < len && name[at] == '_')
		return 0;
	for (; at < len && name[at] != '_'; at++) {
		char c = name[at];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'z' ? c - 'a' + 10
			    : c >= 'A' && c <= 'Z' ? c - 'A' + 36
						   : -1;

		if (digit < 0)
			return SIZE_MAX;
		if (n <= RUST_LIFETIMES_MAX)
			n = n * 62 + (size_t)digit;
	}
	return at < len ? n + 1 : SIZE_MAX;
}

/* A function's type (F) and that of an object (D) may begin with a binder, G
 * and how many lifetimes it has. libiberty goes through them one by one, also
 * in what it only skips. What looks like one within an identifier counts as
 * well. */
static bool is_quick_rust(const char *name, size_t len)
{
	size_t lifetimes = 0;

	for (size_t i = 1; i < len && lifetimes <= RUST_LIFETIMES_MAX; i++) {
		// Where there is no number, SIZE_MAX and one are none.
		if (name[i] == 'G' && strchr("FD", name[i - 1]))
			lifetimes += read_base_62(name, i + 1, len) + 1;
	}
	return lifetimes <= RUST_LIFETIMES_MAX;
}

static enum symtab_demangled is_demangled(int is_good)
{
	return is_good ? SYMTAB_DEMANGLED : SYMTAB_NOT_MANGLED;
}

static enum symtab_demangled demangle_cxx(const char *name, bool is_rust,
					  struct growing *g)
{
	if (setjmp(g->too_long))
		return SYMTAB_TOO_MUCH;
	return is_demangled(
		is_rust ? rust_demangle_callback(name, OPTIONS, grow, g)
			: cplus_demangle_v3_callback(name, OPTIONS, grow, g));
}

/* The end of the back reference at @at: Q and a distance in base 26 whose last
 * digit is a small letter; @at if it is none. */
static size_t skip_d_reference(const char *name, size_t at, size_t len,
			       size_t *distance_ret)
{
	size_t k = at + 1;

	*distance_ret = 0;
	if (name[at] != 'Q')
		return at;
	for (; k < len && name[k] >= 'A' && name[k] <= 'Z'; k++)
		if (*distance_ret <= D_INPUT_MAX)
			*distance_ret =
				*distance_ret * 26 + (size_t)(name[k] - 'A');
	if (k == len || name[k] < 'a' || name[k] > 'z')
		return at;
	*distance_ret = *distance_ret * 26 + (size_t)(name[k] - 'a');
	return k + 1;
}

/* What a name can become at most, if a reference stands for all that is
 * between there and itself. */
static bool is_short_d(const char *name, size_t len)
{
	uint64_t sum[D_INPUT_MAX + 1] = { 0 }; // what all before can become

	for (size_t i = 0; i < len; i++) {
		uint64_t grows = D_EXPANSION;
		size_t distance;

		if (skip_d_reference(name, i, len, &distance) > i)
			grows +=
				sum[i] - (distance < i ? sum[i - distance] : 0);
		sum[i + 1] = sum[i] + grows;
		if (sum[i + 1] > SYMTAB_NAME_MAX * D_EXPANSION)
			return false;
	}
	return true;
}

/* How often the demangler may try one way and then another: where an identifier
 * ends and what follows may be a function's type, and at the length of a symbol
 * in a template. Each may double the time. What could be an identifier counts
 * as one: a number and that many bytes. */
static bool is_quick_d(const char *name, size_t len)
{
	bool ends[D_INPUT_MAX + 1] = { false };
	unsigned tries = 0;

	for (size_t i = 0; i < len; i++) {
		size_t n = 0, distance;
		size_t k = i;

		for (; k < len && name[k] >= '0' && name[k] <= '9' && n < len;
		     k++)
			n = n * 10 + (size_t)(name[k] - '0');
		if (k > i && n < len - k)
			ends[k + n] = true;
		if (name[i] == 'Z')
			ends[i + 1] = true;
		ends[skip_d_reference(name, i, len, &distance)] |=
			name[i] == 'Q';
		if (k > i && i && name[i - 1] == 'S')
			tries++;
		if (ends[i] && strchr("FMRUVWY", name[i]))
			tries++;
	}
	return tries <= D_TRIES_MAX;
}

static enum symtab_demangled demangle_d(const char *name, size_t len,
					struct growing *g)
{
	if (len > D_INPUT_MAX || !is_short_d(name, len) ||
	    !is_quick_d(name, len))
		return SYMTAB_TOO_MUCH;
	CLEANUP_FREE char *text = dlang_demangle(name, OPTIONS);

	if (text && strlen(text) > SYMTAB_NAME_MAX)
		return SYMTAB_TOO_MUCH;
	return is_demangled(text && buf_append_str(g->out, text));
}

static enum symtab_demangled demangle_stem(const char *name, size_t len,
					   struct buf *out)
{
	struct growing g = { .out = out, .start = out->size };
	enum symtab_demangled ret = SYMTAB_TOO_MUCH;

	if (name[1] == 'D') {
		ret = demangle_d(name, len, &g);
	} else if (name[1] == 'R') {
		if (is_quick_rust(name, len))
			ret = demangle_cxx(name, true, &g);
	} else {
		// Before C++: older Rust names are C++ names that end in a
		// hash.
		while (name[1] == '_')
			name++;
		ret = demangle_cxx(name, true, &g);
		if (ret != SYMTAB_DEMANGLED) {
			out->size = g.start;
			ret = demangle_cxx(name, false, &g);
		}
	}
	if (ret != SYMTAB_DEMANGLED)
		out->size = g.start;
	return ret;
}

enum symtab_demangled symtab_demangle(const char *name, struct buf *out)
{
	static const char plt[] = "@plt";
	size_t len = strlen(name);
	size_t start = out->size;

	if (!symtab_is_mangled(name, len))
		return SYMTAB_NOT_MANGLED;
	if (len > SYMTAB_NAME_MAX)
		return SYMTAB_TOO_MUCH;
	size_t named = symtab_name_without_plt(name, len);
	size_t stem = symtab_name_stem(name, named);
	CLEANUP_FREE char *copy = mem_strndup(name, stem);

	if (!copy) {
		out->failed = true;
		return SYMTAB_NOT_MANGLED;
	}
	enum symtab_demangled ret = demangle_stem(copy, stem, out);

	if (ret != SYMTAB_DEMANGLED || named == len)
		return ret;
	if (out->size - start <= SYMTAB_NAME_MAX - strlen(plt) &&
	    buf_append_str(out, plt))
		return SYMTAB_DEMANGLED;
	out->size = start;
	return SYMTAB_TOO_MUCH;
}
