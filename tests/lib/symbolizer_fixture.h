/* SPDX-License-Identifier: Apache-2.0 */
/**
 * For tests: a symbolizer on an index made by hand, whose workers do what the
 * files say (tests/lib/fake_builder.c), and batches for it. What goes wrong
 * ends the test.
 */
#ifndef LIB_SYMBOLIZER_FIXTURE_H
#define LIB_SYMBOLIZER_FIXTURE_H

#include "base/lock.h"
#include "symbolize/symbolize.h"
#include "symbolize/table_cache.h"
#include "tests/lib/index_fixture.h"

enum {
	SMALL = 1000,
	LARGE = 600 << 10, /* answered in part first */
	LONG_MS = 30000,
};

struct fixture {
	struct index_fixture index;
	struct store *store;
	struct symbolizer *s;
	char cache[80], tables[96];
	char gate[96];
	/* Of the next open_service(). */
	bool waits_for_best;
	uint64_t split_copies_bytes;
};

/* What a file is in the index. */
struct role {
	unsigned n; /* its build ID */
	unsigned roles, quality;
	unsigned alt; /* 0: none */
	size_t size;
	const uint64_t *splits; /* units of split DWARF */
	size_t split_count;
};

/* ---- Batches ------------------------------------------------------------ */

struct asked {
	struct batch batch;
	struct lock lock;
	struct condition cond;
	bool is_done;
	struct error *err;
};
#define CLEANUP_ASKED CLEANUP(asked_deinit)

static const struct batch_limits any = { .addresses = 100000, .modules = 1000 };

void open_service(struct fixture *f);
void close_service(struct fixture *f);
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
void open_gate(struct fixture *f);
/** A bare file that says what its builder is to do. */
void add_file(struct fixture *f, const char *name, const char *words,
	      const struct role *role);
void add_debuginfo(struct fixture *f, const char *name, unsigned n, size_t size,
		   const char *words);
/** One whose whole table waits for the gate. */
void add_gated(struct fixture *f, const char *name, unsigned n, size_t size);
void done(void *ctx, struct error *err);
void asked_init(struct asked *a, unsigned wait_ms);
void asked_deinit(struct asked *a);
/** fn1's address, of a build ID. */
struct batch_module *want_id(struct asked *a, const struct build_id *id);
void want(struct asked *a, unsigned n);
void begin(struct fixture *f, struct asked *a);
void finish(struct asked *a);
enum module_status status(const struct asked *a, size_t i);
/** How the function of a module's only address is called; "" for none. */
const char *name_of(const struct asked *a, size_t i);
/** Ask for one ID and say what became of it. */
enum module_status ask_in(struct fixture *f, unsigned n, unsigned wait_ms,
			  char name[64]);
void expect(struct fixture *f, unsigned n, const char *expected);
void expect_status(struct fixture *f, unsigned n, unsigned wait_ms,
		   enum module_status expected);
int64_t counted(enum table_op op);
/** Until there have been so many. */
void wait_for(enum table_op op, int64_t count);

#endif
