/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdatomic.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"

enum { KINDS_MAX = 32 };

static struct log_limit rates[KINDS_MAX]; /* guarded by rates_busy */
static atomic_flag rates_busy = ATOMIC_FLAG_INIT;

void limit_reached(const char *name)
{
	unsigned label = metric_label(LABELS_LIMIT, name);
	uint64_t skipped = 0;

	metric_add(METRIC_LIMITS_REACHED, label, 0, 1);
	/* Who comes while another counts leaves the line out, as it would be
	 * left out soon anyway. */
	if (label >= KINDS_MAX || atomic_flag_test_and_set(&rates_busy))
		return;
	bool pass = log_limit_pass(&rates[label], &skipped);

	atomic_flag_clear(&rates_busy);
	if (pass)
		log_warn("limits", "limit_reached", LOG_S("limit", name),
			 LOG_U("left_out_before", skipped));
}
