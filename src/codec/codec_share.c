/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file, of fixed size, in the machine's byte order: it lives no longer than
 * the processes that map it.
 *
 *	0		struct share_header
 *	HEADER_BYTES	u32 state of each block, BLOCKS_MAX of them
 *	SLOTS_OFFSET	slots of slot_size bytes, SLOTS_BYTES at most together
 *
 * A block's state, and who may change it to what:
 *
 *	NONE		lead: LEAD; assistant: MAKING + slot
 *	LEAD		lead: NONE, FAILED (the lead has it, or decodes it)
 *	MAKING + slot	its assistant: READY + slot, FAILED, NONE (no longer
 *			wanted); lead: LEAD (waited long enough)
 *	READY + slot	lead: LEAD (copied), NONE (no longer wanted)
 *	FAILED		lead: LEAD
 *
 * Invariants
 * 1. A slot is taken by an assistant before it names it in a state, and given
 *    back by whoever takes the slot out of the state: for MAKING its assistant,
 *    for READY the lead. An assistant that lost its block to the lead gives the
 *    slot back itself; one that died never does, so that nobody else writes
 *    where it might still be writing. A death costs a slot.
 * 2. Only blocks in the window are made: [low, high), from the block that the
 *    lead reads now. The lead claims a block before the window shows it.
 * 3. Numbers out of the file are checked before they are used as a place.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/codec_share.h"
#include "codec/codec_stream.h"

#define SLOTS_OFFSET ((size_t)HEADER_BYTES + BLOCKS_MAX * sizeof(uint32_t))
#define FILE_BYTES   (SLOTS_OFFSET + SLOTS_BYTES)

enum {
	HEADER_BYTES = 4096,
	SLOTS_BYTES = 256 << 20,
	SLOTS_MAX = 32,
	/* With fewer blocks there is no run to speak of. */
	BLOCKS_MIN = 4,
	BLOCKS_MAX = 1 << 16,
	BLOCK_MAX_BYTES = 64 << 20,

	/* How long anybody sleeps without looking again. */
	NAP_MS = 100,
	/* An assistant that decodes nothing for so long is dead or starved. */
	STALL_MS = 300,
	/* Longer than a block takes; then whatever it says of itself. */
	PATIENCE_MS = 20000,
};

enum { MAGIC = 0x53437a31 };

enum lead { LEAD_EXPECTED, LEAD_RUNS, LEAD_ENDED };

enum state {
	STATE_NONE,
	STATE_LEAD,
	STATE_FAILED,
	STATE_MAKING = 1 << 8, /* + slot */
	STATE_READY = 1 << 9,  /* + slot */
	STATE_SLOT = STATE_MAKING - 1,
};

struct share_slot {
	_Atomic uint32_t taken;
	_Atomic uint32_t progress; /* changes with every step of decoding */
};

struct share_header {
	uint32_t magic;
	/** The lead ended without saying so; set from outside. */
	_Atomic uint32_t is_abandoned;
	_Atomic uint32_t lead;
	/** Set before LEAD_RUNS, then constant. */
	uint32_t codec;
	uint64_t offset, size;
	uint32_t block_count, slot_count;
	uint64_t slot_size;
	/** low << 32 | high */
	_Atomic uint64_t window;
	_Atomic uint32_t assistants;
	/** Futex words: count what the other side may wait for. */
	_Atomic uint32_t wishes, answers;
	struct share_slot slots[SLOTS_MAX];
};

_Static_assert(sizeof(struct share_header) <= HEADER_BYTES, "grows");
_Static_assert((int)SLOTS_MAX <= (int)STATE_SLOT,
	       "no room for the slot in a state");

struct codec_share {
	int fd; /* borrowed */
	uint8_t *map;
	struct share_header *header;
	_Atomic uint32_t *states;
	bool is_lead;
	/* Copies that nobody else can change. */
	size_t block_count, slot_count, slot_size;
	uint64_t blocks;
	/* The lead's. */
	size_t low, high; /* the window it shows */
	size_t run;       /* blocks it went through in order */
	size_t waited_block;
	int64_t waited_since;
	uint32_t seen_progress;
	int64_t progress_at;
};

/* ---- The file ----------------------------------------------------------- */

struct error *codec_share_create(int *fd_ret)
{
	CLEANUP_CLOSE int fd = memfd_create("symbolized-share",
					    MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint32_t magic = MAGIC;

	/* Allocated now what is written without asking first: a write that
	 * finds no memory would end the process. */
	if (fd < 0 || ftruncate(fd, (off_t)FILE_BYTES) ||
	    fallocate(fd, 0, 0, (off_t)SLOTS_OFFSET) ||
	    pwrite(fd, &magic, sizeof(magic),
		   offsetof(struct share_header, magic)) != sizeof(magic) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return error_errno("make memory to share");
	*fd_ret = steal_fd(&fd);
	return NULL;
}

void codec_share_abandon(int fd)
{
	uint32_t yes = 1;
	/* Into memory that is there already: cannot fail for want of it. */
	ssize_t n = pwrite(fd, &yes, sizeof(yes),
			   offsetof(struct share_header, is_abandoned));

	(void)n;
}

struct error *codec_share_open(int fd, struct codec_share **ret)
{
	CLEANUP_CODEC_SHARE struct codec_share *share =
		mem_zalloc(sizeof(*share));
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (!share)
		return error_no_memory;
	/* Without the seal a mapping could be cut off while it is used. */
	if (file_stat(fd, &st) || (size_t)st.st_size != FILE_BYTES ||
	    seals < 0 || !(seals & F_SEAL_SHRINK))
		return error_new(BAD_DATA, "no memory made for sharing");
	void *map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);

	if (map == MAP_FAILED)
		return error_errno("map shared memory");
	share->fd = fd;
	share->map = map;
	share->header = map;
	share->states = (void *)(share->map + HEADER_BYTES);
	share->waited_block = SIZE_MAX;
	if (share->header->magic != MAGIC)
		return error_new(BAD_DATA, "no memory made for sharing");
	*ret = STEAL(share);
	return NULL;
}

static void wake(_Atomic uint32_t *word)
{
	atomic_fetch_add(word, 1);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Until @word is not @seen any more, or for a nap. */
static void nap(_Atomic uint32_t *word, uint32_t seen)
{
	struct timespec limit = { .tv_nsec = NAP_MS * 1000000L };

	syscall(SYS_futex, word, FUTEX_WAIT, seen, &limit, NULL, 0);
}

void codec_share_close(struct codec_share *share)
{
	if (!share)
		return;
	if (share->is_lead) {
		atomic_store(&share->header->lead, LEAD_ENDED);
		wake(&share->header->wishes);
	}
	if (share->map)
		munmap(share->map, FILE_BYTES);
	mem_free(share);
}

uint64_t codec_share_blocks(const struct codec_share *share)
{
	return share->blocks;
}

static uint8_t *slot_data(const struct codec_share *share, size_t slot)
{
	return share->map + SLOTS_OFFSET + slot * share->slot_size;
}

static bool swap_state(struct codec_share *share, size_t block, uint32_t from,
		       uint32_t to)
{
	return atomic_compare_exchange_strong(&share->states[block], &from, to);
}

static void give_slot(struct codec_share *share, size_t slot)
{
	atomic_store(&share->header->slots[slot].taken, 0);
}

/* ---- The lead ----------------------------------------------------------- */

static bool is_worth_sharing(const struct codec_blocks *blocks,
			     uint64_t *largest_ret)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < blocks->count; i++)
		if (blocks->v[i].out_size > largest)
			largest = blocks->v[i].out_size;
	*largest_ret = largest;
	return blocks->count >= BLOCKS_MIN && blocks->count <= BLOCKS_MAX &&
	       largest <= BLOCK_MAX_BYTES;
}

bool codec_share_lead(struct codec_share *share, struct codec_stream *s,
		      const struct codec_place *place)
{
	struct share_header *h = share->header;
	long page = sysconf(_SC_PAGESIZE);
	uint64_t largest;

	share->is_lead = true;
	if (s->read_at != codec_blocks_read_at ||
	    !is_worth_sharing(&s->blocks, &largest)) {
		atomic_store(&h->lead, LEAD_ENDED);
		wake(&h->wishes);
		return false;
	}
	share->block_count = s->blocks.count;
	share->slot_size = (size_t)((largest + (uint64_t)page - 1) /
				    (uint64_t)page * (uint64_t)page);
	share->slot_count = SLOTS_BYTES / share->slot_size;
	if (share->slot_count > SLOTS_MAX)
		share->slot_count = SLOTS_MAX;
	h->codec = place->codec;
	h->offset = place->offset;
	h->size = place->size;
	h->block_count = (uint32_t)share->block_count;
	h->slot_count = (uint32_t)share->slot_count;
	h->slot_size = share->slot_size;
	atomic_store(&h->lead, LEAD_RUNS);
	wake(&h->wishes);
	s->share = share;
	return true;
}

/* What was made and is wanted no more. */
static void drop_unwanted(struct codec_share *share)
{
	for (size_t i = 0; i < share->slot_count; i++) {
		uint32_t taken = atomic_load(&share->header->slots[i].taken);
		size_t block = (size_t)taken - 1;

		if (!taken || block >= share->block_count ||
		    codec_share_is_wished(share, block))
			continue;
		if (swap_state(share, block, STATE_READY | (uint32_t)i,
			       STATE_NONE))
			give_slot(share, i);
	}
}

static void show_window(struct codec_share *share, size_t low, size_t count)
{
	size_t high = low + count;

	if (high > share->block_count)
		high = share->block_count;
	if (low == share->low && high == share->high)
		return;
	share->low = low;
	share->high = high;
	atomic_store(&share->header->window, (uint64_t)low << 32 | high);
	drop_unwanted(share);
	wake(&share->header->wishes);
}

/* Blocks ahead that are wished for: at first few, since a run may end soon;
 * then one for everybody, and one to go on with. */
static size_t ahead(const struct codec_share *share)
{
	size_t most = atomic_load(&share->header->assistants) + (size_t)2;

	if (most > share->slot_count)
		most = share->slot_count;
	return share->run < most ? share->run : most;
}

bool codec_share_is_wished(const struct codec_share *share, size_t block)
{
	return block >= share->low && block < share->high;
}

void codec_share_want(struct codec_share *share, size_t block, bool is_next)
{
	bool is_expected = codec_share_is_wished(share, block);

	swap_state(share, block, STATE_NONE, STATE_LEAD);
	share->waited_block = SIZE_MAX;
	if (is_next) {
		share->run++;
	} else if (is_expected) {
		return; /* it was asked for with those before it */
	} else {
		share->run = 0;
	}
	show_window(share, block, 1 + ahead(share));
}

/* Has the assistant with @slot had its time? */
static bool is_overdue(struct codec_share *share, size_t block, size_t slot)
{
	uint32_t progress = atomic_load(&share->header->slots[slot].progress);
	int64_t now = clock_ms();

	if (share->waited_block != block) {
		share->waited_block = block;
		share->waited_since = now;
		share->progress_at = now;
		share->seen_progress = progress;
	}
	if (progress != share->seen_progress) {
		share->progress_at = now;
		share->seen_progress = progress;
	}
	return now - share->progress_at > STALL_MS ||
	       now - share->waited_since > PATIENCE_MS;
}

bool codec_share_is_in_making(struct codec_share *share, size_t block)
{
	uint32_t state = atomic_load(&share->states[block]);
	size_t slot = state & STATE_SLOT;

	if (!(state & STATE_MAKING))
		return false;
	if (slot < share->slot_count && !is_overdue(share, block, slot))
		return true;
	return !swap_state(share, block, state, STATE_LEAD);
}

void codec_share_wait(struct codec_share *share, size_t block)
{
	uint32_t seen = atomic_load(&share->header->answers);

	if (atomic_load(&share->states[block]) & STATE_MAKING)
		nap(&share->header->answers, seen);
}

bool codec_share_claim_ahead(struct codec_share *share, size_t after,
			     size_t *block_ret)
{
	for (size_t i = after + 1; i < share->high; i++) {
		if (swap_state(share, i, STATE_NONE, STATE_LEAD)) {
			*block_ret = i;
			return true;
		}
	}
	return false;
}

bool codec_share_take(struct codec_share *share, size_t block, uint8_t *data,
		      size_t size)
{
	uint32_t state = atomic_load(&share->states[block]);
	size_t slot = state & STATE_SLOT;

	if (!(state & STATE_READY) || slot >= share->slot_count ||
	    size > share->slot_size) {
		atomic_store(&share->states[block], STATE_LEAD);
		return false;
	}
	memcpy(data, slot_data(share, slot), size);
	atomic_store(&share->states[block], STATE_LEAD);
	give_slot(share, slot);
	wake(&share->header->wishes);
	share->blocks++;
	return true;
}

void codec_share_release(struct codec_share *share, size_t block, bool failed)
{
	swap_state(share, block, STATE_LEAD,
		   failed ? STATE_FAILED : STATE_NONE);
}

/* ---- Assistants --------------------------------------------------------- */

/* What an assistant is at. */
struct making {
	struct codec_share *share;
	size_t block;
	size_t slot;
};

static bool is_lead_there(const struct codec_share *share)
{
	return atomic_load(&share->header->lead) != LEAD_ENDED &&
	       !atomic_load(&share->header->is_abandoned);
}

static bool is_in_window(const struct codec_share *share, size_t block)
{
	uint64_t window = atomic_load(&share->header->window);

	return block >= window >> 32 && block < (window & UINT32_MAX);
}

static bool is_still_wanted(void *ctx)
{
	struct making *m = ctx;
	struct codec_share *share = m->share;

	atomic_fetch_add(&share->header->slots[m->slot].progress, 1);
	return is_lead_there(share) && is_in_window(share, m->block) &&
	       atomic_load(&share->states[m->block]) ==
		       (STATE_MAKING | (uint32_t)m->slot);
}

static bool take_slot(struct codec_share *share, size_t block, size_t *ret)
{
	for (size_t i = 0; i < share->slot_count; i++) {
		uint32_t none = 0;

		if (atomic_compare_exchange_strong(
			    &share->header->slots[i].taken, &none,
			    (uint32_t)block + 1)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* The first block wished for that nobody has, with a slot for it. */
static bool claim(struct codec_share *share, struct making *m)
{
	uint64_t window = atomic_load(&share->header->window);
	size_t high = window & UINT32_MAX;

	if (high > share->block_count)
		high = share->block_count;
	for (size_t i = window >> 32; i < high; i++) {
		if (atomic_load(&share->states[i]) != STATE_NONE)
			continue;
		if (!take_slot(share, i, &m->slot))
			return false;
		m->share = share;
		m->block = i;
		if (swap_state(share, i, STATE_NONE,
			       STATE_MAKING | (uint32_t)m->slot))
			return true;
		give_slot(share, m->slot);
	}
	return false;
}

/* @return NULL also where the block is at fault. */
static struct error *make(struct codec_stream *s, struct making *m)
{
	struct codec_share *share = m->share;
	size_t size = (size_t)s->blocks.v[m->block].out_size;
	uint32_t making = STATE_MAKING | (uint32_t)m->slot;
	bool complete = false;
	struct error *err = NULL;

	/* See codec_share_create(). */
	if (fallocate(share->fd, 0,
		      (off_t)(SLOTS_OFFSET + m->slot * share->slot_size),
		      (off_t)size))
		err = error_errno("allocate shared memory");
	if (!err)
		err = codec_blocks_decode_whole(s, m->block,
						slot_data(share, m->slot),
						is_still_wanted, m, &complete);
	if (complete && swap_state(share, m->block, making,
				   STATE_READY | (uint32_t)m->slot)) {
		share->blocks++;
	} else {
		swap_state(share, m->block, making,
			   err ? STATE_FAILED : STATE_NONE);
		give_slot(share, m->slot);
	}
	wake(&share->header->answers);
	if (err && error_kind(err) == ERROR_BAD_DATA) {
		error_free(err);
		return NULL;
	}
	return err;
}

/* Until the lead ends, or for a while without work. */
static struct error *make_blocks(struct codec_share *share,
				 struct codec_stream *s, int64_t idle_ms)
{
	int64_t until = clock_ms() + idle_ms;

	while (is_lead_there(share)) {
		uint32_t seen = atomic_load(&share->header->wishes);
		struct making m;

		if (claim(share, &m)) {
			TRY(make(s, &m));
			until = clock_ms() + idle_ms;
		} else if (clock_ms() >= until) {
			break;
		} else {
			nap(&share->header->wishes, seen);
		}
	}
	return NULL;
}

/* Has the lead begun to share, in time? */
static bool await_lead(struct codec_share *share, int64_t idle_ms)
{
	int64_t until = clock_ms() + idle_ms;

	while (is_lead_there(share)) {
		uint32_t seen = atomic_load(&share->header->wishes);

		if (atomic_load(&share->header->lead) == LEAD_RUNS)
			return true;
		if (clock_ms() >= until)
			break;
		nap(&share->header->wishes, seen);
	}
	return false;
}

/* Take the lead's word, as far as it fits the file. */
static struct error *open_stream(struct codec_share *share, int fd,
				 uint64_t file_size, struct codec_stream **ret)
{
	const volatile struct share_header *h = share->header;
	struct codec_place place = { .codec = (enum codec)h->codec,
				     .offset = h->offset,
				     .size = h->size };
	uint64_t largest;

	share->block_count = h->block_count;
	share->slot_count = h->slot_count;
	share->slot_size = (size_t)h->slot_size;
	if (place.offset > file_size || place.size > file_size - place.offset ||
	    !share->slot_count || share->slot_count > SLOTS_MAX ||
	    share->slot_size > SLOTS_BYTES / share->slot_count)
		return error_new(BAD_DATA, "terms of sharing do not fit");
	struct input in = input_from_fd(fd, place.offset, place.size);

	TRY(codec_open(place.codec, &in, UINT64_MAX, ret));
	if ((*ret)->read_at != codec_blocks_read_at ||
	    !is_worth_sharing(&(*ret)->blocks, &largest) ||
	    largest > share->slot_size ||
	    share->block_count != (*ret)->blocks.count)
		return error_new(BAD_DATA, "blocks are not those shared");
	return NULL;
}

struct error *codec_share_assist(struct codec_share *share, int fd,
				 uint64_t file_size, int64_t idle_ms)
{
	CLEANUP_CODEC struct codec_stream *s = NULL;

	if (!await_lead(share, idle_ms))
		return NULL;
	TRY(open_stream(share, fd, file_size, &s));
	atomic_fetch_add(&share->header->assistants, 1);
	struct error *err = make_blocks(share, s, idle_ms);

	atomic_fetch_sub(&share->header->assistants, 1);
	return err;
}
