#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A worker process that dies, or stands still, costs its own job. Nobody else
# notices: other requests are answered, other files indexed.
#
# Requirements: R-4.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl jq openssl

mkdir "$tmp/tree" "$tmp/slow"
must make_samples "$tmp/tree/elf" 30
sample_base=1
must make_samples "$tmp/packed" 6
must "$mkpkg" deb --compress xz "$tmp/tree/quick.deb" "./usr/bin/q=$tmp/packed/sample-1"
for i in 2 3; do
	must slow_deb "$tmp/slow/slow$i.deb" "$tmp/packed/sample-$i"
done

workers() {
	children "$pid"
}

running() {
	metric "symbolized_worker_jobs{pool=\"$1\",stage=\"running\"}"
}

deaths() {
	metric_sum symbolized_worker_deaths_total
}

# all_answer WHAT ID FILE: 200 requests of four kinds, all of them answered as
# they should be
all_answer() {
	local what=$1 wrong=0 i path
	: >"$tmp/urls"
	for ((i = 0; i < 50; i++)); do
		for path in /metrics /healthz "/buildid/$2/executable" \
			"/buildid/$(sample_id 1)/executable"; do
			printf 'url = "%s%s"\noutput = "%s"\n' "$url" "$path" \
				"$tmp/many-${path//\//_}"
		done
	done >"$tmp/urls"
	curl -s -m "$long_s" -w '%{http_code}\n' -K "$tmp/urls" >"$tmp/codes"
	is "200 requests are answered while $what" \
		"$(sort "$tmp/codes" | uniq -c | tr -s ' ')" " 200 200"
	for path in "/buildid/$2/executable:$3" \
		"/buildid/$(sample_id 1)/executable:$tmp/packed/sample-1"; do
		cmp -s "$tmp/many-$(printf '%s' "${path%%:*}" | tr / _)" "${path#*:}" ||
			wrong=$((wrong + 1))
	done
	is "their bytes are right while $what" "$wrong" 0
}

sample_base=0
plain_id=$(sample_id 7)
sample_base=1

# ---- Extraction ----------------------------------------------------------------

serve_ready main --workers 2 "$tmp/tree" "$tmp/slow"
get "/buildid/$(sample_id 1)/executable"
same "the quick member is served" "$tmp/body" "$tmp/packed/sample-1"
get "/buildid/$(sample_id 1)/executable"

held=no
hold_extraction main "$(sample_id 2)" && held=yes
is "an extraction stands still" "$held" yes
first_client=$client
first_stopped=$stopped
all_answer "the only extraction stands still" "$plain_id" "$tmp/tree/elf/sample-7"
ok "the client of the extraction still waits" is_running "$first_client"
held=no
hold_extraction main "$(sample_id 3)" 2 && held=yes
is "a second extraction finds a worker" "$held" yes
all_answer "all extractors stand still" "$plain_id" "$tmp/tree/elf/sample-7"
is "both extractions still run" "$(running answer)" 2
signal CONT "$first_stopped $stopped"
wait "$first_client" "$client"
for i in 2 3; do
	is "the extraction goes on where it stood, $i" \
		"$(cat "$tmp/held.$(sample_id $i).status")" 200
	same "the extraction that stood still gives the right bytes, $i" \
		"$tmp/held.$(sample_id $i)" "$tmp/packed/sample-$i"
done
is "nobody died of standing still" "$(deaths)" 0
stop_server main

# A worker that dies in an extraction
rm -rf "$tmp/main.cache"
serve_ready main --workers 1 "$tmp/tree" "$tmp/slow"
get "/buildid/$(sample_id 1)/executable"
held=no
hold_extraction main "$(sample_id 2)" && held=yes
is "an extraction stands still again" "$held" yes
signal KILL "$stopped"
wait "$client"
is "it is tried again at once: its client gets the member" \
	"$(cat "$tmp/held.$(sample_id 2).status")" 200
same "all of it" "$tmp/held.$(sample_id 2)" "$tmp/packed/sample-2"
is "the death is counted" \
	"$(metric 'symbolized_worker_deaths_total{pool="answer",cause="signal"}')" 1
like "the log says which member it was, and why" "$(cat "$tmp/main.log")" \
	'slow2\.deb.*signal'
all_answer "after a worker died" "$plain_id" "$tmp/tree/elf/sample-7"
# A second one
find "$tmp/main.cache" -type f -size +4k -delete
held=no
hold_extraction main "$(sample_id 2)" && held=yes
is "it is extracted anew, and stands still" "$held" yes
has_new_worker() {
	local now
	now=$(workers)
	[ "$now" ] && [ "$now" != "$stopped" ] && [ "$(running answer)" = 1 ]
}
signal KILL "$stopped"
ok "another worker takes it" wait_until has_new_worker
signal KILL "$(workers)"
wait "$client"
is "the client of one that killed two is told that it may try again" \
	"$(cat "$tmp/held.$(sample_id 2).status")" 503
is "both deaths are counted" \
	"$(metric 'symbolized_worker_deaths_total{pool="answer",cause="signal"}')" 3
# It may have been the member's fault: it is left alone for a minute, but a
# server that is started again tries once.
before=$(deaths)
get "/buildid/$(sample_id 2)/executable"
is "asked again at once, it is not tried" "$status $(running answer)" "503 0"
is "that costs no worker" "$(deaths)" "$before"
stop_server main
serve_ready main --workers 1 "$tmp/tree" "$tmp/slow"
get "/buildid/$(sample_id 2)/executable" -m "$((2 * long_s))"
same "asked again after a restart, the member comes" \
	"$tmp/body" "$tmp/packed/sample-2"

# One that dies with nothing to do is nobody's loss.
find "$tmp/main.cache" -type f -size +4k -delete
before=$(deaths)
killed=$(workers)
signal KILL "$killed"
are_gone() {
	local each
	for each in $killed; do
		is_gone "$each" || return 1
	done
}
wait_until are_gone || die "workers do not die"
get "/buildid/$(sample_id 1)/executable"
same "a member is extracted although the worker died while it had nothing to do" \
	"$tmp/body" "$tmp/packed/sample-1"
is "a death without a job is no death of a job" "$(deaths)" "$before"
stop_server main
is "the server ends well" "$exit_status" 0

# ---- Scanning ------------------------------------------------------------------

# What a worker dies of is recorded on the file it was at, and no other.
rm -rf "$tmp/main.state" "$tmp/main.cache"
start_server main --workers 1 "$tmp/slow/slow2.deb" "$tmp/tree" "$tmp/slow/slow3.deb" ||
	die "the server does not start"
is_scanning_slow() {
	[ "$(running scan)" = 1 ] && [ "$(metric symbolized_scans_total)" = 0 ] &&
		[ "$(metric_sum symbolized_scan_files_total)" = "$1" ]
}
ok "a worker scans a slow package" wait_until is_scanning_slow 0
# shellcheck disable=SC2046
kill -KILL $(workers)
wait_ready || die "the server does not end its scan"
at_least "a worker's death in a scan is counted" \
	"$(metric 'symbolized_worker_deaths_total{pool="scan",cause="signal"}')" 1
problems=$("$SYMBOLIZED" check --json --state-dir "$tmp/main.state" |
	jq -r '.problems[]|.path+" "+.kind+" "+.problem')
like "the package is recorded with what happened" "$problems" \
	"^$tmp/slow/slow[23]\.deb worker .*signal"
is "it alone is recorded" "$(printf '%s\n' "$problems" | grep -c .)" 1
like "the log says so" "$(cat "$tmp/main.log")" \
	"unreadable.*slow[23]\.deb.*worker.*signal"
is "all else is indexed" \
	"$("$SYMBOLIZED" check --json --state-dir "$tmp/main.state" |
		jq -c '[.containers,.artifacts,.unreadable,.complaints]')" "[33,32,1,[]]"
sample_base=0
for i in 1 15 30; do
	get "/buildid/$(sample_id $i)/executable"
	same "a file scanned beside is served, $i" "$tmp/body" "$tmp/tree/elf/sample-$i"
done
stop_server main

# A worker that stands still does not hold up answers, nor the other workers.
sample_base=1
rm -rf "$tmp/main.state" "$tmp/main.cache"
start_server main --workers 2 "$tmp/tree" "$tmp/slow/slow2.deb" ||
	die "the server does not start"
# The largest file is taken first, alone, by one of two workers.
ok "small files are done beside a slow package" wait_until is_scanning_slow 31
stopped=$(workers)
signal STOP "$stopped"
is "its worker has not ended" "$(running scan)" 1
is "a scan whose worker stands still is active" \
	"$(metric symbolized_scan_active)" 1
all_answer "the scan stands still" "$plain_id" "$tmp/tree/elf/sample-7"
get /readyz
is "the server is ready while its scan stands still" "$status" 200
signal CONT "$stopped"
wait_ready || die "the scan does not go on"
get "/buildid/$(sample_id 2)/executable" -m "$((2 * long_s))"
same "the scan goes on where it stood" "$tmp/body" "$tmp/packed/sample-2"
is "nobody died of it" "$(deaths)" 0

# Workers killed again and again while many files are scanned
sample_base=2
must make_samples "$tmp/tree/many" 300
before=$(metric symbolized_scans_total)
kill -USR1 "$pid"
kill_and_see() {
	# shellcheck disable=SC2046
	kill -KILL $(workers) 2>/dev/null
	[ "$(metric symbolized_scans_total)" -gt "$before" ]
}
ok "a scan whose workers keep dying ends" wait_until kill_and_see
sample_base=1
all_answer "workers have died again and again" "$plain_id" "$tmp/tree/elf/sample-7"
stop_server main
is "the server ends well after all" "$exit_status" 0
like "the index is sound after all" \
	"$("$SYMBOLIZED" check --state-dir "$tmp/main.state")" '^the index is sound$'
is "every file is indexed, or recorded with its worker's death" \
	"$("$SYMBOLIZED" check --json --state-dir "$tmp/main.state" |
		jq -c '[.containers, (.artifacts + .unreadable), ([.problems[].kind]|unique|inside(["worker"]))]')" \
	"[332,332,true]"
finish
