/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A section of a file that is elsewhere, at a server that gives none: elfutils'
 * before 0.188 has no such request. As libdebuginfod does it, the whole file is
 * fetched, debuginfo first, then the executable, and the section taken from it.
 *
 *	remote_section_next (query thread)
 *	  store_ask, a flight of its own --> whole_done --> flight_continue
 *	remote_section_next
 *	  the file is here ............. section job, as of any other file
 *	  it is not, or lacks it ....... the next one
 *	  none is left ................. land
 */
#include "config.h"

#include "base/mem.h"
#include "store/remote.h"

static const enum artifact_kind kinds[] = { ARTIFACT_DEBUGINFO,
					    ARTIFACT_EXECUTABLE };
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* On whatever thread. */
static void whole_done(void *ctx, struct error *err, struct artifact *a)
{
	struct flight *f = ctx;

	if (a)
		f->whole = *a;
	if (err && !f->whole_error)
		f->whole_error = err;
	else
		error_free(err);
	flight_continue(f);
}

/* The file that came is one more target. */
static struct error *take_section(struct flight *f)
{
	struct artifact a = f->whole;
	CLEANUP_CLOSE int fd = a.fd;
	struct target t = {
		.container = mem_strdup(a.file ? a.file : "upstream"),
		.scanner = mem_strdup("elf"),
		.stamp = { .mtime_ns = a.mtime,
			   .size = a.size,
			   .inode = a.etag },
		.size = a.size,
		.mtime = a.mtime,
		.section = f->query.suffix,
	};

	a.fd = -1;
	artifact_deinit(&a);
	f->whole = (struct artifact)ARTIFACT_INIT;
	if (!t.container || !t.scanner ||
	    !mem_grow(&f->targets.v, &f->targets.capacity, f->targets.count + 1,
		      sizeof(t))) {
		target_deinit(&t);
		return error_no_memory;
	}
	f->at = f->targets.count;
	f->targets.v[f->targets.count++] = t;
	return section_of_file(f, steal_fd(&fd), t.size);
}

void remote_section_next(struct flight *f)
{
	if (f->whole.fd >= 0) {
		struct error *err = take_section(f);

		if (err)
			flight_land(f, err, NULL, NULL);
		return;
	}
	if (f->wholes_asked == KINDS) {
		if (f->whole_error)
			flight_land(f, STEAL(f->whole_error), NULL, NULL);
		else
			remote_land_absent(f, UPSTREAM_WRONG_MS);
		return;
	}
	const struct store_query q = {
		.id = f->query.id,
		.kind = kinds[f->wholes_asked++],
		.hops = f->query.hops,
		.hop = f->query.hop,
	};

	store_ask(f->store, &q, whole_done, f);
}
