bin_PROGRAMS += symbolized
symbolized_SOURCES = src/main.c
symbolized_LDADD = $(ELF_LIBS) $(BASE_LIBS)
