# A client that is rude, for the tests of the whole program.
check_PROGRAMS += tests/lib/http_attack
tests_lib_http_attack_SOURCES = tests/lib/http_attack.c
unit_tests += tests/unit/test_http tests/unit/test_http_handlers \
	tests/unit/test_http_debuginfod tests/unit/test_debuginfod_metrics \
	tests/unit/test_http_socket tests/unit/test_http_hostile \
	tests/unit/test_http_admit tests/unit/test_metadata_rows
http_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
http_test_ldadd = $(HTTP_LIBS) libstore.a $(CHECK_LIBS)
http_fake_store = tests/lib/fake_store.c tests/lib/fake_store.h \
	tests/lib/fake_symbolizer.c tests/lib/fake_symbolizer.h
http_waiting = $(http_fake_store) \
	tests/lib/ticket_await.c tests/lib/ticket_await.h
http_fixture = $(http_fake_store) \
	tests/lib/http_fixture.c tests/lib/http_fixture.h
unit_tests += tests/unit/test_http_symbolize
tests_unit_test_http_symbolize_SOURCES = tests/unit/test_http_symbolize.c $(http_waiting)
tests_unit_test_http_symbolize_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_symbolize_LDADD = $(http_test_ldadd)
tests_unit_test_http_SOURCES = tests/unit/test_http.c $(http_fake_store)
tests_unit_test_http_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_LDADD = $(http_test_ldadd)
tests_unit_test_http_handlers_SOURCES = tests/unit/test_http_handlers.c $(http_waiting)
tests_unit_test_http_handlers_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_handlers_LDADD = $(http_test_ldadd)
tests_unit_test_http_debuginfod_SOURCES = tests/unit/test_http_debuginfod.c $(http_waiting)
tests_unit_test_http_debuginfod_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_debuginfod_LDADD = $(http_test_ldadd)
tests_unit_test_debuginfod_metrics_SOURCES = \
	tests/unit/test_debuginfod_metrics.c \
	src/debuginfod_metrics.c src/debuginfod_metrics.h $(http_fake_store)
tests_unit_test_debuginfod_metrics_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_debuginfod_metrics_LDADD = $(http_test_ldadd)
tests_unit_test_http_socket_SOURCES = tests/unit/test_http_socket.c $(http_fixture)
tests_unit_test_http_socket_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_socket_LDADD = $(http_test_ldadd)
tests_unit_test_http_hostile_SOURCES = tests/unit/test_http_hostile.c $(http_fixture)
tests_unit_test_http_hostile_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_hostile_LDADD = $(http_test_ldadd)
tests_unit_test_http_admit_SOURCES = tests/unit/test_http_admit.c $(http_fixture)
tests_unit_test_http_admit_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_admit_LDADD = $(http_test_ldadd)
tests_unit_test_metadata_rows_SOURCES = tests/unit/test_metadata_rows.c
tests_unit_test_metadata_rows_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_metadata_rows_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
