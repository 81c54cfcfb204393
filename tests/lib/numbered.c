/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many files, alike but for a number, for shell tests: a process for each would
 * take longer than what is tested.
 *
 *	numbered FILE OFFSET BASE COUNT PREFIX
 *
 * PREFIX1 to PREFIXCOUNT are FILE, with BASE and their number, 2 bytes each,
 * big-endian, at OFFSET. All are programs to whoever looks at their mode.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint8_t *read_all(const char *name, size_t *size_ret)
{
	FILE *f = fopen(name, "re");
	long size = -1;

	if (f && !fseek(f, 0, SEEK_END))
		size = ftell(f);
	uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;

	if (!bytes || fseek(f, 0, SEEK_SET) ||
	    fread(bytes, 1, (size_t)size, f) != (size_t)size)
		die(name);
	fclose(f);
	*size_ret = (size_t)size;
	return bytes;
}

static void write_all(const char *name, const uint8_t *bytes, size_t size)
{
	FILE *f = fopen(name, "we");

	if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) ||
	    chmod(name, 0755))
		die(name);
}

int main(int argc, char **argv)
{
	char name[4096];
	size_t size;

	if (argc != 6) {
		fputs("usage: numbered FILE OFFSET BASE COUNT PREFIX\n",
		      stderr);
		return 64;
	}
	uint8_t *bytes = read_all(argv[1], &size);
	size_t at = strtoul(argv[2], NULL, 10);
	unsigned long base = strtoul(argv[3], NULL, 10);
	unsigned long count = strtoul(argv[4], NULL, 10);

	if (size < 4 || at > size - 4) {
		fputs("numbered: no room for a number there\n", stderr);
		return 1;
	}
	for (unsigned long i = 1; i <= count; i++) {
		bytes[at] = (uint8_t)(base >> 8);
		bytes[at + 1] = (uint8_t)base;
		bytes[at + 2] = (uint8_t)(i >> 8);
		bytes[at + 3] = (uint8_t)i;
		snprintf(name, sizeof(name), "%s%lu", argv[5], i);
		write_all(name, bytes, size);
	}
	free(bytes);
	return 0;
}
