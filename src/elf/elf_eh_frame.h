/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where functions begin and end, as .eh_frame tells the unwinder. It has no
 * names, and is there in programs that are stripped of everything else.
 *
 * Threads: owned by one thread.
 * Source: Linux Standard Base Core 5.0, 10.6 "Exception Frames"; layout in
 * elf_eh_frame.c.
 */
#ifndef ELF_ELF_EH_FRAME_H
#define ELF_ELF_EH_FRAME_H

#include "base/error.h"
#include "elf/elf_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_frame {
	uint64_t start; /* address */
	uint64_t size;  /* not 0 */
};

struct elf_frames {
	struct elf_frame *frames; /* ascending by start */
	size_t count;
	size_t capacity;
};

/**
 * Read them all.
 *
 * @param[in] f Borrowed for the call. Relocatable files have none: their
 * frames wait for a linker.
 * @param[out] ret Filled on success, empty where there is no such section:
 * elf_frames_deinit(). What follows a damaged entry is left out.
 * @return BAD_DATA or LIMIT if the section cannot be read; NO_MEMORY, IO.
 */
MUST_CHECK struct error *elf_frames_read(struct elf_file *f,
					 struct elf_frames *ret);
/** Twice is safe. */
void elf_frames_deinit(struct elf_frames *frames);
#define CLEANUP_ELF_FRAMES CLEANUP(elf_frames_deinit)

/** The frame that holds an address. NULL: none. */
const struct elf_frame *elf_frames_find(const struct elf_frames *frames,
					uint64_t address);
/** The first that begins behind an address. NULL: none. */
const struct elf_frame *elf_frames_next(const struct elf_frames *frames,
					uint64_t address);

#endif
