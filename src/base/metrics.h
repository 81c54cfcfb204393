/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Counters, gauges and histograms, all listed in metrics_table.h, and their
 * Prometheus text form.
 *
 * Threads: any; every cell is one atomic. An update costs one atomic add.
 * Source: Prometheus text exposition format 0.0.4.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum metric_label_set {
	LABELS_NONE,
#define LABELS(set, label, ...) LABELS_##set,
#define COUNTER(...)
#define GAUGE(...)
#define HISTOGRAM(...)
#include "base/metrics_table.h"
#undef LABELS
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
	LABEL_SETS
};

/** How many values a label has: to be asserted where an enum has them, too. */
enum metric_label_count {
#define LABELS(set, label, ...)                                           \
	LABELS_##set##_COUNT = sizeof((const char *[]) { __VA_ARGS__ }) / \
			       sizeof(const char *),
#define COUNTER(...)
#define GAUGE(...)
#define HISTOGRAM(...)
#include "base/metrics_table.h"
#undef LABELS
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

enum metric {
#define LABELS(...)
#define COUNTER(name, ...)   METRIC_##name,
#define GAUGE(name, ...)     METRIC_##name,
#define HISTOGRAM(name, ...) METRIC_##name,
#include "base/metrics_table.h"
#undef LABELS
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
	METRICS
};

/** Index of a label's value in its set; the last one if it is none of them. */
unsigned metric_label(enum metric_label_set set, const char *value);
/** The value at that index, which has to be one of the set's. Static. */
const char *metric_label_value(enum metric_label_set set, unsigned i);

/** @param[in] a,b Indices into the metric's label sets; 0 where NONE. */
void metric_add(enum metric m, unsigned a, unsigned b, int64_t v);
void metric_set(enum metric m, unsigned a, unsigned b, int64_t v);
int64_t metric_get(enum metric m, unsigned a, unsigned b);

/** Record into a histogram. @param[in] v Nanoseconds. */
void metric_observe(enum metric m, unsigned a, unsigned b, uint64_t v);

static inline void metric_inc(enum metric m)
{
	metric_add(m, 0, 0, 1);
}

/** Append all of them as Prometheus text. Counters and histograms with labels
 * show only cells that were touched. */
void metrics_render(struct buf *out);

/** Append the list for the manual: name, type, labels, help. */
void metrics_describe(struct buf *out);

#endif
