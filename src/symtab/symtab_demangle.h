/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Mangled names of C++, Rust and D made readable.
 *
 * The names are a stranger's: this is for workers. Output, nesting and, for D,
 * expansion are bounded; what is beyond stays as it is.
 *
 * Threads: any.
 */
#ifndef SYMTAB_SYMTAB_DEMANGLE_H
#define SYMTAB_SYMTAB_DEMANGLE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/** Could it be mangled? From its first bytes. */
bool symtab_is_mangled(const char *name, size_t len);

enum symtab_demangled {
	SYMTAB_NOT_MANGLED, /* of none of the known kinds */
	SYMTAB_DEMANGLED,
	SYMTAB_TOO_MUCH, /* too long, or it would take too long */
};

/**
 * Append the readable form of a name, without compiler suffixes or version;
 * "@plt" stays.
 *
 * @param[in] name NUL-terminated.
 * @return Unless it is SYMTAB_DEMANGLED, nothing is appended. Look at
 * @c out->failed for want of memory.
 */
enum symtab_demangled symtab_demangle(const char *name, struct buf *out);

#endif
