/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a server many things for a long time, and knows all the answers.
 *
 *	soak_client [-s SECONDS] [-t THREADS] [-w MS] [-e SECONDS] [-f FILE]
 *	            [-k DIR] URL PLAN
 *
 * PLAN has a request a line, of fields between tabs:
 *
 *	CLASS	what it is counted under
 *	PATH	%R in it becomes a build ID that nobody has
 *	BODY	a file to be posted; "-": GET
 *	EXPECT	a file with the bytes of the answer, whose status is 200;
 *		"-": the status is 404
 *	ELSE	other statuses that will do, "404,503"; 0 is a connection that
 *		ends without a status or before the end, 200 an answer that says
 *		less (soak_answer.h); with a "!" behind it while there is a
 *		fault; "-": none
 *
 * Each thread draws a class, then one of its lines, asks, compares, and waits MS
 * milliseconds. There is a fault as long as FILE is, and where it was when the
 * request began or ended.
 *
 * Printed every -e seconds and at the end ("total"): a line a class,
 *
 *	LABEL class=C requests=N right=N excused=N pending=N wrong=N p50=US
 *	      p99=US max=US
 *
 * right: as expected. pending: an answer of /symbolize/v1 that says that it is
 * partial, and nothing else than what is expected. wrong: neither; the first hundred are described on standard error, and
 * what came is kept in DIR. Exit status 1 if any was.
 */
#include "config.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/soak_answer.h"

enum {
	CLASSES_MOST = 32,
	STATUSES_MOST = 8,
	/* Latencies: 16 steps each time they double. */
	STEPS = 16,
	BUCKETS = 32 * STEPS,
	DESCRIBED_MOST = 100,
	PATIENCE_S = 120,
};

struct bytes {
	char *data;
	size_t size;
};

struct line {
	char *path;
	struct bytes body, expect;
	bool is_post, is_absent;
	struct {
		long status;
		bool needs_fault;
	} others[STATUSES_MOST];
	size_t other_count;
};

/* Guarded by mutex, but for name and lines. */
struct class
{
	char *name;
	struct line *lines;
	size_t line_count;
	uint64_t right, excused, pending, wrong, max_us;
	uint64_t buckets[BUCKETS];
	uint64_t since[4], since_buckets[BUCKETS], since_max_us;
};

static struct class classes[CLASSES_MOST];
static size_t class_count;
static const char *url, *fault_file, *keep_dir;
static unsigned wait_ms;
static uint64_t end_us;
static unsigned described;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what, const char *of)
{
	fprintf(stderr, "soak_client: %s: %s\n", of, what);
	exit(2);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- The plan ------------------------------------------------------------ */

static struct bytes load(const char *name)
{
	struct bytes b = { 0 };
	struct stat st;
	FILE *f = fopen(name, "r");

	if (!f || fstat(fileno(f), &st))
		die("cannot be read", name);
	b.size = (size_t)st.st_size;
	b.data = malloc(b.size + 1);
	if (!b.data || fread(b.data, 1, b.size, f) != b.size)
		die("cannot be read", name);
	b.data[b.size] = '\0';
	fclose(f);
	return b;
}

static struct class *class_of(const char *name)
{
	for (size_t i = 0; i < class_count; i++) {
		if (!strcmp(classes[i].name, name))
			return &classes[i];
	}
	if (class_count == CLASSES_MOST)
		die("too many classes", name);
	classes[class_count].name = strdup(name);
	return &classes[class_count++];
}

static void take_line(char *text)
{
	char *fields[5], *rest = text, *status;
	struct line line = { 0 };

	for (size_t i = 0; i < 5; i++) {
		fields[i] = strsep(&rest, "\t");
		if (!fields[i] || !*fields[i])
			die("five fields are wanted", text);
	}
	struct class *c = class_of(fields[0]);

	line.path = strdup(fields[1]);
	line.is_post = strcmp(fields[2], "-") != 0;
	if (line.is_post)
		line.body = load(fields[2]);
	line.is_absent = !strcmp(fields[3], "-");
	if (!line.is_absent)
		line.expect = load(fields[3]);
	rest = strcmp(fields[4], "-") != 0 ? fields[4] : NULL;
	while ((status = strsep(&rest, ",")) &&
	       line.other_count < STATUSES_MOST) {
		line.others[line.other_count].needs_fault =
			strchr(status, '!') != NULL;
		line.others[line.other_count++].status = atol(status);
	}
	c->lines = realloc(c->lines, (c->line_count + 1) * sizeof(line));
	if (!c->lines)
		die("no memory", fields[0]);
	c->lines[c->line_count++] = line;
}

static void read_plan(const char *name)
{
	FILE *f = fopen(name, "r");
	char *text = NULL;
	size_t capacity = 0;
	ssize_t len;

	if (!f)
		die("cannot be read", name);
	while ((len = getline(&text, &capacity, f)) > 0) {
		if (text[len - 1] == '\n')
			text[len - 1] = '\0';
		take_line(text);
	}
	free(text);
	fclose(f);
	if (!class_count)
		die("says nothing", name);
}

/* ---- A request ------------------------------------------------------------- */

static uint64_t draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static size_t take_bytes(char *data, size_t size, size_t count, void *ctx)
{
	struct bytes *b = ctx;
	char *grown = realloc(b->data, b->size + size * count + 1);

	if (!grown)
		return 0;
	b->data = grown;
	memcpy(b->data + b->size, data, size * count);
	b->size += size * count;
	b->data[b->size] = '\0';
	return size * count;
}

/* %R becomes 40 digits. */
static void set_url(CURL *curl, const struct line *l, uint64_t *seed)
{
	char text[4096];
	const char *at = strstr(l->path, "%R");

	if (at)
		snprintf(text, sizeof(text),
			 "%s%.*s%016" PRIx64 "%016" PRIx64 "%08x%s", url,
			 (int)(at - l->path), l->path, draw(seed), draw(seed),
			 (unsigned)draw(seed), at + 2);
	else
		snprintf(text, sizeof(text), "%s%s", url, l->path);
	curl_easy_setopt(curl, CURLOPT_URL, text);
}

static bool has_fault(void)
{
	return fault_file && !access(fault_file, F_OK);
}

enum outcome { RIGHT, EXCUSED, PENDING, WRONG };

static enum outcome judge(const struct line *l, long status, bool is_whole,
			  const struct bytes *got, bool fault)
{
	if (!is_whole)
		status = 0;
	if (status == 200 && !l->is_absent) {
		if (got->size == l->expect.size &&
		    !memcmp(got->data ? got->data : "", l->expect.data,
			    got->size))
			return RIGHT;
		if (!l->is_post || !got->data ||
		    !soak_answer_is_part(got->data, l->expect.data))
			return WRONG;
		if (strstr(got->data, "\"status\":\"partial\""))
			return PENDING;
	}
	if (status == 404 && l->is_absent)
		return RIGHT;
	for (size_t i = 0; i < l->other_count; i++) {
		if (l->others[i].status == status &&
		    (fault || !l->others[i].needs_fault))
			return EXCUSED;
	}
	return WRONG;
}

static size_t bucket_of(uint64_t us)
{
	unsigned power = 0;

	while (us >> (power + 1))
		power++;
	uint64_t part = power < 4 ? us << (4 - power) : us >> (power - 4);
	size_t at = power * STEPS + (part & (STEPS - 1));

	return at < BUCKETS ? at : BUCKETS - 1;
}

static uint64_t bucket_end(size_t at)
{
	return (((uint64_t)1 << (at / STEPS)) * (STEPS + at % STEPS + 1)) /
	       STEPS;
}

static void describe(const struct class *c, const struct line *l, long status,
		     const char *why, const struct bytes *got)
{
	char name[4096];

	if (described++ >= DESCRIBED_MOST)
		return;
	fprintf(stderr, "wrong: %s %s: status %ld, %zu bytes of %zu%s%s\n",
		c->name, l->path, status, got->size, l->expect.size,
		*why ? ", " : "", why);
	if (!keep_dir)
		return;
	snprintf(name, sizeof(name), "%s/wrong-%u", keep_dir, described);
	FILE *f = fopen(name, "w");

	if (!f)
		return;
	fwrite(got->data ? got->data : "", 1, got->size, f);
	fclose(f);
}

static void count(struct class *c, const struct line *l, enum outcome outcome,
		  uint64_t us, long status, const char *why,
		  const struct bytes *got)
{
	size_t at = bucket_of(us);

	pthread_mutex_lock(&mutex);
	uint64_t *total[] = { &c->right, &c->excused, &c->pending, &c->wrong };

	++*total[outcome];
	c->since[outcome]++;
	c->buckets[at]++;
	c->since_buckets[at]++;
	c->max_us = us > c->max_us ? us : c->max_us;
	c->since_max_us = us > c->since_max_us ? us : c->since_max_us;
	if (outcome == WRONG)
		describe(c, l, status, why, got);
	pthread_mutex_unlock(&mutex);
}

static void ask(CURL *curl, struct class *c, uint64_t *seed)
{
	const struct line *l = &c->lines[draw(seed) % c->line_count];
	struct curl_slist *headers = NULL;
	struct bytes got = { 0 };
	bool fault = has_fault();
	long status = 0;

	set_url(curl, l, seed);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	if (l->is_post) {
		headers = curl_slist_append(headers,
					    "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, l->body.data);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)l->body.size);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	uint64_t begun = now_us();
	CURLcode code = curl_easy_perform(curl);
	uint64_t us = now_us() - begun;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	count(c, l,
	      judge(l, status, code == CURLE_OK, &got, fault || has_fault()),
	      us, status, code == CURLE_OK ? "" : curl_easy_strerror(code),
	      &got);
	curl_slist_free_all(headers);
	free(got.data);
}

static void *run(void *ctx)
{
	uint64_t seed = 0x9e3779b97f4a7c15 * (1 + (uintptr_t)ctx);
	CURL *curl = curl_easy_init();

	if (!curl)
		die("no memory", "curl");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)PATIENCE_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	while (now_us() < end_us) {
		ask(curl, &classes[draw(&seed) % class_count], &seed);
		usleep(wait_ms * 1000);
	}
	curl_easy_cleanup(curl);
	return NULL;
}

/* ---- What is printed ------------------------------------------------------- */

static uint64_t quantile(const uint64_t *buckets, double part)
{
	uint64_t all = 0, seen = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		all += buckets[i];
	for (size_t i = 0; i < BUCKETS; i++) {
		seen += buckets[i];
		if (seen && (double)seen >= part * (double)all)
			return bucket_end(i);
	}
	return 0;
}

static void print(const char *label, const struct class *c,
		  const uint64_t counts[4], const uint64_t *buckets,
		  uint64_t max_us)
{
	printf("%s class=%s requests=%" PRIu64 " right=%" PRIu64
	       " excused=%" PRIu64 " pending=%" PRIu64 " wrong=%" PRIu64
	       " p50=%" PRIu64 " p99=%" PRIu64 " max=%" PRIu64 "\n",
	       label, c->name,
	       counts[RIGHT] + counts[EXCUSED] + counts[PENDING] +
		       counts[WRONG],
	       counts[RIGHT], counts[EXCUSED], counts[PENDING], counts[WRONG],
	       quantile(buckets, 0.5), quantile(buckets, 0.99), max_us);
}

static void print_since(uint64_t seconds)
{
	char label[32];

	snprintf(label, sizeof(label), "%" PRIu64, seconds);
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < class_count; i++) {
		struct class *c = &classes[i];

		print(label, c, c->since, c->since_buckets, c->since_max_us);
		memset(c->since, 0, sizeof(c->since));
		memset(c->since_buckets, 0, sizeof(c->since_buckets));
		c->since_max_us = 0;
	}
	pthread_mutex_unlock(&mutex);
	fflush(stdout);
}

static uint64_t print_total(void)
{
	uint64_t wrong = 0;

	for (size_t i = 0; i < class_count; i++) {
		struct class *c = &classes[i];
		uint64_t counts[] = { c->right, c->excused, c->pending,
				      c->wrong };

		print("total", c, counts, c->buckets, c->max_us);
		wrong += c->wrong;
	}
	return wrong;
}

int main(int argc, char **argv)
{
	unsigned seconds = 10, threads = 8, each_s = 10;
	int option;

	while ((option = getopt(argc, argv, "s:t:w:e:f:k:")) != -1) {
		switch (option) {
		case 's':
			seconds = (unsigned)atoi(optarg);
			break;
		case 't':
			threads = (unsigned)atoi(optarg);
			break;
		case 'w':
			wait_ms = (unsigned)atoi(optarg);
			break;
		case 'e':
			each_s = (unsigned)atoi(optarg);
			break;
		case 'f':
			fault_file = optarg;
			break;
		case 'k':
			keep_dir = optarg;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2 || !threads || !each_s)
		die("URL and PLAN are wanted", "usage");
	url = argv[optind];
	read_plan(argv[optind + 1]);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pthread_t *running = calloc(threads, sizeof(*running));
	uint64_t begun = now_us();

	end_us = begun + (uint64_t)seconds * 1000000;
	for (size_t i = 0; i < threads; i++) {
		if (!running ||
		    pthread_create(&running[i], NULL, run, (void *)i))
			die("cannot be started", "thread");
	}
	for (uint64_t next = each_s; next < seconds; next += each_s) {
		while (now_us() < begun + next * 1000000)
			usleep(50000);
		print_since(next);
	}
	for (size_t i = 0; i < threads; i++)
		pthread_join(running[i], NULL);
	free(running);
	print_since(seconds);
	return print_total() > 0;
}
