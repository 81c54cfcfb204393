/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/lib/fake_store.h"

struct flight {
	struct flight *next;
	struct store *store;
	const struct fake_artifact *artifact; /* NULL: absent */
	unsigned delay_ms;
	store_done_fn done;
	store_given_up_fn has_given_up;
	store_read_fn read;
	void *ctx;
	pthread_t thread;
	bool has_thread;
};

struct index_reader {
	struct store *store;
};

struct store {
	const struct fake_artifact *artifacts;
	size_t count;
	char dir[64]; /* a file for each artifact, named by its number */
	const struct index_place *places;
	size_t place_count;
	const struct index_segment *segment;
	bool refuses_reads, fails_reads, is_not_ready;
	unsigned read_delay_ms;
	void (*row)(void *ctx, size_t i);
	void *row_ctx;
	const char *degraded;
	_Atomic unsigned asked, holders;
	pthread_mutex_t mutex;
	struct flight *flights; /* guarded by mutex */
};

static const char *file_path(const struct store *st, size_t i, char path[96])
{
	snprintf(path, 96, "%s/%zu", st->dir, i);
	return path;
}

struct store *fake_store(const struct fake_artifact *artifacts, size_t count)
{
	struct store *st = mem_zalloc(sizeof(*st));

	assert(st);
	st->artifacts = artifacts;
	st->count = count;
	pthread_mutex_init(&st->mutex, NULL);
	snprintf(st->dir, sizeof(st->dir), "%s/fake-store-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	char *dir = mkdtemp(st->dir);

	assert(dir);
	for (size_t i = 0; dir && i < count; i++) {
		char path[96];
		CLEANUP_CLOSE int fd =
			open(file_path(st, i, path), O_CREAT | O_WRONLY, 0600);
		struct error *err = file_write_all(fd, artifacts[i].data,
						   artifacts[i].size);

		assert(!err);
		error_free(err);
	}
	return st;
}

void fake_store_set_places(struct store *st, const struct index_place *places,
			   size_t count)
{
	st->places = places;
	st->place_count = count;
}

void fake_store_set_segment(struct store *st, const struct index_segment *s)
{
	st->segment = s;
}

void fake_store_refuse_reads(struct store *st, bool refuse, bool fail)
{
	st->refuses_reads = refuse;
	st->fails_reads = fail;
}

void fake_store_delay_reads(struct store *st, unsigned ms)
{
	st->read_delay_ms = ms;
}

void fake_store_set_ready(struct store *st, bool is_ready, const char *degraded)
{
	st->is_not_ready = !is_ready;
	st->degraded = degraded;
}

void fake_store_truncate(struct store *st, size_t i, size_t size)
{
	char path[96];
	int rc = truncate(file_path(st, i, path), (off_t)size);

	assert(rc == 0);
	(void)rc;
}

unsigned fake_store_asked(struct store *st)
{
	return st->asked;
}

void artifact_deinit(struct artifact *a)
{
	cleanup_close(&a->fd);
	mem_free(a->file);
	mem_free(a->archive);
	*a = (struct artifact)ARTIFACT_INIT;
}

static const struct fake_artifact *find(struct store *st,
					const struct store_query *q)
{
	for (size_t i = 0; i < st->count; i++) {
		const struct fake_artifact *a = &st->artifacts[i];
		struct build_id id;

		build_id_parse(a->id, strlen(a->id), &id);
		if (a->kind == q->kind && build_id_equal(&id, &q->id) &&
		    !strcmp(a->suffix ? a->suffix : "",
			    q->suffix ? q->suffix : ""))
			return a;
	}
	return NULL;
}

static void fill(struct store *st, const struct fake_artifact *from,
		 struct artifact *ret)
{
	char path[96];

	*ret = (struct artifact) {
		.fd = open(file_path(st, (size_t)(from - st->artifacts), path),
			   O_RDONLY | O_CLOEXEC),
		.size = from->size,
		.mtime = from->mtime,
		.etag = from->etag,
		.file = from->file ? mem_strdup(from->file) : NULL,
		.archive = from->archive ? mem_strdup(from->archive) : NULL,
		.origin = from->behaviour == FAKE_WARM ? ARTIFACT_FROM_FILE
						       : ARTIFACT_FROM_ARCHIVE,
	};
	assert(ret->fd >= 0);
}

enum store_outcome store_try(struct store *st, const struct store_query *q,
			     struct artifact *ret)
{
	const struct fake_artifact *a = find(st, q);

	if (a && a->behaviour != FAKE_WARM)
		return STORE_UNKNOWN;
	if (!a)
		return q->id.bytes[0] == 0xc0 && q->id.bytes[1] == 0x1d
			       ? STORE_UNKNOWN
			       : STORE_ABSENT;
	fill(st, a, ret);
	return STORE_FOUND;
}

static void sleep_ms(unsigned ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000,
				     .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static void deliver(struct flight *f)
{
	struct artifact a = ARTIFACT_INIT;

	if (f->has_given_up && f->has_given_up(f->ctx)) {
		f->done(f->ctx, error_new(BUSY, "nobody waits"), NULL);
		return;
	}
	if (f->artifact && f->artifact->behaviour == FAKE_BUSY) {
		f->done(f->ctx, error_new(BUSY, "no room in /srv/secret"),
			NULL);
		return;
	}
	if (f->artifact)
		fill(f->store, f->artifact, &a);
	f->done(f->ctx, NULL, f->artifact ? &a : NULL);
}

static void *fly(void *ctx)
{
	struct flight *f = ctx;
	struct index_reader reader = { .store = f->store };

	sleep_ms(f->delay_ms);
	if (f->done)
		deliver(f);
	else if (f->store->fails_reads)
		f->read(f->ctx, NULL, error_new(DATABASE, "/var/x is gone"));
	else
		f->read(f->ctx, &reader, NULL);
	return NULL;
}

/* With the mutex locked. */
static void start(struct flight *f)
{
	int rc = pthread_create(&f->thread, NULL, fly, f);

	assert(rc == 0);
	(void)rc;
	f->has_thread = true;
}

static void take_off(struct flight *f, bool with_thread)
{
	struct store *st = f->store;

	pthread_mutex_lock(&st->mutex);
	f->next = st->flights;
	st->flights = f;
	if (with_thread)
		start(f);
	pthread_mutex_unlock(&st->mutex);
}

void fake_store_relent(struct store *st)
{
	pthread_mutex_lock(&st->mutex);
	for (struct flight *f = st->flights; f; f = f->next) {
		if (!f->has_thread)
			start(f);
	}
	pthread_mutex_unlock(&st->mutex);
}

static struct flight *flight(struct store *st, unsigned delay_ms, void *ctx)
{
	struct flight *f = mem_zalloc(sizeof(*f));

	assert(f);
	f->store = st;
	f->delay_ms = delay_ms;
	f->ctx = ctx;
	return f;
}

bool store_ask(struct store *st, const struct store_query *q,
	       store_done_fn done, void *ctx)
{
	const struct fake_artifact *a = find(st, q);
	struct flight *f = flight(st, a ? a->delay_ms : 0, ctx);

	atomic_fetch_add(&st->asked, 1);
	f->artifact = a;
	f->done = done;
	f->has_given_up = q->has_given_up;
	if (a && a->behaviour == FAKE_AT_ONCE) {
		deliver(f);
		mem_free(f);
		return false;
	}
	take_off(f, !a || a->behaviour != FAKE_NEVER);
	return a && a->behaviour == FAKE_SHARED;
}

struct error *store_read(struct store *st, store_read_fn fn, void *ctx)
{
	if (st->refuses_reads)
		return error_new(BUSY, "queue full");
	struct flight *f = flight(st, st->read_delay_ms, ctx);

	f->read = fn;
	take_off(f, true);
	return NULL;
}

struct error *store_search(struct store *st, store_read_fn fn, void *ctx)
{
	return store_read(st, fn, ctx);
}

void fake_store_on_row(struct store *st, void (*fn)(void *ctx, size_t i),
		       void *ctx)
{
	st->row = fn;
	st->row_ctx = ctx;
}

void store_hold(struct store *st)
{
	atomic_fetch_add(&st->holders, 1);
}

void store_release(struct store *st)
{
	atomic_fetch_sub(&st->holders, 1);
}

void store_close(struct store *st)
{
	if (!st)
		return;
	while (atomic_load(&st->holders))
		sched_yield();
	for (struct flight *f = st->flights; f;) {
		struct flight *next = f->next;

		if (f->has_thread)
			pthread_join(f->thread, NULL);
		else
			deliver(f);
		mem_free(f);
		f = next;
	}
	for (size_t i = 0; i < st->count; i++) {
		char path[96];

		unlink(file_path(st, i, path));
	}
	rmdir(st->dir);
	pthread_mutex_destroy(&st->mutex);
	mem_free(st);
}

bool store_is_ready(struct store *st, const char **degraded_ret)
{
	*degraded_ret = st->degraded;
	return !st->is_not_ready;
}

/* ---- The index --------------------------------------------------------- */

void index_places_deinit(struct index_places *p)
{
	mem_free(p->v);
	*p = (struct index_places) { 0 };
}

struct error *index_find(struct index_reader *r, const struct build_id *id,
			 unsigned roles, struct index_places *ret)
{
	struct store *st = r->store;

	ret->v = mem_array(st->place_count, sizeof(*ret->v));
	if (!ret->v)
		return error_no_memory;
	for (size_t i = 0; i < st->place_count; i++) {
		if (st->places[i].roles & roles &&
		    build_id_equal(&st->places[i].id, id))
			ret->v[ret->count++] = st->places[i];
	}
	return NULL;
}

void index_segments_deinit(struct index_segments *s)
{
	mem_free(s->v);
	*s = (struct index_segments) { 0 };
}

struct error *index_segments(struct index_reader *r, int64_t artifact_id,
			     struct index_segments *ret)
{
	if (!artifact_id || !r->store->segment)
		return NULL;
	ret->v = mem_dup(r->store->segment, sizeof(*ret->v));
	ret->count = ret->v ? 1 : 0;
	return ret->v ? NULL : error_no_memory;
}

struct error *index_presence(struct index_reader *r, const struct build_id *id,
			     unsigned *roles_ret, unsigned *quality_ret,
			     bool *found_ret)
{
	struct store *st = r->store;

	*roles_ret = *quality_ret = 0;
	*found_ret = false;
	for (size_t i = 0; i < st->place_count; i++) {
		const struct index_place *p = &st->places[i];

		if (!build_id_equal(&p->id, id))
			continue;
		*found_ret = true;
		*roles_ret |= p->roles;
		if (p->quality > *quality_ret)
			*quality_ret = p->quality;
	}
	return NULL;
}

struct error *index_search_names(struct index_reader *r, const char *pattern,
				 bool glob, index_over_fn is_over,
				 index_name_fn fn, void *ctx,
				 bool *complete_ret)
{
	struct store *st = r->store;

	*complete_ret = true;
	for (size_t i = 0; i < st->place_count; i++) {
		const struct index_place *p = &st->places[i];

		if (is_over && is_over(ctx)) {
			*complete_ret = false;
			break;
		}
		if (st->row)
			st->row(st->row_ctx, i);
		struct index_name_hit hit = {
			.id = p->id,
			.roles = p->roles,
			.file = p->member ? p->member : p->path,
			.archive = p->member ? p->path : NULL,
		};
		bool matches = glob ? !fnmatch(pattern, hit.file, FNM_PATHNAME)
				    : !strcmp(pattern, hit.file);

		if (matches && !fn(ctx, &hit))
			break;
	}
	return NULL;
}
