/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An answer as handlers make it: status, headers, one body.
 *
 * Header values are static, or live in the reply. Nothing here can fail: a
 * header for which there is no room is left out.
 *
 * Threads: owned by one thread at a time.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/buf.h"
#include "base/held.h"
#include "http/body.h"
#include "store/growth.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reply_body {
	REPLY_EMPTY,
	REPLY_STATIC,  /* text: borrowed for ever */
	REPLY_OWNED,   /* memory */
	REPLY_FILE,    /* fd, sent by sendfile */
	REPLY_GROWING, /* fd, as far as it is written */
};

enum { REPLY_HEADERS_MAX = 20, REPLY_ARENA_SIZE = 640, REPLY_KEPT_MAX = 2 };

struct reply_header {
	const char *name;
	const char *value;
};

struct reply {
	unsigned status; /* 0: none yet */
	enum reply_body kind;
	bool is_last;   /* the connection ends behind it */
	bool is_silent; /* the connection ends without an answer */
	uint64_t size;  /* of the body */
	const char *text;
	char *memory;
	int fd;                /* owned */
	struct growth *growth; /* owned; of REPLY_GROWING */
	uint64_t offset;
	struct held held; /* of memory, as far as it is counted */
	size_t header_count;
	struct reply_header headers[REPLY_HEADERS_MAX];
	char *kept[REPLY_KEPT_MAX]; /* values too large for the arena */
	size_t kept_count;
	size_t arena_used;
	char arena[REPLY_ARENA_SIZE];
};

void reply_init(struct reply *r);
/** Twice is safe. */
void reply_deinit(struct reply *r);
/** @p to is overwritten (it owns nothing), @p from is empty afterwards. */
void reply_move(struct reply *to, struct reply *from);

/** @param[in] name,value Static. */
void reply_header(struct reply *r, const char *name, const char *value);
/** @param[in] value Copied. */
void reply_header_copy(struct reply *r, const char *name, const char *value);
void reply_header_uint(struct reply *r, const char *name, uint64_t value);
/** Name of a file: control bytes become `\x0a`. Left out above 4 KiB. */
void reply_header_path(struct reply *r, const char *name, const char *path);
/** Value of a header, for tests and the log; NULL. */
const char *reply_find_header(const struct reply *r, const char *name);

/** Status and a static text/plain body. */
void reply_text(struct reply *r, unsigned status, const char *text);
/** Take the bytes of @p body. Out of memory becomes 503.
 * @param[in] type Content-Type. Static. */
void reply_body(struct reply *r, unsigned status, const char *type,
		struct buf *body);
/** As reply_body(), compressed if it is above 1 KiB.
 * @param[in] coding What the client likes best: request_coding(). */
void reply_packed(struct reply *r, unsigned status, const char *type,
		  struct buf *body, enum body_coding coding);
/** The same with JSON. */
void reply_json(struct reply *r, unsigned status, struct buf *body,
		enum body_coding coding);

#endif
