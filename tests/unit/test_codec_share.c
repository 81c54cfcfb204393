/* SPDX-License-Identifier: Apache-2.0 */
/* A lead and its assistants, which are real processes here: what the lead reads
 * is the same whatever becomes of them. */
#include "config.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "codec/codec_share.h"
#include "codec/codec_stream.h"
#include "tests/lib/codec_fixture.h"

enum { BLOCK = 60000, BLOCKS = 24, HELPERS = 3 };

struct team {
	struct sample sample;
	enum codec codec;
	int file; /* some bytes, then the sample */
	int memory;
	pid_t helpers[HELPERS];
	struct codec_share *share;
	struct codec_stream *s;
	unsigned made; /* blocks, by assistants that ended by themselves */
};
enum { BEFORE = 77, FAILED = 255 };

static void write_file(struct team *t)
{
	uint8_t before[BEFORE] = { 0 };

	if (t->file >= 0)
		close(t->file);
	t->file = memfd_create("sample", MFD_CLOEXEC);
	ck_assert_int_ge(t->file, 0);
	ck_no_error(file_write_all(t->file, before, sizeof(before)));
	ck_no_error(file_write_all(t->file, t->sample.packed.data,
				   t->sample.packed.size));
}

static void team_init(struct team *t, enum codec codec)
{
	*t = (struct team) { .codec = codec, .file = -1, .memory = -1 };
	if (codec == CODEC_XZ)
		sample_add_xz(&t->sample, (size_t)BLOCK * BLOCKS - 5, BLOCK);
	for (size_t i = 0; codec == CODEC_ZSTD && i < BLOCKS; i++)
		sample_add(&t->sample, codec, BLOCK + i);
	write_file(t);
}

static void team_deinit(struct team *t)
{
	sample_deinit(&t->sample);
	close(t->file);
}
#define CLEANUP_TEAM CLEANUP(team_deinit)

/* What an assistant's process does. */
static void assist(const struct team *t, int64_t idle_ms)
{
	struct codec_share *share = NULL;
	struct error *err = codec_share_open(t->memory, &share);

	if (!err)
		err = codec_share_assist(share, t->file,
					 BEFORE + t->sample.packed.size,
					 idle_ms);
	_exit(err ? FAILED : (int)codec_share_blocks(share));
}

static pid_t start_helper(const struct team *t)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid)
		assist(t, 20000);
	return pid;
}

static struct codec_place place_of(const struct team *t)
{
	return (struct codec_place) { .codec = t->codec,
				      .offset = BEFORE,
				      .size = t->sample.packed.size };
}

static void begin(struct team *t, size_t helpers)
{
	struct input in = input_from_fd(t->file, BEFORE, t->sample.packed.size);
	struct codec_place place = place_of(t);

	ck_no_error(codec_share_create(&t->memory));
	ck_no_error(codec_share_open(t->memory, &t->share));
	ck_no_error(codec_open(t->codec, &in, UINT64_MAX, &t->s));
	ck_assert(codec_share_lead(t->share, t->s, &place));
	t->made = 0;
	for (size_t i = 0; i < HELPERS; i++)
		t->helpers[i] = i < helpers ? start_helper(t) : 0;
}

/* @return Blocks that the lead took from others. */
static uint64_t end(struct team *t, bool all_well)
{
	uint64_t blocks = codec_share_blocks(t->share);

	codec_close(STEAL(t->s));
	codec_share_close(STEAL(t->share));
	for (size_t i = 0; i < HELPERS; i++) {
		int status;

		if (!t->helpers[i])
			continue;
		ck_assert_int_eq(waitpid(t->helpers[i], &status, 0),
				 t->helpers[i]);
		if (all_well)
			ck_assert(WIFEXITED(status) &&
				  WEXITSTATUS(status) != FAILED);
		if (WIFEXITED(status))
			t->made += (unsigned)WEXITSTATUS(status);
	}
	close(t->memory);
	return blocks;
}

/* Places spread over @size, the same every time. */
static uint64_t place(uint64_t i, uint64_t size)
{
	return i * 2654435761u % size;
}

static void read_at_random(struct team *t)
{
	const struct buf *plain = &t->sample.plain;
	struct input in = codec_input(t->s, 0, plain->size);

	for (uint64_t i = 0; i < 15; i++) {
		ck_no_error(codec_seek(t->s, place(i, plain->size - 300000)));
		/* Over the edges of blocks, so that runs begin and end. */
		expect_bytes(t->s, plain, 300000);
		expect_input(&in, place(i + 7, plain->size - 3000), plain,
			     3000);
	}
}

/* Let others have a turn where they share a processor. */
static void read_slowly(struct team *t)
{
	while (codec_tell(t->s) < t->sample.plain.size) {
		uint64_t left = t->sample.plain.size - codec_tell(t->s);

		expect_bytes(t->s, &t->sample.plain,
			     left < BLOCK / 2 ? (size_t)left : BLOCK / 2);
		usleep(500);
	}
}

static void expect_help(enum codec codec)
{
	CLEANUP_TEAM struct team t;
	uint64_t blocks = 0;

	team_init(&t, codec);
	/* On a busy machine helpers may come too late. */
	for (size_t i = 0; !blocks && i < 100; i++) {
		begin(&t, 1 + i % HELPERS);
		read_slowly(&t);
		blocks = end(&t, true);
	}
	ck_assert_uint_gt(blocks, 0);
	begin(&t, HELPERS);
	read_at_random(&t);
	ck_no_error(codec_seek(t.s, 0));
	expect_rest(t.s, &t.sample.plain, 70000);
	end(&t, true);
}

START_TEST(assistants_give_the_same_bytes_of_xz)
{
	expect_help(CODEC_XZ);
}
END_TEST

START_TEST(assistants_give_the_same_bytes_of_zstd)
{
	expect_help(CODEC_ZSTD);
}
END_TEST

START_TEST(an_assistant_that_dies_costs_nothing_but_time)
{
	CLEANUP_TEAM struct team t;

	team_init(&t, CODEC_XZ);
	for (unsigned i = 0; i < 3; i++) {
		begin(&t, HELPERS);
		for (size_t j = 0; j < HELPERS; j++) {
			expect_bytes(t.s, &t.sample.plain, BLOCK * 2);
			usleep(place(i * 3 + j, 3000));
			kill(t.helpers[j], SIGKILL);
		}
		expect_rest(t.s, &t.sample.plain, 70000);
		end(&t, false);
	}
}
END_TEST

START_TEST(a_lead_does_not_wait_for_ever)
{
	CLEANUP_TEAM struct team t;

	team_init(&t, CODEC_XZ);
	begin(&t, 1);
	expect_bytes(t.s, &t.sample.plain, BLOCK * 2);
	kill(t.helpers[0], SIGSTOP);
	expect_rest(t.s, &t.sample.plain, 70000);
	/* It wakes up where its block is no longer its own. */
	kill(t.helpers[0], SIGCONT);
	end(&t, true);
}
END_TEST

/* Everything from the start until the first error, which is the caller's. */
static struct error *read_all(struct team *t, struct buf *out)
{
	for (;;) {
		size_t n;
		void *room = buf_reserve(out, 50000);

		ck_assert_ptr_nonnull(room);
		struct error *err = codec_read(t->s, room, 50000, &n);

		if (err || !n)
			return err;
		buf_commit(out, n);
		usleep(100);
	}
}

START_TEST(a_damaged_block_is_told_as_without_assistants)
{
	CLEANUP_TEAM struct team t;
	CLEANUP_ERROR struct error *alone = NULL;
	CLEANUP_BUF struct buf expected = BUF_INIT;

	team_init(&t, CODEC_XZ);
	t.sample.packed.data[t.sample.packed.size / 2] ^= 0x55;
	write_file(&t);
	begin(&t, 0);
	alone = read_all(&t, &expected);
	ck_assert_ptr_nonnull(alone);
	end(&t, true);
	for (size_t i = 0; i < 5; i++) {
		CLEANUP_BUF struct buf got = BUF_INIT;

		begin(&t, HELPERS);
		CLEANUP_ERROR struct error *err = read_all(&t, &got);

		ck_assert_ptr_nonnull(err);
		ck_assert_str_eq(error_message(err), error_message(alone));
		ck_assert_uint_eq(got.size, expected.size);
		ck_assert(!memcmp(got.data, expected.data, got.size));
		end(&t, true);
	}
}
END_TEST

START_TEST(blocks_that_are_jumped_over_are_nobodys_work)
{
	CLEANUP_TEAM struct team t;

	team_init(&t, CODEC_XZ);
	begin(&t, HELPERS);
	for (size_t i = 0; i < BLOCKS; i += 2) {
		ck_no_error(codec_seek(t.s, i * BLOCK));
		expect_bytes(t.s, &t.sample.plain, 1000);
		usleep(2000);
	}
	ck_assert_uint_eq(end(&t, true), 0);
	ck_assert_uint_eq(t.made, 0);
}
END_TEST

START_TEST(assistants_end_with_the_lead_and_without_it)
{
	CLEANUP_TEAM struct team t;
	int64_t begun = clock_ms();

	team_init(&t, CODEC_XZ);
	begin(&t, HELPERS);
	/* The lead is gone and has not said so. */
	codec_share_abandon(t.memory);
	for (size_t i = 0; i < HELPERS; i++) {
		int status;

		ck_assert_int_gt(waitpid(t.helpers[i], &status, 0), 0);
		ck_assert_int_eq(status, 0);
		t.helpers[i] = 0;
	}
	end(&t, true);
	/* Nor does it wait for one that never comes. */
	ck_no_error(codec_share_create(&t.memory));
	ck_no_error(codec_share_open(t.memory, &t.share));
	ck_no_error(codec_share_assist(t.share, t.file, 1000, 10));
	codec_share_close(STEAL(t.share));
	close(t.memory);
	ck_assert_int_lt(clock_ms() - begun, 15000);
}
END_TEST

START_TEST(what_is_not_worth_sharing_is_not)
{
	CLEANUP_SAMPLE struct sample few = { 0 }, gzip = { 0 };
	struct sample *const samples[] = { &few, &gzip };
	static const enum codec codecs[] = { CODEC_XZ, CODEC_GZIP };

	sample_add_xz(&few, 30000, 10000);
	sample_add(&gzip, CODEC_GZIP, 30000);
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_CLOSE int fd = -1;
		CLEANUP_CODEC_SHARE struct codec_share *share = NULL;
		CLEANUP_CODEC_SHARE struct codec_share *other = NULL;
		CLEANUP_CODEC struct codec_stream *s = NULL;
		struct codec_place p = { .codec = codecs[i],
					 .size = samples[i]->packed.size };

		ck_no_error(codec_share_create(&fd));
		ck_no_error(codec_share_open(fd, &share));
		ck_no_error(
			codec_open(codecs[i], &samples[i]->in, UINT64_MAX, &s));
		ck_assert(!codec_share_lead(share, s, &p));
		/* At once, and without a look at the file. */
		ck_no_error(codec_share_open(fd, &other));
		ck_no_error(codec_share_assist(other, -1, 0, INT32_MAX));
		expect_rest(s, &samples[i]->plain, 5000);
	}
}
END_TEST

START_TEST(memory_that_was_not_made_for_sharing_is_refused)
{
	CLEANUP_CLOSE int good = -1;
	CLEANUP_CLOSE int unsealed = memfd_create("unsealed", MFD_CLOEXEC);
	CLEANUP_CLOSE int file = -1;
	CLEANUP_CLOSE int empty = memfd_create("empty", MFD_CLOEXEC);
	struct codec_share *share;
	struct stat st;

	ck_no_error(codec_share_create(&good));
	ck_assert_int_eq(fstat(good, &st), 0);
	ck_assert_int_eq(ftruncate(unsealed, st.st_size), 0);
	ck_error(codec_share_open(unsealed, &share), BAD_DATA, "sharing");
	/* Of a file system that knows no seals. */
	ck_no_error(file_open_unlinked("/var/tmp", &file));
	ck_assert_int_eq(ftruncate(file, st.st_size), 0);
	ck_error(codec_share_open(file, &share), BAD_DATA, "sharing");
	ck_error(codec_share_open(empty, &share), BAD_DATA, "sharing");
	ck_error(codec_share_open(-1, &share), BAD_DATA, "sharing");
	/* Nobody can cut it off under those who map it. */
	ck_assert_int_ne(ftruncate(good, 0), 0);
	ck_assert_int_eq(pwrite(good, "", 1, 0), 1);
	ck_error(codec_share_open(good, &share), BAD_DATA, "sharing");
}
END_TEST

/* Terms of a lead that lies, or does not know the file. */
START_TEST(an_assistant_checks_what_the_lead_says)
{
	CLEANUP_TEAM struct team t;
	CLEANUP_CODEC_SHARE struct codec_share *share = NULL;
	uint64_t size;

	team_init(&t, CODEC_XZ);
	size = BEFORE + t.sample.packed.size;
	begin(&t, 0);
	ck_no_error(codec_share_open(t.memory, &share));
	ck_error(codec_share_assist(share, t.file, size - 1, 10), BAD_DATA,
		 "do not fit");
	ck_no_error(codec_share_assist(share, t.file, size, 10));
	/* The whole header but its first words, bit by bit. */
	for (off_t at = 12; at < 64; at++) {
		uint8_t byte, wrong;

		ck_assert_int_eq(pread(t.memory, &byte, 1, at), 1);
		wrong = byte ^ 0x81;
		ck_assert_int_eq(pwrite(t.memory, &wrong, 1, at), 1);
		error_free(codec_share_assist(share, t.file, size, 0));
		ck_assert_int_eq(pwrite(t.memory, &byte, 1, at), 1);
	}
	end(&t, true);
}
END_TEST

/* Whatever stands in the memory: the lead stays within its own and comes to an
 * end. The bytes may be anything, since they are an assistant's. */
START_TEST(a_lead_stands_nonsense_in_the_memory)
{
	CLEANUP_TEAM struct team t;
	static uint8_t data[BLOCK];
	static const uint32_t states[] = { 0xffffffff, 0x200, 0x21f,
					   0x220,      0x2ff, 3,
					   2,          0x1ff, 0x120 };
	size_t n;

	team_init(&t, CODEC_XZ);
	begin(&t, 0);
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		off_t at = (off_t)(4096 + (i + 3) * sizeof(uint32_t));

		ck_assert_int_eq(pwrite(t.memory, &states[i], 4, at), 4);
	}
	for (size_t i = 0; i < BLOCKS; i++) {
		ck_no_error(codec_seek(t.s, i * BLOCK));
		ck_no_error(codec_read(t.s, data, sizeof(data), &n));
	}
	end(&t, true);
}
END_TEST

START_TEST(without_memory_there_is_an_error_or_no_help)
{
	CLEANUP_TEAM struct team t;
	bool ok = false;

	team_init(&t, CODEC_XZ);
	begin(&t, 0);
	for (long n = 1; !ok; n++) {
		struct codec_share *share = NULL;

		mem_fail_at(n);
		struct error *err = codec_share_open(t.memory, &share);

		if (!err)
			err = codec_share_assist(share, t.file,
						 BEFORE + t.sample.packed.size,
						 0);
		mem_fail_at(0);
		ok = !err;
		if (err)
			ck_assert_int_eq(error_kind(err), ERROR_NO_MEMORY);
		error_free(err);
		codec_share_close(share);
	}
	end(&t, true);
}
END_TEST

UNIT_MAIN("codec_share", assistants_give_the_same_bytes_of_xz,
	  assistants_give_the_same_bytes_of_zstd,
	  an_assistant_that_dies_costs_nothing_but_time,
	  a_lead_does_not_wait_for_ever,
	  a_damaged_block_is_told_as_without_assistants,
	  blocks_that_are_jumped_over_are_nobodys_work,
	  assistants_end_with_the_lead_and_without_it,
	  what_is_not_worth_sharing_is_not,
	  memory_that_was_not_made_for_sharing_is_refused,
	  an_assistant_checks_what_the_lead_says,
	  a_lead_stands_nonsense_in_the_memory,
	  without_memory_there_is_an_error_or_no_help)
