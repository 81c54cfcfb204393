noinst_LIBRARIES += libcodec.a
libcodec_a_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS) $(LZMA_CFLAGS) $(ZSTD_CFLAGS)
libcodec_a_SOURCES = src/codec/codec.c src/codec/codec.h
CODEC_LIBS = libcodec.a $(BASE_LIBS) $(ZLIB_LIBS) $(LZMA_LIBS) $(ZSTD_LIBS) $(BZIP2_LIBS)
