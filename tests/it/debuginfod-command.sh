#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `symbolized debuginfod`: the command line, start-up, signals and scanning as
# people know them of elfutils' server. What it answers is debuginfod-http.sh's.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl jq readelf

tree=$tmp/tree
mkdir "$tree" "$tree/deep" "$tree/deep/deeper" "$tmp/outside"
must make_samples "$tmp/samples" 12
sample() {
	echo "$tmp/samples/sample-$1"
}
cp "$(sample 1)" "$tree/one"
cp "$(sample 2)" "$tree/deep/two"
cp "$(sample 3)" "$tree/deep/deeper/three"
cp "$(sample 4)" "$tmp/outside/four"
ln -s "$tmp/outside" "$tree/link"
must "$mkpkg" deb --compress xz "$tree/pool.deb" "./usr/bin/x=$(sample 5)"
must "$mkpkg" rpm --compress gzip "$tree/pool.rpm" "/usr/bin/y=$(sample 6)"
mkdir "$tmp/tar"
cp "$(sample 7)" "$tmp/tar/z"
must tar -C "$tmp/tar" -cJf "$tree/pool.pkg.tar.xz" z
must write_program "$tmp/prog"
must build_program "$tmp/prog" "$tree/prog"


# ---- The command line ----------------------------------------------------------

# refused WHAT STATUS PATTERN ARGUMENT...
refused() {
	local what=$1 wanted=$2 pattern=$3
	shift 3
	timeout 20 "$SYMBOLIZED" debuginfod "$@" >"$tmp/out" 2>&1
	is "$what: the exit status" $? "$wanted"
	like "$what: the message" "$(cat "$tmp/out")" "$pattern"
}

refused "port 0" 1 'debuginfod: port number: Invalid argument' -p 0
refused "a port that is no number" 1 'debuginfod: port number' -p abc
refused "a pool of one thread" 1 'debuginfod: -C NUM minimum 2' -C1
refused "a regular expression that is none" 1 \
	'debuginfod: regular expression' -I '['
refused "an archive without a suffix" 1 'debuginfod: missing EXT' -Z ''
refused "more than all of a file system" 1 'fdcache mintmp percent' \
	--fdcache-mintmp=200
refused "a checkpoint below none" 1 'scan checkpoint' --scan-checkpoint=-1
refused "an unknown option" 64 "unrecognized option '--nosuch'" --nosuch
refused "an abbreviation that is not clear" 64 "option '--scan' is ambiguous" \
	--scan
for option in "-I x" "-X x" "-t 1" "-g 1" -G -L -r "-c 1" "-D x"; do
	# shellcheck disable=SC2086 # an option and its argument
	refused "$option behind passive" 1 \
		"${option%% *} option inconsistent with passive mode" --passive $option
done
for option in -G -L "-D x" "$tree"; do
	# shellcheck disable=SC2086
	refused "passive behind $option" 1 \
		'inconsistent options with passive mode' $option --passive
done
refused "passive without an index" 1 'none.sqlite' --passive -d "$tmp/none.sqlite"
for address in 300.1.1.1 localhost 1.1 '[::1]' ''; do
	refused "an address that is none, '$address'" 1 \
		'debuginfod: listen-address: Invalid argument' \
		-d "$tmp/refused.sqlite" --listen-address="$address"
done

is "--version names the release it stands for" \
	"$("$SYMBOLIZED" debuginfod --version | sed -n '1s/.* //p')" 0.196
"$SYMBOLIZED" debuginfod --usage >"$tmp/usage"
"$SYMBOLIZED" debuginfod --help >"$tmp/help"
for option in scan-file-dir scan-rpm-dir scan-deb-dir scan-archive logical \
	rescan-time groom-time maxigroom concurrency connection-pool include \
	exclude regex-groom port database ddl verbose fdcache-mbs \
	fdcache-prefetch fdcache-mintmp forwarded-ttl-limit passive \
	disable-source-scan scan-checkpoint koji-sigcache metadata-maxtime cors \
	listen-address home-redirect home-html max-depth; do
	like "--help knows --$option" "$(cat "$tmp/help")" "--$option"
	like "--usage knows --$option" "$(cat "$tmp/usage")" "--$option"
done

# ---- Servers -------------------------------------------------------------------

# begin NAME OPTION...: a server, its log in NAME.log
begin() {
	local name=$1
	shift
	: >"$tmp/$name.log"
	start_debuginfod "$name" "$SYMBOLIZED" debuginfod -p @PORT@ "$@"
}

# end [SIGNAL]
end() {
	kill -"${1:-TERM}" "$pid"
	wait "$pid"
	exit_status=$?
}

# has NUMBER: is that sample answered?
has() {
	[ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' \
		"$url/buildid/$(sample_of "$1")/executable")" = 200 ]
}
sample_of() {
	build_id "$(sample "$1")"
}

# found: numbers of the samples that are answered
for i in {1..12}; do
	sample_ids[i]=$(sample_of "$i")
done
found() {
	local i
	for i in {1..12}; do
		printf 'url = "%s/buildid/%s/executable"\noutput = "%s"\n' "$url" \
			"${sample_ids[i]}" "$tmp/none"
	done >"$tmp/urls"
	curl -s -m 20 -w '%{http_code}\n' -K "$tmp/urls" |
		awk '$1 == 200 { print NR }' | paste -sd ' '
}

# finds WHAT NUMBERS OPTION...: a server with these options finds just these. It
# begins to scan after a second: several are started, then looked at by all_find.
# The last one's log is $last_log.
finding=() to_find=()
finds() {
	local name=finds${#finding[@]}
	begin "$name" -d :memory: "${@:3}"
	last_log=$tmp/$name.log
	finding+=("$1") to_find+=("$2")
	[ "${#finding[@]}" -lt 6 ] || all_find
}

all_find() {
	local i
	for i in "${!finding[@]}"; do
		use_server "finds$i"
		scan_is_done "finds$i" || die "no scan: $(cat "$tmp/finds$i.log")"
		is "${finding[i]}" "$(found)" "${to_find[i]}"
		end
	done
	finding=() to_find=()
}

# scan_is_done NAME [TIMES]
scan_is_done() {
	times=${2:-1} log=$tmp/$1.log
	wait_until has_finished
}
has_finished() {
	[ "$(grep -c 'scan.*finished' "$log")" -ge "$times" ]
}

finds "-F scans ELF files" "1 2 3" -F "$tree"
finds "-R scans RPM packages" "6" -R "$tree"
finds "-U scans deb packages" "5" -U "$tree"
finds "-Z EXT scans archives of that name" "7" -Z .pkg.tar.xz "$tree"
finds "-Z takes a suffix without a dot" "7" -Zxz "$tree"
finds "-Z EXT=cat reads directly" "7" -Z .xz=cat "$tree"
finds "-Z EXT=CMD reads what the command makes of it" "7" -Z '.xz=(xz -dc)<' "$tree"
finds "of two suffixes that fit the last in order counts" "7" \
	-Z .pkg.tar.xz=cat -Z .tar.xz=false -Z z=cat "$tree"
finds "the later of two rules for one suffix counts" "7" -Z .xz=false -Z .xz "$tree"
finds "all of them together" "1 2 3 5 6 7" -F -R -U -Z .xz "$tree"
finds "long options, abbreviated, behind paths" "1 2 3 5" "$tree" --scan-file \
	--scan-deb
finds "-L follows links" "1 2 3 4" -F -L "$tree"
finds "-I lets through what matches the real path" "2 3" -F -I '/deep/' "$tree"
finds "-X keeps out what matches" "1" -F -X '/deep/' "$tree"
finds "-X wins over -I" "2" -F -I '/deep/' -X 'deeper' "$tree"
finds "--max-depth 1 stays in the directory" "1" -F --max-depth=1 "$tree"
finds "a path twice and one that is not there" "1 2 3" -F "$tree" "$tree" \
	"$tmp/nowhere"
all_find
like "the one that is not there is in the log" "$(cat "$last_log")" nowhere
finds "without a scan mode nothing is found" "" "$tree"
all_find
like "it is said that paths are ignored" "$(cat "$last_log")" \
	'without -F -R -U -Z, ignoring PATHs'
finds "options that mean nothing are taken" "1 2 3" -F -D 'pragma x' -D y \
	--scan-checkpoint=10 --koji-sigcache --fdcache-mintmp=10 \
	--fdcache-prefetch=3 --fdcache-fds=3 --fdcache-prefetch-mbs=3 \
	--fdcache-prefetch-fds=3 --fdcache-mbs=10 -c 3 -C4 -v "$tree"
all_find
for option in ddl scan-checkpoint koji-sigcache fdcache-mintmp fdcache-prefetch \
	fdcache-fds fdcache-prefetch-mbs fdcache-prefetch-fds; do
	is "--$option is told of once" \
		"$(grep -cE "ignored.*$option(\"| |$)" "$last_log")" 1
done

# A name that a shell would not leave alone
mkdir "$tmp/names"
cp "$tree/pool.pkg.tar.xz" "$tmp/names/it's \$(touch touched-$$) \`touch touched-$$\`;\".xz"
finds "a command is given a file's name and nothing but" "7" -Z '.xz=xz -dc' \
	"$tmp/names"
all_find
ok "nothing in the name was run" test ! -e "touched-$$"

begin sources -d :memory: -F "$tree"
scan_is_done sources
get "/buildid/$(build_id "$tree/prog")/source$tmp/prog/main.c"
is "a source outside of the paths is not served" "$status" 404
end
mkdir "$tree/src"
cp -r "$tmp/prog" "$tree/src/prog"
must build_program "$tree/src/prog" "$tree/src/bin"
begin sources -d :memory: -F "$tree"
scan_is_done sources
get "/buildid/$(build_id "$tree/src/bin")/source$tree/src/prog/main.c"
same "a source beneath a path is served" "$tmp/body" "$tree/src/prog/main.c"
end
begin sources -d :memory: -F --disable-source-scan "$tree"
scan_is_done sources
get "/buildid/$(build_id "$tree/src/bin")/source$tree/src/prog/main.c"
is "--disable-source-scan: no source" "$status" 404
get "/buildid/$(build_id "$tree/src/bin")/executable"
is "--disable-source-scan: the program" "$status" 200
end

# ---- Start-up, threads, addresses ----------------------------------------------

# index_of NAME: where the index in memory is, and whether it is there
index_of() {
	local dir
	dir=$(sed -n 's/.*listening.* state_dir=\([^ ]*\).*/\1/p' "$tmp/$1.log")
	[ -n "$dir" ] || echo "nothing in the log"
	if [ -d "$dir" ]; then
		echo there
	else
		echo gone
	fi
}
begin threads -d :memory: -F -t0 -g0 "$tree"
scan_is_done threads
ok "the first groom comes soon, even with -g0" wait_until \
	grep -q 'groom.*finished' "$tmp/threads.log"
for name in scan traverse groom; do
	at_least "a thread is called $name" \
		"$(grep -lx "$name" /proc/"$pid"/task/*/comm | wc -l)" 1
done
ok "it answers on IPv6 too" curl -s -m 5 -o /dev/null "http://[::1]:$port/"

# Signals
cp "$(sample 8)" "$tree/eight"
kill -USR1 "$pid"
ok "SIGUSR1 scans" wait_until has 8
rm "$tree/eight"
kill -USR2 "$pid"
eight_is_gone() {
	! has 8
}
ok "SIGUSR2 grooms" wait_until eight_is_gone
groomed() {
	curl -s -m 20 "$url/metrics" | grep -qxF "$1"
}
ok "grooms are counted" wait_until groomed 'thread_work_total{role="groom"} 2'
ok "a file that was gone is counted" wait_until groomed \
	'groomed_total{decision="stale"} 1'
ok "what is left is in the statistics" wait_until groomed \
	'groom{statistic="file d/e"} 5'
end
is "SIGTERM ends it with 0" "$exit_status" 0
is "an index in memory goes with its process" "$(index_of threads)" gone
for signal in INT HUP; do
	begin ends -d :memory:
	end $signal
	is "SIG$signal ends it with 0" "$exit_status" 0
done
begin killed -d :memory:
wait_until grep -q 'listening' "$tmp/killed.log"
kill -9 "$pid"
wait "$pid" 2>/dev/null
begin after -d :memory:
wait_until grep -q 'listening' "$tmp/after.log"
is "what a killed one left behind is removed" "$(index_of killed)" gone
is "and nobody else's" "$(index_of after)" there
end

begin local -d :memory: --listen-address=127.0.0.1
is "--listen-address 127.0.0.1 is that address only" \
	"$(curl -s -m 5 -o /dev/null "http://[::1]:$port/" || echo no)" no
end

host='[::1]'
begin six -d :memory: --listen-address=::1
is "--listen-address ::1 is that address only" \
	"$(curl -s -m 5 -o /dev/null "http://127.0.0.1:$port/" || echo no)" no
refused "a port in use" 1 "listen on.*$port" -d "$tmp/refused.sqlite" -p "$port" \
	--listen-address=::1
end
host=127.0.0.1

# Without a place for temporary files
no_tmpdir() {
	local name=$1
	shift
	: >"$tmp/$name.log"
	start_debuginfod "$name" env TMPDIR="$tmp/$name.none" "$@"
}
no_tmpdir nowhere "$SYMBOLIZED" debuginfod -p @PORT@ -d "$tmp/nowhere.sqlite" -F -U "$tree"
scan_is_done nowhere
is "without a TMPDIR all is found" "$(found)" "1 2 3 5"
get "/buildid/$(sample_of 5)/executable"
same "a member of a package too, byte for byte" "$tmp/body" "$(sample 5)"
end
if unshare -rm true 2>/dev/null || [ "$(id -u)" = 0 ]; then
	mkdir "$tmp/full"
	if mount -t tmpfs -o size=64k tmpfs "$tmp/full" 2>/dev/null; then
		head -c 1M /dev/zero >"$tmp/full/junk" 2>/dev/null
		: >"$tmp/full.log"
		start_debuginfod full env TMPDIR="$tmp/full" "$SYMBOLIZED" debuginfod \
			-p @PORT@ -d "$tmp/full.sqlite" -F -U "$tree"
		scan_is_done full
		is "with a full TMPDIR all is found" "$(found)" "1 2 3 5"
		end
		umount "$tmp/full"
	else
		skip "with a full TMPDIR all is found" "no mount"
	fi
else
	skip "with a full TMPDIR all is found" "no mount"
fi

# ---- The database --------------------------------------------------------------

begin home -F "$tree"
scan_is_done home
end
ok "the database is in the home directory" test -s "$tmp/home.tmp/.debuginfod.sqlite"
begin home -F "$tree"
scan_is_done home
like "the next start looks into nothing" "$(cat "$tmp/home.log")" \
	'finished.*looked_into=0'
end

begin given -d "$tmp/given.sqlite" -F "$tree"
scan_is_done given
end
ok "the database is where -d says" test -s "$tmp/given.sqlite"

: >"$tmp/nohome.log"
start_debuginfod nohome env -u HOME "$SYMBOLIZED" debuginfod -p @PORT@ \
	-d "$tmp/nohome.sqlite" -F "$tree"
scan_is_done nohome
is "with -d no home is needed" "$(found)" "1 2 3"
end

# Another program's database
sqlite3 "$tmp/theirs.sqlite" 'create table t (a); insert into t values (1)'
before=$(cksum <"$tmp/theirs.sqlite")
begin theirs -d "$tmp/theirs.sqlite" -F "$tree"
scan_is_done theirs
is "beside another program's database all is found" "$(found)" "1 2 3"
end
is "another program's database is left alone" "$(cksum <"$tmp/theirs.sqlite")" \
	"$before"

# A passive reader beside a writer
begin writer -d "$tmp/shared.sqlite" -F -t0 "$tree"
scan_is_done writer
writer=$pid
begin reader --passive -d "$tmp/shared.sqlite"
is "a passive server answers what is written" "$(found)" "1 2 3"
cp "$(sample 9)" "$tree/nine"
kill -USR1 "$writer"
ok "it answers what is written later" wait_until has 9
is "it has no thread that scans" \
	"$(grep -lxE 'scan|traverse|groom' /proc/"$pid"/task/*/comm)" ""
unlike "its metrics tell of none" "$(curl -s -m 20 "$url/metrics")" \
	'role="(scan|traverse|groom)"'
kill -USR1 "$pid"
kill -USR2 "$pid"
ok "signals that ask for scans do it no harm" has 9
end
is "it ends with 0" "$exit_status" 0
begin survivor --passive -d "$tmp/shared.sqlite"
kill -9 "$writer"
wait "$writer" 2>/dev/null
is "a passive server outlives its writer" "$(found)" "1 2 3 9"
end
rm "$tree/nine"

# ---- What stops matching, moves, or is replaced --------------------------------

begin all -d "$tmp/regex.sqlite" -F -t0 "$tree"
scan_is_done all
is "all is found" "$(found)" "1 2 3"
end
begin keeps -d "$tmp/regex.sqlite" -F -X deeper -t0 -g0 "$tree"
scan_is_done keeps
wait_until grep -q 'groom.*finished' "$tmp/keeps.log"
is "what -X rejects now stays without -r" "$(found)" "1 2 3"
end
begin drops -d "$tmp/regex.sqlite" -F -r -X deeper -t0 -g0 "$tree"
scan_is_done drops
three_is_gone() {
	! has 3
}
ok "with -r grooming drops it" wait_until three_is_gone
is "and nothing else" "$(found)" "1 2"
mv "$tree/one" "$tree/deep/moved"
cp "$(sample 10)" "$tree/deep/two"
kill -USR1 "$pid"
ok "a file that was replaced is what it is now" wait_until has 10
is "a file that moved is still found" "$(found)" "1 10"
end
begin big -d "$tmp/regex.sqlite" -F -G -t0 -g0 "$tree"
scan_is_done big
is "-G grooms first and loses nothing" "$(found)" "1 3 10"
end

# ---- A scan that is cut short --------------------------------------------------

# What it has seen to be of no interest is not opened again.
mkdir "$tmp/texts"
for i in {1..100}; do
	echo "text $i" >"$tmp/texts/$i"
done
echo package >"$tmp/texts/one.slow"
begin cut -d "$tmp/cut.sqlite" -F -Z '.slow=sleep 100;' -c 2 -t0 "$tmp/texts"
texts_done() {
	curl -s -m 20 "$url/metrics?format=symbolized" |
		grep -q '^symbolized_scan_files_total{source="none"} 100$'
}
ok "text files are looked into beside a slow package" wait_until texts_done
begun=$SECONDS
end
is "a scan that waits for a command is cut short" "$exit_status" 0
at_most "and soon" $((SECONDS - begun)) 20
begin again -d "$tmp/cut.sqlite" -F -t0 "$tmp/texts"
scan_is_done again
like "the next scan opens none of the text files" "$(cat "$tmp/again.log")" \
	'finished.*visited=101 looked_into=1 '
end

# ---- Under its other name ------------------------------------------------------

ln -s "$(realpath "$SYMBOLIZED")" "$tmp/debuginfod"
is "the name debuginfod is the command" \
	"$("$tmp/debuginfod" --version | sed -n '1s/.* //p')" 0.196

finish
