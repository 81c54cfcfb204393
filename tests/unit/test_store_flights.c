/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store as a whole, on an index made by hand: who waits for whom. No
 * worker does anything here: the program that would be one ends at once.
 */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/store_internal.h"
#include "tests/lib/index_fixture.h"
#include "tests/unit/unit.h"

struct fixture {
	struct index_fixture index;
	struct store *store;
	char cache[80];
};

/* A file of the fixture's, and what stat says of it. */
static const char *make_file(struct fixture *f, const char *name,
			     struct index_stamp *ret)
{
	const char *path = index_fixture_path(&f->index, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_no_error(file_write_all(fd, name, strlen(name)));
	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	*ret = (struct index_stamp) {
		.mtime_ns = clock_timespec_ns(st.st_mtim),
		.ctime_ns = clock_timespec_ns(st.st_ctim),
		.size = (uint64_t)st.st_size,
		.inode = st.st_ino,
	};
	return path;
}

/* A bare file with build ID @p n whose bytes are its name. */
static void add_file(struct fixture *f, const char *name, unsigned n)
{
	struct index_test_container t;
	struct index_stamp stamp;
	const char *path = make_file(f, name, &stamp);

	index_test_file(&t, path, n, (unsigned)strlen(name));
	t.c.stamp = stamp;
	ck_no_error(index_test_put(f->index.ix, &t));
}

/* An archive with one member of build ID @p n and @p size bytes, executable
 * and debuginfo. */
static void add_archive(struct fixture *f, const char *name, unsigned n,
			unsigned size)
{
	struct index_test_container t;
	struct index_stamp stamp;
	const char *path = make_file(f, name, &stamp);

	index_test_archive(&t, path, n, 1, size);
	t.c.stamp = stamp;
	t.c.source_dir_count = t.c.point_count = 0;
	t.c.payload_offset = 0;
	t.artifacts[0].roles = INDEX_ROLE_EXECUTABLE | INDEX_ROLE_DEBUGINFO;
	ck_no_error(index_test_put(f->index.ix, &t));
}

static void open_store(struct fixture *f)
{
	struct store_options options = {
		.state_dir = f->index.dir,
		.cache_dir = f->cache,
		.cache_size_bytes = 1 << 20,
		.workers = 1,
		.program = "/bin/false",
	};

	ck_no_error(store_open(&options, &f->store));
}

static void fixture_open(struct fixture *f)
{
	*f = (struct fixture) { 0 };
	index_fixture_open(&f->index);
	snprintf(f->cache, sizeof(f->cache), "%s/cache", f->index.dir);
	open_store(f);
}

static void fixture_close(struct fixture *f)
{
	store_close(f->store);
	index_fixture_close(&f->index);
}

/* Put @p text into the cache as the member of build ID @p n. */
static struct cache_key keep_member(struct fixture *f, unsigned n,
				    const char *text)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	struct flight flight = { .store = f->store };
	struct build_id id = index_test_id(n);
	struct cache_offer offer;
	int fd;

	ck_no_error(
		index_find(f->index.r, &id, INDEX_ROLE_EXECUTABLE, &places));
	ck_assert_uint_eq(places.count, 1);
	ck_no_error(
		targets_add_place(&flight.targets, &places.v[0], &id, NULL));
	flight.ctime_ns = flight.targets.v[0].stamp.ctime_ns;
	struct cache_key key = cache_key_of(&flight, true);

	targets_deinit(&flight.targets);

	ck_no_error(disk_cache_begin(f->store->cache, strlen(text), &fd));
	ck_no_error(file_write_all(fd, text, strlen(text)));
	disk_cache_offer(f->store->cache, &offer, key, fd, strlen(text));
	ck_no_error(disk_cache_commit(f->store->cache, &offer));
	close(fd);
	return key;
}

/* As after a restart. */
static void unverify(struct fixture *f, struct cache_key key)
{
	CLEANUP_FREE char *path = disk_cache_path(f->store->cache, key);

	ck_assert_int_eq(chmod(path, 0400), 0);
}

struct asked {
	_Atomic bool is_done;
	struct error *err;
	struct artifact artifact;
};

static void on_done(void *ctx, struct error *err, struct artifact *a)
{
	struct asked *asked = ctx;

	asked->err = err;
	if (a)
		asked->artifact = *a;
	atomic_store(&asked->is_done, true);
}

static void ask(struct fixture *f, unsigned n, enum artifact_kind kind,
		struct asked *asked)
{
	struct store_query q = { .id = index_test_id(n), .kind = kind };

	*asked = (struct asked) { .artifact = ARTIFACT_INIT };
	store_ask(f->store, &q, on_done, asked);
}

static void wait_for(_Atomic bool *flag)
{
	int64_t until = clock_ms() + 30000;

	while (!atomic_load(flag)) {
		ck_assert_msg(clock_ms() < until, "waited in vain");
		usleep(1000);
	}
}

static void check_bytes(struct artifact *a, const char *text)
{
	char found[64] = "";

	ck_assert_uint_eq(a->size, strlen(text));
	ck_assert_int_eq(pread(a->fd, found, a->size, 0), (ssize_t)a->size);
	ck_assert_str_eq(found, text);
	artifact_deinit(a);
}

static void check_answer(struct asked *asked, const char *text)
{
	wait_for(&asked->is_done);
	ck_no_error(STEAL(asked->err));
	ck_assert_int_ge(asked->artifact.fd, 0);
	check_bytes(&asked->artifact, text);
}

/* ---- Cached files that must be read through ---------------------------------
 */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned readings, stopped;

static void stop_at_gate(void)
{
	atomic_fetch_add(&stopped, 1);
	atomic_fetch_add(&readings, 1);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	atomic_fetch_sub(&stopped, 1);
}

START_TEST(reading_cached_files_through_holds_up_nobody_else)
{
	enum { FILES = 5, CLIENTS = 3 };
	struct asked asked[FILES][CLIENTS];
	struct artifact a = ARTIFACT_INIT;
	struct store_query q = { .kind = ARTIFACT_EXECUTABLE };
	struct fixture f;
	bool found;

	fixture_open(&f);
	add_file(&f, "bare", 50);
	for (unsigned i = 0; i < FILES; i++) {
		char name[] = "archive-0";

		name[8] += (char)i;
		add_archive(&f, name, i, 7);
		unverify(&f, keep_member(&f, i, "content"));
	}
	atomic_store(&readings, 0);
	disk_cache_on_verify = stop_at_gate;
	pthread_mutex_lock(&gate);
	/* More than there are threads of any kind; each asked by several, in
	 * the same words and in others. */
	for (unsigned i = 0; i < FILES; i++) {
		for (unsigned j = 0; j < CLIENTS; j++)
			ask(&f, i, j ? ARTIFACT_EXECUTABLE : ARTIFACT_DEBUGINFO,
			    &asked[i][j]);
	}
	q.id = index_test_id(50);
	ck_no_error(store_get(f.store, &q, &a, &found));
	ck_assert(found);
	check_bytes(&a, "bare");
	q.id = index_test_id(99);
	ck_no_error(store_get(f.store, &q, &a, &found));
	ck_assert(!found);
	for (unsigned i = 0; i < FILES; i++) {
		for (unsigned j = 0; j < CLIENTS; j++)
			ck_assert(!atomic_load(&asked[i][j].is_done));
	}
	pthread_mutex_unlock(&gate);
	for (unsigned i = 0; i < FILES; i++) {
		for (unsigned j = 0; j < CLIENTS; j++)
			check_answer(&asked[i][j], "content");
	}
	ck_assert_uint_eq(atomic_load(&readings), FILES);
	disk_cache_on_verify = NULL;
	fixture_close(&f);
}
END_TEST

START_TEST(a_store_may_be_closed_while_cached_files_are_read)
{
	enum { FILES = 4 };
	struct asked asked[FILES];
	struct fixture f;

	fixture_open(&f);
	for (unsigned i = 0; i < FILES; i++) {
		char name[] = "archive-0";

		name[8] += (char)i;
		add_archive(&f, name, i, 7);
		unverify(&f, keep_member(&f, i, "content"));
	}
	for (unsigned i = 0; i < FILES; i++)
		ask(&f, i, ARTIFACT_EXECUTABLE, &asked[i]);
	fixture_close(&f);
	for (unsigned i = 0; i < FILES; i++) {
		/* One or the other, and always one. */
		ck_assert(atomic_load(&asked[i].is_done));
		ck_assert(asked[i].err || asked[i].artifact.fd >= 0);
		error_free(asked[i].err);
		artifact_deinit(&asked[i].artifact);
	}
}
END_TEST

/* ---- Clients that leave ------------------------------------------------- */

static void stop_thread(void *ctx, struct index_reader *r, struct error *err)
{
	(void)ctx;
	(void)r;
	ck_no_error(err);
	stop_at_gate();
}

/* All query threads stand at the gate. */
static void hold_queries(struct fixture *f)
{
	enum { THREADS = 2 };
	int64_t until = clock_ms() + 30000;

	/* One that was let go may not have been awake yet. */
	while (atomic_load(&stopped)) {
		ck_assert_msg(clock_ms() < until, "waited in vain");
		usleep(1000);
	}
	atomic_store(&readings, 0);
	pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < THREADS; i++)
		ck_no_error(store_read(f->store, stop_thread, NULL));
	while (atomic_load(&readings) < THREADS) {
		ck_assert_msg(clock_ms() < until, "waited in vain");
		usleep(1000);
	}
}

static void note_read(void *ctx, struct index_reader *r, struct error *err)
{
	ck_assert_ptr_nonnull(r);
	ck_no_error(err);
	atomic_store((_Atomic bool *)ctx, true);
}

/* */
START_TEST(look_ups_wait_for_no_search)
{
	enum { MOST = 1000 };
	int64_t until = clock_ms() + 30000;
	_Atomic bool is_read = false;
	unsigned searches = 0;
	struct error *err = NULL;
	struct asked asked;
	struct fixture f;

	fixture_open(&f);
	add_file(&f, "bare", 1);
	atomic_store(&readings, 0);
	pthread_mutex_lock(&gate);
	/* As many as there may be: those that begin, and a short queue. */
	while (!err && searches < MOST) {
		err = store_search(f.store, stop_thread, NULL);
		searches += !err;
	}
	ck_error(err, BUSY, "");
	ck_assert_uint_ge(searches, 64);
	while (!atomic_load(&readings)) {
		ck_assert_msg(clock_ms() < until, "waited in vain");
		usleep(1000);
	}
	ck_no_error(store_read(f.store, note_read, &is_read));
	wait_for(&is_read);
	ask(&f, 1, ARTIFACT_EXECUTABLE, &asked);
	check_answer(&asked, "bare");
	pthread_mutex_unlock(&gate);
	fixture_close(&f);
}
END_TEST

static bool has_left(void *ctx)
{
	(void)ctx;
	return true;
}

static bool is_here(void *ctx)
{
	(void)ctx;
	return false;
}

static void ask_as(struct fixture *f, unsigned n,
		   store_given_up_fn has_given_up, struct asked *asked)
{
	struct store_query q = {
		.id = index_test_id(n),
		.kind = ARTIFACT_EXECUTABLE,
		.has_given_up = has_given_up,
	};

	*asked = (struct asked) { .artifact = ARTIFACT_INIT };
	store_ask(f->store, &q, on_done, asked);
}

static int64_t dismissed(void)
{
	return metric_get(METRIC_FLIGHTS_DISMISSED, 0, 0);
}

/* */
START_TEST(what_all_have_left_before_its_turn_is_dismissed)
{
	struct asked left[2], stays[2], wanted;
	struct fixture f;

	fixture_open(&f);
	add_file(&f, "bare", 1);
	add_file(&f, "other", 2);
	int64_t before = dismissed();

	hold_queries(&f);
	ask_as(&f, 1, has_left, &left[0]);
	ask_as(&f, 1, has_left, &left[1]);
	ask_as(&f, 2, has_left, &stays[0]);
	ask_as(&f, 2, is_here, &stays[1]);
	pthread_mutex_unlock(&gate);
	for (size_t i = 0; i < 2; i++) {
		check_answer(&stays[i], "other");
		wait_for(&left[i].is_done);
		ck_error(left[i].err, BUSY, "nobody waits");
		ck_assert_int_lt(left[i].artifact.fd, 0);
	}
	ck_assert_int_eq(dismissed() - before, 2);
	/* That was no answer that anybody would remember. */
	ask_as(&f, 1, is_here, &wanted);
	check_answer(&wanted, "bare");
	/* Who says nothing waits. */
	hold_queries(&f);
	ask(&f, 1, ARTIFACT_EXECUTABLE, &wanted);
	pthread_mutex_unlock(&gate);
	check_answer(&wanted, "bare");
	ck_assert_int_eq(dismissed() - before, 2);
	fixture_close(&f);
}
END_TEST

/* ---- What fails
 * -------------------------------------------------------------- */

static int64_t now_ms;

static int64_t test_clock(void)
{
	return now_ms;
}

static int64_t deaths(void)
{
	return metric_get(METRIC_WORKER_DEATHS,
			  metric_label(LABELS_POOL, "answer"),
			  metric_label(LABELS_CAUSE, "exit"));
}

/* Ask for what kills its worker. @p tried_ret Did that cost a worker? */
static struct error *ask_poison(struct fixture *f, unsigned n, bool *tried_ret,
				bool *found_ret)
{
	struct store_query q = { .id = index_test_id(n),
				 .kind = ARTIFACT_EXECUTABLE };
	struct artifact a = ARTIFACT_INIT;
	int64_t before = deaths();
	struct error *err = store_get(f->store, &q, &a, found_ret);

	*tried_ret = deaths() != before;
	/* Once more at once, since it need not be its own fault. */
	ck_assert_int_eq(deaths() - before, *tried_ret ? 2 : 0);
	artifact_deinit(&a);
	return err;
}

/* */
START_TEST(what_kills_its_worker_is_tried_again_after_growing_pauses)
{
	static const int64_t pauses_s[] = { 60, 600, 3600 };
	struct fixture f;
	bool tried, found;

	poison_clock_ms = test_clock;
	now_ms = 1000;
	fixture_open(&f);
	add_archive(&f, "poison", 1, 7);
	add_archive(&f, "other", 2, 7);
	ck_error(ask_poison(&f, 1, &tried, &found), WORKER, "worker");
	ck_assert(tried);
	for (size_t i = 0; i < 3; i++) {
		int64_t failed_at = now_ms;

		now_ms = failed_at + 10;
		ck_error(ask_poison(&f, 1, &tried, &found), WORKER,
			 "tried again in");
		ck_assert(!tried);
		now_ms = failed_at + pauses_s[i] * 1000 - 1;
		ck_error(ask_poison(&f, 1, &tried, &found), WORKER,
			 "tried again in 1 s");
		ck_assert(!tried);
		now_ms++;
		ck_error(ask_poison(&f, 1, &tried, &found), WORKER, "worker");
		ck_assert(tried);
	}
	/* Given up: no error any more, it is as good as absent. */
	now_ms += INT64_C(1000) * 86400 * 365;
	ck_no_error(ask_poison(&f, 1, &tried, &found));
	ck_assert(!tried && !found);
	/* Another one of the same kind has its own history. */
	ck_error(ask_poison(&f, 2, &tried, &found), WORKER, "worker");
	ck_assert(tried);
	/* A restart tries once. */
	store_close(f.store);
	open_store(&f);
	ck_error(ask_poison(&f, 1, &tried, &found), WORKER, "worker");
	ck_assert(tried);
	ck_error(ask_poison(&f, 1, &tried, &found), WORKER, "tried again");
	ck_assert(!tried);
	/* And so does a change, of whatever kind. */
	ck_assert_int_eq(chmod(index_fixture_path(&f.index, "poison"), 0644),
			 0);
	ck_error(ask_poison(&f, 1, &tried, &found), WORKER, "worker");
	ck_assert(tried);
	poison_clock_ms = clock_ms;
	fixture_close(&f);
}
END_TEST

START_TEST(a_success_ends_the_history_and_memory_is_bounded)
{
	struct poison p;
	enum error_kind kind;
	int64_t left_ms;

	poison_clock_ms = test_clock;
	now_ms = 0;
	poison_init(&p);
	ck_assert(!poison_holds(&p, 7, &left_ms, &kind));
	poison_note(&p, 7, ERROR_LIMIT);
	ck_assert(poison_holds(&p, 7, &left_ms, &kind));
	ck_assert_int_eq(left_ms, 60000);
	ck_assert_int_eq(kind, ERROR_LIMIT);
	now_ms = 60000;
	poison_note(&p, 7, ERROR_WORKER);
	ck_assert(poison_holds(&p, 7, &left_ms, &kind));
	ck_assert_int_eq(left_ms, 600000);
	poison_forget(&p, 7);
	ck_assert(!poison_holds(&p, 7, &left_ms, &kind));
	poison_note(&p, 7, ERROR_WORKER);
	ck_assert(poison_holds(&p, 7, &left_ms, &kind));
	ck_assert_int_eq(left_ms, 60000);
	/* More than there is room for: the last ones are known. */
	for (uint64_t i = 100; i < 100 + 10 * POISON_SLOTS; i++) {
		now_ms++;
		poison_note(&p, i, ERROR_WORKER);
		ck_assert(poison_holds(&p, i, &left_ms, &kind));
	}
	unsigned known = 0;

	for (uint64_t i = 100; i < 100 + 10 * POISON_SLOTS; i++)
		known += poison_holds(&p, i, &left_ms, &kind);
	ck_assert_uint_le(known, POISON_SLOTS);
	ck_assert_uint_ge(known, POISON_SLOTS / 2);
	poison_deinit(&p);
	poison_clock_ms = clock_ms;
}
END_TEST

struct told {
	_Atomic unsigned ids, all;
	struct build_id last;
};

static void note_told(void *ctx, const struct build_id *id)
{
	struct told *t = ctx;

	if (id)
		t->last = *id;
	atomic_fetch_add(id ? &t->ids : &t->all, 1);
}

START_TEST(who_wants_to_know_is_told_what_the_index_forgot)
{
	struct told told = { 0 };
	struct build_id id = index_test_id(1), other = index_test_id(2);
	struct fixture f;

	fixture_open(&f);
	store_on_forget(f.store, note_told, &told);
	store_forget(f.store, &id);
	store_forget(f.store, &other);
	ck_assert_uint_eq(told.ids, 2);
	ck_assert(build_id_equal(&told.last, &other));
	/* A change that nobody told the store of is another process's. */
	for (int i = 0; i < 500 && !told.all; i++) {
		if (i % 100 == 0)
			add_file(&f, "file", (unsigned)i + 10);
		usleep(10000);
	}
	ck_assert_uint_ge(told.all, 1);
	store_on_forget(f.store, NULL, NULL);
	unsigned ids = told.ids;

	store_forget(f.store, &id);
	ck_assert_uint_eq(told.ids, ids);
	fixture_close(&f);
}
END_TEST

START_TEST(a_store_that_is_aborted_answers_busy_and_can_be_read)
{
	struct build_id id = index_test_id(1);
	const struct store_query q = { .id = id, .kind = ARTIFACT_EXECUTABLE };
	struct artifact a = ARTIFACT_INIT;
	struct fixture f;
	bool found;

	fixture_open(&f);
	add_file(&f, "file", 1);
	ck_assert(!store_has_upstreams(f.store));
	store_abort(f.store);
	ck_error(store_get(f.store, &q, &a, &found), BUSY, "shutting down");
	fixture_close(&f);
}
END_TEST

/* ---- Memory that is not there ---------------------------------------------
 */

/* Which allocation it is that fails, threads decide: what is expected is that
 * all of them fail in turn and nothing else goes wrong. */
enum { FAILURES_MOST = 2000 };

struct journey {
	struct asked bare[2], kept[2], absent;
	_Atomic bool is_read;
	struct error *read_err;
	size_t places;
};

static void read_list(void *ctx, struct index_reader *r, struct error *err)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	struct build_id id = index_test_id(1);
	struct journey *j = ctx;

	if (!err)
		err = index_find(r, &id, INDEX_ROLE_EXECUTABLE, &places);
	j->read_err = err;
	j->places = places.count;
	atomic_store(&j->is_read, true);
}

static void ask_section(struct fixture *f, unsigned n, struct asked *asked)
{
	struct store_query q = { .id = index_test_id(n),
				 .kind = ARTIFACT_SECTION,
				 .suffix = ".text" };

	*asked = (struct asked) { .artifact = ARTIFACT_INIT };
	store_ask(f->store, &q, on_done, asked);
}

static void travel(struct fixture *f, struct journey *j)
{
	*j = (struct journey) { 0 };
	for (size_t i = 0; i < 2; i++)
		ask(f, 1, ARTIFACT_EXECUTABLE, &j->bare[i]);
	/* The second may wait for the first one's flight. */
	for (size_t i = 0; i < 2; i++)
		ask(f, 2, ARTIFACT_EXECUTABLE, &j->kept[i]);
	ask(f, 99, ARTIFACT_DEBUGINFO, &j->absent);
	struct error *err = store_read(f->store, read_list, j);

	if (err)
		read_list(j, NULL, err);
	for (size_t i = 0; i < 2; i++) {
		wait_for(&j->bare[i].is_done);
		wait_for(&j->kept[i].is_done);
	}
	wait_for(&j->absent.is_done);
	wait_for(&j->is_read);
}

/* @p text: what it is; NULL: nothing. */
static void check_end(struct asked *asked, const char *text, bool may_fail)
{
	if (asked->err && may_fail) {
		ck_error(STEAL(asked->err), NO_MEMORY, "");
		ck_assert_int_lt(asked->artifact.fd, 0);
	} else if (text) {
		check_answer(asked, text);
	} else {
		ck_no_error(STEAL(asked->err));
		ck_assert_int_lt(asked->artifact.fd, 0);
	}
}

/* Its worker dies of it, if it comes as far as that. */
static void check_deadly(struct asked *asked, bool may_fail)
{
	ck_assert_ptr_nonnull(asked->err);
	if (!may_fail || error_kind(asked->err) != ERROR_NO_MEMORY)
		ck_assert_int_eq(error_kind(asked->err), ERROR_WORKER);
	error_free(STEAL(asked->err));
}

static void check_journey(struct journey *j, bool may_fail)
{
	for (size_t i = 0; i < 2; i++) {
		check_end(&j->bare[i], "bare", may_fail);
		check_end(&j->kept[i], "content", may_fail);
	}
	check_end(&j->absent, NULL, may_fail);
	if (j->read_err && may_fail) {
		ck_error(j->read_err, NO_MEMORY, "");
	} else {
		ck_no_error(j->read_err);
		ck_assert_uint_eq(j->places, 1);
	}
}

START_TEST(who_asks_without_memory_is_told_so_and_asks_again)
{
	struct cache_key key;
	struct fixture f;
	struct journey j;
	bool has_failed = true;
	unsigned long n = 0;

	fixture_open(&f);
	add_file(&f, "bare", 1);
	add_archive(&f, "archive", 2, 7);
	key = keep_member(&f, 2, "content");
	while (has_failed) {
		ck_assert_uint_lt(++n, FAILURES_MOST);
		/* Nothing is remembered. */
		store_close(f.store);
		open_store(&f);
		unverify(&f, key);
		mem_fail_anywhere(n);
		travel(&f, &j);
		has_failed = mem_fail_happened();
		mem_fail_anywhere(0);
		check_journey(&j, has_failed);
		if (n % 4)
			continue;
		travel(&f, &j);
		check_journey(&j, false);
	}
	ck_assert_uint_gt(n, 20);
	fixture_close(&f);
}
END_TEST

START_TEST(a_job_without_memory_is_given_up_whole)
{
	struct asked section, deadly;
	struct fixture f;
	bool has_failed = true;
	/* Processes take their time: a third of them, another one each time. */
	unsigned long n = (unsigned long)getpid() % 3;

	fixture_open(&f);
	add_file(&f, "bare", 1);
	add_archive(&f, "deadly", 3, 7);
	while (has_failed) {
		n += 3;
		ck_assert_uint_lt(n, FAILURES_MOST);
		store_close(f.store);
		open_store(&f);
		mem_fail_anywhere(n);
		ask_section(&f, 1, &section);
		ask(&f, 3, ARTIFACT_EXECUTABLE, &deadly);
		wait_for(&section.is_done);
		wait_for(&deadly.is_done);
		has_failed = mem_fail_happened();
		mem_fail_anywhere(0);
		check_deadly(&section, has_failed);
		check_deadly(&deadly, has_failed);
	}
	ck_assert_uint_gt(n, 20);
	fixture_close(&f);
}
END_TEST

UNIT_MAIN("store_flights", look_ups_wait_for_no_search,
	  what_all_have_left_before_its_turn_is_dismissed,
	  a_job_without_memory_is_given_up_whole,
	  who_asks_without_memory_is_told_so_and_asks_again,
	  who_wants_to_know_is_told_what_the_index_forgot,
	  a_store_that_is_aborted_answers_busy_and_can_be_read,
	  reading_cached_files_through_holds_up_nobody_else,
	  a_store_may_be_closed_while_cached_files_are_read,
	  what_kills_its_worker_is_tried_again_after_growing_pauses,
	  a_success_ends_the_history_and_memory_is_bounded)
