/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/index_fixture.h"

static void must(struct error *err)
{
	if (!err)
		return;
	fprintf(stderr, "index fixture: %s\n", error_message(err));
	abort();
}

void index_fixture_dir(struct index_fixture *f)
{
	const char *base = getenv("TMPDIR");
	bool has_shm = !access("/dev/shm", W_OK);

	*f = (struct index_fixture) { 0 };
	snprintf(f->dir, sizeof(f->dir), "%s/index.XXXXXX",
		 base && strlen(base) < 40 ? base
		 : has_shm                 ? "/dev/shm"
					   : "/tmp");
	if (!mkdtemp(f->dir))
		abort();
}

void index_fixture_open(struct index_fixture *f)
{
	index_fixture_dir(f);
	must(index_open(f->dir, 0, NULL, &f->ix));
	must(index_reader_open(f->dir, &f->r));
}

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void index_fixture_close(struct index_fixture *f)
{
	index_reader_close(STEAL(f->r));
	index_close(STEAL(f->ix));
	if (f->dir[0])
		nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	f->dir[0] = '\0';
}

const char *index_fixture_path(const struct index_fixture *f, const char *name)
{
	static _Thread_local char paths[4][256];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", f->dir, name);
	return path;
}

struct build_id index_test_id(unsigned n)
{
	struct build_id id = { .len = 20 };

	for (unsigned i = 0; i < 20; i++)
		id.bytes[i] = (uint8_t)((n + 1) * 2654435761U >> (i % 4 * 8)) ^
			      (uint8_t)(17 * i);
	return id;
}

static void stamp(struct index_test_container *t, const char *path,
		  unsigned version)
{
	memset(t, 0, sizeof(*t));
	t->c.path = path;
	t->c.stamp = (struct index_stamp) {
		.mtime_ns = INT64_C(1700000000123456789) + version,
		.ctime_ns = INT64_C(1700000000223456789) + version,
		.size = UINT64_C(0x8000000000000000) + version,
		.inode = UINT64_MAX - version,
	};
	t->c.artifacts = t->artifacts;
}

static void fill(struct index_artifact *a, unsigned n)
{
	static const struct index_segment segments[] = {
		{ 0, 0x400000, 0x1000, 0x1000, 5 },
		{ 0x1000, UINT64_MAX - 0xfff, 0x20, UINT64_MAX, 6 },
	};

	a->id = index_test_id(n);
	a->is_gnu = true;
	a->machine = 62;
	a->type = 3;
	a->elf_class = 64;
	memcpy(a->htlhash, a->id.bytes + 2, 16);
	memcpy(a->breakpad_guid, a->id.bytes + 4, 16);
	a->segments = segments;
	a->segment_count = 2;
}

void index_test_file(struct index_test_container *t, const char *path,
		     unsigned n, unsigned version)
{
	stamp(t, path, version);
	fill(&t->artifacts[0], n);
	t->artifacts[0].roles = INDEX_ROLE_EXECUTABLE;
	t->artifacts[0].quality = 1;
	t->artifacts[0].size = version;
	t->c.scanner = "elf";
	t->c.artifact_count = 1;
}

void index_test_archive(struct index_test_container *t, const char *path,
			unsigned n, unsigned count, unsigned version)
{
	static const uint8_t sources[] = "/src/a.c\0/src/b.c";

	stamp(t, path, version);
	t->c.scanner = "deb";
	t->c.payload_codec = 3;
	t->c.payload_offset = 132;
	t->c.payload_size = 1000 + version;
	for (unsigned i = 0; i < count; i++) {
		struct index_artifact *a = &t->artifacts[i];

		fill(a, n + i);
		snprintf(t->members[i], sizeof(t->members[i]), "./m/%u", i);
		a->member = t->members[i];
		a->ordinal = i;
		a->offset = 4096 * i;
		a->size = version;
		a->roles = INDEX_ROLE_DEBUGINFO;
		a->quality = 4;
		a->sources = sources;
		a->sources_size = sizeof(sources);
		a->source_count = 2;
	}
	t->c.artifact_count = count;
	t->dirs[0] = (struct index_source_dir) { "/usr/src/a",
						 (const uint8_t *)"one", 3 };
	t->dirs[1] = (struct index_source_dir) { "/usr/src/b",
						 (const uint8_t *)"two", 3 };
	t->c.source_dirs = t->dirs;
	t->c.source_dir_count = 2;
	t->points[0] = (struct index_point) { .in_offset = 10 };
	t->points[1] =
		(struct index_point) { 20, 1000, (const uint8_t *)"window", 6 };
	t->points[2] = (struct index_point) { 30, 2000, NULL, 0 };
	t->c.points = t->points;
	t->c.point_count = 3;
}

struct error *index_test_put(struct index *ix,
			     const struct index_test_container *t)
{
	return index_put_containers(ix, &t->c, 1);
}

void index_test_put_file(struct index *ix, const char *path, unsigned n,
			 unsigned root_order, unsigned quality)
{
	struct index_test_container t;

	index_test_file(&t, path, n, 1);
	t.c.root_order = root_order;
	t.artifacts[0].quality = quality;
	t.artifacts[0].roles = INDEX_ROLE_EXECUTABLE | INDEX_ROLE_DEBUGINFO;
	must(index_test_put(ix, &t));
}

void index_test_fill(struct index *ix)
{
	static const uint64_t prints[] = { 1, 2, 3 };
	struct index_test_container t;
	char path[64];

	for (unsigned i = 0; i < INDEX_TEST_FILES; i++) {
		snprintf(path, sizeof(path), "/srv/d%u/f%u", i / 4, i);
		if (i % 3 == 0)
			index_test_archive(&t, path, 4 * i, 4, 1);
		else
			index_test_file(&t, path, 4 * i, 1);
		if (i % 10 == 9) {
			t.c.problem_kind = "bad_data";
			t.c.problem = "broken";
		}
		must(index_test_put(ix, &t));
	}
	must(index_put_ignored(ix, "/srv/d0", prints, 3));
	must(index_put_ignored(ix, "/srv/other", prints, 2));
}

static void print_complaint(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "complaint: %s\n", text);
}

size_t index_test_complaints(struct index_reader *r)
{
	size_t complaints;

	must(index_check(r, print_complaint, NULL, &complaints));
	return complaints;
}
