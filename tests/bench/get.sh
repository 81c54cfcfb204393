#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a warm GET costs: ours, the peer, nginx with the same bytes as static files.
#
#   get.sh [-w WHO] [-s SECONDS] CORPUS
#
#   -w ours,peer,nginx   whom to measure (all); others keep their earlier results
#   -s SECONDS           length of each wrk run (4)
#   -r                   only print the table
#
# Ours and the peer index the whole tree first; memory is read after 64 clients of
# that process, and again, with all the rest, after a restart on the finished index.
# CPU is the server's process tree, not the client's.
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"

who=ours,peer,nginx
duration=4
report_only=
while getopts w:s:r option; do
	case $option in
	w) who=$OPTARG ;;
	s) duration=$OPTARG ;;
	r) report_only=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
corpus=$(usable_corpus "${1:-}")
need wrk nginx readelf
connections=64
large_count=${LARGE_COUNT:-40}
work=$BENCH_WORK/get
mkdir -p "$work"

# closest SIZE FIND-EXPRESSION...: the ELF file with a build ID nearest to SIZE
closest() {
	local size=$1 path
	shift
	while read -r _ path; do
		if [ "$(head -c 4 "$path" | tail -c 3)" = ELF ] && [ "$(build_id "$path")" ] &&
			readelf -SW "$path" 2>/dev/null | grep -q ' \.text  *PROGBITS'; then
			echo "$path"
			return 0
		fi
	done < <(find "$corpus/tree" -type f -links 1 "$@" -printf '%s %p\n' |
		awk -v s="$size" '{ d = $1 - s; $1 = d < 0 ? -d : d; print }' | sort -n | sed -n 1,400p)
	return 1
}

if [ ! -s "$work/files" ]; then
	small=$(closest 16384 -size -64k -not -path '*/debug/*')
	large=$(closest 150000000 -size +60M -not -path '*/debug/*')
	printf '%s\n' "$small" "$large" >"$work/files"
fi
{
	read -r small
	read -r large
} <"$work/files"
small_id=$(build_id "$small")
large_id=$(build_id "$large")
large_bytes=$(stat -c %s "$large")
log "small: $(stat -c %s "$small") bytes, $small_id; large: $large_bytes bytes, $large_id"

cat >"$work/distinct.lua" <<'LUA'
local threads = 0
function setup(thread)
	thread:set("id", threads)
	threads = threads + 1
end
function init(args)
	n = 0
	salt = tonumber(args[1] or "0")
end
function request()
	n = n + 1
	return wrk.format("GET", string.format("/buildid/%08x%08x%024x/debuginfo", salt, id, n))
end
LUA
unknown=/buildid/00000000000000000000000000000000deadbeef/debuginfo

# run_wrk NAME PORT KEY CODE PATH [WRK-OPTION...]: KEY_us and KEY_rps into the results
run_wrk() {
	local name=$1 port=$2 key=$3 code=$4 path=$5 before after out requests bad
	shift 5
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port$path")" = "$code" ] ||
		die "$name answers $path otherwise than with $code"
	wrk -t2 -c"$connections" -d1s "$@" "http://127.0.0.1:$port$path" ${lua_args[@]+"${lua_args[@]}"} >/dev/null
	before=$(snapshot "$name" cpu_s)
	out=$(wrk -t2 -c"$connections" -d"${duration}s" "$@" "http://127.0.0.1:$port$path" \
		${lua_args[@]+"${lua_args[@]}"})
	after=$(snapshot "$name" cpu_s)
	requests=$(awk '/requests in/ { print $1 }' <<<"$out")
	bad=$(awk '/Non-2xx/ { print $NF }' <<<"$out")
	[ "$code" = 200 ] && [ "${bad:-0}" != 0 ] && die "$name: $bad answers of $requests were errors: $path"
	[ "$code" = 404 ] && [ "${bad:-0}" != "$requests" ] && log "$name: $bad of $requests were errors: $path"
	{
		echo "${key}_us=$(awk -v a="$before" -v b="$after" -v n="$requests" 'BEGIN { printf "%.2f", (b - a) * 1e6 / n }')"
		echo "${key}_rps=$(awk '/Requests\/sec/ { print $2 }' <<<"$out")"
		echo "${key}_socket_errors=$(awk '/Socket errors/ { print $4 + $6 + $8 + $10 }' <<<"$out")"
	} >>"$results/get-$name.new"
}

run_large() {
	local name=$1 port=$2 path=$3 before after begin i
	{
		for ((i = 0; i < large_count; i++)); do
			printf 'url = "http://127.0.0.1:%s%s"\noutput = /dev/null\n' "$port" "$path"
		done
	} >"$work/large.curl"
	curl -sf -K "$work/large.curl" || die "$name does not serve $path"
	begin=$(now)
	before=$(snapshot "$name" cpu_s)
	curl -sf -K "$work/large.curl"
	after=$(snapshot "$name" cpu_s)
	awk -v a="$before" -v b="$after" -v n="$large_count" -v s="$large_bytes" -v w="$(since "$begin")" 'BEGIN {
		gb = n * s / 1e9
		printf "large_s_per_gb=%.4f\nlarge_gb_per_s=%.2f\n", (b - a) / gb, gb / w
	}' >>"$results/get-$name.new"
}

# The server that has just indexed: memory after its first clients.
measure_scanned() {
	local name=$1 port=$2
	: >"$results/get-$name.new"
	"$meter" snap "${server_pid[$name]}" | sed 's/^/scanned_idle_/' >>"$results/get-$name.new"
	wrk -t2 -c"$connections" -d"${duration}s" "http://127.0.0.1:$port/buildid/$small_id/executable" >/dev/null
	"$meter" snap "${server_pid[$name]}" | sed 's/^/scanned_/' >>"$results/get-$name.new"
}

measure() {
	local name=$1 port=$2
	"$meter" snap "${server_pid[$name]}" | sed 's/^/idle_/' >>"$results/get-$name.new"
	lua_args=()
	run_wrk "$name" "$port" small 200 "/buildid/$small_id/executable"
	"$meter" snap "${server_pid[$name]}" | sed 's/^/after_/' >>"$results/get-$name.new"
	run_wrk "$name" "$port" miss 404 "$unknown"
	# A new salt per run: no ID is ever asked for twice.
	lua_args=(-- "$((EPOCHSECONDS % 16777216))")
	run_wrk "$name" "$port" distinct 404 "$unknown" -s "$work/distinct.lua"
	lua_args=()
	"$meter" snap "${server_pid[$name]}" | sed 's/^/after_misses_/' >>"$results/get-$name.new"
	run_large "$name" "$port" "/buildid/$large_id/executable"
	mv "$results/get-$name.new" "$results/get-$name"
}

measure_nginx() {
	local root=$work/nginx
	rm -rf "$root"
	mkdir -p "$root"/{tmp,html/buildid/"$small_id",html/buildid/"$large_id"}
	ln -s "$small" "$root/html/buildid/$small_id/executable"
	ln -s "$large" "$root/html/buildid/$large_id/executable"
	cat >"$root/nginx.conf" <<-CONF
		user root;
		worker_processes auto;
		daemon off;
		pid $root/nginx.pid;
		error_log $root/error.log;
		events { worker_connections 1024; }
		http {
			sendfile on;
			tcp_nopush on;
			default_type application/octet-stream;
			access_log $root/access.log;
			client_body_temp_path $root/tmp/body;
			proxy_temp_path $root/tmp/proxy;
			fastcgi_temp_path $root/tmp/fastcgi;
			uwsgi_temp_path $root/tmp/uwsgi;
			scgi_temp_path $root/tmp/scgi;
			server {
				listen 127.0.0.1:$PORT_NGINX;
				root $root/html;
			}
		}
	CONF
	: >"$results/get-nginx.new"
	start_metered nginx "$(command -v nginx || echo /usr/sbin/nginx)" -e "$root/error.log" -c "$root/nginx.conf"
	sleep 1
	measure nginx "$PORT_NGINX"
	stop_server nginx
}

measure_peer() {
	rm -rf "$work/peer"
	log "peer indexes the tree"
	start_peer peer "$PORT_PEER" "$work/peer" -F "$corpus/tree"
	wait_peer peer "$PORT_PEER"
	measure_scanned peer "$PORT_PEER"
	stop_server peer
	start_peer peer "$PORT_PEER" "$work/peer" -F "$corpus/tree"
	wait_peer peer "$PORT_PEER"
	measure peer "$PORT_PEER"
	stop_server peer
}

measure_ours() {
	rm -rf "$work/ours"
	log "symbolized indexes the tree"
	start_ours ours "$PORT_OURS" "$work/ours" "$corpus/tree"
	wait_ours ours "$PORT_OURS"
	measure_scanned ours "$PORT_OURS"
	stop_server ours
	start_ours ours "$PORT_OURS" "$work/ours" "$corpus/tree"
	wait_ours ours "$PORT_OURS"
	measure ours "$PORT_OURS"
	stop_server ours
}

# line LABEL KEY
line() {
	local label=$1 key=$2 name cells=()
	for name in ours peer nginx; do
		cells+=("$(value "$results/get-$name" "$key")")
	done
	printf '%-46s %10s %10s %10s\n' "$label" "${cells[@]}"
}

# target LABEL KEY AGAINST LIMIT
target() {
	local r
	r=$(ratio "$(value "$results/get-ours" "$2")" "$(value "$results/get-$3" "$2")")
	printf '%-46s %10s  (<= %s of %s) %s\n' "$1" "$r" "$4" "$3" "$(verdict "$r" "$4")"
}

if [ ! "$report_only" ]; then
	warm "$small" "$large"
	for name in nginx peer ours; do
		case ",$who," in *,"$name",*) ;; *) continue ;; esac
		if [ "$name" = ours ] && ! have_ours; then
			log "$SYMBOLIZED is not built: skipped"
			continue
		fi
		log "$name"
		"measure_$name"
	done
fi

printf '%-46s %10s %10s %10s\n' "" ours peer nginx
line "404, one ID: CPU us/request" miss_us
line "404, distinct IDs: CPU us/request" distinct_us
line "16 KB file: CPU us/request" small_us
line "150 MB file: CPU s/GB" large_s_per_gb
line "404, one ID: requests/s" miss_rps
line "404, distinct IDs: requests/s" distinct_rps
line "16 KB file: requests/s" small_rps
line "150 MB file: GB/s, one client" large_gb_per_s
line "memory having indexed, PSS KiB" scanned_idle_pss_kib
line "the same after $connections clients, PSS KiB" scanned_pss_kib
line "memory restarted, PSS KiB" idle_pss_kib
line "the same after $connections clients, PSS KiB" after_pss_kib
line "the same, RSS KiB" after_rss_kib
line "the same, anonymous KiB" after_anon_kib
line "after distinct misses, PSS KiB" after_misses_pss_kib
echo
target "404, one ID" miss_us peer 0.333
target "404, distinct IDs" distinct_us peer 0.333
target "16 KB file" small_us peer 0.333
target "150 MB file" large_s_per_gb nginx 1.2
target "memory after $connections clients (PSS)" scanned_pss_kib peer 0.2
target "the same, restarted on a finished index" after_pss_kib peer 0.2
