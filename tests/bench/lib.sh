# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the benchmark scripts: where things are, starting and stopping the
# servers under test, figures in key=value files. Sourced after "set -euo pipefail".

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/bench/need.sh
. "$here/need.sh"

# Overridable from the environment
: "${SYMBOLIZED:=$(cd "$here/../.." && pwd)/symbolized}"
: "${PEER:=debuginfod}"
: "${BENCH_WORK:=${TMPDIR:-/tmp}/symbolized-bench}"
: "${PORT_OURS:=18101}"
: "${PORT_PEER:=18102}"
: "${PORT_NGINX:=18103}"
# The metric that is 0 when the first scan of "serve" has ended
: "${SCAN_ACTIVE_METRIC:=symbolized_scan_active}"
: "${SCAN_TIMEOUT:=3600}"

# Nothing here may ever ask another server.
unset DEBUGINFOD_URLS http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

mkdir -p "$BENCH_WORK/bin"
results=${BENCH_RESULTS:-$BENCH_WORK/results}
mkdir -p "$results"

log() { echo "$(date +%T) $*" >&2; }
die() {
	log "error: $*"
	exit 1
}

build_helper() {
	local name=$1
	shift
	[ "$BENCH_WORK/bin/$name" -nt "$here/$name.c" ] ||
		"${CC:-cc}" -O2 -o "$BENCH_WORK/bin/$name" "$here/$name.c" "$@"
}

read -ra peer_tools <<<"${NEED_PEER-debuginfod bsdtar}"
need cc curl "${peer_tools[@]}"
build_helper meter
meter=$BENCH_WORK/bin/meter

# value FILE KEY: a figure, or "-" where it was not measured
value() {
	local v
	v=$(sed -n "s/^$2=//p" "$1" 2>/dev/null | tail -n 1)
	echo "${v:--}"
}

# ratio A B
ratio() {
	if [ "$1" = - ] || [ "$2" = - ]; then
		echo -
	else
		awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.3f", a / b; else print "-" }'
	fi
}

# verdict VALUE LIMIT
verdict() {
	if [ "$1" = - ]; then
		echo "not measured"
	else
		awk -v a="$1" -v b="$2" 'BEGIN { print (a <= b) ? "met" : "MISSED" }'
	fi
}

now() { echo "${EPOCHREALTIME/,/.}"; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }'; }

have_ours() { [ -x "$SYMBOLIZED" ]; }

# --- servers under test -------------------------------------------------------
# Each start function leaves the pid of the server in server_pid[NAME]; a meter
# runs above it, its pid in meter_pid[NAME], its report in $results/NAME.meter.

declare -A server_pid=() meter_pid=()

start_metered() {
	local name=$1 pidfile=$BENCH_WORK/$1.pid
	shift
	rm -f "$pidfile"
	"$meter" run -o "$results/$name.meter" -p "$pidfile" "$@" >"$BENCH_WORK/$name.log" 2>&1 </dev/null &
	meter_pid[$name]=$!
	local tries
	for tries in {1..100}; do
		[ -s "$pidfile" ] && break
		sleep 0.02
	done
	[ -s "$pidfile" ] || die "$name did not start (try $tries): $(tail -n 3 "$BENCH_WORK/$name.log")"
	server_pid[$name]=$(cat "$pidfile")
}

stop_server() {
	local name=$1 tries
	[ "${server_pid[$name]:-}" ] || return 0
	kill -TERM "${server_pid[$name]}" 2>/dev/null || true
	for tries in {1..300}; do
		kill -0 "${meter_pid[$name]}" 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 "${meter_pid[$name]}" 2>/dev/null; then
		log "$name does not stop on SIGTERM ($tries tries); SIGKILL"
		kill -KILL "${server_pid[$name]}" 2>/dev/null || true
	fi
	wait "${meter_pid[$name]}" 2>/dev/null || true
	unset "server_pid[$name]" "meter_pid[$name]"
}

stop_all() {
	local name
	for name in "${!server_pid[@]}"; do
		stop_server "$name"
	done
}
trap stop_all EXIT

# metric PORT NAME: value of one line of /metrics
metric() {
	curl -sf --max-time 120 "http://127.0.0.1:$1/metrics" 2>/dev/null |
		awk -v n="$2" '$1 == n { print $2; found = 1; exit } END { if (!found) print "-" }'
}

# start_peer NAME PORT HOME [OPTION|PATH...]: HOME is the scratch directory and holds the index
start_peer() {
	local name=$1 port=$2 home=$3
	shift 3
	mkdir -p "$home/tmp"
	start_metered "$name" env HOME="$home" TMPDIR="$home/tmp" XDG_CACHE_HOME="$home/cache" \
		"$PEER" -d "$home/index.sqlite" -p "$port" -t0 -g0 --fdcache-mintmp=0 "$@"
}

# Blocks until the peer's first traversal and all its scans have ended; when that
# was is left in idle_at.
# shellcheck disable=SC2034
wait_peer() {
	local name=$1 port=$2 stable=0 last='' state begin
	begin=$(now)
	while [ "$stable" -lt 3 ]; do
		kill -0 "${server_pid[$name]}" 2>/dev/null || die "$name ended: $(tail -n 3 "$BENCH_WORK/$name.log")"
		state=$(curl -sf --max-time 120 "http://127.0.0.1:$port/metrics" 2>/dev/null | awk '
			$1 == "thread_work_total{role=\"traverse\"}" { traversed = $2 }
			$1 == "thread_busy{role=\"traverse\"}" { busy += $2 }
			$1 == "thread_busy{role=\"scan\"}" { busy += $2 }
			$1 == "thread_busy{role=\"groom\"}" { busy += $2 }
			$1 == "thread_work_pending{role=\"scan\"}" { pending = $2 }
			$1 == "thread_work_total{role=\"scan\"}" { scanned = $2 }
			END { if (traversed >= 1 && !busy && !pending) print "idle", scanned + 0 }') || true
		if [ "$state" ] && [ "$state" = "$last" ]; then
			stable=$((stable + 1))
		else
			stable=0
			# The first poll that found it idle counts as the end.
			idle_at=$(now)
		fi
		last=$state
		awk -v a="$begin" -v b="$(now)" -v t="$SCAN_TIMEOUT" 'BEGIN { exit b - a < t }' &&
			die "$name: not done after $SCAN_TIMEOUT s"
		sleep 0.2
	done
}

# start_ours NAME PORT HOME [OPTION|PATH...]
start_ours() {
	local name=$1 port=$2 home=$3
	shift 3
	mkdir -p "$home/state" "$home/cache" "$home/tmp"
	start_metered "$name" env HOME="$home" TMPDIR="$home/tmp" "$SYMBOLIZED" serve \
		--listen "127.0.0.1:$port" --state-dir "$home/state" --cache-dir "$home/cache" \
		--rescan 0 "$@"
}

# shellcheck disable=SC2034
wait_ours() {
	local name=$1 port=$2 begin
	begin=$(now)
	until [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/readyz")" = 200 ] &&
		[ "$(metric "$port" "$SCAN_ACTIVE_METRIC")" = 0 ]; do
		kill -0 "${server_pid[$name]}" 2>/dev/null || die "$name ended: $(tail -n 3 "$BENCH_WORK/$name.log")"
		awk -v a="$begin" -v b="$(now)" -v t="$SCAN_TIMEOUT" 'BEGIN { exit b - a < t }' &&
			die "$name: not ready after $SCAN_TIMEOUT s"
		sleep 0.2
	done
	idle_at=$(now)
}

# snapshot NAME KEY: one figure of the running server's process tree
snapshot() { "$meter" snap "${server_pid[$1]}" | sed -n "s/^$2=//p"; }

# build_id FILE
build_id() {
	readelf -n "$1" 2>/dev/null | sed -n 's/^ *Build ID: //p' | head -n 1
}

# Reads files once so that both sides find them in the page cache.
warm() { find "$@" -type f -print0 | xargs -0 -r cat >/dev/null; }

# usable_corpus DIR
usable_corpus() {
	local part
	for part in debs tree rpms; do
		[ -d "${1:-}/$part" ] || die "${1:-}: not a corpus; corpus.sh makes one"
	done
	(cd "$1" && pwd)
}
