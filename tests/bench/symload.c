/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for names of addresses, as many clients at once.
 *
 *	symload [-c CLIENTS] [-n REQUESTS | -t SECONDS] [-1] [-b BATCH]
 *	        [-f FORM] [-k KIND] [-w WAIT_MS] PORT ID=FILE...
 *
 * FILE has addresses of the build ID, one a line, "0x…" first. A request is
 * BATCH (10000) of them in a row; requests go round the files, and on in each
 * file. -1: each file once, one request, whatever -n and -t. Each client has
 * one connection to 127.0.0.1.
 *
 * FORM: json, proto (JSON answered in protobuf), text, records (binary, as the
 * kernel writes them). KIND is that of JSON, file_offset if not said.
 *
 * Prints key=value: requests, failed (not 200, or no answer), addresses, bytes
 * of answers, seconds, latencies in microseconds, pending (answers that say
 * so).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum form { JSON, PROTO, TEXT, RECORDS, FORMS };

static const char *const form_names[] = { "json", "proto", "text", "records" };
static const char *const content_types[] = {
	"application/json", "application/json", "text/plain",
	"application/x-bpf-stack-build-id; depth=1"
};

struct body {
	char *data;
	size_t size, capacity;
	size_t addresses;
};

struct target {
	const char *id;
	struct body *bodies;
	size_t count, capacity;
};

static struct target *targets;
static size_t target_count;
static size_t batch = 10000;
static enum form form;
static const char *kind = "file_offset";
static unsigned wait_ms = 30000;
static unsigned port;
static double until; /* 0: by number */
static size_t requests_wanted = 1;

static atomic_size_t next_request, failed, addresses, pending;
static atomic_ullong bytes;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static double *latencies;
static size_t latency_count, latency_capacity;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void append(struct body *b, const void *data, size_t size)
{
	if (b->size + size > b->capacity) {
		b->capacity = 2 * (b->size + size);
		b->data = realloc(b->data, b->capacity);
		if (!b->data)
			err(1, "memory");
	}
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

__attribute__((format(printf, 2, 3))) static void
append_text(struct body *b, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	append(b, text, (size_t)len);
}

/* ---- Bodies -------------------------------------------------------------- */

static void begin_body(struct body *b, const char *id)
{
	if (form == JSON || form == PROTO)
		append_text(b,
			    "{\"wait_ms\":%u,\"modules\":[{\"build_id\":"
			    "\"%s\",\"kind\":\"%s\",\"addresses\":[",
			    wait_ms, id, kind);
}

static void end_body(struct body *b)
{
	if (form == JSON || form == PROTO)
		append_text(b, "]}]}");
}

/* struct bpf_stack_build_id: status, build ID of 20 bytes, offset */
static void append_record(struct body *b, const char *id, uint64_t address)
{
	uint8_t record[32] = { 1 };

	for (size_t i = 0; i < 20 && id[2 * i]; i++) {
		char digits[3] = { id[2 * i], id[2 * i + 1], '\0' };

		record[4 + i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	memcpy(record + 24, &address, 8);
	append(b, record, sizeof(record));
}

static void append_address(struct body *b, const char *id, uint64_t address)
{
	if (form == RECORDS)
		append_record(b, id, address);
	else if (form == TEXT)
		append_text(b, "%s+0x%" PRIx64 "\n", id, address);
	else
		append_text(b, "%s\"0x%" PRIx64 "\"", b->addresses ? "," : "",
			    address);
	b->addresses++;
}

static void read_target(struct target *t, char *text)
{
	char *path = strchr(text, '='), *line = NULL;
	size_t size = 0;
	struct body *b = NULL;
	FILE *f;

	if (!path)
		errx(2, "%s: not ID=FILE", text);
	*path++ = '\0';
	t->id = text;
	f = fopen(path, "r");
	if (!f)
		err(1, "%s", path);
	while (getline(&line, &size, f) >= 0) {
		if (!b || b->addresses == batch) {
			if (b)
				end_body(b);
			t->bodies = reallocarray(t->bodies, t->count + 1,
						 sizeof(*t->bodies));
			if (!t->bodies)
				err(1, "memory");
			b = &t->bodies[t->count++];
			memset(b, 0, sizeof(*b));
			begin_body(b, t->id);
		}
		append_address(b, t->id, strtoull(line, NULL, 16));
	}
	if (!b)
		errx(1, "%s: no addresses", path);
	end_body(b);
	/* The last one is short. */
	if (b->addresses < batch && t->count > 1)
		t->count--;
	free(line);
	fclose(f);
}

/* ---- HTTP ---------------------------------------------------------------- */

struct answer {
	char *data;
	size_t size, capacity;
};

static int connect_to_server(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect");
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return s;
}

static bool send_all(int s, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(s, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

static bool read_more(int s, struct answer *a)
{
	ssize_t n;

	if (a->capacity - a->size < 65536) {
		a->capacity = 2 * a->capacity + 131072;
		a->data = realloc(a->data, a->capacity);
		if (!a->data)
			err(1, "memory");
	}
	n = recv(s, a->data + a->size, a->capacity - a->size - 1, 0);
	if (n <= 0)
		return false;
	a->size += (size_t)n;
	a->data[a->size] = '\0';
	return true;
}

/* Status, or 0 where there was no whole answer. */
static int read_answer(int s, struct answer *a)
{
	size_t head = 0, body = 0;
	bool is_chunked = false;

	a->size = 0;
	for (;;) {
		if (!read_more(s, a))
			return 0;
		if (!head) {
			char *end = strstr(a->data, "\r\n\r\n"), *length;

			if (!end)
				continue;
			head = (size_t)(end - a->data) + 4;
			*end = '\0';
			length = strcasestr(a->data, "\r\nContent-Length:");
			if (length)
				body = strtoull(length + 17, NULL, 10);
			is_chunked = strcasestr(a->data,
						"\r\nTransfer-Encoding: chunk");
		}
		if (is_chunked ? a->size >= head + 5 &&
					 !memcmp(a->data + a->size - 5,
						 "0\r\n\r\n", 5)
			       : a->size >= head + body)
			return atoi(a->data + 9);
	}
}

static void note(double seconds)
{
	pthread_mutex_lock(&mutex);
	if (latency_count == latency_capacity) {
		latency_capacity = 2 * latency_capacity + 1024;
		latencies = reallocarray(latencies, latency_capacity,
					 sizeof(*latencies));
		if (!latencies)
			err(1, "memory");
	}
	latencies[latency_count++] = seconds;
	pthread_mutex_unlock(&mutex);
}

static void ask(int *s, const struct body *b, struct answer *a)
{
	char head[512];
	double began = now();
	int status, len = snprintf(head, sizeof(head),
				   "POST /symbolize/v1 HTTP/1.1\r\n"
				   "Host: 127.0.0.1\r\nContent-Type: %s\r\n%s"
				   "Content-Length: %zu\r\n\r\n",
				   content_types[form],
				   form == PROTO ? "Accept: "
						   "application/x-protobuf\r\n"
						 : "",
				   b->size);

	status = send_all(*s, head, (size_t)len) &&
				 send_all(*s, b->data, b->size)
			 ? read_answer(*s, a)
			 : 0;
	note(now() - began);
	if (!status) {
		close(*s);
		*s = connect_to_server();
	}
	if (status != 200) {
		if (!atomic_fetch_add(&failed, 1))
			warnx("status %d", status);
		return;
	}
	atomic_fetch_add(&addresses, b->addresses);
	atomic_fetch_add(&bytes, a->size);
	if (form == JSON &&
	    memmem(a->data, a->size, "\"status\":\"pending\"", 18))
		atomic_fetch_add(&pending, 1);
}

static void *run_client(void *arg)
{
	struct answer a = { 0 };
	int s = connect_to_server();

	for (;;) {
		size_t i = atomic_fetch_add(&next_request, 1);
		const struct target *t = &targets[i % target_count];

		if (until > 0 ? now() >= until : i >= requests_wanted)
			break;
		ask(&s, &t->bodies[i / target_count % t->count], &a);
	}
	close(s);
	free(a.data);
	return arg;
}

/* ---- The run ------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double quantile(double q)
{
	size_t at = (size_t)(q * (double)latency_count);

	if (!latency_count)
		return 0;
	return latencies[at < latency_count ? at : latency_count - 1] * 1e6;
}

static void run(size_t clients)
{
	pthread_t *threads = calloc(clients, sizeof(*threads));
	double began = now(), seconds;

	if (!threads)
		err(1, "memory");
	for (size_t i = 0; i < clients; i++)
		if (pthread_create(&threads[i], NULL, run_client, NULL))
			errx(1, "pthread_create");
	for (size_t i = 0; i < clients; i++)
		pthread_join(threads[i], NULL);
	seconds = now() - began;
	if (latency_count)
		qsort(latencies, latency_count, sizeof(*latencies), by_value);
	printf("requests=%zu\nfailed=%zu\naddresses=%zu\nbytes=%llu\n"
	       "seconds=%.3f\np50_us=%.0f\np90_us=%.0f\np99_us=%.0f\n"
	       "max_us=%.0f\npending=%zu\n",
	       latency_count, (size_t)failed, (size_t)addresses,
	       (unsigned long long)bytes, seconds, quantile(0.5), quantile(0.9),
	       quantile(0.99), quantile(1), (size_t)pending);
	free(threads);
}

static enum form parse_form(const char *name)
{
	for (int f = 0; f < FORMS; f++)
		if (!strcmp(form_names[f], name))
			return (enum form)f;
	errx(2, "no form %s", name);
}

int main(int argc, char **argv)
{
	size_t clients = 1;
	double seconds = 0;
	bool is_once = false;

	for (int c; (c = getopt(argc, argv, "1b:c:f:k:n:t:w:")) != -1;) {
		switch (c) {
		case '1':
			is_once = true;
			break;
		case 'b':
			batch = strtoul(optarg, NULL, 10);
			break;
		case 'c':
			clients = strtoul(optarg, NULL, 10);
			break;
		case 'f':
			form = parse_form(optarg);
			break;
		case 'k':
			kind = optarg;
			break;
		case 'n':
			requests_wanted = strtoul(optarg, NULL, 10);
			break;
		case 't':
			seconds = strtod(optarg, NULL);
			break;
		case 'w':
			wait_ms = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind < 2 || !batch || !clients)
		errx(2, "see the head of %s", __FILE__);
	port = (unsigned)strtoul(argv[optind++], NULL, 10);
	target_count = (size_t)(argc - optind);
	targets = calloc(target_count, sizeof(*targets));
	if (!targets)
		err(1, "memory");
	for (size_t i = 0; i < target_count; i++)
		read_target(&targets[i], argv[optind + (int)i]);
	if (is_once)
		requests_wanted = target_count;
	else if (seconds > 0)
		until = now() + seconds;
	run(clients);
	return 0;
}
