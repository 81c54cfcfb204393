symtab_fixture = tests/lib/symtab_fixture.c tests/lib/symtab_fixture.h \
	tests/lib/symtab_random.c tests/lib/symtab_random.h

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

unit_tests += tests/unit/test_symtab_layout
tests_unit_test_symtab_layout_SOURCES = tests/unit/test_symtab_layout.c
tests_unit_test_symtab_layout_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_layout_LDADD = $(SYMTAB_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symtab_names
tests_unit_test_symtab_names_SOURCES = tests/unit/test_symtab_names.c $(symtab_fixture)
tests_unit_test_symtab_names_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_names_LDADD = $(SYMBUILD_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symtab_stem
tests_unit_test_symtab_stem_SOURCES = tests/unit/test_symtab_stem.c
tests_unit_test_symtab_stem_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_stem_LDADD = $(SYMTAB_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symtab_damage
tests_unit_test_symtab_damage_SOURCES = tests/unit/test_symtab_damage.c \
	$(symtab_fixture) tests/lib/symtab_use.c tests/lib/symtab_use.h
tests_unit_test_symtab_damage_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_damage_LDADD = $(SYMBUILD_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symtab_llvm
tests_unit_test_symtab_llvm_SOURCES = tests/unit/test_symtab_llvm.c $(symtab_fixture)
tests_unit_test_symtab_llvm_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_llvm_LDADD = $(SYMBUILD_LIBS) $(CHECK_LIBS)
