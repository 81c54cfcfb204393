/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Drive a scanner over a stranger's container and hold it to its contract.
 */
#ifndef TESTS_FUZZ_FUZZ_SCANNER_H
#define TESTS_FUZZ_FUZZ_SCANNER_H

#include "scanners/formats.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdio.h>

/** The one that is driven; its containers are the seeds. */
extern const struct scanner *const fuzz_target;

/* Bytes read of all members: what more there is would be the same again. */
enum { FUZZ_READ_MAX = 1 << 20, FUZZ_PIECE_MAX = 8192 };

/* Bytes read at random must be those read forward. */
static inline void fuzz_check_random(struct codec_stream *payload,
				     const struct scanner_member *m,
				     uint64_t done, const uint8_t *piece,
				     size_t size)
{
	static uint8_t again[FUZZ_PIECE_MAX];

	if (!payload || !codec_is_seekable(payload))
		return;
	struct input in = codec_input(payload, m->offset, m->size);
	struct error *err = input_read_exact(&in, done, again, size);

	assert(!err && !memcmp(again, piece, size));
}

static inline struct error *fuzz_member(const struct scanner *sc,
					struct scanner_stream *s,
					const struct scanner_member *m,
					uint64_t *budget)
{
	static uint8_t piece[FUZZ_PIECE_MAX];
	uint64_t done = 0;
	// Some are read, some skipped, some read in part.
	size_t want = 1 + (m->name[0] * 257u + m->size) % FUZZ_PIECE_MAX;
	size_t got;

	for (; m->size % 5 && *budget; *budget -= got) {
		TRY(sc->read(s, piece, want, &got));
		if (!got) {
			assert(done == m->size);
			return NULL;
		}
		assert(got <= want && got <= m->size - done);
		fuzz_check_random(sc->payload(s), m, done, piece, got);
		done += got;
		if (m->size % 3 == 0)
			return NULL;
		if (got > *budget)
			got = (size_t)*budget;
	}
	return NULL;
}

static inline struct error *fuzz_members(const struct scanner *sc,
					 struct scanner_stream *s)
{
	uint64_t budget = FUZZ_READ_MAX;
	bool found;

	do {
		struct scanner_member m;

		TRY(sc->next(s, &m, &found));
		if (!found)
			return NULL;
		assert(strlen(m.name) <= 4096 && m.name[0] != '/');
		assert(m.offset <= UINT64_MAX - m.size);
		TRY(fuzz_member(sc, s, &m, &budget));
	} while (budget);
	return NULL;
}

/* Drive it over what it bid for. */
static inline void fuzz_container(const struct scanner *sc,
				  const struct scanner_input *in)
{
	uint64_t size = in->file.size;
	struct scanner_stream *s;
	enum codec codec;
	uint64_t offset, length;
	struct error *err = sc->open(in, &s);

	if (!err) {
		err = fuzz_members(sc, s);
		sc->payload_place(s, &codec, &offset, &length);
		assert(offset <= size && length <= size - offset);
		sc->close(s);
	}
	if (err)
		assert(*error_message(err));
	error_free(err);
}

/* A file and its head, each in memory of exactly its size. */
struct fuzz_file {
	struct scanner_input in;
	uint8_t *file, *head;
};

static inline void fuzz_file_init(struct fuzz_file *f, const char *path,
				  const uint8_t *data, size_t size)
{
	size_t head = size < SCANNER_HEAD_SIZE ? size : SCANNER_HEAD_SIZE;

	f->file = fuzz_copy(data, size);
	f->head = fuzz_copy(data, head);
	f->in = (struct scanner_input) {
		.file = input_from_memory(f->file, size),
		.path = path,
		.head = f->head,
		.head_size = head,
	};
}

static inline void fuzz_file_deinit(struct fuzz_file *f)
{
	free(f->file);
	free(f->head);
}

static inline void fuzz_scanner(const struct scanner *sc, const char *path,
				const uint8_t *data, size_t size)
{
	struct fuzz_file f;

	fuzz_file_init(&f, path, data, size);
	if (sc->bid(&f.in))
		fuzz_container(sc, &f.in);
	fuzz_file_deinit(&f);
}

#endif
