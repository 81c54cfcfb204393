#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Journey one when the machine fails: the Nth allocation, read, write, fsync,
# mmap, descriptor, worker's answer fails, for N from 1 until none does. The
# program ends by itself each time, the index is sound, and the next scan leaves
# the rows that an undisturbed one does.
#
# Requirements: R-27, R-31, R-34.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_faults.sh"
need "$CC" sqlite3 openssl
need_faults

tree=$tmp/tree
must make_samples "$tree/elf" 4
sample_base=1
must make_samples "$tmp/packed" 6
must big_file "$tmp/filler" 1
mkdir "$tree/text"
must "$mkpkg" deb --compress xz --block-size 100000 "$tree/one.deb" \
	"./usr/bin/x=$tmp/packed/sample-1" "./usr/share/filler=$tmp/filler" \
	"./usr/bin/y=$tmp/packed/sample-2"
must "$mkpkg" rpm --compress gzip "$tree/two.rpm" \
	"/usr/bin/x=$tmp/packed/sample-3" "/usr/src/debug/x.c=$tmp/filler"
must "$mkpkg" deb --compress zstd "$tree/gone.deb" "./x=$tmp/packed/sample-4"
echo text >"$tree/text/1"
# What lies in other files: units of split DWARF, strings that dwz moved
must write_program "$tmp/program"
if (cd "$tmp/program" && "$CC" -g -gsplit-dwarf -O1 -c -o split.o lib/helper.c) \
	2>/dev/null && [ -e "$tmp/program/split.dwo" ]; then
	cp "$tmp/program/split.dwo" "$tree"
	has_split=yes
fi
mkdir "$tmp/alone"
if have dwz && must build_program "$tmp/program" "$tmp/alone/one" -gdwarf-4 &&
	must build_program "$tmp/program" "$tmp/alone/two" -gdwarf-4 -DTWO &&
	(cd "$tmp/alone" && dwz -m common one two) 2>/dev/null; then
	# Without what they share: it is waited for.
	cp "$tmp/alone/one" "$tree"
	has_dwz=yes
fi

# The index that is there before: of a tree that has changed since.
must scan before "$tree"
rm "$tree/gone.deb"
must "$mkpkg" deb --compress zstd "$tree/late.deb" "./x=$tmp/packed/sample-5"
cp "$tmp/packed/sample-6" "$tree/elf/sample-1"

must scan new "$tree"
dump new >"$tmp/new.dump" || die "cannot dump the index"
cp -r "$tmp/before.state" "$tmp/again.state"
must scan again "$tree"
dump again >"$tmp/again.dump" || die "cannot dump the index"
isnt "the index has rows" "$(wc -l <"$tmp/new.dump")" 0
[ "${has_split:-no}" = no ] ||
	isnt "and units of split DWARF" "$(grep -c '^split unit|' "$tmp/new.dump")" 0
[ "${has_dwz:-no}" = no ] ||
	isnt "and sources that wait" "$(grep -c '^pending|' "$tmp/new.dump")" 0

reset() {
	rm -rf "$tmp/faulty.state" "$tmp/faulty.cache"
	[ "$current" = new ] || cp -r "$tmp/before.state" "$tmp/faulty.state"
	mkdir -p "$tmp/faulty.state" "$tmp/faulty.cache"
}

attempt() {
	local status
	reset
	LD_PRELOAD=$preload timeout 120 "$SYMBOLIZED" scan --workers 2 \
		--state-dir "$tmp/faulty.state" --cache-dir "$tmp/faulty.cache" \
		"$tree" </dev/null 2>"$tmp/faulty.last.log"
	status=$?
	[ "$status" -lt 124 ] || echo "status $status: $(tail -n 3 "$tmp/faulty.last.log")"
	sanitizer_complaints
}

aftermath() {
	state_is_sound faulty || echo "not sound: $(check faulty | tail -n 2)"
	find "$tmp/faulty.state" -name '*damaged*'
	scan faulty "$tree" || echo "the next scan fails: $(tail -n 2 "$tmp/faulty.log")"
	dump faulty >"$tmp/faulty.dump"
	diff "$tmp/$current.dump" "$tmp/faulty.dump" | cut -c 1-200 | head -n 5
	find "$tmp/faulty.cache" -type f
}

under=$tmp/faulty
for current in new again; do
	if ! is_sanitized; then
		sweep 8 server alloc ENOMEM
		sweep 8 server malloc ENOMEM
		sweep 5 worker alloc ENOMEM
	fi
	sweep 5 server read EIO "$under"
	sweep 2 server read short "$under"
	sweep 2 server read EINTR "$under"
	sweep 5 server write ENOSPC "$under"
	sweep 2 server write EIO "$under"
	sweep 2 server write short "$under"
	sweep 2 server write EINTR "$under"
	sweep 2 server ftruncate ENOSPC "$under"
	sweep 2 server fsync EIO "$under"
	sweep 2 server unlink EIO "$under"
	sweep 3 server mmap ENOMEM
	sweep 5 server open EMFILE
	sweep 2 server open EINTR "$under"
	sweep 2 server stat EIO "$tmp"
	sweep 2 server spawn EAGAIN
	sweep 2 server thread EAGAIN
	sweep 3 server receive end
	sweep 3 server receive short
	sweep 3 server receive noise
	sweep 2 server receive EINTR
	sweep 2 server send EINTR
	sweep 3 worker read EIO
	sweep 2 worker read short
	sweep 2 worker send short
	sweep 3 worker send die
done
diag "faults: $faults"
finish
