/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of which nobody knows what it is: the scanners bid for it, under
 * names of all kinds, and who wins reads it.
 *
 * Input: u8 the name, u8 what it may be taken for, then the file.
 */
#include "config.h"

#include "tests/fuzz/fuzz_scanner.h"

static const char *const names[] = {
	"/srv/a",
	"/srv/a.deb",
	"/srv/a.ddeb",
	"/srv/a.rpm",
	"/srv/a.tar.gz",
	"/srv/a.tar",
	"/srv/a.ko",
	"/srv/a.ko.xz",
	"/srv/a.ko.zst",
	"/srv/a.pkg.tar.zst",
	"/srv/a.txz",
	"/srv/a.debug",
	"/srv/a.ko.gz",
	".deb",
	"",
	"/srv/a.cpio",
};

static void read_as(const struct scanner_input *in, enum scanner_choice choice)
{
	const struct scanner *sc = NULL;
	struct error *err = scanner_choose_as(in, choice, &sc);

	if (choice == SCANNER_ANY)
		assert(!err && sc == scanner_choose(in));
	assert(!sc || choice == SCANNER_ANY ||
	       sc->is_bare == (choice == SCANNER_BARE));
	assert(!sc || scanner_by_name(sc->name) == sc);
	if (!err && sc)
		fuzz_container(sc, in);
	error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const char *name = names[data[0] % (sizeof(names) / sizeof(*names))];
	enum scanner_choice choice =
		(enum scanner_choice)(data[1] % SCANNER_CHOICES);
	struct fuzz_file f;

	fuzz_file_init(&f, name, data + 2, size - 2);
	read_as(&f.in, choice);
	fuzz_file_deinit(&f);
	return 0;
}
