#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What comes from an upstream server is passed on while it comes: to all who
# ask meanwhile, whoever leaves; what breaks is broken for them, too, and not
# kept.
#
# Requirements: R-37, R-38.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need readelf objcopy
need_curl_headers

make_samples "$tmp/samples" 20
sample_base=7 make_samples "$tmp/other" 1
id() {
	sample_id "$1"
}
# large NUMBER MIB: sample NUMBER with that much behind what it was
large() {
	must big_file "$tmp/ballast-$2" "$2"
	must objcopy --add-section .ballast="$tmp/ballast-$2" \
		"$tmp/samples/sample-$1" "$tmp/large-$1"
	put up "$(id "$1")" debuginfo "$tmp/large-$1"
}

start_fake up
large 1 4
for i in {2..9}; do
	put up "$(id "$i")" debuginfo "$tmp/large-1"
	at=$(LC_ALL=C grep -abo ZZZZZZZZZZZZZZZZ "$tmp/large-1" | head -n 1)
	dd if="$tmp/samples/sample-$i" of="$tmp/up/files/buildid/$(id "$i")/debuginfo" \
		bs=1 skip="${at%%:*}" seek="${at%%:*}" count=20 conv=notrunc status=none
done
size=$(stat -c %s "$tmp/large-1")
copy() {
	echo "$tmp/up/files/buildid/$(id "$1")/debuginfo"
}
mkdir "$tmp/tree"
serve_ready ours --upstream "${fake_url[up]}" --upstream-timeout 2 \
	--drain-timeout 1 "$tmp/tree"

# follow NUMBER: ask for it in the background; its process is in $client, what it
# has got in $tmp/got.NUMBER.$client
follow() {
	curl -s -m 60 -o "$tmp/got.$1" \
		-w '%{http_code} %{time_starttransfer} %{time_total} %{errormsg}' \
		"$url/buildid/$(id "$1")/debuginfo" >"$tmp/told.$1" &
	client=$!
}
has_some() {
	[ "$(stat -c %s "$tmp/got.$1" 2>/dev/null || echo 0)" -ge "$2" ]
}

# ---- While it comes --------------------------------------------------------------

rule up "$(id 1)" slow=40000
follow 1
ok "bytes are there before the end" wait_until has_some 1 60000
is "the server still sends" "$(is_running "$client" && echo yes)" yes
get "/buildid/$(id 1)/debuginfo" -r 0-99
is "who asks meanwhile has what is there" "$status $(stat -c %s "$tmp/body")" "206 100"
head_of "/buildid/$(id 1)/debuginfo"
is "and how long it will be" "$status $(header Content-Length)" "200 $size"
get "/buildid/$(id 1)/debuginfo"
same "who follows has all of it" "$tmp/body" "$tmp/large-1"
wait "$client"
same "as has the first" "$tmp/got.1" "$tmp/large-1"
read -r _ first total _ <"$tmp/told.1"
at_most "the first byte came in the first half of the time" \
	"$(awk "BEGIN { print int(100 * $first / $total) }")" 50
is "the server was asked once" "$(asked up "$(id 1)")" 1

rule up "$(id 2)" slow=40000
follow 2
wait_until has_some 2 60000
kill "$client"
wait "$client" 2>/dev/null
get "/buildid/$(id 2)/debuginfo"
same "a client that leaves ends nothing" "$tmp/body" "$(copy 2)"
is "and nothing is begun anew" "$(asked up "$(id 2)")" 1

received=$(metric 'symbolized_upstream_received_bytes_total{upstream="1"}')
# All of them ask while it comes, which takes a second, or four.
each=40000
if [ "${LONG_TESTS:-no}" = yes ]; then
	large 3 200
	each=500000
fi
rule up "$(id 3)" slow="$each"
clients=()
for i in {1..100}; do
	curl -s -m 600 "$url/buildid/$(id 3)/debuginfo" | cmp -s - "$(copy 3)" &&
		echo good >>"$tmp/hundred" &
	clients+=($!)
done
wait "${clients[@]}"
is "a hundred clients have it, byte for byte" "$(grep -c good "$tmp/hundred")" 100
is "for one request" "$(asked up "$(id 3)")" 1
is "of as many bytes" "$(metric 'symbolized_upstream_received_bytes_total{upstream="1"}')" \
	$((received + $(stat -c %s "$(copy 3)")))

# ---- What breaks ------------------------------------------------------------------

rule up "$(id 4)" slow=100000 "cut_at=$((size / 2))" times=1
follow 4
wait "$client"
code=$?
is "a body cut short ends the connection" "$code" 18
at_most "not all of it came" "$(stat -c %s "$tmp/got.4")" "$((size - 1))"
get "/buildid/$(id 4)/debuginfo"
same "it is not kept, but fetched again" "$tmp/body" "$(copy 4)"

rule up "$(id 5)" slow=100000 "hang_at=$((size / 2))" times=1
at_most "one that stands still ends, too" "$(took "/buildid/$(id 5)/debuginfo")" 8000
rule up
get "/buildid/$(id 5)/debuginfo"
same "and is fetched again" "$tmp/body" "$(copy 5)"

# A note that says sample 6, in the unused part of a program header of another.
liar=$tmp/up/files/buildid/$(id 6)/debuginfo
must objcopy --add-section .ballast="$tmp/ballast-4" "$tmp/other/sample-1" "$liar"
stack=$(readelf -lW "$liar" | awk '
	/^  Type / { in_table = 1; next }
	in_table && NF == 0 { exit }
	in_table && /^  [A-Z]/ { if ($1 == "GNU_STACK") print 64 + 56 * n; n++ }')
printf '%b' '\04\00\00\00\024\00\00\00\03\00\00\00GNU\00' \
	"$(id 6 | sed 's/../\\x&/g')" |
	dd of="$liar" bs=1 seek=$((stack + 4)) conv=notrunc status=none
rule up "$(id 6)" slow=40000
follow 6
wait_until has_some 6 60000
curl -s -m 60 -r 0-99 -o "$tmp/part" "$url/buildid/$(id 6)/debuginfo"
is "a part of it that is there is broken off, too" "$?" 18
wait "$client"
code=$?
is "a file whose head lies ends the connection" "$code" 18
get "/buildid/$(id 6)/debuginfo"
is "and is not kept" "$status" 404
rule up

# ---- Ends --------------------------------------------------------------------------

rule up "$(id 7)" slow=40000
follow 7
ok "a download is under way" wait_until has_some 7 60000
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait "$client"
isnt "who was sent it knows that it broke" "$?" 0
kept=$(find "$tmp/ours.cache" -maxdepth 1 -type f | sort)
serve_ready ours --upstream "${fake_url[up]}" --upstream-timeout 2 \
	--drain-timeout 1 "$tmp/tree"
is "kill -9 leaves nothing behind" \
	"$(find "$tmp/ours.cache" -mindepth 2 -type f -not -path '*/tables/*')" ""
is "nor takes away what was there" \
	"$(find "$tmp/ours.cache" -maxdepth 1 -type f | sort)" "$kept"
rule up
get "/buildid/$(id 7)/debuginfo"
same "what was under way is fetched anew" "$tmp/body" "$(copy 7)"
get "/buildid/$(id 1)/debuginfo"
same "what was kept is kept" "$tmp/body" "$tmp/large-1"
is "and is not asked for" "$(asked up "$(id 1)")" 1

rule up "$(id 8)" "hang_at=$((size / 2))"
follow 8
wait_until has_some 8 60000
begun=$SECONDS
stop_server ours
is "a server that relays can be stopped" "$exit_status" 0
at_most "in time" "$((SECONDS - begun))" 5
wait "$client"
isnt "and the client knows" "$?" 0
finish
