symtab_fixture = tests/lib/symtab_fixture.c tests/lib/symtab_fixture.h

unit_tests += tests/unit/test_symtab
tests_unit_test_symtab_SOURCES = tests/unit/test_symtab.c $(symtab_fixture)
tests_unit_test_symtab_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_LDADD = $(SYMBUILD_LIBS) $(CHECK_LIBS)

# For whoever changes src/symtab or src/elf: a table from the command line.
check_PROGRAMS += tests/lib/build_table
tests_lib_build_table_SOURCES = tests/lib/build_table.c
tests_lib_build_table_LDADD = $(SYMBUILD_LIBS)

unit_tests += tests/unit/test_symtab_build
tests_unit_test_symtab_build_SOURCES = tests/unit/test_symtab_build.c \
	tests/lib/elf_fixture.h tests/lib/fake_dwarf.c tests/lib/fake_dwarf.h
tests_unit_test_symtab_build_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_build_LDADD = $(SYMBUILD_LIBS) $(ELF_WRITER_LIBS) $(CHECK_LIBS)
