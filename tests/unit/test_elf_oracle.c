/* SPDX-License-Identifier: Apache-2.0 */
/* The same answers as elfutils, on files made here and on this program. */
#include "config.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf/dwarf_const.h"
#include "tests/lib/dw_oracle.h"
#include "tests/lib/elf_fixture.h"

static void ck_same(int fd)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct oracle_names theirs = { 0 };
	struct oracle_names ours = { 0 };
	struct build_id id = { 0 };
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(fstat(fd, &st), 0);
	struct input in = input_from_fd(fd, 0, (uint64_t)st.st_size);

	ck_no_error(elf_facts_read(&in, true, &f));
	ck_problem(&f, NULL);
	oracle_facts(path, fd, f.type == ET_REL, &id, &theirs);
	oracle_our_names(&f, &ours);
	ck_assert(build_id_equal(&f.gnu_id, &id));
	ck_assert_uint_gt(ours.count, 0);
	for (size_t i = 0; i < ours.count && i < theirs.count; i++)
		ck_assert_str_eq(ours.list[i], theirs.list[i]);
	ck_assert_uint_eq(ours.count, theirs.count);
	oracle_names_deinit(&ours);
	oracle_names_deinit(&theirs);
}

static void ck_spec(const struct elf_spec *spec)
{
	CLEANUP_IMAGE struct elf_image image = image_of(spec);
	char path[] = "test_elf_oracle.XXXXXX";
	CLEANUP_CLOSE int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	ck_assert_int_eq(write(fd, image.data, image.size),
			 (ssize_t)image.size);
	ck_same(fd);
}

START_TEST(this_program_has_the_sources_that_libdw_says)
{
	CLEANUP_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_same(fd);
}
END_TEST

START_TEST(written_files_have_the_sources_that_libdw_says)
{
	static const struct elf_unit_file files[] = {
		{ "a.c", 0 },      { "a.h", 1 }, { "stdio.h", 2 },
		{ "/abs/x.h", 1 }, { NULL },
	};
	const char *const dirs[] = { "include", "/usr/include", NULL };

	for (unsigned i = 0; i < 4 * 2 * 2 * 2 * 3; i++) {
		struct elf_unit units[2] = {
			{ .version = 2 + (i & 3),
			  .is_64 = i & 4,
			  .comp_dir = "/src/one",
			  .dirs = dirs,
			  .files = files,
			  .has_md5 = true },
			{ .version = 5,
			  .comp_dir = "/src/two",
			  .dirs = dirs,
			  .files = files },
		};

		ck_spec(&(struct elf_spec) {
			.build_id = "0123456789abcdef",
			.has_other_note = true,
			.big_endian = i & 8,
			.machine = i & 8 ? EM_PPC64 : EM_X86_64,
			.type = i & 16 ? ET_REL : ET_DYN,
			.packing = i / 32 == 1   ? ELF_PACK_ZLIB
				   : i / 32 == 2 ? ELF_PACK_ZDEBUG
						 : ELF_PACK_NONE,
			.text_size = 100,
			.units = units,
			.unit_count = 2,
		});
	}
}
END_TEST

UNIT_MAIN("elf_oracle", this_program_has_the_sources_that_libdw_says,
	  written_files_have_the_sources_that_libdw_says)
