/* SPDX-License-Identifier: Apache-2.0 */
/* Packages for shell tests: pkg_writer.h on the command line. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "tests/lib/pkg_writer.h"

static const char usage[] =
	"usage: mkpkg deb|ipk|rpm|tar|cpio|apk [OPTIONS] OUT MEMBER...\n"
	"\n"
	"  --compress none|gzip|xz|lzma|bzip2|zstd   (default none)\n"
	"  --block-size BYTES    of an xz block, zstd frame, gzip member\n"
	"  --pax                 tar: pax headers\n"
	"  --stripped            rpm: 07070X\n"
	"  --v6                  rpm: as rpm 6 writes it\n"
	"  --source              rpm: a source package\n"
	"  --old-names           rpm: OLDFILENAMES\n"
	"  --wrong-magic         of the whole package\n"
	"  --cut BYTES           missing at the package's end\n"
	"  --cut-payload BYTES   missing at the payload's end\n"
	"  --claim BYTES         said to be the size of the last member\n"
	"  --mtime SECONDS       of all members (default 0)\n"
	"\n"
	"A member is one of\n"
	"  NAME=FILE             with FILE's bytes and mode\n"
	"  NAME=%BYTES           of zeros\n"
	"  NAME=~FILE            the same, tar: sparse, behind a hole\n"
	"  NAME->TARGET          a symbolic link\n"
	"  NAME=>OTHER           one more name of an earlier member\n"
	"  NAME|                 a fifo\n"
	"  NAME/                 a directory\n";

static void die(const char *what)
{
	fprintf(stderr, "mkpkg: %s\n%s", what, usage);
	exit(64);
}

static enum codec parse_codec(const char *name)
{
	for (unsigned i = 0; i < CODECS; i++)
		if (!strcmp(codec_name((enum codec)i), name))
			return (enum codec)i;
	die("no such compression");
	return CODEC_NONE;
}

static enum pkg_kind parse_kind(const char *name)
{
	static const char *const kinds[] = {
		[PKG_TAR] = "tar", [PKG_DEB] = "deb",   [PKG_IPK] = "ipk",
		[PKG_RPM] = "rpm", [PKG_CPIO] = "cpio", [PKG_APK] = "apk",
	};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i], name))
			return (enum pkg_kind)i;
	die("no such kind of package");
	return PKG_TAR;
}

static void load(const char *path, struct pkg_file *f)
{
	struct buf data = BUF_INIT;
	struct stat st;
	FILE *file = fopen(path, "rb");

	if (!file || fstat(fileno(file), &st)) {
		perror(path);
		exit(66);
	}
	for (;;) {
		void *to = buf_reserve(&data, 1 << 20);
		size_t n = to ? fread(to, 1, 1 << 20, file) : 0;

		if (!n)
			break;
		buf_commit(&data, n);
	}
	if (ferror(file) || data.failed)
		die("cannot read a member");
	fclose(file);
	f->data = data.data;
	f->size = data.size;
	f->mode = S_IFREG | (st.st_mode & 07777);
}

static void parse_member(char *arg, struct pkg_file *f)
{
	size_t len = strlen(arg);
	char *mark;

	f->name = arg;
	if (len && arg[len - 1] == '/') {
		f->mode = S_IFDIR | 0755;
		arg[len - 1] = '\0';
	} else if (len && arg[len - 1] == '|') {
		f->mode = S_IFIFO | 0644;
		arg[len - 1] = '\0';
	} else if ((mark = strstr(arg, "->")) != NULL) {
		*mark = '\0';
		f->mode = S_IFLNK | 0777;
		f->link = mark + 2;
	} else if ((mark = strstr(arg, "=>")) != NULL) {
		*mark = '\0';
		f->link = mark + 2;
	} else if ((mark = strstr(arg, "=%")) != NULL) {
		*mark = '\0';
		f->zeros = strtoull(mark + 2, NULL, 0);
	} else if ((mark = strstr(arg, "=~")) != NULL) {
		*mark = '\0';
		load(mark + 2, f);
		f->is_sparse = true;
	} else if ((mark = strchr(arg, '=')) != NULL) {
		*mark = '\0';
		load(mark + 1, f);
	} else {
		die("not a member");
	}
}

struct args {
	struct pkg_options o;
	uint64_t claim;
	int64_t mtime;
};

static void parse_options(int argc, char **argv, struct args *args)
{
	static const struct option options[] = {
		{ "compress", required_argument, NULL, 'c' },
		{ "block-size", required_argument, NULL, 'b' },
		{ "pax", no_argument, NULL, 'p' },
		{ "stripped", no_argument, NULL, 's' },
		{ "v6", no_argument, NULL, '6' },
		{ "source", no_argument, NULL, 'S' },
		{ "old-names", no_argument, NULL, 'o' },
		{ "wrong-magic", no_argument, NULL, 'w' },
		{ "cut", required_argument, NULL, 'x' },
		{ "cut-payload", required_argument, NULL, 'X' },
		{ "claim", required_argument, NULL, 'z' },
		{ "mtime", required_argument, NULL, 'm' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			args->o.codec = parse_codec(optarg);
			break;
		case 'b':
			args->o.block_size = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			args->o.use_pax = true;
			break;
		case 's':
			args->o.is_stripped = true;
			break;
		case '6':
			args->o.is_v6 = true;
			break;
		case 'S':
			args->o.is_source = true;
			break;
		case 'o':
			args->o.use_old_names = true;
			break;
		case 'w':
			args->o.is_magic_wrong = true;
			break;
		case 'x':
			args->o.cut = strtoull(optarg, NULL, 0);
			break;
		case 'X':
			args->o.cut_payload = strtoull(optarg, NULL, 0);
			break;
		case 'z':
			args->claim = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			args->mtime = strtoll(optarg, NULL, 0);
			break;
		default:
			die("no such option");
		}
	}
}

int main(int argc, char **argv)
{
	struct args args = { 0 };

	parse_options(argc, argv, &args);
	if (argc - optind < 2)
		die("what, and where to?");
	args.o.kind = parse_kind(argv[optind]);
	size_t count = (size_t)(argc - optind - 2);
	struct pkg_file *files = mem_array(count, sizeof(*files));

	if (!files)
		die("out of memory");
	for (size_t i = 0; i < count; i++) {
		parse_member(argv[optind + 2 + (int)i], &files[i]);
		files[i].mtime = args.mtime;
	}
	if (count)
		files[count - 1].claimed_size = args.claim;
	pkg_write_file(argv[optind + 1], &args.o, files, count);
	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)files[i].data);
	mem_free(files);
	return 0;
}
