#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Many files at a time from an upstream server: a batch of addresses over 300
# build IDs asks for all of them, side by side within the bounds, and for none
# twice. Headers that are made up multiply the bounds by the hops there may be,
# and by no more.
#
# Requirements: R-41.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need readelf nm
need_curl_headers

count=300
make_samples "$tmp/samples" "$count"
start_fake up
for ((i = 1; i <= count; i++)); do
	put up "$(sample_id "$i")" debuginfo "$tmp/samples/sample-$i"
done
mkdir "$tmp/tree"
cat >"$tmp/upstreams" <<END
concurrency = 6
[${fake_url[up]}]
END
serve_ready ours --upstream-file "$tmp/upstreams" "$tmp/tree"
address=$(address_of "$tmp/sample.so" helper)
for ((i = 1; i <= count; i++)); do
	printf '%s{"build_id":"%s","kind":"vaddr","addresses":["%s"]}' \
		"$([ "$i" = 1 ] || echo ,)" "$(sample_id "$i")" "$address"
done >"$tmp/modules"
# Each of them twice
printf '{"modules":[%s,%s],"wait_ms":30000}' "$(cat "$tmp/modules")" \
	"$(cat "$tmp/modules")" >"$tmp/batch"

rule up debuginfo delay=20
get /symbolize/v1 -H 'Content-Type: application/json' --data-binary "@$tmp/batch"
is "a batch over 300 build IDs is answered" "$status" 200
answered() {
	grep -o '"status":"ok"' "$tmp/body" | wc -l
}
all_are_answered() {
	get /symbolize/v1 -H 'Content-Type: application/json' \
		--data-binary "@$tmp/batch"
	[ "$(answered)" = $((2 * count)) ]
}
ok "each of its addresses, in the end" wait_until all_are_answered
like "with its function" "$(body)" '"helper"'
is "each file was asked for" "$(grep -c /debuginfo "$tmp/up/log")" "$count"
is "none twice" "$(sort "$tmp/up/log" | uniq -d)" ""
at_least "side by side" "$(cat "$tmp/up/most")" 2
at_most "within the bounds" "$(cat "$tmp/up/most")" 6
stop_server ours

# ---- Hops that are made up ----------------------------------------------------------

# flood FIRST HEADER: two files each, by requests of 0 to 15 items in it
flood() {
	local at=$1 i list="" clients=()
	for i in {0..15}; do
		for _ in 1 2; do
			curl -s -m 60 -o /dev/null ${list:+-H "$2: $list"} \
				"$url/buildid/$(sample_id "$at")/debuginfo" &
			clients+=($!)
			at=$((at + 1))
		done
		list=$list${list:+, }1.1.1.1
	done
	wait "${clients[@]}"
}
for header in X-Forwarded-For Via; do
	start_fake "$header"
	must rm -r "$tmp/$header/files"
	must ln -s "$tmp/up/files" "$tmp/$header/files"
	rule "$header" debuginfo delay=200
	printf 'concurrency = 1\n[%s]\n' "${fake_url[$header]}" >"$tmp/upstreams"
	serve_ready "$header" --forwarded-ttl-limit 3 --upstream-file "$tmp/upstreams" \
		"$tmp/tree"
	flood 1 "$header"
	at_least "what $header says has places of its own" "$(cat "$tmp/$header/most")" 2
	at_most "by as many hops as there may be" "$(cat "$tmp/$header/most")" 4
	stop_server "$header"
done
finish
