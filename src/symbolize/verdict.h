/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is known of modules that have no table under the name they were asked
 * by: there is none, it cannot be made, or it is another build ID's. Bounded;
 * what is forgotten for want of room is found out again.
 *
 * Threads: guarded by its owner's lock.
 */
#ifndef SYMBOLIZE_VERDICT_H
#define SYMBOLIZE_VERDICT_H

#include "base/build_id.h"
#include "base/error.h"
#include "symbolize/batch.h"

#include <stdbool.h>
#include <stdint.h>

/** What a module is asked by. */
struct table_key {
	bool is_breakpad; /* id is the GUID's 16 bytes */
	struct build_id id;
};
struct table_key table_key_of(const struct batch_module *m);
bool table_key_equal(const struct table_key *a, const struct table_key *b);
uint64_t table_key_hash(const struct table_key *k);

enum { VERDICT_MESSAGE = 120 };

struct verdict {
	struct table_key key;
	enum module_status status; /* OK: see alias */
	struct build_id alias;     /* whose table it is */
	char message[VERDICT_MESSAGE];
	int64_t until_ms; /* clock_ms() */
	uint64_t epoch;   /* of the index, when it was looked at */
};

struct verdicts {
	struct verdict *v; /* key.id.len 0: free */
};
MUST_CHECK struct error *verdicts_init(struct verdicts *all);
/** Twice is safe. */
void verdicts_deinit(struct verdicts *all);

/** NULL: nothing is known, or not any more. Valid until the next put. */
const struct verdict *verdicts_find(const struct verdicts *all,
				    const struct table_key *key,
				    uint64_t epoch);
void verdicts_put(struct verdicts *all, const struct verdict *v);
/** The index changed for a build ID: by whatever name it may be asked. */
void verdicts_forget(struct verdicts *all, const struct build_id *id);

#endif
