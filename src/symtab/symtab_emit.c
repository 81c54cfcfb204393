/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "symtab/symtab_emit.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_names_make.h"

/* The better of two at one address first. */
static int compare_entries(const void *a, const void *b)
{
	const struct symtab_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->origin != y->origin)
		return x->origin > y->origin ? -1 : 1;
	if (x->has_rows != y->has_rows)
		return x->has_rows ? -1 : 1;
	if (x->inline_count != y->inline_count)
		return x->inline_count > y->inline_count ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static bool is_sorted(const struct symtab_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_entries(&entries[i - 1], &entries[i]) > 0)
			return false;
	return true;
}

static uint64_t end_of(const struct symtab_entry *e)
{
	uint64_t end = e->start + e->size;

	return end < e->start ? UINT64_MAX : end;
}

/* Drop the worse of one address, and labels. */
static size_t drop_entries(struct symtab_entry *entries, size_t count)
{
	const struct symtab_entry *cover = NULL; // with rows, furthest end
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct symtab_entry e = entries[i];

		if (kept && entries[kept - 1].start == e.start)
			continue;
		if (cover && !e.has_rows && e.origin < cover->origin &&
		    e.start < end_of(cover))
			continue;
		entries[kept] = e;
		if (e.has_rows && (!cover || end_of(&e) > end_of(cover)))
			cover = &entries[kept];
		kept++;
	}
	return kept;
}

/* Where the section (else the segment) that holds @at ends. */
static uint64_t section_end(const struct symtab_layout *l, uint64_t at)
{
	for (size_t i = 0; i < l->section_count; i++) {
		const struct symtab_section *s = &l->sections[i];

		if (at >= s->vaddr.v && at - s->vaddr.v < s->size)
			return s->vaddr.v + s->size;
	}
	for (size_t i = 0; i < l->segment_count; i++) {
		const struct symtab_segment *s = &l->segments[i];

		if (at >= s->vaddr.v && at - s->vaddr.v < s->mem_size)
			return s->vaddr.v + s->mem_size;
	}
	return UINT64_MAX;
}

static void give_size(struct symtab_entry *e, uint64_t next,
		      const struct symtab_layout *layout)
{
	uint64_t end = layout ? section_end(layout, e->start) : UINT64_MAX;

	if (next < end)
		end = next;
	// Nothing says where: one byte, which is surely its own.
	uint64_t size = end == UINT64_MAX ? 1 : end - e->start;

	e->size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	uint32_t le = htole32(e->size);

	memcpy(e->data, &le, 4);
}

size_t symtab_entries_settle(struct symtab_entry *entries, size_t count,
			     const struct symtab_layout *layout)
{
	if (!is_sorted(entries, count))
		qsort(entries, count, sizeof(*entries), compare_entries);
	count = drop_entries(entries, count);
	for (size_t i = 0; i < count; i++)
		if (!entries[i].size)
			give_size(&entries[i],
				  i + 1 < count ? entries[i + 1].start
						: UINT64_MAX,
				  layout);
	return count;
}

/* What is written, a piece of the checksum at a time. */
struct output {
	int fd;
	uint8_t *piece;
	size_t fill;
	uint64_t written;
	uint64_t checksum;
};

static uint64_t position(const struct output *o)
{
	return o->written + o->fill;
}

static struct error *flush(struct output *o)
{
	TRY(file_write_at(o->fd, o->piece, o->fill, o->written));
	o->written += o->fill;
	o->fill = 0;
	return NULL;
}

static struct error *put(struct output *o, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size) {
		size_t n = SYMTAB_HASH_PIECE - o->fill;

		if (n > size)
			n = size;
		memcpy(o->piece + o->fill, p, n);
		o->fill += n;
		p += n;
		size -= n;
		if (o->fill == SYMTAB_HASH_PIECE) {
			o->checksum =
				symtab_checksum(o->checksum, o->piece, o->fill);
			TRY(flush(o));
		}
	}
	return NULL;
}

static struct error *put_padding(struct output *o, size_t alignment)
{
	static const uint8_t zeros[8];

	return put(o, zeros, -position(o) & (alignment - 1));
}

static struct error *put_u32(struct output *o, uint32_t v)
{
	v = htole32(v);
	return put(o, &v, 4);
}

struct gsym_layout {
	uint64_t base;
	uint8_t offset_size;
	uint32_t files_at, strings_at, functions_at;
	uint32_t end;
};

static uint64_t align4(uint64_t v)
{
	return (v + 3) & ~UINT64_C(3);
}

static uint8_t offset_size_for(uint64_t offset)
{
	if (offset <= UINT8_MAX)
		return 1;
	if (offset <= UINT16_MAX)
		return 2;
	return offset <= UINT32_MAX ? 4 : 8;
}

static struct error *lay_out(const struct symtab_entry *entries, size_t count,
			     const struct symtab_pool *p,
			     struct gsym_layout *ret)
{
	uint64_t base = count ? entries[0].start : 0;
	uint64_t last = count ? entries[count - 1].start - base : 0;
	uint8_t offset_size = offset_size_for(last);
	uint64_t infos =
		align4(GSYM_HEADER_SIZE + (uint64_t)count * offset_size);
	uint64_t files = infos + (uint64_t)count * 4;
	uint64_t strings = files + 4 + (uint64_t)p->file_count * 8;
	uint64_t functions = align4(strings + p->strings.size);
	uint64_t end = functions;

	for (size_t i = 0; i < count; i++)
		end += entries[i].length;
	if (end > UINT32_MAX)
		return error_new(LIMIT, "symbol table: more than 4 GiB");
	*ret = (struct gsym_layout) {
		.base = base,
		.offset_size = offset_size,
		.files_at = (uint32_t)files,
		.strings_at = (uint32_t)strings,
		.functions_at = (uint32_t)functions,
		.end = (uint32_t)end,
	};
	return NULL;
}

static struct error *put_header(struct output *o, const struct gsym_layout *l,
				size_t count, const struct symtab_pool *p,
				const struct build_id *id)
{
	uint8_t len = id->len < GSYM_UUID_MAX ? id->len : GSYM_UUID_MAX;
	uint8_t uuid[GSYM_UUID_MAX] = { 0 };
	CLEANUP_BUF struct buf b = BUF_INIT;

	memcpy(uuid, id->bytes, len);
	buf_put_u32(&b, GSYM_MAGIC);
	buf_put_u16(&b, GSYM_VERSION);
	buf_put_u8(&b, l->offset_size);
	buf_put_u8(&b, len);
	buf_put_u64(&b, l->base);
	buf_put_u32(&b, (uint32_t)count);
	buf_put_u32(&b, l->strings_at);
	buf_put_u32(&b, (uint32_t)p->strings.size);
	if (!buf_append(&b, uuid, sizeof(uuid)))
		return error_no_memory;
	return put(o, b.data, b.size);
}

static struct error *put_gsym(struct output *o,
			      const struct symtab_entry *entries, size_t count,
			      const struct symtab_pool *p,
			      const struct gsym_layout *l)
{
	uint32_t at = l->functions_at;

	for (size_t i = 0; i < count; i++) {
		uint64_t offset = htole64(entries[i].start - l->base);

		TRY(put(o, &offset, l->offset_size));
	}
	TRY(put_padding(o, 4));
	for (size_t i = 0; i < count; i++) {
		TRY(put_u32(o, at));
		at += entries[i].length;
	}
	TRY(put_u32(o, (uint32_t)p->file_count));
	for (size_t i = 0; i < p->file_count; i++) {
		TRY(put_u32(o, p->files[i].dir));
		TRY(put_u32(o, p->files[i].base));
	}
	TRY(put(o, p->strings.data, p->strings.size));
	TRY(put_padding(o, 4));
	for (size_t i = 0; i < count; i++)
		TRY(put(o, entries[i].data, entries[i].length));
	return NULL;
}

enum { FACTS, NAMES, SPANS, INDEX, PARTS };

/* A part of the private section, and where it is. */
struct part {
	uint64_t at, size;
};

static struct error *put_part(struct output *o, const struct buf *b,
			      struct part *ret)
{
	if (b->failed)
		return error_no_memory;
	TRY(put_padding(o, 8));
	*ret = (struct part) { position(o), b->size };
	return put(o, b->data, b->size);
}

static struct error *put_facts(struct output *o,
			       const struct symtab_writer_facts *facts,
			       struct part *ret)
{
	static const struct symtab_layout none = { 0 };
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_put_u8(&b, facts->id.len);
	buf_append(&b, facts->id.bytes, facts->id.len);
	buf_put_u8(&b, (uint8_t)facts->quality);
	buf_put_u8(&b, (facts->is_whole ? SYMTAB_IS_WHOLE : 0) |
			       (facts->is_cut ? SYMTAB_IS_CUT : 0));
	symtab_layout_put(&b, facts->layout ? facts->layout : &none);
	return put_part(o, &b, ret);
}

static struct error *put_spans(struct output *o,
			       const struct symtab_entry *entries, size_t count,
			       struct part *ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	for (size_t i = 0; i + 1 < count; i++)
		if (end_of(&entries[i]) > entries[i + 1].start)
			buf_put_u32(&b, (uint32_t)i);
	return put_part(o, &b, ret);
}

static struct error *put_index(struct output *o,
			       const struct symtab_entry *entries, size_t count,
			       struct part *ret)
{
	uint64_t at = (uint64_t)count * 4;

	TRY(put_padding(o, 8));
	ret->at = position(o);
	for (size_t i = 0; i < count; i++) {
		bool has_index = entries[i].index_length &&
				 at + entries[i].index_length <= UINT32_MAX;

		TRY(put_u32(o, has_index ? (uint32_t)at : 0));
		at += entries[i].index_length;
	}
	for (size_t i = 0; i < count; i++)
		TRY(put(o, entries[i].data + entries[i].length,
			entries[i].index_length));
	ret->size = position(o) - ret->at;
	return NULL;
}

static struct error *put_trailer(struct output *o, uint64_t gsym_size,
				 const struct part parts[PARTS])
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	TRY(put_padding(o, 8));
	buf_append(&b, SYMTAB_MAGIC, 8);
	buf_put_u32(&b, SYMTAB_VERSION);
	buf_put_u32(&b, SYMTAB_PRODUCER);
	buf_put_u64(&b, gsym_size);
	for (int i = 0; i < PARTS; i++) {
		buf_put_u64(&b, parts[i].at);
		buf_put_u64(&b, parts[i].size);
	}
	if (b.failed)
		return error_no_memory;
	TRY(put(o, b.data, b.size));
	uint64_t checksum =
		htole64(symtab_checksum(o->checksum, o->piece, o->fill));

	TRY(put(o, &checksum, sizeof(checksum)));
	return flush(o);
}

struct error *symtab_emit(const struct symtab_entry *entries, size_t count,
			  const struct symtab_pool *p,
			  const struct symtab_writer_facts *facts, int fd,
			  struct symtab_written *ret)
{
	CLEANUP_BUF struct buf names = BUF_INIT;
	CLEANUP_FREE uint8_t *piece = mem_alloc(SYMTAB_HASH_PIECE);
	struct output o = { .fd = fd, .piece = piece };
	struct gsym_layout l = { 0 };
	struct part parts[PARTS] = { 0 };

	if (!piece)
		return error_no_memory;
	TRY(lay_out(entries, count, p, &l));
	TRY(put_header(&o, &l, count, p, &facts->id));
	TRY(put_gsym(&o, entries, count, p, &l));
	TRY(put_facts(&o, facts, &parts[FACTS]));
	TRY(symtab_names_make(p, &names, &ret->left_names));
	TRY(put_part(&o, &names, &parts[NAMES]));
	TRY(put_spans(&o, entries, count, &parts[SPANS]));
	TRY(put_index(&o, entries, count, &parts[INDEX]));
	TRY(put_trailer(&o, l.end, parts));
	ret->size = o.written;
	ret->is_cut = facts->is_cut;
	return NULL;
}
