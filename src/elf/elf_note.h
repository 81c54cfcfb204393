/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who a file says it is: its GNU build ID and its Go build ID.
 *
 * Threads: no state.
 */
#ifndef ELF_ELF_NOTE_H
#define ELF_ELF_NOTE_H

#include "base/build_id.h"
#include "base/error.h"
#include "elf/elf_file.h"

/**
 * Look for both in bytes that hold notes.
 *
 * The first of each kind counts; a GNU build ID outside 2 to 64 bytes and a Go
 * build ID that is not printable text are passed over.
 *
 * @param[in] align 8 if the notes are padded to 8 bytes, otherwise 4.
 * @param[in,out] gnu_id Left alone if it is set, or none is found.
 * @param[in,out] go_id Likewise; NULL: not set. Owned by the caller.
 * @return NO_MEMORY only: what does not parse ends the search.
 */
MUST_CHECK struct error *elf_notes_find(const void *data, size_t size,
					unsigned align, bool big_endian,
					struct build_id *gnu_id, char **go_id);

/**
 * Look for both in a file: in its note sections, and where these give no GNU
 * build ID, in its note segments. (In a separate debug file the segments'
 * offsets may be another file's.)
 *
 * @param[out] gnu_id Length 0: none.
 * @param[out] go_id NULL: none. Owned.
 * @return NO_MEMORY, IO. Notes that lie outside the file are passed over.
 *
 * Cost: no read where the notes lie in the file's head.
 */
MUST_CHECK struct error *elf_file_ids(struct elf_file *f,
				      struct build_id *gnu_id, char **go_id);

/**
 * Read a section .gnu_debugaltlink: a name, its NUL, and the build ID up to the
 * section's end.
 *
 * @param[out] name_ret Owned; NULL if there is none. May itself be NULL.
 * @param[out] id_ret len 0: it is no such link.
 * @return IO, NO_MEMORY.
 */
MUST_CHECK struct error *elf_alt_link(struct elf_file *f, size_t section,
				      struct build_id *id_ret, char **name_ret);

#endif
