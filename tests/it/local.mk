# The whole program: scripts that print TAP. Each is by itself.
it_tests = \
	tests/it/debuginfod-clients.sh \
	tests/it/debuginfod-command.sh \
	tests/it/debuginfod-http.sh \
	tests/it/dwz.sh \
	tests/it/get-cache.sh \
	tests/it/get-http.sh \
	tests/it/get-overload.sh \
	tests/it/import-debuginfod.sh \
	tests/it/journey-clients.sh \
	tests/it/peer-command.sh \
	tests/it/peer-debuginfod.sh \
	tests/it/scan-bad-input.sh \
	tests/it/scan-command.sh \
	tests/it/scan-index.sh \
	tests/it/scan-kill.sh \
	tests/it/scan-share.sh \
	tests/it/scan-tar.sh \
	tests/it/serve-life.sh \
	tests/it/worker-kill.sh
TESTS += $(it_tests)
EXTRA_DIST += $(it_tests) tests/it/lib.sh tests/it/.shellcheckrc
