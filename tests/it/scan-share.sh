#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# One large archive, scanned by one worker and with others helping: the same
# rows, also where it is damaged.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" sqlite3

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

size=$(stat -c %s "$tmp/xz.deb")
cp "$tmp/xz.deb" "$tmp/damaged.deb"
printf 'damaged' | dd of="$tmp/damaged.deb" bs=1 seek=$((size * 3 / 4)) \
	conv=notrunc 2>/dev/null
same_rows "a damaged archive" "$tmp/damaged.deb" 8
finish
