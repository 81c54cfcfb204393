# The whole program: scripts that print TAP. Each is by itself.
it_tests = \
	tests/it/journey-clients.sh
TESTS += $(it_tests)
EXTRA_DIST += $(it_tests) tests/it/lib.sh tests/it/.shellcheckrc
