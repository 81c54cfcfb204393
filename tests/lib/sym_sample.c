/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses to ask symbolizers about.
 *
 *	sym_sample [-f] [-n COUNT] [-s SEED] [-j SECTION] [-x EXECUTABLE] FILE
 *
 * Prints up to COUNT (10000) distinct addresses of functions of FILE in no
 * order, one a line with what it is: "start" of a function, "end" for its last
 * byte, "return" for one less than where a call returns to, "in" for one drawn
 * from a function, functions alike, "byte" for one drawn from all their bytes,
 * "code" from the executable sections of a file without functions. Calls are
 * looked for in EXECUTABLE, if FILE is a debug file. -j: offsets in this
 * section of a relocatable file. The same SEED draws the same.
 */
#include "config.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/sym_elf.h"

struct drawn {
	uint64_t at;
	const char *kind;
	uint64_t order;
};

static uint64_t seed = 1;

/* splitmix64 */
static uint64_t draw(uint64_t below)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

struct returns {
	uint64_t *list;
	size_t count, capacity;
};

static void add_return(void *ctx, uint64_t at)
{
	struct returns *r = ctx;

	r->list = sym_grow(r->list, r->count, &r->capacity, sizeof(*r->list));
	r->list[r->count++] = at - 1;
}

static struct drawn draw_code(const struct sym_elf *e)
{
	const struct sym_range *r = &e->code[draw(e->code_count)];

	return (struct drawn) { r->start + draw(r->size), "code", 0 };
}

/* A function by its share of all bytes: ends[i] is the sum up to it. */
static const struct sym_function *draw_by_size(const struct sym_elf *e,
					       const uint64_t *ends)
{
	uint64_t at = draw(ends[e->function_count - 1]);
	size_t low = 0, high = e->function_count - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ends[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return &e->functions[low];
}

static struct drawn draw_one(const struct sym_elf *e, const uint64_t *ends,
			     const struct returns *returns)
{
	const struct sym_function *f;
	uint64_t dice = draw(10);

	if (!e->function_count)
		return draw_code(e);
	f = &e->functions[draw(e->function_count)];
	switch (dice) {
	case 0:
		return (struct drawn) { f->start, "start", 0 };
	case 1:
		return (struct drawn) { f->start + f->size - 1, "end", 0 };
	case 2:
	case 3:
		if (returns->count)
			return (struct drawn) {
				returns->list[draw(returns->count)], "return", 0
			};
		/* fallthrough */
	case 4:
	case 5:
	case 6:
		return (struct drawn) { f->start + draw(f->size), "in", 0 };
	default:
		f = draw_by_size(e, ends);
		return (struct drawn) { f->start + draw(f->size), "byte", 0 };
	}
}

static int by_address(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static int by_order(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static size_t unique(struct drawn *list, size_t count)
{
	size_t kept = 0;

	qsort(list, count, sizeof(*list), by_address);
	for (size_t i = 0; i < count; i++)
		if (!kept || list[kept - 1].at != list[i].at)
			list[kept++] = list[i];
	return kept;
}

static void sample(const struct sym_elf *e, const struct returns *returns,
		   size_t count, const char *offsets_in)
{
	uint64_t *ends = calloc(e->function_count + 1, sizeof(*ends));
	struct drawn *list = calloc(2 * count, sizeof(*list));
	size_t have = 0;

	if (!ends || !list)
		err(1, "memory");
	for (size_t i = 0; i < e->function_count; i++)
		ends[i] = (i ? ends[i - 1] : 0) + e->functions[i].size;
	for (int turn = 0; turn < 10 && have < count; turn++) {
		for (size_t i = have; i < 2 * count; i++)
			list[i] = draw_one(e, ends, returns);
		have = unique(list, 2 * count);
	}
	for (size_t i = 0; i < have; i++)
		list[i].order = draw(UINT64_MAX);
	qsort(list, have, sizeof(*list), by_order);
	for (size_t i = 0; i < have && i < count; i++) {
		uint64_t at = offsets_in
				      ? sym_elf_offset(offsets_in, list[i].at)
				      : list[i].at;

		if (at != UINT64_MAX)
			printf("0x%" PRIx64 " %s\n", at, list[i].kind);
	}
	free(list);
	free(ends);
}

int main(int argc, char **argv)
{
	const char *section = NULL, *executable = NULL;
	struct returns returns = { 0 };
	struct sym_elf e;
	size_t count = 10000;
	bool is_offset = false;
	int option;

	while ((option = getopt(argc, argv, "fj:n:s:x:")) != -1) {
		switch (option) {
		case 'f':
			is_offset = true;
			break;
		case 'j':
			section = optarg;
			break;
		case 'n':
			count = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'x':
			executable = optarg;
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc || !count)
		errx(2, "see the head of %s", __FILE__);
	sym_elf_read(&e, argv[optind], section);
	if (!e.code_count)
		errx(1, "%s: no code", argv[optind]);
	if (!executable)
		executable = argv[optind];
	sym_elf_returns(&e, executable, add_return, &returns);
	sample(&e, &returns, count, is_offset ? executable : NULL);
	free(returns.list);
	sym_elf_deinit(&e);
	return 0;
}
