/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/base's JSON reader. Input: u8 flags, then the text.
 *
 * Beyond what the sanitizers see: walking through a document by its types and
 * skipping it as a whole agree on whether it is one; what was read is written
 * as what can be read.
 */
#include "config.h"

#include <assert.h>

#include "base/json_read.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

enum {
	READ_TYPED = 1 << 0, /* numbers and strings by what they may be */
	REWIND = 1 << 1,
	FAIL_MEMORY = 1 << 2,
};

struct walk {
	struct json_read r;
	struct json_write w;
	struct buf out;
	unsigned flags;
	unsigned values;
};

static void check_utf8(const char *s, size_t len)
{
	for (size_t n, at = 0; at < len; at += n) {
		n = utf8_length((const uint8_t *)s + at, len - at);
		assert(n);
	}
}

static void walk_scalar(struct walk *k, enum json_type type)
{
	struct json_mark m = json_read_mark(&k->r);
	const char *s;
	size_t len;

	if (k->flags & REWIND) {
		json_read_skip(&k->r);
		json_read_rewind(&k->r, m);
	}
	switch (type) {
	case JSON_BOOL:
		json_write_bool(&k->w, json_read_bool(&k->r));
		break;
	case JSON_STRING:
		json_read_string(&k->r, &s, &len);
		check_utf8(s, len);
		json_write_string_n(&k->w, s, len);
		break;
	default:
		json_read_skip(&k->r);
		json_write_null(&k->w);
		break;
	}
}

/* What a caller asks for need not be what is there. */
static void read_typed(struct walk *k)
{
	switch (k->values % 4) {
	case 0:
		json_read_uint(&k->r);
		break;
	case 1:
		json_read_int(&k->r);
		break;
	case 2:
		json_read_address(&k->r);
		break;
	default:
		json_read_bool(&k->r);
		break;
	}
}

static void walk_value(struct walk *k);

static void walk_array(struct walk *k)
{
	json_read_array(&k->r);
	if (!json_read_ok(&k->r))
		return; /* too deep */
	json_write_array(&k->w);
	while (json_read_item(&k->r))
		walk_value(k);
	if (json_read_ok(&k->r))
		json_write_array_end(&k->w);
}

static void walk_object(struct walk *k)
{
	const char *key;
	size_t len;

	json_read_object(&k->r);
	if (!json_read_ok(&k->r))
		return;
	json_write_object(&k->w);
	while (json_read_key(&k->r, &key, &len)) {
		/* Of what is written, as keys of ours have no NUL. */
		CLEANUP_FREE char *copy = mem_strndup(key, strnlen(key, len));

		json_write_key(&k->w, copy ? copy : "");
		walk_value(k);
	}
	if (json_read_ok(&k->r))
		json_write_object_end(&k->w);
}

/* Recursion ends at JSON_DEPTH. */
static void walk_value(struct walk *k)
{
	enum json_type type = json_read_type(&k->r);

	k->values++;
	if (type == JSON_ARRAY) {
		walk_array(k);
	} else if (type == JSON_OBJECT) {
		walk_object(k);
	} else if (k->flags & READ_TYPED && type == JSON_NUMBER) {
		read_typed(k);
		json_write_null(&k->w);
	} else {
		walk_scalar(k, type);
	}
}

static struct error *walk(const void *text, size_t size, unsigned flags,
			  struct buf *out)
{
	struct walk k = { .flags = flags };

	json_read_init(&k.r, text, size);
	json_write_init(&k.w, &k.out);
	walk_value(&k);
	struct error *err = json_read_finish(&k.r);

	json_read_deinit(&k.r);
	if (out)
		*out = k.out;
	else
		buf_deinit(&k.out);
	return err;
}

static struct error *skip(const void *text, size_t size)
{
	CLEANUP_JSON_READ struct json_read r;

	json_read_init(&r, text, size);
	json_read_skip(&r);
	return json_read_finish(&r);
}

/* As a route reads its body: known keys, each once. */
static void read_members(const void *text, size_t size)
{
	static const char *const keys[] = { "build_ids", "modules", "a", NULL };
	CLEANUP_JSON_READ struct json_read r;
	uint32_t seen = 0;
	int key;

	json_read_init(&r, text, size);
	json_read_object(&r);
	while ((key = json_read_member(&r, keys, &seen)) >= 0) {
		assert(key < 3);
		json_read_skip(&r);
	}
	error_free(json_read_finish(&r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	if (!size)
		return 0;
	unsigned flags = data[0];
	uint8_t *text = fuzz_copy(data + 1, --size);
	struct error *skipped = skip(text, size);
	struct error *walked = walk(text, size, flags & ~READ_TYPED, &out);

	assert(!skipped == !walked);
	if (!walked && !out.failed)
		assert(!skip(out.data, out.size));
	error_free(skipped);
	error_free(walked);
	if (flags & FAIL_MEMORY)
		mem_fail_at(1 + flags / 8);
	error_free(walk(text, size, flags, NULL));
	mem_fail_at(0);
	read_members(text, size);
	free(text);
	return 0;
}
