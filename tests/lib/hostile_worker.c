/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile_worker worker: a worker as symbolized's own, in the same sandbox by
 * the same code, that has been taken over. A job tells it what to try.
 */
#include "config.h"

#include <errno.h>

#include "tests/lib/hostile.h"
#include "worker/worker_main.h"

static struct error *try_it(struct wire_out *out, size_t act)
{
	errno = 0;
	long rc = hostile_acts[act].act();
	int why = rc == -1 ? errno : 0;
	struct buf *b = wire_out_begin(out, WIRE_RESULT);

	buf_put_u32(b, (uint32_t)why);
	TRY(wire_out_end(out));
	b = wire_out_begin(out, WIRE_DONE);
	buf_put_u32(b, 0);
	buf_put_str(b, "");
	buf_put_u64(b, 0);
	TRY(wire_out_end(out));
	return wire_out_flush(out);
}

static struct error *serve(void)
{
	CLEANUP(wire_in_deinit) struct wire_in in;
	CLEANUP(wire_out_deinit) struct wire_out out;

	wire_in_init(&in, WORKER_SOCKET_FD);
	wire_out_init(&out, WORKER_SOCKET_FD);
	TRY(worker_say_hello(&out, WORKER_SOCKET_FD));
	for (;;) {
		enum wire_type type;
		struct reader request;
		bool ended;

		TRY(wire_receive(&in, INT64_MAX, &type, &request, &ended));
		size_t act = (size_t)type - HOSTILE_JOB;

		if (ended || act >= hostile_act_count)
			return NULL;
		TRY(try_it(&out, act));
	}
}

int main(void)
{
	struct error *err = serve();

	error_free(err);
	return err ? 1 : 0;
}
