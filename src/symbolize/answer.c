/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a wait: its batch is answered, or the file of its one table given,
 * and it goes. On whichever computing thread it was handed to (compute.c).
 */
#include "config.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "symbolize/symbolizer_internal.h"

enum { RETRY_AFTER_MS = 1000 };

static_assert((int)LABELS_MODULE_STATUS_COUNT == (int)MODULE_STATUSES,
	      "a label for each, in their order");
static_assert((int)LABELS_REASON_COUNT == (int)ADDRESS_REASONS,
	      "a label for each, in their order");

void wait_free(struct wait *w)
{
	struct symbolizer *s = w->s;

	batch_deinit(&w->own);
	mem_free(w->wants);
	LOCKED(&s->lock);
	s->wait_count--;
	s->waiting_addresses -= w->addresses;
	mem_free(w);
	condition_broadcast(&s->changed);
}

/* A table that turned out to be damaged is made anew; until then its addresses
 * have no answer. */
static void reject_damaged(struct symbolizer *s, struct batch *b)
{
	for (size_t i = 0; i < b->module_count; i++) {
		struct batch_module *m = &b->modules[i];

		if (m->status != MODULE_MALFORMED || !m->table)
			continue;
		table_cache_reject(s->tables, m->table);
		m->status = MODULE_PENDING;
		b->is_partial = true;
		if (m->address_count)
			memset(b->reasons + m->first_address,
			       ADDRESS_MODULE_PENDING, m->address_count);
	}
}

static void count_answer(const struct batch *b)
{
	size_t reasons[ADDRESS_REASONS] = { 0 };

	metric_inc(METRIC_SYMBOLIZE_BATCHES);
	metric_add(METRIC_SYMBOLIZE_FRAMES, 0, 0, (int64_t)b->chain_total);
	for (size_t i = 0; i < b->module_count; i++)
		metric_add(METRIC_SYMBOLIZE_MODULES, b->modules[i].status, 0,
			   1);
	for (size_t i = 0; i < b->address_count; i++)
		reasons[b->reasons[i]]++;
	for (unsigned i = 0; i < ADDRESS_REASONS; i++) {
		if (reasons[i])
			metric_add(METRIC_SYMBOLIZE_ADDRESSES, i, 0,
				   (int64_t)reasons[i]);
	}
}

static struct error *answer(struct symbolizer *s, struct batch *b)
{
	TRY(batch_answer(b));
	reject_damaged(s, b);
	b->retry_after_ms = b->is_partial ? RETRY_AFTER_MS : 0;
	count_answer(b);
	return NULL;
}

static struct error *open_file(struct symbolizer *s, const struct symtab *table,
			       struct symbol_file *file)
{
	struct stat st;

	file->size = symtab_gsym_bytes(table);
	file->etag = symtab_hash(table);
	TRY(table_cache_file(s->tables, table, &file->fd));
	if (fstat(file->fd, &st))
		return error_errno("a table's file");
	file->mtime = st.st_mtim.tv_sec;
	return NULL;
}

static void give_file(struct wait *w)
{
	const struct batch_module *m = &w->own.modules[0];
	struct symbol_file file = {
		.fd = -1,
		.status = m->status,
		.message = m->message,
	};
	struct error *err = m->table ? open_file(w->s, m->table, &file) : NULL;

	w->file_done(w->ctx, err, &file);
	cleanup_close(&file.fd);
}

void wait_finish(struct wait *w)
{
	struct error *err = STEAL(w->err);

	if (w->file_done && err) {
		struct symbol_file none = { .fd = -1,
					    .status = MODULE_PENDING };

		w->file_done(w->ctx, err, &none);
	} else if (w->file_done) {
		give_file(w);
	} else {
		w->done(w->ctx, err ? err : answer(w->s, w->b));
	}
	wait_free(w);
}
