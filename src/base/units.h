/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Address types that do not mix: a symbolizer's worst bugs are one kind of
 * address used as another, so passing one for the other does not compile.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdint.h>

struct vaddr {
	uint64_t v; /* address in the ELF file's own address space */
};

struct foff {
	uint64_t v; /* byte offset in the file */
};

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#endif
