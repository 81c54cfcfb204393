/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "http/address.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static void map_v4(const struct in_addr *v4, struct address *ret)
{
	memcpy(ret->bytes, mapped, sizeof(mapped));
	memcpy(ret->bytes + sizeof(mapped), v4, 4);
}

static bool is_v4(const struct address *a)
{
	return !memcmp(a->bytes, mapped, sizeof(mapped));
}

bool address_from_sockaddr(const struct sockaddr *from, struct address *ret)
{
	if (from && from->sa_family == AF_INET) {
		map_v4(&((const struct sockaddr_in *)from)->sin_addr, ret);
		return true;
	}
	if (!from || from->sa_family != AF_INET6)
		return false;
	memcpy(ret->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	return true;
}

void address_to_sockaddr(const struct address *from,
			 struct sockaddr_storage *ret)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (is_v4(from)) {
		four->sin_family = AF_INET;
		memcpy(&four->sin_addr, from->bytes + sizeof(mapped), 4);
		return;
	}
	six->sin6_family = AF_INET6;
	memcpy(&six->sin6_addr, from->bytes, 16);
}

static bool parse_literal(const char *text, size_t size, struct address *ret)
{
	char copy[INET6_ADDRSTRLEN];
	struct in_addr four;

	if (size == 0 || size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (inet_pton(AF_INET, copy, &four) == 1) {
		map_v4(&four, ret);
		return true;
	}
	return inet_pton(AF_INET6, copy, ret->bytes) == 1;
}

static bool is_port(const char *text, size_t size)
{
	if (size < 2 || size > 6 || text[0] != ':')
		return false;
	for (size_t i = 1; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return true;
}

bool address_parse(const char *text, size_t size, struct address *ret)
{
	if (size && text[0] == '[') {
		const char *end = memchr(text, ']', size);
		size_t inner = end ? (size_t)(end - text) - 1 : 0;

		if (!end)
			return false;
		return parse_literal(text + 1, inner, ret) &&
		       memchr(text, ':', inner) &&
		       (size == inner + 2 ||
			is_port(end + 1, size - inner - 2));
	}
	if (parse_literal(text, size, ret))
		return true;
	const char *colon = memchr(text, ':', size);

	return colon && is_port(colon, size - (size_t)(colon - text)) &&
	       parse_literal(text, (size_t)(colon - text), ret) && is_v4(ret);
}

struct address address_of_client(const struct address *from)
{
	struct address ret = *from;

	if (!is_v4(&ret))
		memset(ret.bytes + 8, 0, 8);
	return ret;
}

static bool parse_bits(const char *text, size_t size, unsigned most,
		       unsigned *ret)
{
	unsigned v = 0;

	if (size == 0 || size > 3)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (unsigned)(text[i] - '0');
	}
	*ret = v;
	return v <= most;
}

static bool parse_range(const char *text, size_t size,
			struct address_range *ret)
{
	const char *slash = memchr(text, '/', size);
	size_t literal = slash ? (size_t)(slash - text) : size;
	unsigned bits;

	if (!parse_literal(text, literal, &ret->first))
		return false;
	unsigned before = is_v4(&ret->first) ? 96 : 0;

	bits = 128 - before;
	if (slash &&
	    !parse_bits(slash + 1, size - literal - 1, 128 - before, &bits))
		return false;
	ret->bits = before + bits;
	return true;
}

struct error *address_ranges_parse(const char *text, struct address_ranges *ret)
{
	size_t words = 0;

	*ret = (struct address_ranges) { 0 };
	for (const char *p = text; p && *p; p++)
		words += *p != ' ' && (p == text || p[-1] == ' ');
	if (words == 0)
		return NULL;
	ret->v = mem_array(words, sizeof(*ret->v));
	if (!ret->v)
		return error_no_memory;
	for (const char *p = text + strspn(text, " "); *p;) {
		size_t size = strcspn(p, " ");

		if (!parse_range(p, size, &ret->v[ret->count])) {
			address_ranges_free(ret);
			return error_new(BAD_REQUEST,
					 "%.*s: wants an address or "
					 "ADDRESS/BITS, as 10.0.0.0/8",
					 (int)size, p);
		}
		ret->count++;
		p += size;
		p += strspn(p, " ");
	}
	return NULL;
}

void address_ranges_free(struct address_ranges *ranges)
{
	mem_free(ranges->v);
	*ranges = (struct address_ranges) { 0 };
}

static bool is_in_range(const struct address *a, const struct address_range *r)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	if (memcmp(a->bytes, r->first.bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       (a->bytes[whole] ^ r->first.bytes[whole]) >> (8 - rest) == 0;
}

bool address_is_in(const struct address *a, const struct address_ranges *ranges)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (is_in_range(a, &ranges->v[i]))
			return true;
	}
	return false;
}

bool address_forwarded(const char *list, const struct address_ranges *trusted,
		       struct address *ret)
{
	const char *end = list ? list + strlen(list) : NULL;
	bool found = false;

	while (end && end > list) {
		const char *item = end;

		while (item > list && item[-1] != ',')
			item--;
		const char *next = item > list ? item - 1 : list;

		while (item < end && (*item == ' ' || *item == '\t'))
			item++;
		while (end > item && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		struct address a;

		if (!address_parse(item, (size_t)(end - item), &a))
			return found;
		*ret = a;
		found = true;
		if (!address_is_in(&a, trusted))
			return true;
		end = next;
	}
	return found;
}
