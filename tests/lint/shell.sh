#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every script is clean by ShellCheck.
. "$(dirname "$0")/tap.sh"

command -v shellcheck >/dev/null || tap_skip_all "no shellcheck"

while read -r script; do
	tap_result "$script" "$(shellcheck --severity=info --external-sources \
		--source-path=SCRIPTDIR --format=gcc "$script")"
done < <(shell_scripts)
tap_done
