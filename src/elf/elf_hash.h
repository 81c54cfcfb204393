/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Identities that are computed from a file's bytes.
 *
 * Threads: no state.
 */
#ifndef ELF_ELF_HASH_H
#define ELF_ELF_HASH_H

#include "base/build_id.h"
#include "base/error.h"
#include "elf/elf_file.h"

#include <stdint.h>

enum { ELF_HASH_SIZE = 16 };

/** The OpenTelemetry profiling hash ("htlhash") of a file: see elf_hash.c.
 * Cost: no read. */
void elf_htlhash(const struct elf_file *f, uint8_t ret[ELF_HASH_SIZE]);

/**
 * The GUID of a Breakpad ID, in the byte order it is printed in, without the
 * age: from the GNU build ID, without one from the code; all zero if the file
 * has neither.
 *
 * @return NO_MEMORY, IO. Code that lies outside the file is none.
 *
 * Cost: without a build ID, one read of 4 KiB.
 */
MUST_CHECK struct error *elf_breakpad_guid(struct elf_file *f,
					   const struct build_id *gnu_id,
					   uint8_t ret[ELF_HASH_SIZE]);

#endif
