/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parallel arrays, one value a file:
 *
 *	1027	strings	OLDFILENAMES, whole names; or these three
 *	1116	int32	DIRINDEXES, into DIRNAMES
 *	1117	strings	BASENAMES
 *	1118	strings	DIRNAMES, each with its final '/'; as many as there are
 *	1028	int32	FILESIZES, or
 *	5008	int64	LONGFILESIZES
 *	1030	int16	FILEMODES
 *	1034	int32	FILEMTIMES
 *	1037	int32	FILEFLAGS; 1 << 6: a ghost, which has no bytes
 *	1095	int32	FILEDEVICES
 *	1096	int32	FILEINODES
 *
 * Regular files of one device and inode are one file; its bytes come with the
 * name of the highest index. Inode 0 means none.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/reader.h"
#include "scanners/rpm_files.h"

enum {
	TAG_OLDFILENAMES = 1027,
	TAG_FILESIZES = 1028,
	TAG_FILEMODES = 1030,
	TAG_FILEMTIMES = 1034,
	TAG_FILEFLAGS = 1037,
	TAG_FILEDEVICES = 1095,
	TAG_FILEINODES = 1096,
	TAG_DIRINDEXES = 1116,
	TAG_BASENAMES = 1117,
	TAG_DIRNAMES = 1118,
	TAG_LONGFILESIZES = 5008,

	FLAG_GHOST = 1 << 6,
};

struct rpm_files {
	size_t count;
	const char **names; /* BASENAMES or OLDFILENAMES; borrowed strings */
	const char **dirs;  /* NULL with OLDFILENAMES */
	size_t dir_count;
	struct rpm_values dir_indexes;
	struct rpm_values sizes, modes, mtimes, flags; /* mtimes, flags: may be
							* empty */
	bool *is_link;
};

/* ---- Arrays ------------------------------------------------------------- */

static struct error *find_strings(const struct rpm_header *h, uint32_t tag,
				  const char ***ret, size_t *count_ret,
				  bool *found_ret)
{
	struct rpm_values v;
	struct reader r;

	TRY(rpm_header_find(h, tag, RPM_TYPE_STRINGS, &v, found_ret));
	if (!*found_ret)
		return NULL;
	CLEANUP_FREE const char **strings = mem_array(v.count, sizeof(char *));

	if (!strings)
		return error_no_memory;
	reader_init(&r, v.data, v.size, true);
	for (size_t i = 0; i < v.count; i++)
		strings[i] = reader_cstr(&r, NULL);
	if (!reader_ok(&r))
		return error_new(BAD_DATA,
				 "tag %" PRIu32 ": fewer than its %zu strings",
				 tag, v.count);
	*count_ret = v.count;
	*ret = STEAL(strings);
	return NULL;
}

/* A number for each file. @found_ret NULL: it must be there. */
static struct error *find_numbers(const struct rpm_header *h, uint32_t tag,
				  enum rpm_type type, size_t count,
				  struct rpm_values *ret, bool *found_ret)
{
	bool found;

	TRY(rpm_header_find(h, tag, type, ret, &found));
	if (found && ret->count != count)
		return error_new(BAD_DATA,
				 "tag %" PRIu32 " has %zu values for %zu files",
				 tag, ret->count, count);
	if (found_ret)
		*found_ret = found;
	else if (!found)
		return error_new(BAD_DATA, "tag %" PRIu32 " is missing", tag);
	return NULL;
}

static struct error *load_names(struct rpm_files *files,
				const struct rpm_header *h)
{
	bool found;

	TRY(find_strings(h, TAG_BASENAMES, &files->names, &files->count,
			 &found));
	if (!found) {
		TRY(find_strings(h, TAG_OLDFILENAMES, &files->names,
				 &files->count, &found));
		return NULL;
	}
	TRY(find_strings(h, TAG_DIRNAMES, &files->dirs, &files->dir_count,
			 &found));
	if (!found)
		return error_new(BAD_DATA, "tag %d is missing", TAG_DIRNAMES);
	return find_numbers(h, TAG_DIRINDEXES, RPM_TYPE_INT32, files->count,
			    &files->dir_indexes, NULL);
}

static struct error *load_attributes(struct rpm_files *files,
				     const struct rpm_header *h)
{
	bool found;

	TRY(find_numbers(h, TAG_LONGFILESIZES, RPM_TYPE_INT64, files->count,
			 &files->sizes, &found));
	if (!found)
		TRY(find_numbers(h, TAG_FILESIZES, RPM_TYPE_INT32, files->count,
				 &files->sizes, NULL));
	TRY(find_numbers(h, TAG_FILEMODES, RPM_TYPE_INT16, files->count,
			 &files->modes, NULL));
	TRY(find_numbers(h, TAG_FILEMTIMES, RPM_TYPE_INT32, files->count,
			 &files->mtimes, &found));
	return find_numbers(h, TAG_FILEFLAGS, RPM_TYPE_INT32, files->count,
			    &files->flags, &found);
}

/* ---- Hard links --------------------------------------------------------- */

struct inode {
	uint32_t device, inode;
	uint32_t index;
};

static int compare_inodes(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool is_ghost(const struct rpm_files *files, size_t i)
{
	return files->flags.count &&
	       rpm_values_number(&files->flags, i) & FLAG_GHOST;
}

/* Mark all names of a file but the last. */
static void mark_links(struct rpm_files *files, const struct inode *inodes,
		       size_t count)
{
	for (size_t i = 0; i + 1 < count; i++)
		if (inodes[i].device == inodes[i + 1].device &&
		    inodes[i].inode == inodes[i + 1].inode)
			files->is_link[inodes[i].index] = true;
}

static struct error *load_links(struct rpm_files *files,
				const struct rpm_header *h)
{
	struct rpm_values inodes = { 0 }, devices = { 0 };
	bool has_inodes, has_devices;
	size_t count = 0;

	files->is_link = mem_array(files->count, sizeof(bool));
	if (!files->is_link)
		return error_no_memory;
	TRY(find_numbers(h, TAG_FILEINODES, RPM_TYPE_INT32, files->count,
			 &inodes, &has_inodes));
	TRY(find_numbers(h, TAG_FILEDEVICES, RPM_TYPE_INT32, files->count,
			 &devices, &has_devices));
	if (!has_inodes || !has_devices)
		return NULL;
	CLEANUP_FREE struct inode *list =
		mem_array(files->count, sizeof(*list));

	if (!list)
		return error_no_memory;
	for (size_t i = 0; i < files->count; i++) {
		uint32_t inode = (uint32_t)rpm_values_number(&inodes, i);

		uint64_t mode = rpm_values_number(&files->modes, i);

		if (inode && S_ISREG(mode) && !is_ghost(files, i))
			list[count++] = (struct inode) {
				.device = (uint32_t)rpm_values_number(&devices,
								      i),
				.inode = inode,
				.index = (uint32_t)i,
			};
	}
	qsort(list, count, sizeof(*list), compare_inodes);
	mark_links(files, list, count);
	return NULL;
}

/* ---- The list ----------------------------------------------------------- */

static void cleanup_files(struct rpm_files **files)
{
	rpm_files_close(*files);
}

struct error *rpm_files_open(const struct rpm_header *h, struct rpm_files **ret)
{
	CLEANUP(cleanup_files)
	struct rpm_files *files = mem_zalloc(sizeof(*files));

	if (!files)
		return error_no_memory;
	TRY(load_names(files, h));
	if (files->count) {
		TRY(load_attributes(files, h));
		TRY(load_links(files, h));
	}
	*ret = STEAL(files);
	return NULL;
}

void rpm_files_close(struct rpm_files *files)
{
	if (!files)
		return;
	mem_free(files->names);
	mem_free(files->dirs);
	mem_free(files->is_link);
	mem_free(files);
}

size_t rpm_files_count(const struct rpm_files *files)
{
	return files->count;
}

void rpm_files_get(const struct rpm_files *files, size_t i,
		   struct rpm_file *ret)
{
	uint32_t mode = (uint32_t)rpm_values_number(&files->modes, i);
	// The header has sizes for directories too; the payload has nothing.
	bool has_bytes = S_ISREG(mode) || S_ISLNK(mode);

	*ret = (struct rpm_file) {
		.mode = mode,
		.mtime = files->mtimes.count
				 ? (int64_t)rpm_values_number(&files->mtimes, i)
				 : 0,
		.is_link = files->is_link[i],
	};
	if (has_bytes && !ret->is_link && !is_ghost(files, i))
		ret->size = rpm_values_number(&files->sizes, i);
}

struct error *rpm_files_name(const struct rpm_files *files, size_t i,
			     struct buf *to)
{
	const char *dir = "";

	if (files->dirs) {
		uint64_t index = rpm_values_number(&files->dir_indexes, i);

		if (index >= files->dir_count)
			return error_new(BAD_DATA,
					 "file %zu lies in directory %" PRIu64
					 " of %zu",
					 i, index, files->dir_count);
		dir = files->dirs[index];
	}
	buf_append_str(to, dir);
	buf_append(to, files->names[i], strlen(files->names[i]) + 1);
	return to->failed ? error_no_memory : NULL;
}
