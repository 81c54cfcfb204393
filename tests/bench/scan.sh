#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Indexing cost, ours beside the peer and beside pure decompression:
#
#   scan.sh [-k KINDS] [-w WHO] [-f] CORPUS
#
#   -k tree,debs,rpms      which parts of the corpus (all)
#   -w floor,peer,ours     whom to measure (all); figures of the others are taken
#                          from the results of an earlier run
#   -f                     measure floor and peer again although results exist
#   -r                     only print the table
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

kinds=tree,debs,rpms
who=floor,peer,ours
force=
report_only=
while getopts k:w:fr option; do
	case $option in
	k) kinds=$OPTARG ;;
	w) who=$OPTARG ;;
	f) force=1 ;;
	r) report_only=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
corpus=$(usable_corpus "${1:-}")
need_libraries liblzma-dev zlib1g-dev libzstd-dev
build_helper floor -llzma -lz -lzstd

has() { case ",$2," in *,"$1",*) return 0 ;; *) return 1 ;; esac; }
wanted() { [ "$force" ] || [ ! -s "$1" ]; }

scan_option() {
	case $1 in
	tree) echo -F ;;
	debs) echo -U ;;
	rpms) echo -R ;;
	esac
}

measure_floor() {
	local kind=$1
	[ "$kind" = tree ] && return 0
	wanted "$results/floor-$kind" || return 0
	log "floor of $kind"
	warm "$corpus/$kind"
	find "$corpus/$kind" -type f -print0 | xargs -0 "$BENCH_WORK/bin/floor" >"$results/floor-$kind.new"
	# With every core at it, largest file first: the least wall time, and what the
	# cores take from each other.
	local begin cpu
	begin=$(now)
	cpu=$(find "$corpus/$kind" -type f -printf '%s %p\n' | sort -rn | sed 's/^[0-9]* //' |
		xargs -d '\n' -n 1 -P "$(nproc)" "$BENCH_WORK/bin/floor" |
		awk -F = '/^cpu_s=/ { s += $2 } END { printf "%.3f", s }')
	printf 'wall_s=%s\nparallel_cpu_s=%s\n' "$(since "$begin")" "$cpu" >>"$results/floor-$kind.new"
	mv "$results/floor-$kind.new" "$results/floor-$kind"
	find "$corpus/$kind" -type f -print0 | xargs -0 "$BENCH_WORK/bin/floor" -b >"$results/blocks-$kind.tsv"
}

# peer_scan NAME KIND HOME: starts on whatever index HOME holds
peer_scan() {
	local name=$1 kind=$2 home=$3 begin
	begin=$(now)
	start_peer "$name" "$PORT_PEER" "$home" "$(scan_option "$kind")" "$corpus/$kind"
	wait_peer "$name" "$PORT_PEER"
	{
		echo "wall_s=$(awk -v a="$begin" -v b="$idle_at" 'BEGIN { printf "%.3f", b - a }')"
		"$meter" snap "${server_pid[$name]}"
		curl -sf "http://127.0.0.1:$PORT_PEER/metrics" |
			sed -n -E 's/^((found|scanned)_[a-z_]*)\{[^}]*\} /\1=/p'
	} >"$results/$name.new"
	stop_server "$name"
	# The peaks come from the meter above it.
	grep -E '^(peak_|maxrss)' "$results/$name.meter" >>"$results/$name.new"
	echo "index_bytes=$(du -cb "$home"/index.sqlite* | tail -n 1 | cut -f 1)" >>"$results/$name.new"
	mv "$results/$name.new" "$results/$name"
}

measure_peer() {
	local kind=$1 home=$BENCH_WORK/peer-$1
	wanted "$results/peer-$kind" || return 0
	log "peer scans $kind"
	warm "$corpus/$kind"
	rm -rf "$home"
	peer_scan "peer-$kind" "$kind" "$home"
	log "peer scans $kind again"
	peer_scan "peer-$kind-again" "$kind" "$home"
}

our_scan() {
	local name=$1 kind=$2 home=$3
	mkdir -p "$home/tmp"
	if ! HOME=$home TMPDIR=$home/tmp "$meter" run -o "$results/$name.new" "$SYMBOLIZED" scan \
		--state-dir "$home/state" --cache-dir "$home/cache" --workers 2 \
		"$corpus/$kind" >"$BENCH_WORK/$name.log" 2>&1; then
		tail -n 5 "$BENCH_WORK/$name.log" >&2
		die "symbolized scan failed on $kind"
	fi
	echo "index_bytes=$(du -sb "$home/state" | cut -f 1)" >>"$results/$name.new"
	echo "cache_bytes=$(du -sb "$home/cache" 2>/dev/null | cut -f 1)" >>"$results/$name.new"
	mv "$results/$name.new" "$results/$name"
}

measure_ours() {
	local kind=$1 home=$BENCH_WORK/ours-$1
	log "symbolized scans $kind"
	warm "$corpus/$kind"
	rm -rf "$home"
	mkdir -p "$home/state" "$home/cache"
	our_scan "ours-$kind" "$kind" "$home"
	log "symbolized scans $kind again"
	our_scan "ours-$kind-again" "$kind" "$home"
}

mib() { awk -v k="$1" 'BEGIN { if (k == "-") print k; else printf "%.0f", k / 1024 }'; }

row() { printf '%-5s %-12s %9s %9s %10s %10s %10s %11s\n' "$@"; }

figures() {
	local kind=$1 label=$2 file=$results/$3
	[ -s "$file" ] || return 0
	row "$kind" "$label" "$(value "$file" wall_s)" "$(value "$file" cpu_s)" \
		"$(mib "$(value "$file" peak_pss_kib)")" "$(mib "$(value "$file" peak_anon_kib)")" \
		"$(mib "$(value "$file" peak_rss_kib)")" "$(value "$file" index_bytes)"
}

# target KIND TEXT VALUE LIMIT
target() { printf '%-5s %-44s %8s  (<= %s) %s\n' "$1" "$2" "$3" "$4" "$(verdict "$3" "$4")"; }

report() {
	local kind o p f
	row kind who wall_s cpu_s pss_MiB anon_MiB rss_MiB index_B
	for kind in ${kinds//,/ }; do
		figures "$kind" floor "floor-$kind"
		figures "$kind" peer "peer-$kind"
		figures "$kind" peer-again "peer-$kind-again"
		figures "$kind" ours "ours-$kind"
		figures "$kind" ours-again "ours-$kind-again"
	done
	echo
	for kind in ${kinds//,/ }; do
		o=$results/ours-$kind p=$results/peer-$kind f=$results/floor-$kind
		if [ "$kind" = tree ]; then
			target tree "CPU, ours / peer" "$(ratio "$(value "$o" cpu_s)" "$(value "$p" cpu_s)")" 0.167
		else
			target "$kind" "wall, ours / peer" "$(ratio "$(value "$o" wall_s)" "$(value "$p" wall_s)")" 0.6
			target "$kind" "CPU, ours / decompression" "$(ratio "$(value "$o" cpu_s)" "$(value "$f" cpu_s)")" 1.15
		fi
		target "$kind" "peak memory (PSS), ours / peer" \
			"$(ratio "$(value "$o" peak_pss_kib)" "$(value "$p" peak_pss_kib)")" 0.2
		target "$kind" "second scan / first, CPU" \
			"$(ratio "$(value "$o-again" cpu_s)" "$(value "$o" cpu_s)")" 0.05
		target "$kind" "second scan / first, wall" \
			"$(ratio "$(value "$o-again" wall_s)" "$(value "$o" wall_s)")" 0.05
	done
}

if [ ! "$report_only" ]; then
	for kind in ${kinds//,/ }; do
		if has floor "$who"; then measure_floor "$kind"; fi
		if has peer "$who"; then measure_peer "$kind"; fi
		if has ours "$who"; then
			if have_ours; then measure_ours "$kind"; else log "$SYMBOLIZED is not built: skipped"; fi
		fi
	done
fi
report
