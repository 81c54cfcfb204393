/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the differential tests of symbolizing know of an ELF file, by elfutils:
 * its functions, its code, the places calls return to.
 *
 * Problems end the program: these are tools of tests.
 */
#ifndef TESTS_SYM_ELF_H
#define TESTS_SYM_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sym_function {
	uint64_t start;
	uint64_t size;
	const char *name; /* as the symbol table has it; of the file's */
	size_t section;
};

struct sym_range {
	uint64_t start;
	uint64_t size;
	size_t section;
};

struct sym_elf {
	void *elf; /* Elf *; what the names borrow from */
	int machine;
	bool is_relocatable;
	struct sym_function *functions; /* sorted by section, start */
	size_t function_count, function_capacity;
	struct sym_range *code; /* executable sections */
	size_t code_count, code_capacity;
};

/* Read a file's symbols: .symtab, or else .dynsym. Of a relocatable file
 * addresses are offsets in their section, and only section @p only counts,
 * NULL: any. */
void sym_elf_read(struct sym_elf *ret, const char *path, const char *only);
void sym_elf_deinit(struct sym_elf *e);

/* The function that holds an address, the last to begin before it; NULL. */
const struct sym_function *sym_elf_find(const struct sym_elf *e, uint64_t at);

/* Where in the file @p path, which has the code, the byte at an address is;
 * UINT64_MAX: nowhere. */
uint64_t sym_elf_offset(const char *path, uint64_t at);

/* A place that follows a call. */
typedef void (*sym_return_fn)(void *ctx, uint64_t at);

/* Every place behind an instruction that calls the start of a function.
 * @p path is the file with the code: a debug file has none. */
void sym_elf_returns(const struct sym_elf *e, const char *path,
		     sym_return_fn tell, void *ctx);

/* Memory, or the end. */
void *sym_grow(void *array, size_t count, size_t *capacity, size_t size);

#endif
