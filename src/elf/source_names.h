/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Source names while they are gathered: a set of (base, directory, name), each
 * part a string or the place of one that is not read yet, in the end joined,
 * sorted, each once.
 *
 * Line tables repeat themselves: the headers a program includes stand in the
 * table of every unit. Sorting that out by places, before any string is read,
 * keeps memory to what is distinct.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_SOURCE_NAMES_H
#define ELF_SOURCE_NAMES_H

#include "base/buf.h"
#include "base/error.h"
#include "elf/key_set.h"
#include "elf/string_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum source_kind {
	SOURCE_NONE,     /* there is no such part */
	SOURCE_MISSING,  /* there is one, but it cannot be read */
	SOURCE_POOL,     /* at that place in @c strings */
	SOURCE_STR,      /* at that offset in .debug_str */
	SOURCE_LINE_STR, /* at that offset in .debug_line_str */
	SOURCE_ALT, /* at that offset in .debug_str of the alternate file */
};

/** A string, or where one is. */
struct source_ref {
	uint64_t v; /* kind in the upper 8 bits; all zero: SOURCE_NONE */
};

struct source_names {
	struct string_pool strings;
	struct key_set files; /* base, dir, name */
};

/** A place whose string is wanted, and the string once it is known. */
struct source_string {
	uint64_t offset;
	struct source_ref ref; /* SOURCE_MISSING until then */
};

/** All zero is empty. Twice is safe. */
void source_names_deinit(struct source_names *n);

/** An offset of 2^56 and more gives SOURCE_MISSING: no section is so large. */
struct source_ref source_ref_at(enum source_kind kind, uint64_t offset);
enum source_kind source_ref_kind(struct source_ref ref);
uint64_t source_ref_offset(struct source_ref ref);

/** Keep a string; the same one has the same ref. @return LIMIT, NO_MEMORY. */
MUST_CHECK struct error *source_names_string(struct source_names *n,
					     const char *s, size_t len,
					     struct source_ref *ret);

/**
 * Add a file.
 *
 * @param[in] base What a relative @p dir, or a relative @p name without one,
 * is relative to.
 * @return LIMIT, NO_MEMORY.
 */
MUST_CHECK struct error *source_names_add(struct source_names *n,
					  struct source_ref base,
					  struct source_ref dir,
					  struct source_ref name);

/**
 * The places in one section that strings are wanted from.
 *
 * @param[out] ret Owned, mem_free(). Ascending, each once.
 * @return NO_MEMORY.
 */
MUST_CHECK struct error *source_names_wanted(const struct source_names *n,
					     enum source_kind kind,
					     struct source_string **ret,
					     size_t *count_ret);

/** What the name of this file is made of lies partly in the alternate file. */
bool source_names_needs_alt(const struct source_names *n, const struct key *k);

/** The string of a part (a, b or c of a key); NULL if it has none, or an empty
 * one. Borrowed until the next string is kept. */
const char *source_names_text(const struct source_names *n, uint64_t part);

/** Put the strings in the place of their places. No file can be added any
 * more.
 * @param[in] strings What source_names_wanted() gave for @p kind. */
void source_names_settle(struct source_names *n, enum source_kind kind,
			 const struct source_string *strings, size_t count);

/**
 * Join, once no ref is a place in a section of this file any more. A file that
 * needs a string of the alternate file is left out: source_pending.h.
 *
 * The result is dir/name, behind base/ if that is relative; a part that is
 * missing is left out, and so is what is left of it, and so is a base in angle
 * brackets ("<dwz>"); a file whose name is missing, empty or in angle brackets
 * ("<built-in>") is no file.
 *
 * @param[out] sources Empty buffer; gets the names, sorted by strcmp, a NUL
 * behind each, each once.
 * @param[out] complete_ret False if limits (elf_limits.h) left some out.
 * @return NO_MEMORY.
 */
MUST_CHECK struct error *source_names_join(const struct source_names *n,
					   struct buf *sources,
					   size_t *count_ret,
					   bool *complete_ret);

#endif
