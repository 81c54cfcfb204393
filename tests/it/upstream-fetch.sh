#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What is not here comes from an upstream server: fetched once, checked, kept;
# what a server says wrongly, or not at all, and what becomes of it.
#
# Requirements: R-37, R-38, R-39, R-40, R-42, R-43.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need readelf objcopy
need_curl_headers

make_samples "$tmp/samples" 40
sample_base=9 make_samples "$tmp/tree" 1 local
sample_base=7 make_samples "$tmp/other" 40
file() {
	echo "$tmp/samples/sample-$1"
}
id() {
	sample_id "$1"
}
missing=00112233445566778899aabbccddee

start_fake up
for i in {1..39}; do
	put up "$(id "$i")" debuginfo "$(file "$i")"
done
put up "$(id 1)" executable "$(file 1)"
put up "$(id 1)" source/usr/src/a.c "$0"
put up "$(id 1)" section/.text "$tmp/sample.so"
serve_ready ours --upstream "${fake_url[up]}" --upstream-timeout 2 "$tmp/tree"

# ---- Fetched once --------------------------------------------------------------

rule up '*' header=X-DEBUGINFOD-IMASIGNATURE:030204abcdef
get "/buildid/$(id 1)/debuginfo"
is "a file that is not here is fetched" "$status" 200
same "it is the one" "$tmp/body" "$(file 1)"
cp "$tmp/header" "$tmp/header.first"
rule up
get "/buildid/$(id 1)/debuginfo"
is "and is there the second time" "$status" 200
same "with the same bytes" "$tmp/body" "$(file 1)"
for name in ETag Last-Modified X-DEBUGINFOD-SIZE X-DEBUGINFOD-FILE \
	X-DEBUGINFOD-IMASIGNATURE Content-Length; do
	again=$(header "$name")
	first=$(tr -d '\r' <"$tmp/header.first" | sed -n "s/^$name: //p")
	isnt "the first answer has $name" "$first" ""
	is "the second has the same $name" "$again" "$first"
done
is "the server was asked once" "$(asked up "$(id 1)/debuginfo")" 1
is "it was served from upstream" "$(served_from upstream)" 1
get "/buildid/$(id 1)/executable"
same "an executable comes the same way" "$tmp/body" "$(file 1)"
get "/buildid/$(id 1)/source/usr/src/a.c"
same "a source" "$tmp/body" "$0"
get "/buildid/$(id 1)/section/.text"
same "a section" "$tmp/body" "$tmp/sample.so"
get "/buildid/$(id 1)/debuginfo" -r 100-199
is "ranges of what was fetched" "$status $(header Content-Range)" \
	"206 bytes 100-199/$(stat -c %s "$(file 1)")"
get "/buildid/$(id 1)/debuginfo" -H "If-None-Match: $(header ETag)"
is "conditions" "$status" 304

stop_server ours
serve_ready ours --upstream "${fake_url[up]}" --upstream-timeout 2 "$tmp/tree"
get "/buildid/$(id 1)/debuginfo"
same "a restart keeps it" "$tmp/body" "$(file 1)"
is "with its signature" "$(header X-DEBUGINFOD-IMASIGNATURE)" 030204abcdef
is "nobody was asked again" "$(asked up "$(id 1)/debuginfo")" 1
get "/buildid/$(build_id "$tmp/tree/local-1")/debuginfo"
is "what is here is served from here" "$status" 200

put up "$(id 12)" executable "$(file 12)"
rule up section status=503
get "/buildid/$(id 12)/section/.text"
is "a section that a server does not know is fetched with its file" "$status" 200
must objcopy -O binary --only-section=.text "$(file 12)" "$tmp/text"
same "and is the one" "$tmp/body" "$tmp/text"
is "the server was asked for it once" "$(asked up "$(id 12)/section")" 1
get "/buildid/$(id 12)/section/.nowhere"
is "one that is in neither file is absent" "$status" 404
is "each file was fetched once" \
	"$(asked up "$(id 12)/debuginfo") $(asked up "$(id 12)/executable")" "1 1"
is "and the server is none the worse" \
	"$(metric 'symbolized_upstream_breaker_state{upstream="1"}')" 0
rule up

# ---- What is asked for ----------------------------------------------------------

: >"$tmp/up/headers"
get "/buildid/$(id 2)/debuginfo" -A "elfutils/0.188,Linux" \
	-H 'X-Forwarded-For: 10.1.1.1' -H 'X-Request-Id: my-request' \
	-H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
headers=$(tr -d '\r' <"$tmp/up/headers")
like "the hops are passed on, the peer behind them" "$headers" \
	'^X-Forwarded-For: 10\.1\.1\.1, 127\.0\.0\.1$'
like "the request's ID" "$headers" '^X-Request-Id: my-request$'
like "the trace" "$headers" '^traceparent: 00-0af7651916cd43dd8448eb211c80319c'
like "the agent, and who we are" "$headers" \
	'^User-Agent: elfutils/0\.188,Linux symbolized/'
like "Via has our mark" "$headers" '^Via: 1\.1 symbolized-[0-9a-f]{16}$'
: >"$tmp/up/log"
get "/buildid/$(id 1)/source/usr/src/a%20b%3fc%23%25/%2e%2e/d"
like "a path is encoded anew" "$(cat "$tmp/up/log")" \
	'source/usr/src/d$'
get "/buildid/$(id 1)/source/usr/src/a%20b%3fc%23%25/%2e/d"
like "with all that means something in a URL" "$(cat "$tmp/up/log")" \
	'source/usr/src/a%20b%3Fc%23%25/d$'
: >"$tmp/up/log"
for path in source/../../../secret source/%2e%2e/%2e%2e/secret \
	source/a//..%2f../../../secret source/a%5c..%5c..%5csecret \
	section/..%2f..%2f..%2fsecret section/..; do
	get "/buildid/$(id 1)/$path"
	is "nothing but sources and sections can be named: $path" "$status" 404
done
unlike "whatever a path says" "$(grep -v "GET /buildid/$(id 1)/source/secret$" "$tmp/up/log")" .

# ---- Nothing by that name -------------------------------------------------------------

get "/buildid/$(id 40)/debuginfo"
is "what nobody has is 404" "$status" 404
get "/buildid/$(id 40)/debuginfo"
is "and is known to be" "$status $(asked up "$(id 40)")" "404 1"
cp "$(file 40)" "$tmp/tree/new"
rescan ours
get "/buildid/$(id 40)/debuginfo"
is "until a scan finds it" "$status" 200

# ---- What is wrong ---------------------------------------------------------------------

# outcome NAME: requests that ended so
outcome() {
	metric "symbolized_upstream_requests_total{upstream=\"1\",outcome=\"$1\"}"
}
put up "$(id 3)" debuginfo "$tmp/other/sample-3"
found=$(outcome found)
get "/buildid/$(id 3)/debuginfo"
is "a file of another build ID is not given" "$status $(body)" "404 not found"
get "/buildid/$(id 3)/debuginfo"
is "and not asked for again" "$(asked up "$(id 3)")" 1
is "it is counted, and once" "$(outcome mismatch) $(outcome found)" "1 $found"
like "and told with the server's name" "$(cat "$tmp/ours.log")" \
	"answer thrown away upstream=127.0.0.1:.* cause=mismatch .*build_id=$(id 3)"

printf 'this is no ELF file at all, but a page of a hotel' >"$tmp/page"
put up "$(id 4)" debuginfo "$tmp/page"
get "/buildid/$(id 4)/debuginfo"
is "nor is what is no ELF file" "$status" 404

size=$(stat -c %s "$(file 5)")
rule up "$(id 5)" "cut_at=$((size / 2))" times=1
get "/buildid/$(id 5)/debuginfo" || [ "$status" = 200 ]
isnt "a short file is no absence" "$status" 404
get "/buildid/$(id 5)/debuginfo"
same "and is fetched again" "$tmp/body" "$(file 5)"
rule up "$(id 6)" "size=$((size + 1))" times=3
get "/buildid/$(id 6)/debuginfo"
isnt "two lengths are none" "$status" 200
isnt "and no absence" "$status" 404
rule up "$(id 8)" no_length
get "/buildid/$(id 8)/debuginfo"
is "what may be cut anywhere is not taken" "$status" 502
rule up "$(id 9)" chunked
get "/buildid/$(id 9)/debuginfo"
same "chunks are" "$tmp/body" "$(file 9)"
gzip -c "$(file 10)" >"$tmp/packed"
put up "$(id 10)" debuginfo "$tmp/packed"
rule up "$(id 10)" gzip "size=$size"
get "/buildid/$(id 10)/debuginfo"
same "a content coding is undone" "$tmp/body" "$(file 10)"
put up "$(id 11)" debuginfo "$tmp/packed"
rule up "$(id 11)" gzip "size=$((size - 9))" times=3
get "/buildid/$(id 11)/debuginfo"
isnt "and its end counted" "$status" 200

rule up "$(id 7)" no_date
get "/buildid/$(id 7)/debuginfo"
is "what has no date is given none" "$status $(header Last-Modified)" "200 "
get "/buildid/$(id 7)/debuginfo" -H 'If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT'
is "and is never unchanged since one" "$status" 200

# ---- Statuses ------------------------------------------------------------------------------

for code in 429 500 503; do
	i=$((code % 17 + 12))
	rule up "$(id "$i")" "status=$code" times=1
	get "/buildid/$(id "$i")/debuginfo"
	is "a $code that passes is waited for" "$status" 200
done
rule up "$(id 30)" status=503 times=3
get "/buildid/$(id 30)/debuginfo"
is "one that stays is no 404" "$status" 502
get "/buildid/$(id 28)/debuginfo" # five failures in a row would be too many
rule up "$(id 29)" status=503 times=3
status=$(curl -s -A elfutils/0.188 -o "$tmp/body" -w '%{http_code}' \
	"$url/buildid/$(id 29)/debuginfo")
is "libdebuginfod is told nothing that it would remember" "$? $status" "52 000"
get "/buildid/$(id 29)/debuginfo"
is "and has it when the trouble has passed" "$status" 200
rule up "$(id 31)" status=403
get "/buildid/$(id 31)/debuginfo"
get "/buildid/$(id 31)/debuginfo"
is "a status that says nothing of the file is no absence, nor asked for again at once" \
	"$status $(asked up "$(id 31)")" "502 1"
rule up "$(id 31)/executable" status=401
get "/buildid/$(id 31)/executable"
is "nor is it that we may not ask" "$status" 502

# ---- Redirections ----------------------------------------------------------------------------

start_fake far
put far "$(id 32)" debuginfo "$(file 32)"
put far "$(id 33)" debuginfo "$(file 33)"
far=${fake_url[far]}
rm "$tmp/up/files/buildid/$(id 32)/debuginfo" "$tmp/up/files/buildid/$(id 33)/debuginfo"
# It is named: another loopback address is not.
rule up "$(id 32)" status=302 \
	"header=Location:${far/127.0.0.1/127.0.0.2}/buildid/$(id 32)/debuginfo"
get "/buildid/$(id 32)/debuginfo"
is "a redirection to a private address is not followed" \
	"$status $(asked far "$(id 32)")" "502 0"
start_fake other
rule up "$(id 32)/executable" status=302 \
	"header=Location:${fake_url[other]}/buildid/$(id 32)/executable"
get "/buildid/$(id 32)/executable"
is "nor is one to another port of a host that is named" \
	"$status $(asked other "$(id 32)")" "502 0"
cp "$(file 33)" "$tmp/up/files/elsewhere"
rule up "$(id 33)" status=302 "header=Location:${fake_url[up]}/elsewhere"
get "/buildid/$(id 33)/debuginfo"
same "one to a server that is named is" "$tmp/body" "$(file 33)"
rule up "$(id 34)" status=302 "header=Location:file:///etc/passwd"
get "/buildid/$(id 34)/debuginfo"
is "one to a file is not" "$status" 502
rule up "$(id 35)" status=302 "header=Location:/buildid/$(id 35)/debuginfo"
: >"$tmp/up/log"
get "/buildid/$(id 35)/debuginfo"
is "one that goes round ends" "$status $(asked up "$(id 35)")" "502 4"
rule up "$(id 36)" status=302 \
	"header=Location:http://localhost:${far##*:}/buildid/$(id 32)/debuginfo"
get "/buildid/$(id 36)/debuginfo"
is "a name of a private address is one" "$status $(asked far "$(id 32)")" "502 0"

# A proxy goes where nobody here sees: it is the same far server, which would
# answer anything.
rule far '*' "file=buildid/$(id 32)/debuginfo"
http_proxy=$far no_proxy=127.0.0.1 serve_ready proxied --upstream "${fake_url[up]}" "$tmp/tree"
rule up "$(id 32)" status=302 \
	"header=Location:http://inside.example/buildid/$(id 32)/debuginfo"
: >"$tmp/far/log"
get "/buildid/$(id 32)/debuginfo"
is "behind a proxy only servers that are named are gone to" \
	"$status $(asked far .)" "502 0"
stop_server proxied
use_server ours
rule far
rule up

# ---- Looking without fetching ------------------------------------------------------------------

# presence ID UPSTREAM [CURL-ARGUMENTS...]
presence() {
	local id=$1 upstream=$2
	shift 2
	curl -s -m 30 -H 'Content-Type: application/json' "$url/buildids/query" \
		-d "{\"build_ids\":[\"$id\"],\"upstream\":$upstream}" "$@"
}
rule up
like "presence upstream is asked for with HEAD" "$(presence "$(id 38)" true)" \
	'"executable":false,"debuginfo":true,.*"origin":"upstream","upstream":"found"'
is "and only so" "$(asked up "HEAD .*$(id 38)") $(asked up "GET .*$(id 38)")" "2 0"
: >"$tmp/up/headers"
presence "$(id 38)" true -H 'X-Forwarded-For: 192.0.2.1' -H 'Via: 1.1 other' >/dev/null
like "which says for whom, by what way" "$(tr -d '\r' <"$tmp/up/headers" | sort -u | tr '\n' ';')" \
	';Via: 1\.1 other, 1\.1 [^;]+;.*X-Forwarded-For: 192\.0\.2\.1, 127\.0\.0\.1;'
like "what nobody has is absent" "$(presence 00ff true)" \
	'"debuginfo":false,.*"origin":null,"upstream":"absent"'
rule up '*' no_head
like "who knows no HEAD leaves it unknown" "$(presence "$(id 38)" true)" \
	'"debuginfo":false,.*"upstream":"unknown"'
rule up '*' no_length
like "who says no length of it has it all the same" "$(presence "$(id 38)" true)" \
	'"debuginfo":true,.*"upstream":"found"'
rule up
hops() {
	metric 'symbolized_limits_reached_total{limit="hops"}'
}
get "/metadata?key=glob&value=/no/*"
like "a server that knows no searches may have more" "$(body)" '"complete":false'
get "/metadata?key=glob&value=/no/*" -H 'X-Forwarded-For: 1, 2, 3, 4, 5, 6, 7, 8'
like "and so may one that is too far to be asked" "$(body)" '"complete":false'
is "whose hops are counted as a limit" "$(hops)" 1
presence "$(id 38)" true -H 'X-Forwarded-For: 1, 2, 3, 4, 5, 6, 7, 8' >/dev/null
is "as are those of who asks what others have" "$(hops)" 2
presence "$(id 38)" false -H 'X-Forwarded-For: 1, 2, 3, 4, 5, 6, 7, 8' >/dev/null
is "and not of who does not" "$(hops)" 2
unlike "who does not ask is told of here alone" "$(presence "$(id 38)" false)" upstream
found=$(SYMBOLIZED_UPSTREAM="${fake_url[up]} http://127.0.0.1:1" "$SYMBOLIZED" find \
	--state-dir "$tmp/ours.state" --upstream "$(id 38)" 2>&1)
like "find says that it is not here" "$found" 'not in the index'
like "and who has it" "$found" "debuginfo: found, $size bytes, status 200"
like "and who has not" "$found" 'executable: absent, status 404'
like "and who does not answer" "$found" 'transient, .*onnect'

# ---- Hops --------------------------------------------------------------------------------------

get "/buildid/$(id 37)/debuginfo" -H 'X-Forwarded-For: 1, 2, 3, 4, 5, 6, 7, 8'
is "after eight hops nobody is asked" "$status $(asked up "$(id 37)")" "404 0"
is "which is not to be remembered of others" "$(header Cache-Control)" no-store
is "and is counted as a limit" "$(hops)" 3
like "and logged" "$(cat "$tmp/ours.log")" 'limit_reached limit=hops'
rule up '*' status=404 header=Cache-Control:no-store
get "/buildid/${missing}15/debuginfo"
get "/buildid/${missing}15/debuginfo"
is "nor is it, of others" "$status $(asked up "${missing}15")" "404 2"
rule up
get "/buildid/$(id 37)/debuginfo" -H 'X-Forwarded-For: 1, 2, 3, 4, 5, 6, 7'
is "after seven they are" "$status $(asked up "$(id 37)")" "200 1"
get "/buildid/$(build_id "$tmp/tree/local-1")/debuginfo" \
	-H 'X-Forwarded-For: 1, 2, 3, 4, 5, 6, 7, 8'
is "what is scanned here is no question of hops" "$status $(hops)" "200 3"
stop_server ours

port_a=$(find_port)
serve_ready loop --listen "127.0.0.1:$port_a" --upstream "http://127.0.0.1:$port_a" \
	"$tmp/tree"
# Else it would wait for itself until its limit of 10 s
at_most "a server that is its own upstream answers at once" \
	"$(took "/buildid/$(id 39)/debuginfo")" 8000
get "/buildid/$(id 39)/debuginfo"
is "with 404" "$status" 404
stop_server loop

# Two that ask each other, when clients of both want the same, as many as there
# may be requests at a time: the first stands still until clients wait there, and
# the second for it.
port_a=$(find_port)
port_b=$(find_port)
serve_ready one --listen "127.0.0.1:$port_a" --upstream "http://127.0.0.1:$port_b" \
	--upstream-timeout 30 "$tmp/tree"
one=$pid
serve_ready two --listen "127.0.0.1:$port_b" --upstream "http://127.0.0.1:$port_a" \
	--upstream-timeout 30 "$tmp/tree"
kill -STOP "$one"
clients=()
: >"$tmp/statuses"
for server in one two; do
	for i in {11..14}; do
		curl -s -m 60 -o /dev/null -w '%{http_code}\n' \
			"${server_url[$server]}/buildid/$missing$i/debuginfo" \
			>>"$tmp/statuses" &
		clients+=($!)
	done
done
use_server two
wait_until is_running_requests 4
begun=$SECONDS
kill -CONT "$one"
wait "${clients[@]}"
at_most "servers that ask each other do not wait for each other" \
	"$((SECONDS - begun))" 15
is "what neither has is absent" "$(sort -u "$tmp/statuses")" 404
finish
