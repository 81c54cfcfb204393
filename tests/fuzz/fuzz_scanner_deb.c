/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scanners/deb.c and unpack.c.
 *
 * Input: a deb or ipk; or anything else, which is taken for the blocks of a
 * data.tar whose header checksums are put right, since no mutation guesses
 * them.
 */
#include "config.h"

#include "tests/fuzz/fuzz_scanner.h"

const struct scanner *const fuzz_target = &scanner_deb;

enum { BLOCK = 512, CHECKSUM = 148, MAGIC = 257 };

static void repair_checksum(uint8_t *block)
{
	unsigned sum = 0;

	if (memcmp(block + MAGIC, "ustar", 5))
		return;
	memset(block + CHECKSUM, ' ', 8);
	for (unsigned i = 0; i < BLOCK; i++)
		sum += block[i];
	snprintf((char *)block + CHECKSUM, 8, "%06o", sum);
}

static void fuzz_tar(const uint8_t *data, size_t size)
{
	static const char version[] = "!<arch>\n"
				      "debian-binary   0           0     0     "
				      "100644  4         `\n2.0\n";
	char header[128];
	size_t begin = sizeof(version) - 1 + 60;
	uint8_t *deb = malloc(begin + size);

	if (!deb)
		return;
	snprintf(header, sizeof(header), "%-16s%-12d%-6d%-6d%-8s%-10zu`\n",
		 "data.tar", 0, 0, 0, "100644", size);
	memcpy(deb, version, sizeof(version) - 1);
	memcpy(deb + sizeof(version) - 1, header, 60);
	if (size)
		memcpy(deb + begin, data, size);
	for (size_t at = 0; at + BLOCK <= size; at += BLOCK)
		repair_checksum(deb + begin + at);
	fuzz_scanner(&scanner_deb, "a.deb", deb, begin + size);
	free(deb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 2 &&
	    (!memcmp(data, "!<", 2) || !memcmp(data, "\x1f\x8b", 2)))
		fuzz_scanner(&scanner_deb, "a.ipk", data, size);
	else
		fuzz_tar(data, size);
	return 0;
}
