noinst_LIBRARIES += libscanners.a
libscanners_a_CPPFLAGS = $(AM_CPPFLAGS) $(ARCHIVE_CFLAGS)
libscanners_a_SOURCES = scanners/registry.c scanners/scanner.h
SCANNERS_LIBS = libscanners.a $(CODEC_LIBS) $(ARCHIVE_LIBS)
