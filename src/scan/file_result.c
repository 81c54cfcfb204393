/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "scan/scan_internal.h"

static_assert(ELF_LOADS_MAX <= INDEX_SEGMENTS_MAX, "the index keeps them all");

/* Those of the first artifacts, as many as there is room for. */
static void bound_split_ids(struct file_result *r,
			    const struct found_artifact *a, size_t *count)
{
	size_t room = SCAN_SPLIT_IDS_MAX - r->split_ids;

	if (*count > room) {
		*count = room;
		if (!r->problem)
			r->problem = error_new(
				LIMIT, "%s%smore than %zu split units in all",
				a->member ? a->member : "",
				a->member ? ": " : "", SCAN_SPLIT_IDS_MAX);
	}
	r->split_ids += *count;
}

static struct error *take_artifact(struct file_result *r,
				   struct reader *payload)
{
	if (!mem_grow(&r->artifacts, &r->artifact_capacity,
		      r->artifact_count + 1, sizeof(*r->artifacts)))
		return error_no_memory;
	struct found_artifact *a = &r->artifacts[r->artifact_count];

	TRY(found_artifact_get(payload, a));
	r->artifact_count++;
	bound_split_ids(r, a, &a->facts.split_id_count);
	return NULL;
}

static struct error *take_dir(struct file_result *r, struct reader *payload)
{
	size_t dir_size, files_size;
	const uint8_t *dir = reader_sized(payload, &dir_size);
	const uint8_t *files = reader_sized(payload, &files_size);

	if (!reader_ok(payload))
		return error_new(BAD_DATA, "broken message: directory");
	CLEANUP_FREE char *dir_copy = mem_strndup((const char *)dir, dir_size);
	CLEANUP_FREE uint8_t *files_copy = mem_dup(files, files_size);

	if (!dir_copy || !files_copy ||
	    !mem_grow(&r->dirs, &r->dir_capacity, r->dir_count + 1,
		      sizeof(*r->dirs)))
		return error_no_memory;
	r->dirs[r->dir_count++] = (struct index_source_dir) {
		.dir = STEAL(dir_copy),
		.files = STEAL(files_copy),
		.files_size = files_size,
	};
	return NULL;
}

static struct error *take_point(struct file_result *r, struct reader *payload)
{
	struct index_point p = { 0 };
	CLEANUP_FREE uint8_t *state = NULL;

	p.in_offset = reader_u64(payload);
	p.out_offset = reader_u64(payload);
	const uint8_t *borrowed = reader_sized(payload, &p.state_size);

	if (!reader_ok(payload))
		return error_new(BAD_DATA, "broken message: point");
	state = mem_dup(borrowed, p.state_size);
	if (!state || !mem_grow(&r->points, &r->point_capacity,
				r->point_count + 1, sizeof(*r->points)))
		return error_no_memory;
	p.state = STEAL(state);
	r->points[r->point_count++] = p;
	return NULL;
}

struct error *file_result_take(struct file_result *r, enum wire_type type,
			       struct reader *payload)
{
	switch (type) {
	case WIRE_ARTIFACT:
		return take_artifact(r, payload);
	case WIRE_SOURCE_DIR:
		return take_dir(r, payload);
	case WIRE_POINT:
		return take_point(r, payload);
	case WIRE_FILE_END:
		if (r->has_end)
			break;
		TRY(file_end_get(payload, &r->end));
		r->has_end = true;
		if (r->problem)
			file_result_fail(r, STEAL(r->problem));
		return NULL;
	default:
		break;
	}
	return error_new(BAD_DATA, "unexpected answer %d from worker",
			 (int)type);
}

void file_result_deinit(struct file_result *r)
{
	for (size_t i = 0; i < r->artifact_count; i++)
		found_artifact_deinit(&r->artifacts[i]);
	for (size_t i = 0; i < r->dir_count; i++) {
		mem_free((char *)r->dirs[i].dir);
		mem_free((uint8_t *)r->dirs[i].files);
	}
	for (size_t i = 0; i < r->point_count; i++)
		mem_free((uint8_t *)r->points[i].state);
	mem_free(r->artifacts);
	mem_free(r->dirs);
	mem_free(r->points);
	mem_free((char *)r->end.scanner);
	mem_free((char *)r->end.message);
	error_free(r->problem);
	*r = (struct file_result) { 0 };
}

void file_result_fail(struct file_result *r, struct error *err)
{
	CLEANUP_ERROR struct error *owned = err;

	if (r->end.error_kind_plus_one)
		return;
	char *message = mem_strdup(error_message(owned));

	if (message) {
		mem_free((char *)r->end.message);
		r->end.message = message;
	}
	r->end.error_kind_plus_one = (unsigned)error_kind(owned) + 1;
}

size_t file_result_segments(const struct file_result *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->artifact_count; i++)
		count += r->artifacts[i].facts.segment_count;
	return count;
}

static void show_artifact(const struct found_artifact *a, int64_t file_mtime,
			  const struct index_segment *segments,
			  struct index_artifact *ret)
{
	const struct elf_facts *f = &a->facts;

	*ret = (struct index_artifact) {
		.id = f->gnu_id,
		.is_gnu = f->gnu_id.len != 0,
		.member = a->member,
		.ordinal = a->ordinal,
		.offset = a->offset,
		.size = a->size,
		.packed_size = a->packed_size,
		.packed_codec = a->packed_codec,
		.mtime = a->member ? a->mtime : file_mtime,
		.roles = f->roles,
		.quality = f->quality,
		.machine = f->machine,
		.type = f->type,
		.elf_class = f->elf_class,
		.is_big_endian = f->is_big_endian,
		.go_id = f->go_id,
		.alt_id = f->alt_id,
		.segments = segments,
		.segment_count = f->segment_count,
		.sources = f->sources.data,
		.sources_size = f->sources.size,
		.source_count = f->source_count,
		.pending = f->sources_pending.data,
		.pending_size = f->sources_pending.size,
		.split_ids = f->split_ids,
		.split_id_count = f->split_id_count,
	};
	memcpy(ret->htlhash, f->htlhash, sizeof(ret->htlhash));
	memcpy(ret->breakpad_guid, f->breakpad_guid,
	       sizeof(ret->breakpad_guid));
	if (!ret->is_gnu)
		build_id_set(&ret->id, f->htlhash, sizeof(f->htlhash));
}

void file_result_show(const struct file_result *r, const struct scan_item *item,
		      struct index_artifact *artifacts,
		      struct index_segment *segments,
		      struct index_container *ret)
{
	for (size_t i = 0; i < r->artifact_count; i++) {
		const struct elf_facts *f = &r->artifacts[i].facts;

		for (size_t k = 0; k < f->segment_count; k++) {
			segments[k] = (struct index_segment) {
				.offset = f->segments[k].offset.v,
				.vaddr = f->segments[k].vaddr.v,
				.file_size = f->segments[k].file_size,
				.mem_size = f->segments[k].mem_size,
				.flags = f->segments[k].flags,
			};
		}
		show_artifact(&r->artifacts[i],
			      item->stamp.mtime_ns / 1000000000, segments,
			      &artifacts[i]);
		segments += f->segment_count;
	}
	*ret = (struct index_container) {
		.path = item->path,
		.stamp = item->stamp,
		.root_order = item->root_order,
		.scanner = r->end.scanner ? r->end.scanner : "",
		.payload_codec = r->end.payload_codec,
		.payload_offset = r->end.payload_offset,
		.payload_size = r->end.payload_size,
		.artifacts = artifacts,
		.artifact_count = r->artifact_count,
		.source_dirs = r->dirs,
		.source_dir_count = r->dir_count,
		.points = r->points,
		.point_count = r->point_count,
	};
}
