noinst_LIBRARIES += libupstream.a
libupstream_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)
libupstream_a_SOURCES = \
	src/upstream/address.c src/upstream/address.h \
	src/upstream/ask_path.c src/upstream/ask_path.h \
	src/upstream/breaker.c src/upstream/breaker.h \
	src/upstream/coding.c src/upstream/coding.h \
	src/upstream/curl_use.c src/upstream/curl_use.h \
	src/upstream/engine.c src/upstream/engine.h \
	src/upstream/head.c src/upstream/head.h \
	src/upstream/hop.c \
	src/upstream/http_client.c src/upstream/http_client.h \
	src/upstream/negative.c src/upstream/negative.h \
	src/upstream/race.c \
	src/upstream/redirect.c src/upstream/redirect.h \
	src/upstream/transfer.c \
	src/upstream/upstream.h \
	src/upstream/upstream_list.c src/upstream/upstream_list.h
UPSTREAM_LIBS = libupstream.a $(CURL_LIBS)
