/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/held.h"
#include "base/limits.h"

/* Of the process: what a request began may outlive its server. */
static _Atomic size_t total;

size_t held_total(void)
{
	return atomic_load_explicit(&total, memory_order_relaxed);
}

bool held_more(struct held *h, size_t bytes)
{
	size_t before =
		atomic_fetch_add_explicit(&total, bytes, memory_order_relaxed);

	if (h->limit && (before > h->limit || bytes > h->limit - before)) {
		atomic_fetch_sub_explicit(&total, bytes, memory_order_relaxed);
		limit_reached("request_memory");
		return false;
	}
	h->bytes += bytes;
	return true;
}

bool held_set(struct held *h, size_t bytes)
{
	if (bytes > h->bytes)
		return held_more(h, bytes - h->bytes);
	held_shrink(h, bytes);
	return true;
}

void held_shrink(struct held *h, size_t bytes)
{
	if (bytes >= h->bytes)
		return;
	atomic_fetch_sub_explicit(&total, h->bytes - bytes,
				  memory_order_relaxed);
	h->bytes = bytes;
}

void held_release(struct held *h)
{
	held_shrink(h, 0);
}

void held_move(struct held *to, struct held *from)
{
	assert(!to->bytes);
	*to = *from;
	from->bytes = 0;
}
