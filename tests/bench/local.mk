# Run by hand, see README.md; the two programs are compiled by lib.sh.
EXTRA_DIST += \
	tests/bench/README.md \
	tests/bench/archives.sh \
	tests/bench/corpus.list \
	tests/bench/corpus.sh \
	tests/bench/first-hit.sh \
	tests/bench/floor.c \
	tests/bench/get.sh \
	tests/bench/hang.sh \
	tests/bench/lib.sh \
	tests/bench/meter.c \
	tests/bench/need.sh \
	tests/bench/relay.sh \
	tests/bench/scan.sh \
	tests/bench/stall.sh \
	tests/bench/symbolize-build.sh \
	tests/bench/symbolize-cold.sh \
	tests/bench/symbolize-lib.sh \
	tests/bench/symbolize-mixed.sh \
	tests/bench/symbolize-warm.sh \
	tests/bench/symload.c \
	tests/bench/symtab_lookup.c
