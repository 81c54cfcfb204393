/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What somebody would try who runs code of theirs in a worker. Raw system
 * calls: no library between them and the kernel.
 */
#ifndef LIB_HOSTILE_H
#define LIB_HOSTILE_H

#include <stddef.h>

/** The type of a job that makes a hostile worker try act n: this + n. */
enum { HOSTILE_JOB = 1000 };

/** What becomes of an act. Built with a sanitizer, reading files is let
 * through and processes are refused (sandbox_seccomp.c). */
enum hostile_end { KILLED, REFUSED, READS, FORKS };

struct hostile_act {
	const char *name;
	enum hostile_end end;
	/** Does it succeed in a process that nothing holds? */
	int succeeds;
	long (*act)(void); /* as syscall(2) */
};

extern const struct hostile_act hostile_acts[];
extern const size_t hostile_act_count;

#endif
