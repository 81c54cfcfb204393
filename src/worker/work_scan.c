/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scan containers: choose the scanner, walk the members, read the facts of
 * those that are ELF, list the others as possible sources.
 *
 * The limits of an archive are kept here, for all formats (scanner.h, 7).
 */
#include "config.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/units.h"
#include "codec/codec_share.h"
#include "scanners/scanner.h"
#include "worker/jobs.h"
#include "worker/source_list.h"
#include "worker/work_spool.h"
#include "worker/worker_limits.h"
#include "worker/worker_main.h"

struct scan {
	const struct scan_file *file;
	struct scan_file printed; /* the file, where a command prints it */
	bool is_read_to_end;
	struct input input;
	const struct scanner *scanner;
	struct scanner_stream *stream;
	struct codec_stream *payload; /* NULL for a bare file */
	uint32_t payload_codec;
	uint64_t payload_offset, payload_size;
	uint64_t ordinal;
	uint64_t elf_without_id;
	uint64_t spilled_bytes;
	int spill_fd;
	struct input member;         /* the one being read at random */
	struct error *payload_error; /* first failure to read it; owned */
	int share_fd;                /* -1: nobody helps */
	struct codec_share *share;   /* to be closed after the stream */
	struct source_list sources;
	struct wire_out *out;
};

static void close_stream(struct scan *s)
{
	if (s->stream)
		s->scanner->close(s->stream);
	s->stream = NULL;
}

static void scan_deinit(struct scan *s)
{
	close_stream(s);
	error_free(s->payload_error);
	codec_share_close(s->share);
	source_list_deinit(&s->sources);
}

static struct error *pack_list(struct buf *list)
{
	CLEANUP_BUF struct buf packed = BUF_INIT;

	if (!list->size)
		return NULL;
	TRY(codec_pack(list->data, list->size, &packed));
	struct buf plain = *list;

	*list = packed;
	packed = plain;
	return NULL;
}

/* Read facts and send them, unless the file has no identity to be found by. */
static struct error *send_facts(struct scan *s, struct input *elf,
				struct found_artifact *a)
{
	TRY(elf_facts_read(elf, !s->file->no_sources, &a->facts));
	struct elf_facts *f = &a->facts;

	/* Relocatable objects without a build ID are what compilers leave
	 * behind: nobody can ask for them, unless by the IDs of split DWARF. */
	if (!f->roles ||
	    (!f->gnu_id.len && f->type == ET_REL && !f->split_id_count)) {
		s->elf_without_id++;
		return NULL;
	}
	TRY(pack_list(&f->sources));
	TRY(pack_list(&f->sources_pending));
	found_artifact_put(wire_out_begin(s->out, WIRE_ARTIFACT), a);
	return wire_out_end(s->out);
}

static struct error *read_member(struct scan *s, void *buf, size_t size,
				 size_t *size_ret)
{
	for (*size_ret = 0; *size_ret < size;) {
		size_t n;

		TRY(s->scanner->read(s->stream, (char *)buf + *size_ret,
				     size - *size_ret, &n));
		if (!n)
			break;
		*size_ret += n;
	}
	return NULL;
}

/* The rest of a member too large for memory goes to the unlinked file. */
static struct error *spill_member(struct scan *s, const void *head,
				  size_t head_size, uint64_t size,
				  struct input *ret)
{
	enum { CHUNK = 1 << 20 };
	CLEANUP_FREE uint8_t *chunk = mem_alloc(CHUNK);
	uint64_t done = head_size;

	if (!chunk)
		return error_no_memory;
	if (s->spill_fd < 0)
		return error_new(LIMIT,
				 "member of %" PRIu64
				 " bytes and no file to hold it",
				 size);
	if (ftruncate(s->spill_fd, 0))
		return error_errno("empty the temporary file");
	TRY(error_wrap(file_write_at(s->spill_fd, head, head_size, 0),
		       "temporary file in the cache directory"));
	while (done < size) {
		size_t n;

		TRY(read_member(s, chunk, CHUNK, &n));
		if (!n)
			break;
		TRY(error_wrap(file_write_at(s->spill_fd, chunk, n, done),
			       "temporary file in the cache directory"));
		done += n;
	}
	*ret = input_from_fd(s->spill_fd, 0, done);
	return NULL;
}

/* Reads through to the payload and notes when that fails: damage to the
 * archive, which must not pass for damage to one member. */
static struct error *read_payload(struct input *in, uint64_t offset, void *buf,
				  size_t size, size_t *size_ret)
{
	struct scan *s = in->ctx;
	struct error *err =
		s->member.read(&s->member, offset, buf, size, size_ret);

	if (err && !s->payload_error)
		s->payload_error =
			error_new_at(error_kind(err), __FILE__, __LINE__, "%s",
				     error_message(err));
	return err;
}

/* The member as an input: at random where the payload allows it, else held in
 * memory (@p held) or spilled. @p head was read from it already. */
static struct error *member_input(struct scan *s,
				  const struct scanner_member *m,
				  const uint8_t *head, size_t head_size,
				  uint8_t **held, struct input *ret)
{
	if (s->payload && codec_is_seekable(s->payload)) {
		s->member = codec_input(s->payload, m->offset, m->size);
		*ret = (struct input) { .read = read_payload,
					.size = m->size,
					.ctx = s };
		return NULL;
	}
	if (m->size > WORKER_MEMBER_IN_MEMORY_BYTES)
		return spill_member(s, head, head_size, m->size, ret);
	size_t size;

	*held = mem_alloc((size_t)m->size);
	if (!*held)
		return error_no_memory;
	memcpy(*held, head, head_size);
	TRY(read_member(s, *held + head_size, (size_t)m->size - head_size,
			&size));
	*ret = input_from_memory(*held, head_size + size);
	return NULL;
}

/* A damaged ELF inside an archive costs only itself; a damaged archive counts
 * as not read. */
static struct error *scan_elf_member(struct scan *s,
				     const struct scanner_member *m,
				     struct input *elf,
				     struct found_artifact *a)
{
	struct error *err = send_facts(s, elf, a);

	(void)m;
	if (err && !s->payload_error &&
	    (error_kind(err) == ERROR_BAD_DATA ||
	     error_kind(err) == ERROR_LIMIT)) {
		error_free(err);
		s->elf_without_id++;
		return NULL;
	}
	return err;
}

static struct error *decode_packed(enum codec codec, struct input *in,
				   struct buf *plain)
{
	CLEANUP_CODEC struct codec_stream *c = NULL;

	TRY(codec_open(codec, in, WORKER_MEMBER_IN_MEMORY_BYTES, &c));
	for (;;) {
		size_t n;
		void *room = buf_reserve(plain, 256 << 10);

		if (!room)
			return error_no_memory;
		TRY(codec_read(c, room, 256 << 10, &n));
		if (!n)
			return NULL;
		buf_commit(plain, n);
	}
}

/* A kernel module compressed by itself. What does not decode is no module. */
static struct error *scan_packed_member(struct scan *s,
					const struct scanner_member *m,
					enum codec codec, struct input *in,
					struct found_artifact *a)
{
	CLEANUP_BUF struct buf plain = BUF_INIT;
	struct error *err = decode_packed(codec, in, &plain);

	if (err && !s->payload_error &&
	    (error_kind(err) == ERROR_BAD_DATA ||
	     error_kind(err) == ERROR_LIMIT ||
	     error_kind(err) == ERROR_UNSUPPORTED)) {
		error_free(err);
		return NULL;
	}
	TRY(err);
	if (plain.size < 4 || !elf_is_elf(plain.data, plain.size))
		return NULL;
	struct input elf = input_from_memory(plain.data, plain.size);

	a->packed_codec = codec;
	a->packed_size = m->size;
	a->size = plain.size;
	return scan_elf_member(s, m, &elf, a);
}

static struct error *scan_member(struct scan *s, const struct scanner_member *m)
{
	enum codec packed = scanner_packed_member(m->name);
	CLEANUP_FREE uint8_t *held = NULL;
	CLEANUP(found_artifact_deinit)
	struct found_artifact a = {
		.ordinal = s->ordinal,
		.offset = m->offset,
		.size = m->size,
		.mtime = m->mtime,
	};
	uint8_t head[4];
	size_t head_size;
	struct input in;

	if (m->size < sizeof(head))
		return source_list_add(&s->sources, m, s->ordinal);
	TRY(read_member(s, head, sizeof(head), &head_size));
	bool is_elf = head_size == sizeof(head) && elf_is_elf(head, head_size);

	if (!is_elf && packed == CODEC_NONE)
		return source_list_add(&s->sources, m, s->ordinal);
	a.member = mem_strdup(m->name);
	if (!a.member)
		return error_no_memory;
	TRY(member_input(s, m, head, head_size, &held, &in));
	if (is_elf)
		return scan_elf_member(s, m, &in, &a);
	return scan_packed_member(s, m, packed, &in, &a);
}

/* The limits of an archive, symbolized-limits(7). @p m may be any member, also
 * one that will only be passed over: passing over costs decoding as well. */
static struct error *check_limits(const struct scan *s,
				  const struct scanner_member *m)
{
	uint64_t end = m->offset + m->size;
	uint64_t ratio_limit = WORKER_ARCHIVE_RATIO * s->file->size;

	if (s->ordinal >= WORKER_ARCHIVE_MEMBERS)
		return error_new(LIMIT, "more than %d members",
				 WORKER_ARCHIVE_MEMBERS);
	if (strlen(m->name) > WORKER_MEMBER_PATH_BYTES)
		return error_new(
			LIMIT, "member %" PRIu64 ": name longer than %d bytes",
			s->ordinal, WORKER_MEMBER_PATH_BYTES);
	if (end < m->size || end > WORKER_ARCHIVE_UNPACKED_BYTES)
		return error_new(LIMIT,
				 "%s: unpacks to over %" PRIu64 " bytes in all",
				 m->name, WORKER_ARCHIVE_UNPACKED_BYTES);
	if (end > WORKER_ARCHIVE_RATIO_FREE_BYTES && end > ratio_limit)
		return error_new(LIMIT,
				 "%s: unpacks to %" PRIu64
				 " bytes, over %d times the package's %" PRIu64,
				 m->name, end, WORKER_ARCHIVE_RATIO,
				 s->file->size);
	return NULL;
}

static struct error *scan_archive(struct scan *s)
{
	struct scanner_member m;
	bool found;

	for (;;) {
		TRY(s->scanner->next(s->stream, &m, &found));
		if (!found)
			return NULL;
		TRY(check_limits(s, &m));
		TRY(error_wrap(scan_member(s, &m), "%s", m.name));
		if (s->payload_error)
			return error_wrap(STEAL(s->payload_error), "%s",
					  m.name);
		s->ordinal++;
	}
}

static struct error *scan_bare(struct scan *s)
{
	CLEANUP(found_artifact_deinit)
	struct found_artifact a = {
		.size = s->file->size,
	};

	return send_facts(s, &s->input, &a);
}

static struct error *send_points(struct scan *s)
{
	const struct codec_point *points;
	size_t count;

	if (!s->payload || s->payload_codec == LOCATOR_RESCAN)
		return NULL;
	codec_points(s->payload, &points, &count);
	/* One point, the beginning, says nothing. */
	for (size_t i = 0; count > 1 && i < count; i++) {
		struct buf *b = wire_out_begin(s->out, WIRE_POINT);

		buf_put_u64(b, points[i].in_offset);
		buf_put_u64(b, points[i].out_offset);
		buf_put_bytes(b, points[i].state, points[i].state_size);
		TRY(wire_out_end(s->out));
	}
	return NULL;
}

/* Which scanner, if any. @p head must outlive the scan. */
static struct error *choose(struct scan *s, uint8_t *head,
			    struct scanner_input *in)
{
	size_t size;

	TRY(s->input.read(&s->input, 0, head, SCANNER_HEAD_SIZE, &size));
	*in = (struct scanner_input) {
		.file = s->input,
		.path = s->file->path,
		.head = head,
		.head_size = size,
	};
	return scanner_choose_as(in, s->file->choice, &s->scanner);
}

/* From here on other workers may help. Without them it takes longer. */
static void share_payload(struct scan *s)
{
	struct codec_place place = { .codec = (enum codec)s->payload_codec,
				     .offset = s->payload_offset,
				     .size = s->payload_size };

	if (s->share_fd < 0 || s->payload_codec == LOCATOR_RESCAN)
		return;
	struct error *err = codec_share_open(s->share_fd, &s->share);

	if (err)
		error_free(err);
	else
		codec_share_lead(s->share, s->payload, &place);
}

static struct error *scan_container(struct scan *s)
{
	uint8_t head[SCANNER_HEAD_SIZE];
	struct scanner_input in;

	TRY(choose(s, head, &in));
	if (!s->scanner)
		return NULL;
	TRY(s->scanner->open(&in, &s->stream));
	s->payload = s->scanner->payload(s->stream);
	enum codec codec = CODEC_NONE;

	s->scanner->payload_place(s->stream, &codec, &s->payload_offset,
				  &s->payload_size);
	s->payload_codec = codec;
	/* In no one place of the file: such members are found again by walking
	 * the archive. */
	if (s->scanner->is_sequential || (s->payload && !s->payload_size))
		s->payload_codec = LOCATOR_RESCAN;
	if (!s->payload && !s->scanner->is_sequential)
		return scan_bare(s);
	share_payload(s);
	TRY(scan_archive(s));
	TRY(source_list_send(&s->sources, s->out));
	return send_points(s);
}

/* Borrowed. -1: there is none. */
struct scan_fds {
	int file, spill, share;
	int spool; /* for what a command prints, which file is then */
};

/* The container is what a command prints: all of it, before it is looked at,
 * so that it can be read at random like any other. */
static struct error *take_printed(struct scan *s, const struct scan_fds *fds)
{
	s->printed = *s->file;
	TRY(spool_fill(fds->file, fds->spool, &s->printed.size));
	s->is_read_to_end = true;
	s->file = &s->printed;
	s->input = input_from_fd(fds->spool, 0, s->printed.size);
	return NULL;
}

static struct error *scan_file(struct scan *s, const struct scan_fds *fds)
{
	if (s->file->is_piped)
		TRY(take_printed(s, fds));
	return scan_container(s);
}

/* One file: what it holds, then how it ended. Only a broken channel to the
 * server and want of memory, after which this process is no good any more, are
 * this function's own errors. */
static struct error *scan_one(const struct scan_file *file,
			      const struct scan_fds *fds, struct wire_out *out)
{
	CLEANUP(scan_deinit)
	struct scan s = {
		.file = file,
		.input = input_from_fd(fds->file, 0, file->size),
		.spill_fd = fds->spill,
		.share_fd = fds->share,
		.out = out,
	};
	CLEANUP_ERROR struct error *err = scan_file(&s, fds);

	if (err && error_kind(err) == ERROR_NO_MEMORY)
		return STEAL(err);
	struct file_end end = {
		.scanner = s.scanner ? s.scanner->name : "",
		.error_kind_plus_one = err ? (unsigned)error_kind(err) + 1 : 0,
		.message = err ? error_message(err) : "",
		.payload_codec = s.payload_codec,
		.payload_offset = s.payload_offset,
		.payload_size = s.payload_size,
		.members = s.ordinal,
		.elf_without_id = s.elf_without_id,
		.is_read_to_end = s.is_read_to_end,
	};

	if (s.stream)
		end.passed_over = *s.scanner->passed_over(s.stream);
	file_end_put(wire_out_begin(out, WIRE_FILE_END), &end);
	return wire_out_end(out);
}

struct error *work_scan(struct reader *request, const int *fds, size_t fd_count,
			struct wire_out *out)
{
	struct scan_file files[SCAN_BATCH_MAX];
	size_t count = 0;
	struct error *err = scan_request_get(request, files, &count);

	if (!err && fd_count < count)
		err = error_new(BAD_DATA, "%zu files and %zu descriptors",
				count, fd_count);
	for (size_t i = 0; !err && i < count; i++) {
		if (files[i].is_piped && (count != 1 || fd_count != 3))
			err = error_new(BAD_DATA, "a command's output in a "
						  "job of several files");
	}
	for (size_t i = 0; !err && i < count; i++) {
		bool is_piped = files[i].is_piped;
		struct scan_fds its = {
			.file = fds[i],
			.spill = fd_count > count ? fds[count] : -1,
			.share = count == 1 && fd_count > 2 && !is_piped
					 ? fds[2]
					 : -1,
			.spool = is_piped ? fds[2] : -1,
		};

		buf_put_u32(wire_out_begin(out, WIRE_FILE), (uint32_t)i);
		err = wire_out_end(out);
		/* A large file may cost the process its life: say first which
		 * it was. */
		if (!err && files[i].size > MIB)
			err = wire_out_flush(out);
		if (!err)
			err = scan_one(&files[i], &its, out);
	}
	for (size_t i = 0; i < count; i++)
		mem_free((char *)files[i].path);
	return err;
}
