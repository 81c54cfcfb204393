codec_test_sources = tests/lib/codec_fixture.h \
	tests/lib/codec_writer.c tests/lib/codec_writer.h
codec_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(ZLIB_CFLAGS) $(LZMA_CFLAGS) $(ZSTD_CFLAGS)
codec_test_ldadd = $(CODEC_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_codec
tests_unit_test_codec_SOURCES = tests/unit/test_codec.c $(codec_test_sources)
tests_unit_test_codec_CPPFLAGS = $(codec_test_cppflags)
tests_unit_test_codec_LDADD = $(codec_test_ldadd)

unit_tests += tests/unit/test_codec_random
tests_unit_test_codec_random_SOURCES = tests/unit/test_codec_random.c $(codec_test_sources)
tests_unit_test_codec_random_CPPFLAGS = $(codec_test_cppflags)
tests_unit_test_codec_random_LDADD = $(codec_test_ldadd)

unit_tests += tests/unit/test_codec_damage
tests_unit_test_codec_damage_SOURCES = tests/unit/test_codec_damage.c $(codec_test_sources)
tests_unit_test_codec_damage_CPPFLAGS = $(codec_test_cppflags)
tests_unit_test_codec_damage_LDADD = $(codec_test_ldadd)

unit_tests += tests/unit/test_codec_share
tests_unit_test_codec_share_SOURCES = tests/unit/test_codec_share.c $(codec_test_sources)
tests_unit_test_codec_share_CPPFLAGS = $(codec_test_cppflags)
tests_unit_test_codec_share_LDADD = $(codec_test_ldadd)

unit_tests += tests/unit/test_codec_lzma2
tests_unit_test_codec_lzma2_SOURCES = tests/unit/test_codec_lzma2.c $(codec_test_sources)
tests_unit_test_codec_lzma2_CPPFLAGS = $(codec_test_cppflags)
tests_unit_test_codec_lzma2_LDADD = $(codec_test_ldadd)
