/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies on disk and is read by the server itself: headers kept with a file
 * from another server, trailers of cached files, and the pieces of the index
 * that are no columns. A disk forgets, and some of it came from a worker.
 *
 * Input: u8: which; then the bytes.
 *
 * Beyond what the sanitizers see: what was read can be written and is read as
 * the same; a trailer that was written fits its file and no other key.
 */
#include "config.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "index/index_private.h"
#include "store/cache_file.h"
#include "store/remote_meta.h"
#include "tests/fuzz/fuzz.h"
#include "worker/jobs.h"

enum { LIST_LIMIT = 1 << 24 };

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, data, size))
		abort();
	return fd;
}

/* An empty one is as good as none. */
static bool is_same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

/* What another server's header said, behind a body. */
static void read_meta(const uint8_t *data, size_t size)
{
	CLEANUP_REMOTE_META struct remote_meta m = { 0 }, again = { 0 };
	CLEANUP_CLOSE int fd = memory_file(data, size);
	struct error *err = remote_meta_read(fd, size, &m);
	uint64_t content;

	assert(!err || error_kind(err) == ERROR_BAD_DATA);
	if (err) {
		error_free(err);
		return;
	}
	assert(m.size <= size);
	if (remote_meta_write(fd, &m, &content) ||
	    remote_meta_read(fd, content, &again))
		abort();
	assert(m.size == again.size && m.mtime == again.mtime &&
	       m.etag == again.etag && is_same(m.file, again.file) &&
	       is_same(m.archive, again.archive) &&
	       is_same(m.signature, again.signature));
}

static bool fits(int fd, struct cache_key key)
{
	struct cache_file f = { .fd = fd };

	return !fstat(fd, &f.st) && cache_file_fits(&f, key);
}

static void read_trailer(const uint8_t *data, size_t size)
{
	const struct cache_key key = { 1, 2 }, other = { 1, 3 };
	CLEANUP_CLOSE int fd = memory_file(data, size);
	_Atomic bool stop = false;
	uint64_t hash;

	assert(!fits(fd, key) || size >= CACHE_FILE_TRAILER);
	if (cache_file_hash(fd, size, &stop, &hash) ||
	    cache_file_finish(fd, size, key, &stop))
		abort();
	assert(fits(fd, key) && !fits(fd, other));
}

static void read_segments(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	size_t count = segments_count(data, size);

	if (count == SIZE_MAX)
		return;
	CLEANUP_FREE struct index_segment *v = mem_array(count, sizeof(*v));
	CLEANUP_FREE struct index_segment *again = mem_array(count, sizeof(*v));

	if (!v || !again)
		abort();
	if (!segments_decode(data, size, v, count))
		return;
	segments_encode(v, count, &out);
	assert(segments_count(out.data, out.size) == count);
	assert(segments_decode(out.data, out.size, again, count));
	for (size_t i = 0; i < count; i++)
		assert(!memcmp(&v[i], &again[i], sizeof(*v)));
}

/* Of an archive's directory. */
static void read_files(const uint8_t *data, size_t size)
{
	struct source_file f;
	struct reader r;

	reader_init(&r, data, size, false);
	while (source_file_get(&r, &f))
		assert(f.name_size <= size);
	assert(!reader_ok(&r) || !reader_left(&r));
}

static void unpack(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf list = BUF_INIT, packed = BUF_INIT;
	CLEANUP_BUF struct buf again = BUF_INIT;
	struct error *err = codec_unpack(data, size, LIST_LIMIT, &list);

	assert(list.size <= LIST_LIMIT);
	if (!err) {
		if (codec_pack(list.data, list.size, &packed) ||
		    codec_unpack(packed.data, packed.size, LIST_LIMIT, &again))
			abort();
		assert(list.size == again.size &&
		       (!list.size ||
			!memcmp(list.data, again.data, list.size)));
	}
	error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *, size_t) = {
		read_meta, read_trailer, read_segments, read_files, unpack,
	};

	if (!size)
		return 0;
	uint8_t *copy = fuzz_copy(data + 1, size - 1);

	readers[data[0] % (sizeof(readers) / sizeof(*readers))](copy, size - 1);
	free(copy);
	return 0;
}
