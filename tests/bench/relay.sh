#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a server in front of another one costs: a large file that it has not, asked
# of the upstream server itself, through ours and through the peer.
#
#   relay.sh [-m MIB] [-n RUNS] [-s MB]
#
#   -s   the upstream server sends so many MB a second, as one on a network does
#        (1250: 10 Gbit/s); else all three share the memory and cores of this
#        machine
#
# Each run has a build ID of its own, so that nothing is kept from before, and
# asks all three, one after the other. Told is the best of each. Wanted: ours has
# 0.8 of the direct rate, and its first byte at most 10 ms after the direct one.
set -euo pipefail
NEED_PEER=debuginfod
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

mib=200
runs=5
slow=
while getopts m:n:s: option; do
	case $option in
	m) mib=$OPTARG ;;
	n) runs=$OPTARG ;;
	s) slow="* slow=$((OPTARG * 10000))" ;;
	*) exit 2 ;;
	esac
done
need curl objcopy openssl
fake=$(dirname "$SYMBOLIZED")/tests/lib/fake_upstream
[ -x "$fake" ] || die "no $fake: make check builds it"
work=$(mktemp -d "$BENCH_WORK/relay.XXXXXX")
pids=()
end() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	wait
	rm -rf "$work"
}
trap end EXIT

# answers URL
answers() {
	for _ in {1..200}; do
		curl -s -o /dev/null "$1" && return 0
		sleep 0.1
	done
	die "no answer from $1"
}

log "making $runs files of $mib MiB"
openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null |
	head -c "${mib}M" >"$work/ballast" || :
echo 'int main(void) { return 0; }' >"$work/a.c"
for ((i = 1; i <= runs; i++)); do
	id=$(printf '%040x' $((0xabc000 + i)))
	dir=$work/up/files/buildid/$id
	mkdir -p "$dir"
	"${CC:-cc}" -g -o "$work/a" "$work/a.c" -Wl,--build-id=0x"$id"
	objcopy --add-section .ballast="$work/ballast" "$work/a" "$dir/debuginfo"
done
echo "$slow" >"$work/up/rules"
mkdir "$work/empty"
"$fake" "$work/up" >"$work/port" &
pids+=($!)
for _ in {1..100}; do
	[ -s "$work/port" ] && break
	sleep 0.05
done
up=http://127.0.0.1:$(cat "$work/port")
"$SYMBOLIZED" serve --listen "127.0.0.1:$PORT_OURS" --state-dir "$work/state" \
	--cache-dir "$work/cache" --upstream "$up" "$work/empty" 2>"$work/ours.log" &
pids+=($!)
mkdir "$work/home"
DEBUGINFOD_URLS=$up HOME=$work/home DEBUGINFOD_CACHE_PATH=$work/home \
	"$PEER" -d "$work/peer.sqlite" -p "$PORT_PEER" -F "$work/empty" >"$work/peer.log" 2>&1 &
pids+=($!)
answers "http://127.0.0.1:$PORT_OURS/metrics"
answers "http://127.0.0.1:$PORT_PEER/metrics"

declare -A url=([direct]=$up [ours]=http://127.0.0.1:$PORT_OURS [peer]=http://127.0.0.1:$PORT_PEER)
for ((i = 1; i <= runs; i++)); do
	id=$(printf '%040x' $((0xabc000 + i)))
	for who in direct ours peer; do
		curl -sf -m 600 -o /dev/null -w '%{time_starttransfer} %{time_total}\n' \
			"${url[$who]}/buildid/$id/debuginfo" >>"$work/$who.times"
	done
done
# best WHO COLUMN: seconds
best() {
	awk -v c="$2" 'NR == 1 || $c < min { min = $c } END { print min }' "$work/$1.times"
}
printf '%-8s %12s %10s %14s\n' "" "first byte" "MiB/s" "of direct rate"
for who in direct ours peer; do
	awk -v who="$who" -v first="$(best "$who" 1)" -v total="$(best "$who" 2)" \
		-v direct="$(best direct 2)" -v mib="$mib" 'BEGIN {
		printf "%-8s %9.1f ms %10.0f %14.2f\n", who, 1000 * first, mib / total, direct / total }'
done | tee "$results/relay.table"
