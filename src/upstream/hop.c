/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "upstream/upstream.h"

static const size_t fields[] = {
	offsetof(struct upstream_hop, forwarded_for),
	offsetof(struct upstream_hop, via),
	offsetof(struct upstream_hop, user_agent),
	offsetof(struct upstream_hop, traceparent),
	offsetof(struct upstream_hop, request_id),
};
enum { FIELDS = sizeof(fields) / sizeof(*fields) };

static const char **field(struct upstream_hop *hop, size_t i)
{
	return (const char **)((char *)hop + fields[i]);
}

struct upstream_hop *upstream_hop_dup(const struct upstream_hop *hop)
{
	struct upstream_hop from = *hop;
	size_t size = sizeof(from);

	for (size_t i = 0; i < FIELDS; i++)
		size += *field(&from, i) ? strlen(*field(&from, i)) + 1 : 0;
	struct upstream_hop *ret = mem_zalloc(size);

	if (!ret)
		return NULL;
	char *to = (char *)(ret + 1);

	for (size_t i = 0; i < FIELDS; i++) {
		if (!*field(&from, i))
			continue;
		*field(ret, i) = to;
		to = stpcpy(to, *field(&from, i)) + 1;
	}
	return ret;
}
