# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For the tests of the server under attack: what it costs, and what those notice
# who ask as they should. Sourced behind lib.sh.
# shellcheck disable=SC2154,SC2034

attack=$top_builddir/tests/lib/http_attack

# Memory that sanitizers keep back, KiB
kept=0
! grep -qE '__[at]san_init' "$SYMBOLIZED" || kept=800000

# rss: memory of the server in KiB; descriptors: how many it has
rss() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status"
}

descriptors() {
	find "/proc/$pid/fd" -maxdepth 1 -mindepth 1 2>/dev/null | wc -l
}

connections() {
	metric symbolized_http_connections
}

# reached LIMIT
reached() {
	metric "symbolized_limits_reached_total{limit=\"$1\"}"
}

# field NAME FILE: a figure of http_attack; of_status CODE FILE
field() {
	awk -v name="$1" '$1 == name { print $2 }' "$2"
}

of_status() {
	awk -v code="$1" '$1 == "status" && $2 == code { n = $3 } END { print n + 0 }' "$2"
}

# asked_politely SECONDS FILE PATH: one who asks for PATH again and again
asked_politely() {
	"$attack" probe=1 seconds="$1" pause=10 "$port" "$3" >"$2"
}

# begin_attack NAME OPTIONS... : of http_attack, in the background, with the
# request in $tmp/NAME. Its figures are in $tmp/NAME.out when it has ended.
declare -A attacker=()
begin_attack() {
	local name=$1
	shift
	"$attack" "$@" "$port" "$tmp/$name" >"$tmp/$name.out" 2>"$tmp/$name.err" &
	attacker[$name]=$!
}

end_attack() {
	kill -TERM "${attacker[$1]}" 2>/dev/null
	wait "${attacker[$1]}"
	unset "attacker[$1]"
	diag "$1: $(tr '\n' ' ' <"$tmp/$1.out")"
}

# meet COMMAND: until as many connections are there; and gone
has_connections() {
	[ "$(connections)" -ge "$1" ]
}

is_alone() {
	[ "$(connections)" -le 1 ]
}

# patience NAME BEFORE DURING: both of http_attack probe=1. All were answered, and
# the usual wait is no more than 25 times as long. Of what takes less than 2 ms it
# is of these: other programs run here, too.
patience() {
	local before during
	diag "$1: before: $(tr '\n' ' ' <"$2")"
	diag "$1: during: $(tr '\n' ' ' <"$3")"
	is "$1: all polite requests are answered" \
		"$(field good "$3")" "$(field asked "$3")"
	at_least "$1: some are" "$(field asked "$3")" 3
	before=$(field median "$2")
	during=$(field median "$3")
	[ "${before:-0}" -ge 2000 ] || before=2000
	at_most "$1: in not much more time, us" "$during" $((25 * before))
}

# Nothing is left of an attack: connections, descriptors, held memory
nothing_left() {
	ok "$1: its connections are gone" wait_until is_alone
	at_most "$1: its descriptors are gone" "$(descriptors)" $(($2 + 8))
	is "$1: its memory is given back" "$(metric symbolized_http_held_bytes)" 0
}
