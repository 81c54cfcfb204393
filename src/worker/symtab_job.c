/* SPDX-License-Identifier: Apache-2.0 */
/* Request, little-endian; "bytes" and "string" are behind a u32 length:
 *
 *	bytes build ID
 *	u8    INPUT_* flags, for the descriptors and the layout
 *	u32   files of split DWARF, and for each: u8 whether it lies in the
 *	      descriptor of the one before, u64 offset there, u64 size (0: all)
 *	      layout, if flagged (symtab_layout.h)
 *	u8    partial; if so: u32 lists, and for each
 *	      u8 kind, u64 map start, u64 map offset, u8 has a name,
 *	      string name, u64 base, u8 return addresses, u32 count, u64 each
 *
 * Result: u8 quality, u64 functions, u64 units, string problem, u32 missing
 *	split units, u64 each, bytes missing dwos, bytes missing alt (its build
 *	ID; empty: none).
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "worker/symtab_job.h"
#include "worker/worker_limits.h"

enum input_flags {
	INPUT_DEBUGINFO = 1 << 0,
	INPUT_EXECUTABLE = 1 << 1,
	INPUT_ALT = 1 << 2,
	INPUT_LAYOUT = 1 << 3,
};

static struct error *broken(const struct reader *r, const char *what)
{
	if (r->failed)
		return error_new(BAD_DATA,
				 "broken message between processes: %s", what);
	return error_no_memory;
}

static struct error *bad_request(const char *what)
{
	return error_new(BAD_DATA, "symbol table request: %s", what);
}

static void put_optional(struct buf *out, const char *s)
{
	buf_put_u8(out, s != NULL);
	buf_put_str(out, s);
}

/* @param[out] ret Owned; NULL where there is none. */
static struct error *get_optional(struct reader *r, const char **ret)
{
	bool is_there = reader_u8(r);
	size_t size;
	const uint8_t *p = reader_sized(r, &size);

	*ret = NULL;
	if (!p)
		return broken(r, "symbol table request");
	if (!is_there)
		return NULL;
	*ret = mem_strndup((const char *)p, strnlen((const char *)p, size));
	return *ret ? NULL : error_no_memory;
}

static void wanted_put(struct buf *out, const struct symtab_build_wanted *w)
{
	buf_put_u8(out, (uint8_t)w->space.kind);
	buf_put_u64(out, w->space.map_start);
	buf_put_u64(out, w->space.map_offset);
	put_optional(out, w->space.name);
	buf_put_u64(out, w->space.base);
	buf_put_u8(out, w->space.return_addresses);
	buf_put_u32(out, (uint32_t)w->count);
	for (size_t i = 0; i < w->count; i++)
		buf_put_u64(out, w->addresses[i]);
}

static bool shares_fd(const struct symtab_build_inputs *in, size_t dwo)
{
	return dwo && in->dwos[dwo].fd == in->dwos[dwo - 1].fd;
}

void symtab_request_put(struct buf *out, const struct symtab_build_inputs *in,
			const struct symtab_build_wanted *wanted,
			size_t wanted_count)
{
	unsigned flags = 0;

	if (in->debuginfo >= 0)
		flags |= INPUT_DEBUGINFO;
	if (in->executable >= 0)
		flags |= INPUT_EXECUTABLE;
	if (in->alt >= 0)
		flags |= INPUT_ALT;
	if (in->layout)
		flags |= INPUT_LAYOUT;
	buf_put_bytes(out, in->id.bytes, in->id.len);
	buf_put_u8(out, (uint8_t)flags);
	buf_put_u32(out, (uint32_t)in->dwo_count);
	for (size_t i = 0; i < in->dwo_count; i++) {
		buf_put_u8(out, shares_fd(in, i));
		buf_put_u64(out, in->dwos[i].offset);
		buf_put_u64(out, in->dwos[i].size);
	}
	if (in->layout)
		symtab_layout_put(out, in->layout);
	buf_put_u8(out, wanted != NULL);
	if (!wanted)
		return;
	buf_put_u32(out, (uint32_t)wanted_count);
	for (size_t i = 0; i < wanted_count; i++)
		wanted_put(out, &wanted[i]);
}

struct error *symtab_request_fds(const struct symtab_build_inputs *in,
				 int table, int fds[WIRE_MAX_FDS],
				 size_t *count_ret)
{
	const int first[] = { in->debuginfo, in->executable, in->alt };
	size_t count = 0;

	if (in->dwo_count > SYMTAB_JOB_DWOS_MAX)
		return error_new(LIMIT, "%zu files of split DWARF, at most %d",
				 in->dwo_count, SYMTAB_JOB_DWOS_MAX);
	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
		if (first[i] >= 0)
			fds[count++] = first[i];
	}
	for (size_t i = 0; i < in->dwo_count; i++) {
		if (shares_fd(in, i))
			continue;
		if (count >= WIRE_MAX_FDS - 1)
			return error_new(LIMIT,
					 "more than %d descriptors of files of "
					 "split DWARF",
					 SYMTAB_JOB_DWO_FDS_MAX);
		fds[count++] = in->dwos[i].fd;
	}
	fds[count++] = table;
	*count_ret = count;
	return NULL;
}

static struct error *wanted_get(struct reader *r, size_t *left,
				struct symtab_build_wanted *ret)
{
	unsigned kind = reader_u8(r);

	ret->space.kind = (enum address_kind)kind;
	ret->space.map_start = reader_u64(r);
	ret->space.map_offset = reader_u64(r);
	TRY(get_optional(r, &ret->space.name));
	ret->space.base = reader_u64(r);
	ret->space.return_addresses = reader_u8(r);
	size_t count = reader_u32(r);

	if (!reader_ok(r))
		return broken(r, "symbol table request");
	if (kind >= ADDRESS_KINDS || count > *left)
		return bad_request("wanted addresses");
	*left -= count;
	uint64_t *addresses = mem_array(count, sizeof(*addresses));

	if (!addresses)
		return error_no_memory;
	ret->addresses = addresses;
	for (size_t i = 0; i < count; i++)
		addresses[i] = reader_u64(r);
	ret->count = count;
	return reader_ok(r) ? NULL : broken(r, "symbol table request");
}

static struct error *all_wanted_get(struct reader *r,
				    struct symtab_request *ret)
{
	bool is_partial = reader_u8(r);
	size_t count = is_partial ? reader_u32(r) : 0;
	size_t left = SYMTAB_JOB_WANTED_MAX;

	if (!reader_ok(r))
		return broken(r, "symbol table request");
	if (!is_partial)
		return NULL;
	if (count > SYMTAB_JOB_WANTED_MAX)
		return bad_request("wanted addresses");
	ret->wanted = mem_array(count, sizeof(*ret->wanted));
	if (!ret->wanted)
		return error_no_memory;
	for (ret->wanted_count = 0; ret->wanted_count < count;) {
		struct symtab_build_wanted *w =
			&ret->wanted[ret->wanted_count++];

		TRY(wanted_get(r, &left, w));
	}
	return NULL;
}

/* Of each the descriptor's number among theirs, for now. */
static struct error *dwos_get(struct reader *r, struct symtab_request *ret,
			      size_t *fd_count_ret)
{
	size_t count = reader_u32(r);
	int fds = 0;

	*fd_count_ret = 0;
	if (count > SYMTAB_JOB_DWOS_MAX)
		return bad_request("files of split DWARF");
	ret->dwos = mem_array(count, sizeof(*ret->dwos));
	if (!ret->dwos)
		return error_no_memory;
	ret->inputs.dwos = ret->dwos;
	for (size_t i = 0; i < count; i++) {
		struct symtab_build_dwo *d = &ret->dwos[i];

		fds += !reader_u8(r) || !fds;
		d->fd = fds - 1;
		d->offset = reader_u64(r);
		d->size = reader_u64(r);
		if (d->offset > INT64_MAX ||
		    d->size > (uint64_t)INT64_MAX - d->offset)
			return bad_request("files of split DWARF");
	}
	ret->inputs.dwo_count = count;
	*fd_count_ret = (size_t)fds;
	return reader_ok(r) ? NULL : broken(r, "symbol table request");
}

/* Deal the descriptors out as symtab_request_fds() gathered them. */
static struct error *take_fds(struct symtab_request *q, unsigned flags,
			      size_t dwo_fds, const int *fds, size_t fd_count)
{
	struct symtab_build_inputs *in = &q->inputs;
	size_t count = !!(flags & INPUT_DEBUGINFO) +
		       !!(flags & INPUT_EXECUTABLE) + !!(flags & INPUT_ALT) +
		       dwo_fds + 1;

	if (fd_count != count)
		return bad_request("descriptors");
	in->debuginfo = flags & INPUT_DEBUGINFO ? *fds++ : -1;
	in->executable = flags & INPUT_EXECUTABLE ? *fds++ : -1;
	in->alt = flags & INPUT_ALT ? *fds++ : -1;
	for (size_t i = 0; i < in->dwo_count; i++)
		q->dwos[i].fd = fds[q->dwos[i].fd];
	q->table = fds[dwo_fds];
	return NULL;
}

struct error *symtab_request_get(struct reader *r, const int *fds,
				 size_t fd_count, struct symtab_request *ret)
{
	size_t size, dwo_fds;

	*ret = (struct symtab_request) { .table = -1 };
	const uint8_t *id = reader_sized(r, &size);
	unsigned flags = reader_u8(r);

	if (!reader_ok(r))
		return broken(r, "symbol table request");
	if (size && !build_id_set(&ret->inputs.id, id, size))
		return bad_request("build ID");
	TRY(dwos_get(r, ret, &dwo_fds));
	if (flags & INPUT_LAYOUT) {
		TRY(symtab_layout_get(r, &ret->layout));
		ret->inputs.layout = &ret->layout;
	}
	TRY(all_wanted_get(r, ret));
	return take_fds(ret, flags, dwo_fds, fds, fd_count);
}

void symtab_request_deinit(struct symtab_request *q)
{
	mem_free(q->dwos);
	for (size_t i = 0; i < q->wanted_count; i++) {
		mem_free((char *)q->wanted[i].space.name);
		mem_free((uint64_t *)q->wanted[i].addresses);
	}
	mem_free(q->wanted);
	symtab_layout_deinit(&q->layout);
	*q = (struct symtab_request) { .table = -1 };
}

void symtab_result_put(struct buf *out,
		       const struct symtab_build_report *report)
{
	buf_put_u8(out, (uint8_t)report->quality);
	buf_put_u64(out, report->functions);
	buf_put_u64(out, report->units);
	buf_put_str(out, report->problem);
	buf_put_u64(out, report->left_names);
	buf_put_u32(out, (uint32_t)report->missing_split_count);
	for (size_t i = 0; i < report->missing_split_count; i++)
		buf_put_u64(out, report->missing_splits[i]);
	buf_put_bytes(out, report->missing_dwos.data,
		      report->missing_dwos.size);
	buf_put_bytes(out, report->missing_alt.bytes, report->missing_alt.len);
}

static struct error *broken_result(void)
{
	return error_new(BAD_DATA, "broken message between processes: "
				   "symbol table result");
}

static struct error *splits_get(struct reader *r,
				struct symtab_build_report *ret)
{
	size_t count = reader_u32(r);

	if (count > reader_left(r) / 8)
		return broken_result();
	if (!count)
		return NULL;
	ret->missing_splits = mem_array(count, sizeof(*ret->missing_splits));
	if (!ret->missing_splits)
		return error_no_memory;
	ret->missing_split_count = count;
	for (size_t i = 0; i < count; i++)
		ret->missing_splits[i] = reader_u64(r);
	/* A worker that has been taken over may say anything. */
	symtab_build_report_settle(ret);
	return NULL;
}

struct error *symtab_result_get(struct reader *r,
				struct symtab_build_report *ret)
{
	unsigned quality = reader_u8(r);
	size_t problem_size, missing_size, alt_size;

	*ret = (struct symtab_build_report) { 0 };
	ret->functions = reader_u64(r);
	ret->units = reader_u64(r);
	const uint8_t *problem = reader_sized(r, &problem_size);

	ret->left_names = reader_u64(r);
	TRY(splits_get(r, ret));
	const uint8_t *missing = reader_sized(r, &missing_size);
	const uint8_t *alt = reader_sized(r, &alt_size);

	if (!reader_ok(r) || quality >= SYMTAB_QUALITIES ||
	    (alt_size && !build_id_set(&ret->missing_alt, alt, alt_size)) ||
	    (missing_size && missing[missing_size - 1]))
		return broken_result();
	ret->quality = (enum symtab_quality)quality;
	snprintf(ret->problem, sizeof(ret->problem), "%.*s",
		 (int)(problem_size < sizeof(ret->problem)
			       ? problem_size
			       : sizeof(ret->problem)),
		 (const char *)problem);
	if (missing_size &&
	    !buf_append(&ret->missing_dwos, missing, missing_size))
		return error_no_memory;
	return NULL;
}

uint32_t symtab_job_cpu_s(uint64_t input_bytes)
{
	uint64_t s = WORKER_SYMTAB_CPU_S_LEAST +
		     input_bytes / (GIB / WORKER_SYMTAB_CPU_S_PER_GIB);

	return s < WORKER_SYMTAB_CPU_S_MOST ? (uint32_t)s
					    : WORKER_SYMTAB_CPU_S_MOST;
}
