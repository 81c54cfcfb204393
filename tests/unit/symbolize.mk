sample_table = tests/lib/sample_table.c tests/lib/sample_table.h
tables_fixture = tests/lib/tables_fixture.c tests/lib/tables_fixture.h
unit_tests += tests/unit/test_batch
tests_unit_test_batch_SOURCES = tests/unit/test_batch.c $(sample_table) $(symtab_fixture)
tests_unit_test_batch_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_batch_LDADD = libsymbolize.a $(SYMBUILD_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_wire
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c $(sample_table) $(symtab_fixture)
tests_unit_test_wire_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_wire_LDADD = libsymbolize.a $(SYMBUILD_LIBS) $(CHECK_LIBS)

EXTRA_PROGRAMS += tests/unit/bench_wire
tests_unit_bench_wire_SOURCES = tests/unit/bench_wire.c
tests_unit_bench_wire_LDADD = libsymbolize.a $(SYMTAB_LIBS)

unit_tests += tests/unit/test_table_cache
tests_unit_test_table_cache_SOURCES = tests/unit/test_table_cache.c $(tables_fixture) \
	$(sample_table) $(symtab_fixture)
tests_unit_test_table_cache_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_table_cache_LDADD = libsymbolize.a $(STORE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_table_copies
tests_unit_test_table_copies_SOURCES = tests/unit/test_table_copies.c $(tables_fixture) \
	$(sample_table) $(symtab_fixture)
tests_unit_test_table_copies_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_table_copies_LDADD = libsymbolize.a $(STORE_LIBS) $(CHECK_LIBS)

# A worker that is told by its files what to do.
check_PROGRAMS += tests/lib/fake_builder
tests_lib_fake_builder_SOURCES = tests/lib/fake_builder.c tests/lib/fake_builder.h $(sample_table) $(symtab_fixture)
tests_lib_fake_builder_LDADD = $(WORKER_LIBS)

symbolizer_fixture = \
	tests/lib/symbolizer_fixture.c tests/lib/symbolizer_fixture.h \
	$(index_fixture_sources)
unit_tests += tests/unit/test_symbolizer
tests_unit_test_symbolizer_SOURCES = tests/unit/test_symbolizer.c $(symbolizer_fixture)
tests_unit_test_symbolizer_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symbolizer_LDADD = libsymbolize.a $(STORE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symbolizer_splits
tests_unit_test_symbolizer_splits_SOURCES = tests/unit/test_symbolizer_splits.c $(symbolizer_fixture)
tests_unit_test_symbolizer_splits_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symbolizer_splits_LDADD = libsymbolize.a $(STORE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symbolizer_turns
tests_unit_test_symbolizer_turns_SOURCES = tests/unit/test_symbolizer_turns.c $(symbolizer_fixture)
tests_unit_test_symbolizer_turns_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symbolizer_turns_LDADD = libsymbolize.a $(STORE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_symbolizer_service
tests_unit_test_symbolizer_service_SOURCES = tests/unit/test_symbolizer_service.c $(symbolizer_fixture)
tests_unit_test_symbolizer_service_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_symbolizer_service_LDADD = libsymbolize.a $(STORE_LIBS) $(CHECK_LIBS)
