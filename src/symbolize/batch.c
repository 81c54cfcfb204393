/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. The addresses of module i lie right behind those of module i - 1.
 * 2. Between batch_answer() and the next change, chain_start has one entry
 *    more than there are addresses and chains hold numbers of frames.
 * 3. A module that has a table holds it until the batch goes, also after it
 *    turned out to be damaged: frames of it may be in the answer.
 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "symbolize/batch.h"
#include "symbolize/sort.h"

enum {
	TEXT_BLOCK = 4096,
	/* Frames that one answer may refer to, and an address adds. More is
	 * debug information of endless inlining. */
	CHAINS_MOST = 1 << 20,
	CHAINS_EACH = 16,
	/* Addresses from one look at who waits to the next: as many as can be
	 * converted, or found, in the worst table in some milliseconds. */
	CONVERTED_AT_ONCE = 1024,
	FOUND_AT_ONCE = 16,
};

/* ---- Text --------------------------------------------------------------- */

struct arena {
	struct arena *next;
	size_t used, size;
	char data[];
};

static void arena_free(struct arena *a)
{
	while (a) {
		struct arena *next = a->next;

		mem_free(a);
		a = next;
	}
}

size_t batch_bytes(const struct batch *b)
{
	size_t bytes = b->module_capacity * sizeof(*b->modules) +
		       b->address_capacity * sizeof(*b->addresses);

	for (const struct arena *a = b->text; a; a = a->next)
		bytes += sizeof(*a) + a->size;
	return bytes;
}

const char *batch_text(struct batch *b, const char *s, size_t len)
{
	struct arena *a = b->text;

	if (!a || a->size - a->used <= len) {
		size_t size = len < TEXT_BLOCK ? TEXT_BLOCK : len + 1;

		if (len > SIZE_MAX / 2)
			return NULL;
		a = mem_alloc(sizeof(*a) + size);
		if (!a)
			return NULL;
		*a = (struct arena) { .next = b->text, .size = size };
		b->text = a;
	}
	char *p = a->data + a->used;

	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	a->used += len + 1;
	return p;
}

/* ---- The question ------------------------------------------------------- */

const char *module_status_name(enum module_status s)
{
	static const char *const names[MODULE_STATUSES] = {
		[MODULE_OK] = "ok",
		[MODULE_PENDING] = "pending",
		[MODULE_ABSENT] = "absent",
		[MODULE_UPSTREAM_ERROR] = "upstream_error",
		[MODULE_MALFORMED] = "malformed",
		[MODULE_TOO_LARGE] = "too_large",
		[MODULE_UNSUPPORTED] = "unsupported",
	};

	assert((unsigned)s < MODULE_STATUSES);
	return names[s];
}

void batch_init(struct batch *b)
{
	*b = (struct batch) {
		.inlines = true,
		.demangle = true,
		.wait_ms = BATCH_WAIT_DEFAULT_MS,
	};
}

static void drop_answer(struct batch *b)
{
	b->is_partial = false;
	b->frame_count = 0;
	b->chain_total = 0;
	mem_free(STEAL(b->chain_start));
	mem_free(STEAL(b->reasons));
}

void batch_deinit(struct batch *b)
{
	for (size_t i = 0; i < b->module_count; i++)
		symtab_put(b->modules[i].table);
	mem_free(b->modules);
	mem_free(b->addresses);
	mem_free(b->frames);
	mem_free(b->chains);
	drop_answer(b);
	arena_free(b->text);
	batch_init(b);
}

struct error *batch_add_module(struct batch *b,
			       const struct batch_limits *limits,
			       struct batch_module **ret)
{
	if (b->module_count >= limits->modules)
		return error_new(LIMIT,
				 "more than %zu modules in one request "
				 "(--batch-modules)",
				 limits->modules);
	if (!mem_grow(&b->modules, &b->module_capacity, b->module_count + 1,
		      sizeof(*b->modules)))
		return error_no_memory;
	struct batch_module *m = &b->modules[b->module_count++];

	*m = (struct batch_module) {
		.first_address = b->address_count,
		.status = MODULE_ABSENT,
	};
	*ret = m;
	return NULL;
}

struct error *batch_add_address(struct batch *b,
				const struct batch_limits *limits,
				uint64_t address)
{
	assert(b->module_count > 0);
	if (b->address_count >= limits->addresses)
		return error_new(LIMIT,
				 "more than %zu addresses in one request "
				 "(--batch-addresses)",
				 limits->addresses);
	if (!mem_grow(&b->addresses, &b->address_capacity, b->address_count + 1,
		      sizeof(*b->addresses)))
		return error_no_memory;
	b->addresses[b->address_count++] = address;
	b->modules[b->module_count - 1].address_count++;
	return NULL;
}

/* ---- The answer --------------------------------------------------------- */

struct error *batch_check(const struct batch *b)
{
	return b->is_forsaken && b->is_forsaken(b->forsaken_ctx)
		       ? error_new(BUSY, "nobody waits for the answer")
		       : NULL;
}

/* Frame numbers of an address: links[start .. + count). */
struct span {
	uint32_t start, count;
};

/* A table, and the first module that has it. */
struct holder {
	struct symtab *table;
	uint32_t module;
};

struct answer {
	struct batch *b;
	struct holder *holders; /* by table, then module */
	size_t holder_count;
	struct sort_item *items, *spare;
	struct span *spans; /* one an address */
	uint32_t *links;    /* chains of distinct addresses */
	size_t link_count, link_capacity;
	uint32_t *slots; /* of frames, by hash: number + 1; 0: free */
	size_t slot_count;
	struct symtab_cursor *cursor;
};

static void answer_deinit(struct answer *a)
{
	mem_free(a->holders);
	mem_free(a->items);
	mem_free(a->spare);
	mem_free(a->spans);
	mem_free(a->links);
	mem_free(a->slots);
	symtab_cursor_free(a->cursor);
}

static enum address_reason reason_without_table(const struct batch_module *m)
{
	if (!m->id.len && !m->is_breakpad)
		return ADDRESS_NO_BUILD_ID;
	return m->status == MODULE_PENDING ? ADDRESS_MODULE_PENDING
					   : ADDRESS_MODULE_ABSENT;
}

static int compare_holders(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->table != y->table)
		return (uintptr_t)x->table < (uintptr_t)y->table ? -1 : 1;
	return (x->module > y->module) - (x->module < y->module);
}

static struct error *answer_init(struct answer *a)
{
	struct batch *b = a->b;

	b->chain_start = mem_array(b->address_count + 1, sizeof(uint32_t));
	b->reasons = mem_array(b->address_count, 1);
	a->holders = mem_array(b->module_count, sizeof(*a->holders));
	a->items = mem_alloc(b->address_count * sizeof(*a->items));
	a->spare = mem_alloc(b->address_count * sizeof(*a->spare));
	a->spans = mem_array(b->address_count, sizeof(*a->spans));
	if (!b->chain_start || !b->reasons || !a->holders || !a->items ||
	    !a->spare || !a->spans)
		return error_no_memory;
	for (size_t i = 0; i < b->module_count; i++) {
		const struct batch_module *m = &b->modules[i];

		if (m->status == MODULE_OK)
			a->holders[a->holder_count++] = (struct holder) {
				.table = m->table,
				.module = (uint32_t)i,
			};
		else if (m->address_count)
			memset(b->reasons + m->first_address,
			       (int)reason_without_table(m), m->address_count);
		b->is_partial |= m->status == MODULE_PENDING;
	}
	if (a->holder_count)
		qsort(a->holders, a->holder_count, sizeof(*a->holders),
		      compare_holders);
	return NULL;
}

/* Convert a module's addresses and append them to the @count items. */
static struct error *convert(struct answer *a, const struct batch_module *m,
			     size_t *count)
{
	struct address_converter converter;
	size_t end = m->first_address + m->address_count;

	address_converter_init(&converter, symtab_layout(m->table), &m->space);
	for (size_t i = m->first_address; i < end; i++) {
		uint64_t address = a->b->addresses[i];
		struct vaddr at;

		if (i % CONVERTED_AT_ONCE == 0)
			TRY(batch_check(a->b));
		enum address_reason reason =
			m->is_adjusted && address == UINT64_MAX
				? ADDRESS_BAD_ADDRESS
				: address_convert(&converter, address, &at);

		a->b->reasons[i] = (uint8_t)reason;
		if (reason == ADDRESS_OK)
			a->items[(*count)++] = (struct sort_item) {
				.key = at.v,
				.value = (uint32_t)i,
			};
	}
	return NULL;
}

static bool same_frame(const struct batch_frame *a, const struct batch_frame *b)
{
	return a->f.name == b->f.name && a->f.line == b->f.line &&
	       a->f.file == b->f.file && a->f.start.v == b->f.start.v &&
	       a->f.is_inlined == b->f.is_inlined && a->module == b->module;
}

static uint64_t hash_frame(const struct batch_frame *x)
{
	uint64_t h = x->f.start.v * 0x9e3779b97f4a7c15 + x->module;

	h ^= (uint64_t)x->f.name << 32 | x->f.line;
	h *= 0xff51afd7ed558ccd;
	h ^= h >> 32;
	h += (uint64_t)x->f.file << 1 | x->f.is_inlined;
	h *= 0xc4ceb9fe1a85ec53;
	return h ^ h >> 32;
}

static struct error *grow_slots(struct answer *a)
{
	size_t count = a->slot_count ? a->slot_count * 2 : 1024;
	uint32_t *slots = mem_array(count, sizeof(*slots));

	if (!slots)
		return error_no_memory;
	for (size_t i = 0; i < a->b->frame_count; i++) {
		size_t at = hash_frame(&a->b->frames[i]) & (count - 1);

		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	mem_free(a->slots);
	a->slots = slots;
	a->slot_count = count;
	return NULL;
}

/* The number of a frame: an equal one's, or a new one. */
static struct error *number_frame(struct answer *a, const struct batch_frame *x,
				  uint32_t *ret)
{
	struct batch *b = a->b;

	if (2 * (b->frame_count + 1) > a->slot_count)
		TRY(grow_slots(a));
	size_t at = hash_frame(x) & (a->slot_count - 1);

	for (; a->slots[at]; at = (at + 1) & (a->slot_count - 1)) {
		*ret = a->slots[at] - 1;
		if (same_frame(&b->frames[*ret], x))
			return NULL;
	}
	if (!mem_grow(&b->frames, &b->frame_capacity, b->frame_count + 1,
		      sizeof(*b->frames)))
		return error_no_memory;
	*ret = (uint32_t)b->frame_count;
	b->frames[b->frame_count++] = *x;
	a->slots[at] = *ret + 1;
	return NULL;
}

static struct error *check_chains(const struct batch *b, size_t total)
{
	size_t most = CHAINS_MOST + CHAINS_EACH * b->address_count;

	return total <= most
		       ? NULL
		       : error_new(LIMIT, "the answer has more than %zu frames",
				   most);
}

/* Look one address up. */
static struct error *look_up(struct answer *a, uint32_t module, uint64_t at,
			     struct span *ret, enum address_reason *reason_ret)
{
	const struct symtab_frame *frames;
	size_t count;

	TRY(symtab_find(a->cursor, (struct vaddr) { at }, a->b->inlines,
			&frames, &count));
	TRY(check_chains(a->b, a->link_count + count));
	if (!mem_grow(&a->links, &a->link_capacity, a->link_count + count,
		      sizeof(*a->links)))
		return error_no_memory;
	*ret = (struct span) {
		.start = (uint32_t)a->link_count,
		.count = (uint32_t)count,
	};
	for (size_t i = 0; i < count; i++) {
		struct batch_frame x = { .module = module, .f = frames[i] };

		TRY(number_frame(a, &x, &a->links[a->link_count + i]));
	}
	a->link_count += count;
	*reason_ret = !count          ? ADDRESS_NO_SYMBOL
		      : !frames->file ? ADDRESS_NO_LINE
				      : ADDRESS_OK;
	return NULL;
}

static struct error *look_up_all(struct answer *a, uint32_t module,
				 size_t count)
{
	struct span span = { 0 };
	enum address_reason reason = ADDRESS_OK;

	for (size_t i = 0; i < count; i++) {
		const struct sort_item *q = &a->items[i];

		if (i % FOUND_AT_ONCE == 0)
			TRY(batch_check(a->b));
		if (i == 0 || q->key != a->items[i - 1].key)
			TRY(look_up(a, module, q->key, &span, &reason));
		a->spans[q->value] = span;
		a->b->reasons[q->value] = (uint8_t)reason;
	}
	return NULL;
}

/* Nothing of a damaged table is believed. @p err is taken. */
static struct error *disown(struct answer *a, const struct holder *h,
			    size_t count, struct error *err)
{
	struct batch *b = a->b;
	const char *message =
		batch_text(b, error_message(err), strlen(error_message(err)));

	error_free(err);
	if (!message)
		return error_no_memory;
	for (size_t i = 0; i < count; i++) {
		struct batch_module *m = &b->modules[h[i].module];

		m->status = MODULE_MALFORMED;
		m->message = message;
		for (size_t j = 0; j < m->address_count; j++) {
			a->spans[m->first_address + j] = (struct span) { 0 };
			b->reasons[m->first_address + j] =
				ADDRESS_MODULE_ABSENT;
		}
	}
	return NULL;
}

/* Answer the modules that share one table. */
static struct error *answer_table(struct answer *a, const struct holder *h,
				  size_t count)
{
	size_t items = 0;

	for (size_t i = 0; i < count; i++)
		TRY(convert(a, &a->b->modules[h[i].module], &items));
	if (!items)
		return NULL;
	sort_items(a->items, a->spare, items);
	if (a->cursor)
		symtab_cursor_reset(a->cursor, h->table);
	else
		TRY(symtab_cursor_create(h->table, &a->cursor));
	struct error *err = look_up_all(a, h->module, items);

	return err && error_kind(err) == ERROR_BAD_DATA
		       ? disown(a, h, count, err)
		       : err;
}

static struct error *answer_tables(struct answer *a)
{
	for (size_t i = 0, n; i < a->holder_count; i += n) {
		for (n = 1; i + n < a->holder_count; n++) {
			if (a->holders[i + n].table != a->holders[i].table)
				break;
		}
		TRY(answer_table(a, &a->holders[i], n));
	}
	return NULL;
}

/* Chains in the order of the request. */
static struct error *lay_out(struct answer *a)
{
	struct batch *b = a->b;
	size_t total = 0;

	for (size_t i = 0; i < b->address_count; i++) {
		b->chain_start[i] = (uint32_t)total;
		total += a->spans[i].count;
		TRY(check_chains(b, total));
	}
	b->chain_start[b->address_count] = (uint32_t)total;
	if (!mem_grow(&b->chains, &b->chain_capacity, total,
		      sizeof(*b->chains)))
		return error_no_memory;
	for (size_t i = 0; i < b->address_count; i++) {
		const struct span *s = &a->spans[i];

		for (uint32_t j = 0; j < s->count; j++)
			b->chains[b->chain_start[i] + j] =
				a->links[s->start + j];
	}
	b->chain_total = total;
	return NULL;
}

struct error *batch_answer(struct batch *b)
{
	CLEANUP(answer_deinit) struct answer a = { .b = b };

	drop_answer(b);
	TRY(answer_init(&a));
	TRY(answer_tables(&a));
	return lay_out(&a);
}
