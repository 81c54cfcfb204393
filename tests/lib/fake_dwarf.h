/* SPDX-License-Identifier: Apache-2.0 */
/**
 * In place of src/elf's reader of DWARF: gives what a test says, whatever
 * stands in the file. A file needs a section .debug_info to be asked for it.
 */
#ifndef TESTS_LIB_FAKE_DWARF_H
#define TESTS_LIB_FAKE_DWARF_H

#include "elf/dwarf_functions.h"

struct fake_call {        /* inlined into the function, all of it */
	const char *name; /* "": unknown */
	unsigned call_line;
};

struct fake_function {
	uint64_t start;
	uint64_t size;
	/* NULL: none; "<lines>": code that no function has; "<rest>": what pads
	 * it; "<missing>": its .dwo, /build/a.dwo of FAKE_DWO_ID */
	const char *name;
	unsigned line; /* of its first byte, one more each byte; 0: none */
	struct fake_call call;
};

extern const struct fake_function *fake_functions; /* size 0 behind the last */
extern const char *fake_problem;
extern bool fake_is_cut;
/** What the reader was given: addresses of the first sections. */
enum { FAKE_SECTIONS = 8 };
#define FAKE_DWO_ID UINT64_C(0xfedcba9876543210)
extern uint64_t fake_section_vaddrs[FAKE_SECTIONS];
extern size_t fake_section_vaddr_count;
/** Units read: each function is one. */
extern size_t fake_units_read;

#endif
