/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "upstream/curl_use.h"
#include "upstream/upstream_list.h"

enum { FILE_LIMIT = 1 << 20, TOKEN_LIMIT = 16 << 10 };

static void manner_deinit(struct upstream_manner *m)
{
	for (size_t i = 0; i < m->header_count; i++)
		mem_free(m->headers[i]);
	m->header_count = 0;
	mem_free(STEAL(m->ca_file));
}

static struct error *manner_copy(const struct upstream_manner *from,
				 struct upstream_manner *to)
{
	*to = *from;
	to->header_count = 0;
	to->ca_file = from->ca_file ? mem_strdup(from->ca_file) : NULL;
	if (from->ca_file && !to->ca_file)
		return error_no_memory;
	for (size_t i = 0; i < from->header_count; i++) {
		to->headers[i] = mem_strdup(from->headers[i]);
		if (!to->headers[i]) {
			manner_deinit(to);
			return error_no_memory;
		}
		to->header_count++;
	}
	return NULL;
}

void upstream_list_init(struct upstream_list *l)
{
	*l = (struct upstream_list) {
		.manner = { .timeout_ms = 10000,
			    .connect_ms = 5000,
			    .hedge_ms = 500,
			    .retries = 2,
			    .concurrency = 4 },
	};
}

static void spec_deinit(struct upstream_spec *s)
{
	mem_free(s->base);
	mem_free(s->name);
	mem_free(s->authority);
	manner_deinit(&s->manner);
	*s = (struct upstream_spec) { 0 };
}

void upstream_list_deinit(struct upstream_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		spec_deinit(&l->v[i]);
	l->count = 0;
	manner_deinit(&l->manner);
}

/* ---- URLs ---------------------------------------------------------------- */

static char *url_part(CURLU *u, CURLUPart part, unsigned flags)
{
	char *value = NULL;

	return curl_url_get(u, part, &value, flags) ? NULL : value;
}

/* What may be said of a URL: a password in it may not. */
static int shown_size(const char *url, size_t size, const char **ret)
{
	const char *at = memrchr(url, '@', size);

	*ret = at ? at + 1 : url;
	return (int)(size - (size_t)(*ret - url));
}

/* Without slashes and "/buildid" at its end. */
static size_t base_size(const char *url, size_t size)
{
	static const char last[] = "/buildid";
	size_t n = sizeof(last) - 1;

	while (size && url[size - 1] == '/')
		size--;
	if (size > n && !memcmp(url + size - n, last, n))
		size -= n;
	while (size && url[size - 1] == '/')
		size--;
	return size;
}

/* Host, and port where one is given; @p flags CURLU_DEFAULT_PORT: always. */
static struct error *make_name(CURLU *u, unsigned flags, char **ret)
{
	CLEANUP_CURL_TEXT char *host = url_part(u, CURLUPART_HOST, 0);
	CLEANUP_CURL_TEXT char *port = url_part(u, CURLUPART_PORT, flags);

	if (!host)
		return error_new(BAD_REQUEST, "no host");
	*ret = port ? mem_printf("%s:%s", host, port) : mem_strdup(host);
	return *ret ? NULL : error_no_memory;
}

static bool is_http(const char *url, size_t size)
{
	return (size > 7 && !strncasecmp(url, "http://", 7)) ||
	       (size > 8 && !strncasecmp(url, "https://", 8));
}

static struct error *parse_url(const char *url, size_t size,
			       struct upstream_spec *ret)
{
	CLEANUP_CURL_URL CURLU *u = curl_url();

	ret->base = mem_strndup(url, base_size(url, size));
	if (!u || !ret->base)
		return error_no_memory;
	CURLUcode rc = is_http(url, size)
			       ? curl_url_set(u, CURLUPART_URL, ret->base, 0)
			       : CURLUE_UNSUPPORTED_SCHEME;

	if (rc)
		return error_new(BAD_REQUEST, "%s",
				 rc == CURLUE_UNSUPPORTED_SCHEME
					 ? "neither http nor https"
					 : curl_url_strerror(rc));
	CLEANUP_CURL_TEXT char *query = url_part(u, CURLUPART_QUERY, 0);
	CLEANUP_CURL_TEXT char *fragment = url_part(u, CURLUPART_FRAGMENT, 0);

	if (query || fragment)
		return error_new(BAD_REQUEST, "has a query or a fragment");
	TRY(make_name(u, CURLU_DEFAULT_PORT, &ret->authority));
	return make_name(u, 0, &ret->name);
}

static bool is_known(const struct upstream_list *l, const char *base)
{
	for (size_t i = 0; i < l->count; i++) {
		if (!strcmp(l->v[i].base, base))
			return true;
	}
	return false;
}

static struct error *add_url(struct upstream_list *l, const char *url,
			     size_t size)
{
	struct upstream_spec spec = { 0 };
	struct error *err = parse_url(url, size, &spec);

	if (err || is_known(l, spec.base)) {
		const char *shown;
		int n = shown_size(url, size, &shown);

		spec_deinit(&spec);
		return error_wrap(err, "upstream \"%.*s\"", n, shown);
	}
	if (l->count == UPSTREAMS_MAX)
		err = error_new(BAD_REQUEST, "more than %d upstreams",
				(int)UPSTREAMS_MAX);
	if (!err)
		err = manner_copy(&l->manner, &spec.manner);
	if (err) {
		spec_deinit(&spec);
		return err;
	}
	l->v[l->count++] = spec;
	return NULL;
}

struct error *upstream_list_add(struct upstream_list *l, const char *urls,
				bool is_lenient)
{
	static const char space[] = " \t\r\n\f\v";

	for (const char *p = urls + strspn(urls, space); *p;
	     p += strspn(p, space)) {
		size_t size = strcspn(p, space);

		if (!is_lenient || is_http(p, size))
			TRY(add_url(l, p, size));
		p += size;
	}
	return NULL;
}

const struct upstream_spec *upstream_list_find(const struct upstream_list *l,
					       const char *host,
					       const char *port)
{
	size_t n = strlen(host);

	for (size_t i = 0; i < l->count; i++) {
		const char *authority = l->v[i].authority;

		if (!strncasecmp(authority, host, n) && authority[n] == ':' &&
		    !strcmp(authority + n + 1, port))
			return &l->v[i];
	}
	return NULL;
}

/* ---- Headers ------------------------------------------------------------- */

struct error *upstream_list_add_header(struct upstream_list *l,
				       const char *header)
{
	struct upstream_manner *m = &l->manner;
	size_t name = strspn(header, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789-_");

	if (!name || header[name] != ':')
		return error_new(BAD_REQUEST,
				 "a header is \"Name: value\", and this is "
				 "none");
	for (const char *p = header; *p; p++) {
		if ((unsigned char)*p < ' ' && *p != '\t')
			return error_new(BAD_REQUEST,
					 "control byte in header %.*s",
					 (int)name, header);
	}
	if (m->header_count == UPSTREAM_HEADERS_MAX)
		return error_new(BAD_REQUEST, "more than %d headers",
				 (int)UPSTREAM_HEADERS_MAX);
	m->headers[m->header_count] = mem_strdup(header);
	if (!m->headers[m->header_count])
		return error_no_memory;
	m->header_count++;
	return NULL;
}

static struct error *add_token(struct upstream_list *l, const char *path)
{
	CLEANUP_FREE char *text = NULL;

	TRY(file_read_text(path, TOKEN_LIMIT, &text));
	text[strcspn(text, "\r\n")] = '\0';
	CLEANUP_FREE char *header =
		mem_printf("Authorization: Bearer %s", text);

	if (!header)
		return error_no_memory;
	return upstream_list_add_header(l, header);
}

/* Whoever mistypes it is told at the start, and not by each file that cannot be
 * fetched. What a certificate says is libcurl's to read. */
static struct error *set_ca_file(struct upstream_list *l, const char *path)
{
	CLEANUP_FREE char *text = NULL;

	TRY(file_read_text(path, FILE_LIMIT, &text));
	if (!strstr(text, "-----BEGIN ") || !strstr(text, "CERTIFICATE-----"))
		return error_new(BAD_REQUEST, "no certificate in %s", path);
	mem_free(l->manner.ca_file);
	l->manner.ca_file = mem_strdup(path);
	return l->manner.ca_file ? NULL : error_no_memory;
}

/* ---- The file ------------------------------------------------------------ */

static struct error *parse_number(const char *key, const char *value,
				  unsigned factor, unsigned most, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (end == value || *end || !isdigit((unsigned char)*value) || n > most)
		return error_new(BAD_REQUEST,
				 "%s: \"%s\" is no whole number up to %u", key,
				 value, most);
	*ret = (unsigned)n * factor;
	return NULL;
}

static struct error *parse_key(struct upstream_list *l, const char *key,
			       const char *value)
{
	struct upstream_manner *m = &l->manner;
	const struct {
		const char *key;
		unsigned *field, factor, least, most;
	} numbers[] = {
		{ "timeout", &m->timeout_ms, 1000, 1, 86400 },
		{ "connect-timeout", &m->connect_ms, 1000, 1, 86400 },
		{ "hedge", &m->hedge_ms, 1, 0, 86400000 },
		{ "retries", &m->retries, 1, 0, 100 },
		{ "concurrency", &m->concurrency, 1, 1, 1000 },
	};

	if (!strcmp(key, "header"))
		return upstream_list_add_header(l, value);
	if (!strcmp(key, "token-file"))
		return error_wrap(add_token(l, value), "token-file");
	if (!strcmp(key, "ca-file"))
		return error_wrap(set_ca_file(l, value), "ca-file");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(key, numbers[i].key) != 0)
			continue;
		TRY(parse_number(key, value, numbers[i].factor, numbers[i].most,
				 numbers[i].field));
		if (*numbers[i].field < numbers[i].least)
			return error_new(BAD_REQUEST, "%s: 0 is too small",
					 key);
		return NULL;
	}
	return error_new(BAD_REQUEST, "unknown key \"%s\"", key);
}

static void trim(char **begin, char *end)
{
	while (*begin < end && isspace((unsigned char)**begin))
		++*begin;
	while (end > *begin && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
}

/* What a section says holds for its URL alone: that is added at its end. */
struct parse {
	struct upstream_list *l;
	struct upstream_manner common; /* before the first section */
	char *url;                     /* of the section; NULL: none yet */
};

static struct error *end_section(struct parse *p)
{
	if (!p->url)
		return NULL;
	struct error *err = upstream_list_add(p->l, p->url, false);

	manner_deinit(&p->l->manner);
	if (!err)
		err = manner_copy(&p->common, &p->l->manner);
	return err;
}

static struct error *begin_section(struct parse *p, char *line, char *end)
{
	if (end - line < 3 || end[-1] != ']')
		return error_new(BAD_REQUEST, "a section is \"[URL]\"");
	TRY(end_section(p));
	if (!p->url)
		TRY(manner_copy(&p->l->manner, &p->common));
	end[-1] = '\0';
	p->url = line + 1;
	return NULL;
}

static struct error *parse_line(struct parse *p, char *line)
{
	char *end = line + strlen(line);

	trim(&line, end);
	end = line + strlen(line);
	if (!*line || *line == '#' || *line == ';')
		return NULL;
	if (*line == '[')
		return begin_section(p, line, end);
	char *equals = strchr(line, '=');

	if (!equals)
		return error_new(BAD_REQUEST,
				 "neither \"[URL]\" nor \"key = value\"");
	char *key = line, *value = equals + 1;

	trim(&key, equals);
	trim(&value, end);
	return parse_key(p->l, key, value);
}

struct error *upstream_list_parse(struct upstream_list *l, const char *path,
				  const char *text)
{
	CLEANUP_FREE char *copy = mem_strdup(text);
	struct parse p = { .l = l };
	struct error *err = NULL;
	unsigned number = 0;
	char *rest = copy, *line;

	if (!copy)
		return error_no_memory;
	while (!err && (line = strsep(&rest, "\n"))) {
		number++;
		err = parse_line(&p, line);
	}
	if (!err)
		err = end_section(&p);
	manner_deinit(&p.common);
	return error_wrap(err, "%s:%u", path, number);
}

struct error *upstream_list_read(struct upstream_list *l, const char *path)
{
	CLEANUP_FREE char *text = NULL;

	TRY(file_read_text(path, FILE_LIMIT, &text));
	return upstream_list_parse(l, path, text);
}
