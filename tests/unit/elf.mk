check_LIBRARIES += libelfwriter.a
libelfwriter_a_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
libelfwriter_a_SOURCES = tests/lib/elf_writer.c tests/lib/elf_writer_dwarf.c \
	tests/lib/elf_writer.h tests/lib/elf_writer_impl.h
ELF_WRITER_LIBS = libelfwriter.a libbase.a $(ZLIB_LIBS) $(ZSTD_LIBS)
