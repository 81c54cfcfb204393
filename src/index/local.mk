noinst_LIBRARIES += libindex.a
libindex_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
libindex_a_SOURCES = \
	src/index/debuginfod_db.c src/index/debuginfod_db.h \
	src/index/index.c src/index/index.h \
	src/index/index_change.c \
	src/index/index_check.c \
	src/index/index_db.c src/index/index_db.h \
	src/index/index_groom.c \
	src/index/index_list.c \
	src/index/index_pending.c \
	src/index/index_private.h \
	src/index/index_read.c \
	src/index/index_split.c \
	src/index/index_sql.h \
	src/index/index_write.c \
	src/index/migrate.c src/index/migrate.h \
	src/index/paths.c \
	src/index/segments.c
nodist_libindex_a_SOURCES = src/index/migrations_sql.c
INDEX_LIBS = libindex.a $(BASE_LIBS) $(SQLITE_LIBS)
