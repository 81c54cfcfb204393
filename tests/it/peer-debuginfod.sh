#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Side by side with elfutils' debuginfod on one tree: what it answers to every
# request that it understands, we answer too, byte for byte. ELF files, debs,
# RPMs and tars; debuginfo, executable, every section, every source; what is not
# there. Ours is `serve`, or with PEER_OURS=command `debuginfod` with the peer's
# own arguments (peer-command.sh).
#
# The peer listens on all addresses. Where it can be done the script goes into a
# network namespace of its own.
if [ -z "${PEER_NAMESPACE-}" ] && unshare -rn ip link set lo up 2>/dev/null; then
	# shellcheck disable=SC2016
	PEER_NAMESPACE=yes exec unshare -rn sh -c 'ip link set lo up && exec "$@"' \
		sh "${BASH:-bash}" "$0" "$@"
fi
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need debuginfod bsdtar "$CC" curl jq objcopy strip readelf sqlite3 zstd
need_curl_headers

# ---- Known differences ---------------------------------------------------------

# "ERE | reason". Matched against "METHOD KIND[/SECTION] OURS PEER: WHAT"; OURS
# and PEER are statuses, WHAT is "status", "bytes", or a header.
known_differences='
^HEAD .* [0-9]+ 400: status | the peer answers GET alone
^GET .*: X-DEBUGINFOD-FILE$ | the peer before 0.192 gives the base name, we the full path as it does since
^GET source 404 200: status of a file outside$ | the peer serves every file that a program names, we only what lies beneath a scanned path
^GET source 200 404: status of a shared file$ | the peer reads line tables of compile units, not of the partial ones that dwz makes
^GET source [0-9]+ [0-9]+: status of a relocatable file$ | the peer takes names of sources from relocatable files without relocating them
^GET executable 200 404: status of a relocatable file$ | the peer takes no relocatable file for an executable
^GET .* of a duplicate$ | the peer serves the newest of several files, we the one below the PATH named first
^GET section/[^ ]* [0-9]+ [0-9]+: Last-Modified$ | the peer gives a section of a member the time of the archive
'

# ---- What is scanned -----------------------------------------------------------

tree=$tmp/tree
src=$tree/src
mkdir -p "$tree"/{bin,debug,pool,lib} "$tmp/packed"
must write_program "$src"
must touch -d @1500000000 "$src/main.c"

# build NAME OUT [CC OPTIONS]: with an ID of its own
build() {
	local name=$1 out=$2
	shift 2
	must build_program "$src" "$out" \
		-Wl,--build-id=0x"$(printf '%s' "$name" | sha1sum | cut -c 1-40)" "$@"
}

build dwarf5 "$tree/bin/dwarf5" -gdwarf-5
build dwarf4 "$tree/bin/dwarf4" -gdwarf-4
build whole "$tree/bin/whole" -gdwarf-5 -gz=zlib -static-libgcc
must objcopy --compress-debug-sections=zlib-gnu "$tree/bin/whole" \
	"$tree/bin/zdebug"
rm "$tree/bin/whole"
build split "$tree/bin/split" -gdwarf-4 -gz=zlib
must split_program "$tree/bin/split"
mv "$tree/bin/split.debug" "$tree/debug/"
build bare "$tree/bin/bare" -g0 -s
build symbols "$tree/bin/symbols" -g0
build lonely "$tmp/lonely"
must split_program "$tmp/lonely"
mv "$tmp/lonely.debug" "$tree/debug/"
must "$CC" -g -shared -fPIC -o "$tree/lib/libhelper.so" \
	-Wl,--build-id=0x1111111111111111111111111111111111111111 \
	"$src/lib/helper.c"
must "$CC" -g -c -o "$tmp/helper.o" "$src/lib/helper.c"
must ld -r --build-id=0x2222222222222222222222222222222222222222 \
	-o "$tree/lib/helper.ko" "$tmp/helper.o"
relocatable=2222222222222222222222222222222222222222
shared=none
if have dwz; then
	for i in 1 2; do
		build "dwz$i" "$tree/bin/dwz$i" -O"$i" -gdwarf-4
	done
	must dwz -m "$tree/debug/common.debug" -M "$tree/debug/common.debug" \
		"$tree/bin/dwz1" "$tree/bin/dwz2"
	shared=$(build_id "$tree/debug/common.debug")
fi

# The same program below two PATHs, the newer and otherwise different one below
# the second.
second=$tmp/second
mkdir "$second"
build duplicate "$tree/bin/duplicate"
must cp "$tree/bin/duplicate" "$second/duplicate"
must touch -d @1400000000 "$tree/bin/duplicate"
echo more >>"$second/duplicate"
duplicate=$(build_id "$tree/bin/duplicate")

# tars SUFFIX PROGRAM: as packages below
tars() {
	local name=tar-$2 out=$tmp/packed
	local named=usr/src/debug/$name
	build "$name" "$out/$name" -gdwarf-5 "-ffile-prefix-map=$src=/$named"
	must split_program "$out/$name"
	mkdir -p "$tmp/tar-$2/usr/bin" "$tmp/tar-$2/$named"
	cp "$out/$name" "$out/$name.debug" "$tmp/tar-$2/usr/bin/"
	cp -r "$src/." "$tmp/tar-$2/$named"
	must tar -C "$tmp/tar-$2" --use-compress-program="$2" \
		-cf "$tree/pool/$name$1" usr
}

# packages KIND COMPRESSION [MKPKG OPTIONS]: program, its debugging information,
# and its sources as they are named there, in three packages
packages() {
	local kind=$1 how=$2 suffix=.$1 name=$1-$2$# out=$tmp/packed dot=
	shift 2
	local named=/usr/src/debug/$name
	build "$name" "$out/$name" -gdwarf-5 "-ffile-prefix-map=$src=$named"
	must split_program "$out/$name"
	[ "$kind" = rpm ] || dot=.
	must "$mkpkg" "$kind" --compress "$how" "$@" --mtime 1400000000 \
		"$tree/pool/$name$suffix" "$dot/usr/bin/$name=$out/$name"
	must "$mkpkg" "$kind" --compress "$how" "$@" --mtime 1400000001 \
		"$tree/pool/$name-debuginfo$suffix" \
		"$dot/usr/lib/debug/usr/bin/$name.debug=$out/$name.debug"
	must "$mkpkg" "$kind" --compress "$how" "$@" --mtime 1400000002 \
		"$tree/pool/$name-debugsource$suffix" \
		"$dot$named/main.c=$src/main.c" \
		"$dot$named/lib/helper.c=$src/lib/helper.c" \
		"$dot$named/lib/scale.h=$src/lib/scale.h"
}

for how in none gzip xz zstd; do
	packages deb "$how"
done
for how in gzip xz zstd bzip2; do
	packages rpm "$how"
done
packages deb xz --block-size 4096
tars .tar.gz gzip
tars .tar.xz xz
tars .pkg.tar.zst zstd

# ---- Both servers --------------------------------------------------------------

modes=(-t 0 -g 0 -c 2 --fdcache-mintmp=0 -F -R -U -Z .tar.gz -Z .tar.xz
	-Z .pkg.tar.zst)

# begin NAME PROGRAM...: its address is then in $base, its database
# $tmp/NAME.sqlite
begin() {
	local name=$1
	shift
	start_debuginfod "$name" "$@" -d "$tmp/$name.sqlite" -p @PORT@ \
		"${modes[@]}" "$tree" "$second"
	base=$url
}

base_metric() {
	curl -s -m 20 "$base/metrics" | sed -n "s/^$1 //p"
}

# @1 traversals have ended, and all that they found has been looked into
has_scanned_times() {
	[ "$(base_metric 'thread_work_total{role="traverse"}')" -ge "$1" ] &&
		[ "$(base_metric 'thread_work_pending{role="scan"}')" = 0 ] &&
		[ "$(base_metric 'thread_busy{role="scan"}')" = 0 ] &&
		[ "$(base_metric 'thread_busy{role="traverse"}')" = 0 ]
} 2>/dev/null

if [ "${PEER_OURS-}" = command ]; then
	begin ours "$SYMBOLIZED" debuginfod
	ours=$base
	database=$tmp/ours.sqlite
	ok "ours has scanned" wait_until has_scanned_times 1
else
	serve_ready main "$tree" "$second"
	ours=$url
	database=$tmp/main.state/index.sqlite
fi
begin peer debuginfod
peer=$base
ok "the peer has scanned" wait_until has_scanned_times 1
# dwz: debugging information in a file that came later is found the second time.
kill -USR1 "$pid"
ok "the peer has scanned again" wait_until has_scanned_times 2

# ---- What is asked for ---------------------------------------------------------

db() {
	sqlite3 -readonly "$database" "$1"
}

ids() {
	db 'select lower(hex(bytes)) from build_id where id in
		(select build_id from artifact where is_gnu) order by 1'
}

peer_db() {
	sqlite3 -readonly "$tmp/peer.sqlite" "$1"
}

# buildids9 in 0.188; since 0.190 buildids10, where names are in parts and a
# view puts them together.
peer_tables=$(peer_db "select name from sqlite_master
	where name like 'buildids%\_buildids' escape '\'")
peer_tables=${peer_tables%_buildids}
peer_names=$(peer_db "select name from sqlite_master where name in
	('${peer_tables}_files', '${peer_tables}_files_v') order by name desc limit 1")
is "both have found the same build IDs" "$(ids)" \
	"$(peer_db "select hex from ${peer_tables}_buildids order by 1")"

# sources ID: what our index has, what the peer's has, and what neither has
sources() {
	local artifact
	for artifact in $(db "select a.id from artifact a, build_id b
		where a.build_id = b.id and b.bytes = x'$1'"); do
		db "select writefile('$tmp/packed-list', packed) from source_list
			where artifact_id = $artifact" | grep -q . || continue
		zstd -dcq <"$tmp/packed-list" | tr '\0' '\n'
	done
	peer_db "select f.name from ${peer_tables}_f_s s
		join ${peer_tables}_buildids i on i.id = s.buildid
		join $peer_names f on f.id = s.artifactsrc where i.hex = '$1'
		union select f.name from ${peer_tables}_r_sref s
		join ${peer_tables}_buildids i on i.id = s.buildid
		join $peer_names f on f.id = s.artifactsrc where i.hex = '$1'"
	printf '%s\n' /etc/passwd "$src/absent.c"
}

# sections ID: of every file with that ID, and none
sections() {
	local file
	for file in "${files[@]}"; do
		[ "$(build_id "$file")" = "$1" ] || continue
		readelf -SW "$file" 2>/dev/null |
			sed -n 's/^ *\[ *[0-9]*\] \([^ ]*\) .*/\1/p' | grep '^\.'
	done | sort -u
	echo .none
}

mapfile -t files < <(find "$tree"/{bin,debug,lib} "$tmp/packed" -type f)
while read -r id; do
	printf '/buildid/%s/%s\n' "$id" debuginfo "$id" executable
	sections "$id" | sed "s|^|/buildid/$id/section/|"
	# A name without a directory cannot be asked for.
	sources "$id" | sort -u | sed "s|^/*|/buildid/$id/source/|"
done < <(ids) >"$tmp/requests"
unknown=00112233445566778899aabbccddeeff00112233
printf "/buildid/$unknown/%s\n" debuginfo executable section/.text \
	source/usr/include/stdio.h >>"$tmp/requests"
at_least "there are sources to compare" \
	"$(grep -c '/source/.*/main\.c$' "$tmp/requests")" 12
at_least "there are sections to compare" \
	"$(grep -c '/section/\.debug_line$' "$tmp/requests")" 12

# ---- Asking --------------------------------------------------------------------

# ask_all NAME URL [CURL OPTIONS]: a line of header fields a request, in order,
# in $tmp/NAME.answers; bodies in $tmp/NAME/NUMBER
fields=(status X-DEBUGINFOD-SIZE Content-Type Last-Modified
	X-DEBUGINFOD-ARCHIVE X-DEBUGINFOD-FILE)
ask_all() {
	local name=$1 url=$2 format='%{http_code}' field
	shift 2
	for field in "${fields[@]:1}"; do
		format+="\t%header{$field}"
	done
	mkdir -p "$tmp/$name"
	awk -v url="$url" -v dir="$tmp/$name" '{
		gsub(/ /, "%20")
		printf "url = \"%s%s\"\noutput = \"%s/%d\"\n", url, $0, dir, NR
	}' "$tmp/requests" |
		curl -s -m "$((2 * long_s))" --path-as-is -K - "$@" \
			-w "$format\n" >"$tmp/$name.answers"
}

# field NUMBER LINE
field() {
	cut -f "$1" <<<"$2"
}

# kind_of PATH: "debuginfo", "section/.text", "source", …
kind_of() {
	local kind=${1#/buildid/*/}
	case $kind in
	section/*) echo "$kind" ;;
	*) echo "${kind%%/*}" ;;
	esac
}

# reason_for DIFFERENCE: of a known one
reason_for() {
	local known reason
	while IFS='|' read -r known reason; do
		known=${known% }
		if [ "$known" ] && [[ $1 =~ $known ]]; then
			echo "${reason# }"
			return
		fi
	done <<<"$known_differences"
	return 1
}

# report METHOD PATH WHAT OURS PEER: a line of an answer each
report() {
	local path=$2 difference reason
	difference="$1 $(kind_of "$path") $(field 1 "$4") $(field 1 "$5"): $3"
	case $path in
	*/"$duplicate"/source/*) ;;
	*/"$duplicate"/*) difference+=" of a duplicate" ;;
	esac
	if [ "$3" = status ]; then
		case $path in
		*/"$relocatable"/*) difference+=" of a relocatable file" ;;
		*/"$shared"/*) difference+=" of a shared file" ;;
		*/source"$tree"/*) ;;
		*/source/usr/src/debug/*) ;;
		*/source/*) difference+=" of a file outside" ;;
		esac
	fi
	if reason=$(reason_for "$difference"); then
		echo "$reason" >>"$tmp/known"
	else
		printf '%s %s: ours %s, the peer %s\n' "$difference" "$path" \
			"${4//$'\t'/ }" "${5//$'\t'/ }" >>"$tmp/differences"
	fi
}

# compare METHOD: the answers to every request
compare() {
	local method=$1 number=0 path ours_line peer_line i
	: >"$tmp/differences"
	while IFS= read -r path && IFS= read -r ours_line <&3 &&
		IFS= read -r peer_line <&4; do
		number=$((number + 1))
		if [ "${ours_line%%$'\t'*}" != "${peer_line%%$'\t'*}" ]; then
			report "$method" "$path" status "$ours_line" "$peer_line"
			continue
		fi
		[ "${ours_line%%$'\t'*}" = 200 ] || continue
		cmp -s "$tmp/ours/$number" "$tmp/peer/$number" ||
			report "$method" "$path" bytes "$ours_line" "$peer_line"
		[ "$ours_line" != "$peer_line" ] || continue
		for ((i = 2; i <= ${#fields[@]}; i++)); do
			[ "$(field "$i" "$ours_line")" = "$(field "$i" "$peer_line")" ] ||
				report "$method" "$path" "${fields[i - 1]}" \
					"$ours_line" "$peer_line"
		done
	done <"$tmp/requests" 3<"$tmp/ours.answers" 4<"$tmp/peer.answers"
	is "all requests have been compared, $method" "$number" \
		"$(wc -l <"$tmp/requests")"
	is "the answers to $method are the peer's, but for what is known" \
		"$(cat "$tmp/differences")" ""
}

: >"$tmp/known"
ask_all ours "$ours"
ask_all peer "$peer"
same_count=$(paste "$tmp/ours.answers" "$tmp/peer.answers" |
	awk '$1 == 200 && / 200|\t200/ { n++ } END { print n + 0 }')
diag "$(wc -l <"$tmp/requests") requests, $same_count answered by both"
compare GET
cp "$tmp/ours.answers" "$tmp/get.answers"
# What stands in the list of differences is so.
line=$(grep -nxF "/buildid/$duplicate/executable" "$tmp/requests" | cut -d : -f 1)
same "of duplicates ours is below the PATH named first" "$tmp/ours/$line" \
	"$tree/bin/duplicate"
same "of duplicates the peer's is the newest" "$tmp/peer/$line" \
	"$second/duplicate"
ask_all ours "$ours" -I
ask_all peer "$peer" -I
compare HEAD
is "HEAD says what GET says" \
	"$(diff "$tmp/get.answers" "$tmp/ours.answers" | head -n 10)" ""
diag "known differences, and how often:"
diag "$(sort "$tmp/known" | uniq -c)"
finish
