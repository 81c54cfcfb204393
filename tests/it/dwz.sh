#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Names of sources that lie partly in a file which several programs share
# (dwz -m, .gnu_debugaltlink): they are known whichever of the two files is
# scanned first, in a plain tree, in packages, over restarts. And which package
# a source is taken from, whichever came first.
#
# Requirements: R-12.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" dwz curl objcopy strip readelf

# ---- Two programs that share -------------------------------------------------

sources=$tmp/upstream/prog-1.0
must write_program "$sources"

# share DIR OPTIONS: DIR/one, DIR/two and what they share in DIR/common
share() {
	local dir=$1 each
	shift
	mkdir -p "$dir"
	for each in one two; do
		must build_program "$sources" "$dir/$each" -gdwarf-4 \
			"$@" -Wl,--build-id=0x"$(printf '%s' "$dir$each" |
				sha1sum | cut -c 1-40)"
		must objcopy --only-keep-debug "$dir/$each" "$dir/$each.debug"
		must strip -g -s "$dir/$each"
	done
	(cd "$dir" && must dwz -m common -M ../../.dwz/common one.debug two.debug)
}

share "$tmp/plain"
one=$(build_id "$tmp/plain/one")
two=$(build_id "$tmp/plain/two")
readelf -wi "$tmp/plain/one.debug" 2>/dev/null |
	grep -q 'DW_AT_comp_dir.*(alt ' || skip_all "dwz shares no directory"

# sources_are STATUS WHEN ID PREFIX
sources_are() {
	local wanted=$1 when=$2 id=$3 prefix=$4 name path
	for name in main.c lib/helper.c lib/scale.h; do
		get "/buildid/$id/source$prefix/$name"
		is "$when: $name is $wanted" "$status" "$wanted"
		[ "$wanted" = 200 ] || continue
		same "$when: $name is as it was written" "$tmp/body" \
			"$sources/$name"
	done
	[ "$wanted" = 200 ] || return
	get "/buildid/$id/source$prefix/./lib/../lib/helper.c"
	is "$when: a name is known as the line table spells it" "$status" 200
	for name in main.c /main.c /scale.h /lib/scale.h "$prefix/absent.c"; do
		get "/buildid/$id/source/${name#/}"
		is "$when: there is no $name" "$status" 404
	done
	if ! have debuginfod-find; then
		skip "$when: debuginfod-find gets a source" "no debuginfod-find"
		return
	fi
	rm -rf "$tmp/client-cache"
	if path=$(DEBUGINFOD_URLS=$url DEBUGINFOD_CACHE_PATH=$tmp/client-cache \
		debuginfod-find source "$id" "$prefix/lib/scale.h" 2>&1); then
		same "$when: debuginfod-find gets a source" "$path" \
			"$sources/lib/scale.h"
	else
		fail "$when: debuginfod-find gets a source" "$path"
	fi
}

looked_into() {
	last_scan looked_into "$1"
}

# ---- A plain tree ------------------------------------------------------------

tree=$tmp/tree
mkdir "$tree"
cp "$tmp/plain/one.debug" "$tree/"
serve_ready tree "$tree" "$tmp/upstream"
sources_are 404 "without the shared file" "$one" "$sources"
cp "$tmp/plain/common" "$tree/"
rescan tree
sources_are 200 "when the shared file comes second" "$one" "$sources"
is "only the shared file was looked into" "$(looked_into tree)" 1
cp "$tmp/plain/two.debug" "$tree/"
rescan tree
sources_are 200 "when it comes first" "$two" "$sources"
rescan tree
is "nothing is looked into again" "$(looked_into tree)" 0
rm "$tree/common"
rescan tree
sources_are 200 "when the shared file is gone" "$one" "$sources"
stop_server tree
serve_ready tree "$tree" "$tmp/upstream"
sources_are 200 "after a restart" "$two" "$sources"
touch -d @1500000000 "$tree/one.debug"
rescan tree
sources_are 404 "when the program has changed meanwhile" "$one" "$sources"
stop_server tree
cp "$tmp/plain/common" "$tree/"
serve_ready tree "$tree" "$tmp/upstream"
sources_are 200 "when the shared file is there again, after a restart" "$one" \
	"$sources"
stop_server tree
is "the index is sound" "$(check tree >/dev/null; echo $?)" 0

# A file that only says it is the shared one
rm -r "$tree"
mkdir "$tree"
cp "$tmp/plain/one.debug" "$tree/"
must objcopy --remove-section=.debug_str "$tmp/plain/common" "$tree/false"
serve_ready false "$tree" "$tmp/upstream"
sources_are 404 "with a shared file that lacks the strings" "$one" "$sources"
tries=$(grep -c 'alternate file of no use' "$tmp/false.log")
rescan false
is "a file that was of no use is not tried again" \
	"$(grep -c 'alternate file of no use' "$tmp/false.log")" "$tries"
cp "$tmp/plain/common" "$tree/true"
rescan false
sources_are 200 "with another one that has them" "$one" "$sources"
stop_server false

# ---- Packages ----------------------------------------------------------------

named=/usr/src/debug/prog-1.0-1.x86_64
share "$tmp/packed" "-ffile-prefix-map=$sources=$named"
packed=$(build_id "$tmp/packed/one")

# pack KIND COMPRESSION WHAT OUT: a package of debugging information, of what is
# shared, of both, or of sources
pack() {
	local kind=$1 how=$2 what=$3 out=$4 dot="" debug
	[ "$kind" = rpm ] || dot=.
	debug=$dot/usr/lib/debug
	local program="$debug/usr/bin/one.debug=$tmp/packed/one.debug"
	local common="$debug/.dwz/common=$tmp/packed/common"
	case $what in
	program) set -- "$program" ;;
	common) set -- "$common" ;;
	both) set -- "$program" "$common" ;;
	sources) set -- "$dot$named/main.c=$sources/main.c" \
		"$dot$named/lib/helper.c=$sources/lib/helper.c" \
		"$dot$named/lib/scale.h=$sources/lib/scale.h" ;;
	*) set -- "$dot$named/main.c=$tmp/other.c" ;;
	esac
	must "$mkpkg" "$kind" --compress "$how" --block-size 4096 \
		--mtime 1400000000 "$out" "$@"
}

# in_order NAME KIND COMPRESSION WHAT...: each in a scan of its own
in_order() {
	local name=$1 kind=$2 how=$3 what
	shift 3
	rm -rf "$tmp/pool" "$tmp/$name.state"
	mkdir "$tmp/pool"
	serve_ready "$name" "$tmp/pool"
	for what; do
		pack "$kind" "$how" "$what" "$tmp/pool/prog-debug$what-1.0.$kind"
		rescan "$name"
	done
	sources_are 200 "$kind, $how: $*" "$packed" "$named"
	get "/buildid/$packed/source$named/main.c"
	is "$kind, $how: $*: the answer names the package of sources" \
		"$(header X-DEBUGINFOD-ARCHIVE)" \
		"$tmp/pool/prog-debugsources-1.0.$kind"
	stop_server "$name"
}

in_order rpm1 rpm xz both sources
in_order rpm2 rpm zstd sources both
in_order rpm3 rpm gzip common sources program
in_order rpm4 rpm bzip2 program common sources
in_order deb1 deb xz both sources
in_order deb2 deb zstd program sources common
in_order deb3 deb none common program sources

# The package whose name shares most with the debuginfo's has the source, in
# whatever order they came, and not the newest
echo other >"$tmp/other.c"
for order in "zzz prog" "prog zzz"; do
	rm -rf "$tmp/pool" "$tmp/choice.state"
	mkdir "$tmp/pool"
	pack rpm xz both "$tmp/pool/prog-debuginfo-1.0.rpm"
	serve_ready choice "$tmp/pool"
	for each in $order; do
		if [ "$each" = zzz ]; then
			pack rpm xz other "$tmp/pool/aaa-debugsource-1.0.rpm"
		else
			pack rpm xz sources "$tmp/pool/prog-debugsource-1.0.rpm"
		fi
		rescan choice
	done
	get "/buildid/$packed/source$named/main.c"
	same "the source is from the package with the nearest name: $order" \
		"$tmp/body" "$sources/main.c"
	stop_server choice
done

finish
