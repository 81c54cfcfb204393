/* SPDX-License-Identifier: Apache-2.0 */
/* A note: namesz, descsz, type (4 bytes each, also in class 64), the name with
 * its NUL, padding, the descriptor, padding. Padding is to 4 bytes, or to 8
 * where the section's or segment's alignment is 8 (.note.gnu.property).
 *
 *	owner "GNU", type 3	NT_GNU_BUILD_ID: the ID's bytes
 *	owner "Go",  type 4	the Go toolchain's build ID: text
 *
 * Segments and sections of mixed alignment exist (linkers that merge all notes
 * into one segment aligned to 8, with notes padded to 4 in it), so what gives
 * nothing with its own alignment is read with the other one.
 *
 * Source: System V gABI 4.1, chapter 5, "Note Section"; glibc elf.h;
 * cmd/link/internal/ld/elf.go of Go 1.22 (ELF_NOTE_GOBUILDID_TAG). */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "elf/elf_limits.h"
#include "elf/elf_note.h"

enum { NOTE_GO_BUILD_ID = 4 };

struct note {
	uint32_t type;
	const uint8_t *name;
	size_t name_size;
	const uint8_t *desc;
	size_t desc_size;
};

/* Padding missing behind the last note is no harm. */
static void skip_padding(struct reader *r, unsigned align)
{
	size_t size = -r->pos & (align - 1);

	reader_skip(r, size < reader_left(r) ? size : reader_left(r));
}

static bool next_note(struct reader *r, unsigned align, struct note *n)
{
	if (reader_left(r) == 0)
		return false;
	n->name_size = reader_u32(r);
	n->desc_size = reader_u32(r);
	n->type = reader_u32(r);
	n->name = reader_bytes(r, n->name_size);
	skip_padding(r, align);
	n->desc = reader_bytes(r, n->desc_size);
	skip_padding(r, align);
	return reader_ok(r);
}

static bool is_owned_by(const struct note *n, const char *owner)
{
	size_t size = strlen(owner) + 1;

	return n->name_size == size && memcmp(n->name, owner, size) == 0;
}

static bool is_printable(const uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	}
	return size > 0 && size <= ELF_GO_ID_MAX;
}

struct error *elf_notes_find(const void *data, size_t size, unsigned align,
			     bool big_endian, struct build_id *gnu_id,
			     char **go_id)
{
	struct reader r;
	struct note n;

	reader_init(&r, data, size, big_endian);
	while (next_note(&r, align, &n)) {
		if (!gnu_id->len && n.type == NT_GNU_BUILD_ID &&
		    is_owned_by(&n, ELF_NOTE_GNU)) {
			build_id_set(gnu_id, n.desc, n.desc_size);
		} else if (!*go_id && n.type == NOTE_GO_BUILD_ID &&
			   is_owned_by(&n, "Go") &&
			   is_printable(n.desc, n.desc_size)) {
			*go_id = mem_strndup((const char *)n.desc, n.desc_size);
			if (!*go_id)
				return error_no_memory;
		}
	}
	return NULL;
}

/* A search over a file, as far as it may go. */
struct search {
	struct elf_file *f;
	struct build_id gnu_id;
	char *go_id;
	uint64_t bytes_left;
};

static struct error *find_in_range(struct search *s, uint64_t offset,
				   uint64_t size, uint64_t align)
{
	CLEANUP_ELF_VIEW struct elf_view v = { 0 };
	unsigned padding = align == 8 ? 8 : 4;
	bool big_endian = s->f->header.big_endian;

	if (size > ELF_NOTES_MAX)
		size = ELF_NOTES_MAX;
	if (size + ELF_NOTES_COST > s->bytes_left)
		return NULL;
	s->bytes_left -= size + ELF_NOTES_COST;
	struct error *err = elf_file_view(s->f, offset, size, &v);

	if (err && elf_is_damage(err)) {
		error_free(err);
		return NULL;
	}
	TRY(err);
	TRY(elf_notes_find(v.data, v.size, padding, big_endian, &s->gnu_id,
			   &s->go_id));
	if (s->gnu_id.len || s->go_id)
		return NULL;
	return elf_notes_find(v.data, v.size, 12 - padding, big_endian,
			      &s->gnu_id, &s->go_id);
}

/* Fedora's annobin notes: megabytes, and never an ID. */
static bool is_about_building(const char *name)
{
	static const char prefix[] = ".gnu.build.attributes";

	return strncmp(name, prefix, sizeof(prefix) - 1) == 0;
}

static struct error *find_in_sections(struct search *s)
{
	for (size_t i = 1; i < s->f->section_count; i++) {
		struct elf_shdr h = elf_file_section(s->f, i);

		if (h.type != SHT_NOTE)
			continue;
		const char *name = elf_file_section_name(s->f, &h);

		if (is_about_building(name) ||
		    (s->gnu_id.len && strcmp(name, ".note.go.buildid") != 0))
			continue;
		TRY(find_in_range(s, h.offset, h.size, h.align));
	}
	return NULL;
}

static struct error *find_in_segments(struct search *s)
{
	for (size_t i = 0; i < s->f->segment_count && !s->gnu_id.len; i++) {
		struct elf_phdr h = elf_file_segment(s->f, i);

		if (h.type == PT_NOTE)
			TRY(find_in_range(s, h.offset, h.file_size, h.align));
	}
	return NULL;
}

struct error *elf_file_ids(struct elf_file *f, struct build_id *gnu_id,
			   char **go_id)
{
	struct search s = { .f = f, .bytes_left = ELF_ALL_NOTES_MAX };
	struct error *err = find_in_sections(&s);

	if (!err)
		err = find_in_segments(&s);
	if (err) {
		mem_free(s.go_id);
		return err;
	}
	*gnu_id = s.gnu_id;
	*go_id = s.go_id;
	return NULL;
}

struct error *elf_alt_link(struct elf_file *f, size_t section,
			   struct build_id *id_ret, char **name_ret)
{
	CLEANUP_ELF_VIEW struct elf_view v = { 0 };
	struct elf_shdr s = elf_file_section(f, section);

	id_ret->len = 0;
	if (s.size > ELF_ALT_LINK_MAX)
		return NULL;
	struct error *err = elf_file_view(f, s.offset, s.size, &v);

	if (err && elf_is_damage(err)) {
		error_free(err);
		return NULL;
	}
	TRY(err);
	const uint8_t *nul = memchr(v.data, 0, v.size);

	if (!nul)
		return NULL;
	size_t len = (size_t)(nul - v.data);

	if (!build_id_set(id_ret, nul + 1, v.size - len - 1) || !name_ret)
		return NULL;
	*name_ret = mem_strndup((const char *)v.data, len);
	return *name_ret ? NULL : error_no_memory;
}
