#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A server from start to end: answers while the first scan runs, drains when told
# to stop, does as signals say, and finds its state in every condition.
#
# Requirements: R-30, R-36.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl jq sqlite3 openssl

mkdir "$tmp/tree" "$tmp/slow"
must make_samples "$tmp/tree/elf" 30
sample_base=1
must make_samples "$tmp/late" 4
for i in 1 2; do
	must slow_deb "$tmp/slow/slow$i.deb" "$tmp/late/sample-$i"
done

# sample BASE NUMBER: get its executable
sample() {
	sample_base=$1
	get "/buildid/$(sample_id "$2")/executable"
}

running() {
	[ "$(metric "symbolized_worker_jobs{pool=\"$1\",stage=\"running\"}")" -ge 1 ]
}

# ---- Answers before the first scan has ended -----------------------------------

start_server main --workers 1 "$tmp/tree" "$tmp/slow" || die "no server"
small_files_done() {
	[ "$(metric_sum symbolized_scan_files_total)" -ge 1 ] && running scan &&
		[ "$(metric symbolized_scans_total)" = 0 ]
}
ok "the first scan is under way" wait_until small_files_done
stopped=$(children "$pid")
signal STOP "$stopped"
is "the first scan runs" "$(metric symbolized_scan_active)" 1
get /readyz
is "the server is ready while the first scan runs" "$status" 200
get / -H 'Accept: application/json'
is "the status says that a scan runs" "$(jq -c .scan.active "$tmp/body")" true
seen=0
for which in "0 1" "0 2" "0 30" "1 1" "1 2"; do
	# shellcheck disable=SC2086
	sample $which
	case $status in
	200) seen=$((seen + 1)) ;;
	404)
		like "what is not known yet must not be kept as absent" \
			"$(header Cache-Control)" no-store
		;;
	*) fail "what is not known yet is 404" "status $status" ;;
	esac
done
at_least "what is indexed is answered while the first scan runs" "$seen" 1
signal CONT "$stopped"
wait_ready || die "the scan does not end"
sample 0 30
is "at its end everything is answered" "$status" 200
stop_server main
is "SIGTERM ends a server that does nothing with 0" "$exit_status" 0

says_stopping() {
	tail -n 5 "$tmp/main.log" | grep -q 'serve.*stopping'
}

# ---- The end -------------------------------------------------------------------

for signal in INT HUP TERM; do
	serve_ready main "$tmp/tree"
	stop_server main $signal
	is "SIG$signal ends it with 0" "$exit_status" 0
	like "the log says that it stops, SIG$signal" "$(tail -n 5 "$tmp/main.log")" \
		'stopping'
done

rm -rf "$tmp/main.state"
start_server main --workers 1 "$tmp/tree" "$tmp/slow" || die "no server"
ok "a scan runs" wait_until running scan
begun=$SECONDS
stop_server main
is "SIGTERM during a scan ends it with 0" "$exit_status" 0
at_most "SIGTERM during a scan ends it in seconds" $((SECONDS - begun)) 10
like "the log says that the scan was stopped" "$(tail -n 20 "$tmp/main.log")" \
	'scan.*stopped'
is "the index of a stopped scan is sound" "$(check main | tail -n 1)" \
	"the index is sound"
like "nothing is recorded as unreadable for having been stopped" \
	"$(check main)" '^unreadable +0$'
no_worker_left() {
	! grep -qsz "^/proc/$pid/exe" /proc/[0-9]*/cmdline
}
ok "no worker is left" wait_until no_worker_left

"$SYMBOLIZED" scan --state-dir "$tmp/ended.state" --cache-dir "$tmp/ended.cache" \
	"$tmp/slow" 2>"$tmp/ended.log" &
pid=$!
scanning() {
	[ -n "$(children "$pid")" ]
}
ok "a scan by hand runs" wait_until scanning
signal TERM "$pid"
wait "$pid"
is "a scan that is cut short ends as the signal does" $? $((128 + 15))
like "its log says that it was stopped" "$(cat "$tmp/ended.log")" 'scan.*stopped'

serve_ready main --workers 1 "$tmp/tree" "$tmp/slow"
sample_base=1
held=no
hold_extraction main "$(sample_id 1)" && held=yes
is "a client waits for an extraction" "$held" yes
begun=$SECONDS
kill -TERM "$pid"
ok "the server stops" wait_until says_stopping
signal CONT "$stopped"
stop_server main CONT
is "SIGTERM with a waiting client ends it with 0" "$exit_status" 0
at_most "SIGTERM with a waiting client ends it in time" $((SECONDS - begun)) 28
wait "$client"
is "the waiting client gets its answer" \
	"$(cat "$tmp/held.$(sample_id 1).status")" 200
same "the waiting client gets the bytes" "$tmp/held.$(sample_id 1)" \
	"$tmp/late/sample-1"

# An extraction that takes longer than one is willing to wait
rm -rf "$tmp/main.cache"
serve_ready main --workers 1 --drain-timeout 1 "$tmp/tree" "$tmp/slow"
held=no
hold_extraction main "$(sample_id 1)" && held=yes
is "a client waits for another extraction" "$held" yes
begun=$SECONDS
stop_server main
is "an extraction that does not end holds up no end" "$exit_status" 0
at_most "it is waited for as long as was said" $((SECONDS - begun)) 10
wait "$client"
like "its client is told" "$(cat "$tmp/held.$(sample_id 1).status")" '^(503|000)$'
signal CONT "$stopped"
ok "its worker is gone" wait_until no_worker_left

# While it drains: not ready, still answering
serve_ready main --drain-delay 30 "$tmp/tree"
kill -TERM "$pid"
not_ready() {
	[ "$(curl -s -m 20 -o "$tmp/readyz" -w '%{http_code}' "$url/readyz")" = 503 ]
}
ok "a server that drains is not ready" wait_until not_ready
like "it says why" "$(cat "$tmp/readyz")" 'shutting down'
sample 0 3
is "a server that drains still answers" "$status" 200
is "a server that drains closes connections behind answers" \
	"$(header Connection)" close
stop_server main
isnt "a second SIGTERM ends it at once" "$exit_status" hung

# ---- Signals -------------------------------------------------------------------

serve_ready main "$tmp/tree"
sample_base=2
must make_samples "$tmp/tree/more" 2
rm "$tmp/tree/elf/sample-5"
sample 2 1
is "what is new is not known before a scan" "$status" 404
rescan main
sample 2 1
is "SIGUSR1 scans: what is new is served" "$status" 200
sample 0 5
is "SIGUSR1 scans: what has gone is not" "$status" 404
rows() {
	sqlite3 "file:$tmp/main.state/index.sqlite?mode=ro" \
		"SELECT count(*) FROM $1"
}
kill -USR2 "$pid"
groomed() {
	grep -q 'groom.*finished' "$tmp/main.log"
}
ok "SIGUSR2 grooms" wait_until groomed
# The packages of a path that is no longer given are still there.
is "after a groom nothing is left that nobody refers to" \
	"$(rows build_id) $(rows artifact) $(rows container)" "33 33 33"
sample 2 2
is "after a groom answers are as before" "$status" 200
stop_server main

# ---- Conditions to start in ----------------------------------------------------

serve_ready main "$tmp/tree"
said=$("$SYMBOLIZED" serve --listen "127.0.0.1:${url##*:}" --rescan 0 \
	--state-dir "$tmp/other.state" --cache-dir "$tmp/other.cache" "$tmp/tree" \
	2>&1 </dev/null)
is "a port that is taken is an error" "$?" 74
like "the error names address and reason" "$said" \
	"127\.0\.0\.1:${url##*:}.*[Aa]ddress already in use"
for listen in nonsense 127.0.0.1 127.0.0.1:99999 :x '[::1:80'; do
	said=$("$SYMBOLIZED" serve --listen "$listen" --state-dir "$tmp/other.state" \
		--cache-dir "$tmp/other.cache" "$tmp/tree" 2>&1 </dev/null)
	is "--listen $listen is an error of use" "$?" 64
done
sample 0 3
is "the server that had the port goes on" "$status" 200

# A second server on the same state and cache
start_server second --state-dir "$tmp/main.state" --cache-dir "$tmp/main.cache" \
	"$tmp/tree"
second_started=$?
if [ $second_started = 0 ]; then
	wait_ready
	sample 0 3
	is "a second server on the same state works" "$status" 200
	use_server main
	sample 0 4
	is "the first works beside it" "$status" 200
	rescan main
	sample 2 2
	is "both may scan" "$status" 200
	stop_server second
	is "the second ends well" "$exit_status" 0
else
	like "a second server on the same state is told" "$(cat "$tmp/second.log")" \
		"$tmp/main.state"
fi
use_server main
sample 0 3
is "the first goes on when the second has ended" "$status" 200
stop_server main
is "the index is sound after two servers" "$(check main | tail -n 1)" \
	"the index is sound"

# A newer schema
cp -r "$tmp/main.state" "$tmp/newer.state"
must sqlite3 "$tmp/newer.state/index.sqlite" 'PRAGMA user_version = 99'
before=$(sha256sum <"$tmp/newer.state/index.sqlite")
for command in "serve --listen 127.0.0.1:0" scan; do
	# shellcheck disable=SC2086
	said=$("$SYMBOLIZED" $command --state-dir "$tmp/newer.state" \
		--cache-dir "$tmp/newer.cache" "$tmp/tree" 2>&1 </dev/null)
	isnt "a newer schema is an error for $command" "$?" 0
	like "the error of $command says that the schema is newer" "$said" \
		'newer|schema.*99'
	like "the error of $command names the index" "$said" "$tmp/newer.state"
done
is "a newer schema is left as it was" \
	"$(sha256sum <"$tmp/newer.state/index.sqlite")" "$before"
is "nothing was set aside" "$(find "$tmp/newer.state" -name '*damaged*')" ""

# Damage: set aside, said so, begun anew
damaged() {
	local what=$1 db=$tmp/damaged.state/index.sqlite
	rm -rf "$tmp/damaged.state"
	cp -r "$tmp/main.state" "$tmp/damaged.state"
	rm -f "$db-wal" "$db-shm"
	case $what in
	"overwritten at its start") printf 'not a database' |
		dd of="$db" conv=notrunc status=none ;;
	"of another program")
		rm "$db"
		must sqlite3 "$db" 'CREATE TABLE t(x); PRAGMA application_id = 7'
		;;
	"cut short") truncate -s 5000 "$db" ;;
	"full of noise")
		head -c 60000 /dev/urandom |
			dd of="$db" bs=4096 seek=1 conv=notrunc status=none
		;;
	esac
}
for what in "overwritten at its start" "of another program" "cut short" \
	"full of noise"; do
	damaged "$what"
	: >"$tmp/damaged.log"
	start_server damaged "$tmp/tree" || {
		fail "a server starts with an index $what"
		continue
	}
	wait_ready
	sample 0 3
	is "with an index $what everything is scanned anew" "$status" 200
	like "the log says that an index $what was set aside" \
		"$(cat "$tmp/damaged.log")" 'set aside.*index\.sqlite\.damaged-'
	is "an index $what is kept" \
		"$(find "$tmp/damaged.state" -name 'index.sqlite.damaged-*Z' | wc -l)" 1
	stop_server damaged
	is "the server ends well, index $what" "$exit_status" 0
	is "the new index is sound, index $what" "$(check damaged | tail -n 1)" \
		"the index is sound"
done

# ---- What may only be read ------------------------------------------------------

# state_files NAME: what lies in a state directory
state_files() {
	find "$tmp/$1.state" -type f -printf '%f\n' | sort | tr '\n' ' '
}
rm -rf "$tmp/main.state" "$tmp/main.cache"
scan main "$tmp/tree" "$tmp/slow"
is "a scan leaves one file" "$(state_files main)" "index.sqlite "
sample_base=3
must make_samples "$tmp/tree/once" 1
serve_ready main "$tmp/tree" "$tmp/slow"
sample 3 1
is "a server indexes what is new" "$status" 200
stop_server main
is "a server that ends leaves one file" "$(state_files main)" "index.sqlite "

# read_only DIR: as on a read-only file system, also for root
read_only() {
	mount --bind "$1" "$1" 2>/dev/null || return 1
	mounted+=("$1")
	mount -o remount,bind,ro "$1" 2>/dev/null
}
mkdir -p "$tmp/main.cache"
if read_only "$tmp/main.state"; then
	before=$(sha256sum <"$tmp/main.state/index.sqlite")
	must make_samples "$tmp/tree/twice" 1 other
	: >"$tmp/main.log"
	start_server main "$tmp/tree" || fail "a read-only index is served"
	ok "a server on a read-only index is ready" wait_until is_ready
	sample 3 1
	is "a read-only index is served" "$status" 200
	is "the log says so once, and where" \
		"$(grep -c "index.*cannot be written.*state_dir=$tmp/main.state" "$tmp/main.log")" 1
	kill -USR1 "$pid"
	kill -USR2 "$pid"
	sample_base=1
	get "/buildid/$(sample_id 1)/executable" -m "$((2 * long_s))"
	same "members are extracted" "$tmp/body" "$tmp/late/sample-1"
	is "nothing is scanned" "$(metric symbolized_scans_total)" 0
	stop_server main
	is "a server on a read-only index ends well" "$exit_status" 0
	unlike "nothing is complained of again and again" "$(cat "$tmp/main.log")" \
		' (error|warn) .*not readable'
	is "a read-only index is as it was" \
		"$(state_files main) $(sha256sum <"$tmp/main.state/index.sqlite")" \
		"index.sqlite  $before"
	said=$(scan main "$tmp/tree" 2>&1)
	isnt "a scan into a read-only index is an error" "$?" 0
	umount "$tmp/main.state"
else
	skip "a read-only index is served" "no mounting here"
fi

# The same of the cache: what is in it is served, what is not is extracted.
if read_only "$tmp/main.cache"; then
	: >"$tmp/main.log"
	serve_ready main "$tmp/tree" "$tmp/slow"
	like "the log says that the cache cannot be written, and where" \
		"$(cat "$tmp/main.log")" "cache.*cannot be written.*cache_dir=$tmp/main.cache"
	sample_base=1
	get "/buildid/$(sample_id 1)/executable"
	same "what is in a read-only cache is served" "$tmp/body" "$tmp/late/sample-1"
	is "it comes from there" "$(served_from cache)" 1
	get "/buildid/$(sample_id 2)/executable" -m "$((2 * long_s))"
	same "what is not in it is extracted" "$tmp/body" "$tmp/late/sample-2"
	get "/buildid/$(sample_id 2)/executable" -m "$((2 * long_s))"
	same "and again, since it is not kept" "$tmp/body" "$tmp/late/sample-2"
	is "both were extractions" "$(extractions)" 2
	get /readyz
	is "a server with a read-only cache is ready" "$status" 200
	is "but not wholly" "$(jq -r .status "$tmp/body")" degraded
	stop_server main
	is "a server with a read-only cache ends well" "$exit_status" 0
	umount "$tmp/main.cache"
else
	skip "a read-only cache is served from" "no mounting here"
fi
rm -rf "$tmp/tree/once" "$tmp/tree/twice"

# No cache to be had
rm -rf "$tmp/main.cache"
echo x >"$tmp/main.cache"
serve_ready main "$tmp/tree"
sample 0 1
is "with a file in the place of the cache what is known is answered" "$status" 200
like "the log says that nothing is kept, and names it" \
	"$(grep 'nothing is kept' "$tmp/main.log" | tail -n 1)" "$tmp/main.cache"
get /readyz -H 'Accept: application/json'
is "it is ready, but not wholly" "$(jq -r .status "$tmp/body")" degraded
stop_server main
is "it ends well" "$exit_status" 0
rm "$tmp/main.cache"

# Nothing to scan: it serves what the index knows
serve_ready_without_paths() {
	start_server main && wait_until is_ready
}
ok_start=no
serve_ready_without_paths && ok_start=yes
is "a server without paths is ready" "$ok_start" yes
sample 0 3
is "a server without paths answers what is known" "$status" 200
stop_server main
is "a server without paths ends well" "$exit_status" 0
finish
