noinst_LIBRARIES += libhttp.a
libhttp_a_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS)
libhttp_a_SOURCES = \
	src/http/account.c src/http/account.h \
	src/http/address.c src/http/address.h \
	src/http/admit.c src/http/admit.h \
	src/http/artifacts.c \
	src/http/body.c src/http/body.h \
	src/http/conditional.c src/http/conditional.h \
	src/http/debuginfod.c src/http/debuginfod.h \
	src/http/debuginfod_log.c src/http/debuginfod_private.h \
	src/http/dialect.c src/http/dialect.h \
	src/http/framing.c src/http/framing.h \
	src/http/growing.c src/http/growing.h \
	src/http/hop.c src/http/hop.h \
	src/http/http.h \
	src/http/listen.c src/http/listen.h \
	src/http/meta.c \
	src/http/metadata.c \
	src/http/metadata_rows.c src/http/metadata_rows.h \
	src/http/mhd/mhd.c src/http/mhd/mhd.h \
	src/http/mhd/mhd_header.c \
	src/http/mhd/mhd_reply.c \
	src/http/ops.c \
	src/http/presence.c \
	src/http/reply.c src/http/reply.h \
	src/http/request.c src/http/request.h src/http/request_headers.h \
	src/http/router.c src/http/routes.h src/http/routes_table.h \
	src/http/server.c src/http/server.h \
	src/http/symbolize.c \
	src/http/ticket.c src/http/ticket.h \
	src/http/watchdog.c
EXTRA_DIST += schema/http.md
HTTP_LIBS = libhttp.a libsymbolize.a $(SYMTAB_LIBS) libupstream.a $(ELF_LIBS) $(MHD_LIBS) $(CURL_LIBS)
