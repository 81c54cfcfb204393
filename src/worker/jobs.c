/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "codec/codec_share.h"
#include "worker/jobs.h"

static struct error *broken(const char *what)
{
	return error_new(BAD_DATA, "broken message between processes: %s",
			 what);
}

/* A string as buf_put_str() wrote it. NULL after a failed read or without
 * memory, which the caller tells apart with reader_ok(). */
static char *get_str(struct reader *r)
{
	size_t size;
	const uint8_t *p = reader_sized(r, &size);

	if (!p)
		return NULL;
	return mem_strndup((const char *)p, strnlen((const char *)p, size));
}

static struct error *read_status(const struct reader *r, const char *what)
{
	return reader_ok(r) ? error_no_memory : broken(what);
}

void scan_request_put(struct buf *out, const struct scan_file *files,
		      size_t count)
{
	buf_put_u32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		buf_put_u64(out, files[i].size);
		buf_put_str(out, files[i].path);
		buf_put_u8(out, (uint8_t)files[i].choice);
		buf_put_u8(out, files[i].is_piped);
		buf_put_u8(out, files[i].no_sources);
	}
}

struct error *scan_request_get(struct reader *r, struct scan_file *files,
			       size_t *count_ret)
{
	size_t count = reader_u32(r);

	*count_ret = 0;
	if (count > SCAN_BATCH_MAX)
		return broken("scan request");
	for (size_t i = 0; i < count; i++) {
		files[i].size = reader_u64(r);
		files[i].path = get_str(r);
		if (!files[i].path)
			return read_status(r, "scan request");
		*count_ret = i + 1;
		files[i].choice = (enum scanner_choice)reader_u8(r);
		files[i].is_piped = reader_u8(r);
		files[i].no_sources = reader_u8(r);
		if (!reader_ok(r) || files[i].choice >= SCANNER_CHOICES)
			return broken("scan request");
	}
	return NULL;
}

struct error *share_create(int *fd_ret)
{
	return codec_share_create(fd_ret);
}

void share_abandon(int fd)
{
	codec_share_abandon(fd);
}

static void put_id(struct buf *out, const struct build_id *id)
{
	buf_put_bytes(out, id->bytes, id->len);
}

static void get_id(struct reader *r, struct build_id *ret)
{
	size_t size;
	const uint8_t *p = reader_sized(r, &size);

	memset(ret, 0, sizeof(*ret));
	if (p && size && !build_id_set(ret, p, size))
		r->failed = true;
}

static void get_array(struct reader *r, uint8_t *to, size_t size)
{
	const uint8_t *p = reader_bytes(r, size);

	if (p)
		memcpy(to, p, size);
}

static void facts_put(struct buf *out, const struct elf_facts *f)
{
	put_id(out, &f->gnu_id);
	buf_put_str(out, f->go_id);
	buf_append(out, f->htlhash, sizeof(f->htlhash));
	buf_append(out, f->breakpad_guid, sizeof(f->breakpad_guid));
	buf_put_u8(out, f->elf_class);
	buf_put_u8(out, f->is_big_endian);
	buf_put_u16(out, f->machine);
	buf_put_u16(out, f->type);
	buf_put_u32(out, f->roles);
	buf_put_u32(out, f->quality);
	put_id(out, &f->alt_id);
	buf_put_u32(out, (uint32_t)f->segment_count);
	for (size_t i = 0; i < f->segment_count; i++) {
		buf_put_u64(out, f->segments[i].offset.v);
		buf_put_u64(out, f->segments[i].vaddr.v);
		buf_put_u64(out, f->segments[i].file_size);
		buf_put_u64(out, f->segments[i].mem_size);
		buf_put_u32(out, f->segments[i].flags);
	}
	buf_put_u32(out, (uint32_t)f->split_id_count);
	for (size_t i = 0; i < f->split_id_count; i++)
		buf_put_u64(out, f->split_ids[i]);
	buf_put_u64(out, f->source_count);
	buf_put_bytes(out, f->sources.data, f->sources.size);
	buf_put_bytes(out, f->sources_pending.data, f->sources_pending.size);
	buf_put_str(out, f->sources_problem);
}

static struct error *segments_get(struct reader *r, struct elf_facts *f)
{
	size_t count = reader_u32(r);

	if (count > ELF_LOADS_MAX || count > reader_left(r) / 36)
		return broken("segments");
	f->segments = mem_array(count, sizeof(*f->segments));
	if (!f->segments)
		return error_no_memory;
	f->segment_count = count;
	for (size_t i = 0; i < count; i++) {
		f->segments[i].offset.v = reader_u64(r);
		f->segments[i].vaddr.v = reader_u64(r);
		f->segments[i].file_size = reader_u64(r);
		f->segments[i].mem_size = reader_u64(r);
		f->segments[i].flags = reader_u32(r);
	}
	return NULL;
}

static struct error *split_ids_get(struct reader *r, struct elf_facts *f)
{
	size_t count = reader_u32(r);

	if (count > reader_left(r) / 8)
		return broken("split DWARF");
	if (!count)
		return NULL;
	f->split_ids = mem_array(count, sizeof(*f->split_ids));
	if (!f->split_ids)
		return error_no_memory;
	f->split_id_count = count;
	for (size_t i = 0; i < count; i++)
		f->split_ids[i] = reader_u64(r);
	return NULL;
}

/* An empty string means none. */
static struct error *optional_get(struct reader *r, char **ret)
{
	CLEANUP_FREE char *s = get_str(r);

	if (!s)
		return read_status(r, "text");
	if (*s)
		*ret = STEAL(s);
	return NULL;
}

static struct error *facts_get(struct reader *r, struct elf_facts *f)
{
	size_t size;

	get_id(r, &f->gnu_id);
	TRY(optional_get(r, &f->go_id));
	get_array(r, f->htlhash, sizeof(f->htlhash));
	get_array(r, f->breakpad_guid, sizeof(f->breakpad_guid));
	f->elf_class = reader_u8(r);
	f->is_big_endian = reader_u8(r);
	f->machine = reader_u16(r);
	f->type = reader_u16(r);
	f->roles = reader_u32(r);
	f->quality = reader_u32(r);
	get_id(r, &f->alt_id);
	TRY(segments_get(r, f));
	TRY(split_ids_get(r, f));
	f->source_count = reader_u64(r);
	const uint8_t *sources = reader_sized(r, &size);

	if (sources && !buf_append(&f->sources, sources, size))
		return error_no_memory;
	sources = reader_sized(r, &size);
	if (sources && !buf_append(&f->sources_pending, sources, size))
		return error_no_memory;
	TRY(optional_get(r, &f->sources_problem));
	if (!reader_ok(r) || f->quality >= ELF_QUALITIES)
		return broken("facts");
	return NULL;
}

void found_artifact_put(struct buf *out, const struct found_artifact *a)
{
	buf_put_u8(out, a->member != NULL);
	buf_put_str(out, a->member);
	buf_put_u64(out, a->ordinal);
	buf_put_u64(out, a->offset);
	buf_put_u64(out, a->size);
	buf_put_u64(out, a->packed_size);
	buf_put_u32(out, a->packed_codec);
	buf_put_u64(out, (uint64_t)a->mtime);
	facts_put(out, &a->facts);
}

struct error *found_artifact_get(struct reader *r, struct found_artifact *ret)
{
	memset(ret, 0, sizeof(*ret));
	bool is_member = reader_u8(r);
	CLEANUP_FREE char *member = get_str(r);

	if (!member)
		return read_status(r, "artifact");
	ret->ordinal = reader_u64(r);
	ret->offset = reader_u64(r);
	ret->size = reader_u64(r);
	ret->packed_size = reader_u64(r);
	ret->packed_codec = reader_u32(r);
	ret->mtime = (int64_t)reader_u64(r);
	struct error *err = facts_get(r, &ret->facts);

	if (err) {
		elf_facts_deinit(&ret->facts);
		return err;
	}
	if (is_member)
		ret->member = STEAL(member);
	return NULL;
}

void found_artifact_deinit(struct found_artifact *a)
{
	mem_free((char *)a->member);
	a->member = NULL;
	elf_facts_deinit(&a->facts);
}

void source_file_put(struct buf *out, const struct source_file *f)
{
	buf_put_bytes(out, f->name, f->name_size);
	buf_put_u64(out, f->ordinal);
	buf_put_u64(out, f->offset);
	buf_put_u64(out, f->size);
	buf_put_u64(out, (uint64_t)f->mtime);
}

bool source_file_get(struct reader *r, struct source_file *ret)
{
	if (!reader_left(r))
		return false;
	ret->name = (const char *)reader_sized(r, &ret->name_size);
	ret->ordinal = reader_u64(r);
	ret->offset = reader_u64(r);
	ret->size = reader_u64(r);
	ret->mtime = (int64_t)reader_u64(r);
	return reader_ok(r);
}

void file_end_put(struct buf *out, const struct file_end *e)
{
	buf_put_str(out, e->scanner);
	buf_put_u32(out, e->error_kind_plus_one);
	buf_put_str(out, e->message);
	buf_put_u32(out, e->payload_codec);
	buf_put_u64(out, e->payload_offset);
	buf_put_u64(out, e->payload_size);
	buf_put_u64(out, e->members);
	buf_put_u64(out, e->elf_without_id);
	for (size_t i = 0; i < SCANNER_PASSED_REASONS; i++)
		buf_put_u64(out, e->passed_over.count[i]);
	buf_put_u8(out, e->is_read_to_end);
}

struct error *file_end_get(struct reader *r, struct file_end *ret)
{
	CLEANUP_FREE char *scanner = get_str(r);
	unsigned kind = reader_u32(r);
	CLEANUP_FREE char *message = get_str(r);

	if (!scanner || !message)
		return read_status(r, "end of file");
	*ret = (struct file_end) { .error_kind_plus_one = kind };
	ret->payload_codec = reader_u32(r);
	ret->payload_offset = reader_u64(r);
	ret->payload_size = reader_u64(r);
	ret->members = reader_u64(r);
	ret->elf_without_id = reader_u64(r);
	for (size_t i = 0; i < SCANNER_PASSED_REASONS; i++)
		ret->passed_over.count[i] = reader_u64(r);
	ret->is_read_to_end = reader_u8(r);
	if (!reader_ok(r))
		return broken("end of file");
	ret->scanner = STEAL(scanner);
	ret->message = STEAL(message);
	return NULL;
}

void locator_put(struct buf *out, const struct locator *l)
{
	buf_put_str(out, l->scanner);
	buf_put_str(out, l->path);
	buf_put_str(out, l->member ? l->member : "");
	buf_put_u8(out, l->is_piped);
	buf_put_u64(out, l->file_size);
	buf_put_u32(out, l->payload_codec);
	buf_put_u64(out, l->payload_offset);
	buf_put_u64(out, l->payload_size);
	buf_put_u64(out, l->ordinal);
	buf_put_u64(out, l->offset);
	buf_put_u64(out, l->size);
	buf_put_u32(out, l->packed_codec);
	buf_put_u64(out, l->packed_size);
	buf_put_u32(out, (uint32_t)l->point_count);
	for (size_t i = 0; i < l->point_count; i++) {
		buf_put_u64(out, l->points[i].in_offset);
		buf_put_u64(out, l->points[i].out_offset);
		buf_put_bytes(out, l->points[i].state, l->points[i].state_size);
	}
}

static struct error *points_get(struct reader *r, struct locator *l)
{
	size_t count = reader_u32(r);

	if (count > reader_left(r) / 20)
		return broken("points");
	struct codec_point *points = mem_array(count, sizeof(*points));

	if (!points)
		return error_no_memory;
	l->points = points;
	for (size_t i = 0; i < count; i++) {
		size_t size;

		points[i].in_offset = reader_u64(r);
		points[i].out_offset = reader_u64(r);
		const uint8_t *state = reader_sized(r, &size);

		l->point_count = i + 1;
		if (state && size) {
			points[i].state = mem_dup(state, size);
			points[i].state_size = size;
			if (!points[i].state)
				return error_no_memory;
		}
	}
	return NULL;
}

static struct error *locator_fill(struct reader *r, struct locator *ret)
{
	ret->scanner = get_str(r);
	ret->path = get_str(r);
	ret->member = get_str(r);
	if (!ret->scanner || !ret->path || !ret->member)
		return read_status(r, "locator");
	ret->is_piped = reader_u8(r);
	ret->file_size = reader_u64(r);
	ret->payload_codec = reader_u32(r);
	ret->payload_offset = reader_u64(r);
	ret->payload_size = reader_u64(r);
	ret->ordinal = reader_u64(r);
	ret->offset = reader_u64(r);
	ret->size = reader_u64(r);
	ret->packed_codec = reader_u32(r);
	ret->packed_size = reader_u64(r);
	TRY(points_get(r, ret));
	if (!reader_ok(r) || ret->packed_codec >= CODECS ||
	    (ret->payload_codec >= CODECS &&
	     ret->payload_codec != LOCATOR_RESCAN))
		return broken("locator");
	return NULL;
}

struct error *locator_get(struct reader *r, struct locator *ret)
{
	memset(ret, 0, sizeof(*ret));
	struct error *err = locator_fill(r, ret);

	if (err)
		locator_deinit(ret);
	return err;
}

void locator_deinit(struct locator *l)
{
	mem_free((char *)l->scanner);
	mem_free((char *)l->path);
	mem_free((char *)l->member);
	for (size_t i = 0; i < l->point_count; i++)
		mem_free(l->points[i].state);
	mem_free((struct codec_point *)l->points);
	memset(l, 0, sizeof(*l));
}

void resolve_request_put(struct buf *out, const struct build_id *id,
			 uint64_t size)
{
	buf_put_bytes(out, id->bytes, id->len);
	buf_put_u64(out, size);
}

struct error *resolve_request_get(struct reader *r, struct build_id *id,
				  uint64_t *size_ret)
{
	size_t len;
	const uint8_t *bytes = reader_sized(r, &len);

	*size_ret = reader_u64(r);
	return bytes && build_id_set(id, bytes, len) && reader_ok(r)
		       ? NULL
		       : broken("resolve request");
}

void resolve_item_put(struct buf *out, const struct resolve_item *item)
{
	buf_put_bytes(out, item->pending, item->pending_size);
	buf_put_bytes(out, item->known, item->known_size);
}

bool resolve_item_get(struct reader *r, struct resolve_item *ret)
{
	if (!reader_left(r))
		return false;
	ret->pending = reader_sized(r, &ret->pending_size);
	ret->known = reader_sized(r, &ret->known_size);
	return reader_ok(r);
}

void resolve_result_put(struct buf *out, const struct resolve_result *result)
{
	buf_put_u32(out, result->item);
	buf_put_u8(out, result->is_damaged);
	buf_put_u64(out, result->source_count);
	buf_put_bytes(out, result->sources, result->sources_size);
}

struct error *resolve_result_get(struct reader *r, struct resolve_result *ret)
{
	ret->item = reader_u32(r);
	ret->is_damaged = reader_u8(r);
	ret->source_count = reader_u64(r);
	ret->sources = reader_sized(r, &ret->sources_size);
	return reader_ok(r) ? NULL : broken("resolved names");
}
