/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of request headers, each in memory of its own: entity tags, dates,
 * ranges, lists with weights, what is passed on to other servers; and the
 * query.
 *
 * Input: lines. The first is a query, the others are values.
 *
 * Beyond what the sanitizers see: a range lies within its file; a date reads as
 * it is written; what is said of a client to others has no control byte that it
 * did not send.
 */
#include "config.h"

#include <assert.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "http/body.h"
#include "http/conditional.h"
#include "http/hop.h"
#include "http/request.h"
#include "tests/fuzz/fuzz.h"

enum { VALUES_MAX = 5, TTL = 4 };

static const struct sockaddr_in peer = { .sin_family = AF_INET };

static struct http_options options = { .forwarded_ttl_limit = TTL };
static struct http_context context = { .options = &options };

static void open_upstreams(void)
{
	static struct upstream_list list;
	static const struct upstreams_options how = { .list = &list };

	if (options.upstreams)
		return;
	upstream_list_init(&list);
	if (upstream_list_add(&list, "http://127.0.0.1:1", false) ||
	    upstreams_open(&how, &options.upstreams))
		abort();
}

static void check_range(const char *value, uint64_t size)
{
	struct byte_range r = { 0 };

	if (range_parse(value, size, &r) == RANGE_PART)
		assert(r.first < r.end && r.end <= size);
}

static void check_date(const char *value)
{
	char text[HTTP_DATE_SIZE];
	int64_t seconds, again;

	if (!http_date_parse(value, &seconds))
		return;
	http_date_format(seconds, text);
	assert(strlen(text) == HTTP_DATE_SIZE - 1);
	assert(http_date_parse(text, &again));
	/* From the year 1 to the end of 9999 nothing is lost. */
	if (seconds >= INT64_C(-62135596800) && seconds <= 253402300799)
		assert(again == seconds);
}

static void check_conditions(char *const *v)
{
	const struct conditions c = { v[0], v[1], v[2], v[3] };
	struct byte_range r = { 0 };
	char tag[ETAG_SIZE];

	enum wanted w = conditions_evaluate(&c, etag_format(0xaa, tag),
					    784111777, 100, &r);

	assert(w != WANTED_PART || (r.first < r.end && r.end <= 100));
	assert(!v[0] || !etag_matches_any(v[0], tag) || w == WANTED_NOTHING);
}

static void check_hop(struct request *rq)
{
	struct upstream_hop hop;
	char *owned = NULL;

	hop_is_last(rq);
	if (hop_of(rq, &hop, &owned)) {
		const char *before = rq->header[HEADER_FORWARDED_FOR];
		size_t n = before ? strlen(before) : 0;

		assert(!strncmp(owned, before ? before : "", n));
		assert(!strcmp(owned + n, before ? ", 0.0.0.0" : "0.0.0.0"));
		assert(!hop.traceparent || strlen(hop.traceparent) == 55);
		for (const char *p = hop.request_id; *p; p++)
			assert(*p > ' ' && *p < 0x7f);
	}
	mem_free(owned);
}

static void check_query(struct request *rq)
{
	static const char *const names[] = { "key", "value", "a", "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *value = NULL;

		if (!request_query(rq, names[i], &value))
			assert(!value);
		if (value)
			assert(strlen(value) <= strlen(rq->query));
		mem_free(value);
	}
}

static void check_request(const char *query, char *const *v)
{
	struct request rq;

	request_init(&rq, &context);
	rq.peer = (const struct sockaddr *)&peer;
	rq.query = mem_strdup(query);
	rq.header[HEADER_FORWARDED_FOR] = v[0];
	rq.header[HEADER_VIA] = v[1];
	rq.header[HEADER_USER_AGENT] = v[2];
	rq.header[HEADER_TRACEPARENT] = v[3];
	rq.header[HEADER_REQUEST_ID] = v[4];
	request_set_id(&rq);
	check_hop(&rq);
	check_query(&rq);
	request_is_libdebuginfod(&rq);
	request_deinit(&rq);
}

static void check_values(char *const *v)
{
	static const uint64_t sizes[] = { 0, 1, 100, UINT64_MAX };
	enum body_coding coding;

	check_conditions(v);
	for (size_t i = 0; i < VALUES_MAX && v[i]; i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++)
			check_range(v[i], sizes[k]);
		check_date(v[i]);
		request_accepts(v[i], "application/json");
		request_coding(v[i]);
		body_coding_parse(v[i], &coding);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *v[VALUES_MAX + 1] = { NULL };
	size_t count = 0;

	open_upstreams();
	while (size && count <= VALUES_MAX) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end ? (size_t)(end - data) : size;

		v[count++] = fuzz_text(data, n);
		n += end != NULL;
		data += n;
		size -= n;
	}
	if (count) {
		check_request(v[0], v + 1);
		check_values(v + 1);
	}
	while (count--)
		free(v[count]);
	return 0;
}
