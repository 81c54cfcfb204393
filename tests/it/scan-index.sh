#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What a scan finds and what it leaves alone: every format and compression, what
# changed since the last time, options, progress, and the commands that show it.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" readelf jq openssl

# figures NAME FIELD...: of `check --json`
figures() {
	local name=$1 field
	shift
	for field; do
		check "$name" --json | jq -r ".$field"
	done | tr '\n' ' '
}

has_id() {
	find_id "$1" "$2" | grep -q 'executable\|debuginfo'
}

# ---- Only what changed is looked into ------------------------------------------

tree=$tmp/tree
must make_samples "$tree/a" 10
mkdir "$tree/b" "$tree/pool"
for i in 1 2 3; do
	echo "text $i" >"$tree/b/text$i"
done
: >"$tree/b/empty"
sample_base=1
must make_samples "$tmp/extra" 12
must "$mkpkg" deb --compress gzip "$tree/pool/one.deb" "./x=$tmp/extra/sample-1"
must "$mkpkg" rpm --compress xz "$tree/pool/two.rpm" "/x=$tmp/extra/sample-2"

must scan one "$tree"
is "the first scan visits all files" "$(last_scan visited one)" 16
is "the first scan looks into all of them" "$(last_scan looked_into one)" 16
is "the first scan finds what is there" \
	"$(figures one containers artifacts build_ids unreadable ignored_files)" \
	"12 12 12 0 4 "
unlike "a scan that ends by itself speaks of no signal" "$(cat "$tmp/one.log")" \
	signal
must scan one "$tree"
is "a second scan visits all files and looks into none" \
	"$(last_scan visited one) $(last_scan looked_into one)" "16 0"
is "a second scan removes nothing" "$(last_scan removed one)" 0

if have strace && strace -f -o /dev/null true 2>/dev/null; then
	must traced -e trace=execve,open,openat,openat2 -o "$tmp/trace" \
		"$SYMBOLIZED" scan --state-dir "$tmp/one.state" \
		--cache-dir "$tmp/one.cache" "$tree"
	is "a second scan opens no file that did not change" \
		"$(grep "open.*$tree" "$tmp/trace" | grep -v O_DIRECTORY)" ""
	is "a second scan starts no worker" \
		"$(grep -c 'execve.*"worker"' "$tmp/trace")" 0
	must traced -e trace=execve,open,openat,openat2,creat -o "$tmp/trace" \
		"$SYMBOLIZED" scan --state-dir "$tmp/traced.state" \
		--cache-dir "$tmp/traced.cache" "$tree"
	sed -n 's/^\([0-9]*\)  *execve(.*"worker".*/\1/p' "$tmp/trace" >"$tmp/workers"
	at_least "a first scan starts workers" "$(wc -l <"$tmp/workers")" 1
	is "a worker opens nothing of what is scanned, nor of the state" \
		"$(grep "^\($(paste -sd '|' "$tmp/workers" | sed 's/|/\\|/g')\) .*$tmp" \
			"$tmp/trace" | grep -v execve)" ""
else
	skip "a worker opens nothing of what is scanned" "no strace"
	skip "a second scan opens no file that did not change" "no strace"
	skip "a second scan starts no worker" "no strace"
fi

sample_base=2
must make_samples "$tmp/later" 4
cp "$tmp/later/sample-1" "$tree/a/added"
cp "$tmp/later/sample-2" "$tree/a/sample-1"
rm "$tree/a/sample-2"
mv "$tree/a/sample-3" "$tree/b/moved"
must "$mkpkg" deb --compress xz "$tree/pool/one.deb" "./y=$tmp/later/sample-3"
cp "$tmp/later/sample-4" "$tree/b/text1"
echo text >"$tree/a/sample-4"
must scan one "$tree"
is "a third scan looks into what was added, changed or moved" \
	"$(last_scan looked_into one)" 6
is "a third scan forgets what has gone" "$(last_scan removed one)" 2
is "the index says what is there now" \
	"$(figures one containers artifacts unreadable ignored_files)" "12 12 0 4 "
sample_base=0
ok "a file that stayed is known" has_id one "$(sample_id 5)"
is "a file that went is not known" "$(find_id one "$(sample_id 2)")" \
	"$(sample_id 2): not in the index"
is "a file that became text is not known" "$(find_id one "$(sample_id 4)")" \
	"$(sample_id 4): not in the index"
like "a file that moved is known where it is" "$(find_id one "$(sample_id 3)")" \
	"^$tree/b/moved$"
unlike "a file that moved is not known where it was" \
	"$(find_id one "$(sample_id 3)")" "$tree/a"
sample_base=1
is "what a package held before is not known" "$(find_id one "$(sample_id 1)")" \
	"$(sample_id 1): not in the index"
sample_base=2
for i in 1 2 3 4; do
	ok "what came is known, $i" has_id one "$(sample_id $i)"
done
touch "$tree/pool/two.rpm"
must scan one "$tree"
is "a touched file is looked into again" "$(last_scan looked_into one)" 1
sample_base=1
ok "a touched file is still known" has_id one "$(sample_id 2)"
rm -r "$tree/b"
must scan one "$tree"
is "all of a directory that went is forgotten" \
	"$(last_scan removed one) $(figures one containers ignored_files)" "2 10 1 "
is "the index is sound" "$(check one | tail -n 1)" "the index is sound"

# ---- Options -------------------------------------------------------------------

tree=$tmp/options
sample_base=3
must make_samples "$tree/in/deep" 2
must make_samples "$tree/out" 3
sample_base=4
must make_samples "$tmp/elsewhere" 2
ln -s "$tmp/elsewhere" "$tree/link"
ln -s "$tmp/elsewhere/sample-1" "$tree/in/file-link"
ln -s . "$tree/loop"
ln -s nowhere "$tree/dangling"
must scan plain "$tree"
is "symbolic links are not followed" "$(figures plain containers)" "5 "
must scan links --follow-symlinks "$tree"
is "--follow-symlinks follows them, loops and all" \
	"$(figures links containers)" "7 "
like "a file behind a link goes by its real name" \
	"$(find_id links "$(sample_id 1)")" "^$tmp/elsewhere/sample-1$"
must scan in --include '/in/' "$tree"
is "--include takes only what matches" "$(figures in containers)" "2 "
must scan out --exclude 'deep|out/.*-1$' "$tree"
is "--exclude leaves out what matches" "$(figures out containers)" "2 "
must scan both --include 'sample' --exclude 'out' "$tree"
is "--exclude wins over --include" "$(figures both containers)" "2 "
must scan both --include 'sample' "$tree"
is "without --exclude the next scan adds the rest" "$(figures both containers)" "5 "
must scan both --exclude 'out' "$tree"
is "what is excluded now is forgotten" "$(figures both containers)" "2 "
must scan alone "$tree/out/sample-2"
is "a path may be a file" "$(figures alone containers)" "1 "
must scan twice "$tree/in" "$tree/out" "$tree"
is "paths may overlap" "$(figures twice containers artifacts)" "5 5 "
if mkdir "$tree/mount" && mount -t tmpfs none "$tree/mount" 2>/dev/null; then
	mounted+=("$tree/mount")
	cp "$tmp/elsewhere/sample-2" "$tree/mount/"
	must scan across "$tree"
	is "other file systems are descended into" "$(figures across containers)" "6 "
	must scan within --one-file-system "$tree"
	is "--one-file-system stays on its own" "$(figures within containers)" "5 "
	umount "$tree/mount" && mounted=()
else
	skip "other file systems are descended into" "not allowed to mount"
	skip "--one-file-system stays on its own" "not allowed to mount"
fi
must scan workers --workers 1 "$tree"
is "one worker is enough" "$(figures workers containers)" "5 "
is "the state directory beneath a scanned path is left alone" \
	"$(must "$SYMBOLIZED" scan --state-dir "$tree/own/state" \
		--cache-dir "$tree/own/cache" "$tree"
	"$SYMBOLIZED" scan --state-dir "$tree/own/state" \
		--cache-dir "$tree/own/cache" "$tree" 2>&1 |
		sed -n 's/.* visited=\([0-9]*\).*/\1/p')" 5

mkdir "$tmp/env"
env SYMBOLIZED_STATE_DIR="$tmp/env/state" SYMBOLIZED_CACHE_DIR="$tmp/env/cache" \
	SYMBOLIZED_INCLUDE=/in/ SYMBOLIZED_FOLLOW_SYMLINKS=no \
	SYMBOLIZED_LOG_FORMAT=json "$SYMBOLIZED" scan "$tree" 2>"$tmp/env/log"
is "options come from the environment" \
	"$("$SYMBOLIZED" check --state-dir "$tmp/env/state" --json | jq .containers)" 2
ok "the log is JSON when told so" jq -e . "$tmp/env/log"
env SYMBOLIZED_STATE_DIR="$tmp/nowhere" SYMBOLIZED_INCLUDE=nothing \
	"$SYMBOLIZED" scan --state-dir "$tmp/env/over" --cache-dir "$tmp/env/cache" \
	--include out "$tree" 2>/dev/null
is "the command line wins over the environment" \
	"$("$SYMBOLIZED" check --state-dir "$tmp/env/over" --json | jq .containers)" 3
ok "the environment's directory was not used" test ! -e "$tmp/nowhere"
must "$SYMBOLIZED" scan "$tree/in"
if [ "$(id -u)" != 0 ]; then
	at_least "state goes below XDG_STATE_HOME" \
		"$("$SYMBOLIZED" check --json | jq .containers)" 2
fi
ok "the index lies below XDG_STATE_HOME" \
	test -s "$XDG_STATE_HOME/symbolized/index.sqlite"

# ---- Progress ------------------------------------------------------------------

# A package that takes a second: progress is drawn four times a second.
must slow_deb "$tmp/slow.deb" "$tmp/elsewhere/sample-1"
must scan quiet "$tmp/slow.deb" "$tree"
unlike "without a terminal no line is drawn over" "$(cat "$tmp/quiet.log")" \
	$'\r|\033'
if have script; then
	script -qefc "exec '$SYMBOLIZED' scan --state-dir '$tmp/tty.state' \
		--cache-dir '$tmp/tty.cache' --workers 1 '$tmp/slow.deb' '$tree'" \
		"$tmp/tty" </dev/null >/dev/null 2>&1
	is "a scan on a terminal ends well" "$?" 0
	like "a terminal shows files, rate and time left" "$(tr '\r' '\n' <"$tmp/tty")" \
		'^scanning [0-9]+/[0-9]+ files, .* [KMG]?i?B/s, .* ETA '
else
	skip "a terminal shows files, rate and time left" "no script(1)"
fi

# ---- find, check, and what is none ---------------------------------------------

sample_base=3
is "find --json is JSON that says where" \
	"$("$SYMBOLIZED" find --json --state-dir "$tmp/plain.state" "$(sample_id 1)" |
		jq -c 'map([.path,.member,.executable,.debuginfo,.quality])|sort')" \
	"[[\"$tree/in/deep/sample-1\",null,true,true,\"dwarf\"],[\"$tree/out/sample-1\",null,true,true,\"dwarf\"]]"
is "find --json of nothing is an empty list" \
	"$("$SYMBOLIZED" find --json --state-dir "$tmp/plain.state" 00112233 | jq -c .)" "[]"
is "check --json has figures, problems and complaints" \
	"$(check plain --json | jq -c '[.containers,.problems,.complaints]')" "[5,[],[]]"
like "check says that the index is sound" "$(check plain)" '^the index is sound$'

# fails STATUS ERE ARGUMENTS: the program ends with it and says so on stderr
fails() {
	local wanted=$1 said=$2 got
	shift 2
	got=$("$SYMBOLIZED" "$@" 2>&1 >/dev/null </dev/null)
	is "the exit status of: symbolized $*" "$?" "$wanted"
	like "the message of: symbolized $*" "$got" "$said"
}

fails 64 'unknown command "frobnicate"' frobnicate
fails 64 '^Usage:'
fails 64 'unknown option --frobnicate' scan --frobnicate
fails 64 '--workers needs a value' scan --workers
fails 64 '--workers.*"x" is not a number' scan --workers x "$tree"
fails 64 '--workers: 0 is outside 1 to' scan --workers 0 "$tree"
fails 64 '"5y": unknown unit "y"' scan --rescan 5y "$tree"
fails 64 '--log-level: "loud" is none of' scan --log-level loud "$tree"
fails 64 '^symbolized: scan: --rescan: "1\.5" is not a whole number$' scan --rescan=1.5 "$tree"
fails 64 '^symbolized: scan: --rescan: 9{20} is too large$' scan \
	--rescan=99999999999999999999 "$tree"
fails 64 '^symbolized: scan: --state-dir: empty$' scan --state-dir= "$tree"
fails 64 '^symbolized: scan: --follow-symlinks takes no value$' scan \
	--follow-symlinks=1 "$tree"
fails 64 '^symbolized: scan: --help takes no value$' scan --help=1
export SYMBOLIZED_FOLLOW_SYMLINKS=banana
fails 64 '^symbolized: scan: SYMBOLIZED_FOLLOW_SYMLINKS: "banana" is none of 0, 1, no, yes' \
	scan "$tree"
for value in 1 yes true on 0 no false off ''; do
	export SYMBOLIZED_FOLLOW_SYMLINKS=$value SYMBOLIZED_WORKERS=
	must scan "flag-$value" "$tree"
	case $value in
	1 | yes | true | on) wanted="7 " ;;
	*) wanted="5 " ;;
	esac
	is "SYMBOLIZED_FOLLOW_SYMLINKS=$value means what it says" \
		"$(figures "flag-$value" containers)" "$wanted"
done
unset SYMBOLIZED_FOLLOW_SYMLINKS SYMBOLIZED_WORKERS
fails 64 'no PATH' scan
fails 64 'ERE|regular expression|include' scan --include '(' --state-dir "$tmp/x" \
	--cache-dir "$tmp/y" "$tree"
fails 64 'not a build ID' find xyz
fails 64 'one build ID' find
fails 64 'no arguments' check "$tree"
got=$("$SYMBOLIZED" scan --state-dir "$tmp/x" --cache-dir "$tmp/y" "$tmp/absent" 2>&1)
isnt "a path that is not there is an error" "$?" 0
like "the error names the path" "$got" "$tmp/absent"
got=$("$SYMBOLIZED" check --state-dir "$tmp/absent" 2>&1)
isnt "check without an index is an error" "$?" 0
like "the error names the directory of the index" "$got" "$tmp/absent"
ok "check makes no index" test ! -e "$tmp/absent"
like "--version says the version" "$("$SYMBOLIZED" --version)" '^symbolized [0-9.]+'
for report in "find $(sample_id 1)" check; do
	# shellcheck disable=SC2086
	got=$("$SYMBOLIZED" $report --state-dir "$tmp/plain.state" 2>&1 >/dev/full)
	isnt "a report that cannot be written is an error: ${report%% *}" "$?" 0
	like "the error says so: ${report%% *}" "$got" 'standard output'
done
for command in serve scan find check; do
	like "$command --help lists its options" "$("$SYMBOLIZED" "$command" --help)" \
		'--state-dir=DIR'
done

# ---- Every format --------------------------------------------------------------

tree=$tmp/formats
mkdir "$tree"
number=0
names=()
# one WHAT: the next sample becomes $sample, to be found as WHAT
sample_base=5
must make_samples "$tmp/each" 60
one() {
	number=$((number + 1))
	names[number]=$1
	sample=$tmp/each/sample-$number
}

for kind in deb ddeb udeb ipk; do
	one "in .$kind"
	must "$mkpkg" "$([ $kind = ipk ] && echo ipk || echo deb)" --compress gzip \
		"$tree/p.$kind" "./x=$sample"
done
for codec in none gzip xz lzma bzip2 zstd; do
	one "in a deb, $codec"
	must "$mkpkg" deb --compress "$codec" "$tree/$codec.deb" "./x=$sample"
	one "in an RPM, $codec"
	must "$mkpkg" rpm --compress "$codec" "$tree/$codec.rpm" "/x=$sample"
	one "in an RPM with 07070X, $codec"
	must "$mkpkg" rpm --stripped --compress "$codec" "$tree/x$codec.rpm" "/x=$sample"
done
one "in a deb with pax headers"
must "$mkpkg" deb --pax --compress xz "$tree/pax.deb" "./x=$sample"
for option in --v6 --old-names; do
	one "in an RPM, $option"
	must "$mkpkg" rpm "$option" --compress zstd "$tree/o$option.rpm" "/x=$sample"
done
one "in a source RPM"
must "$mkpkg" rpm --source "$tree/x.src.rpm" "x=$sample"
pack() {
	case $1 in
	gz) gzip -nc "$2" ;;
	xz) xz -c --check=crc32 "$2" ;;
	zst) zstd -qc "$2" ;;
	esac
}
one "a module"
cp "$sample" "$tree/m.ko"
one "a module in a deb"
must "$mkpkg" deb --compress xz "$tree/m.deb" "./lib/modules/m.ko=$sample"
one "a module in an RPM"
must "$mkpkg" rpm --compress zstd "$tree/m.rpm" "/lib/modules/m.ko=$sample"
for how in gz xz zst; do
	case $how in gz) tool=gzip ;; xz) tool=xz ;; zst) tool=zstd ;; esac
	if ! have "$tool"; then
		skip "a compressed module is found: $how" "no $tool"
		continue
	fi
	one "a compressed module, .ko.$how"
	pack $how "$sample" >"$tree/c.ko.$how"
	one "a compressed module in a deb, .ko.$how"
	pack $how "$sample" >"$tmp/module"
	must "$mkpkg" deb --compress gzip "$tree/ko$how.deb" "./c.ko.$how=$tmp/module"
	one "a compressed module in an RPM, .ko.$how"
	pack $how "$sample" >"$tmp/module"
	must "$mkpkg" rpm --compress xz "$tree/ko$how.rpm" "/c.ko.$how=$tmp/module"
done
one "an ELF file of a strange name"
cp "$sample" "$tree/$(printf 'a\tb\n\303\244 \377')"
one "a member of a strange name"
must "$mkpkg" deb "$tree/strange.deb" "$(printf './a\tb\n\303\244 \377')=$sample"
if have dpkg-deb; then
	one "in what dpkg-deb makes"
	mkdir -p "$tmp/root/DEBIAN" "$tmp/root/usr/bin"
	cp "$sample" "$tmp/root/usr/bin/x"
	printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' \
		>"$tmp/root/DEBIAN/control"
	must dpkg-deb --root-owner-group --build "$tmp/root" "$tree/dpkg.deb"
fi

serve_ready formats "$tree"
for ((i = 1; i <= number; i++)); do
	get "/buildid/$(sample_id "$i")/executable"
	if [ "$status" = 200 ] && cmp -s "$tmp/body" "$tmp/each/sample-$i"; then
		pass "found and served: ${names[i]}"
	else
		fail "found and served: ${names[i]}" "status $status"
	fi
done
stop_server formats
is "nothing of this was unreadable" "$(figures formats unreadable)" "0 "
is "the index of all formats is sound" "$(check formats | tail -n 1)" \
	"the index is sound"
finish
