/* SPDX-License-Identifier: Apache-2.0 */
/* Names for what the headers say in numbers. */
#include "config.h"

#include <elf.h>

#include "elf/elf_facts.h"

const char *elf_quality_name(enum elf_quality q)
{
	static const char *const names[ELF_QUALITIES] = {
		[ELF_QUALITY_NONE] = "none",
		[ELF_QUALITY_DYNSYM] = "dynsym",
		[ELF_QUALITY_MINIDEBUGINFO] = "minidebuginfo",
		[ELF_QUALITY_SYMTAB] = "symtab",
		[ELF_QUALITY_DWARF] = "dwarf",
	};

	return (unsigned)q < ELF_QUALITIES ? names[q] : names[0];
}

/* What `uname -m` says on such a machine.. */
struct machine_name {
	uint16_t machine;
	const char *little_32;
	const char *little_64;
	const char *big_32;
	const char *big_64;
};

enum { MACHINE_LOONGARCH = 258 }; /* EM_LOONGARCH: glibc 2.36 */

static const struct machine_name machines[] = {
	{ EM_386, "i686", "i686", "i686", "i686" },
	{ EM_X86_64, "x86_64", "x86_64", "x86_64", "x86_64" },
	{ EM_ARM, "arm", "arm", "armeb", "armeb" },
	{ EM_AARCH64, "aarch64", "aarch64", "aarch64_be", "aarch64_be" },
	{ EM_PPC, "ppcle", "ppcle", "ppc", "ppc" },
	{ EM_PPC64, "ppc64le", "ppc64le", "ppc64", "ppc64" },
	{ EM_S390, "s390", "s390x", "s390", "s390x" },
	{ EM_RISCV, "riscv32", "riscv64", "riscv32", "riscv64" },
	{ EM_MIPS, "mips", "mips64", "mips", "mips64" },
	{ EM_SPARC, "sparc", "sparc", "sparc", "sparc" },
	{ EM_SPARC32PLUS, "sparc", "sparc", "sparc", "sparc" },
	{ EM_SPARCV9, "sparc64", "sparc64", "sparc64", "sparc64" },
	{ EM_PARISC, "parisc", "parisc64", "parisc", "parisc64" },
	{ EM_IA_64, "ia64", "ia64", "ia64", "ia64" },
	{ EM_ALPHA, "alpha", "alpha", "alpha", "alpha" },
	{ EM_68K, "m68k", "m68k", "m68k", "m68k" },
	{ EM_SH, "sh4", "sh4", "sh4eb", "sh4eb" },
	{ EM_CSKY, "csky", "csky", "csky", "csky" },
	{ EM_BPF, "bpf", "bpf", "bpf", "bpf" },
	{ MACHINE_LOONGARCH, "loongarch32", "loongarch64", "loongarch32",
	  "loongarch64" },
};

const char *elf_machine_name(uint16_t machine, bool is_64, bool is_big_endian)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		const struct machine_name *m = &machines[i];

		if (m->machine != machine)
			continue;
		if (is_big_endian)
			return is_64 ? m->big_64 : m->big_32;
		return is_64 ? m->little_64 : m->little_32;
	}
	return NULL;
}

const char *elf_type_name(uint16_t type)
{
	static const char *const names[] = {
		[ET_NONE] = "ET_NONE", [ET_REL] = "ET_REL",
		[ET_EXEC] = "ET_EXEC", [ET_DYN] = "ET_DYN",
		[ET_CORE] = "ET_CORE",
	};

	return type < sizeof(names) / sizeof(*names) ? names[type] : NULL;
}
