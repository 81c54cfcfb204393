/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may stand in the query of /symbolize/v1, in place of a JSON body's
 * members of the same names:
 *
 *	inlines=0 demangle=0 wait_ms=500
 *
 * and, for addresses that come as text,
 *
 *	kind=vaddr section=.text map_start=0x… map_offset=0x…
 *	base_symbol=_text base=0x… return_addresses=1 build_id=93ac…
 *
 * Others are ignored, as everywhere.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "base/percent.h"
#include "symbolize/wire.h"

enum parameter {
	INLINES,
	DEMANGLE,
	WAIT_MS,
	KIND,
	SECTION,
	MAP_START,
	MAP_OFFSET,
	BASE_SYMBOL,
	BASE,
	RETURN_ADDRESSES,
	BUILD_ID,
	PARAMETERS
};

static const char *const names[PARAMETERS] = {
	[INLINES] = "inlines",
	[DEMANGLE] = "demangle",
	[WAIT_MS] = "wait_ms",
	[KIND] = "kind",
	[SECTION] = "section",
	[MAP_START] = "map_start",
	[MAP_OFFSET] = "map_offset",
	[BASE_SYMBOL] = "base_symbol",
	[BASE] = "base",
	[RETURN_ADDRESSES] = "return_addresses",
	[BUILD_ID] = "build_id",
};

/* What is read on its way. */
struct query_reader {
	struct exchange *x;
	const struct batch_limits *limits;
	uint32_t seen;                     /* 1 << enum parameter */
	const char *section, *base_symbol; /* the batch's; NULL */
};

/* One parameter, decoded. */
struct value {
	enum parameter name;
	const char *s;
	size_t len;
};

static struct error *wrong(const struct value *v, const char *wanted)
{
	return error_new(BAD_REQUEST, "query: %s is not %s", names[v->name],
			 wanted);
}

static struct error *read_flag(const struct value *v, bool *ret)
{
	static const char *const words[] = { "0",   "1",     "no",
					     "yes", "false", "true" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strlen(words[i]) == v->len &&
		    !memcmp(words[i], v->s, v->len)) {
			*ret = i % 2;
			return NULL;
		}
	}
	return wrong(v, "0 or 1");
}

/* Hexadecimal behind 0x, else decimal. */
static struct error *read_uint(const struct value *v, uint64_t *ret)
{
	uint64_t n = 0;

	if (v->len > 2 && v->s[0] == '0' && (v->s[1] | 0x20) == 'x')
		return wire_hex(v->s + 2, v->len - 2, ret)
			       ? NULL
			       : wrong(v, "a number below 2^64");
	for (size_t i = 0; i < v->len; i++) {
		if (v->s[i] < '0' || v->s[i] > '9' ||
		    __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(v->s[i] - '0'), &n))
			return wrong(v, "a number below 2^64");
	}
	*ret = n;
	return v->len ? NULL : wrong(v, "a number");
}

static struct error *read_name(struct query_reader *q, const struct value *v,
			       const char **ret)
{
	if (memchr(v->s, '\0', v->len))
		return wrong(v, "a name: it has a NUL");
	*ret = batch_text(&q->x->batch, v->s, v->len);
	return *ret ? NULL : error_no_memory;
}

static struct error *read_value(struct query_reader *q, const struct value *v)
{
	struct address_space *space = &q->x->options.space;
	struct batch *batch = &q->x->batch;
	uint64_t n;

	switch (v->name) {
	case INLINES:
		return read_flag(v, &batch->inlines);
	case DEMANGLE:
		return read_flag(v, &batch->demangle);
	case WAIT_MS:
		TRY(read_uint(v, &n));
		TRY(wire_check_wait(n, q->limits));
		batch->wait_ms = (unsigned)n;
		return NULL;
	case KIND:
		return address_kind_parse(v->s, v->len, &space->kind)
			       ? NULL
			       : wrong(v, "one of file_offset, vaddr, "
					  "image, runtime, section, kernel");
	case SECTION:
		return read_name(q, v, &q->section);
	case BASE_SYMBOL:
		return read_name(q, v, &q->base_symbol);
	case MAP_START:
		return read_uint(v, &space->map_start);
	case MAP_OFFSET:
		return read_uint(v, &space->map_offset);
	case BASE:
		return read_uint(v, &space->base);
	case RETURN_ADDRESSES:
		return read_flag(v, &q->x->options.return_addresses);
	default:
		return build_id_parse(v->s, v->len, &q->x->options.id)
			       ? NULL
			       : wrong(v, "a build ID");
	}
}

/* "name=value", to be changed. */
static struct error *read_parameter(struct query_reader *q, char *s, size_t len)
{
	char *equals = memchr(s, '=', len);
	size_t name_len = equals ? (size_t)(equals - s) : len;
	struct value v = { .s = "1", .len = 1 };
	unsigned i = 0;

	while (i < PARAMETERS && (strlen(names[i]) != name_len ||
				  memcmp(names[i], s, name_len) != 0))
		i++;
	if (i == PARAMETERS)
		return NULL;
	v.name = (enum parameter)i;
	if (equals) {
		v.s = equals + 1;
		v.len = percent_decode(equals + 1, len - name_len - 1, true);
	}
	if (q->seen & 1u << i)
		return error_new(BAD_REQUEST, "query: %s is there twice",
				 names[i]);
	q->seen |= 1u << i;
	return read_value(q, &v);
}

/* Of all that was said, does it make sense together? */
static struct error *check(const struct query_reader *q)
{
	const uint32_t map = 1u << MAP_START | 1u << MAP_OFFSET;
	struct address_space *space = &q->x->options.space;

	space->name = space->kind == ADDRESS_SECTION  ? q->section
		      : space->kind == ADDRESS_KERNEL ? q->base_symbol
						      : NULL;
	const char *missing = wire_check_space(space, (q->seen & map) == map,
					       q->seen & 1u << BASE);

	return missing ? error_new(BAD_REQUEST, "query: %s", missing) : NULL;
}

struct error *wire_query_read(struct exchange *x, const char *query,
			      const struct batch_limits *limits)
{
	CLEANUP_FREE char *copy = mem_strdup(query);
	struct query_reader q = { .x = x, .limits = limits };

	if (!copy)
		return error_no_memory;
	for (char *s = copy; *s;) {
		size_t len = strcspn(s, "&");
		bool is_last = !s[len];

		TRY(read_parameter(&q, s, len));
		s += len + !is_last;
	}
	return check(&q);
}
