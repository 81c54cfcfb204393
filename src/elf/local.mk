noinst_LIBRARIES += libelffacts.a
libelffacts_a_CPPFLAGS = $(AM_CPPFLAGS) $(NETTLE_CFLAGS)
libelffacts_a_SOURCES = src/elf/elf_facts.c src/elf/elf_facts.h
ELF_LIBS = libelffacts.a $(CODEC_LIBS) $(NETTLE_LIBS)
