#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A wall clock that jumps by ten years either way while a server runs, between two
# runs, and files from times to come: nothing is scanned, groomed, extracted,
# fetched or forgotten for it, and nobody waits for ten years.
#
# Requirements: R-35.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_faults.sh"
need "$CC" curl openssl
need_faults

must make_samples "$tmp/tree" 4
sample_base=1
must make_samples "$tmp/packed" 1
must "$mkpkg" deb --compress xz "$tmp/tree/p.deb" "./usr/bin/x=$tmp/packed/sample-1"
touch -d '10 years' "$tmp/tree/sample-1"
touch -d @1 "$tmp/tree/sample-2"
touch -d '2300-01-01' "$tmp/tree/sample-3"
at=$(address_of "$tmp/packed/sample-1" helper)
mkdir "$tmp/empty"

program=$SYMBOLIZED
printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "$preload" "$program" >"$tmp/preloaded"
chmod +x "$tmp/preloaded"
jump() {
	must "$faultctl" "$FAULT_CONTROL" clock "$1"
}
year=31557600

# What others are asked for is counted there.
serve_ready upstream "$tmp/empty"
upstream=$url
asked_upstream() {
	url=$upstream
	metric_sum symbolized_http_requests_total
	url=${server_url[main]}
}
log_year() {
	tail -n 1 "$tmp/main.log" | cut -c 1-4
}

serve() {
	SYMBOLIZED=$tmp/preloaded
	serve_ready main --upstream "$upstream" "$tmp/tree"
	SYMBOLIZED=$program
}

# all_is_as_before WHEN
all_is_as_before() {
	sample_base=1
	get "/buildid/$(sample_id 1)/executable" -H "If-None-Match: $etag"
	is "what a client has is still that: $1" "$status" 304
	get "/buildid/$(sample_id 1)/executable"
	same "a member is served: $1" "$tmp/body" "$tmp/packed/sample-1"
	is "from the cache: $1" "$(extractions)" "$extracted"
	sample_base=0
	for i in 1 2 3 4; do
		get "/buildid/$(sample_id $i)/debuginfo"
		same "a file is served, $i: $1" "$tmp/body" "$tmp/tree/sample-$i"
	done
	is "an address has its name: $1" "$(symbol)" "$name"
	rescan main
	is "a scan looks into nothing: $1" "$(last_scan looked_into main)" 0
	is "nothing was groomed: $1" "$(grep -c 'groom.*finished' "$tmp/main.log")" 0
	get /readyz
	is "the server is wholly ready: $1" "$status $(grep -c degraded "$tmp/body")" \
		"200 0"
}

symbol() {
	sample_base=1
	curl -s -m 60 -H 'Content-Type: text/plain' \
		--data-binary "$(sample_id 1)+$at" "$url/symbolize/v1?kind=vaddr"
}

serve
name=$(symbol)
like "an address has a name" "$name" '^helper .*helper\.c:'
sample_base=1
get "/buildid/$(sample_id 1)/executable"
etag=$(header ETag)
extracted=$(extractions)
get /buildid/00112233445566778899aabbccddeeff/executable
is "what nobody has is 404" "$status" 404
get /buildid/00112233445566778899aabbccddeeff/executable
asked=$(asked_upstream)
now=$(date +%Y)
for jump in 10 -10 0 -10 10; do
	jump $((jump * year))
	all_is_as_before "$jump years off"
	at_least "the clock is off: $jump years" \
		$((($(log_year) - now) * (jump > 0 ? 1 : -1))) $((jump ? 9 : 0))
	get /buildid/00112233445566778899aabbccddeeff/executable
	asked=$((asked + 1)) # the asking
	is "what nobody has is known: $jump years off" "$status $(asked_upstream)" \
		"404 $asked"
done

# A process that begins at another time than the one before ended
for jump in -10 10 0; do
	stop_server main
	is "a server ends well, before $jump years" "$exit_status" 0
	jump $((jump * year))
	serve
	is "the next one looks into nothing, $jump years off" \
		"$(last_scan looked_into main)" 0
	extracted=0
	all_is_as_before "begun $jump years off"
done

# It changes in the middle of what has a deadline, and of the end.
jump $((10 * year))
kill -TERM "$pid"
jump $((-10 * year))
wait_end "$pid"
is "a server ends well while the clock jumps" "$exit_status" 0
finish
