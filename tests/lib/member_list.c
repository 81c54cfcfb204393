/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "tests/lib/member_list.h"

enum { PIECE_MAX = 1 << 20 };

struct scanner_input member_input(const char *path, const void *data,
				  size_t size)
{
	return (struct scanner_input) {
		.file = input_from_memory(data, size),
		.path = path,
		.head = data,
		.head_size =
			size < SCANNER_HEAD_SIZE ? size : SCANNER_HEAD_SIZE,
	};
}

/* Up to @limit bytes, in pieces as @mode says. */
static struct error *read_forward(const struct scanner *sc,
				  struct scanner_stream *s,
				  enum member_mode mode, uint64_t limit,
				  struct buf *to)
{
	size_t piece = mode == MEMBER_PIECES ? 1 : 1 << 16, got;

	do {
		size_t want = limit < piece ? (size_t)limit : piece;
		void *room = buf_reserve(to, want + !want);

		if (!room)
			return error_no_memory;
		TRY(sc->read(s, room, want, &got));
		buf_commit(to, got);
		limit -= got;
		if (mode == MEMBER_PIECES && piece < PIECE_MAX)
			piece = piece * 3 + 1;
	} while (got);
	return NULL;
}

static struct error *read_at_random(struct codec_stream *payload,
				    struct member *m)
{
	struct input in = codec_input(payload, m->offset, m->size);
	// The second half first.
	uint64_t middle = m->size / 2;

	buf_clear(&m->data);
	void *to = buf_reserve(&m->data, (size_t)m->size + 1);

	if (!to)
		return error_no_memory;
	TRY(input_read_exact(&in, middle, (uint8_t *)to + middle,
			     (size_t)(m->size - middle)));
	TRY(input_read_exact(&in, 0, to, (size_t)middle));
	buf_commit(&m->data, (size_t)m->size);
	return NULL;
}

static struct error *read_member(const struct scanner *sc,
				 struct scanner_stream *s,
				 enum member_mode mode, struct member *m)
{
	struct codec_stream *payload = sc->payload(s);
	bool at_random =
		mode == MEMBER_RANDOM && payload && codec_is_seekable(payload);

	if (mode == MEMBER_SKIPPED)
		return NULL;
	if (!at_random)
		return read_forward(sc, s, mode,
				    mode == MEMBER_HEAD ? 64 : UINT64_MAX,
				    &m->data);
	TRY(read_forward(sc, s, mode, m->size / 2, &m->data));
	return read_at_random(payload, m);
}

static struct error *add_member(struct member_list *list,
				const struct scanner_member *from)
{
	if (!mem_grow(&list->items, &list->capacity, list->count + 1,
		      sizeof(*list->items)))
		return error_no_memory;
	char *name = mem_strdup(from->name);

	if (!name)
		return error_no_memory;
	list->items[list->count++] = (struct member) {
		.name = name,
		.size = from->size,
		.offset = from->offset,
		.mtime = from->mtime,
	};
	return NULL;
}

static struct error *read_members(const struct scanner *sc,
				  struct scanner_stream *s,
				  enum member_mode mode,
				  struct member_list *list)
{
	struct scanner_member m;
	bool found;

	for (;;) {
		TRY(sc->next(s, &m, &found));
		if (!found)
			return NULL;
		TRY(add_member(list, &m));
		TRY(read_member(sc, s, mode, &list->items[list->count - 1]));
	}
}

struct error *member_list_read(const struct scanner *scanner, const char *path,
			       const void *data, size_t size,
			       enum member_mode mode, struct member_list *ret)
{
	struct scanner_input in = member_input(path, data, size);
	struct scanner_stream *s;

	if (!scanner)
		scanner = scanner_choose(&in);
	if (!scanner)
		return error_new(UNSUPPORTED, "nobody's");
	TRY(scanner->open(&in, &s));
	struct error *err = read_members(scanner, s, mode, ret);

	scanner->payload_place(s, &ret->codec, &ret->payload_offset,
			       &ret->payload_size);
	ret->passed_over = *scanner->passed_over(s);
	if (scanner->payload(s))
		ret->decoded_bytes = codec_decoded_bytes(scanner->payload(s));
	scanner->close(s);
	return err;
}

void member_list_deinit(struct member_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		mem_free(list->items[i].name);
		buf_deinit(&list->items[i].data);
	}
	mem_free(list->items);
	*list = (struct member_list)MEMBER_LIST_INIT;
}

const struct member *member_list_find(const struct member_list *list,
				      const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i].name, name))
			return &list->items[i];
	return NULL;
}
