noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	src/store/artifact.c \
	src/store/cache_file.c src/store/cache_file.h \
	src/store/cache_list.c src/store/cache_list.h \
	src/store/cache_table.c src/store/cache_table.h \
	src/store/cache_temp.c src/store/cache_temp.h \
	src/store/disk_cache.c src/store/disk_cache.h \
	src/store/extract.c \
	src/store/fetch.c \
	src/store/flights.c \
	src/store/growth.c src/store/growth.h \
	src/store/lookup.c \
	src/store/memo.c src/store/memo.h \
	src/store/poison.c src/store/poison.h \
	src/store/query.c \
	src/store/remote.c src/store/remote.h \
	src/store/remote_download.c \
	src/store/remote_file.c src/store/remote_file.h \
	src/store/remote_meta.c src/store/remote_meta.h \
	src/store/remote_section.c \
	src/store/source_find.c \
	src/store/store.c src/store/store.h src/store/store_internal.h \
	src/store/verify.c \
	src/store/watch.c
STORE_LIBS = libstore.a libindex.a $(UPSTREAM_LIBS) $(WORKER_LIBS) $(SQLITE_LIBS)
