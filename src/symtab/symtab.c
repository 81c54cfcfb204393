/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a table: the layout is symtab_format.h's. */
#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/input.h"
#include "base/mem.h"
#include "symtab/symtab_private.h"

static const char *const quality_names[SYMTAB_QUALITIES] = {
	[SYMTAB_QUALITY_NONE] = "none",
	[SYMTAB_QUALITY_DYNSYM] = "dynsym",
	[SYMTAB_QUALITY_MINIDEBUGINFO] = "minidebuginfo",
	[SYMTAB_QUALITY_SYMTAB] = "symtab",
	[SYMTAB_QUALITY_DWARF] = "dwarf",
};

const char *symtab_quality_name(enum symtab_quality q)
{
	return quality_names[q];
}

uint64_t symtab_checksum(uint64_t before, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size) {
		size_t piece =
			size < SYMTAB_HASH_PIECE ? size : SYMTAB_HASH_PIECE;

		before = hash_bytes(p, piece, before);
		p += piece;
		size -= piece;
	}
	return before;
}

static struct error *bad(const char *what)
{
	return error_new(BAD_DATA, "symbol table: %s", what);
}

/* The tables of the GSYM, which lie one behind the other. */
static struct error *open_gsym(struct symtab *t)
{
	struct reader r;

	reader_init(&r, t->data, t->gsym_size, false);
	uint32_t magic = reader_u32(&r);
	uint16_t version = reader_u16(&r);

	if (!reader_ok(&r) || magic != GSYM_MAGIC || version != GSYM_VERSION)
		return bad("not GSYM version 1");
	t->offset_size = reader_u8(&r);
	uint8_t uuid_size = reader_u8(&r);

	t->base = reader_u64(&r);
	t->count = reader_u32(&r);
	uint32_t strings_at = reader_u32(&r);

	t->strings_size = reader_u32(&r);
	reader_skip(&r, GSYM_UUID_MAX);
	if (uuid_size > GSYM_UUID_MAX ||
	    (t->offset_size != 1 && t->offset_size != 2 &&
	     t->offset_size != 4 && t->offset_size != 8))
		return bad("bad header");
	t->offsets = reader_bytes(&r, (size_t)t->count * t->offset_size);
	reader_skip(&r, -r.pos & 3);
	t->infos = reader_bytes(&r, (size_t)t->count * 4);
	t->file_count = reader_u32(&r);
	t->files = reader_bytes(&r, (size_t)t->file_count * 8);
	reader_seek(&r, strings_at);
	t->strings = (const char *)reader_bytes(&r, t->strings_size);
	if (!reader_ok(&r) || !t->file_count)
		return bad("truncated");
	if (!t->strings_size || t->strings[0] ||
	    t->strings[t->strings_size - 1])
		return bad("bad string table");
	return NULL;
}

static struct error *read_facts(struct symtab *t, struct reader *r)
{
	size_t len = reader_u8(r);
	const uint8_t *id = reader_bytes(r, len);
	uint8_t quality = reader_u8(r);

	uint8_t flags = reader_u8(r);

	t->is_whole = flags & SYMTAB_IS_WHOLE;
	t->is_cut = flags & SYMTAB_IS_CUT;
	if (!reader_ok(r) || quality >= SYMTAB_QUALITIES ||
	    (len && !build_id_set(&t->id, id, len)))
		return bad("bad facts");
	t->quality = (enum symtab_quality)quality;
	return symtab_layout_get(r, &t->layout);
}

/* A part of the private section, from where the trailer says. */
static const uint8_t *part(const struct symtab *t, struct reader *trailer,
			   size_t *size_ret)
{
	uint64_t at = reader_u64(trailer);
	uint64_t size = reader_u64(trailer);
	size_t end = t->size - SYMTAB_TRAILER_SIZE;

	*size_ret = 0;
	if (at < t->gsym_size || at > end || size > end - at)
		return NULL;
	*size_ret = (size_t)size;
	return t->data + at;
}

static struct error *open_parts(struct symtab *t, struct reader *trailer)
{
	size_t facts_size, names_size, spans_size, index_size;
	struct reader r;

	t->gsym_size = reader_u64(trailer);
	if (t->gsym_size > t->size - SYMTAB_TRAILER_SIZE)
		return bad("bad trailer");
	const uint8_t *facts = part(t, trailer, &facts_size);
	const uint8_t *names = part(t, trailer, &names_size);

	t->spans = part(t, trailer, &spans_size);
	t->span_count = spans_size / 4;
	t->index = part(t, trailer, &index_size);
	t->index_size = index_size;
	if (!facts || !names || !t->spans || !t->index)
		return bad("bad trailer");
	TRY(open_gsym(t));
	if (index_size < (size_t)t->count * 4)
		t->index = NULL;
	reader_init(&r, facts, facts_size, false);
	TRY(read_facts(t, &r));
	return symtab_names_open(names, names_size, &t->names);
}

static struct error *open_table(struct symtab *t, const struct build_id *id)
{
	struct reader r;

	if (t->size < GSYM_HEADER_SIZE + SYMTAB_TRAILER_SIZE)
		return bad("too short");
	const uint8_t *trailer = t->data + t->size - SYMTAB_TRAILER_SIZE;

	reader_init(&r, trailer, SYMTAB_TRAILER_SIZE, false);
	if (memcmp(reader_bytes(&r, 8), SYMTAB_MAGIC, 8) != 0)
		return bad("no trailer");
	uint32_t version = reader_u32(&r);
	uint32_t producer = reader_u32(&r);

	if (version != SYMTAB_VERSION || producer != SYMTAB_PRODUCER)
		return error_new(UNSUPPORTED,
				 "symbol table: version %u of producer %u",
				 version, producer);
	if (symtab_checksum(0, t->data, t->size - 8) !=
	    symtab_u64(trailer + SYMTAB_CHECKSUM_AT))
		return bad("wrong checksum");
	TRY(open_parts(t, &r));
	if (id && !build_id_equal(id, &t->id))
		return bad("of another build ID");
	t->memory = t->size + sizeof(*t) + symtab_layout_memory(&t->layout);
	return NULL;
}

struct error *symtab_open_memory(const void *data, size_t size,
				 const struct build_id *id, struct symtab **ret)
{
	CLEANUP_SYMTAB struct symtab *t = mem_zalloc(sizeof(*t));

	if (!t)
		return error_no_memory;
	atomic_init(&t->refs, 1);
	t->data = data;
	t->size = size;
	TRY(open_table(t, id));
	*ret = STEAL(t);
	return NULL;
}

/* A copy of the file's bytes. Were the file itself mapped, whoever writes to it
 * would change what was checked, and whoever cuts it off, or a disk that fails,
 * would end the process. */
static struct error *copy_file(int fd, size_t size, struct symtab *t)
{
	struct input in = input_from_fd(fd, 0, size);
	uint8_t *data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		return error_errno("symbol table: mmap");
	t->data = data;
	t->size = size;
	t->is_mapped = true;
	TRY(input_read_exact(&in, 0, data, size));
	if (mprotect(data, size, PROT_READ))
		return error_errno("symbol table: mprotect");
	return NULL;
}

struct error *symtab_open(int fd, const struct build_id *id,
			  struct symtab **ret)
{
	CLEANUP_SYMTAB struct symtab *t = mem_zalloc(sizeof(*t));
	struct stat st;

	if (!t)
		return error_no_memory;
	atomic_init(&t->refs, 1);
	if (fstat(fd, &st) < 0)
		return error_errno("symbol table: fstat");
	if (st.st_size < GSYM_HEADER_SIZE + SYMTAB_TRAILER_SIZE)
		return bad("too short");
	TRY(copy_file(fd, (size_t)st.st_size, t));
	TRY(open_table(t, id));
	*ret = STEAL(t);
	return NULL;
}

struct symtab *symtab_get(struct symtab *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void symtab_put(struct symtab *t)
{
	if (!t ||
	    atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) > 1)
		return;
	symtab_layout_deinit(&t->layout);
	if (t->is_mapped)
		munmap((void *)t->data, t->size);
	mem_free(t);
}

const struct build_id *symtab_build_id(const struct symtab *t)
{
	return &t->id;
}

enum symtab_quality symtab_quality(const struct symtab *t)
{
	return t->quality;
}

const struct symtab_layout *symtab_layout(const struct symtab *t)
{
	return &t->layout;
}

bool symtab_is_whole(const struct symtab *t)
{
	return t->is_whole;
}

bool symtab_is_cut(const struct symtab *t)
{
	return t->is_cut;
}

size_t symtab_bytes(const struct symtab *t)
{
	return t->size;
}

size_t symtab_memory(const struct symtab *t)
{
	return t->memory;
}

size_t symtab_gsym_bytes(const struct symtab *t)
{
	return t->gsym_size;
}

const uint8_t *symtab_data(const struct symtab *t)
{
	return t->data;
}

uint64_t symtab_hash(const struct symtab *t)
{
	return symtab_u64(t->data + t->size - SYMTAB_TRAILER_SIZE +
			  SYMTAB_CHECKSUM_AT);
}

const char *symtab_name(const struct symtab *t, uint32_t name, size_t *len_ret)
{
	const char *s = name < t->strings_size ? t->strings + name : "";

	if (len_ret)
		*len_ret = strlen(s);
	return s;
}

void symtab_file(const struct symtab *t, uint32_t file, const char **dir_ret,
		 size_t *dir_len_ret, const char **base_ret,
		 size_t *base_len_ret)
{
	const uint8_t *f = t->files + (size_t)8 * file;

	if (file >= t->file_count)
		f = t->files;
	*dir_ret = symtab_name(t, symtab_u32(f), dir_len_ret);
	*base_ret = symtab_name(t, symtab_u32(f + 4), base_len_ret);
}
