noinst_LIBRARIES += libbase.a
libbase_a_CPPFLAGS = $(AM_CPPFLAGS) $(XXHASH_CFLAGS)
libbase_a_SOURCES = \
	src/base/buf.c src/base/buf.h \
	src/base/build_id.c src/base/build_id.h \
	src/base/cleanup.h \
	src/base/clock.h \
	src/base/error.c src/base/error.h src/base/error_kinds.h \
	src/base/file.c src/base/file.h \
	src/base/hash.c src/base/hash.h \
	src/base/held.c src/base/held.h \
	src/base/input.c src/base/input.h \
	src/base/json_read.c src/base/json_read.h \
	src/base/json_write.c src/base/json_write.h \
	src/base/limits.c src/base/limits.h \
	src/base/lock.c src/base/lock.h src/base/locks.h \
	src/base/log.c src/base/log.h \
	src/base/mem.c src/base/mem.h \
	src/base/metrics.c src/base/metrics.h src/base/metrics_table.h \
	src/base/path.c src/base/path.h \
	src/base/percent.c src/base/percent.h \
	src/base/pool.c src/base/pool.h \
	src/base/reader.c src/base/reader.h \
	src/base/units.h \
	src/base/utf8.h
BASE_LIBS = libbase.a $(XXHASH_LIBS)
