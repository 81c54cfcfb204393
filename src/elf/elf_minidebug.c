/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "codec/codec.h"
#include "elf/elf_limits.h"
#include "elf/elf_minidebug.h"

enum { STEP = 64 << 10 };

static bool find_section(const struct elf_file *f, struct elf_shdr *ret)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct elf_shdr s = elf_file_section(f, i);

		if (s.type != SHT_NOBITS && s.size &&
		    !strcmp(elf_file_section_name(f, &s), ".gnu_debugdata")) {
			*ret = s;
			return true;
		}
	}
	return false;
}

/* Nobody says how large it becomes: memory follows what is there. */
static struct error *decode(const struct input *packed, uint8_t **ret,
			    size_t *size_ret)
{
	CLEANUP_CODEC struct codec_stream *c = NULL;
	CLEANUP_FREE uint8_t *data = NULL;
	size_t capacity = 0;
	size_t size = 0;

	TRY(codec_open(CODEC_XZ, packed, ELF_MINIDEBUG_MAX, &c));
	for (;;) {
		size_t n;

		if (!mem_grow(&data, &capacity, size + STEP, 1))
			return error_no_memory;
		TRY(codec_read(c, data + size, capacity - size, &n));
		if (n == 0)
			break;
		size += n;
	}
	*ret = STEAL(data);
	*size_ret = size;
	return NULL;
}

static struct error *open_inner(struct elf_file *f, const struct elf_shdr *s,
				struct elf_minidebug *m)
{
	CLEANUP_ELF_VIEW struct elf_view v = { 0 };
	size_t size = 0;

	if (s->size > ELF_MINIDEBUG_MAX)
		return error_new(LIMIT, "%" PRIu64 " bytes", s->size);
	TRY(elf_file_view(f, s->offset, s->size, &v));
	struct input packed = input_from_memory(v.data, v.size);

	TRY(decode(&packed, &m->data, &size));
	m->in = input_from_memory(m->data, size);
	return elf_file_open(&m->in, &m->file);
}

struct error *elf_minidebug_open(struct elf_file *f, struct elf_minidebug **ret)
{
	CLEANUP_ELF_MINIDEBUG struct elf_minidebug *m = NULL;
	struct elf_shdr s;

	*ret = NULL;
	if (!find_section(f, &s))
		return NULL;
	m = mem_zalloc(sizeof(*m));
	if (!m)
		return error_no_memory;
	TRY(error_wrap(open_inner(f, &s, m), ".gnu_debugdata"));
	*ret = STEAL(m);
	return NULL;
}

void elf_minidebug_close(struct elf_minidebug *m)
{
	if (!m)
		return;
	elf_file_close(&m->file);
	mem_free(m->data);
	mem_free(m);
}
