noinst_LIBRARIES += libscan.a
libscan_a_SOURCES = \
	src/scan/assist.c src/scan/assist.h \
	src/scan/choice.c \
	src/scan/dispatch.c \
	src/scan/file_result.c \
	src/scan/groom.c \
	src/scan/known.c src/scan/known.h \
	src/scan/resolve.c src/scan/resolve.h src/scan/resolve_job.c \
	src/scan/results.c \
	src/scan/roots.c \
	src/scan/scan.c src/scan/scan.h src/scan/scan_internal.h \
	src/scan/walk.c src/scan/walk.h
SCAN_LIBS = libscan.a libindex.a $(WORKER_LIBS) $(SQLITE_LIBS)
