/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.so: preloaded, it has the Nth call of a kind fail, and the wall clock
 * wrong, as fault.h and the program `faultctl` say.
 *
 * Without a control file, or while nothing is armed, all is as it was. Counted
 * is what goes through the dynamic linker: what the C library does for itself
 * does not. Workers are given no environment; they are told by ours of
 * posix_spawn.
 */
#include "config.h"

#undef _FORTIFY_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/fault.h"

#define EXPORT __attribute__((visibility("default")))

static struct fault_control *control;
static uint32_t me = FAULT_IN_SERVER;
static uintptr_t program_begin, program_end;
static char preload[1024], control_path[512];

static const char *const call_names[] = {
#define CALL(bit, name) name,
	FAULT_CALLS
#undef CALL
};

/* The next one of this name. Some are called before any constructor. */
#define REAL(name)                                                        \
	({                                                                \
		static __typeof__(&(name)) real;                          \
		if (!real)                                                \
			real = (__typeof__(real))dlsym(RTLD_NEXT, #name); \
		real;                                                     \
	})

/* ---- Who we are ---------------------------------------------------------- */

/* The first is the program itself. */
static int note_program(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
			program_begin = info->dlpi_addr + p->p_vaddr;
			program_end = program_begin + p->p_memsz;
		}
	}
	return 1;
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
	const char *path = getenv(FAULT_CONTROL);
	const char *libraries = getenv("LD_PRELOAD");

	if (!path)
		return;
	snprintf(control_path, sizeof(control_path), FAULT_CONTROL "=%s", path);
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s",
		 libraries ? libraries : "");
	if (argc > 1 && !strcmp(argv[1], "worker"))
		me = FAULT_IN_WORKERS;
	dl_iterate_phdr(note_program, NULL);
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	void *p = REAL(mmap)(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
			     MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (p != MAP_FAILED)
		control = p;
}

/* ---- Which call it is ---------------------------------------------------- */

static bool is_armed(uint32_t call)
{
	return control && atomic_load(&control->at) &&
	       atomic_load(&control->calls) & call &&
	       atomic_load(&control->where) & me;
}

/* The path of @p name below @p fd, or of @p fd. Only the server may look: a
 * worker's sandbox would kill it. */
static void path_of(int fd, const char *name, char *out, size_t size)
{
	char link[64];
	ssize_t n = 0;

	out[0] = '\0';
	if (me == FAULT_IN_WORKERS)
		return;
	if ((!name || name[0] != '/') && fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = syscall(SYS_readlinkat, AT_FDCWD, link, out, size - 1);
		if (n < 0)
			n = 0;
	}
	out[n] = '\0';
	if (name)
		snprintf(out + n, size - (size_t)n, "%s%s", n ? "/" : "", name);
}

static bool is_under(int fd, const char *name, char *path, size_t size)
{
	path_of(fd, name, path, size);
	return me == FAULT_IN_WORKERS || !control->under[0] ||
	       !strncmp(path, control->under, strlen(control->under));
}

/* What is to become of this call: 0, or the error. */
static int strike(uint32_t call, int fd, const char *name)
{
	char path[512];

	if (!is_armed(call))
		return 0;
	int saved = errno;
	bool ours = is_under(fd, name, path, sizeof(path));

	errno = saved;
	if (!ours)
		return 0;
	uint32_t n = atomic_fetch_add(&control->count, 1) + 1;
	uint32_t at = atomic_load(&control->at);

	if (n != at && !(n > at && atomic_load(&control->is_lasting)))
		return 0;
	atomic_fetch_add(&control->hits, 1);
	/* No more room for the name than is certain. */
	snprintf(control->what, sizeof(control->what), "%s %u of %s: %.400s",
		 me == FAULT_IN_SERVER ? "server" : "worker", n,
		 call_names[__builtin_ctz(call)], path);
	errno = saved;
	int error = atomic_load(&control->error);

	if (error == FAULT_DIE) {
		syscall(SYS_kill, getpid(), SIGKILL);
		/* Where a sandbox does not let it do that */
		__builtin_trap();
	}
	if (error == FAULT_SLOW) {
		const struct timespec ms = { .tv_nsec = 1000000 };

		syscall(SYS_nanosleep, &ms, NULL);
		errno = saved;
		return 0;
	}
	return error;
}

/* For calls that transfer nothing: -1 and errno, if it is this one's turn. */
#define FAIL(call, fd, name, failure)                      \
	do {                                               \
		int error_ = strike(call, fd, name);       \
		if (error_) {                              \
			errno = error_ > 0 ? error_ : EIO; \
			return failure;                    \
		}                                          \
	} while (0)

static size_t half(size_t size)
{
	return (size + 1) / 2;
}

static void noise(void *to, size_t size)
{
	static uint32_t seed = 1;

	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		((uint8_t *)to)[i] = (uint8_t)(seed >> 24);
	}
}

/* A transfer of @p size bytes of which some or none may come. */
#define TRANSFER(call, fd, size, real_call, into)    \
	do {                                         \
		int error_ = strike(call, fd, NULL); \
		if (error_ > 0) {                    \
			errno = error_;              \
			return -1;                   \
		}                                    \
		if (error_ == FAULT_END)             \
			return 0;                    \
		if (error_ == FAULT_SHORT)           \
			size = half(size);           \
		ssize_t n_ = real_call;              \
		if (error_ == FAULT_NOISE && n_ > 0) \
			noise(into, (size_t)n_);     \
		return n_;                           \
	} while (0)

/* ---- Memory -------------------------------------------------------------- */

/* A sanitizer's own come first, and ask nobody else. */
#ifndef SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

static bool no_memory(void *caller)
{
	uintptr_t at = (uintptr_t)caller;

	if (!is_armed(FAULT_ALLOC | FAULT_MALLOC))
		return false;
	if (at >= program_begin && at < program_end)
		return strike(FAULT_ALLOC, -1, NULL) ||
		       strike(FAULT_MALLOC, -1, NULL);
	return strike(FAULT_MALLOC, -1, NULL);
}

#define OR_NO_MEMORY(value)                                   \
	do {                                                  \
		if (no_memory(__builtin_return_address(0))) { \
			errno = ENOMEM;                       \
			return value;                         \
		}                                             \
	} while (0)

EXPORT void *malloc(size_t size)
{
	OR_NO_MEMORY(NULL);
	return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	OR_NO_MEMORY(NULL);
	return __libc_calloc(count, size);
}

EXPORT void *realloc(void *p, size_t size)
{
	OR_NO_MEMORY(NULL);
	return __libc_realloc(p, size);
}

int __vasprintf_chk(char **to, int flag, const char *format, va_list args);
EXPORT int __vasprintf_chk(char **to, int flag, const char *format,
			   va_list args)
{
	OR_NO_MEMORY(-1);
	return REAL(__vasprintf_chk)(to, flag, format, args);
}
#endif

EXPORT void *mmap(void *at, size_t size, int protection, int flags, int fd,
		  off_t offset)
{
	FAIL(FAULT_MMAP, fd, NULL, MAP_FAILED);
	return REAL(mmap)(at, size, protection, flags, fd, offset);
}

EXPORT void *mmap64(void *at, size_t size, int protection, int flags, int fd,
		    off64_t offset)
{
	FAIL(FAULT_MMAP, fd, NULL, MAP_FAILED);
	return REAL(mmap64)(at, size, protection, flags, fd, offset);
}

/* ---- Reading and writing ------------------------------------------------- */

EXPORT ssize_t read(int fd, void *to, size_t size)
{
	TRANSFER(FAULT_READ, fd, size, REAL(read)(fd, to, size), to);
}

EXPORT ssize_t pread(int fd, void *to, size_t size, off_t offset)
{
	TRANSFER(FAULT_READ, fd, size, REAL(pread)(fd, to, size, offset), to);
}

EXPORT ssize_t pread64(int fd, void *to, size_t size, off64_t offset)
{
	TRANSFER(FAULT_READ, fd, size, REAL(pread64)(fd, to, size, offset), to);
}

EXPORT ssize_t sendfile(int to, int from, off_t *offset, size_t size)
{
	TRANSFER(FAULT_READ, from, size, REAL(sendfile)(to, from, offset, size),
		 NULL);
}

EXPORT ssize_t sendfile64(int to, int from, off64_t *offset, size_t size)
{
	TRANSFER(FAULT_READ, from, size,
		 REAL(sendfile64)(to, from, offset, size), NULL);
}

EXPORT ssize_t write(int fd, const void *from, size_t size)
{
	/* What a program says of its troubles is not to be lost. */
	if (fd == STDERR_FILENO)
		return REAL(write)(fd, from, size);
	TRANSFER(FAULT_WRITE, fd, size, REAL(write)(fd, from, size), NULL);
}

EXPORT ssize_t pwrite(int fd, const void *from, size_t size, off_t offset)
{
	TRANSFER(FAULT_WRITE, fd, size, REAL(pwrite)(fd, from, size, offset),
		 NULL);
}

EXPORT ssize_t pwrite64(int fd, const void *from, size_t size, off64_t offset)
{
	TRANSFER(FAULT_WRITE, fd, size, REAL(pwrite64)(fd, from, size, offset),
		 NULL);
}

/* Of several pieces, a short one is the first alone. */
EXPORT ssize_t writev(int fd, const struct iovec *from, int count)
{
	TRANSFER(FAULT_WRITE, fd, count, REAL(writev)(fd, from, count), NULL);
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t size)
{
	FAIL(FAULT_WRITE, fd, NULL, -1);
	return REAL(fallocate)(fd, mode, offset, size);
}

EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
	FAIL(FAULT_WRITE, fd, NULL, -1);
	return REAL(fallocate64)(fd, mode, offset, size);
}

EXPORT int ftruncate(int fd, off_t size)
{
	FAIL(FAULT_TRUNCATE, fd, NULL, -1);
	return REAL(ftruncate)(fd, size);
}

EXPORT int ftruncate64(int fd, off64_t size)
{
	FAIL(FAULT_TRUNCATE, fd, NULL, -1);
	return REAL(ftruncate64)(fd, size);
}

EXPORT int fsync(int fd)
{
	FAIL(FAULT_SYNC, fd, NULL, -1);
	return REAL(fsync)(fd);
}

EXPORT int fdatasync(int fd)
{
	FAIL(FAULT_SYNC, fd, NULL, -1);
	return REAL(fdatasync)(fd);
}

EXPORT int fstat(int fd, struct stat *ret)
{
	FAIL(FAULT_STAT, fd, NULL, -1);
	return REAL(fstat)(fd, ret);
}

EXPORT int fstat64(int fd, struct stat64 *ret)
{
	FAIL(FAULT_STAT, fd, NULL, -1);
	return REAL(fstat64)(fd, ret);
}

/* ---- Names --------------------------------------------------------------- */

EXPORT int rename(const char *from, const char *to)
{
	FAIL(FAULT_RENAME, -1, to, -1);
	return REAL(rename)(from, to);
}

EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	FAIL(FAULT_RENAME, to_fd, to, -1);
	return REAL(renameat)(from_fd, from, to_fd, to);
}

EXPORT int linkat(int from_fd, const char *from, int to_fd, const char *to,
		  int flags)
{
	FAIL(FAULT_RENAME, to_fd, to, -1);
	return REAL(linkat)(from_fd, from, to_fd, to, flags);
}

EXPORT int unlink(const char *path)
{
	FAIL(FAULT_UNLINK, -1, path, -1);
	return REAL(unlink)(path);
}

EXPORT int unlinkat(int fd, const char *path, int flags)
{
	FAIL(FAULT_UNLINK, fd, path, -1);
	return REAL(unlinkat)(fd, path, flags);
}

/* ---- Descriptors --------------------------------------------------------- */

#define MODE(flags)                                            \
	({                                                     \
		va_list args_;                                 \
		va_start(args_, flags);                        \
		mode_t mode_ = (flags) & (O_CREAT | O_TMPFILE) \
				       ? va_arg(args_, mode_t) \
				       : 0;                    \
		va_end(args_);                                 \
		mode_;                                         \
	})

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = MODE(flags);

	FAIL(FAULT_OPEN, -1, path, -1);
	return REAL(open)(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	mode_t mode = MODE(flags);

	FAIL(FAULT_OPEN, -1, path, -1);
	return REAL(open64)(path, flags, mode);
}

EXPORT int openat(int fd, const char *path, int flags, ...)
{
	mode_t mode = MODE(flags);

	FAIL(FAULT_OPEN, fd, path, -1);
	return REAL(openat)(fd, path, flags, mode);
}

EXPORT int openat64(int fd, const char *path, int flags, ...)
{
	mode_t mode = MODE(flags);

	FAIL(FAULT_OPEN, fd, path, -1);
	return REAL(openat64)(fd, path, flags, mode);
}

EXPORT int mkostemp(char *name, int flags)
{
	FAIL(FAULT_OPEN, -1, name, -1);
	return REAL(mkostemp)(name, flags);
}

EXPORT DIR *opendir(const char *path)
{
	FAIL(FAULT_OPEN, -1, path, NULL);
	return REAL(opendir)(path);
}

EXPORT int memfd_create(const char *name, unsigned flags)
{
	FAIL(FAULT_OPEN, -1, name, -1);
	return REAL(memfd_create)(name, flags);
}

EXPORT int socketpair(int domain, int type, int protocol, int pair[2])
{
	FAIL(FAULT_OPEN, -1, "socketpair", -1);
	return REAL(socketpair)(domain, type, protocol, pair);
}

EXPORT int socket(int domain, int type, int protocol)
{
	FAIL(FAULT_OPEN, -1, "socket", -1);
	return REAL(socket)(domain, type, protocol);
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	FAIL(FAULT_OPEN, -1, "accept4", -1);
	return REAL(accept4)(fd, address, size, flags);
}

EXPORT int pipe2(int ends[2], int flags)
{
	FAIL(FAULT_OPEN, -1, "pipe2", -1);
	return REAL(pipe2)(ends, flags);
}

EXPORT int eventfd(unsigned value, int flags)
{
	FAIL(FAULT_OPEN, -1, "eventfd", -1);
	return REAL(eventfd)(value, flags);
}

EXPORT int dup(int fd)
{
	FAIL(FAULT_OPEN, fd, NULL, -1);
	return REAL(dup)(fd);
}

/* Its argument is a number, a pointer, or nothing: a word in any case. */
static int any_fcntl(__typeof__(&fcntl) real, int fd, int command,
		     unsigned long argument)
{
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		FAIL(FAULT_OPEN, fd, NULL, -1);
	return real(fd, command, argument);
}

EXPORT int fcntl(int fd, int command, ...)
{
	va_list args;

	va_start(args, command);
	unsigned long argument = va_arg(args, unsigned long);
	va_end(args);
	return any_fcntl(REAL(fcntl), fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...)
{
	va_list args;

	va_start(args, command);
	unsigned long argument = va_arg(args, unsigned long);
	va_end(args);
	return any_fcntl(REAL(fcntl64), fd, command, argument);
}

EXPORT long syscall(long number, ...)
{
	unsigned long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, unsigned long);
	va_end(args);
#ifdef SYS_openat2
	if (number == SYS_openat2)
		FAIL(FAULT_OPEN, (int)a[0], (const char *)a[1], -1);
#endif
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- Other processes and threads ----------------------------------------- */

/* Whoever is killed was killed by somebody; these are bugs. Always counted:
 * who died of what failed may be found later. */
EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
	static const int faults[] = { SIGSEGV, SIGBUS,  SIGABRT, SIGILL,
				      SIGFPE,  SIGTRAP, SIGSYS };
	int mine;
	pid_t ended = REAL(waitpid)(pid, &mine, options);

	if (ended <= 0)
		return ended;
	if (status)
		*status = mine;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		if (!control || !WIFSIGNALED(mine) ||
		    WTERMSIG(mine) != faults[i])
			continue;
		atomic_store(&control->signal, faults[i]);
		atomic_fetch_add(&control->crashes, 1);
	}
	return ended;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct iovec none = { 0 };
	struct iovec *v = msg->msg_iovlen ? msg->msg_iov : &none;

	TRANSFER(FAULT_RECEIVE, fd, v->iov_len, REAL(recvmsg)(fd, msg, flags),
		 v->iov_base);
}

EXPORT ssize_t recv(int fd, void *to, size_t size, int flags)
{
	TRANSFER(FAULT_RECV, fd, size, REAL(recv)(fd, to, size, flags), to);
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	FAIL(FAULT_CONNECT, fd, NULL, -1);
	return REAL(connect)(fd, address, size);
}

EXPORT ssize_t send(int fd, const void *from, size_t size, int flags)
{
	TRANSFER(FAULT_SEND, fd, size, REAL(send)(fd, from, size, flags), NULL);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct msghdr copy = *msg;
	struct iovec first = { 0 };

	if (msg->msg_iovlen == 1) {
		first = msg->msg_iov[0];
		copy.msg_iov = &first;
	}
	TRANSFER(FAULT_SEND, fd, first.iov_len, REAL(sendmsg)(fd, &copy, flags),
		 NULL);
}

EXPORT int posix_spawn(pid_t *ret, const char *path,
		       const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[],
		       char *const envp[])
{
	enum { MOST = 32 };
	char *with_ours[MOST + 3];
	size_t n = 0;
	int error = strike(FAULT_SPAWN, -1, path);

	if (error)
		return error > 0 ? error : EAGAIN;
	while (n < MOST && envp[n]) {
		with_ours[n] = envp[n];
		n++;
	}
	if (control && n < MOST) {
		with_ours[n++] = control_path;
		with_ours[n++] = preload;
	}
	with_ours[n] = NULL;
	return REAL(posix_spawn)(ret, path, actions, attributes, argv,
				 n < MOST ? with_ours : envp);
}

EXPORT int pthread_create(pthread_t *ret, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg)
{
	int error = strike(FAULT_THREAD, -1, NULL);

	if (error)
		return error > 0 ? error : EAGAIN;
	return REAL(pthread_create)(ret, attributes, start, arg);
}

/* ---- Time ---------------------------------------------------------------- */

static time_t off_by(void)
{
	return control ? (time_t)atomic_load(&control->clock_s) : 0;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int rc = REAL(clock_gettime)(clock, ret);

	if (!rc && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret->tv_sec += off_by();
	return rc;
}

EXPORT time_t time(time_t *ret)
{
	struct timespec now;

	REAL(clock_gettime)(CLOCK_REALTIME_COARSE, &now);
	now.tv_sec += off_by();
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

EXPORT int gettimeofday(struct timeval *ret, void *zone)
{
	int rc = REAL(gettimeofday)(ret, zone);

	ret->tv_sec += off_by();
	return rc;
}
