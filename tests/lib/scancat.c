/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List what a scanner finds in a container: for integration tests, and to
 * compare with dpkg-deb, rpm2archive and the like.
 *
 *	scancat [-r] FILE...
 *
 * A line a member: offset, size, mtime, sha256, name. -r reads the members at
 * random, last one first, where the payload can be.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "scanners/scanner.h"

enum { CHUNK = 1 << 20 };

struct line {
	struct scanner_member m;
	char hash[2 * SHA256_DIGEST_SIZE + 1];
};

struct list {
	struct line *lines;
	size_t count, capacity;
};

static uint8_t chunk[CHUNK];

static void finish_hash(struct sha256_ctx *ctx, char *hex)
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static struct error *hash_forward(const struct scanner *sc,
				  struct scanner_stream *s, struct line *line)
{
	struct sha256_ctx ctx;
	size_t got;

	sha256_init(&ctx);
	do {
		TRY(sc->read(s, chunk, sizeof(chunk), &got));
		sha256_update(&ctx, got, chunk);
	} while (got);
	finish_hash(&ctx, line->hash);
	return NULL;
}

static struct error *hash_at_random(struct codec_stream *payload,
				    struct line *line)
{
	struct input in = codec_input(payload, line->m.offset, line->m.size);
	struct sha256_ctx ctx;
	uint64_t done = 0;

	sha256_init(&ctx);
	while (done < line->m.size) {
		size_t got;

		TRY(in.read(&in, done, chunk, sizeof(chunk), &got));
		if (!got)
			return error_new(BAD_DATA, "%s ends early",
					 line->m.name);
		sha256_update(&ctx, got, chunk);
		done += got;
	}
	finish_hash(&ctx, line->hash);
	return NULL;
}

static struct error *
add_member(struct list *list, const struct scanner_member *m, struct line **ret)
{
	char *name = mem_strdup(m->name);

	if (!name || !mem_grow(&list->lines, &list->capacity, list->count + 1,
			       sizeof(*list->lines))) {
		mem_free(name);
		return error_no_memory;
	}
	*ret = &list->lines[list->count++];
	(*ret)->m = *m;
	(*ret)->m.name = name;
	return NULL;
}

static struct error *collect(const struct scanner *sc, struct scanner_stream *s,
			     bool at_random, struct list *list)
{
	struct codec_stream *payload = sc->payload(s);
	struct scanner_member m;
	struct line *line = NULL;
	bool found;

	at_random = at_random && payload && codec_is_seekable(payload);
	for (;;) {
		TRY(sc->next(s, &m, &found));
		if (!found)
			break;
		TRY(add_member(list, &m, &line));
		if (!at_random)
			TRY(hash_forward(sc, s, line));
	}
	for (size_t i = at_random ? list->count : 0; i-- > 0;)
		TRY(hash_at_random(payload, &list->lines[i]));
	return NULL;
}

static struct error *list_stream(const struct scanner *sc,
				 const struct scanner_input *in, bool at_random,
				 struct list *list)
{
	struct scanner_stream *s;

	TRY(sc->open(in, &s));
	struct error *err = collect(sc, s, at_random, list);

	const uint64_t *passed = sc->passed_over(s)->count;
	uint64_t files = passed[SCANNER_PASSED_LONG_PATH] +
			 passed[SCANNER_PASSED_SPARSE] +
			 passed[SCANNER_PASSED_NO_SIZE];

	if (files)
		fprintf(stderr, "%s: %" PRIu64 " files passed over\n", in->path,
			files);
	sc->close(s);
	return err;
}

static struct error *list_file(const char *path, bool at_random,
			       struct list *list)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t head[SCANNER_HEAD_SIZE];
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return error_errno("open");
	struct scanner_input in = {
		.file = input_from_fd(fd, 0, (uint64_t)st.st_size),
		.path = path,
		.head = head,
	};

	TRY(in.file.read(&in.file, 0, head, sizeof(head), &in.head_size));
	const struct scanner *sc = scanner_choose(&in);

	if (!sc)
		return error_new(BAD_DATA, "no package");
	return error_wrap(list_stream(sc, &in, at_random, list), "scan %s",
			  sc->name);
}

static void print_list(struct list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct line *l = &list->lines[i];

		printf("%" PRIu64 " %" PRIu64 " %" PRId64 " %s %s\n",
		       l->m.offset, l->m.size, l->m.mtime, l->hash, l->m.name);
		free((void *)(uintptr_t)l->m.name);
	}
	mem_free(list->lines);
}

int main(int argc, char **argv)
{
	bool at_random = argc > 1 && !strcmp(argv[1], "-r");
	int failed = 0;

	for (int i = 1 + at_random; i < argc; i++) {
		struct list list = { 0 };
		struct error *err = list_file(argv[i], at_random, &list);

		print_list(&list);
		if (err) {
			fprintf(stderr, "scancat: %s: %s: %s\n", argv[i],
				error_kind_label(error_kind(err)),
				error_message(err));
			error_free(err);
			failed = 1;
		}
	}
	return failed;
}
