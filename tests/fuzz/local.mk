# Each target twice: as a test of its own, and with --enable-fuzzers with
# libFuzzer, for tests/fuzz/run.
fuzz_common = tests/fuzz/fuzz.h
EXTRA_DIST += tests/fuzz/run
fuzz_tests =

fuzz_tests += tests/fuzz/fuzz_codec
tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz_codec.c \
	tests/fuzz/seeds_codec.c tests/fuzz/standalone.c $(fuzz_common)
tests_fuzz_fuzz_codec_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
tests_fuzz_fuzz_codec_LDADD = $(PKG_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_dwarf_functions
tests_fuzz_fuzz_dwarf_functions_SOURCES = tests/fuzz/fuzz_dwarf_functions.c \
	tests/fuzz/seeds_dwarf_functions.c tests/fuzz/standalone.c \
	$(fuzz_common) tests/lib/dwarf_programs.h
tests_fuzz_fuzz_dwarf_functions_LDADD = $(ELF_LIBS) $(ELF_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_elf_facts
tests_fuzz_fuzz_elf_facts_SOURCES = tests/fuzz/fuzz_elf_facts.c \
	tests/fuzz/seeds_elf.c tests/fuzz/standalone.c $(fuzz_common)
tests_fuzz_fuzz_elf_facts_LDADD = $(ELF_LIBS) $(ELF_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_http
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz_http.c \
	tests/fuzz/seeds_http.c tests/fuzz/standalone.c $(fuzz_common) \
	$(http_fake_store)
tests_fuzz_fuzz_http_LDADD = $(HTTP_LIBS) libstore.a

fuzz_tests += tests/fuzz/fuzz_scanner_deb
tests_fuzz_fuzz_scanner_deb_SOURCES = tests/fuzz/fuzz_scanner_deb.c \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_deb_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_kmod
tests_fuzz_fuzz_scanner_kmod_SOURCES = tests/fuzz/fuzz_scanner_kmod.c \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_kmod_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_rpm
tests_fuzz_fuzz_scanner_rpm_SOURCES = tests/fuzz/fuzz_scanner_rpm.c \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_rpm_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_tar
tests_fuzz_fuzz_scanner_tar_SOURCES = tests/fuzz/fuzz_scanner_tar.c \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_tar_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_archive
tests_fuzz_fuzz_scanner_archive_SOURCES = tests/fuzz/fuzz_scanner_archive.c \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_archive_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_symtab_build
tests_fuzz_fuzz_symtab_build_SOURCES = tests/fuzz/fuzz_symtab_build.c \
	tests/fuzz/seeds_symtab.c tests/fuzz/standalone.c $(fuzz_common)
tests_fuzz_fuzz_symtab_build_LDADD = $(SYMBUILD_LIBS) $(ELF_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_wire
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c \
	tests/fuzz/seeds_wire.c tests/fuzz/standalone.c $(fuzz_common) \
	$(sample_table)
tests_fuzz_fuzz_wire_LDADD = libsymbolize.a $(SYMBUILD_LIBS)

fuzz_tests += tests/fuzz/fuzz_demangle
tests_fuzz_fuzz_demangle_SOURCES = tests/fuzz/fuzz_demangle.c \
	tests/fuzz/seeds_demangle.c tests/fuzz/standalone.c $(fuzz_common)
tests_fuzz_fuzz_demangle_LDADD = $(SYMBUILD_LIBS)

fuzz_symtab_lib = tests/lib/symtab_fixture.c tests/lib/symtab_fixture.h \
	tests/lib/symtab_random.c tests/lib/symtab_random.h \
	tests/lib/symtab_use.c tests/lib/symtab_use.h
fuzz_tests += tests/fuzz/fuzz_symtab_table
tests_fuzz_fuzz_symtab_table_SOURCES = tests/fuzz/fuzz_symtab_table.c \
	tests/fuzz/seeds_symtab_table.c tests/fuzz/standalone.c $(fuzz_common) \
	$(fuzz_symtab_lib)
tests_fuzz_fuzz_symtab_table_LDADD = $(SYMBUILD_LIBS)

check_PROGRAMS += $(fuzz_tests)
TESTS += $(fuzz_tests)

if FUZZERS
check_PROGRAMS += tests/fuzz/libfuzzer_demangle
tests_fuzz_libfuzzer_demangle_SOURCES = tests/fuzz/fuzz_demangle.c $(fuzz_common)
tests_fuzz_libfuzzer_demangle_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_demangle_LDADD = $(SYMBUILD_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_symtab_table
tests_fuzz_libfuzzer_symtab_table_SOURCES = tests/fuzz/fuzz_symtab_table.c $(fuzz_common) \
	$(fuzz_symtab_lib)
tests_fuzz_libfuzzer_symtab_table_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_symtab_table_LDADD = $(SYMBUILD_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_symtab_build
tests_fuzz_libfuzzer_symtab_build_SOURCES = tests/fuzz/fuzz_symtab_build.c $(fuzz_common)
tests_fuzz_libfuzzer_symtab_build_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_symtab_build_LDADD = $(SYMBUILD_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_codec
tests_fuzz_libfuzzer_codec_SOURCES = tests/fuzz/fuzz_codec.c $(fuzz_common)
tests_fuzz_libfuzzer_codec_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
tests_fuzz_libfuzzer_codec_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_codec_LDADD = $(PKG_WRITER_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_dwarf_functions
tests_fuzz_libfuzzer_dwarf_functions_SOURCES = \
	tests/fuzz/fuzz_dwarf_functions.c $(fuzz_common)
tests_fuzz_libfuzzer_dwarf_functions_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_dwarf_functions_LDADD = $(ELF_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_elf_facts
tests_fuzz_libfuzzer_elf_facts_SOURCES = tests/fuzz/fuzz_elf_facts.c $(fuzz_common)
tests_fuzz_libfuzzer_elf_facts_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_elf_facts_LDADD = $(ELF_LIBS) $(ELF_WRITER_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_http
tests_fuzz_libfuzzer_http_SOURCES = tests/fuzz/fuzz_http.c $(fuzz_common) \
	$(http_fake_store)
tests_fuzz_libfuzzer_http_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_http_LDADD = $(HTTP_LIBS) libstore.a

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_deb
tests_fuzz_libfuzzer_scanner_deb_SOURCES = tests/fuzz/fuzz_scanner_deb.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_libfuzzer_scanner_deb_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_scanner_deb_LDADD = $(SCANNERS_FIXTURE_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_kmod
tests_fuzz_libfuzzer_scanner_kmod_SOURCES = tests/fuzz/fuzz_scanner_kmod.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_libfuzzer_scanner_kmod_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_scanner_kmod_LDADD = $(SCANNERS_FIXTURE_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_rpm
tests_fuzz_libfuzzer_scanner_rpm_SOURCES = tests/fuzz/fuzz_scanner_rpm.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_libfuzzer_scanner_rpm_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_scanner_rpm_LDADD = $(SCANNERS_FIXTURE_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_tar
tests_fuzz_libfuzzer_scanner_tar_SOURCES = tests/fuzz/fuzz_scanner_tar.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_libfuzzer_scanner_tar_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_scanner_tar_LDADD = $(SCANNERS_FIXTURE_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_archive
tests_fuzz_libfuzzer_scanner_archive_SOURCES = tests/fuzz/fuzz_scanner_archive.c $(fuzz_common) \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_libfuzzer_scanner_archive_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_scanner_archive_LDADD = $(SCANNERS_FIXTURE_LIBS)

check_PROGRAMS += tests/fuzz/libfuzzer_wire
tests_fuzz_libfuzzer_wire_SOURCES = tests/fuzz/fuzz_wire.c $(fuzz_common) \
	$(sample_table)
tests_fuzz_libfuzzer_wire_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_libfuzzer_wire_LDADD = libsymbolize.a $(SYMBUILD_LIBS)
endif
