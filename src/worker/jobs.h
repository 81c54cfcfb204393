/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The jobs a worker does: what goes with each request and what comes back.
 * Both sides' encoders and decoders live in jobs.c, so that a payload is
 * written and read in one place.
 */
#ifndef WORKER_JOBS_H
#define WORKER_JOBS_H

#include "base/buf.h"
#include "base/build_id.h"
#include "base/error.h"
#include "base/reader.h"
#include "codec/codec.h"
#include "elf/elf_facts.h"
#include "elf/elf_limits.h"
#include "scanners/scanner.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- WIRE_SCAN ----------------------------------------------------------
 * Descriptors: the files; then, perhaps, one unlinked file for members too
 * large for memory; then, perhaps and for one file alone, memory of
 * share_create() through which other workers help (WIRE_ASSIST). Answers: for
 * each file WIRE_FILE, any number of WIRE_ARTIFACT, WIRE_SOURCE_DIR,
 * WIRE_POINT, then WIRE_FILE_END.
 *
 * A file that is read through a command is alone in its job. Its descriptors:
 * what the command prints; the unlinked file for large members; another one for
 * all that is printed, whose bytes are then the container. */

enum { SCAN_BATCH_MAX = 64 };

struct scan_file {
	const char *path; /* for its suffix and for messages */
	uint64_t size;
	enum scanner_choice choice; /* what it may be taken for */
	bool is_piped;              /* what a command prints: see above */
	bool no_sources;            /* leave the names of sources alone */
};

void scan_request_put(struct buf *out, const struct scan_file *files,
		      size_t count);
/** @param[out] files Room for SCAN_BATCH_MAX; paths owned: mem_free(). */
MUST_CHECK struct error *
scan_request_get(struct reader *r, struct scan_file *files, size_t *count_ret);

/** An ELF file found: the file itself or a member of the archive. */
struct found_artifact {
	const char *member; /* NULL: the file itself */
	uint64_t ordinal, offset, size, packed_size;
	uint32_t packed_codec;
	int64_t mtime;
	struct elf_facts facts; /* both lists of sources packed (codec_pack) */
};
void found_artifact_put(struct buf *out, const struct found_artifact *a);
/** Strings, the packed sources and segments are copied: owned by
 * @p ret->facts and @p ret->member (mem_free).
 * @return BAD_DATA, also for more than ELF_LOADS_MAX segments; NO_MEMORY. */
MUST_CHECK struct error *found_artifact_get(struct reader *r,
					    struct found_artifact *ret);
void found_artifact_deinit(struct found_artifact *a);

/** One file in an encoded list of an archive's directory. */
struct source_file {
	const char *name; /* without its directory; not NUL-terminated */
	size_t name_size;
	uint64_t ordinal, offset, size;
	int64_t mtime;
};
void source_file_put(struct buf *out, const struct source_file *f);
/** @return False at the end of the list, or where it is damaged. */
bool source_file_get(struct reader *r, struct source_file *ret);

/** How a file's scan ended. */
struct file_end {
	const char *scanner;          /* "" if nobody's */
	unsigned error_kind_plus_one; /* 0: read whole */
	const char *message;
	uint32_t payload_codec;
	uint64_t payload_offset, payload_size;
	uint64_t members, elf_without_id;
	struct scanner_passed_over passed_over;
	bool is_read_to_end; /* what a command printed */
};
void file_end_put(struct buf *out, const struct file_end *e);
/** Strings are owned: mem_free(). */
MUST_CHECK struct error *file_end_get(struct reader *r, struct file_end *ret);

/* ---- WIRE_ASSIST ---------------------------------------------------------
 * Help the worker that scans a file. Request: u64 size of the file.
 * Descriptors: the file, and the memory that went with its WIRE_SCAN. Ends when
 * the scan of the file ends, or when there was nothing to do for a second.
 * Answer: WIRE_RESULT: u32 blocks made. */

/** @param[out] fd_ret Owned. @return IO. */
MUST_CHECK struct error *share_create(int *fd_ret);
/** The scan is over, or its worker dead: helpers are to end. */
void share_abandon(int fd);

/* ---- WIRE_EXTRACT, WIRE_SECTION, WIRE_IDENTIFY ---------------------------
 * Descriptors: the container, then the file to write. Answer: WIRE_RESULT.
 * WIRE_EXTRACT only: what a command prints, then the file to write, then an
 * unlinked one for all that is printed. */

/** Where the bytes are in the container. */
struct locator {
	const char *scanner; /* "elf": the file itself */
	bool is_piped;       /* what a command prints is the container */
	const char *path;    /* for messages and suffix */
	uint64_t file_size;
	const char *member;     /* its name; NULL or "": the file itself */
	uint32_t payload_codec; /* LOCATOR_RESCAN: walk the archive instead */
	uint64_t payload_offset, payload_size;
	uint64_t ordinal, offset, size;
	uint32_t packed_codec; /* the member is itself compressed */
	uint64_t packed_size;
	const struct codec_point *points;
	size_t point_count;
};
enum { LOCATOR_RESCAN = 0xffff };
/** As a container's scanner: nobody knows yet, its content says. */
#define SCANNER_BY_CONTENT "any"
/** An ordinal: the first member of that name is meant. A size: all of it. */
#define LOCATOR_UNKNOWN UINT64_MAX
void locator_put(struct buf *out, const struct locator *l);
/** Everything is owned by @p ret: locator_deinit(). */
MUST_CHECK struct error *locator_get(struct reader *r, struct locator *ret);
void locator_deinit(struct locator *l);

/** Part of a member to write at the same offset of the output file. */
struct extract_range {
	uint64_t from, to;
};

/* ---- WIRE_RESOLVE --------------------------------------------------------
 * Sources whose names lie partly in an alternate file, which has been found.
 * Request: resolve_request_put(), then the names (resolve_item_put).
 * Descriptor: the alternate file; of a member, what WIRE_EXTRACT wrote.
 * Answers: one WIRE_RESOLVED for each item. An error of the job is about the
 * alternate file. */

/** @param[in] id What the file has to be. */
void resolve_request_put(struct buf *out, const struct build_id *id,
			 uint64_t size);
/** @return BAD_DATA. */
MUST_CHECK struct error *
resolve_request_get(struct reader *r, struct build_id *id, uint64_t *size_ret);

/** Both packed (codec_pack). */
struct resolve_item {
	const uint8_t *pending; /* struct elf_facts, sources_pending */
	size_t pending_size;
	const uint8_t *known; /* sources; NULL: none */
	size_t known_size;
};
void resolve_item_put(struct buf *out, const struct resolve_item *item);
/** Borrowed from the reader. @return False at the end, or where it is
 * damaged. */
bool resolve_item_get(struct reader *r, struct resolve_item *ret);

/** What became of an item. */
struct resolve_result {
	uint32_t item;
	bool is_damaged; /* the item; it stays as it was */
	uint64_t source_count;
	const uint8_t *sources; /* packed; borrowed */
	size_t sources_size;
};
void resolve_result_put(struct buf *out, const struct resolve_result *result);
MUST_CHECK struct error *resolve_result_get(struct reader *r,
					    struct resolve_result *ret);

#endif
