/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file on its way from an upstream server. All of this is on the fetching
 * thread but where it begins:
 *
 *	remote_download (query thread)
 *	  upstream_fetch
 *	    begin ............. a file in the cache
 *	    data .............. written
 *	    idle .............. the right build ID in its head: shared from then
 *	                        on
 *	    whole ............. a worker looks at all of it --> poked
 *	    poked ............. accepted: sync and keep the file; land
 *	    lost .............. what grew is broken; another server may begin
 *	    ended ............. nobody has it: land
 *
 * A source, and a section, name nobody: their length is all there is to check.
 *
 * Invariants
 * 1. From upstream_fetch() to ended() the download has a reference for the
 *    fetch, and one for each check that a worker does.
 * 2. All but `fetch` and `checked`, which the lock guards, is the fetching
 *    thread's.
 * 3. The flight lives until this lands it; `flight` is NULL from then on. So
 *    may be the store: landing is the last thing that is done with either.
 */
#include "config.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "store/remote.h"
#include "store/remote_file.h"
#include "store/remote_meta.h"
#include "worker/worker_limits.h"

enum {
	/* Of the body, in which its build ID should be. */
	HEAD_BYTES = 64 << 10,
};

struct check {
	struct worker_job base;
	struct download *d;
	unsigned turn;
	int fd;
	bool has_result;
	struct build_id id; /* len 0: it has none */
	struct error *err;
	struct check *next;
};

struct download {
	struct store *store;
	struct flight *flight;
	_Atomic unsigned references;
	struct cache_key key;
	struct build_id want; /* len 0: nobody's to check */
	unsigned turn;
	struct remote_file file;
	bool is_whole, is_shared;
	struct remote_meta meta;
	struct error *err; /* why it was given up; owned */
	struct cache_offer offer;
	struct lock lock; /* guards what follows */
	struct upstream_fetch *fetch;
	struct check *checked; /* those that are done */
};

/* ---- A download ---------------------------------------------------------- */

static void check_free(struct check *c)
{
	if (c->fd >= 0)
		close(c->fd);
	buf_deinit(&c->base.request);
	error_free(c->err);
	mem_free(c);
}

/* Nothing of what came so far is worth anything. */
static void void_turn(struct download *d)
{
	/* First nobody more is given it, then those who have it are told. */
	if (d->is_shared && d->flight)
		flight_unshare(d->flight);
	remote_file_end(&d->file);
	remote_meta_deinit(&d->meta);
	d->is_shared = d->is_whole = false;
}

static void download_put(struct download *d)
{
	if (!d || atomic_fetch_sub(&d->references, 1) != 1)
		return;
	while (d->checked) {
		struct check *c = d->checked;

		d->checked = c->next;
		check_free(c);
	}
	remote_file_deinit(&d->file);
	remote_meta_deinit(&d->meta);
	error_free(d->err);
	lock_deinit(&d->lock);
	mem_free(d);
}

static void log_lost(const struct download *d, const char *name,
		     enum upstream_cause cause, const char *why)
{
	char hex[BUILD_ID_HEX_MAX];
	uint64_t skipped;
	bool pass;

	{
		LOCKED(&d->store->lock);
		pass = log_limit_pass(&d->store->target_log, &skipped);
	}
	if (pass)
		log_warn("upstream", "answer thrown away",
			 LOG_S("upstream", name),
			 LOG_S("cause", upstream_cause_name(cause)),
			 LOG_S("why", why),
			 LOG_S("build_id",
			       build_id_hex(&d->flight->query.id, hex)),
			 LOG_S("type", remote_type_name(d->flight->query.kind)),
			 LOG_U("left_out", skipped));
}

/* ---- Checking ------------------------------------------------------------ */

static struct error *on_answer(struct worker_job *base, enum wire_type type,
			       struct reader *payload)
{
	struct check *c = (struct check *)base;
	size_t id_size;

	if (type != WIRE_RESULT)
		return error_new(BAD_DATA, "unexpected answer %d from worker",
				 (int)type);
	reader_u8(payload); /* is there one? */
	reader_u64(payload);
	const uint8_t *bytes = reader_sized(payload, &id_size);

	if (!reader_ok(payload) || c->has_result)
		return error_new(BAD_DATA, "broken answer from worker");
	c->has_result = true;
	if (id_size)
		build_id_set(&c->id, bytes, id_size);
	return NULL;
}

/* On a worker pool's thread: the rest is done where everything is. */
static void check_done(struct worker_job *base, struct error *err)
{
	struct check *c = (struct check *)base;
	struct download *d = c->d;

	if (!err && !c->has_result)
		err = error_new(WORKER, "worker gave no result");
	c->err = err;
	{
		LOCKED(&d->lock);
		c->next = d->checked;
		d->checked = c;
		if (d->fetch)
			upstream_poke(d->fetch);
	}
	download_put(d);
}

static struct error *start_check(struct download *d)
{
	struct check *c = mem_zalloc(sizeof(*c));

	if (!c)
		return error_no_memory;
	struct worker_job *const jobs[] = { &c->base };

	c->d = d;
	c->turn = d->turn;
	c->base.type = WIRE_IDENTIFY;
	c->base.answer = on_answer;
	c->base.done = check_done;
	c->base.cpu_limit_s = WORKER_ANSWER_CPU_S_LEAST;
	buf_put_u64(&c->base.request, d->file.received);
	/* Its own: the download may go on without this file. */
	c->fd = fcntl(d->file.fd, F_DUPFD_CLOEXEC, 0);
	c->base.fds[0] = c->fd;
	c->base.fd_count = 1;
	struct error *err = c->fd < 0                ? error_errno("dup")
			    : c->base.request.failed ? error_no_memory
						     : NULL;

	atomic_fetch_add(&d->references, 1);
	if (!err)
		err = worker_pool_submit_all(d->store->extractors, jobs, 1,
					     true);
	if (err) {
		atomic_fetch_sub(&d->references, 1);
		check_free(c);
		return err;
	}
	return NULL;
}

static void finish(struct download *d);
static void settle(struct download *d);

/* It could not be checked, which says nothing of it. */
static void reject_unchecked(struct download *d, struct error *err)
{
	log_consume(LOG_WARN, "upstream", "not checked", err);
	upstream_reject(d->fetch, d->turn, UPSTREAM_TRANSIENT);
}

/* Whoever takes a growing file may have it from now on. */
static void share(struct download *d)
{
	struct artifact a;

	if (d->is_shared || d->file.size < 0 || d->is_whole)
		return;
	if (!remote_artifact(&d->meta, remote_file_shown(&d->file),
			     ARTIFACT_FROM_UPSTREAM, d->file.growth, &a))
		return; /* they wait for the whole, then */
	log_consume(LOG_WARN, "upstream", "not relayed",
		    flight_share(d->flight, &a));
	d->is_shared = true;
}

/* The note with the ID that was asked for, in either byte order: sizes of name
 * and ID, type 3, "GNU". Nothing is read out of the bytes, which are a
 * stranger's: they are searched for these. */
static bool has_note(const uint8_t *head, size_t size,
		     const struct build_id *id)
{
	static const uint8_t elf[4] = { 0x7f, 'E', 'L', 'F' };
	uint8_t little[16 + BUILD_ID_MAX] = {
		4, 0, 0, 0, id->len, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0
	};
	uint8_t big[16 + BUILD_ID_MAX] = { 0, 0, 0, 4, 0,   0,   0,   id->len,
					   0, 0, 0, 3, 'G', 'N', 'U', 0 };

	memcpy(little + 16, id->bytes, id->len);
	memcpy(big + 16, id->bytes, id->len);
	return size > sizeof(elf) && !memcmp(head, elf, sizeof(elf)) &&
	       (memmem(head, size, little, 16U + id->len) ||
		memmem(head, size, big, 16U + id->len));
}

/* Where it is not in the head, the whole is waited for. */
static void look_at_head(struct download *d, uint64_t looked_at)
{
	if (d->is_shared || d->file.size < 0 || looked_at >= HEAD_BYTES)
		return;
	CLEANUP_FREE uint8_t *head = mem_alloc(HEAD_BYTES);
	ssize_t n =
		head ? pread(remote_file_shown(&d->file), head, HEAD_BYTES, 0)
		     : -1;

	if (n > 0 && has_note(head, (size_t)n, &d->want))
		share(d);
}

static void judge_whole(struct download *d, struct check *c)
{
	if (!c->err && build_id_equal(&c->id, &d->want)) {
		finish(d);
		return;
	}
	/* A worker that fails says nothing of the file, one that finds no ELF
	 * file does. */
	if (c->err && error_kind(c->err) != ERROR_BAD_DATA &&
	    error_kind(c->err) != ERROR_UNSUPPORTED)
		reject_unchecked(d, STEAL(c->err));
	else
		upstream_reject(d->fetch, d->turn, UPSTREAM_MISMATCH);
}

static struct check *take_checked(struct download *d)
{
	LOCKED(&d->lock);
	struct check *c = d->checked;

	if (c)
		d->checked = c->next;
	return c;
}

static void on_poked(void *ctx)
{
	struct download *d = ctx;
	struct check *c;

	if (d->is_whole && d->file.old_fd >= 0)
		settle(d);
	while ((c = take_checked(d))) {
		if (c->turn == d->turn && d->file.fd >= 0 && d->flight)
			judge_whole(d, c);
		check_free(c);
	}
}

/* ---- Receiving ----------------------------------------------------------- */

static bool give_up(struct download *d, struct error *err)
{
	error_free(d->err);
	d->err = err;
	return false;
}

static bool on_begin(void *ctx, const struct upstream_answer *a)
{
	struct download *d = ctx;

	d->turn = a->turn;
	d->key = remote_key(d->flight);
	if (!remote_meta_of(d->flight, a, &d->meta))
		return give_up(d, error_no_memory);
	struct error *err = remote_file_begin(&d->file, a->size);

	if (err)
		return give_up(d, err);
	if (d->want.len)
		worker_pool_warm(d->store->extractors);
	else
		share(d);
	return true;
}

static bool flush(struct download *d)
{
	uint64_t before = d->file.written;
	struct error *err = remote_file_write(&d->file);

	if (err)
		return give_up(d, err);
	if (d->want.len && d->file.written > before)
		look_at_head(d, before);
	return true;
}

static bool on_data(void *ctx, const void *bytes, size_t size)
{
	struct download *d = ctx;

	for (size_t done = 0; done < size;) {
		done += remote_file_take(
			&d->file, (const uint8_t *)bytes + done, size - done);
		if (done < size && !flush(d))
			return false;
	}
	return true;
}

static bool on_idle(void *ctx)
{
	return flush(ctx);
}

/* All of it is here. Before it is judged it is put into one file. */
static void settle(struct download *d)
{
	bool is_one = false;
	struct error *err = remote_file_copy(&d->file, &is_one);

	if (err) {
		give_up(d, err);
		upstream_cancel(d->fetch);
		return;
	}
	if (!is_one) {
		upstream_poke(d->fetch);
		return;
	}
	d->meta.size = d->file.received;
	if (d->want.len)
		err = start_check(d);
	else
		finish(d);
	if (err)
		reject_unchecked(d, err);
}

static void on_whole(void *ctx)
{
	struct download *d = ctx;

	d->is_whole = true;
	if (flush(d))
		settle(d);
	else
		upstream_cancel(d->fetch);
}

static void on_lost(void *ctx, const char *name, enum upstream_cause cause,
		    const char *why)
{
	struct download *d = ctx;

	log_lost(d, name, cause, why);
	void_turn(d);
}

/* ---- The end ------------------------------------------------------------- */

/* Hashing it and waiting for the disk are not for the fetching thread. */
static void keep_file(void *state, void *arg)
{
	struct download *d = arg;

	(void)state;
	log_consume(LOG_WARN, "cache", "not kept",
		    disk_cache_commit(d->store->cache, &d->offer));
	download_put(d);
}

/* All of it is right. */
static void finish(struct download *d)
{
	struct disk_cache *cache = d->store->cache;
	uint64_t content = d->file.received;
	struct artifact a;
	bool is_made = remote_artifact(&d->meta, d->file.fd,
				       ARTIFACT_FROM_UPSTREAM, NULL, &a);
	struct error *err = remote_meta_write(d->file.fd, &d->meta, &content);

	growth_end(d->file.growth, GROWTH_WHOLE);
	upstream_accept(d->fetch);
	if (err || d->file.is_beside)
		d->key = (struct cache_key) { 0 };
	log_consume(LOG_WARN, "cache", "not kept", err);
	/* Found from now on, so that nobody fetches it again meanwhile. */
	disk_cache_offer(cache, &d->offer, d->key, d->file.fd, content);
	struct flight *f = STEAL(d->flight);

	atomic_fetch_add(&d->references, 1);
	err = pool_continue(d->store->verifiers, keep_file, d);
	if (err) {
		error_free(err);
		keep_file(NULL, d);
	}
	flight_land(f, is_made ? NULL : error_no_memory, is_made ? &a : NULL,
		    NULL);
}

static void land_ended(struct download *d, const struct upstream_end *e)
{
	struct flight *f = STEAL(d->flight);

	/* They may just not know what a section is. */
	if (f->query.kind == ARTIFACT_SECTION &&
	    (e->cause == UPSTREAM_TRANSIENT ||
	     e->cause == UPSTREAM_MALFORMED)) {
		f->needs_whole = true;
		flight_continue(f);
		return;
	}
	switch (e->cause) {
	case UPSTREAM_TRANSIENT:
	case UPSTREAM_MALFORMED:
		flight_land(f, error_new(UPSTREAM, "%s", e->why), NULL, NULL);
		break;
	case UPSTREAM_FOUND: /* never: accepted is landed */
	case UPSTREAM_CANCELLED:
		flight_land(f,
			    d->err ? STEAL(d->err)
				   : error_new(BUSY, "%s", e->why),
			    NULL, NULL);
		break;
	default:
		remote_land_absent(f, e->ttl_ms);
	}
}

static void on_ended(void *ctx, const struct upstream_end *e)
{
	struct download *d = ctx;

	{
		LOCKED(&d->lock);
		d->fetch = NULL;
	}
	if (d->flight) {
		void_turn(d);
		land_ended(d, e);
	}
	download_put(d);
}

static const struct upstream_receiver receiver = {
	.begin = on_begin,
	.data = on_data,
	.idle = on_idle,
	.whole = on_whole,
	.lost = on_lost,
	.poked = on_poked,
	.ended = on_ended,
};

/* ---- Beginning ----------------------------------------------------------- */

struct error *remote_download(struct flight *f)
{
	const struct store_query *q = &f->query;
	struct upstream_question question = {
		.id = q->id,
		.type = remote_type_name(q->kind),
		.suffix = q->suffix,
		.hop = q->hop,
		.hops = q->hops,
	};
	struct download *d = mem_zalloc(sizeof(*d));

	if (!d)
		return error_no_memory;
	if (q->kind != ARTIFACT_SECTION && q->kind != ARTIFACT_SOURCE)
		d->want = q->id;
	d->store = f->store;
	d->flight = f;
	remote_file_init(&d->file, f->store->cache);
	atomic_init(&d->references, 1);
	lock_init(&d->lock, LOCK_STORE_REMOTE);
	struct error *err;

	{
		/* Nobody is told of the fetch before it is known here. */
		LOCKED(&d->lock);
		err = upstream_fetch(f->store->upstreams, &question, &receiver,
				     d, &d->fetch);
	}
	if (err)
		download_put(d);
	return err;
}
