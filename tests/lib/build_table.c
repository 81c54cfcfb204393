/* SPDX-License-Identifier: Apache-2.0 */
/* build_table [-e EXECUTABLE] [-a ALT] [-w DWO]... [-v ADDRESS]... FILE OUT
 *
 * Build the table of a debug file (or executable) from the command line, to
 * look at with llvm-gsymutil. With -v only what holds these addresses. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/input.h"
#include "elf/elf_file.h"
#include "elf/elf_note.h"
#include "symtab/symtab_build.h"

enum { LIST_MAX = 1000 };

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void die(struct error *err)
{
	fprintf(stderr, "build_table: %s\n", error_message(err));
	error_free(err);
	exit(1);
}

static struct error *read_id(int fd, struct build_id *ret)
{
	CLEANUP_ELF_FILE struct elf_file f = { 0 };
	struct input in =
		input_from_fd(fd, 0, (uint64_t)lseek(fd, 0, SEEK_END));
	char *go_id = NULL;

	TRY(elf_file_open(&in, &f));
	TRY(elf_file_ids(&f, ret, &go_id));
	free(go_id);
	return NULL;
}

int main(int argc, char **argv)
{
	struct symtab_build_dwo dwos[LIST_MAX];
	uint64_t addresses[LIST_MAX];
	struct symtab_build_inputs in = {
		.debuginfo = -1, .executable = -1, .alt = -1, .dwos = dwos
	};
	struct symtab_build_wanted wanted = {
		.space = { .kind = ADDRESS_VADDR },
		.addresses = addresses,
	};
	CLEANUP_SYMTAB_BUILD_REPORT struct symtab_build_report report = { 0 };
	struct error *err;
	int opt;

	while ((opt = getopt(argc, argv, "e:a:w:v:")) != -1) {
		if (opt == 'e') {
			in.executable = open_or_die(optarg, O_RDONLY);
		} else if (opt == 'a') {
			in.alt = open_or_die(optarg, O_RDONLY);
		} else if (opt == 'w' && in.dwo_count < LIST_MAX) {
			dwos[in.dwo_count] = (struct symtab_build_dwo) { 0 };
			dwos[in.dwo_count++].fd = open_or_die(optarg, O_RDONLY);
		} else if (opt == 'v' && wanted.count < LIST_MAX) {
			addresses[wanted.count++] = strtoull(optarg, NULL, 0);
		} else {
			return 2;
		}
	}
	if (argc - optind != 2)
		return 2;
	in.debuginfo = open_or_die(argv[optind], O_RDONLY);
	err = read_id(in.debuginfo, &in.id);
	if (err)
		die(err);
	err = symtab_build(
		&in, wanted.count ? &wanted : NULL, 1,
		open_or_die(argv[optind + 1], O_RDWR | O_CREAT | O_TRUNC),
		&report);
	if (err)
		die(err);
	printf("%s: %llu functions, %llu units%s%s\n",
	       symtab_quality_name(report.quality),
	       (unsigned long long)report.functions,
	       (unsigned long long)report.units, report.problem[0] ? "; " : "",
	       report.problem);
	for (size_t i = 0; i < report.missing_dwos.size;) {
		const char *dir = (const char *)report.missing_dwos.data + i;
		const char *name = dir + strlen(dir) + 1;

		printf("missing: %s %s\n", dir, name);
		i += strlen(dir) + strlen(name) + 2;
	}
	return 0;
}
