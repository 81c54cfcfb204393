noinst_LIBRARIES += libsymbolize.a
libsymbolize_a_SOURCES = \
	src/symbolize/answer.c \
	src/symbolize/batch.c src/symbolize/batch.h \
	src/symbolize/build.c \
	src/symbolize/compute.c \
	src/symbolize/exchange.c src/symbolize/exchange.h \
	src/symbolize/making.c src/symbolize/making_files.c \
	src/symbolize/making_look_up.c \
	src/symbolize/splits.c \
	src/symbolize/sort.c src/symbolize/sort.h \
	src/symbolize/symbolize.h \
	src/symbolize/symbolizer.c src/symbolize/symbolizer_internal.h \
	src/symbolize/table_cache.c src/symbolize/table_cache.h \
	src/symbolize/table_cache_internal.h \
	src/symbolize/table_claims.c src/symbolize/table_claims.h \
	src/symbolize/table_copies.c \
	src/symbolize/table_entries.c src/symbolize/table_files.c \
	src/symbolize/verdict.c src/symbolize/verdict.h \
	src/symbolize/wait.c \
	src/symbolize/wire.c src/symbolize/wire.h \
	src/symbolize/wire_json.c \
	src/symbolize/wire_proto.c \
	src/symbolize/wire_query.c \
	src/symbolize/wire_records.c \
	src/symbolize/wire_text.c src/symbolize/wire_text_write.c \
	src/symbolize/wire_v5.c src/symbolize/wire_v5.h src/symbolize/wire_v5_write.c
EXTRA_DIST += schema/symbolize.proto
SYMBOLIZE_LIBS = libsymbolize.a $(STORE_LIBS) $(SYMTAB_LIBS)
