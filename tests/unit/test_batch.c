/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of addresses, answered from tables that were made for it. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "symbolize/batch.h"
#include "symbolize/sort.h"
#include "symtab/symtab_format.h"
#include "tests/lib/sample_table.h"
#include "tests/lib/symtab_fixture.h"
#include "tests/unit/unit.h"

static const struct batch_limits limits = {
	.addresses = 100000,
	.modules = 1000,
	.wait_ms = 30000,
};

#define CLEANUP_BATCH CLEANUP(batch_deinit)

static struct symtab *table(uint8_t number, unsigned functions,
			    struct buf *bytes)
{
	const struct sample_table what = {
		.id = { .len = 2, .bytes = { 0xaa, number } },
		.quality = SYMTAB_QUALITY_DWARF,
		.functions = functions,
	};

	return sample_table_open(&what, bytes);
}

/* A module of vaddrs with a table, which may be NULL. */
static struct batch_module *add_module(struct batch *b, struct symtab *t)
{
	struct batch_module *m;

	ck_no_error(batch_add_module(b, &limits, &m));
	m->space.kind = ADDRESS_VADDR;
	m->id = (struct build_id) { .len = 2, .bytes = { 1, 2 } };
	if (t) {
		m->status = MODULE_OK;
		m->table = symtab_get(t);
	}
	return m;
}

static void add_address(struct batch *b, uint64_t address)
{
	ck_no_error(batch_add_address(b, &limits, address));
}

static const struct batch_frame *frame(const struct batch *b, size_t address,
				       size_t i)
{
	ck_assert_uint_lt(b->chain_start[address] + i,
			  b->chain_start[address + 1]);
	uint32_t number = b->chains[b->chain_start[address] + i];

	ck_assert_uint_lt(number, b->frame_count);
	return &b->frames[number];
}

static size_t depth(const struct batch *b, size_t address)
{
	return b->chain_start[address + 1] - b->chain_start[address];
}

/* Is the frame of that function and line? */
static void expect(const struct batch *b, size_t address, size_t i,
		   const char *name, uint32_t line)
{
	const struct batch_frame *f = frame(b, address, i);
	size_t len;
	const char *s =
		symtab_name(b->modules[f->module].table, f->f.name, &len);

	ck_assert_uint_eq(len, strlen(name));
	ck_assert(!memcmp(s, name, len));
	ck_assert_uint_eq(f->f.line, line);
}

START_TEST(addresses_are_answered_in_the_order_they_were_asked)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 100, &bytes);
	CLEANUP_BATCH struct batch b;

	batch_init(&b);
	add_module(&b, t);
	for (unsigned i = 0; i < 1000; i++)
		add_address(&b, SAMPLE_BASE + i * 7919 % (100 * 0x100));
	ck_no_error(batch_answer(&b));
	for (unsigned i = 0; i < 1000; i++) {
		unsigned at = i * 7919 % (100 * 0x100), n = at / 0x100;
		unsigned in = at % 0x100;
		bool is_inner = n % 2 && n % 5 && in >= 0x40 && in < 0x80;
		char name[16];

		snprintf(name, sizeof(name), "fn%u", n);
		ck_assert_uint_eq(depth(&b, i), is_inner ? 2 : 1);
		expect(&b, i, is_inner, name,
		       n % 5 == 0  ? 0
		       : is_inner  ? 10 * n + 7
		       : in < 0x40 ? 10 * n + 1
		       : in < 0x80 ? 10 * n + 2
				   : 10 * n + 3);
		if (is_inner)
			expect(&b, i, 0, "inner", 5);
		ck_assert_int_eq(b.reasons[i],
				 n % 5 ? ADDRESS_OK : ADDRESS_NO_LINE);
	}
	ck_assert(!b.is_partial);
}
END_TEST

START_TEST(a_frame_stands_once_for_all_who_have_it)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 4, &bytes);
	CLEANUP_BATCH struct batch b;

	batch_init(&b);
	/* Two modules, one table. */
	for (unsigned m = 0; m < 2; m++) {
		add_module(&b, t);
		for (unsigned i = 0; i < 0x40; i++)
			add_address(&b, SAMPLE_BASE + 0x140 + i);
	}
	ck_no_error(batch_answer(&b));
	ck_assert_uint_eq(b.frame_count, 2);
	ck_assert_uint_eq(b.chain_total, 2 * 2 * 0x40);
	for (unsigned i = 0; i < 2 * 0x40; i++) {
		expect(&b, i, 0, "inner", 5);
		expect(&b, i, 1, "fn1", 17);
		ck_assert(frame(&b, i, 0)->f.is_inlined);
		ck_assert(!frame(&b, i, 1)->f.is_inlined);
		ck_assert_uint_eq(frame(&b, i, 1)->f.start.v,
				  SAMPLE_BASE + 0x100);
	}
}
END_TEST

START_TEST(modules_of_other_tables_do_not_share_frames)
{
	CLEANUP_BUF struct buf bytes0 = BUF_INIT, bytes1 = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t0 = table(1, 4, &bytes0);
	CLEANUP_SYMTAB struct symtab *t1 = table(2, 4, &bytes1);
	CLEANUP_BATCH struct batch b;

	batch_init(&b);
	add_module(&b, t0);
	add_address(&b, SAMPLE_BASE + 0x100);
	add_module(&b, t1);
	add_address(&b, SAMPLE_BASE + 0x100);
	add_module(&b, t0);
	add_address(&b, SAMPLE_BASE + 0x101);
	ck_no_error(batch_answer(&b));
	ck_assert_uint_eq(b.frame_count, 2);
	ck_assert_uint_eq(b.chains[0], b.chains[2]);
	ck_assert_uint_ne(b.chains[0], b.chains[1]);
	ck_assert_uint_eq(frame(&b, 0, 0)->module, 0);
	ck_assert_uint_eq(frame(&b, 1, 0)->module, 1);
}
END_TEST

START_TEST(without_inlines_a_chain_is_the_concrete_function)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 4, &bytes);
	CLEANUP_BATCH struct batch b;

	batch_init(&b);
	b.inlines = false;
	add_module(&b, t);
	add_address(&b, SAMPLE_BASE + 0x150);
	ck_no_error(batch_answer(&b));
	ck_assert_uint_eq(depth(&b, 0), 1);
	expect(&b, 0, 0, "fn1", 17);
}
END_TEST

START_TEST(every_address_without_a_whole_answer_has_a_reason)
{
	static const enum module_status without[] = {
		MODULE_PENDING,   MODULE_ABSENT,    MODULE_UPSTREAM_ERROR,
		MODULE_MALFORMED, MODULE_TOO_LARGE, MODULE_UNSUPPORTED,
	};
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 6, &bytes);
	CLEANUP_BATCH struct batch b;
	size_t at = 0;

	batch_init(&b);
	struct batch_module *m = add_module(&b, t);

	m->space.kind = ADDRESS_FILE_OFFSET;
	add_address(&b, 0x1100);   /* fn1 */
	add_address(&b, 0x1500);   /* fn5, no line */
	add_address(&b, 0x1600);   /* behind the last */
	add_address(&b, 0x999999); /* in no segment */
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++) {
		add_module(&b, NULL)->status = without[i];
		add_address(&b, 0x1100);
	}
	add_module(&b, NULL)->id.len = 0;
	add_address(&b, 0x1100);
	ck_no_error(batch_answer(&b));
	ck_assert(b.is_partial);
	ck_assert_int_eq(b.reasons[at++], ADDRESS_OK);
	ck_assert_int_eq(b.reasons[at++], ADDRESS_NO_LINE);
	ck_assert_int_eq(b.reasons[at++], ADDRESS_NO_SYMBOL);
	ck_assert_int_eq(b.reasons[at++], ADDRESS_UNMAPPED_OFFSET);
	ck_assert_int_eq(b.reasons[at++], ADDRESS_MODULE_PENDING);
	for (size_t i = 1; i < sizeof(without) / sizeof(*without); i++)
		ck_assert_int_eq(b.reasons[at++], ADDRESS_MODULE_ABSENT);
	ck_assert_int_eq(b.reasons[at++], ADDRESS_NO_BUILD_ID);
	ck_assert_uint_eq(at, b.address_count);
	for (size_t i = 2; i < at; i++)
		ck_assert_uint_eq(depth(&b, i), 0);
}
END_TEST

START_TEST(a_return_address_is_looked_up_one_before)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 4, &bytes);
	CLEANUP_BATCH struct batch b;

	batch_init(&b);
	add_module(&b, t)->space.return_addresses = true;
	add_address(&b, SAMPLE_BASE + 0x200);
	add_module(&b, t);
	add_address(&b, SAMPLE_BASE + 0x200);
	ck_no_error(batch_answer(&b));
	expect(&b, 0, 0, "fn1", 13);
	expect(&b, 1, 0, "fn2", 21);
}
END_TEST

START_TEST(nothing_of_a_damaged_table_is_believed)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT, good_bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *whole = table(1, 4, &bytes);
	CLEANUP_SYMTAB struct symtab *good = table(2, 4, &good_bytes);
	CLEANUP_SYMTAB struct symtab *bad = NULL;
	CLEANUP_BATCH struct batch b;

	/* Where the functions are, for the last of them. */
	uint32_t at;

	memcpy(&at, bytes.data + 48 + 4 * 2 + 3 * 4, 4);
	ck_assert_uint_lt(at + 32, bytes.size);
	memset(bytes.data + at + 8, 0xff, 8);
	symtab_fixture_seal(bytes.data, bytes.size);
	ck_no_error(symtab_open_memory(bytes.data, bytes.size, NULL, &bad));
	batch_init(&b);
	add_module(&b, bad);
	add_address(&b, SAMPLE_BASE + 0x100);
	add_address(&b, SAMPLE_BASE + 0x300);
	add_module(&b, good);
	add_address(&b, SAMPLE_BASE + 0x300);
	ck_no_error(batch_answer(&b));
	ck_assert_int_eq(b.modules[0].status, MODULE_MALFORMED);
	ck_assert_ptr_nonnull(b.modules[0].message);
	ck_assert_ptr_eq(b.modules[0].table, bad);
	ck_assert_uint_eq(depth(&b, 0), 0);
	ck_assert_uint_eq(depth(&b, 1), 0);
	ck_assert_int_eq(b.reasons[0], ADDRESS_MODULE_ABSENT);
	ck_assert_int_eq(b.modules[1].status, MODULE_OK);
	expect(&b, 2, 0, "fn3", 31);
}
END_TEST

START_TEST(a_batch_can_be_answered_again)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 4, &bytes);
	CLEANUP_BATCH struct batch b;

	batch_init(&b);
	struct batch_module *m = add_module(&b, NULL);

	m->status = MODULE_PENDING;
	add_address(&b, SAMPLE_BASE + 0x100);
	ck_no_error(batch_answer(&b));
	ck_assert(b.is_partial);
	m->status = MODULE_OK;
	m->table = symtab_get(t);
	ck_no_error(batch_answer(&b));
	ck_assert(!b.is_partial);
	expect(&b, 0, 0, "fn1", 11);
}
END_TEST

START_TEST(a_limit_that_is_reached_is_named_with_its_option)
{
	const struct batch_limits few = { .addresses = 2, .modules = 2 };
	CLEANUP_BATCH struct batch b;
	struct batch_module *m;

	batch_init(&b);
	ck_no_error(batch_add_module(&b, &few, &m));
	ck_no_error(batch_add_address(&b, &few, 1));
	ck_no_error(batch_add_address(&b, &few, UINT64_MAX));
	ck_error(batch_add_address(&b, &few, 3), LIMIT, "--batch-addresses");
	ck_no_error(batch_add_module(&b, &few, &m));
	ck_error(batch_add_module(&b, &few, &m), LIMIT, "--batch-modules");
	ck_assert_uint_eq(b.modules[0].address_count, 2);
	ck_assert_uint_eq(b.modules[1].first_address, 2);
}
END_TEST

START_TEST(text_of_any_length_is_kept)
{
	CLEANUP_BATCH struct batch b;
	char large[10000];
	const char *kept[200];

	batch_init(&b);
	memset(large, 'x', sizeof(large));
	for (size_t i = 0; i < 200; i++) {
		kept[i] = batch_text(&b, large, i * 50);
		ck_assert_ptr_nonnull(kept[i]);
	}
	for (size_t i = 0; i < 200; i++)
		ck_assert_uint_eq(strlen(kept[i]), i * 50);
}
END_TEST

START_TEST(an_empty_batch_has_an_empty_answer)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 4, &bytes);
	CLEANUP_BATCH struct batch b;

	batch_init(&b);
	ck_no_error(batch_answer(&b));
	ck_assert_uint_eq(b.chain_start[0], 0);
	add_module(&b, t);
	ck_no_error(batch_answer(&b));
	ck_assert_uint_eq(b.frame_count, 0);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return *state >> 11;
}

START_TEST(items_are_sorted_by_key_and_stay_in_order_within)
{
	static const struct {
		size_t count;
		uint64_t mask, plus;
	} cases[] = {
		{ 0, 0, 0 },
		{ 1, ~0ULL, 0 },
		{ 48, 0xff, 0 },
		{ 49, 0xff, 0 },
		{ 1000, 0, 5 },
		{ 1000, 0x7ff, 0 },
		{ 1000, 0x800, ~0ULL - 0x800 },
		{ 5000, ~0ULL, 0 },
		{ 5000, 0x1ffffff, 0xffffffff81000000 },
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		size_t n = cases[c].count;
		struct sort_item *v = mem_array(n, sizeof(*v));
		struct sort_item *spare = mem_array(n, sizeof(*v));
		uint64_t state = c;

		for (size_t i = 0; i < n; i++)
			v[i] = (struct sort_item) {
				.key = (next_random(&state) << 11 &
					cases[c].mask) +
				       cases[c].plus,
				.value = (uint32_t)i,
			};
		sort_items(v, spare, n);
		for (size_t i = 1; i < n; i++) {
			ck_assert_uint_le(v[i - 1].key, v[i].key);
			if (v[i - 1].key == v[i].key)
				ck_assert_uint_lt(v[i - 1].value, v[i].value);
		}
		mem_free(v);
		mem_free(spare);
	}
}
END_TEST

static struct error *try_all(struct symtab *t)
{
	CLEANUP_BATCH struct batch b;
	struct batch_module *m;

	batch_init(&b);
	TRY(batch_add_module(&b, &limits, &m));
	m->space.kind = ADDRESS_VADDR;
	m->status = MODULE_OK;
	m->table = symtab_get(t);
	if (!batch_text(&b, "text", 4))
		return error_no_memory;
	for (unsigned i = 0; i < 100; i++)
		TRY(batch_add_address(&b, &limits, SAMPLE_BASE + 64 * i));
	TRY(batch_answer(&b));
	expect(&b, 4, 0, "fn1", 11);
	return NULL;
}

START_TEST(without_memory_a_batch_fails_and_leaks_nothing)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 100, &bytes);
	bool failed = true;

	for (unsigned long n = 1; failed; n++) {
		mem_fail_at(n);
		struct error *err = try_all(t);

		failed = mem_fail_happened();
		mem_fail_at(0);
		ck_assert(!failed ? !err : err == error_no_memory);
		ck_assert_uint_lt(n, 1000);
	}
}
END_TEST

START_TEST(an_answer_of_endless_chains_is_refused)
{
	const struct sample_table what = {
		.quality = SYMTAB_QUALITY_DWARF,
		.functions = 2,
		.depth = 128,
	};
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = sample_table_open(&what, &bytes);
	CLEANUP_BATCH struct batch b;

	batch_init(&b);
	add_module(&b, t);
	for (unsigned i = 0; i < 5000; i++)
		add_address(&b, SAMPLE_BASE + 0x140 + i % 0x40);
	ck_no_error(batch_answer(&b));
	ck_assert_uint_eq(b.chain_total, 5000 * 129);
	for (unsigned i = 5000; i < 100000; i++)
		add_address(&b, SAMPLE_BASE + 0x140 + i % 0x40);
	ck_error(batch_answer(&b), LIMIT, "frames");
}
END_TEST

/* Nobody waits from look number @c until on. */
struct looks {
	size_t count, until;
};

static bool look(void *ctx)
{
	struct looks *l = ctx;

	return ++l->count >= l->until;
}

START_TEST(an_answer_that_nobody_waits_for_is_not_made)
{
	enum { ADDRESSES = 20000 };
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_SYMTAB struct symtab *t = table(1, 2000, &bytes);
	CLEANUP_BATCH struct batch b;
	struct looks all = { .until = SIZE_MAX };
	size_t frames = 0;

	batch_init(&b);
	add_module(&b, t);
	for (unsigned i = 0; i < ADDRESSES; i++)
		add_address(&b, SAMPLE_BASE + 16 * i);
	b.is_forsaken = look;
	b.forsaken_ctx = &all;
	ck_no_error(batch_answer(&b));
	/* Converted by the thousand, looked up by the dozen. */
	ck_assert_uint_ge(all.count, ADDRESSES / 1024 + ADDRESSES / 16);
	for (size_t until = 1; until <= all.count; until += 61) {
		struct looks l = { .until = until };

		b.forsaken_ctx = &l;
		ck_error(batch_answer(&b), BUSY, "nobody waits");
		/* Not once more, and nothing was done meanwhile. */
		ck_assert_uint_eq(l.count, until);
		ck_assert_uint_ge(b.frame_count, frames);
		ck_assert_uint_le(b.frame_count, 2 * 16 * until);
		frames = b.frame_count;
	}
	ck_assert_uint_gt(frames, 0);
	b.forsaken_ctx = &all;
	ck_no_error(batch_answer(&b));
}
END_TEST

START_TEST(metrics_call_statuses_and_reasons_as_answers_do)
{
	for (unsigned i = 0; i < MODULE_STATUSES; i++)
		ck_assert_uint_eq(metric_label(LABELS_MODULE_STATUS,
					       module_status_name(i)),
				  i);
	for (unsigned i = 0; i < ADDRESS_REASONS; i++)
		ck_assert_uint_eq(
			metric_label(LABELS_REASON, address_reason_name(i)), i);
	/* The last is also what none of them is. */
	ck_assert_uint_ne(metric_label(LABELS_MODULE_STATUS, "ok"),
			  metric_label(LABELS_MODULE_STATUS, "none"));
}
END_TEST

UNIT_MAIN("batch", addresses_are_answered_in_the_order_they_were_asked,
	  a_frame_stands_once_for_all_who_have_it,
	  modules_of_other_tables_do_not_share_frames,
	  without_inlines_a_chain_is_the_concrete_function,
	  every_address_without_a_whole_answer_has_a_reason,
	  a_return_address_is_looked_up_one_before,
	  nothing_of_a_damaged_table_is_believed, a_batch_can_be_answered_again,
	  a_limit_that_is_reached_is_named_with_its_option,
	  text_of_any_length_is_kept, an_empty_batch_has_an_empty_answer,
	  items_are_sorted_by_key_and_stay_in_order_within,
	  without_memory_a_batch_fails_and_leaks_nothing,
	  an_answer_of_endless_chains_is_refused,
	  an_answer_that_nobody_waits_for_is_not_made,
	  metrics_call_statuses_and_reasons_as_answers_do)
