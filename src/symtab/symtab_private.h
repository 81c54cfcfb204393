/* SPDX-License-Identifier: Apache-2.0 */
/** A table as its reader holds it. For src/symtab/symtab*.c only. */
#ifndef SYMTAB_SYMTAB_PRIVATE_H
#define SYMTAB_SYMTAB_PRIVATE_H

#include "symtab/symtab.h"
#include "symtab/symtab_format.h"
#include "symtab/symtab_lines.h"
#include "symtab/symtab_tree.h"

#include <stdatomic.h>

/** The names section, cut up: see symtab_names.c. Pointers into the file. */
struct symtab_names {
	uint32_t count;        /* of names that read otherwise */
	const uint8_t *keys;   /* u32[count]: string offsets, ascending */
	const uint8_t *starts; /* u32[count]: where their texts begin */
	const uint8_t *sample;
	size_t sample_size;
	const uint8_t *coded;
	size_t coded_size;
};

struct symtab {
	atomic_uint refs;
	const uint8_t *data;
	size_t size;
	size_t memory;
	bool is_mapped;

	size_t gsym_size; /* what follows lies within */
	uint64_t base;
	uint32_t count; /* of functions */
	uint8_t offset_size;
	const uint8_t *offsets; /* count * offset_size */
	const uint8_t *infos;   /* u32[count] */
	const uint8_t *files;   /* { u32, u32 }[file_count] */
	uint32_t file_count;    /* at least 1 */
	const char *strings;    /* first and last byte are NUL */
	uint32_t strings_size;

	const uint8_t *spans; /* u32[span_count] */
	size_t span_count;
	const uint8_t *index; /* u32[count], then what they refer to; NULL */
	size_t index_size;
	struct symtab_names names;

	struct build_id id;
	enum symtab_quality quality;
	bool is_whole;
	bool is_cut;
	struct symtab_layout layout;
};

/** Cut up the names section. @return BAD_DATA. */
MUST_CHECK struct error *symtab_names_open(const uint8_t *data, size_t size,
					   struct symtab_names *ret);

/** Length of a name without compiler suffixes and version, which are looked for
 * in its last 1024 bytes. Cost: linear in those. */
size_t symtab_name_stem(const char *name, size_t len);

/** Is it "STEM@plt"? Then @c len without these four bytes, else @p len. */
size_t symtab_name_without_plt(const char *name, size_t len);

#endif
