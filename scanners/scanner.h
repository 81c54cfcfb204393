/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A scanner turns one container (a file) into a stream of members.
 *
 * What a scanner may use: base/, codec/ and libarchive. Not ELF, not the
 * index, not HTTP, not other files, not threads, not logging.
 *
 * The contract, tested by tests/unit/test_scanners.c over every registered
 * scanner:
 *
 * 1. `bid` sees the first bytes (up to 512), the path and the size. It returns
 *    the number of magic bits it verified; a matching suffix is worth 1; 0
 *    means "not mine". It consumes nothing and cannot fail.
 * 2. One forward pass. `next` may be called with the current member unread.
 *    After an error only `passed_over` and `close` may be called. Between calls
 *    the caller may read the payload through codec_input() and must not move it.
 * 3. `found_ret = false` is the end, not an error.
 * 4. Member fields are valid until the following `next` or `close`.
 * 5. Names are bytes from the archive. They are never used as a path.
 * 6. Sizes are claims. Only bytes returned by `read` count.
 * 7. Limits (members, bytes out, ratio, nesting) belong to the caller, in one
 *    place; a scanner enforces none and bypasses none. What it must hold in
 *    memory itself (a header, a name) is bounded and the bound is an error.
 *    So are entries in a row that are no members, of which the caller learns
 *    nothing (payload.h).
 * 8. No logging, no globals, no temporary files, no child processes.
 * 9. Only regular files are members. Links, devices, directories and fifos are
 *    passed over; all but directories are counted, by reason. Of several names
 *    of one file (hard links) that one is the member which the archive keeps
 *    the bytes with.
 * 10. Reading all members of an undamaged container gives the same names,
 *    sizes and bytes whether members are read, skipped or read at random.
 *
 * Threads: a stream is owned by one thread.
 */
#ifndef SCANNERS_SCANNER_H
#define SCANNERS_SCANNER_H

#include "base/error.h"
#include "base/input.h"
#include "codec/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCANNER_HEAD_SIZE = 512 };

struct scanner_input {
	struct input file;   /* the container's bytes */
	const char *path;    /* for its suffix and for messages; never opened */
	const uint8_t *head; /* first bytes of the file */
	size_t head_size;    /* SCANNER_HEAD_SIZE, less for a smaller file */
};

struct scanner_member {
	/** Bytes from the archive but for a leading "./" or "/". */
	const char *name;
	uint64_t size; /* a claim, bytes */
	int64_t mtime; /* seconds since 1970; 0 if unknown */
	/** Where its first byte lies in the decoded payload, for reading it
	 * again from there. */
	uint64_t offset;
};

/** Why an entry that is no directory is no member. In the order of the metric's
 * label (metrics_table.h, PASSED_OVER). */
enum scanner_passed {
	SCANNER_PASSED_LONG_PATH, /* a file without a path, or a longer one than
				   * 4096 bytes */
	SCANNER_PASSED_SPARSE,    /* a file not stored in one piece */
	SCANNER_PASSED_NO_SIZE,   /* a file whose size is not said */
	SCANNER_PASSED_LINK,      /* symbolic, or one more name of a file */
	SCANNER_PASSED_SPECIAL,   /* device, fifo, socket */
	SCANNER_PASSED_REASONS
};

/** How many entries were passed over, by reason. */
struct scanner_passed_over {
	uint64_t count[SCANNER_PASSED_REASONS];
};

struct scanner_stream;

struct scanner {
	const char *name; /* "deb": also the metric label and index value */
	bool is_bare;     /* the file is its only member, perhaps compressed */
	/** An archive whose members have no place in a payload: see
	 * payload_place. */
	bool is_sequential;
	int (*bid)(const struct scanner_input *in);
	/** @p in borrowed until close. */
	struct error *(*open)(const struct scanner_input *in,
			      struct scanner_stream **ret);
	struct error *(*next)(struct scanner_stream *s,
			      struct scanner_member *m, bool *found_ret);
	/** @p size_ret 0 only at the member's end. */
	struct error *(*read)(struct scanner_stream *s, void *buf, size_t size,
			      size_t *size_ret);
	/** The decoded payload that member offsets count in; NULL when a member
	 * is the file itself (a bare ELF) or the archive is_sequential.
	 * Borrowed. */
	struct codec_stream *(*payload)(struct scanner_stream *s);
	/** Where the compressed payload lies in the file. Size 0: nowhere in
	 * one piece (an archive in an archive, or one that is_sequential); its
	 * members are read again by going through the container again. */
	void (*payload_place)(struct scanner_stream *s, enum codec *codec_ret,
			      uint64_t *offset_ret, uint64_t *size_ret);
	/** So far. Borrowed until close. */
	const struct scanner_passed_over *(*passed_over)(
		const struct scanner_stream *s);
	void (*close)(struct scanner_stream *s);
};

/** All scanners in the order they are asked; NULL at the end. */
extern const struct scanner *const scanners[];

/** What a file may be taken for. */
enum scanner_choice {
	SCANNER_ANY,     /* what its bidders say */
	SCANNER_BARE,    /* an ELF file or kernel module, no archive */
	SCANNER_ARCHIVE, /* an archive, of whatever kind its content says */
	SCANNER_CHOICES
};

/** The highest bidder, the earlier one among equals; NULL: nobody's. */
const struct scanner *scanner_choose(const struct scanner_input *in);

/**
 * The same among some. An archive is always somebody's: "archive" is for what
 * no other scanner knows by content, and is asked for nothing else. A suffix
 * alone counts for nothing there.
 */
MUST_CHECK struct error *scanner_choose_as(const struct scanner_input *in,
					   enum scanner_choice choice,
					   const struct scanner **ret);

/** By name, as the index remembers it; NULL: none. "archive" too. */
const struct scanner *scanner_by_name(const char *name);

/** Is this member itself compressed and worth looking into: a kernel module
 * called *.ko.xz, *.ko.zst or *.ko.gz? @return Its codec, or CODEC_NONE. */
enum codec scanner_packed_member(const char *name);

#endif
