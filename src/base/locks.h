/* SPDX-License-Identifier: Apache-2.0 */
/* Every lock class, in nesting order: a thread that holds one may take only
 * those further down. Include with LOCK(name, guards) defined. */
LOCK(COMMAND, "the phases of a command: stop requested, scan running")
LOCK(HTTP, "list of suspended requests")
LOCK(SYMBOLIZE, "batches that wait, and builds under way")
LOCK(SYMBOLIZE_TABLES, "compiled tables on disk and mapped")
LOCK(STORE_FLIGHT, "flights under way and who waits for them")
LOCK(STORE_FETCH, "one extraction, shared by its parts")
LOCK(STORE_CACHE, "the list of files in the disk cache")
LOCK(STORE_MEMO, "answers kept in memory")
LOCK(STORE_POISON, "what failed lately in a worker")
LOCK(SCAN_QUEUE, "files found and not yet handed to a worker")
LOCK(SCAN_BATCH, "finished containers waiting for one transaction")
LOCK(WORKER_QUEUE, "jobs waiting for a worker, and the workers' states")
LOCK(WORKER_PROCESS, "a worker's pid, so that nobody else's is killed")
LOCK(POOL, "jobs waiting for a thread")
LOCK(INDEX, "the writer's connection")
LOCK(LOG, "rate limits of the log")
