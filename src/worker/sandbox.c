/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/metrics.h"
#include "worker/sandbox.h"
#include "worker/wire.h"
#include "worker/worker_limits.h"

static_assert((int)LABELS_MECHANISM_COUNT == (int)SANDBOX_PARTS,
	      "a label for each");

/* Landlock by its numbers: a C library of 2022 knows none of them and a kernel
 * header of 2022 not all (linux/landlock.h, linux 6.12). Those of a system call
 * are the same on every architecture but alpha. */
enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_RESTRICT_SELF = 446 };
enum { LANDLOCK_VERSION = 1 << 0 };

struct landlock_rules {
	uint64_t files;  /* since ABI 1 */
	uint64_t tcp;    /* since ABI 4: bind, connect */
	uint64_t scopes; /* since ABI 6: abstract sockets, signals */
};

/* For now, and at most. Never more than whoever started the program allows. */
static bool set_limit(int which, uint64_t value, uint64_t most)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)which, &limit))
		return false;
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	limit.rlim_cur = limit.rlim_max < value ? limit.rlim_max : value;
	return !setrlimit((__rlimit_resource_t)which, &limit);
}

static bool set_limits(void)
{
	uint64_t fds = 2 * WIRE_MAX_FDS, file = WORKER_ARCHIVE_UNPACKED_BYTES;

#ifndef SANITIZED
	/* A sanitizer's shadow takes more than any limit leaves. */
	if (!set_limit(RLIMIT_AS, WORKER_ADDRESS_SPACE_BYTES,
		       WORKER_BUILD_ADDRESS_SPACE_BYTES))
		return false;
#endif
	return set_limit(RLIMIT_CORE, 0, 0) &&
	       set_limit(RLIMIT_NOFILE, fds, fds) &&
	       set_limit(RLIMIT_FSIZE, file, file) &&
	       set_limit(RLIMIT_NPROC, 0, 0);
}

bool sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return !syscall(SYS_capset, &header, none);
}

/* Every right that this kernel's ABI knows is handled, and none is granted. */
bool sandbox_landlock(void)
{
	static const uint8_t file_rights[] = { 0, 13, 14, 15, 15, 16 };
	enum { KNOWN = sizeof(file_rights) - 1 };
	struct landlock_rules rules = { 0 };
	long abi = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);

	if (abi < 1)
		return false;
	rules.files =
		(UINT64_C(1) << file_rights[abi < KNOWN ? abi : KNOWN]) - 1;
	rules.tcp = abi >= 4 ? 3 : 0;
	rules.scopes = abi >= 6 ? 3 : 0;
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	long fd = syscall(LANDLOCK_CREATE_RULESET, &rules, size, 0);

	if (fd < 0)
		return false;
	long rc = syscall(LANDLOCK_RESTRICT_SELF, fd, 0);
	int why = errno;

	close((int)fd);
	errno = why;
	return !rc;
}

const char *sandbox_part_name(enum sandbox_part part)
{
	return metric_label_value(LABELS_MECHANISM, part);
}

static void note(struct sandbox *s, enum sandbox_part part, bool holds)
{
	size_t n = strlen(s->lacks);

	if (holds)
		s->have |= 1u << part;
	else
		snprintf(s->lacks + n, sizeof(s->lacks) - n, "%s%s: %s",
			 n ? ", " : "", sandbox_part_name(part),
			 strerror(errno));
}

/* What libarchive has the C library fetch from files when it first meets a name
 * that is not ASCII, or the date of a member of a zip file. The converters stay
 * as long as one of them is in use; the zone is read again unless the
 * environment names it, which is why worker_process.c does. */
static void fetch_what_is_needed(void)
{
	static iconv_t utf16;

	utf16 = iconv_open("ANSI_X3.4-1968", "UTF-16LE");
	(void)utf16;
	tzset();
}

void sandbox_enter(int sock, struct sandbox *ret)
{
	*ret = (struct sandbox) { 0 };
	fetch_what_is_needed();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* Takes the right to do so, which is given away below. */
	note(ret, SANDBOX_NETWORK, !unshare(CLONE_NEWNET));
	note(ret, SANDBOX_LIMITS, set_limits());
	note(ret, SANDBOX_CAPABILITIES, sandbox_drop_capabilities());
	/* A change of rights may undo it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	note(ret, SANDBOX_NO_NEW_PRIVS,
	     !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	note(ret, SANDBOX_NOT_DUMPABLE, !prctl(PR_SET_DUMPABLE, 0));
#ifdef COVERAGE
	/* Counts are written to files when the process ends. */
	errno = ENOTSUP;
	note(ret, SANDBOX_LANDLOCK, false);
	note(ret, SANDBOX_SECCOMP, false);
	(void)sock;
#else
#ifdef SANITIZED
	errno = ENOTSUP; /* sandbox_seccomp.c */
	note(ret, SANDBOX_LANDLOCK, false);
#else
	note(ret, SANDBOX_LANDLOCK, sandbox_landlock());
#endif
	note(ret, SANDBOX_SECCOMP, sandbox_seccomp(sock));
#endif
}

void sandbox_put(struct buf *out, const struct sandbox *s)
{
	buf_put_u32(out, s->have);
	buf_put_str(out, s->lacks);
}

bool sandbox_get(struct reader *r, struct sandbox *ret)
{
	ret->have = reader_u32(r);
	size_t size;
	const uint8_t *text = reader_sized(r, &size);

	if (!reader_ok(r) || size >= sizeof(ret->lacks))
		return false;
	memcpy(ret->lacks, text, size);
	ret->lacks[size] = '\0';
	return true;
}
