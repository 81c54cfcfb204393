/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/units.h"
#include "store/remote_file.h"

enum {
	/* What is gathered before it is written. */
	PENDING_BYTES = 256 << 10,
	/* In steps of so much at most room is looked for, whatever was
	 * announced: others write, too. */
	ROOM_MOST = 16 << 20,
	/* Copied at a time: with each piece that comes, until all is copied. */
	COPY_BYTES = 4 << 20,
};

void remote_file_init(struct remote_file *f, struct disk_cache *cache)
{
	*f = (struct remote_file) { .cache = cache, .fd = -1, .old_fd = -1 };
}

static void close_files(struct remote_file *f)
{
	if (f->fd >= 0)
		close(steal_fd(&f->fd));
	if (f->old_fd >= 0)
		close(steal_fd(&f->old_fd));
	growth_put(STEAL(f->growth));
}

void remote_file_deinit(struct remote_file *f)
{
	close_files(f);
	mem_free(STEAL(f->pending));
}

void remote_file_end(struct remote_file *f)
{
	if (f->growth)
		growth_end(f->growth, GROWTH_BROKEN);
	close_files(f);
}

static uint64_t known_size(const struct remote_file *f)
{
	return f->size > 0 ? (uint64_t)f->size : 0;
}

struct error *remote_file_begin(struct remote_file *f, int64_t size)
{
	f->size = size;
	f->is_beside = false;
	f->received = f->written = f->room = f->moved = f->copied = 0;
	f->growth = growth_create();
	if (!f->pending)
		f->pending = mem_alloc(PENDING_BYTES);
	if (!f->growth || !f->pending)
		return error_no_memory;
	CLEANUP_ERROR struct error *err =
		disk_cache_begin_growing(f->cache, known_size(f), &f->fd);

	if (!err ||
	    (error_kind(err) != ERROR_NO_SPACE && error_kind(err) != ERROR_IO))
		return STEAL(err);
	f->is_beside = true;
	return disk_cache_begin_elsewhere(
		f->cache, err, known_size(f) ? known_size(f) : MIB, &f->fd);
}

size_t remote_file_take(struct remote_file *f, const void *bytes, size_t size)
{
	size_t used = (size_t)(f->received - f->written);
	size_t n = size < PENDING_BYTES - used ? size : PENDING_BYTES - used;

	memcpy(f->pending + used, bytes, n);
	f->received += n;
	return n;
}

static struct error *find_room(struct remote_file *f)
{
	uint64_t more = f->written;

	if (f->received <= f->room)
		return NULL;
	if (more < MIB)
		more = MIB;
	if (more > ROOM_MOST)
		more = ROOM_MOST;
	if (f->size >= 0 && more > (uint64_t)f->size - f->written)
		more = (uint64_t)f->size - f->written;
	TRY(disk_cache_go_on(f->cache, f->fd, known_size(f), f->written, more,
			     f->is_beside));
	f->room = f->written + more;
	return NULL;
}

static struct error *try_write(struct remote_file *f)
{
	TRY(find_room(f));
	return file_write_at(f->fd, f->pending,
			     (size_t)(f->received - f->written), f->written);
}

/* What follows goes to a file outside the cache. What is there stays readable,
 * though its name will never be seen. */
static struct error *move(struct remote_file *f, const struct error *why)
{
	uint64_t size = f->size > 0 ? (uint64_t)f->size : f->received + MIB;
	CLEANUP_CLOSE int fd = -1;

	disk_cache_note_full(f->cache, size);
	TRY(disk_cache_begin_elsewhere(f->cache, why, size, &fd));
	int readers_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (readers_fd < 0)
		return error_errno("dup");
	growth_move(f->growth, readers_fd, f->written);
	f->old_fd = f->fd;
	f->fd = steal_fd(&fd);
	f->is_beside = true;
	f->moved = f->room = f->written;
	f->copied = 0;
	return NULL;
}

struct error *remote_file_write(struct remote_file *f)
{
	bool is_one;

	if (f->received == f->written)
		return NULL;
	CLEANUP_ERROR struct error *err = try_write(f);

	if (err && error_kind(err) == ERROR_NO_SPACE && !f->is_beside) {
		TRY(move(f, err));
		error_free(err);
		err = try_write(f);
	}
	if (err)
		return STEAL(err);
	f->written = f->received;
	growth_grow(f->growth, f->written);
	return remote_file_copy(f, &is_one);
}

/* Through what was written just now: it is free until more comes. */
struct error *remote_file_copy(struct remote_file *f, bool *is_one_ret)
{
	uint64_t until = f->copied + COPY_BYTES;

	while (f->old_fd >= 0 && f->copied < f->moved && f->copied < until) {
		uint64_t left = f->moved - f->copied;
		ssize_t n = pread(f->old_fd, f->pending,
				  left < PENDING_BYTES ? (size_t)left
						       : PENDING_BYTES,
				  (off_t)f->copied);

		if (n <= 0)
			return n ? error_errno("read what was fetched")
				 : error_new(IO, "what was fetched is gone");
		TRY(file_write_at(f->fd, f->pending, (size_t)n, f->copied));
		f->copied += (uint64_t)n;
	}
	if (f->old_fd >= 0 && f->copied == f->moved)
		close(steal_fd(&f->old_fd));
	*is_one_ret = f->old_fd < 0;
	return NULL;
}

int remote_file_shown(const struct remote_file *f)
{
	return f->old_fd >= 0 ? f->old_fd : f->fd;
}
