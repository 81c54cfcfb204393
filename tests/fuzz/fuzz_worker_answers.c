/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker says, when somebody else speaks out of it: messages on its
 * socket, what they hold, and what of it goes into the index and comes out
 * again for the store.
 *
 * Input: u8: whose answers (a scan's, a table's, those about an alternate
 * file's names), or whose requests, which a worker takes; then what is on the
 * socket.
 *
 * Beyond what the sanitizers see: only what can be blamed on the worker is
 * blamed, so that it ends its job and not the scan; and the index is sound.
 */
#include "config.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "scan/scan_internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/index_fixture.h"
#include "worker/symtab_job.h"

enum { WAIT_MS = 10000, LIST_LIMIT = 1 << 24 };

static struct index_fixture fixture;

static void close_index(void)
{
	index_fixture_close(&fixture);
}

static void check_error(struct error *err)
{
	assert(!err || error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_LIMIT ||
	       error_kind(err) == ERROR_WORKER ||
	       error_kind(err) == ERROR_NO_MEMORY);
	error_free(err);
}

/* ---- What a scan found --------------------------------------------------- */

static struct error *read_files(void *ctx, const struct index_source_place *p)
{
	struct source_file f;
	struct reader r;

	(void)ctx;
	reader_init(&r, p->files, p->files_size, false);
	while (source_file_get(&r, &f))
		assert(f.name_size <= p->files_size);
	return NULL;
}

static void read_place(const struct index_place *p)
{
	CLEANUP(index_points_deinit) struct index_points points = { 0 };
	CLEANUP_INDEX_SEGMENTS struct index_segments segments = { 0 };
	CLEANUP_BUF struct buf packed = BUF_INIT, list = BUF_INIT;
	struct index_reader *r = fixture.r;

	if (index_segments(r, p->artifact_id, &segments) ||
	    index_sources(r, p->artifact_id, &packed) ||
	    index_points(r, p->container_id, p->offset, p->offset + p->size,
			 &points))
		abort();
	error_free(codec_unpack(packed.data, packed.size, LIST_LIMIT, &list));
	scan_rule_label(p->scanner);
	codec_name((enum codec)p->payload_codec);
	codec_name((enum codec)p->packed_codec);
}

static void read_back(const struct index_container *c)
{
	for (size_t i = 0; i < c->artifact_count; i++) {
		CLEANUP(index_places_deinit) struct index_places p = { 0 };
		const struct index_artifact *a = &c->artifacts[i];

		if (index_find_padded(fixture.r, &a->id, a->roles, &p))
			abort();
		assert(p.count || !(a->roles & (INDEX_ROLE_DEBUGINFO |
						INDEX_ROLE_EXECUTABLE)));
		for (size_t k = 0; k < p.count; k++)
			read_place(&p.v[k]);
	}
	bool is_whole;

	for (size_t i = 0; i < c->source_dir_count; i++)
		if (index_each_source_dir(fixture.r, c->source_dirs[i].dir,
					  SIZE_MAX, read_files, NULL,
					  &is_whole))
			abort();
}

static void write_result(const struct file_result *r)
{
	static char path[] = "/srv/a.deb";
	const struct scan_item item = {
		.path = path,
		.stamp = { .mtime_ns = 1, .size = 1000 },
	};
	CLEANUP_FREE struct index_artifact *artifacts =
		mem_array(r->artifact_count, sizeof(*artifacts));
	CLEANUP_FREE struct index_segment *segments =
		mem_array(file_result_segments(r), sizeof(*segments));
	struct index_container c;

	if (!artifacts || !segments)
		abort();
	file_result_show(r, &item, artifacts, segments, &c);
	if (r->end.error_kind_plus_one) {
		c.problem_kind = "bad_data";
		c.problem = r->end.message;
	}
	struct error *err = index_put_containers(fixture.ix, &c, 1);

	assert(!err || error_kind(err) == ERROR_BAD_DATA);
	if (!err)
		read_back(&c);
	if (c.artifact_count % 2 == 0)
		assert(!index_test_complaints(fixture.r));
	if (index_remove_container(fixture.ix, path))
		abort();
	error_free(err);
}

static struct error *take_scan(void *ctx, enum wire_type type, struct reader *r)
{
	if (type == WIRE_FILE)
		return NULL;
	return file_result_take(ctx, type, r);
}

/* ---- The others ---------------------------------------------------------- */

static struct error *take_table(void *ctx, enum wire_type type,
				struct reader *r)
{
	struct symtab_build_report report = { 0 };
	struct error *err = symtab_result_get(r, &report);

	(void)ctx;
	(void)type;
	if (!err) {
		assert(report.quality < SYMTAB_QUALITIES);
		assert(memchr(report.problem, 0, sizeof(report.problem)));
		assert(!report.missing_dwos.size ||
		       !report.missing_dwos.data[report.missing_dwos.size - 1]);
	}
	symtab_build_report_deinit(&report);
	return err;
}

static struct error *take_resolved(void *ctx, enum wire_type type,
				   struct reader *r)
{
	CLEANUP_BUF struct buf list = BUF_INIT;
	struct resolve_result result;

	(void)ctx;
	(void)type;
	TRY(resolve_result_get(r, &result));
	error_free(codec_unpack(result.sources, result.sources_size, LIST_LIMIT,
				&list));
	return NULL;
}

static struct error *take_scan_request(struct reader *r)
{
	struct scan_file files[SCAN_BATCH_MAX];
	size_t count = 0;

	struct error *err = scan_request_get(r, files, &count);

	assert(count <= SCAN_BATCH_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(err || files[i].choice < SCANNER_CHOICES);
		mem_free((char *)files[i].path);
	}
	return err;
}

static struct error *take_symtab_request(struct reader *r)
{
	const int fds[] = { 0, 1, 2, 3 };
	struct symtab_request q;
	struct error *err = symtab_request_get(r, fds, 1 + r->size % 4, &q);
	struct vaddr at;

	for (size_t i = 0; !err && q.inputs.layout && i < q.wanted_count; i++)
		for (size_t k = 0; k < q.wanted[i].count; k++)
			symtab_layout_convert(q.inputs.layout,
					      &q.wanted[i].space,
					      q.wanted[i].addresses[k], &at);
	symtab_request_deinit(&q);
	return err;
}

static struct error *take_request(void *ctx, enum wire_type type,
				  struct reader *r)
{
	struct resolve_item item;
	struct build_id id;
	struct locator l;
	uint64_t size;

	(void)ctx;
	if (type == WIRE_SCAN)
		return take_scan_request(r);
	if (type == WIRE_SYMTAB)
		return take_symtab_request(r);
	if (type != WIRE_RESOLVE) {
		TRY(locator_get(r, &l));
		assert(l.packed_codec < CODECS);
		locator_deinit(&l);
		return NULL;
	}
	TRY(resolve_request_get(r, &id, &size));
	while (resolve_item_get(r, &item))
		assert(item.pending_size + item.known_size <= r->size);
	return NULL;
}

/* ---- The socket ---------------------------------------------------------- */

typedef struct error *(*take_fn)(void *ctx, enum wire_type type,
				 struct reader *r);

/* The payload in memory of exactly its size. */
static struct error *take_exactly(take_fn take, void *ctx, enum wire_type type,
				  const struct reader *payload)
{
	uint8_t *copy = fuzz_copy(payload->data, payload->size);
	struct reader r;

	reader_init(&r, copy, payload->size, payload->big_endian);
	struct error *err = take(ctx, type, &r);

	free(copy);
	return err;
}

static struct error *receive(int sock, take_fn take, void *ctx)
{
	CLEANUP(wire_in_deinit) struct wire_in in;
	int64_t until = clock_ms() + WAIT_MS;

	wire_in_init(&in, sock);
	for (;;) {
		enum wire_type type;
		struct reader payload;
		bool ended;

		TRY(wire_receive(&in, until, &type, &payload, &ended));
		if (ended || type == WIRE_DONE)
			return NULL;
		TRY(take_exactly(take, ctx, type, &payload));
	}
}

static void run(take_fn take, void *ctx, const uint8_t *data, size_t size)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		abort();
	/* What does not fit into the socket is not sent: nobody reads yet. */
	ssize_t n = send(pair[0], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)n;
	close(pair[0]);
	check_error(receive(pair[1], take, ctx));
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const take_fn others[] = { take_table, take_resolved,
					  take_request };
	struct file_result result = { 0 };

	if (!fixture.ix) {
		index_fixture_open(&fixture);
		atexit(close_index);
	}
	if (!size)
		return 0;
	unsigned which = data[0] % 4;

	if (which) {
		run(others[which - 1], NULL, data + 1, size - 1);
		return 0;
	}
	run(take_scan, &result, data + 1, size - 1);
	/* What has no end is not believed. */
	if (result.has_end)
		write_result(&result);
	file_result_deinit(&result);
	return 0;
}
