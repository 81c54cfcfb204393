/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behind the body, little endian:
 *
 *	u64 size of the body
 *	u64 Last-Modified, seconds since 1970
 *	u64 entity tag
 *	u32 and as many bytes, three times: file, archive, signature; 0: none
 *	u32 size of all that
 *	8   "SYMRMT01"
 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/input.h"
#include "base/mem.h"
#include "base/reader.h"
#include "store/remote_meta.h"

static const char magic[8] = "SYMRMT01";

enum { END_SIZE = 4 + sizeof(magic), META_MOST = 64 << 10 };

void remote_meta_deinit(struct remote_meta *m)
{
	mem_free(m->file);
	mem_free(m->archive);
	mem_free(m->signature);
	*m = (struct remote_meta) { 0 };
}

struct error *remote_meta_write(int fd, const struct remote_meta *m,
				uint64_t *content_ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_put_u64(&b, m->size);
	buf_put_u64(&b, (uint64_t)m->mtime);
	buf_put_u64(&b, m->etag);
	buf_put_str(&b, m->file);
	buf_put_str(&b, m->archive);
	buf_put_str(&b, m->signature);
	buf_put_u32(&b, (uint32_t)b.size);
	buf_append(&b, magic, sizeof(magic));
	if (b.failed)
		return error_no_memory;
	*content_ret = m->size + b.size;
	return file_write_at(fd, b.data, b.size, m->size);
}

/* NULL where it is empty, as where there is no memory: it is then not said. */
static char *read_text(struct reader *r)
{
	size_t size;
	const uint8_t *bytes = reader_sized(r, &size);

	return bytes && size ? mem_strndup((const char *)bytes, size) : NULL;
}

static struct error *read_end(struct input *in, uint32_t *size_ret)
{
	uint8_t end[END_SIZE];
	struct reader r;

	if (in->size < END_SIZE)
		return error_new(BAD_DATA, "kept file is too short");
	TRY(input_read_exact(in, in->size - END_SIZE, end, END_SIZE));
	reader_init(&r, end, END_SIZE, false);
	*size_ret = reader_u32(&r);
	if (memcmp(end + 4, magic, sizeof(magic)) != 0 ||
	    *size_ret > META_MOST || *size_ret > in->size - END_SIZE)
		return error_new(BAD_DATA, "kept file has no header");
	return NULL;
}

struct error *remote_meta_read(int fd, uint64_t content_size,
			       struct remote_meta *ret)
{
	CLEANUP_REMOTE_META struct remote_meta m = { 0 };
	struct input in = input_from_fd(fd, 0, content_size);
	CLEANUP_FREE uint8_t *bytes = NULL;
	uint32_t size = 0;
	struct reader r;

	TRY(read_end(&in, &size));
	uint64_t body = content_size - END_SIZE - size;

	TRY(input_read_alloc(&in, body, size, &bytes));
	reader_init(&r, bytes, size, false);
	m.size = reader_u64(&r);
	m.mtime = (int64_t)reader_u64(&r);
	m.etag = reader_u64(&r);
	m.file = read_text(&r);
	m.archive = read_text(&r);
	m.signature = read_text(&r);
	if (!reader_ok(&r) || m.size != body)
		return error_new(BAD_DATA, "kept file has a broken header");
	*ret = m;
	m = (struct remote_meta) { 0 };
	return NULL;
}
