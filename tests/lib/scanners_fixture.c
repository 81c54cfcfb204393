/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>
#include <sys/stat.h>

#include "tests/lib/codec_writer.h"
#include "tests/lib/scanners_fixture.h"

#define D50  "dddddddddddddddddddddddddddddddddddddddddddddddddd"
#define D150 D50 D50 D50

enum { BIG_SIZE = 120000 };

/* Bytes for all files; begins as an ELF file does. */
static const uint8_t *sample(void)
{
	static struct buf bytes;

	if (!bytes.size) {
		if (!buf_append(&bytes, "\177ELF", 4))
			abort();
		write_sample(&bytes, BIG_SIZE, 1);
	}
	return bytes.data;
}

enum { DAY = 86400 };

/* Data is filled in by container_files(). */
static struct pkg_file files[] = {
	{ .name = "./usr", .mode = S_IFDIR | 0755, .mtime = DAY },
	{ .name = "./usr/bin/a", .size = 1000, .mtime = 1700000000 },
	{ .name = "./usr/bin/empty", .mtime = 1 },
	{ .name = "./usr/bin/b", .link = "./usr/bin/a", .mtime = 1700000000 },
	{ .name = "./usr/lib/link", .mode = S_IFLNK | 0777, .link = "../bin" },
	{ .name = "./usr/lib/big", .size = BIG_SIZE, .mtime = 2 * DAY },
	{ .name = "./dev/null", .mode = S_IFCHR | 0666 },
	{ .name = "./dev/sda", .mode = S_IFBLK | 0660 },
	{ .name = "./run/fifo", .mode = S_IFIFO | 0600 },
	{ .name = "./" D150 "/" D150, .size = 513, .mtime = 3 },
	{ .name = "./link/" D150, .mode = S_IFLNK | 0777, .link = D150 D150 },
	{ .name = "./caf\xc3\xa9/\xff\n\x01 '\"", .size = 511, .mtime = 4 },
	{ .name = "../../etc/passwd", .size = 7, .mtime = 5 },
	{ .name = "//abs/olute", .size = 1, .mtime = 6 },
	{ .name = "block", .size = 512, .mtime = 0x7fffffff },
	{ .name = "./usr/bin/c", .link = "./usr/bin/a", .mtime = 1700000000 },
	{ .name = "./last", .size = 5, .mtime = 7 },
};

enum { FILES = sizeof(files) / sizeof(*files) };

void container_files(const struct pkg_file **ret, size_t *count_ret)
{
	for (size_t i = 0; i < FILES; i++)
		files[i].data = files[i].size ? sample() : NULL;
	*ret = files;
	*count_ret = FILES;
}

const char *container_name(const char *name)
{
	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name += *name == '/' ? 1 : 2;
	return name;
}

/* ---- Those that are no packages ----------------------------------------- */

static void write_elf(struct buf *out, const struct container *c)
{
	(void)c;
	if (!buf_append(out, sample(), BIG_SIZE))
		abort();
}

static void write_module(struct buf *out, const struct container *c)
{
	pkg_put_compressed(out, c->options.codec, c->options.block_size,
			   sample(), BIG_SIZE);
}

/* As scanners/template.c says. */
static void write_template(struct buf *out, const struct container *c)
{
	const struct pkg_file *f;
	size_t count;

	container_members(c, &f, &count);
	buf_append_str(out, "TEMPLATE");
	for (size_t i = 0; i < count; i++) {
		buf_put_u32(out, (uint32_t)strlen(f[i].name));
		buf_put_u64(out, f[i].size);
		buf_put_u64(out, (uint64_t)f[i].mtime);
		buf_append_str(out, f[i].name);
		buf_append(out, f[i].data, f[i].size);
	}
	buf_put_u32(out, 0);
	buf_put_u64(out, 0);
	buf_put_u64(out, 0);
	if (out->failed)
		abort();
}

/* ---- All ---------------------------------------------------------------- */

#define DEB(...)                                                            \
	.scanner = &scanner_deb, .is_registered = true, .has_mtimes = true, \
	.options = { .kind = PKG_DEB, __VA_ARGS__ }
#define IPK(...)                                                            \
	.scanner = &scanner_deb, .is_registered = true, .has_mtimes = true, \
	.is_nested = true, .options = { .kind = PKG_IPK, __VA_ARGS__ }
#define RPM(...)                                                            \
	.scanner = &scanner_rpm, .is_registered = true, .has_mtimes = true, \
	.options = { .kind = PKG_RPM, __VA_ARGS__ }
#define TAR(...)                                                            \
	.scanner = &scanner_tar, .is_registered = true, .has_mtimes = true, \
	.options = { .kind = PKG_TAR, __VA_ARGS__ }
#define CPIO(...)                                                           \
	.scanner = &scanner_archive, .has_mtimes = true, .is_nested = true, \
	.options = { .kind = PKG_CPIO, __VA_ARGS__ }
#define KMOD(...)                                        \
	.scanner = &scanner_kmod, .is_registered = true, \
	.write = write_module, .options = { __VA_ARGS__ }

const struct container containers[] = {
	{ "none.deb", DEB(.codec = CODEC_NONE) },
	{ "gzip.udeb", DEB(.codec = CODEC_GZIP) },
	{ "xz.deb", DEB(.codec = CODEC_XZ) },
	{ "lzma.deb", DEB(.codec = CODEC_LZMA) },
	{ "bzip2.deb", DEB(.codec = CODEC_BZIP2) },
	{ "zstd.ddeb", DEB(.codec = CODEC_ZSTD) },
	{ "xz-blocks.deb", DEB(.codec = CODEC_XZ, .block_size = 32768) },
	{ "zstd-frames.deb", DEB(.codec = CODEC_ZSTD, .block_size = 32768) },
	{ "gzip-members.deb", DEB(.codec = CODEC_GZIP, .block_size = 32768) },
	{ "odd-blocks.deb", DEB(.codec = CODEC_XZ, .block_size = 10007) },
	{ "pax.deb", DEB(.codec = CODEC_GZIP, .use_pax = true) },
	{ "slash.ipk", DEB(.codec = CODEC_GZIP, .use_slash_names = true) },
	{ "no-trailer.deb", DEB(.codec = CODEC_GZIP, .has_no_trailer = true) },
	{ "gzip.ipk", IPK(.codec = CODEC_GZIP) },
	{ "xz.ipk", IPK(.codec = CODEC_XZ) },
	{ "none.rpm", RPM(.codec = CODEC_NONE) },
	{ "none-said-gzip.rpm", RPM(.compressor = "gzip") },
	{ "gzip.rpm", RPM(.codec = CODEC_GZIP) },
	{ "gzip-unsaid.rpm", RPM(.codec = CODEC_GZIP, .compressor = "") },
	{ "xz.rpm", RPM(.codec = CODEC_XZ) },
	{ "lzma.rpm", RPM(.codec = CODEC_LZMA) },
	{ "bzip2.rpm", RPM(.codec = CODEC_BZIP2) },
	{ "zstd.rpm", RPM(.codec = CODEC_ZSTD) },
	{ "xz-blocks.rpm", RPM(.codec = CODEC_XZ, .block_size = 32768) },
	{ "odd-frames.rpm", RPM(.codec = CODEC_ZSTD, .block_size = 10007) },
	{ "crc.rpm", RPM(.codec = CODEC_GZIP, .use_crc_magic = true) },
	{ "stripped.rpm", RPM(.codec = CODEC_GZIP, .is_stripped = true) },
	{ "v6.rpm", RPM(.codec = CODEC_ZSTD, .is_v6 = true) },
	{ "v6-stored.rpm", RPM(.codec = CODEC_NONE, .is_v6 = true) },
	{ "old-names.rpm", RPM(.codec = CODEC_GZIP, .use_old_names = true) },
	{ "old-stripped.rpm", RPM(.codec = CODEC_GZIP, .use_old_names = true,
				  .is_stripped = true) },
	{ "source.src.rpm", RPM(.codec = CODEC_GZIP, .is_source = true) },
	{ "none.tar", TAR(.codec = CODEC_NONE), .is_cut_unseen = true },
	{ "no-suffix", TAR(.use_pax = true), .is_cut_unseen = true },
	{ "gzip.tgz", TAR(.codec = CODEC_GZIP) },
	{ "xz.tar.xz", TAR(.codec = CODEC_XZ) },
	{ "lzma.tar.lzma", TAR(.codec = CODEC_LZMA) },
	{ "bzip2.tbz2", TAR(.codec = CODEC_BZIP2) },
	{ "zstd.pkg.tar.zst", TAR(.codec = CODEC_ZSTD) },
	{ "misnamed.tar", TAR(.codec = CODEC_ZSTD) },
	{ "blocks.tar.xz", TAR(.codec = CODEC_XZ, .block_size = 32768) },
	{ "frames.pkg.tar.zst", TAR(.codec = CODEC_ZSTD, .block_size = 10007) },
	{ "pax.tar.gz", TAR(.codec = CODEC_GZIP, .use_pax = true) },
	{ "no-trailer.tar.gz",
	  TAR(.codec = CODEC_GZIP, .has_no_trailer = true) },
	{ "test.cpio", CPIO(.codec = CODEC_NONE) },
	{ "test.cpio.zst", CPIO(.codec = CODEC_ZSTD) },
	{ "a.ko.xz", KMOD(.codec = CODEC_XZ) },
	{ "dir/a.ko.zst", KMOD(.codec = CODEC_ZSTD) },
	{ "a.ko.gz", KMOD(.codec = CODEC_GZIP) },
	{ "a.ko", .scanner = &scanner_elf, .is_registered = true,
	  .write = write_elf, .is_cut_unseen = true },
	{ "template", .scanner = &scanner_template, .has_mtimes = true,
	  .write = write_template },
	{ NULL },
};

void container_write(const struct container *c, struct buf *out)
{
	const struct pkg_file *f;
	size_t count;

	if (c->write) {
		c->write(out, c);
		return;
	}
	container_files(&f, &count);
	pkg_write(out, &c->options, f, count);
}

static bool is_name_of(const struct pkg_file *name, const struct pkg_file *file)
{
	return name == file || (S_ISREG(name->mode ? name->mode : S_IFREG) &&
				name->link && !strcmp(name->link, file->name));
}

/* The name that an archive keeps the bytes of @file with. */
static const struct pkg_file *carrier(const struct container *c,
				      const struct pkg_file *file)
{
	const struct pkg_file *last = file;

	if (c->scanner != &scanner_rpm && c->scanner != &scanner_archive)
		return file;
	for (size_t i = 0; i < FILES; i++)
		if (is_name_of(&files[i], file))
			last = &files[i];
	return last;
}

void container_members(const struct container *c, const struct pkg_file **ret,
		       size_t *count_ret)
{
	static struct pkg_file members[FILES];
	const struct pkg_file *f;
	size_t count, n = 0;

	container_files(&f, &count);
	*ret = members;
	if (c->scanner == &scanner_elf || c->scanner == &scanner_kmod) {
		members[0] = (struct pkg_file) { .name = "a.ko",
						 .data = sample(),
						 .size = BIG_SIZE };
		*count_ret = 1;
		return;
	}
	// In the order of the names that carry the bytes.
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			if ((f[j].mode && !S_ISREG(f[j].mode)) || f[j].link ||
			    carrier(c, &f[j]) != &f[i])
				continue;
			members[n] = f[j];
			members[n++].name = f[i].name;
		}
	}
	*count_ret = n;
}
