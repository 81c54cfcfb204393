#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Where what is fetched is kept: a disk that is full, or gets full under a
# download; a cache that two processes have; many at a time.
#
# Requirements: R-31, R-37.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need readelf objcopy
need_curl_headers

make_samples "$tmp/samples" 20
id() {
	sample_id "$1"
}
must big_file "$tmp/ballast" 12
start_fake up
for i in {1..9}; do
	must objcopy --add-section .ballast="$tmp/ballast" \
		"$tmp/samples/sample-$i" "$tmp/large-$i"
	put up "$(id "$i")" debuginfo "$tmp/large-$i"
done
put up "$(id 10)" debuginfo "$tmp/samples/sample-10"
mkdir "$tmp/tree"
degraded() {
	curl -s "$url/readyz" | grep -o '"degraded":"[^"]*"'
}

# ---- A disk that is full ------------------------------------------------------------

disk=$tmp/disk
mkdir "$disk"
if mount -t tmpfs -o size=40m none "$disk" 2>/dev/null; then
	mounted+=("$disk")
	free_kib() {
		df --output=avail "$disk" | tail -n 1
	}
	serve_ready full --cache-dir "$disk/cache" --cache-size 30M --upstream "${fake_url[up]}" \
		--upstream-timeout 5 "$tmp/tree"
	get "/buildid/$(id 10)/debuginfo"
	same "a file is fetched and kept" "$tmp/body" "$tmp/samples/sample-10"
	must fallocate -l 26m "$disk/others"
	get "/buildid/$(id 1)/debuginfo"
	same "what finds no room passes" "$tmp/body" "$tmp/large-1"
	is "which is said" "$(degraded)" '"degraded":"cache full"'
	get "/buildid/$(id 1)/debuginfo"
	same "again" "$tmp/body" "$tmp/large-1"
	is "it was not kept" "$(asked up "$(id 1)")" 2
	rule up "$(id 2)" chunked no_size
	get "/buildid/$(id 2)/debuginfo"
	same "what says no size, and finds no room on its way, passes" \
		"$tmp/body" "$tmp/large-2"
	at_least "and leaves others their reserve" "$(free_kib)" 4000
	get "/buildid/$(id 10)/debuginfo"
	is "what was kept is served" "$status $(asked up "$(id 10)")" "200 1"

	must rm "$disk/others"
	rule up "$(id 3)" slow=20000
	curl -s -m 60 -o "$tmp/got" "$url/buildid/$(id 3)/debuginfo" &
	client=$!
	has_some() {
		[ "$(stat -c %s "$tmp/got" 2>/dev/null || echo 0)" -ge 3000000 ]
	}
	ok "a download begins" wait_until has_some
	beside() {
		metric 'symbolized_cache_operations_total{op="bypass"}'
	}
	before=$(beside)
	has_moved() {
		[ "$(beside)" -gt "$before" ]
	}
	head -c 40M /dev/zero >"$disk/others" 2>/dev/null
	ok "the disk gets full" wait_until has_moved
	curl -s -m 60 -o "$tmp/got-late" "$url/buildid/$(id 3)/debuginfo" &
	late=$!
	wait "$client"
	is "a disk that gets full does not end it" "$?" 0
	same "it passes, from the cache and from elsewhere" "$tmp/got" "$tmp/large-3"
	wait "$late"
	same "as it does to whoever came then" "$tmp/got-late" "$tmp/large-3"
	is "nobody was asked again for that" "$(asked up "$(id 3)")" 1
	is "that nothing is kept is said" "$(degraded)" '"degraded":"cache full"'
	rule up
	get "/buildid/$(id 3)/debuginfo"
	same "the next one passes" "$tmp/body" "$tmp/large-3"
	get "/buildid/$(id 10)/debuginfo"
	is "what was kept is served" "$status $(asked up "$(id 10)")" "200 1"
	must rm "$disk/others"
	get "/buildid/$(id 4)/debuginfo"
	get "/buildid/$(id 4)/debuginfo"
	is "with room again it is kept" "$status $(asked up "$(id 4)")" "200 1"
	is "and all is well" "$(degraded)" ""
	is "no temporary file is left" "$(find "$disk/cache/tmp" -type f 2>/dev/null)" ""
	stop_server full
	umount "$disk" && mounted=()
else
	skip "a full disk" "no mount"
fi

# ---- Two processes ------------------------------------------------------------------

serve_ready writer --cache-dir "$tmp/shared" --upstream "${fake_url[up]}" \
	--upstream-timeout 5 "$tmp/tree"
get "/buildid/$(id 5)/debuginfo"
same "one process fetches it" "$tmp/body" "$tmp/large-5"
kept() {
	find "$tmp/shared" -maxdepth 1 -type f -size +1M | grep -q .
}
ok "and keeps it" wait_until kept
ro=$tmp/shared-ro
mkdir "$ro"
if mount --bind "$tmp/shared" "$ro" 2>/dev/null; then
	mounted+=("$ro")
	must mount -o remount,bind,ro "$ro"
	serve_ready reader --cache-dir "$ro" --upstream "${fake_url[up]}" \
		--upstream-timeout 5 "$tmp/tree"
	get "/buildid/$(id 5)/debuginfo"
	same "another one, which may only read there, has it from there" \
		"$tmp/body" "$tmp/large-5"
	is "with what its server said of it" "$(header X-DEBUGINFOD-FILE)" /usr/lib/remote.so
	is "nobody was asked again" "$(asked up "$(id 5)")" 1
	get "/buildid/$(id 6)/debuginfo"
	same "what is not there passes" "$tmp/body" "$tmp/large-6"
	get "/buildid/$(id 6)/debuginfo"
	is "each time" "$status $(asked up "$(id 6)")" "200 2"
	use_server writer
	get "/buildid/$(id 7)/debuginfo"
	is "what the first fetches since" "$status" 200
	use_server reader
	is_found_there() {
		get "/buildid/$(id 7)/debuginfo"
		[ "$(asked up "$(id 7)")" = 1 ] && [ "$(served_from cache)" -ge 2 ]
	}
	ok "the other one finds" is_found_there
	same "as it is" "$tmp/body" "$tmp/large-7"
	stop_server writer
	rm "$tmp"/shared/[0-9a-f]*[0-9a-f]
	get "/buildid/$(id 5)/debuginfo"
	same "what is taken away is fetched" "$tmp/body" "$tmp/large-5"
	stop_server reader
	umount "$ro" && mounted=()
else
	skip "a cache that two processes have" "no mount"
fi
finish
