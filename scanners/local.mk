noinst_LIBRARIES += libscanners.a
libscanners_a_CPPFLAGS = $(AM_CPPFLAGS) $(ARCHIVE_CFLAGS)
libscanners_a_SOURCES = \
	scanners/archive.c \
	scanners/deb.c \
	scanners/elf.c \
	scanners/formats.h \
	scanners/kmod.c \
	scanners/payload.c scanners/payload.h \
	scanners/registry.c \
	scanners/rpm.c \
	scanners/rpm_files.c scanners/rpm_files.h \
	scanners/rpm_header.c scanners/rpm_header.h \
	scanners/scanner.h \
	scanners/tar.c \
	scanners/unpack.c scanners/unpack.h
SCANNERS_LIBS = libscanners.a $(CODEC_LIBS) $(ARCHIVE_LIBS)
EXTRA_DIST += scanners/README.md scanners/template.c
