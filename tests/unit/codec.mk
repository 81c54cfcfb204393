unit_tests += tests/unit/test_codec
tests_unit_test_codec_SOURCES = tests/unit/test_codec.c \
	tests/lib/codec_writer.c tests/lib/codec_writer.h
tests_unit_test_codec_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(ZLIB_CFLAGS) $(LZMA_CFLAGS) $(ZSTD_CFLAGS)
tests_unit_test_codec_LDADD = $(CODEC_LIBS) $(CHECK_LIBS)
