/* SPDX-License-Identifier: Apache-2.0 */
/*
 * troubled_worker worker: a worker that does its jobs as symbolized's own, says
 * on stderr what it was asked for, and has trouble with some of it:
 *
 *	job extract PATH        a path with "slow" in it takes a second, and one
 *	                        with "stuck" until there is a file PATH.go
 *	job resolve ID ITEMS    of an ID that begins with dd it dies, and with ee
 *	                        where it is given more than ten
 *
 * It is held by no sandbox and no limit.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker/jobs.h"
#include "worker/sandbox.h"
#include "worker/worker_main.h"

static struct error *meet_extract(struct reader request)
{
	CLEANUP(locator_deinit) struct locator l = { 0 };
	char go[512];

	TRY(locator_get(&request, &l));
	dprintf(STDERR_FILENO, "job extract %s\n", l.path);
	if (strstr(l.path, "slow"))
		usleep(1000000);
	snprintf(go, sizeof(go), "%s.go", l.path);
	while (strstr(l.path, "stuck") && access(go, F_OK))
		usleep(1000);
	return NULL;
}

static struct error *meet_resolve(struct reader request)
{
	char hex[BUILD_ID_HEX_MAX];
	struct resolve_item item;
	struct build_id id;
	unsigned items = 0;
	uint64_t size;

	TRY(resolve_request_get(&request, &id, &size));
	while (resolve_item_get(&request, &item))
		items++;
	build_id_hex(&id, hex);
	dprintf(STDERR_FILENO, "job resolve %s %u\n", hex, items);
	if (id.bytes[0] == 0xdd || (id.bytes[0] == 0xee && items > 10))
		_exit(1);
	return NULL;
}

static struct error *work(enum wire_type type, struct reader *request,
			  const struct wire_in *in, struct wire_out *out)
{
	reader_u32(request); /* seconds of processor time */
	switch (type) {
	case WIRE_SCAN:
		return work_scan(request, in->fds, in->fd_count, out);
	case WIRE_EXTRACT:
		TRY(meet_extract(*request));
		return work_extract(request, in->fds, in->fd_count, out);
	case WIRE_RESOLVE:
		TRY(meet_resolve(*request));
		return work_resolve(request, in->fds, in->fd_count, out);
	default:
		return error_new(UNSUPPORTED, "job %d", (int)type);
	}
}

static struct error *answer_done(struct wire_out *out, struct error *err)
{
	struct buf *b = wire_out_begin(out, WIRE_DONE);

	buf_put_u32(b, err ? (uint32_t)error_kind(err) + 1 : 0);
	buf_put_str(b, err ? error_message(err) : "");
	buf_put_u64(b, 0);
	error_free(err);
	TRY(wire_out_end(out));
	return wire_out_flush(out);
}

static struct error *serve(void)
{
	CLEANUP(wire_in_deinit) struct wire_in in;
	CLEANUP(wire_out_deinit) struct wire_out out;
	const struct sandbox none = { .have = SANDBOX_REQUIRED };

	wire_in_init(&in, WORKER_SOCKET_FD);
	wire_out_init(&out, WORKER_SOCKET_FD);
	sandbox_put(wire_out_begin(&out, WIRE_HELLO), &none);
	TRY(wire_out_end(&out));
	TRY(wire_out_flush(&out));
	for (;;) {
		enum wire_type type;
		struct reader request;
		bool ended;

		TRY(wire_receive(&in, INT64_MAX, &type, &request, &ended));
		if (ended)
			return NULL;
		TRY(answer_done(&out, work(type, &request, &in, &out)));
		for (size_t i = 0; i < in.fd_count; i++)
			close(in.fds[i]);
		in.fd_count = 0;
	}
}

int main(void)
{
	struct error *err = serve();

	error_free(err);
	return err ? 1 : 0;
}
