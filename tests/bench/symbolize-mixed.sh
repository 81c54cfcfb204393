#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 64 clients: 32 ask about what is there, first alone, then beside 32 that ask
# about build IDs nobody has asked about. Latency of the first; and the memory of
# the server when all of them, at least 200 if the corpus has them, and a million
# addresses have been asked about.
#
#   SYMBOLIZE_CORPUS=DIR symbolize-mixed.sh [-t SECONDS] [COLD-DIR]
#
# COLD-DIR: unpacked packages for the cold half, .build-id/xx/*.debug; all of
# SYMBOLIZE_CORPUS if not said.
set -euo pipefail
# shellcheck source=tests/bench/symbolize-lib.sh
. "$(dirname "$0")/symbolize-lib.sh"

seconds=10
while getopts t: option; do
	case $option in
	t) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
cold_dir=${1:-$SYMBOLIZE_CORPUS}
table_disk=1G
table_memory=256M

warm_targets=()
for name in "${targets[@]}"; do
	case $name in libc | libpython | vmlinux)
		draw "$name" 100000
		warm_targets+=("${id_of[$name]}=$work/$name.offset")
		;;
	esac
done

# 5000 addresses of each debug file of no great size, as vaddr: theirs alone
cold=$work/cold
if [ ! -s "$cold/list" ]; then
	rm -rf "$cold"
	mkdir -p "$cold/pool"
	find -L "$cold_dir" -path '*/.build-id/*.debug' -size +30k -size -12M |
		sort -u | head -n 400 | while read -r file; do
		id=${file##*.build-id/}
		id=${id%.debug}
		id=${id/\//}
		"$sym_sample" -n 5000 "$file" 2>/dev/null | cut -d' ' -f1 \
			>"$cold/$id" || continue
		[ -s "$cold/$id" ] || continue
		cp -lL "$file" "$cold/pool/$id.debug" 2>/dev/null ||
			cp -L "$file" "$cold/pool/$id.debug"
		echo "$id=$cold/$id"
	done >"$cold/list"
fi
mapfile -t cold_targets <"$cold/list"

# ask_warm FILE: 32 clients, small batches, as an agent has them
ask_warm() {
	"$symload" -c 32 -b 1000 -t "$seconds" "$PORT_OURS" \
		"${warm_targets[@]}" >"$1"
}

rm -rf "${work:?}/home"
start_symbolizer "$work/home" --table-cache-size="$table_disk" \
	--table-memory="$table_memory" "$(pool)" "$cold/pool"
for name in "${targets[@]}"; do
	case $name in libc | libpython | vmlinux) wait_table "$name" ;; esac
done
"$symload" -n $((10 * ${#warm_targets[@]})) "$PORT_OURS" "${warm_targets[@]}" \
	>/dev/null
ask_warm "$work/alone"
log "beside ${#cold_targets[@]} cold build IDs"
"$symload" -c 32 -b 5000 -1 -k vaddr "$PORT_OURS" "${cold_targets[@]}" \
	>"$work/cold-load" &
cold_pid=$!
ask_warm "$work/beside"
still=no
! kill -0 "$cold_pid" 2>/dev/null || still=yes
wait "$cold_pid"
"$symload" -b 5000 -n $((1000000 / 5000 + 1)) -k vaddr "$PORT_OURS" \
	"${cold_targets[@]}" >"$work/million"
"$meter" snap "${server_pid[ours]}" >"$work/snap"
awk '/^(VmHWM|VmRSS|RssAnon|RssFile|RssShmem):/ { print $1 $2 }' \
	"/proc/${server_pid[ours]}/status" >"$work/memory"
stop_server ours

for key in requests p50_us p90_us p99_us max_us; do
	printf '%-34s %10s alone %10s beside\n' "warm, 1000 addresses: $key" \
		"$(value "$work/alone" "$key")" "$(value "$work/beside" "$key")"
done
echo "cold: $(value "$work/cold-load" requests) requests," \
	"$(value "$work/cold-load" failed) failed," \
	"$(value "$work/cold-load" pending) pending," \
	"$(value "$work/cold-load" seconds) s; still going at the end: $still"
echo "then $(value "$work/million" addresses) addresses over" \
	"${#cold_targets[@]} build IDs, $(value "$work/million" failed) failed," \
	"$(value "$work/million" pending) pending"
echo "memory of the server, KiB: $(tr '\n' ' ' <"$work/memory")(tables:" \
	"$table_memory mapped, $table_disk on disk)"
r=$(ratio "$(value "$work/beside" p99_us)" "$(value "$work/alone" p99_us)")
echo "warm p99 beside cold ones: $r (<= 3) $(verdict "$r" 3)"
echo "bounded: anonymous memory below 256 MiB:" \
	"$(verdict "$(sed -n 's/^RssAnon://p' "$work/memory")" 262144)"
