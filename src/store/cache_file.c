/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of the disk cache: the content, and behind it
 *
 *	 0  8  "SYMCACH1"
 *	 8  8  second hash of what it was made from, little endian
 *	16  8  size of the content
 *	24  8  hash of the content: of its chunks of 1 MiB, each seeded with the
 *	       one before, the first with the size
 *	32  8  hash of the 32 bytes before
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/input.h"
#include "base/mem.h"
#include "store/cache_file.h"

static const char magic[8] = "SYMCACH1";

static void put_u64(uint8_t *p, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void make_trailer(uint8_t t[CACHE_FILE_TRAILER], struct cache_key key,
			 uint64_t size, uint64_t content)
{
	memcpy(t, magic, sizeof(magic));
	put_u64(t + 8, key.check);
	put_u64(t + 16, size);
	put_u64(t + 24, content);
	put_u64(t + 32, hash_bytes(t, 32, 0));
}

struct error *cache_file_hash(int fd, uint64_t size, const _Atomic bool *stop,
			      uint64_t *ret)
{
	enum { CHUNK = 1 << 20 };
	CLEANUP_FREE uint8_t *chunk = mem_alloc(CHUNK);
	struct input in = input_from_fd(fd, 0, size);
	uint64_t h = size;

	if (!chunk)
		return error_no_memory;
	for (uint64_t at = 0; at < size;) {
		size_t n;

		if (atomic_load(stop))
			return error_new(BUSY, "shutting down");
		TRY(in.read(&in, at, chunk, CHUNK, &n));
		if (!n)
			return error_new(BAD_DATA, "cached file is too short");
		h = hash_bytes(chunk, n, h);
		at += n;
	}
	*ret = h;
	return NULL;
}

void cache_file_deinit(struct cache_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
}

bool cache_file_fits(struct cache_file *o, struct cache_key key)
{
	uint8_t expected[CACHE_FILE_TRAILER], found[CACHE_FILE_TRAILER];

	if (!S_ISREG(o->st.st_mode) || o->st.st_size < CACHE_FILE_TRAILER)
		return false;
	o->size = (uint64_t)o->st.st_size - CACHE_FILE_TRAILER;
	if (pread(o->fd, found, sizeof(found), (off_t)o->size) != sizeof(found))
		return false;
	for (size_t i = 0; i < 8; i++)
		o->content |= (uint64_t)found[24 + i] << (8 * i);
	make_trailer(expected, key, o->size, o->content);
	return !memcmp(expected, found, sizeof(found));
}

struct error *cache_file_finish(int fd, uint64_t size, struct cache_key key,
				const _Atomic bool *stop)
{
	uint8_t trailer[CACHE_FILE_TRAILER];
	uint64_t content;

	TRY(cache_file_hash(fd, size, stop, &content));
	make_trailer(trailer, key, size, content);
	TRY(file_write_at(fd, trailer, sizeof(trailer), size));
	return fsync(fd) ? error_errno("fsync") : NULL;
}
