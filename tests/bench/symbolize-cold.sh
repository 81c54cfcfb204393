#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Cold answers: no table is there, the debug files lie on disk. 1 and 1000
# addresses over HTTP, each on a server with an empty cache, beside
# llvm-symbolizer, which is always cold. Wall time, median.
#
#   SYMBOLIZE_CORPUS=DIR symbolize-cold.sh [-n RUNS] [TARGET...]
set -euo pipefail
# shellcheck source=tests/bench/symbolize-lib.sh
. "$(dirname "$0")/symbolize-lib.sh"

runs=5
while getopts n: option; do
	case $option in
	n) runs=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || targets=("$@")

median() {
	sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# ours_cold NAME COUNT: seconds. Files that were answered partly are an error.
ours_cold() {
	rm -rf "${work:?}/home/cache"
	start_symbolizer "$work/home" "$pool"
	curl -s -o /dev/null "http://127.0.0.1:$PORT_OURS/healthz"
	sed -n "$turn,$((turn + $2 - 1))p" "$work/$1.offset" >"$work/$1.cold"
	"$symload" -b "$2" "$PORT_OURS" "${id_of[$1]}=$work/$1.cold" >"$work/load"
	stop_server ours
	[ "$(value "$work/load" failed)$(value "$work/load" pending)" = 00 ] ||
		die "$1: not answered"
	awk -v us="$(value "$work/load" max_us)" 'BEGIN { print us / 1e6 }'
}

# llvm_cold NAME COUNT
llvm_cold() {
	sed -n "$turn,$((turn + $2 - 1))p" "$work/$1.vaddr" >"$work/$1.llvm"
	fed "$work/$1.llvm" "$llvm_symbolizer" --inlines \
		--obj="${debug_of[$1]}" >/dev/null
	value "$work/meter" wall_s
}

rm -rf "${work:?}/home"
pool=$(pool)
printf '%-10s %10s %10s %10s %10s\n' "seconds" "1, ours" "1, llvm" \
	"1000, ours" "1000, llvm"
for name in "${targets[@]}"; do
	draw "$name" 100000
	warm "${exec_of[$name]}" "${debug_of[$name]}"
	file=$results/symbolize-cold-$name
	: >"$file"
	for count in 1 1000; do
		for who in ours llvm; do
			: >"$work/times"
			for ((turn = 1; turn <= runs; turn++)); do
				"${who}_cold" "$name" "$count" >>"$work/times"
			done
			echo "${who}_$count=$(median <"$work/times")" >>"$file"
		done
	done
	printf '%-10s %10s %10s %10s %10s\n' "$name" "$(value "$file" ours_1)" \
		"$(value "$file" llvm_1)" "$(value "$file" ours_1000)" \
		"$(value "$file" llvm_1000)"
done
echo
for name in "${targets[@]}"; do
	file=$results/symbolize-cold-$name
	case $name in
	libc) echo "libc, 1 address, at most 0.05 s:" \
		"$(verdict "$(value "$file" ours_1)" 0.05)" ;;
	vmlinux) echo "vmlinux, 1 address, at most 0.1 s:" \
		"$(verdict "$(value "$file" ours_1)" 0.1)" ;;
	esac
	r=$(ratio "$(value "$file" ours_1000)" "$(value "$file" llvm_1000)")
	echo "$name, 1000 addresses, $llvm_symbolizer's time: $r $(verdict "$r" 1)"
done
