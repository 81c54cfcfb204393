#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Slow extractions must not hold up anybody else: latency of /metrics, of a plain
# file and of a miss while N large members are extracted from N packages.
#
#   stall.sh [-w ours,peer] [-r] CORPUS
#
# The peer is measured with two web threads (the default of its newer releases on
# two cores) and with its own default.
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

who=peer,ours
report_only=
while getopts w:r option; do
	case $option in
	w) who=$OPTARG ;;
	r) report_only=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
corpus=$(usable_corpus "${1:-}")
need readelf
work=$BENCH_WORK/stall
mkdir -p "$work/set/plain"
# shellcheck source=tests/bench/archives.sh
. "$(dirname "$0")/archives.sh"

kernel=$(one_package 'linux-image-*-dbg')
packages=("$kernel" ceph-osd-dbg openjdk-17-dbg ceph-mon-dbg)
if [ ! -s "$work/members" ]; then
	for package in "${packages[@]}"; do
		largest_member "$package"
	done >"$work/members.new"
	mv "$work/members.new" "$work/members"
fi
link_packages "$work/set" "${packages[@]}"
plain=$work/set/plain/plain
cp -fL "$(find "$corpus/tree/coreutils" -type f -name true)" "$plain"
plain_id=$(build_id "$plain")

# probe FILE URL CODE: latencies, one a line, until $work/go is gone
probe() {
	local out
	: >"$1"
	while [ -e "$work/go" ]; do
		out=$(curl -s -o /dev/null --max-time 300 -w '%{time_total} %{http_code}' "$2")
		[ "${out#* }" = "$3" ] || echo "$2: ${out#* } instead of $3" >&2
		echo "${out%% *}" >>"$1"
		sleep 0.05
	done
}

# run_probes PREFIX PORT SLOW-COUNT
run_probes() {
	local prefix=$1 base=http://127.0.0.1:$2 slow=$3 id pids=() probes=()
	touch "$work/go"
	while read -r id _; do
		[ "${#pids[@]}" -lt "$slow" ] || break
		curl -s -o /dev/null --max-time 600 -w '%{time_total} %{http_code}\n' \
			"$base/buildid/$id/debuginfo" >>"$work/$prefix.slow" &
		pids+=($!)
		# Apart, so that each finds a web thread of its own.
		sleep 0.3
	done <"$work/members"
	probe "$work/$prefix.metrics" "$base/metrics" 200 &
	probes+=($!)
	probe "$work/$prefix.file" "$base/buildid/$plain_id/executable" 200 &
	probes+=($!)
	probe "$work/$prefix.miss" "$base/buildid/00000000000000000000000000000000deadbeef/debuginfo" 404 &
	probes+=($!)
	if [ "$slow" -eq 0 ]; then sleep 3; else wait "${pids[@]}"; fi
	rm -f "$work/go"
	wait "${probes[@]}"
}

quantile() { sort -n "$1" | awk -v q="$2" '{ v[NR] = $1 } END { i = int(NR * q + 0.999); print NR ? v[i < 1 ? 1 : i] : "-" }'; }

# measure NAME SERVER SLOW [PEER-OPTION...]
measure() {
	local name=$1 server=$2 slow=$3 port kind
	shift 3
	if [ "$server" = peer ]; then
		port=$PORT_PEER
		[ -e "$work/peer/index.sqlite" ] || {
			start_peer index "$port" "$work/peer" -F -U "$work/set"
			wait_peer index "$port"
			stop_server index
		}
		rm -rf "$work/peer/tmp"
		start_peer "$name" "$port" "$work/peer" -F -U "$@" "$work/set"
		wait_peer "$name" "$port"
	else
		port=$PORT_OURS
		[ -e "$work/ours/state" ] || {
			start_ours index "$port" "$work/ours" "$work/set"
			wait_ours index "$port"
			stop_server index
		}
		rm -rf "$work/ours/cache"
		start_ours "$name" "$port" "$work/ours" "$work/set"
		wait_ours "$name" "$port"
	fi
	rm -f "$work/$name".*
	run_probes "$name.idle" "$port" 0
	run_probes "$name" "$port" "$slow"
	stop_server "$name"
	{
		for kind in metrics file miss; do
			echo "$kind.idle=$(quantile "$work/$name.idle.$kind" 0.99)"
			echo "$kind.p50=$(quantile "$work/$name.$kind" 0.5)"
			echo "$kind.max=$(quantile "$work/$name.$kind" 1)"
			echo "$kind.count=$(wc -l <"$work/$name.$kind")"
		done
		echo "slow.max=$(cut -d ' ' -f 1 "$work/$name.slow" | sort -n | tail -n 1)"
		echo "slow.failed=$(grep -vc ' 200$' "$work/$name.slow" || true)"
	} >"$results/stall-$name"
}

if [ ! "$report_only" ]; then
	warm "$work/set"
	case ",$who," in *,peer,*)
		log "peer, two web threads, two extractions"
		measure peer-pool2-2 peer 2 --connection-pool=2
		log "peer, its default, two extractions"
		measure peer-2 peer 2
		log "peer, its default, four extractions"
		measure peer-4 peer 4
		;;
	esac
	case ",$who," in *,ours,*)
		if have_ours; then
			rm -rf "${work:?}/ours"
			log "ours, two extractions"
			measure ours-2 ours 2
			log "ours, four extractions"
			measure ours-4 ours 4
		else
			log "$SYMBOLIZED is not built: skipped"
		fi
		;;
	esac
fi

printf '%-14s %-9s %10s %10s %10s %8s %12s\n' server probe idle_p99_s p50_s max_s probes slowest_s
for name in ours-2 ours-4 peer-pool2-2 peer-2 peer-4; do
	file=$results/stall-$name
	[ -s "$file" ] || continue
	for kind in metrics file miss; do
		printf '%-14s %-9s %10s %10s %10s %8s %12s\n' "$name" "$kind" "$(value "$file" "$kind.idle")" \
			"$(value "$file" "$kind.p50")" "$(value "$file" "$kind.max")" "$(value "$file" "$kind.count")" \
			"$(value "$file" slow.max)"
	done
	failed=$(value "$file" slow.failed)
	[ "$failed" = 0 ] || echo "$name: $failed extractions failed"
done
