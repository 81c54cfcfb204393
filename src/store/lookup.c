/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
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

/* Two files of one quality claim the ID, and are not the same: somebody's build
 * is not reproducible, or somebody lies. The choice was made without looking at
 * it. */
static void tell_conflict(const struct index_place *chosen,
			  const struct index_place *other)
{
	static struct log_rate rate;
	char id[BUILD_ID_HEX_MAX];
	uint64_t skipped;

	metric_inc(METRIC_ARTIFACTS_CONFLICTING);
	if (!log_rate_pass(&rate, &skipped))
		return;
	build_id_hex(&chosen->id, id);
	log_warn("store", "one build ID, different files",
		 LOG_S("build_id", id), LOG_S("chosen", chosen->path),
		 LOG_S("member", chosen->member), LOG_S("other", other->path),
		 LOG_S("other_member", other->member),
		 LOG_U("left_out_before", skipped));
}

static void find_conflict(const struct index_places *places)
{
	for (size_t i = 1; i < places->count; i++) {
		const struct index_place *a = &places->v[0];
		const struct index_place *b = &places->v[i];

		if (a->roles == b->roles && a->quality == b->quality &&
		    memcmp(a->htlhash, b->htlhash, sizeof(a->htlhash)) != 0) {
			tell_conflict(a, b);
			return;
		}
	}
}

static struct error *add_places(struct index_reader *r, struct flight *f,
				unsigned roles, const char *section)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };

	TRY(index_find(r, &f->query.id, roles, &places));
	find_conflict(&places);
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
