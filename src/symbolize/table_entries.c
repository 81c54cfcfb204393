/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries by build ID, in the order of their use; what is loaded of them.
 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "symbolize/table_cache_internal.h"

enum { SLOTS_LEAST = 256 };

/* The values of LABELS_WHERE. */
enum { WHERE_DISK, WHERE_MEMORY, WHERES };
static_assert((int)LABELS_WHERE_COUNT == (int)WHERES, "a label for each");

/* ---- By build ID --------------------------------------------------------- */

static uint64_t hash_id(const struct build_id *id)
{
	return hash_bytes(id->bytes, id->len, 0);
}

static struct table_entry **slot_of(const struct table_cache *c,
				    const struct build_id *id)
{
	return &c->slots[hash_id(id) & (c->slot_count - 1)];
}

struct table_entry *entry_find(const struct table_cache *c,
			       const struct build_id *id)
{
	struct table_entry *e = *slot_of(c, id);

	while (e && !build_id_equal(&e->id, id))
		e = e->next;
	return e;
}

static struct table_entry **new_slots(size_t count)
{
	return mem_array(count, sizeof(struct table_entry *));
}

static void grow(struct table_cache *c)
{
	size_t old_count = c->slot_count;
	struct table_entry **old = c->slots;
	struct table_entry **fresh = new_slots(old_count * 2);

	if (!fresh)
		return; /* longer chains */
	c->slots = fresh;
	c->slot_count *= 2;
	for (size_t i = 0; i < old_count; i++) {
		for (struct table_entry *e = old[i], *next; e; e = next) {
			struct table_entry **slot = slot_of(c, &e->id);

			next = e->next;
			e->next = *slot;
			*slot = e;
		}
	}
	mem_free(old);
}

struct table_entry *entry_find_or_add(struct table_cache *c,
				      const struct build_id *id)
{
	struct table_entry *e = entry_find(c, id);

	if (e)
		return e;
	e = mem_zalloc(sizeof(*e));
	if (!e)
		return NULL;
	if (c->entry_count >= c->slot_count)
		grow(c);
	struct table_entry **slot = slot_of(c, id);

	e->id = *id;
	e->fd = -1;
	e->copy = -1;
	e->next = *slot;
	*slot = e;
	c->entry_count++;
	return e;
}

void entry_await_no_more(struct table_entry *e)
{
	if (e->is_waiting)
		LIST_REMOVE(e, by_wait);
	e->is_waiting = false;
	e->alt.len = 0;
}

void entry_tidy(struct table_cache *c, struct table_entry *e)
{
	struct table_entry **at = slot_of(c, &e->id);

	if (e->has_file || e->table)
		return;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	c->entry_count--;
	entry_await_no_more(e);
	cleanup_close(&e->fd);
	mem_free(e);
}

/* ---- Use ----------------------------------------------------------------- */

void entry_use(struct table_cache *c, struct table_entry *e)
{
	if (e->has_file) {
		TAILQ_REMOVE(&c->on_disk, e, by_file);
		TAILQ_INSERT_TAIL(&c->on_disk, e, by_file);
		e->used.tv_sec = clock_wall_s();
	}
	if (e->table) {
		TAILQ_REMOVE(&c->loaded, e, by_table);
		TAILQ_INSERT_TAIL(&c->loaded, e, by_table);
	}
}

void tables_show(const struct table_cache *c)
{
	metric_set(METRIC_TABLE_BYTES, WHERE_DISK, 0, (int64_t)c->disk_total);
	metric_set(METRIC_TABLE_BYTES, WHERE_MEMORY, 0,
		   (int64_t)c->loaded_total);
	metric_set(METRIC_TABLES, WHERE_DISK, 0, (int64_t)c->disk_count);
	metric_set(METRIC_TABLES, WHERE_MEMORY, 0, (int64_t)c->loaded_count);
}

/* ---- Loaded ------------------------------------------------------------- */

struct symtab *entry_forget_table(struct table_cache *c, struct table_entry *e)
{
	struct symtab *table = STEAL(e->table);

	if (!table)
		return NULL;
	TAILQ_REMOVE(&c->loaded, e, by_table);
	c->loaded_total -= e->table_bytes;
	c->loaded_count--;
	entry_forget_copy(c, e);
	cleanup_close(&e->fd);
	e->fd = -1;
	return table;
}

struct symtab *entry_note_table(struct table_cache *c, struct table_entry *e,
				struct symtab *table)
{
	struct symtab *old = entry_forget_table(c, e);

	e->table = symtab_get(table);
	e->table_bytes = symtab_memory(table);
	TAILQ_INSERT_TAIL(&c->loaded, e, by_table);
	c->loaded_total += e->table_bytes;
	c->loaded_count++;
	return old;
}

/* ---- Begin and end ------------------------------------------------------- */

bool table_entries_init(struct table_cache *c)
{
	TAILQ_INIT(&c->on_disk);
	TAILQ_INIT(&c->loaded);
	TAILQ_INIT(&c->copies);
	LIST_INIT(&c->waiting);
	c->slot_count = SLOTS_LEAST;
	c->slots = new_slots(c->slot_count);
	return c->slots != NULL;
}

static void free_entry(struct table_cache *c, struct table_entry *e)
{
	if (e->table)
		entry_keep_time(c, e);
	symtab_put(e->table);
	entry_forget_copy(c, e);
	cleanup_close(&e->fd);
	mem_free(e);
}

void table_entries_deinit(struct table_cache *c)
{
	for (size_t i = 0; c->slots && i < c->slot_count; i++) {
		for (struct table_entry *e = c->slots[i], *next; e; e = next) {
			next = e->next;
			free_entry(c, e);
		}
	}
	mem_free(STEAL(c->slots));
}
