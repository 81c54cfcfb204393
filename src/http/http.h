/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The HTTP server: routes, limits, and the adapter to libmicrohttpd.
 *
 * schema/http.md says what it answers. What it stands on is a store; what it
 * knows of scanning comes through one callback. Nothing of libmicrohttpd
 * passes src/http/mhd.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/error.h"
#include "store/store.h"
#include "upstream/upstream.h"
#include "symbolize/symbolize.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/** What `/` and `/readyz` say beside what the store knows. */
struct http_status {
	bool is_scanning;
	uint64_t scan_done;      /* files of the running scan, looked into */
	uint64_t scan_pending;   /* found and not yet looked into */
	int64_t scan_finished_s; /* last scan that finished, since 1970; 0 */
	uint64_t build_ids, artifacts, containers, failed;
	/** NULL, or why there is no answer to be given yet. Static text. */
	const char *not_ready;
	/** NULL, or what does not go as it should while answers are given.
	 * Static text. */
	const char *degraded;
};

/** Fill @p ret, which is zeroed. Called on an HTTP thread: must not wait. */
typedef void (*http_status_fn)(void *ctx, struct http_status *ret);

static const unsigned HTTP_NO_LIMIT = UINT_MAX;

struct debuginfod_options;

/** 0 takes the default that stands behind a number. Borrowed for as long as
 * the server lives. */
struct http_options {
	/** A literal address and a port: "127.0.0.1:8002", "[::1]:0"; ":8002"
	 * is all addresses of both families. Not looked at when listen_fd is
	 * given. */
	const char *listen;
	int listen_fd;             /* a listening socket, taken; or -1 */
	bool owns_listen_fd;       /* nobody else listens on it */
	unsigned threads;          /* one a core, at most 16 */
	unsigned connection_limit; /* 8192, lowered to fit RLIMIT_NOFILE */
	/** 500 connections of one address; of one that a trusted proxy speaks
	 * for, requests under way. */
	unsigned per_ip_limit;
	unsigned suspended_limit;  /* 2048 requests that wait for a job */
	unsigned idle_timeout_s;   /* 60, of a connection */
	unsigned artifact_wait_ms; /* 80000: see schema/http.md, Waiting */
	unsigned answer_wait_ms;   /* 20000, of routes that read the index */
	unsigned metadata_ms;      /* 5000 for one search; or HTTP_NO_LIMIT */
	unsigned head_ms;          /* 20000 for all of a header to arrive */
	unsigned body_ms;          /* 30000 for all of a body to arrive */
	unsigned send_ms;          /* 30000 in which 120 KiB must be taken */
	size_t body_limit_bytes;   /* 16 MiB, decoded */
	size_t answer_limit_bytes; /* 64 MiB, of JSON and its like */
	/** 512 MiB for bodies and answers of all requests together. */
	size_t memory_limit_bytes;
	/** Addresses and ranges whose X-Forwarded-For is believed, as
	 * address_ranges_parse() reads them; NULL: none. */
	const char *trusted_proxies;
	/** NULL, or answer as elfutils' debuginfod: http/debuginfod.h. */
	const struct debuginfod_options *debuginfod;
	bool has_cors;
	bool hide_paths;     /* no paths of this machine in answers */
	const char *version; /* for `/` */
	struct store *store;
	/** The store's, or NULL: for their state and their mark. */
	struct upstreams *upstreams;
	/** For a request of that many hops none of them is asked; 0: never. The
	 * debuginfod dialect tells a miss in other words then. */
	unsigned long forwarded_ttl_limit;
	struct symbolizer *symbolizer; /* NULL: addresses are not answered */
	http_status_fn status;         /* may be NULL */
	void *status_ctx;
};

struct http_server;

/**
 * Listen and answer, on threads of its own.
 *
 * @param[in] options Borrowed until http_stop() returns.
 * @return BAD_REQUEST if an address cannot be understood, IO (with the
 * address) if it cannot be had, NO_MEMORY.
 */
MUST_CHECK struct error *http_start(const struct http_options *options,
				    struct http_server **ret);

/** The port it listens on: the real one where 0 was asked for. 0 for a socket
 * that has none. */
uint16_t http_port(const struct http_server *server);

/** What was started, for a log. */
struct http_facts {
	const char *families; /* "IPv4 IPv6", "IPv4" or "IPv6". Static */
	uint16_t port;
	unsigned threads;
	const char *library_version; /* of libmicrohttpd. Static */
};
void http_describe(const struct http_server *server, struct http_facts *ret);

/** From now on `/readyz` says 503 and every answer ends its connection. New
 * connections are still taken. Threads: any; safe twice. */
void http_drain(struct http_server *server);

/**
 * Stop accepting, let running requests finish for at most @p deadline_ms, give
 * up those that still wait for a job, end all threads. Frees the server.
 *
 * The store may still be working on what was given up: its late answers are
 * thrown away. The store must be closed after this, not before.
 *
 * @param[in] server Taken. NULL is allowed.
 */
void http_stop(struct http_server *server, unsigned deadline_ms);

#endif
