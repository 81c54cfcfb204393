# The tests of the index open its database by hand, too, to break it.
index_fixture_sources = tests/lib/index_fixture.c tests/lib/index_fixture.h

unit_tests += tests/unit/test_index
tests_unit_test_index_SOURCES = tests/unit/test_index.c $(index_fixture_sources)
tests_unit_test_index_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_index_LDADD = $(INDEX_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_index_lists
tests_unit_test_index_lists_SOURCES = tests/unit/test_index_lists.c $(index_fixture_sources)
tests_unit_test_index_lists_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_index_lists_LDADD = $(INDEX_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_index_open
tests_unit_test_index_open_SOURCES = tests/unit/test_index_open.c $(index_fixture_sources)
tests_unit_test_index_open_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_index_open_LDADD = $(INDEX_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_index_faults
tests_unit_test_index_faults_SOURCES = tests/unit/test_index_faults.c \
	tests/lib/fault_vfs.c tests/lib/fault_vfs.h $(index_fixture_sources)
tests_unit_test_index_faults_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_index_faults_LDADD = $(INDEX_LIBS) $(CHECK_LIBS)

# Figures, by hand.
EXTRA_PROGRAMS = tests/unit/bench_index
tests_unit_bench_index_SOURCES = tests/unit/bench_index.c
tests_unit_bench_index_LDADD = $(INDEX_LIBS)
