#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Building the whole table, beside llvm-gsymutil --convert: wall time, CPU, peak
# memory, size. With one thread in process, with two through the server, which
# gives a large file to several workers.
#
#   SYMBOLIZE_CORPUS=DIR symbolize-build.sh [-n RUNS] [TARGET...]
set -euo pipefail
# shellcheck source=tests/bench/symbolize-lib.sh
. "$(dirname "$0")/symbolize-lib.sh"

runs=3
while getopts n: option; do
	case $option in
	n) runs=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || targets=("$@")

# keep PREFIX: the figures of the run with the least CPU
keep() {
	local cpu
	cpu=$(value "$work/meter" cpu_s)
	if [ "$(value "$file" "$1_cpu")" = - ] ||
		awk -v a="$cpu" -v b="$(value "$file" "$1_cpu")" \
			'BEGIN { exit !(a < b) }'; then
		{
			echo "$1_cpu=$cpu"
			echo "$1_wall=$(value "$work/meter" wall_s)"
			echo "$1_kib=$(value "$work/meter" maxrss_kib)"
			echo "$1_bytes=$2"
		} >>"$file"
	fi
}

# two_workers NAME: by a server with two workers and an empty cache; leaves
# figures where the meter does
two_workers() {
	local began cpu
	rm -rf "${work:?}/home/cache"
	start_symbolizer "$work/home" --workers=2 "$pool"
	cpu=$(snapshot ours cpu_s)
	began=$(now)
	wait_table "$1"
	{
		echo "wall_s=$(since "$began")"
		"$meter" snap "${server_pid[ours]}" >"$work/snap"
		echo "cpu_s=$(awk -v a="$cpu" -v b="$(value "$work/snap" cpu_s)" \
			'BEGIN { printf "%.3f", b - a }')"
		echo "maxrss_kib=$(value "$work/snap" hwm_kib)"
	} >"$work/meter"
	stop_server ours
}

rm -rf "${work:?}/home"
pool=$(pool)
printf '%-22s %8s %8s %10s %10s\n' "" "wall s" "CPU s" "peak MiB" "size MB"
for name in "${targets[@]}"; do
	file=$results/symbolize-build-$name
	: >"$file"
	warm "${exec_of[$name]}" "${debug_of[$name]}"
	for ((i = 0; i < runs; i++)); do
		fed /dev/null "$sym_answer" \
			-d "${debug_of[$name]}" -x "${exec_of[$name]}" \
			-o "$work/table" >/dev/null
		keep ours1 "$(sed -n 's/^bytes=//p' "$work/said")"
		two_workers "$name"
		keep ours2 "$(value "$file" ours1_bytes)"
		for threads in 1 2; do
			fed /dev/null "$llvm_gsymutil" --convert "${debug_of[$name]}" \
				--out-file="$work/llvm.gsym" \
				--num-threads="$threads" >/dev/null
			keep "llvm$threads" "$(stat -c %s "$work/llvm.gsym")"
		done
	done
	for who in ours1 llvm1 ours2 llvm2; do
		printf '%-22s %8s %8s %10d %10.1f\n' "$name, $who" \
			"$(value "$file" "${who}_wall")" \
			"$(value "$file" "${who}_cpu")" \
			"$(($(value "$file" "${who}_kib") / 1024))" \
			"$(value "$file" "${who}_bytes" | awk '{ print $1 / 1e6 }')"
	done
done
echo
# claim WHAT KEY LIMIT
claim() {
	r=$(ratio "$(value "$file" "ours$2")" "$(value "$file" "llvm$2")")
	echo "$name, $1: $r (<= $3) $(verdict "$r" "$3")"
}
for name in "${targets[@]}"; do
	file=$results/symbolize-build-$name
	claim "wall, 1 thread" 1_wall 1
	claim "CPU, 1 thread" 1_cpu 1
	claim "wall, 2 threads" 2_wall 1
	claim "peak memory" 1_kib 0.333
	claim "size" 1_bytes 1.1
done
