/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "elf/dwarf_const.h"
#include "tests/lib/dw_oracle.h"

static void add_name(struct oracle_names *n, char *name)
{
	if (!name ||
	    !mem_grow(&n->list, &n->capacity, n->count + 1, sizeof(*n->list)))
		abort();
	n->list[n->count++] = name;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(struct oracle_names *n)
{
	size_t kept = 0;

	if (n->count)
		qsort(n->list, n->count, sizeof(*n->list), compare_names);
	for (size_t i = 0; i < n->count; i++) {
		if (kept && strcmp(n->list[kept - 1], n->list[i]) == 0)
			free(n->list[i]);
		else
			n->list[kept++] = n->list[i];
	}
	n->count = kept;
}

void oracle_names_deinit(struct oracle_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
}

static void drop_dots(char *name)
{
	char *to = name;

	for (const char *from = name; *from;) {
		if ((to == name || to[-1] == '/') && from[0] == '.' &&
		    from[1] == '/')
			from += 2;
		else
			*to++ = *from++;
	}
	*to = 0;
}

static bool begins_with_dir(const char *name, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(name, dir, len) == 0 && name[len] == '/';
}

static void add_joined(struct oracle_names *n, const char *name,
		       const char *comp_dir)
{
	const char *base = strrchr(name, '/');
	char *joined;

	base = base ? base + 1 : name;
	if (!*base || strcmp(name, "???") == 0 ||
	    (base[0] == '<' && base[strlen(base) - 1] == '>'))
		return;
	if (name[0] == '/' || !comp_dir || !*comp_dir ||
	    begins_with_dir(name, comp_dir))
		joined = mem_strdup(name);
	else
		joined = mem_printf("%s/%s", comp_dir, name);
	add_name(n, joined);
	drop_dots(joined);
}

static void add_unit(struct oracle_names *n, Dwarf_Die *die)
{
	Dwarf_Files *files;
	const char *const *dirs = NULL;
	Dwarf_Attribute attr;
	size_t count, dir_count = 0;

	if (dwarf_getsrcfiles(die, &files, &count) != 0)
		return;
	const char *comp_dir =
		dwarf_formstring(dwarf_attr(die, DW_AT_comp_dir, &attr));

	if (dwarf_getsrcdirs(files, &dirs, &dir_count) == 0 && dir_count &&
	    dirs[0])
		comp_dir = dirs[0];
	for (size_t i = 0; i < count; i++) {
		const char *name = dwarf_filesrc(files, i, NULL, NULL);

		if (name)
			add_joined(n, name, comp_dir);
	}
}

static void add_dwarf(struct oracle_names *n, Dwarf *dw)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, sub;

	while (dwarf_get_units(dw, cu, &cu, NULL, NULL, &die, &sub) == 0)
		add_unit(n, &die);
}

static int no_elf(Dwfl_Module *mod, void **data, const char *name,
		  Dwarf_Addr base, char **file, Elf **elf)
{
	(void)mod, (void)data, (void)name, (void)base, (void)file, (void)elf;
	return -1;
}

static int no_debuginfo(Dwfl_Module *mod, void **data, const char *name,
			Dwarf_Addr base, const char *file, const char *link,
			GElf_Word crc, char **ret)
{
	(void)mod, (void)data, (void)name, (void)base, (void)file;
	(void)link, (void)crc, (void)ret;
	return -1;
}

/* Through libdwfl, which relocates. */
static void add_relocated(const char *path, struct oracle_names *n)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = no_elf,
		.find_debuginfo = no_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	Dwarf_Addr bias;

	dwfl_report_begin(dwfl);
	Dwfl_Module *mod = dwfl_report_offline(dwfl, path, path, -1);

	dwfl_report_end(dwfl, NULL, NULL);
	Dwarf *dw = mod ? dwfl_module_getdwarf(mod, &bias) : NULL;

	if (dw)
		add_dwarf(n, dw);
	dwfl_end(dwfl);
}

void oracle_facts(const char *path, int fd, bool relocate, struct build_id *id,
		  struct oracle_names *n)
{
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	const void *bits;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &bits);

	if (len > 0)
		build_id_set(id, bits, (size_t)len);
	if (relocate) {
		add_relocated(path, n);
	} else {
		Dwarf *dw = dwarf_begin_elf(elf, DWARF_C_READ, NULL);

		if (dw) {
			add_dwarf(n, dw);
			dwarf_end(dw);
		}
	}
	elf_end(elf);
	sort_names(n);
}

void oracle_our_names(const struct elf_facts *f, struct oracle_names *n)
{
	const char *name = (const char *)f->sources.data;

	for (size_t i = 0; i < f->source_count; i++) {
		add_name(n, mem_strdup(name));
		drop_dots(n->list[n->count - 1]);
		name += strlen(name) + 1;
	}
	sort_names(n);
}
