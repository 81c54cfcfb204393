/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs that answer a query: extract a member (in parts, by several
 * workers), take a section, read an identity again. What they end with is in
 * fetch.c's picture.
 *
 * An extraction belongs to whoever runs its step: the function that starts it,
 * then its *_done.
 */
#include "config.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/units.h"
#include "store/store_internal.h"
#include "worker/pipe_command.h"
#include "worker/worker_limits.h"

enum {
	PARTS_MAX = 32,
	PARTS_A_WORKER = 8,
	CPU_LIMIT_MOST_S = 3600,
};
/* Below this a second worker costs more than it saves. */
#define SPLIT_BYTES (16 * MIB)

struct extraction {
	struct flight *flight;
	struct cache_key key;
	int in_fd, out_fd;
	/* Where the container is what a command prints. */
	const struct scan_rule *rule; /* NULL: it is not */
	struct pipe_command command;
	int spool_fd;
	uint64_t size;
	int64_t started_ns;
	_Atomic unsigned pending;
	struct lock lock;   /* guards what follows */
	struct error *err;  /* first one; owned */
	bool found;         /* section */
	struct build_id id; /* identified */
};

struct part {
	struct worker_job base;
	bool has_result;
	struct extraction *x;
};

/* ---- Jobs --------------------------------------------------------------- */

static struct extraction *extraction_create(struct flight *f)
{
	struct extraction *x = mem_zalloc(sizeof(*x));

	if (!x)
		return NULL;
	x->flight = f;
	x->in_fd = x->out_fd = x->spool_fd = -1;
	x->started_ns = clock_ns();
	lock_init(&x->lock, LOCK_STORE_FETCH);
	return x;
}

static void extraction_destroy(struct extraction *x)
{
	if (!x)
		return;
	pipe_command_kill(&x->command);
	if (x->spool_fd >= 0)
		close(x->spool_fd);
	if (x->in_fd >= 0)
		close(x->in_fd);
	if (x->out_fd >= 0)
		close(x->out_fd);
	lock_deinit(&x->lock);
	error_free(x->err);
	mem_free(x);
}

static void cleanup_extraction(struct extraction **x)
{
	extraction_destroy(*x);
}

static void note_error(struct extraction *x, struct error *err)
{
	LOCKED(&x->lock);
	if (x->err)
		error_free(err);
	else
		x->err = err;
}

static struct error *on_answer(struct worker_job *base, enum wire_type type,
			       struct reader *payload)
{
	struct part *p = (struct part *)base;
	struct build_id id = { 0 };
	struct stat sb;
	size_t id_size;

	if (type != WIRE_RESULT)
		return error_new(BAD_DATA, "unexpected answer %d from worker",
				 (int)type);
	bool found = reader_u8(payload);
	uint64_t size = reader_u64(payload);
	const uint8_t *bytes = reader_sized(payload, &id_size);

	bool tells_size =
		base->type == WIRE_SECTION ||
		(base->type == WIRE_EXTRACT && p->x->size == LOCATOR_UNKNOWN);

	if (!reader_ok(payload) || p->has_result)
		return error_new(BAD_DATA, "broken answer from worker");
	if (tells_size && found && fstat(p->x->out_fd, &sb))
		return error_errno("stat");
	if (tells_size && found && size > (uint64_t)sb.st_size)
		return error_new(BAD_DATA, "broken answer from worker");
	p->has_result = true;
	if (id_size)
		build_id_set(&id, bytes, id_size);
	LOCKED(&p->x->lock);
	p->x->found = found;
	p->x->id = id;
	if (tells_size)
		p->x->size = size;
	return NULL;
}

/* A job that ended well without saying how it went did not. */
static struct error *want_result(const struct part *p, struct error *err)
{
	if (err || p->has_result)
		return err;
	return error_new(WORKER, "worker gave no result");
}

/* A file for what is extracted: in the cache or, where that has no room, one
 * that is not kept. */
static struct error *begin_output(struct extraction *x, uint64_t size,
				  int *fd_ret)
{
	struct disk_cache *cache = x->flight->store->cache;
	uint64_t room = x->flight->room_bytes;
	CLEANUP_ERROR struct error *err = NULL;

	if (!room)
		err = disk_cache_begin(cache, size, fd_ret);
	if (!room && (!err || (error_kind(err) != ERROR_NO_SPACE &&
			       error_kind(err) != ERROR_IO)))
		return STEAL(err);
	x->key = (struct cache_key) { 0 };
	return disk_cache_begin_elsewhere(cache, err, room > size ? room : size,
					  fd_ret);
}

/* The disk was full before the file was. Once more, outside the cache. */
static bool make_do_elsewhere(const struct extraction *x,
			      const struct error *err)
{
	struct flight *f = x->flight;
	struct stat written = { 0 }, spooled = { 0 };

	if (error_kind(err) != ERROR_NO_SPACE || f->room_bytes)
		return false;
	if (x->out_fd >= 0)
		(void)fstat(x->out_fd, &written);
	if (x->spool_fd >= 0)
		(void)fstat(x->spool_fd, &spooled);
	f->room_bytes =
		(uint64_t)written.st_size + (uint64_t)spooled.st_size + MIB;
	disk_cache_note_full(f->store->cache, f->room_bytes);
	f->attempt = 0; /* neither a success nor a failure */
	return true;
}

/* Nothing came of it: on to the next target, or to another try of this one.
 * Both are taken. */
static void end_failed(struct extraction *x, struct error *err)
{
	struct flight *f = x->flight;
	bool is_again = err && make_do_elsewhere(x, err);

	extraction_destroy(x);
	if (is_again)
		error_free(err);
	else
		pass_over(f, err);
	flight_continue(f);
}

static struct part *part_create(struct extraction *x, enum wire_type type,
				void (*done)(struct worker_job *,
					     struct error *))
{
	struct part *p = mem_zalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->x = x;
	p->base.type = type;
	p->base.answer = on_answer;
	p->base.done = done;
	uint64_t cpu_s = WORKER_ANSWER_CPU_S_LEAST +
			 x->flight->targets.v[x->flight->at].stamp.size / GIB *
				 WORKER_SCAN_CPU_S_PER_GIB;

	p->base.cpu_limit_s =
		cpu_s < CPU_LIMIT_MOST_S ? (uint32_t)cpu_s : CPU_LIMIT_MOST_S;
	return p;
}

static void part_destroy(struct part *p)
{
	buf_deinit(&p->base.request);
	mem_free(p);
}

static void destroy_parts(struct part **parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (parts[i])
			part_destroy(parts[i]);
	}
}

/* Hand them to the workers: the parts belong to their done() then, and so do x
 * and the flight. On failure the parts are gone and the others the caller's. */
static struct error *submit_parts(struct extraction *x, struct part **parts,
				  size_t count)
{
	struct flight *f = x->flight;
	bool was_begun = f->is_begun;
	struct worker_job *jobs[PARTS_MAX] = { NULL };

	for (size_t i = 0; i < count; i++)
		jobs[i] = &parts[i]->base;
	f->is_begun = true;
	struct error *err = worker_pool_submit_all(f->store->extractors, jobs,
						   count, was_begun);

	if (err) {
		f->is_begun = was_begun;
		destroy_parts(parts, count);
	}
	return err;
}

static void observe(const struct extraction *x)
{
	const struct target *t = &x->flight->targets.v[x->flight->at];

	metric_observe(METRIC_EXTRACT_SECONDS,
		       metric_label(LABELS_SOURCE, scan_rule_label(t->scanner)),
		       0, (uint64_t)(clock_ns() - x->started_ns));
}

/* Bytes are there and are what they should be: answer, then keep them. */
static void land_extracted(struct extraction *x)
{
	struct flight *f = x->flight;
	struct store *st = f->store;
	const struct target *t = &f->targets.v[f->at];
	CLEANUP_CLOSE int fd = fcntl(x->out_fd, F_DUPFD_CLOEXEC, 0);
	struct cache_offer offer;

	observe(x);
	if (fd < 0) {
		pass_over(f, error_errno("dup"));
		flight_continue(f);
		extraction_destroy(x);
		return;
	}
	/* Landing frees the flight and its targets; what is needed after it is
	 * in x. Syncing to disk must not delay the answer; whoever asks
	 * meanwhile finds what is offered. */
	disk_cache_offer(st->cache, &offer, x->key, x->out_fd, x->size);
	land_found(f, t, steal_fd(&fd), x->size, ARTIFACT_FROM_ARCHIVE, NULL);
	log_consume(LOG_WARN, "cache", "not kept",
		    disk_cache_commit(st->cache, &offer));
	extraction_destroy(x);
}

/* ---- Section ------------------------------------------------------------ */

static void section_done(struct worker_job *base, struct error *err)
{
	struct part *p = (struct part *)base;
	struct extraction *x = p->x;
	bool found = x->found;

	err = want_result(p, err);
	part_destroy(p);
	if (!err && found)
		land_extracted(x);
	else
		end_failed(x, err);
}

/* @p in_fd is taken. @p l says where in it the ELF is. */
static struct error *start_section(struct flight *f, int in_fd,
				   const struct locator *l,
				   struct cache_key key)
{
	CLEANUP_CLOSE int fd = in_fd;
	CLEANUP(cleanup_extraction) struct extraction *x = extraction_create(f);

	if (!x)
		return error_no_memory;
	x->in_fd = steal_fd(&fd);
	x->key = key;
	TRY(begin_output(x, 0, &x->out_fd));
	struct part *p = part_create(x, WIRE_SECTION, section_done);

	if (!p)
		return error_no_memory;
	locator_put(&p->base.request, l);
	buf_append(&p->base.request, f->query.suffix,
		   strlen(f->query.suffix) + 1);
	p->base.fds[0] = x->in_fd;
	p->base.fds[1] = x->out_fd;
	p->base.fd_count = 2;
	TRY(submit_parts(x, &p, 1));
	x = NULL; /* section_done's now */
	return NULL;
}

/* ---- Extraction --------------------------------------------------------- */

/* An extracted member goes out, or a section is taken from it. */
static void extracted(struct extraction *x)
{
	struct flight *f = x->flight;
	struct cache_offer offer;

	if (!f->targets.v[f->at].section) {
		land_extracted(x);
		return;
	}
	f->member_fd = steal_fd(&x->out_fd);
	f->member_size = x->size;
	disk_cache_offer(f->store->cache, &offer, x->key, f->member_fd,
			 x->size);
	log_consume(LOG_WARN, "cache", "not kept",
		    disk_cache_commit(f->store->cache, &offer));
	observe(x);
	extraction_destroy(x);
	flight_continue(f);
}

/* A bare file that was touched is still the one that was indexed. */
static void land_file(struct extraction *x)
{
	struct flight *f = x->flight;
	const struct target *t = &f->targets.v[f->at];

	land_found(f, t, steal_fd(&x->out_fd), x->size, ARTIFACT_FROM_FILE,
		   t->container);
	extraction_destroy(x);
}

static void identify_done(struct worker_job *base, struct error *err)
{
	struct part *p = (struct part *)base;
	struct extraction *x = p->x;
	struct flight *f = x->flight;
	const struct target *t = &f->targets.v[f->at];

	err = want_result(p, err);
	part_destroy(p);
	if (!err && !build_id_equal(&x->id, &t->want))
		err = error_new(BAD_DATA,
				"another build ID in the file than indexed");
	if (!err && !t->member) {
		land_file(x);
		return;
	}
	if (err)
		end_failed(x, err);
	else
		extracted(x);
}

static struct error *start_identify(struct extraction *x)
{
	struct part *p = part_create(x, WIRE_IDENTIFY, identify_done);

	if (!p)
		return error_no_memory;
	buf_put_u64(&p->base.request, x->size);
	p->base.fds[0] = x->out_fd;
	p->base.fd_count = 1;
	return submit_parts(x, &p, 1);
}

static void extract_done(struct worker_job *base, struct error *err)
{
	struct part *p = (struct part *)base;
	struct extraction *x = p->x;
	struct flight *f = x->flight;

	err = want_result(p, err);
	part_destroy(p);
	if (err)
		note_error(x, err);
	if (atomic_fetch_sub(&x->pending, 1) != 1)
		return;
	pipe_command_kill(&x->command);
	err = STEAL(x->err);
	if (!err && !f->targets.v[f->at].want.len) {
		extracted(x);
		return;
	}
	if (!err)
		err = start_identify(x);
	if (err)
		end_failed(x, err);
}

static void fill_locator(const struct target *t, struct locator *l)
{
	*l = (struct locator) {
		.scanner = t->scanner,
		.path = t->container,
		.member = t->member,
		.file_size = t->stamp.size,
		.payload_codec = t->payload_codec,
		.payload_offset = t->payload_offset,
		.payload_size = t->payload_size,
		.ordinal = t->ordinal,
		.offset = t->offset,
		.size = t->size,
		.packed_codec = t->packed_codec,
		.packed_size = t->packed_size,
	};
}

/* Where to cut a member into at most @p wanted parts: at points, in about
 * equal pieces. @p cuts gets the ends, the last being the member's size. */
static size_t cut(const struct target *t, const struct index_points *points,
		  unsigned wanted, uint64_t cuts[PARTS_MAX])
{
	size_t parts = 0;
	uint64_t piece;

	if (wanted > PARTS_MAX)
		wanted = PARTS_MAX;
	piece = t->size / wanted;
	if (t->size >= SPLIT_BYTES && !t->packed_codec && wanted > 1) {
		for (size_t i = 0; i < points->count; i++) {
			uint64_t at = points->v[i].out_offset;
			uint64_t begun = parts ? cuts[parts - 1] : 0;

			if (at <= t->offset || at >= t->offset + t->size ||
			    at - t->offset < begun + piece ||
			    parts + 1 >= wanted)
				continue;
			cuts[parts++] = at - t->offset;
		}
	}
	cuts[parts++] = t->size;
	return parts;
}

/* The points that a part needs: all from the last at or before its begin. */
static void part_points(const struct index_points *all, uint64_t from,
			uint64_t to, struct codec_point *points,
			struct locator *l)
{
	size_t first = 0, count = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (all->v[i].out_offset <= from)
			first = i;
	}
	for (size_t i = first;
	     i < all->count && (i == first || all->v[i].out_offset < to); i++) {
		points[count++] = (struct codec_point) {
			.in_offset = all->v[i].in_offset,
			.out_offset = all->v[i].out_offset,
			.state = (uint8_t *)all->v[i].state,
			.state_size = all->v[i].state_size,
		};
	}
	l->points = points;
	l->point_count = count;
}

/* The command of a container that was read through one, or may have been
 * where debuginfod read it. Through another one now, or none: the next scan
 * will say what it holds. */
static struct error *find_rule(struct extraction *x, const struct target *t)
{
	const struct store *st = x->flight->store;
	char name[SCAN_RULE_NAME_SIZE] = "";
	struct scan_rule *rule =
		scan_rule_of(st->rules, st->rule_count, t->container);

	if (scan_rule_has_command(rule))
		scan_rule_name(rule, name);
	bool is_any = !strcmp(t->scanner, SCANNER_BY_CONTENT);

	if (*name && (is_any || !strcmp(name, t->scanner)))
		x->rule = rule;
	if (x->rule || !scan_rule_is_name(t->scanner))
		return NULL;
	return error_new(UNSUPPORTED,
			 "indexed through a command that is not given now");
}

/* When a worker is free for it. The container was opened for its stamp. */
static struct error *begin_command(struct worker_job *base)
{
	struct extraction *x = ((struct part *)base)->x;
	const struct flight *f = x->flight;

	close(steal_fd(&x->in_fd));
	TRY(pipe_command_start(&x->command, x->rule->command,
			       f->targets.v[f->at].container, &x->in_fd));
	TRY(begin_output(x, 0, &x->spool_fd));
	base->fds[0] = x->in_fd;
	base->fds[2] = x->spool_fd;
	base->fd_count = 3;
	return NULL;
}

static struct error *add_part(struct extraction *x, struct locator *l,
			      const struct index_points *points,
			      struct extract_range range, struct part **ret)
{
	CLEANUP_FREE struct codec_point *used =
		mem_array(points->count, sizeof(*used));
	struct part *p = part_create(x, WIRE_EXTRACT, extract_done);

	if (!used || !p) {
		if (p)
			part_destroy(p);
		return error_no_memory;
	}
	part_points(points, l->offset + range.from, l->offset + range.to, used,
		    l);
	locator_put(&p->base.request, l);
	buf_put_u64(&p->base.request, range.from);
	buf_put_u64(&p->base.request, range.to);
	p->base.fds[0] = x->in_fd;
	p->base.fds[1] = x->out_fd;
	p->base.fd_count = 2;
	if (x->rule)
		p->base.begin = begin_command;
	*ret = p;
	return NULL;
}

/* Cut the member into parts and hand these to the workers. */
static struct error *start_parts(struct extraction *x, const struct target *t,
				 const struct index_points *points)
{
	struct part *parts[PARTS_MAX] = { NULL };
	uint64_t cuts[PARTS_MAX];
	/* More parts than workers: equal decoded bytes are not equal work. */
	unsigned wanted =
		x->rule ? 1 : x->flight->store->workers * PARTS_A_WORKER;
	size_t count = cut(t, points, wanted, cuts);
	struct error *err = NULL;
	struct locator l;

	fill_locator(t, &l);
	l.is_piped = x->rule != NULL;
	for (size_t i = 0; i < count && !err; i++) {
		struct extract_range range = { i ? cuts[i - 1] : 0, cuts[i] };

		err = add_part(x, &l, points, range, &parts[i]);
	}
	if (err) {
		destroy_parts(parts, count);
		return err;
	}
	atomic_store(&x->pending, (unsigned)count);
	return submit_parts(x, parts, count);
}

struct error *start_extraction(struct index_reader *r, struct flight *f,
			       int in_fd)
{
	CLEANUP_CLOSE int fd = in_fd;
	CLEANUP(index_points_deinit) struct index_points points = { 0 };
	CLEANUP(cleanup_extraction) struct extraction *x = extraction_create(f);
	const struct target *t = &f->targets.v[f->at];
	uint64_t span = t->packed_codec ? t->packed_size : t->size;

	if (!x)
		return error_no_memory;
	TRY(index_points(r, t->container_id, t->offset, t->offset + span,
			 &points));
	TRY(find_rule(x, t));
	x->in_fd = steal_fd(&fd);
	x->size = t->size;
	x->key = cache_key_of(f, true);
	TRY(begin_output(x, t->size == LOCATOR_UNKNOWN ? 0 : t->size,
			 &x->out_fd));
	TRY(start_parts(x, t, &points));
	x = NULL; /* extract_done's now */
	return NULL;
}

/* A section of a member, straight from the archive, where only the blocks
 * around it need decoding. */
struct error *try_section_inside(struct index_reader *r, struct flight *f,
				 int *container_fd, bool *started_ret)
{
	CLEANUP(index_points_deinit) struct index_points points = { 0 };
	const struct target *t = &f->targets.v[f->at];
	struct locator l;

	*started_ret = false;
	if (t->packed_codec || t->payload_codec == LOCATOR_RESCAN ||
	    t->payload_codec == CODEC_GZIP || scan_rule_is_name(t->scanner))
		return NULL;
	TRY(index_points(r, t->container_id, t->offset, t->offset + t->size,
			 &points));
	if (points.count < 2)
		return NULL;
	CLEANUP_FREE struct codec_point *used =
		mem_array(points.count, sizeof(*used));

	if (!used)
		return error_no_memory;
	fill_locator(t, &l);
	part_points(&points, t->offset, t->offset + t->size, used, &l);
	TRY(start_section(f, steal_fd(container_fd), &l,
			  cache_key_of(f, false)));
	*started_ret = true;
	return NULL;
}

/* A section of a file that is there as a whole. @p fd is taken. */
struct error *section_of_file(struct flight *f, int fd, uint64_t size)
{
	const struct target *t = &f->targets.v[f->at];
	struct locator l = {
		.scanner = "elf",
		.path = t->container,
		.file_size = size,
		.size = size,
	};

	return start_section(f, fd, &l, cache_key_of(f, false));
}

/* A bare file whose ctime changed: whose is it now? @p fd is taken. */
struct error *identify_file(struct flight *f, int fd)
{
	CLEANUP_CLOSE int owned = fd;
	CLEANUP(cleanup_extraction) struct extraction *x = extraction_create(f);

	if (!x)
		return error_no_memory;
	x->out_fd = steal_fd(&owned);
	x->size = f->targets.v[f->at].size;
	TRY(start_identify(x));
	x = NULL; /* identify_done's now */
	return NULL;
}
