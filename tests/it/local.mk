# The whole program: scripts that print TAP. Each is by itself.
it_tests = \
	tests/it/clock-jumps.sh \
	tests/it/crash-kill.sh \
	tests/it/debuginfod-clients.sh \
	tests/it/debuginfod-command.sh \
	tests/it/debuginfod-corners.sh \
	tests/it/debuginfod-http.sh \
	tests/it/dwz.sh \
	tests/it/faults-scan.sh \
	tests/it/faults-serve.sh \
	tests/it/get-cache.sh \
	tests/it/get-http.sh \
	tests/it/get-overload.sh \
	tests/it/http-attack-flood.sh \
	tests/it/http-attack-long.sh \
	tests/it/http-attack-shapes.sh \
	tests/it/http-attack-slow.sh \
	tests/it/import-debuginfod.sh \
	tests/it/journey-clients.sh \
	tests/it/peer-command.sh \
	tests/it/peer-debuginfod.sh \
	tests/it/peer-metrics.sh \
	tests/it/peer-options.sh \
	tests/it/resolve-command.sh \
	tests/it/resolve-split.sh \
	tests/it/sandbox.sh \
	tests/it/scan-bad-input.sh \
	tests/it/scan-command.sh \
	tests/it/scan-index.sh \
	tests/it/scan-kill.sh \
	tests/it/scan-share.sh \
	tests/it/scan-tar.sh \
	tests/it/secrets.sh \
	tests/it/serve-life.sh \
	tests/it/soak.sh \
	tests/it/symbolize-diff.sh \
	tests/it/symbolize-hostile.sh \
	tests/it/symbolize-traps.sh \
	tests/it/symbolize-service.sh \
	tests/it/symbolize-split.sh \
	tests/it/symbolize-wire.sh \
	tests/it/symbolize-upstream.sh \
	tests/it/trust.sh \
	tests/it/upstream-chain.sh \
	tests/it/upstream-disk.sh \
	tests/it/upstream-fetch.sh \
	tests/it/upstream-health.sh \
	tests/it/upstream-many.sh \
	tests/it/upstream-metadata.sh \
	tests/it/upstream-relay.sh \
	tests/it/upstream-tls.sh \
	tests/it/user.sh \
	tests/it/worker-kill.sh
TESTS += $(it_tests)

# In earnest, which takes hours. They look at LONG_TESTS.
long_tests = tests/it/crash-kill.sh tests/it/faults-scan.sh tests/it/faults-serve.sh \
	tests/it/scan-kill.sh tests/it/soak.sh tests/it/http-attack-flood.sh \
	tests/it/http-attack-long.sh tests/it/upstream-relay.sh

check_PROGRAMS += tests/lib/soak_client
tests_lib_soak_client_SOURCES = tests/lib/soak_client.c \
	tests/lib/soak_answer.c tests/lib/soak_answer.h
tests_lib_soak_client_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)
tests_lib_soak_client_LDADD = $(CURL_LIBS)
EXTRA_DIST += $(it_tests) tests/it/lib.sh tests/it/lib_upstream.sh tests/it/lib_attack.sh \
	tests/it/.shellcheckrc

# What symbolizing is compared with others by.
EXTRA_DIST += tests/it/lib_faults.sh tests/it/lib_fixtures.sh tests/it/lib_oracle.sh
if HAVE_DW
check_PROGRAMS += tests/lib/sym_answer tests/lib/sym_sample tests/lib/sym_compare
tests_lib_sym_answer_SOURCES = tests/lib/sym_answer.c
tests_lib_sym_answer_LDADD = $(SYMBUILD_LIBS)
tests_lib_sym_sample_SOURCES = tests/lib/sym_sample.c tests/lib/sym_elf.c \
	tests/lib/sym_elf.h
tests_lib_sym_sample_CPPFLAGS = $(AM_CPPFLAGS) $(DW_CFLAGS)
tests_lib_sym_sample_LDADD = $(DW_LIBS)
tests_lib_sym_compare_SOURCES = tests/lib/sym_compare.c tests/lib/sym_elf.c \
	tests/lib/sym_elf.h
tests_lib_sym_compare_CPPFLAGS = $(AM_CPPFLAGS) $(DW_CFLAGS)
tests_lib_sym_compare_LDADD = $(DW_LIBS)
endif

# Faults on demand: what is preloaded, and what tells it.
check_PROGRAMS += tests/lib/fault.so tests/lib/faultctl
tests_lib_fault_so_SOURCES = tests/lib/fault.c tests/lib/fault.h
tests_lib_fault_so_CFLAGS = -std=gnu11 -Wall -Wextra -fPIC -fvisibility=hidden
tests_lib_fault_so_LDFLAGS = -shared
tests_lib_fault_so_LDADD = -ldl
tests_lib_faultctl_SOURCES = tests/lib/faultctl.c tests/lib/fault.h

# As systemd runs it.
check_PROGRAMS += tests/lib/under_filter
tests_lib_under_filter_SOURCES = tests/lib/under_filter.c
tests_lib_under_filter_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS)
tests_lib_under_filter_LDADD = $(SECCOMP_LIBS)
