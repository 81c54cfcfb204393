noinst_LIBRARIES += libupstream.a
libupstream_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)
libupstream_a_SOURCES = \
	src/upstream/http_client.c src/upstream/http_client.h
UPSTREAM_LIBS = libupstream.a $(CURL_LIBS)
