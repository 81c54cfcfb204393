/* SPDX-License-Identifier: Apache-2.0 */
/* A note, aligned to 4 bytes, in the file's byte order:
 *
 *	 0  4  size of the name: 4
 *	 4  4  size of the descriptor, the build ID
 *	 8  4  type: 3, NT_GNU_BUILD_ID
 *	12  4  "GNU", NUL
 *	16     the build ID
 *
 * Source: as elf_note.c. */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "elf/elf_facts.h"
#include "elf/elf_head.h"

enum { NOTE_HEADER = 16, NAME_SIZE = 4 };

static bool read_note(const uint8_t *p, size_t size, bool is_big_endian,
		      struct build_id *ret)
{
	struct reader r;

	reader_init(&r, p, size, is_big_endian);
	uint32_t name_size = reader_u32(&r);
	uint32_t id_size = reader_u32(&r);
	uint32_t type = reader_u32(&r);
	const uint8_t *name = reader_bytes(&r, NAME_SIZE);
	const uint8_t *id =
		id_size <= BUILD_ID_MAX ? reader_bytes(&r, id_size) : NULL;

	return reader_ok(&r) && id && name_size == NAME_SIZE &&
	       type == NT_GNU_BUILD_ID && !memcmp(name, "GNU", NAME_SIZE) &&
	       build_id_set(ret, id, id_size);
}

struct error *elf_head_find_id(struct input *in, struct build_id *ret)
{
	size_t size =
		in->size < ELF_HEAD_SEARCH ? (size_t)in->size : ELF_HEAD_SEARCH;
	CLEANUP_FREE uint8_t *head = NULL;

	*ret = (struct build_id) { 0 };
	if (size < EI_NIDENT)
		return NULL;
	TRY(input_read_alloc(in, 0, size, &head));
	if (!elf_is_elf(head, size))
		return NULL;
	bool is_big_endian = head[EI_DATA] == ELFDATA2MSB;

	for (size_t at = EI_NIDENT; at + NOTE_HEADER <= size; at += 4) {
		/* Most places are none, and that is seen by four bytes. */
		if (!memcmp(head + at + 12, "GNU", NAME_SIZE) &&
		    read_note(head + at, size - at, is_big_endian, ret))
			return NULL;
	}
	return NULL;
}
