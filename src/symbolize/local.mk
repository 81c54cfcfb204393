noinst_LIBRARIES += libsymbolize.a
libsymbolize_a_SOURCES = \
	src/symbolize/batch.c src/symbolize/batch.h \
	src/symbolize/exchange.h \
	src/symbolize/sort.c src/symbolize/sort.h \
	src/symbolize/symbolize.h
SYMBOLIZE_LIBS = libsymbolize.a libsymtab.a $(STORE_LIBS)
