/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Answers of /symbolize/v1 that are allowed to say less than they could.
 */
#ifndef TESTS_SOAK_ANSWER_H
#define TESTS_SOAK_ANSWER_H

#include <stdbool.h>

/**
 * Does @p got say of each address what @p whole says of it, or nothing?
 *
 * @param[in] got, whole Answers in JSON (schema/http.md) to one request,
 * NUL-terminated.
 * @return False also if either is none.
 */
bool soak_answer_is_part(const char *got, const char *whole);

#endif
