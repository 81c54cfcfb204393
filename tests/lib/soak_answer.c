/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer has "frames", an array of objects, and "results", in which each
 * address of each module has an array of numbers of such objects.
 */
#include "config.h"

#include "tests/lib/soak_answer.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MOST = 20000 };

struct frame {
	const char *text;
	size_t size;
};

struct answer {
	struct frame *frames;
	size_t count;
	const char *results; /* behind the first bracket */
};

/* Behind a string that begins at @p s. */
static const char *skip_string(const char *s)
{
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
	}
	return *s ? s + 1 : s;
}

static const char *behind(const char *s, const char *key)
{
	const char *at = strstr(s, key);

	return at ? at + strlen(key) : NULL;
}

/* Objects of frames hold no others. */
static bool read_answer(const char *s, struct answer *ret)
{
	const char *begun = NULL;

	s = behind(s, "\n\"frames\":[");
	if (!s)
		return false;
	while (*s && (begun || *s != ']')) {
		if (*s == '"') {
			s = skip_string(s);
			continue;
		}
		if (*s == '{')
			begun = s;
		if (*s++ != '}' || !begun)
			continue;
		if (ret->count == FRAMES_MOST)
			return false;
		ret->frames[ret->count++] =
			(struct frame) { begun, (size_t)(s - begun) };
		begun = NULL;
	}
	ret->results = behind(s, "\n\"results\":[");
	return ret->results != NULL;
}

/* The frame whose number stands there, which is then behind it. */
static const struct frame *next_frame(const struct answer *a, const char **at)
{
	char *end;
	unsigned long number = strtoul(*at, &end, 10);

	if (end == *at || number >= a->count)
		return NULL;
	*at = end;
	return &a->frames[number];
}

/* Both at the bracket of an address; behind that of the same one afterwards. */
static bool same_frames(const struct answer *a, const char **at,
			const struct answer *b, const char **other)
{
	while (**at == **other && **at != ']') {
		++*at, ++*other;
		const struct frame *x = next_frame(a, at);
		const struct frame *y = next_frame(b, other);

		if (!x || !y || x->size != y->size ||
		    memcmp(x->text, y->text, x->size) != 0)
			return false;
	}
	return *(*at)++ == ']' && *(*other)++ == ']';
}

static bool same_results(const struct answer *a, const struct answer *b)
{
	const char *at = a->results, *other = b->results;
	unsigned depth = 1;

	while (depth) {
		if (*at != *other || !strchr("[],", *at) || !*at)
			return false;
		if (depth == 2 && *at == '[') {
			if (!strncmp(at, "[]", 2)) {
				at += 2;
				other += strcspn(other, "]") + 1;
			} else if (!same_frames(a, &at, b, &other)) {
				return false;
			}
			continue;
		}
		depth += *at == '[';
		depth -= *at == ']';
		at++, other++;
	}
	return true;
}

bool soak_answer_is_part(const char *got, const char *whole)
{
	struct answer a = { .frames = calloc(FRAMES_MOST, sizeof(*a.frames)) };
	struct answer b = { .frames = calloc(FRAMES_MOST, sizeof(*b.frames)) };
	bool yes = a.frames && b.frames && read_answer(got, &a) &&
		   read_answer(whole, &b) && same_results(&a, &b);

	free(a.frames);
	free(b.frames);
	return yes;
}
