/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/mem.h"
#include "symtab/symtab_encode.h"
#include "symtab/symtab_format.h"

enum {
	/* What a bucket has, of one or the other. */
	LINE_BYTES = 64,
	NODES = 8,
	INDEX_HEAD = 12, /* bytes before the buckets */
	/* Nodes in all buckets together, for each bucket and each node: calls
	 * in calls in calls, all of the whole function. */
	MEMBERS_SHARE = 32,
	/* In one bucket, or in a function without an index. */
	NODES_MAX = SYMTAB_AMONG_MAX,
	RANGES_MAX = SYMTAB_RANGES_MAX
};

struct symtab_bucket {
	uint32_t start;
	uint32_t row;   /* that begins there; the first bucket has none */
	uint32_t first; /* in members[] */
	uint32_t count;
	uint64_t ranges; /* of its nodes, those elsewhere, too */
};

/* Cut at rows, so that pieces have about the same number of bytes of lines. */
static struct error *cut(struct symtab_encoder *e, size_t pieces)
{
	// Rounded up, so that the last one does not have what is left over.
	size_t bytes = (e->line_length + pieces - 1) / pieces;
	uint32_t last = 0;

	if (!mem_grow(&e->buckets, &e->bucket_capacity, pieces + 1,
		      sizeof(*e->buckets)))
		return error_no_memory;
	e->buckets[0] = (struct symtab_bucket) { 0 };
	e->bucket_count = 1;
	for (size_t i = 1; i < e->row_count; i++) {
		if (e->row_ends[i] - last < bytes || e->bucket_count > pieces)
			continue;
		last = e->row_ends[i];
		e->buckets[e->bucket_count++] = (struct symtab_bucket) {
			.start = (uint32_t)e->rows[i].offset,
			.row = (uint32_t)i,
		};
	}
	return NULL;
}

static size_t bucket_of(const struct symtab_encoder *e, uint32_t offset)
{
	size_t low = 0;

	for (size_t count = e->bucket_count; count > 1;) {
		size_t half = count / 2;

		if (e->buckets[low + half].start <= offset)
			low += half;
		count -= half;
	}
	return low;
}

/* Count the nodes of each bucket, or note them in members[]. A node with
 * several ranges in a bucket is there once.
 * @return How many in all, or more than @p most. */
static size_t share_out(struct symtab_encoder *e, bool note, size_t most)
{
	size_t total = 0;

	for (size_t i = 1; i < e->node_count && total <= most; i++) {
		const struct symtab_encode_node *n = &e->nodes[i];
		size_t next = 0; // bucket that the node is not in yet

		for (size_t k = n->range; k < n->range + n->range_count; k++) {
			size_t b = bucket_of(e, e->ranges[k].start);

			for (b = b < next ? next : b;
			     b < e->bucket_count &&
			     e->buckets[b].start < e->ranges[k].stop;
			     b++) {
				struct symtab_bucket *to = &e->buckets[b];

				if (note)
					e->members[to->first + to->count] =
						(uint32_t)i;
				to->count++;
				to->ranges += n->range_count;
				total++;
				next = b + 1;
			}
		}
	}
	return total;
}

static struct error *assign_nodes(struct symtab_encoder *e, bool *quick_ret)
{
	size_t most = MEMBERS_SHARE * (e->bucket_count + e->node_count);
	size_t total = share_out(e, false, most);
	uint32_t first = 0;

	*quick_ret = total <= most;
	for (size_t b = 0; b < e->bucket_count; b++)
		if (e->buckets[b].count > NODES_MAX ||
		    e->buckets[b].ranges > RANGES_MAX)
			*quick_ret = false;
	if (!*quick_ret)
		return NULL;
	if (!mem_grow(&e->members, &e->member_capacity, total,
		      sizeof(*e->members)))
		return error_no_memory;
	for (size_t b = 0; b < e->bucket_count; b++) {
		e->buckets[b].first = first;
		first += e->buckets[b].count;
		e->buckets[b].count = 0;
	}
	share_out(e, true, most);
	return NULL;
}

static void put_uleb(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_append_byte(b, (uint8_t)v | 0x80);
	buf_append_byte(b, (uint8_t)v);
}

static size_t uleb_size(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

static void put_record(struct symtab_encoder *e, const struct symtab_bucket *b)
{
	const uint32_t *members = b->count ? e->members + b->first : NULL;
	size_t size = 0;

	if (b->row) {
		put_uleb(&e->index, e->row_ends[b->row]);
		put_uleb(&e->index, e->rows[b->row].file);
		put_uleb(&e->index, e->rows[b->row].line);
	} else {
		put_uleb(&e->index, 0);
	}
	for (uint32_t i = 0, at = 0; i < b->count; i++) {
		size += uleb_size(e->nodes[members[i]].at - at) + 1;
		at = e->nodes[members[i]].at;
	}
	put_uleb(&e->index, size);
	for (uint32_t i = 0, at = 0; i < b->count; i++) {
		const struct symtab_encode_node *n = &e->nodes[members[i]];

		put_uleb(&e->index, n->at - at);
		buf_append_byte(&e->index, (uint8_t)n->depth);
		at = n->at;
	}
}

static void write_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, 4);
}

static struct error *put_index(struct symtab_encoder *e)
{
	buf_put_u32(&e->index, (uint32_t)e->bucket_count);
	buf_put_u32(&e->index, (uint32_t)e->line_length);
	buf_put_u32(&e->index, (uint32_t)e->tree_length);
	for (size_t b = 0; b < e->bucket_count; b++)
		buf_put_u64(&e->index, 0);
	for (size_t b = 0; b < e->bucket_count && !e->index.failed; b++) {
		uint8_t *entry = e->index.data + INDEX_HEAD + b * 8;

		write_le32(entry, e->buckets[b].start);
		write_le32(entry + 4, (uint32_t)e->index.size);
		put_record(e, &e->buckets[b]);
	}
	buf_append(&e->index, "\0\0", -e->index.size & 3);
	return e->index.failed ? error_no_memory : NULL;
}

struct error *symtab_index_make(struct symtab_encoder *e, bool *quick_ret)
{
	size_t nodes = e->tree_length ? e->node_count : 0;
	size_t pieces = e->line_length / LINE_BYTES;

	if (pieces < nodes / NODES)
		pieces = nodes / NODES;
	if (pieces > e->row_count)
		pieces = e->row_count;
	*quick_ret = pieces >= 2 || !nodes ||
		     (nodes <= NODES_MAX && e->range_count <= RANGES_MAX);
	if (pieces < 2)
		return NULL;
	TRY(cut(e, pieces));
	if (nodes)
		TRY(assign_nodes(e, quick_ret));
	return *quick_ret ? put_index(e) : NULL;
}
