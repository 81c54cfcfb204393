#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Split DWARF in the index: programs whose functions and inlined calls are in
# .dwo files or a .dwp, which lie elsewhere in the scanned paths, come later, are
# in archives, or lie. They are found by their IDs, never by their names. What is
# right llvm-symbolizer says, before the files are taken away.
#
# Requirements: R-12, R-15.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need gcc nm curl
need_curl_headers
for oracle in llvm-symbolizer{-19,-16,-14,} none; do
	have "$oracle" && break
done
[ "$oracle" != none ] || skip_all "no llvm-symbolizer"

mkdir "$tmp/programs" "$tmp/here" "$tmp/dwos" "$tmp/dwps"
cat >"$tmp/a.c" <<'END'
#include "a.h"
int volatile sink;
static inline __attribute__((always_inline)) int scale(int x) { return x * sink + 3; }
static inline __attribute__((always_inline)) int twice(int x)
{
	int y = scale(x);
	return y + scale(y);
}
int apart(int x)
{
	for (int i = 0; i < x; i++)
		sink += twice(i);
	return shared(sink);
}
END
cat >"$tmp/a.h" <<'END'
int apart(int x);
extern int volatile sink;
static inline __attribute__((always_inline)) int shared(int x) { return sink ^ x; }
END
cat >"$tmp/m.c" <<'END'
#include "a.h"
static __attribute__((noinline)) int local(int x) { return shared(x) + apart(x); }
int main(int argc, char **argv) { (void)argv; return local(argc) + shared(argc); }
END

# make NAME COMPILER VERSION: leaves the program in $tmp/programs, its .dwo in
# $tmp/dwos/NAME, what is right in $tmp/NAME.right, its build ID in ${id[NAME]}.
# .dwo lie where they were made until llvm-symbolizer has answered.
declare -A id
make() {
	local name=$1 dir=$tmp/made.$1
	have "$2" || return 1
	mkdir "$dir" && cp "$tmp"/a.[ch] "$tmp/m.c" "$dir" || return 1
	(cd "$dir" && "$2" -g -O2 -gsplit-dwarf "-gdwarf-$3" -c a.c &&
		"$2" -g -O2 -gsplit-dwarf "-gdwarf-$3" -c m.c &&
		"$2" -Wl,--build-id -o "$name" a.o m.o) 2>>"$tmp/cc.log" || return 1
	[ -e "$dir/a.dwo" ] && [ -e "$dir/m.dwo" ] || return 1
	id[$name]=$(build_id "$dir/$name")
	nm -S "$dir/$name" | awk '$4 ~ /^(apart|local|main)$/ { print $1, $2 }' |
		while read -r start size; do
			for ((i = 0; i < 0x$size; i++)); do
				printf '%#x\n' $((0x$start + i))
			done
		done >"$tmp/$name.asked"
	(cd "$dir" && "$oracle" -e "$name" <"$tmp/$name.asked") |
		sed 's/:[0-9]*$//; s,/\./,/,' >"$tmp/$name.right"
	grep -q '^twice$' "$tmp/$name.right" || return 1
	mkdir "$tmp/dwos/$name"
	cp "$dir/$name" "$tmp/programs"
	mv "$dir"/*.dwo "$tmp/dwos/$name"
	names+=("$name")
}

# package NAME TOOL: its .dwp in $tmp/dwps
package() {
	[ "${id[$1]}" ] && have "$2" &&
		(cd "$tmp/dwos/$1" && timeout 60 "$2" -o "$tmp/dwps/$1.dwp" -- *.dwo) \
			>>"$tmp/dwp.log" 2>&1 && packaged+=("$1")
}

names=() packaged=()
for version in 4 5; do
	for compiler in gcc clang; do
		make "$compiler$version" "$compiler" "$version" ||
			skip "$compiler splits DWARF $version" "it does not, or inlines nothing"
	done
done
[ "${#names[@]}" -gt 0 ] || skip_all "no compiler splits DWARF"

# answers NAME: of the server, as llvm-symbolizer's
answers() {
	sed "s/^/${id[$1]}+/" "$tmp/$1.asked" |
		"$SYMBOLIZED" resolve --url "$url" --kind vaddr 2>>"$tmp/resolve.log" |
		sed 's,/\./,/,' >"$tmp/$1.ours"
}
is_right() {
	answers "$1"
	cmp -s "$tmp/$1.right" "$tmp/$1.ours"
}
is_right_in_time() {
	wait_until is_right "$1" || {
		diag "$(diff "$tmp/$1.right" "$tmp/$1.ours" | head -n 10)"
		return 1
	}
}
# message NAME: what the module's answer says besides
message() {
	get /symbolize/v1 -H 'Content-Type: application/json' -d '{"modules":[{"build_id":"'"${id[$1]}"'","kind":"vaddr","addresses":["'"$(head -n 1 "$tmp/$1.asked")"'"]}],"wait_ms":30000}'
	body | sed -n 's/.*"message":"\([^"]*\)".*/\1/p'
}
table_ops() {
	metric "symbolized_symbol_table_operations_total{op=\"$1\"}"
}

# No table is under way.
is_at_rest() {
	[ "$(metric_sum symbolized_symbol_table_flights)" = 0 ]
}
# Whoever asks may have a table looked for while he is answered. That comes before
# what others, whose ID nobody has, are looked for.
settle() {
	local _
	for _ in 1 2 3; do
		nobody=$((nobody + 1))
		"$SYMBOLIZED" resolve --url "$url" --kind vaddr \
			"$(printf '%040x' $nobody)+0x10" >>"$tmp/resolve.log" 2>&1
	done
	wait_until is_at_rest
}
nobody=0x7000

# ---- They come later -------------------------------------------------------------

serve_ready main "$tmp/programs" "$tmp/here"
for name in "${names[@]}"; do
	answers "$name"
	like "$name: without its .dwo there are names and lines" \
		"$(cat "$tmp/$name.ours")" '^apart
.*a\.c:[0-9]+$'
	unlike "$name: and no inlined calls" "$(cat "$tmp/$name.ours")" '^twice$'
	is "$name: which is said" "$(message "$name")" 'split DWARF is missing'
done
builds=$(table_ops build)
mkdir "$tmp/here/unrelated"
cp "$(type -P true)" "$tmp/here/unrelated"
rescan main
for name in "${names[@]}"; do
	answers "$name"
done
settle
is "another file is no reason to build again" "$(table_ops build)" "$builds"
for name in "${names[@]}"; do
	cp -r "$tmp/dwos/$name" "$tmp/here"
done
rescan main
for name in "${names[@]}"; do
	ok "$name: when a scan finds the .dwo, answers are llvm-symbolizer's" \
		is_right_in_time "$name"
	is "$name: and nothing is missing" "$(message "$name")" ''
done
dwo_id=$([ -z "${id[gcc5]:-}" ] || readelf --debug-dump=info "$tmp/dwos/gcc5/a.dwo" 2>/dev/null |
	sed -n 's/.*DWO ID: *0x\([0-9a-f]*\).*/\1/p')
if [ "$dwo_id" ]; then
	like "find names the file of a unit" \
		"$(find_id main "$(printf '%016x' "0x$dwo_id")")" '/here/gcc5/a\.dwo'
else
	skip "find names the file of a unit" "readelf says no ID"
fi
rm -r "$tmp/here"/*
rescan main
builds=$(table_ops build)
for name in "${names[@]}"; do
	ok "$name: a table stays good when its .dwo goes" is_right "$name"
done
settle
is "without being built again" "$(table_ops build)" "$builds"
stop_server main
is "the server ends well" "$exit_status" 0

# ---- What was inlined is not forgotten -------------------------------------------------

kept=${names[0]}
mkdir -p "$tmp/kept/dwos"
must objcopy --only-keep-debug "$tmp/programs/$kept" "$tmp/kept/b.debug"
cp "$tmp/dwos/$kept"/*.dwo "$tmp/kept/dwos"
serve_ready kept "$tmp/kept"
ok "a debug file and its .dwo answer" is_right_in_time "$kept"
rm -r "$tmp/kept/dwos"
rescan kept
must objcopy --strip-all "$tmp/programs/$kept" "$tmp/kept/b"
rescan kept
builds=$(table_ops build)
has_tried() {
	answers "$kept"
	[ "$(table_ops build)" -gt "$builds" ] && is_at_rest
}
ok "when the .dwo is gone and the executable has come a table is built" \
	wait_until has_tried
ok "but the one with the inlined calls stays" is_right "$kept"
is "and says that nothing is missing" "$(message "$kept")" ''
settle
is "so that none is built again" "$(table_ops build)" $((builds + 1))
stop_server kept

# ---- From the start, in packages and in archives ------------------------------------

if [ "${id[gcc4]}" ]; then package gcc4 llvm-dwp || package gcc4 dwp; fi
for name in clang4 clang5; do
	package "$name" llvm-dwp
done
mkdir "$tmp/archives" "$tmp/packages"
for name in "${names[@]}"; do
	must "$mkpkg" deb --compress xz "$tmp/archives/$name.deb" \
		"./usr/lib/debug/$name/a.dwo=$tmp/dwos/$name/a.dwo" \
		"./usr/lib/debug/$name/m.dwo=$tmp/dwos/$name/m.dwo"
done
for name in "${packaged[@]}"; do
	cp "$tmp/dwps/$name.dwp" "$tmp/packages"
	must "$mkpkg" tar --compress zstd "$tmp/archives/$name.tar.zst" \
		"lib/$name.dwp=$tmp/dwps/$name.dwp"
done
serve_ready archives "$tmp/programs" "$tmp/archives"
for name in "${names[@]}"; do
	ok "$name: .dwo files in a package answer at once" is_right "$name"
done
stop_server archives
rm "$tmp"/archives/*.deb
serve_ready tars "$tmp/programs" "$tmp/archives"
for name in "${packaged[@]}"; do
	ok "$name: a .dwp in a tar does" is_right "$name"
done
stop_server tars
serve_ready packages "$tmp/programs" "$tmp/packages"
for name in "${packaged[@]}"; do
	ok "$name: and a .dwp that is a file" is_right "$name"
done
stop_server packages
[ "${#packaged[@]}" -gt 0 ] || skip "a .dwp answers" "no tool makes one"

# ---- Names are not paths --------------------------------------------------------------

name=${names[0]}
cp "$tmp/dwos/$name"/*.dwo "$tmp/made.$name"
serve_ready names "$tmp/programs"
answers "$name"
unlike ".dwo files that lie where the DWARF says, and are not scanned, are not read" \
	"$(cat "$tmp/$name.ours")" '^twice$'
stop_server names
rm "$tmp/made.$name"/*.dwo

# ---- Lies --------------------------------------------------------------------------

# Copies of the .dwo with their middle overwritten: the IDs, in the first unit's
# header or in its first entry, stay.
mkdir "$tmp/lies"
for each in a m; do
	from=$tmp/dwos/$name/$each.dwo
	size=$(stat -c %s "$from")
	cp "$from" "$tmp/lies/$each.dwo"
	head -c $((size / 4)) /dev/zero | tr '\0' '\377' |
		dd of="$tmp/lies/$each.dwo" bs=1 seek=$((size / 3)) conv=notrunc 2>/dev/null
done
# A .dwp whose index says 2^32 of everything.
for lying in "${packaged[@]}"; do
	cp "$tmp/dwps/$lying.dwp" "$tmp/lies"
	at=$((0x$(readelf -SW "$tmp/dwps/$lying.dwp" |
		sed -n 's/.*\.debug_cu_index *PROGBITS *[0-9a-f]* *\([0-9a-f]*\).*/\1/p')))
	printf '\377\377\377\377\377\377\377\377\377\377\377\377' |
		dd of="$tmp/lies/$lying.dwp" bs=1 seek=$((at + 4)) conv=notrunc 2>/dev/null
done
serve_ready lies "$tmp/programs" "$tmp/lies" "$tmp/dwos"
for name in "${names[@]}"; do
	answers "$name"
	like "$name: beside files that lie there are answers" \
		"$(cat "$tmp/$name.ours")" '^apart$'
done
for name in "${names[@]:1}"; do
	ok "$name: and those of the files that do not lie are right" is_right "$name"
done
is "nobody dies of it" \
	"$(metric_sum symbolized_worker_deaths_total)" 0
stop_server lies
is "the server ends well after all" "$exit_status" 0
finish
