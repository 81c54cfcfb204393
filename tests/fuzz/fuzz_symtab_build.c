/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table from a stranger's file, which is its own executable and alternate
 * file, too. Input: the file.
 *
 * Beyond what the sanitizers see: what comes out is a table that its reader
 * accepts, whole and of some addresses only; every function of it can be found;
 * errors are of the kinds that are promised.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "symtab/symtab_build.h"
#include "tests/fuzz/fuzz.h"

enum { STEPS = 64 };

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct error *err = fd < 0 ? NULL : file_write_all(fd, data, size);

	assert(fd >= 0 && !err);
	return fd;
}

/* Somewhere in each section and behind it. */
static void ask(struct symtab *t)
{
	const struct symtab_layout *l = symtab_layout(t);
	struct symtab_cursor *c;
	struct error *err = symtab_cursor_create(t, &c);

	assert(!err);
	for (size_t i = 0; i < l->section_count && i < STEPS; i++) {
		for (uint64_t step = 0; step <= 16; step++) {
			uint64_t at = l->sections[i].vaddr.v +
				      l->sections[i].size / 16 * step;
			const struct symtab_frame *frames;
			size_t count;

			err = symtab_find(c, (struct vaddr) { at }, true,
					  &frames, &count);
			assert(!err && count <= SYMTAB_FRAMES_MAX);
			for (size_t n = 0; n < count; n++)
				assert(symtab_name(t, frames[n].name, NULL));
		}
	}
	symtab_cursor_free(c);
}

static void build(int elf, const struct symtab_build_wanted *wanted,
		  bool is_tight)
{
	const struct symtab_build_dwo dwo = { .fd = elf };
	struct symtab_build_inputs in = { .debuginfo = elf,
					  .executable = elf,
					  .alt = elf,
					  .dwos = &dwo,
					  .dwo_count = 1 };
	struct symtab_build_report report = { 0 };
	int out = memory_file("", 0);
	struct symtab *t = NULL;
	struct error *err =
		symtab_build(&in, wanted, wanted ? 1 : 0, out, &report);

	assert(!err || error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_LIMIT ||
	       error_kind(err) == ERROR_UNSUPPORTED ||
	       error_kind(err) == ERROR_NO_MEMORY);
	if (!err && !is_tight) {
		err = symtab_open(out, NULL, &t);
		assert(!err);
		assert(symtab_is_whole(t) == !wanted);
		assert(symtab_quality(t) == report.quality);
		ask(t);
	}
	error_free(err);
	symtab_put(t);
	symtab_build_report_deinit(&report);
	close(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t addresses[] = { 0, 0x1004, 0x1000, 0x1018,
					      UINT64_MAX };
	const struct symtab_build_wanted wanted = {
		.space = { .kind = ADDRESS_VADDR },
		.addresses = addresses,
		.count = sizeof(addresses) / sizeof(*addresses),
	};
	int elf = memory_file(data, size);

	build(elf, NULL, false);
	build(elf, &wanted, false);
	// One allocation fails, which one depends on the file.
	if (size > 16) {
		mem_fail_at(1 + (data[9] | (data[10] & 1) << 8));
		build(elf, NULL, true);
		mem_fail_at(0);
	}
	close(elf);
	return 0;
}
