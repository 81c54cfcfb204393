# The lints, and what they read beyond what is built.
lint_tests = tests/lint/dist.sh tests/lint/format.sh tests/lint/layers.sh tests/lint/man.sh \
	tests/lint/requirements.sh tests/lint/shell.sh tests/lint/size.sh tests/lint/unit.sh
TESTS += $(lint_tests)
EXTRA_DIST += $(lint_tests) tests/lint/tap.sh tests/tsan.list \
	tests/REQUIREMENTS.md
