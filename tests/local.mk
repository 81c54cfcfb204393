noinst_HEADERS += tests/unit/unit.h

if HAVE_CHECK
unit_tests =
include tests/unit/base.mk
include tests/unit/codec.mk
include tests/unit/elf.mk
include tests/unit/scanners.mk
include tests/unit/symtab.mk
include tests/unit/index.mk
include tests/unit/worker.mk
include tests/unit/upstream.mk
include tests/unit/store.mk
include tests/unit/symbolize.mk
include tests/unit/scan.mk
include tests/unit/http.mk
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
include tests/fuzz/local.mk
include tests/it/local.mk
else
check-local:
	@echo "make check needs the library 'check' (Debian: check, Fedora: check-devel)" >&2; exit 1
endif
include tests/bench/local.mk
include tests/lint/local.mk
