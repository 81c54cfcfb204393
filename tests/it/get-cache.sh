#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Members of archives land in the disk cache, which outlives the server, trusts
# nothing it finds, and stays within its bound. Files that change behind the
# server's back are never served as something else.
#
# Requirements: R-14, R-23, R-33.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl objcopy strip readelf openssl

# Large enough that several members fill a small cache
write_large() {
	write_program "$1" || return 1
	head -c 300000 /dev/urandom | od -An -v -tx1 | sed 's/ /\\x/g; s/.*/"&"/' |
		{
			echo 'const char data[] ='
			cat
			echo '; int number = N;'
		} >"$1/data.c"
}

src=$tmp/src
mkdir "$tmp/pool" "$tmp/build"
must write_large "$src"
for i in 1 2 3 4; do
	must build_program "$src" "$tmp/build/tool$i" -DN="$i" data.c
	must "$mkpkg" deb --compress xz --block-size 65536 \
		"$tmp/pool/tool$i.deb" "./usr/bin/tool$i=$tmp/build/tool$i" \
		"./usr/share/doc/tool$i=$src/main.c"
	id[i]=$(build_id "$tmp/build/tool$i")
done
isnt "the programs have IDs of their own" "${id[1]}" "${id[2]}"

executable() {
	get "/buildid/${id[$1]}/executable"
}

# The cache's files, largest first; what it keeps for itself is small
cached() {
	find "$tmp/main.cache" -type f -size +100k
}

cache_bytes() {
	find "$tmp/main.cache" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'
}

is_cached() {
	[ "$(cached | wc -l)" = "$1" ]
}

# ---- Into the cache ------------------------------------------------------------

serve_ready main "$tmp/pool"
is "a scan extracts nothing" "$(extractions) $(cached | wc -l)" "0 0"
executable 1
same "the first request gets the member" "$tmp/body" "$tmp/build/tool1"
etag=$(header ETag)
is "the first request comes from the archive" "$(served_from archive)" 1
ok "the member lands in the cache" wait_until is_cached 1
executable 1
same "the second request gets the same bytes" "$tmp/body" "$tmp/build/tool1"
is "the second request has the same ETag" "$(header ETag)" "$etag"
is "the second request comes from the cache" "$(served_from cache)" 1
is "there was one extraction" "$(extractions)" 1
head_of "/buildid/${id[2]}/executable"
is "HEAD of a member says its size" "$(header Content-Length)" \
	"$(stat -c %s "$tmp/build/tool2")"
mode=$(stat -c %a "$(cached | head -n 1)")
like "nobody else may write to the cache" "$mode" '^[4-7][04][04]$'

# ---- Over a restart ------------------------------------------------------------

stop_server main
mkdir -p "$tmp/main.cache/tmp"
touch "$tmp/main.cache/tmp/1234"
serve_ready main "$tmp/pool"
is "a scan after a restart looks into nothing" "$(last_scan looked_into main)" 0
executable 1
same "after a restart the member is still there" "$tmp/body" "$tmp/build/tool1"
is "after a restart the first answer comes from the cache" \
	"$(served_from cache) $(extractions)" "1 0"
is "after a restart the ETag is the same" "$(header ETag)" "$etag"
ok "what an interrupted write left in the cache is swept" \
	test ! -e "$tmp/main.cache/tmp/1234"
stop_server main
is "the server ends well" "$exit_status" 0

# ---- Damage --------------------------------------------------------------------

# flip FILE OFFSET: one byte becomes another
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059
	printf "$(printf '\\x%02x' $((byte ^ 255)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

damage() {
	local what=$1 file size
	file=$(cached | head -n 1)
	size=$(stat -c %s "$file")
	chmod u+w "$file"
	case $what in
	"cut short") truncate -s $((size / 2)) "$file" ;;
	emptied) truncate -s 0 "$file" ;;
	"made longer") head -c 100 /dev/zero >>"$file" ;;
	"changed at its end") flip "$file" $((size - 5)) ;;
	"changed in the middle") flip "$file" $((size / 2)) ;;
	"replaced by another's") cp "$tmp/build/tool2" "$file" ;;
	esac
}

for what in "cut short" emptied "made longer" "changed at its end" \
	"changed in the middle" "replaced by another's"; do
	for when in "while the server runs" "while it does not"; do
		rm -rf "$tmp/main.cache"
		serve_ready main "$tmp/pool"
		executable 1
		must wait_until is_cached 1
		before=$(extractions)
		if [ "$when" = "while it does not" ]; then
			stop_server main
			damage "$what"
			serve_ready main "$tmp/pool"
			before=0
		else
			damage "$what"
		fi
		executable 1
		same "a cached file $what $when is not served" \
			"$tmp/body" "$tmp/build/tool1"
		is "a cached file $what $when is extracted again" \
			"$(extractions)" $((before + 1))
		at_least "a cached file $what $when is counted" \
			"$(metric 'symbolized_cache_operations_total{op="reject"}')" 1
		stop_server main
	done
done

# ---- Bounds --------------------------------------------------------------------

rm -rf "$tmp/main.cache"
size=$(stat -c %s "$tmp/build/tool1")
bound=$((size * 5 / 2))
serve_ready main --cache-size "$bound" "$tmp/pool"
for i in 1 2 3 4; do
	executable "$i"
	same "a full cache gives way to member $i" "$tmp/body" "$tmp/build/tool$i"
	inserted() {
		[ "$(metric 'symbolized_cache_operations_total{op="insert"}')" = "$i" ]
	}
	ok "member $i is kept" wait_until inserted
	at_most "the cache stays within its bound with member $i" \
		"$(cache_bytes)" "$bound"
done
is "the oldest two went" \
	"$(metric 'symbolized_cache_operations_total{op="evict"}') $(cached | wc -l)" \
	"2 2"
is "the figures of the cache are true" \
	"$(metric symbolized_cache_files) $(metric symbolized_cache_bytes)" \
	"2 $(cached | xargs stat -c %s | awk '{ n += $1 } END { print n }')"
executable 4
is "what came last is in the cache" "$(served_from cache)" 1
executable 1
same "what had to go is extracted again" "$tmp/body" "$tmp/build/tool1"
stop_server main
serve_ready main --cache-size $((size / 2)) "$tmp/pool"
at_most "a smaller bound holds from the start" "$(cache_bytes)" $((size / 2))
executable 1
same "a member larger than the cache is served" "$tmp/body" "$tmp/build/tool1"
executable 1
same "a member larger than the cache is served twice" \
	"$tmp/body" "$tmp/build/tool1"
at_most "a member larger than the cache is not kept" "$(cache_bytes)" $((size / 2))
stop_server main

# ---- Many at once --------------------------------------------------------------

rm -rf "$tmp/main.cache"
must big_file "$tmp/filler" 24
head -c 8M "$tmp/filler" >"$tmp/before-late"
must build_program "$src" "$tmp/build/late" -DN=5 data.c
must "$mkpkg" deb --compress xz "$tmp/pool/late.deb" "./a/filler=$tmp/before-late" \
	"./usr/bin/late=$tmp/build/late"
id[5]=$(build_id "$tmp/build/late")
serve_ready main "$tmp/pool"
clients=()
mkdir "$tmp/got"
for ((i = 0; i < 20; i++)); do
	curl -s -m "$long_s" -o "$tmp/got/$i" -w '%{http_code}\n' \
		"$url/buildid/${id[5]}/executable" >"$tmp/got/$i.status" &
	clients+=($!)
done
wait "${clients[@]}"
is "20 clients of one member are all answered" \
	"$(cat "$tmp"/got/*.status | sort | uniq -c | tr -s ' ')" " 20 200"
wrong=0
for ((i = 0; i < 20; i++)); do
	cmp -s "$tmp/got/$i" "$tmp/build/late" || wrong=$((wrong + 1))
done
is "20 clients of one member all get its bytes" "$wrong" 0
is "20 clients of one member cost one extraction" "$(extractions)" 1
is "all but one shared it or came after it" \
	$(($(metric symbolized_flights_shared_total) + $(served_from cache))) 19
at_least "some shared it" "$(metric symbolized_flights_shared_total)" 1
stop_server main

# What has been answered and is still on its way to the disk is not extracted
# again: asked for twice in the same breath, and many times.
rm -rf "$tmp/main.cache"
must build_program "$src" "$tmp/build/huge" -DN=6 data.c
must objcopy --add-section .filler="$tmp/filler" "$tmp/build/huge"
must "$mkpkg" deb --compress none "$tmp/pool/huge.deb" \
	"./usr/bin/huge=$tmp/build/huge"
id[6]=$(build_id "$tmp/build/huge")
serve_ready main "$tmp/pool"
: >"$tmp/urls"
for ((i = 0; i < 10; i++)); do
	printf 'url = "%s/buildid/%s/executable"\n' "$url" "${id[6]}"
done >"$tmp/urls"
is "ten requests in a row are answered" \
	"$(curl -s -I -m "$long_s" -w '%{http_code}\n' -K "$tmp/urls" |
		grep -c '^200')" 10
is "ten requests in a row cost one extraction" "$(extractions)" 1
executable 6
same "their bytes are right" "$tmp/body" "$tmp/build/huge"
stop_server main

# ---- Files that change behind the server's back --------------------------------

tree=$tmp/tree
fresh_tree() {
	rm -rf "$tree" "$tmp/files.state" "$tmp/files.cache"
	mkdir "$tree"
	cp "$tmp/build/tool1" "$tree/file"
	cp "$tmp/pool/tool2.deb" "$tree/package.deb"
	touch -d @1500000000 "$tree/file" "$tree/package.deb"
}

# change WHAT FILE OTHER: OTHER is a file of the same kind with other content
change() {
	case $1 in
	removed) rm "$2" ;;
	replaced) cp "$3" "$2.new" && mv "$2.new" "$2" ;;
	overwritten) cp "$3" "$2" ;;
	"overwritten, its time put back") cp "$3" "$2" && touch -d @1500000000 "$2" ;;
	"replaced, its time put back")
		cp "$3" "$2.new" && touch -d @1500000000 "$2.new" && mv "$2.new" "$2"
		;;
	truncated) truncate -s 1000 "$2" ;;
	"cut by a byte") truncate -s -1 "$2" ;;
	touched) touch "$2" ;;
	"replaced by a link") mv "$2" "$tmp/aside" && ln -s "$tmp/aside" "$2" ;;
	"replaced by a directory") rm "$2" && mkdir "$2" ;;
	"replaced by a pipe") rm "$2" && mkfifo "$2" ;;
	esac
}

for what in removed replaced overwritten "overwritten, its time put back" \
	"replaced, its time put back" truncated "cut by a byte" touched \
	"replaced by a link" "replaced by a directory" "replaced by a pipe"; do
	for known in "asked for before" "not asked for before"; do
		fresh_tree
		serve_ready files "$tree"
		if [ "$known" = "asked for before" ]; then
			executable 1
			executable 2
		fi
		must change "$what" "$tree/file" "$tmp/build/tool3"
		must change "$what" "$tree/package.deb" "$tmp/pool/tool3.deb"
		executable 1
		is "a file $what, $known, is not served" "$status" 404
		executable 2
		# What was extracted before is still that very member.
		[ "$status" = 200 ] && cmp -s "$tmp/body" "$tmp/build/tool2" &&
			[ "$what" = "overwritten, its time put back" ] && status=404
		is "a member of a package $what, $known, is not served" "$status" 404
		rescan files
		executable 1
		one=$status
		executable 2
		case $what in
		touched)
			is "a touched file is back after a scan, $known" \
				"$one $status" "200 200"
			;;
		"cut by a byte") ;; # what is left may well be whole
		*)
			is "what was $what is still not served after a scan, $known" \
				"$one $status" "404 404"
			;;
		esac
		executable 3
		case $what in
		replaced* | overwritten*)
			case $what in
			"replaced by"*) wanted=404 ;;
			*) wanted=200 ;;
			esac
			;;
		*) wanted=404 ;;
		esac
		is "what came in place of what was $what is right after a scan, $known" \
			"$status" "$wanted"
		[ "$status" != 200 ] ||
			same "its bytes are right, $what, $known" \
				"$tmp/body" "$tmp/build/tool3"
		stop_server files
	done
done

# Same ID in two places: when the first goes, the second serves.
fresh_tree
cp "$tree/file" "$tree/second"
serve_ready files "$tree"
executable 1
first=$(header X-DEBUGINFOD-FILE)
rm "$first"
executable 1
same "when one of two places has gone the other serves" \
	"$tmp/body" "$tmp/build/tool1"
isnt "the answer names the other place" "$(header X-DEBUGINFOD-FILE)" "$first"
at_least "a place that was passed over is counted" \
	"$(metric symbolized_artifacts_stale_total)" 1
is "the answer after the change is 200 for HEAD as well" \
	"$(head_of "/buildid/${id[1]}/executable"; echo "$status")" 200

stop_server files

# ---- Versions that only the ctime tells apart ----------------------------------

rm -rf "$tree" "$tmp/files.state" "$tmp/files.cache"
mkdir "$tree"
must make_samples "$tmp/version" 2
cp "$tmp/version/sample-1" "$tree/file"
must "$mkpkg" deb --compress none "$tree/package.deb" "./x=$tmp/version/sample-2"
touch -d @1500000000 "$tree/file" "$tree/package.deb"
serve_ready files "$tree"
# other_bytes FILE: some that the build ID does not tell
other_bytes() {
	local at
	at=$(grep -abo 'GNU C' "$1" | head -n 1)
	printf 'XYZ' | dd of="$1" bs=1 seek="${at%%:*}" conv=notrunc status=none &&
		touch -d @1500000000 "$1"
}
for i in 1 2; do
	get "/buildid/$(sample_id $i)/debuginfo"
	same "the first version is served, $i" "$tmp/body" "$tmp/version/sample-$i"
	get "/buildid/$(sample_id $i)/debuginfo"
	etag[i]=$(header ETag)
	tail -c +101 "$tmp/version/sample-$i" >"$tmp/version/first-$i"
	must other_bytes "$tmp/version/sample-$i"
done
must other_bytes "$tree/file"
must other_bytes "$tree/package.deb"
for when in "before" "after"; do
	for i in 1 2; do
		get "/buildid/$(sample_id $i)/debuginfo" -H "If-Range: ${etag[i]}" \
			-H 'Range: bytes=100-'
		# What was extracted before is known for a minute, and has its
		# own tag.
		if [ "$i $when $status" = "2 before 206" ]; then
			same "a range of the first version is of the first version" \
				"$tmp/body" "$tmp/version/first-$i"
			is "and has its tag" "$(header ETag)" "${etag[i]}"
			continue
		fi
		is "a range of the first version is not answered from the second, $i, $when a scan" \
			"$status" 200
		same "the second version is served as a whole, $i, $when a scan" \
			"$tmp/body" "$tmp/version/sample-$i"
		isnt "it has another tag, $i, $when a scan" "$(header ETag)" "${etag[i]}"
	done
	rescan files
done
stop_server files
finish
