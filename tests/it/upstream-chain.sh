#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Between elfutils' own servers: one of theirs behind ours, one in front, their
# client before all; and in a circle with one.
#
# Requirements: R-42.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need debuginfod debuginfod-find readelf
need_curl_headers

write_program "$tmp/src"
mkdir "$tmp/bin" "$tmp/empty"
build_program "$tmp/src" "$tmp/bin/prog"
id=$(build_id "$tmp/bin/prog")
main=$tmp/src/main.c
missing=00112233445566778899aabbccddeeff00112233

# start_theirs NAME [VARIABLES] -- ARGUMENTS
start_theirs() {
	local name=$1 variables=()
	shift
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	start_debuginfod "$name" env "${variables[@]}" debuginfod -d ":memory:" \
		-p @PORT@ -t 0 -g 0 "$@"
}
theirs_has() {
	[ "$(curl -s -o /dev/null -w '%{http_code}' \
		"${server_url[$1]}/buildid/$2/executable")" = 200 ]
}

# ---- A chain of three -----------------------------------------------------------------

start_theirs last -- -F "$tmp/bin" "$tmp/src"
ok "elfutils' server has indexed the program" wait_until theirs_has last "$id"
serve_ready ours --upstream "${server_url[last]}" "$tmp/empty"
ours=$url
start_theirs first "DEBUGINFOD_URLS=$ours" -- -F "$tmp/empty"
first=$url

find_in() {
	local kind=$1
	shift
	DEBUGINFOD_URLS=$first DEBUGINFOD_CACHE_PATH=$tmp/client \
		DEBUGINFOD_TIMEOUT=20 debuginfod-find "$kind" "$@" 2>&1
}
same "their client has the executable through all three" \
	"$(find_in executable "$id")" "$tmp/bin/prog"
same "the debuginfo" "$(find_in debuginfo "$id")" "$tmp/bin/prog"
same "a source" "$(find_in source "$id" "$main")" "$main"
section=$(find_in section "$id" .text)
objcopy -O binary --only-section=.text "$tmp/bin/prog" "$tmp/text"
same "a section" "$section" "$tmp/text"
use_server ours
get "/buildid/$id/executable"
like "ours has kept it, with what they say" "$(header X-DEBUGINFOD-FILE)" '(^|/)prog$'
get "/buildid/$id/section/.text"
same "a section, asked of ours" "$tmp/body" "$tmp/text"
is "the last one was asked once for each" \
	"$(metric 'symbolized_upstream_requests_total{upstream="1",outcome="found"}')" 4
like "what nobody has is not there" "$(find_in executable "$missing")" \
	'No such file or directory'
log=$(cat "$tmp/last.log")
like "the last one sees the hops" "$log" 'XFF:[^ ]*127\.0\.0\.1,.*GET /buildid/'
stop_server first

# ---- Ours as debuginfod ------------------------------------------------------------------

start_debuginfod compat env "DEBUGINFOD_URLS=${server_url[last]} ima:enforcing" \
	DEBUGINFOD_TIMEOUT=5 "$SYMBOLIZED" debuginfod -d "$tmp/compat.db" \
	-p @PORT@ -t 0 -F "$tmp/empty"
get "/buildid/$id/executable"
same "the debuginfod command asks DEBUGINFOD_URLS" "$tmp/body" "$tmp/bin/prog"
like "and counts it as they do" "$(curl -s "$url/metrics")" \
	'^http_responses_total\{result="upstream"\} 1$'
get "/buildid/$missing/executable" -H 'X-Forwarded-For: 1,2,3,4,5,6,7,8'
like "a request that came far is told so" "$(body)" 'ttl-limit reached'
like "and that limit is logged by name" "$(cat "$tmp/compat.log")" \
	'limit_reached.*limit=hops'
stop_server compat

# ---- A circle ------------------------------------------------------------------------------

port_a=$(find_port)
start_theirs circle "DEBUGINFOD_URLS=http://127.0.0.1:$port_a" DEBUGINFOD_TIMEOUT=10 \
	-- -F "$tmp/empty"
serve_ready other --listen "127.0.0.1:$port_a" --upstream "${server_url[circle]}" \
	--upstream-timeout 8 "$tmp/empty"
at_most "in a circle nobody waits for himself" \
	"$(took "/buildid/$missing/executable")" 7000
get "/buildid/$missing/executable"
is "it is just not there" "$status" 404
finish
