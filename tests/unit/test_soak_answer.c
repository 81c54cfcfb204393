/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/lib/soak_answer.h"
#include "tests/unit/unit.h"

static const char whole[] =
	"{\"status\":\"complete\",\n"
	"\"modules\":[{\"build_id\":\"11\"},{\"build_id\":\"22\"}],\n"
	"\"frames\":[{\"function\":\"a[1]\"},{\"function\":\"b}\\\"{\"}],\n"
	"\"results\":[[[0],[0,1],[]],[[1]]],\n"
	"\"reasons\":[{}]}\n";

#define ANSWER(frames, results)                                           \
	"{\"status\":\"partial\",\n"                                      \
	"\"modules\":[],\n\"frames\":[" frames "],\n\"results\":" results \
	"}\n"
#define A "{\"function\":\"a[1]\"}"
#define B "{\"function\":\"b}\\\"{\"}"

START_TEST(an_answer_is_part_of_one_that_says_as_much_or_more)
{
	ck_assert(soak_answer_is_part(whole, whole));
	ck_assert(soak_answer_is_part(ANSWER("", "[[[],[],[]],[[]]]"), whole));
	ck_assert(soak_answer_is_part(ANSWER(A, "[[[0],[],[]],[[]]]"), whole));
	/* The same frames by other numbers */
	ck_assert(soak_answer_is_part(ANSWER(B "," A, "[[[1],[1,0],[]],[[0]]]"),
				      whole));
}
END_TEST

START_TEST(an_answer_that_says_anything_else_is_none)
{
	static const char *const others[] = {
		ANSWER(B, "[[[0],[],[]],[[]]]"),
		ANSWER(A, "[[[0],[0],[]],[[]]]"),
		ANSWER(A "," B, "[[[0],[0,1,1],[]],[[]]]"),
		ANSWER(A, "[[[],[],[0]],[[]]]"),
		ANSWER("", "[[[],[]],[[]]]"),
		ANSWER("", "[[[],[],[],[]],[[]]]"),
		ANSWER("", "[[[],[],[]]]"),
		ANSWER("", "[[[],[],[]],[[]],[[]]]"),
		ANSWER(A, "[[[7],[],[]],[[]]]"),
		ANSWER(A, "[[[0],[],[]],[["),
		"{\"status\":\"partial\"}",
		"",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_msg(!soak_answer_is_part(others[i], whole), "%s",
			      others[i]);
}
END_TEST

UNIT_MAIN("soak_answer", an_answer_is_part_of_one_that_says_as_much_or_more,
	  an_answer_that_says_anything_else_is_none)
