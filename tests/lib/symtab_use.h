/* SPDX-License-Identifier: Apache-2.0 */
/** Everything that can be asked of a table, whatever its bytes are: nothing
 * but an answer or a BAD_DATA may come of it. Asserts that. */
#ifndef TESTS_LIB_SYMTAB_USE_H
#define TESTS_LIB_SYMTAB_USE_H

#include <stdbool.h>
#include <stddef.h>

/** @param[in] data Of a table, sealed or not. @return Could it be opened? */
bool symtab_use(const void *data, size_t size);

#endif
