/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of a worker. Those listed are what its jobs were seen to
 * make or, where a C library may choose, what it may make in their place. All
 * others kill the process: none is made by mistake, so each is either somebody
 * else's code or an error of ours, and both have to be heard of. The two that a
 * library may try for its comfort and can do without are refused instead.
 *
 * No call here takes a path, makes a descriptor, or names another process.
 *
 * Built with a sanitizer, whose runtime reads /proc/self/maps and debugging
 * information to print a report, and yields to its own threads: files may be
 * opened for reading, and processes are refused, not fatal.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "worker/sandbox.h"

/* Whatever their arguments. What the architecture does not have is left out. */
static const int allowed[] = {
	/* descriptors that were handed over */
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev), /* the C library's last words */
	SCMP_SYS(pwrite64),
	SCMP_SYS(close),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(fstatfs),
	SCMP_SYS(fstatfs64),
	SCMP_SYS(ftruncate),
	SCMP_SYS(ftruncate64),
	SCMP_SYS(fallocate),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(sysinfo), /* how much to take for sorting */
	/* time, and waiting for other workers (codec_share.c) */
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_nanosleep_time64),
	SCMP_SYS(nanosleep),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrandom),
	/* itself */
	SCMP_SYS(getpid), /* also what strace injects in place of others */
	SCMP_SYS(gettid),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
#if defined(SANITIZED) || !FILE_STAT_HAS_NO_PATH
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64),
	SCMP_SYS(statx),
#endif
#ifdef SANITIZED
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(mmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),
	SCMP_SYS(pipe2),
	SCMP_SYS(prctl),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(uname),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(wait4),
#endif
};

static const struct {
	int call, error;
} refused[] = {
#ifndef SANITIZED
	{ SCMP_SYS(ioctl), ENOTTY },             /* stdio: a terminal? */
	{ SCMP_SYS(sched_getaffinity), ENOSYS }, /* malloc: how many cores? */
#else
	{ SCMP_SYS(clone), EPERM },
	{ SCMP_SYS(clone3), ENOSYS },
	{ SCMP_SYS(fork), EPERM },
	{ SCMP_SYS(vfork), EPERM },
#endif
};

/* With these arguments only; what else they are called with kills. */
static bool allow_limited(scmp_filter_ctx c, int sock)
{
	const uint64_t fd = (uint64_t)sock;
	const uint64_t own = (uint64_t)getpid();
	const uint32_t yes = SCMP_ACT_ALLOW;

	/* Its socket, and no address. */
	return !seccomp_rule_add(c, yes, SCMP_SYS(recvmsg), 1,
				 SCMP_A0(SCMP_CMP_EQ, fd)) &&
	       !seccomp_rule_add(c, yes, SCMP_SYS(sendto), 2,
				 SCMP_A0(SCMP_CMP_EQ, fd),
				 SCMP_A4(SCMP_CMP_EQ, 0)) &&
	       /* Its own limits, no higher than they are: processor time for a
		* job, address space for a table. */
	       !seccomp_rule_add(c, yes, SCMP_SYS(prlimit64), 2,
				 SCMP_A0(SCMP_CMP_EQ, 0),
				 SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU)) &&
	       !seccomp_rule_add(c, yes, SCMP_SYS(prlimit64), 2,
				 SCMP_A0(SCMP_CMP_EQ, 0),
				 SCMP_A1(SCMP_CMP_EQ, RLIMIT_AS)) &&
	       !seccomp_rule_add(c, yes, SCMP_SYS(getpriority), 2,
				 SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS),
				 SCMP_A1(SCMP_CMP_EQ, 0)) &&
	       !seccomp_rule_add(c, yes, SCMP_SYS(setpriority), 2,
				 SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS),
				 SCMP_A1(SCMP_CMP_EQ, 0)) &&
	       /* abort() */
	       !seccomp_rule_add(c, yes, SCMP_SYS(tgkill), 1,
				 SCMP_A0(SCMP_CMP_EQ, own))
#ifdef SANITIZED
	       && !seccomp_rule_add(c, yes, SCMP_SYS(openat), 1,
				    SCMP_A2(SCMP_CMP_MASKED_EQ,
					    O_ACCMODE | O_CREAT | O_TRUNC, 0))
#else
	       /* No memory that is executed. */
	       &&
	       !seccomp_rule_add(c, yes, SCMP_SYS(mmap), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
	       !seccomp_rule_add(c, yes, SCMP_SYS(mprotect), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
	       !seccomp_rule_add(c, yes, SCMP_SYS(fcntl), 1,
				 SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS))
#endif
		;
}

/* libseccomp says that a call is unknown to an architecture by a negative
 * number, which has no rule. */
static bool add_rules(scmp_filter_ctx c, int sock)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		if (allowed[i] >= 0 &&
		    seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0))
			return false;
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		uint32_t action = SCMP_ACT_ERRNO((uint32_t)refused[i].error);

		if (refused[i].call >= 0 &&
		    seccomp_rule_add(c, action, refused[i].call, 0))
			return false;
	}
	return allow_limited(c, sock);
}

bool sandbox_seccomp(int sock)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (!c) {
		errno = ENOMEM;
		return false;
	}
	/* no_new_privs is set by sandbox_enter(). Speculative store bypass
	 * protects code of several owners in one process, which there is not,
	 * and costs older kernels' workers a tenth of their speed. */
	seccomp_attr_set(c, SCMP_FLTATR_CTL_NNP, 0);
	seccomp_attr_set(c, SCMP_FLTATR_CTL_SSB, 1);
	/* By binary search. */
	seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
#ifdef SANITIZED
	seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, 1);
#endif
	bool added = add_rules(c, sock);
	int rc = added ? seccomp_load(c) : -EINVAL;

	seccomp_release(c);
	errno = -rc;
	return !rc;
}
