noinst_LIBRARIES += libcodec.a
libcodec_a_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS) $(DEFLATE_CFLAGS) $(LZMA_CFLAGS) $(ZSTD_CFLAGS)
libcodec_a_SOURCES = \
	src/codec/codec.c src/codec/codec.h \
	src/codec/codec_backend.h \
	src/codec/codec_blocks.c \
	src/codec/codec_bzip2.c \
	src/codec/codec_detect.c \
	src/codec/codec_forward.c \
	src/codec/codec_gzip.c \
	src/codec/codec_lzma.c src/codec/codec_lzma.h \
	src/codec/codec_lzma2.c src/codec/codec_lzma2.h \
	src/codec/codec_lzma_core.c src/codec/codec_lzma_core.h \
	src/codec/codec_none.c \
	src/codec/codec_pack.c \
	src/codec/codec_share.c src/codec/codec_share.h \
	src/codec/codec_source.c \
	src/codec/codec_stream.h \
	src/codec/codec_whole.c \
	src/codec/codec_xz.c \
	src/codec/codec_xz_block.c \
	src/codec/codec_xz_index.c \
	src/codec/codec_zstd.c \
	src/codec/codec_zstd_frames.c
CODEC_LIBS = libcodec.a $(BASE_LIBS) $(ZLIB_LIBS) $(DEFLATE_LIBS) $(LZMA_LIBS) $(ZSTD_LIBS) $(BZIP2_LIBS)
