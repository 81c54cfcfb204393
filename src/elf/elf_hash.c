/* SPDX-License-Identifier: Apache-2.0 */
/* htlhash: the first 16 bytes of SHA-256 over
 *
 *	the file's first 4096 bytes (all of them, if it is shorter)
 *	the file's last 4096 bytes (likewise, so they overlap below 8192)
 *	the file's length, 8 bytes, big-endian
 *
 * Source: OpenTelemetry semantic conventions,
 * process.executable.build_id.htlhash; the profiler's
 * libpf/fileid.go, FileIDFromExecutableReader.
 *
 * Breakpad: the first 16 bytes of the build ID, zero-padded, or the first 4096
 * bytes of .text, XORed into 16; printed as a GUID, whose first three fields
 * (4, 2 and 2 bytes) are integers in the file's byte order.
 *
 * Source: Breakpad src/common/linux/file_id.cc (which, where .text is no
 * multiple of 16 bytes and shorter than 4096, reads over its end) and the
 * symbolic library's elf.rs (which stops at its end, as is done here). */
#include "config.h"

#include <elf.h>
#include <nettle/sha2.h>
#include <string.h>

#include "elf/elf_hash.h"

enum { HASHED_CODE = 4096 };

void elf_htlhash(const struct elf_file *f, uint8_t ret[ELF_HASH_SIZE])
{
	uint64_t size = f->in->size;
	struct sha256_ctx ctx;
	uint8_t length[8];

	sha256_init(&ctx);
	sha256_update(&ctx, f->head_size, f->head);
	if (f->tail && f->tail_size >= ELF_TAIL_BYTES)
		sha256_update(&ctx, ELF_TAIL_BYTES,
			      f->tail + f->tail_size - ELF_TAIL_BYTES);
	else
		sha256_update(&ctx, f->head_size, f->head);
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)(size >> (56 - 8 * i));
	sha256_update(&ctx, sizeof(length), length);
	sha256_digest(&ctx, ELF_HASH_SIZE, ret);
}

static bool find_code(const struct elf_file *f, struct elf_shdr *ret)
{
	for (size_t i = 1; i < f->section_count; i++) {
		*ret = elf_file_section(f, i);
		if (ret->type == SHT_PROGBITS && ret->size &&
		    strcmp(elf_file_section_name(f, ret), ".text") == 0)
			return true;
	}
	return false;
}

static struct error *hash_code(struct elf_file *f, uint8_t ret[ELF_HASH_SIZE])
{
	CLEANUP_ELF_VIEW struct elf_view v = { 0 };
	struct elf_shdr code;

	if (!find_code(f, &code))
		return NULL;
	uint64_t size = code.size < HASHED_CODE ? code.size : HASHED_CODE;
	struct error *err = elf_file_view(f, code.offset, size, &v);

	if (err && elf_is_damage(err)) {
		error_free(err);
		return NULL;
	}
	TRY(err);
	for (size_t i = 0; i < v.size; i++)
		ret[i % ELF_HASH_SIZE] ^= v.data[i];
	return NULL;
}

static void reverse(uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		uint8_t byte = p[i];

		p[i] = p[size - 1 - i];
		p[size - 1 - i] = byte;
	}
}

struct error *elf_breakpad_guid(struct elf_file *f,
				const struct build_id *gnu_id,
				uint8_t ret[ELF_HASH_SIZE])
{
	memset(ret, 0, ELF_HASH_SIZE);
	if (gnu_id->len)
		memcpy(ret, gnu_id->bytes,
		       gnu_id->len < ELF_HASH_SIZE ? gnu_id->len
						   : ELF_HASH_SIZE);
	else
		TRY(hash_code(f, ret));
	if (!f->header.big_endian) {
		reverse(ret, 4);
		reverse(ret + 4, 2);
		reverse(ret + 6, 2);
	}
	return NULL;
}
