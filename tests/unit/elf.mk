check_LIBRARIES += libelfwriter.a
libelfwriter_a_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
libelfwriter_a_SOURCES = tests/lib/elf_writer.c tests/lib/elf_writer_dwarf.c \
	tests/lib/elf_writer.h tests/lib/elf_writer_impl.h \
	tests/lib/dwarf_writer.c tests/lib/dwarf_writer.h
ELF_WRITER_LIBS = libelfwriter.a libbase.a $(ZLIB_LIBS) $(ZSTD_LIBS)

elf_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(NETTLE_CFLAGS)
elf_test_ldadd = $(ELF_LIBS) $(ELF_WRITER_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_elf_facts
tests_unit_test_elf_facts_SOURCES = tests/unit/test_elf_facts.c tests/lib/elf_fixture.h
tests_unit_test_elf_facts_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_elf_facts_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_dwarf_sources
tests_unit_test_dwarf_sources_SOURCES = tests/unit/test_dwarf_sources.c \
	tests/lib/elf_fixture.h tests/lib/dwarf_fixture.h
tests_unit_test_dwarf_sources_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_dwarf_sources_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_source_pending
tests_unit_test_source_pending_SOURCES = tests/unit/test_source_pending.c \
	tests/lib/elf_fixture.h tests/lib/dwarf_fixture.h
tests_unit_test_source_pending_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_source_pending_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_dwarf_damage
tests_unit_test_dwarf_damage_SOURCES = tests/unit/test_dwarf_damage.c \
	tests/lib/elf_fixture.h tests/lib/dwarf_fixture.h
tests_unit_test_dwarf_damage_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_dwarf_damage_LDADD = $(elf_test_ldadd)

functions_fixture = tests/lib/elf_fixture.h tests/lib/functions_fixture.h

unit_tests += tests/unit/test_dwarf_functions
tests_unit_test_dwarf_functions_SOURCES = tests/unit/test_dwarf_functions.c \
	$(functions_fixture)
tests_unit_test_dwarf_functions_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_dwarf_functions_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_dwarf_lines
tests_unit_test_dwarf_lines_SOURCES = tests/unit/test_dwarf_lines.c \
	$(functions_fixture)
tests_unit_test_dwarf_lines_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_dwarf_lines_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_dwarf_names
tests_unit_test_dwarf_names_SOURCES = tests/unit/test_dwarf_names.c \
	$(functions_fixture)
tests_unit_test_dwarf_names_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_dwarf_names_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_dwarf_hostile
tests_unit_test_dwarf_hostile_SOURCES = tests/unit/test_dwarf_hostile.c \
	tests/lib/dwarf_programs.h $(functions_fixture)
tests_unit_test_dwarf_hostile_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_dwarf_hostile_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_elf_parts
tests_unit_test_elf_parts_SOURCES = tests/unit/test_elf_parts.c tests/lib/elf_fixture.h
tests_unit_test_elf_parts_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_elf_parts_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_elf_symbols
tests_unit_test_elf_symbols_SOURCES = tests/unit/test_elf_symbols.c tests/lib/elf_fixture.h
tests_unit_test_elf_symbols_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_elf_symbols_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_eh_frame
tests_unit_test_eh_frame_SOURCES = tests/unit/test_eh_frame.c tests/lib/elf_fixture.h
tests_unit_test_eh_frame_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_eh_frame_LDADD = $(elf_test_ldadd)

unit_tests += tests/unit/test_elf_plt
tests_unit_test_elf_plt_SOURCES = tests/unit/test_elf_plt.c tests/lib/elf_fixture.h
tests_unit_test_elf_plt_CPPFLAGS = $(elf_test_cppflags)
tests_unit_test_elf_plt_LDADD = $(elf_test_ldadd)

if HAVE_DW
unit_tests += tests/unit/test_elf_oracle
tests_unit_test_elf_oracle_SOURCES = tests/unit/test_elf_oracle.c \
	tests/lib/elf_fixture.h tests/lib/dw_oracle.c tests/lib/dw_oracle.h
tests_unit_test_elf_oracle_CPPFLAGS = $(elf_test_cppflags) $(DW_CFLAGS)
tests_unit_test_elf_oracle_LDADD = $(elf_test_ldadd) $(DW_LIBS)

unit_tests += tests/unit/test_dwarf_oracle
tests_unit_test_dwarf_oracle_SOURCES = tests/unit/test_dwarf_oracle.c
tests_unit_test_dwarf_oracle_CPPFLAGS = $(elf_test_cppflags) $(DW_CFLAGS)
tests_unit_test_dwarf_oracle_LDADD = $(elf_test_ldadd) $(DW_LIBS)

# For whoever changes src/elf: compares over whole trees, see its head.
check_PROGRAMS += tests/lib/oracle_sources
tests_lib_oracle_sources_SOURCES = tests/lib/oracle_sources.c \
	tests/lib/dw_oracle.c tests/lib/dw_oracle.h
tests_lib_oracle_sources_CPPFLAGS = $(AM_CPPFLAGS) $(DW_CFLAGS)
tests_lib_oracle_sources_LDADD = $(ELF_LIBS) $(DW_LIBS)
endif

# For whoever changes src/elf: shows what it makes of a file, see its head.
check_PROGRAMS += tests/lib/list_functions
tests_lib_list_functions_SOURCES = tests/lib/list_functions.c
tests_lib_list_functions_CPPFLAGS = $(AM_CPPFLAGS)
tests_lib_list_functions_LDADD = $(ELF_LIBS)
