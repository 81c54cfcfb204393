/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "worker/sandbox.h"
#include "worker/sandbox_check.h"

enum { HELLO_MS = 30000 };

/* Bits of SANDBOX_REQUIRED that the first worker had; HEARD once there was one.
 */
enum { HEARD = 1u << SANDBOX_PARTS };
static _Atomic uint32_t expected;

static void tell(const struct sandbox *s)
{
	char have[256] = "";

	for (unsigned i = 0; i < SANDBOX_PARTS; i++) {
		bool holds = s->have >> i & 1;
		size_t n = strlen(have);

		metric_set(METRIC_WORKER_SANDBOX, i, 0, holds);
		if (holds)
			snprintf(have + n, sizeof(have) - n, "%s%s",
				 n ? "," : "", sandbox_part_name(i));
	}
	bool is_enough = (s->have & SANDBOX_REQUIRED) == SANDBOX_REQUIRED;

	log_event(is_enough ? LOG_INFO : LOG_WARN, "worker", "sandbox",
		  LOG_S("on", have), LOG_S("lacks", s->lacks));
}

static struct error *receive(struct worker_process *p, struct sandbox *ret)
{
	enum wire_type type;
	struct reader payload;
	bool ended;

	TRY(wire_receive(&p->in, clock_ms() + HELLO_MS, &type, &payload,
			 &ended));
	if (ended)
		return error_new(WORKER, "worker ended");
	if (type != WIRE_HELLO || !sandbox_get(&payload, ret))
		return error_new(BAD_DATA, "worker does not say hello");
	return NULL;
}

struct error *sandbox_hear(struct worker_process *p)
{
	struct sandbox s;
	uint32_t before = 0;

	TRY(receive(p, &s));
	if (atomic_compare_exchange_strong(&expected, &before,
					   HEARD | (s.have & SANDBOX_REQUIRED)))
		tell(&s);
	else if ((before & ~s.have) & SANDBOX_REQUIRED)
		return error_new(BUSY, "worker without its whole sandbox: %s",
				 s.lacks);
	return NULL;
}

static struct error *missing(void)
{
	uint32_t lacking = SANDBOX_REQUIRED & ~atomic_load(&expected);
	char names[256] = "";

	for (unsigned i = 0; i < SANDBOX_PARTS; i++) {
		size_t n = strlen(names);

		if (lacking >> i & 1)
			snprintf(names + n, sizeof(names) - n, "%s%s",
				 n ? ", " : "", sandbox_part_name(i));
	}
	return lacking ? error_new(UNSUPPORTED,
				   "--require-sandbox: this machine gives "
				   "workers no %s",
				   names)
		       : NULL;
}

struct error *sandbox_check(const char *program, bool is_required)
{
	struct worker_process p;

	worker_process_init(&p);
	struct error *err = worker_process_start(&p, program);

	if (!err)
		err = sandbox_hear(&p);
	worker_process_stop(&p, err != NULL);
	worker_process_deinit(&p);
	if (!err && is_required)
		err = missing();
	return err;
}
