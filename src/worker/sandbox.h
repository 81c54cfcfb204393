/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What holds a worker process from its start to its end, so that a parser that
 * was talked into running somebody's code can do nothing with it: it reads and
 * writes the descriptors it was handed, takes memory within its limit, talks to
 * its socket, and ends.
 *
 * There is one profile for all jobs. Whatever is needed of the world is fetched
 * before: sandbox_enter() is the last thing a worker does that touches any of it.
 *
 * The commands of `-Z EXT=CMD` are no workers: the server starts them itself
 * (pipe_command.h) and they are held by nothing of this, since they are the
 * operator's own and have to execute programs. What they print is read in here.
 *
 * Threads: sandbox_enter() is called by a process of one thread.
 * Source: seccomp(2), landlock(7), capabilities(7), prctl(2).
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "base/buf.h"
#include "base/reader.h"

#include <stdbool.h>
#include <stdint.h>

/** Each by itself; the order is that of LABELS(MECHANISM, …). */
enum sandbox_part {
	SANDBOX_NO_NEW_PRIVS, /* nothing gains rights by exec */
	SANDBOX_NOT_DUMPABLE, /* no core, no ptrace by the same user */
	SANDBOX_LIMITS,       /* AS, FSIZE, NOFILE, NPROC, CORE; CPU a job */
	SANDBOX_CAPABILITIES, /* none */
	SANDBOX_NETWORK,      /* a network namespace with nothing in it */
	SANDBOX_LANDLOCK, /* no file, and by ABI no TCP, no foreign signal */
	SANDBOX_SECCOMP,  /* few system calls; any other kills */
	SANDBOX_PARTS,
};

/** Those without which `--require-sandbox` starts nothing. The others are a
 * second lock on the same doors, and not every kernel or container has them. */
#define SANDBOX_REQUIRED                                           \
	(1u << SANDBOX_NO_NEW_PRIVS | 1u << SANDBOX_NOT_DUMPABLE | \
	 1u << SANDBOX_LIMITS | 1u << SANDBOX_CAPABILITIES |       \
	 1u << SANDBOX_SECCOMP)

/** As the metric has it. Static. */
const char *sandbox_part_name(enum sandbox_part part);

struct sandbox {
	uint32_t have;   /* a bit each enum sandbox_part */
	char lacks[256]; /* the others and why: "landlock: Not supported" */
};

/**
 * Close this process in, as far as the machine allows it. What the machine
 * lacks is said in @p ret; the rest holds.
 *
 * From then on a system call that no job needs ends the process with SIGSYS:
 * open, socket, connect, execve, fork, kill, ptrace and all others that are not
 * in the list of sandbox_seccomp.c.
 *
 * @param[in] sock The socket to the server, the only one to be spoken to.
 *
 * Cost: 0.7 to 0.9 ms, about half of which is the namespace.
 */
void sandbox_enter(int sock, struct sandbox *ret);

/** The payload of WIRE_HELLO, a worker's first message. */
void sandbox_put(struct buf *out, const struct sandbox *s);
/** @return False for bytes that are none. */
bool sandbox_get(struct reader *r, struct sandbox *ret);

/** Each set of capabilities but the bounding one is empty from here on;
 * @c errno says why not. */
bool sandbox_drop_capabilities(void);
/** Landlock alone, for a process with no_new_privs; @c errno says why not. */
bool sandbox_landlock(void);
/** The system call filter alone; @c errno says why not. */
bool sandbox_seccomp(int sock);

#endif
