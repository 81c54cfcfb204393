/* SPDX-License-Identifier: Apache-2.0 */
/* One or two of each kind, as they are written. */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/codec.h"
#include "index/index_private.h"
#include "store/remote_meta.h"
#include "tests/fuzz/fuzz.h"
#include "worker/jobs.h"

static void take_meta(fuzz_take_fn take, void *ctx, struct remote_meta *m)
{
	int fd = memfd_create("seed", MFD_CLOEXEC);
	uint8_t seed[1024] = { 0 };
	uint64_t size = 0;

	if (fd < 0 || remote_meta_write(fd, m, &size) ||
	    pread(fd, seed + 1, sizeof(seed) - 1, 0) != (ssize_t)size)
		abort();
	close(fd);
	take(ctx, seed, size + 1);
}

static void take_segments(fuzz_take_fn take, void *ctx)
{
	static const struct index_segment v[] = {
		{ 0, 0x400000, 0x1000, 0x1000, 5 },
		{ 0x1000, UINT64_MAX - 0xfff, 0x20, UINT64_MAX, 6 },
	};
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_append_byte(&b, 2);
	segments_encode(v, 2, &b);
	take(ctx, b.data, b.size);
}

static void take_files(fuzz_take_fn take, void *ctx)
{
	static const struct source_file files[] = {
		{ "a.c", 3, 1, 512, 100, 1700000000 },
		{ "", 0, UINT64_MAX, 0, UINT64_MAX, -1 },
	};
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_append_byte(&b, 3);
	for (size_t i = 0; i < 2; i++)
		source_file_put(&b, &files[i]);
	take(ctx, b.data, b.size);
}

static void take_packed(fuzz_take_fn take, void *ctx)
{
	static const char list[] = "/usr/src/a.c\0/usr/src/b.c\0x";
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_append_byte(&b, 4);
	if (codec_pack(list, sizeof(list), &b))
		abort();
	take(ctx, b.data, b.size);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	static char file[] = "/usr/bin/a", archive[] = "/srv/a.deb",
		    signature[] = "0302";
	struct remote_meta m = { .size = 100, .mtime = 784111777, .etag = 5 };

	take_meta(take, ctx, &m);
	m.file = file;
	m.archive = archive;
	m.signature = signature;
	take_meta(take, ctx, &m);
	take(ctx, "\1content", 8);
	take_segments(take, ctx);
	take_files(take, ctx);
	take_packed(take, ctx);
}
