/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The build ID in the first pages of an ELF file whose rest is not here yet.
 *
 * Linkers put the notes before everything else, and what makes separate debug
 * files leaves them there, while a section table is at the very end. So the
 * first note of that kind is looked for as bytes. It is a hint: what says for
 * sure whose a file is reads all of it (elf_facts.h).
 *
 * Threads: any.
 */
#ifndef ELF_ELF_HEAD_H
#define ELF_ELF_HEAD_H

#include "base/build_id.h"
#include "base/error.h"
#include "base/input.h"

enum { ELF_HEAD_SEARCH = 64 << 10 };

/** @param[in] in What is there of the file. At most ELF_HEAD_SEARCH bytes are
 * read.
 * @param[out] ret len 0: none there, or not an ELF file. */
MUST_CHECK struct error *elf_head_find_id(struct input *in,
					  struct build_id *ret);

#endif
