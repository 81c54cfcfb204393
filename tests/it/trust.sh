#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Who can put a package into the tree lies: about build IDs, about where sources
# are, about links, about the time. Whatever comes later changes nothing of what is
# served, nothing outside of the tree is, and it is said that somebody lied.
#
# Requirements: R-7, R-13, R-14, R-15, R-16, R-35.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl readelf objcopy

mkdir "$tmp/secret"
echo "a secret of this machine" >"$tmp/secret/file.c"
must write_program "$tmp/src"
must build_program "$tmp/src" "$tmp/good"
must write_program "$tmp/evil.src"
echo 'int evil(void) { return 42; }' >>"$tmp/evil.src/lib/helper.c"
id=$(build_id "$tmp/good")
(cd "$tmp/evil.src" && "$CC" -O1 -g "-Wl,--build-id=0x$id" -o "$tmp/evil" main.c \
	./lib/../lib/helper.c) || die "no second program"
is "two programs have one build ID" "$(build_id "$tmp/evil")" "$id"
must "$mkpkg" deb --compress xz "$tmp/good.deb" "./usr/bin/program=$tmp/good"
must "$mkpkg" deb --compress xz "$tmp/evil.deb" "./usr/bin/program=$tmp/evil"

# ---- One build ID, two contents --------------------------------------------------

# served NAME: what of the two is served, and for both questions the same
served() {
	local kind which=
	for kind in executable debuginfo; do
		get "/buildid/$id/$kind"
		if cmp -s "$tmp/body" "$tmp/good"; then
			which+=good
		elif cmp -s "$tmp/body" "$tmp/evil"; then
			which+=evil
		else
			which+=$status
		fi
	done
	echo "$which"
}

for suffix in "" .deb; do
	# The first under one path stays, whatever comes later and however new
	for first in good evil; do
		[ $first = good ] && second=evil || second=good
		name=one$first${suffix#.}
		mkdir "$tmp/$name"
		cp "$tmp/$first$suffix" "$tmp/$name/m$suffix"
		serve_ready "$name" "$tmp/$name"
		for other in a z; do
			cp "$tmp/$second$suffix" "$tmp/$name/$other$suffix"
			rescan "$name"
			is "first $first$suffix, then $second as $other: the first stays" \
				"$(served)" "$first$first"
		done
		touch -d '2100-01-01' "$tmp/$name/z$suffix"
		rescan "$name"
		is "first $first$suffix, the other from the future: the first stays" \
			"$(served)" "$first$first"
		at_least "it is counted that they differ" \
			"$(metric symbolized_artifacts_conflicting_total)" 1
		like "and logged, with both places" "$(cat "$tmp/$name.log")" \
			"one build ID, different files.*build_id=$id chosen=.*/m$suffix .*other=.*/[az]$suffix"
		rm "$tmp/$name/m$suffix"
		rescan "$name"
		is "when the first goes the other is served" "$(served)" "$second$second"
		stop_server "$name"
	done
	# Of two paths the first on the command line, whoever came first
	for first in good evil; do
		name=two$first${suffix#.}
		mkdir -p "$tmp/$name.1" "$tmp/$name.2"
		cp "$tmp/$first$suffix" "$tmp/$name.2/x$suffix"
		[ $first = good ] && second=evil || second=good
		serve_ready "$name" "$tmp/$name.1" "$tmp/$name.2"
		is "only under the second path: $first$suffix" "$(served)" "$first$first"
		cp "$tmp/$second$suffix" "$tmp/$name.1/x$suffix"
		rescan "$name"
		is "under the first path comes $second$suffix: it is the operator's choice" \
			"$(served)" "$second$second"
		stop_server "$name"
	done
done

# ---- Names and notes -------------------------------------------------------------

mkdir -p "$tmp/named/.build-id/aa"
cp "$tmp/good" "$tmp/named/.build-id/aa/bbccddeeff00112233445566778899aabbccdd.debug"
serve_ready named "$tmp/named"
get /buildid/aabbccddeeff00112233445566778899aabbccdd/debuginfo
is "a name below .build-id is no build ID" "$status" 404
is "the note is" "$(served)" goodgood
stop_server named

# ---- Links -----------------------------------------------------------------------

mkdir "$tmp/links"
# A program whose line tables name the links, symbolic and hard, and one member of
# each package that is a file
for name in {deb,rpm}_{link,up,hard,above,real}; do
	printf '# 1 "/usr/src/%s.c"\nint %s;\nint get_%s(void) { return %s; }\n' \
		"$name" "$name" "$name" "$name" >"$tmp/$name.c"
done
must "$CC" -g -shared -fPIC -nostdlib -Wl,--build-id=sha1 -o "$tmp/linked.so" \
	"$tmp"/{deb,rpm}_{link,up,hard,above,real}.c
linked=$(build_id "$tmp/linked.so")
for kind in deb rpm; do
	must "$mkpkg" $kind --compress gzip "$tmp/links/a.$kind" \
		"./usr/src/${kind}_link.c->$tmp/secret/file.c" \
		"./usr/src/${kind}_up.c->../../../../../../$tmp/secret/file.c" \
		"./usr/src/${kind}_hard.c=>$tmp/secret/file.c" \
		"./usr/src/${kind}_above.c=>../../../../../../$tmp/secret/file.c" \
		"./usr/src/${kind}_real.c=$tmp/src/main.c" \
		"./usr/lib/linked.so=$tmp/linked.so" \
		"./usr/bin/program=$tmp/good" "./usr/bin/again=>./usr/bin/program"
done
must "$mkpkg" tar "$tmp/links/b.tar" "$tmp/secret/x=$tmp/good" \
	"../../../..$tmp/secret/y=$tmp/good"
ln -s "$tmp/secret" "$tmp/links/secret"
ln -s "$tmp/secret/file.c" "$tmp/links/file.c"
serve_ready links "$tmp/links"
is "beside links a member is served" "$(served)" goodgood
for kind in deb rpm; do
	get "/buildid/$linked/source/usr/src/${kind}_real.c"
	same "and a member that is a source: $kind" "$tmp/body" "$tmp/src/main.c"
done
for name in {deb,rpm}_{link,up,hard,above}; do
	get "/buildid/$linked/source/usr/src/$name.c"
	is "a member that is a link leads nowhere: $name" "$status" 404
	unlike "and says nothing of where it points to: $name" "$(body)" secret
done
is "nothing was made at the name of a member" "$(ls "$tmp/secret")" file.c
stop_server links

# ---- Sources ---------------------------------------------------------------------

# A line table can name any file, in any words
tree=$tmp/tree
mkdir "$tree" "$tree/inside"
ln -s "$tmp/secret" "$tree/link"
ln -s "$tmp/secret/file.c" "$tree/inside/file.c"
echo "int inside;" >"$tree/inside/good.c"
number=0
names=()
lie() {
	number=$((number + 1))
	names+=("$2")
	printf '# 1 "%s"\nint lie%d;\nint lie(void) { return lie%d; }\n' "$2" \
		"$number" "$number" >"$tmp/lie.c"
	(cd "$tmp/src" && "$CC" -g -shared -fPIC -nostdlib -Wl,--build-id=sha1 \
		-fdebug-prefix-map="$tmp/src=$1" -o "$tree/lie$number.so" "$tmp/lie.c") ||
		die "no lie"
}
for dir in / "$tree" "$tmp/secret" ../secret /proc/self/cwd; do
	lie "$dir" "$tmp/secret/file.c"
	lie "$dir" "$tree/../secret/file.c"
	lie "$dir" "$tree/link/file.c"
	lie "$dir" "$tree/inside/file.c"
	lie "$dir" "$tree/inside/../../secret/file.c"
	lie "$dir" "$tree/./link/./file.c"
	lie "$dir" "/proc/self/root$tmp/secret/file.c"
	lie "$dir" "$tree/%2e%2e/secret/file.c"
	lie "$dir" "../secret/file.c"
	lie "$dir" "file.c"
	lie "$dir" "/etc/passwd"
	lie "$dir" "/proc/self/environ"
	lie "$dir" "/dev/stdin"
done
lie / "$tree/inside/good.c"
serve_ready sources "$tree"
given=0
for ((n = 1; n < number; n++)); do
	lying=$(build_id "$tree/lie$n.so")
	name=${names[n - 1]}
	for path in "$name" "/$name" "$tmp/secret/file.c" "$tree/link/file.c" \
		"${name//\//%2F}" "${name//./%2e}"; do
		get "/buildid/$lying/source/${path#/}"
		[ "$status" = 404 ] || [ "$status" = 400 ] ||
			diag "$n $name $path: $status"
		case $status in
		40[04]) ;;
		*) given=$((given + 1)) ;;
		esac
		! grep -q 'secret of\|root:' "$tmp/body" || given=$((given + 1))
	done
done
is "of $((number - 1)) line tables that lie none gives a file from outside" "$given" 0
get "/buildid/$(build_id "$tree/lie$number.so")/source$tree/inside/good.c"
same "one from inside is served" "$tmp/body" "$tree/inside/good.c"
# What was inside when it was indexed, and leads away when it is asked for
rm "$tree/inside/good.c"
ln -s "$tmp/secret/file.c" "$tree/inside/good.c"
get "/buildid/$(build_id "$tree/lie$number.so")/source$tree/inside/good.c"
is "one that became a link is not" "$status" 404
rm "$tree/inside/good.c"
mv "$tree/inside" "$tree/gone"
cp "$tmp/secret/file.c" "$tmp/secret/good.c"
ln -s "$tmp/secret" "$tree/inside"
get "/buildid/$(build_id "$tree/lie$number.so")/source$tree/inside/good.c"
is "nor one whose directory became a link" "$status" 404
is "no worker died of it" "$(metric_sum symbolized_worker_deaths_total)" 0
finish
