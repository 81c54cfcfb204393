#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The first journey, with the clients people have: a stripped program, whose
# debugging information and sources lie in a plain tree, in debs, in RPMs.
# debuginfod-find, gdb and eu-addr2line show what was built.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl objcopy strip readelf nm

# ---- Clients -----------------------------------------------------------------

# A client starts with nothing in its cache.
client() {
	DEBUGINFOD_URLS=$url DEBUGINFOD_CACHE_PATH=$tmp/client-cache \
		DEBUGINFOD_TIMEOUT=60 "$@"
}

forget_client_cache() {
	rm -rf "$tmp/client-cache"
}

# A client that cannot see a directory, in a mount namespace of its own.
blind_client() {
	local dir=$1
	shift
	# shellcheck disable=SC2016
	client unshare "$unshare_flags" sh -c \
		'mount -t tmpfs none "$0" && exec "$@"' "$dir" "$@"
}

unshare_flags=
for flags in -m -rm; do
	# shellcheck disable=SC2016
	if unshare "$flags" sh -c 'mount -t tmpfs none "$0"' "$HOME" 2>/dev/null; then
		unshare_flags=$flags
		break
	fi
done

# found WHAT WANTED ARGUMENTS: debuginfod-find gives a file with WANTED's bytes
found() {
	local name=$1 wanted=$2 path
	shift 2
	if ! have debuginfod-find; then
		skip "$name" "no debuginfod-find"
	elif path=$(client debuginfod-find "$@" 2>&1); then
		same "$name" "$path" "$wanted"
	else
		fail "$name" "debuginfod-find $*: $path"
	fi
}

find_artifacts() {
	local where=$1 exe=$2 debug=$3
	local id
	id=$(build_id "$exe")

	forget_client_cache
	found "debuginfod-find gets the executable from $where" "$exe" executable "$id"
	found "debuginfod-find gets the debuginfo from $where" "$debug" debuginfo "$id"
	found "debuginfod-find gets main.c from $where" "$sources/main.c" \
		source "$id" "$named/main.c"
	found "debuginfod-find gets the header from $where" "$sources/lib/scale.h" \
		source "$id" "$named/lib/scale.h"
	found "debuginfod-find gets a source by the name the line table has, in $where" \
		"$sources/lib/helper.c" source "$id" "$named/./lib/../lib/helper.c"
	found "debuginfod-find gets a source by its canonical name from $where" \
		"$sources/lib/helper.c" source "$id" "$named/lib/helper.c"
}

# raw_section NAME FILE OUT: its bytes as stored
raw_section() {
	readelf -SW "$2" 2>/dev/null | sed 's/^ *\[ *[0-9]*\] *//' |
		awk -v want="$1" '$1 == want { print $4, $5 }' | {
		read -r offset size
		tail -c "+$((16#$offset + 1))" "$2" | head -c "$((16#$size))"
	} >"$3"
}

find_sections() {
	local where=$1 exe=$2 debug=$3 id
	id=$(build_id "$exe")
	raw_section .text "$exe" "$tmp/text"
	raw_section .debug_info "$debug" "$tmp/debug_info"
	ok "the test has a .text and a .debug_info to compare, for $where" \
		test -s "$tmp/text" -a -s "$tmp/debug_info"
	for turn in first second; do
		get "/buildid/$id/section/.text"
		is "a section is there for the $turn request, $where" "$status" 200
		same ".text comes from the executable, $turn request, $where" \
			"$tmp/body" "$tmp/text"
		get "/buildid/$id/section/.debug_info"
		same ".debug_info comes from the debug file, $turn request, $where" \
			"$tmp/body" "$tmp/debug_info"
	done
	if debuginfod-find --help 2>/dev/null | grep -q 'section'; then
		found "debuginfod-find gets .text from $where" "$tmp/text" \
			section "$id" .text
		found "debuginfod-find gets .debug_info from $where" \
			"$tmp/debug_info" section "$id" .debug_info
	else
		skip "debuginfod-find gets .text from $where" "too old"
		skip "debuginfod-find gets .debug_info from $where" "too old"
	fi
}

gdb_commands=(-ex 'info line main' -ex 'info line helper' -ex 'list helper'
	-ex 'list main' -ex 'info scope helper')

debug_with_gdb() {
	local where=$1 exe=$2 whole=$3 said run=client lines
	if ! have gdb || ! gdb -nx -batch -ex 'help set debuginfod enabled' 2>&1 |
		grep -qi 'debuginfod'; then
		skip "gdb works from $where" "no gdb with debuginfod"
		return
	fi
	forget_client_cache
	[ -z "$unshare_flags" ] || run="blind_client $sources"
	said=$($run gdb -nx -batch -iex 'set debuginfod enabled on' \
		"${gdb_commands[@]}" "$exe" 2>&1 </dev/null)
	lines='^Line [0-9]+ of ".*(main|helper)\.c" starts at address 0x'
	is "gdb shows from $where what it shows of the unstripped program" \
		"$(printf '%s\n' "$said" | grep -E "$lines|^Symbol")" \
		"$(gdb -nx -batch "${gdb_commands[@]}" "$whole" 2>&1 </dev/null |
			grep -E "$lines|^Symbol")"
	like "gdb knows the line of main from $where" "$said" \
		'^Line [0-9]+ of ".*main\.c" starts at address 0x[0-9a-f]* <main'
	like "gdb knows the line of helper from $where" "$said" \
		'^Line [0-9]+ of ".*helper\.c" starts at address 0x[0-9a-f]* <helper'
	like "gdb knows the variables of helper from $where" "$said" \
		'^Symbol sum is'
	if [ "$unshare_flags" ] || [ "$named" != "$sources" ]; then
		like "gdb shows the text of helper from $where" "$said" \
			'^7.*sum \+= scale\(i\); /\* helper adds scaled numbers \*/'
		like "gdb shows the text of main from $where" "$said" \
			'^6.*main calls helper'
	else
		skip "gdb shows source text from $where" "no mount namespace"
	fi
}

symbolize_with_addr2line() {
	local where=$1 exe=$2 whole=$3 said addresses
	if ! have eu-addr2line; then
		skip "eu-addr2line works from $where" "no eu-addr2line"
		return
	fi
	forget_client_cache
	addresses="$(address_of "$whole" main) $(address_of "$whole" helper)"
	# shellcheck disable=SC2086
	said=$(client eu-addr2line -f -i -e "$exe" $addresses 2>&1)
	# shellcheck disable=SC2086
	is "eu-addr2line says from $where what it says of the unstripped program" \
		"$said" "$(eu-addr2line -f -i -e "$whole" $addresses 2>&1)"
	like "eu-addr2line names main's file and line from $where" "$said" \
		'/main\.c:[1-9]'
	like "eu-addr2line names helper from $where" "$said" '^helper$'
}

all_clients() {
	find_artifacts "$1" "$2" "$3"
	find_sections "$1" "$2" "$3"
	debug_with_gdb "$1" "$2" "$4"
	symbolize_with_addr2line "$1" "$2" "$4"
}

# build_into DIR OPTIONS: DIR/whole, and split into DIR/prog and DIR/prog.debug
build_into() {
	local dir=$1
	shift
	mkdir -p "$dir"
	must build_program "$sources" "$dir/prog" "$@"
	must cp "$dir/prog" "$dir/whole"
	must split_program "$dir/prog"
}

# ---- Where a line table names files that lie in the tree itself ---------------

sources=$tmp/tree/src
named=$sources
must write_program "$sources"
build_into "$tmp/tree/bin" -gdwarf-5
mv "$tmp/tree/bin/whole" "$tmp/tree-whole"
mkdir -p "$tmp/tree/debug"
mv "$tmp/tree/bin/prog.debug" "$tmp/tree/debug/"
serve_ready tree "$tmp/tree"
all_clients "a plain tree" "$tmp/tree/bin/prog" "$tmp/tree/debug/prog.debug" \
	"$tmp/tree-whole"

get "/buildid/$(build_id "$tmp/tree/bin/prog")/source/etc/passwd"
is "a file that no line table names is not served as source" "$status" 404

# The client tries what it was told is not there.
if have debuginfod-find; then
	forget_client_cache
	client debuginfod-find debuginfo 0123456789abcdef0123456789abcdef01234567 \
		>/dev/null 2>&1
	is "debuginfod-find fails for an ID that nobody has" "$?" 1
else
	skip "debuginfod-find fails for an ID that nobody has" "no debuginfod-find"
fi

# Compressed DWARF and a static PIE, one more of each
build_into "$tmp/tree/gz" -gdwarf-4 -gz=zlib
build_into "$tmp/tree/static" -gdwarf-5 -static-pie
rm "$tmp/tree/gz/whole" "$tmp/tree/static/whole"
rescan tree
for kind in gz static; do
	id=$(build_id "$tmp/tree/$kind/prog")
	forget_client_cache
	found "a rescan adds the executable of kind $kind" \
		"$tmp/tree/$kind/prog" executable "$id"
	found "a rescan adds the debuginfo of kind $kind" \
		"$tmp/tree/$kind/prog.debug" debuginfo "$id"
	found "the sources of kind $kind are known" "$sources/lib/helper.c" \
		source "$id" "$named/lib/helper.c"
done

# dwz moves what two debug files share into a third, asked for by its own ID
if have dwz; then
	mkdir "$tmp/tree/dwz"
	cp "$tmp/tree/debug/prog.debug" "$tmp/tree/dwz/one.debug"
	cp "$tmp/tree/static/prog.debug" "$tmp/tree/dwz/two.debug"
	if (cd "$tmp/tree/dwz" && dwz -q -m common.debug -M common.debug one.debug \
		two.debug) 2>/dev/null && [ -s "$tmp/tree/dwz/common.debug" ]; then
		rescan tree
		forget_client_cache
		alt=$(build_id "$tmp/tree/dwz/common.debug")
		found "the file that dwz made is served as debuginfo of its own ID" \
			"$tmp/tree/dwz/common.debug" debuginfo "$alt"
		get "/buildid/$alt/executable"
		is "the file that dwz made is no executable" "$status" 404
	else
		skip "the file that dwz made is served as debuginfo of its own ID" \
			"dwz finds nothing in common"
	fi
else
	skip "the file that dwz made is served as debuginfo of its own ID" "no dwz"
fi

# Before DWARF 5 the directory of compilation goes there, too
shared_directory() {
	local name="sources are found where dwz has moved their directory" i
	mkdir "$tmp/tree/four"
	for i in 1 2; do
		must build_program "$sources" "$tmp/tree/four/$i" -gdwarf-4 -O"$i"
	done
	if ! have dwz || ! (cd "$tmp/tree/four" && dwz -m common -M common 1 2) ||
		! readelf -wi "$tmp/tree/four/1" 2>/dev/null |
		grep -q 'DW_AT_comp_dir.*(alt '; then
		skip "$name" "dwz does not"
		return
	fi
	rescan tree
	id=$(build_id "$tmp/tree/four/1")
	for i in main.c lib/helper.c ./lib/../lib/helper.c lib/scale.h; do
		get "/buildid/$id/source$named/$i"
		is "$name: $i" "$status" 200
		same "$name, their bytes: $i" "$tmp/body" "$sources/$i"
	done
	echo other >"$sources/other.c"
	for i in other.c absent/main.c xmain.c; do
		get "/buildid/$id/source$named/$i"
		is "no other files are, where dwz has moved a directory: $i" \
			"$status" 404
	done
}
shared_directory
stop_server tree
is "the server of the tree ends well" "$exit_status" 0

# ---- debs: the executable in one, the debuginfo in another --------------------

sources=$tmp/upstream/prog-1.0
named=$sources
must write_program "$sources"
build_into "$tmp/deb-build" -gdwarf-4
id=$(build_id "$tmp/deb-build/prog")
member=./usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
mkdir "$tmp/debs"
head -c 20000 /dev/urandom >"$tmp/filler"
must "$mkpkg" deb --compress xz --block-size 2048 --mtime 1600000000 \
	"$tmp/debs/prog_1.0_amd64.deb" ./usr/ ./usr/bin/ \
	"./usr/bin/prog=$tmp/deb-build/prog"
must "$mkpkg" deb --compress xz --block-size 2048 --mtime 1600000001 \
	"$tmp/debs/prog-dbgsym_1.0_amd64.deb" ./usr/ \
	"./usr/share/doc/prog/filler=$tmp/filler" \
	"$member=$tmp/deb-build/prog.debug"
serve_ready deb "$tmp/debs" "$tmp/upstream"
all_clients "debs" "$tmp/deb-build/prog" "$tmp/deb-build/prog.debug" \
	"$tmp/deb-build/whole"
stop_server deb
is "the server of the debs ends well" "$exit_status" 0

# ---- RPMs: executable, debuginfo, debugsource ---------------------------------

sources=$tmp/build/prog-2.0
named=/usr/src/debug/prog-2.0-1.x86_64
must write_program "$sources"
build_into "$tmp/rpm-build" -gdwarf-5 -gz=zlib \
	"-fdebug-prefix-map=$sources=$named"
mkdir "$tmp/rpms"
id=$(build_id "$tmp/rpm-build/prog")
must "$mkpkg" rpm --compress zstd "$tmp/rpms/prog-2.0-1.x86_64.rpm" \
	"/usr/bin/prog=$tmp/rpm-build/prog"
must "$mkpkg" rpm --compress zstd --block-size 4096 \
	"$tmp/rpms/prog-debuginfo-2.0-1.x86_64.rpm" \
	"/usr/lib/debug/.build-id/${id:0:2}/${id:2}->../../usr/bin/prog" \
	"/usr/lib/debug/usr/bin/prog-2.0-1.x86_64.debug=$tmp/rpm-build/prog.debug"
must "$mkpkg" rpm --compress xz "$tmp/rpms/prog-debugsource-2.0-1.x86_64.rpm" \
	"$named/" "$named/lib/" "$named/lib/helper.c=$sources/lib/helper.c" \
	"$named/lib/scale.h=$sources/lib/scale.h" "$named/main.c=$sources/main.c"
serve_ready rpm "$tmp/rpms"
all_clients "RPMs" "$tmp/rpm-build/prog" "$tmp/rpm-build/prog.debug" \
	"$tmp/rpm-build/whole"
get "/buildid/$id/source$named/main.c"
is "a source of a debugsource package is said to be in that package" \
	"$(header X-DEBUGINFOD-ARCHIVE) $(header X-DEBUGINFOD-FILE)" \
	"$tmp/rpms/prog-debugsource-2.0-1.x86_64.rpm $named/main.c"
stop_server rpm
is "the server of the RPMs ends well" "$exit_status" 0

finish
