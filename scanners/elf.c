/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bare ELF file: a container with one member, which is the file itself.
 *
 * Executables, shared objects, separate debuginfo, kernel modules, vmlinux.
 * Only the magic is looked at, 7f 45 4c 46 (ELF gABI, "ELF Identification");
 * whether the rest holds is for src/elf to say.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "scanners/formats.h"

struct scanner_stream {
	struct input file;
	const char *name;
	bool is_given;
	uint64_t done;
};

static int elf_bid(const struct scanner_input *in)
{
	static const uint8_t magic[] = { 0x7f, 'E', 'L', 'F' };

	if (in->head_size < sizeof(magic) ||
	    memcmp(in->head, magic, sizeof(magic)))
		return 0;
	return 8 * sizeof(magic);
}

static struct error *elf_open(const struct scanner_input *in,
			      struct scanner_stream **ret)
{
	struct scanner_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	s->file = in->file;
	s->name = scanner_basename(in->path);
	*ret = s;
	return NULL;
}

static struct error *elf_next(struct scanner_stream *s,
			      struct scanner_member *m, bool *found_ret)
{
	*found_ret = !s->is_given;
	if (s->is_given)
		// Nothing is left to read.
		s->done = s->file.size;
	else
		*m = (struct scanner_member) { .name = s->name,
					       .size = s->file.size };
	s->is_given = true;
	return NULL;
}

static struct error *elf_read(struct scanner_stream *s, void *buf, size_t size,
			      size_t *size_ret)
{
	TRY(s->file.read(&s->file, s->done, buf, size, size_ret));
	s->done += *size_ret;
	if (!*size_ret && size && s->done < s->file.size)
		return error_new(BAD_DATA,
				 "truncated: %" PRIu64 " of %" PRIu64
				 " bytes are there",
				 s->done, s->file.size);
	return NULL;
}

static struct codec_stream *elf_payload(struct scanner_stream *s)
{
	(void)s;
	return NULL;
}

static void elf_payload_place(struct scanner_stream *s, enum codec *codec_ret,
			      uint64_t *offset_ret, uint64_t *size_ret)
{
	*codec_ret = CODEC_NONE;
	*offset_ret = 0;
	*size_ret = s->file.size;
}

static const struct scanner_passed_over *
elf_passed_over(const struct scanner_stream *s)
{
	static const struct scanner_passed_over nothing;

	(void)s;
	return &nothing;
}

static void elf_close(struct scanner_stream *s)
{
	mem_free(s);
}

const struct scanner scanner_elf = {
	.name = "elf",
	.is_bare = true,
	.bid = elf_bid,
	.open = elf_open,
	.next = elf_next,
	.read = elf_read,
	.payload = elf_payload,
	.payload_place = elf_payload_place,
	.passed_over = elf_passed_over,
	.close = elf_close,
};
