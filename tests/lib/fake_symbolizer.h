/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A symbolizer made up for tests of src/http: link this beside libsymbolize.a,
 * of which it takes the place of the service.
 *
 * Modules without a table are what fake_symbolizer_set() said of them.
 */
#ifndef LIB_FAKE_SYMBOLIZER_H
#define LIB_FAKE_SYMBOLIZER_H

#include "symbolize/symbolize.h"

struct fake_symbolizer_behaviour {
	enum module_status status; /* of every module, without a table */
	bool is_busy;              /* symbolizer_run() ends in BUSY */
	bool has_limit;            /* symbolize() ends in LIMIT */
	const char *gsym;          /* content of every table; NULL: status */
	enum symtab_quality quality;
	unsigned delay_ms; /* before anything is done */
	/** Called when a batch is about to be answered; NULL: no. */
	void (*before)(struct batch *b);
	bool waits; /* symbolize() for fake_symbolizer_go_on() */
};

struct symbolizer *fake_symbolizer(void);
void fake_symbolizer_set(struct symbolizer *s,
			 const struct fake_symbolizer_behaviour *b);
/** Addresses that were asked, in all. */
size_t fake_symbolizer_addresses(struct symbolizer *s);
/** One batch waits: let it. @return False: none does. */
bool fake_symbolizer_go_on(struct symbolizer *s);
/** What the last symbolizer_run() was said to be about. */
size_t fake_symbolizer_bytes(struct symbolizer *s);

#endif
