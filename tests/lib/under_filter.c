/* SPDX-License-Identifier: Apache-2.0 */
/*
 * under_filter NAME... -- PROGRAM ARGUMENT...: run it with these system calls and
 * no others (EPERM), and no memory that is written and executed: as systemd does
 * for a unit with SystemCallFilter=, SystemCallErrorNumber=EPERM and
 * MemoryDenyWriteExecute=. A name that is not known here is left out.
 */
#include "config.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static int deny_written_code(scmp_filter_ctx c)
{
	const uint64_t both = PROT_WRITE | PROT_EXEC;
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);

	return seccomp_rule_add(c, no, SCMP_SYS(mmap), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, both, both)) ||
	       seccomp_rule_add(
		       c, no, SCMP_SYS(mprotect), 1,
		       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
}

int main(int argc, char **argv)
{
	scmp_filter_ctx allow = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	scmp_filter_ctx deny = seccomp_init(SCMP_ACT_ALLOW);
	int i = 1;

	if (!allow || !deny || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 125;
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		int call = seccomp_syscall_resolve_name(argv[i]);

		if (call >= 0 &&
		    seccomp_rule_add(allow, SCMP_ACT_ALLOW, call, 0))
			return 125;
	}
	/* The one that says no more comes last: it would forbid the other. */
	if (i + 1 >= argc || deny_written_code(deny) || seccomp_load(deny) ||
	    seccomp_load(allow))
		return 125;
	execv(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 126;
}
