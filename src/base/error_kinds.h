/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of error: its exit code, HTTP status and metric label, in one
 * line. Include with ERROR_KIND(name, exit, http, label) defined. */
ERROR_KIND(NO_MEMORY, 71, 503, "no_memory")
ERROR_KIND(BAD_REQUEST, 64, 400, "bad_request")
ERROR_KIND(TOO_LARGE, 75, 406, "too_large")
ERROR_KIND(BAD_DATA, 65, 500, "bad_data")
ERROR_KIND(UNSUPPORTED, 65, 500, "unsupported")
ERROR_KIND(LIMIT, 65, 500, "limit")
ERROR_KIND(IO, 74, 500, "io")
ERROR_KIND(DATABASE, 70, 503, "database")
ERROR_KIND(WORKER, 70, 503, "worker")
ERROR_KIND(UPSTREAM, 69, 502, "upstream")
ERROR_KIND(BUSY, 75, 503, "busy")
ERROR_KIND(NO_SPACE, 74, 503, "no_space")
