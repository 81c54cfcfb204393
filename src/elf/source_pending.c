/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded pieces: for each file, its base, its directory and its name, each
 *
 *	kind (1): 0 none, 1 missing, 2 text, 3 in the alternate file
 *	text: its length (u32) and bytes; in the alternate file: the offset in
 *	its .debug_str (u64)
 *
 * Little endian. Source: ours; written and read here alone. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "elf/dwarf_reader.h"
#include "elf/dwarf_strings.h"
#include "elf/elf_file.h"
#include "elf/elf_limits.h"
#include "elf/elf_note.h"
#include "elf/source_pending.h"

enum part_kind { PART_NONE, PART_MISSING, PART_TEXT, PART_ALT };

static void put_part(const struct source_names *n, uint64_t part,
		     struct buf *out)
{
	struct source_ref ref = { part };

	switch (source_ref_kind(ref)) {
	case SOURCE_ALT:
		buf_put_u8(out, PART_ALT);
		buf_put_u64(out, source_ref_offset(ref));
		break;
	case SOURCE_POOL:
		buf_put_u8(out, PART_TEXT);
		buf_put_str(out, source_names_text(n, part));
		break;
	default:
		buf_put_u8(out, source_ref_kind(ref) == SOURCE_NONE
					? PART_NONE
					: PART_MISSING);
		break;
	}
}

struct error *source_pending_put(const struct source_names *n, struct buf *out)
{
	for (size_t i = 0; i < n->files.count; i++) {
		const struct key *k = &n->files.keys[i];

		if (!source_names_needs_alt(n, k))
			continue;
		if (out->size >= ELF_SOURCE_BYTES_MAX)
			return error_new(LIMIT,
					 "more than %" PRIu64
					 " bytes of names that wait for the "
					 "alternate file",
					 ELF_SOURCE_BYTES_MAX);
		put_part(n, k->a, out);
		put_part(n, k->b, out);
		put_part(n, k->c, out);
		if (out->failed)
			return error_no_memory;
	}
	return NULL;
}

static struct error *get_part(struct source_names *n, struct reader *r,
			      struct source_ref *ret)
{
	unsigned kind = reader_u8(r);
	const uint8_t *text;
	size_t size;

	switch (kind) {
	case PART_NONE:
		*ret = source_ref_at(SOURCE_NONE, 0);
		return NULL;
	case PART_MISSING:
		*ret = source_ref_at(SOURCE_MISSING, 0);
		return NULL;
	case PART_TEXT:
		text = reader_sized(r, &size);
		if (!text || memchr(text, 0, size))
			break;
		return source_names_string(n, (const char *)text, size, ret);
	case PART_ALT:
		*ret = source_ref_at(SOURCE_ALT, reader_u64(r));
		return NULL;
	default:
		break;
	}
	return error_new(BAD_DATA, "broken pieces of names");
}

/* @p n is empty. */
static struct error *get_pending(const struct alt_names *names,
				 struct source_names *n)
{
	struct reader r;

	reader_init(&r, names->pending, names->pending_size, false);
	while (reader_left(&r)) {
		struct source_ref base, dir, name;

		TRY(get_part(n, &r, &base));
		TRY(get_part(n, &r, &dir));
		TRY(get_part(n, &r, &name));
		if (!reader_ok(&r))
			return error_new(BAD_DATA, "pieces of names end early");
		TRY(source_names_add(n, base, dir, name));
	}
	return NULL;
}

struct alt_sources {
	struct source_names wanted; /* each name is one string */
	struct source_names read;   /* its strings are what was read */
	struct source_string *strings;
	size_t count;
};

struct error *alt_sources_create(struct alt_sources **ret)
{
	*ret = mem_zalloc(sizeof(**ret));
	return *ret ? NULL : error_no_memory;
}

void alt_sources_destroy(struct alt_sources *a)
{
	if (!a)
		return;
	source_names_deinit(&a->wanted);
	source_names_deinit(&a->read);
	mem_free(a->strings);
	mem_free(a);
}

struct error *alt_sources_want(struct alt_sources *a,
			       const struct alt_names *names)
{
	CLEANUP(source_names_deinit) struct source_names n = { 0 };
	CLEANUP_FREE struct source_string *strings = NULL;
	struct source_ref none = source_ref_at(SOURCE_NONE, 0);
	size_t count;

	TRY(get_pending(names, &n));
	TRY(source_names_wanted(&n, SOURCE_ALT, &strings, &count));
	for (size_t i = 0; i < count; i++)
		TRY(source_names_add(
			&a->wanted, none, none,
			source_ref_at(SOURCE_ALT, strings[i].offset)));
	return NULL;
}

static struct error *read_strings(struct alt_sources *a, struct elf_file *f)
{
	enum { STEP = 512 };
	CLEANUP_DWARF_READER struct dwarf_reader d;

	TRY(dwarf_reader_init(&d, f));
	if (!d.sections.str)
		return error_new(BAD_DATA, "it has no .debug_str");
	struct error *err = dwarf_strings_read(
		&d, d.sections.str, STEP, ".debug_str", a->strings, a->count);

	// What could be read stays.
	if (err && elf_is_damage(err)) {
		error_free(err);
		err = NULL;
	}
	TRY(err);
	a->read = d.names;
	d.names = (struct source_names) { 0 };
	return NULL;
}

static struct error *read_file(struct alt_sources *a, struct elf_file *f,
			       const struct build_id *id)
{
	CLEANUP_FREE char *go_id = NULL;
	struct build_id its = { 0 };

	TRY(elf_file_ids(f, &its, &go_id));
	if (!build_id_equal(&its, id))
		return error_new(BAD_DATA, "it has another build ID");
	return read_strings(a, f);
}

struct error *alt_sources_read(struct alt_sources *a, struct input *alt,
			       const struct build_id *id)
{
	CLEANUP_ELF_FILE struct elf_file f = { 0 };

	TRY(source_names_wanted(&a->wanted, SOURCE_ALT, &a->strings,
				&a->count));
	TRY(elf_file_open(alt, &f));
	struct error *err = read_file(a, &f, id);
	struct error *input_error = elf_file_take_error(&f);

	if (input_error) {
		error_free(err);
		return input_error;
	}
	return err;
}

static int compare_places(const void *a, const void *b)
{
	const struct source_string *sa = a;
	const struct source_string *sb = b;

	return (sa->offset > sb->offset) - (sa->offset < sb->offset);
}

/* Into names of their own, from those all wanted. */
static struct error *take_strings(const struct alt_sources *a,
				  struct source_names *n,
				  struct source_string *strings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct source_string *found =
			a->count ? bsearch(&strings[i], a->strings, a->count,
					   sizeof(*strings), compare_places)
				 : NULL;
		const char *text =
			found ? source_names_text(&a->read, found->ref.v)
			      : NULL;

		if (text)
			TRY(source_names_string(n, text, strlen(text),
						&strings[i].ref));
	}
	return NULL;
}

/* The name at @p at; NULL at the list's end. */
static const char *name_at(const void *list, size_t size, size_t at)
{
	return at < size ? (const char *)list + at : NULL;
}

/* Two sorted lists of different names become one. Both end with a NUL. */
static struct error *merge(const struct alt_names *known,
			   const struct buf *joined, struct buf *to,
			   size_t *count_ret)
{
	size_t at_known = 0, at_joined = 0;

	for (*count_ret = 0; to->size < ELF_SOURCE_BYTES_MAX; ++*count_ret) {
		const char *a =
			name_at(known->known, known->known_size, at_known);
		const char *b = name_at(joined->data, joined->size, at_joined);

		if (!a && !b)
			break;
		int order = !a ? 1 : !b ? -1 : strcmp(a, b);
		const char *name = order <= 0 ? a : b;
		size_t size = strlen(name) + 1;

		if (!buf_append(to, name, size))
			return error_no_memory;
		at_known += order <= 0 ? size : 0;
		at_joined += order >= 0 ? size : 0;
	}
	return NULL;
}

struct error *alt_sources_join(const struct alt_sources *a,
			       const struct alt_names *names,
			       struct buf *sources, size_t *count_ret)
{
	CLEANUP(source_names_deinit) struct source_names n = { 0 };
	CLEANUP_FREE struct source_string *strings = NULL;
	CLEANUP_BUF struct buf joined = BUF_INIT;
	size_t count;
	bool complete;

	if (names->known_size && names->known[names->known_size - 1])
		return error_new(BAD_DATA, "broken list of names");
	TRY(get_pending(names, &n));
	TRY(source_names_wanted(&n, SOURCE_ALT, &strings, &count));
	TRY(take_strings(a, &n, strings, count));
	source_names_settle(&n, SOURCE_ALT, strings, count);
	// Beyond the limits is left out, as in any list.
	TRY(source_names_join(&n, &joined, &count, &complete));
	return merge(names, &joined, sources, count_ret);
}
