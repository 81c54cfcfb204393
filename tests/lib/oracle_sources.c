/* SPDX-License-Identifier: Apache-2.0 */
/* Compare what src/elf says of ELF files with what elfutils says.
 *
 *	oracle_sources [-q] [-t] FILE...
 *
 * Differences go to standard output, one line each: FILE, then "id",
 * "only-ours" or "only-theirs", then the value; -q leaves out single names and
 * gives their numbers. -t measures us alone and compares nothing. Directories
 * are walked.
 * How elfutils is asked: dw_oracle.h. */
#include "config.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "elf/elf_facts.h"
#include "tests/lib/dw_oracle.h"

struct totals {
	size_t files;
	size_t same;
	size_t names;
	size_t only_ours;
	size_t only_theirs;
	size_t ids;
	size_t problems;
	size_t errors;
	uint64_t bytes;
};

static struct totals totals;
static bool quiet;
static bool only_time;

static void say(const char *path, const char *what, const char *value)
{
	printf("%s\t%s\t%s\n", path, what, value);
}

static void compare_sources(const char *path, const struct oracle_names *ours,
			    const struct oracle_names *theirs)
{
	size_t i = 0, k = 0, only_ours = 0, only_theirs = 0;

	while (i < ours->count || k < theirs->count) {
		int c = i == ours->count ? 1
			: k == theirs->count
				? -1
				: strcmp(ours->list[i], theirs->list[k]);

		if (c && !quiet)
			say(path, c < 0 ? "only-ours" : "only-theirs",
			    c < 0 ? ours->list[i] : theirs->list[k]);
		only_ours += c < 0;
		only_theirs += c > 0;
		i += c <= 0;
		k += c >= 0;
	}
	if (quiet && (only_ours || only_theirs))
		printf("%s\tnames\t%zu ours, %zu theirs of %zu\n", path,
		       only_ours, only_theirs, theirs->count);
	totals.only_ours += only_ours;
	totals.only_theirs += only_theirs;
	totals.names += theirs->count;
	totals.same += !only_ours && !only_theirs;
}

static void compare_file(const char *path, int fd, const struct elf_facts *f)
{
	struct build_id id = { 0 };
	struct oracle_names theirs = { 0 };
	struct oracle_names ours = { 0 };
	char our_hex[BUILD_ID_HEX_MAX], their_hex[BUILD_ID_HEX_MAX];

	oracle_facts(path, fd, f->type == ET_REL, &id, &theirs);
	oracle_our_names(f, &ours);
	if (!build_id_equal(&id, &f->gnu_id)) {
		totals.ids++;
		printf("%s\tid\tours %s, theirs %s\n", path,
		       build_id_hex(&f->gnu_id, our_hex),
		       build_id_hex(&id, their_hex));
	}
	compare_sources(path, &ours, &theirs);
	oracle_names_deinit(&ours);
	oracle_names_deinit(&theirs);
}

static int look_at(const char *path, const struct stat *st, int kind,
		   struct FTW *ftw)
{
	char head[4];

	(void)ftw;
	if (kind != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, head, 4, 0) != 4 || !elf_is_elf(head, 4))
		return 0;
	struct input in = input_from_fd(fd, 0, (uint64_t)st->st_size);
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	CLEANUP_ERROR struct error *err = elf_facts_read(&in, true, &f);

	totals.files++;
	totals.bytes += (uint64_t)st->st_size;
	if (err) {
		totals.errors++;
		say(path, "error", error_message(err));
		return 0;
	}
	if (f.sources_problem) {
		totals.problems++;
		say(path, "problem", f.sources_problem);
	}
	if (!only_time)
		compare_file(path, fd, &f);
	else
		totals.names += f.source_count;
	return 0;
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "qt")) != -1) {
		quiet |= option == 'q';
		only_time |= option == 't';
	}
	clock_t start = clock();

	for (int i = optind; i < argc; i++) {
		if (nftw(argv[i], look_at, 64, FTW_PHYS) != 0)
			fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
	}
	fprintf(stderr,
		"%zu files, %.1f MB, %zu names; %.3f s CPU; %zu errors, "
		"%zu with problems\n",
		totals.files, (double)totals.bytes / 1e6, totals.names,
		(double)(clock() - start) / CLOCKS_PER_SEC, totals.errors,
		totals.problems);
	if (!only_time)
		fprintf(stderr,
			"%zu the same; %zu IDs differ; %zu names only ours, "
			"%zu only theirs\n",
			totals.same, totals.ids, totals.only_ours,
			totals.only_theirs);
	return 0;
}
