/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that answer a request: write a member of an archive (or part of it)
 * into a file, write one section, say whose identity a file carries.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "scanners/scanner.h"
#include "worker/jobs.h"
#include "worker/work_spool.h"
#include "worker/worker_limits.h"
#include "worker/worker_main.h"

enum { CHUNK = 1 << 20 };

static struct error *too_short(uint64_t got, uint64_t wanted)
{
	return error_new(BAD_DATA,
			 "member ends after %" PRIu64 " of %" PRIu64 " bytes",
			 got, wanted);
}

/* Copy @p size decoded bytes to offset @p to. */
static struct error *copy_stream(struct codec_stream *c, uint64_t size, int out,
				 uint64_t to)
{
	CLEANUP_FREE uint8_t *chunk = mem_alloc(CHUNK);

	if (!chunk)
		return error_no_memory;
	for (uint64_t done = 0; done < size;) {
		size_t want =
			size - done < CHUNK ? (size_t)(size - done) : CHUNK;
		size_t n;

		TRY(codec_read(c, chunk, want, &n));
		if (!n)
			return too_short(done, size);
		TRY(file_write_at(out, chunk, n, to + done));
		done += n;
	}
	return NULL;
}

static struct error *open_payload(const struct locator *l, int fd,
				  struct codec_stream **ret)
{
	struct input in = input_from_fd(fd, l->payload_offset, l->payload_size);

	if (l->payload_offset > l->file_size ||
	    l->payload_size > l->file_size - l->payload_offset)
		return error_new(BAD_DATA, "payload lies outside the file");
	if (l->point_count)
		return codec_open_at((enum codec)l->payload_codec, &in,
				     UINT64_MAX, l->points, l->point_count,
				     ret);
	return codec_open((enum codec)l->payload_codec, &in, UINT64_MAX, ret);
}

static struct error *extract_range(const struct locator *l,
				   struct extract_range range, int fd, int out)
{
	CLEANUP_CODEC struct codec_stream *c = NULL;

	TRY(open_payload(l, fd, &c));
	TRY(codec_seek(c, l->offset + range.from));
	return copy_stream(c, range.to - range.from, out, range.from);
}

/* Decode a member that is itself compressed. */
static struct error *unpack_member(const struct locator *l,
				   struct input *packed, int out)
{
	CLEANUP_CODEC struct codec_stream *c = NULL;

	TRY(codec_open((enum codec)l->packed_codec, packed,
		       WORKER_MEMBER_IN_MEMORY_BYTES, &c));
	return copy_stream(c, l->size, out, 0);
}

static struct error *packed_room(const struct locator *l, uint8_t **ret)
{
	if (l->packed_size > WORKER_MEMBER_IN_MEMORY_BYTES)
		return error_new(LIMIT,
				 "compressed member of %" PRIu64 " bytes",
				 l->packed_size);
	*ret = mem_alloc((size_t)l->packed_size);
	return *ret ? NULL : error_no_memory;
}

static struct error *extract_packed(const struct locator *l, int fd, int out)
{
	CLEANUP_CODEC struct codec_stream *c = NULL;
	CLEANUP_FREE uint8_t *packed = NULL;
	size_t done = 0;

	TRY(packed_room(l, &packed));
	TRY(open_payload(l, fd, &c));
	TRY(codec_seek(c, l->offset));
	while (done < l->packed_size) {
		size_t n;

		TRY(codec_read(c, packed + done, (size_t)l->packed_size - done,
			       &n));
		if (!n)
			return too_short(done, l->packed_size);
		done += n;
	}
	struct input in = input_from_memory(packed, done);

	return unpack_member(l, &in, out);
}

static struct error *seek_member(const struct scanner *scanner,
				 struct scanner_stream *s,
				 const struct locator *l)
{
	/* Sources go by absolute names, members by relative ones. */
	const char *name = l->member + (l->member[0] == '/');
	struct scanner_member m;
	bool found;

	for (uint64_t i = 0; i <= l->ordinal; i++) {
		TRY(scanner->next(s, &m, &found));
		if (!found)
			break;
		if (i == l->ordinal ||
		    (l->ordinal == LOCATOR_UNKNOWN && !strcmp(m.name, name)))
			return NULL;
	}
	return error_new(BAD_DATA, "%s: no member %s", l->path, l->member);
}

/* @p size as it is in a locator. */
static struct error *copy_member(const struct scanner *scanner,
				 struct scanner_stream *s, uint64_t size,
				 int out, uint64_t *copied_ret)
{
	CLEANUP_FREE uint8_t *chunk = mem_alloc(CHUNK);
	uint64_t done = 0;

	if (!chunk)
		return error_no_memory;
	while (done < size) {
		size_t n;

		TRY(scanner->read(s, chunk, CHUNK, &n));
		if (!n && size == LOCATOR_UNKNOWN)
			break;
		if (!n)
			return too_short(done, size);
		if (done + n > WORKER_ARCHIVE_UNPACKED_BYTES)
			return error_new(LIMIT, "member of more than %lu bytes",
					 WORKER_ARCHIVE_UNPACKED_BYTES);
		TRY(file_write_at(out, chunk, n, done));
		done += n;
	}
	*copied_ret = done;
	return NULL;
}

/* A member that is itself compressed. */
static struct error *unpack_read_member(const struct scanner *scanner,
					struct scanner_stream *s,
					const struct locator *l, int out)
{
	CLEANUP_FREE uint8_t *packed = NULL;

	TRY(packed_room(l, &packed));
	for (uint64_t done = 0; done < l->packed_size;) {
		size_t n;

		TRY(scanner->read(s, packed + done,
				  (size_t)(l->packed_size - done), &n));
		if (!n)
			return too_short(done, l->packed_size);
		done += n;
	}
	struct input in = input_from_memory(packed, (size_t)l->packed_size);

	return unpack_member(l, &in, out);
}

/* Walk the archive to the member: for payloads that cannot be entered in the
 * middle of the file. */
static struct error *extract_by_walking(const struct locator *l, int fd,
					int out, uint64_t *size_ret)
{
	const struct scanner *scanner = NULL;
	uint8_t head[SCANNER_HEAD_SIZE];
	struct scanner_input in = {
		.file = input_from_fd(fd, 0, l->file_size),
		.path = l->path,
		.head = head,
	};
	struct scanner_stream *s;

	TRY(in.file.read(&in.file, 0, head, sizeof(head), &in.head_size));
	/* Chosen by content, and again. */
	if (l->is_piped || !strcmp(l->scanner, SCANNER_BY_CONTENT))
		TRY(scanner_choose_as(&in, SCANNER_ARCHIVE, &scanner));
	else
		scanner = scanner_by_name(l->scanner);
	if (!scanner)
		return error_new(UNSUPPORTED, "no scanner \"%s\"", l->scanner);
	*size_ret = l->size;
	TRY(scanner->open(&in, &s));
	struct error *err = seek_member(scanner, s, l);

	if (!err)
		err = l->packed_codec
			      ? unpack_read_member(scanner, s, l, out)
			      : copy_member(scanner, s, l->size, out, size_ret);
	scanner->close(s);
	return err;
}

static struct error *answer_result(struct wire_out *out, bool found,
				   uint64_t size, const struct build_id *id)
{
	struct buf *b = wire_out_begin(out, WIRE_RESULT);

	buf_put_u8(b, found);
	buf_put_u64(b, size);
	buf_put_bytes(b, id->bytes, id->len);
	return wire_out_end(out);
}

static const struct build_id no_id;

/* @p size_ret: changed where the locator does not know it. */
static struct error *extract_any(const struct locator *l,
				 struct extract_range range, int in, int out,
				 uint64_t *size_ret)
{
	if (l->payload_codec == LOCATOR_RESCAN)
		return extract_by_walking(l, in, out, size_ret);
	if (l->packed_codec)
		return extract_packed(l, in, out);
	return extract_range(l, range, in, out);
}

/* @p out -1: pass over it. */
static struct error *copy_printed(int pipe, uint64_t size, int out)
{
	CLEANUP_FREE uint8_t *chunk = mem_alloc(CHUNK);

	if (!chunk)
		return error_no_memory;
	for (uint64_t done = 0; done < size;) {
		size_t want =
			size - done < CHUNK ? (size_t)(size - done) : CHUNK;
		size_t n;

		TRY(spool_read(pipe, chunk, want, &n));
		if (n < want)
			return too_short(done + n, size);
		if (out >= 0)
			TRY(file_write_at(out, chunk, n, done));
		done += n;
	}
	return NULL;
}

static struct error *copy_printed_packed(int pipe, const struct locator *l,
					 int out)
{
	CLEANUP_FREE uint8_t *packed = NULL;
	size_t n;

	TRY(packed_room(l, &packed));
	TRY(spool_read(pipe, packed, (size_t)l->packed_size, &n));
	if (n < l->packed_size)
		return too_short(n, l->packed_size);
	struct input in = input_from_memory(packed, n);

	return unpack_member(l, &in, out);
}

/* From what a command prints. A member of a plain tar stream is taken as it
 * passes by, and nobody waits for the rest; other containers have to be there
 * as a whole. */
static struct error *extract_printed(struct locator *l, const int *fds,
				     uint64_t *size_ret)
{
	struct extract_range all = { .to = l->size };

	if (l->payload_codec != CODEC_NONE) {
		TRY(spool_fill(fds[0], fds[2], &l->file_size));
		return extract_any(l, all, fds[2], fds[1], size_ret);
	}
	if (l->offset > UINT64_MAX - l->payload_offset)
		return error_new(BAD_DATA, "extract request");
	TRY(copy_printed(fds[0], l->payload_offset + l->offset, -1));
	return l->packed_codec ? copy_printed_packed(fds[0], l, fds[1])
			       : copy_printed(fds[0], l->size, fds[1]);
}

static struct error *extract_member(struct locator *l,
				    struct extract_range range, const int *fds,
				    uint64_t *size_ret)
{
	*size_ret = range.to - range.from;
	if (l->is_piped)
		return extract_printed(l, fds, size_ret);
	return extract_any(l, range, fds[0], fds[1], size_ret);
}

struct error *work_extract(struct reader *request, const int *fds,
			   size_t fd_count, struct wire_out *out)
{
	CLEANUP(locator_deinit) struct locator l;
	struct extract_range range;
	uint64_t size;

	TRY(locator_get(request, &l));
	range.from = reader_u64(request);
	range.to = reader_u64(request);
	if (!reader_ok(request) || fd_count != (l.is_piped ? 3 : 2) ||
	    range.from > range.to || range.to > l.size)
		return error_new(BAD_DATA, "extract request");
	TRY(extract_member(&l, range, fds, &size));
	return answer_result(out, true, size, &no_id);
}

static struct error *copy_section(struct input *elf, const char *name, int out,
				  uint64_t *size_ret, bool *found_ret)
{
	struct elf_section_range range;
	CLEANUP_FREE uint8_t *chunk = mem_alloc(CHUNK);

	if (!chunk)
		return error_no_memory;
	TRY(elf_section_find(elf, name, &range, found_ret));
	if (!*found_ret)
		return NULL;
	for (uint64_t done = 0; done < range.size;) {
		size_t want = range.size - done < CHUNK
				      ? (size_t)(range.size - done)
				      : CHUNK;

		TRY(input_read_exact(elf, range.offset.v + done, chunk, want));
		TRY(file_write_at(out, chunk, want, done));
		done += want;
	}
	*size_ret = range.size;
	return NULL;
}

struct error *work_section(struct reader *request, const int *fds,
			   size_t fd_count, struct wire_out *out)
{
	CLEANUP(locator_deinit) struct locator l;
	CLEANUP_CODEC struct codec_stream *c = NULL;
	struct input elf;
	bool found = false;
	uint64_t size = 0;

	TRY(locator_get(request, &l));
	const char *name = reader_cstr(request, NULL);

	if (!name || fd_count != 2)
		return error_new(BAD_DATA, "section request");
	elf = input_from_fd(fds[0], 0, l.file_size);
	if (l.point_count) {
		TRY(open_payload(&l, fds[0], &c));
		if (!codec_is_seekable(c))
			return error_new(UNSUPPORTED,
					 "payload cannot be read at random");
		elf = codec_input(c, l.offset, l.size);
	}
	TRY(copy_section(&elf, name, fds[1], &size, &found));
	return answer_result(out, found, size, &no_id);
}

struct error *work_identify(struct reader *request, const int *fds,
			    size_t fd_count, struct wire_out *out)
{
	uint64_t size = reader_u64(request);
	CLEANUP_ELF_FACTS struct elf_facts facts = { 0 };
	struct build_id id;

	if (!reader_ok(request) || fd_count != 1)
		return error_new(BAD_DATA, "identify request");
	struct input elf = input_from_fd(fds[0], 0, size);

	TRY(elf_facts_read(&elf, false, &facts));
	id = facts.gnu_id;
	if (!id.len)
		build_id_set(&id, facts.htlhash, sizeof(facts.htlhash));
	return answer_result(out, true, size, &id);
}
