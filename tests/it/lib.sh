# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For the tests of the whole program: TAP, servers, requests, figures, files to
# scan. Sourced by each script right after its header comment. A script needs
# no plan: it is printed at the end, and a script that stops halfway fails.
#
# $tmp is a directory of the script's own, removed at its end together with
# every process it started. Nothing here waits for a time to pass: wait_until
# asks again and again, and gives up after long_s seconds.

set -u
export LC_ALL=C
unset DEBUGINFOD_URLS DEBUGINFOD_PROGRESS DEBUGINFOD_VERBOSE CDPATH
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
for name in ${!SYMBOLIZED_*}; do
	unset "$name"
done

: "${top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${SYMBOLIZED:=$top_builddir/symbolized}"
mkpkg=$top_builddir/tests/lib/mkpkg
numbered=$top_builddir/tests/lib/numbered
CC=${CC:-gcc}
long_s=${IT_LONG_SECONDS:-60}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/symbolized-it.XXXXXX") || exit 99
tmp=$(cd "$tmp" && pwd -P)
export HOME=$tmp/home XDG_CACHE_HOME=$tmp/xdg-cache XDG_STATE_HOME=$tmp/xdg-state
mkdir "$HOME"

# ---- TAP ---------------------------------------------------------------------

tests=0
failures=0
is_done=no

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# pass NAME, fail NAME [WHY]
pass() {
	tests=$((tests + 1))
	printf 'ok %d - %s\n' "$tests" "$1"
}

fail() {
	tests=$((tests + 1))
	failures=$((failures + 1))
	printf 'not ok %d - %s\n' "$tests" "$1"
	[ $# -lt 2 ] || diag "$2"
	return 1
}

# ok NAME COMMAND...: the command succeeds
ok() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "$* said: ${said:0:2000}"
	fi
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got    ${2:0:2000}"$'\n'"wanted ${3:0:2000}"
	fi
}

# isnt NAME GOT UNWANTED
isnt() {
	if [ "$2" != "$3" ]; then
		pass "$1"
	else
		fail "$1" "got ${2:0:2000}"
	fi
}

# like NAME TEXT ERE: some line of it matches; unlike: none does
like() {
	if grep -Eq -- "$3" <<<"$2"; then
		pass "$1"
	else
		fail "$1" "no match for $3 in"$'\n'"${2:0:2000}"
	fi
}

unlike() {
	if grep -Eq -- "$3" <<<"$2"; then
		fail "$1" "a match for $3 in"$'\n'"${2:0:2000}"
	else
		pass "$1"
	fi
}

# at_least NAME GOT WANTED, at_most NAME GOT WANTED: whole numbers
at_least() {
	if [ "$2" -ge "$3" ] 2>/dev/null; then
		pass "$1"
	else
		fail "$1" "got $2, wanted at least $3"
	fi
}

at_most() {
	if [ "$2" -le "$3" ] 2>/dev/null; then
		pass "$1"
	else
		fail "$1" "got $2, wanted at most $3"
	fi
}

# same NAME FILE FILE: byte for byte
same() {
	if cmp -s "$2" "$3"; then
		pass "$1"
	else
		fail "$1" "$(cmp "$2" "$3" 2>&1; ls -l "$2" "$3" 2>&1)"
	fi
}

skip() {
	tests=$((tests + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tests" "$1" "$2"
}

skip_all() {
	printf '1..0 # SKIP %s\n' "$1"
	is_done=yes
	exit 0
}

# The set-up of the script went wrong: no test of the program.
die() {
	diag "cannot go on: $*"
	printf 'Bail out! %s\n' "$1"
	is_done=yes
	exit 99
}

must() {
	local said
	said=$("$@" 2>&1) || die "$*" "$said"
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# need PROGRAM...: the whole script is skipped without them
need() {
	local program
	for program; do
		have "$program" || skip_all "no $program"
	done
}

# curl before 7.84 does not print a header of an answer
need_curl_headers() {
	[ -z "$(curl -s -o /dev/null -w '%header{none}' file:///dev/null)" ] ||
		skip_all "curl without %header"
}

# The last line of every script.
finish() {
	local name
	for name in "${!server_pid[@]}"; do
		stop_server "$name"
	done
	is "no process of the program was complained of by a sanitizer" \
		"$(sanitizer_complaints)" ""
	printf '1..%d\n' "$tests"
	is_done=yes
	[ "$failures" -eq 0 ]
	exit
}

is_sanitized() {
	grep -q fsanitize "$top_builddir/config.status" 2>/dev/null
}

sanitizer_complaints() {
	grep -hE 'ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSan|runtime error:|SUMMARY: ' \
		"$tmp"/*.log 2>/dev/null | head -n 20
}

cleanup() {
	local status=$? name
	for name in "${!server_pid[@]}"; do
		signal_tree CONT "${server_pid[$name]}"
		kill -KILL "${server_pid[$name]}" 2>/dev/null
	done
	if [ "$is_done" = no ]; then
		diag "the script ended with status $status before it was done"
		[ "$status" -ne 0 ] || status=99
	fi
	for name in ${mounted[@]+"${mounted[@]}"}; do
		umount -l "$name" 2>/dev/null
	done
	chmod -R u+rwX "$tmp" 2>/dev/null
	if [ "${IT_KEEP:-}" ]; then
		diag "kept $tmp"
	else
		rm -rf "$tmp"
	fi
	exit "$status"
}
declare -A server_pid=() server_url=()
mounted=()
trap cleanup EXIT
trap 'exit 129' HUP INT TERM

# ---- Waiting -----------------------------------------------------------------

# wait_until COMMAND...: until it succeeds. Fails after long_s seconds.
wait_until() {
	local end=$((SECONDS + long_s))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.03
	done
}

# ---- Processes ---------------------------------------------------------------

# children PID
children() {
	local stat pid rest
	for stat in /proc/[0-9]*/stat; do
		read -r rest 2>/dev/null <"$stat" || continue
		pid=${rest%% *}
		rest=${rest##*) }
		rest=${rest#* }
		[ "${rest%% *}" != "$1" ] || echo "$pid"
	done
}

# signal SIGNAL PIDS: several in one word, or none
signal() {
	# shellcheck disable=SC2086
	[ -z "$2" ] || kill "-$1" $2 2>/dev/null
}

signal_tree() {
	local child
	for child in $(children "$2"); do
		kill "-$1" "$child" 2>/dev/null
	done
	kill "-$1" "$2" 2>/dev/null
}

is_running() {
	local state
	state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
	[ -n "$state" ] && [ "$state" != Z ]
}

is_gone() {
	! is_running "$1"
}

# traced STRACE OPTIONS AND COMMAND: leaks cannot be looked for beneath it
traced() {
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq "$@"
}

# ---- Servers -----------------------------------------------------------------

# A second server of one name would leave nobody to end the first.
forbid_twice() {
	[ -z "${server_pid[$1]-}" ] || is_gone "${server_pid[$1]}" ||
		die "a server called $1 is running already"
}

# start_server NAME [OPTIONS] PATH...: state, cache and log are $tmp/NAME.state,
# .cache and .log, kept when a server of that name is started again. Leaves its
# address in $url and its process in $pid, of this server, the newest.
start_server() {
	local name=$1
	shift
	forbid_twice "$name"
	: >>"$tmp/$name.log"
	local begun
	begun=$(wc -l <"$tmp/$name.log")
	"$SYMBOLIZED" serve --listen 127.0.0.1:0 --state-dir "$tmp/$name.state" \
		--cache-dir "$tmp/$name.cache" --rescan 0 "$@" \
		2>>"$tmp/$name.log" >"$tmp/$name.out" </dev/null &
	pid=$!
	server_pid[$name]=$pid
	is_listening() {
		port=$(tail -n "+$((begun + 1))" "$tmp/$name.log" |
			sed -n 's/.*listening.*[ "]port["=:]*\([0-9]*\).*/\1/p' | tail -n 1)
		[ "$port" ] || is_gone "$pid"
	}
	if ! wait_until is_listening || [ -z "$port" ]; then
		diag "$name did not start: $(tail -n 20 "$tmp/$name.log")"
		return 1
	fi
	url=http://127.0.0.1:$port
	server_url[$name]=$url
}

# use_server NAME: requests go there from now on
use_server() {
	url=${server_url[$1]}
	pid=${server_pid[$1]}
}

# wait_end PID: until it ends; its exit status is in $exit_status, "hung" if it
# did not end in time
wait_end() {
	if wait_until is_gone "$1"; then
		wait "$1" 2>/dev/null
		exit_status=$?
	else
		exit_status=hung
	fi
}

# find_port: one that nobody has, below those that the kernel gives away
find_port() {
	local found
	while :; do
		found=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		grep -qsi "^ *[0-9]*: [0-9a-f]*:$(printf %04x "$found") " \
			/proc/net/tcp /proc/net/tcp6 || break
	done
	echo "$found"
}

# start_debuginfod NAME PROGRAM...: elfutils' or ours, which cannot be asked for
# any free port: @PORT@ in the arguments becomes one. It is asked at $host. Leaves
# what start_server leaves; its home and temporary files are in NAME.tmp.
host=127.0.0.1
start_debuginfod() {
	local name=$1 turn
	shift
	forbid_twice "$name"
	mkdir -p "$tmp/$name.tmp"
	for turn in {1..10}; do
		port=$(find_port)
		TMPDIR=$tmp/$name.tmp HOME=$tmp/$name.tmp "${@/@PORT@/$port}" \
			2>>"$tmp/$name.log" >"$tmp/$name.out" </dev/null &
		pid=$!
		server_pid[$name]=$pid
		url=http://$host:$port
		server_url[$name]=$url
		answers_or_ended() {
			curl -s -m 20 -o /dev/null "$url/metrics" || is_gone "$pid"
		}
		wait_until answers_or_ended
		is_running "$pid" && return 0
		wait "$pid"
	done
	die "$name does not start: $(tail -n 5 "$tmp/$name.log")"
}

# stop_server NAME [SIGNAL]
stop_server() {
	local which=${server_pid[$1]}
	kill "-${2:-TERM}" "$which" 2>/dev/null
	wait_end "$which"
	if [ "$exit_status" = hung ]; then
		signal_tree KILL "$which"
		wait "$which" 2>/dev/null
	fi
	unset "server_pid[$1]"
}

is_ready() {
	[ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$url/readyz")" = 200 ]
}

has_scanned() {
	is_ready &&
		[ "$(metric symbolized_scan_active)" = 0 ] &&
		[ "$(metric symbolized_scans_total)" -ge "$1" ]
}

# wait_ready [SCANS]: until so many scans (1) have ended, none runs, and the
# server is ready
wait_ready() {
	wait_until has_scanned "${1:-1}" || {
		diag "no end of the scan: $(curl -s -m 20 "$url/readyz")"
		return 1
	}
}

# rescan NAME: have it scan again, and wait for the end
rescan() {
	local before
	before=$(metric symbolized_scans_total)
	kill -USR1 "${server_pid[$1]}"
	wait_ready "$((before + 1))"
}

# serve_ready NAME [OPTIONS] PATH...: start a server, or no test makes sense
serve_ready() {
	start_server "$@" || die "$1 does not start"
	wait_ready || die "$1 does not end its scan"
}

# scan NAME [OPTIONS] PATH...: one run of `scan`; its exit status is the result
scan() {
	local name=$1
	shift
	"$SYMBOLIZED" scan --state-dir "$tmp/$name.state" \
		--cache-dir "$tmp/$name.cache" "$@" </dev/null 2>>"$tmp/$name.log"
}

# last_scan FIELD NAME: a figure of the last "scan finished" line of a log
last_scan() {
	grep 'scan.*finished' "$tmp/$2.log" | tail -n 1 |
		sed -n "s/.*[ ]$1=\([^ ]*\).*/\1/p"
}

# check NAME [OPTIONS]
check() {
	local name=$1
	shift
	"$SYMBOLIZED" check --state-dir "$tmp/$name.state" "$@" 2>&1
}

# find_id NAME ID
find_id() {
	"$SYMBOLIZED" find --state-dir "$tmp/$1.state" "$2" 2>&1
}

# ---- Figures -----------------------------------------------------------------

# metric NAME[{LABELS}]: one value of /metrics. 0 if the metric is there and
# nothing was counted under these labels, "none" if there is no such metric.
metric() {
	curl -s -m 20 "$url/metrics" | awk -v want="$1" '
		BEGIN { value = "none"; family = want; sub(/[{].*/, "", family) }
		$1 == "#" && $2 == "TYPE" && $3 == family && value == "none" { value = 0 }
		$1 == want { value = $2 }
		END { print value }'
}

# metric_sum NAME: over all its labels
metric_sum() {
	curl -s -m 20 "$url/metrics" | awk -v want="$1" '
		/^#/ { next }
		{ name = $1; sub(/[{].*/, "", name) }
		name == want { sum += $2 }
		END { print sum + 0 }'
}

extractions() {
	metric_sum symbolized_extract_duration_seconds_count
}

served_from() {
	metric "symbolized_artifacts_served_total{origin=\"$1\"}"
}

# ---- Requests ----------------------------------------------------------------

# get PATH [CURL OPTIONS]: leaves $status, the body in $tmp/body, the header in
# $tmp/header. The path goes out as it is spelt.
get() {
	local path=$1
	shift
	: >"$tmp/header"
	: >"$tmp/body"
	status=$(curl -s -m 60 --path-as-is -D "$tmp/header" -o "$tmp/body" \
		-w '%{http_code}' "$@" "$url$path")
}

# head PATH [CURL OPTIONS]
head_of() {
	local path=$1
	shift
	get "$path" -I "$@"
}

# header NAME: its value in the last answer
header() {
	tr -d '\r' <"$tmp/header" | awk -v want="$1" '
		{ at = index($0, ":") }
		at && tolower(substr($0, 1, at - 1)) == tolower(want) {
			value = substr($0, at + 1)
			sub(/^[ \t]*/, "", value)
			print value
		}'
}

body() {
	cat "$tmp/body"
}

# hold_extraction NAME ID [COUNT]: ask server NAME for an executable until the
# extraction stands still, as the COUNTth that runs. The answer goes to
# $tmp/held.ID, its status to $tmp/held.ID.status; leaves the client's process
# in $client and the processes that stand still in $stopped.
hold_extraction() {
	local want=${3:-1} turn
	for turn in {1..20}; do
		curl -s -m "$((4 * long_s))" -o "$tmp/held.$2" -w '%{http_code}' \
			"$url/buildid/$2/executable" >"$tmp/held.$2.status" &
		client=$!
		while is_running "$client"; do
			stopped=$(children "$pid")
			signal STOP "$stopped"
			[ "$(metric 'symbolized_worker_jobs{pool="answer",stage="running"}')" = "$want" ] &&
				[ "$(children "$pid")" = "$stopped" ] && return 0
			signal CONT "$stopped"
		done
		diag "extracted before it could be held, turn $turn"
		find "$tmp/$1.cache" -type f -size +4k -delete
	done
	return 1
}

# ---- Files to scan -----------------------------------------------------------

build_id() {
	readelf -nW "$1" 2>/dev/null | sed -n 's/.*Build ID: \([0-9a-f]*\).*/\1/p' | head -n 1
}

# The address of a function, 0x…, from a file with symbols
address_of() {
	nm "$1" | awk -v name="$2" '$3 == name { print "0x" $1 }'
}

# write_program DIR: two sources and a header with an inline function
write_program() {
	mkdir -p "$1/lib" || return 1
	cat >"$1/lib/scale.h" <<'END'
/* Doubles, inline. */
static inline __attribute__((always_inline)) int scale(int value)
{
	int twice = value * 2;
	return twice + (value & 1);
}
int helper(int value);
END
	cat >"$1/lib/helper.c" <<'END'
#include "scale.h"

__attribute__((noinline)) int helper(int value)
{
	int sum = 0;
	for (int i = 0; i < value; i++)
		sum += scale(i); /* helper adds scaled numbers */
	return sum;
}
END
	cat >"$1/main.c" <<'END'
#include <stdio.h>
#include "lib/scale.h"

int main(int argc, char **argv)
{
	int result = helper(argc + 40); /* main calls helper */
	printf("%s %d\n", argv[0], result);
	return result == 0;
}
END
}

# build_program DIR OUT [CC OPTIONS]: compiled in DIR, as a person would
build_program() {
	local dir=$1 out=$2
	shift 2
	(cd "$dir" && "$CC" -O1 -g -Wl,--build-id=sha1 "$@" -o "$out" main.c \
		./lib/../lib/helper.c)
}

# split_program FILE: FILE.debug gets the debugging information, FILE is stripped
split_program() {
	objcopy --only-keep-debug "$1" "$1.debug" && strip -g -s "$1"
}

# make_samples DIR COUNT [NAME]: COUNT small ELF files NAME-1… with debugging
# information, alike but for the build ID, whose last 4 bytes are the number
make_samples() {
	local dir=$1 count=$2 name=${3:-sample} at
	mkdir -p "$dir" || return 1
	if [ ! -e "$tmp/sample.so" ]; then
		write_program "$tmp/sample.src" || return 1
		"$CC" -g -O1 -shared -fPIC -nostdlib -o "$tmp/sample.so" \
			-Wl,--build-id=0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a00000000 \
			"$tmp/sample.src/lib/helper.c" || return 1
	fi
	at=$(LC_ALL=C grep -abo ZZZZZZZZZZZZZZZZ "$tmp/sample.so" | head -n 1)
	at=${at%%:*}
	"$numbered" "$tmp/sample.so" $((at + 16)) "$sample_base" "$count" "$dir/$name-"
}
sample_base=0

# sample_id NUMBER: the build ID make_samples gave
sample_id() {
	printf '5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a%04x%04x' "$sample_base" "$1"
}

# big_file FILE MIB: bytes that compress little, the same each time
big_file() {
	openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null |
		base64 -w 0 | head -c "$2M" >"$1"
	[ "$(stat -c %s "$1")" -eq $(($2 << 20)) ]
}

# slow_deb OUT FILE...: the files as /slow/NAME, behind so many zeros in bzip2,
# the slowest to read, that getting at them takes a second or two. Large enough
# to be scanned alone.
slow_deb() {
	local out=$1 file members=()
	shift
	for file; do
		members+=("./slow/${file##*/}=$file")
	done
	big_file "$tmp/slow-filler" 7 &&
		"$mkpkg" deb --compress bzip2 "$out" "./slow/filler=$tmp/slow-filler" \
			./slow/zeros=%400000000 "${members[@]}"
}
