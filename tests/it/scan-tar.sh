#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Tar archives as containers: what tar, pacman and Alpine's abuild leave behind,
# with executables, debugging information and sources; what only looks like one.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl objcopy strip readelf tar gzip xz zstd bzip2

tree=$tmp/tree
mkdir "$tree"
kinds=

# ---- Packages, as their tools lay them out -------------------------------------

# pack KIND DIR FILE: all of DIR
pack() {
	case $1 in
	tar) tar -C "$2" --format=gnu -cf "$3" . ;;
	tar.gz) tar -C "$2" --format=pax -cf - . | gzip -n >"$3" ;;
	tgz) tar -C "$2" --format=v7 -cf - . | gzip -n >"$3" ;;
	tar.xz) tar -C "$2" -cf - . | xz --block-size=16KiB >"$3" ;;
	tar.bz2) tar -C "$2" --format=ustar -cf - . | bzip2 >"$3" ;;
	tar.zst) tar -C "$2" -cf - . | zstd -q >"$3" ;;
	pkg.tar.zst)
		# pacman: its own files first, names without "./"
		printf 'pkgname = prog\n' >"$2/.PKGINFO" &&
			printf '#mtree\n' | gzip -n >"$2/.MTREE" &&
			(cd "$2" && find . -mindepth 1 -printf '%P\0' | sort -z |
				tar --no-recursion --null -T - -cf - | zstd -q) >"$3"
		;;
	apk)
		# Alpine: signature, control and data, each compressed by itself,
		# the first two without the end of an archive
		mkdir "$tmp/apk" && printf 'signed' >"$tmp/apk/.SIGN.RSA.key.pub" &&
			printf 'pkgname = prog\n' >"$tmp/apk/.PKGINFO" &&
			{
				tar -C "$tmp/apk" -b 1 -cf - .SIGN.RSA.key.pub |
					head -c -1024 | gzip -n
				tar -C "$tmp/apk" -b 1 -cf - .PKGINFO |
					head -c -1024 | gzip -n
				(cd "$2" && tar --format=pax -cf - -- * | gzip -n)
			} >"$3" && rm -r "$tmp/apk"
		;;
	esac
}

# make_packages KIND: a program, its debugging information, its sources
make_packages() {
	local kind=$1 dir=$tmp/build.$1 id
	local named=/usr/src/debug/prog-$1
	write_program "$dir/src" &&
		build_program "$dir/src" "$dir/prog" -gdwarf-5 \
			"-fdebug-prefix-map=$dir/src=$named" &&
		split_program "$dir/prog" || return 1
	id=$(build_id "$dir/prog")
	mkdir -p "$dir/exe/usr/bin" "$dir/debug/usr/lib/debug/.build-id/${id:0:2}" \
		"$dir/source$named" "$tree/$kind" || return 1
	cp -p "$dir/prog" "$dir/exe/usr/bin/" &&
		ln "$dir/exe/usr/bin/prog" "$dir/exe/usr/bin/another-name" &&
		ln -s prog "$dir/exe/usr/bin/link" &&
		head -c 60000 /dev/urandom >"$dir/debug/filler" &&
		cp -p "$dir/prog.debug" \
			"$dir/debug/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug" &&
		cp -pr "$dir/src/." "$dir/source$named/" || return 1
	pack "$kind" "$dir/exe" "$tree/$kind/prog-1.0-x86_64.$kind" &&
		pack "$kind" "$dir/debug" "$tree/$kind/prog-debug-1.0-x86_64.$kind" &&
		pack "$kind" "$dir/source" "$tree/$kind/prog-source-1.0.$kind"
}

for kind in tar tar.gz tgz tar.xz tar.bz2 tar.zst pkg.tar.zst apk; do
	must make_packages "$kind"
	kinds+="$kind "
done

# ---- Byte for byte ---------------------------------------------------------------

# raw_section NAME FILE: its bytes as stored
raw_section() {
	readelf -SW "$2" 2>/dev/null | sed 's/^ *\[ *[0-9]*\] *//' |
		awk -v want="$1" '$1 == want { print $4, $5 }' | {
		read -r offset size
		tail -c "+$((16#$offset + 1))" "$2" | head -c "$((16#$size))"
	}
}

# get_same WHAT PATH FILE
get_same() {
	get "$2"
	is "$1 is served" "$status" 200
	same "$1 has the right bytes" "$tmp/body" "$3"
}

ask_for_all() {
	local when=$1 kind dir id named
	for kind in $kinds; do
		dir=$tmp/build.$kind
		id=$(build_id "$dir/prog")
		named=/usr/src/debug/prog-$kind
		raw_section .debug_info "$dir/prog.debug" >"$tmp/section"
		get_same "the debuginfo in .$kind, $when" "/buildid/$id/debuginfo" \
			"$dir/prog.debug"
		like "it is said to be in its package, .$kind, $when" \
			"$(header X-DEBUGINFOD-ARCHIVE)" \
			"^$tree/$kind/prog-debug-1.0-x86_64.$kind$"
		get_same "a section in .$kind, $when" \
			"/buildid/$id/section/.debug_info" "$tmp/section"
		get_same "the executable in .$kind, $when" \
			"/buildid/$id/executable" "$dir/prog"
		get_same "a source in .$kind, $when" \
			"/buildid/$id/source$named/lib/helper.c" "$dir/src/lib/helper.c"
		is "the source is said to be in its tarball, .$kind, $when" \
			"$(header X-DEBUGINFOD-ARCHIVE) $(header X-DEBUGINFOD-FILE)" \
			"$tree/$kind/prog-source-1.0.$kind $named/lib/helper.c"
	done
}

serve_ready one "$tree"
is "every archive is counted as one" \
	"$(metric 'symbolized_scan_files_total{source="tar"}')" "$(($(wc -w <<<"$kinds") * 3))"
is "none of them is unreadable" "$(check one | grep -c "$tree")" 0
ask_for_all "at first"
at_least "they came out of archives" "$(served_from archive)" "$(wc -w <<<"$kinds")"
stop_server one
is "the server ends well" "$exit_status" 0

# Members are found again, without a scan and without the cache.
rm -r "$tmp/one.cache"
serve_ready one "$tree"
is "after a restart nothing is looked into again" "$(last_scan looked_into one)" 0
ask_for_all "after a restart"

# ---- What is none ----------------------------------------------------------------

printf 'a letter' | gzip >"$tree/letter.gz"
printf 'a letter' | xz >"$tree/letter.xz"
tar -C "$tmp/build.tar/exe" -cf - . | gzip >"$tree/archive-by-another-name.gz"
printf 'a signature' >"$tree/prog.tar.gz.sig"
printf 'PK\3\4 and more' >"$tree/android.apk"
printf 'ADBd and more' >"$tree/alpine-3.apk"
printf 'a letter' | gzip >"$tree/letter.tar.gz"
head -c 20000 "$tree/tar/prog-debug-1.0-x86_64.tar" >"$tree/cut.tar"
head -c 20000 "$tree/tar.zst/prog-debug-1.0-x86_64.tar.zst" >"$tree/cut.tar.zst"
rescan one
failed=$(check one)
like "an apk of version 3 is said to be one" "$failed" \
	'alpine-3\.apk.*version 3'
like "a truncated archive is recorded with member and place" "$failed" \
	'/cut\.tar[: ].*filler.*truncated.*offset'
like "a truncated compressed archive is recorded" "$failed" \
	'/cut\.tar\.zst.*truncated'
like "what is called an archive and is none is recorded" "$failed" \
	'letter\.tar\.gz'
is "nothing else is" "$(grep -c "$tree" <<<"$failed")" 4
stop_server one

# ---- Left out --------------------------------------------------------------------

serve_ready without --exclude '[.](tar|tgz|apk)' "$tree"
id=$(build_id "$tmp/build.tar/prog")
get "/buildid/$id/executable"
is "--exclude leaves archives out" "$status" 404

finish
