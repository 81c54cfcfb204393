/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "scanners/formats.h"

const struct scanner *const scanners[] = {
	&scanner_deb, &scanner_rpm, &scanner_kmod, &scanner_elf, NULL,
};

const struct scanner *scanner_choose(const struct scanner_input *in)
{
	const struct scanner *best = NULL;
	int best_bid = 0;

	for (size_t i = 0; scanners[i]; i++) {
		int bid = scanners[i]->bid(in);

		if (bid > best_bid) {
			best = scanners[i];
			best_bid = bid;
		}
	}
	return best;
}

const struct scanner *scanner_by_name(const char *name)
{
	for (size_t i = 0; scanners[i]; i++)
		if (!strcmp(scanners[i]->name, name))
			return scanners[i];
	return NULL;
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
