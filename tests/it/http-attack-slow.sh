#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Clients by the hundred that send a byte a second, or take one: those who ask as
# they should notice little, memory is bounded, and when the attack ends nothing
# is left of it. That each is ended in time is in http-attack-long.sh, and with
# short deadlines in tests/unit/test_http_hostile.c.
#
# Requirements: R-19, R-21, R-22, R-34.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib_attack.sh"
need "$CC" curl readelf
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 4096 ] ||
	skip_all "no more than $(ulimit -Hn) descriptors"
ulimit -Sn 4096

mkdir "$tmp/tree"
must make_samples "$tmp/tree" 3
must write_program "$tmp/src"
must build_program "$tmp/src" "$tmp/tree/program"
must big_file "$tmp/filler" 8
must objcopy --add-section .big="$tmp/filler" "$tmp/tree/program" "$tmp/tree/large"
rm "$tmp/tree/program"
large=$(build_id "$tmp/tree/large")
at=$(address_of "$tmp/tree/large" main)
serve_ready main --request-memory 64M "$tmp/tree"
polite=/buildid/$(sample_id 1)/executable
get "$polite"
curl -s -o "$tmp/none" -T - "$url/symbolize/v1" -H 'Content-Type: text/plain' \
	<<<"$large+$at"
asked_politely 2 "$tmp/before" "$polite"
files=$(descriptors)
memory=$(rss)

# ---- Headers ---------------------------------------------------------------------

printf 'GET / HTTP/1.1\r\nHost: a\r\nX: %02000d\r\n\r\n' 0 >"$tmp/headers"
begin_attack headers connections=400 piece=1 pause=1000 seconds=60
ok "400 clients send a byte of a header a second" wait_until has_connections 400
asked_politely 4 "$tmp/during" "$polite"
patience "slow headers" "$tmp/before" "$tmp/during"
end_attack headers
nothing_left "slow headers" "$files"

# ---- Bodies ----------------------------------------------------------------------

{
	printf 'POST /buildids/query HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{'
	printf ' %.0s' {1..2000}
} >"$tmp/bodies"
begin_attack bodies connections=400 piece=200 pause=500 seconds=60
ok "400 clients send a body slowly" wait_until has_connections 400
asked_politely 4 "$tmp/during" "$polite"
patience "slow bodies" "$tmp/before" "$tmp/during"
end_attack bodies
nothing_left "slow bodies" "$files"

# Of what each may send all together may send less: 400 times 1 MB
{
	printf 'POST /symbolize/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n{'
	head -c 1000000 /dev/zero | tr '\0' ' '
} >"$tmp/large"
begin_attack large connections=400 seconds=60 hold=1
ok "400 clients send a million bytes and wait" wait_until has_connections 100
is_held() {
	[ "$(reached request_memory)" -ge 1 ]
}
ok "the memory of bodies reaches its limit" wait_until is_held
asked_politely 3 "$tmp/during" "$polite"
patience "large bodies" "$tmp/before" "$tmp/during"
at_most "what is held is within the limit" \
	"$(metric symbolized_http_held_bytes)" $((64 << 20))
at_most "memory is bounded, KiB more than before" $(($(rss) - memory)) $((250000 + kept))
head -c 1000000 /dev/zero | tr '\0' ' ' >"$tmp/blanks"
get /symbolize/v1 -H 'Content-Type: application/json' --data-binary "@$tmp/blanks"
like "who does not fit is told so, and when to come back" \
	"$status $(header Retry-After)" '^503 [0-9]+$'
end_attack large
nothing_left "large bodies" "$files"
get /symbolize/v1 -H 'Content-Type: application/json' --data-binary "@$tmp/blanks"
is "then there is room" "$status" 400

# ---- Readers ---------------------------------------------------------------------

printf 'GET /buildid/%s/executable HTTP/1.1\r\nHost: a\r\n\r\n' "$large" >"$tmp/files"
begin_attack files connections=400 take=1 pause=1000 room=2048 hold=1 seconds=60
ok "400 clients take a byte of a file a second" wait_until has_connections 400
asked_politely 4 "$tmp/during" "$polite"
patience "slow readers of files" "$tmp/before" "$tmp/during"
end_attack files
nothing_left "slow readers of files" "$files"

# An answer that was made in memory stays there: 12 bytes become a hundred
lines=20000
for ((i = 0; i < lines; i++)); do
	echo "$large+$at"
done >"$tmp/lines"
{
	printf 'POST /symbolize/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n' \
		"$(wc -c <"$tmp/lines")"
	cat "$tmp/lines"
} >"$tmp/answers"
get /symbolize/v1 -H 'Content-Type: text/plain' --data-binary "@$tmp/lines"
size=$(wc -c <"$tmp/body")
is "an answer is large" "$status $((size > 500000))" "200 1"
begin_attack answers connections=300 take=1 pause=1000 room=2048 hold=1 seconds=120
ok "300 clients take a byte of a large answer a second" wait_until has_connections 300
before=$(reached request_memory)
is_more() {
	[ "$(reached request_memory)" -gt "$before" ]
}
ok "the memory of answers reaches its limit" wait_until is_more
asked_politely 4 "$tmp/during" "$polite"
patience "slow readers of answers" "$tmp/before" "$tmp/during"
at_most "what is held is within the limit, answers too" \
	"$(metric symbolized_http_held_bytes)" $((64 << 20))
at_most "memory is bounded, KiB more than before, answers too" \
	$(($(rss) - memory)) $((350000 + kept))
end_attack answers
nothing_left "slow readers of answers" "$files"

# ---- Decoded bodies --------------------------------------------------------------

# 16 KB that become 16 MB. Whom there is room for has them in the answer
{
	head -c 16000000 /dev/zero | tr '\0' x
	echo ";$large+$at"
} | gzip -9 >"$tmp/bomb"
at_most "a body is small" "$(wc -c <"$tmp/bomb")" 20000
before=$(reached request_memory)
senders=()
for _ in {1..20}; do
	curl -s -o "$tmp/none" -w '%{http_code}\n' "$url/symbolize/v1" \
		-H 'Content-Type: text/plain' -H 'Content-Encoding: gzip' \
		--data-binary "@$tmp/bomb" >>"$tmp/statuses" &
	senders+=($!)
done
wait "${senders[@]}"
is "whoever decodes to much is answered, or refused" \
	"$(grep -cE '^(200|503)$' "$tmp/statuses")" 20
at_least "some are answered" "$(grep -c '^200$' "$tmp/statuses")" 1
is "who was refused has met the limit" \
	$(($(reached request_memory) - before)) "$(grep -c '^503$' "$tmp/statuses")"
nothing_left "decoded bodies" "$files"
diag "$(rss) KiB, $memory KiB before"
at_most "decoded bodies: the system has its memory back, KiB" \
	$(($(rss) - memory)) $((50000 + kept))

# ---- Afterwards ------------------------------------------------------------------

asked_politely 2 "$tmp/after" "$polite"
patience "afterwards" "$tmp/before" "$tmp/after"
like "the limits that were reached are in the log by name" "$(cat "$tmp/main.log")" \
	'limit_reached limit=request_memory'
is "no worker died of it" "$(metric_sum symbolized_worker_deaths_total)" 0
diag "at most $(awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status") KiB," \
	"$memory KiB before"
stop_server main
is "the server ends well" "$exit_status" 0
finish
