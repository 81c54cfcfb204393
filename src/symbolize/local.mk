noinst_LIBRARIES += libsymbolize.a
libsymbolize_a_SOURCES = \
	src/symbolize/batch.c src/symbolize/batch.h \
	src/symbolize/exchange.c src/symbolize/exchange.h \
	src/symbolize/sort.c src/symbolize/sort.h \
	src/symbolize/symbolize.h \
	src/symbolize/wire.c src/symbolize/wire.h \
	src/symbolize/wire_json.c \
	src/symbolize/wire_proto.c \
	src/symbolize/wire_query.c \
	src/symbolize/wire_records.c \
	src/symbolize/wire_text.c src/symbolize/wire_text_write.c \
	src/symbolize/wire_v5.c src/symbolize/wire_v5.h src/symbolize/wire_v5_write.c
EXTRA_DIST += schema/symbolize.proto
SYMBOLIZE_LIBS = libsymbolize.a libsymtab.a $(STORE_LIBS)
