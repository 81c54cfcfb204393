/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A batch: addresses of many modules asked at once, and their answer. What
 * every wire form is read into and written from.
 *
 * The frames of an answer are kept once each; addresses refer to chains of
 * them. Names and paths are borrowed from the tables, which the batch holds.
 *
 * Threads: owned by one thread at a time.
 */
#ifndef SYMBOLIZE_BATCH_H
#define SYMBOLIZE_BATCH_H

#include "base/build_id.h"
#include "base/error.h"
#include "symtab/symtab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** symbolized-limits(7); options of serve. */
struct batch_limits {
	size_t addresses; /* 100 000 */
	size_t modules;   /* 1 000 */
	unsigned wait_ms; /* 30 000 */
};
enum { BATCH_WAIT_DEFAULT_MS = 10000 };

enum module_status {
	MODULE_OK,
	MODULE_PENDING,
	MODULE_ABSENT,
	MODULE_UPSTREAM_ERROR,
	MODULE_MALFORMED,
	MODULE_TOO_LARGE,
	MODULE_UNSUPPORTED,
	MODULE_STATUSES
};
/** "ok", "pending", …. Static. */
const char *module_status_name(enum module_status s);

struct batch_module {
	/** len 0 and no GUID: nobody knows it: of a raw record, or @c status
	 * and @c message say what is wrong with it and stay. */
	struct build_id id;
	/** Instead of a build ID: the 16-byte GUID of /symbolicate/v5. */
	bool is_breakpad;
	uint8_t breakpad_guid[16];
	struct address_space space; /* its name is the batch's: batch_text() */
	/** The reader has subtracted one from the return addresses among them:
	 * what is 2^64 - 1 now was 0, and is none. */
	bool is_adjusted;
	/** batch.addresses[first_address .. + address_count) are its own. */
	size_t first_address, address_count;
	/* Answer. */
	enum module_status status;
	const char *message; /* NULL, or the batch's, or static */
	const char *origin;  /* "local" or "upstream", static; NULL unless OK */
	struct symtab *table; /* one reference; NULL unless it was OK */
};

/** A frame, once for all who have it. */
struct batch_frame {
	uint32_t module; /* whose table the numbers are of */
	struct symtab_frame f;
};

struct batch {
	struct batch_module *modules;
	size_t module_count, module_capacity;
	uint64_t *addresses;
	size_t address_count, address_capacity;
	bool inlines, demangle; /* default true */
	unsigned wait_ms;       /* BATCH_WAIT_DEFAULT_MS */
	struct arena *text;     /* names and messages: batch.c's */
	/** Does nobody wait for the answer any more? Asked all the time while
	 * it is made and written. NULL: somebody does. */
	bool (*is_forsaken)(void *ctx);
	void *forsaken_ctx;
	/* Answer, by batch_answer(). */
	bool is_partial;         /* a module is pending */
	unsigned retry_after_ms; /* then; by symbolize() */
	struct batch_frame *frames;
	size_t frame_count, frame_capacity;
	/** chains[chain_start[i] .. chain_start[i + 1]) are frame numbers of
	 * address i, innermost first. */
	uint32_t *chains;
	size_t chain_total, chain_capacity;
	uint32_t *chain_start; /* address_count + 1 */
	uint8_t *reasons;      /* enum address_reason, one an address */
};

void batch_init(struct batch *b);
/** Twice is safe. */
void batch_deinit(struct batch *b);

/** Memory of the question. */
size_t batch_bytes(const struct batch *b);

/** A copy that lives as long as the batch; NULL without memory. */
const char *batch_text(struct batch *b, const char *s, size_t len);

/** Append a module, with no addresses yet; addresses that are appended next are
 * its own. @return LIMIT naming the limit, NO_MEMORY. */
MUST_CHECK struct error *batch_add_module(struct batch *b,
					  const struct batch_limits *limits,
					  struct batch_module **ret);
/** Append an address to the last module. Errors as above. */
MUST_CHECK struct error *batch_add_address(struct batch *b,
					   const struct batch_limits *limits,
					   uint64_t address);

/** BUSY if the batch is forsaken: the answer is to go no further. */
MUST_CHECK struct error *batch_check(const struct batch *b);

/**
 * Answer every address from the tables that the modules hold, setting the
 * answer part. Modules without a table answer with the reason of their status.
 *
 * Sorts by (table, address), decodes each function once, answers in request
 * order. Cost: see tests/bench; allocates by size of the batch, takes no lock.
 * @return NO_MEMORY; LIMIT if the answer has too many frames; BUSY if it is
 * forsaken. Damage in a table
 * becomes MALFORMED of the modules that hold it, of whose addresses none is
 * answered; they keep the table.
 */
MUST_CHECK struct error *batch_answer(struct batch *b);

#endif
