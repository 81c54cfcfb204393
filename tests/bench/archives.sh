# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Archive members for first-hit.sh and stall.sh. Sourced after lib.sh;
# expects $corpus and $work.
# shellcheck disable=SC2154

# has_debuginfo FILE
has_debuginfo() {
	[ "$(head -c 4 "$1" | tail -c 3)" = ELF ] && [ "$(build_id "$1")" ] &&
		readelf -SW "$1" 2>/dev/null | grep -q ' \.debug_info'
}

# one_package PATTERN: name of the package in the corpus
one_package() {
	local deb
	# shellcheck disable=SC2231 # a pattern is meant
	for deb in "$corpus"/debs/$1_*.deb; do
		[ -e "$deb" ] || die "$1: not in the corpus"
		deb=$(basename "$deb")
		echo "${deb%%_*}"
		return
	done
}

# largest_member PACKAGE: "id bytes path" of its largest file with debug information
largest_member() {
	local path
	path=$(find "$corpus/tree/$1" -type f -printf '%s %p\n' | sort -rn | sed -n '1s/^[0-9]* //p')
	has_debuginfo "$path" || die "$path: no debug information"
	echo "$(build_id "$path") $(stat -c %s "$path") ${path#"$corpus/tree/$1"}"
}

# late_member PACKAGE: the same of a file below 512 KiB, as late in the archive as there is
late_member() {
	local member path
	while read -r member; do
		path=$corpus/tree/$1/${member#./}
		if [ -f "$path" ] && [ ! -L "$path" ] && [ "$(stat -c %s "$path")" -lt 524288 ] && has_debuginfo "$path"; then
			echo "$(build_id "$path") $(stat -c %s "$path") ${path#"$corpus/tree/$1"}"
			return
		fi
	done < <(dpkg-deb --fsys-tarfile "$corpus"/debs/"$1"_*.deb | tar -tf - | grep -v '/$' | tac)
	die "$1: no small file with debug information"
}

# link_packages DIR PACKAGE...: hard links (or copies) of their archives
link_packages() {
	local dir=$1 name
	shift
	mkdir -p "$dir"
	for name in "$@"; do
		ln -f "$corpus"/debs/"$name"_*.deb "$dir/" 2>/dev/null ||
			cp -n "$corpus"/debs/"$name"_*.deb "$dir/"
	done
}
