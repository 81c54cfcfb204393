# The lints, and what they read beyond what is built.
TESTS += tests/lint/layers.sh tests/lint/man.sh tests/lint/shell.sh
EXTRA_DIST += tests/tsan.list tests/lint/layers.sh tests/lint/size.sh tests/lint/shell.sh \
	tests/lint/format.sh tests/lint/man.sh tests/lint/tap.sh
