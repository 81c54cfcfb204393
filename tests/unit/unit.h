/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A unit test program: cases named as sentences, listed once.
 *
 *	START_TEST(wrap_prefixes_the_outer_context) { … } END_TEST
 *	UNIT_MAIN("error", wrap_prefixes_the_outer_context, …)
 *
 * A case left out of the list is an unused variable and does not compile.
 * Output is TAP where CK_TAP_LOG_FILE_NAME=- (make check sets it).
 */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include "base/error.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/** Fail with the error's message unless @p expr is NULL. */
#define ck_no_error(expr)                                              \
	do {                                                           \
		struct error *ck_err_ = (expr);                        \
		if (ck_err_)                                           \
			ck_abort_msg("%s:%d: %s", error_file(ck_err_), \
				     error_line(ck_err_),              \
				     error_message(ck_err_));          \
	} while (0)

/** Expect an error of @p kind_ whose message contains @p text. */
#define ck_error(expr, kind_, text)                                         \
	do {                                                                \
		struct error *ck_err_ = (expr);                             \
		ck_assert_msg(ck_err_ != NULL, "no error from %s", #expr);  \
		ck_assert_msg(error_kind(ck_err_) == ERROR_##kind_,         \
			      "wrong kind of error: %s",                    \
			      error_message(ck_err_));                      \
		ck_assert_msg(strstr(error_message(ck_err_), text) != NULL, \
			      "'%s' not in: %s", text,                      \
			      error_message(ck_err_));                      \
		error_free(ck_err_);                                        \
	} while (0)

#define UNIT_MAIN(name, ...) UNIT_MAIN_UNLESS(NULL, name, __VA_ARGS__)

/** The same, but all of it is skipped if @p why_not is text when it starts. */
#define UNIT_MAIN_UNLESS(why_not, name, ...)                                \
	int main(void)                                                      \
	{                                                                   \
		const char *why_not_ = (why_not);                           \
                                                                            \
		if (why_not_) {                                             \
			printf("1..0 # SKIP %s\n", why_not_);               \
			return EXIT_SUCCESS;                                \
		}                                                           \
		const TTest *tests[] = { __VA_ARGS__ };                     \
		Suite *suite = suite_create(name);                          \
		TCase *tcase = tcase_create(name);                          \
                                                                            \
		for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) \
			tcase_add_test(tcase, tests[i]);                    \
		suite_add_tcase(suite, tcase);                              \
		SRunner *runner = srunner_create(suite);                    \
		srunner_run_all(runner, CK_ENV);                            \
		int failed = srunner_ntests_failed(runner);                 \
		srunner_free(runner);                                       \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;                \
	}

#endif
