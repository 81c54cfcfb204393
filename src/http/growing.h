/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A body that is sent while its file is still being written: the connection is
 * suspended where there is nothing to send yet, and goes on when there is.
 *
 *	SENDING --nothing there--> STARVED (suspended)
 *	   ^                           |
 *	   `------ more, or the end ---'
 *
 * What breaks ends the connection in the middle of the body: the last byte of
 * an answer, be it a part of the file, goes out when the file is whole and has
 * been found right.
 */
#ifndef HTTP_GROWING_H
#define HTTP_GROWING_H

#include "http/server.h"

#include <sys/types.h>

struct growing;

/** @param[in,out] r Its descriptor and growth are taken. NULL without memory.
 */
struct growing *growing_create(struct connection *c,
			       struct reply *r) MUST_CHECK;
void growing_free(struct growing *g);

enum { GROWING_LATER = 0, GROWING_BROKEN = -1 };

/**
 * On the connection's thread.
 * @return Bytes; GROWING_LATER: the connection is suspended, or must be asked
 * again at once; GROWING_BROKEN.
 */
ssize_t growing_read(struct growing *g, uint64_t pos, char *out, size_t most);

/** The request is over: its connection must not be touched any more. */
void growing_forget(struct connection *c);

/** Resume those that starve; for the end of the server. They find that nothing
 * more comes. @return How many there were. */
unsigned growing_end_all(struct http_server *s);

#endif
