unit_tests += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_base_LDADD = $(BASE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_json_read
tests_unit_test_json_read_SOURCES = tests/unit/test_json_read.c
tests_unit_test_json_read_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_json_read_LDADD = $(BASE_LIBS) $(CHECK_LIBS)

unit_tests += tests/unit/test_soak_answer
tests_unit_test_soak_answer_SOURCES = tests/unit/test_soak_answer.c \
	tests/lib/soak_answer.c tests/lib/soak_answer.h
tests_unit_test_soak_answer_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_soak_answer_LDADD = $(BASE_LIBS) $(CHECK_LIBS)
