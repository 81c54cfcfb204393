# What the server links: it reads tables and does not make any.
noinst_LIBRARIES += libsymtab.a
libsymtab_a_SOURCES = \
	src/symtab/symtab.c src/symtab/symtab.h \
	src/symtab/symtab_cursor.c \
	src/symtab/symtab_format.h \
	src/symtab/symtab_index.c src/symtab/symtab_index.h \
	src/symtab/symtab_layout.c src/symtab/symtab_layout.h \
	src/symtab/symtab_leb.h \
	src/symtab/symtab_lines.c src/symtab/symtab_lines.h \
	src/symtab/symtab_names.c \
	src/symtab/symtab_private.h \
	src/symtab/symtab_tree.c src/symtab/symtab_tree.h
SYMTAB_LIBS = libsymtab.a $(BASE_LIBS)

# What a worker links besides.
noinst_LIBRARIES += libsymbuild.a
libsymbuild_a_SOURCES = \
	src/symtab/build_dwarf.c \
	src/symtab/build_fill.c \
	src/symtab/build_inputs.c src/symtab/build_inputs.h \
	src/symtab/build_symbols.c src/symtab/build_symbols.h \
	src/symtab/builder.h \
	src/symtab/symtab_build.c src/symtab/symtab_build.h \
	src/symtab/symtab_demangle.c src/symtab/symtab_demangle.h \
	src/symtab/symtab_emit.c src/symtab/symtab_emit.h \
	src/symtab/symtab_encode.c src/symtab/symtab_encode.h \
	src/symtab/symtab_index_make.c \
	src/symtab/symtab_names_make.c src/symtab/symtab_names_make.h \
	src/symtab/symtab_pool.c src/symtab/symtab_pool.h \
	src/symtab/symtab_strings.c src/symtab/symtab_strings.h \
	src/symtab/symtab_writer.c src/symtab/symtab_writer.h
SYMBUILD_LIBS = libsymbuild.a libsymtab.a $(IBERTY_LIBS) $(ELF_LIBS)
