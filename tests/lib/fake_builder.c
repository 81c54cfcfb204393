/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that builds no table from what it is given, but does what the debug
 * file (else the executable) says in words, for tests of who waits for whom:
 *
 *	quality=N	of the table; default dwarf
 *	gate=PATH	the whole table waits until there is such a file
 *	turns=PATH	a partial one does, and removes it; while it does there
 *			is PATH.waits
 *	bad		it is damaged
 *	die		the worker does
 *	fickle=PATH	the same, unless there is such a file, which it makes
 *	broken=PATH	the table has damage within unless there is such a file
 *	cut		by a limit
 *	full		no room, unless the table goes outside "tables"
 *	lacks=N		of split DWARF the units FAKE_SPLIT_ID to that + N - 1,
 *			unless there is a file that says
 *	has=M			FAKE_SPLIT_ID + M; or
 *	kills			that the worker dies
 *
 * A partial table's functions are called "pa…", those of a table made with an
 * alternate file "al…", with files of split DWARF "sp…".
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/lib/fake_builder.h"
#include "tests/lib/sample_table.h"
#include "tests/lib/symtab_fixture.h"
#include "worker/sandbox.h"
#include "worker/symtab_job.h"
#include "worker/worker_main.h"

enum { WORDS = 1024 };

static char words[WORDS + 1];

static const char *find_word(const char *key)
{
	static char value[WORDS + 1];
	const char *at = strstr(words, key);

	if (!at)
		return NULL;
	snprintf(value, sizeof(value), "%s", at + strlen(key));
	value[strcspn(value, " \n")] = '\0';
	return value;
}

static void wait_for(const char *path)
{
	while (path && access(path, F_OK))
		usleep(1000);
}

static void wait_turn(const char *path)
{
	char waits[512];

	if (!path)
		return;
	snprintf(waits, sizeof(waits), "%s.waits", path);
	close(open(waits, O_CREAT | O_WRONLY, 0600));
	while (unlink(path))
		usleep(1000);
	unlink(waits);
}

static bool is_in_cache(int fd)
{
	char link[64], path[512] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof(path) - 1) > 0 &&
	       strstr(path, "/tables/");
}

/* Spoil the second function of a table. */
static void break_table(int fd)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	off_t size = lseek(fd, 0, SEEK_END);
	uint8_t *data = buf_reserve(&b, (size_t)size);
	uint32_t at;

	if (!data || pread(fd, data, (size_t)size, 0) != size)
		abort();
	memcpy(&at, data + 48 + 4 * 2 + 1 * 4, 4);
	memset(data + at + 8, 0xff, 8);
	symtab_fixture_seal(data, (size_t)size);
	if (pwrite(fd, data, (size_t)size, 0) != size)
		abort();
}

static struct error *build(const struct symtab_request *q)
{
	const char *quality = find_word("quality=");
	const char *made;
	struct sample_table what = {
		.id = q->inputs.id,
		.quality = quality ? (enum symtab_quality)atoi(quality)
				   : SYMTAB_QUALITY_DWARF,
		.functions = 4,
		.is_cut = strstr(words, "cut") != NULL,
		.prefix = q->wanted_count       ? "pa"
			  : q->inputs.alt >= 0  ? "al"
			  : q->inputs.dwo_count ? "sp"
						: NULL,
	};

	if (q->wanted_count)
		wait_turn(find_word("turns="));
	else
		wait_for(find_word("gate="));
	if (strstr(words, "bad"))
		return error_new(BAD_DATA, "it says so itself");
	if (strstr(words, "die"))
		abort();
	if (strstr(words, "full") && is_in_cache(q->table))
		return error_new(NO_SPACE, "no space");
	made = find_word("fickle=");
	if (made && access(made, F_OK)) {
		close(open(made, O_CREAT | O_WRONLY, 0600));
		abort();
	}
	sample_table_write(&what, q->table);
	made = find_word("broken=");
	if (made && access(made, F_OK))
		break_table(q->table);
	return NULL;
}

/* The number of the unit in a file of split DWARF; -1: of no use. */
static int unit_of(const struct symtab_build_dwo *d)
{
	char says[32] = "";

	if (pread(d->fd, says, sizeof(says) - 1, (off_t)d->offset) < 0)
		abort();
	if (!strncmp(says, "kills", 5))
		abort();
	return strncmp(says, "has=", 4) ? -1 : atoi(says + 4);
}

static void find_lacking(const struct symtab_request *q,
			 struct symtab_build_report *report)
{
	const char *lacks = find_word("lacks=");
	size_t count = lacks ? (size_t)atoi(lacks) : 0;
	bool *is_there = mem_array(count, sizeof(*is_there));

	report->missing_splits =
		mem_array(count, sizeof(*report->missing_splits));
	if (!is_there || !report->missing_splits)
		abort();
	for (size_t i = 0; i < q->inputs.dwo_count; i++) {
		int unit = unit_of(&q->dwos[i]);

		if (unit >= 0 && (size_t)unit < count)
			is_there[unit] = true;
	}
	for (size_t i = 0; i < count; i++)
		if (!is_there[i])
			report->missing_splits[report->missing_split_count++] =
				FAKE_SPLIT_ID + i;
	mem_free(is_there);
}

static struct error *do_job(struct reader *payload, const int *fds,
			    size_t fd_count, struct wire_out *out)
{
	struct symtab_request *q = mem_zalloc(sizeof(*q));
	struct symtab_build_report report = {
		.quality = SYMTAB_QUALITY_DWARF,
	};

	reader_u32(payload); /* processor time */
	struct error *err = symtab_request_get(payload, fds, fd_count, q);
	int fd = q->inputs.debuginfo >= 0 ? q->inputs.debuginfo
					  : q->inputs.executable;

	memset(words, 0, sizeof(words));
	if (!err && pread(fd, words, WORDS, 0) < 0)
		err = error_errno("read");
	if (!err)
		err = build(q);
	if (!err)
		find_lacking(q, &report);
	if (!err) {
		symtab_result_put(wire_out_begin(out, WIRE_RESULT), &report);
		err = wire_out_end(out);
	}
	symtab_build_report_deinit(&report);
	symtab_request_deinit(q);
	mem_free(q);
	return err;
}

static bool answer(struct wire_out *out, struct error *err)
{
	struct buf *b = wire_out_begin(out, WIRE_DONE);

	buf_put_u32(b, err ? (uint32_t)error_kind(err) + 1 : 0);
	buf_put_str(b, err ? error_message(err) : "");
	buf_put_u64(b, 0);
	error_free(err);
	err = wire_out_end(out);
	if (!err)
		err = wire_out_flush(out);
	bool is_sent = !err;

	error_free(err);
	return is_sent;
}

/* It opens what it is told to: nothing holds it, and nobody is to care. */
static bool say_hello(struct wire_out *out)
{
	const struct sandbox all = { .have = (1u << SANDBOX_PARTS) - 1 };

	sandbox_put(wire_out_begin(out, WIRE_HELLO), &all);
	struct error *err = wire_out_end(out);

	if (!err)
		err = wire_out_flush(out);
	bool is_sent = !err;

	error_free(err);
	return is_sent;
}

int main(void)
{
	struct wire_in in;
	struct wire_out out;

	wire_in_init(&in, WORKER_SOCKET_FD);
	wire_out_init(&out, WORKER_SOCKET_FD);
	if (!say_hello(&out))
		return 1;
	for (;;) {
		enum wire_type type;
		struct reader payload;
		bool ended;
		struct error *err =
			wire_receive(&in, INT64_MAX, &type, &payload, &ended);

		if (err || ended)
			return 0;
		err = do_job(&payload, in.fds, in.fd_count, &out);
		for (size_t i = 0; i < in.fd_count; i++)
			close(in.fds[i]);
		in.fd_count = 0;
		if (!answer(&out, err))
			return 0;
	}
}
