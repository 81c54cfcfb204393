check_LIBRARIES += libelfwriter.a
libelfwriter_a_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
libelfwriter_a_SOURCES = tests/lib/elf_writer.c tests/lib/elf_writer_dwarf.c \
	tests/lib/elf_writer.h tests/lib/elf_writer_impl.h
ELF_WRITER_LIBS = libelfwriter.a libbase.a $(ZLIB_LIBS) $(ZSTD_LIBS)

# A tool for whoever changes src/elf: see its head.
if HAVE_DW
check_PROGRAMS += tests/lib/oracle_sources
tests_lib_oracle_sources_SOURCES = tests/lib/oracle_sources.c
tests_lib_oracle_sources_CPPFLAGS = $(AM_CPPFLAGS) $(DW_CFLAGS)
tests_lib_oracle_sources_LDADD = $(ELF_LIBS) $(DW_LIBS)
endif
