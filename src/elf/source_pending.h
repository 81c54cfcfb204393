/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Source names that wait for an alternate file: where dwz has moved a comp_dir
 * that several files share into one of its own (.gnu_debugaltlink), a name can
 * be joined only once that file is there, which may be long after.
 *
 * Until then the pieces are kept, encoded. Then one pass over the .debug_str of
 * the alternate file serves all who wait for it:
 *
 *	alt_sources_want()  for each list of pieces
 *	alt_sources_read()  the file, once
 *	alt_sources_join()  for each list of pieces
 *
 * Nothing but strings is taken from the alternate file, and no link of its own
 * is followed.
 *
 * Threads: owned by one thread.
 */
#ifndef ELF_SOURCE_PENDING_H
#define ELF_SOURCE_PENDING_H

#include "base/buf.h"
#include "base/build_id.h"
#include "base/error.h"
#include "base/input.h"
#include "elf/source_names.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Encode the files that need the alternate file, behind @p out.
 *
 * @return LIMIT if they take more than ELF_SOURCE_BYTES_MAX: the rest is left
 * out. NO_MEMORY.
 */
MUST_CHECK struct error *source_pending_put(const struct source_names *n,
					    struct buf *out);

struct alt_sources;

/** @param[out] ret Owned: alt_sources_destroy(). */
MUST_CHECK struct error *alt_sources_create(struct alt_sources **ret);
/** NULL is allowed. */
void alt_sources_destroy(struct alt_sources *a);

static inline void cleanup_alt_sources(struct alt_sources **a)
{
	alt_sources_destroy(*a);
}
#define CLEANUP_ALT_SOURCES CLEANUP(cleanup_alt_sources)

/** What source_pending_put() wrote, and the names that needed nothing. */
struct alt_names {
	const uint8_t *pending;
	size_t pending_size;
	const char *known; /* sorted by strcmp, a NUL behind each */
	size_t known_size;
};

/** Note the strings that these names lack. @return BAD_DATA, LIMIT (together
 * with those before they are too many), NO_MEMORY. */
MUST_CHECK struct error *alt_sources_want(struct alt_sources *a,
					  const struct alt_names *names);

/**
 * Read them.
 *
 * @param[in] alt The alternate file.
 * @param[in] id What it must be: BAD_DATA if its note says otherwise.
 * @return BAD_DATA if the file is of no use: not ELF, without .debug_str; IO or
 * the input's own; NO_MEMORY. A string that is not there or has no end is no
 * error: it is left out.
 */
MUST_CHECK struct error *alt_sources_read(struct alt_sources *a,
					  struct input *alt,
					  const struct build_id *id);

/**
 * Join the names with what was read, and merge them with those known.
 *
 * @param[in] names What alt_sources_want() was given.
 * @param[out] sources Empty buffer: as struct elf_facts has them.
 * @return BAD_DATA, LIMIT, NO_MEMORY.
 */
MUST_CHECK struct error *alt_sources_join(const struct alt_sources *a,
					  const struct alt_names *names,
					  struct buf *sources,
					  size_t *count_ret);

#endif
