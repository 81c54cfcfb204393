/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of compiled tables, alone.
 *
 *	symtab_lookup adopt GSYM OUT       a table from llvm-gsymutil's
 *	symtab_lookup print TABLE          frames of the addresses on stdin
 *	symtab_lookup time TABLE COUNT     COUNT distinct random addresses, in
 *	                                   batches of 10000: ns an address
 *	symtab_lookup time-functions …     the same in 1000 random functions a
 *	                                   batch
 *	symtab_lookup names TABLE          ns a display name, of 1000 functions
 *
 * Compile: gcc -O2 -I. -I$src -I$src/src $src/tests/bench/symtab_lookup.c \
 *	$src/tests/lib/symtab_fixture.c libsymbuild.a libsymtab.a libbase.a \
 *	-liberty -lxxhash -o symtab_lookup
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "symtab/symtab_private.h"
#include "tests/lib/symtab_fixture.h"

enum { BATCH = 10000, ROUNDS = 9 };

static void must(struct error *err)
{
	if (!err)
		return;
	fprintf(stderr, "symtab_lookup: %s\n", error_message(err));
	exit(1);
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static struct symtab *open_path(const char *path)
{
	struct symtab *t;

	must(symtab_open(open_file(path, O_RDONLY), NULL, &t));
	return t;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void adopt(const char *from, const char *to)
{
	struct buf out = BUF_INIT;
	int fd = open_file(from, O_RDONLY);
	struct stat st;

	if (fstat(fd, &st) < 0)
		exit(1);
	void *data =
		mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

	symtab_fixture_adopt(data, (size_t)st.st_size, &out);
	int fd_to = open_file(to, O_RDWR | O_CREAT | O_TRUNC);

	if (write(fd_to, out.data, out.size) != (ssize_t)out.size)
		exit(1);
}

static void print_frames(struct symtab *t, uint64_t at,
			 const struct symtab_frame *f, size_t count)
{
	printf("0x%016" PRIx64 ":", at);
	for (size_t i = 0; i < count; i++) {
		const char *dir, *base;
		size_t dir_len, base_len;

		symtab_file(t, f[i].file, &dir, &dir_len, &base, &base_len);
		printf("%s %s + %" PRIu64 " @ %s%s%s:%u%s",
		       i ? "\n                   " : "",
		       symtab_name(t, f[i].name, NULL), at - f[i].start.v, dir,
		       dir_len ? "/" : "", base, f[i].line,
		       f[i].is_inlined ? " [inlined]" : "");
	}
	printf("\n");
}

static void print_table(const char *path)
{
	struct symtab *t = open_path(path);
	struct symtab_cursor *c;
	char line[64];

	must(symtab_cursor_create(t, &c));
	while (fgets(line, sizeof(line), stdin)) {
		const struct symtab_frame *f;
		uint64_t at = strtoull(line, NULL, 16);
		size_t count;

		must(symtab_find(c, (struct vaddr) { at }, true, &f, &count));
		print_frames(t, at, f, count);
	}
}

static uint64_t next_random(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t size_of(const struct symtab *t, uint32_t i)
{
	return symtab_u32(t->data + symtab_u32(t->infos + 4 * (size_t)i));
}

static uint64_t start_of(const struct symtab *t, uint32_t i)
{
	uint64_t offset = 0;

	for (unsigned k = t->offset_size; k--;)
		offset = offset << 8 |
			 t->offsets[(size_t)i * t->offset_size + k];
	return t->base + offset;
}

/* Random among all bytes of all functions. */
static void choose_bytes(const struct symtab *t, uint64_t *at, size_t n)
{
	uint64_t *sums = mem_array((size_t)t->count + 1, sizeof(*sums));

	if (!sums)
		exit(1);
	for (uint32_t i = 0; i < t->count; i++)
		sums[i + 1] = sums[i] + size_of(t, i);
	for (size_t i = 0; i < n; i++) {
		uint64_t byte = next_random() % sums[t->count];
		uint32_t low = 0;

		for (uint32_t count = t->count; count > 1;) {
			if (sums[low + count / 2] <= byte)
				low += count / 2;
			count -= count / 2;
		}
		at[i] = start_of(t, low) + byte - sums[low];
	}
	mem_free(sums);
}

/* Each batch in ten random bytes of a thousand random functions. */
static void choose_functions(const struct symtab *t, uint64_t *at, size_t n)
{
	static uint32_t functions[BATCH / 10];

	for (size_t i = 0; i < n; i++) {
		uint32_t *f = &functions[i % (BATCH / 10)];

		if (i % BATCH < BATCH / 10)
			*f = (uint32_t)(next_random() % t->count);
		at[i] = start_of(t, *f) + next_random() % size_of(t, *f);
	}
}

static uint64_t time_batches(struct symtab_cursor *c, const uint64_t *at,
			     size_t n, size_t *frames_ret)
{
	uint64_t start = now_ns();

	*frames_ret = 0;
	for (size_t i = 0; i < n; i++) {
		const struct symtab_frame *f;
		size_t count;

		must(symtab_find(c, (struct vaddr) { at[i] }, true, &f,
				 &count));
		*frames_ret += count;
	}
	return now_ns() - start;
}

static void time_table(const char *path, size_t n, bool by_function)
{
	struct symtab *t = open_path(path);
	struct symtab_cursor *c;
	uint64_t *at = mem_array(n, sizeof(*at));
	uint64_t best_sorted = UINT64_MAX, best_random = UINT64_MAX;
	size_t frames = 0;

	if (!at)
		exit(1);
	if (by_function)
		choose_functions(t, at, n);
	else
		choose_bytes(t, at, n);
	must(symtab_cursor_create(t, &c));
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t ns = time_batches(c, at, n, &frames);

		if (ns < best_random)
			best_random = ns;
	}
	for (size_t i = 0; i < n; i += BATCH)
		qsort(at + i, n - i < BATCH ? n - i : BATCH, sizeof(*at),
		      compare);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t ns = time_batches(c, at, n, &frames);

		if (ns < best_sorted)
			best_sorted = ns;
	}
	printf("%s: sorted %.0f ns, random %.0f ns an address, %.2f frames\n",
	       path, (double)best_sorted / (double)n,
	       (double)best_random / (double)n, (double)frames / (double)n);
}

static void time_names(const char *path)
{
	struct symtab *t = open_path(path);
	struct buf text = BUF_INIT;
	uint64_t start = now_ns();
	size_t len, total = 0, n = 200000;

	for (size_t i = 0; i < n; i++) {
		uint32_t k = (uint32_t)(next_random() %
					(t->count < 1000 ? t->count : 1000));
		const uint8_t *p =
			t->data + symtab_u32(t->infos + 4 * (size_t)k);

		buf_clear(&text);
		symtab_display_name(t, symtab_u32(p + 4), true, &text, &len);
		total += len;
	}
	printf("%s: %.0f ns a name, %.0f bytes; %u mangled, %zu bytes\n", path,
	       (double)(now_ns() - start) / (double)n,
	       (double)total / (double)n, t->names.count, t->names.coded_size);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "adopt"))
		adopt(argv[2], argv[3]);
	else if (argc == 3 && !strcmp(argv[1], "print"))
		print_table(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "time"))
		time_table(argv[2], strtoul(argv[3], NULL, 10), false);
	else if (argc == 4 && !strcmp(argv[1], "time-functions"))
		time_table(argv[2], strtoul(argv[3], NULL, 10), true);
	else if (argc == 3 && !strcmp(argv[1], "names"))
		time_names(argv[2]);
	else
		return 2;
	return 0;
}
