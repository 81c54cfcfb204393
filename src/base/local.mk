noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/buf.c src/base/buf.h \
	src/base/build_id.c src/base/build_id.h \
	src/base/cleanup.h \
	src/base/error.c src/base/error.h src/base/error_kinds.h \
	src/base/input.c src/base/input.h \
	src/base/mem.c src/base/mem.h \
	src/base/reader.c src/base/reader.h \
	src/base/units.h
