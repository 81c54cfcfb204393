/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the wire forms share: inside src/symbolize, behind exchange.h.
 *
 * A form is a reader, which fills a batch and, where addresses come as stacks,
 * the stacks' shape; and a writer, from the answered batch and that shape. Any
 * question can be answered in any form (but /symbolicate/v5, which has its own
 * both ways).
 *
 * Threads: owned by one thread at a time.
 */
#ifndef SYMBOLIZE_WIRE_H
#define SYMBOLIZE_WIRE_H

#include "base/buf.h"
#include "base/error.h"
#include "symbolize/batch.h"
#include "symbolize/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_form {
	WIRE_JSON,
	WIRE_TEXT,
	WIRE_RECORDS,
	WIRE_PROTO,
	WIRE_V5,
	/** Answers only: a line a function, a line a place, an empty line. */
	WIRE_LINES,
};

/** Frames that are no address. */
enum { WIRE_NO_ADDRESS = UINT32_MAX };

/** One frame of a stack. */
struct wire_frame {
	uint32_t address;  /* of the batch; WIRE_NO_ADDRESS: text stands */
	uint32_t text_len; /* of what is no address, as it came */
	size_t text_at;    /* in exchange.text */
};

/** A stack, or a line of text with one address in it. */
struct wire_stack {
	size_t first_frame;
	uint32_t frame_count; /* may be 0: an empty line */
	uint32_t count_len;   /* of the text behind a folded stack: "17" */
	size_t count_at;      /* in exchange.text */
	bool is_line;         /* one address alone: no stack */
	bool is_leaf_first;   /* else the root is */
};

/** Defaults of a text body; parameters of the query. */
struct wire_text_options {
	struct build_id id; /* of addresses that have none; len 0: none */
	struct address_space space;
	bool return_addresses; /* but for the leaf of a stack */
};

struct wire_v5;

struct exchange {
	struct batch batch;
	enum wire_form question, answer;
	bool has_stacks;
	struct wire_frame *frames;
	size_t frame_count, frame_capacity;
	struct wire_stack *stacks;
	size_t stack_count, stack_capacity;
	struct buf text;
	struct wire_text_options options;
	struct wire_v5 *v5; /* wire_v5.c's */
};

/** What a reader is given beside the exchange. */
struct wire_body {
	const struct batch_limits *limits;
	const uint8_t *data;
	size_t size;
	/* Of application/x-bpf-stack-build-id. */
	unsigned depth;
	bool is_big_endian;
};

/* Readers: BAD_REQUEST with the place, LIMIT, NO_MEMORY. */
MUST_CHECK struct error *wire_json_read(struct exchange *x,
					const struct wire_body *body);
MUST_CHECK struct error *wire_text_read(struct exchange *x,
					const struct wire_body *body);
MUST_CHECK struct error *wire_records_read(struct exchange *x,
					   const struct wire_body *body);
MUST_CHECK struct error *wire_proto_read(struct exchange *x,
					 const struct wire_body *body);
MUST_CHECK struct error *wire_v5_read(struct exchange *x,
				      const struct wire_body *body);

/** An answer as it grows. */
struct wire_out {
	const struct batch *b; /* whose it is */
	struct buf *buf;
	size_t limit;      /* most bytes that buf may have */
	struct held *held; /* of buf; NULL: it is not counted */
	struct buf name;   /* room for symtab_display_name() */
};

/* Writers: LIMIT, NO_MEMORY, BUSY. */
MUST_CHECK struct error *wire_json_write(const struct exchange *x,
					 struct wire_out *out);
MUST_CHECK struct error *wire_text_write(const struct exchange *x,
					 struct wire_out *out);
MUST_CHECK struct error *wire_lines_write(const struct exchange *x,
					  struct wire_out *out);
MUST_CHECK struct error *wire_proto_write(const struct exchange *x,
					  struct wire_out *out);
MUST_CHECK struct error *wire_v5_write(const struct exchange *x,
				       struct wire_out *out);
void wire_v5_free(struct wire_v5 *v5);

/** What can be set in the query of the route: every form takes inlines,
 * demangle and wait_ms; text also how its addresses are to be read. */
MUST_CHECK struct error *wire_query_read(struct exchange *x, const char *query,
					 const struct batch_limits *limits);

/** Is wait_ms what it may be? BAD_REQUEST. */
MUST_CHECK struct error *wire_check_wait(uint64_t wait_ms,
					 const struct batch_limits *limits);
/** Does a module say all that its kind needs? NULL, or what is missing.
 * @param[in] has_map, has_base Were they given? */
const char *wire_check_space(const struct address_space *s, bool has_map,
			     bool has_base);

/* Shape of stacks. LIMIT, NO_MEMORY. */
MUST_CHECK struct error *wire_add_stack(struct exchange *x,
					const struct batch_limits *limits,
					struct wire_stack **ret);
/** A frame of the stack added last. */
MUST_CHECK struct error *wire_add_frame(struct exchange *x,
					const struct batch_limits *limits,
					const struct wire_frame *f);

/**
 * Addresses that come one by one, each with its build ID, into the batch's
 * modules: one for each ID, in order of their first use.
 */
struct wire_group {
	struct build_id *ids;
	size_t id_count, id_capacity;
	uint32_t last;   /* in ids, had last: often the next */
	uint32_t *slots; /* of ids, by hash: number + 1; 0: free */
	size_t slot_count;
	struct wire_grouped {
		uint32_t module; /* in ids */
		uint64_t address;
	} * v;
	size_t count, capacity;
	bool has_returns; /* of some of them one was subtracted */
};
void wire_group_deinit(struct wire_group *g);
/** @param[in] id len 0: nobody knows which. */
MUST_CHECK struct error *wire_group_id(struct wire_group *g,
				       const struct batch_limits *limits,
				       const struct build_id *id,
				       uint32_t *module_ret);
/** @param[in] is_return One is to be subtracted.
 * @param[out] ret Its number, for wire_frame.address until
 * wire_group_finish(). */
MUST_CHECK struct error *wire_group_add(struct wire_group *g, uint32_t module,
					uint64_t address, bool is_return,
					uint32_t *ret);
/** Fill the batch, and make frames' numbers those of the batch. */
MUST_CHECK struct error *wire_group_finish(struct wire_group *g,
					   struct exchange *x,
					   const struct batch_limits *limits);

/* Writing. */

/** LIMIT where the answer has become too large, NO_MEMORY, BUSY where nobody
 * waits for it any more. To be called between any two parts of it. */
MUST_CHECK struct error *wire_check(const struct wire_out *out);
void wire_put_uint(struct buf *out, uint64_t v);
/** "0x…", without quotes. */
void wire_put_hex(struct buf *out, uint64_t v);

struct wire_name {
	const char *function, *linkage; /* linkage NULL where it is the same */
	size_t function_len, linkage_len;
	const char *dir, *base; /* of the file; base_len 0: unknown */
	size_t dir_len, base_len;
	bool needs_slash; /* between dir and base */
};
/** Names of a frame. Borrowed until the next call. */
void wire_name(const struct batch *b, const struct batch_frame *f,
	       struct wire_out *out, struct wire_name *ret);

/** Hexadecimal digits to a number. @return False if there is none, another
 * byte, or 2^64. */
bool wire_hex(const char *s, size_t len, uint64_t *ret);

#endif
