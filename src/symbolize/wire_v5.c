/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /symbolicate/v5, both ways: what the Firefox Profiler and samply speak.
 *
 *	{"jobs":[JOB,…]}, or one JOB
 *	JOB = {"memoryMap":[["libc.so.6","EC61…50"],…],
 *	       "stacks":[[[module index, offset],…],…]}
 *
 *	{"results":[{"stacks":[[{"frame":0,"module":"libc.so.6",
 *	   "module_offset":"0x2639a","function":"…","function_offset":"0x5",
 *	   "function_size":"0xa","file":"…","line":970,"inlines":[…]}]],
 *	  "found_modules":{"libc.so.6/EC61…50":true},
 *	  "module_errors":{…}}]}
 *
 * Offsets are from the image base; -1 is a frame, or a module, that nobody
 * knows. The clients have subtracted one from return addresses.
 *
 * Source: Mozilla Eliot, symbolicate_resource.py (validation, -1, names);
 * samply, API.md (function_size, module_errors).
 */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/json_read.h"
#include "base/limits.h"
#include "base/mem.h"
#include "symbolize/wire_v5.h"

enum { GUID_DIGITS = 32 };

void wire_v5_free(struct wire_v5 *v5)
{
	if (!v5)
		return;
	mem_free(v5->modules);
	mem_free(v5->frames);
	mem_free(v5->stacks);
	mem_free(v5->jobs);
	mem_free(v5);
}

size_t wire_v5_bytes(const struct wire_v5 *v5)
{
	return v5 ? v5->module_capacity * sizeof(*v5->modules) +
			       v5->frame_capacity * sizeof(*v5->frames) +
			       v5->stack_capacity * sizeof(*v5->stacks) +
			       v5->job_capacity * sizeof(*v5->jobs)
		  : 0;
}

/* ---- The question ------------------------------------------------------- */

struct v5_reader {
	struct json_read json;
	struct batch *batch;
	struct wire_v5 *v5;
	const struct batch_limits *limits;
};

static struct error *too_many(const char *what, size_t limit,
			      const char *option)
{
	return error_new(LIMIT, "more than %zu %s in one request (%s)", limit,
			 what, option);
}

/* What Eliot and samply allow. */
static bool is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
		    (c < '0' || c > '9') &&
		    (!c || !strchr("_.+{}@<> ~-[]:", c)))
			return false;
	}
	return true;
}

static bool is_hex(const char *s, size_t len)
{
	uint64_t digit;

	for (size_t i = 0; i < len; i++) {
		if (!wire_hex(s + i, 1, &digit))
			return false;
	}
	return true;
}

static struct error *read_text(struct v5_reader *t, const char **ret)
{
	const char *s;
	size_t len;

	json_read_string(&t->json, &s, &len);
	if (memchr(s, '\0', len))
		json_read_fail(&t->json, "a NUL in a name");
	*ret = batch_text(t->batch, s, len);
	return *ret ? NULL : error_no_memory;
}

/* ["name","ID"] */
static struct error *read_module(struct v5_reader *t, size_t number)
{
	struct json_read *r = &t->json;
	struct v5_module m = { .name = "", .debug_id = "" };
	unsigned items = 0;

	if (t->v5->module_count >= t->limits->modules)
		return too_many("modules", t->limits->modules,
				"--batch-modules");
	json_read_array(r);
	size_t at = r->value;

	for (; json_read_item(r); items++) {
		if (items == 0) {
			TRY(read_text(t, &m.name));
			if (!is_name(m.name, strlen(m.name)))
				json_read_fail(r,
					       "module %zu: a name that no "
					       "library has",
					       number);
		} else if (items == 1) {
			TRY(read_text(t, &m.debug_id));
			if (!is_hex(m.debug_id, strlen(m.debug_id)))
				json_read_fail(r,
					       "module %zu: a debug ID that "
					       "is not hexadecimal",
					       number);
		} else {
			json_read_skip(r);
		}
	}
	if (json_read_ok(r) && items != 2) {
		r->value = at;
		json_read_fail(r, "module %zu is not a name and a debug ID",
			       number);
	}
	m.hash = hash_str(m.debug_id, hash_str(m.name, 0));
	if (!mem_grow(&t->v5->modules, &t->v5->module_capacity,
		      t->v5->module_count + 1, sizeof(m)))
		return error_no_memory;
	t->v5->modules[t->v5->module_count++] = m;
	return NULL;
}

static struct error *read_memory_map(struct v5_reader *t, struct v5_job *job)
{
	job->first_module = t->v5->module_count;
	json_read_array(&t->json);
	while (json_read_item(&t->json)) {
		TRY(read_module(t, job->module_count));
		job->module_count++;
	}
	return NULL;
}

/* [module index, offset] */
static struct error *read_frame(struct v5_reader *t, const struct v5_job *job)
{
	struct json_read *r = &t->json;
	struct v5_frame f = { .module = V5_NO_MODULE,
			      .address = WIRE_NO_ADDRESS };
	unsigned items = 0;
	int64_t index = -1;

	if (t->v5->frame_count >= t->limits->addresses)
		return too_many("frames", t->limits->addresses,
				"--batch-addresses");
	json_read_array(r);
	size_t at = r->value;

	for (; json_read_item(r); items++) {
		int64_t v = json_read_int(r);

		if (items == 0) {
			index = v;
			if (v < -1 || v >= (int64_t)job->module_count)
				json_read_fail(r, "a module index that is not "
						  "in memoryMap");
		} else {
			f.offset = v;
			if (v < -1)
				json_read_fail(r, "an offset below -1");
		}
	}
	if (json_read_ok(r) && items != 2) {
		r->value = at;
		json_read_fail(r, "a frame is a module index and an offset");
	}
	if (json_read_ok(r) && index >= 0) {
		f.module = (uint32_t)(job->first_module + (size_t)index);
		if (f.offset >= 0)
			t->v5->modules[f.module].is_looked_up = true;
	}
	if (!mem_grow(&t->v5->frames, &t->v5->frame_capacity,
		      t->v5->frame_count + 1, sizeof(f)))
		return error_no_memory;
	t->v5->frames[t->v5->frame_count++] = f;
	return NULL;
}

static struct error *begin_stack(struct v5_reader *t)
{
	struct wire_v5 *v5 = t->v5;

	if (v5->stack_count >= t->limits->addresses)
		return too_many("stacks", t->limits->addresses,
				"--batch-addresses");
	if (!mem_grow(&v5->stacks, &v5->stack_capacity, v5->stack_count + 2,
		      sizeof(*v5->stacks)))
		return error_no_memory;
	v5->stacks[v5->stack_count++] = v5->frame_count;
	return NULL;
}

static struct error *read_stacks(struct v5_reader *t, struct v5_job *job)
{
	struct json_read *r = &t->json;

	job->first_stack = t->v5->stack_count;
	json_read_array(r);
	while (json_read_item(r)) {
		TRY(begin_stack(t));
		job->stack_count++;
		json_read_array(r);
		while (json_read_item(r))
			TRY(read_frame(t, job));
		t->v5->stacks[t->v5->stack_count] = t->v5->frame_count;
	}
	return NULL;
}

/* Stacks mean something only with the map, which may come after them. */
struct v5_parts {
	bool has_map, has_stacks;
	struct json_mark stacks;
};

static struct error *add_job(struct v5_reader *t, struct v5_job *job,
			     const struct v5_parts *p)
{
	struct json_mark end = json_read_mark(&t->json);

	if (!json_read_ok(&t->json))
		return NULL;
	if (!p->has_map || !p->has_stacks) {
		json_read_fail(&t->json, "%s is missing",
			       p->has_map ? "stacks" : "memoryMap");
		return NULL;
	}
	if (t->v5->job_count >= t->limits->modules)
		return too_many("jobs", t->limits->modules, "--batch-modules");
	json_read_rewind(&t->json, p->stacks);
	TRY(read_stacks(t, job));
	json_read_rewind(&t->json, end);
	if (!mem_grow(&t->v5->jobs, &t->v5->job_capacity, t->v5->job_count + 1,
		      sizeof(*job)))
		return error_no_memory;
	t->v5->jobs[t->v5->job_count++] = *job;
	return NULL;
}

static struct error *read_part(struct v5_reader *t, int key, struct v5_job *job,
			       struct v5_parts *p)
{
	if (key == 0) {
		p->has_map = true;
		return read_memory_map(t, job);
	}
	p->has_stacks = true;
	p->stacks = json_read_mark(&t->json);
	json_read_skip(&t->json);
	return NULL;
}

static const char *const request_keys[] = { "memoryMap", "stacks", "jobs",
					    NULL };

static struct error *read_jobs(struct v5_reader *t)
{
	json_read_array(&t->json);
	while (json_read_item(&t->json)) {
		struct v5_job job = { 0 };
		struct v5_parts parts = { 0 };
		uint32_t seen = 0;
		int key;

		json_read_object(&t->json);
		while ((key = json_read_member(&t->json, request_keys,
					       &seen)) >= 0) {
			if (key < 2)
				TRY(read_part(t, key, &job, &parts));
			else
				json_read_skip(&t->json);
		}
		TRY(add_job(t, &job, &parts));
	}
	return NULL;
}

static struct error *read_request(struct v5_reader *t)
{
	struct v5_job job = { 0 };
	struct v5_parts parts = { 0 };
	bool has_jobs = false;
	uint32_t seen = 0;
	int key;

	json_read_object(&t->json);
	while ((key = json_read_member(&t->json, request_keys, &seen)) >= 0) {
		has_jobs |= key == 2;
		if (key == 2)
			TRY(read_jobs(t));
		else
			TRY(read_part(t, key, &job, &parts));
	}
	if (!has_jobs)
		TRY(add_job(t, &job, &parts));
	return json_read_finish(&t->json);
}

/* ---- From the maps to the batch ----------------------------------------- */

/* A debug ID is a GUID of 32 digits and an age of one or more. One of zeros
 * only is what tools write that know none. */
static bool parse_guid(const char *debug_id, uint8_t guid[GUID_DIGITS / 2])
{
	uint8_t any = 0;

	if (strlen(debug_id) <= GUID_DIGITS)
		return false;
	for (size_t i = 0; i < GUID_DIGITS / 2; i++) {
		uint64_t v = 0;

		if (!wire_hex(debug_id + 2 * i, 2, &v))
			return false;
		guid[i] = (uint8_t)v;
		any |= guid[i];
	}
	return any != 0;
}

static struct error *add_batch_module(struct v5_reader *t, struct v5_module *m)
{
	struct batch_module *b;

	TRY(batch_add_module(t->batch, t->limits, &b));
	m->batch_module = (uint32_t)(t->batch->module_count - 1);
	b->space.kind = ADDRESS_IMAGE;
	b->is_breakpad = parse_guid(m->debug_id, b->breakpad_guid);
	if (!b->is_breakpad) {
		b->status = MODULE_MALFORMED;
		b->message = "not a debug ID: 32 hexadecimal digits, not all "
			     "0, and an age";
	}
	return NULL;
}

/* Addresses lie together by module: those of each are counted first. */
static struct error *fill_batch(struct v5_reader *t)
{
	struct wire_v5 *v5 = t->v5;
	CLEANUP_FREE size_t *next =
		mem_array(v5->module_count + 1, sizeof(*next));
	CLEANUP_FREE uint32_t *order =
		mem_array(v5->frame_count, sizeof(*order));
	size_t at = 0;

	if (!next || !order)
		return error_no_memory;
	for (size_t i = 0; i < v5->frame_count; i++) {
		if (v5->frames[i].module != V5_NO_MODULE)
			next[v5->frames[i].module + 1]++;
	}
	for (size_t i = 0; i < v5->module_count; i++)
		next[i + 1] += next[i];
	for (size_t i = 0; i < v5->frame_count; i++) {
		if (v5->frames[i].module != V5_NO_MODULE)
			order[next[v5->frames[i].module]++] = (uint32_t)i;
	}
	for (size_t i = 0; i < v5->module_count; i++) {
		struct v5_module *m = &v5->modules[i];

		if (m->is_looked_up)
			TRY(add_batch_module(t, m));
		for (; at < next[i]; at++) {
			struct v5_frame *f = &v5->frames[order[at]];

			if (f->offset < 0)
				continue;
			f->address = (uint32_t)t->batch->address_count;
			TRY(batch_add_address(t->batch, t->limits,
					      (uint64_t)f->offset));
		}
	}
	return NULL;
}

struct error *wire_v5_read(struct exchange *x, const struct wire_body *body)
{
	struct v5_reader t = { .batch = &x->batch, .limits = body->limits };

	x->v5 = mem_zalloc(sizeof(*x->v5));
	if (!x->v5)
		return error_no_memory;
	t.v5 = x->v5;
	json_read_init(&t.json, body->data, body->size);
	struct error *err = read_request(&t);

	if (t.json.is_too_deep)
		limit_reached("json_depth");
	json_read_deinit(&t.json);
	return err ? err : fill_batch(&t);
}
