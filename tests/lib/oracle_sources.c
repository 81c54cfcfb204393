/* SPDX-License-Identifier: Apache-2.0 */
/* Compare what src/elf says of ELF files with what elfutils says.
 *
 *	oracle_sources [-q] [-t] FILE...
 *
 * Differences go to standard output, one line each: FILE, then "id",
 * "only-ours" or "only-theirs", then the value; -q leaves out single names and
 * gives their numbers. -t measures us alone and compares nothing. Directories
 * are walked.
 *
 * elfutils: the build ID by dwelf_elf_gnu_build_id(), the sources by
 * dwarf_getsrcfiles() of each unit, names that it leaves relative joined to
 * comp_dir. Relocatable files are relocated by libdwfl first. */
#include "config.h"

#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "elf/dwarf_const.h"
#include "elf/elf_facts.h"

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

struct names {
	char **list;
	size_t count;
	size_t capacity;
};

static void add_name(struct names *n, char *name)
{
	if (!name ||
	    !mem_grow(&n->list, &n->capacity, n->count + 1, sizeof(*n->list)))
		abort();
	n->list[n->count++] = name;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(struct names *n)
{
	size_t kept = 0;

	if (n->count)
		qsort(n->list, n->count, sizeof(*n->list), compare_names);
	for (size_t i = 0; i < n->count; i++) {
		if (kept && strcmp(n->list[kept - 1], n->list[i]) == 0)
			free(n->list[i]);
		else
			n->list[kept++] = n->list[i];
	}
	n->count = kept;
}

static void free_names(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
}

/* As libdw joins: it gives the name behind its directory, which version 2 to 4
 * leave relative to comp_dir, and version 5 joins to directory 0 already. */
static void add_joined(struct names *n, const char *name, const char *comp_dir)
{
	size_t len = strlen(name);

	if (len == 0 || strcmp(name, "???") == 0 ||
	    (name[0] == '<' && name[len - 1] == '>'))
		return;
	if (name[0] == '/' || !comp_dir || !*comp_dir ||
	    (strncmp(name, comp_dir, strlen(comp_dir)) == 0 &&
	     name[strlen(comp_dir)] == '/'))
		add_name(n, mem_strdup(name));
	else
		add_name(n, mem_printf("%s/%s", comp_dir, name));
}

static void add_unit(struct names *n, Dwarf_Die *die)
{
	Dwarf_Files *files;
	const char *const *dirs = NULL;
	Dwarf_Attribute attr;
	size_t count, dir_count = 0;

	if (dwarf_getsrcfiles(die, &files, &count) != 0)
		return;
	const char *comp_dir =
		dwarf_formstring(dwarf_attr(die, DW_AT_comp_dir, &attr));

	if (dwarf_getsrcdirs(files, &dirs, &dir_count) == 0 && dir_count &&
	    dirs[0])
		comp_dir = dirs[0];
	for (size_t i = 0; i < count; i++) {
		const char *name = dwarf_filesrc(files, i, NULL, NULL);

		if (name)
			add_joined(n, name, comp_dir);
	}
}

static void add_dwarf(struct names *n, Dwarf *dw)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, sub;

	while (dwarf_get_units(dw, cu, &cu, NULL, NULL, &die, &sub) == 0)
		add_unit(n, &die);
}

static int no_elf(Dwfl_Module *mod, void **data, const char *name,
		  Dwarf_Addr base, char **file, Elf **elf)
{
	(void)mod, (void)data, (void)name, (void)base, (void)file, (void)elf;
	return -1;
}

static int no_debuginfo(Dwfl_Module *mod, void **data, const char *name,
			Dwarf_Addr base, const char *file, const char *link,
			GElf_Word crc, char **ret)
{
	(void)mod, (void)data, (void)name, (void)base, (void)file;
	(void)link, (void)crc, (void)ret;
	return -1;
}

/* Through libdwfl, which relocates. */
static bool their_relocated(const char *path, struct names *n)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = no_elf,
		.find_debuginfo = no_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	Dwarf_Addr bias;

	dwfl_report_begin(dwfl);
	Dwfl_Module *mod = dwfl_report_offline(dwfl, path, path, -1);

	dwfl_report_end(dwfl, NULL, NULL);
	Dwarf *dw = mod ? dwfl_module_getdwarf(mod, &bias) : NULL;

	if (dw)
		add_dwarf(n, dw);
	dwfl_end(dwfl);
	return dw != NULL;
}

static void their_facts(const char *path, int fd, bool relocate,
			struct build_id *id, struct names *n)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	const void *bits;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &bits);

	if (len > 0)
		build_id_set(id, bits, (size_t)len);
	if (relocate) {
		their_relocated(path, n);
	} else {
		Dwarf *dw = dwarf_begin_elf(elf, DWARF_C_READ, NULL);

		if (dw) {
			add_dwarf(n, dw);
			dwarf_end(dw);
		}
	}
	elf_end(elf);
	sort_names(n);
}

static void say(const char *path, const char *what, const char *value)
{
	printf("%s\t%s\t%s\n", path, what, value);
}

static void compare_sources(const char *path, const struct elf_facts *f,
			    const struct names *n)
{
	const char *ours = (const char *)f->sources.data;
	size_t i = 0, k = 0, only_ours = 0, only_theirs = 0;

	while (i < f->source_count || k < n->count) {
		int c = i == f->source_count ? 1
			: k == n->count      ? -1
					     : strcmp(ours, n->list[k]);

		if (c < 0) {
			only_ours++;
			if (!quiet)
				say(path, "only-ours", ours);
		} else if (c > 0) {
			only_theirs++;
			if (!quiet)
				say(path, "only-theirs", n->list[k]);
		}
		if (c <= 0) {
			i++;
			ours += strlen(ours) + 1;
		}
		if (c >= 0)
			k++;
	}
	if (quiet && (only_ours || only_theirs))
		printf("%s\tnames\t%zu ours, %zu theirs of %zu\n", path,
		       only_ours, only_theirs, n->count);
	totals.only_ours += only_ours;
	totals.only_theirs += only_theirs;
	totals.names += n->count;
	totals.same += !only_ours && !only_theirs;
}

static void compare_file(const char *path, int fd, const struct elf_facts *f)
{
	char ours[BUILD_ID_HEX_MAX], theirs[BUILD_ID_HEX_MAX];
	struct build_id id = { 0 };
	struct names n = { 0 };

	their_facts(path, fd, f->type == 1, &id, &n);
	if (!build_id_equal(&id, &f->gnu_id)) {
		totals.ids++;
		printf("%s\tid\tours %s, theirs %s\n", path,
		       build_id_hex(&f->gnu_id, ours),
		       build_id_hex(&id, theirs));
	}
	compare_sources(path, f, &n);
	free_names(&n);
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
	elf_version(EV_CURRENT);
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
