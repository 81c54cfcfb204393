/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions are encoded when they are added and lie in chunks until the end;
 * of those that lose their address to a better one the bytes are wasted, which
 * is rare.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "symtab/symtab_emit.h"
#include "symtab/symtab_encode.h"
#include "symtab/symtab_pool.h"
#include "symtab/symtab_strings.h"

enum { CHUNK_SIZE = 256 * 1024 };

struct chunk {
	struct chunk *before;
	size_t size, used;
	uint8_t data[];
};

struct symtab_writer {
	struct symtab_pool pool;
	struct symtab_encoder encoder;
	struct chunk *chunks; /* the one being filled first */
	struct symtab_entry *entries;
	size_t count, capacity;
	uint64_t encoded; /* bytes in all chunks */
	bool is_cut;
};

struct error *symtab_writer_create(struct symtab_writer **ret)
{
	struct symtab_writer *w = mem_zalloc(sizeof(*w));

	if (!w)
		return error_no_memory;
	struct error *err = symtab_pool_init(&w->pool);

	if (err) {
		symtab_writer_free(w);
		return err;
	}
	*ret = w;
	return NULL;
}

void symtab_writer_free(struct symtab_writer *w)
{
	if (!w)
		return;
	while (w->chunks) {
		struct chunk *c = w->chunks;

		w->chunks = c->before;
		mem_free(c);
	}
	symtab_pool_deinit(&w->pool);
	symtab_encoder_deinit(&w->encoder);
	mem_free(w->entries);
	mem_free(w);
}

struct error *symtab_writer_string(struct symtab_writer *w, const char *s,
				   size_t len, uint32_t *ret)
{
	return symtab_pool_string(&w->pool, s, len, ret);
}

const char *symtab_writer_text(const struct symtab_writer *w, uint32_t string,
			       size_t *len_ret)
{
	const char *text = (const char *)w->pool.strings.data + string;

	*len_ret = strlen(text);
	return text;
}

struct error *symtab_writer_file(struct symtab_writer *w, uint32_t dir,
				 uint32_t base, uint32_t *ret)
{
	return symtab_pool_file(&w->pool, dir, base, ret);
}

/* Room for @size bytes that stay where they are. */
static uint8_t *take_bytes(struct symtab_writer *w, size_t size)
{
	struct chunk *c = w->chunks;

	if (!c || c->size - c->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		c = mem_alloc(sizeof(*c) + room);
		if (!c)
			return NULL;
		*c = (struct chunk) { w->chunks, room, 0 };
		w->chunks = c;
	}
	c->used += size;
	return c->data + c->used - size;
}

/* LLVM refuses a function without a name. */
static struct error *name_function(struct symtab_writer *w,
				   struct symtab_function *f, bool *has_name)
{
	*has_name = f->name || f->row_count;
	if (f->name || !*has_name)
		return NULL;
	return symtab_pool_string(&w->pool, "??", 2, &f->name);
}

struct error *symtab_writer_add(struct symtab_writer *w,
				const struct symtab_function *given)
{
	struct symtab_encoder *e = &w->encoder;
	struct symtab_function f = *given;
	struct symtab_encoded encoded;
	bool has_name;

	TRY(name_function(w, &f, &has_name));
	if (!has_name)
		return NULL;
	TRY(symtab_encode(e, &f, w->pool.file_count, &encoded));
	// Each function takes at most 12 bytes beside its own.
	if (w->encoded + e->out.size + w->pool.strings.size +
		    12 * (uint64_t)w->count >
	    UINT32_MAX)
		return error_new(LIMIT, "symbol table: more than 4 GiB");
	if (!mem_grow(&w->entries, &w->capacity, w->count + 1,
		      sizeof(*w->entries)))
		return error_no_memory;
	uint8_t *data = take_bytes(w, e->out.size + e->index.size);

	if (!data)
		return error_no_memory;
	memcpy(data, e->out.data, e->out.size);
	if (e->index.size)
		memcpy(data + e->out.size, e->index.data, e->index.size);
	w->encoded += e->out.size;
	w->entries[w->count] = (struct symtab_entry) {
		.start = f.start.v,
		.data = data,
		.length = (uint32_t)e->out.size,
		.index_length = (uint32_t)e->index.size,
		.size = encoded.size,
		.inline_count = encoded.inline_count,
		.order = (uint32_t)w->count,
		.origin = (uint8_t)f.origin,
		.has_rows = encoded.has_rows,
	};
	w->is_cut = w->is_cut || encoded.is_cut;
	w->count++;
	return NULL;
}

struct error *symtab_writer_finish(struct symtab_writer *w,
				   const struct symtab_writer_facts *facts,
				   int fd, struct symtab_written *ret)
{
	struct symtab_writer_facts all = *facts;
	struct symtab_written written;

	all.is_cut = all.is_cut || w->is_cut;
	w->count = symtab_entries_settle(w->entries, w->count, facts->layout);
	TRY(symtab_strings_settle(w->entries, w->count, &w->pool));
	TRY(symtab_emit(w->entries, w->count, &w->pool, &all, fd, &written));
	if (ret)
		*ret = written;
	return NULL;
}
