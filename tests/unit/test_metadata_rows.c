/* SPDX-License-Identifier: Apache-2.0 */
/* What other servers say of names: merged, and hostile. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "http/metadata_rows.h"
#include "tests/unit/unit.h"

#define ROW(type, id, rest) \
	"{\"type\":\"" type "\",\"buildid\":\"" id "\"" rest "}"
#define ANSWER(rows) "{\"results\":[" rows "],\"complete\":true}"
#define HERE         ROW("executable", "aabb", ",\"file\":\"/bin/here\"")

static struct buf out;
static struct metadata_rows rows;

static void begin(bool hide_paths, size_t limit_bytes)
{
	buf_init(&out);
	ck_no_error(metadata_rows_init(&rows, &out, hide_paths, limit_bytes));
}

static void add_here(const char *hex, const char *type, const char *file,
		     const char *archive)
{
	struct build_id id;

	ck_assert(build_id_parse(hex, strlen(hex), &id));
	const struct metadata_row row = {
		.type = type,
		.id = &id,
		.file = file,
		.archive = archive,
	};

	ck_assert(metadata_rows_add(&rows, &row));
}

/* What another server said, in memory of its size. */
static struct error *hear_n(const char *text, size_t size,
			    const struct build_id *id, bool *complete_ret)
{
	CLEANUP_FREE char *exact = mem_dup(text, size);

	if (!exact)
		return error_no_memory;
	return metadata_rows_add_answer(&rows, exact, size, id, complete_ret);
}

static bool hear(const char *text)
{
	bool is_complete = false;

	ck_no_error(hear_n(text, strlen(text), NULL, &is_complete));
	return is_complete;
}

/* Ends the answer; borrowed until the next. */
static const char *answer(bool is_complete)
{
	static char text[16384];

	metadata_rows_end(&rows, is_complete);
	ck_assert(!out.failed && out.size < sizeof(text));
	memcpy(text, out.data, out.size);
	text[out.size] = '\0';
	metadata_rows_deinit(&rows);
	metadata_rows_deinit(&rows);
	buf_deinit(&out);
	return text;
}

START_TEST(rows_of_here_come_first_then_each_server_s_in_their_order)
{
	begin(false, 1 << 20);
	add_here("aabb", "executable", "/bin/here", NULL);
	add_here("aabb", "debuginfo", "/bin/here", NULL);
	ck_assert(hear(ANSWER(ROW("debuginfo", "CCDD",
				  ",\"file\":\"\\/usr\\/b\",\"archive\":\"\\/"
				  "p.rpm\"") "," ROW("executable", "0011",
						     ",\"file\":\"/a\""))));
	ck_assert(hear("{ \"complete\": true, \"results\": [ " ROW(
		"executable", "2233", "") " ] }"));
	ck_assert_str_eq(
		answer(true),
		ANSWER(HERE "," ROW("debuginfo", "aabb", ",\"file\":\"/bin/here\"") "," ROW(
			"debuginfo", "ccdd",
			",\"file\":\"/usr/b\",\"archive\":\"/"
			"p.rpm\"") "," ROW("executable", "0011",
					   ",\"file\":\"/a\"") "," ROW("executa"
								       "ble",
								       "2233",
								       "")));
}
END_TEST

START_TEST(no_row_is_there_twice)
{
	begin(false, 1 << 20);
	add_here("aabb", "executable", "/bin/here", NULL);
	/* Another spelling of the same. */
	ck_assert(hear(
		ANSWER("{\"file\":\"\\/bin\\u002fhere\",\"x\":[{}],"
		       "\"buildid\":\"AABB\",\"type\":\"executable\"}," HERE)));
	/* Other rows: another ID, type, file, archive, none. */
	static const char others[] = ROW("executable", "aabc", ",\"file\":\"/bin/here\"") "," ROW(
		"debuginfo", "aabb",
		",\"file\":\"/bin/here\"") "," ROW("executable", "aabb",
						   ",\"file\":\"/bin/"
						   "her\"") "," ROW("ex"
								    "ec"
								    "ut"
								    "ab"
								    "l"
								    "e",
								    "aa"
								    "b"
								    "b",
								    ","
								    "\""
								    "fi"
								    "le"
								    "\""
								    ":"
								    "\""
								    "/b"
								    "in"
								    "/h"
								    "er"
								    "e"
								    "\""
								    ","
								    "\""
								    "ar"
								    "ch"
								    "iv"
								    "e"
								    "\""
								    ":"
								    "\""
								    "/p"
								    "\"") "," ROW("executable",
										  "aabb",
										  "");
	CLEANUP_FREE char *all = mem_printf(
		"{\"results\":[%s,%s],\"complete\":true}", HERE, others);

	ck_assert(hear(all));
	ck_assert(hear(all));
	ck_assert_str_eq(answer(true), all);
}
END_TEST

START_TEST(many_rows_are_told_apart)
{
	char file[32];

	begin(false, 1 << 20);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 5000; i++) {
			snprintf(file, sizeof(file), "/%u", i);
			add_here("aabb", "debuginfo", file, NULL);
		}
	}
	ck_assert_uint_eq(rows.count, 5000);
	metadata_rows_deinit(&rows);
	buf_deinit(&out);
}
END_TEST

START_TEST(paths_are_hidden_as_those_of_here)
{
	begin(true, 1 << 20);
	add_here("aabb", "executable", "/srv/here", NULL);
	add_here("aabb", "executable", "/bin/member", "/srv/p.deb");
	ck_assert(hear(ANSWER(
		ROW("executable", "ccdd", ",\"file\":\"/srv/there\"") "," ROW(
			"executable", "ccdd",
			",\"file\":\"/bin/x\",\"archive\":\"/srv/q\""))));
	ck_assert_str_eq(
		answer(true),
		ANSWER(ROW("executable", "aabb", "") "," ROW(
			"executable", "aabb",
			",\"file\":\"/bin/member\"") "," ROW("executable",
							     "ccdd",
							     "") "," ROW("execu"
									 "tabl"
									 "e",
									 "ccdd",
									 ",\"fi"
									 "le\":"
									 "\"/"
									 "bin/"
									 "x"
									 "\"")));
}
END_TEST

START_TEST(an_answer_that_is_not_complete_says_so)
{
	static const char *const bad[] = {
		"{\"results\":[],\"complete\":false}",
		ANSWER(ROW("source", "aabb", ",\"file\":\"/a.c\"")),
		ANSWER(ROW("executable", "aab", "")),
		ANSWER(ROW("executable", "xyzw", "")),
		ANSWER(ROW("executable", "aa", "")),
		ANSWER(ROW("executable", "", "")),
		ANSWER("{}"),
		ANSWER("{\"type\":\"executable\"}"),
		ANSWER("{\"buildid\":\"aabb\"}"),
		ANSWER(ROW("executable", "aabb", ",\"file\":\"\"")),
		ANSWER(ROW("executable", "aabb", ",\"file\":\"/a\\u0000b\"")),
		ANSWER(ROW("executable", "aabb", ",\"archive\":\"\"")),
		ANSWER(ROW("a type that is longer than any", "aabb", "")),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin(false, 1 << 20);
		ck_assert_msg(!hear(bad[i]), "%s", bad[i]);
		ck_assert_str_eq(answer(false),
				 "{\"results\":[],\"complete\":false}");
	}
}
END_TEST

START_TEST(a_row_that_is_left_out_costs_only_itself)
{
	static char text[3 * METADATA_PATH_MOST];
	char longest[METADATA_PATH_MOST + 2];

	for (unsigned over = 0; over < 2; over++) {
		memset(longest, 'x', sizeof(longest));
		longest[METADATA_PATH_MOST + over] = '\0';
		snprintf(text, sizeof(text),
			 ANSWER("{\"type\":\"executable\",\"buildid\":\"ccdd\","
				"\"file\":\"%s\"}," HERE),
			 longest);
		begin(false, 1 << 20);
		ck_assert(hear(text) == !over);
		ck_assert_uint_eq(rows.count, 2 - over);
		ck_assert_ptr_nonnull(strstr(answer(true), "/bin/here"));
	}
}
END_TEST

START_TEST(of_one_build_id_nothing_is_said_of_another)
{
	static const char said[] = ANSWER(
		ROW("executable", "ccdd", ",\"file\":\"/lie\"") "," HERE);
	struct build_id id;
	bool is_complete = true;

	ck_assert(build_id_parse("aabb", 4, &id));
	begin(false, 1 << 20);
	ck_no_error(hear_n(said, strlen(said), &id, &is_complete));
	ck_assert(!is_complete);
	ck_assert_str_eq(answer(true), ANSWER(HERE));
}
END_TEST

/* All of it or nothing, whatever stood before what is wrong. */
START_TEST(of_an_answer_that_makes_no_sense_nothing_is_taken)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"<html>",
		"{}",
		"{\"results\":[]}",
		"{\"complete\":true}",
		"{\"results\":{},\"complete\":true}",
		"{\"results\":null,\"complete\":true}",
		"{\"results\":[" HERE "],\"complete\":1}",
		"{\"results\":[" HERE "],\"complete\":true",
		"{\"results\":[" HERE "],\"complete\":true}}",
		"{\"results\":[" HERE ",],\"complete\":true}",
		"{\"results\":[" HERE "],\"results\":[],\"complete\":true}",
		"{\"results\":[" HERE "],\"complete\":true,\"complete\":true}",
		ANSWER(HERE ",null"),
		ANSWER(HERE ",\"aabb\""),
		ANSWER(HERE ",[]"),
		ANSWER(HERE ",{\"type\":1,\"buildid\":\"aabb\"}"),
		ANSWER(HERE ",{\"type\":\"executable\",\"buildid\":null}"),
		ANSWER(HERE "," ROW("executable", "aabb", ",\"file\":null")),
		ANSWER(HERE "," ROW("executable", "aabb", ",\"file\":[\"/\"]")),
		ANSWER(HERE "," ROW("executable", "aabb", ",\"archive\":{}")),
		ANSWER(HERE "," ROW("executable", "aabb", ",\"type\":\"x\"")),
		ANSWER(HERE
		       "," ROW("executable", "aabb", ",\"file\":\"\xff\"")),
		ANSWER(HERE
		       "," ROW("executable", "aabb", ",\"file\":\"\\ud800\"")),
		ANSWER(HERE "," ROW("executable", "aabb", ",\"file\":\"\n\"")),
		"{\"results\":[" HERE "],\"complete\":true,\"x\":"
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		bool is_complete = false;

		begin(false, 1 << 20);
		struct error *err =
			hear_n(bad[i], strlen(bad[i]), NULL, &is_complete);

		ck_assert_msg(err, "%s", bad[i]);
		ck_assert_int_eq(error_kind(err), ERROR_BAD_REQUEST);
		error_free(err);
		ck_assert_str_eq(answer(true), ANSWER(""));
	}
}
END_TEST

START_TEST(cut_anywhere_nothing_of_it_is_taken)
{
	static const char whole[] =
		ANSWER(HERE "," ROW("debuginfo", "aabb", ""));

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		bool is_complete = false;

		begin(false, 1 << 20);
		ck_error(hear_n(whole, n, NULL, &is_complete), BAD_REQUEST, "");
		ck_assert_str_eq(answer(true), ANSWER(""));
	}
}
END_TEST

START_TEST(past_the_limit_the_rest_is_cut_and_that_is_known)
{
	begin(false, 100);
	add_here("aabb", "executable", "/bin/here", NULL);
	ck_assert(!rows.is_cut);
	ck_assert(!hear(ANSWER(ROW("executable", "0001",
				   "") "," ROW("executable", "0002", ""))));
	ck_assert(rows.is_cut);
	ck_assert_uint_eq(rows.count, 2);
	ck_assert_ptr_null(strstr(answer(false), "0002"));
}
END_TEST

static struct error *merge(void)
{
	static const char said[] =
		ANSWER(ROW("executable", "ccdd",
			   ",\"file\":\"\\/x\",\"archive\":\"\\/y\"") "," HERE);
	struct build_id id = { .len = 2, .bytes = { 0xaa, 0xbb } };
	const struct metadata_row row = {
		.type = "executable",
		.id = &id,
		.file = "/bin/here",
	};
	CLEANUP_METADATA_ROWS struct metadata_rows r = { 0 };
	CLEANUP_BUF struct buf b = BUF_INIT;
	bool is_complete;

	TRY(metadata_rows_init(&r, &b, false, 1 << 20));
	metadata_rows_add(&r, &row);
	TRY(metadata_rows_add_answer(&r, said, strlen(said), NULL,
				     &is_complete));
	metadata_rows_end(&r, is_complete);
	if (b.failed)
		return error_no_memory;
	ck_assert(is_complete);
	ck_assert_uint_eq(r.count, 2);
	return NULL;
}

START_TEST(without_memory_it_is_no_answer)
{
	bool is_done = false;
	long n = 0;

	while (!is_done) {
		mem_fail_at(++n);
		struct error *err = merge();

		mem_fail_at(0);
		is_done = !err;
		if (err)
			ck_assert_int_eq(error_kind(err), ERROR_NO_MEMORY);
		error_free(err);
	}
	ck_assert_int_gt(n, 3);
}
END_TEST

UNIT_MAIN("metadata_rows",
	  rows_of_here_come_first_then_each_server_s_in_their_order,
	  no_row_is_there_twice, many_rows_are_told_apart,
	  paths_are_hidden_as_those_of_here,
	  an_answer_that_is_not_complete_says_so,
	  a_row_that_is_left_out_costs_only_itself,
	  of_one_build_id_nothing_is_said_of_another,
	  of_an_answer_that_makes_no_sense_nothing_is_taken,
	  cut_anywhere_nothing_of_it_is_taken,
	  past_the_limit_the_rest_is_cut_and_that_is_known,
	  without_memory_it_is_no_answer)
