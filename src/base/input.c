/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/input.h"
#include "base/mem.h"

static struct error *read_fd(struct input *in, uint64_t offset, void *buf,
			     size_t size, size_t *size_ret)
{
	size_t done = 0;

	*size_ret = 0;
	if (offset >= in->size)
		return NULL;
	if (size > in->size - offset)
		size = (size_t)(in->size - offset);
	while (done < size) {
		ssize_t n = pread(in->fd, (char *)buf + done, size - done,
				  (off_t)(in->base + offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno("read at offset %" PRIu64,
					   in->base + offset + done);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*size_ret = done;
	return NULL;
}

static struct error *read_memory(struct input *in, uint64_t offset, void *buf,
				 size_t size, size_t *size_ret)
{
	*size_ret = 0;
	if (offset >= in->size)
		return NULL;
	if (size > in->size - offset)
		size = (size_t)(in->size - offset);
	if (size)
		memcpy(buf, in->data + offset, size);
	*size_ret = size;
	return NULL;
}

struct input input_from_fd(int fd, uint64_t base, uint64_t size)
{
	return (struct input) {
		.read = read_fd, .size = size, .fd = fd, .base = base
	};
}

bool input_is_file(const struct input *in, int *fd_ret, uint64_t *base_ret)
{
	if (in->read != read_fd)
		return false;
	*fd_ret = in->fd;
	*base_ret = in->base;
	return true;
}

struct input input_from_memory(const void *data, size_t size)
{
	return (struct input) { .read = read_memory,
				.size = size,
				.data = data };
}

struct error *input_read_exact(struct input *in, uint64_t offset, void *buf,
			       size_t size)
{
	size_t got;

	TRY(in->read(in, offset, buf, size, &got));
	if (got < size)
		return error_new(
			BAD_DATA,
			"truncated: %zu bytes wanted at offset %" PRIu64
			", %zu there",
			size, offset, got);
	return NULL;
}

struct error *input_read_alloc(struct input *in, uint64_t offset, uint64_t size,
			       uint8_t **ret)
{
	if (offset > in->size || size > in->size - offset)
		return error_new(BAD_DATA,
				 "truncated: %" PRIu64
				 " bytes wanted at offset %" PRIu64 ", %" PRIu64
				 " in all",
				 size, offset, in->size);
	CLEANUP_FREE uint8_t *data = mem_alloc((size_t)size);
	if (!data)
		return error_no_memory;
	TRY(input_read_exact(in, offset, data, (size_t)size));
	*ret = STEAL(data);
	return NULL;
}
