#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first request for a member of a package, with nothing extracted yet:
# time to the last byte of GET /buildid/ID/debuginfo.
#
#   first-hit.sh [-w ours,peer] [-n REPEATS] [-r] CORPUS
#
# For each member: server started on its index with an empty artifact cache, hit,
# hit again, restart, hit once more. Medians of REPEATS (3) rounds.
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

who=peer,ours
repeats=3
report_only=
while getopts w:n:r option; do
	case $option in
	w) who=$OPTARG ;;
	n) repeats=$OPTARG ;;
	r) report_only=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
corpus=$(usable_corpus "${1:-}")
need readelf
work=$BENCH_WORK/first-hit
mkdir -p "$work"
# shellcheck source=tests/bench/archives.sh
. "$(dirname "$0")/archives.sh"

# label LABEL COMMAND...
label() {
	local line
	line=$("${@:2}")
	echo "$1 $line"
}

kernel=$(one_package 'linux-image-*-dbg')
if [ ! -s "$work/members" ]; then
	{
		label ceph largest_member ceph-osd-dbg
		label vmlinux largest_member "$kernel"
		label late late_member "$kernel"
		label late-java late_member openjdk-17-dbg
	} >"$work/members.new"
	mv "$work/members.new" "$work/members"
fi
link_packages "$work/debs" ceph-osd-dbg "$kernel" openjdk-17-dbg

start() {
	case $1 in
	peer)
		start_peer peer "$PORT_PEER" "$work/peer" -U "$work/debs"
		wait_peer peer "$PORT_PEER"
		;;
	ours)
		start_ours ours "$PORT_OURS" "$work/ours" "$work/debs"
		wait_ours ours "$PORT_OURS"
		;;
	esac
}

port() { [ "$1" = peer ] && echo "$PORT_PEER" || echo "$PORT_OURS"; }

# hit WHO ID BYTES: seconds to the last byte, CPU seconds the server spent
hit() {
	local out before after
	before=$(snapshot "$1" cpu_s)
	out=$(curl -s -o /dev/null --max-time 600 -w '%{time_total} %{http_code} %{size_download}' \
		"http://127.0.0.1:$(port "$1")/buildid/$2/debuginfo")
	after=$(snapshot "$1" cpu_s)
	[ "${out#* }" = "200 $3" ] || die "$1: $2: expected 200 $3, got ${out#* }"
	echo "${out%% *} $(awk -v a="$before" -v b="$after" 'BEGIN { printf "%.2f", b - a }')"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

measure() {
	local who=$1 round label id bytes _ kind figures
	rm -rf "${work:?}/$who" "$work/raw-$who"
	log "$who indexes"
	start "$who"
	stop_server "$who"
	for ((round = 1; round <= repeats; round++)); do
		while read -r label id bytes _; do
			# "Index only": no extracted file may survive from the round before.
			[ "$who" = ours ] && rm -rf "${work:?}/ours/cache"
			[ "$who" = peer ] && rm -rf "${work:?}/peer/tmp"
			start "$who"
			figures=$(hit "$who" "$id" "$bytes")
			echo "$label first $figures"
			figures=$(hit "$who" "$id" "$bytes")
			echo "$label second $figures"
			stop_server "$who"
			start "$who"
			figures=$(hit "$who" "$id" "$bytes")
			echo "$label restarted $figures"
			stop_server "$who"
		done <"$work/members" >>"$work/raw-$who"
		log "$who: round $round of $repeats"
	done
	{
		while read -r label _; do
			for kind in first second restarted; do
				echo "$label.$kind.s=$(awk -v l="$label" -v k="$kind" '$1 == l && $2 == k { print $3 }' "$work/raw-$who" | median)"
				echo "$label.$kind.cpu=$(awk -v l="$label" -v k="$kind" '$1 == l && $2 == k { print $4 }' "$work/raw-$who" | median)"
			done
		done <"$work/members"
	} >"$results/first-hit-$who"
}

if [ ! "$report_only" ]; then
	warm "$work/debs"
	for name in peer ours; do
		case ",$who," in *,"$name",*) ;; *) continue ;; esac
		if [ "$name" = ours ] && ! have_ours; then
			log "$SYMBOLIZED is not built: skipped"
			continue
		fi
		measure "$name"
	done
fi

o=$results/first-hit-ours p=$results/first-hit-peer
printf '%-10s %12s %-10s %9s %9s %9s %9s %8s\n' member bytes hit ours_s peer_s ours_cpu peer_cpu ratio
while read -r label _ bytes _; do
	for kind in first second restarted; do
		a=$(value "$o" "$label.$kind.s") b=$(value "$p" "$label.$kind.s")
		limit=
		if [ "$kind" = first ]; then
			case $label in
			late*) limit=0.1 ;;
			*) limit=0.5 ;;
			esac
		fi
		printf '%-10s %12s %-10s %9s %9s %9s %9s %8s%s\n' "$label" "$bytes" "$kind" "$a" "$b" \
			"$(value "$o" "$label.$kind.cpu")" "$(value "$p" "$label.$kind.cpu")" "$(ratio "$a" "$b")" \
			"${limit:+  (<= $limit) $(verdict "$(ratio "$a" "$b")" "$limit")}"
	done
done <"$work/members"
