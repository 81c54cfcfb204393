/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "resolver_inputs.h"
#include "worker/jobs.h"
#include "worker/worker_limits.h"

/* An option's file, what it calls itself, and what it needs beside it. */
struct named {
	const char *path; /* NULL: not given */
	int fd;           /* borrowed */
	uint64_t size;
	struct build_id id;  /* len 0: none */
	struct build_id alt; /* of the alternate file; len 0: none */
};

bool resolver_same_id(const struct build_id *given, const struct build_id *id)
{
	uint8_t len = given->len;

	while (len > id->len && !given->bytes[len - 1])
		len--;
	return !id->len || !given->len ||
	       (len == id->len && !memcmp(given->bytes, id->bytes, len));
}

static struct error *open_one(struct named *f, int *fd_ret)
{
	struct stat st;

	if (!f->path)
		return NULL;
	*fd_ret = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd_ret < 0 || fstat(*fd_ret, &st))
		return error_errno("%s", f->path);
	if (!S_ISREG(st.st_mode))
		return error_new(BAD_REQUEST, "%s is not a regular file",
				 f->path);
	f->fd = *fd_ret;
	f->size = (uint64_t)st.st_size;
	return NULL;
}

static struct error *take_facts(struct worker_job *job, enum wire_type type,
				struct reader *payload)
{
	CLEANUP(found_artifact_deinit) struct found_artifact a = { 0 };
	struct named *f = job->ctx;

	if (type != WIRE_ARTIFACT)
		return NULL;
	TRY(found_artifact_get(payload, &a));
	f->id = a.facts.gnu_id;
	f->alt = a.facts.alt_id;
	return NULL;
}

static struct error *read_ids(struct named *f, struct one_worker *w)
{
	const struct scan_file file = {
		.path = f->path,
		.size = f->size,
		.choice = SCANNER_BARE,
		.no_sources = true,
	};
	struct worker_job job = {
		.type = WIRE_SCAN,
		.fds = { f->fd },
		.fd_count = 1,
		.cpu_limit_s = WORKER_ANSWER_CPU_S_LEAST,
		.answer = take_facts,
		.ctx = f,
	};

	if (!f->path)
		return NULL;
	scan_request_put(&job.request, &file, 1);
	struct error *err = one_worker_do(w, &job);

	buf_deinit(&job.request);
	return error_wrap(err, "%s", f->path);
}

/* Answers from files that do not belong together would be wrong. */
static struct error *check(const char *given, const struct named *file,
			   const struct named *debuginfo,
			   const struct named *alt)
{
	const struct named *needs = debuginfo->path ? debuginfo : file;
	char hex[BUILD_ID_HEX_MAX], other[BUILD_ID_HEX_MAX];
	struct build_id id;

	/* What is no build ID is told as everywhere. */
	if (given && build_id_parse(given, strlen(given), &id) &&
	    !resolver_same_id(&id, &file->id))
		return error_new(BAD_REQUEST,
				 "--build-id %s: %s has the build ID %s", given,
				 file->path, build_id_hex(&file->id, hex));
	if (!resolver_same_id(&debuginfo->id, &file->id))
		return error_new(
			BAD_DATA, "%s is of build ID %s, not of %s as %s is",
			debuginfo->path, build_id_hex(&debuginfo->id, hex),
			build_id_hex(&file->id, other), file->path);
	if (!resolver_same_id(&alt->id, &needs->alt))
		return error_new(BAD_DATA,
				 "%s has the build ID %s; %s needs the "
				 "alternate file %s",
				 alt->path, build_id_hex(&alt->id, hex),
				 needs->path, build_id_hex(&needs->alt, other));
	return NULL;
}

struct error *resolver_inputs_open(const struct settings *s,
				   struct one_worker *w,
				   struct resolver_inputs *ret)
{
	struct named file = { .path = s->file };
	struct named debuginfo = { .path = s->debuginfo };
	struct named alt = { .path = s->alt };
	struct symtab_build_inputs *in = &ret->files;

	*ret = (struct resolver_inputs) {
		.files = { .debuginfo = -1, .executable = -1, .alt = -1 },
	};
	/* A file alone may be either, or both. */
	TRY(open_one(&file, s->debuginfo ? &in->executable : &in->debuginfo));
	TRY(open_one(&debuginfo, &in->debuginfo));
	TRY(open_one(&alt, &in->alt));
	TRY(read_ids(&file, w));
	TRY(read_ids(&debuginfo, w));
	TRY(read_ids(&alt, w));
	TRY(check(s->build_id, &file, &debuginfo, &alt));
	ret->id = file.id;
	ret->bytes = file.size + debuginfo.size + alt.size;
	return NULL;
}

void resolver_inputs_close(struct resolver_inputs *in)
{
	cleanup_close(&in->files.debuginfo);
	cleanup_close(&in->files.executable);
	cleanup_close(&in->files.alt);
	in->files.debuginfo = in->files.executable = in->files.alt = -1;
}
