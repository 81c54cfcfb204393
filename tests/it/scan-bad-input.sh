#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Input that is broken, lies, or means harm, and a machine that fails: a message
# that names file and place, the container marked, the scan goes on, the index
# stays right, and nothing is tried again until it changes.
#
# Requirements: R-1, R-6, R-7, R-8, R-27, R-31.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" readelf jq openssl

tree=$tmp/tree
mkdir "$tree"
must make_samples "$tmp/each" 40
must make_samples "$tree/good" 3
must big_file "$tmp/filler" 1
used=0
next_sample() {
	used=$((used + 1))
	sample=$tmp/each/sample-$used
}
sample_base=1
must make_samples "$tmp/each" 40

# ---- Packages ------------------------------------------------------------------

# bad FILE KIND ERE: the file must be recorded as unreadable with that kind of
# error, and a message that matches
bad_files=()
declare -A bad_kind=() bad_message=()
bad() {
	bad_files+=("$1")
	bad_kind[$1]=$2
	bad_message[$1]=$3
}

for codec in none gzip xz lzma bzip2 zstd; do
	next_sample
	must "$mkpkg" deb --compress "$codec" "$tmp/whole" "./x=$sample" "./y=$tmp/filler"
	head -c $(($(stat -c %s "$tmp/whole") * 2 / 3)) "$tmp/whole" >"$tree/cut-$codec.deb"
	bad "cut-$codec.deb" bad_data .
	must "$mkpkg" rpm --compress "$codec" "$tmp/whole" "/x=$sample" "/y=$tmp/filler"
	head -c $(($(stat -c %s "$tmp/whole") * 2 / 3)) "$tmp/whole" >"$tree/cut-$codec.rpm"
	bad "cut-$codec.rpm" bad_data .
done
# The last byte, and all but the first few
must "$mkpkg" deb --compress xz --cut 1 "$tree/last.deb" "./x=$tmp/filler"
bad last.deb bad_data .
must "$mkpkg" rpm --compress gzip --cut 1 "$tree/last.rpm" "/x=$tmp/filler"
bad last.rpm bad_data .
must "$mkpkg" deb --compress gzip --cut-payload 700 "$tree/payload.deb" "./x=$tmp/filler"
bad payload.deb bad_data .
must "$mkpkg" rpm --compress gzip --cut-payload 700 "$tree/payload.rpm" "/x=$tmp/filler"
bad payload.rpm bad_data .
must "$mkpkg" rpm "$tmp/whole" "/x=$tmp/filler"
head -c 60 "$tmp/whole" >"$tree/lead.rpm"
bad lead.rpm bad_data .
head -c 200 "$tmp/whole" >"$tree/header.rpm"
bad header.rpm bad_data .

must "$mkpkg" deb "$tmp/whole" "./x=$tmp/filler"
head -c 12 "$tmp/whole" >"$tree/start.deb"
bad start.deb bad_data .

# What is a package by its name alone
must "$mkpkg" deb --wrong-magic "$tree/magic.deb" "./x=$tmp/filler"
bad magic.deb bad_data .
must "$mkpkg" rpm --wrong-magic "$tree/magic.rpm" "/x=$tmp/filler"
bad magic.rpm bad_data .
for kind in deb ddeb udeb ipk rpm; do
	echo "just text" >"$tree/text.$kind"
	bad text.$kind bad_data .
	: >"$tree/empty.$kind"
	bad empty.$kind bad_data .
done

# Sizes that are not so
next_sample
must "$mkpkg" deb --compress xz --claim 5000000000 "$tree/lie.deb" "./x=$sample" \
	"./y=$tmp/filler"
bad lie.deb '(bad_data|limit)' .
must "$mkpkg" rpm --compress xz --claim 4000000000 "$tree/lie.rpm" "/x=$sample" \
	"/y=$tmp/filler"
bad lie.rpm '(bad_data|limit)' .
must "$mkpkg" deb --compress xz --claim 9000000000000000000 "$tree/huge.deb" \
	"./x=$tmp/filler"
bad huge.deb '(bad_data|limit)' .

# A bomb: 10 GB of zeros in a few kilobytes
must "$mkpkg" deb --compress bzip2 "$tree/bomb.deb" ./zeros=%10000000000 \
	"./x=$sample"
at_most "the bomb is small" "$(stat -c %s "$tree/bomb.deb")" 100000
bad bomb.deb limit '10000000000|1000 times|zeros'
must "$mkpkg" rpm --compress bzip2 "$tree/bomb.rpm" /zeros=%3000000000 \
	"/x=$sample"
bad bomb.rpm limit '3000000000|1000 times|zeros'

# Names that lead away: nothing is created there, all is found
sample_base=2
must make_samples "$tmp/names" 5
must "$mkpkg" deb --compress gzip "$tree/away.deb" \
	"../../../../../..$tmp/away1=$tmp/names/sample-1" \
	"$tmp/away2=$tmp/names/sample-2" "./a/../../../..$tmp/away3->/etc/passwd"
must "$mkpkg" rpm --compress gzip "$tree/away.rpm" \
	"../../../../../..$tmp/away4=$tmp/names/sample-3"
# No name at all, and one that would have a terminal do things
must "$mkpkg" deb --compress gzip "$tree/nameless.deb" "=$tmp/names/sample-4"
must "$mkpkg" deb --compress gzip "$tree/control.deb" \
	$'./a\n\e[2J\302\233b='"$tmp/names/sample-5"
sample_base=3
must make_samples "$tmp/links" 2
must "$mkpkg" deb --compress gzip "$tree/links.deb" "./l->/etc/passwd" \
	"./m=$tmp/links/sample-1" "./n=>./m" "./loop->loop" "./d/"

# What is not looked into: a path that is too long, and a file with holes, are
# named; links, fifos and directories are no files and in many packages
sample_base=8
must make_samples "$tmp/missed" 4
long=$(printf 'x/%.0s' {1..2100})
must "$mkpkg" deb "$tree/missed.deb" "./$long/a=$tmp/missed/sample-1" \
	"./b=~$tmp/missed/sample-2" "./c=$tmp/missed/sample-3" "./d=>./c" "./e->c"
must "$mkpkg" rpm "$tree/missed.rpm" "/$long/a=$tmp/missed/sample-1" \
	"/$long/b=$tmp/missed/sample-2" "/c=$tmp/missed/sample-4"
must "$mkpkg" deb "$tree/special.deb" "./f|" "./g->f" "./h/" \
	"./c=$tmp/missed/sample-3" "./d=>./c"

# ---- ELF files -----------------------------------------------------------------

# patch FILE OFFSET BYTES: in hexadecimal
patch() {
	local i
	for ((i = 0; i < ${#3}; i += 2)); do
		# shellcheck disable=SC2059
		printf "\\x${3:i:2}"
	done | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

mkdir "$tree/elf"
: >"$tree/elf/empty"
printf '\177EL' >"$tree/elf/three-bytes"
printf '\177ELF' >"$tree/elf/four-bytes"
bad elf/four-bytes bad_data .
head -c 63 "$tmp/each/sample-1" >"$tree/elf/header"
bad elf/header bad_data .
sample_base=4
must make_samples "$tmp/broken" 6
# e_shoff outside the file, e_shnum and e_shstrndx too large, a section size too
# large: program headers still tell the ID
for what in shoff:40:ffffffffffffff7f shnum:60:ffff shstrndx:62:feff \
	shentsize:58:0100; do
	IFS=: read -r name at bytes <<<"$what"
	cp "$tmp/broken/sample-1" "$tree/elf/$name"
	must patch "$tree/elf/$name" "$at" "$bytes"
done
# All headers outside
cp "$tmp/broken/sample-2" "$tree/elf/nowhere"
must patch "$tree/elf/nowhere" 32 ffffffffffffff7fffffffffffffff7f
bad elf/nowhere bad_data .
head -c 5000 "$tmp/broken/sample-3" >"$tree/elf/cut"

# ---- The machine ---------------------------------------------------------------

as_nobody=()
if [ "$(id -u)" = 0 ] && have setpriv &&
	setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null; then
	as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
mkdir "$tree/closed" "$tree/closed-file"
cp "$tmp/each/sample-30" "$tree/closed/"
cp "$tmp/each/sample-31" "$tree/closed-file/file"
chmod 0 "$tree/closed" "$tree/closed-file/file"
can_test_permissions=yes
if [ "$(id -u)" = 0 ]; then
	[ "${#as_nobody[@]}" -gt 0 ] || can_test_permissions=no
	chmod 755 "$tmp"
	chmod -R go+rX "$tree"/[!c]* 2>/dev/null
	mkdir "$tmp/bad.state" "$tmp/bad.cache"
	chown 65534:65534 "$tmp/bad.state" "$tmp/bad.cache"
	# The program itself may lie where nobody else may look.
	if [ "${#as_nobody[@]}" -gt 0 ]; then
		cp "$SYMBOLIZED" "$tmp/program"
		chmod 755 "$tmp/program"
	fi
fi

scan_bad() {
	: >"$tmp/last.log"
	${as_nobody[@]+"${as_nobody[@]}"} \
		"$([ -e "$tmp/program" ] && echo "$tmp/program" || echo "$SYMBOLIZED")" \
		scan --state-dir "$tmp/bad.state" --cache-dir "$tmp/bad.cache" \
		"$tree" 2>"$tmp/last.log" </dev/null
	local status=$?
	cat "$tmp/last.log" >>"$tmp/bad.log"
	return "$status"
}

# ---- What comes of it ----------------------------------------------------------

ok "a scan over all of it ends with 0" scan_bad
problems=$(check bad --json | jq -r '.problems[]|.path+" "+.kind+" "+.problem')
log=$(cat "$tmp/last.log")
for file in "${bad_files[@]}"; do
	line=$(printf '%s\n' "$problems" | grep -F "$tree/$file ")
	like "check names $file with kind and reason" "$line" \
		"^$tree/$file ${bad_kind[$file]} .*${bad_message[$file]}"
	case $file in
	bomb.*) ;;
	*) at_least "the reason of $file says more than the kind" \
		"$(printf '%s' "${line#* * }" | wc -w)" 3 ;;
	esac
done
is "what is unreadable is that and nothing else" \
	"$(printf '%s\n' "$problems" | awk '{ print $1 }' | sort)" \
	"$(for file in "${bad_files[@]}"; do echo "$tree/$file"; done |
		if [ $can_test_permissions = yes ]; then
			cat
			echo "$tree/closed-file/file"
		else
			cat
		fi | sort)"
logged=$(printf '%s\n' "$log" | grep -c 'scan.* unreadable')
left_out=$(printf '%s\n' "$log" | sed -n 's/.*unreadable .* left_out=\([0-9]*\).*/\1/p' |
	awk '{ n += $1 } END { print n + 0 }')
at_least "the log names what is unreadable, up to its rate" \
	"$((logged + left_out))" 20
like "the log names file, kind and reason" "$log" \
	"unreadable.*path=.?$tree/.*kind=bad_data.*error="
at_least "the scan says how many it could not read" \
	"$(printf '%s\n' "$log" | sed -n 's/.*scan.* finished.* unreadable=\([0-9]*\).*/\1/p')" \
	28
like "check lists them for people" "$(check bad)" \
	"^unreadable: $tree/bomb.deb: limit: "
is "the index is sound" "$(check bad | tail -n 1)" "the index is sound"

like "the log says of which package members were passed over, how many and why" \
	"$log" "members_passed_over path=.?$tree/missed.deb.? long_path=1 sparse=1 no_size=0"
like "of an RPM too" "$log" \
	"members_passed_over path=.?$tree/missed.rpm.? long_path=2 sparse=0 no_size=0"
is "once for each of these packages, and not for links and the like" \
	"$(printf '%s\n' "$log" | grep -c members_passed_over)" 2
sample_base=8
for i in 3 4; do
	like "a member beside those is indexed, $i" "$(find_id bad "$(sample_id $i)")" \
		"^$tree/missed"
done

sample_base=0
for i in 1 2 3; do
	like "files beside are indexed, $i" "$(find_id bad "$(sample_id $i)")" \
		"^$tree/good/sample-$i$"
done
sample_base=2
for i in 1 2 3; do
	like "a member whose name leads away is indexed, $i" \
		"$(find_id bad "$(sample_id $i)")" 'dwarf'
done
is "a control byte in a member's name is shown escaped" \
	"$(find_id bad "$(sample_id 5)" | head -n 1)" \
	"$tree/control.deb: a\\x0a\\x1b[2J\\xc2\\x9bb"
is "nothing was created at the name of a member" \
	"$(find "$tmp" -maxdepth 1 -name 'away*')" ""
sample_base=3
like "a member beside links is indexed" "$(find_id bad "$(sample_id 1)")" 'dwarf'
sample_base=4
for what in shoff shnum shstrndx shentsize; do
	like "an ELF file whose sections are not there is known by its ID, $what" \
		"$(find_id bad "$(sample_id 1)")" "^$tree/elf/$what$"
done
if [ $can_test_permissions = yes ]; then
	like "the log names a directory that may not be entered" "$log" \
		"unreadable.*path=$tree/closed .*[Pp]ermission denied"
	like "check names a file that may not be read" "$problems" \
		"^$tree/closed-file/file io .*[Pp]ermission denied"
else
	skip "the log names a directory that may not be entered" "root may enter all"
	skip "check names a file that may not be read" "root may read all"
fi

ok "a second scan ends with 0" scan_bad
looked_into() {
	sed -n 's/.*scan.* finished.* looked_into=\([0-9]*\).*/\1/p' "$tmp/last.log"
}
# What the machine refused is not the file's fault: each process tries it once.
refused=0
if [ $can_test_permissions = yes ]; then
	refused=1
fi
is "a second scan tries none of them again" "$(looked_into)" $refused
touch "$tree/cut-xz.deb"
must "$mkpkg" rpm --compress xz "$tree/last.rpm" "/x=$tmp/each/sample-35"
ok "a third scan ends with 0" scan_bad
is "a third scan tries what changed" \
	"$(looked_into)" $((2 + refused))
sample_base=1
like "what became whole is indexed" "$(find_id bad "$(sample_id 35)")" \
	"^$tree/last.rpm: "
unlike "what became whole is no longer named by check" "$(check bad)" "last.rpm"
like "what is still broken still is" "$(check bad)" "unreadable: $tree/cut-xz.deb"
chmod u+rwx "$tree/closed" "$tree/closed-file/file"

# ---- Served --------------------------------------------------------------------

sample_base=2
serve_ready served "$tree"
for path in "/source/etc/passwd" "/source$tmp/away3" \
	"/source/../../../../../../etc/passwd"; do
	get "/buildid/$(sample_id 1)$path"
	is "a name that leads away serves nothing: $path" "$status" 404
done
get "/buildid/$(sample_id 1)/executable"
same "a member whose name leads away is served as what it is" \
	"$tmp/body" "$tmp/names/sample-1"
get "/buildid/$(sample_id 4)/executable"
same "a member without a name is served, not its package" \
	"$tmp/body" "$tmp/names/sample-4"
sample_base=1
for ((i = 1; i <= used; i++)); do
	get "/buildid/$(sample_id "$i")/executable"
	case $status in
	404) ;;
	200) cmp -s "$tmp/body" "$tmp/each/sample-$i" || break ;;
	*) break ;;
	esac
done
is "of broken packages nothing is served, or what it was, byte for byte" \
	"$i" $((used + 1))
get /metrics
at_least "unreadable files are counted by kind" \
	"$(metric 'symbolized_scan_failed_files_total{kind="bad_data"}')" 15
at_least "limits that were reached are counted" \
	"$(metric 'symbolized_scan_failed_files_total{kind="limit"}')" 2
# Links: three of links.deb, two of missed.deb, two of special.deb, one of away.deb.
is "members that were passed over are counted by reason" \
	"$(for reason in long_path sparse no_size link special; do
		metric "symbolized_scan_members_passed_over_total{reason=\"$reason\"}"
	done | xargs)" "3 1 0 8 1"
is "no worker died of it" "$(metric_sum symbolized_worker_deaths_total)" 0
stop_server served
is "the server ends well" "$exit_status" 0

# ---- A disk that cannot be read ------------------------------------------------

# strace has the kernel answer EIO to whoever reads that one file. Only root may
# see which files a worker has. What is done instead has to be something that a
# worker may do.
mkdir "$tmp/sectors"
sample_base=6
must make_samples "$tmp/sectors" 3
must "$mkpkg" deb --compress xz "$tmp/sectors/disk.deb" "./x=$tmp/filler"
scan_failing() {
	traced -o "$tmp/trace" -P "$1" \
		-e trace=read,pread64,preadv,readv,mmap \
		-e inject=read,pread64,preadv,readv,mmap:error=EIO:syscall=getpid \
		"$SYMBOLIZED" scan \
		--state-dir "$tmp/sector.state" --cache-dir "$tmp/sector.cache" \
		"$tmp/sectors" 2>"$tmp/sector.log" </dev/null
}
if [ "$(id -u)" = 0 ] && have strace &&
	strace -f -o /dev/null -e inject=getppid:error=EPERM true 2>/dev/null; then
	for bad in sample-2 disk.deb; do
		rm -rf "$tmp/sector.state"
		ok "a scan goes on past a disk that fails, $bad" \
			scan_failing "$tmp/sectors/$bad"
		like "the disk did fail, $bad" "$(cat "$tmp/trace")" 'EIO.*INJECTED'
		like "check names the file and the error, $bad" "$(check sector)" \
			"^unreadable: $tmp/sectors/$bad: io: .*Input/output error"
		like "the log names the file and the error, $bad" \
			"$(cat "$tmp/sector.log")" \
			"unreadable.*$tmp/sectors/$bad.*Input/output error"
		is "the rest is indexed, $bad" \
			"$(check sector --json | jq -c '[.containers,.unreadable,.complaints]')" \
			"[4,1,[]]"
	done
	ok "a scan with a good disk ends well" scan sector "$tmp/sectors"
	is "what the disk did not give is read by the next one" \
		"$(check sector --json | jq -c '[.containers,.unreadable]')" "[4,0]"
else
	skip "a scan goes on past a disk that fails" "no root, or no strace"
fi

# ---- A full disk ---------------------------------------------------------------

sample_base=5
must make_samples "$tmp/room" 400
full=$tmp/full
mkdir "$full"
if mount -t tmpfs -o size=256k none "$full" 2>/dev/null; then
	mounted+=("$full")
	mkdir "$full/state"
	said=$("$SYMBOLIZED" scan --state-dir "$full/state" --cache-dir "$tmp/full.cache" \
		"$tmp/room" 2>&1 </dev/null)
	isnt "a scan whose index does not fit its disk fails" "$?" 0
	like "it says that the disk is full" "$said" \
		'[Nn]o space|disk (is )?full|full'
	like "it says where" "$said" "$full/state"
	unlike "it does not say that it finished" "$said" 'scan.*finished'
	said=$("$SYMBOLIZED" check --state-dir "$full/state" 2>&1)
	if [ -s "$full/state/index.sqlite" ]; then
		is "what was written is sound" "$(printf '%s\n' "$said" | tail -n 1)" \
			"the index is sound"
	fi
	must mount -o remount,size=64m "$full"
	said=$("$SYMBOLIZED" scan --state-dir "$full/state" --cache-dir "$tmp/full.cache" \
		"$tmp/room" 2>&1 </dev/null)
	is "with room again the scan ends well" "$?" 0
	is "then all files are indexed" \
		"$("$SYMBOLIZED" check --state-dir "$full/state" --json |
			jq -c '[.containers,.unreadable,.complaints]')" "[400,0,[]]"
	is "the index is sound after all" \
		"$("$SYMBOLIZED" check --state-dir "$full/state" | tail -n 1)" \
		"the index is sound"

	# A server whose disk fills up while it runs
	start_server full --state-dir "$full/state" "$tmp/room" "$tree/good" ||
		die "the server does not start"
	wait_ready || die "the server does not end its scan"
	must mount -o remount,size=2m "$full"
	head -c 4M /dev/zero >"$full/state/ballast" 2>/dev/null
	scans=$(metric symbolized_scans_total)
	finished=$(metric symbolized_scan_last_finished_timestamp_seconds)
	sample_base=7
	must make_samples "$tmp/room" 300 more
	kill -USR1 "$pid"
	said_full() {
		grep -q 'error.*disk full' "$tmp/full.log"
	}
	ok "a server says that the disk of its index is full" wait_until said_full
	get /readyz
	is "it is ready, but not wholly" "$status $(jq -c . "$tmp/body")" \
		'200 {"status":"degraded","degraded":"scan failed: no_space"}'
	get / -H 'Accept: application/json'
	is "its page says so" "$(jq -r .degraded "$tmp/body")" "scan failed: no_space"
	is "the scan is counted as failed, and not as finished" \
		"$(metric 'symbolized_scan_failures_total{kind="no_space"}') $(metric symbolized_scans_total) $(metric symbolized_scan_last_finished_timestamp_seconds)" \
		"1 $scans $finished"
	is "the log does not say that it finished" \
		"$(grep -c 'scan.*finished' "$tmp/full.log")" "$scans"
	sample_base=5
	get "/buildid/$(sample_id 7)/executable"
	same "it serves what it knows" "$tmp/body" "$tmp/room/sample-7"
	get /metrics
	is "it shows its figures" "$status" 200
	rm "$full/state/ballast"
	must mount -o remount,size=64m "$full"
	rescan full
	sample_base=7
	get "/buildid/$(sample_id 300)/executable"
	same "with room again it goes on by itself" "$tmp/body" "$tmp/room/more-300"
	get /readyz
	is "then it is wholly ready" "$(jq -r .status "$tmp/body")" ready
	stop_server full
	is "the server whose disk was full ends well" "$exit_status" 0
	umount "$full" && mounted=()
else
	skip "a scan whose index does not fit its disk fails" "not allowed to mount"
	skip "with room again the scan ends well" "not allowed to mount"
fi

sample_base=5
mkdir "$tmp/pool"
must big_file "$tmp/big" 6
must "$CC" -g -shared -fPIC -nostdlib -Wl,--build-id=0x0011223344556677 \
	-o "$tmp/carrier" "$tmp/sample.src/lib/helper.c"
must objcopy --add-section ".filler=$tmp/big" "$tmp/carrier"
must "$mkpkg" deb --compress gzip "$tmp/pool/large.deb" "./carrier=$tmp/carrier"
must "$mkpkg" deb --compress gzip "$tmp/pool/small.deb" "./x=$tmp/room/sample-1"
mkdir -p "$tmp/served2.cache"
if mount -t tmpfs -o size=4m none "$tmp/served2.cache" 2>/dev/null; then
	mounted+=("$tmp/served2.cache")
	serve_ready served2 --cache-size 1G "$tmp/pool" "$tree/good"
	get /buildid/0011223344556677/executable
	is "a member that does not fit the cache's disk is served" "$status" 200
	same "the member is whole" "$tmp/body" "$tmp/carrier"
	get /readyz
	is "the server is ready, but not wholly" \
		"$status $(jq -c . "$tmp/body")" \
		'200 {"status":"degraded","degraded":"cache full"}'
	like "the log says that there was no room, and where" \
		"$(cat "$tmp/served2.log")" 'no room.*served2\.cache'
	# Nobody knows how large it is before it is written.
	get /buildid/0011223344556677/section/.filler
	is "a section that fills the disk of the cache is served" "$status" 200
	same "the section is whole" "$tmp/body" "$tmp/big"
	is "what was not kept is counted" \
		"$(metric 'symbolized_cache_operations_total{op="bypass"}')" 4
	get "/buildid/$(sample_id 1)/executable"
	same "a member that fits is served beside" "$tmp/body" "$tmp/room/sample-1"
	sample_base=0
	get "/buildid/$(sample_id 2)/executable"
	same "a plain file is served beside" "$tmp/body" "$tree/good/sample-2"
	get /metrics
	is "figures are served beside" "$status" 200
	must mount -o remount,size=64m "$tmp/served2.cache"
	get /buildid/0011223344556677/executable
	is "with room again the member is served" "$status" 200
	same "with room again the member is whole" "$tmp/body" "$tmp/carrier"
	get /readyz
	is "with room again the server is wholly ready" \
		"$(jq -r .status "$tmp/body")" ready
	stop_server served2
	is "that server ends well" "$exit_status" 0
	umount "$tmp/served2.cache" && mounted=()
else
	skip "a member that does not fit the cache's disk is served" \
		"not allowed to mount"
fi

# Directories by the thousand whose paths are too long to be opened
mkdir "$tmp/deep"
(
	cd "$tmp/deep" || exit
	while [ "$((${#PWD} + 101))" -lt 4000 ]; do
		mkdir "$(printf '%0100d' 0)" && cd "$(printf '%0100d' 0)" || exit
	done
	# shellcheck disable=SC2046 # words
	mkdir $(printf 'd%0250d ' {1..3000})
)
must scan deep "$tmp/deep"
like "directories that cannot be opened are counted, all" "$(cat "$tmp/deep.log")" \
	'scan: finished.* unreadable=3000'
at_most "and logged as far as the rate allows" \
	"$(grep -c 'scan: unreadable' "$tmp/deep.log")" 100
like "with the reason" "$(cat "$tmp/deep.log")" \
	'scan: unreadable path=.*/d0*[0-9]* kind=[a-z_]* error=".*File name too long'
finish
