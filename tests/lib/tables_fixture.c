/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/lib/tables_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/lib/sample_table.h"
#include "tests/unit/unit.h"

char tables_dir[64];

void tables_make_dir(void)
{
	snprintf(tables_dir, sizeof(tables_dir), "%s/symbolized-tables-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	ck_assert_ptr_nonnull(mkdtemp(tables_dir));
}

void tables_remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", tables_dir);
	ck_assert_int_eq(system(command), 0);
}

struct table_cache *tables_open(uint64_t disk, uint64_t memory)
{
	struct table_cache *c;

	ck_no_error(table_cache_open(tables_dir, disk, memory, &c));
	return c;
}

struct build_id tables_id(unsigned i)
{
	return (struct build_id) {
		.len = 4, .bytes = { 0xab, (uint8_t)(i >> 8), (uint8_t)i, 1 }
	};
}

const struct table_claims tables_whole = {
	.quality = SYMTAB_QUALITY_DWARF,
	.inputs = TABLE_DEBUGINFO | TABLE_EXECUTABLE,
};

struct error *tables_try_put(struct table_cache *c, unsigned i,
			     struct table_claims claims, bool keeps)
{
	const struct sample_table what = {
		.id = tables_id(i),
		.quality = (enum symtab_quality)claims.quality,
		.functions = 50,
	};
	CLEANUP_SYMTAB struct symtab *t = NULL;
	CLEANUP_CLOSE int fd = -1;
	bool is_new;

	TRY(table_cache_begin(c, &fd));
	sample_table_write(&what, fd);
	TRY(table_cache_put(c, &what.id, claims, fd, &t, &is_new));
	if (is_new && keeps)
		TRY(table_cache_keep(c, &what.id, t, steal_fd(&fd)));
	return NULL;
}

void tables_put(struct table_cache *c, unsigned i, struct table_claims claims)
{
	ck_no_error(tables_try_put(c, i, claims, true));
}

struct symtab *tables_load(struct table_cache *c, unsigned i)
{
	struct build_id id = tables_id(i);
	struct symtab *t;

	ck_no_error(table_cache_load(c, &id, &t));
	return t;
}

char *tables_path(unsigned i, struct table_claims claims)
{
	static char path[160];
	struct build_id id = tables_id(i);
	char hex[BUILD_ID_HEX_MAX];

	snprintf(path, sizeof(path), "%s/%s-%x%x.gsym", tables_dir,
		 build_id_hex(&id, hex), claims.quality, claims.inputs);
	return path;
}
