/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "upstream/ask_path.h"

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || strchr("-._~/", c);
}

static void encode(struct buf *b, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";

	for (const char *p = path; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (is_plain(*p))
			buf_append_byte(b, c);
		else
			buf_printf(b, "%%%c%c", digits[c >> 4], digits[c & 15]);
	}
}

/* Some servers take a backslash for a slash, once it is decoded. */
static bool has_parent(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/\\");

		if (n == 2 && !memcmp(p, "..", 2))
			return true;
		p += n;
		p += *p != '\0';
	}
	return false;
}

/* @param[out] ret With a slash in front; owned. */
static struct error *normal_form(const struct upstream_question *q, char **ret)
{
	CLEANUP_FREE char *absolute = mem_printf("/%s", q->suffix);
	CLEANUP_FREE char *path = absolute ? path_canonical(absolute) : NULL;

	if (!path)
		return error_no_memory;
	if (!path[1] || has_parent(path) ||
	    (strcmp(q->type, "source") != 0 && strcmp(path, absolute) != 0))
		return error_new(BAD_REQUEST, "no path for a request");
	*ret = STEAL(path);
	return NULL;
}

struct error *ask_path(const struct upstream_question *q, char **ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	CLEANUP_FREE char *suffix = NULL;
	char hex[BUILD_ID_HEX_MAX];

	if (q->suffix)
		TRY(normal_form(q, &suffix));
	buf_printf(&b, "/buildid/%s/%s", build_id_hex(&q->id, hex), q->type);
	if (suffix)
		encode(&b, suffix);
	*ret = buf_steal_str(&b);
	return *ret ? NULL : error_no_memory;
}

struct error *ask_search_path(const struct upstream_search *q, char **ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_append_str(&b, "/metadata?key=");
	encode(&b, q->key);
	buf_append_str(&b, "&value=");
	encode(&b, q->value);
	*ret = buf_steal_str(&b);
	return *ret ? NULL : error_no_memory;
}
