/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells fault.so what is to fail.
 *
 * faultctl FILE new		 make the file
 * faultctl FILE arm PROCESS CALL N ERROR [UNDER]
 *				 the Nth such call fails from now on; "N+": and
 *				 all behind it. PROCESS: server, worker, any
 * faultctl FILE off		 nothing fails any more; prints how many calls
 *				 there were, how many failed, and the last
 * faultctl FILE clock SECONDS	 the wall clock is so much off
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/fault.h"

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ "EIO", EIO },           { "ENOSPC", ENOSPC },
	{ "EMFILE", EMFILE },     { "ENFILE", ENFILE },
	{ "EINTR", EINTR },       { "ENOMEM", ENOMEM },
	{ "EAGAIN", EAGAIN },     { "EACCES", EACCES },
	{ "EROFS", EROFS },       { "ECONNRESET", ECONNRESET },
	{ "short", FAULT_SHORT }, { "end", FAULT_END },
	{ "noise", FAULT_NOISE }, { "die", FAULT_DIE },
	{ "slow", FAULT_SLOW },
};

static const char *const calls[] = {
#define CALL(bit, name) name,
	FAULT_CALLS
#undef CALL
};

static void usage(const char *what)
{
	fprintf(stderr, "faultctl: %s\n", what);
	exit(2);
}

static struct fault_control *open_control(const char *path, int is_new)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | (is_new ? O_CREAT : 0), 0666);

	if (fd < 0 || (is_new && ftruncate(fd, sizeof(struct fault_control)))) {
		perror(path);
		exit(1);
	}
	void *p = mmap(NULL, sizeof(struct fault_control),
		       PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	return p;
}

static void set_calls(struct fault_control *c, const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (!strcmp(name, calls[i])) {
			atomic_store(&c->calls, 1U << i);
			return;
		}
	}
	usage("no such call");
}

static void set_error(struct fault_control *c, const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (!strcmp(name, errors[i].name)) {
			atomic_store(&c->error, errors[i].error);
			return;
		}
	}
	usage("no such error");
}

static void arm(struct fault_control *c, char **argv)
{
	char *end;

	atomic_store(&c->at, 0);
	atomic_store(&c->where, !strcmp(argv[0], "server") ? FAULT_IN_SERVER
				: !strcmp(argv[0], "worker")
					? FAULT_IN_WORKERS
					: FAULT_IN_SERVER | FAULT_IN_WORKERS);
	set_calls(c, argv[1]);
	set_error(c, argv[3]);
	snprintf(c->under, sizeof(c->under), "%s", argv[4] ? argv[4] : "");
	c->what[0] = '\0';
	atomic_store(&c->count, 0);
	atomic_store(&c->hits, 0);
	unsigned long n = strtoul(argv[2], &end, 10);

	atomic_store(&c->is_lasting, *end == '+');
	atomic_store(&c->at, (uint32_t)n);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		usage("FILE COMMAND");
	struct fault_control *c =
		open_control(argv[1], !strcmp(argv[2], "new"));

	if (!strcmp(argv[2], "arm") && argc >= 7) {
		arm(c, argv + 3);
	} else if (!strcmp(argv[2], "off")) {
		atomic_store(&c->at, 0);
		printf("%u %u %s\n", atomic_load(&c->count),
		       atomic_load(&c->hits), c->what);
	} else if (!strcmp(argv[2], "crashes")) {
		printf("%u %d\n", atomic_load(&c->crashes),
		       atomic_load(&c->signal));
	} else if (!strcmp(argv[2], "clock") && argc == 4) {
		atomic_store(&c->clock_s, strtoll(argv[3], NULL, 10));
	} else if (strcmp(argv[2], "new")) {
		usage("new, arm, off, crashes or clock");
	}
	return 0;
}
