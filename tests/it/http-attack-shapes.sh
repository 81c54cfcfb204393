#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Requests in shapes that two servers could read differently, that are absurd or
# lead away: each has one answer of 4xx or none, nothing hidden in it counts as a
# request, nothing gets out of its line of the log, and no 5xx is a client's
# mistake.
#
# Requirements: R-8, R-13, R-18, R-19, R-20, R-25.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl readelf
attack=$top_builddir/tests/lib/http_attack

mkdir "$tmp/tree" "$tmp/secret"
must write_program "$tmp/tree/src"
must build_program "$tmp/tree/src" "$tmp/tree/program"
id=$(build_id "$tmp/tree/program")
echo "a secret of this machine" >"$tmp/secret/file"
serve_ready main "$tmp/tree"

# say TEXT: send it as printf's format spells it, leave what came in $answers:
# the status of each answer, and "end" where the connection was ended
say() {
	# shellcheck disable=SC2059
	printf "$1" >"$tmp/request"
	"$attack" seconds=2 hold=1 idle=300 "$port" "$tmp/request" >"$tmp/said"
	answers=$(awk '$1 == "status" { for (i = 0; i < $3; i++) printf "%s ", $2 }
		$1 == "ended" { end = $2 }
		END { printf "%s", end ? "end" : "" }' "$tmp/said")
}

healthy='GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'
head='GET /healthz HTTP/1.1\r\nHost: a\r\n'
query='POST /buildids/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
body='{"build_ids":["aa00"]}' # 22 bytes
chunks="16\\r\\n$body\\r\\n0\\r\\n\\r\\n"

say "$healthy$healthy"
is "two requests in a row are two" "$answers" "200 200 "

# ---- Where does it end? --------------------------------------------------------

# refused NAME TEXT: 400 and the end. 0.9.75 says its own answer to a malformed
# length twice.
refused() {
	say "$2"
	like "refused: $1" "$answers" '^((400|413) )?(400|413|431|414) end$'
}

refused "two lengths" "${query}Content-Length: 22\r\nContent-Length: 0\r\n\r\n$body$healthy"
refused "two lengths that agree" "${query}Content-Length: 22\r\nContent-Length: 22\r\n\r\n$body$healthy"
refused "a list of lengths" "${query}Content-Length: 22, 22\r\n\r\n$body$healthy"
refused "a length and chunks" "${query}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$healthy"
refused "chunks and a length" "${query}transfer-encoding:chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n$healthy"
refused "nearly chunked" "${query}Transfer-Encoding: xchunked\r\n\r\n$chunks$healthy"
refused "chunked in quotes" "${query}Transfer-Encoding: \"chunked\"\r\n\r\n$chunks$healthy"
refused "chunked twice" "${query}Transfer-Encoding: chunked, chunked\r\n\r\n$chunks$healthy"
refused "chunked and something else" "${query}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n$chunks$healthy"
refused "chunked before a space" "${query}Transfer-Encoding: chunked \r\n\r\n$chunks$healthy"
refused "chunked behind a vertical tab" "${query}Transfer-Encoding: \013chunked\r\n\r\n$chunks$healthy"
refused "a space before the colon" "${query}Transfer-Encoding : chunked\r\n\r\n$chunks$healthy"
refused "a tab before the colon" "${query}Content-Length\t: 22\r\n\r\n$body$healthy"
refused "a space before the name" "GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n$healthy"
refused "a folded line" "${query}X: a\r\n b\r\nContent-Length: 22\r\n\r\n$body$healthy"
refused "a folded coding" "${query}Transfer-Encoding:\r\n\tchunked\r\n\r\n$chunks$healthy"
refused "a lone LF in the header" "${query}X: a\nTransfer-Encoding: chunked\r\n\r\n$chunks$healthy"
refused "lone LFs for the header" "GET /healthz HTTP/1.1\nHost: a\n\n$healthy"
refused "a lone CR" "${head}X: a\rY: b\r\n\r\n$healthy"
refused "a plus before the length" "${query}Content-Length: +22\r\n\r\n$body$healthy"
refused "a length in base 16" "${query}Content-Length: 0x16\r\n\r\n$body$healthy"
refused "a length below zero" "${query}Content-Length: -22\r\n\r\n$body$healthy"
refused "two numbers for a length" "${query}Content-Length: 2 2\r\n\r\n$body$healthy"
refused "no length at all" "${query}Content-Length:\r\n\r\n$body$healthy"
refused "a length of 2^64" "${query}Content-Length: 18446744073709551616\r\n\r\n$body$healthy"
refused "a length of 2^63 - 1" "${query}Content-Length: 9223372036854775807\r\n\r\n$body$healthy"
refused "GET with a body" "${head}Content-Length: 40\r\n\r\n$healthy"
refused "HEAD with chunks" "HEAD /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$healthy"
refused "two hosts" "${head}Host: b\r\n\r\n$healthy"
refused "no host" "GET /healthz HTTP/1.1\r\n\r\n$healthy"
refused "no name of a field" "${head}: b\r\n\r\n$healthy"
refused "a field without a colon" "${head}nonsense\r\n\r\n$healthy"
refused "a name that is no token" "${head}X(Y): a\r\n\r\n$healthy"
refused "a name beyond ASCII" "${head}X\303\244: a\r\n\r\n$healthy"
refused "a NUL in a name" "${head}X\\000Y: a\r\n\r\n$healthy"
refused "a NUL in a value" "${head}X: a\\000b\r\n\r\n$healthy"
refused "a NUL in the path" "GET /healthz\\000x HTTP/1.1\r\nHost: a\r\n\r\n$healthy"
refused "a NUL in the query" "GET /healthz?a\\000=b HTTP/1.1\r\nHost: a\r\n\r\n$healthy"
refused "no version" "GET /healthz\r\n\r\n$healthy"
refused "a version in small letters" "GET /healthz http/1.1\r\nHost: a\r\n\r\n$healthy"
refused "a version of three digits" "GET /healthz HTTP/1.12\r\nHost: a\r\n\r\n$healthy"

for what in "-1" "fffffffffffffffff" "0x16" "+16" " 16" "16 " "" "1 6" "g"; do
	refused "a chunk of \"$what\"" \
		"${query}Transfer-Encoding: chunked\r\n\r\n$what\r\n$body\r\n0\r\n\r\n$healthy"
done
refused "a chunk that is longer than it says" \
	"${query}Transfer-Encoding: chunked\r\n\r\n15\r\n$body\r\n0\r\n\r\n$healthy"
refused "a chunk's extension with a line of its own" \
	"${query}Transfer-Encoding: chunked\r\n\r\n16;\nxx\r\n$body\r\n0\r\n\r\n$healthy"

# alone NAME STATUS TEXT: one answer, and what lies behind is no request
alone() {
	say "$3"
	is "alone: $1" "$answers" "$2 end"
}
alone "chunks that end in lone LFs" 200 \
	"${query}Transfer-Encoding: chunked\r\n\r\n16\n$body\n0\n\n$healthy"
alone "a chunk's extension" 200 \
	"${query}Transfer-Encoding: chunked\r\n\r\n16;a=\"b\"\r\n$body\r\n0\r\n\r\n$healthy"
alone "a length behind the chunks" 200 \
	"${query}Transfer-Encoding: chunked\r\n\r\n16\r\n$body\r\n0\r\nContent-Length: 40\r\n\r\n$healthy"
alone "a chunked body that nobody wants" 404 \
	"POST /nowhere HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$healthy"
alone "chunks in HTTP/1.0" 400 \
	"POST /buildids/query HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n$chunks$healthy"

# never_good NAME TEXT: whatever is answered, it is no 2xx
never_good() {
	say "$2"
	unlike "never good: $1" "$answers" '2[0-9][0-9]'
}
never_good "a space before the method" " $head\r\n"
never_good "tabs in the request line" "GET\t/healthz\tHTTP/1.1\r\nHost: a\r\n\r\n"
never_good "another version" "GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n"
never_good "the preface of HTTP/2" "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
never_good "TLS" "\026\003\001\002\000\001\000\001\374\003\003"
never_good "somebody else's address" "GET http://192.0.2.1/healthz HTTP/1.1\r\nHost: a\r\n\r\n"
never_good "CONNECT" "CONNECT 192.0.2.1:80 HTTP/1.1\r\nHost: a\r\n\r\n"
never_good "TRACE" "TRACE / HTTP/1.1\r\nHost: a\r\nX-Secret: b\r\n\r\n"
never_good "a method of 400 letters" "$(printf 'A%.0s' {1..400}) / HTTP/1.1\r\nHost: a\r\n\r\n"
say "$healthy"
is "the server goes on" "$answers" "200 "

# ---- Absurd headers ------------------------------------------------------------

long=$(head -c 40000 /dev/zero | tr '\0' a)
refused "a path of 40,000 bytes" "GET /$long HTTP/1.1\r\nHost: a\r\n\r\n"
refused "a method of 40,000 bytes" "$long / HTTP/1.1\r\nHost: a\r\n\r\n"
refused "a name of 40,000 bytes" "$head$long: a\r\n\r\n"
refused "a value of 40,000 bytes" "${head}X: $long\r\n\r\n"
refused "a value of 17,000 bytes" "${head}X: ${long:0:17000}\r\n\r\n"
refused "1000 fields" "$head$(for i in {1..1000}; do printf 'X%d: a\\r\\n' "$i"; done)\r\n"
refused "101 fields" "$head$(for i in {1..100}; do printf 'X%d: a\\r\\n' "$i"; done)\r\n"
at_least "limits of headers are counted by name" \
	"$(metric 'symbolized_limits_reached_total{limit="header_fields"}')" 1
at_least "and the other one" \
	"$(metric 'symbolized_limits_reached_total{limit="header_size"}')" 2
like "and logged by name" "$(cat "$tmp/main.log")" \
	'limit_reached limit=header_fields'

# ---- Ways out of the tree ------------------------------------------------------

# What a path becomes is decoded once; nothing of it is the server's own tree.
secret=$tmp/secret/file
escaped=${secret//\//%2F}
for path in "$secret" "/..$secret" "$escaped" "%252F${secret#/}" \
	"$tmp/tree/../secret/file" "$tmp/tree/%2e%2e/secret/file" \
	"$tmp/tree/..%2fsecret/file" "$tmp/tree/..%252fsecret/file" \
	"$tmp/tree/%2e%2e%2f%2e%2e%2f$secret" "$tmp/tree/..%c0%af..%c0%af$secret" \
	"/proc/self/root$secret" "/proc/self/cwd/../$secret" "/proc/$pid/root$secret" \
	"/dev/fd/3" "/proc/self/environ" "$tmp/tree/....//secret/file" \
	"$tmp/tree//..//secret//file" "$tmp/tree/.\\\\../secret/file" \
	"/etc/passwd" "/%2e%2e/%2e%2e/%2e%2e/etc/passwd" "etc/passwd" "?/etc/passwd"; do
	get "/buildid/$id/source/${path#/}"
	like "a source that leads away is 4xx: $path" "$status" '^4[0-9][0-9]$'
	unlike "and says nothing of this machine: $path" "$(body)" \
		"secret|$tmp|root:|No such file"
done
for path in "/buildid/../../etc/passwd" "/buildid/%2e%2e%2f%2e%2e/executable" \
	"/buildid/$id/section/../../../etc/passwd" "/../../etc/passwd" \
	"/buildid/$id/section/%00" "/buildid/$id%00/executable" \
	"/buildid/$id/source/%00" "/buildid/$id/source$tmp/tree/src/main.c%00x" \
	"/buildid/$id/source" "/buildid/$id/source/" "/buildid//executable" \
	"/buildid/./executable" "/buildid/zz/executable" "/%00" "/%" "/%f"; do
	get "$path"
	like "a path that leads nowhere is 4xx: $path" "$status" '^4[0-9][0-9]$'
done
get "/buildid/$id/source$tmp/tree/src/main.c"
same "what is beneath the tree is served" "$tmp/body" "$tmp/tree/src/main.c"

# ---- The log -------------------------------------------------------------------

lines=$(wc -l <"$tmp/main.log")
for text in '%0a2026-01-01T00:00:00.000Z error http: forged a=b' \
	'%0d%0aforged' '%1b[2Jforged' '%22 forged=1 x=%22' '%e2%80%a8forged' \
	'%c2%9bforged' '%7fforged' '\nforged' '%ff%feforged'; do
	get "/buildid/${text//[ \[]/_}/executable" -g -H "User-Agent: x${text}" \
		-H "X-Request-Id: x$text" -H "X-Forwarded-For: $text"
	like "a forged line is 4xx: $text" "$status" '^4[0-9][0-9]$'
done
# Bytes as they are, which curl would not send
say "GET /\033[31m\200\377forged HTTP/1.1\r\nHost: a\r\n\r\n"
like "control bytes in a path are 4xx" "$answers" '^4'
say "GET /\302\233\342\200\256forged HTTP/1.1\r\nHost: a\r\n\r\n"
like "characters that move the cursor are 4xx" "$answers" '^4'
say "GET /a\"b\\\\c\201forged HTTP/1.1\r\nHost: a\r\nX-Request-Id: \"\\\\forged\r\n\r\n"
like "quotes in a path are 4xx" "$answers" '^4'
tail -n "+$((lines + 1))" "$tmp/main.log" >"$tmp/lines"
is "every line of the log begins as one of ours" \
	"$(grep -cvE '^[0-9]{4}-[0-9-]+T[0-9:.]+Z (info|warn|error|debug) [a-z]+: ' "$tmp/lines")" 0
is "there is a line a request" "$(grep -c 'http: request' "$tmp/lines")" 12
is "no byte in it is anything but ASCII, or the mark of what is no text" \
	"$(sed 's/\xef\xbf\xbd//g' "$tmp/lines" | grep -c '[^ -~]')" 0
is "no field is forged" "$(grep -cE '^[^"]*( forged=1)' "$tmp/lines")" 0
curl -s "$url/metrics" >"$tmp/metrics"
is "no byte of it is in a metric" "$(grep -c forged "$tmp/metrics")" 0
is "nor anything but ASCII" "$(LC_ALL=C grep -c '[^ -~]' "$tmp/metrics")" 0

# ---- Afterwards ----------------------------------------------------------------

is "no mistake of a client was a 5xx" \
	"$(grep -E '^symbolized_http_requests_total.*code="5' "$tmp/metrics")" ""
is "no worker died of it" "$(metric_sum symbolized_worker_deaths_total)" 0
stop_server main
is "the server ends well" "$exit_status" 0

# The same in JSON: each line is a value
serve_ready json --log-format json "$tmp/tree"
get '/%22%7d%0a%7b%22level%22:%22error%22' -H 'X-Request-Id: "}'
say 'GET /\200\302\233\342\200\250\"}\\forged HTTP/1.1\r\nHost: a\r\n\r\n'
if have jq; then
	# shellcheck disable=SC2016
	ok "each line of a log in JSON is an object" \
		jq -e -n 'reduce inputs as $i (true; . and ($i | type == "object"))' "$tmp/json.log"
else
	skip "each line of a log in JSON is an object" "no jq"
fi
finish
