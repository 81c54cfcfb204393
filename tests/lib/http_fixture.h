/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A server of src/http on a loopback port with a made-up store, and a client
 * that can be as rude as it likes. For tests: what goes wrong fails the case.
 *
 *	set_up();  options may be changed here  start();
 *	CLEANUP_CLOSE int fd = dial();
 *	CLEANUP_ANSWER struct answer a = ask(fd, GET("/healthz"));
 *	stop(100);
 */
#ifndef LIB_HTTP_FIXTURE_H
#define LIB_HTTP_FIXTURE_H

#include "base/mem.h"
#include "http/http.h"
#include "tests/lib/fake_store.h"

#include <stdbool.h>
#include <stddef.h>

enum { LARGE = 3 << 20 };

/** Of executable aa00; of debuginfo aa02 (150 ms), aa03 (never), aa04 (at
 * once) and aa06 (soon). aa05 is BUSY. */
extern const char text[];
/** Of debuginfo aa01, artifact number 1. */
extern char large[LARGE];

extern struct store *store;
extern struct http_options options;
extern struct http_server *server;

/** Store and options. */
void set_up(void);
void start(void);
/** Server and store. */
void stop(unsigned deadline_ms);

struct answer {
	unsigned status; /* 0: the connection ended instead */
	char head[4096];
	char *body; /* owned */
	size_t size;
};

static inline void cleanup_answer(struct answer *a)
{
	mem_free(a->body);
}
#define CLEANUP_ANSWER CLEANUP(cleanup_answer)

/** @param[in] room Of the receive buffer; NULL leaves it. */
int dial_with(const int *room);
int dial(void);
void say_n(int fd, const char *data, size_t size);
void say(int fd, const char *data);
/** Value of a header; NULL. Valid until the thread's next call. */
const char *header(const struct answer *a, const char *name);
/** The next answer; what comes before it with 100 is passed over. */
struct answer hear(int fd, bool is_head);
struct answer ask(int fd, const char *request);
/** Wait for the other side to end the connection. */
bool is_closed(int fd);
/** Status of a request on a connection of its own. */
unsigned get_once(const char *request);
/** Wait until /metrics has that text. */
void wait_until(const char *line);

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEAD(path) "HEAD " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define ELFUTILS(path)                                     \
	"GET " path " HTTP/1.1\r\nHost: a\r\nUser-Agent: " \
	"elfutils/0.188\r\n\r\n"

#define POST(headers, body)                            \
	"POST /buildids/query HTTP/1.1\r\nHost: a\r\n" \
	"Content-Type: application/json\r\n" headers "\r\n" body

#endif
