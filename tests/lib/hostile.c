/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/hostile.h"

#define SECRET    "/etc/passwd"
#define ELSEWHERE "/tmp/symbolized-hostile"

/* Numbers that are the same everywhere, which older headers do not name. */
enum { IO_URING_SETUP = 425, CLONE3 = 435, PIDFD_OPEN = 434, OPENAT2 = 437 };

static char byte[64];

static long open_to_read(void)
{
	return syscall(SYS_openat, AT_FDCWD, SECRET, O_RDONLY);
}

static long open_with_openat2(void)
{
	struct open_how how = { .flags = O_RDONLY };

	return syscall(OPENAT2, AT_FDCWD, SECRET, &how, sizeof(how));
}

static long open_the_own_program(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY);
}

static long write_elsewhere(void)
{
	long fd = syscall(SYS_openat, AT_FDCWD, ELSEWHERE, O_WRONLY | O_CREAT,
			  0600);

	if (fd >= 0)
		syscall(SYS_unlinkat, AT_FDCWD, ELSEWHERE, 0);
	return fd;
}

static long remove_a_file(void)
{
	return syscall(SYS_unlinkat, AT_FDCWD, ELSEWHERE ".none", 0);
}

static long make_a_directory(void)
{
	long rc = syscall(SYS_mkdirat, AT_FDCWD, ELSEWHERE ".dir", 0700);

	if (!rc)
		syscall(SYS_unlinkat, AT_FDCWD, ELSEWHERE ".dir", AT_REMOVEDIR);
	return rc;
}

static long rename_a_file(void)
{
	return syscall(SYS_renameat2, AT_FDCWD, ELSEWHERE ".a", AT_FDCWD,
		       ELSEWHERE ".b", 0);
}

static long make_a_link(void)
{
	return syscall(SYS_symlinkat, SECRET, AT_FDCWD, "/nowhere/link");
}

static long see_whether_a_file_is_there(void)
{
	struct stat st;

	return syscall(SYS_newfstatat, AT_FDCWD, SECRET, &st, 0);
}

static long make_a_file_executable(void)
{
	return syscall(SYS_fchmod, STDERR_FILENO, 04755);
}

static long open_a_socket(void)
{
	return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static long open_a_local_socket(void)
{
	return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

static long make_two_sockets(void)
{
	int pair[2];

	return syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
}

static long connect_what_it_has(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	return syscall(SYS_connect, 3, &to, sizeof(to));
}

static long send_to_an_address(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	return syscall(SYS_sendto, 3, byte, 1, MSG_DONTWAIT, &to, sizeof(to));
}

static long send_from_another_socket(void)
{
	return syscall(SYS_sendto, 4, byte, 1, MSG_DONTWAIT, NULL, 0);
}

static long send_a_descriptor(void)
{
	struct msghdr none = { .msg_iov = NULL };

	return syscall(SYS_sendmsg, 3, &none, MSG_DONTWAIT);
}

static long fork_itself(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long fork_by_clone3(void)
{
	/* struct clone_args: flags, pidfd, child_tid, parent_tid, signal, … */
	uint64_t args[8] = { [4] = SIGCHLD };
	long pid = syscall(CLONE3, args, sizeof(args));

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long execute_a_program(void)
{
	char *argv[] = { (char *)"true", NULL };
	char *envp[] = { NULL };

	return syscall(SYS_execve, "/bin/true", argv, envp);
}

static long signal_the_server(void)
{
	return syscall(SYS_kill, getppid(), 0);
}

static long signal_a_thread_of_another(void)
{
	return syscall(SYS_tgkill, 1, 1, 0);
}

static long trace_the_server(void)
{
	return syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), NULL, NULL);
}

static long read_the_server(void)
{
	struct iovec ours = { .iov_base = byte, .iov_len = 1 };

	return syscall(SYS_process_vm_readv, getppid(), &ours, 1UL, &ours, 1UL,
		       0UL);
}

static long hold_the_server(void)
{
	return syscall(PIDFD_OPEN, getppid(), 0);
}

static long limit_the_server(void)
{
	struct rlimit none = { 0 };

	return syscall(SYS_prlimit64, getppid(), RLIMIT_RTTIME, NULL, &none);
}

static long take_more_descriptors(void)
{
	struct rlimit many = { .rlim_cur = 4096, .rlim_max = 4096 };

	return syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &many, NULL);
}

static long slow_the_server_down(void)
{
	return syscall(SYS_setpriority, PRIO_PROCESS, getppid(), 19);
}

static long become_another_user(void)
{
	return syscall(SYS_setuid, 0);
}

static long make_namespaces(void)
{
	return syscall(SYS_unshare, CLONE_NEWUSER);
}

static long change_its_root(void)
{
	return syscall(SYS_chroot, "/");
}

static long mount_something(void)
{
	return syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL);
}

static long lift_the_filter(void)
{
	return syscall(SYS_seccomp, 0, 0, NULL);
}

static long make_a_file_in_memory(void)
{
	return syscall(SYS_memfd_create, "x", 0);
}

static long set_up_a_ring(void)
{
	return syscall(IO_URING_SETUP, 1, NULL);
}

static long load_a_program_into_the_kernel(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long use_the_keyring(void)
{
	return syscall(SYS_keyctl, 0, -1, 0, 0, 0);
}

static long type_into_the_terminal(void)
{
	return syscall(SYS_ioctl, STDERR_FILENO, 0x5412 /* TIOCSTI */, byte);
}

/* A sanitizer does these itself. */
#ifndef SANITIZED
static long become_dumpable(void)
{
	return syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long map_code(void)
{
	return (long)syscall(SYS_mmap, NULL, 4096,
			     PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long make_memory_code(void)
{
	static _Alignas(4096) char page[4096];

	return syscall(SYS_mprotect, page, sizeof(page), PROT_READ | PROT_EXEC);
}
#endif

/* Two other doors into an x86-64 kernel. */
#ifdef __x86_64__
static long open_as_a_32_bit_program(void)
{
	long rc;

	/* open; the address is cut off, which is no matter: it would be EFAULT.
	 */
	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(5L), "b"(0L), "c"(0L), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-rc;
	return rc < 0 ? -1 : rc;
}

static long open_as_an_x32_program(void)
{
	return syscall(0x40000000L + 2, SECRET, O_RDONLY);
}
#endif

#define ACT(name, end, succeeds)           \
	{                                  \
#name, end, succeeds, name \
	}

const struct hostile_act hostile_acts[] = {
	ACT(open_to_read, READS, 1),
	ACT(open_with_openat2, KILLED, 1),
	ACT(open_the_own_program, READS, 1),
	ACT(write_elsewhere, KILLED, 1),
	ACT(remove_a_file, KILLED, 0),
	ACT(make_a_directory, KILLED, 1),
	ACT(rename_a_file, KILLED, 0),
	ACT(make_a_link, KILLED, 0),
	ACT(see_whether_a_file_is_there, READS, 1),
	ACT(make_a_file_executable, KILLED, 0),
	ACT(open_a_socket, KILLED, 1),
	ACT(open_a_local_socket, KILLED, 1),
	ACT(make_two_sockets, KILLED, 1),
	ACT(connect_what_it_has, KILLED, 0),
	ACT(send_to_an_address, KILLED, 0),
	ACT(send_from_another_socket, KILLED, 0),
	ACT(send_a_descriptor, KILLED, 0),
	ACT(fork_itself, FORKS, 1),
	ACT(fork_by_clone3, FORKS, 1),
	ACT(execute_a_program, KILLED, 0),
	ACT(signal_the_server, KILLED, 1),
	ACT(signal_a_thread_of_another, KILLED, 0),
	ACT(trace_the_server, KILLED, 0),
	ACT(read_the_server, KILLED, 0),
	ACT(hold_the_server, KILLED, 1),
	ACT(limit_the_server, KILLED, 1),
	ACT(take_more_descriptors, KILLED, 0),
	ACT(slow_the_server_down, KILLED, 0),
	ACT(become_another_user, KILLED, 0),
	ACT(make_namespaces, KILLED, 0),
	ACT(change_its_root, KILLED, 0),
	ACT(mount_something, KILLED, 0),
	ACT(lift_the_filter, KILLED, 0),
	ACT(make_a_file_in_memory, KILLED, 1),
	ACT(set_up_a_ring, KILLED, 0),
	ACT(load_a_program_into_the_kernel, KILLED, 0),
	ACT(use_the_keyring, KILLED, 0),
	ACT(type_into_the_terminal, REFUSED, 0),
#ifndef SANITIZED
	ACT(become_dumpable, KILLED, 1),
	ACT(map_code, KILLED, 1),
	ACT(make_memory_code, KILLED, 1),
#endif
#ifdef __x86_64__
	ACT(open_as_a_32_bit_program, KILLED, 0),
	ACT(open_as_an_x32_program, KILLED, 0),
#endif
};
const size_t hostile_act_count = sizeof(hostile_acts) / sizeof(*hostile_acts);
