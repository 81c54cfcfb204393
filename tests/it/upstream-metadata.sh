#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What other servers know by a name: asked for together, merged, and never to be
# relied upon.
#
# Requirements: R-37, R-41, R-42, R-43.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need readelf
need_curl_headers

write_program "$tmp/src"
mkdir "$tmp/bin" "$tmp/empty"
build_program "$tmp/src" "$tmp/bin/prog"
id=$(build_id "$tmp/bin/prog")

# said NAME ROWS [COMPLETE]: what a fake server answers to a search, in json-c's
# spelling
said() {
	mkdir -p "$tmp/$1/files"
	printf '{ "results": [ %s ], "complete": %s }' "${2//\//\\/}" \
		"${3:-true}" >"$tmp/$1/files/said"
}
row() {
	printf '{"type":"%s","buildid":"%s","file":"%s"}' "$1" "$2" "$3"
}
search() {
	local path="/metadata?key=$1&value=$2"
	shift 2
	get "$path" "$@"
}
was_asked() {
	[ "$(asked "$1" "$2")" -gt 0 ]
}
outcome() {
	metric "symbolized_upstream_requests_total{upstream=\"$1\",outcome=\"$2\"}"
}

start_fake one
start_fake two
rule one /metadata file=said
rule two /metadata file=said
said one "$(row debuginfo aa01 /bin/prog.debug), $(row executable aa02 /one)"
said two "$(row executable bb01 /two), $(row executable aa02 /one)"
serve_ready ours --upstream "${fake_url[one]}" --upstream "${fake_url[two]}" \
	--upstream-timeout 2 "$tmp/bin"

# ---- Together -----------------------------------------------------------------

mine="$(row executable "$id" "$tmp/bin/prog"),$(row debuginfo "$id" "$tmp/bin/prog")"
theirs="$(row debuginfo aa01 /bin/prog.debug),$(row executable aa02 /one),$(row executable bb01 /two)"
search glob "$tmp/*/prog"
is "rows of here come first, then each server's, and none twice" "$status $(body)" \
	"200 {\"results\":[$mine,$theirs],\"complete\":true}"
# The other way round, and late: the order is that of the servers.
rule one /metadata file=said delay=300
search glob "$tmp/*/prog"
is "in the order of the servers, whoever is first" "$(body)" \
	"{\"results\":[$mine,$theirs],\"complete\":true}"
rule one /metadata file=said
is "what is asked for is encoded anew" "$(grep -c '^GET /metadata?key=glob&value=.*/%2A/prog$' \
	"$tmp/one/log")" 2
: >"$tmp/one/log"
search file '/a%26key%3D%2520b%2f..%2F%0D%0AX:%23' -H 'X-Forwarded-For: 192.0.2.7'
is "and is one value, whatever is in it" "$(cat "$tmp/one/log")" \
	'GET /metadata?key=file&value=/a%26key%3D%2520b/../%0D%0AX%3A%23'
like "with who asks" "$(tr -d '\r' <"$tmp/one/headers" | tail -n 12 | sort | tr '\n' ';')" \
	'X-Forwarded-For: 192\.0\.2\.7, 127\.0\.0\.1;'
like "through us" "$(tr -d '\r' <"$tmp/one/headers")" 'Via: 1\.1 symbolized-'
: >"$tmp/one/log"
said one "$(row executable "$id" /other), $(row executable aa02 /one)"
said two ""
search buildid "${id^^}"
is "an ID is asked for in lower case" "$(cat "$tmp/one/log")" \
	"GET /metadata?key=buildid&value=$id"
is "and rows of others are left out, which is said" "$(body)" \
	"{\"results\":[$mine,$(row executable "$id" /other)],\"complete\":false}"
said one "$(row executable aa02 /one)" false
search file /one
like "complete is what all of them are" "$(body)" '/one"}\],"complete":false'
said one "$(row executable aa02 /one)"
search file /one
like "when all are" "$(body)" '/one"}\],"complete":true'

# ---- Who has nothing, or nonsense ----------------------------------------------

# case_of DESCRIPTION RULES...: what the first one does costs only its own rows
case_of() {
	local what=$1
	shift
	rule one /metadata "$@"
	search glob "$tmp/*/prog"
	is "$what: the rest is said, and that it may not be all" "$status $(body)" \
		"200 {\"results\":[$mine,$(row executable bb01 /two)],\"complete\":false}"
}
said two "$(row executable bb01 /two)"
before=$(outcome 1 malformed)
case_of "a server without searches" status=404
case_of "one that says so as elfutils' does" status=503
case_of "one that does not let us" status=403
case_of "one in trouble" status=500
case_of "one that cuts its answer" file=said cut_at=20
case_of "one that says no length" file=said no_length
case_of "one that resets the connection" reset
case_of "one that redirects to a private address" status=302 \
	"header=Location:http://127.0.0.2:1/metadata"
printf '{"results":[{"type":"executable","buildid":"aa02","file":"/one"},' \
	>"$tmp/one/files/cut"
case_of "half an answer" file=cut
head -c 100000 /dev/urandom >"$tmp/one/files/noise"
case_of "noise" file=noise
printf '%0100000d' 0 | tr 0 '[' >"$tmp/one/files/deep"
case_of "one without a floor" file=deep
at_least "nonsense is counted" "$(outcome 1 malformed)" $((before + 5))
{
	printf '{"complete":true,"results":['
	head -c 17000000 /dev/zero | tr '\0' ' '
	printf ']}'
} >"$tmp/one/files/huge"
before=$(metric 'symbolized_limits_reached_total{limit="upstream_metadata"}')
case_of "one that says too much" file=huge
case_of "without announcing it" file=huge chunked
gzip -c "$tmp/one/files/huge" >"$tmp/one/files/huge.gz"
case_of "in few bytes" file=huge.gz gzip no_size
is "which is a limit with a name" \
	"$(metric 'symbolized_limits_reached_total{limit="upstream_metadata"}')" \
	$((before + 3))
rule one '*' status=503
for _ in 1 2 3 4 5 6; do
	search file /one
done
rule one
put one 00aa debuginfo "$tmp/bin/prog"
: >"$tmp/one/log"
get /buildid/00aa/debuginfo
is "who knows no searches is asked for files" "$(asked one /buildid/00aa)" 1

# ---- Who does not answer --------------------------------------------------------

rule one /metadata hang
search glob "$tmp/*/prog"
is "who hangs costs only its own rows" "$status $(body)" \
	"200 {\"results\":[$mine,$(row executable bb01 /two)],\"complete\":false}"
curl -s -m 60 -o "$tmp/late" "$url/metadata?key=file&value=/late" &
late=$!
wait_until was_asked one value=/late
get "/buildid/$id/executable"
ok "and meanwhile keeps nobody waiting" is_running "$late"
wait "$late"
like "who has waited is answered" "$(cat "$tmp/late")" '"complete":false'
for i in 1 2 3; do
	search file "/hang$i"
done
: >"$tmp/one/log"
search file /left-alone
is "after five in a row it is left alone" "$(asked one /metadata)" 0
like "which may not be all" "$(body)" '"complete":false'
like "with searches: files are asked for" \
	"$(curl -s "$url/readyz")" '"name":"[^"]*","state":"closed"'
rule two '*' hang
: >"$tmp/two/log"
curl -s -m 60 -o "$tmp/late" "$url/metadata?key=file&value=/late" &
late=$!
wait_until was_asked two value=/late
stop_server ours
is "it ends while one is waited for" "$exit_status" 0
wait "$late"
stop_fake one
stop_fake two

# ---- More than searches may ask at a time --------------------------------------------

start_fake slow
rule slow /metadata hang
serve_ready busy --upstream "${fake_url[slow]}" --upstream-timeout 3 "$tmp/bin"
pids=()
for i in $(seq 100); do
	curl -s -m 60 -o "$tmp/busy.$i" "$url/metadata?key=file&value=$tmp/bin/prog" &
	pids+=($!)
done
wait "${pids[@]}"
is "whoever asks, however many, is told what is here" \
	"$(cat "$tmp"/busy.[0-9]* | grep -c "\"results\":\[$mine\],\"complete\":false")" 100
# Four, and four more; when the first of these has failed, too, nobody else.
at_most "the server is asked four times at a time, and left alone after five" \
	"$(asked slow /metadata)" 8
stop_server busy

# As debuginfod(8) has it, with a limit for a search that is far below that for
# a server.
DEBUGINFOD_URLS=${fake_url[slow]} DEBUGINFOD_TIMEOUT=55 start_debuginfod compat \
	"$SYMBOLIZED" debuginfod -d "$tmp/compat.db" -p @PORT@ -t 0 -F \
	--metadata-maxtime=1 "$tmp/bin"
is_served() {
	curl -sf -o /dev/null "$url/buildid/$id/executable"
}
wait_until is_served
search file "$tmp/bin/prog" -m 30
like "--metadata-maxtime bounds what others take" "$status $(body)" \
	"^200 \{ \"results\": \[ \{ \"type\": \"executable\".*, \"complete\": false \}\$"
stop_server compat
stop_fake slow

# ---- Behind others ------------------------------------------------------------------

mkdir "$tmp/far"
cp "$tmp/bin/prog" "$tmp/far/cousin"
serve_ready last "$tmp/far"
serve_ready middle --upstream "${server_url[last]}" "$tmp/empty"
serve_ready first --upstream "${server_url[middle]}" "$tmp/bin"
search glob "$tmp/*/*"
far="$(row executable "$id" "$tmp/far/cousin"),$(row debuginfo "$id" "$tmp/far/cousin")"
is "a chain of ours is as one" "$(body)" "{\"results\":[$mine,$far],\"complete\":true}"
search glob "$tmp/*/*" -H 'X-Forwarded-For: 1, 2, 3, 4, 5, 6, 7'
is "the chain ends with its hops, which may not be all" "$(body)" \
	"{\"results\":[$mine],\"complete\":false}"
stop_server first
stop_server middle
stop_server last

# In a circle each is asked once by each, and says what it has.
port_a=$(find_port) port_b=$(find_port)
serve_ready a --listen "127.0.0.1:$port_a" --upstream "http://127.0.0.1:$port_b" \
	"$tmp/bin"
serve_ready b --listen "127.0.0.1:$port_b" --upstream "http://127.0.0.1:$port_a" \
	"$tmp/far"
use_server a
search glob "$tmp/*/*"
is "a circle is gone round once" "$(body)" "{\"results\":[$mine,$far],\"complete\":true}"
is "and not again" "$(outcome 1 found)" 1
use_server b
is "by nobody" "$(outcome 1 found)" 1
search glob "$tmp/*/*"
is "from either side" "$(body)" "{\"results\":[$far,$mine],\"complete\":true}"
stop_server a
stop_server b

# ---- elfutils' ------------------------------------------------------------------------

if have debuginfod; then
	start_debuginfod theirs debuginfod -d ":memory:" -p @PORT@ -t 0 -g 0 \
		-F "$tmp/far"
	their_url=$url
	serve_ready beside --upstream "$their_url" "$tmp/bin"
	for _ in 1 2 3 4 5 6; do
		search file "$tmp/bin/prog"
	done
	if curl -s "$their_url/metadata?key=file&value=/none" | grep -q results; then
		is "theirs is asked, too" "$(body)" "{\"results\":[$mine],\"complete\":true}"
	else
		is "theirs from before searches adds nothing, and may have more" \
			"$(body)" "{\"results\":[$mine],\"complete\":false}"
	fi
	get /buildid/00112233/debuginfo
	is "and is asked for files all the same" "$status" 404
else
	skip "theirs is asked, too" "no debuginfod"
fi

finish
