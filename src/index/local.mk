noinst_LIBRARIES += libindex.a
libindex_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
libindex_a_SOURCES = src/index/index.c src/index/index.h
INDEX_LIBS = libindex.a $(BASE_LIBS) $(SQLITE_LIBS)
