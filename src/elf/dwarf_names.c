/* SPDX-License-Identifier: Apache-2.0 */
/* What a function is called.
 *
 * An entry without a name of its own has it from the one that its
 * DW_AT_specification or DW_AT_abstract_origin refers to, which may lie in
 * another unit or file. Linkage names are unique by themselves. Where there is
 * none, languages with scopes need those in front: ns::Class::f. Whose scopes
 * an entry lies in is known only to who walks down to it; so for a unit where
 * that is asked, once, all scopes are listed.
 *
 * Names are asked for again and again by each inlined call, and given to the
 * sink once. */
#include "config.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/mem.h"
#include "elf/dwarf_debug.h"
#include "elf/hash_mix.h"

enum {
	CACHE_BITS_MIN = 12,
	CACHE_BITS_MAX = 20,
	FILE_SHIFT = 48,
};

/* An entry that others lie in. Invariant: sorted by start; those of one depth
 * do not overlap. */
struct scope {
	uint64_t start; /* of its entry */
	uint64_t end;   /* of its children */
	uint32_t parent;
	uint8_t kind; /* enum dwarf_kind */
};

enum { NO_PARENT = UINT32_MAX };

struct dwarf_names {
	/* Open addressing: where an entry is, and the number of its name. */
	struct known {
		uint64_t key; /* 0: free */
		uint32_t number;
	} * known;
	unsigned bits;
	size_t known_count;
	/* Of one unit. */
	const struct dwarf_file *scopes_file;
	uint64_t scopes_unit; /* its offset */
	struct scope *scopes;
	size_t scope_count, scope_capacity;
	struct buf text;
};

struct error *dwarf_names_create(struct dwarf_names **ret)
{
	struct dwarf_names *n = mem_zalloc(sizeof(*n));

	if (!n)
		return error_no_memory;
	n->bits = CACHE_BITS_MIN;
	n->known = mem_array((size_t)1 << n->bits, sizeof(*n->known));
	if (!n->known) {
		mem_free(n);
		return error_no_memory;
	}
	*ret = n;
	return NULL;
}

void dwarf_names_free(struct dwarf_names *n)
{
	if (!n)
		return;
	mem_free(n->known);
	mem_free(n->scopes);
	buf_deinit(&n->text);
	mem_free(n);
}

void dwarf_names_forget(struct dwarf_names *n)
{
	memset(n->known, 0, sizeof(*n->known) << n->bits);
	n->known_count = 0;
}

/* The place of a key: its own, or a free one. */
static struct known *find_known(const struct dwarf_names *n, uint64_t key)
{
	size_t mask = ((size_t)1 << n->bits) - 1;
	size_t i = (size_t)hash_mix(hash_seed(n->known), key) & mask;

	while (n->known[i].key && n->known[i].key != key)
		i = (i + 1) & mask;
	return &n->known[i];
}

/* It is a cache: where there is no memory to let it grow, it is emptied. */
static void make_room(struct dwarf_names *n)
{
	struct dwarf_names old = *n;

	if (n->known_count < ((size_t)1 << n->bits) / 4 * 3)
		return;
	if (n->bits < CACHE_BITS_MAX) {
		n->known = mem_array((size_t)2 << n->bits, sizeof(*n->known));
		n->bits++;
	}
	if (n->bits == old.bits || !n->known) {
		*n = old;
		dwarf_names_forget(n);
		return;
	}
	for (size_t i = 0; i < (size_t)1 << old.bits; i++) {
		if (old.known[i].key)
			*find_known(n, old.known[i].key) = old.known[i];
	}
	mem_free(old.known);
}

/* Scopes. */

static struct error *add_scope(struct dwarf_names *n, const struct scope *s)
{
	if (n->scope_count >= ELF_DWARF_SCOPES_MAX)
		return error_new(LIMIT, "too many scopes");
	if (!mem_grow(&n->scopes, &n->scope_capacity, n->scope_count + 1,
		      sizeof(*s)))
		return error_no_memory;
	n->scopes[n->scope_count++] = *s;
	return NULL;
}

static bool is_scope(const struct dwarf_abbrev *a)
{
	return a->has_children &&
	       (a->kind == DWARF_KIND_TYPE || a->kind == DWARF_KIND_NAMESPACE ||
		a->kind == DWARF_KIND_SUBPROGRAM ||
		a->kind == DWARF_KIND_BLOCK);
}

/* Walk over the whole unit; other entries with children are scopes, too, only
 * without a name, unless they can be passed over. */
static struct error *list_scopes(struct dwarf_names *n,
				 const struct dwarf_cu *cu)
{
	struct dwarf_cursor c = dwarf_cu_cursor(cu, cu->children);
	uint32_t parent = NO_PARENT;

	n->scopes_file = cu->file;
	n->scopes_unit = cu->unit.offset;
	n->scope_count = 0;
	TRY(dwarf_debug_work(cu->d, dwarf_left(&c) / 8));
	while (c.p < c.end) {
		struct scope s = { .start = dwarf_cu_offset(cu, &c) };
		const struct dwarf_abbrev *a;
		const uint8_t *sibling;

		TRY(dwarf_die_next(cu, &c, &a));
		if (!a) {
			if (parent == NO_PARENT)
				break;
			n->scopes[parent].end = dwarf_cu_offset(cu, &c);
			parent = n->scopes[parent].parent;
			continue;
		}
		dwarf_die_pass(cu, a, &c, &sibling);
		if (!a->has_children)
			continue;
		if (sibling && a->kind == DWARF_KIND_LEAF) {
			c.p = sibling;
			continue;
		}
		s.kind = is_scope(a) ? a->kind : DWARF_KIND_OTHER;
		s.end = cu->unit.end;
		s.parent = parent;
		parent = (uint32_t)n->scope_count;
		TRY(add_scope(n, &s));
	}
	return NULL;
}

/* The innermost scope that holds an entry. */
static uint32_t find_scope(const struct dwarf_names *n, uint64_t offset)
{
	size_t low = 0, high = n->scope_count;
	uint32_t at;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (n->scopes[mid].start < offset)
			low = mid + 1;
		else
			high = mid;
	}
	at = low ? (uint32_t)(low - 1) : NO_PARENT;
	while (at != NO_PARENT && n->scopes[at].end <= offset)
		at = n->scopes[at].parent;
	return at;
}

static bool has_scopes(uint64_t language)
{
	switch (language) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_C_plus_plus_17:
	case DW_LANG_C_plus_plus_20:
	case DW_LANG_ObjC_plus_plus:
	case DW_LANG_D:
		return true;
	default:
		return false;
	}
}

/* Put "outer::" in front of what the buffer holds. */
static bool prepend(struct buf *b, const char *s, size_t len)
{
	// Lambdas are written as demanglers write them.
	bool is_lambda = len > 2 && s[0] == '<' && s[len - 1] == '>';
	uint8_t *room = buf_reserve(b, len + 2);

	if (!room)
		return false;
	buf_commit(b, len + 2);
	memmove(b->data + len + 2, b->data, b->size - len - 2);
	memcpy(b->data, s, len);
	memcpy(b->data + len, "::", 2);
	if (is_lambda) {
		b->data[0] = '{';
		b->data[len - 1] = '}';
	}
	return true;
}

static const struct dwarf_value *reference_of(const struct dwarf_die *die)
{
	if (dwarf_die_has(die, DWARF_SLOT_SPECIFICATION))
		return &die->values[DWARF_SLOT_SPECIFICATION];
	if (dwarf_die_has(die, DWARF_SLOT_ORIGIN))
		return &die->values[DWARF_SLOT_ORIGIN];
	return NULL;
}

/* A scope's name, and where it is declared: a class that is defined elsewhere
 * refers to that, and so does a function. */
static struct error *declaration_of(struct dwarf_cu *cu, struct dwarf_die *die,
				    const char **name_ret, size_t *len_ret)
{
	*name_ret = NULL;
	*len_ret = 0;
	for (unsigned i = 0; i < ELF_DWARF_REFERENCES_MAX; i++) {
		const struct dwarf_value *v = reference_of(die);
		struct dwarf_file *file = NULL;
		uint64_t offset;

		if (!*len_ret && dwarf_die_has(die, DWARF_SLOT_NAME))
			TRY(dwarf_value_string(cu,
					       &die->values[DWARF_SLOT_NAME],
					       name_ret, len_ret));
		if (v)
			dwarf_value_reference(cu, v, &file, &offset);
		// Scopes are known of this unit only.
		if (file != cu->file || offset < cu->unit.offset ||
		    offset >= cu->unit.end)
			break;
		TRY(dwarf_die_at(cu, offset, die));
	}
	return NULL;
}

static struct error *add_scope_name(struct dwarf_names *n, struct dwarf_cu *cu,
				    const struct scope *s, uint64_t *at_ret)
{
	struct dwarf_die die;
	const char *name;
	size_t len;

	TRY(dwarf_die_at(cu, s->start, &die));
	TRY(declaration_of(cu, &die, &name, &len));
	*at_ret = die.offset;
	if (len == 0)
		return NULL;
	if (n->text.size + len > ELF_FUNCTION_NAME_MAX)
		return error_new(LIMIT, "too long a name");
	TRY(dwarf_debug_work(cu->d, n->text.size / 16));
	return prepend(&n->text, name, len) ? NULL : error_no_memory;
}

/* Of an entry at an offset. What an inlined call or anything else lies in would
 * tell where it is, not what it is. */
static struct error *add_scopes(struct dwarf_names *n, struct dwarf_cu *cu,
				uint64_t offset)
{
	if (n->scopes_file != cu->file || n->scopes_unit != cu->unit.offset)
		TRY(list_scopes(n, cu));
	for (unsigned depth = 0; depth < ELF_DWARF_DEPTH_MAX; depth++) {
		uint32_t i = find_scope(n, offset);

		if (i == NO_PARENT || n->scopes[i].kind == DWARF_KIND_OTHER)
			break;
		const struct scope s = n->scopes[i];

		offset = s.start;
		if (s.kind != DWARF_KIND_BLOCK)
			TRY(add_scope_name(n, cu, &s, &offset));
	}
	return NULL;
}

/* What was found on the way along the references. */
struct found {
	const char *name; /* NULL: nothing yet */
	size_t len;
	bool is_linkage;
};

/* Names of one entry. A text may be empty, which is none. */
static struct error *look_at(struct dwarf_cu *cu, const struct dwarf_die *die,
			     struct found *f)
{
	const char *name;
	size_t len;

	if (dwarf_die_has(die, DWARF_SLOT_LINKAGE_NAME)) {
		TRY(dwarf_value_string(cu,
				       &die->values[DWARF_SLOT_LINKAGE_NAME],
				       &name, &len));
		if (len) {
			*f = (struct found) { name, len, true };
			return NULL;
		}
	}
	if (f->name || !dwarf_die_has(die, DWARF_SLOT_NAME))
		return NULL;
	TRY(dwarf_value_string(cu, &die->values[DWARF_SLOT_NAME], &name, &len));
	if (len)
		*f = (struct found) { name, len, false };
	return NULL;
}

/* The unit that a reference out of @p cu leads to. */
static struct error *follow(struct dwarf_cu *cu, struct dwarf_file *file,
			    uint64_t offset, struct dwarf_cu **ret)
{
	*ret = cu;
	if (file == cu->file && offset >= cu->unit.offset &&
	    offset < cu->unit.end)
		return NULL;
	return dwarf_cu_at(cu->d, file, offset, ret);
}

/* Follow the references up to a linkage name; the last entry is where the name
 * is declared, and tells of its scopes. */
static struct error *search(struct dwarf_names *n, struct dwarf_cu *cu,
			    const struct dwarf_die *first, struct found *f)
{
	struct dwarf_die copy;
	const struct dwarf_die *die = first;
	uint64_t language = cu->language; // partial units may have none

	for (unsigned i = 0; i < ELF_DWARF_REFERENCES_MAX; i++) {
		struct dwarf_file *file = NULL;
		uint64_t offset;

		TRY(look_at(cu, die, f));
		if (f->is_linkage)
			return NULL;
		const struct dwarf_value *v = reference_of(die);

		if (v)
			dwarf_value_reference(cu, v, &file, &offset);
		if (!file)
			break;
		TRY(follow(cu, file, offset, &cu));
		TRY(dwarf_die_at(cu, offset, &copy));
		die = &copy;
	}
	if (!f->name || !has_scopes(language))
		return NULL;
	buf_clear(&n->text);
	if (!buf_append(&n->text, f->name, f->len))
		return error_no_memory;
	TRY(add_scopes(n, cu, die->offset));
	f->name = (const char *)n->text.data;
	f->len = n->text.size;
	return NULL;
}

static struct error *ask_sink(struct dwarf_cu *cu, const struct dwarf_die *die,
			      const struct dwarf_sink *sink, uint32_t *ret)
{
	struct found f = { 0 };

	*ret = 0;
	// Damage costs the name, or what of it is behind the damage.
	TRY(dwarf_debug_note(cu->d, search(cu->d->names, cu, die, &f), cu->file,
			     die->offset));
	if (!f.name)
		return NULL;
	TRY(dwarf_debug_work(cu->d, f.len));
	return dwarf_sunk(cu->d, sink->name(sink->ctx, f.name, f.len, ret));
}

struct error *dwarf_name_of(struct dwarf_cu *cu, const struct dwarf_die *die,
			    const struct dwarf_sink *sink, uint32_t *ret)
{
	struct dwarf_names *n = cu->d->names;
	const struct dwarf_value *v = reference_of(die);
	struct dwarf_file *file = NULL;
	uint64_t offset;

	// Only what others refer to is asked for again.
	if (v && !dwarf_die_has(die, DWARF_SLOT_LINKAGE_NAME))
		dwarf_value_reference(cu, v, &file, &offset);
	if (!file || offset >> FILE_SHIFT || file->number >> 16 ||
	    dwarf_die_has(die, DWARF_SLOT_NAME))
		return ask_sink(cu, die, sink, ret);
	uint64_t key = (file->number << FILE_SHIFT | offset) + 1;
	struct known *k = find_known(n, key);

	if (!k->key) {
		TRY(ask_sink(cu, die, sink, ret));
		make_room(n);
		k = find_known(n, key);
		*k = (struct known) { key, *ret };
		n->known_count++;
	}
	*ret = k->number;
	return NULL;
}
