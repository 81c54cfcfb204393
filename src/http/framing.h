/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where does this request end? Everything that two servers could read
 * differently is refused before a byte of a body is taken.
 *
 * libmicrohttpd 0.9.75 takes a lot of it: Content-Length beside
 * Transfer-Encoding, the first of several, bodies on GET, folded lines (whose
 * continuation it adds to the *name*), bare line feeds, spaces in names.
 *
 * Source: RFC 9112, sections 2.2, 3.2, 5.1, 5.2, 6.
 * Threads: owned by one thread.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What is counted while headers come in. */
struct framing {
	unsigned fields;
	unsigned hosts, content_lengths, transfer_encodings;
	bool has_bad_name;
	bool has_bad_value; /* a control byte */
};

/** Count one header; @p known is request_add_header()'s answer. */
void framing_add(struct framing *f, enum request_header known, const char *name,
		 size_t name_size, const char *value);

struct framing_result {
	unsigned status;     /* 0: well-formed; else 400, 413 or 431 */
	const char *message; /* static */
	const char *limit;   /* that was reached, static; NULL */
	bool has_body;
	bool is_chunked;
	uint64_t content_length; /* of a body that is not chunked */
};

/**
 * Judge the header as a whole.
 *
 * @param[in] head_size Bytes of request line and header.
 * @param[in] is_http_11 HTTP/1.1 must have a Host.
 */
struct framing_result framing_check(const struct framing *f,
				    const struct request *rq, size_t head_size,
				    bool is_http_11);

/**
 * Are the lines of a header well-formed, as libmicrohttpd 0.9 leaves them in
 * memory: from the version in the request line to the empty line, with CR, LF
 * and the first colon of each line overwritten by NULs? Folded lines, bare
 * line feeds and NULs are not.
 */
bool framing_lines_are_strict(const char *lines, size_t size);

#endif
