/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tables for tests: made in memory, taken from LLVM, damaged.
 *
 * Functions abort where they fail.
 */
#ifndef TESTS_LIB_SYMTAB_FIXTURE_H
#define TESTS_LIB_SYMTAB_FIXTURE_H

#include "base/buf.h"
#include "symtab/symtab_writer.h"

/** Finish @p w into memory. */
void symtab_fixture_finish(struct symtab_writer *w,
			   const struct symtab_writer_facts *facts,
			   struct buf *out);

/** Put our private section behind a GSYM file, as it came from llvm-gsymutil.*/
void symtab_fixture_adopt(const void *gsym, size_t size, struct buf *out);

/** Make the checksum right again, so that damage gets behind it. */
void symtab_fixture_seal(uint8_t *table, size_t size);

#endif
