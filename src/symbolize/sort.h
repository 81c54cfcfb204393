/* SPDX-License-Identifier: Apache-2.0 */
/** Sorting of addresses. Threads: any. */
#ifndef SYMBOLIZE_SORT_H
#define SYMBOLIZE_SORT_H

#include <stddef.h>
#include <stdint.h>

struct sort_item {
	uint64_t key;
	uint32_t value;
};

/** By key, ascending; those of one key stay in their order.
 * @param[in] spare Room for as many.
 * Cost: a pass for each 11 bits in which the keys' distances differ. */
void sort_items(struct sort_item *items, struct sort_item *spare, size_t count);

#endif
