/* SPDX-License-Identifier: Apache-2.0 */
/* Databases in both schemas that are in use, as debuginfod makes them, with a
 * bare file and an archive. */
#include "config.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static const char schema9[] =
	"create table buildids9_files (id integer primary key not null,"
	" name text unique not null);"
	"create table buildids9_buildids (id integer primary key not null,"
	" hex text unique not null);"
	"create table buildids9_file_mtime_scanned (mtime integer not null,"
	" file integer not null, size integer not null,"
	" sourcetype text(1) not null, primary key (file, mtime, sourcetype));"
	"create table buildids9_f_de (buildid integer not null,"
	" debuginfo_p integer not null, executable_p integer not null,"
	" file integer not null, mtime integer not null);"
	"create table buildids9_f_s (buildid integer not null,"
	" artifactsrc integer not null, file integer not null,"
	" mtime integer not null);"
	"create table buildids9_r_de (buildid integer not null,"
	" debuginfo_p integer not null, executable_p integer not null,"
	" file integer not null, mtime integer not null,"
	" content integer not null);"
	"create table buildids9_r_sref (buildid integer not null,"
	" artifactsrc integer not null);"
	"create table buildids9_r_sdef (file integer not null,"
	" mtime integer not null, content integer not null);"
	"insert into buildids9_files values (1, '/srv/a'), (2, '/srv/b.rpm'),"
	" (3, '/usr/bin/b'), (4, '/usr/src/b.c');";

static const char schema10[] =
	"create table buildids10_fileparts (id integer primary key not null,"
	" name text unique not null);"
	"create table buildids10_files (id integer primary key not null,"
	" dirname integer not null, basename integer not null,"
	" unique (dirname, basename));"
	"create table buildids10_buildids (id integer primary key not null,"
	" hex text unique not null);"
	"create table buildids10_file_mtime_scanned (mtime integer not null,"
	" file integer not null, size integer not null,"
	" sourcetype text(1) not null, primary key (file, mtime, sourcetype))"
	" without rowid;"
	"create table buildids10_f_de (buildid integer not null,"
	" debuginfo_p integer not null, executable_p integer not null,"
	" file integer not null, mtime integer not null);"
	"create table buildids10_f_s (buildid integer not null,"
	" artifactsrc integer not null, file integer not null,"
	" mtime integer not null);"
	"create table buildids10_r_de (buildid integer not null,"
	" debuginfo_p integer not null, executable_p integer not null,"
	" file integer not null, mtime integer not null,"
	" content integer not null);"
	"create table buildids10_r_sref (buildid integer not null,"
	" artifactsrc integer not null);"
	"create table buildids10_r_sdef (file integer not null,"
	" mtime integer not null, content integer not null);"
	"insert into buildids10_fileparts values (1, '/srv'), (2, 'a'),"
	" (3, 'b.rpm'), (4, '/usr/bin'), (5, 'b'), (6, 'b.c');"
	"insert into buildids10_files values (1, 1, 2), (2, 1, 3), (3, 4, 5),"
	" (4, 4, 6);";

/* "@" is the prefix. */
static const char rows[] =
	"insert into @buildids values (1, '0123456789abcdef'), (2, 'aabb');"
	"insert into @file_mtime_scanned values (100, 1, 10, 'F'),"
	" (200, 2, 20, 'F'), (200, 2, 20, 'R');"
	"insert into @f_de values (1, 0, 1, 1, 100), (2, 1, 0, 1, 100);"
	"insert into @f_s values (1, 4, 4, 50);"
	"insert into @r_de values (2, 0, 1, 2, 200, 3);"
	"insert into @r_sref values (2, 4);"
	"insert into @r_sdef values (2, 200, 4);";

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		abort();
}

static void run_with_prefix(sqlite3 *db, const char *sql, const char *prefix)
{
	char text[4096], *out = text;

	for (; *sql; sql++) {
		if (*sql == '@')
			out = stpcpy(out, prefix);
		else
			*out++ = *sql;
	}
	*out = '\0';
	run(db, text);
}

static void take_database(fuzz_take_fn take, void *ctx, const char *schema,
			  const char *prefix)
{
	sqlite3_int64 size;
	sqlite3 *db;

	if (sqlite3_open(":memory:", &db))
		abort();
	run(db, "pragma page_size = 512");
	run(db, schema);
	run_with_prefix(db, rows, prefix);
	unsigned char *bytes = sqlite3_serialize(db, "main", &size, 0);

	if (!bytes)
		abort();
	take(ctx, bytes, (size_t)size);
	sqlite3_free(bytes);
	sqlite3_close(db);
}

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	take_database(take, ctx, schema9, "buildids9_");
	take_database(take, ctx, schema10, "buildids10_");
}
