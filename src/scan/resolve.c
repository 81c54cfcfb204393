/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Complete source names that wait for an alternate file (dwz).
 *
 * At the end of a pass the index knows which artifacts wait for which build ID,
 * and whether it has a file with that build ID by now: whichever of the two was
 * scanned first, and whenever. Each such file is opened once by a worker, for
 * up to ITEMS_MAX artifacts, which extracts it if it is a member of an archive.
 *
 * Invariants
 * 1. An artifact that was answered for waits no more, whatever the answer.
 * 2. A job that does not answer for all it was given makes its file useless, or
 *    makes the jobs smaller; so the rounds end.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "scan/scan_internal.h"
#include "worker/pipe_command.h"

enum { ITEMS_MAX = 256 };
/* Of packed names in one job. */
#define ITEMS_BYTES (16 * MIB)

struct resolve_job {
	struct worker_job base;
	struct scan *scan;
	uint64_t place; /* hash of the alternate file's */
	int64_t artifacts[ITEMS_MAX];
	size_t count, answered, limit;
	size_t items_at; /* in the request */
	/* Of a container that a command prints. */
	const struct scan_rule *rule; /* NULL: none */
	char *path;                   /* owned */
	struct pipe_command command;
};

/* ---- What was of no use -------------------------------------------------- */

/* The file in the state it is in. */
static uint64_t hash_place(const struct scan *s, const struct index_place *p)
{
	uint64_t file = known_print(&s->known, p->path, &p->stamp);

	return hash_bytes(&p->ordinal, sizeof(p->ordinal), file);
}

/* The file for this artifact; 0: for any. Never 0, as the table wants it. */
static uint64_t hash_use(uint64_t place, int64_t artifact)
{
	uint64_t hash = hash_bytes(&artifact, sizeof(artifact), place);

	return hash ? hash : 1;
}

static bool is_useless(struct scan *s, uint64_t place, int64_t artifact)
{
	LOCKED(&s->lock);
	return path_table_has(&s->resolving.useless, hash_use(place, artifact));
}

static void set_useless(struct scan *s, uint64_t place, int64_t artifact)
{
	bool is_new;

	LOCKED(&s->lock);
	if (!path_table_get(&s->resolving.useless, hash_use(place, artifact),
			    &is_new))
		s->resolving.is_put_off = true;
}

static void set_fatal(struct scan *s, struct error *err)
{
	LOCKED(&s->lock);
	if (s->fatal)
		error_free(err);
	else
		s->fatal = err;
}

/* ---- Answers ------------------------------------------------------------- */

static void find_item(const struct resolve_job *job, size_t number,
		      struct resolve_item *ret)
{
	struct reader r;
	bool found = true;

	reader_init(&r, job->base.request.data, job->base.request.size, false);
	reader_seek(&r, job->items_at);
	for (size_t i = 0; found && i <= number; i++)
		found = resolve_item_get(&r, ret);
}

static struct error *on_answer(struct worker_job *base, enum wire_type type,
			       struct reader *payload)
{
	struct resolve_job *job = (struct resolve_job *)base;
	struct scan *s = job->scan;
	struct resolve_result result;
	struct resolve_item item = { 0 };

	if (type != WIRE_RESOLVED)
		return error_new(BAD_DATA, "unexpected answer %d from worker",
				 (int)type);
	TRY(resolve_result_get(payload, &result));
	if (result.item != job->answered || result.item >= job->count)
		return error_new(BAD_DATA, "worker speaks of names it was not "
					   "given");
	find_item(job, result.item, &item);
	struct index_sources_put put = {
		.artifact_id = job->artifacts[result.item],
		.packed = item.pending,
		.packed_size = item.pending_size,
		.sources = result.sources_size ? result.sources : NULL,
		.sources_size = result.sources_size,
		.source_count = result.source_count,
	};
	struct error *err = index_complete_sources(s->o.index, &put);

	if (err && scan_is_fatal(error_kind(err))) {
		set_fatal(s, err);
		return error_new(DATABASE, "the index cannot be written");
	}
	TRY(err);
	job->answered++;
	LOCKED(&s->lock);
	s->resolving.artifacts++;
	return NULL;
}

/* What a job that did not answer for everything means. @p err is borrowed. */
static void settle(struct resolve_job *job, const struct error *err)
{
	enum error_kind kind = err ? error_kind(err) : ERROR_WORKER;
	struct scan *s = job->scan;

	if (kind == ERROR_BUSY || kind == ERROR_NO_MEMORY) {
		LOCKED(&s->lock);
		s->resolving.is_put_off = true;
	} else if (kind != ERROR_WORKER && kind != ERROR_LIMIT) {
		set_useless(s, job->place, 0);
	} else if (job->count == 1) {
		set_useless(s, job->place, job->artifacts[0]);
	} else {
		LOCKED(&s->lock);
		s->resolving.one_by_one = true;
	}
}

static void job_free(struct resolve_job *job)
{
	if (!job)
		return;
	pipe_command_kill(&job->command);
	mem_free(job->path);
	for (size_t i = 0; i < job->base.fd_count; i++)
		close(job->base.fds[i]);
	buf_deinit(&job->base.request);
	mem_free(job);
}

static void cleanup_job(struct resolve_job **job)
{
	job_free(*job);
}

static void on_done(struct worker_job *base, struct error *err)
{
	struct resolve_job *job = (struct resolve_job *)base;
	struct scan *s = job->scan;

	if (job->answered < job->count)
		settle(job, err);
	if (!atomic_load(&s->stop))
		log_consume(LOG_WARN, "scan", "alternate file of no use", err);
	else
		error_free(err);
	job_free(job);
	LOCKED(&s->lock);
	s->outstanding--;
	condition_signal(&s->idle);
}

/* ---- Jobs ---------------------------------------------------------------- */

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

/* When a worker is free for it. */
static struct error *begin_command(struct worker_job *base)
{
	struct resolve_job *job = (struct resolve_job *)base;
	int fd;

	TRY(file_open_temporary(job->scan->o.cache_dir, 0, &base->fds[2]));
	base->fd_count = 3;
	TRY(pipe_command_start(&job->command, job->rule->command, job->path,
			       &fd));
	close(base->fds[0]);
	base->fds[0] = fd;
	return NULL;
}

static struct error *put_place(struct index_reader *r,
			       const struct index_place *p,
			       const struct scan_rule *rule, struct buf *out)
{
	CLEANUP(index_points_deinit) struct index_points points = { 0 };
	struct locator l = {
		.scanner = p->scanner,
		.is_piped = rule != NULL,
		.path = p->path,
		.file_size = p->stamp.size,
		.member = p->member,
		.payload_codec = p->payload_codec,
		.payload_offset = p->payload_offset,
		.payload_size = p->payload_size,
		.ordinal = p->ordinal,
		.offset = p->offset,
		.size = p->size,
		.packed_codec = p->packed_codec,
		.packed_size = p->packed_size,
	};
	uint64_t stored = p->packed_codec ? p->packed_size : p->size;

	if (p->member && p->payload_codec != LOCATOR_RESCAN)
		TRY(index_points(r, p->container_id, p->offset,
				 p->offset + stored, &points));
	CLEANUP_FREE struct codec_point *copy =
		mem_array(points.count, sizeof(*copy));
	if (!copy)
		return error_no_memory;
	for (size_t i = 0; i < points.count; i++)
		copy[i] = (struct codec_point) {
			.in_offset = points.v[i].in_offset,
			.out_offset = points.v[i].out_offset,
			.state = (uint8_t *)points.v[i].state,
			.state_size = points.v[i].state_size,
		};
	l.points = copy;
	l.point_count = points.count;
	buf_put_bytes(out, p->id.bytes, p->id.len);
	buf_put_u8(out, p->member != NULL);
	locator_put(out, &l);
	return NULL;
}

static bool add_item(void *ctx, const struct index_pending *p)
{
	struct resolve_job *job = ctx;
	struct buf *request = &job->base.request;
	struct resolve_item item = { p->packed, p->packed_size, p->sources,
				     p->sources_size };

	if (is_useless(job->scan, job->place, p->artifact_id))
		return true;
	resolve_item_put(request, &item);
	job->artifacts[job->count++] = p->artifact_id;
	return !request->failed && job->count < job->limit &&
	       request->size < ITEMS_BYTES;
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

/* The file, and a place to extract it to. */
static struct error *open_place(struct scan *s, const struct index_place *p,
				struct resolve_job *job)
{
	struct worker_job *base = &job->base;
	int fd = open(p->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				       O_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return error_new(BUSY, "no descriptor");
	if (fd < 0)
		return error_errno("open");
	base->fds[base->fd_count++] = fd;
	if (!is_as_indexed(fd, &p->stamp))
		return error_new(IO, "it is not as it was scanned");
	TRY(file_open_temporary(s->o.cache_dir, 0, &base->fds[base->fd_count]));
	base->fd_count++;
	return NULL;
}

/* @param[out] ret NULL if nobody waits for what this file has. */
static struct error *job_create(struct scan *s, struct index_reader *r,
				const struct index_place *p,
				const struct scan_rule *rule,
				struct resolve_job **ret)
{
	CLEANUP(cleanup_job) struct resolve_job *job = mem_zalloc(sizeof(*job));

	*ret = NULL;
	if (!job)
		return error_no_memory;
	job->scan = s;
	job->place = hash_place(s, p);
	job->base.type = WIRE_RESOLVE;
	job->base.answer = on_answer;
	job->base.done = on_done;
	job->base.cpu_limit_s = scan_cpu_limit(p->stamp.size);
	{
		LOCKED(&s->lock);
		job->limit = s->resolving.one_by_one ? 1 : ITEMS_MAX;
	}
	job->rule = rule;
	if (rule) {
		job->path = mem_strdup(p->path);
		job->base.begin = begin_command;
		if (!job->path)
			return error_no_memory;
	}
	TRY(put_place(r, p, rule, &job->base.request));
	job->items_at = job->base.request.size;
	TRY(index_each_pending(r, &p->id, add_item, job));
	if (job->base.request.failed)
		return error_no_memory;
	if (job->count)
		*ret = STEAL(job);
	return NULL;
}

/* The job is the pool's, unless it could not be given to it. */
static struct error *submit(struct scan *s, struct resolve_job *job)
{
	{
		LOCKED(&s->lock);
		s->outstanding++;
	}
	struct error *err = worker_pool_submit_wait(s->pool, &job->base);

	if (!err)
		return NULL;
	LOCKED(&s->lock);
	s->outstanding--;
	return err;
}

/* What stands in the way of this file is no reason to end the pass. */
static struct error *pass_over(struct scan *s, const struct index_place *p,
			       uint64_t place, struct error *err)
{
	if (error_kind(err) == ERROR_NO_MEMORY)
		return err;
	if (error_kind(err) == ERROR_BUSY) {
		LOCKED(&s->lock);
		s->resolving.is_put_off = true;
	} else {
		set_useless(s, place, 0);
	}
	if (!atomic_load(&s->stop))
		log_consume(LOG_WARN, "scan", "alternate file of no use",
			    error_wrap(err, "%s", p->path));
	else
		error_free(err);
	return NULL;
}

static struct error *begin_place(struct scan *s, struct index_reader *r,
				 const struct index_place *p, bool *begun)
{
	CLEANUP(cleanup_job) struct resolve_job *job = NULL;
	uint64_t place = hash_place(s, p);
	const struct scan_rule *rule;

	if (is_useless(s, place, 0))
		return NULL;
	struct error *err = find_rule(s, p, &rule);

	if (!err) {
		TRY(job_create(s, r, p, rule, &job));
		if (!job)
			return NULL;
		err = open_place(s, p, job);
	}
	if (!err)
		err = submit(s, job);
	if (err)
		return pass_over(s, p, place, err);
	job = NULL; /* on_done()'s */
	*begun = true;
	return NULL;
}

static bool must_stop(struct scan *s)
{
	LOCKED(&s->lock);
	return s->fatal || s->resolving.is_put_off || atomic_load(&s->stop);
}

/* The best file there is that was not tried in vain. */
static struct error *begin_alt(struct scan *s, struct index_reader *r,
			       const struct build_id *alt, bool *begun)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	bool is_it = false;

	TRY(index_find(r, alt, INDEX_ROLE_DEBUGINFO, &places));
	for (size_t i = 0; i < places.count && !is_it && !must_stop(s); i++)
		TRY(begin_place(s, r, &places.v[i], &is_it));
	*begun |= is_it;
	return NULL;
}

static struct error *begin_all(struct scan *s, struct index_reader *r,
			       bool *begun)
{
	struct build_id alt = { 0 };

	for (*begun = false; !must_stop(s);) {
		bool found;

		TRY(index_next_pending_alt(r, &alt, &alt, &found));
		if (!found)
			break;
		TRY(begin_alt(s, r, &alt, begun));
	}
	return NULL;
}

static void wait_idle(struct scan *s)
{
	LOCKED(&s->lock);
	while (s->outstanding)
		condition_wait(&s->idle, &s->lock);
}

struct error *scan_resolve(struct scan *s, struct index_reader *r)
{
	struct error *err = NULL;
	bool begun = true;

	s->resolving.one_by_one = false;
	s->resolving.is_put_off = false;
	s->resolving.artifacts = 0;
	while (begun && !err && !must_stop(s)) {
		err = begin_all(s, r, &begun);
		wait_idle(s);
	}
	if (s->resolving.artifacts)
		log_info("scan", "completed sources",
			 LOG_U("artifacts", s->resolving.artifacts));
	return err ? err : STEAL(s->fatal);
}
