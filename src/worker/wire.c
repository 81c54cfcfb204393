/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/wire.h"

enum { HEADER_SIZE = 8, RECEIVE_SIZE = 64 << 10, FLUSH_SIZE = 256 << 10 };

static struct error *gone(void)
{
	return error_new(WORKER, "the other process is gone");
}

static struct error *send_all(int sock, const uint8_t *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = send(sock, data + done, size - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return gone();
		if (n < 0)
			return error_errno("send");
		done += (size_t)n;
	}
	return NULL;
}

static struct error *send_with_fds(int sock, const uint8_t *data, size_t size,
				   const int *fds, size_t fd_count)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	msg.msg_control = control.bytes;
	msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
		return gone();
	if (n < 0)
		return error_errno("send descriptors");
	return send_all(sock, data + n, size - (size_t)n);
}

static void put_header(uint8_t header[HEADER_SIZE], size_t size, unsigned type)
{
	for (size_t i = 0; i < 4; i++) {
		header[i] = (uint8_t)(size >> (8 * i));
		header[4 + i] = (uint8_t)(type >> (8 * i));
	}
}

struct error *wire_send(int sock, enum wire_type type,
			const struct buf *payload, const int *fds,
			size_t fd_count)
{
	uint8_t header[HEADER_SIZE];

	if (payload->failed)
		return error_no_memory;
	if (payload->size > WIRE_MAX_PAYLOAD)
		return error_new(LIMIT, "message of %zu bytes", payload->size);
	put_header(header, payload->size, type);
	if (fd_count)
		TRY(send_with_fds(sock, header, sizeof(header), fds, fd_count));
	else
		TRY(send_all(sock, header, sizeof(header)));
	return send_all(sock, payload->data, payload->size);
}

void wire_out_init(struct wire_out *out, int sock)
{
	*out = (struct wire_out) { .sock = sock };
}

void wire_out_deinit(struct wire_out *out)
{
	buf_deinit(&out->pending);
}

struct buf *wire_out_begin(struct wire_out *out, enum wire_type type)
{
	uint8_t header[HEADER_SIZE];

	out->message_start = out->pending.size;
	put_header(header, 0, type);
	buf_append(&out->pending, header, sizeof(header));
	return &out->pending;
}

struct error *wire_out_end(struct wire_out *out)
{
	struct buf *p = &out->pending;

	if (p->failed)
		return error_no_memory;
	size_t size = p->size - out->message_start - HEADER_SIZE;

	if (size > WIRE_MAX_PAYLOAD)
		return error_new(LIMIT, "message of %zu bytes", size);
	for (size_t i = 0; i < 4; i++)
		p->data[out->message_start + i] = (uint8_t)(size >> (8 * i));
	return p->size >= FLUSH_SIZE ? wire_out_flush(out) : NULL;
}

struct error *wire_out_flush(struct wire_out *out)
{
	struct error *err =
		send_all(out->sock, out->pending.data, out->pending.size);

	buf_clear(&out->pending);
	return err;
}

void wire_in_init(struct wire_in *in, int sock)
{
	*in = (struct wire_in) { .sock = sock };
}

void wire_in_deinit(struct wire_in *in)
{
	for (size_t i = 0; i < in->fd_count; i++)
		close(in->fds[i]);
	in->fd_count = 0;
	buf_deinit(&in->data);
}

static struct error *take_fds(struct wire_in *in, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (in->fd_count < WIRE_MAX_FDS)
				in->fds[in->fd_count++] = fd;
			else
				close(fd);
		}
	}
	if (msg->msg_flags & MSG_CTRUNC)
		return error_new(BUSY, "descriptors lost: too many open files");
	return NULL;
}

static struct error *wait_readable(int sock, int64_t until_ms)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	for (;;) {
		int timeout = -1;

		if (until_ms != INT64_MAX) {
			int64_t left = until_ms - clock_ms();

			if (left <= 0)
				return error_new(LIMIT, "deadline");
			timeout = left > 60000 ? 60000 : (int)left;
		}
		int n = poll(&p, 1, timeout);

		if (n > 0)
			return NULL;
		if (n < 0 && errno != EINTR)
			return error_errno("poll");
	}
}

static struct error *receive_some(struct wire_in *in, int64_t until_ms,
				  size_t *size_ret)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
		struct cmsghdr align;
	} control;
	void *room = buf_reserve(&in->data, RECEIVE_SIZE);
	struct iovec iov = { .iov_base = room, .iov_len = RECEIVE_SIZE };
	ssize_t n;

	if (!room)
		return error_no_memory;
	for (;;) {
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		TRY(wait_readable(in->sock, until_ms));
		n = recvmsg(in->sock, &msg, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ECONNRESET)
			n = 0;
		if (n < 0)
			return error_errno("receive");
		if (n > 0)
			TRY(take_fds(in, &msg));
		break;
	}
	buf_commit(&in->data, (size_t)n);
	*size_ret = (size_t)n;
	return NULL;
}

/* Forget what was read; keep what is left at the front. */
static void compact(struct wire_in *in)
{
	size_t left = in->data.size - in->pos;

	if (left)
		memmove(in->data.data, in->data.data + in->pos, left);
	in->data.size = left;
	in->data.failed = false;
	in->pos = 0;
}

struct error *wire_receive(struct wire_in *in, int64_t until_ms,
			   enum wire_type *type_ret, struct reader *payload_ret,
			   bool *end_ret)
{
	size_t need = HEADER_SIZE;

	*end_ret = false;
	for (;;) {
		size_t have = in->data.size - in->pos;
		size_t got;

		if (have >= HEADER_SIZE) {
			struct reader r;

			reader_init(&r, in->data.data + in->pos, have, false);
			size_t size = reader_u32(&r);

			*type_ret = (enum wire_type)reader_u32(&r);
			if (size > WIRE_MAX_PAYLOAD)
				return error_new(BAD_DATA,
						 "message of %zu bytes", size);
			need = HEADER_SIZE + size;
			if (have >= need) {
				reader_init(payload_ret,
					    in->data.data + in->pos +
						    HEADER_SIZE,
					    size, false);
				in->pos += need;
				return NULL;
			}
		}
		if (in->pos)
			compact(in);
		TRY(receive_some(in, until_ms, &got));
		if (!got && !in->data.size) {
			*end_ret = true;
			return NULL;
		}
		if (!got)
			return gone();
	}
}
