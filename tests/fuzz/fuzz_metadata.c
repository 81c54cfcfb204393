/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other servers say of names: src/http/metadata_rows.c. Input: u8 flags,
 * then the answers of one server after the other, with a line "%%" between.
 *
 * Beyond what the sanitizers see: of an answer that makes no sense nothing is
 * taken; what is written is one that makes sense, of which every row is taken
 * as it is, and none twice.
 */
#include "config.h"

#include <assert.h>

#include "base/mem.h"
#include "http/metadata_rows.h"
#include "tests/fuzz/fuzz.h"

enum {
	HIDES_PATHS = 1 << 0,
	ONE_ID = 1 << 1,
	FAIL_MEMORY = 1 << 2,
	IS_SMALL = 1 << 3,
	LIMIT = 1 << 20,
	LIMIT_SMALL = 200,
};

static const struct build_id one = { .len = 2, .bytes = { 0xaa, 0xbb } };

static void hear(struct metadata_rows *rows, const uint8_t *text, size_t size,
		 unsigned flags)
{
	uint8_t *exact = fuzz_copy(text, size);
	size_t before = rows->out->size, count = rows->count;
	bool is_complete = false;
	struct error *err = metadata_rows_add_answer(
		rows, exact, size, flags & ONE_ID ? &one : NULL, &is_complete);

	if (err && error_kind(err) == ERROR_BAD_REQUEST)
		assert(rows->out->size == before && rows->count == count);
	else if (err)
		assert(error_kind(err) == ERROR_NO_MEMORY);
	assert(!is_complete || !rows->is_cut);
	error_free(err);
	free(exact);
}

/* Nothing of it may be lost or found to be there twice. */
static void read_again(const struct buf *said, unsigned flags, size_t count)
{
	CLEANUP_METADATA_ROWS struct metadata_rows rows = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	bool is_complete = false;

	assert(!metadata_rows_init(&rows, &out, false, SIZE_MAX));
	assert(!metadata_rows_add_answer(&rows, said->data, said->size,
					 flags & ONE_ID ? &one : NULL,
					 &is_complete));
	metadata_rows_end(&rows, true);
	assert(is_complete && !out.failed && rows.count == count);
	assert(out.size == said->size &&
	       !memcmp(out.data, said->data, out.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char mark[] = "%%\n";
	CLEANUP_METADATA_ROWS struct metadata_rows rows = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;

	if (!size)
		return 0;
	unsigned flags = *data++;

	size--;
	assert(!metadata_rows_init(&rows, &out, flags & HIDES_PATHS,
				   flags & IS_SMALL ? LIMIT_SMALL : LIMIT));
	if (flags & FAIL_MEMORY)
		mem_fail_at(1 + flags / 16);
	for (bool is_last = false; !is_last;) {
		const uint8_t *end = memmem(data, size, mark, 3);
		size_t n = end ? (size_t)(end - data) : size;

		hear(&rows, data, n, flags);
		is_last = !end;
		data += n + 3 * !is_last;
		size -= n + 3 * !is_last;
	}
	mem_fail_at(0);
	metadata_rows_end(&rows, true);
	if (!out.failed)
		read_again(&out, flags, rows.count);
	return 0;
}
