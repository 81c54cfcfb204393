/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "base/metrics.h"

enum metric_type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM };

struct label_set {
	const char *label;
	const char *const *values;
	unsigned count;
};

#define LABELS(set, label, ...) \
	static const char *const values_##set[] = { __VA_ARGS__ };
#define COUNTER(...)
#define GAUGE(...)
#define HISTOGRAM(...)
#include "base/metrics_table.h"
#undef LABELS

static const struct label_set label_sets[LABEL_SETS] = {
	[LABELS_NONE] = { .count = 1 },
#define LABELS(set, name, ...)                             \
	[LABELS_##set] = { .label = name,                  \
			   .values = values_##set,         \
			   .count = sizeof(values_##set) / \
				    sizeof(*values_##set) },
#include "base/metrics_table.h"
#undef LABELS
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

/* Labels are had by name, of which none may be missing. */
static_assert((int)LABELS_KIND_COUNT == (int)ERROR_KINDS, "a label for each");

/* Upper bounds, nanoseconds: 0.1 ms to 100 s. */
enum { BUCKETS = 13 };
static const uint64_t bounds_ns[BUCKETS] = {
	100000,      500000,      1000000,     5000000,    10000000,
	50000000,    100000000,   500000000,   1000000000, 5000000000,
	10000000000, 30000000000, 100000000000
};
static const char *const bound_names[BUCKETS] = {
	"0.0001", "0.0005", "0.001", "0.005", "0.01", "0.05", "0.1",
	"0.5",    "1",      "5",     "10",    "30",   "100"
};

struct description {
	enum metric_type type;
	enum metric_label_set a, b;
	const char *name;
	const char *help;
};

static const struct description table[METRICS] = {
#define LABELS(...)
#define COUNTER(id, s1, s2, name, help) \
	[METRIC_##id] = { TYPE_COUNTER, LABELS_##s1, LABELS_##s2, name, help },
#define GAUGE(id, s1, s2, name, help) \
	[METRIC_##id] = { TYPE_GAUGE, LABELS_##s1, LABELS_##s2, name, help },
#define HISTOGRAM(id, s1, s2, name, help)                                 \
	[METRIC_##id] = { TYPE_HISTOGRAM, LABELS_##s1, LABELS_##s2, name, \
			  help },
#include "base/metrics_table.h"
#undef LABELS
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

/* One slot a cell; a histogram's cell has BUCKETS + 2: counts, sum, count. */
enum { MAX_CELLS = 4096 };
static _Atomic int64_t cells[MAX_CELLS];
static _Atomic uint8_t touched[MAX_CELLS];
static unsigned first_cell[METRICS];

static unsigned cell_width(const struct description *d)
{
	return d->type == TYPE_HISTOGRAM ? BUCKETS + 2 : 1;
}

__attribute__((constructor)) static void place_cells(void)
{
	unsigned next = 0;

	for (unsigned m = 0; m < METRICS; m++) {
		const struct description *d = &table[m];

		first_cell[m] = next;
		next += label_sets[d->a].count * label_sets[d->b].count *
			cell_width(d);
	}
	assert(next <= MAX_CELLS);
}

static unsigned cell_of(enum metric m, unsigned a, unsigned b)
{
	const struct description *d = &table[m];

	assert(a < label_sets[d->a].count && b < label_sets[d->b].count);
	return first_cell[m] + (a * label_sets[d->b].count + b) * cell_width(d);
}

unsigned metric_label(enum metric_label_set set, const char *value)
{
	const struct label_set *s = &label_sets[set];

	for (unsigned i = 0; i < s->count; i++) {
		if (s->values && !strcmp(s->values[i], value))
			return i;
	}
	return s->count - 1;
}

const char *metric_label_value(enum metric_label_set set, unsigned i)
{
	assert(i < label_sets[set].count);
	return label_sets[set].values[i];
}

void metric_add(enum metric m, unsigned a, unsigned b, int64_t v)
{
	unsigned cell = cell_of(m, a, b);

	atomic_fetch_add_explicit(&cells[cell], v, memory_order_relaxed);
	atomic_store_explicit(&touched[cell], 1, memory_order_relaxed);
}

void metric_set(enum metric m, unsigned a, unsigned b, int64_t v)
{
	unsigned cell = cell_of(m, a, b);

	atomic_store_explicit(&cells[cell], v, memory_order_relaxed);
	atomic_store_explicit(&touched[cell], 1, memory_order_relaxed);
}

int64_t metric_get(enum metric m, unsigned a, unsigned b)
{
	return atomic_load_explicit(&cells[cell_of(m, a, b)],
				    memory_order_relaxed);
}

void metric_observe(enum metric m, unsigned a, unsigned b, uint64_t v)
{
	unsigned cell = cell_of(m, a, b);
	unsigned bucket = 0;

	while (bucket < BUCKETS && v > bounds_ns[bucket])
		bucket++;
	/* Values above the last bound are in the count alone. */
	if (bucket < BUCKETS)
		atomic_fetch_add_explicit(&cells[cell + bucket], 1,
					  memory_order_relaxed);
	atomic_fetch_add_explicit(&cells[cell + BUCKETS], (int64_t)v,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&cells[cell + BUCKETS + 1], 1,
				  memory_order_relaxed);
	atomic_store_explicit(&touched[cell], 1, memory_order_relaxed);
}

static void append_labels(struct buf *out, const struct description *d,
			  unsigned a, unsigned b, const char *le)
{
	const struct label_set *sets[2] = { &label_sets[d->a],
					    &label_sets[d->b] };
	const unsigned index[2] = { a, b };
	const char *separator = "{";

	for (unsigned i = 0; i < 2; i++) {
		if (!sets[i]->label)
			continue;
		buf_printf(out, "%s%s=\"%s\"", separator, sets[i]->label,
			   sets[i]->values[index[i]]);
		separator = ",";
	}
	if (le) {
		buf_printf(out, "%sle=\"%s\"", separator, le);
		separator = ",";
	}
	if (*separator == ',')
		buf_append_byte(out, '}');
}

static int64_t load(unsigned cell)
{
	return atomic_load_explicit(&cells[cell], memory_order_relaxed);
}

static void render_histogram(struct buf *out, const struct description *d,
			     unsigned cell, unsigned a, unsigned b)
{
	int64_t total = 0;
	/* Read first: what comes in meanwhile only makes +Inf larger. */
	int64_t sum = load(cell + BUCKETS);

	for (unsigned i = 0; i < BUCKETS; i++) {
		total += load(cell + i);
		buf_printf(out, "symbolized_%s_bucket", d->name);
		append_labels(out, d, a, b, bound_names[i]);
		buf_printf(out, " %" PRId64 "\n", total);
	}
	int64_t count = load(cell + BUCKETS + 1);

	if (count < total)
		count = total;
	buf_printf(out, "symbolized_%s_bucket", d->name);
	append_labels(out, d, a, b, "+Inf");
	buf_printf(out, " %" PRId64 "\nsymbolized_%s_sum", count, d->name);
	append_labels(out, d, a, b, NULL);
	buf_printf(out, " %.9g\nsymbolized_%s_count", (double)sum / 1e9,
		   d->name);
	append_labels(out, d, a, b, NULL);
	buf_printf(out, " %" PRId64 "\n", count);
}

static void render_metric(struct buf *out, enum metric m)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	const struct description *d = &table[m];

	buf_printf(out, "# HELP symbolized_%s %s\n# TYPE symbolized_%s %s\n",
		   d->name, d->help, d->name, types[d->type]);
	for (unsigned a = 0; a < label_sets[d->a].count; a++) {
		for (unsigned b = 0; b < label_sets[d->b].count; b++) {
			unsigned cell = cell_of(m, a, b);

			if ((d->a || d->b) && !atomic_load(&touched[cell]))
				continue;
			if (d->type == TYPE_HISTOGRAM) {
				render_histogram(out, d, cell, a, b);
				continue;
			}
			buf_printf(out, "symbolized_%s", d->name);
			append_labels(out, d, a, b, NULL);
			buf_printf(out, " %" PRId64 "\n", load(cell));
		}
	}
}

void metrics_render(struct buf *out)
{
	buf_append_str(out,
		       "# HELP symbolized_build_info Version of the program\n"
		       "# TYPE symbolized_build_info gauge\n"
		       "symbolized_build_info{version=\"" PACKAGE_VERSION
		       "\"} 1\n");
	for (unsigned m = 0; m < METRICS; m++)
		render_metric(out, (enum metric)m);
}

void metrics_describe(struct buf *out)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	for (unsigned m = 0; m < METRICS; m++) {
		const struct description *d = &table[m];
		const char *a = label_sets[d->a].label;
		const char *b = label_sets[d->b].label;

		buf_printf(out, "symbolized_%s\t%s\t%s%s%s\t%s\n", d->name,
			   types[d->type], a ? a : "", b ? "," : "", b ? b : "",
			   d->help);
	}
}
