/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>

#include "scanners/payload.h"

const char *payload_member_name(const char *name)
{
	for (;;) {
		if (name[0] == '/')
			name++;
		else if (name[0] == '.' && name[1] == '/')
			name += 2;
		else
			return name;
	}
}

static struct error *read_slice(struct input *in, uint64_t offset, void *buf,
				size_t size, size_t *size_ret)
{
	struct input *whole = in->ctx;

	*size_ret = 0;
	if (offset >= in->size)
		return NULL;
	if (size > in->size - offset)
		size = (size_t)(in->size - offset);
	return whole->read(whole, in->base + offset, buf, size, size_ret);
}

struct input payload_slice(struct input *whole, uint64_t offset, uint64_t size)
{
	return (struct input) {
		.read = read_slice, .size = size, .ctx = whole, .base = offset
	};
}

static struct error *error_truncated(const struct codec_stream *s)
{
	return error_new(BAD_DATA,
			 "truncated: the archive ends at offset %" PRIu64
			 " of its decoded bytes",
			 codec_tell(s));
}

struct error *payload_read_exact(struct codec_stream *s, void *buf, size_t size)
{
	uint8_t *to = buf;

	while (size) {
		size_t got;

		TRY(codec_read(s, to, size, &got));
		if (!got)
			return error_truncated(s);
		to += got;
		size -= got;
	}
	return NULL;
}

struct error *payload_skip_to(struct codec_stream *s, uint64_t offset)
{
	uint8_t last;
	size_t got;

	assert(codec_tell(s) <= offset);
	if (codec_tell(s) == offset)
		return NULL;
	TRY(codec_seek(s, offset - 1));
	TRY(codec_read(s, &last, 1, &got));
	if (!got)
		return error_new(BAD_DATA,
				 "truncated: the archive ends before offset "
				 "%" PRIu64 " of its decoded bytes",
				 offset);
	return NULL;
}

struct error *payload_finish(struct codec_stream *s)
{
	uint8_t tail[4096];
	size_t seen = 0, got;

	do {
		TRY(codec_read(s, tail, sizeof(tail), &got));
		seen += got;
	} while (got && seen < PAYLOAD_TAIL_MAX);
	return NULL;
}

struct error *payload_error_run(void)
{
	return error_new(LIMIT,
			 "more than %d entries in a row that are no regular "
			 "files",
			 PAYLOAD_RUN_MAX);
}
