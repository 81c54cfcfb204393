/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symtab/symtab_format.h"
#include "tests/lib/symtab_fixture.h"

static void must(struct error *err)
{
	if (!err)
		return;
	fprintf(stderr, "%s\n", error_message(err));
	abort();
}

void symtab_fixture_finish(struct symtab_writer *w,
			   const struct symtab_writer_facts *facts,
			   struct buf *out)
{
	CLEANUP_CLOSE int fd = memfd_create("table", MFD_CLOEXEC);
	struct symtab_written written;

	must(symtab_writer_finish(w, facts, fd, &written));
	buf_clear(out);
	uint8_t *to = buf_reserve(out, written.size);

	if (!to || pread(fd, to, written.size, 0) != (ssize_t)written.size)
		abort();
	buf_commit(out, written.size);
}

void symtab_fixture_seal(uint8_t *table, size_t size)
{
	if (size < SYMTAB_TRAILER_SIZE)
		return;
	uint64_t checksum = htole64(symtab_checksum(0, table, size - 8));

	memcpy(table + size - 8, &checksum, 8);
}

void symtab_fixture_adopt(const void *gsym, size_t size, struct buf *out)
{
	static const uint8_t none[16];
	struct symtab_layout layout = { 0 };

	buf_clear(out);
	buf_append(out, gsym, size);
	uint64_t facts_at = out->size;

	buf_put_u8(out, 0);
	buf_put_u8(out, SYMTAB_QUALITY_DWARF);
	buf_put_u8(out, 1);
	symtab_layout_put(out, &layout);
	uint64_t names_at = out->size;

	buf_append(out, none, SYMTAB_NAMES_HEADER);
	uint64_t end = out->size;

	buf_append(out, SYMTAB_MAGIC, 8);
	buf_put_u32(out, SYMTAB_VERSION);
	buf_put_u32(out, SYMTAB_PRODUCER);
	buf_put_u64(out, size);
	buf_put_u64(out, facts_at);
	buf_put_u64(out, names_at - facts_at);
	buf_put_u64(out, names_at);
	buf_put_u64(out, end - names_at);
	buf_put_u64(out, end);
	buf_put_u64(out, 0);
	buf_put_u64(out, end);
	buf_put_u64(out, 0);
	if (!buf_put_u64(out, 0))
		abort();
	symtab_fixture_seal(out->data, out->size);
}
