/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of another server, through libcurl: headers, redirections, bodies.
 *
 * Input: u8 flags; then what is sent on one connection after the other, with a
 * line "%%" between.
 *
 * The transfers are those of src/upstream/transfer.c; the race, which judges
 * them, is here. A proxy named in the environment is this program, too: so
 * wherever a redirection leads, nothing leaves the machine.
 *
 * Beyond what the sanitizers see: what is said of an answer is printable and
 * within its bounds; a body is whole exactly if its announced length came; a
 * transfer is found only if its header was accepted; and nobody is sent to a
 * private address.
 */
#include "config.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "upstream/address.h"
#include "upstream/engine.h"

enum {
	IS_SURVEY = 1 << 0,
	USES_GET = 1 << 1,
	REFUSES_ANSWER = 1 << 2,
	REFUSES_DATA = 1 << 3,
	IS_SMALL = 1 << 4,  /* little is allowed */
	IS_DIRECT = 1 << 5, /* it does not know of the proxy */
	ALLOWED = 1 << 20,
	ALLOWED_SMALL = 100,
	TURNS_MAX = 3000,
	/* After so many without anything to do it is waited for. */
	BUSY_TURNS = 50,
};

#define HOST "up.example"

static struct upstreams engine;
static struct upstream_list list;
static struct server server;
static const struct upstream_receiver receiver;
static int listener;

/* The one transfer. */
static struct state {
	struct upstream_fetch *fetch;
	unsigned flags;
	const uint8_t *data; /* still to be sent */
	size_t left;
	int peer; /* -1: nobody is connected */
	bool is_answered;
	bool has_answer, has_ended;
	int64_t size; /* as announced */
	uint64_t received;
} now;

/* ---- The race ------------------------------------------------------------ */

static void check_text(const char *s)
{
	for (; s && *s; s++)
		assert((unsigned char)*s >= ' ' && *s != 0x7f);
}

bool race_answer(struct attempt *a, struct upstream_answer *answer)
{
	assert(a == &now.fetch->attempts[0] && !now.has_answer);
	assert(!(now.flags & IS_SURVEY));
	check_text(answer->file);
	check_text(answer->archive);
	check_text(answer->etag);
	check_text(answer->signature);
	assert(!answer->signature ||
	       strspn(answer->signature, "0123456789abcdefABCDEF") ==
		       strlen(answer->signature));
	assert(answer->size >= UPSTREAM_SIZE_UNKNOWN &&
	       (answer->mtime > 0 || answer->mtime == CLOCK_NO_DATE));
	assert(answer->size < 0 ||
	       (uint64_t)answer->size <= engine.options.max_bytes);
	now.has_answer = !(now.flags & REFUSES_ANSWER);
	now.size = answer->size;
	return now.has_answer;
}

bool race_data(struct attempt *a, const void *bytes, size_t size)
{
	static volatile uint8_t last;

	assert(a == &now.fetch->attempts[0] && now.has_answer && size);
	last = ((const uint8_t *)bytes)[size - 1];
	(void)last;
	now.received += size;
	assert(now.received <= engine.options.max_bytes);
	return !(now.flags & REFUSES_DATA);
}

void race_finished(struct attempt *a, const struct transfer_end *e,
		   int64_t now_ms)
{
	(void)now_ms;
	assert(a == &now.fetch->attempts[0] && !a->transfer && !now.has_ended);
	assert(e->cause < UPSTREAM_CAUSES && e->why && *e->why);
	assert(e->retry_after_ms >= 0 && e->retry_after_ms <= 60000);
	if (e->cause == UPSTREAM_FOUND && !(now.flags & IS_SURVEY)) {
		assert(now.has_answer && e->status == 200);
		assert(now.size < 0 || (uint64_t)now.size == now.received);
	}
	now.has_ended = true;
}

/* ---- The server ---------------------------------------------------------- */

/* Only the host that was named may be one of ours. */
static void check_request(const char *line)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	const char *host = strstr(line, "://");
	char text[INET_ADDRSTRLEN] = "";

	host = host ? host + 3 : strchr(line, ' ');
	host += host && *host == ' ';
	if (!host || !memchr(host, '.', strlen(host)))
		return;
	size_t n = strspn(host, "0123456789.");

	if (n >= sizeof(text))
		return;
	memcpy(text, host, n);
	if (host[n] == ':' || host[n] == '/' || host[n] == ' ')
		assert(inet_pton(AF_INET, text, &v4.sin_addr) != 1 ||
		       !address_is_private((struct sockaddr *)&v4));
}

static void send_next(void)
{
	static const char mark[] = "%%\n";
	const uint8_t *end = memmem(now.data, now.left, mark, 3);
	size_t n = end ? (size_t)(end - now.data) : now.left;
	ssize_t sent = send(now.peer, now.data, n, MSG_NOSIGNAL);

	(void)sent;
	shutdown(now.peer, SHUT_WR);
	n += end ? 3 : 0;
	now.data += n;
	now.left -= n;
}

/* So that no port stays taken for a minute. */
static void hang_up(void)
{
	static const struct linger at_once = { .l_onoff = 1 };

	if (now.peer < 0)
		return;
	setsockopt(now.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(now.peer);
	now.peer = -1;
}

/* A request comes in one piece. */
static void answer(void)
{
	char request[4096];
	ssize_t n = recv(now.peer, request, sizeof(request) - 1, MSG_DONTWAIT);

	if (n <= 0)
		return;
	request[n] = '\0';
	check_request(request);
	send_next();
	now.is_answered = true;
}

static void serve(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		hang_up();
		now.peer = fd;
		now.is_answered = false;
	}
	if (now.peer >= 0 && !now.is_answered)
		answer();
}

static void start(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	char url[64];

	listener =
		socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, size) ||
	    listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&at, &size))
		abort();
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(at.sin_port));
	if (setenv("http_proxy", url, 1) || setenv("https_proxy", url, 1) ||
	    setenv("all_proxy", url, 1) || unsetenv("no_proxy") ||
	    unsetenv("NO_PROXY"))
		abort();
	upstream_list_init(&list);
	engine.options.list = &list;
	if (upstream_list_add_header(&list, "X-Secret: s3cr3t") ||
	    upstream_list_add(&list, "http://" HOST " http://b.example",
			      false) ||
	    transfer_setup(&engine))
		abort();
	server.spec = &list.v[0];
}

static void begin(void)
{
	static struct upstream_hop nobody;
	struct upstream_fetch *f = now.fetch;

	f->engine = &engine;
	f->hop = &nobody;
	f->path = mem_strdup("/buildid/aabb/debuginfo");
	f->receiver = now.flags & IS_SURVEY ? NULL : &receiver;
	f->uses_get = now.flags & USES_GET;
	f->count = 1;
	engine.has_proxy = !(now.flags & IS_DIRECT);
	engine.options.max_bytes =
		now.flags & IS_SMALL ? ALLOWED_SMALL : ALLOWED;
	f->limit_bytes = engine.options.max_bytes;
	f->attempts[0] = (struct attempt) {
		.fetch = f,
		.server = &server,
		.state = ATTEMPT_RUNNING,
	};
	f->attempts[0].transfer = transfer_begin(&f->attempts[0], clock_ms());
	if (!f->path || !f->attempts[0].transfer)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!listener)
		start();
	if (!size)
		return 0;
	now = (struct state) {
		.fetch = calloc(1, sizeof(*now.fetch) + sizeof(struct attempt)),
		.flags = data[0],
		.data = data + 1,
		.left = size - 1,
		.peer = -1,
	};
	if (!now.fetch)
		abort();
	begin();
	for (unsigned i = 0; i < TURNS_MAX && !now.has_ended; i++) {
		transfer_perform(&engine, i < BUSY_TURNS ? 0 : 1);
		serve();
	}
	/* One that goes on for ever is ended by a limit of time. */
	transfer_drop(now.fetch->attempts[0].transfer);
	hang_up();
	mem_free(now.fetch->path);
	free(now.fetch);
	return 0;
}
