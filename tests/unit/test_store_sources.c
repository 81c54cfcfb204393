/* SPDX-License-Identifier: Apache-2.0 */
/* Which artifact names a source, and which archives may have it: by an index
 * made by hand, with lists of any size. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/codec.h"
#include "store/store_internal.h"
#include "tests/lib/index_fixture.h"
#include "tests/unit/unit.h"

enum { DEBUGINFO_ID = 1, OTHER_ID = 100 };

/* Names of 16,000 bytes that differ from each other and from those of another
 * @seed, in @size bytes; then @last, unless it is NULL. */
static void make_names(struct buf *ret, size_t size, unsigned seed,
		       const char *last)
{
	CLEANUP_BUF struct buf names = BUF_INIT;
	char name[16000];

	memset(name, 'q', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memcpy(name + sizeof(name) - 5, "/a.c", 4);
	while (names.size + sizeof(name) <= size) {
		int n = snprintf(name, sizeof(name), "/%u/%zu", seed,
				 names.size);

		name[n] = '/';
		ck_assert(buf_append(&names, name, sizeof(name)));
	}
	if (last)
		ck_assert(buf_append(&names, last, strlen(last) + 1));
	buf_clear(ret);
	ck_no_error(codec_pack(names.data, names.size, ret));
}

/* A debug file with these names, in an archive. */
static void put_naming(struct index_fixture *f, unsigned number,
		       const struct buf *packed)
{
	struct index_test_container t;
	char path[32];

	snprintf(path, sizeof(path), "/srv/%u.deb", number);
	index_test_archive(&t, path, DEBUGINFO_ID, 1, 1);
	t.c.source_dir_count = 0;
	t.artifacts[0].sources = packed->data;
	t.artifacts[0].sources_size = packed->size;
	ck_no_error(index_test_put(f->ix, &t));
}

/* An archive that holds the file in /usr/src/a, among others. */
static void put_holding(struct index_fixture *f, const char *path,
			const char *name)
{
	const struct source_file files[] = {
		{ .name = "b.c", .name_size = 3 },
		{ .name = name, .name_size = strlen(name), .ordinal = 7 },
	};
	CLEANUP_BUF struct buf list = BUF_INIT;
	struct index_test_container t;

	for (size_t i = 0; i < 2; i++)
		source_file_put(&list, &files[i]);
	index_test_archive(&t, path, OTHER_ID, 1, 1);
	t.dirs[0].files = list.data;
	t.dirs[0].files_size = list.size;
	ck_no_error(index_test_put(f->ix, &t));
}

static size_t find(struct index_fixture *f, const char *path,
		   struct flight *flight)
{
	static struct store store;

	*flight = (struct flight) {
		.store = &store,
		.query = {
			.id = index_test_id(DEBUGINFO_ID),
			.kind = ARTIFACT_SOURCE,
			.suffix = path,
		},
	};
	ck_no_error(source_targets(&store, f->r, flight));
	return flight->targets.count;
}

static size_t count_targets(struct index_fixture *f, const char *path)
{
	struct flight flight;
	size_t count = find(f, path, &flight);

	targets_deinit(&flight.targets);
	return count;
}

static int64_t reached(const char *limit)
{
	return metric_get(METRIC_LIMITS_REACHED,
			  metric_label(LABELS_LIMIT, limit), 0);
}

START_TEST(a_source_is_named_in_whatever_form)
{
	static const char *const asked[] = {
		"/usr/src/a/a.c",
		"/usr/src/a//./a.c",
		"/usr/./src/x/../a/a.c",
	};
	static const char *const not_named[] = {
		"/usr/src/a/c.c",
		"/src/a/a.c",
		"/usr/src/a/a.c/..",
		"/",
	};
	CLEANUP_BUF struct buf packed = BUF_INIT;
	CLEANUP_INDEX_FIXTURE struct index_fixture f;

	index_fixture_open(&f);
	put_holding(&f, "/srv/src.rpm", "a.c");
	put_holding(&f, "/srv/other.rpm", "c.c");
	make_names(&packed, 50000, 1, NULL);
	put_naming(&f, 1, &packed);
	ck_assert_uint_eq(count_targets(&f, asked[0]), 0);
	make_names(&packed, 50000, 1, "usr//src/./b/../a/a.c");
	put_naming(&f, 2, &packed);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(count_targets(&f, asked[i]), 1);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(count_targets(&f, not_named[i]), 0);
}
END_TEST

START_TEST(names_without_end_are_not_all_looked_at)
{
	enum { MANY = 50 << 20 };
	CLEANUP_BUF struct buf packed = BUF_INIT;
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	int64_t before = reached("source_names");

	index_fixture_open(&f);
	put_holding(&f, "/srv/src.rpm", "a.c");
	/* Of copies one is looked at. */
	make_names(&packed, MANY, 1, NULL);
	for (unsigned i = 0; i < 6; i++)
		put_naming(&f, i, &packed);
	make_names(&packed, MANY, 2, "/usr/src/a/a.c");
	put_naming(&f, 6, &packed);
	ck_assert_uint_eq(count_targets(&f, "/usr/src/a/a.c"), 1);
	ck_assert_uint_eq(count_targets(&f, "/usr/src/a/b.c"), 0);
	ck_assert_int_eq(reached("source_names"), before);
	/* A third one is too much; a small one has its place. */
	make_names(&packed, MANY, 3, "/usr/src/a/b.c");
	put_naming(&f, 7, &packed);
	ck_assert_uint_eq(count_targets(&f, "/usr/src/a/a.c"), 1);
	ck_assert_int_eq(reached("source_names"), before);
	ck_assert_uint_eq(count_targets(&f, "/usr/src/a/b.c"), 0);
	ck_assert_int_eq(reached("source_names"), before + 1);
	make_names(&packed, 0, 4, "/usr/src/a/b.c");
	put_naming(&f, 8, &packed);
	ck_assert_uint_eq(count_targets(&f, "/usr/src/a/b.c"), 1);
	ck_assert_int_eq(reached("source_names"), before + 1);
}
END_TEST

START_TEST(of_very_many_archives_with_the_file_the_best_are_tried)
{
	CLEANUP_BUF struct buf packed = BUF_INIT;
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	struct flight flight;
	char path[32];

	index_fixture_open(&f);
	make_names(&packed, 0, 1, "/usr/src/a/a.c");
	put_naming(&f, 77, &packed);
	for (unsigned i = 0; i < INDEX_PLACES_MAX + 5; i++) {
		snprintf(path, sizeof(path), "/far/%u.rpm", i);
		put_holding(&f, path, "a.c");
	}
	ck_assert_uint_eq(find(&f, "/usr/src/a/a.c", &flight),
			  INDEX_PLACES_MAX);
	ck_assert_str_eq(flight.targets.v[0].container, "/far/0.rpm");
	ck_assert_str_eq(flight.targets.v[63].container, "/far/63.rpm");
	targets_deinit(&flight.targets);
	/* The last one seen is the nearest one. */
	put_holding(&f, "/srv/77-source.deb", "a.c");
	ck_assert_uint_eq(find(&f, "/usr/src/a/a.c", &flight),
			  INDEX_PLACES_MAX);
	ck_assert_str_eq(flight.targets.v[0].container, "/srv/77-source.deb");
	ck_assert_str_eq(flight.targets.v[1].container, "/far/0.rpm");
	ck_assert_str_eq(flight.targets.v[63].container, "/far/62.rpm");
	ck_assert_uint_eq(flight.targets.v[0].ordinal, 7);
	targets_deinit(&flight.targets);
}
END_TEST

START_TEST(lists_without_end_are_not_all_read)
{
	static uint8_t padding[1 << 20];
	CLEANUP_BUF struct buf packed = BUF_INIT, list = BUF_INIT;
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	int64_t before = reached("source_lists");
	struct index_test_container t;

	index_fixture_open(&f);
	make_names(&packed, 0, 1, "/usr/src/a/a.c");
	put_naming(&f, 1, &packed);
	for (size_t i = 0; i < 65; i++)
		ck_assert(buf_append(&list, padding, sizeof(padding)));
	index_test_archive(&t, "/srv/huge.tar", OTHER_ID, 1, 1);
	t.dirs[0].files = list.data;
	t.dirs[0].files_size = list.size;
	ck_no_error(index_test_put(f.ix, &t));
	ck_assert_uint_eq(count_targets(&f, "/usr/src/a/a.c"), 0);
	ck_assert_int_eq(reached("source_lists"), before + 1);
	put_holding(&f, "/srv/src.rpm", "a.c");
	ck_assert_uint_eq(count_targets(&f, "/usr/src/a/a.c"), 1);
}
END_TEST

START_TEST(without_memory_no_source_is_found_or_all_is_well)
{
	CLEANUP_BUF struct buf packed = BUF_INIT;
	CLEANUP_INDEX_FIXTURE struct index_fixture f;
	static struct store store;
	struct error *err = NULL;
	unsigned long n = 0;

	index_fixture_open(&f);
	make_names(&packed, 0, 1, "/usr/src/a/a.c");
	put_naming(&f, 1, &packed);
	put_holding(&f, "/srv/src.rpm", "a.c");
	do {
		struct flight flight = {
			.store = &store,
			.query = {
				.id = index_test_id(DEBUGINFO_ID),
				.kind = ARTIFACT_SOURCE,
				.suffix = "/usr/src/a/a.c",
			},
		};

		error_free(err);
		mem_fail_at(++n);
		err = source_targets(&store, f.r, &flight);
		mem_fail_at(0);
		ck_assert(err || flight.targets.count == 1);
		targets_deinit(&flight.targets);
		ck_assert_uint_lt(n, 1000);
	} while (err);
	ck_assert_uint_gt(n, 5);
}
END_TEST

UNIT_MAIN("store_sources", a_source_is_named_in_whatever_form,
	  names_without_end_are_not_all_looked_at,
	  of_very_many_archives_with_the_file_the_best_are_tried,
	  lists_without_end_are_not_all_read,
	  without_memory_no_source_is_found_or_all_is_well)
