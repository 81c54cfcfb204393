#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The systemd unit of contrib is well formed, is exposed to little, and keeps
# what workers need to close themselves in.
. "$(dirname "$0")/tap.sh"
unit=contrib/symbolized.service

analyze()
{
	systemd-analyze "$@" 2>&1
}

name="systemd-analyze security finds an exposure of 2.0 at most"
if ! analyze security --help | grep -q -e --offline; then
	tap_skip "$name" "no systemd-analyze that looks at files"
else
	level=$(analyze security --offline=yes "$unit" |
		sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
	tap_result "$name" "$(awk -v level="$level" 'BEGIN {
		if (level == "" || level > 2.0)
			print "it is \"" level "\""
	}')"
fi

name="systemd-analyze verify knows every word of it"
if ! command -v systemd-analyze >/dev/null; then
	tap_skip "$name" "no systemd-analyze"
else
	# The program and its manual need not be installed.
	tap_result "$name" "$(analyze verify "$unit" | grep -F "$unit:")"
fi

for call in seccomp landlock_create_ruleset landlock_restrict_self setpriority; do
	tap_result "workers may call $call" "$(
		grep -q "^SystemCallFilter=.*\b$call\b" "$unit" ||
			echo "no $call in SystemCallFilter")"
done
tap_done
