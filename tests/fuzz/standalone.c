/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target without a fuzzer.
 *
 *	fuzz_NAME		test: all seeds and mutations of them, as TAP
 *	fuzz_NAME FILE...	run these files
 *	fuzz_NAME --write DIR	write the seeds there
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { MUTATIONS = 40, EDITS_MAX = 4, GROWTH_MAX = 64 };

struct run {
	const char *dir; /* --write */
	uint64_t random;
	unsigned seeds;
	unsigned mutations;
};

/* xorshift64*: the same numbers each time. */
static uint32_t next_random(struct run *r)
{
	r->random ^= r->random >> 12;
	r->random ^= r->random << 25;
	r->random ^= r->random >> 27;
	return (uint32_t)((r->random * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

static void *allocate(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p) {
		perror("malloc");
		exit(EXIT_FAILURE);
	}
	return p;
}

/* Of exactly its size: a sanitizer then sees a read past the end. */
static void run_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = allocate(size);

	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* Change @data, of which there is room for GROWTH_MAX bytes more. */
static size_t edit(struct run *r, uint8_t *data, size_t size)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t at = size ? next_random(r) % size : 0;
	size_t n = 1 + next_random(r) % GROWTH_MAX;
	size_t left = size - at;

	if (n > left)
		n = left;
	switch (next_random(r) % 7) {
	case 0:
		data[at] ^= (uint8_t)(1 << next_random(r) % 8);
		return size;
	case 1:
		data[at] = (uint8_t)next_random(r);
		return size;
	case 2:
		memset(data + at, odd[next_random(r) % sizeof(odd)],
		       n < 8 ? n : 8);
		return size;
	case 3: /* a piece elsewhere, over what is there */
		memmove(data + next_random(r) % (size - n + 1), data + at, n);
		return size;
	case 4: /* a piece twice */
		memmove(data + at + n, data + at, left);
		return size + n;
	case 5: /* a piece missing */
		memmove(data + at, data + at + n, left - n);
		return size - n;
	default:
		return next_random(r) % 4 ? size : at;
	}
}

static void run_mutation(struct run *r, const uint8_t *data, size_t size)
{
	uint8_t *copy = allocate(size + EDITS_MAX * GROWTH_MAX + 1);
	unsigned edits = 1 + next_random(r) % EDITS_MAX;

	copy[0] = 0;
	if (size)
		memcpy(copy, data, size);
	while (edits-- && size)
		size = edit(r, copy, size);
	run_copy(copy, size);
	free(copy);
	r->mutations++;
}

static void run_seed(void *ctx, const void *data, size_t size)
{
	struct run *r = ctx;

	/* After a crash, the last of these says where it was. */
	printf("# seed %u, %zu bytes\n", r->seeds++, size);
	fflush(stdout);
	run_copy(data, size);
	for (unsigned i = 0; i < MUTATIONS; i++)
		run_mutation(r, data, size);
}

static void write_seed(void *ctx, const void *data, size_t size)
{
	struct run *r = ctx;
	char path[4096];

	snprintf(path, sizeof(path), "%s/seed-%03u", r->dir, r->seeds++);
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
		perror(path);
		exit(EXIT_FAILURE);
	}
}

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f || fseek(f, 0, SEEK_END)) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size_t size = (size_t)ftell(f);
	uint8_t *data = allocate(size);

	rewind(f);
	size = fread(data, 1, size, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int main(int argc, char **argv)
{
	struct run r = { .random = 88172645463325252 };

	if (argc == 3 && !strcmp(argv[1], "--write")) {
		r.dir = argv[2];
		fuzz_seeds(write_seed, &r);
		return EXIT_SUCCESS;
	}
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc > 1)
		return EXIT_SUCCESS;
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	fuzz_seeds(run_seed, &r);
	bool is_run = r.seeds && r.mutations == r.seeds * MUTATIONS;

	printf("%sok 1 - %u seeds and %u mutations of them break "
	       "nothing\n1..1\n",
	       is_run ? "" : "not ", r.seeds, r.mutations);
	return is_run ? EXIT_SUCCESS : EXIT_FAILURE;
}
