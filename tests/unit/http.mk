unit_tests += tests/unit/test_http tests/unit/test_http_handlers \
	tests/unit/test_http_socket
http_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_SOURCES = tests/unit/test_http.c \
	tests/lib/fake_store.c tests/lib/fake_store.h
tests_unit_test_http_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_LDFLAGS = $(AM_LDFLAGS) $(HTTP_LINK_FLAGS)
tests_unit_test_http_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_handlers_SOURCES = tests/unit/test_http_handlers.c \
	tests/lib/fake_store.c tests/lib/fake_store.h
tests_unit_test_http_handlers_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_handlers_LDFLAGS = $(AM_LDFLAGS) $(HTTP_LINK_FLAGS)
tests_unit_test_http_handlers_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_socket_SOURCES = tests/unit/test_http_socket.c \
	tests/lib/fake_store.c tests/lib/fake_store.h
tests_unit_test_http_socket_CPPFLAGS = $(http_test_cppflags)
tests_unit_test_http_socket_LDFLAGS = $(AM_LDFLAGS) $(HTTP_LINK_FLAGS)
tests_unit_test_http_socket_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
