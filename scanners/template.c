/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scanner to copy. It reads a format nobody uses, is compiled by the tests
 * and registered nowhere; README.md says what to do with it.
 *
 * A real file names its source here: the document, its version, its date.
 *
 *	offset 0  8	"TEMPLATE"
 *	8		payload, to the end of the file. Little-endian entries:
 *		0   4	size of the name, n; 0 ends the archive
 *		4   8	size of the data
 *		12  8	mtime, seconds since 1970
 *		20  n	name
 *		20+n	data
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "scanners/payload.h"

enum { MAGIC_SIZE = 8, ENTRY_SIZE = 20 };

static const char magic[] = "TEMPLATE";

struct scanner_stream {
	struct input file;
	struct codec_stream *payload;
	char name[PAYLOAD_NAME_MAX + 1];
	bool is_at_end;
	uint64_t offset, size, done; /* of the member, in decoded bytes */
	struct scanner_passed_over passed_over;
};

/* Only what the magic proves; other scanners are asked too. */
static int template_bid(const struct scanner_input *in)
{
	if (in->head_size < MAGIC_SIZE || memcmp(in->head, magic, MAGIC_SIZE))
		return 0;
	return 8 * MAGIC_SIZE;
}

static void template_close(struct scanner_stream *s)
{
	if (!s)
		return;
	codec_close(s->payload);
	mem_free(s);
}

static void cleanup_stream(struct scanner_stream **s)
{
	template_close(*s);
}

static struct error *template_open(const struct scanner_input *in,
				   struct scanner_stream **ret)
{
	CLEANUP(cleanup_stream)
	struct scanner_stream *s = mem_zalloc(sizeof(*s));

	if (!s)
		return error_no_memory;
	s->file = in->file;
	struct input payload =
		payload_slice(&s->file, MAGIC_SIZE, s->file.size - MAGIC_SIZE);

	// No limit here: limits are the caller's.
	TRY(codec_open(CODEC_NONE, &payload, UINT64_MAX, &s->payload));
	*ret = STEAL(s);
	return NULL;
}

/* The end of the archive must also be the end of what is compressed. */
static struct error *finish(struct scanner_stream *s)
{
	s->is_at_end = true;
	s->size = s->done = 0;
	return payload_finish(s->payload);
}

/* One entry. @is_named_ret: it has a name that can be held. */
static struct error *read_entry(struct scanner_stream *s, int64_t *mtime_ret,
				bool *is_named_ret)
{
	uint8_t header[ENTRY_SIZE];
	struct reader r;

	// Behind the member before, read or not.
	TRY(payload_skip_to(s->payload, s->offset + s->size));
	TRY(payload_read_exact(s->payload, header, sizeof(header)));
	reader_init(&r, header, sizeof(header), false);
	uint32_t name_size = reader_u32(&r);

	s->size = reader_u64(&r);
	*mtime_ret = (int64_t)reader_u64(&r);
	s->done = 0;
	if (!name_size)
		return finish(s);
	s->offset = codec_tell(s->payload) + name_size;
	if (s->size > INT64_MAX)
		return error_new(BAD_DATA, "a member of %" PRIu64 " bytes",
				 s->size);
	*is_named_ret = name_size <= PAYLOAD_NAME_MAX;
	if (!*is_named_ret)
		return payload_skip_to(s->payload, s->offset);
	s->name[name_size] = '\0';
	return payload_read_exact(s->payload, s->name, name_size);
}

static struct error *template_next(struct scanner_stream *s,
				   struct scanner_member *m, bool *found_ret)
{
	*found_ret = false;
	for (unsigned run = 0; run < PAYLOAD_RUN_MAX; run++) {
		int64_t mtime = 0;
		bool is_named = false;

		if (!s->is_at_end)
			TRY(error_wrap(read_entry(s, &mtime, &is_named),
				       "payload"));
		if (s->is_at_end)
			return NULL;
		if (!is_named) {
			payload_pass_over(&s->passed_over,
					  SCANNER_PASSED_LONG_PATH);
			continue;
		}
		*m = (struct scanner_member) {
			.name = payload_member_name(s->name),
			.size = s->size,
			.mtime = mtime,
			.offset = s->offset,
		};
		*found_ret = true;
		return NULL;
	}
	return payload_error_run();
}

static struct error *template_read(struct scanner_stream *s, void *buf,
				   size_t size, size_t *size_ret)
{
	*size_ret = 0;
	if (size > s->size - s->done)
		size = (size_t)(s->size - s->done);
	if (!size)
		return NULL;
	TRY(error_wrap(codec_read(s->payload, buf, size, size_ret), "payload"));
	if (!*size_ret)
		return error_new(BAD_DATA, "payload: truncated inside %s",
				 s->name);
	s->done += *size_ret;
	return NULL;
}

static struct codec_stream *template_payload(struct scanner_stream *s)
{
	return s->payload;
}

static void template_payload_place(struct scanner_stream *s,
				   enum codec *codec_ret, uint64_t *offset_ret,
				   uint64_t *size_ret)
{
	*codec_ret = CODEC_NONE;
	*offset_ret = MAGIC_SIZE;
	*size_ret = s->file.size - MAGIC_SIZE;
}

static const struct scanner_passed_over *
template_passed_over(const struct scanner_stream *s)
{
	return &s->passed_over;
}

/* Declared in formats.h, where the real ones are. */
extern const struct scanner scanner_template;

const struct scanner scanner_template = {
	.name = "template",
	.bid = template_bid,
	.open = template_open,
	.next = template_next,
	.read = template_read,
	.payload = template_payload,
	.payload_place = template_payload_place,
	.passed_over = template_passed_over,
	.close = template_close,
};
