#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Too much of everything: build IDs that nobody knows, requests in one packet,
# connections of one address and of many, four times as many requests as can be
# answered, no descriptor left. Those who ask as they should are answered, memory
# is bounded, and afterwards all is as before.
#
# Requirements: R-19, R-22, R-25, R-34.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib_attack.sh"
need "$CC" curl readelf prlimit
need_curl_headers
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 4096 ] ||
	skip_all "no more than $(ulimit -Hn) descriptors"
ulimit -Sn 4096
# How long the server is asked for more than it can do
flood_s=2
[ "${LONG_TESTS:-no}" != yes ] || flood_s=60

mkdir "$tmp/tree"
must make_samples "$tmp/tree" 3
sample_base=1
must make_samples "$tmp/packed" 3
must "$mkpkg" deb --compress xz "$tmp/tree/one.deb" "./a=$tmp/packed/sample-1" \
	"./b=$tmp/packed/sample-2"
packed=$(sample_id 1)
sample_base=0
must write_program "$tmp/src"
must build_program "$tmp/src" "$tmp/tree/program"
program=$(build_id "$tmp/tree/program")
at=$(address_of "$tmp/tree/program" main)
serve_ready main "$tmp/tree"
polite=/buildid/$(sample_id 1)/executable
get "$polite"
get "/buildid/$packed/executable"
asked_politely 2 "$tmp/before" "$polite"
files=$(descriptors)
memory=$(rss)

# ---- Nobody knows them -----------------------------------------------------------

unknown=@@@@@@@@@@@@@@@@00112233
ids=
for _ in {1..20}; do
	ids+=,\"$unknown\"
done
body='{"build_ids":['${ids#,}']}'
{
	for what in executable debuginfo section/.text source/usr/src/a.c meta gsym; do
		printf 'GET /buildid/%s/%s HTTP/1.1\r\nHost: a\r\n\r\n' "$unknown" "$what"
	done
	printf 'POST /buildids/query HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s' \
		${#body} "$body"
	body="$unknown+0x1000"
	printf 'POST /symbolize/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s' \
		${#body} "$body"
	printf 'GET /metadata?key=buildid&value=%s HTTP/1.1\r\nHost: a\r\n\r\n' "$unknown"
} >"$tmp/unknown"
begin_attack unknown connections=16 repeat=100000 seconds=60
many_are_unknown() {
	[ "$(metric symbolized_artifacts_absent_total)" -ge 3000 ]
}
ok "3000 artifacts that nobody knows are asked for" wait_until many_are_unknown
asked_politely "$flood_s" "$tmp/during" "$polite"
patience "unknown IDs" "$tmp/before" "$tmp/during"
now=$(rss)
absent=$(metric symbolized_artifacts_absent_total)
are_twice_as_many() {
	[ "$(metric symbolized_artifacts_absent_total)" -ge $((2 * absent)) ]
}
wait_until are_twice_as_many
end_attack unknown
at_most "memory is bounded, KiB more than before" $((now - memory)) $((150000 + kept))
at_most "twice as many take no more, KiB" $(($(rss) - now)) $((50000 + kept))
is "they are all 404, or empty" \
	"$(awk '$1 == "status" && $2 != 200 && $2 != 404' "$tmp/unknown.out")" ""
nothing_left "unknown IDs" "$files"

# ---- In one packet ---------------------------------------------------------------

printf 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n' >"$tmp/pipelined"
begin_attack pipelined repeat=5000 seconds=60
wait "${attacker[pipelined]}"
is "5000 requests on one connection, none waited for, are all answered" \
	"$(of_status 200 "$tmp/pipelined.out")" 5000

# ---- Of one address --------------------------------------------------------------

printf 'GET / HTTP/1.1\r\nHost: a\r\nX: ' >"$tmp/one"
begin_attack one connections=1500 again=0 seconds=60
refuses() {
	[ "$(reached connections_per_address)" -ge 1000 ]
}
ok "of 1500 connections of one address 1000 are closed" wait_until refuses
is "500 stay, and the one that asks" "$(connections)" 501
asked_politely 2 "$tmp/during" "$polite"
patience "connections of one address" "$tmp/before" "$tmp/during"
end_attack one
nothing_left "connections of one address" "$files"
at_most "that takes no more than 20 lines of the log" \
	"$(grep -c 'limit=connections_per_address' "$tmp/main.log")" 20

# One after the other, as fast as they can be made
printf 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' >"$tmp/churn"
begin_attack churn connections=50 again=1 addresses=20 seconds=60 most=5000
asked_politely 2 "$tmp/during" "$polite"
patience "a new connection for each request" "$tmp/before" "$tmp/during"
end_attack churn
nothing_left "a new connection for each request" "$files"

# ---- Four times as much as can be done -------------------------------------------

body=$(for _ in {1..300}; do echo "$program+$at"; done)
{
	printf 'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' "$polite" "/buildid/$packed/executable"
	printf 'POST /symbolize/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s' \
		${#body} "$body"
} >"$tmp/capacity"
cp "$tmp/capacity" "$tmp/overload"
curl -s -o "$tmp/none" "$url/symbolize/v1" -H 'Content-Type: text/plain' --data-binary "$body"
# Sixteen who do not wait for answers keep it as busy as it can be.
begin_attack capacity connections=16 repeat=1000000 seconds="$flood_s"
wait "${attacker[capacity]}"
full=$(of_status 200 "$tmp/capacity.out")
diag "as much as can be done: $full answers in $flood_s s"
begin_attack overload connections=64 addresses=8 repeat=1000000 \
	seconds=$((flood_s + 60))
asked_politely "$flood_s" "$tmp/healthz" /healthz
asked_politely 2 "$tmp/metrics" /metrics
end_attack overload
is "/healthz answers throughout" "$(field good "$tmp/healthz")" \
	"$(field asked "$tmp/healthz")"
is "/metrics answers throughout" "$(field good "$tmp/metrics")" \
	"$(field asked "$tmp/metrics")"
is_quick() {
	asked_politely 1 "$tmp/after" "$polite"
	diag "afterwards: $(tr '\n' ' ' <"$tmp/after")"
	[ "$(field median "$tmp/after")" -le $((25 * 2000)) ]
}
begun=$SECONDS
ok "afterwards it is as quick as before" wait_until is_quick
at_most "within 5 seconds, and one to see it" $((SECONDS - begun)) 6
is "all that was answered was 200, or 503 for now" \
	"$(awk '$1 == "status" && $2 != 200 && $2 != 503' "$tmp/overload.out")" ""
nothing_left "overload" "$files"

# ---- No descriptor left ----------------------------------------------------------

# talk PATH: on the connection that is open as 9; leaves $status
talk() {
	local line
	status=none
	printf 'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' "$1" >&9
	while IFS= read -r -t "$long_s" line <&9; do
		line=${line%$'\r'}
		case $line in
		HTTP/1.1\ *)
			status=${line#HTTP/1.1 }
			status=${status%% *}
			length=0
			;;
		Content-Length:*) length=${line#*: } ;;
		"")
			[ "$length" = 0 ] || head -c "$length" <&9 >"$tmp/talk"
			return
			;;
		esac
	done
}
many=$(prlimit --pid "$pid" --nofile --noheadings --output SOFT)
exec 9<>"/dev/tcp/127.0.0.1/$port"
talk "$polite"
is "a connection is open" "$status" 200
must prlimit --pid "$pid" --nofile=10:
talk "$polite"
is "without a descriptor for the file it is 503" "$status" 503
talk /healthz
is "/healthz needs none" "$status" 200
curl -s -m "$long_s" -o "$tmp/body" -w '%{http_code}' "$url$polite" >"$tmp/late" &
late=$!
talk /metrics
is "nor does /metrics" "$status" 200
must prlimit --pid "$pid" --nofile="$many":
talk "$polite"
is "with descriptors it goes on" "$status" 200
exec 9>&-
wait "$late"
is "who came meanwhile is answered" "$(cat "$tmp/late")" 200
# And when nobody is there at that time, whose end would make room
ok "nobody is there" wait_until is_alone
must prlimit --pid "$pid" --nofile=10:
curl -s -m "$long_s" -o "$tmp/body" -w '%{http_code}' "$url$polite" >"$tmp/late" &
late=$!
# In the queue of who listens: the one that is not taken
is_queued() {
	awk -v at=":$(printf %04X "$port")$" '
		$2 ~ at && $4 == "0A" { split($5, queue, ":"); n = queue[2] }
		END { exit n !~ /[1-9A-F]/ }' /proc/net/tcp
}
ok "who comes when there is no descriptor is not lost" wait_until is_queued
ok "but waits" is_running "$late"
must prlimit --pid "$pid" --nofile="$many":
wait "$late"
is "and is answered when there is one" "$(cat "$tmp/late")" 200
stop_server main
is "the server ends well" "$exit_status" 0

# ---- Of everybody ----------------------------------------------------------------

serve_ready few --connection-limit 100 "$tmp/tree"
files=$(descriptors)
get "$polite"
printf 'GET / HTTP/1.1\r\nHost: a\r\nX: ' >"$tmp/crowd"
begin_attack crowd connections=400 addresses=40 again=1 seconds=120
is_full() {
	get "$polite"
	[ "$status" = 503 ]
}
ok "when all connections are taken one more is told so" wait_until is_full
like "and when to come back" "$(header Retry-After)" '^[0-9]+$'
at_least "the limit is counted" "$(reached connections)" 1
asked_politely 4 "$tmp/healthz" /healthz
is "/healthz answers throughout a flood of connections" \
	"$(field good "$tmp/healthz")" "$(field asked "$tmp/healthz")"
at_least "more than once" "$(field asked "$tmp/healthz")" 2
diag "/healthz during: $(tr '\n' ' ' <"$tmp/healthz")"
get /metrics
is "/metrics answers, too" "$status" 200
end_attack crowd
nothing_left "a flood of connections" "$files"
get "$polite"
is "then all is as before" "$status" 200
like "the limit is in the log by name" "$(cat "$tmp/few.log")" \
	'limit_reached limit=connections '
stop_server few
is "that server ends well" "$exit_status" 0

# ---- Behind a proxy --------------------------------------------------------------

serve_ready proxied --trusted-proxy 127.0.0.1/32 "$tmp/tree"
get "$polite" -H 'X-Forwarded-For: 203.0.113.9, 198.51.100.7'
like "who asks through a trusted proxy is known by what it says" \
	"$(tail -n 1 "$tmp/proxied.log")" ' client=198\.51\.100\.7 '
get "$polite" --interface 127.0.0.2 -H 'X-Forwarded-For: 198.51.100.7'
like "nobody else is believed" "$(tail -n 1 "$tmp/proxied.log")" \
	' client=127\.0\.0\.2 '
stop_server proxied
"$SYMBOLIZED" serve --trusted-proxy 10.0.0.0/99 --state-dir "$tmp/x.state" \
	--cache-dir "$tmp/x.cache" >"$tmp/none" 2>&1
is "a range that is none is an error of use" "$?" 64
finish
