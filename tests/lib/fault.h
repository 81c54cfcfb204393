/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What fault.so, preloaded into a program under test, is told by those who test
 * it: a small file that all processes of the program map, so that calls are
 * counted over all of them and a server that runs can be told anew.
 */
#ifndef LIB_FAULT_H
#define LIB_FAULT_H

#include <stdatomic.h>
#include <stdint.h>

/** Environment of the program: where that file is. */
#define FAULT_CONTROL "FAULT_CONTROL"

/*
 * CALL(bit, name, calls)
 */
#define FAULT_CALLS                                                          \
	CALL(ALLOC, "alloc")   /* of the program's own code */               \
	CALL(MALLOC, "malloc") /* of anybody, libraries too */               \
	CALL(READ, "read")     /* read, pread, their vectors, sendfile */    \
	CALL(WRITE, "write")   /* write, pwrite, their vectors, fallocate */ \
	CALL(TRUNCATE, "ftruncate")                                          \
	CALL(SYNC, "fsync")    /* and fdatasync */                           \
	CALL(RENAME, "rename") /* and link */                                \
	CALL(UNLINK, "unlink")                                               \
	CALL(MMAP, "mmap")                                                   \
	CALL(OPEN, "open")       /* whatever makes a descriptor */           \
	CALL(STAT, "stat")       /* of an open file */                       \
	CALL(RECEIVE, "receive") /* recvmsg: what workers answer */          \
	CALL(RECV, "recv")       /* what clients and other servers say */    \
	CALL(CONNECT, "connect")                                             \
	CALL(SEND, "send") /* send, sendmsg */                               \
	CALL(SPAWN, "spawn")                                                 \
	CALL(THREAD, "thread")

enum {
#define CALL(bit, name) FAULT_##bit##_INDEX,
	FAULT_CALLS
#undef CALL
};

enum {
#define CALL(bit, name) FAULT_##bit = 1 << FAULT_##bit##_INDEX,
	FAULT_CALLS
#undef CALL
};

/** Instead of an errno. */
enum {
	FAULT_SHORT = -1, /* half of it is done */
	FAULT_END = -2,   /* nothing more comes */
	FAULT_NOISE = -3, /* something else comes */
	FAULT_DIE = -4,   /* the process is killed */
	FAULT_SLOW = -5,  /* it is done, a millisecond later */
};

enum { FAULT_IN_SERVER = 1, FAULT_IN_WORKERS = 2 };

struct fault_control {
	_Atomic uint32_t where;      /* FAULT_IN_… */
	_Atomic uint32_t calls;      /* which */
	_Atomic uint32_t at;         /* that one, the first is 1; 0: none */
	_Atomic uint32_t is_lasting; /* and all behind it */
	_Atomic int32_t error;       /* errno, or one of the above */
	_Atomic uint32_t count;      /* calls met so far */
	_Atomic uint32_t hits;       /* and those that failed */
	_Atomic uint32_t crashes;    /* children whom a fault's signal ended */
	_Atomic int32_t signal;      /* the last one's */
	_Atomic int64_t clock_s;     /* the wall clock is so much off */
	char under[512]; /* only files whose path begins like this; or empty */
	char what[512];  /* the last that failed, for people */
};

#endif
