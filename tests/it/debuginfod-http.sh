#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# How `symbolized debuginfod` answers, beside elfutils' debuginfod where there is
# one: statuses, texts, headers and log lines of right and wrong requests; and
# /metrics as elfutils' own tests wait for it.
#
# The peer listens on all addresses. Where it can be done the script goes into a
# network namespace of its own.
if [ -z "${PEER_NAMESPACE-}" ] && unshare -rn ip link set lo up 2>/dev/null; then
	# shellcheck disable=SC2016
	PEER_NAMESPACE=yes exec unshare -rn sh -c 'ip link set lo up && exec "$@"' \
		sh "${BASH:-bash}" "$0" "$@"
fi
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl readelf

# ---- The servers -----------------------------------------------------------------

start_ours() {
	start_debuginfod ours "$SYMBOLIZED" debuginfod -p @PORT@ -d "$tmp/ours.sqlite" \
		-t0 -g0 "$@"
}

# As elfutils' tests ask: what ends the lines with that text; 0 without one
waited_for() {
	local value
	value=$(curl -s -m 20 "$url/metrics" | grep -F "$1" | awk '{ print $NF }')
	echo "${value:-0}"
}

reaches() {
	[ "$(waited_for "$1")" = "$2" ]
}

# wait_for TEXT VALUE
wait_for() {
	wait_until reaches "$1" "$2" || die "$1 is $(waited_for "$1"), not $2"
}

wait_for_scan() {
	wait_for ready 1
	wait_for 'thread_work_total{role="traverse"}' "$1"
	wait_for 'thread_work_pending{role="scan"}' 0
	wait_for 'thread_busy{role="scan"}' 0
}

# ---- What is scanned -------------------------------------------------------------

tree=$tmp/tree
mkdir "$tree"
must write_program "$tree/src"
must build_program "$tree/src" "$tree/program" -g
id=$(build_id "$tree/program")
must make_samples "$tmp/files" 1
must "$mkpkg" rpm --compress xz "$tree/sample.rpm" "/usr/bin/sample=$(echo "$tmp/files/sample-1")"
member=$(sample_id 1)

# As elfutils' own tests do, who asks at once is answered by the first traversal.
start_ours -F -R "$tree"
wait_for ready 1
kill -USR1 "$pid"
wait_for_scan 1
pass "a scan asked for at the start is the first"

# ---- One after the other -----------------------------------------------------------

# "CURL OPTIONS | PATH". What 0.188 does not have yet is not among them.
requests="
 | /
 | //anything
 | /%2f
 | /?key=a
 | /nope
 | /nope/x?y
 | /a%41b%0ac%22?x=1
 | /buildid
 | /buildid/
 | /buildid/$id
 | /buildid/$id/
 | /buildid//
 | /buildid//executable
 | /buildid//$id/executable
 | /buildid/$id//executable
 | /buildid/$id/xx
 | /buildid/zz/xx
 | /buildid/zz/source
 | /buildid/zz/section/
 | /buildid/zz/source/x
 | /buildid/${id^^}/executable
 | /buildid/abc/executable
 | /buildid/ab/executable
 | /buildid/$(printf 'ab%.0s' {1..80})/executable
 | /buildid/abc%00def/executable
 | /buildid/$id/executable
 | /buildid/$id/executable/xyz
 | /buildid/$id%2Fexecutable
 | /buildid/${id:0:2}%$(printf %x "'${id:2:1}")${id:3}/debuginfo
 | /buildid/$id/source
 | /buildid/$id/source/
 | /buildid/$id/source/nothing/here
 | /buildid/$id/source$tree/src/main.c
 | /buildid/$id/source$tree/./src//../src/main.c
 | /buildid/$id/section
 | /buildid/$id/section/
 | /buildid/$id/section/.text
 | /buildid/$id/section/.nope
 | /buildid/$member/executable
 | /buildid/$member/executable/again
-X POST | /
-X OPTIONS | /
-X PUT | /buildid/$id/executable
-X get | /
-X BREW | /
-H X-DEBUGINFOD-MAXSIZE:5 | /
-H X-DEBUGINFOD-MAXSIZE:5 | /metrics
-H X-DEBUGINFOD-MAXSIZE:5 | /buildid/$id/executable
-H X-DEBUGINFOD-MAXSIZE:5x | /buildid/$id/executable
-H X-DEBUGINFOD-MAXSIZE:-1 | /buildid/$id/executable
-H X-Forwarded-For:a,b,c,d,e,f,g | /buildid/aaaa/executable
-H X-Forwarded-For:a,b,c,d,e,f,g,h | /buildid/aaaa/executable
-H X-Forwarded-For:a,b,c,d,e,f,g,h | /buildid/$id/executable
-A a(b)\"d;e:f_g,h/i.j-k+l@ | /
-A | /
-H X-Forwarded-For:1.2.3.4,::1,x(y-z | /
"

# What can differ from one server to the other: their version, the date, and
# base names for full paths (before 0.192). Ours has better headers.
show_answer() {
	printf '%s\n' "$status"
	tr -d '\r' <"$tmp/header" | sed -E -e 1d -e '/^$/d' -e '/^Date:/d' \
		-e '/^(ETag|Accept-Ranges):/d' \
		-e 's|^(X-DEBUGINFOD-FILE: ).*/|\1|' | sort
	sed 's/^\(debuginfod (elfutils)\) 0\.[0-9]*/\1 VERSION/' "$tmp/body" | cksum
}

# ask_all NAME: all answers into $tmp/NAME.answers
ask_all() {
	local options path
	url=${server_url[$1]}
	while IFS='|' read -r options path; do
		[ "$path" ] || continue
		options=${options% }
		path=${path# }
		local -a words=()
		case $options in
		-A) words=(-A '') ;;
		?*) words=("${options%% *}" "${options#* }") ;;
		esac
		get "$path" "${words[@]}"
		printf '== %s %s\n' "$options" "$path"
		case $path in
		/metrics) echo "$status" ;;
		*) show_answer ;;
		esac
	done <<<"$requests" >"$tmp/$1.answers"
}

# Request lines and what goes before them, without time, process, port and
# duration. Names of the connection's threads differ.
show_log() {
	sed -nE -e 's/^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}\] \([0-9]+\/[0-9]+\): //p' "$tmp/$1.log" |
		grep -aE ' UA:|^(not found|invalid|webapi error|/buildid/ webapi|we support|File too)' |
		grep -av ' GET /metrics ' |
		sed -E -e 's/^127\.0\.0\.1:[0-9]+ /HOST:PORT /' -e 's/ [0-9]+\+[0-9]+ms$/ A+Bms/'
}

ask_all ours
if have debuginfod; then
	start_debuginfod peer debuginfod -p @PORT@ -d "$tmp/peer.sqlite" -t0 -g0 \
		--fdcache-mintmp=0 -F -R "$tree"
	wait_for_scan 1
	: >"$tmp/peer.log"
	ask_all peer
	stop_server peer
	awk '/^==/ { n++ } { print > (dir "/" n "." who) }' dir="$tmp" who=ours "$tmp/ours.answers"
	awk '/^==/ { n++ } { print > (dir "/" n "." who) }' dir="$tmp" who=peer "$tmp/peer.answers"
	count=$(grep -c '^==' "$tmp/peer.answers")
	at_least "there are answers to compare" "$count" 50
	for ((i = 1; i <= count; i++)); do
		same "as the peer:$(head -n 1 "$tmp/$i.peer" | cut -c 3-90)" \
			"$tmp/$i.ours" "$tmp/$i.peer"
	done
	# A line feed in a path ends the peer's line; it does not end ours.
	show_log peer | grep -av 'aAb\|^c"' >"$tmp/peer.lines"
	show_log ours | grep -av 'aAb' >"$tmp/ours.lines"
	is "the log has the peer's lines" \
		"$(diff "$tmp/ours.lines" "$tmp/peer.lines")" ""
else
	skip "answers beside the peer's" "no debuginfod"
fi
use_server ours
like "a line feed in a path ends no line" "$(cat "$tmp/ours.log")" \
	'GET /aAb\\x0ac" 503 36 [0-9]+\+[0-9]+ms$'
unlike "every line of the log has the frame" "$(cat "$tmp/ours.log")" '^[^[]'

# ---- What is better --------------------------------------------------------------

head_of "/buildid/$id/executable"
is "HEAD is answered" "$status" 200
get "/buildid/$id/executable" -H 'Range: bytes=1-3'
is "a range is answered" "$status $(body)" "206 ELF"
get "/buildid/$id/executable" -H "If-None-Match: $(header ETag)"
is "what is known is not sent again" "$status" 304
get /x -d abc
is "a body is read to its end and refused" "$status $(body)" \
	"400 we support GET only"
get "/buildid/$id/executable"
is "the full path is told" "$(header X-DEBUGINFOD-FILE)" "$tree/program"
get "/buildid/$member/executable"
is "the member's path begins with a slash" "$(header X-DEBUGINFOD-FILE)" \
	/usr/bin/sample
is "the archive is told" "$(header X-DEBUGINFOD-ARCHIVE)" "$tree/sample.rpm"
is "caches are told no more than there" "$(header Cache-Control)" public

# ---- Metadata --------------------------------------------------------------------

get "/metadata?key=file&value=$tree/program"
is "metadata have the spaces and slashes of json-c" "$(body)" \
	"{ \"results\": [ { \"type\": \"executable\", \"buildid\": \"$id\", \"file\": \"${tree//\//\\/}\\/program\" }, { \"type\": \"debuginfo\", \"buildid\": \"$id\", \"file\": \"${tree//\//\\/}\\/program\" } ], \"complete\": true }"
get "/metadata?key=buildid&value=$member"
like "metadata know archives" "$(body)" \
	'"file": "\\/usr\\/bin\\/sample", "archive": ".*\\/sample.rpm" \} \], "complete": true \}$'
get "/metadata/x?key=glob&value=/u?r/no*"
is "metadata of nothing" "$(body)" '{ "results": [ ], "complete": true }'
get "/metadata?key=glob"
is "metadata without a value" "$status $(body)" \
	"503 /metadata webapi error, need key and value"
get "/metadata?key=name&value=x"
is "metadata with another key" "$status $(body)" \
	"503 /metadata webapi error, unsupported key"
like "the line of metadata says what was asked" "$(tail -n 1 "$tmp/ours.log")" \
	'GET /metadata\?key=name&value=x 503 39 '

# ---- Metrics ---------------------------------------------------------------------

metrics=$(curl -s -m 20 "$url/metrics")
is "exactly one line of the metrics has ready in it" \
	"$(grep -c ready <<<"$metrics")" 1
unlike "metrics have neither types nor help" "$metrics" '^#'
unlike "no word of a client is in a label" "$metrics" 'xx|nope|BREW'
while read -r line; do
	like "metrics have $line" "$metrics" "^$(sed 's/[].[*{}()+?|]/\\&/g' <<<"$line")\$"
done <<'END'
ready 1
thread_busy{role="http-metrics"} 1
thread_busy{role="http-buildid"} 0
thread_busy{role="groom"} 0
thread_busy{role="traverse"} 0
scanned_files_total{source=".rpm archive"} 1
found_executable_total{source="files"} 1
found_debuginfo_total{source="files"} 1
groom{statistic="buildids"} 2
http_responses_total{result="archive fdcache"} 2
http_responses_total{result=".rpm archive"} 1
END
for line in 'http_requests_total{type="executable"}' \
	'http_responses_total{result="error"}' \
	'http_responses_total{result="file"}' \
	'http_responses_transfer_bytes_sum{code="503",type="invalid"}' \
	'http_responses_duration_milliseconds_sum{code="200",type="source"}' \
	'http_responses_after_you_milliseconds_count{code="404",type="executable"}' \
	'scanned_bytes_total{source="file"}' 'filesys_free_ratio{purpose="tmpdir"}' \
	'fdcache_bytes' 'traversed_total{type="directory"}'; do
	isnt "metrics count $line" "$(waited_for "$line")" 0
done
get '/metrics?format=symbolized'
like "our own metrics can be asked for" "$(body)" '^symbolized_scans_total 1$'
kill -USR1 "$pid"
wait_for_scan 2
pass "USR1 is one more traversal"
wait_for 'thread_work_total{role="groom"}' 1
rm "$tree/sample.rpm"
kill -USR2 "$pid"
wait_for 'thread_work_total{role="groom"}' 2
pass "USR2 is one more groom"
wait_for 'groomed_total{decision="stale"}' 1
wait_for 'groom{statistic="buildids"}' 1
pass "what grooms find gone is counted"
stop_server ours

# ---- Options ---------------------------------------------------------------------

echo '<p>hello' >"$tmp/home.html"
start_ours -v -v --home-html="$tmp/home.html" --home-redirect=https://example.org/ \
	--forwarded-ttl-limit=0 --cors -F "$tree"
wait_for_scan 1
get /
is "the home page is a file" "$status $(body)" "302 <p>hello"
is "the home page is elsewhere" "$(header Location)" https://example.org/
get "/buildid/aaaa/debuginfo"
is "a miss where nobody else is asked" "$status $(body)" \
	"404 not found, --forwared-ttl-limit reached and will not query the upstream servers"
get "/buildid/$id/debuginfo"
is "with --cors pages of others may read" "$(header Access-Control-Allow-Origin)" '*'
like "with -vv what is served is said" "$(cat "$tmp/ours.log")" \
	"serving file $tree/program section=\$"
get / -X OPTIONS
is "with --cors OPTIONS is answered" "$status $(body)" "200  "
stop_server ours
start_ours --home-html="$tmp/nonexistent.html" -F "$tree"
get /
like "without the file it is the version" "$(body)" '^debuginfod \(elfutils\) 0\.[0-9]+$'
stop_server ours
finish
