/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command and all its descendants cost.
 *
 *   meter run [-o FILE] [-p PIDFILE] [-i MS] COMMAND [ARG...]
 *       runs the command, samples the memory of its process tree, writes
 *       key=value lines to FILE when it has ended. SIGTERM and SIGINT are
 *       passed on.
 *   meter snap PID...
 *       the same figures now, for running trees. CPU includes reaped children.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROCESSES 65536

struct process {
	pid_t pid;
	pid_t parent;
	double cpu;
	bool inside;
};

struct figures {
	double cpu;
	long rss;  /* KiB, file pages counted in every process */
	long pss;  /* KiB, shared pages divided among their users */
	long anon; /* KiB, the anonymous part of pss */
	long hwm;  /* KiB, sum of VmHWM of the processes alive */
	int processes;
};

static struct process table[MAX_PROCESSES];
static volatile sig_atomic_t child_pid;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t slurp(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	size_t n = fread(buf, 1, size - 1, f);
	fclose(f);
	buf[n] = '\0';
	return n;
}

static bool read_stat(pid_t pid, struct process *p)
{
	char path[64], buf[2048];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (slurp(path, buf, sizeof(buf)) == 0)
		return false;
	const char *s = strrchr(buf, ')');
	unsigned long u, k;
	long cu, ck;
	int parent;
	if (s == NULL || sscanf(s + 1,
				" %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
				"%lu %lu %ld %ld",
				&parent, &u, &k, &cu, &ck) != 5)
		return false;
	p->pid = pid;
	p->parent = parent;
	p->cpu = (double)(u + k + (unsigned long)cu + (unsigned long)ck) /
		 (double)sysconf(_SC_CLK_TCK);
	p->inside = false;
	return true;
}

static long field(const char *text, const char *name)
{
	size_t length = strlen(name);
	for (const char *s = text; s != NULL; s = strchr(s, '\n')) {
		if (*s == '\n')
			s++;
		if (strncmp(s, name, length) == 0)
			return strtol(s + length, NULL, 10);
	}
	return 0;
}

static void add_memory(pid_t pid, struct figures *f)
{
	char path[64], buf[4096];
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if (slurp(path, buf, sizeof(buf)) > 0) {
		f->rss += field(buf, "Rss:");
		f->pss += field(buf, "Pss:");
		f->anon += field(buf, "Pss_Anon:");
	}
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (slurp(path, buf, sizeof(buf)) > 0)
		f->hwm += field(buf, "VmHWM:");
}

/* All descendants of the roots, and the roots themselves where include_roots.
 */
static struct figures take(const pid_t *roots, int root_count,
			   bool include_roots)
{
	struct figures f = { 0 };
	int count = 0;
	DIR *d = opendir("/proc");
	if (d == NULL)
		return f;
	for (const struct dirent *e;
	     (e = readdir(d)) != NULL && count < MAX_PROCESSES;) {
		pid_t pid = (pid_t)atoi(e->d_name);
		if (pid > 0 && read_stat(pid, &table[count]))
			count++;
	}
	closedir(d);
	/* Breadth first by repetition: process trees here are a few levels
	 * deep. */
	for (int i = 0; i < count; i++)
		for (int r = 0; r < root_count; r++)
			if (table[i].pid == roots[r])
				table[i].inside = true;
	for (bool changed = true; changed;) {
		changed = false;
		for (int i = 0; i < count; i++)
			for (int j = 0; !table[i].inside && j < count; j++)
				if (table[j].inside &&
				    table[j].pid == table[i].parent)
					table[i].inside = changed = true;
	}
	for (int i = 0; i < count; i++) {
		bool root = false;
		for (int r = 0; r < root_count; r++)
			root = root || table[i].pid == roots[r];
		if (!table[i].inside || (root && !include_roots))
			continue;
		f.cpu += table[i].cpu;
		f.processes++;
		add_memory(table[i].pid, &f);
	}
	return f;
}

static void print_memory(FILE *out, const char *prefix, const struct figures *f)
{
	fprintf(out,
		"%srss_kib=%ld\n%spss_kib=%ld\n%sanon_kib=%ld\n%shwm_kib=%ld\n%"
		"sprocesses=%d\n",
		prefix, f->rss, prefix, f->pss, prefix, f->anon, prefix, f->hwm,
		prefix, f->processes);
}

static long max_long(long a, long b)
{
	return a > b ? a : b;
}

static void raise_peak(struct figures *peak, const struct figures *f)
{
	peak->rss = max_long(peak->rss, f->rss);
	peak->pss = max_long(peak->pss, f->pss);
	peak->anon = max_long(peak->anon, f->anon);
	peak->hwm = max_long(peak->hwm, f->hwm);
	peak->processes = (int)max_long(peak->processes, f->processes);
}

static void pass_on(int signal_number)
{
	if (child_pid > 0)
		kill((pid_t)child_pid, signal_number);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static pid_t start_command(char **argv, const char *pid_path)
{
	/* Orphans of the command come to us, so that none escapes the sum. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0)
		return pid;
	child_pid = pid;
	struct sigaction sa = { .sa_handler = pass_on };
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	FILE *f = pid_path != NULL ? fopen(pid_path, "we") : NULL;
	if (f != NULL) {
		fprintf(f, "%d\n", (int)pid);
		fclose(f);
	}
	return pid;
}

/* Sample until the command ends; returns how often. */
static long watch(pid_t pid, long interval, struct figures *peak, int *status)
{
	pid_t self = getpid();
	long samples = 0;
	bool ended = false;
	while (!ended) {
		struct figures f = take(&self, 1, false);
		raise_peak(peak, &f);
		samples++;
		/* Sleep in short steps so that the end of a short command is
		 * seen in time. */
		for (double until = now() + (double)interval / 1000;
		     !ended && now() < until;) {
			int s;
			pid_t got = waitpid(-1, &s, WNOHANG);
			if (got == pid) {
				*status = s;
				ended = true;
			} else if (got <= 0) {
				nanosleep(&(struct timespec) { 0, 2000000 },
					  NULL);
			}
		}
	}
	return samples;
}

/* What outlives the command for a moment is still counted. */
static void reap_rest(void)
{
	for (double until = now() + 5; now() < until;) {
		pid_t got = waitpid(-1, NULL, WNOHANG);
		if (got < 0 && errno == ECHILD)
			break;
		if (got == 0)
			nanosleep(&(struct timespec) { 0, 10000000 }, NULL);
	}
}

static int run(int argc, char **argv)
{
	const char *out_path = NULL, *pid_path = NULL;
	long interval = 100;
	for (int c; (c = getopt(argc, argv, "+o:p:i:")) != -1;) {
		switch (c) {
		case 'o':
			out_path = optarg;
			break;
		case 'p':
			pid_path = optarg;
			break;
		case 'i':
			interval = max_long(1, strtol(optarg, NULL, 10));
			break;
		default:
			return 2;
		}
	}
	if (optind >= argc)
		return 2;
	double start = now();
	pid_t pid = start_command(argv + optind, pid_path);
	if (pid < 0) {
		perror("meter: fork");
		return 125;
	}
	struct figures peak = { 0 };
	int status = 0;
	long samples = watch(pid, interval, &peak, &status);
	double wall = now() - start;
	reap_rest();

	struct rusage usage;
	getrusage(RUSAGE_CHILDREN, &usage);
	FILE *out = out_path != NULL ? fopen(out_path, "we") : stdout;
	if (out == NULL) {
		perror(out_path);
		return 125;
	}
	int code = WIFEXITED(status) ? WEXITSTATUS(status)
				     : 128 + WTERMSIG(status);
	fprintf(out,
		"wall_s=%.3f\ncpu_s=%.3f\nuser_s=%.3f\nsystem_s=%.3f\n"
		"maxrss_kib=%ld\nsamples=%ld\nexit=%d\n",
		wall, seconds(usage.ru_utime) + seconds(usage.ru_stime),
		seconds(usage.ru_utime), seconds(usage.ru_stime),
		usage.ru_maxrss, samples, code);
	print_memory(out, "peak_", &peak);
	if (out != stdout)
		fclose(out);
	return code;
}

static int snap(int argc, char **argv)
{
	pid_t roots[64];
	int count = 0;
	for (int i = 1; i < argc && count < 64; i++)
		roots[count++] = (pid_t)atoi(argv[i]);
	struct figures f = take(roots, count, true);
	if (f.processes == 0) {
		fprintf(stderr, "meter: no such process\n");
		return 1;
	}
	printf("cpu_s=%.3f\n", f.cpu);
	print_memory(stdout, "", &f);
	return 0;
}

int main(int argc, char **argv)
{
	int code = 2;
	if (argc > 2 && strcmp(argv[1], "run") == 0)
		code = run(argc - 1, argv + 1);
	else if (argc > 2 && strcmp(argv[1], "snap") == 0)
		code = snap(argc - 1, argv + 1);
	if (code == 2)
		fprintf(stderr, "usage: meter run [-o FILE] [-p PIDFILE] [-i "
				"MS] COMMAND [ARG...]\n"
				"       meter snap PID...\n");
	return code;
}
