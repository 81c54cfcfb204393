/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "elf/elf_facts.h"
#include "store/store_internal.h"

static_assert(INDEX_UNKNOWN == LOCATOR_UNKNOWN,
	      "what the index does not know the worker is not told");

void target_deinit(struct target *t)
{
	mem_free(t->container);
	mem_free(t->member);
	mem_free(t->scanner);
	*t = (struct target) { 0 };
}

void targets_deinit(struct targets *t)
{
	for (size_t i = 0; i < t->count; i++)
		target_deinit(&t->v[i]);
	mem_free(t->v);
	*t = (struct targets) { 0 };
}

struct error *targets_add_place(struct targets *t, const struct index_place *p,
				const struct build_id *want,
				const char *section)
{
	struct target new = {
		.container = mem_strdup(p->path),
		.stamp = p->stamp,
		.container_id = p->container_id,
		.member = p->member ? mem_strdup(p->member) : NULL,
		.scanner = mem_strdup(p->scanner),
		.payload_codec = p->payload_codec,
		.payload_offset = p->payload_offset,
		.payload_size = p->payload_size,
		.ordinal = p->ordinal,
		.offset = p->offset,
		.size = p->size,
		.packed_size = p->packed_size,
		.packed_codec = p->packed_codec,
		.mtime = p->mtime,
		.want = *want,
		.section = section,
	};

	if (!new.container || !new.scanner || !new.member != !p->member ||
	    !mem_grow(&t->v, &t->capacity, t->count + 1, sizeof(*t->v))) {
		target_deinit(&new);
		return error_no_memory;
	}
	t->v[t->count++] = new;
	return NULL;
}

static struct error *add_places(struct index_reader *r, struct flight *f,
				unsigned roles, const char *section)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };

	TRY(index_find(r, &f->query.id, roles, &places));
	for (size_t i = 0; i < places.count; i++)
		TRY(targets_add_place(&f->targets, &places.v[i], &f->query.id,
				      section));
	return NULL;
}

struct error *lookup_targets(struct store *st, struct index_reader *r,
			     struct flight *f)
{
	f->has_targets = true;
	switch (f->query.kind) {
	case ARTIFACT_EXECUTABLE:
		return add_places(r, f, ELF_ROLE_EXECUTABLE, NULL);
	case ARTIFACT_DEBUGINFO:
		return add_places(r, f, ELF_ROLE_DEBUGINFO, NULL);
	case ARTIFACT_SECTION:
		/* From the debuginfo; where that has none of the name, or only
		 * NOBITS, from the executable. */
		TRY(add_places(r, f, ELF_ROLE_DEBUGINFO, f->query.suffix));
		return add_places(r, f, ELF_ROLE_EXECUTABLE, f->query.suffix);
	case ARTIFACT_SOURCE:
		return source_targets(st, r, f);
	}
	return NULL;
}
