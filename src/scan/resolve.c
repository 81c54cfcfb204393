/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Complete source names that wait for an alternate file (dwz).
 *
 * At the end of a pass the index knows which artifacts wait for which build ID,
 * and whether it has a file with that build ID by now: whichever of the two was
 * scanned first, and whenever. Each such file is opened once a pass, which for
 * a member of an archive means that a worker extracts it, and then serves all
 * who wait for it, a job after the other. There are as many files in work as
 * there are workers.
 *
 * What strangers' archives can cost here is bounded, since nothing else is
 * scanned meanwhile. A pass has a time for it, and each container a part of
 * that; where the time was up, the next pass goes on behind. A file that jobs
 * fail with is left to the next pass soon.
 *
 * Invariants
 * 1. An artifact that was answered for waits no more, whatever the answer.
 * 2. A job that does not answer for all it was given makes its file useless,
 *    for one artifact or for any, or the file's jobs smaller, or it is put off;
 *    and so often at most FAILURES_MAX times. So the step ends.
 * 3. An alternate file that was begun is not left for the time before somebody
 *    was answered, or something found useless, however late it is. So the passes
 *    end it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "scan/resolve.h"

enum {
	/* In work at a time. */
	ALTERNATES_MAX = 16,
	/* Jobs for one build ID in one pass. */
	FAILURES_MAX = 8,
	/* The jobs of a file are so many times smaller when one failed, and
	 * larger again when one did not: up to half of what failed. */
	SHRINK = 16,
	GROW = 4,
	LEAST_MS = 120000,
	/* One container's part of the time. */
	CONTAINER_PART = 4,
};

/* A build ID that is waited for. */
struct alternate {
	struct build_id id;         /* len 0: nothing in work here */
	struct index_places places; /* files that have it */
	size_t at;                  /* the one that is tried */
	struct resolve_file file;   /* of it */
	bool had_names;             /* a job of names, since it was opened */
	bool has_gained; /* of this pass: the next begins further on */
	bool has_job;
	size_t limit, limit_max; /* artifacts in a job */
	unsigned failures;
};

struct step {
	struct scan *s;
	struct index_reader *r;
	struct alternate alternates[ALTERNATES_MAX];
	size_t count;           /* of these */
	size_t jobs;            /* with the pool */
	struct build_id first;  /* before the first one, in their order */
	bool is_wrapped;        /* from the last ID to the first */
	bool has_begun;         /* a job */
	int64_t until;          /* clock_ms() */
	int64_t container_ms;   /* for extractions from one */
	struct path_table used; /* of that; by hash of path and state */
};

/* ---- What was of no use -------------------------------------------------- */

static uint64_t hash_container(const struct scan *s,
			       const struct index_place *p)
{
	return known_print(&s->known, p->path, &p->stamp);
}

/* The file in the state it is in. */
static uint64_t hash_place(const struct scan *s, const struct index_place *p)
{
	return hash_bytes(&p->ordinal, sizeof(p->ordinal),
			  hash_container(s, p));
}

static void set_useless(struct scan *s, struct alternate *a, int64_t artifact)
{
	struct error *err = resolve_set_useless(s, a->file.place, artifact);

	a->has_gained = true;
	s->resolving.is_put_off |= err != NULL;
	error_free(err);
}

/* @p err is taken; NULL is none. */
static void log_problem(struct scan *s, const char *path, struct error *err)
{
	static struct log_limit limits[ERROR_KINDS];
	CLEANUP_ERROR struct error *owned = err;
	uint64_t left_out;

	if (!err || atomic_load(&s->stop))
		return;
	{
		LOCKED(&s->lock);
		if (!log_limit_pass(&limits[error_kind(err)], &left_out))
			return;
	}
	log_warn("scan", "alternate file of no use", LOG_S("path", path),
		 LOG_S("kind", error_kind_label(error_kind(err))),
		 LOG_S("error", error_message(err)),
		 LOG_U("left_out", left_out));
}

/* ---- Alternate files ----------------------------------------------------- */

static void close_file(struct alternate *a)
{
	if (a->file.fd >= 0)
		close(a->file.fd);
	a->file.fd = -1;
	a->had_names = false;
}

static void next_place(struct alternate *a)
{
	close_file(a);
	a->at++;
}

static void alternate_end(struct alternate *a)
{
	close_file(a);
	index_places_deinit(&a->places);
	a->id.len = 0;
}

/* The rest of it is the next pass's. */
static void leave(struct step *t, struct alternate *a)
{
	t->s->resolving.is_cut = true;
	alternate_end(a);
}

static bool must_stop(struct scan *s)
{
	LOCKED(&s->lock);
	return s->fatal || s->resolving.is_put_off || atomic_load(&s->stop);
}

/* One job there is in every pass. */
static bool is_late(const struct step *t)
{
	return t->has_begun && clock_ms() >= t->until;
}

/* As the index orders them. */
static int compare(const struct build_id *a, const struct build_id *b)
{
	int order =
		memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* From behind the one the last pass ended with, once around. */
static struct error *next_id(struct step *t, struct build_id *ret,
			     bool *found_ret)
{
	struct build_id *last = &t->s->resolving.last;

	TRY(index_next_pending_alt(t->r, last, ret, found_ret));
	if (!*found_ret && !t->is_wrapped) {
		t->is_wrapped = true;
		*last = (struct build_id) { 0 };
		TRY(index_next_pending_alt(t->r, last, ret, found_ret));
	}
	if (*found_ret && t->is_wrapped && compare(ret, &t->first) > 0)
		*found_ret = false;
	return NULL;
}

/* The next one of which there is a file. @p a stays free if there is none. */
static struct error *take_next(struct step *t, struct alternate *a)
{
	while (!a->places.count && !must_stop(t->s)) {
		struct build_id id = { 0 };
		bool found;

		TRY(next_id(t, &id, &found));
		if (!found)
			return NULL;
		if (is_late(t)) {
			t->s->resolving.is_cut = true;
			return NULL;
		}
		t->s->resolving.last = id;
		TRY(index_find(t->r, &id, INDEX_ROLE_DEBUGINFO, &a->places));
		a->id = id;
	}
	a->at = 0;
	a->limit = a->limit_max = RESOLVE_ITEMS_MAX;
	a->failures = 0;
	a->has_gained = false;
	if (!a->places.count)
		a->id.len = 0;
	return NULL;
}

/* ---- A place ------------------------------------------------------------- */

/* The command that the container was read through, if it was. */
static struct error *find_rule(const struct scan *s,
			       const struct index_place *p,
			       const struct scan_rule **ret)
{
	const struct scan_choice *choice = s->o.policy.choice;
	char name[SCAN_RULE_NAME_SIZE];

	*ret = NULL;
	if (!scan_rule_is_name(p->scanner))
		return NULL;
	const struct scan_rule *rule =
		choice ? scan_rule_of(choice->rules, choice->rule_count,
				      p->path)
		       : NULL;
	if (scan_rule_has_command(rule)) {
		scan_rule_name(rule, name);
		if (!strcmp(name, p->scanner))
			*ret = rule;
	}
	return *ret ? NULL
		    : error_new(UNSUPPORTED, "indexed through a command that "
					     "is not given now");
}

/* Another file by now, or none: of no use until the index knows it. */
static bool is_as_indexed(int fd, const struct index_stamp *stamp)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	       clock_timespec_ns(st.st_mtim) == stamp->mtime_ns &&
	       clock_timespec_ns(st.st_ctim) == stamp->ctime_ns &&
	       (uint64_t)st.st_size == stamp->size && st.st_ino == stamp->inode;
}

static struct error *open_container(const struct index_place *p, int *fd_ret)
{
	CLEANUP_CLOSE int fd =
		open(p->path,
		     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return error_new(BUSY, "no descriptor");
	if (fd < 0)
		return error_errno("open");
	if (!is_as_indexed(fd, &p->stamp))
		return error_new(IO, "it is not as it was scanned");
	*fd_ret = steal_fd(&fd);
	return NULL;
}

static struct error *submit(struct step *t, struct alternate *a,
			    struct resolve_job *job)
{
	job->owner = a;
	struct error *err = resolve_submit(job);

	if (err) {
		resolve_job_free(job);
		return err;
	}
	t->has_begun = a->has_job = true;
	t->jobs++;
	return NULL;
}

/* A file is what it is; of a member there will be a copy when the job ends. */
static struct error *open_file(struct step *t, struct alternate *a,
			       const struct index_place *p)
{
	const struct scan_rule *rule;
	struct resolve_job *job;
	int fd = -1;

	TRY(find_rule(t->s, p, &rule));
	TRY(open_container(p, &fd));
	if (!p->member) {
		a->file.fd = fd;
		a->file.size = p->stamp.size;
		return NULL;
	}
	a->file.size = p->size;
	TRY(resolve_extraction(t->s, t->r, p, rule, fd, &job));
	return submit(t, a, job);
}

/* What stands in the way of this file is no reason to end the pass. */
static struct error *pass_over(struct step *t, struct alternate *a,
			       struct error *err)
{
	struct scan *s = t->s;

	if (error_kind(err) == ERROR_NO_MEMORY ||
	    error_kind(err) == ERROR_DATABASE)
		return err;
	if (error_kind(err) == ERROR_BUSY)
		s->resolving.is_put_off = true;
	else if (error_kind(err) != ERROR_NO_SPACE)
		set_useless(s, a, 0);
	log_problem(s, a->places.v[a->at].path, err);
	next_place(a);
	return NULL;
}

struct waiting {
	struct scan *s;
	uint64_t place;
	bool found;
};

static bool is_for_place(void *ctx, const struct index_pending *p)
{
	struct waiting *w = ctx;

	w->found = !resolve_is_useless(w->s, w->place, p->artifact_id);
	return !w->found;
}

/* Is there anybody for whom this file was not tried in vain? */
static struct error *is_waited_for(struct step *t, const struct alternate *a,
				   bool *ret)
{
	struct waiting w = { .s = t->s, .place = a->file.place };

	if (!resolve_is_useless(t->s, w.place, 0))
		TRY(index_each_pending(t->r, &a->id, is_for_place, &w));
	*ret = w.found;
	return NULL;
}

/* Has all of its part of the time gone into this one's container? */
static bool is_used_up(struct step *t, const struct index_place *p)
{
	uint64_t container = hash_container(t->s, p);
	bool is_new;

	if (!p->member || !path_table_has(&t->used, container))
		return false;
	struct path_slot *slot = path_table_get(&t->used, container, &is_new);

	return slot && (int64_t)slot->value >= t->container_ms;
}

static struct error *try_place(struct step *t, struct alternate *a)
{
	const struct index_place *p = &a->places.v[a->at];
	bool is_wanted;

	a->file.place = hash_place(t->s, p);
	TRY(is_waited_for(t, a, &is_wanted));
	if (!is_wanted) {
		next_place(a);
		return NULL;
	}
	if (a->has_gained && is_late(t)) {
		leave(t, a);
		return NULL;
	}
	if (is_used_up(t, p)) {
		t->s->resolving.is_cut = true;
		next_place(a);
		return NULL;
	}
	struct error *err = open_file(t, a, p);

	return err ? pass_over(t, a, err) : NULL;
}

static struct error *ask_names(struct step *t, struct alternate *a)
{
	struct resolve_job *job;

	if (a->had_names && a->has_gained && is_late(t)) {
		leave(t, a);
		return NULL;
	}
	TRY(resolve_names(t->s, t->r, &a->id, &a->file, a->limit, &job));
	if (!job) {
		next_place(a);
		return NULL;
	}
	a->had_names = true;
	struct error *err = submit(t, a, job);

	return err ? pass_over(t, a, err) : NULL;
}

/* Until it has a job, or there is none. */
static struct error *go_on(struct step *t, struct alternate *a)
{
	while (!a->has_job && !must_stop(t->s)) {
		if (!a->id.len) {
			TRY(take_next(t, a));
			if (!a->id.len)
				return NULL;
		} else if (a->failures >= FAILURES_MAX) {
			leave(t, a);
		} else if (a->at == a->places.count) {
			alternate_end(a);
		} else if (a->file.fd < 0) {
			TRY(try_place(t, a));
		} else {
			TRY(ask_names(t, a));
		}
	}
	return NULL;
}

/* ---- Jobs that ended ----------------------------------------------------- */

/* The time it took is its container's. */
static void count_time(struct step *t, const struct alternate *a,
		       const struct resolve_job *job)
{
	bool is_new;
	struct path_slot *slot = path_table_get(
		&t->used, hash_container(t->s, &a->places.v[a->at]), &is_new);

	if (slot)
		slot->value += (size_t)(clock_ms() - job->began_ms);
	else
		t->s->resolving.is_put_off = true;
}

/* The job's file is ours again, or for the first time. */
static void take_file(struct alternate *a, struct resolve_job *job)
{
	struct worker_job *base = &job->base;
	size_t number = base->type == WIRE_EXTRACT;

	a->file.fd = base->fds[number];
	base->fds[number] = base->fds[--base->fd_count];
}

/* The job did not do what it should. */
static void settle_failure(struct step *t, struct alternate *a,
			   const struct resolve_job *job)
{
	enum error_kind kind = job->err ? error_kind(job->err) : ERROR_WORKER;
	bool is_extraction = job->base.type == WIRE_EXTRACT;
	struct scan *s = t->s;

	a->failures++;
	if (kind == ERROR_BUSY || kind == ERROR_NO_MEMORY) {
		s->resolving.is_put_off = true;
	} else if (is_extraction && kind == ERROR_NO_SPACE) {
		/* That passes; to fill the disk again soon is no remedy. */
		next_place(a);
	} else if (is_extraction ||
		   (kind != ERROR_WORKER && kind != ERROR_LIMIT &&
		    !job->is_answer_broken)) {
		set_useless(s, a, 0);
		next_place(a);
	} else if (job->count == 1) {
		/* It may have been the one that all failed for. */
		set_useless(s, a, job->artifacts[0]);
		a->limit_max = RESOLVE_ITEMS_MAX;
	} else {
		a->limit_max = job->count / 2;
		a->limit = job->count / SHRINK ? job->count / SHRINK : 1;
	}
}

static void settle(struct step *t, struct resolve_job *job)
{
	struct alternate *a = job->owner;
	bool is_extraction = job->base.type == WIRE_EXTRACT;
	const char *path = a->places.v[a->at].path;

	a->has_job = false;
	t->jobs--;
	if (is_extraction)
		count_time(t, a, job);
	if (!is_extraction || !job->err)
		take_file(a, job);
	a->has_gained |= job->answered > 0;
	if (is_extraction ? job->err != NULL : job->answered < job->count)
		settle_failure(t, a, job);
	else if (!is_extraction)
		a->limit *= GROW;
	if (a->limit > a->limit_max)
		a->limit = a->limit_max;
	log_problem(t->s, path, STEAL(job->err));
	resolve_job_free(job);
}

/* Wait for one job at least. */
static void settle_ended(struct step *t)
{
	struct resolve_job *job, *next;
	struct scan *s = t->s;

	{
		LOCKED(&s->lock);
		while (!s->resolving.ended)
			condition_wait(&s->idle, &s->lock);
		job = STEAL(s->resolving.ended);
	}
	for (; job; job = next) {
		next = job->next;
		settle(t, job);
	}
}

/* ---- All ----------------------------------------------------------------- */

static void begin(struct step *t, struct scan *s, struct index_reader *r)
{
	int64_t now = clock_ms();
	int64_t passed = now - atomic_load(&s->progress.started_ms);
	int64_t ms = s->o.resolve_ms;

	if (!ms)
		ms = passed > LEAST_MS ? passed : LEAST_MS;
	s->resolving.artifacts = 0;
	s->resolving.is_put_off = s->resolving.is_cut = false;
	*t = (struct step) {
		.s = s,
		.r = r,
		.count = s->o.workers < ALTERNATES_MAX ? s->o.workers
						       : ALTERNATES_MAX,
		.first = s->resolving.last,
		.until = ms < INT64_MAX - now ? now + ms : INT64_MAX,
		.container_ms = ms / CONTAINER_PART,
	};
	for (size_t i = 0; i < t->count; i++)
		t->alternates[i].file.fd = -1;
}

static struct error *go_on_all(struct step *t)
{
	for (size_t i = 0; i < t->count; i++)
		TRY(go_on(t, &t->alternates[i]));
	return NULL;
}

static void end(struct step *t)
{
	while (t->jobs)
		settle_ended(t);
	for (size_t i = 0; i < t->count; i++)
		alternate_end(&t->alternates[i]);
	path_table_deinit(&t->used);
}

struct error *scan_resolve(struct scan *s, struct index_reader *r)
{
	struct error *err;
	struct step t;

	begin(&t, s, r);
	while (!(err = go_on_all(&t)) && t.jobs && !must_stop(s))
		settle_ended(&t);
	end(&t);
	if (s->resolving.artifacts || s->resolving.is_cut)
		log_info("scan", "completed sources",
			 LOG_U("artifacts", s->resolving.artifacts),
			 LOG_S("rest",
			       s->resolving.is_cut ? "next scan" : "none"));
	return err ? err : STEAL(s->fatal);
}
