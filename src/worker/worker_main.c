/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/units.h"
#include "worker/sandbox.h"
#include "worker/worker_main.h"

typedef struct error *(*work_fn)(struct reader *request, const int *fds,
				 size_t fd_count, struct wire_out *out);

static const struct {
	enum wire_type type;
	work_fn work;
} works[] = {
	{ WIRE_SCAN, work_scan },       { WIRE_EXTRACT, work_extract },
	{ WIRE_SECTION, work_section }, { WIRE_IDENTIFY, work_identify },
	{ WIRE_ASSIST, work_assist },   { WIRE_RESOLVE, work_resolve },
	{ WIRE_SYMTAB, work_symtab },
};

/* Processor time for this job from now on: more than that and the kernel ends
 * the process (SIGXCPU). */
static void limit_cpu(uint64_t seconds)
{
	struct rusage use;
	struct rlimit limit;

	getrusage(RUSAGE_SELF, &use);
	getrlimit(RLIMIT_CPU, &limit);
	limit.rlim_cur = (rlim_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
			 seconds + 1;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CPU, &limit);
}

/* Resident memory in bytes, from an already open /proc/self/statm. */
static uint64_t resident_bytes(int statm)
{
	char text[128] = "";
	unsigned long total, resident = 0;
	ssize_t n = pread(statm, text, sizeof(text) - 1, 0);

	if (n <= 0 || sscanf(text, "%lu %lu", &total, &resident) != 2)
		return 0;
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct error *answer_done(struct wire_out *out, struct error *err,
				 int statm)
{
	struct buf *b = wire_out_begin(out, WIRE_DONE);

	buf_put_u32(b, err ? (uint32_t)error_kind(err) + 1 : 0);
	buf_put_str(b, err ? error_message(err) : "");
	buf_put_u64(b, resident_bytes(statm));
	error_free(err);
	TRY(wire_out_end(out));
	return wire_out_flush(out);
}

static struct error *do_job(enum wire_type type, struct reader *request,
			    const int *fds, size_t fd_count,
			    struct wire_out *out)
{
	limit_cpu(reader_u32(request));
	for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++) {
		if (works[i].type == type)
			return works[i].work(request, fds, fd_count, out);
	}
	return error_new(BAD_DATA, "unknown job %d", (int)type);
}

struct error *worker_say_hello(struct wire_out *out, int sock)
{
	struct sandbox s;

	sandbox_enter(sock, &s);
	sandbox_put(wire_out_begin(out, WIRE_HELLO), &s);
	TRY(wire_out_end(out));
	return wire_out_flush(out);
}

struct error *worker_main(int sock)
{
	CLEANUP_CLOSE int owned = sock;
	CLEANUP_CLOSE int statm =
		open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	CLEANUP(wire_in_deinit) struct wire_in in;
	CLEANUP(wire_out_deinit) struct wire_out out;

	wire_in_init(&in, owned);
	wire_out_init(&out, owned);
	TRY(worker_say_hello(&out, owned));
	for (;;) {
		enum wire_type type;
		struct reader request;
		bool ended;

		TRY(wire_receive(&in, INT64_MAX, &type, &request, &ended));
		if (ended)
			return NULL;
		struct error *err =
			do_job(type, &request, in.fds, in.fd_count, &out);

		for (size_t i = 0; i < in.fd_count; i++)
			close(in.fds[i]);
		in.fd_count = 0;
		TRY(answer_done(&out, err, statm));
	}
}
