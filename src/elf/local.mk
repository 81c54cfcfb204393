noinst_LIBRARIES += libelffacts.a
libelffacts_a_CPPFLAGS = $(AM_CPPFLAGS) $(NETTLE_CFLAGS)
libelffacts_a_SOURCES = \
	src/elf/dwarf_abbrev.c src/elf/dwarf_abbrev.h \
	src/elf/dwarf_const.h \
	src/elf/dwarf_cu.c \
	src/elf/dwarf_cursor.h \
	src/elf/dwarf_debug.h \
	src/elf/dwarf_die.c \
	src/elf/dwarf_find.c \
	src/elf/dwarf_form.c src/elf/dwarf_form.h \
	src/elf/dwarf_functions.c src/elf/dwarf_functions.h \
	src/elf/dwarf_give.c \
	src/elf/dwarf_line_header.c src/elf/dwarf_line_header.h \
	src/elf/dwarf_lines.c \
	src/elf/dwarf_names.c \
	src/elf/dwarf_object.c src/elf/dwarf_object.h \
	src/elf/dwarf_ranges.c \
	src/elf/dwarf_reader.c src/elf/dwarf_reader.h \
	src/elf/dwarf_relocate.c src/elf/dwarf_relocate.h \
	src/elf/dwarf_sources.c src/elf/dwarf_sources.h \
	src/elf/dwarf_split.c \
	src/elf/dwarf_strings.c src/elf/dwarf_strings.h \
	src/elf/dwarf_units.c src/elf/dwarf_units.h \
	src/elf/dwarf_walk.c src/elf/dwarf_walk.h \
	src/elf/elf_eh_frame.c src/elf/elf_eh_frame.h \
	src/elf/elf_facts.c src/elf/elf_facts.h \
	src/elf/elf_file.c src/elf/elf_file.h \
	src/elf/elf_hash.c src/elf/elf_hash.h \
	src/elf/elf_header.c src/elf/elf_header.h \
	src/elf/elf_limits.h \
	src/elf/elf_minidebug.c src/elf/elf_minidebug.h \
	src/elf/elf_names.c \
	src/elf/elf_note.c src/elf/elf_note.h \
	src/elf/elf_reloc.c src/elf/elf_reloc.h \
	src/elf/elf_plt.c src/elf/elf_plt.h \
	src/elf/elf_section.c src/elf/elf_section.h \
	src/elf/elf_symbols.c src/elf/elf_symbols.h \
	src/elf/hash_mix.h \
	src/elf/key_set.c src/elf/key_set.h \
	src/elf/source_names.c src/elf/source_names.h \
	src/elf/source_pending.c src/elf/source_pending.h \
	src/elf/string_pool.c src/elf/string_pool.h
ELF_LIBS = libelffacts.a $(CODEC_LIBS) $(NETTLE_LIBS)
