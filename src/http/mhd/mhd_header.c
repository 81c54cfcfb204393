/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a request, as libmicrohttpd has it, and as it came.
 */
#include "config.h"

#include <string.h>

#include "http/mhd/mhd.h"

struct collected {
	struct connection *connection;
	struct framing framing;
};

static enum MHD_Result collect_header(void *ctx, enum MHD_ValueKind kind,
				      const char *name, size_t name_size,
				      const char *value, size_t value_size)
{
	struct collected *all = ctx;

	(void)kind;
	(void)value_size;
	enum request_header known = request_add_header(
		&all->connection->request, name, name_size, value ? value : "");

	/* Of several the last is the nearest. */
	if (known == HEADER_FORWARDED_FOR)
		all->connection->forwarded_for = value;
	framing_add(&all->framing, known, name, name_size, value);
	return MHD_YES;
}

static size_t header_size(struct connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		c->handle, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info ? info->header_size : 0;
}

/* 0.9 accepts what its successor refuses by itself, and leaves the lines in
 * memory as they came. */
static bool lines_are_strict(const char *method, const char *version,
			     size_t size)
{
#if MHD_VERSION < 0x01000000
	if (version > method && (size_t)(version - method) < size &&
	    size <= CONNECTION_MEMORY)
		return framing_lines_are_strict(
			version, size - (size_t)(version - method));
#else
	(void)method;
	(void)version;
	(void)size;
#endif
	return true;
}

/* A NUL in the path or query would end it for us, and for nobody before us: 0.9
 * looks for the version from the line's end. */
static bool line_is_strict(const struct connection *c, const char *version)
{
#if MHD_VERSION < 0x01000000
	return !c->uri_end || c->uri_end + 1 == version;
#else
	(void)c;
	(void)version;
	return true;
#endif
}

/* 0.9 takes a lone LF for the end of a chunk's line, as others do not: what
 * follows such a body is nothing to be taken for a request. */
bool mhd_is_chunk_strict(void)
{
	return MHD_VERSION >= 0x01000000;
}

struct framing_result mhd_read_header(struct connection *c, const char *method,
				      const char *version)
{
	struct collected all = { .connection = c };
	size_t size = header_size(c);

	MHD_get_connection_values_n(c->handle, MHD_HEADER_KIND, collect_header,
				    &all);
	if (!line_is_strict(c, version) ||
	    !lines_are_strict(method, version, size))
		return (struct framing_result) {
			.status = 400,
			.message = "folded line, bare line feed, NUL or "
				   "space in the header",
		};
	return framing_check(&all.framing, &c->request, size,
			     !strcmp(version, "HTTP/1.1"));
}
