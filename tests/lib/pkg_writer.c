/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deb and tar; pkg_writer_rpm.c writes the other.
 *
 * Layouts are described where they are read: scanners/deb.c, scanners/rpm.c.
 * tar: POSIX.1-2001 ustar and pax; GNU's 'L' and 'S' as in GNU tar 1.34,
 * src/tar.h.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/codec_writer.h"
#include "tests/lib/pkg_writer_internal.h"

enum {
	TAR_BLOCK = 512,
	TAR_NAME_SIZE = 100,
	SPARSE_HOLE = 4096,
	/* Longer runs of zeros are compressed once and repeated. */
	ZERO_RUN = 64 << 20,
};

void pkg_must(bool ok)
{
	if (!ok)
		abort();
}

bool pkg_is_regular(const struct pkg_file *f)
{
	return !f->mode || S_ISREG(f->mode);
}

uint32_t pkg_mode(const struct pkg_file *f)
{
	return f->mode ? f->mode : S_IFREG | 0644;
}

uint64_t pkg_size(const struct pkg_file *f)
{
	if (S_ISLNK(f->mode))
		return strlen(f->link);
	return pkg_is_regular(f) ? f->size + f->zeros : 0;
}

/* ---- Compressed payloads ------------------------------------------------ */

void pkg_put_compressed(struct buf *out, enum codec codec, size_t block_size,
			const void *data, size_t size)
{
	const uint8_t *from = data;

	if (!block_size || codec == CODEC_NONE || codec == CODEC_LZMA) {
		write_codec(codec, data, size, out);
		return;
	}
	if (codec == CODEC_XZ) {
		write_xz_blocks(data, size, block_size, out);
		return;
	}
	do {
		size_t n = size < block_size ? size : block_size;

		write_codec(codec, from, n, out);
		from += n;
		size -= n;
	} while (size);
}

void pkg_payload_flush(struct pkg_payload *p)
{
	if (!p->raw.size && p->out->size != p->begin)
		return;
	pkg_put_compressed(p->out, p->codec, p->block_size, p->raw.data,
			   p->raw.size);
	buf_clear(&p->raw);
}

void pkg_payload_put(struct pkg_payload *p, const void *data, size_t size)
{
	pkg_must(buf_append(&p->raw, data, size));
	p->offset += size;
}

static void put_zeros(struct buf *to, size_t size)
{
	if (!size)
		return;
	void *zeros = buf_reserve(to, size);

	pkg_must(zeros != NULL);
	memset(zeros, 0, size);
	buf_commit(to, size);
}

void pkg_payload_put_zeros(struct pkg_payload *p, uint64_t size)
{
	p->offset += size;
	if (size >= ZERO_RUN && p->codec != CODEC_NONE &&
	    p->codec != CODEC_LZMA) {
		CLEANUP_BUF struct buf zeros = BUF_INIT;
		CLEANUP_BUF struct buf packed = BUF_INIT;

		pkg_payload_flush(p);
		put_zeros(&zeros, ZERO_RUN);
		write_codec(p->codec, zeros.data, zeros.size, &packed);
		for (; size >= ZERO_RUN; size -= ZERO_RUN)
			pkg_must(buf_append(p->out, packed.data, packed.size));
	}
	put_zeros(&p->raw, (size_t)size);
}

void pkg_payload_pad(struct pkg_payload *p, unsigned alignment)
{
	pkg_payload_put_zeros(p, -p->offset % alignment);
}

void pkg_payload_begin(struct pkg_payload *p, const struct pkg_options *o,
		       struct buf *out)
{
	*p = (struct pkg_payload) { .codec = o->codec,
				    .block_size = o->block_size,
				    .out = out,
				    .begin = out->size };
}

void pkg_payload_end(struct pkg_payload *p, const struct pkg_options *o)
{
	pkg_payload_flush(p);
	pkg_must(p->out->size - p->begin >= o->cut_payload);
	p->out->size -= o->cut_payload;
	buf_deinit(&p->raw);
}

/* ---- tar ---------------------------------------------------------------- */

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12];
	char checksum[8], type, link[100], magic[6], version[2];
	char owner[32], group[32], major[8], minor[8], prefix[155], pad[12];
};

/* Octal, or GNU's base 256 where that is too short. */
static void set_number(char *to, size_t width, uint64_t value)
{
	char text[32];

	if (value >> (3 * (width - 1)) == 0) {
		snprintf(text, sizeof(text), "%0*" PRIo64, (int)width - 1,
			 value);
		memcpy(to, text, width);
		return;
	}
	for (size_t i = width; i-- > 0; value >>= 8)
		to[i] = (char)(value & 255);
	to[0] = (char)(to[0] | '\x80');
}

static void set_text(char *to, size_t width, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len < width ? len : width);
}

static void put_header(struct pkg_payload *p, struct tar_header *h)
{
	const uint8_t *bytes = (const uint8_t *)h;
	unsigned sum = 0;

	// magic and version: GNU's, where an old sparse map stands, or POSIX's.
	memcpy(h->magic, h->type == 'S' ? "ustar  " : "ustar\00000", 8);
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
	pkg_payload_put(p, h, sizeof(*h));
}

/* An extension header of @type: its body in blocks of its own. */
static void put_extension(struct pkg_payload *p, char type, const char *name,
			  const void *body, size_t size)
{
	struct tar_header h = { .type = type };

	set_text(h.name, sizeof(h.name), name);
	set_number(h.mode, sizeof(h.mode), 0644);
	set_number(h.size, sizeof(h.size), size);
	put_header(p, &h);
	pkg_payload_put(p, body, size);
	pkg_payload_pad(p, TAR_BLOCK);
}

static void put_pax_record(struct buf *to, const char *key, const char *value)
{
	// The length counts itself.
	size_t rest = strlen(key) + strlen(value) + 3, len = rest + 1;

	while (len != rest + (size_t)snprintf(NULL, 0, "%zu", len))
		len = rest + (size_t)snprintf(NULL, 0, "%zu", len);
	pkg_must(buf_printf(to, "%zu %s=%s\n", len, key, value));
}

static void put_pax(struct pkg_payload *p, const struct pkg_file *f)
{
	CLEANUP_BUF struct buf body = BUF_INIT;
	char number[32];

	put_pax_record(&body, "path", f->name);
	if (f->link)
		put_pax_record(&body, "linkpath", f->link);
	snprintf(number, sizeof(number), "%" PRId64 ".5", f->mtime);
	put_pax_record(&body, "mtime", number);
	put_extension(p, 'x', "PaxHeaders/x", body.data, body.size);
}

static char tar_type(const struct pkg_file *f)
{
	switch (f->mode & S_IFMT) {
	case S_IFDIR:
		return '5';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFIFO:
		return '6';
	default:
		return f->link ? '1' : f->is_sparse ? 'S' : '0';
	}
}

/* GNU's old sparse map, which lies where ustar has the prefix: four entries of
 * offset and size, a flag, the real size. */
static void set_sparse(struct tar_header *h, uint64_t size)
{
	char *map = (char *)h + 386;

	set_number(map, 12, SPARSE_HOLE);
	set_number(map + 12, 12, size);
	set_number((char *)h + 483, 12, SPARSE_HOLE + size);
}

static void put_tar_member(struct pkg_payload *p, const struct pkg_file *f,
			   bool use_pax)
{
	struct tar_header h = { .type = tar_type(f) };
	uint64_t size = h.type == '0' || h.type == 'S' ? pkg_size(f) : 0;

	if (use_pax)
		put_pax(p, f);
	if (!use_pax && strlen(f->name) > TAR_NAME_SIZE)
		put_extension(p, 'L', "././@LongLink", f->name,
			      strlen(f->name) + 1);
	if (!use_pax && f->link && strlen(f->link) > TAR_NAME_SIZE)
		put_extension(p, 'K', "././@LongLink", f->link,
			      strlen(f->link) + 1);
	set_text(h.name, sizeof(h.name), f->name);
	set_text(h.link, sizeof(h.link), f->link ? f->link : "");
	set_number(h.mode, sizeof(h.mode), pkg_mode(f) & 07777);
	set_number(h.uid, sizeof(h.uid), 0);
	set_number(h.gid, sizeof(h.gid), 0);
	set_number(h.size, sizeof(h.size),
		   f->claimed_size ? f->claimed_size : size);
	set_number(h.mtime, sizeof(h.mtime), (uint64_t)f->mtime);
	if (f->is_sparse)
		set_sparse(&h, size);
	put_header(p, &h);
	if (size) {
		pkg_payload_put(p, f->data, f->size);
		pkg_payload_put_zeros(p, f->zeros);
	}
	pkg_payload_pad(p, TAR_BLOCK);
}

void pkg_put_tar_member(struct buf *out, const struct pkg_file *file,
			bool use_pax)
{
	struct pkg_payload p;

	pkg_payload_begin(&p, &(struct pkg_options) { 0 }, out);
	if (*file->name)
		put_tar_member(&p, file, use_pax);
	else
		pkg_payload_put_zeros(&p, 2 * TAR_BLOCK);
	pkg_payload_end(&p, &(struct pkg_options) { 0 });
}

static void write_tar(struct buf *out, const struct pkg_options *o,
		      const struct pkg_file *files, size_t count)
{
	struct pkg_payload p;

	pkg_payload_begin(&p, o, out);
	for (size_t i = 0; i < count; i++)
		put_tar_member(&p, &files[i], o->use_pax);
	if (!o->has_no_trailer)
		pkg_payload_put_zeros(&p, 2 * TAR_BLOCK);
	pkg_payload_end(&p, o);
}

/* ---- deb and ipk -------------------------------------------------------- */

static const char control[] = "Package: test\nVersion: 1\nArchitecture: all\n"
			      "Maintainer: a test <test@example.org>\n"
			      "Description: made by a test\n";

void pkg_put_ar_member(struct buf *out, const char *name, const void *data,
		       size_t size)
{
	pkg_must(buf_printf(out, "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 0, 0,
			    0, "100644", size));
	pkg_must(buf_append(out, data, size));
	if (size % 2)
		pkg_must(buf_append_byte(out, '\n'));
}

static const char *codec_suffix(enum codec codec)
{
	static const char *const suffixes[CODECS] = {
		[CODEC_NONE] = "",      [CODEC_GZIP] = ".gz",
		[CODEC_ZLIB] = ".z",    [CODEC_XZ] = ".xz",
		[CODEC_LZMA] = ".lzma", [CODEC_BZIP2] = ".bz2",
		[CODEC_ZSTD] = ".zst",
	};

	return suffixes[codec];
}

static void write_control(struct buf *out)
{
	const struct pkg_options gzip = { .codec = CODEC_GZIP };
	const struct pkg_file file = { .name = "./control",
				       .data = control,
				       .size = sizeof(control) - 1 };

	write_tar(out, &gzip, &file, 1);
}

static void write_deb(struct buf *out, const struct pkg_options *o,
		      const struct pkg_file *files, size_t count)
{
	CLEANUP_BUF struct buf part = BUF_INIT;
	const char *slash = o->use_slash_names ? "/" : "";
	const char *version = o->version ? o->version : "2.0\n";
	char name[64];

	pkg_must(buf_append_str(out,
				o->is_magic_wrong ? "!<arsh>\n" : "!<arch>\n"));
	snprintf(name, sizeof(name), "debian-binary%s", slash);
	pkg_put_ar_member(out, name, version, strlen(version));
	write_control(&part);
	snprintf(name, sizeof(name), "control.tar.gz%s", slash);
	pkg_put_ar_member(out, name, part.data, part.size);
	buf_clear(&part);
	write_tar(&part, o, files, count);
	if (o->data_name)
		snprintf(name, sizeof(name), "%s", o->data_name);
	else
		snprintf(name, sizeof(name), "data.tar%s%s",
			 codec_suffix(o->codec), slash);
	pkg_put_ar_member(out, name, part.data, part.size);
}

static void write_ipk(struct buf *out, const struct pkg_options *o,
		      const struct pkg_file *files, size_t count)
{
	CLEANUP_BUF struct buf data = BUF_INIT;
	CLEANUP_BUF struct buf meta = BUF_INIT;
	const char *version = o->version ? o->version : "2.0\n";
	char name[64];

	write_tar(&data, o, files, count);
	write_control(&meta);
	snprintf(name, sizeof(name), "./data.tar%s", codec_suffix(o->codec));
	const struct pkg_file outer[] = {
		{ .name = "./debian-binary",
		  .data = version,
		  .size = strlen(version) },
		{ .name = o->data_name ? o->data_name : name,
		  .data = data.data,
		  .size = data.size },
		{ .name = "./control.tar.gz",
		  .data = meta.data,
		  .size = meta.size },
	};
	const struct pkg_options gzip = { .codec = CODEC_GZIP };

	write_tar(out, &gzip, outer, sizeof(outer) / sizeof(*outer));
	if (o->is_magic_wrong)
		out->data[0] ^= 0xff;
}

/* The segments before the last have no end mark (abuild-tar --cut). */
static void write_apk(struct buf *out, const struct pkg_options *o,
		      const struct pkg_file *files, size_t count)
{
	const struct pkg_options cut = { .codec = CODEC_GZIP,
					 .has_no_trailer = true };
	struct pkg_options data = *o;
	const struct pkg_file signature = { .name = ".SIGN.RSA.test.rsa.pub",
					    .data = "signed",
					    .size = 6 };
	const struct pkg_file info = { .name = ".PKGINFO",
				       .data = "pkgname = test\n",
				       .size = 15 };

	data.codec = CODEC_GZIP;
	write_tar(out, &cut, &signature, 1);
	write_tar(out, &cut, &info, 1);
	write_tar(out, &data, files, count);
}

void pkg_write(struct buf *out, const struct pkg_options *o,
	       const struct pkg_file *files, size_t count)
{
	size_t begin = out->size;

	switch (o->kind) {
	case PKG_TAR:
		write_tar(out, o, files, count);
		break;
	case PKG_DEB:
		write_deb(out, o, files, count);
		break;
	case PKG_IPK:
		write_ipk(out, o, files, count);
		break;
	case PKG_RPM:
		pkg_write_rpm(out, o, files, count);
		break;
	case PKG_CPIO:
		pkg_write_cpio(out, o, files, count);
		break;
	case PKG_APK:
		write_apk(out, o, files, count);
		break;
	}
	pkg_must(out->size - begin >= o->cut);
	out->size -= o->cut;
	if (o->garbage)
		write_sample(out, o->garbage, 1);
}

void pkg_write_file(const char *path, const struct pkg_options *o,
		    const struct pkg_file *files, size_t count)
{
	CLEANUP_BUF struct buf out = BUF_INIT;

	pkg_write(&out, o, files, count);
	FILE *f = fopen(path, "wb");

	pkg_must(f && fwrite(out.data, 1, out.size, f) == out.size &&
		 !fclose(f));
}
