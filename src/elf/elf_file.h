/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An ELF file opened for reading: its header, its two tables, and its first
 * and last bytes.
 *
 * The head (4 KiB) and a tail that reaches down to the section table are read
 * once; whatever lies in them is not read again. In an ordinary file that is
 * the header, the program headers, the notes, the section table and its names:
 * two reads.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_ELF_FILE_H
#define ELF_ELF_FILE_H

#include "base/error.h"
#include "base/input.h"
#include "elf/elf_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELF_HEAD_BYTES = 4096,
	ELF_TAIL_BYTES = 4096,
};

/** Bytes of the file, in a window or in memory of their own. */
struct elf_view {
	const uint8_t *data;
	size_t size;
	uint8_t *owned; /* NULL where data lies in a window */
};

struct elf_file {
	struct input *in; /* borrowed */
	struct elf_header header;
	size_t segment_count;
	size_t section_count;
	uint8_t head[ELF_HEAD_BYTES];
	size_t head_size;
	/** The file's last ELF_TAIL_BYTES at least; NULL where the head is the
	 * whole file. */
	uint8_t *tail;
	uint64_t tail_offset;
	size_t tail_size;
	struct elf_view segments;
	struct elf_view sections;
	struct elf_view names;
	/** Why the sections that the header promises are not there, or have no
	 * names. NULL: all well, or none are promised. */
	char *sections_problem;
	/** The same of the segments. */
	char *segments_problem;
	uint64_t inflated_bytes; /* of all sections so far: elf_section */
	/** What the input could not give though it claims to have it: damage of
	 * the archive around the file, not of the file. NULL: nothing. */
	struct error *input_error;
};

/**
 * Read head, tail and tables.
 *
 * A table that lies outside the file or is larger than elf_limits.h allows is
 * left out (its count is then 0): the other one may still tell who the file
 * is. So are the segments where more than ELF_LOADS_MAX are PT_LOAD.
 *
 * @param[in] in Borrowed until elf_file_close().
 * @param[out] ret Filled on success; not to be copied.
 * @return BAD_DATA if the header is damaged or the input shorter than it
 * claims, NO_MEMORY, IO.
 */
MUST_CHECK struct error *elf_file_open(struct input *in, struct elf_file *ret);
/** Twice is safe. */
void elf_file_close(struct elf_file *f);

static inline void cleanup_elf_file(struct elf_file *f)
{
	elf_file_close(f);
}
#define CLEANUP_ELF_FILE CLEANUP(cleanup_elf_file)

/** @param[in] i Below the count. */
struct elf_phdr elf_file_segment(const struct elf_file *f, size_t i);
struct elf_shdr elf_file_section(const struct elf_file *f, size_t i);

/** Name of a section; "" if it has none or lies about it. Borrowed. */
const char *elf_file_section_name(const struct elf_file *f,
				  const struct elf_shdr *s);

/**
 * Read exactly @p size bytes.
 *
 * @return BAD_DATA if they lie outside the file. Every other error, of
 * whatever kind, is kept as @c input_error, too.
 */
MUST_CHECK struct error *elf_file_read(struct elf_file *f, uint64_t offset,
				       void *buf, size_t size);

/** The input's error, once; NULL if it had none. To be asked at the end of all
 * reading: what was read around an error is not all there is. */
MUST_CHECK struct error *elf_file_take_error(struct elf_file *f);

/**
 * Bytes of the file, from a window where they lie in one.
 *
 * @param[out] ret elf_view_deinit(); lives at most as long as @p f.
 * @return BAD_DATA if the range lies outside the file; NO_MEMORY, IO.
 */
MUST_CHECK struct error *elf_file_view(struct elf_file *f, uint64_t offset,
				       uint64_t size, struct elf_view *ret);
void elf_view_deinit(struct elf_view *v);
#define CLEANUP_ELF_VIEW CLEANUP(elf_view_deinit)

/** Bytes of the file, mapped. All zero is none. */
struct elf_map {
	const uint8_t *data;
	void *map;
	size_t map_size;
};

/** Map bytes of the file. @return False if it is no file of its own or they are
 * not all there. @param[out] ret elf_map_deinit(). */
bool elf_file_map(const struct elf_file *f, uint64_t offset, uint64_t size,
		  struct elf_map *ret);
/** Twice is safe. */
void elf_map_deinit(struct elf_map *m);
#define CLEANUP_ELF_MAP CLEANUP(elf_map_deinit)

/**
 * Is this error about the file's contents, so that the rest of the file may
 * still be good? Otherwise it is about the machine and ends the reading.
 */
bool elf_is_damage(const struct error *err);

#endif
