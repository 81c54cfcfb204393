/* SPDX-License-Identifier: Apache-2.0 */
/* Names that lie partly in an alternate file: kept in pieces, then joined. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "elf/dwarf_const.h"
#include "elf/source_pending.h"
#include "tests/lib/dwarf_fixture.h"
#include "tests/unit/unit.h"

#define ID     "00112233445566778899aabbccddeeff00112233"
#define ALT_ID "ffeeddccbbaa99887766554433221100ffeeddcc"

/* Strings of the alternate file; what each begins at follows. */
static const char strings[] = "first\0/src/one\0lib\0c.h\0unended";
enum { AT_BASE = 6, AT_DIR = 15, AT_NAME = 19, AT_UNENDED = 23 };

static const struct elf_extra alt_sections[] = {
	{ .name = ".debug_str", .data = strings, .size = sizeof(strings) - 1 },
};

static struct elf_spec alt_spec(void)
{
	return (struct elf_spec) { .build_id = ALT_ID,
				   .extras = alt_sections,
				   .extra_count = 1 };
}

/* Two units of version 4, or one of version 5, whose first has a comp_dir, or
 * all names, in the alternate file. */
static struct elf_spec waiting_spec(struct elf_unit units[2], unsigned version,
				    unsigned form, uint64_t offset)
{
	two_units(units, version);
	units[0].alt_offset = offset;
	if (version < 5)
		units[0].comp_dir_form = form;
	else
		units[0].table_form = form;
	return (struct elf_spec) { .build_id = ID,
				   .alt_name = "alt",
				   .alt_id = ALT_ID,
				   .units = units,
				   .unit_count = 2 };
}

static struct build_id id_of(const char *hex)
{
	struct build_id id;

	ck_assert(build_id_parse(hex, strlen(hex), &id));
	return id;
}

static struct alt_names names_of(const struct elf_facts *f)
{
	return (struct alt_names) {
		.pending = f->sources_pending.data,
		.pending_size = f->sources_pending.size,
		.known = (const char *)f->sources.data,
		.known_size = f->sources.size,
	};
}

/* Put the names together; the facts' list is afterwards the whole one. */
static struct error *complete(struct elf_facts *f, struct input *alt)
{
	CLEANUP_ALT_SOURCES struct alt_sources *a = NULL;
	CLEANUP_BUF struct buf sources = BUF_INIT;
	struct alt_names names = names_of(f);
	struct build_id id = id_of(ALT_ID);
	size_t count;

	TRY(alt_sources_create(&a));
	TRY(alt_sources_want(a, &names));
	TRY(alt_sources_read(a, alt, &id));
	TRY(alt_sources_join(a, &names, &sources, &count));
	struct buf old = f->sources;

	f->sources = sources;
	f->source_count = count;
	sources = old;
	return NULL;
}

static struct error *complete_with(struct elf_facts *f,
				   const struct elf_spec *alt)
{
	CLEANUP_IMAGE struct elf_image image = image_of(alt);
	struct input in = image_input(&image);

	return complete(f, &in);
}

START_TEST(a_comp_dir_in_the_alternate_file_is_waited_for)
{
	static const unsigned forms[] = { DW_FORM_GNU_strp_alt,
					  DW_FORM_strp_sup };

	for (unsigned version = 2; version <= 4; version++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_spec alt = alt_spec();
		struct elf_unit units[2];
		struct elf_spec spec = waiting_spec(
			units, version, forms[version % 2], AT_BASE);

		facts_of(&spec, &f);
		ck_problem(&f, NULL);
		ck_sources(&f, "/abs/x.h", "/src/two/b.c",
			   "/usr/include/stdio.h");
		ck_assert_uint_gt(f.sources_pending.size, 0);
		ck_no_error(complete_with(&f, &alt));
		ck_sources(&f, "/abs/x.h", "/src/one/a.c",
			   "/src/one/include/a.h", "/src/two/b.c",
			   "/usr/include/stdio.h");
	}
}
END_TEST

START_TEST(names_of_a_version_5_table_may_lie_there_too)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_spec alt = alt_spec();
	struct elf_unit units[2];
	struct elf_spec spec =
		waiting_spec(units, 5, DW_FORM_strp_sup, AT_NAME);

	facts_of(&spec, &f);
	ck_problem(&f, NULL);
	ck_sources(&f, "/src/two/b.c", "/usr/include/stdio.h");
	ck_no_error(complete_with(&f, &alt));
	/* Each directory and each name is that one string. */
	ck_sources(&f, "/src/two/b.c", "/usr/include/stdio.h", "c.h/c.h",
		   "c.h/c.h/c.h");
}
END_TEST

START_TEST(what_needs_nothing_of_the_alternate_file_does_not_wait)
{
	static const struct elf_unit_file files[] = {
		{ "/abs/a.c", 0 }, { "b.h", 1 }, { "<built-in>", 0 }, { NULL }
	};
	struct elf_unit unit = {
		.version = 4,
		.comp_dir = "/src",
		.comp_dir_form = DW_FORM_GNU_strp_alt,
		.dirs = DIRS("/usr/include"),
		.files = files,
	};
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };

	facts_of(&(struct elf_spec) { .build_id = ID,
				      .alt_name = "alt",
				      .alt_id = ALT_ID,
				      .units = &unit,
				      .unit_count = 1 },
		 &f);
	ck_problem(&f, NULL);
	ck_sources(&f, "/abs/a.c", "/usr/include/b.h");
	ck_assert_uint_eq(f.sources_pending.size, 0);
}
END_TEST

START_TEST(a_link_to_itself_is_no_alternate_file)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit units[2];
	struct elf_spec spec =
		waiting_spec(units, 4, DW_FORM_GNU_strp_alt, AT_BASE);

	spec.alt_id = ID;
	facts_of(&spec, &f);
	ck_problem(&f, "a name lies in the alternate file, and there is none");
	ck_assert_uint_eq(f.sources_pending.size, 0);
}
END_TEST

START_TEST(an_alternate_file_with_a_link_of_its_own_is_read_and_not_followed)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_spec alt = alt_spec();
	struct elf_unit units[2];
	struct elf_spec spec =
		waiting_spec(units, 4, DW_FORM_GNU_strp_alt, AT_BASE);

	alt.alt_name = "back";
	alt.alt_id = ID;
	facts_of(&spec, &f);
	ck_no_error(complete_with(&f, &alt));
	ck_assert_uint_eq(f.source_count, 5);
}
END_TEST

START_TEST(compressed_strings_are_inflated)
{
	for (enum elf_packing p = ELF_PACK_ZLIB; p <= ELF_PACK_ZDEBUG; p++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_unit units[2];
		struct elf_spec spec =
			waiting_spec(units, 4, DW_FORM_GNU_strp_alt, 0);
		/* Its first string is its only comp_dir. */
		struct elf_unit of_alt = { .version = 4,
					   .comp_dir = "/src/alt" };
		struct elf_spec alt = { .build_id = ALT_ID,
					.units = &of_alt,
					.unit_count = 1,
					.packing = p };

		facts_of(&spec, &f);
		ck_no_error(complete_with(&f, &alt));
		ck_sources(&f, "/abs/x.h", "/src/alt/a.c",
			   "/src/alt/include/a.h", "/src/two/b.c",
			   "/usr/include/stdio.h");
	}
}
END_TEST

START_TEST(strings_that_are_not_there_leave_names_relative)
{
	static const uint64_t offsets[] = { AT_UNENDED, sizeof(strings) - 1,
					    0xffffffff };

	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
		struct elf_spec alt = alt_spec();
		struct elf_unit units[2];
		struct elf_spec spec = waiting_spec(
			units, 4, DW_FORM_GNU_strp_alt, offsets[i]);

		facts_of(&spec, &f);
		ck_no_error(complete_with(&f, &alt));
		ck_sources(&f, "/abs/x.h", "/src/two/b.c",
			   "/usr/include/stdio.h", "a.c", "include/a.h");
	}
}
END_TEST

START_TEST(an_offset_of_64_bits_is_no_place)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit units[2];
	struct elf_spec spec =
		waiting_spec(units, 4, DW_FORM_GNU_strp_alt, UINT64_MAX);

	units[0].is_64 = true;
	facts_of(&spec, &f);
	ck_assert_uint_eq(f.sources_pending.size, 0);
	ck_sources(&f, "/abs/x.h", "/src/two/b.c", "/usr/include/stdio.h",
		   "a.c", "include/a.h");
}
END_TEST

START_TEST(one_reading_serves_all_who_wait)
{
	CLEANUP_ALT_SOURCES struct alt_sources *a = NULL;
	struct elf_spec alt = alt_spec();
	CLEANUP_IMAGE struct elf_image image = image_of(&alt);
	struct input in = image_input(&image);
	struct build_id id = id_of(ALT_ID);
	static const struct {
		uint64_t offset;
		const char *first;
	} who[] = { { AT_BASE, "/src/one/a.c" },
		    { AT_DIR, "lib/a.c" },
		    { 0, "first/a.c" } };
	struct elf_facts facts[3] = { { .elf_class = 0 } };

	ck_no_error(alt_sources_create(&a));
	for (size_t i = 0; i < 3; i++) {
		struct elf_unit unit = {
			.version = 4,
			.comp_dir = "/",
			.comp_dir_form = DW_FORM_GNU_strp_alt,
			.alt_offset = who[i].offset,
			.files = FILES({ "a.c", 0 }),
		};

		facts_of(&(struct elf_spec) { .build_id = ID,
					      .alt_name = "alt",
					      .alt_id = ALT_ID,
					      .units = &unit,
					      .unit_count = 1 },
			 &facts[i]);
		ck_assert_uint_eq(facts[i].source_count, 0);
		struct alt_names names = names_of(&facts[i]);

		ck_no_error(alt_sources_want(a, &names));
	}
	ck_no_error(alt_sources_read(a, &in, &id));
	for (size_t i = 0; i < 3; i++) {
		CLEANUP_BUF struct buf sources = BUF_INIT;
		struct alt_names names = names_of(&facts[i]);
		size_t count;

		ck_no_error(alt_sources_join(a, &names, &sources, &count));
		ck_assert_uint_eq(count, 1);
		ck_assert_str_eq((char *)sources.data, who[i].first);
		elf_facts_deinit(&facts[i]);
	}
}
END_TEST

START_TEST(a_name_that_was_known_is_there_once)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_spec alt = alt_spec();
	struct elf_unit units[2];
	struct elf_spec spec =
		waiting_spec(units, 4, DW_FORM_GNU_strp_alt, AT_BASE);

	units[1].comp_dir = "/src/one";
	units[1].files = FILES({ "a.c", 0 }, { "z.c", 0 });
	facts_of(&spec, &f);
	ck_no_error(complete_with(&f, &alt));
	ck_sources(&f, "/abs/x.h", "/src/one/a.c", "/src/one/include/a.h",
		   "/src/one/z.c", "/usr/include/stdio.h");
}
END_TEST

START_TEST(a_file_that_is_not_the_alternate_one_is_refused)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_spec other = alt_spec(), bare = { .build_id = ALT_ID };
	struct input text = input_from_memory("not an ELF file at all", 22);
	struct elf_unit units[2];
	struct elf_spec spec =
		waiting_spec(units, 4, DW_FORM_GNU_strp_alt, AT_BASE);

	facts_of(&spec, &f);
	other.build_id = ID;
	ck_error(complete_with(&f, &other), BAD_DATA, "another build ID");
	ck_error(complete_with(&f, &bare), BAD_DATA, "no .debug_str");
	ck_error(complete(&f, &text), BAD_DATA, "");
}
END_TEST

START_TEST(what_the_input_cannot_give_is_its_error)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_spec alt = alt_spec();
	CLEANUP_IMAGE struct elf_image image = image_of(&alt);
	struct elf_unit units[2];
	struct elf_spec spec =
		waiting_spec(units, 4, DW_FORM_GNU_strp_alt, AT_BASE);
	size_t failed = 0;

	facts_of(&spec, &f);
	for (size_t n = 1;; n++) {
		struct watched_input w;

		watch_image(&w, &image);
		w.fail_at = n;
		struct error *err = complete(&f, &w.in);

		if (!err)
			break;
		ck_error(err, IO, "it is gone");
		failed++;
	}
	ck_assert_uint_gt(failed, 0);
}
END_TEST

START_TEST(broken_pieces_are_errors_and_not_crashes)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct elf_unit units[2];
	struct elf_spec spec =
		waiting_spec(units, 4, DW_FORM_GNU_strp_alt, AT_BASE);

	facts_of(&spec, &f);
	for (size_t size = 1; size < f.sources_pending.size; size++) {
		CLEANUP_ALT_SOURCES struct alt_sources *a = NULL;
		uint8_t *cut = mem_dup(f.sources_pending.data, size);
		struct alt_names names = { .pending = cut,
					   .pending_size = size };

		ck_no_error(alt_sources_create(&a));
		error_free(alt_sources_want(a, &names));
		cut[size - 1] ^= 0xff;
		error_free(alt_sources_want(a, &names));
		mem_free(cut);
	}
	CLEANUP_ALT_SOURCES struct alt_sources *a = NULL;
	CLEANUP_BUF struct buf sources = BUF_INIT;
	struct alt_names kind = { .pending = (const uint8_t *)"\4",
				  .pending_size = 1 };
	struct alt_names early = { .pending = (const uint8_t *)"\3\0\0",
				   .pending_size = 3 };
	struct alt_names list = { .known = "/no/end", .known_size = 7 };
	size_t count;

	ck_no_error(alt_sources_create(&a));
	ck_error(alt_sources_want(a, &kind), BAD_DATA, "broken pieces");
	ck_error(alt_sources_want(a, &early), BAD_DATA, "end early");
	ck_error(alt_sources_join(a, &list, &sources, &count), BAD_DATA,
		 "broken list");
}
END_TEST

static struct error *facts_and_all(const struct elf_image *image,
				   const struct elf_image *alt,
				   size_t *count_ret)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct input in = image_input(image), alt_in = image_input(alt);

	TRY(elf_facts_read(&in, true, &f));
	TRY(complete(&f, &alt_in));
	*count_ret = f.source_count;
	return NULL;
}

START_TEST(no_memory_is_an_error_wherever_it_is)
{
	struct elf_unit units[2];
	struct elf_spec alt_is = alt_spec();
	struct elf_spec spec =
		waiting_spec(units, 4, DW_FORM_GNU_strp_alt, AT_BASE);
	CLEANUP_IMAGE struct elf_image image = image_of(&spec);
	CLEANUP_IMAGE struct elf_image alt = image_of(&alt_is);
	size_t count = 0, failed = 0;

	for (size_t n = 1;; n++) {
		mem_fail_at(n);
		struct error *err = facts_and_all(&image, &alt, &count);

		mem_fail_at(0);
		if (!err)
			break;
		ck_error(err, NO_MEMORY, "");
		failed++;
	}
	ck_assert_uint_gt(failed, 20);
	ck_assert_uint_eq(count, 5);
}
END_TEST

UNIT_MAIN("source_pending", a_comp_dir_in_the_alternate_file_is_waited_for,
	  names_of_a_version_5_table_may_lie_there_too,
	  what_needs_nothing_of_the_alternate_file_does_not_wait,
	  a_link_to_itself_is_no_alternate_file,
	  an_alternate_file_with_a_link_of_its_own_is_read_and_not_followed,
	  compressed_strings_are_inflated,
	  strings_that_are_not_there_leave_names_relative,
	  an_offset_of_64_bits_is_no_place, one_reading_serves_all_who_wait,
	  a_name_that_was_known_is_there_once,
	  a_file_that_is_not_the_alternate_one_is_refused,
	  what_the_input_cannot_give_is_its_error,
	  broken_pieces_are_errors_and_not_crashes,
	  no_memory_is_an_error_wherever_it_is)
