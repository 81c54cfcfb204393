/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the tests of src/elf share: files made by elf_writer in memory of
 * exactly their size, inputs that count and fail, and lists of sources.
 */
#ifndef TESTS_LIB_ELF_FIXTURE_H
#define TESTS_LIB_ELF_FIXTURE_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/input.h"
#include "base/mem.h"
#include "elf/elf_facts.h"
#include "tests/lib/elf_writer.h"
#include "tests/unit/unit.h"

#define FIXTURE_FN __attribute__((unused)) static

/** A file, in memory where a sanitizer sees a read past its end. */
struct elf_image {
	uint8_t *data;
	size_t size;
};

FIXTURE_FN struct elf_image image_of(const struct elf_spec *spec)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	struct elf_image image;

	elf_write(spec, &b);
	image = (struct elf_image) { malloc(b.size), b.size };
	ck_assert_ptr_nonnull(image.data);
	memcpy(image.data, b.data, b.size);
	return image;
}

FIXTURE_FN void image_deinit(struct elf_image *image)
{
	free(image->data);
}
#define CLEANUP_IMAGE CLEANUP(image_deinit)

FIXTURE_FN struct input image_input(const struct elf_image *image)
{
	return input_from_memory(image->data, image->size);
}

/** Read the facts of what the spec describes; they must be readable. */
FIXTURE_FN void facts_of(const struct elf_spec *spec, struct elf_facts *ret)
{
	CLEANUP_IMAGE struct elf_image image = image_of(spec);
	struct input in = image_input(&image);

	ck_no_error(elf_facts_read(&in, true, ret));
}

/** The error of a file that cannot be read. */
FIXTURE_FN struct error *error_of(const struct elf_spec *spec)
{
	CLEANUP_IMAGE struct elf_image image = image_of(spec);
	struct input in = image_input(&image);
	CLEANUP_ELF_FACTS struct elf_facts facts = { 0 };

	return elf_facts_read(&in, true, &facts);
}

/** Tables that lie over each other: each is the whole of a file of 4 MiB. */
enum { OVERLAPS = 100 };
struct overlaps {
	char names[OVERLAPS][16];
	struct elf_extra extras[OVERLAPS + 8];
	struct elf_lie lies[4 * OVERLAPS + 8]; /* those set, then {0} */
	size_t lie_count;
};

FIXTURE_FN struct elf_lie *overlap_lie(struct overlaps *o, const char *section,
				       enum elf_field field, uint64_t value)
{
	struct elf_lie *lie = &o->lies[o->lie_count++];

	*lie = (struct elf_lie) { .field = field,
				  .section = section,
				  .value = value };
	return lie;
}

/** Fills the last OVERLAPS and one behind them; those in front are the
 * caller's. @param[in] first How many these are. */
FIXTURE_FN void overlaps_init(struct overlaps *o, size_t first, uint32_t type,
			      uint64_t flags)
{
	*o = (struct overlaps) { 0 };
	for (size_t i = 0; i < OVERLAPS; i++) {
		char *name = o->names[i];

		snprintf(name, sizeof(*o->names), ".rela.%zu", i);
		o->extras[first + i] = (struct elf_extra) { .name = name,
							    .type = type,
							    .flags = flags };
		overlap_lie(o, name, ELF_SH_OFFSET, 0);
		overlap_lie(o, name, ELF_SH_SIZE, 4 << 20);
	}
	o->extras[first + OVERLAPS] =
		(struct elf_extra) { .name = ".room", .size = 4 << 20 };
}

/** An input that counts what is read through it, and may fail. */
struct watched_input {
	struct input in;
	struct input inner;
	size_t reads;
	uint64_t bytes;
	enum error_kind fail_with; /* 0 is ERROR_NO_MEMORY: not to be used */
	size_t fail_at;            /* the n-th read fails; 0: none */
};

FIXTURE_FN struct error *watched_read(struct input *in, uint64_t offset,
				      void *buf, size_t size, size_t *size_ret)
{
	struct watched_input *w = in->ctx;

	if (++w->reads == w->fail_at)
		return error_from_wire(w->fail_with, "it is gone");
	TRY(w->inner.read(&w->inner, offset, buf, size, size_ret));
	w->bytes += *size_ret;
	return NULL;
}

FIXTURE_FN void watch_image(struct watched_input *w,
			    const struct elf_image *image)
{
	*w = (struct watched_input) { .inner = image_input(image),
				      .fail_with = ERROR_IO };
	w->in = (struct input) { .read = watched_read,
				 .size = image->size,
				 .ctx = w };
}

/** Expect exactly these sources: names, NULL behind the last. */
#define ck_sources(facts, ...) ck_sources_at(__LINE__, facts, __VA_ARGS__, NULL)

FIXTURE_FN void ck_sources_at(int line, const struct elf_facts *f, ...)
{
	const char *at = (const char *)f->sources.data;
	const char *want;
	size_t count = 0;
	va_list args;

	va_start(args, f);
	while ((want = va_arg(args, const char *))) {
		ck_assert_msg(count < f->source_count,
			      "line %d: no source number %zu, %s wanted", line,
			      count, want);
		ck_assert_msg(strcmp(at, want) == 0,
			      "line %d: source %zu is %s, %s wanted", line,
			      count, at, want);
		at += strlen(at) + 1;
		count++;
	}
	va_end(args);
	ck_assert_msg(count == f->source_count,
		      "line %d: %zu sources, %zu wanted", line, f->source_count,
		      count);
	ck_assert_uint_eq((size_t)(at - (const char *)f->sources.data),
			  f->sources.size);
}

/** Expect a problem that says @p text; NULL: none. */
#define ck_problem(facts, text)                                            \
	do {                                                               \
		const char *problem_ = (facts)->sources_problem;           \
		const char *text_ = (text);                                \
		ck_assert_msg(!text_ == !problem_ &&                       \
				      (!text_ || strstr(problem_, text_)), \
			      "problem: %s, wanted: %s",                   \
			      problem_ ? problem_ : "none",                \
			      text_ ? text_ : "none");                     \
	} while (0)

#endif
