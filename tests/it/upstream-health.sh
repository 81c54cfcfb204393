#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# An upstream server that hangs or dies costs nobody anything: others are asked,
# what is here is answered as ever, and after a while it is left alone.
#
# Requirements: R-26, R-41.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need_curl_headers

make_samples "$tmp/samples" 60
sample_base=9 make_samples "$tmp/tree" 1 local
local_id=$(build_id "$tmp/tree/local-1")
id() {
	sample_id "$1"
}
state() {
	metric "symbolized_upstream_breaker_state{upstream=\"$1\"}"
}

start_fake first
start_fake second
for i in {1..40}; do
	put second "$(id "$i")" debuginfo "$tmp/samples/sample-$i"
done

# ---- One of two hangs ---------------------------------------------------------------

cat >"$tmp/upstreams" <<END
# Long enough to be seen on a busy machine
hedge = 1500
timeout = 4

[${fake_url[first]}/]
header = X-Secret: hush
[${fake_url[second]}/buildid/]
END
serve_ready two --upstream-file "$tmp/upstreams" "$tmp/tree"
rule first '*' hang
get "/buildid/$(id 1)/debuginfo"
same "the other one answers" "$tmp/body" "$tmp/samples/sample-1"
at_least "the slow one was passed over" "$(metric symbolized_upstream_hedges_total)" 1
like "a header of the file goes to its server" "$(cat "$tmp/first/headers")" \
	'^X-Secret: hush'
unlike "and to no other" "$(cat "$tmp/second/headers")" Secret
unlike "nor into the log" "$(cat "$tmp/two.log")" hush
before=$(asked first "$(id 7)")
get "/buildid/$(id 7)/debuginfo"
is "who was slow is asked last" "$status $(($(asked first "$(id 7)") - before))" "200 0"

# local_answers: the 99th percentile of 200, in seconds
local_answers() {
	for i in {1..200}; do
		echo "url=$url/buildid/$local_id/debuginfo"
		echo "output=/dev/null"
	done | curl -s -K - -w '%{time_total}\n' | sort -n | tail -n 3 | head -n 1
}
alone=$(local_answers)

# Misses wait for the one that hangs; local files for nobody.
for i in {50..57}; do
	curl -s -m 30 -o /dev/null "$url/buildid/$(id "$i")/debuginfo" &
done
wait_until is_running_requests 4
slowest=$(local_answers)
# As beside nothing, but for what a busy machine adds: the one that hangs costs
# seconds.
at_most "99 of 100 local answers come as ever" \
	"$(awk "BEGIN { print int(1000 * ($slowest - 3 * $alone)) }")" 500
get "/buildid/$(id 8)/debuginfo"
is "and what the other one has comes" "$status" 200

# ---- Left alone -----------------------------------------------------------------------

is_open() {
	[ "$(state 1)" = 2 ]
}
ok "after some failures it is left alone" wait_until is_open
like "which the log says" "$(cat "$tmp/two.log")" \
	"left alone for a while upstream=${fake_url[first]#http://}"
requests=$(metric_sum symbolized_upstream_requests_total)
at_most "a miss is then told before it could have answered" \
	"$(took "/buildid/$(id 58)/debuginfo")" 3500
is "for one request, of the other" \
	"$(metric_sum symbolized_upstream_requests_total)" "$((requests + 1))"
get "/buildid/$(id 58)/debuginfo"
is "and is no absence, for it might be there" "$status" 502
unlike "a secret is in no status" "$(curl -s "$url/")" hush
like "/readyz says which, and is ready" "$(curl -s "$url/readyz")" \
	'"status":"ready".*"upstreams":\[.*"state":"open".*"state":"closed"'
like "so does the status" "$(curl -s -H 'Accept: application/json' "$url/")" \
	'"upstreams":\[\{"name":"127.0.0.1:[0-9]+","state":"open"'
like "and the page" "$(curl -s "$url/")" \
	"upstream 127.0.0.1:[0-9]+: open"
stop_server two

# ---- None is there --------------------------------------------------------------------------

stop_fake first
rule second '*' reset
serve_ready none --upstream "${fake_url[first]}" --upstream "${fake_url[second]}" \
	--upstream-timeout 1 "$tmp/tree"
for i in {10..14}; do
	get "/buildid/$(id "$i")/debuginfo"
done
is "trouble is told as such" "$status" 502
is "both are left alone" "$(state 1) $(state 2)" "2 2"
before=$(metric_sum symbolized_upstream_requests_total)
# The limit of time is 1 s; nothing is waited for
at_most "misses are answered at once" "$(took "/buildid/$(id 15)/debuginfo")" 900
is "without a request" "$(metric_sum symbolized_upstream_requests_total)" "$before"
get "/buildid/$local_id/debuginfo"
is "what is here is served" "$status" 200
stop_server none

# ---- Bodies that never end ------------------------------------------------------------------

rule first
rule second
start_fake cutting
for i in {22..29}; do
	put cutting "$(id "$i")" debuginfo "$tmp/samples/sample-$i"
done
rule cutting '*' cut_at=3000
serve_ready bodies --upstream "${fake_url[cutting]}" --upstream-timeout 1 "$tmp/tree"
for i in {22..24}; do
	get "/buildid/$(id "$i")/debuginfo"
done
ok "one that begins well and never ends well is left alone" wait_until is_open
stop_server bodies

# ---- After the header --------------------------------------------------------------------------

put first "$(id 20)" debuginfo "$tmp/samples/sample-20"
start_fake first
rule first '*' hang_at=0
rule second
serve_ready late --upstream "${fake_url[first]}" --upstream "${fake_url[second]}" \
	--upstream-timeout 1 "$tmp/tree"
get "/buildid/$(id 20)/debuginfo"
same "one that stops behind its header is passed over" "$tmp/body" "$tmp/samples/sample-20"
rule first '*' delay=300
put first "$(id 21)" debuginfo "$tmp/samples/sample-21"
hedges=$(metric symbolized_upstream_hedges_total)
get "/buildid/$(id 21)/debuginfo"
is "one that is slow by less than the hedge is waited for" \
	"$status $(metric symbolized_upstream_hedges_total)" "200 $hedges"
finish
