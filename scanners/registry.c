/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "scanners/formats.h"

const struct scanner *const scanners[] = {
	&scanner_deb,  &scanner_rpm, &scanner_tar,
	&scanner_kmod, &scanner_elf, NULL,
};

/* @p least is what a bid has to exceed. */
static const struct scanner *highest(const struct scanner_input *in,
				     enum scanner_choice choice, int least)
{
	const struct scanner *best = NULL;
	int best_bid = least;

	for (size_t i = 0; scanners[i]; i++) {
		bool is_wanted =
			choice == SCANNER_ANY ||
			scanners[i]->is_bare == (choice == SCANNER_BARE);
		int bid = is_wanted ? scanners[i]->bid(in) : 0;

		if (bid > best_bid) {
			best = scanners[i];
			best_bid = bid;
		}
	}
	return best;
}

const struct scanner *scanner_choose(const struct scanner_input *in)
{
	return highest(in, SCANNER_ANY, 0);
}

/* What cannot be decoded is left to libarchive, which says so too. */
static struct error *choose_unbid(const struct scanner_input *in,
				  const struct scanner **ret)
{
	bool is_tar = false;

	*ret = &scanner_archive;
	if (codec_detect(in->head, in->head_size) == CODEC_NONE)
		return NULL;
	CLEANUP_ERROR struct error *err = tar_is_inside(in, &is_tar);

	if (err && error_kind(err) == ERROR_NO_MEMORY)
		return STEAL(err);
	if (is_tar)
		*ret = &scanner_tar;
	return NULL;
}

struct error *scanner_choose_as(const struct scanner_input *in,
				enum scanner_choice choice,
				const struct scanner **ret)
{
	enum { SUFFIX_BID = 1 };

	*ret = highest(in, choice, choice == SCANNER_ARCHIVE ? SUFFIX_BID : 0);
	return *ret || choice != SCANNER_ARCHIVE ? NULL : choose_unbid(in, ret);
}

const struct scanner *scanner_by_name(const char *name)
{
	for (size_t i = 0; scanners[i]; i++)
		if (!strcmp(scanners[i]->name, name))
			return scanners[i];
	return strcmp(scanner_archive.name, name) ? NULL : &scanner_archive;
}

bool scanner_has_suffix(const char *path, const char *suffix)
{
	size_t len = strlen(path), suffix_len = strlen(suffix);

	return len > suffix_len && !strcmp(path + len - suffix_len, suffix);
}

const char *scanner_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

enum codec scanner_packed_member(const char *name)
{
	if (scanner_has_suffix(name, ".ko.xz"))
		return CODEC_XZ;
	if (scanner_has_suffix(name, ".ko.zst"))
		return CODEC_ZSTD;
	if (scanner_has_suffix(name, ".ko.gz"))
		return CODEC_GZIP;
	return CODEC_NONE;
}
