/* SPDX-License-Identifier: Apache-2.0 */
/* What the index answers: putting, finding, forgetting. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "index/index_private.h"
#include "tests/lib/index_fixture.h"
#include "tests/unit/unit.h"

#define FIXTURE(f)                                    \
	CLEANUP_INDEX_FIXTURE struct index_fixture f; \
	index_fixture_open(&f)

static struct index_places found(struct index_fixture *f, unsigned n,
				 unsigned roles)
{
	struct build_id id = index_test_id(n);
	struct index_places places;

	ck_no_error(index_find(f->r, &id, roles, &places));
	return places;
}

#define FOUND(name, f, n, roles)     \
	CLEANUP(index_places_deinit) \
	struct index_places name = found(&(f), n, roles)

enum { ANY = INDEX_ROLE_EXECUTABLE | INDEX_ROLE_DEBUGINFO };

/* ---- Places ------------------------------------------------------------- */

static bool is_same_segment(const struct index_segment *a,
			    const struct index_segment *b)
{
	return a->offset == b->offset && a->vaddr == b->vaddr &&
	       a->file_size == b->file_size && a->mem_size == b->mem_size &&
	       a->flags == b->flags;
}

START_TEST(a_found_place_has_all_that_was_put)
{
	static const struct index_segment segment = { 0x1000, UINT64_MAX, 3, 0,
						      UINT32_MAX };
	struct index_test_container t;
	FIXTURE(f);

	index_test_archive(&t, "/srv/pool/a.deb", 7, 2, 9);
	struct index_artifact *a = &t.artifacts[1];
	a->packed_size = UINT64_MAX;
	a->packed_codec = 6;
	a->mtime = -5;
	a->machine = 0xffff;
	a->type = 0xfeff;
	a->elf_class = 32;
	a->is_big_endian = true;
	a->is_gnu = false;
	a->go_id = "go/build/id";
	a->alt_id = index_test_id(99);
	a->segments = &segment;
	a->segment_count = 1;
	t.c.root_order = 3;
	ck_no_error(index_test_put(f.ix, &t));

	FOUND(places, f, 8, INDEX_ROLE_DEBUGINFO);
	ck_assert_uint_eq(places.count, 1);
	const struct index_place *p = places.v;
	ck_assert(build_id_equal(&p->id, &a->id));
	ck_assert_str_eq(p->path, "/srv/pool/a.deb");
	ck_assert_str_eq(p->scanner, "deb");
	ck_assert_str_eq(p->member, "./m/1");
	ck_assert_str_eq(p->go_id, "go/build/id");
	ck_assert(build_id_equal(&p->alt_id, &a->alt_id));
	ck_assert_mem_eq(p->htlhash, a->htlhash, 16);
	ck_assert_mem_eq(p->breakpad_guid, a->breakpad_guid, 16);
	ck_assert_mem_eq(&p->stamp, &t.c.stamp, sizeof(p->stamp));
	ck_assert_uint_eq(p->root_order, 3);
	ck_assert_uint_eq(p->payload_codec, 3);
	ck_assert_uint_eq(p->payload_offset, 132);
	ck_assert_uint_eq(p->payload_size, 1009);
	ck_assert_uint_eq(p->ordinal, 1);
	ck_assert_uint_eq(p->offset, 4096);
	ck_assert_uint_eq(p->size, 9);
	ck_assert_uint_eq(p->packed_size, UINT64_MAX);
	ck_assert_uint_eq(p->packed_codec, 6);
	ck_assert_int_eq(p->mtime, -5);
	ck_assert_uint_eq(p->roles, INDEX_ROLE_DEBUGINFO);
	ck_assert_uint_eq(p->quality, 4);
	ck_assert_uint_eq(p->machine, 0xffff);
	ck_assert_uint_eq(p->type, 0xfeff);
	ck_assert_uint_eq(p->elf_class, 32);
	ck_assert(p->is_big_endian && !p->is_gnu);
	ck_assert_uint_eq(p->source_count, 2);
	CLEANUP_INDEX_SEGMENTS struct index_segments back = { 0 };

	ck_no_error(index_segments(f.r, p->artifact_id, &back));
	ck_assert_uint_eq(back.count, 1);
	ck_assert(is_same_segment(back.v, &segment));
	index_segments_deinit(&back);
	ck_no_error(index_segments(f.r, p->artifact_id + 1, &back));
	ck_assert_uint_eq(back.count, 0);
}
END_TEST

START_TEST(a_bare_file_has_no_member_and_what_is_zero_stays_zero)
{
	static const uint8_t zero[16];
	struct index_test_container t;
	FIXTURE(f);

	index_test_file(&t, "/a", 1, 1);
	memset(t.artifacts[0].htlhash, 0, 16);
	memset(t.artifacts[0].breakpad_guid, 0, 16);
	t.artifacts[0].segment_count = 0;
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(places, f, 1, ANY);
	ck_assert_uint_eq(places.count, 1);
	ck_assert_str_eq(places.v[0].path, "/a");
	ck_assert_ptr_null(places.v[0].member);
	ck_assert_ptr_null(places.v[0].go_id);
	ck_assert_uint_eq(places.v[0].alt_id.len, 0);
	CLEANUP_INDEX_SEGMENTS struct index_segments none = { 0 };

	ck_no_error(index_segments(f.r, places.v[0].artifact_id, &none));
	ck_assert_uint_eq(none.count, 0);
	ck_assert_mem_eq(places.v[0].htlhash, zero, 16);
	ck_assert_mem_eq(places.v[0].breakpad_guid, zero, 16);
}
END_TEST

START_TEST(segments_of_any_numbers_survive)
{
	const struct index_segment v[] = {
		{ 0, 0, 0, 0, 0 },
		{ UINT64_MAX, 0, UINT64_MAX, 0, UINT32_MAX },
		{ 0, UINT64_MAX, 0, UINT64_MAX, 1 },
		{ 63, 127, 128, 64, 7 },
		{ UINT64_C(1) << 63, 1, 1, UINT64_C(1) << 63, 7 },
	};
	struct index_segment back[5];
	CLEANUP_BUF struct buf out = BUF_INIT;

	segments_encode(v, 5, &out);
	ck_assert_uint_eq(segments_count(out.data, out.size), 5);
	ck_assert(segments_decode(out.data, out.size, back, 5));
	for (size_t i = 0; i < 5; i++)
		ck_assert(is_same_segment(&v[i], &back[i]));
	for (size_t cut = 1; cut < out.size; cut++)
		ck_assert(segments_count(out.data, cut) == SIZE_MAX ||
			  !segments_decode(out.data, cut, back, 5));
	ck_assert(segments_count("\xff\xff\x03", 3) == SIZE_MAX);
}
END_TEST

/* Of an index from before there was a limit. */
START_TEST(segments_of_a_row_that_has_too_many_are_left_out)
{
	static const size_t counts[] = { INDEX_SEGMENTS_MAX,
					 INDEX_SEGMENTS_MAX + 1, 100000 };
	CLEANUP_FREE struct index_segment *v = mem_array(100000, sizeof(*v));
	FIXTURE(f);

	for (unsigned i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		CLEANUP_INDEX_SEGMENTS struct index_segments s = { 0 };
		const char *const paths[] = { "/a", "/b", "/c" };
		struct index_test_container t;

		index_test_file(&t, paths[i], i + 1, 1);
		t.artifacts[0].segments = v;
		t.artifacts[0].segment_count = counts[i];
		ck_no_error(index_test_put(f.ix, &t));
		FOUND(places, f, i + 1, ANY);
		ck_assert_uint_eq(places.count, 1);
		ck_no_error(index_segments(f.r, places.v[0].artifact_id, &s));
		ck_assert_uint_eq(s.count, i ? 0 : INDEX_SEGMENTS_MAX);
	}
}
END_TEST

START_TEST(an_unknown_id_finds_nothing_and_is_no_error)
{
	FIXTURE(f);
	FOUND(places, f, 1, ANY);

	ck_assert_uint_eq(places.count, 0);
}
END_TEST

START_TEST(only_places_with_a_wanted_role_are_found)
{
	struct index_test_container t;
	FIXTURE(f);

	index_test_file(&t, "/bin/a", 1, 1);
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(executables, f, 1, INDEX_ROLE_EXECUTABLE);
	FOUND(debuginfos, f, 1, INDEX_ROLE_DEBUGINFO);
	ck_assert_uint_eq(executables.count, 1);
	ck_assert_uint_eq(debuginfos.count, 0);
}
END_TEST

/* */
START_TEST(debuginfo_of_better_quality_comes_first)
{
	FIXTURE(f);

	index_test_put_file(f.ix, "/first/symtab", 1, 0, 3);
	index_test_put_file(f.ix, "/second/dwarf", 1, 1, 4);
	index_test_put_file(f.ix, "/third/none", 1, 2, 0);
	FOUND(places, f, 1, INDEX_ROLE_DEBUGINFO);
	ck_assert_uint_eq(places.count, 3);
	ck_assert_str_eq(places.v[0].path, "/second/dwarf");
	ck_assert_str_eq(places.v[1].path, "/first/symtab");
	ck_assert_str_eq(places.v[2].path, "/third/none");
}
END_TEST

/* */
START_TEST(executables_follow_path_order_whatever_their_quality)
{
	FIXTURE(f);

	index_test_put_file(f.ix, "/second/dwarf", 1, 1, 4);
	index_test_put_file(f.ix, "/first/none", 1, 0, 0);
	FOUND(places, f, 1, INDEX_ROLE_EXECUTABLE);
	ck_assert_str_eq(places.v[0].path, "/first/none");
}
END_TEST

/* */
START_TEST(equals_follow_path_order_then_first_sight)
{
	FIXTURE(f);

	index_test_put_file(f.ix, "/b/seen-first", 1, 1, 4);
	index_test_put_file(f.ix, "/b/a-seen-later", 1, 1, 4);
	index_test_put_file(f.ix, "/a/seen-last", 1, 0, 4);
	FOUND(places, f, 1, INDEX_ROLE_DEBUGINFO);
	ck_assert_str_eq(places.v[0].path, "/a/seen-last");
	ck_assert_str_eq(places.v[1].path, "/b/seen-first");
	ck_assert_str_eq(places.v[2].path, "/b/a-seen-later");
}
END_TEST

START_TEST(a_container_put_again_keeps_its_place)
{
	FIXTURE(f);

	index_test_put_file(f.ix, "/old", 1, 0, 4);
	index_test_put_file(f.ix, "/new", 1, 0, 4);
	index_test_put_file(f.ix, "/old", 1, 0, 4);
	FOUND(places, f, 1, ANY);
	ck_assert_uint_eq(places.count, 2);
	ck_assert_str_eq(places.v[0].path, "/old");
}
END_TEST

/* */
START_TEST(an_old_path_filled_with_something_new_overtakes_nobody)
{
	FIXTURE(f);

	index_test_put_file(f.ix, "/old-but-changed", 2, 0, 4);
	index_test_put_file(f.ix, "/honest", 1, 0, 4);
	index_test_put_file(f.ix, "/old-but-changed", 1, 0, 4);
	FOUND(places, f, 1, ANY);
	ck_assert_str_eq(places.v[0].path, "/honest");
	FOUND(gone, f, 2, ANY);
	ck_assert_uint_eq(gone.count, 0);
}
END_TEST

START_TEST(a_build_id_twice_in_one_archive_is_two_places)
{
	struct index_test_container t;
	int64_t ids[2];
	FIXTURE(f);

	index_test_archive(&t, "/a.deb", 1, 3, 1);
	t.artifacts[2].id = t.artifacts[0].id;
	for (int round = 0; round < 2; round++) {
		ck_no_error(index_test_put(f.ix, &t));
		FOUND(places, f, 1, ANY);
		ck_assert_uint_eq(places.count, 2);
		ck_assert_str_eq(places.v[0].member, "./m/0");
		ck_assert_str_eq(places.v[1].member, "./m/2");
		for (int i = 0; i < 2; i++) {
			if (round)
				ck_assert_int_eq(places.v[i].artifact_id,
						 ids[i]);
			ids[i] = places.v[i].artifact_id;
		}
	}
	/* A third of them is new and goes behind. */
	t.artifacts[1].id = t.artifacts[0].id;
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(three, f, 1, ANY);
	ck_assert_uint_eq(three.count, 3);
	ck_assert_int_eq(three.v[0].artifact_id, ids[0]);
	ck_assert_int_eq(three.v[1].artifact_id, ids[1]);
	ck_assert_int_gt(three.v[2].artifact_id, ids[1]);
}
END_TEST

START_TEST(of_very_many_places_the_best_are_kept)
{
	struct index_test_container t;
	char path[32];
	FIXTURE(f);

	for (unsigned i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "/many/%u.deb", i);
		index_test_archive(&t, path, 1, INDEX_TEST_ARTIFACTS, 1);
		for (unsigned k = 0; k < INDEX_TEST_ARTIFACTS; k++) {
			t.artifacts[k].id = index_test_id(1);
			t.artifacts[k].quality = 3;
		}
		t.c.root_order = 20 - i;
		ck_no_error(index_test_put(f.ix, &t));
	}
	index_test_put_file(f.ix, "/dwarf", 1, 99, 4);
	FOUND(places, f, 1, ANY);
	ck_assert_uint_eq(places.count, INDEX_PLACES_MAX);
	ck_assert_str_eq(places.v[0].path, "/dwarf");
	ck_assert_str_eq(places.v[1].path, "/many/19.deb");
	ck_assert_str_eq(places.v[1].member, "./m/0");
	ck_assert_str_eq(places.v[16].member, "./m/15");
	ck_assert_str_eq(places.v[17].path, "/many/18.deb");
	ck_assert_str_eq(places.v[63].path, "/many/16.deb");
}
END_TEST

/* */
START_TEST(names_of_any_bytes_survive)
{
	static const char path[] = "/s\xff\xfe/'\"\n;--/\x01%s";
	struct index_test_container t;
	FIXTURE(f);

	index_test_archive(&t, path, 1, 1, 1);
	t.artifacts[0].member = "\xc3\x28/../../etc/passwd";
	t.artifacts[0].go_id = "\xff/go";
	t.dirs[0].dir = "/\x80\x81";
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(places, f, 1, ANY);
	ck_assert_str_eq(places.v[0].path, path);
	ck_assert_str_eq(places.v[0].member, t.artifacts[0].member);
	ck_assert_str_eq(places.v[0].go_id, "\xff/go");
	ck_no_error(index_remove_container(f.ix, path));
	FOUND(gone, f, 1, ANY);
	ck_assert_uint_eq(gone.count, 0);
}
END_TEST

START_TEST(a_member_without_a_name_is_no_bare_file)
{
	struct index_test_container t;
	FIXTURE(f);

	index_test_archive(&t, "/p.deb", 1, 1, 1);
	t.artifacts[0].member = "";
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(places, f, 1, ANY);
	ck_assert_ptr_nonnull(places.v[0].member);
	ck_assert_str_eq(places.v[0].member, "");
}
END_TEST

START_TEST(a_padded_id_finds_the_shorter_one)
{
	struct index_test_container t;
	struct index_places places;
	FIXTURE(f);

	index_test_file(&t, "/vmlinux", 1, 1);
	t.artifacts[0].id.len = 8;
	memset(t.artifacts[0].id.bytes + 8, 0, 12);
	ck_no_error(index_test_put(f.ix, &t));
	struct build_id padded = t.artifacts[0].id;
	padded.len = 20;
	ck_no_error(index_find(f.r, &padded, ANY, &places));
	ck_assert_uint_eq(places.count, 0);
	ck_no_error(index_find_padded(f.r, &padded, ANY, &places));
	ck_assert_uint_eq(places.count, 1);
	ck_assert_uint_eq(places.v[0].id.len, 8);
	index_places_deinit(&places);
	padded.bytes[19] = 1;
	ck_no_error(index_find_padded(f.r, &padded, ANY, &places));
	ck_assert_uint_eq(places.count, 0);
	memset(&padded.bytes, 0, 20);
	ck_no_error(index_find_padded(f.r, &padded, ANY, &places));
	ck_assert_uint_eq(places.count, 0);
}
END_TEST

START_TEST(other_identities_find_the_same_place)
{
	struct index_test_container t;
	struct index_places places;
	FIXTURE(f);

	index_test_file(&t, "/a", 1, 1);
	t.artifacts[0].go_id = "abc/def";
	ck_no_error(index_test_put(f.ix, &t));
	const struct {
		enum index_key kind;
		const void *key;
		size_t size, count;
	} asked[] = {
		{ INDEX_KEY_HTLHASH, t.artifacts[0].htlhash, 16, 1 },
		{ INDEX_KEY_BREAKPAD, t.artifacts[0].breakpad_guid, 16, 1 },
		{ INDEX_KEY_GO, "abc/def", 7, 1 },
		{ INDEX_KEY_GO, "abc/deF", 7, 0 },
		{ INDEX_KEY_HTLHASH, t.artifacts[0].htlhash, 15, 0 },
		{ INDEX_KEY_BREAKPAD, t.artifacts[0].htlhash, 16, 0 },
	};
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		ck_no_error(index_find_by_key(f.r, asked[i].kind, asked[i].key,
					      asked[i].size, &places));
		ck_assert_uint_eq(places.count, asked[i].count);
		if (places.count)
			ck_assert_str_eq(places.v[0].path, "/a");
		index_places_deinit(&places);
	}
}
END_TEST

START_TEST(places_of_another_identity_come_in_the_same_order)
{
	struct index_places places;
	struct build_id id = index_test_id(1);
	FIXTURE(f);

	index_test_put_file(f.ix, "/symtab", 1, 0, 3);
	index_test_put_file(f.ix, "/dwarf", 1, 1, 4);
	ck_no_error(index_find_by_key(f.r, INDEX_KEY_HTLHASH, id.bytes + 2, 16,
				      &places));
	ck_assert_uint_eq(places.count, 2);
	ck_assert_str_eq(places.v[0].path, "/dwarf");
	index_places_deinit(&places);
}
END_TEST

START_TEST(presence_sums_up_all_places)
{
	struct index_test_container t;
	struct build_id id = index_test_id(1);
	unsigned roles, quality;
	bool is_known;
	FIXTURE(f);

	ck_no_error(index_presence(f.r, &id, &roles, &quality, &is_known));
	ck_assert(!is_known);
	index_test_file(&t, "/bin/a", 1, 1);
	ck_no_error(index_test_put(f.ix, &t));
	index_test_archive(&t, "/a.deb", 1, 1, 1);
	ck_no_error(index_test_put(f.ix, &t));
	ck_no_error(index_presence(f.r, &id, &roles, &quality, &is_known));
	ck_assert(is_known);
	ck_assert_uint_eq(roles, ANY);
	ck_assert_uint_eq(quality, 4);
	ck_no_error(index_remove_container(f.ix, "/bin/a"));
	ck_no_error(index_remove_container(f.ix, "/a.deb"));
	/* Not groomed yet, but known no more. */
	ck_no_error(index_presence(f.r, &id, &roles, &quality, &is_known));
	ck_assert(!is_known);
}
END_TEST

/* ---- What a container holds --------------------------------------------- */

START_TEST(sources_of_an_artifact_come_back_as_they_were_put)
{
	struct index_test_container t;
	CLEANUP_BUF struct buf packed = BUF_INIT;
	FIXTURE(f);

	index_test_archive(&t, "/a.deb", 1, 2, 1);
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(places, f, 2, ANY);
	buf_append_str(&packed, "before");
	ck_no_error(index_sources(f.r, places.v[0].artifact_id, &packed));
	ck_assert_uint_eq(packed.size, 6 + t.artifacts[1].sources_size);
	ck_assert_mem_eq(packed.data + 6, t.artifacts[1].sources,
			 t.artifacts[1].sources_size);
	ck_no_error(index_sources(f.r, 12345, &packed));
	ck_assert_uint_eq(packed.size, 6 + t.artifacts[1].sources_size);
}
END_TEST

struct seen_dirs {
	struct index_reader *r;
	size_t count;
	char text[256];
	struct error *end;
};

static struct error *see_dir(void *ctx, const struct index_source_place *p)
{
	struct seen_dirs *seen = ctx;
	struct index_points points;
	size_t used = strlen(seen->text);

	snprintf(seen->text + used, sizeof(seen->text) - used, "%s %s %.*s; ",
		 p->path, p->scanner, (int)p->files_size, (char *)p->files);
	seen->count++;
	/* Other reads go on meanwhile. */
	ck_no_error(index_points(seen->r, p->container_id, 0, 1, &points));
	ck_assert_uint_eq(points.count, 1);
	index_points_deinit(&points);
	return STEAL(seen->end);
}

static struct error *each_dir(const char *dir, struct seen_dirs *seen)
{
	bool is_whole;

	return index_each_source_dir(seen->r, dir, SIZE_MAX, see_dir, seen,
				     &is_whole);
}

START_TEST(archives_with_a_source_directory_come_in_the_order_of_trust)
{
	static const char *const paths[] = { "/r1/a.rpm", "/r1/b.rpm",
					     "/r0/c.rpm" };
	struct index_test_container t;
	FIXTURE(f);
	struct seen_dirs seen = { .r = f.r };

	for (unsigned i = 0; i < 3; i++) {
		index_test_archive(&t, paths[i], i, 1, 1);
		t.c.root_order = i == 2 ? 0 : 1;
		t.c.source_dir_count = i == 1 ? 1 : 2;
		ck_no_error(index_test_put(f.ix, &t));
	}
	ck_no_error(each_dir("/usr/src/a", &seen));
	ck_assert_str_eq(seen.text, "/r0/c.rpm deb one; /r1/a.rpm deb one; "
				    "/r1/b.rpm deb one; ");
	seen = (struct seen_dirs) { .r = f.r };
	ck_no_error(each_dir("/usr/src/b/", &seen));
	ck_assert_uint_eq(seen.count, 2);
	ck_no_error(each_dir("/usr/src", &seen));
	ck_assert_uint_eq(seen.count, 2);
	seen.end = error_new(BUSY, "enough");
	ck_error(each_dir("/usr/src/a", &seen), BUSY, "enough");
	ck_assert_uint_eq(seen.count, 3);
}
END_TEST

START_TEST(points_cover_the_range_asked_for)
{
	/* Points at 0, 1000 and 2000. */
	static const struct {
		uint64_t from, to;
		size_t count;
		uint64_t first;
	} asked[] = {
		{ 0, 1, 1, 0 },          { 0, 1000, 1, 0 },
		{ 0, 1001, 2, 0 },       { 999, 2001, 3, 0 },
		{ 1000, 1000, 1, 1000 }, { 1000, 1, 1, 1000 },
		{ 1500, 3000, 2, 1000 }, { 5000, 6000, 1, 2000 },
		{ 0, UINT64_MAX, 3, 0 }, { UINT64_MAX, UINT64_MAX, 1, 2000 },
	};
	struct index_test_container t;
	struct index_points points;
	FIXTURE(f);

	index_test_archive(&t, "/a.deb", 1, 1, 1);
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(places, f, 1, ANY);
	int64_t id = places.v[0].container_id;
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		ck_no_error(index_points(f.r, id, asked[i].from, asked[i].to,
					 &points));
		ck_assert_uint_eq(points.count, asked[i].count);
		ck_assert_uint_eq(points.v[0].out_offset, asked[i].first);
		if (points.v[0].out_offset == 1000) {
			ck_assert_uint_eq(points.v[0].in_offset, 20);
			ck_assert_uint_eq(points.v[0].state_size, 6);
			ck_assert_mem_eq(points.v[0].state, "window", 6);
		} else {
			ck_assert_ptr_null(points.v[0].state);
		}
		index_points_deinit(&points);
	}
	ck_no_error(index_points(f.r, id + 1, 0, 1, &points));
	ck_assert_uint_eq(points.count, 0);
}
END_TEST

START_TEST(of_points_at_one_offset_the_last_is_kept)
{
	struct index_test_container t;
	struct index_points points;
	FIXTURE(f);

	index_test_archive(&t, "/a.deb", 1, 1, 1);
	t.points[2].out_offset = 1000;
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(places, f, 1, ANY);
	ck_no_error(index_points(f.r, places.v[0].container_id, 0, UINT64_MAX,
				 &points));
	ck_assert_uint_eq(points.count, 2);
	ck_assert_uint_eq(points.v[1].in_offset, 30);
	index_points_deinit(&points);
}
END_TEST

/* ---- Putting ------------------------------------------------------------ */

START_TEST(what_cannot_be_is_refused_and_changes_nothing)
{
	static const char *const refused[] = { "build ID of 1 bytes",
					       "not the absolute path",
					       "not the absolute path",
					       "points out of order",
					       "points out of order",
					       "UNIQUE",
					       "build ID of 65 bytes",
					       "build ID of 1 bytes",
					       "too big",
					       "NOT NULL" };
	struct index_test_container t[2];
	FIXTURE(f);

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		index_test_archive(&t[0], "/good.deb", 1, 2, 1);
		index_test_archive(&t[1], "/bad.deb", 3, 2, 1);
		switch (i) {
		case 0:
			t[1].artifacts[1].id.len = 1;
			break;
		case 1:
			t[1].c.path = "relative";
			break;
		case 2:
			t[1].c.path = "/directory/";
			break;
		case 3:
			t[1].points[2].out_offset = 1;
			break;
		case 4:
			t[1].points[2].out_offset = UINT64_MAX;
			break;
		case 5:
			t[1].dirs[1].dir = "/usr/src/a/";
			break;
		case 6:
			t[1].artifacts[1].id.len = 65;
			break;
		case 7:
			t[1].artifacts[1].alt_id.len = 1;
			break;
		case 8:
			/* Refused before a byte of it is read. */
			t[1].artifacts[1].sources_size = SIZE_MAX / 4;
			break;
		default:
			t[1].c.scanner = NULL;
		}
		const struct index_container both[] = { t[0].c, t[1].c };
		ck_error(index_put_containers(f.ix, both, 2), BAD_DATA,
			 refused[i]);
		FOUND(places, f, 1, ANY);
		ck_assert_uint_eq(places.count, 0);
	}
	ck_no_error(index_test_put(f.ix, &t[0]));
}
END_TEST

START_TEST(putting_again_replaces_everything)
{
	struct index_test_container t;
	struct index_stats stats;
	FIXTURE(f);
	struct seen_dirs seen = { .r = f.r };

	index_test_archive(&t, "/a.deb", 1, 4, 1);
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(before, f, 1, ANY);
	index_test_archive(&t, "/a.deb", 1, 1, 2);
	t.c.source_dir_count = 1;
	t.c.point_count = 1;
	t.artifacts[0].sources_size = 0;
	ck_no_error(index_test_put(f.ix, &t));
	FOUND(after, f, 1, ANY);
	FOUND(gone, f, 2, ANY);
	ck_assert_uint_eq(after.count, 1);
	ck_assert_uint_eq(gone.count, 0);
	ck_assert_int_eq(after.v[0].container_id, before.v[0].container_id);
	ck_assert_int_eq(after.v[0].artifact_id, before.v[0].artifact_id);
	ck_assert_uint_eq(after.v[0].size, 2);
	CLEANUP_BUF struct buf packed = BUF_INIT;
	ck_no_error(index_sources(f.r, after.v[0].artifact_id, &packed));
	ck_assert_uint_eq(packed.size, 0);
	ck_no_error(each_dir("/usr/src/b", &seen));
	ck_assert_uint_eq(seen.count, 0);
	ck_no_error(index_stats(f.r, &stats));
	ck_assert_uint_eq(stats.containers, 1);
	ck_assert_uint_eq(stats.artifacts, 1);
	ck_assert_uint_eq(stats.points, 1);
	ck_assert_uint_eq(stats.source_dirs, 1);
}
END_TEST

START_TEST(the_later_of_two_versions_in_one_batch_stays)
{
	struct index_test_container t[2];
	FIXTURE(f);

	index_test_file(&t[0], "/a", 1, 1);
	index_test_file(&t[1], "/a", 1, 2);
	const struct index_container both[] = { t[0].c, t[1].c };
	ck_no_error(index_put_containers(f.ix, both, 2));
	FOUND(places, f, 1, ANY);
	ck_assert_uint_eq(places.count, 1);
	ck_assert_uint_eq(places.v[0].size, 2);
}
END_TEST

struct changes {
	struct index *ix;
	struct index_reader *r;
	size_t count;
	unsigned mask; /* bit n: ID n */
	size_t places; /* found by the callback */
};

static void note_change(void *ctx, const struct build_id *id)
{
	struct changes *seen = ctx;
	struct index_places places;

	for (unsigned n = 0; n < 32; n++) {
		struct build_id known = index_test_id(n);

		if (build_id_equal(&known, id))
			seen->mask |= 1U << n;
	}
	seen->count++;
	/* Committed and unlocked by now. */
	ck_no_error(index_find(seen->r, id, ANY, &places));
	seen->places += places.count;
	index_places_deinit(&places);
	ck_no_error(index_put_ignored(seen->ix, "/x", NULL, 0));
}

START_TEST(changes_are_announced_once_after_the_commit)
{
	struct index_test_container t;
	FIXTURE(f);
	struct changes seen = { .ix = f.ix, .r = f.r };

	index_on_change(f.ix, note_change, &seen);
	index_test_archive(&t, "/a.deb", 1, 4, 1);
	t.artifacts[2].id = t.artifacts[0].id;
	t.artifacts[3].id.len = 8;
	ck_no_error(index_test_put(f.ix, &t));
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_uint_eq(seen.mask, 1 << 1 | 1 << 2);
	ck_assert_uint_eq(seen.places, 4);

	/* What came and what went. */
	seen = (struct changes) { .ix = f.ix, .r = f.r };
	index_test_archive(&t, "/a.deb", 2, 2, 2);
	ck_no_error(index_test_put(f.ix, &t));
	ck_assert_uint_eq(seen.mask, 1 << 1 | 1 << 2 | 1 << 3);
	ck_assert_uint_eq(seen.count, 4);

	seen = (struct changes) { .ix = f.ix, .r = f.r };
	t.artifacts[1].id.len = 0;
	ck_error(index_test_put(f.ix, &t), BAD_DATA, "build ID");
	ck_assert_uint_eq(seen.count, 0);
	ck_no_error(index_remove_container(f.ix, "/a.deb"));
	ck_assert_uint_eq(seen.mask, 1 << 2 | 1 << 3);
	ck_assert_uint_eq(seen.places, 0);

	index_on_change(f.ix, NULL, NULL);
	ck_no_error(index_test_put(
		f.ix, &(struct index_test_container) {
			      .c = { .path = "/empty", .scanner = "" } }));
	ck_assert_uint_eq(seen.count, 2);
}
END_TEST

START_TEST(the_order_of_roots_can_change)
{
	FIXTURE(f);

	index_test_put_file(f.ix, "/srv/a/x", 1, 0, 4);
	index_test_put_file(f.ix, "/srv/a-b/x", 1, 1, 4);
	index_test_put_file(f.ix, "/srv/a", 1, 2, 4);
	ck_no_error(index_set_root(f.ix, "/srv/a-b/", 0));
	ck_no_error(index_set_root(f.ix, "/srv/a", 7));
	FOUND(places, f, 1, ANY);
	ck_assert_str_eq(places.v[0].path, "/srv/a-b/x");
	ck_assert_uint_eq(places.v[0].root_order, 0);
	ck_assert_str_eq(places.v[1].path, "/srv/a/x");
	ck_assert_uint_eq(places.v[1].root_order, 7);
	ck_assert_str_eq(places.v[2].path, "/srv/a");
	ck_assert_uint_eq(places.v[2].root_order, 7);
	ck_no_error(index_set_root(f.ix, "/", 1));
	FOUND(all, f, 1, ANY);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(all.v[i].root_order, 1);
}
END_TEST

/* ---- Sources that wait for an alternate file ----------------------------- */

static const uint8_t pieces[] = "pieces";

/* An archive of which artifact 1 waits for @p alt. */
static void put_waiting(struct index *ix, const char *path, unsigned n,
			unsigned alt)
{
	struct index_test_container t;

	index_test_archive(&t, path, n, 2, 1);
	t.artifacts[1].alt_id = index_test_id(alt);
	t.artifacts[1].pending = pieces;
	t.artifacts[1].pending_size = sizeof(pieces);
	ck_no_error(index_test_put(ix, &t));
}

struct waiting {
	int64_t ids[8];
	size_t count, limit;
};

static bool take_waiting(void *ctx, const struct index_pending *p)
{
	struct waiting *w = ctx;

	ck_assert_uint_eq(p->packed_size, sizeof(pieces));
	ck_assert_mem_eq(p->packed, pieces, sizeof(pieces));
	ck_assert_uint_eq(p->sources_size, 18);
	w->ids[w->count++] = p->artifact_id;
	return w->count < w->limit;
}

static size_t waiting_for(struct index_reader *r, unsigned alt,
			  struct waiting *w)
{
	struct build_id id = index_test_id(alt);

	*w = (struct waiting) { .limit = 8 };
	ck_no_error(index_each_pending(r, &id, take_waiting, w));
	return w->count;
}

START_TEST(each_alternate_file_that_is_waited_for_is_named_once)
{
	struct build_id at = { 0 }, before = { 0 };
	unsigned count = 0;
	struct waiting w;
	FIXTURE(f);

	put_waiting(f.ix, "/a.deb", 1, 90);
	put_waiting(f.ix, "/b.deb", 11, 91);
	put_waiting(f.ix, "/c.deb", 21, 90);
	for (bool found = true;; count++) {
		ck_no_error(index_next_pending_alt(f.r, &at, &at, &found));
		if (!found)
			break;
		ck_assert_int_gt(memcmp(at.bytes, before.bytes, 20), 0);
		before = at;
	}
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(waiting_for(f.r, 90, &w), 2);
	ck_assert_int_lt(w.ids[0], w.ids[1]);
	ck_assert_uint_eq(waiting_for(f.r, 91, &w), 1);
	ck_assert_uint_eq(waiting_for(f.r, 92, &w), 0);
	w = (struct waiting) { .limit = 1 };
	struct build_id id = index_test_id(90);
	ck_no_error(index_each_pending(f.r, &id, take_waiting, &w));
	ck_assert_uint_eq(w.count, 1);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

static void count_changes(void *ctx, const struct build_id *id)
{
	struct build_id want = index_test_id(2);

	ck_assert(build_id_equal(id, &want));
	++*(unsigned *)ctx;
}

START_TEST(sources_that_are_complete_replace_the_list_and_wait_no_more)
{
	CLEANUP_BUF struct buf list = BUF_INIT;
	unsigned changes = 0;
	struct waiting w;
	FIXTURE(f);

	put_waiting(f.ix, "/a.deb", 1, 90);
	ck_assert_uint_eq(waiting_for(f.r, 90, &w), 1);
	struct index_sources_put put = {
		.artifact_id = w.ids[0],
		.packed = (const uint8_t *)"other",
		.packed_size = 5,
		.sources = (const uint8_t *)"whole",
		.sources_size = 5,
		.source_count = 7,
	};
	index_on_change(f.ix, count_changes, &changes);
	/* Scanned again meanwhile: it has other pieces. */
	ck_no_error(index_complete_sources(f.ix, &put));
	ck_assert_uint_eq(waiting_for(f.r, 90, &w), 1);
	ck_assert_uint_eq(changes, 0);
	put.packed = pieces;
	put.packed_size = sizeof(pieces);
	ck_no_error(index_complete_sources(f.ix, &put));
	ck_assert_uint_eq(waiting_for(f.r, 90, &w), 0);
	ck_assert_uint_eq(changes, 1);
	ck_no_error(index_sources(f.r, put.artifact_id, &list));
	ck_assert_uint_eq(list.size, 5);
	ck_assert_mem_eq(list.data, "whole", 5);
	FOUND(places, f, 2, INDEX_ROLE_DEBUGINFO);
	ck_assert_uint_eq(places.v[0].source_count, 7);
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

START_TEST(pieces_that_were_of_no_use_go_and_the_list_stays)
{
	CLEANUP_BUF struct buf list = BUF_INIT;
	struct waiting w;
	FIXTURE(f);

	put_waiting(f.ix, "/a.deb", 1, 90);
	waiting_for(f.r, 90, &w);
	ck_no_error(index_complete_sources(
		f.ix,
		&(struct index_sources_put) { .artifact_id = w.ids[0],
					      .packed = pieces,
					      .packed_size = sizeof(pieces) }));
	ck_no_error(index_sources(f.r, w.ids[0], &list));
	ck_assert_uint_eq(list.size, 18);
	ck_assert_uint_eq(waiting_for(f.r, 90, &w), 0);
}
END_TEST

START_TEST(a_container_takes_what_waits_with_it)
{
	struct index_test_container t;
	struct waiting w;
	FIXTURE(f);

	put_waiting(f.ix, "/a.deb", 1, 90);
	put_waiting(f.ix, "/b.deb", 11, 90);
	ck_no_error(index_remove_container(f.ix, "/a.deb"));
	ck_assert_uint_eq(waiting_for(f.r, 90, &w), 1);
	index_test_archive(&t, "/b.deb", 11, 2, 2);
	ck_no_error(index_test_put(f.ix, &t));
	ck_assert_uint_eq(waiting_for(f.r, 90, &w), 0);
	/* Pieces of an artifact that names no file cannot wait for any. */
	t.artifacts[0].pending = pieces;
	t.artifacts[0].pending_size = sizeof(pieces);
	ck_no_error(index_test_put(f.ix, &t));
	ck_assert_uint_eq(index_test_complaints(f.r), 0);
}
END_TEST

UNIT_MAIN("index", each_alternate_file_that_is_waited_for_is_named_once,
	  sources_that_are_complete_replace_the_list_and_wait_no_more,
	  pieces_that_were_of_no_use_go_and_the_list_stays,
	  a_container_takes_what_waits_with_it,
	  a_found_place_has_all_that_was_put,
	  a_bare_file_has_no_member_and_what_is_zero_stays_zero,
	  segments_of_any_numbers_survive,
	  segments_of_a_row_that_has_too_many_are_left_out,
	  an_unknown_id_finds_nothing_and_is_no_error,
	  only_places_with_a_wanted_role_are_found,
	  debuginfo_of_better_quality_comes_first,
	  executables_follow_path_order_whatever_their_quality,
	  equals_follow_path_order_then_first_sight,
	  a_container_put_again_keeps_its_place,
	  an_old_path_filled_with_something_new_overtakes_nobody,
	  a_build_id_twice_in_one_archive_is_two_places,
	  of_very_many_places_the_best_are_kept, names_of_any_bytes_survive,
	  a_member_without_a_name_is_no_bare_file,
	  a_padded_id_finds_the_shorter_one,
	  other_identities_find_the_same_place,
	  places_of_another_identity_come_in_the_same_order,
	  presence_sums_up_all_places,
	  sources_of_an_artifact_come_back_as_they_were_put,
	  archives_with_a_source_directory_come_in_the_order_of_trust,
	  points_cover_the_range_asked_for,
	  of_points_at_one_offset_the_last_is_kept,
	  what_cannot_be_is_refused_and_changes_nothing,
	  putting_again_replaces_everything,
	  the_later_of_two_versions_in_one_batch_stays,
	  changes_are_announced_once_after_the_commit,
	  the_order_of_roots_can_change)
