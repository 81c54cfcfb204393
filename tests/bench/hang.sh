#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One of two upstream servers hangs: takes requests and answers none. What of it do
# those notice who ask for files that are here, and those who ask for others?
#
#   hang.sh [-n ROUNDS] [-s SECONDS]
#
# A round asks for a small local file again and again, beside ten requests a second
# for files that only upstream servers have, none of them twice: for so many seconds
# with two servers that are well, as many with the first one hung. Each upstream
# answer takes 20 ms. Told is the median of the rounds. Wanted: the 99th percentile
# of local answers within 1.2 of what it is with both well; the slowest remote one
# within the hedge delay and what the slowest takes with both well.
set -euo pipefail
NEED_PEER=
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=5
seconds=6
while getopts n:s: option; do
	case $option in
	n) rounds=$OPTARG ;;
	s) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
own_ms=20
hedge_ms=500
need curl readelf
tools=$(dirname "$SYMBOLIZED")/tests/lib
for tool in fake_upstream http_attack numbered; do
	[ -x "$tools/$tool" ] || die "no $tools/$tool: make check builds it"
done
work=$(mktemp -d "$BENCH_WORK/hang.XXXXXX")
pids=()
end() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	wait
	rm -rf "$work"
}
trap end EXIT

# ---- Files: one here, one for each request at both servers -----------------------

count=$((rounds * 2 * (seconds + 1) * 10))
echo 'int main(void) { return 0; }' >"$work/a.c"
mkdir "$work/tree" "$work/files" "$work/numbered"
"${CC:-cc}" -g -o "$work/tree/here" "$work/a.c" -Wl,--build-id
here_id=$(readelf -nW "$work/tree/here" | sed -n 's/.*Build ID: //p')
"${CC:-cc}" -g -o "$work/a" "$work/a.c" \
	-Wl,--build-id=0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a00000000
at=$(LC_ALL=C grep -abo ZZZZZZZZZZZZZZZZ "$work/a" | head -n 1)
"$tools/numbered" "$work/a" $((${at%%:*} + 16)) 0 "$count" "$work/numbered/"
# remote NUMBER: its build ID
remote() { printf '5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a0000%04x' "$1"; }
for ((i = 1; i <= count; i++)); do
	mkdir -p "$work/files/buildid/$(remote "$i")"
	mv "$work/numbered/$i" "$work/files/buildid/$(remote "$i")/debuginfo"
done

# ---- Servers ---------------------------------------------------------------------

# set_rule SERVER WORD...
set_rule() {
	echo "* ${*:2}" >"$work/$1/rules.new"
	mv "$work/$1/rules.new" "$work/$1/rules"
}
for server in first second; do
	mkdir "$work/$server"
	ln -s "$work/files" "$work/$server/files"
	set_rule "$server" delay=$own_ms
	"$tools/fake_upstream" "$work/$server" >"$work/$server.port" &
	pids+=($!)
done
for server in first second; do
	for _ in {1..100}; do
		[ -s "$work/$server.port" ] && break
		sleep 0.05
	done
done
url=http://127.0.0.1:$PORT_OURS

# Anew for each half of a round: what it thinks of a server is forgotten, too.
begin_ours() {
	rm -rf "$work/cache"
	"$SYMBOLIZED" serve --listen "127.0.0.1:$PORT_OURS" --state-dir "$work/state" \
		--cache-dir "$work/cache" --upstream "http://127.0.0.1:$(cat "$work/first.port")" \
		--upstream "http://127.0.0.1:$(cat "$work/second.port")" "$work/tree" \
		2>"$work/ours.log" &
	ours=$!
	pids+=("$ours")
	for _ in {1..200}; do
		curl -sf -o /dev/null "$url/buildid/$here_id/debuginfo" && return 0
		sleep 0.05
	done
	die "no answer: $(tail -n 3 "$work/ours.log")"
}
end_ours() {
	kill "$ours"
	wait "$ours" || :
}

# ---- Measuring -------------------------------------------------------------------

number=0
# ask_remote FILE: ten a second, for as long as local ones are asked for
ask_remote() {
	local i clients=()
	for ((i = 0; i < seconds * 10; i++)); do
		number=$((number + 1))
		curl -s -m 60 -o /dev/null -w '%{http_code} %{time_total}\n' \
			"$url/buildid/$(remote $number)/debuginfo" >>"$1" &
		clients+=($!)
		sleep 0.1
	done
	wait "${clients[@]}"
}

# half NAME
half() {
	begin_ours
	"$tools/http_attack" probe=1 seconds="$seconds" pause=1 "$PORT_OURS" \
		"/buildid/$here_id/debuginfo" >"$work/$1.local" &
	local probe=$!
	ask_remote "$work/$1.remote"
	wait "$probe"
	end_ours
	awk '$1 == "asked" { n = $2 } $1 == "good" && $2 != n { exit 1 }' "$work/$1.local" ||
		die "$1: a local file was not answered"
	awk '$1 == "median" { print $2 }' "$work/$1.local" >>"$work/$1.medians"
	awk '$1 == "rare" { print $2 }' "$work/$1.local" >>"$work/$1.rares"
}

for ((round = 1; round <= rounds; round++)); do
	log "round $round of $rounds"
	set_rule first delay=$own_ms
	half well
	set_rule first hang
	half hung
done

# quantile FILE Q: of numbers, one a line
quantile() {
	sort -g "$1" | awk -v q="$2" '{ v[NR] = $1 }
		END { i = int(NR * q + 0.999); print v[i < 1 ? 1 : i] }'
}
failed=$(cat "$work"/*.remote | grep -vc '^200 ' || :)
for name in well hung; do
	awk '{ print 1000 * $2 }' "$work/$name.remote" >"$work/$name.ms"
done
{
	printf '%-12s %12s %12s %14s %12s %12s\n' "" local_p50_us local_p99_us \
		remote_p50_ms remote_p99 remote_max
	for name in well hung; do
		printf '%-12s %12s %12s %14s %12s %12s\n' "$name" \
			"$(quantile "$work/$name.medians" 0.5)" "$(quantile "$work/$name.rares" 0.5)" \
			"$(quantile "$work/$name.ms" 0.5)" "$(quantile "$work/$name.ms" 0.99)" \
			"$(quantile "$work/$name.ms" 1)"
	done
	worse=$(ratio "$(quantile "$work/hung.rares" 0.5)" "$(quantile "$work/well.rares" 0.5)")
	echo "local p99, hung to well: $worse (1.2: $(verdict "$worse" 1.2))"
	most=$(awk -v h=$hedge_ms -v w="$(quantile "$work/well.ms" 1)" 'BEGIN { print h + w }')
	slowest=$(ratio "$(quantile "$work/hung.ms" 1)" "$most")
	echo "remote, slowest, to the hedge delay and the slowest with both well: $slowest" \
		"(1: $(verdict "$slowest" 1))"
	echo "remote, that waited for the first server: $(awk -v h=$hedge_ms '$1 > h' "$work/hung.ms" | wc -l)" \
		"of $(wc -l <"$work/hung.ms")"
	echo "remote requests: $(cat "$work"/*.remote | wc -l), not answered 200: $failed"
} | tee "$results/hang.table"
[ "$failed" = 0 ]
