/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a table, for sending it. Where it is not on disk one is written,
 * unlinked, which all who ask share for as long as the table is loaded: each of
 * a thousand slow clients would otherwise fill a disk with one of its own.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "symbolize/table_cache_internal.h"

/* Each is a descriptor. */
enum { COPIES_MOST = 256 };

void entry_forget_copy(struct table_cache *c, struct table_entry *e)
{
	if (e->copy < 0)
		return;
	TAILQ_REMOVE(&c->copies, e, by_copy);
	c->copy_count--;
	cleanup_close(&e->copy);
	e->copy = -1;
}

/* Another process may have put another table under the name. */
static bool is_of_table(int fd, const struct symtab *table)
{
	size_t size = symtab_bytes(table);
	uint64_t tail;
	struct stat st;

	return size >= sizeof(tail) && !fstat(fd, &st) &&
	       st.st_size == (off_t)size &&
	       pread(fd, &tail, sizeof(tail), (off_t)(size - sizeof(tail))) ==
		       sizeof(tail) &&
	       !memcmp(&tail, symtab_data(table) + size - sizeof(tail),
		       sizeof(tail));
}

/* -1: there is none.
 * @param[out] is_loaded_ret Others will have the same table. */
static int find_file(struct table_cache *c, const struct symtab *table,
		     bool *is_loaded_ret)
{
	CLEANUP_CLOSE int fd = -1;
	char name[TABLE_NAME_SIZE];

	{
		LOCKED(&c->lock);
		const struct table_entry *e =
			entry_find(c, symtab_build_id(table));

		*is_loaded_ret = e && e->table == table;
		if (!e || (e->table && e->table != table))
			return -1;
		if (e->copy >= 0)
			return fcntl(e->copy, F_DUPFD_CLOEXEC, 0);
		if (e->fd >= 0)
			fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
		else if (e->has_file)
			fd = openat(c->dir_fd, table_file_name(e, name),
				    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd >= 0 && is_of_table(fd, table) ? steal_fd(&fd) : -1;
}

static struct error *write_copy(const struct symtab *table, int *fd_ret)
{
	CLEANUP_CLOSE int fd = -1;
	size_t size = symtab_gsym_bytes(table);

	TRY(file_open_temporary(NULL, size, &fd));
	if (file_system_spare(fd, NULL) < size)
		return error_new(NO_SPACE, "no space for a table of %zu bytes",
				 size);
	TRY(file_write_all(fd, symtab_data(table), size));
	*fd_ret = steal_fd(&fd);
	return NULL;
}

/* The copy is everybody's, or goes: somebody else's came first.
 * @param[in,out] fd What to send. Owned. */
static void share(struct table_cache *c, const struct symtab *table, int *fd)
{
	LOCKED(&c->lock);
	struct table_entry *e = entry_find(c, symtab_build_id(table));

	if (!e || e->table != table)
		return;
	if (e->copy >= 0) {
		int other = fcntl(e->copy, F_DUPFD_CLOEXEC, 0);

		if (other >= 0) {
			cleanup_close(fd);
			*fd = other;
		}
		return;
	}
	e->copy = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	if (e->copy < 0)
		return;
	TAILQ_INSERT_TAIL(&c->copies, e, by_copy);
	if (++c->copy_count > COPIES_MOST)
		entry_forget_copy(c, TAILQ_FIRST(&c->copies));
}

struct error *table_cache_file(struct table_cache *c,
			       const struct symtab *table, int *fd_ret)
{
	bool is_loaded;
	int fd = find_file(c, table, &is_loaded);

	*fd_ret = -1;
	if (fd < 0 && !is_loaded)
		return error_new(BUSY,
				 "the table was dropped, or another one has "
				 "taken its place");
	if (fd < 0) {
		TRY(write_copy(table, &fd));
		share(c, table, &fd);
	}
	*fd_ret = fd;
	return NULL;
}
