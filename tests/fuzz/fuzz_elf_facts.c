/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/elf with a stranger's file: all facts and sources, those also that wait
 * for an alternate file, and a section by name. Input: the file.
 *
 * Beyond what the sanitizers see: sources come sorted, each once, none empty;
 * what a section's range says lies within the file; errors are of the kinds
 * that are promised.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "elf/elf_facts.h"
#include "elf/elf_limits.h"
#include "elf/source_pending.h"
#include "tests/fuzz/fuzz.h"

static void check_sources(const struct buf *sources, size_t count)
{
	const char *at = (const char *)sources->data;
	const char *before = "";

	for (size_t i = 0; i < count; i++) {
		assert(strcmp(before, at) < 0);
		before = at;
		at += strlen(at) + 1;
	}
	assert((size_t)(at - (const char *)sources->data) == sources->size);
}

static struct error *complete(const struct alt_names *names, struct input *alt,
			      const struct build_id *id, struct buf *sources,
			      size_t *count)
{
	CLEANUP_ALT_SOURCES struct alt_sources *a = NULL;

	TRY(alt_sources_create(&a));
	TRY(alt_sources_want(a, names));
	TRY(alt_sources_read(a, alt, id));
	return alt_sources_join(a, names, sources, count);
}

/* The file is its own alternate one, though it says otherwise. */
static void complete_names(const struct elf_facts *f, struct input in)
{
	CLEANUP_BUF struct buf sources = BUF_INIT;
	struct alt_names names = {
		.pending = f->sources_pending.data,
		.pending_size = f->sources_pending.size,
		.known = (const char *)f->sources.data,
		.known_size = f->sources.size,
	};
	size_t count = 0;
	struct error *err = complete(&names, &in, &f->gnu_id, &sources, &count);

	assert(!err || error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_NO_MEMORY);
	if (!err) {
		assert(count >= f->source_count);
		check_sources(&sources, count);
	}
	error_free(err);
}

static void check_facts(const struct elf_facts *f, size_t size)
{
	assert(f->gnu_id.len == 0 || f->gnu_id.len >= BUILD_ID_MIN);
	assert(f->gnu_id.len <= BUILD_ID_MAX);
	assert(f->elf_class == 32 || f->elf_class == 64);
	assert(f->quality < ELF_QUALITIES);
	assert(!f->alt_name == !f->alt_id.len);
	assert(f->segment_count <= size && f->segment_count <= ELF_LOADS_MAX);
	if (f->source_count)
		check_sources(&f->sources, f->source_count);
}

static void read_facts(struct input in, bool want_sources)
{
	CLEANUP_ELF_FACTS struct elf_facts f = { 0 };
	struct error *err = elf_facts_read(&in, want_sources, &f);

	if (!err)
		check_facts(&f, in.size);
	if (!err && f.sources_pending.size)
		complete_names(&f, in);
	assert(!err || error_kind(err) == ERROR_BAD_DATA ||
	       error_kind(err) == ERROR_NO_MEMORY);
	error_free(err);
}

static void find_section(struct input in, const char *name)
{
	struct elf_section_range range = { 0 };
	bool found = false;
	struct error *err = elf_section_find(&in, name, &range, &found);

	if (!err && found)
		assert(range.size && range.offset.v < in.size &&
		       range.size <= in.size - range.offset.v);
	error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// Of its own, so that a read past the end is seen.
	uint8_t *copy = calloc(1, size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	struct input in = input_from_memory(copy, size);

	read_facts(in, true);
	find_section(in, ".debug_line");
	// One allocation fails, which one depends on the file.
	if (size > 16) {
		mem_fail_at(1 + (data[9] | (data[10] & 1) << 8));
		read_facts(in, true);
		mem_fail_at(0);
	}
	free(copy);
	return 0;
}
