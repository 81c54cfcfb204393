/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Complete the source names that lie partly in an alternate file. The file is
 * read once for all who wait for it.
 */
#include "config.h"

#include "base/mem.h"
#include "codec/codec.h"
#include "elf/source_pending.h"
#include "worker/jobs.h"
#include "worker/worker_limits.h"
#include "worker/worker_main.h"

/* An item's lists, unpacked. */
struct lists {
	struct buf pending, known;
	struct alt_names names;
};

static void lists_deinit(struct lists *l)
{
	buf_deinit(&l->pending);
	buf_deinit(&l->known);
}
#define CLEANUP_LISTS CLEANUP(lists_deinit)

static struct error *unpack(const struct resolve_item *item, struct lists *l)
{
	TRY(codec_unpack(item->pending, item->pending_size,
			 WORKER_SOURCE_LIST_BYTES, &l->pending));
	if (item->known_size)
		TRY(codec_unpack(item->known, item->known_size,
				 WORKER_SOURCE_LIST_BYTES, &l->known));
	l->names = (struct alt_names) {
		.pending = l->pending.data,
		.pending_size = l->pending.size,
		.known = (const char *)l->known.data,
		.known_size = l->known.size,
	};
	return NULL;
}

/* Is it about the item, and not about us? */
static bool is_damage(const struct error *err)
{
	return error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_LIMIT;
}

static struct error *want_item(struct alt_sources *a,
			       const struct resolve_item *item)
{
	CLEANUP_LISTS struct lists l = { 0 };

	TRY(unpack(item, &l));
	return alt_sources_want(a, &l.names);
}

/* What is damaged is left for join_item() to say so. */
static struct error *want_all(struct alt_sources *a, struct reader items)
{
	struct resolve_item item;

	while (resolve_item_get(&items, &item)) {
		struct error *err = want_item(a, &item);

		if (!err || !is_damage(err))
			TRY(err);
		else
			error_free(err);
	}
	if (!reader_ok(&items))
		return error_new(BAD_DATA, "resolve request");
	return NULL;
}

static struct error *join_item(const struct alt_sources *a,
			       const struct resolve_item *item,
			       struct buf *packed, uint64_t *count_ret)
{
	CLEANUP_LISTS struct lists l = { 0 };
	CLEANUP_BUF struct buf sources = BUF_INIT;
	size_t count;

	TRY(unpack(item, &l));
	TRY(alt_sources_join(a, &l.names, &sources, &count));
	*count_ret = count;
	return sources.size ? codec_pack(sources.data, sources.size, packed)
			    : NULL;
}

static struct error *answer_all(const struct alt_sources *a,
				struct reader items, struct wire_out *out)
{
	struct resolve_item item;

	for (uint32_t i = 0; resolve_item_get(&items, &item); i++) {
		CLEANUP_BUF struct buf packed = BUF_INIT;
		struct resolve_result result = { .item = i };
		struct error *err =
			join_item(a, &item, &packed, &result.source_count);

		result.is_damaged = err && is_damage(err);
		if (!result.is_damaged)
			TRY(err);
		else
			error_free(err);
		result.sources = packed.data;
		result.sources_size = packed.size;
		resolve_result_put(wire_out_begin(out, WIRE_RESOLVED), &result);
		TRY(wire_out_end(out));
	}
	return NULL;
}

struct error *work_resolve(struct reader *request, const int *fds,
			   size_t fd_count, struct wire_out *out)
{
	CLEANUP_ALT_SOURCES struct alt_sources *a = NULL;
	struct build_id id = { 0 };
	struct reader items;
	uint64_t size;

	TRY(resolve_request_get(request, &id, &size));
	if (fd_count != 1)
		return error_new(BAD_DATA, "resolve request");
	reader_init(&items, request->data + request->pos, reader_left(request),
		    false);
	TRY(alt_sources_create(&a));
	TRY(want_all(a, items));
	struct input alt = input_from_fd(fds[0], 0, size);

	TRY(alt_sources_read(a, &alt, &id));
	return answer_all(a, items, out);
}
