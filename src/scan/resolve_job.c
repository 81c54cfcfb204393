/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs about alternate files: what a worker is told, and its answers into the
 * index.
 */
#include "config.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/units.h"
#include "scan/resolve.h"

/* Of packed names in one job. */
#define ITEMS_BYTES (16 * MIB)

static void cleanup_job(struct resolve_job **job)
{
	resolve_job_free(*job);
}
#define CLEANUP_JOB CLEANUP(cleanup_job)

void resolve_job_free(struct resolve_job *job)
{
	if (!job)
		return;
	pipe_command_kill(&job->command);
	mem_free(job->path);
	for (size_t i = 0; i < job->base.fd_count; i++)
		close(job->base.fds[i]);
	buf_deinit(&job->base.request);
	error_free(job->err);
	mem_free(job);
}

static void on_done(struct worker_job *base, struct error *err)
{
	struct resolve_job *job = (struct resolve_job *)base;
	struct scan *s = job->scan;

	pipe_command_kill(&job->command);
	job->err = err;
	LOCKED(&s->lock);
	job->next = s->resolving.ended;
	s->resolving.ended = job;
	condition_signal(&s->idle);
}

static struct resolve_job *job_create(struct scan *s, enum wire_type type)
{
	struct resolve_job *job = mem_zalloc(sizeof(*job));

	if (!job)
		return NULL;
	job->scan = s;
	job->base.type = type;
	job->base.done = on_done;
	return job;
}

struct error *resolve_submit(struct resolve_job *job)
{
	job->began_ms = clock_ms();
	return worker_pool_submit_wait(job->scan->pool, &job->base);
}

/* ---- Extraction ---------------------------------------------------------- */

/* That it was written is known when the job ends without an error. */
static struct error *on_written(struct worker_job *base, enum wire_type type,
				struct reader *payload)
{
	(void)base;
	(void)payload;
	return type == WIRE_RESULT
		       ? NULL
		       : error_new(BAD_DATA, "unexpected answer %d from worker",
				   (int)type);
}

/* When a worker is free for it. */
static struct error *begin_command(struct worker_job *base)
{
	struct resolve_job *job = (struct resolve_job *)base;
	int fd;

	TRY(file_open_temporary(job->scan->o.cache_dir, job->size,
				&base->fds[2]));
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

	if (p->payload_codec != LOCATOR_RESCAN)
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
	locator_put(out, &l);
	buf_put_u64(out, 0);
	buf_put_u64(out, p->size);
	return out->failed ? error_no_memory : NULL;
}

struct error *resolve_extraction(struct scan *s, struct index_reader *r,
				 const struct index_place *p,
				 const struct scan_rule *rule, int container,
				 struct resolve_job **ret)
{
	CLEANUP_CLOSE int owned = container;
	CLEANUP_JOB struct resolve_job *job = job_create(s, WIRE_EXTRACT);

	if (!job)
		return error_no_memory;
	struct worker_job *base = &job->base;

	base->answer = on_written;
	base->cpu_limit_s = scan_cpu_limit(p->stamp.size);
	base->fds[base->fd_count++] = steal_fd(&owned);
	job->rule = rule;
	job->size = p->size;
	if (rule) {
		job->path = mem_strdup(p->path);
		base->begin = begin_command;
		if (!job->path)
			return error_no_memory;
	}
	TRY(put_place(r, p, rule, &base->request));
	TRY(file_open_temporary(s->o.cache_dir, job->size,
				&base->fds[base->fd_count]));
	base->fd_count++;
	*ret = STEAL(job);
	return NULL;
}

/* ---- Names --------------------------------------------------------------- */

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

static void set_fatal(struct scan *s, struct error *err)
{
	LOCKED(&s->lock);
	if (s->fatal)
		error_free(err);
	else
		s->fatal = err;
}

static struct error *take_answer(struct resolve_job *job, enum wire_type type,
				 struct reader *payload)
{
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

static struct error *on_resolved(struct worker_job *base, enum wire_type type,
				 struct reader *payload)
{
	struct resolve_job *job = (struct resolve_job *)base;
	struct error *err = take_answer(job, type, payload);

	job->is_answer_broken |= err != NULL;
	return err;
}

/* The file for this artifact. Never 0, as the table wants it. */
static uint64_t hash_use(uint64_t place, int64_t artifact)
{
	uint64_t hash = hash_bytes(&artifact, sizeof(artifact), place);

	return hash ? hash : 1;
}

bool resolve_is_useless(struct scan *s, uint64_t place, int64_t artifact)
{
	return path_table_has(&s->resolving.useless, hash_use(place, artifact));
}

struct error *resolve_set_useless(struct scan *s, uint64_t place,
				  int64_t artifact)
{
	bool is_new;

	return path_table_get(&s->resolving.useless, hash_use(place, artifact),
			      &is_new)
		       ? NULL
		       : error_no_memory;
}

static bool add_item(void *ctx, const struct index_pending *p)
{
	struct resolve_job *job = ctx;
	struct buf *request = &job->base.request;
	struct resolve_item item = { p->packed, p->packed_size, p->sources,
				     p->sources_size };

	if (resolve_is_useless(job->scan, job->place, p->artifact_id))
		return true;
	resolve_item_put(request, &item);
	job->artifacts[job->count++] = p->artifact_id;
	return !request->failed && job->count < job->limit &&
	       request->size < ITEMS_BYTES;
}

struct error *resolve_names(struct scan *s, struct index_reader *r,
			    const struct build_id *id,
			    struct resolve_file *file, size_t limit,
			    struct resolve_job **ret)
{
	CLEANUP_JOB struct resolve_job *job = job_create(s, WIRE_RESOLVE);

	*ret = NULL;
	if (!job)
		return error_no_memory;
	struct worker_job *base = &job->base;

	base->answer = on_resolved;
	base->cpu_limit_s = scan_cpu_limit(file->size);
	job->place = file->place;
	job->limit = limit;
	resolve_request_put(&base->request, id, file->size);
	job->items_at = base->request.size;
	TRY(index_each_pending(r, id, add_item, job));
	if (base->request.failed)
		return error_no_memory;
	if (!job->count)
		return NULL;
	base->fds[base->fd_count++] = steal_fd(&file->fd);
	*ret = STEAL(job);
	return NULL;
}
