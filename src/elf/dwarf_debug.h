/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Private to the reader of functions (dwarf_functions.h): files, units, and
 * how their values are had.
 *
 *	dwarf_object   the sections of one file
 *	dwarf_debug    all files: the main one, the alternate one, split ones
 *	dwarf_unit     where a unit is
 *	dwarf_cu       a unit that is being read: with its first entry
 *	dwarf_die      an entry that is being looked at
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_DWARF_DEBUG_H
#define ELF_DWARF_DEBUG_H

#include "base/buf.h"
#include "base/error.h"
#include "elf/dwarf_abbrev.h"
#include "elf/dwarf_cursor.h"
#include "elf/dwarf_functions.h"
#include "elf/dwarf_object.h"
#include "elf/elf_limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A unit of .debug_info. */
struct dwarf_unit {
	uint64_t offset;
	uint64_t end;
	uint64_t abbrevs; /* offset of its table */
	uint64_t dwo_id;  /* version 5, skeleton and split */
	uint8_t header_size;
	uint8_t type; /* enum dwarf_unit_type; before version 5: 0 */
	struct dwarf_format format;
};

/** One of the files. */
struct dwarf_file {
	struct dwarf_object object;
	uint64_t number; /* among the files */
	/* Units are listed as far as they were asked for. */
	bool are_all_listed;
	uint64_t next_unit;       /* offset of the first that is not */
	struct dwarf_unit *units; /* ascending */
	size_t unit_count, unit_capacity;
};

struct dwarf_value {
	uint64_t v;
	unsigned form;
};

struct dwarf_die {
	const struct dwarf_abbrev *abbrev;
	uint64_t offset; /* in .debug_info */
	uint32_t slots;  /* 1 << slot, of those that are set */
	struct dwarf_value values[DWARF_SLOTS];
};

static inline bool dwarf_die_has(const struct dwarf_die *die,
				 enum dwarf_slot slot)
{
	return die->slots >> slot & 1;
}

/** Where the tables are that values of a unit are numbers in. */
struct dwarf_bases {
	uint64_t str_offsets;   /* of entry 0 in .debug_str_offsets */
	uint64_t rnglists;      /* of entry 0 in .debug_rnglists */
	uint64_t rnglists_part; /* of the unit's part of it, in a .dwp */
	uint64_t addr;          /* of entry 0 in .debug_addr */
	/** Added to what stands in the unit: split DWARF 4 has its ranges in
	 * the main file. */
	uint64_t ranges;
};

struct dwarf_cu {
	struct dwarf_debug *d;
	struct dwarf_file *file;
	struct dwarf_unit unit;
	struct dwarf_abbrevs *abbrevs; /* owned */
	struct dwarf_bytes info;
	struct dwarf_bases bases;
	/** The file with .debug_addr and, before version 5, .debug_ranges:
	 * that of the skeleton. */
	struct dwarf_file *addr_file;
	struct dwarf_die root;
	const uint8_t *children; /* behind the first entry */
	uint64_t low_pc;         /* base of ranges */
	uint64_t language;
	uint64_t main_offset; /* of the unit, or its skeleton, in the main file
			       */
};

enum {
	DWARF_CU_CACHE = 64,
	DWARF_ABBREVS_CACHE = 64,
};

/** A piece of the address space, end not in it. */
struct dwarf_span {
	uint64_t start;
	uint64_t end;
};

struct dwarf_spans {
	struct dwarf_span *v;
	size_t count, capacity;
};

struct dwarf_names;
struct dwarf_line_table;
struct dwarf_walk;
struct dwarf_split_index;

struct dwarf_debug {
	struct dwarf_file *files; /* main, alternate, splits */
	size_t file_count;
	bool has_alt;
	/** Where code may lie: sorted, disjoint, not empty. */
	struct dwarf_spans text;
	char *problem; /* the first; NULL: none */
	bool is_cut;   /* a limit was one of them */
	/** Of listing the units where it could not be handed up. */
	struct error *list_error;
	uint64_t work; /* see dwarf_debug_work() */
	uint64_t work_max;
	/* By number of file and unit. */
	struct dwarf_cu *cus[DWARF_CU_CACHE];
	struct {
		struct dwarf_file *file;
		struct dwarf_abbrevs *table;
	} abbrevs[DWARF_ABBREVS_CACHE];
	size_t abbrevs_bytes; /* of all of them */
	struct dwarf_names *names;
	struct dwarf_line_table *lines; /* the last one */
	struct dwarf_walk *walk;
	struct dwarf_split_index *splits; /* NULL: not yet needed */
	struct dwarf_spans found;         /* scratch */
	const void *sink; /* its context: whose numbers are kept */
	bool has_sink_failed;
};

/* What the sink is asked. Its errors are nobody else's. */
static inline MUST_CHECK struct error *dwarf_sunk(struct dwarf_debug *d,
						  struct error *err)
{
	d->has_sink_failed = d->has_sink_failed || err;
	return err;
}

/** The main file. */
static inline struct dwarf_file *dwarf_debug_main(const struct dwarf_debug *d)
{
	return &d->files[0];
}

/**
 * Note damage, and go on.
 *
 * @param[in] err Taken; NULL is none.
 * @return NULL; @p err if it is not about the file's contents, NO_MEMORY.
 */
MUST_CHECK struct error *dwarf_debug_note(struct dwarf_debug *d,
					  struct error *err,
					  const struct dwarf_file *file,
					  uint64_t offset);

/**
 * Count work that is not bounded by the bytes of .debug_info: what many entries
 * can each claim again.
 *
 * @return LIMIT when it is too much for the size of the file.
 */
COLD struct error *dwarf_debug_overworked(void);
static inline MUST_CHECK struct error *dwarf_debug_work(struct dwarf_debug *d,
							uint64_t work)
{
	d->work += work;
	return d->work > d->work_max ? dwarf_debug_overworked() : NULL;
}

/** A section of a file; damage in it is noted. */
MUST_CHECK struct error *dwarf_debug_section(struct dwarf_debug *d,
					     struct dwarf_file *file,
					     enum dwarf_section_id id,
					     struct dwarf_bytes *ret);

/** The first bytes of it: dwarf_object_part(). */
MUST_CHECK struct error *dwarf_debug_part(struct dwarf_debug *d,
					  struct dwarf_file *file,
					  enum dwarf_section_id id,
					  uint64_t size,
					  struct dwarf_bytes *ret);

/* Units: dwarf_cu.c */

/** Find the units of a file, up to the one that holds an offset; UINT64_MAX:
 * all. */
MUST_CHECK struct error *dwarf_units_list(struct dwarf_debug *d,
					  struct dwarf_file *file,
					  uint64_t offset);
/** @return Valid until more are listed; NULL if none of those that are listed
 * holds the offset. */
const struct dwarf_unit *dwarf_units_at(const struct dwarf_file *file,
					uint64_t offset);

/**
 * Read a unit's first entry.
 *
 * @param[in] skeleton Of a split unit: has the addresses; borrowed for the
 * call. NULL: none.
 * @param[in] bases Of a unit in a .dwp; NULL: where they are anywhere else.
 * @param[out] ret Owned: dwarf_cu_close().
 */
MUST_CHECK struct error *
dwarf_cu_open(struct dwarf_debug *d, struct dwarf_file *file,
	      const struct dwarf_unit *unit, const struct dwarf_cu *skeleton,
	      const struct dwarf_bases *bases, struct dwarf_cu **ret);
/** NULL is allowed. */
void dwarf_cu_close(struct dwarf_cu *cu);
static inline void cleanup_dwarf_cu(struct dwarf_cu **cu)
{
	dwarf_cu_close(*cu);
}
#define CLEANUP_DWARF_CU CLEANUP(cleanup_dwarf_cu)

/** The unit that holds an offset, for a reference; borrowed until the next
 * call. */
MUST_CHECK struct error *dwarf_cu_at(struct dwarf_debug *d,
				     struct dwarf_file *file, uint64_t offset,
				     struct dwarf_cu **ret);

/* Entries and their values: dwarf_die.c */

static inline struct dwarf_cursor dwarf_cu_cursor(const struct dwarf_cu *cu,
						  const uint8_t *at)
{
	return dwarf_cursor_at(at, cu->info.data + cu->unit.end,
			       cu->file->object.big_endian);
}

static inline uint64_t dwarf_cu_offset(const struct dwarf_cu *cu,
				       const struct dwarf_cursor *c)
{
	return (uint64_t)(c->p - cu->info.data);
}

/** The value of an op that has one, or nothing but its bytes. What an op
 * passes over first is up to the caller. */
static inline uint64_t dwarf_op_read(const struct dwarf_op *o,
				     struct dwarf_cursor *c)
{
	const uint8_t *at = c->p;
	size_t len;

	switch ((enum dwarf_op_kind)o->kind) {
	case DWARF_OP_FIXED:
		return dwarf_uint(c, o->size);
	case DWARF_OP_ULEB:
		return dwarf_uleb(c);
	case DWARF_OP_SLEB:
		return (uint64_t)dwarf_sleb(c);
	case DWARF_OP_CONST:
		return (uint64_t)o->value;
	case DWARF_OP_CSTR:
		dwarf_cstr(c, &len);
		return (uint64_t)(uintptr_t)at;
	case DWARF_OP_BLOCK:
		dwarf_pass(c, dwarf_uint(c, o->size));
		return 0;
	case DWARF_OP_BLOCK_ULEB:
		dwarf_pass(c, dwarf_uleb(c));
		return 0;
	case DWARF_OP_PASS:
	case DWARF_OP_INDIRECT:
		break;
	}
	return 0;
}

/** Read the attributes of an entry behind its code. Running out of bytes shows
 * in the cursor. */
void dwarf_die_read(const struct dwarf_cu *cu, const struct dwarf_abbrev *a,
		    struct dwarf_cursor *c, struct dwarf_die *ret);

/** Pass over the attributes of an entry; @p sibling_ret is where
 * DW_AT_sibling says the next one is, NULL if it does not say, or lies. */
void dwarf_die_pass(const struct dwarf_cu *cu, const struct dwarf_abbrev *a,
		    struct dwarf_cursor *c, const uint8_t **sibling_ret);

/** Pass over the children of the entry just read. */
MUST_CHECK struct error *dwarf_children_pass(const struct dwarf_cu *cu,
					     struct dwarf_cursor *c);

/** The next entry's abbreviation.
 * @param[out] ret NULL: the end of a list of siblings. */
MUST_CHECK struct error *dwarf_die_next(const struct dwarf_cu *cu,
					struct dwarf_cursor *c,
					const struct dwarf_abbrev **ret);

/** Entry at an offset of the unit's section. */
MUST_CHECK struct error *dwarf_die_at(const struct dwarf_cu *cu,
				      uint64_t offset, struct dwarf_die *ret);

/** Where an entry's DW_AT_sibling is; NULL if it has none that is behind
 * @p c. */
const uint8_t *dwarf_die_sibling(const struct dwarf_cu *cu,
				 const struct dwarf_die *die,
				 const struct dwarf_cursor *c);

/** A string; NULL if it lies nowhere. */
MUST_CHECK struct error *dwarf_value_string(struct dwarf_cu *cu,
					    const struct dwarf_value *v,
					    const char **ret, size_t *len_ret);

/** An address. @param[out] found_ret False: not an address' form. */
MUST_CHECK struct error *dwarf_value_address(struct dwarf_cu *cu,
					     const struct dwarf_value *v,
					     uint64_t *ret, bool *found_ret);
/** An address by its number. */
MUST_CHECK struct error *dwarf_address_by_index(struct dwarf_cu *cu,
						uint64_t index, uint64_t *ret);

/** What a reference refers to. @param[out] file_ret NULL: nowhere known. */
void dwarf_value_reference(const struct dwarf_cu *cu,
			   const struct dwarf_value *v,
			   struct dwarf_file **file_ret, uint64_t *offset_ret);

/* Ranges: dwarf_ranges.c */

/**
 * Ranges of an entry that are not empty: its low_pc and high_pc, or its list.
 *
 * @param[in,out] ret They are added.
 */
MUST_CHECK struct error *dwarf_die_ranges(struct dwarf_cu *cu,
					  const struct dwarf_die *die,
					  struct dwarf_spans *ret);

/** Sort the spans from @p first on and join those that meet. */
void dwarf_spans_normalize(struct dwarf_spans *s, size_t first);
bool dwarf_spans_add(struct dwarf_spans *s, uint64_t start, uint64_t end);
/** The part of a span that is code: NULL if its start is none. */
const struct dwarf_span *dwarf_text_at(const struct dwarf_debug *d,
				       uint64_t address);

/* Split units: dwarf_split.c */

/** Find the split unit of a skeleton. Of several of that ID the first that can be
 * read; what is wrong with others is noted.
 * @param[out] ret Owned: dwarf_cu_close(). NULL: there is none. */
MUST_CHECK struct error *dwarf_split_open(struct dwarf_debug *d,
					  const struct dwarf_cu *skeleton,
					  uint64_t dwo_id,
					  struct dwarf_cu **ret);
void dwarf_split_index_free(struct dwarf_split_index *s);

/* Names: dwarf_names.c */

MUST_CHECK struct error *dwarf_names_create(struct dwarf_names **ret);
void dwarf_names_free(struct dwarf_names *n);
/** Numbers are another sink's from now on. */
void dwarf_names_forget(struct dwarf_names *n);
/**
 * The number of an entry's name; 0: it has none.
 */
MUST_CHECK struct error *dwarf_name_of(struct dwarf_cu *cu,
				       const struct dwarf_die *die,
				       const struct dwarf_sink *sink,
				       uint32_t *ret);

/* Lines: dwarf_lines.c */

struct dwarf_line_row {
	uint64_t address;
	uint32_t file; /* as the table numbers them */
	uint32_t line;
};

/** Rows of ascending addresses, each other than the one before. */
struct dwarf_sequence {
	uint64_t start;
	uint64_t end;
	size_t first; /* row */
	size_t count; /* not 0 */
};

struct dwarf_line_file {
	struct dwarf_value value; /* of its name */
	uint64_t dir;
	const char *name; /* once it is known; NULL: it cannot be read */
	size_t len;
	uint32_t number; /* that the sink gave; 0: there is none */
	bool is_known;
};

struct dwarf_line_text {
	const char *s;
	size_t len;
};

struct dwarf_line_table {
	bool is_read;
	struct dwarf_cu *cu; /* borrowed: tells where strings are */
	uint64_t offset;
	unsigned version;
	struct dwarf_line_text comp_dir;
	struct dwarf_line_row *rows;
	size_t row_count, row_capacity;
	struct dwarf_sequence *sequences; /* sorted by start */
	size_t sequence_count, sequence_capacity;
	struct dwarf_line_text *dirs;
	size_t dir_count, dir_capacity;
	struct dwarf_line_file *files;
	size_t file_count, file_capacity;
	struct buf path; /* scratch */
};

/**
 * Run the line program of a unit.
 *
 * @param[in] cu In the main file: a skeleton, if the unit is split.
 * @param[out] ret Kept until the next call; empty where there is none.
 */
MUST_CHECK struct error *dwarf_lines_read(struct dwarf_cu *cu,
					  struct dwarf_line_table **ret);
MUST_CHECK struct error *dwarf_lines_create(struct dwarf_line_table **ret);
void dwarf_lines_free(struct dwarf_line_table *t);
/** Number of a file for the sink; 0: there is no such file. */
MUST_CHECK struct error *dwarf_lines_file(struct dwarf_line_table *t,
					  uint64_t file,
					  const struct dwarf_sink *sink,
					  uint32_t *ret);

/* The walk: dwarf_walk.c */

MUST_CHECK struct error *dwarf_walk_create(struct dwarf_walk **ret);
void dwarf_walk_free(struct dwarf_walk *w);
/** What was given was given to another sink. */
void dwarf_walk_forget(struct dwarf_walk *w);
/**
 * Give the functions of a unit, and what its lines cover besides.
 *
 * @param[in] lines Of the unit.
 */
MUST_CHECK struct error *dwarf_walk_unit(struct dwarf_walk *w,
					 struct dwarf_cu *cu,
					 struct dwarf_line_table *lines,
					 const struct dwarf_wanted *wanted,
					 const struct dwarf_sink *sink);

#endif
