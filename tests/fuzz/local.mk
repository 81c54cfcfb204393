# Each target twice: as a test of its own, and with --enable-fuzzers with
# libFuzzer, for tests/fuzz/run.
EXTRA_DIST += tests/fuzz/run tests/fuzz/README.md $(fuzz_dictionaries)
fuzz_dictionaries = tests/fuzz/debuginfod_db.dict \
	tests/fuzz/dwarf_sections.dict tests/fuzz/headers.dict tests/fuzz/http.dict \
	tests/fuzz/json.dict tests/fuzz/metadata.dict tests/fuzz/upstream.dict tests/fuzz/upstream_list.dict \
	tests/fuzz/wire.dict
fuzz_symtab_lib = tests/lib/symtab_fixture.c tests/lib/symtab_fixture.h \
	tests/lib/symtab_random.c tests/lib/symtab_random.h \
	tests/lib/symtab_use.c tests/lib/symtab_use.h
fuzz_tests =

fuzz_tests += tests/fuzz/fuzz_text
fuzz_text = tests/fuzz/fuzz_text.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_text_SOURCES = $(fuzz_text) tests/fuzz/seeds_text.c \
	tests/fuzz/standalone.c
tests_fuzz_fuzz_text_LDADD = $(BASE_LIBS)

fuzz_tests += tests/fuzz/fuzz_json
fuzz_json = tests/fuzz/fuzz_json.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_json_SOURCES = $(fuzz_json) tests/fuzz/seeds_json.c \
	tests/fuzz/standalone.c
tests_fuzz_fuzz_json_LDADD = $(BASE_LIBS)

fuzz_tests += tests/fuzz/fuzz_codec
fuzz_codec = tests/fuzz/fuzz_codec.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_codec_SOURCES = $(fuzz_codec) tests/fuzz/seeds_codec.c \
	tests/fuzz/standalone.c
tests_fuzz_fuzz_codec_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
tests_fuzz_fuzz_codec_LDADD = $(PKG_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_elf_facts
fuzz_elf_facts = tests/fuzz/fuzz_elf_facts.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_elf_facts_SOURCES = $(fuzz_elf_facts) tests/fuzz/seeds_elf.c \
	tests/fuzz/standalone.c
tests_fuzz_fuzz_elf_facts_LDADD = $(ELF_LIBS) $(ELF_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_dwarf_functions
fuzz_dwarf_functions = tests/fuzz/fuzz_dwarf_functions.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_dwarf.h
tests_fuzz_fuzz_dwarf_functions_SOURCES = $(fuzz_dwarf_functions) \
	tests/fuzz/seeds_dwarf_functions.c tests/fuzz/standalone.c
tests_fuzz_fuzz_dwarf_functions_LDADD = $(ELF_LIBS) $(ELF_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_dwarf_sections
fuzz_dwarf_sections = tests/fuzz/fuzz_dwarf_sections.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_dwarf.h tests/lib/dwarf_programs.h
tests_fuzz_fuzz_dwarf_sections_SOURCES = $(fuzz_dwarf_sections) \
	tests/fuzz/seeds_dwarf_sections.c tests/fuzz/standalone.c
tests_fuzz_fuzz_dwarf_sections_LDADD = $(ELF_LIBS) $(ELF_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_any
fuzz_scanner_any = tests/fuzz/fuzz_scanner_any.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_any_SOURCES = $(fuzz_scanner_any) \
	tests/fuzz/seeds_scanner_any.c tests/fuzz/standalone.c
tests_fuzz_fuzz_scanner_any_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_archive
fuzz_scanner_archive = tests/fuzz/fuzz_scanner_archive.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_archive_SOURCES = $(fuzz_scanner_archive) \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c
tests_fuzz_fuzz_scanner_archive_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_deb
fuzz_scanner_deb = tests/fuzz/fuzz_scanner_deb.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_deb_SOURCES = $(fuzz_scanner_deb) \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c
tests_fuzz_fuzz_scanner_deb_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_kmod
fuzz_scanner_kmod = tests/fuzz/fuzz_scanner_kmod.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_kmod_SOURCES = $(fuzz_scanner_kmod) \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c
tests_fuzz_fuzz_scanner_kmod_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_rpm
fuzz_scanner_rpm = tests/fuzz/fuzz_scanner_rpm.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_rpm_SOURCES = $(fuzz_scanner_rpm) \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c
tests_fuzz_fuzz_scanner_rpm_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_scanner_tar
fuzz_scanner_tar = tests/fuzz/fuzz_scanner_tar.c tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_scanner.h
tests_fuzz_fuzz_scanner_tar_SOURCES = $(fuzz_scanner_tar) \
	tests/fuzz/seeds_scanner.c tests/fuzz/standalone.c
tests_fuzz_fuzz_scanner_tar_LDADD = $(SCANNERS_FIXTURE_LIBS)

fuzz_tests += tests/fuzz/fuzz_debuginfod_db
fuzz_debuginfod_db = tests/fuzz/fuzz_debuginfod_db.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_debuginfod_db_SOURCES = $(fuzz_debuginfod_db) \
	tests/fuzz/seeds_debuginfod_db.c tests/fuzz/standalone.c
tests_fuzz_fuzz_debuginfod_db_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_fuzz_fuzz_debuginfod_db_LDADD = $(INDEX_LIBS)

fuzz_tests += tests/fuzz/fuzz_symtab_build
fuzz_symtab_build = tests/fuzz/fuzz_symtab_build.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_symtab_build_SOURCES = $(fuzz_symtab_build) \
	tests/fuzz/seeds_symtab.c tests/fuzz/standalone.c
tests_fuzz_fuzz_symtab_build_LDADD = $(SYMBUILD_LIBS) $(ELF_WRITER_LIBS)

fuzz_tests += tests/fuzz/fuzz_symtab_table
fuzz_symtab_table = tests/fuzz/fuzz_symtab_table.c tests/fuzz/fuzz.h \
	$(fuzz_symtab_lib)
tests_fuzz_fuzz_symtab_table_SOURCES = $(fuzz_symtab_table) \
	tests/fuzz/seeds_symtab_table.c tests/fuzz/standalone.c
tests_fuzz_fuzz_symtab_table_LDADD = $(SYMBUILD_LIBS)

fuzz_tests += tests/fuzz/fuzz_demangle
fuzz_demangle = tests/fuzz/fuzz_demangle.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_demangle_SOURCES = $(fuzz_demangle) \
	tests/fuzz/seeds_demangle.c tests/fuzz/standalone.c
tests_fuzz_fuzz_demangle_LDADD = $(SYMBUILD_LIBS)

fuzz_tests += tests/fuzz/fuzz_worker_answers
fuzz_worker_answers = tests/fuzz/fuzz_worker_answers.c tests/fuzz/fuzz.h \
	$(index_fixture_sources)
tests_fuzz_fuzz_worker_answers_SOURCES = $(fuzz_worker_answers) \
	tests/fuzz/seeds_worker_answers.c tests/fuzz/standalone.c
tests_fuzz_fuzz_worker_answers_LDADD = $(SCAN_LIBS)

fuzz_tests += tests/fuzz/fuzz_metadata
fuzz_metadata = tests/fuzz/fuzz_metadata.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_metadata_SOURCES = $(fuzz_metadata) \
	tests/fuzz/seeds_metadata.c tests/fuzz/standalone.c
tests_fuzz_fuzz_metadata_LDADD = $(HTTP_LIBS)

fuzz_tests += tests/fuzz/fuzz_upstream_list
fuzz_upstream_list = tests/fuzz/fuzz_upstream_list.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_upstream_list_SOURCES = $(fuzz_upstream_list) \
	tests/fuzz/seeds_upstream_list.c tests/fuzz/standalone.c
tests_fuzz_fuzz_upstream_list_LDADD = $(UPSTREAM_LIBS) $(BASE_LIBS)

fuzz_tests += tests/fuzz/fuzz_upstream
fuzz_upstream = tests/fuzz/fuzz_upstream.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_upstream_SOURCES = $(fuzz_upstream) \
	tests/fuzz/seeds_upstream.c tests/fuzz/standalone.c
tests_fuzz_fuzz_upstream_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)
tests_fuzz_fuzz_upstream_LDADD = $(UPSTREAM_LIBS) $(BASE_LIBS)

fuzz_tests += tests/fuzz/fuzz_kept
fuzz_kept = tests/fuzz/fuzz_kept.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_kept_SOURCES = $(fuzz_kept) tests/fuzz/seeds_kept.c \
	tests/fuzz/standalone.c
tests_fuzz_fuzz_kept_LDADD = $(STORE_LIBS)

fuzz_tests += tests/fuzz/fuzz_wire
fuzz_wire = tests/fuzz/fuzz_wire.c tests/fuzz/fuzz.h $(sample_table)
tests_fuzz_fuzz_wire_SOURCES = $(fuzz_wire) tests/fuzz/seeds_wire.c \
	tests/fuzz/standalone.c
tests_fuzz_fuzz_wire_LDADD = libsymbolize.a $(SYMBUILD_LIBS)

fuzz_tests += tests/fuzz/fuzz_headers
fuzz_headers = tests/fuzz/fuzz_headers.c tests/fuzz/fuzz.h \
	$(http_fake_store)
tests_fuzz_fuzz_headers_SOURCES = $(fuzz_headers) tests/fuzz/seeds_headers.c \
	tests/fuzz/standalone.c
tests_fuzz_fuzz_headers_LDADD = $(HTTP_LIBS) libstore.a

fuzz_tests += tests/fuzz/fuzz_http
fuzz_http = tests/fuzz/fuzz_http.c tests/fuzz/fuzz.h $(http_fake_store)
tests_fuzz_fuzz_http_SOURCES = $(fuzz_http) tests/fuzz/seeds_http.c \
	tests/fuzz/standalone.c
tests_fuzz_fuzz_http_LDADD = $(HTTP_LIBS) libstore.a

check_PROGRAMS += $(fuzz_tests)
TESTS += $(fuzz_tests)

if FUZZERS
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer

check_PROGRAMS += tests/fuzz/libfuzzer_text
tests_fuzz_libfuzzer_text_SOURCES = $(fuzz_text)
tests_fuzz_libfuzzer_text_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_text_LDADD = $(tests_fuzz_fuzz_text_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_json
tests_fuzz_libfuzzer_json_SOURCES = $(fuzz_json)
tests_fuzz_libfuzzer_json_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_json_LDADD = $(tests_fuzz_fuzz_json_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_codec
tests_fuzz_libfuzzer_codec_SOURCES = $(fuzz_codec)
tests_fuzz_libfuzzer_codec_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
tests_fuzz_libfuzzer_codec_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_codec_LDADD = $(tests_fuzz_fuzz_codec_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_elf_facts
tests_fuzz_libfuzzer_elf_facts_SOURCES = $(fuzz_elf_facts)
tests_fuzz_libfuzzer_elf_facts_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_elf_facts_LDADD = $(tests_fuzz_fuzz_elf_facts_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_dwarf_functions
tests_fuzz_libfuzzer_dwarf_functions_SOURCES = $(fuzz_dwarf_functions)
tests_fuzz_libfuzzer_dwarf_functions_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_dwarf_functions_LDADD = $(tests_fuzz_fuzz_dwarf_functions_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_dwarf_sections
tests_fuzz_libfuzzer_dwarf_sections_SOURCES = $(fuzz_dwarf_sections)
tests_fuzz_libfuzzer_dwarf_sections_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_dwarf_sections_LDADD = $(tests_fuzz_fuzz_dwarf_sections_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_any
tests_fuzz_libfuzzer_scanner_any_SOURCES = $(fuzz_scanner_any)
tests_fuzz_libfuzzer_scanner_any_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_scanner_any_LDADD = $(tests_fuzz_fuzz_scanner_any_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_archive
tests_fuzz_libfuzzer_scanner_archive_SOURCES = $(fuzz_scanner_archive)
tests_fuzz_libfuzzer_scanner_archive_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_scanner_archive_LDADD = $(tests_fuzz_fuzz_scanner_archive_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_deb
tests_fuzz_libfuzzer_scanner_deb_SOURCES = $(fuzz_scanner_deb)
tests_fuzz_libfuzzer_scanner_deb_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_scanner_deb_LDADD = $(tests_fuzz_fuzz_scanner_deb_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_kmod
tests_fuzz_libfuzzer_scanner_kmod_SOURCES = $(fuzz_scanner_kmod)
tests_fuzz_libfuzzer_scanner_kmod_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_scanner_kmod_LDADD = $(tests_fuzz_fuzz_scanner_kmod_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_rpm
tests_fuzz_libfuzzer_scanner_rpm_SOURCES = $(fuzz_scanner_rpm)
tests_fuzz_libfuzzer_scanner_rpm_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_scanner_rpm_LDADD = $(tests_fuzz_fuzz_scanner_rpm_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_scanner_tar
tests_fuzz_libfuzzer_scanner_tar_SOURCES = $(fuzz_scanner_tar)
tests_fuzz_libfuzzer_scanner_tar_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_scanner_tar_LDADD = $(tests_fuzz_fuzz_scanner_tar_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_debuginfod_db
tests_fuzz_libfuzzer_debuginfod_db_SOURCES = $(fuzz_debuginfod_db)
tests_fuzz_libfuzzer_debuginfod_db_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_fuzz_libfuzzer_debuginfod_db_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_debuginfod_db_LDADD = $(tests_fuzz_fuzz_debuginfod_db_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_symtab_build
tests_fuzz_libfuzzer_symtab_build_SOURCES = $(fuzz_symtab_build)
tests_fuzz_libfuzzer_symtab_build_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_symtab_build_LDADD = $(tests_fuzz_fuzz_symtab_build_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_symtab_table
tests_fuzz_libfuzzer_symtab_table_SOURCES = $(fuzz_symtab_table)
tests_fuzz_libfuzzer_symtab_table_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_symtab_table_LDADD = $(tests_fuzz_fuzz_symtab_table_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_demangle
tests_fuzz_libfuzzer_demangle_SOURCES = $(fuzz_demangle)
tests_fuzz_libfuzzer_demangle_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_demangle_LDADD = $(tests_fuzz_fuzz_demangle_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_worker_answers
tests_fuzz_libfuzzer_worker_answers_SOURCES = $(fuzz_worker_answers)
tests_fuzz_libfuzzer_worker_answers_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_worker_answers_LDADD = $(tests_fuzz_fuzz_worker_answers_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_metadata
tests_fuzz_libfuzzer_metadata_SOURCES = $(fuzz_metadata)
tests_fuzz_libfuzzer_metadata_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_metadata_LDADD = $(tests_fuzz_fuzz_metadata_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_upstream_list
tests_fuzz_libfuzzer_upstream_list_SOURCES = $(fuzz_upstream_list)
tests_fuzz_libfuzzer_upstream_list_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_upstream_list_LDADD = $(tests_fuzz_fuzz_upstream_list_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_upstream
tests_fuzz_libfuzzer_upstream_SOURCES = $(fuzz_upstream)
tests_fuzz_libfuzzer_upstream_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)
tests_fuzz_libfuzzer_upstream_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_upstream_LDADD = $(tests_fuzz_fuzz_upstream_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_kept
tests_fuzz_libfuzzer_kept_SOURCES = $(fuzz_kept)
tests_fuzz_libfuzzer_kept_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_kept_LDADD = $(tests_fuzz_fuzz_kept_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_wire
tests_fuzz_libfuzzer_wire_SOURCES = $(fuzz_wire)
tests_fuzz_libfuzzer_wire_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_wire_LDADD = $(tests_fuzz_fuzz_wire_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_headers
tests_fuzz_libfuzzer_headers_SOURCES = $(fuzz_headers)
tests_fuzz_libfuzzer_headers_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_headers_LDADD = $(tests_fuzz_fuzz_headers_LDADD)

check_PROGRAMS += tests/fuzz/libfuzzer_http
tests_fuzz_libfuzzer_http_SOURCES = $(fuzz_http)
tests_fuzz_libfuzzer_http_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_libfuzzer_http_LDADD = $(tests_fuzz_fuzz_http_LDADD)
endif
