check_LIBRARIES += libpkgwriter.a
libpkgwriter_a_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS) $(LZMA_CFLAGS) $(ZSTD_CFLAGS)
libpkgwriter_a_SOURCES = \
	tests/lib/codec_writer.c tests/lib/codec_writer.h \
	tests/lib/pkg_writer.c tests/lib/pkg_writer.h \
	tests/lib/pkg_writer_internal.h \
	tests/lib/pkg_writer_rpm.c
PKG_WRITER_LIBS = libpkgwriter.a $(CODEC_LIBS)

# Packages for shell tests.
check_PROGRAMS += tests/lib/mkpkg tests/lib/numbered
tests_lib_numbered_SOURCES = tests/lib/numbered.c
tests_lib_mkpkg_SOURCES = tests/lib/mkpkg.c
tests_lib_mkpkg_LDADD = $(PKG_WRITER_LIBS)

# What a scanner finds in a container.
check_PROGRAMS += tests/lib/scancat
tests_lib_scancat_CPPFLAGS = $(AM_CPPFLAGS) $(NETTLE_CFLAGS)
tests_lib_scancat_SOURCES = tests/lib/scancat.c
tests_lib_scancat_LDADD = $(SCANNERS_LIBS) $(NETTLE_LIBS)

check_LIBRARIES += libscannersfixture.a
libscannersfixture_a_SOURCES = \
	scanners/template.c \
	tests/lib/member_list.c tests/lib/member_list.h \
	tests/lib/scanners_fixture.c tests/lib/scanners_fixture.h
SCANNERS_FIXTURE_LIBS = libscannersfixture.a libpkgwriter.a $(SCANNERS_LIBS)

unit_tests += tests/unit/test_scanners
tests_unit_test_scanners_SOURCES = tests/unit/test_scanners.c
tests_unit_test_scanners_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_scanners_LDADD = $(SCANNERS_FIXTURE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_scanners_deb
tests_unit_test_scanners_deb_SOURCES = tests/unit/test_scanners_deb.c
tests_unit_test_scanners_deb_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_scanners_deb_LDADD = $(SCANNERS_FIXTURE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_scanners_rpm
tests_unit_test_scanners_rpm_SOURCES = tests/unit/test_scanners_rpm.c
tests_unit_test_scanners_rpm_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_scanners_rpm_LDADD = $(SCANNERS_FIXTURE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_scanners_tar
tests_unit_test_scanners_tar_SOURCES = tests/unit/test_scanners_tar.c
tests_unit_test_scanners_tar_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_scanners_tar_LDADD = $(SCANNERS_FIXTURE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_scanners_damage
tests_unit_test_scanners_damage_SOURCES = tests/unit/test_scanners_damage.c
tests_unit_test_scanners_damage_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_scanners_damage_LDADD = $(SCANNERS_FIXTURE_LIBS) $(CHECK_LIBS)
