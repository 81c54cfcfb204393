check_PROGRAMS += tests/lib/fake_upstream
tests_lib_fake_upstream_SOURCES = tests/lib/fake_upstream.c
