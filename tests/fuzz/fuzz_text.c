/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small readers of text in src/base that strangers' words come to first:
 * percent signs, paths, build IDs, UTF-8. Input: the text.
 *
 * Beyond what the sanitizers see: what is decoded is no longer than before; a
 * canonical path is its own canonical form and holds nothing of what it should
 * not; a build ID reads as it is written; a run of ASCII ends where it should.
 */
#include "config.h"

#include <assert.h>
#include <ctype.h>
#include <strings.h>

#include "base/build_id.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/percent.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

static void decode(const uint8_t *data, size_t size, bool is_form)
{
	uint8_t *copy = fuzz_copy(data, size);
	size_t n = percent_decode((char *)copy, size, is_form);

	assert(n <= size);
	if (!memchr(data, '%', size) && !(is_form && memchr(data, '+', size)))
		assert(n == size && !memcmp(copy, data, size));
	free(copy);
}

/* No segment of it is empty or ".", and ".." stands only at a relative one's
 * front. */
static void check_segments(const char *path)
{
	bool may_climb = *path != '/';

	if (!strcmp(path, "/"))
		return;
	for (const char *p = path + (*path == '/'); *p;) {
		size_t n = strcspn(p, "/");
		bool climbs = n == 2 && !memcmp(p, "..", 2);

		assert(n && !(n == 1 && *p == '.'));
		assert(!climbs || may_climb);
		may_climb &= climbs;
		p += n;
		if (*p)
			assert(*++p);
	}
}

static void canonicalise(const char *text)
{
	CLEANUP_FREE char *path = path_canonical(text);
	CLEANUP_FREE char *again = path ? path_canonical(path) : NULL;
	CLEANUP_FREE char *joined = path_join("/srv", text);
	CLEANUP_FREE char *beneath = joined ? path_canonical(joined) : NULL;

	if (!beneath || !again)
		abort();
	assert((*path == '/') == (*text == '/'));
	assert(!strcmp(path, again));
	check_segments(path);
	assert(*beneath == '/' && path_is_beneath(beneath, "/"));
	assert(strlen(path_base(path)) <= strlen(path));
	path_has_suffix(path, text);
	path_is_beneath(path, beneath);
}

static void parse_id(const char *text, size_t len)
{
	char hex[BUILD_ID_HEX_MAX];
	struct build_id id, same;

	if (!build_id_parse(text, len, &id)) {
		assert(!id.len);
		return;
	}
	build_id_hex(&id, hex);
	assert(strlen(hex) == len && !strncasecmp(hex, text, len));
	assert(build_id_parse(hex, len, &same) && build_id_equal(&id, &same));
}

static void read_utf8(const uint8_t *data, size_t size)
{
	size_t run = ascii_run(data, size);

	for (size_t i = 0; i < run; i++)
		assert(data[i] >= 0x20 && data[i] < 0x7f);
	assert(run == size || data[run] < 0x20 || data[run] >= 0x7f);
	for (size_t at = 0; at < size;) {
		size_t n = utf8_length(data + at, size - at);

		assert(n <= 4 && n <= size - at);
		at += n ? n : 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(data, size);
	char *text = fuzz_text(data, size);

	decode(data, size, false);
	decode(data, size, true);
	canonicalise(text);
	parse_id((char *)copy, size);
	read_utf8(copy, size);
	free(copy);
	free(text);
	return 0;
}
