unit_tests += tests/unit/test_scan
tests_unit_test_scan_SOURCES = tests/unit/test_scan.c
tests_unit_test_scan_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_scan_LDADD = $(SCAN_LIBS) $(ELF_WRITER_LIBS) $(PKG_WRITER_LIBS) $(CHECK_LIBS)
# What scan and store share are the rules: both are linked.
unit_tests += tests/unit/test_scan_choice
tests_unit_test_scan_choice_SOURCES = tests/unit/test_scan_choice.c
tests_unit_test_scan_choice_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_scan_choice_LDADD = libscan.a $(STORE_LIBS) $(ELF_WRITER_LIBS) $(PKG_WRITER_LIBS) $(CHECK_LIBS)
unit_tests += tests/unit/test_scan_retry
tests_unit_test_scan_retry_SOURCES = tests/unit/test_scan_retry.c
tests_unit_test_scan_retry_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_scan_retry_LDADD = $(SCAN_LIBS) $(ELF_WRITER_LIBS) $(CHECK_LIBS)
unit_tests += tests/unit/test_scan_result
tests_unit_test_scan_result_SOURCES = tests/unit/test_scan_result.c
tests_unit_test_scan_result_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_scan_result_LDADD = $(SCAN_LIBS) $(CHECK_LIBS)
