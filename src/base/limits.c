/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"

enum { KINDS_MAX = 32 };

static struct log_rate rates[KINDS_MAX];

void limit_reached(const char *name)
{
	unsigned label = metric_label(LABELS_LIMIT, name);
	uint64_t skipped = 0;

	metric_add(METRIC_LIMITS_REACHED, label, 0, 1);
	if (label < KINDS_MAX && log_rate_pass(&rates[label], &skipped))
		log_warn("limits", "limit_reached", LOG_S("limit", name),
			 LOG_U("left_out_before", skipped));
}
