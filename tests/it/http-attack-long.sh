#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Who is slow is ended in time, with the deadlines that the server has by itself:
# 20 s for a header, 30 s for a body, 120 KiB in 30 s for an answer. Some minutes:
# make check-long.
#
# Requirements: R-21.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib_attack.sh"
need "$CC" curl readelf
[ "${LONG_TESTS:-no}" = yes ] || skip_all "takes minutes: make check-long"
ulimit -Sn 4096 || skip_all "too few descriptors"

mkdir "$tmp/tree"
must make_samples "$tmp/tree" 3
must write_program "$tmp/src"
must build_program "$tmp/src" "$tmp/program"
must big_file "$tmp/filler" 8
must objcopy --add-section .big="$tmp/filler" "$tmp/program" "$tmp/tree/large"
large=$(build_id "$tmp/tree/large")
serve_ready main "$tmp/tree"
polite=/buildid/$(sample_id 1)/executable
get "$polite"
asked_politely 2 "$tmp/before" "$polite"
files=$(descriptors)

printf 'GET / HTTP/1.1\r\nHost: a\r\nX: %02000d\r\n\r\n' 0 >"$tmp/headers"
{
	printf 'POST /buildids/query HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{'
	printf ' %.0s' {1..2000}
} >"$tmp/bodies"
printf 'GET /buildid/%s/executable HTTP/1.1\r\nHost: a\r\n\r\n' "$large" >"$tmp/readers"

# within NAME LEAST MOST LIMIT OPTIONS...: 300 clients are all ended in that time
within() {
	local name=$1 least=$2 most=$3 limit=$4 begun=$SECONDS before
	shift 4
	before=$(reached "$limit")
	begin_attack "$name" connections=300 seconds=300 "$@"
	ok "$name: 300 are there" wait_until has_connections 300
	asked_politely 5 "$tmp/during" "$polite"
	patience "$name" "$tmp/before" "$tmp/during"
	wait_until is_alone || wait_until is_alone
	at_least "$name: they have their time, s" $((SECONDS - begun)) "$least"
	at_most "$name: and no more, s" $((SECONDS - begun)) "$most"
	is "$name: which is counted by name" "$(($(reached "$limit") - before))" 300
	end_attack "$name"
	nothing_left "$name" "$files"
}
within headers 19 40 header_time piece=1 pause=500
within bodies 29 50 body_time piece=200 pause=4000
within readers 29 80 send_rate take=1 pause=1000 room=2048 hold=1
finish
