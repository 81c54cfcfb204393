/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "elf/dwarf_strings.h"
#include "elf/elf_limits.h"
#include "elf/elf_section.h"

/* The string that the stream stands at. @p work: bytes looked through. */
static struct error *read_string(struct dwarf_reader *d, struct elf_stream *s,
				 uint64_t *work, struct source_ref *ret)
{
	const uint8_t *data;
	size_t size = 0;

	for (size_t want = 64;; want *= 8) {
		if (want > ELF_NAME_MAX + 1)
			want = ELF_NAME_MAX + 1;
		TRY(elf_stream_peek(s, want, &data, &size));
		if (size > ELF_NAME_MAX + 1)
			size = ELF_NAME_MAX + 1;
		const uint8_t *nul = memchr(data, 0, size);
		size_t len = nul ? (size_t)(nul - data) : size;

		*work += len;
		if (nul)
			return source_names_string(&d->names, (char *)data, len,
						   ret);
		if (size < want)
			return error_new(BAD_DATA, "string without an end");
		if (want > ELF_NAME_MAX)
			return error_new(
				LIMIT, "a name of more than %" PRIu64 " bytes",
				ELF_NAME_MAX);
	}
}

struct error *dwarf_strings_read(struct dwarf_reader *d, size_t section,
				 size_t step, const char *name,
				 struct source_string *strings, size_t count)
{
	CLEANUP_ELF_STREAM struct elf_stream *s = NULL;
	uint64_t work = 0;

	if (!section)
		return error_new(BAD_DATA, "there is no such section");
	TRY(elf_stream_open(d->file, section, step, &s));
	for (size_t i = 0; i < count; i++) {
		uint64_t offset = strings[i].offset;
		struct error *err;

		if (offset >= elf_stream_size(s))
			return error_new(BAD_DATA,
					 "string at 0x%" PRIx64
					 " lies outside the section",
					 offset);
		TRY(elf_stream_skip(s, offset - elf_stream_tell(s)));
		err = read_string(d, s, &work, &strings[i].ref);
		TRY(dwarf_note_problem(d, err, name, offset));
		if (work > ELF_NAME_WORK_MAX)
			return error_new(LIMIT, "strings overlap too much");
	}
	return NULL;
}
