#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# One large archive, scanned by one worker and with others helping: the same
# rows, also where it is damaged.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl openssl sqlite3

# Blocks that helpers decoded, as the server of the name says.
assisted() {
	metric symbolized_scan_assisted_blocks_total
}

# rows NAME: all of the index but its identity and the time of the scan
rows() {
	sqlite3 "$tmp/$1.state/index.sqlite" .dump |
		sed -e '/^INSERT INTO meta/d' \
			-e '/^INSERT INTO container /s/,[0-9]*);$//'
}

# same_rows NAME FILE: with any number of workers
same_rows() {
	local name=$1 file=$2 n
	for n in 1 2 4; do
		rm -rf "$tmp/w$n.state" "$tmp/w$n.cache"
		must "$SYMBOLIZED" scan --workers "$n" \
			--state-dir "$tmp/w$n.state" \
			--cache-dir "$tmp/w$n.cache" "$file"
		rows "w$n" >"$tmp/rows.$n"
	done
	at_least "$name: there are rows" \
		"$(grep -c '^INSERT INTO artifact' "$tmp/rows.1")" "$3"
	same "$name: the same with two workers" "$tmp/rows.1" "$tmp/rows.2"
	same "$name: the same with four workers" "$tmp/rows.1" "$tmp/rows.4"
}

# Members that do not compress, and samples between them.
must make_samples "$tmp/samples" 16
members=()
for i in {1..16}; do
	head -c 700000 /dev/urandom >"$tmp/noise$i"
	members+=("./n$i=$tmp/noise$i" "./s$i=$tmp/samples/sample-$i")
done
for how in xz zstd; do
	must "$mkpkg" deb --compress "$how" --block-size 500000 \
		"$tmp/$how.deb" "${members[@]}"
	same_rows "an archive of $how" "$tmp/$how.deb" 16
done

# Slow to decode, and something of every block is wanted: there is time to help,
# and reason to.
must big_file "$tmp/slow" 24
split -b 512K -a 3 "$tmp/slow" "$tmp/part."
members=()
for part in "$tmp"/part.*; do
	n=$((${#members[@]} / 2 % 16 + 1))
	members+=("./${part##*.}=$part" "./s${part##*.}=$tmp/samples/sample-$n")
done
must "$mkpkg" deb --compress xz --block-size 1000000 "$tmp/slow.deb" \
	"${members[@]}"
serve_ready several --workers 3 "$tmp/slow.deb"
at_least "idle workers help with one large archive" "$(assisted)" 1
rows several >"$tmp/rows.several"
stop_server several
serve_ready alone --workers 1 "$tmp/slow.deb"
is "one worker alone has no help" "$(assisted)" 0
rows alone >"$tmp/rows.alone"
stop_server alone
at_least "an archive with help: there are rows" \
	"$(grep -c '^INSERT INTO artifact' "$tmp/rows.alone")" 16
same "an archive with help: the same as without" "$tmp/rows.alone" \
	"$tmp/rows.several"

size=$(stat -c %s "$tmp/xz.deb")
cp "$tmp/xz.deb" "$tmp/damaged.deb"
printf 'damaged' | dd of="$tmp/damaged.deb" bs=1 seek=$((size * 3 / 4)) \
	conv=notrunc 2>/dev/null
same_rows "a damaged archive" "$tmp/damaged.deb" 8
finish
