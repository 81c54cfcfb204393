/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the index costs, in CPU time: `make tests/unit/bench_index` and run it
 * with a directory to work in. Not part of `make check`.
 */
#include "config.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "index/index.h"

enum {
	TREE_FILES = 3237,
	BATCH = 64,
	ARCHIVES = 100,
	ARTIFACTS = 500,
	FINDS = 100000,
};

static uint64_t state = 42;

static uint64_t random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

static void random_bytes(void *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = (uint8_t)(random_u64() >> 32);
}

static void must(struct error *err)
{
	if (!err)
		return;
	fprintf(stderr, "%s\n", error_message(err));
	exit(1);
}

static double cpu_s(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct timer {
	double cpu, wall;
};

static struct timer timer_start(void)
{
	return (struct timer) { cpu_s(CLOCK_PROCESS_CPUTIME_ID),
				cpu_s(CLOCK_MONOTONIC) };
}

static void timer_report(struct timer t, const char *what, double count)
{
	double cpu = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - t.cpu;
	double wall = cpu_s(CLOCK_MONOTONIC) - t.wall;

	printf("%-34s %8.3f CPU s %8.3f s %9.2f us each\n", what, cpu, wall,
	       1e6 * cpu / count);
}

static struct build_id ids[TREE_FILES + ARCHIVES * ARTIFACTS];
static size_t id_count;

static const struct index_segment segments[] = {
	{ 0, 0, 0x1234, 0x1234, 4 },
	{ 0x2000, 0x2000, 0x41235, 0x41235, 5 },
	{ 0x44000, 0x44000, 0x9876, 0x9876, 4 },
	{ 0x4e000, 0x4f000, 0x1500, 0x2800, 6 },
};

static uint8_t sources[4096], files[400];

static void fill_artifact(struct index_artifact *a)
{
	static const uint8_t id_sizes[] = { 20, 20, 20, 16, 8 };
	size_t size = id_sizes[random_u64() % 5];

	memset(a, 0, sizeof(*a));
	a->is_gnu = true;
	a->id.len = (uint8_t)size;
	random_bytes(a->id.bytes, size);
	random_bytes(a->htlhash, 16);
	random_bytes(a->breakpad_guid, 16);
	a->roles = 1 + (unsigned)(random_u64() % 2);
	a->quality = (unsigned)(random_u64() % 5);
	a->size = 100000 + random_u64() % 1000000;
	a->mtime = 1700000000;
	a->machine = 62;
	a->type = 3;
	a->elf_class = 64;
	a->segments = segments;
	a->segment_count = 4;
	a->sources = sources;
	a->sources_size = a->roles == 2 ? 200 + random_u64() % 3000 : 0;
	a->source_count = a->sources_size / 20;
	ids[id_count++] = a->id;
}

static void put_tree(struct index *ix)
{
	static struct index_container batch[BATCH];
	static struct index_artifact artifacts[BATCH];
	static char paths[BATCH][128];

	for (size_t done = 0; done < TREE_FILES;) {
		size_t count =
			TREE_FILES - done < BATCH ? TREE_FILES - done : BATCH;

		for (size_t i = 0; i < count; i++, done++) {
			fill_artifact(&artifacts[i]);
			artifacts[i].is_gnu = true;
			snprintf(paths[i], sizeof(paths[i]),
				 "/srv/tree/package-%zu/usr/lib/"
				 "x86_64-linux-gnu/libexample-%zu.so.1",
				 done / 20, done);
			batch[i] = (struct index_container) {
				.path = paths[i],
				.stamp = { 1700000000000000000 + (int64_t)done,
					   1700000000000000000, 100000,
					   1000 + done },
				.scanner = "elf",
				.artifacts = &artifacts[i],
				.artifact_count = 1,
			};
		}
		must(index_put_containers(ix, batch, count));
	}
}

static void put_archive(struct index *ix, size_t number)
{
	static struct index_artifact artifacts[ARTIFACTS];
	static struct index_source_dir dirs[ARTIFACTS];
	static char members[ARTIFACTS][128], names[ARTIFACTS][128];
	char path[128];

	for (size_t i = 0; i < ARTIFACTS; i++) {
		fill_artifact(&artifacts[i]);
		snprintf(members[i], sizeof(members[i]),
			 "./usr/lib/debug/.build-id/%02zx/%016" PRIx64
			 "%016" PRIx64 ".debug",
			 i % 256, random_u64(), random_u64());
		artifacts[i].member = members[i];
		artifacts[i].ordinal = i;
		artifacts[i].offset = i * 100000;
		snprintf(names[i], sizeof(names[i]),
			 "/usr/src/debug/example-%zu.1.2-3.x86_64/src/module/"
			 "part-%zu",
			 number, i);
		dirs[i] = (struct index_source_dir) { names[i], files,
						      40 + random_u64() % 300 };
	}
	snprintf(path, sizeof(path), "/srv/packages/%c/example-%zu.rpm",
		 (int)('a' + number % 26), number);
	const struct index_container c = {
		.path = path,
		.stamp = { 1700000000000000000, 1700000000000000000, 1000000,
			   5000 + number },
		.scanner = "rpm",
		.payload_codec = 6,
		.payload_offset = 12345,
		.payload_size = 1000000,
		.artifacts = artifacts,
		.artifact_count = ARTIFACTS,
		.source_dirs = dirs,
		.source_dir_count = ARTIFACTS,
	};
	must(index_put_containers(ix, &c, 1));
}

static struct error *count_known(void *ctx, const struct index_known *k)
{
	(void)k;
	++*(size_t *)ctx;
	return NULL;
}

static bool count_hit(void *ctx, const struct index_name_hit *hit)
{
	(void)hit;
	++*(size_t *)ctx;
	return true;
}

static void measure_reads(const char *dir)
{
	struct index_reader *r;
	struct index_places places;
	size_t found = 0;
	bool complete;
	struct timer t = timer_start();

	must(index_reader_open(dir, &r));
	timer_report(t, "reader open", 1);
	for (int round = 0; round < 2; round++) {
		t = timer_start();
		for (size_t i = 0; i < FINDS; i++) {
			must(index_find(r, &ids[random_u64() % id_count], 3,
					&places));
			found += places.count;
			index_places_deinit(&places);
		}
		timer_report(t, round ? "index_find, warm" : "index_find",
			     FINDS);
	}
	t = timer_start();
	for (size_t i = 0; i < FINDS; i++) {
		struct build_id id = { .len = 20 };

		random_bytes(id.bytes, 20);
		must(index_find(r, &id, 3, &places));
		found += places.count;
		index_places_deinit(&places);
	}
	timer_report(t, "index_find, unknown", FINDS);
	found = 0;
	t = timer_start();
	for (int i = 0; i < 20; i++)
		must(index_each_known(r, "/", count_known, &found));
	timer_report(t, "index_each_known", (double)found);
	found = 0;
	t = timer_start();
	must(index_search_names(r, "/usr/lib/*/nothing*", true, NULL, count_hit,
				&found, &complete));
	timer_report(t, "index_search_names, all", (double)id_count);
	t = timer_start();
	for (int i = 0; i < 1000; i++)
		must(index_search_names(r,
					"/srv/tree/*/usr/lib/*/"
					"libexample-77.so.1",
					true, NULL, count_hit, &found,
					&complete));
	timer_report(t, "index_search_names, literal base", 1000);
	index_reader_close(r);
}

struct load {
	const char *dir;
	atomic_bool *stop;
	atomic_size_t finds;
};

static void *read_steadily(void *ctx)
{
	struct load *load = ctx;
	struct index_reader *r;
	struct index_places places;

	must(index_reader_open(load->dir, &r));
	while (!atomic_load(load->stop)) {
		must(index_find(r, &ids[(size_t)load->finds % id_count], 3,
				&places));
		index_places_deinit(&places);
		atomic_fetch_add(&load->finds, 1);
	}
	index_reader_close(r);
	return NULL;
}

/* Write transactions of the largest containers. */
static void measure_large(struct index *ix)
{
	enum { UNITS = 262144, MEMBERS = 100000 };
	struct index_artifact dwp, *artifacts;
	uint64_t *units = mem_array(UNITS, sizeof(*units));
	struct index_container c = {
		.path = "/srv/large/x.dwp",
		.stamp = { 1700000000000000000, 1700000000000000000, 1, 1 },
		.scanner = "elf",
		.artifacts = &dwp,
		.artifact_count = 1,
	};

	if (!units)
		abort();
	id_count = 0;
	fill_artifact(&dwp);
	dwp.split_ids = units;
	for (size_t count = 8192; count <= UNITS; count *= 32) {
		random_bytes(units, count * sizeof(*units));
		dwp.split_id_count = count;
		struct timer t = timer_start();

		must(index_put_containers(ix, &c, 1));
		timer_report(t,
			     count == UNITS ? ".dwp of 262,144 units"
					    : ".dwp of 8,192 units",
			     (double)count);
	}
	mem_free(units);
	artifacts = mem_array(MEMBERS, sizeof(*artifacts));
	if (!artifacts)
		abort();
	for (size_t i = 0; i < MEMBERS; i++) {
		id_count = 0;
		fill_artifact(&artifacts[i]);
		artifacts[i].member = "./usr/lib/x";
	}
	c.path = "/srv/large/x.deb";
	c.artifacts = artifacts;
	for (size_t count = 1000; count <= MEMBERS; count *= 10) {
		c.artifact_count = count;
		struct timer t = timer_start();

		must(index_put_containers(ix, &c, 1));
		timer_report(t, "archive of 1,000, 10,000, 100,000",
			     (double)count);
	}
	mem_free(artifacts);
}

/* The WAL under three readers that never rest. */
static void measure_wal(struct index *ix, const char *dir)
{
	atomic_bool stop = false;
	struct load loads[3];
	pthread_t threads[3];
	struct index_stats stats;
	struct index_reader *r;
	uint64_t most = 0;
	size_t before = id_count;

	must(index_reader_open(dir, &r));
	for (int i = 0; i < 3; i++) {
		loads[i] = (struct load) { dir, &stop, 0 };
		pthread_create(&threads[i], NULL, read_steadily, &loads[i]);
	}
	struct timer t = timer_start();
	for (size_t i = 0; i < 2 * ARCHIVES; i++) {
		id_count = before / 2;
		put_archive(ix, i % ARCHIVES);
		must(index_stats(r, &stats));
		most = stats.wal_bytes > most ? stats.wal_bytes : most;
	}
	timer_report(t, "200 archives again, 3 readers", 2 * ARCHIVES);
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("WAL at most %.1f MiB\n", (double)most / 1048576);
	index_reader_close(r);
}

int main(int argc, char **argv)
{
	struct index *ix;
	struct index_reader *r;
	struct index_stats stats;
	struct index_groom_counts counts = { 0 };
	bool done = false;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_index EMPTY-DIRECTORY [write]\n");
		return 64;
	}
	struct timer t = timer_start();
	must(index_open(argv[1], 0, NULL, &ix));
	timer_report(t, "create", 1);
	t = timer_start();
	put_tree(ix);
	timer_report(t, "3237 bare ELF files, 64 at a time", TREE_FILES);
	must(index_reader_open(argv[1], &r));
	must(index_stats(r, &stats));
	printf("%.0f bytes an artifact (sources apart: %d)\n",
	       (double)stats.file_bytes / TREE_FILES, 1700 / 2);
	t = timer_start();
	for (size_t i = 0; i < ARCHIVES; i++)
		put_archive(ix, i);
	timer_report(t, "100 archives of 500 and 500 rows", ARCHIVES);
	must(index_stats(r, &stats));
	printf("file %.1f MiB, WAL %.1f MiB\n",
	       (double)stats.file_bytes / 1048576,
	       (double)stats.wal_bytes / 1048576);
	index_reader_close(r);
	if (argc > 2) {
		index_close(ix);
		return 0;
	}
	measure_reads(argv[1]);
	measure_wal(ix, argv[1]);
	measure_large(ix);
	t = timer_start();
	while (!done)
		must(index_groom_slice(ix, 1000, &counts, &done));
	timer_report(t, "groom", 1);
	t = timer_start();
	index_close(ix);
	timer_report(t, "close", 1);
	t = timer_start();
	must(index_open(argv[1], 0, NULL, &ix));
	timer_report(t, "open for writing, with its check", 1);
	index_close(ix);
	return 0;
}
