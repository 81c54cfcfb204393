/* SPDX-License-Identifier: Apache-2.0 */
/* What the scan makes of a worker's answers for one file. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "scan/scan_internal.h"
#include "tests/unit/unit.h"

static uint64_t ids[SCAN_SPLIT_IDS_MAX + 1];

static void take(struct file_result *r, enum wire_type type,
		 const struct buf *payload)
{
	struct reader in;

	reader_init(&in, payload->data, payload->size, false);
	ck_no_error(file_result_take(r, type, &in));
}

static void take_member(struct file_result *r, const char *member, size_t count)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct found_artifact a = {
		.member = member,
		.facts = { .split_ids = ids, .split_id_count = count },
	};

	for (size_t i = 0; i < count; i++)
		ids[i] = r->split_ids + i;
	found_artifact_put(&out, &a);
	ck_assert(!out.failed);
	take(r, WIRE_ARTIFACT, &out);
}

static void take_end(struct file_result *r, const struct file_end *end)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	file_end_put(&out, end);
	take(r, WIRE_FILE_END, &out);
}

static const struct file_end whole = { .scanner = "deb", .message = "" };

/* IDs of split units as they go into the index. */
static size_t shown(const struct file_result *r)
{
	struct index_artifact artifacts[4];
	struct index_segment none;
	struct index_container c;
	struct scan_item item = { .path = (char *)"/a" };
	size_t count = 0;

	ck_assert_uint_le(r->artifact_count, 4);
	file_result_show(r, &item, artifacts, &none, &c);
	for (size_t i = 0; i < c.artifact_count; i++)
		count += c.artifacts[i].split_id_count;
	return count;
}

START_TEST(one_file_has_no_more_split_units_than_one_transaction_can_take)
{
	struct file_result r = { 0 };

	take_member(&r, "a.dwo", 2);
	take_member(&r, "b.dwp", SCAN_SPLIT_IDS_MAX - 1);
	take_member(&r, "c.dwp", SCAN_SPLIT_IDS_MAX);
	take_member(&r, "d", 0);
	take_end(&r, &whole);
	ck_assert_uint_eq(shown(&r), SCAN_SPLIT_IDS_MAX);
	/* Those that came first; the files themselves are there, all. */
	ck_assert_uint_eq(r.artifact_count, 4);
	ck_assert_uint_eq(r.artifacts[0].facts.split_id_count, 2);
	ck_assert_uint_eq(r.artifacts[1].facts.split_id_count,
			  SCAN_SPLIT_IDS_MAX - 2);
	ck_assert_uint_eq(r.artifacts[1].facts.split_ids[0], 2);
	ck_assert_uint_eq(r.artifacts[2].facts.split_id_count, 0);
	ck_assert_uint_eq(r.end.error_kind_plus_one, ERROR_LIMIT + 1);
	ck_assert_str_eq(r.end.message,
			 "b.dwp: more than 262144 split units in all");
	file_result_deinit(&r);
}
END_TEST

START_TEST(as_many_split_units_as_there_may_be_are_no_problem)
{
	struct file_result r = { 0 };

	take_member(&r, "a.dwp", SCAN_SPLIT_IDS_MAX - 1);
	take_member(&r, "b.dwo", 1);
	take_end(&r, &whole);
	ck_assert_uint_eq(shown(&r), SCAN_SPLIT_IDS_MAX);
	ck_assert_uint_eq(r.end.error_kind_plus_one, 0);
	file_result_deinit(&r);
}
END_TEST

START_TEST(what_the_worker_says_of_the_file_goes_before_too_many_split_units)
{
	struct file_end damaged = {
		.scanner = "deb",
		.error_kind_plus_one = ERROR_BAD_DATA + 1,
		.message = "ends too early",
	};
	struct file_result r = { 0 };

	take_member(&r, NULL, SCAN_SPLIT_IDS_MAX);
	take_member(&r, NULL, 1);
	ck_assert_uint_eq(shown(&r), SCAN_SPLIT_IDS_MAX);
	take_end(&r, &damaged);
	ck_assert_uint_eq(r.end.error_kind_plus_one, ERROR_BAD_DATA + 1);
	ck_assert_str_eq(r.end.message, "ends too early");
	file_result_deinit(&r);
}
END_TEST

/* Of a worker that is somebody else's by now. */
START_TEST(an_answer_with_too_many_segments_is_refused)
{
	CLEANUP_FREE struct elf_segment *v =
		mem_array(ELF_LOADS_MAX + 1, sizeof(*v));

	for (size_t i = 0; i < 2; i++) {
		CLEANUP_BUF struct buf out = BUF_INIT;
		struct found_artifact back, a = {
			.facts = { .segments = v,
				   .segment_count = ELF_LOADS_MAX + i },
		};
		struct reader in;

		found_artifact_put(&out, &a);
		ck_assert(!out.failed);
		reader_init(&in, out.data, out.size, false);
		struct error *err = found_artifact_get(&in, &back);

		if (i) {
			ck_error(err, BAD_DATA, "segments");
			continue;
		}
		ck_no_error(err);
		ck_assert_uint_eq(back.facts.segment_count, ELF_LOADS_MAX);
		found_artifact_deinit(&back);
	}
}
END_TEST

UNIT_MAIN("scan_result", an_answer_with_too_many_segments_is_refused,
	  one_file_has_no_more_split_units_than_one_transaction_can_take,
	  as_many_split_units_as_there_may_be_are_no_problem,
	  what_the_worker_says_of_the_file_goes_before_too_many_split_units)
