#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 at any moment of a scan, or of a server, and a restart: the index ends
# up row by row as that of a scan that nobody disturbed.
#
# Requirements: R-28.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_faults.sh"
need "$CC" sqlite3 setsid openssl

tree=$tmp/tree
must make_samples "$tree/elf/one" 100
sample_base=1
must make_samples "$tree/elf/two" 100 other
mkdir "$tree/deb" "$tree/rpm" "$tree/text"
sample_base=2
must make_samples "$tmp/packed" 40
must big_file "$tmp/filler" 2
codecs=(gzip xz zstd bzip2)
for ((i = 1; i <= 20; i++)); do
	codec=${codecs[i % 4]}
	if [ $((i % 2)) = 0 ]; then
		must "$mkpkg" deb --compress "$codec" --block-size 300000 \
			"$tree/deb/p$i.deb" "./usr/bin/x=$tmp/packed/sample-$i" \
			"./usr/share/filler=$tmp/filler" \
			"./usr/bin/y=$tmp/packed/sample-$((i + 20))"
	else
		must "$mkpkg" rpm --compress "$codec" --block-size 300000 \
			"$tree/rpm/p$i.rpm" "/usr/bin/x=$tmp/packed/sample-$i" \
			"/usr/src/debug/p$i/filler.c=$tmp/filler" \
			"/usr/bin/y=$tmp/packed/sample-$((i + 20))"
	fi
done
head -c 30000 "$tree/deb/p2.deb" >"$tree/deb/cut.deb"
for ((i = 1; i <= 30; i++)); do
	echo "$i" >"$tree/text/$i"
done

must scan calm "$tree"
is "the undisturbed scan looked into everything" \
	"$(last_scan looked_into calm)" 251
dump calm >"$tmp/calm.dump" || die "cannot dump the index"
at_least "the dump has the rows" "$(grep -c '^artifact|' "$tmp/calm.dump")" 240
is "the dump has the package that could not be read" \
	"$(grep -c '^container|.*cut.deb|.*bad_data' "$tmp/calm.dump")" 1

# How long a scan takes, in milliseconds: moments are chosen within that.
begun=${EPOCHREALTIME/[.,]/}
must scan timed "$tree"
takes_us=$((${EPOCHREALTIME/[.,]/} - begun))
takes_us=$((takes_us < 20000 ? 20000 : takes_us))

pause_us() {
	sleep "$(printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)))"
}

# killed NAME WAY: scan, killed at random moments, some further than others
killed() {
	local name=$1 way=$2 turn kills=0
	for turn in 1 2 3 4; do
		setsid "$SYMBOLIZED" scan --state-dir "$tmp/$name.state" \
			--cache-dir "$tmp/$name.cache" "$tree" \
			2>>"$tmp/$name.log" </dev/null &
		pid=$!
		pause_us $((takes_us * (RANDOM % 50 + 5) / 100))
		case $way in
		"the process alone") kill -KILL $pid 2>/dev/null ;;
		"its whole group") kill -KILL -- -$pid 2>/dev/null ;;
		esac && kills=$((kills + 1))
		wait $pid 2>/dev/null
		ok "the index is sound after kill -9 of $way, $turn" \
			state_is_sound "$name"
	done
	diag "$kills kills of 4"
	must scan "$name" "$tree"
	dump "$name" >"$tmp/$name.dump"
	same "after kill -9 of $way a scan ends with the same rows" \
		"$tmp/$name.dump" "$tmp/calm.dump" ||
		diag "$(diff "$tmp/calm.dump" "$tmp/$name.dump" | cut -c 1-300 | head -n 20)"
	is "the index is sound at the end, $way" "$(check "$name" | tail -n 1)" \
		"the index is sound"
	must scan "$name" "$tree"
	is "nothing is left to look into, $way" "$(last_scan looked_into "$name")" 0
}

killed alone "the process alone"
killed group "its whole group"

no_worker_left() {
	local pid
	for pid in /proc/[0-9]*; do
		[ "$(tr '\0' ' ' <"$pid/cmdline" 2>/dev/null)" = "/proc/$1/exe worker " ] &&
			return 1
	done
	return 0
}

# ---- A server, while it extracts -----------------------------------------------

mkdir "$tmp/slow"
sample_base=3
must make_samples "$tmp/late" 1
must slow_deb "$tmp/slow/slow.deb" "$tmp/late/sample-1"
serve_ready served "$tree" "$tmp/slow"
for turn in 1 2 3; do
	use_server served
	held=no
	hold_extraction served "$(sample_id 1)" && held=yes
	is "an extraction is under way, $turn" "$held" yes
	kill -KILL "$pid"
	signal CONT "$stopped"
	stop_server served KILL
	is "the server was killed, $turn" "$exit_status" 137
	wait "$client"
	isnt "its client sees that it did not get all, $turn" "$?" 0
	ok "workers end with their server, $turn" wait_until no_worker_left "$pid"
	serve_ready served "$tree" "$tmp/slow"
	is "after a restart nothing is looked into again, $turn" \
		"$(last_scan looked_into served)" 0
	is "nothing half is in the cache, $turn" \
		"$(find "$tmp/served.cache" -type f ! -name secret)" ""
done
get "/buildid/$(sample_id 1)/executable"
same "after all that the member is served" "$tmp/body" "$tmp/late/sample-1"
stop_server served

# ---- A server, while it scans --------------------------------------------------

for turn in 1 2; do
	start_server scanning "$tree" || die "the server does not start"
	pause_us $((takes_us * (RANDOM % 90 + 5) / 100))
	stop_server scanning KILL
	ok "the index is sound after kill -9 of a server that scans, $turn" \
		state_is_sound scanning
done
serve_ready scanning "$tree"
stop_server scanning
is "the server ends well" "$exit_status" 0
dump scanning >"$tmp/scanning.dump"
same "after kill -9 a server's scan ends with the same rows" \
	"$tmp/scanning.dump" "$tmp/calm.dump" ||
	diag "$(diff "$tmp/calm.dump" "$tmp/scanning.dump" | cut -c 1-300 | head -n 20)"
finish
