/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A compiled table of a program that was never linked.
 *
 * Function i is called "fn<i>", begins at SAMPLE_BASE + 0x100 * i and is 0x100
 * long, from line 10 * i + 1 of /src/a.c. Of odd ones the addresses 0x40 to
 * 0x7f are of "inner", from line 5 of /src/a.h, called on line 10 * i + 7. Of
 * those that are a multiple of 5 no line is known. The file's bytes from 0x1000
 * on lie at SAMPLE_BASE.
 *
 * Functions abort where they fail.
 */
#ifndef TESTS_LIB_SAMPLE_TABLE_H
#define TESTS_LIB_SAMPLE_TABLE_H

#include "base/buf.h"
#include "symtab/symtab.h"

enum { SAMPLE_BASE = 0x401000 };

struct sample_table {
	struct build_id id;
	enum symtab_quality quality;
	unsigned functions;
	const char *prefix; /* of their names; NULL: "fn" */
	bool is_cut;        /* by a limit */
	unsigned depth;     /* of calls into "inner", at most 128; 0: 1 */
};

void sample_table_write(const struct sample_table *what, int fd);
/** Into memory. */
void sample_table_make(const struct sample_table *what, struct buf *out);
/** An open one; its bytes are in @p bytes and must outlive it. */
struct symtab *sample_table_open(const struct sample_table *what,
				 struct buf *bytes);

#endif
