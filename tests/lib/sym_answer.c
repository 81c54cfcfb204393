/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Build a table from files and ask it, with nothing of the service between.
 *
 *	sym_answer [-d DEBUGINFO] [-x EXECUTABLE] [-a ALT] [-w DWO]... [-p DWP]
 *	           [-o TABLE | -i TABLE] [-k KIND] [-n NAME] [-b BASE] [-r]
 *	           [-c] [-C] [-t TURNS]
 *
 * Reads addresses, one a line (what follows on it is passed over), and answers
 * each as llvm-symbolizer -a does: names as the object file has them, -C:
 * demangled. KIND is file_offset, vaddr (the default), section or kernel, NAME
 * the section or the base symbol, BASE its address; -r: return addresses.
 * -o: leave the table there; -i: ask that one and build none. -c: build for
 * these addresses alone. -t: answer nothing; look them all up so many times,
 * sorted, and say what one took.
 * A report goes to standard error as KEY=VALUE.
 */
#define _GNU_SOURCE
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "symtab/symtab.h"
#include "symtab/symtab_build.h"

enum { DWOS_MAX = 4096 };

struct job {
	struct symtab_build_inputs in;
	struct symtab_build_dwo dwos[DWOS_MAX];
	struct symtab_build_wanted wanted;
	uint64_t *addresses;
	size_t count, capacity;
	const char *out, *table;
	bool cold, demangle;
	unsigned long turns;
};

static void must(struct error *e, const char *what)
{
	if (e)
		errx(1, "%s: %s", what, error_message(e));
}

static int open_input(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_addresses(struct job *j)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) >= 0) {
		if (!mem_grow(&j->addresses, &j->capacity, j->count + 1,
			      sizeof(*j->addresses)))
			errx(1, "memory");
		j->addresses[j->count++] = strtoull(line, NULL, 16);
	}
	free(line);
	j->wanted.addresses = j->addresses;
	j->wanted.count = j->count;
}

static struct symtab *make_table(struct job *j)
{
	struct symtab_build_report report = { 0 };
	struct symtab *table = NULL;
	struct rusage usage;
	double began = cpu_seconds();
	int fd;

	if (j->table) {
		fd = open_input(j->table);
	} else {
		fd = j->out ? open(j->out,
				   O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
			    : memfd_create("table", MFD_CLOEXEC);
		if (fd < 0)
			err(1, "table");
		j->in.dwos = j->dwos;
		must(symtab_build(&j->in, j->cold ? &j->wanted : NULL,
				  j->cold ? 1 : 0, fd, &report),
		     "build");
		getrusage(RUSAGE_SELF, &usage);
		fprintf(stderr,
			"quality=%s\nfunctions=%" PRIu64 "\nunits=%" PRIu64
			"\nproblem=%s\nbuild_cpu=%.3f\npeak_kib=%ld\n",
			symtab_quality_name(report.quality), report.functions,
			report.units, report.problem, cpu_seconds() - began,
			usage.ru_maxrss);
	}
	must(symtab_open(fd, NULL, &table), "open");
	fprintf(stderr, "bytes=%zu\ngsym_bytes=%zu\n", symtab_bytes(table),
		symtab_gsym_bytes(table));
	close(fd);
	return table;
}

static void print_frame(const struct job *j, const struct symtab *t,
			const struct symtab_frame *f, struct buf *scratch)
{
	const char *name, *dir, *base;
	size_t len, dir_len, base_len;

	buf_clear(scratch);
	if (j->demangle)
		name = symtab_display_name(t, f->name, true, scratch, &len);
	else
		name = symtab_name(t, f->name, &len);
	printf("%.*s\n", len ? (int)len : 2, len ? name : "??");
	if (!f->file) {
		printf("??:0\n");
		return;
	}
	symtab_file(t, f->file, &dir, &dir_len, &base, &base_len);
	printf("%.*s%s%.*s:%" PRIu32 "\n", (int)dir_len, dir,
	       dir_len && dir[dir_len - 1] != '/' ? "/" : "", (int)base_len,
	       base, f->line);
}

static void answer(const struct job *j, struct symtab *t)
{
	struct symtab_cursor *c = NULL;
	struct buf scratch;

	buf_init(&scratch);
	must(symtab_cursor_create(t, &c), "cursor");
	for (size_t i = 0; i < j->count; i++) {
		const struct symtab_frame *frames;
		size_t count = 0;
		struct vaddr at;

		printf("0x%" PRIx64 "\n", j->addresses[i]);
		if (symtab_layout_convert(symtab_layout(t), &j->wanted.space,
					  j->addresses[i], &at) == ADDRESS_OK)
			must(symtab_find(c, at, true, &frames, &count), "find");
		if (!count)
			printf("??\n??:0\n");
		for (size_t k = 0; k < count; k++)
			print_frame(j, t, &frames[k], &scratch);
		printf("\n");
	}
	symtab_cursor_free(c);
	buf_deinit(&scratch);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(const struct job *j, struct symtab *t)
{
	struct symtab_cursor *c = NULL;
	size_t frames_seen = 0;
	double best = 1e9;

	qsort(j->addresses, j->count, sizeof(*j->addresses), by_value);
	must(symtab_cursor_create(t, &c), "cursor");
	for (unsigned long turn = 0; turn < j->turns; turn++) {
		double began = cpu_seconds(), took;

		frames_seen = 0;
		symtab_cursor_reset(c, t);
		for (size_t i = 0; i < j->count; i++) {
			const struct symtab_frame *frames;
			size_t count;

			must(symtab_find(c, (struct vaddr) { j->addresses[i] },
					 true, &frames, &count),
			     "find");
			frames_seen += count;
		}
		took = cpu_seconds() - began;
		if (took < best)
			best = took;
	}
	printf("ns_per_address=%.1f\nframes_per_address=%.2f\n",
	       best / (double)j->count * 1e9,
	       (double)frames_seen / (double)j->count);
	symtab_cursor_free(c);
}

static void add_dwo(struct job *j, const char *path)
{
	if (j->in.dwo_count == DWOS_MAX)
		errx(1, "too many .dwo");
	j->dwos[j->in.dwo_count++] =
		(struct symtab_build_dwo) { .fd = open_input(path) };
}

/* flat: a switch over the options */
static void read_options(struct job *j, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "a:b:cCd:i:k:n:o:p:rt:w:x:")) !=
	       -1) {
		switch (option) {
		case 'a':
			j->in.alt = open_input(optarg);
			break;
		case 'b':
			j->wanted.space.base = strtoull(optarg, NULL, 16);
			break;
		case 'c':
			j->cold = true;
			break;
		case 'C':
			j->demangle = true;
			break;
		case 'd':
			j->in.debuginfo = open_input(optarg);
			break;
		case 'i':
			j->table = optarg;
			break;
		case 'k':
			if (!address_kind_parse(optarg, strlen(optarg),
						&j->wanted.space.kind))
				errx(2, "no kind %s", optarg);
			break;
		case 'n':
			j->wanted.space.name = optarg;
			break;
		case 'o':
			j->out = optarg;
			break;
		case 'p':
			add_dwo(j, optarg);
			break;
		case 'r':
			j->wanted.space.return_addresses = true;
			break;
		case 't':
			j->turns = strtoul(optarg, NULL, 0);
			break;
		case 'w':
			add_dwo(j, optarg);
			break;
		case 'x':
			j->in.executable = open_input(optarg);
			break;
		default:
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct job *j = calloc(1, sizeof(*j));
	struct symtab *table;

	if (!j)
		err(1, "memory");
	j->in.debuginfo = j->in.executable = j->in.alt = -1;
	j->wanted.space.kind = ADDRESS_VADDR;
	read_options(j, argc, argv);
	if (!j->table && j->in.debuginfo < 0 && j->in.executable < 0)
		errx(2, "see the head of %s", __FILE__);
	read_addresses(j);
	table = make_table(j);
	if (j->turns)
		measure(j, table);
	else
		answer(j, table);
	symtab_put(table);
	free(j->addresses);
	free(j);
	return 0;
}
