symtab_fixture = tests/lib/symtab_fixture.c tests/lib/symtab_fixture.h

unit_tests += tests/unit/test_symtab
tests_unit_test_symtab_SOURCES = tests/unit/test_symtab.c $(symtab_fixture)
tests_unit_test_symtab_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symtab_LDADD = $(SYMBUILD_LIBS) $(CHECK_LIBS)
