#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Warm lookups: batches of distinct random addresses over HTTP on loopback in
# every form, and CPU of the server an address beside llvm-symbolizer's; and the
# lookup alone.
#
#   SYMBOLIZE_CORPUS=DIR symbolize-warm.sh [-n REQUESTS] [TARGET...]
set -euo pipefail
# shellcheck source=tests/bench/symbolize-lib.sh
. "$(dirname "$0")/symbolize-lib.sh"

requests=40
while getopts n: option; do
	case $option in
	n) requests=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || targets=("$@")
batches=10

# ours_us NAME FORM: of CPU an address
ours_us() {
	local before
	"$symload" -f "$2" -n "$batches" "$PORT_OURS" \
		"${id_of[$1]}=$work/$1.offset" >"$work/load"
	before=$(server_cpu)
	"$symload" -f "$2" -n "$requests" "$PORT_OURS" \
		"${id_of[$1]}=$work/$1.offset" >"$work/load"
	[ "$(value "$work/load" failed)" = 0 ] || die "$1, $2: requests failed"
	awk -v a="$before" -v b="$(server_cpu)" -v n="$(value "$work/load" addresses)" \
		'BEGIN { printf "%.3f", (b - a) / n * 1e6 }'
}

# lookup_ns NAME: sorted batches, in process
lookup_ns() {
	[ -e "$work/$1.table" ] || "$sym_answer" -d "${debug_of[$1]}" \
		-x "${exec_of[$1]}" -o "$work/$1.table" </dev/null >/dev/null 2>&1
	head -n 10000 "$work/$1.vaddr" | "$sym_answer" -i "$work/$1.table" -t 200 \
		2>/dev/null >"$work/lookup"
	value "$work/lookup" ns_per_address
}

rm -rf "${work:?}/home" "$work"/*.table
start_symbolizer "$work/home" "$(pool)"
for name in "${targets[@]}"; do
	draw "$name" $((batches * 10000))
	log "$name"
	: >"$results/symbolize-warm-$name"
	wait_table "$name"
	for form in json proto text records; do
		echo "$form=$(ours_us "$name" "$form")"
		echo "${form}_bytes=$(($(value "$work/load" bytes) / $(value "$work/load" addresses)))"
		echo "${form}_p50_us=$(value "$work/load" p50_us)"
	done >>"$results/symbolize-warm-$name"
	{
		echo "llvm=$(llvm_us "$name")"
		echo "lookup_ns=$(lookup_ns "$name")"
		echo "frames=$(value "$work/lookup" frames_per_address)"
	} >>"$results/symbolize-warm-$name"
done
stop_server ours

printf '%-10s %8s %8s %8s %8s %8s %9s %8s %7s\n' "us/address" json proto text \
	records llvm llvm/json "lookup ns" frames
for name in "${targets[@]}"; do
	file=$results/symbolize-warm-$name
	printf '%-10s %8s %8s %8s %8s %8s %9s %8s %7s\n' "$name" \
		"$(value "$file" json)" "$(value "$file" proto)" \
		"$(value "$file" text)" "$(value "$file" records)" \
		"$(value "$file" llvm)" \
		"$(ratio "$(value "$file" llvm)" "$(value "$file" json)")" \
		"$(value "$file" lookup_ns)" "$(value "$file" frames)"
done
echo
for name in "${targets[@]}"; do
	file=$results/symbolize-warm-$name
	if [ "$name" != libpython ]; then
		r=$(ratio "$(value "$file" json)" "$(value "$file" llvm)")
		echo "$name, JSON: 1/10 of $llvm_symbolizer's CPU:" \
			"$r $(verdict "$r" 0.1)"
	fi
	for form in proto text records; do
		r=$(ratio "$(value "$file" "$form")" "$(value "$file" json)")
		echo "$name, $form: no slower than JSON, but for noise: $r $(verdict "$r" 1.1)"
	done
	case $name in
	libc) limit=150 ;;
	vmlinux) limit=300 ;;
	*) continue ;;
	esac
	echo "$name, lookup in sorted batches, at most $limit ns:" \
		"$(verdict "$(value "$file" lookup_ns)" "$limit")"
done
