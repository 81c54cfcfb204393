/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every metric, in one table. Include with the four macros defined:
 *
 * LABELS(SET, "label", "value", …)	a label and all the values it can have
 * COUNTER(NAME, SET1, SET2, "name", "help")
 * GAUGE(NAME, SET1, SET2, "name", "help")
 * HISTOGRAM(NAME, SET1, SET2, "name", "help")	in nanoseconds, shown in seconds
 *
 * NONE is no label. Names get the prefix symbolized_. Base units. Never a build
 * ID, a path or an error text as label.
 */
LABELS(ROUTE, "route", "executable", "debuginfo", "source", "section", "meta",
       "gsym", "symbolize", "symbolicate", "metadata", "query", "metrics",
       "healthz", "readyz", "home", "other")
LABELS(CODE, "code", "200", "204", "206", "302", "304", "400", "404", "405",
       "406", "413", "415", "416", "429", "431", "500", "502", "503", "504",
       "other")
LABELS(SOURCE, "source", "elf", "kmod", "deb", "rpm", "tar", "archive",
       "command", "none")
LABELS(PASSED_OVER, "reason", "long_path", "sparse", "no_size", "link",
       "special")
LABELS(MET, "type", "file", "skipped_include", "skipped_exclude", "directory",
       "symlink", "other", "error")
LABELS(KIND, "kind", "no_memory", "bad_request", "too_large", "bad_data",
       "unsupported", "limit", "io", "database", "worker", "upstream", "busy",
       "no_space")
LABELS(ORIGIN, "origin", "file", "cache", "archive", "upstream")
LABELS(CAUSE, "cause", "exit", "signal", "deadline", "memory", "cpu", "sandbox")
LABELS(MECHANISM, "mechanism", "no_new_privs", "not_dumpable", "limits",
       "capabilities", "network_namespace", "landlock", "seccomp")
LABELS(POOL, "pool", "scan", "answer", "build", "partial")
LABELS(STAGE, "stage", "queued", "running")
LABELS(ROLE, "role", "executable", "debuginfo")
LABELS(CACHE_OP, "op", "hit", "miss", "insert", "evict", "reject", "bypass")
LABELS(TABLE_OP, "op", "hit", "miss", "load", "build", "partial", "keep",
       "evict", "drop", "damaged", "outdated")
LABELS(WHERE, "where", "disk", "memory")
LABELS(WHOLE, "table", "whole", "partial")
LABELS(MODULE_STATUS, "status", "ok", "pending", "absent", "upstream_error",
       "malformed", "too_large", "unsupported")
LABELS(REASON, "reason", "ok", "no_symbol", "no_line", "unmapped_offset",
       "bad_address", "module_pending", "module_absent", "no_build_id")
/* What each is: symbolized-limits(7). */
LABELS(LIMIT, "limit", "connections", "connections_per_address",
       "requests_per_address", "request_memory", "header_size", "header_fields",
       "header_time", "body_size", "body_time", "send_rate", "batch",
       "query_ids", "suspended_requests", "queued_jobs", "answer_time",
       "split_copies", "dwarf", "upstream_metadata", "json_depth", "hops",
       "pattern_size", "source_names", "source_lists", "other")
LABELS(TABLE, "table", "containers", "artifacts", "build_ids", "source_dirs",
       "points", "directories", "ignored")

LABELS(UPSTREAM, "upstream", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10",
       "11", "12", "13", "14", "15")
LABELS(OUTCOME, "outcome", "found", "absent", "transient", "malformed",
       "mismatch", "too_large", "cancelled")

COUNTER(HTTP_REQUESTS, ROUTE, CODE, "http_requests_total",
	"Answered HTTP requests")
HISTOGRAM(HTTP_SECONDS, ROUTE, NONE, "http_request_duration_seconds",
	  "From the first byte of the request to the last of the answer")
COUNTER(HTTP_BYTES, ROUTE, NONE, "http_response_bytes_total",
	"Bytes of answer bodies sent, without those that were broken off")
GAUGE(HTTP_CONNECTIONS, NONE, NONE, "http_connections", "Open connections")
GAUGE(HTTP_SUSPENDED, NONE, NONE, "http_suspended_requests",
      "Requests that wait for a job")
COUNTER(HTTP_REFUSED, NONE, NONE, "http_refused_total",
	"Requests answered 503 or 429 because there was too much to do")

COUNTER(LIMITS_REACHED, LIMIT, NONE, "limits_reached_total",
	"Times that a limit was reached, by its name in symbolized-limits(7)")
GAUGE(HTTP_HELD, NONE, NONE, "http_held_bytes",
      "Memory that bodies of requests, as received and decoded, batches "
      "that wait and answers under way take")

COUNTER(ARTIFACTS_SERVED, ORIGIN, NONE, "artifacts_served_total",
	"Artifacts found, by where they came from")
COUNTER(ARTIFACTS_ABSENT, NONE, NONE, "artifacts_absent_total",
	"Artifacts asked for and not there")
COUNTER(ARTIFACTS_STALE, NONE, NONE, "artifacts_stale_total",
	"Places passed over because the file had changed or gone")
COUNTER(ARTIFACTS_CONFLICTING, NONE, NONE, "artifacts_conflicting_total",
	"Times that files of one build ID and quality were not the same")
COUNTER(FLIGHTS_SHARED, NONE, NONE, "flights_shared_total",
	"Requests that shared the work of an identical one")
COUNTER(FLIGHTS_DISMISSED, NONE, NONE, "flights_dismissed_total",
	"Requests whose clients had left before their turn came")
GAUGE(FLIGHTS_WAITING, NONE, NONE, "flights_waiting_requests",
      "Requests that wait for the work of an identical one")
HISTOGRAM(EXTRACT_SECONDS, SOURCE, NONE, "extract_duration_seconds",
	  "Extracting one member or section of an archive")
COUNTER(CACHE_OPS, CACHE_OP, NONE, "cache_operations_total",
	"Disk cache operations")
GAUGE(CACHE_BYTES, NONE, NONE, "cache_bytes", "Bytes in the disk cache")
GAUGE(CACHE_FILES, NONE, NONE, "cache_files", "Files in the disk cache")

COUNTER(SYMBOLIZE_BATCHES, NONE, NONE, "symbolize_batches_total",
	"Batches of addresses answered")
COUNTER(SYMBOLIZE_MODULES, MODULE_STATUS, NONE, "symbolize_modules_total",
	"Modules of batches, by what became of them")
COUNTER(SYMBOLIZE_ADDRESSES, REASON, NONE, "symbolize_addresses_total",
	"Addresses of batches, by how they were answered")
COUNTER(SYMBOLIZE_FRAMES, NONE, NONE, "symbolize_frames_total",
	"Frames that addresses were answered with")
GAUGE(SYMBOLIZE_WAITING, NONE, NONE, "symbolize_waiting_batches",
      "Batches that wait for a table")
GAUGE(TABLE_FLIGHTS, STAGE, NONE, "symbol_table_flights",
      "Tables being fetched or built")
COUNTER(TABLE_OPS, TABLE_OP, NONE, "symbol_table_operations_total",
	"What was done with compiled tables")
HISTOGRAM(TABLE_BUILD_SECONDS, WHOLE, NONE,
	  "symbol_table_build_duration_seconds",
	  "Building a table, from its files to the last byte")
GAUGE(TABLE_BYTES, WHERE, NONE, "symbol_table_bytes",
      "Bytes of compiled tables")
GAUGE(TABLES, WHERE, NONE, "symbol_tables", "Compiled tables")

COUNTER(UPSTREAM_REQUESTS, UPSTREAM, OUTCOME, "upstream_requests_total",
	"Requests to upstream servers, by their number and how they ended")
HISTOGRAM(UPSTREAM_SECONDS, UPSTREAM, NONE, "upstream_header_duration_seconds",
	  "From a request to an upstream server to the end of its header")
COUNTER(UPSTREAM_BYTES, UPSTREAM, NONE, "upstream_received_bytes_total",
	"Bytes of bodies from upstream servers, decoded")
GAUGE(UPSTREAM_BREAKER, UPSTREAM, NONE, "upstream_breaker_state",
      "0: asked; 1: tried again; 2: left alone after failures")
GAUGE(UPSTREAM_RUNNING, NONE, NONE, "upstream_running_requests",
      "Requests to upstream servers under way")
COUNTER(UPSTREAM_FETCHES, OUTCOME, NONE, "upstream_fetches_total",
	"Artifacts fetched from upstream servers, by how that ended")
COUNTER(UPSTREAM_HEDGES, NONE, NONE, "upstream_hedges_total",
	"Times that another upstream server was asked because one was slow")
COUNTER(UPSTREAM_SPARED, NONE, NONE, "upstream_spared_requests_total",
	"Requests not made because their outcome was known")

GAUGE(SCAN_ACTIVE, NONE, NONE, "scan_active", "1 while a scan runs")
COUNTER(SCANS, NONE, NONE, "scans_total", "Scans of all paths finished")
COUNTER(SCAN_FAILURES, KIND, NONE, "scan_failures_total",
	"Scans that ended halfway, by kind of error")
GAUGE(SCAN_SECONDS, NONE, NONE, "scan_last_duration_seconds",
      "How long the last finished scan took")
GAUGE(SCAN_FINISHED, NONE, NONE, "scan_last_finished_timestamp_seconds",
      "When the last scan finished, seconds since 1970")
GAUGE(SCAN_PENDING, NONE, NONE, "scan_pending_files",
      "Files found and not yet looked into")
COUNTER(SCAN_VISITED, NONE, NONE, "scan_visited_files_total",
	"Regular files met in walks")
COUNTER(SCAN_TRAVERSED, MET, NONE, "scan_traversed_total",
	"What was met in walks; one file can be skipped for two reasons")
COUNTER(SCAN_FILES, SOURCE, NONE, "scan_files_total",
	"Files looked into, by scanner")
COUNTER(SCAN_BYTES, SOURCE, NONE, "scan_bytes_total",
	"Size of the files looked into")
COUNTER(SCAN_FOUND, ROLE, NONE, "scan_artifacts_found_total",
	"Artifacts found in scans")
COUNTER(SCAN_FAILED, KIND, NONE, "scan_failed_files_total",
	"Files that could not be read, by kind of error")
COUNTER(SCAN_REMOVED, NONE, NONE, "scan_removed_files_total",
	"Files that were gone and have been forgotten")
COUNTER(SCAN_ASSISTED, NONE, NONE, "scan_assisted_blocks_total",
	"Blocks of large archives that idle workers decoded for the one that "
	"scanned")
COUNTER(SCAN_PASSED_OVER, PASSED_OVER, NONE, "scan_members_passed_over_total",
	"Entries of archives, other than directories, that were not looked "
	"into; those for the first three reasons are files, and logged")
COUNTER(SCAN_NO_ID, NONE, NONE, "scan_elf_without_id_total",
	"ELF files without a usable build ID, not indexed")

GAUGE(WORKER_JOBS, POOL, STAGE, "worker_jobs", "Jobs of the worker processes")
COUNTER(WORKER_DEATHS, POOL, CAUSE, "worker_deaths_total",
	"Worker processes that ended by themselves, in the middle of a job; "
	"sandbox: for a system call that no job needs, at any time")
GAUGE(WORKER_SANDBOX, MECHANISM, NONE, "worker_sandbox",
      "1 for what holds worker processes, 0 for what this machine lacks")
COUNTER(WORKER_STARTS, POOL, NONE, "worker_starts_total",
	"Worker processes started")

GAUGE(INDEX_ROWS, TABLE, NONE, "index_rows", "Rows in the index")
GAUGE(INDEX_BYTES, NONE, NONE, "index_bytes", "Size of the index on disk")
GAUGE(INDEX_FAILED, NONE, NONE, "index_failed_files",
      "Files recorded as unreadable")
GAUGE(GROOM_ACTIVE, NONE, NONE, "groom_active", "1 while the index is groomed")
COUNTER(GROOMS, NONE, NONE, "grooms_total", "Grooms ended")
COUNTER(GROOM_FRESH, NONE, NONE, "groom_fresh_files_total",
	"Files that grooms found where they were")
COUNTER(GROOM_REMOVED, TABLE, NONE, "groom_removed_rows_total",
	"Rows removed by grooming")
GAUGE(READY, NONE, NONE, "ready", "1 when answers can be given")
