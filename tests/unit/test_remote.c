/* SPDX-License-Identifier: Apache-2.0 */
/* What a download stands on: files that grow and headers behind bodies. The
 * whole of it: tests/it/upstream-*. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/input.h"
#include "base/mem.h"
#include "store/growth.h"
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
	  what_is_put_behind_a_body_is_read_again,
	  what_is_cut_or_altered_is_no_header,
	  a_header_without_memory_is_an_error)
