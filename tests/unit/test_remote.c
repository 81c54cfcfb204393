/* SPDX-License-Identifier: Apache-2.0 */
/* What a download stands on: files that grow and headers behind bodies. The
 * whole of it: tests/it/upstream-*. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/input.h"
#include "base/mem.h"
#include "base/units.h"
#include "store/growth.h"
#include "store/remote_file.h"
#include "store/remote_meta.h"
#include "tests/unit/unit.h"

/* ---- Growth -------------------------------------------------------------- */

static void count_wake(void *ctx)
{
	atomic_fetch_add((_Atomic int *)ctx, 1);
}

START_TEST(who_waits_is_told_once_of_more)
{
	_Atomic int count = 0;
	struct growth *g = growth_create();
	struct growth_waiter w = { .wake = count_wake, .ctx = (void *)&count };
	uint64_t size;

	ck_assert(growth_wait(g, 0, &w));
	growth_grow(g, 10);
	growth_grow(g, 20);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(growth_look(g, &size), GROWTH_GROWING);
	ck_assert_uint_eq(size, 20);
	/* There is more than it has seen: nobody needs to tell it. */
	ck_assert(!growth_wait(g, 19, &w));
	ck_assert(growth_wait(g, 20, &w));
	ck_assert(growth_unwait(g, &w));
	ck_assert(!growth_unwait(g, &w));
	growth_end(g, GROWTH_WHOLE);
	ck_assert_int_eq(count, 1);
	ck_assert(!growth_wait(g, 20, &w));
	growth_put(g);
}
END_TEST

START_TEST(a_file_that_moves_is_read_where_it_is)
{
	int fds[2], own = 100;
	struct growth *g = growth_create();
	uint64_t end = 30;

	ck_assert_int_eq(pipe(fds), 0);
	growth_grow(g, 10);
	ck_assert_int_eq(growth_file(g, own, 5, &end), own);
	ck_assert_uint_eq(end, 30);
	growth_move(g, fds[1], 10);
	growth_grow(g, 30);
	ck_assert_int_eq(growth_file(g, own, 9, &end), own);
	ck_assert_uint_eq(end, 10);
	end = 8;
	ck_assert_int_eq(growth_file(g, own, 5, &end), own);
	ck_assert_uint_eq(end, 8);
	end = 30;
	ck_assert_int_eq(growth_file(g, own, 10, &end), fds[1]);
	ck_assert_uint_eq(end, 30);
	/* What it moved to is closed with it. */
	growth_put(g);
	ck_assert_int_eq(fcntl(fds[1], F_GETFD), -1);
	close(fds[0]);
}
END_TEST

START_TEST(an_end_is_told_and_stays)
{
	_Atomic int count = 0;
	struct growth *g = growth_create();
	struct growth_waiter w[3];
	uint64_t size;

	for (size_t i = 0; i < 3; i++) {
		w[i] = (struct growth_waiter) { .wake = count_wake,
						.ctx = (void *)&count };
		ck_assert(growth_wait(g, 0, &w[i]));
	}
	growth_end(g, GROWTH_BROKEN);
	ck_assert_int_eq(count, 3);
	growth_end(g, GROWTH_WHOLE);
	ck_assert_int_eq(growth_look(g, &size), GROWTH_BROKEN);
	growth_put(g);
}
END_TEST

/* One that waits again whenever it is told. */
struct follower {
	struct growth *growth;
	struct growth_waiter waiter;
	_Atomic uint64_t seen;
	_Atomic bool is_over;
};

static void follow(void *ctx)
{
	struct follower *f = ctx;
	enum growth_state state;
	uint64_t size;

	do {
		state = growth_look(f->growth, &size);
		ck_assert_uint_ge(size, atomic_load(&f->seen));
		atomic_store(&f->seen, size);
		if (state != GROWTH_GROWING) {
			atomic_store(&f->is_over, true);
			return;
		}
	} while (!growth_wait(f->growth, size, &f->waiter));
}

static void *write_all(void *ctx)
{
	for (uint64_t i = 1; i <= 20000; i++)
		growth_grow(ctx, i);
	growth_end(ctx, GROWTH_WHOLE);
	return NULL;
}

START_TEST(followers_come_to_the_end_of_what_another_thread_writes)
{
	struct growth *g = growth_create();
	struct follower f[4] = { 0 };
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_all, g), 0);
	for (size_t i = 0; i < 4; i++) {
		f[i].growth = g;
		f[i].waiter =
			(struct growth_waiter) { .wake = follow, .ctx = &f[i] };
		follow(&f[i]);
	}
	pthread_join(writer, NULL);
	for (size_t i = 0; i < 4; i++) {
		ck_assert(f[i].is_over);
		ck_assert_uint_eq(f[i].seen, 20000);
	}
	growth_put(g);
}
END_TEST

/* ---- A file that moves --------------------------------------------------- */

enum {
	COPY_MOST = 4 << 20,
	BEFORE_LEAST = 12 << 20,
	SIZE_MOST = 64 << 20,
};

static bool is_cache_full, is_elsewhere_low;

/* Instead of the C library's. The cache asks it of its directory, others of a
 * file. */
int fstatvfs(int fd, struct statvfs *fs)
{
	struct stat st = { 0 };

	fstat(fd, &st);
	bool is_full = is_cache_full && S_ISDIR(st.st_mode);
	bool is_low = is_elsewhere_low && !S_ISDIR(st.st_mode);

	*fs = (struct statvfs) {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_blocks = 1 << 20,
		.f_bfree = is_full ? 0 : 1 << 20,
		.f_bavail = is_full  ? 0
			    : is_low ? (1 << 20) / 20
				     : 1 << 20,
	};
	return 0;
}

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 7 / 1000);
}

/* @return The most that was copied along with one piece. */
static uint64_t receive(struct remote_file *f, uint64_t size)
{
	static uint8_t piece[64 << 10];
	uint64_t most = 0;

	while (size) {
		size_t n = size < sizeof(piece) ? size : sizeof(piece);
		uint64_t copied = f->copied;

		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(f->received + i);
		size -= remote_file_take(f, piece, n);
		ck_no_error(remote_file_write(f));
		if (f->copied - copied > most)
			most = f->copied - copied;
	}
	return most;
}

static void check_content(int fd, uint64_t size)
{
	uint8_t *bytes = mem_alloc(size);

	ck_assert_int_eq(pread(fd, bytes, size, 0), (ssize_t)size);
	for (uint64_t i = 0; i < size; i++) {
		if (bytes[i] != byte_at(i))
			ck_abort_msg("wrong at %ju", (uintmax_t)i);
	}
	mem_free(bytes);
}

START_TEST(what_was_there_when_the_cache_got_full_is_copied_in_pieces)
{
	char dir[] = "/tmp/symbolized-remote-XXXXXX", command[64];
	struct disk_cache *cache;
	struct remote_file f;
	bool is_one = false;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_no_error(disk_cache_open(dir, UINT64_C(1) << 30, &cache));
	remote_file_init(&f, cache);
	ck_no_error(remote_file_begin(&f, SIZE_MOST));
	/* Until it has to look for room again. */
	while (f.written < BEFORE_LEAST || f.written < f.room)
		ck_assert_uint_eq(receive(&f, 64 << 10), 0);
	is_cache_full = true;
	ck_assert_uint_le(receive(&f, 1), COPY_MOST);
	ck_assert(f.is_beside);
	ck_assert_uint_ge(f.moved, BEFORE_LEAST);
	ck_assert_int_eq(remote_file_shown(&f), f.old_fd);
	ck_assert_uint_le(receive(&f, 1000), COPY_MOST);
	ck_assert_int_ge(f.old_fd, 0);
	while (!is_one) {
		uint64_t copied = f.copied;

		ck_no_error(remote_file_copy(&f, &is_one));
		ck_assert_uint_gt(f.copied, copied);
		ck_assert_uint_le(f.copied - copied, COPY_MOST);
	}
	ck_assert_uint_eq(f.copied, f.moved);
	ck_assert_int_eq(remote_file_shown(&f), f.fd);
	check_content(f.fd, f.written);
	remote_file_deinit(&f);
	disk_cache_close(cache);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

static char cache_dir[64];

static struct disk_cache *open_cache(uint64_t limit)
{
	struct disk_cache *cache;

	strcpy(cache_dir, "/tmp/symbolized-remote-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(cache_dir));
	ck_no_error(disk_cache_open(cache_dir, limit, &cache));
	return cache;
}

static void close_cache(struct disk_cache *cache)
{
	char command[96];

	disk_cache_close(cache);
	snprintf(command, sizeof(command), "rm -rf '%s'", cache_dir);
	ck_assert_int_eq(system(command), 0);
}

static const struct cache_key kept_keys[8] = { { 1, 1 }, { 2, 2 }, { 3, 3 },
					       { 4, 4 }, { 5, 5 }, { 6, 6 },
					       { 7, 7 }, { 8, 8 } };

/* Eight files of a MiB. */
static void keep_some(struct disk_cache *cache)
{
	for (size_t i = 0; i < 8; i++) {
		struct cache_offer offer;
		int fd;

		ck_no_error(disk_cache_begin(cache, MIB, &fd));
		ck_assert_int_eq(ftruncate(fd, MIB), 0);
		disk_cache_offer(cache, &offer, kept_keys[i], fd, MIB);
		ck_no_error(disk_cache_commit(cache, &offer));
		close(fd);
	}
}

static unsigned count_kept(struct disk_cache *cache)
{
	unsigned count = 0;

	for (size_t i = 0; i < 8; i++) {
		uint64_t size;
		int fd;

		count += disk_cache_find(cache, kept_keys[i], &fd, &size) !=
			 CACHE_MISSING;
		if (fd >= 0)
			close(fd);
	}
	return count;
}

START_TEST(what_is_announced_evicts_nothing_before_it_comes)
{
	struct disk_cache *cache = open_cache(10 * MIB);
	struct remote_file f;

	keep_some(cache);
	remote_file_init(&f, cache);
	ck_no_error(remote_file_begin(&f, 9 * MIB));
	ck_assert(!f.is_beside);
	ck_assert_uint_eq(count_kept(cache), 8);
	receive(&f, MIB);
	ck_assert_uint_eq(count_kept(cache), 8);
	receive(&f, 3 * MIB);
	ck_assert_uint_ge(count_kept(cache), 4);
	ck_assert_uint_lt(count_kept(cache), 8);
	receive(&f, 5 * MIB);
	ck_assert_uint_le(count_kept(cache), 1);
	check_content(f.fd, f.written);
	remote_file_deinit(&f);
	close_cache(cache);
}
END_TEST

START_TEST(what_is_never_kept_evicts_nothing_when_it_comes)
{
	struct disk_cache *cache = open_cache(10 * MIB);
	struct remote_file f;

	keep_some(cache);
	remote_file_init(&f, cache);
	ck_no_error(remote_file_begin(&f, 11 * MIB));
	receive(&f, 11 * MIB);
	ck_assert(!f.is_beside);
	ck_assert_uint_eq(count_kept(cache), 8);
	remote_file_deinit(&f);
	close_cache(cache);
}
END_TEST

START_TEST(a_reserve_is_left_elsewhere_as_well)
{
	struct disk_cache *cache = open_cache(10 * MIB);
	static const char byte[1] = "x";
	struct remote_file f;

	remote_file_init(&f, cache);
	is_cache_full = is_elsewhere_low = true;
	ck_no_error(remote_file_begin(&f, 5 * MIB));
	ck_assert(f.is_beside);
	ck_assert_uint_eq(remote_file_take(&f, byte, 1), 1);
	ck_error(remote_file_write(&f), NO_SPACE, "no space");
	is_elsewhere_low = false;
	ck_no_error(remote_file_write(&f));
	is_cache_full = false;
	remote_file_deinit(&f);
	close_cache(cache);
}
END_TEST

/* ---- Headers behind the body --------------------------------------------- */

static const char body[] = "the body of a file";

static int file_with_body(void)
{
	int fd;

	ck_no_error(file_open_unlinked("/tmp", &fd));
	ck_no_error(file_write_at(fd, body, sizeof(body), 0));
	return fd;
}

START_TEST(what_is_put_behind_a_body_is_read_again)
{
	struct remote_meta m = { .size = sizeof(body),
				 .mtime = -5,
				 .etag = UINT64_MAX,
				 .file = mem_strdup("/usr/lib/a.so"),
				 .signature = mem_strdup("0302") };
	struct remote_meta again;
	int fd = file_with_body();
	uint64_t content;

	ck_no_error(remote_meta_write(fd, &m, &content));
	ck_no_error(remote_meta_read(fd, content, &again));
	ck_assert_uint_eq(again.size, sizeof(body));
	ck_assert_int_eq(again.mtime, -5);
	ck_assert_uint_eq(again.etag, UINT64_MAX);
	ck_assert_str_eq(again.file, "/usr/lib/a.so");
	ck_assert_ptr_null(again.archive);
	ck_assert_str_eq(again.signature, "0302");
	remote_meta_deinit(&again);
	remote_meta_deinit(&m);
	close(fd);
}
END_TEST

START_TEST(what_is_cut_or_altered_is_no_header)
{
	struct remote_meta m = { .size = sizeof(body) }, again;
	int fd = file_with_body();
	uint64_t content;

	ck_no_error(remote_meta_write(fd, &m, &content));
	for (uint64_t size = 0; size < content; size++)
		ck_error(remote_meta_read(fd, size, &again), BAD_DATA, "kept");
	/* Another body's: one byte was put in front. */
	m.size++;
	ck_no_error(remote_meta_write(fd, &m, &content));
	m.size--;
	struct input in = input_from_fd(fd, 1, content - 1);
	uint8_t *bytes;

	ck_no_error(input_read_alloc(&in, 0, content - 1, &bytes));
	ck_no_error(file_write_at(fd, bytes, content - 1, 0));
	mem_free(bytes);
	ck_error(remote_meta_read(fd, content - 1, &again), BAD_DATA, "kept");
	close(fd);
}
END_TEST

START_TEST(a_header_without_memory_is_an_error)
{
	struct remote_meta m = { .size = sizeof(body) }, again;
	int fd = file_with_body();
	bool has_failed = true;
	uint64_t content;

	for (unsigned long n = 1; has_failed; n++) {
		mem_fail_at(n);
		struct error *err = remote_meta_write(fd, &m, &content);

		if (!err)
			err = remote_meta_read(fd, content, &again);
		has_failed = mem_fail_happened();
		mem_fail_at(0);
		if (has_failed && err)
			ck_error(err, NO_MEMORY, "");
		else
			remote_meta_deinit(&again);
	}
	close(fd);
}
END_TEST

UNIT_MAIN("remote", who_waits_is_told_once_of_more,
	  a_file_that_moves_is_read_where_it_is, an_end_is_told_and_stays,
	  followers_come_to_the_end_of_what_another_thread_writes,
	  what_was_there_when_the_cache_got_full_is_copied_in_pieces,
	  what_is_announced_evicts_nothing_before_it_comes,
	  what_is_never_kept_evicts_nothing_when_it_comes,
	  a_reserve_is_left_elsewhere_as_well,
	  what_is_put_behind_a_body_is_read_again,
	  what_is_cut_or_altered_is_no_header,
	  a_header_without_memory_is_an_error)
