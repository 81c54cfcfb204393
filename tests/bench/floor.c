/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least CPU an indexer of packages can spend: decompressing each payload
 * once, on one thread, with the same libraries, and throwing the bytes away.
 *
 *   floor [-v] FILE...     decompress; totals per codec (and a line per file)
 *   floor -b FILE...       only describe: codec, sizes, blocks or frames
 *
 * .deb: the data.tar.* member. .rpm: the payload.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_XZ, CODEC_ZSTD, CODEC_COUNT };

static const char *const codec_names[CODEC_COUNT] = { "none", "gzip", "xz",
						      "zstd" };

struct payload {
	int fd;
	uint64_t offset;
	uint64_t size;
	enum codec codec;
};

static unsigned char in_buffer[256 << 10];
static unsigned char out_buffer[256 << 10];

static double cpu_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	return pread(fd, buf, size, (off_t)offset) == (ssize_t)size;
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool find_in_deb(struct payload *p, uint64_t file_size)
{
	for (uint64_t at = 8; at + 60 <= file_size;) {
		char h[61] = { 0 };
		if (!read_at(p->fd, h, 60, at))
			return false;
		uint64_t size = strtoull(h + 48, NULL, 10);
		if (strncmp(h, "data.tar", 8) == 0) {
			p->offset = at + 60;
			p->size = size;
			return true;
		}
		at += 60 + size + (size & 1);
	}
	return false;
}

static bool find_in_rpm(struct payload *p, uint64_t file_size)
{
	uint64_t at = 96;
	for (int header = 0; header < 2; header++) {
		unsigned char h[16];
		if (!read_at(p->fd, h, sizeof(h), at) ||
		    memcmp(h, "\x8e\xad\xe8\x01", 4) != 0)
			return false;
		at += 16 + (uint64_t)be32(h + 8) * 16 + be32(h + 12);
		if (header == 0)
			at = (at + 7) & ~(uint64_t)7;
	}
	p->offset = at;
	p->size = file_size - at;
	return at < file_size;
}

static bool payload_open(struct payload *p, const char *path)
{
	unsigned char magic[8];
	struct stat st;
	*p = (struct payload) { .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (p->fd < 0 || fstat(p->fd, &st) < 0 ||
	    !read_at(p->fd, magic, sizeof(magic), 0))
		return false;
	bool found = memcmp(magic, "!<arch>\n", 8) == 0
			     ? find_in_deb(p, (uint64_t)st.st_size)
		     : memcmp(magic, "\xed\xab\xee\xdb", 4) == 0
			     ? find_in_rpm(p, (uint64_t)st.st_size)
			     : false;
	if (!found || !read_at(p->fd, magic, 6, p->offset))
		return false;
	if (memcmp(magic, "\x1f\x8b", 2) == 0)
		p->codec = CODEC_GZIP;
	else if (memcmp(magic, "\xfd\x37zXZ", 6) == 0)
		p->codec = CODEC_XZ;
	else if (memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0)
		p->codec = CODEC_ZSTD;
	return true;
}

/* The next piece of the payload into in_buffer. */
static size_t fill(const struct payload *p, uint64_t *done)
{
	uint64_t left = p->size - *done;
	size_t want =
		left < sizeof(in_buffer) ? (size_t)left : sizeof(in_buffer);
	ssize_t n = want > 0 ? pread(p->fd, in_buffer, want,
				     (off_t)(p->offset + *done))
			     : 0;
	if (n > 0)
		*done += (uint64_t)n;
	return n > 0 ? (size_t)n : 0;
}

static bool inflate_gzip(const struct payload *p, uint64_t *out)
{
	z_stream z = { 0 };
	uint64_t done = 0;
	int r = inflateInit2(&z, 15 + 16);
	while (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR) {
		if (z.avail_in == 0) {
			z.next_in = in_buffer;
			z.avail_in = (uInt)fill(p, &done);
			if (z.avail_in == 0)
				break;
		}
		if (r == Z_STREAM_END)
			inflateReset(&z);
		z.next_out = out_buffer;
		z.avail_out = sizeof(out_buffer);
		r = inflate(&z, Z_NO_FLUSH);
		*out += sizeof(out_buffer) - z.avail_out;
	}
	inflateEnd(&z);
	return r == Z_STREAM_END;
}

static bool inflate_xz(const struct payload *p, uint64_t *out)
{
	lzma_stream s = LZMA_STREAM_INIT;
	uint64_t done = 0;
	lzma_ret r = lzma_stream_decoder(&s, UINT64_MAX, LZMA_CONCATENATED);
	lzma_action action = LZMA_RUN;
	while (r == LZMA_OK) {
		if (s.avail_in == 0 && action == LZMA_RUN) {
			s.next_in = in_buffer;
			s.avail_in = fill(p, &done);
			if (s.avail_in == 0)
				action = LZMA_FINISH;
		}
		s.next_out = out_buffer;
		s.avail_out = sizeof(out_buffer);
		r = lzma_code(&s, action);
		*out += sizeof(out_buffer) - s.avail_out;
	}
	lzma_end(&s);
	return r == LZMA_STREAM_END;
}

static bool inflate_zstd(const struct payload *p, uint64_t *out)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	uint64_t done = 0;
	size_t r = 0, n;
	while (!ZSTD_isError(r) && (n = fill(p, &done)) > 0) {
		ZSTD_inBuffer in = { in_buffer, n, 0 };
		bool full = true;
		while (!ZSTD_isError(r) && (in.pos < in.size || full)) {
			ZSTD_outBuffer o = { out_buffer, sizeof(out_buffer),
					     0 };
			r = ZSTD_decompressStream(z, &o, &in);
			*out += o.pos;
			full = o.pos == o.size;
		}
	}
	ZSTD_freeDStream(z);
	return r == 0;
}

static bool copy_plain(const struct payload *p, uint64_t *out)
{
	for (uint64_t done = 0; fill(p, &done) > 0;)
		*out = done;
	return *out == p->size;
}

static bool describe_xz(const unsigned char *base, size_t size,
			const char *path)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_index *index = NULL;
	lzma_ret r = lzma_file_info_decoder(&s, &index, UINT64_MAX, size);
	s.next_in = base;
	s.avail_in = size;
	while (r == LZMA_OK || r == LZMA_SEEK_NEEDED) {
		r = lzma_code(&s, LZMA_RUN);
		if (r == LZMA_SEEK_NEEDED) {
			s.next_in = base + s.seek_pos;
			s.avail_in = size - (size_t)s.seek_pos;
		}
	}
	lzma_end(&s);
	if (r != LZMA_STREAM_END)
		return false;
	uint64_t largest = 0;
	lzma_index_iter it;
	lzma_index_iter_init(&it, index);
	while (!lzma_index_iter_next(&it, LZMA_INDEX_ITER_BLOCK))
		if (it.block.uncompressed_size > largest)
			largest = it.block.uncompressed_size;
	printf("%s\txz\t%zu\t%llu\t%llu\t%llu\n", path, size,
	       (unsigned long long)lzma_index_uncompressed_size(index),
	       (unsigned long long)lzma_index_block_count(index),
	       (unsigned long long)largest);
	lzma_index_end(index, NULL);
	return true;
}

static bool describe(const struct payload *p, const char *path)
{
	uint64_t skip = p->offset % (uint64_t)sysconf(_SC_PAGESIZE);
	size_t length = (size_t)(p->size + skip);
	unsigned char *map = mmap(NULL, length, PROT_READ, MAP_PRIVATE, p->fd,
				  (off_t)(p->offset - skip));
	if (map == MAP_FAILED)
		return false;
	const unsigned char *base = map + skip;
	bool ok = true;
	if (p->codec == CODEC_XZ) {
		ok = describe_xz(base, (size_t)p->size, path);
	} else {
		size_t frames = 0;
		for (size_t at = 0; p->codec == CODEC_ZSTD && at < p->size;
		     frames++) {
			size_t n = ZSTD_findFrameCompressedSize(
				base + at, (size_t)p->size - at);
			if (ZSTD_isError(n))
				break;
			at += n;
		}
		printf("%s\t%s\t%llu\t-\t%zu\t-\n", path, codec_names[p->codec],
		       (unsigned long long)p->size, frames);
	}
	munmap(map, length);
	return ok;
}

int main(int argc, char **argv)
{
	bool verbose = false, only_describe = false;
	for (int c; (c = getopt(argc, argv, "vb")) != -1;) {
		if (c == 'v') {
			verbose = true;
		} else if (c == 'b') {
			only_describe = true;
		} else {
			fprintf(stderr, "usage: floor [-v | -b] FILE...\n");
			return 2;
		}
	}
	static bool (*const inflaters[CODEC_COUNT])(const struct payload *,
						    uint64_t *) = {
		copy_plain, inflate_gzip, inflate_xz, inflate_zstd
	};
	struct {
		unsigned files;
		uint64_t in, out;
		double cpu;
	} sums[CODEC_COUNT] = { 0 };
	int failures = 0;
	if (only_describe)
		printf("file\tcodec\tcompressed\tuncompressed\tblocks\tlargest_"
		       "block\n");
	for (int i = optind; i < argc; i++) {
		struct payload p;
		uint64_t out = 0;
		bool ok = payload_open(&p, argv[i]);
		double start = cpu_now();
		if (ok)
			ok = only_describe ? describe(&p, argv[i])
					   : inflaters[p.codec](&p, &out);
		double cpu = cpu_now() - start;
		if (!ok) {
			fprintf(stderr, "floor: %s: cannot read its payload\n",
				argv[i]);
			failures++;
		} else if (verbose) {
			printf("%s %s in=%llu out=%llu cpu_s=%.3f\n", argv[i],
			       codec_names[p.codec], (unsigned long long)p.size,
			       (unsigned long long)out, cpu);
		}
		if (ok) {
			sums[p.codec].files++;
			sums[p.codec].in += p.size;
			sums[p.codec].out += out;
			sums[p.codec].cpu += cpu;
		}
		if (p.fd >= 0)
			close(p.fd);
	}
	double total = 0;
	for (int c = 0; !only_describe && c < CODEC_COUNT; c++) {
		total += sums[c].cpu;
		if (sums[c].files > 0)
			printf("%s_files=%u\n%s_in_mb=%.1f\n%s_out_mb=%.1f\n%s_"
			       "cpu_s=%.3f\n",
			       codec_names[c], sums[c].files, codec_names[c],
			       (double)sums[c].in / 1e6, codec_names[c],
			       (double)sums[c].out / 1e6, codec_names[c],
			       sums[c].cpu);
	}
	if (!only_describe)
		printf("cpu_s=%.3f\n", total);
	return failures > 0 ? 1 : 0;
}
