#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# /metrics of `symbolized debuginfod` beside the peer's, after the same scans,
# grooms and requests on the same tree: the same names and labels but for those
# that are listed with a reason, and the same values where these do not depend on
# time or on how the work is done.
#
# The peer listens on all addresses. Where it can be done the script goes into a
# network namespace of its own.
if [ -z "${PEER_NAMESPACE-}" ] && unshare -rn ip link set lo up 2>/dev/null; then
	# shellcheck disable=SC2016
	PEER_NAMESPACE=yes exec unshare -rn sh -c 'ip link set lo up && exec "$@"' \
		sh "${BASH:-bash}" "$0" "$@"
fi
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need debuginfod bsdtar "$CC" curl readelf

# "ERE | reason" of series that only one of the two has: "< " the peer, "> " ours.
known_series='
^< sqlite3_milliseconds_ | statements of another database
^< dc_pool_op_count | other clients ask upstream servers
^< fdcache_op_count\{op="(probe_|prefetch_e|requeue|evict_cycle|emerg) | see the manual: nothing is unpacked ahead
^< fdcache_(prefetch_)?saved_milliseconds | what a hit saved is not known
^< groom\{statistic="(filenames|fileparts)"\} | names are not in tables of their own
^< error_count\{ | texts of its own libraries
^> error_count\{ | kinds instead of texts
^[<>] fdcache_op_count\{op="(lookup_hit|lookup_miss|evict|redundant_intern|prefetch_access|enqueue)"\} | the peer looks before it unpacks in other places, and unpacks more than is asked for
^> (http_requests_total|http_responses_.*)\{.*type="metadata"\} | since 0.192
^> thread_busy\{role="http-metadata"\} | since 0.192
'
# "ERE | reason" of values that differ
known_values='
^(filesys_free_ratio|fdcache_) | the machine, and what is kept
^thread_tid | numbers of the system
_milliseconds_sum | times
^http_responses_transfer_bytes_.*type="(metrics|metadata)" | answers differ
^http_responses_(transfer_bytes|.*milliseconds)_.*code="503",type="" | the peer may not know /metadata
^http_requests_total\{type="metadata"\} | the peer may not know /metadata
^http_responses_total\{result="(.* archive|archive fdcache|error)"\} | the peer unpacks more than is asked for, and may not know /metadata
^groomed_total\{decision="fresh"\} | files that hold nothing are not looked at again
^groom\{statistic="files scanned | there an archive is two files
^groom\{statistic="file s"\} | there a name counts only where its file is
^groom\{statistic="archive sdef"\} | directories, not files
^groom\{statistic="index db size | another database
^traversed_total\{type="other"\} | there a directory is one more when it is left
^scanned_(files|bytes)_total\{source="\.deb archive"\} | there what bsdtar cannot read has been read
'

# known LIST WHAT: the reason
known() {
	local entry
	while IFS= read -r entry; do
		if [ "$entry" ] && [[ $2 =~ ${entry% | *} ]]; then
			echo "${entry##* | }"
			return
		fi
	done <<<"$1"
	return 1
}

tree=$tmp/tree
mkdir -p "$tree"/{bin,sub}
must write_program "$tree/src"
must build_program "$tree/src" "$tree/bin/prog" -gdwarf-5
must cp "$tree/bin/prog" "$tree/bin/copy"
must make_samples "$tmp/samples" 4
cp "$tmp/samples"/sample-[12] "$tree/sub"
must "$mkpkg" deb --compress xz "$tree/a.deb" "./usr/bin/x=$tmp/samples/sample-3" \
	"./usr/share/doc=/etc/passwd"
must "$mkpkg" rpm --compress gzip "$tree/a.rpm" "/usr/bin/y=$tmp/samples/sample-4" \
	"/usr/src/y.c=$tree/src/main.c"
echo text >"$tree/text"
echo include >"$tree/a.h"
echo bad >"$tree/bad.deb"
printf '\177ELFgarbage' >"$tree/bad.elf"
echo skipped >"$tree/skipped.xx"
ln -s text "$tree/link"
mkfifo "$tree/fifo"

ask() {
	curl -s -m 20 -o /dev/null "${@:2}" "$url$1"
}
figure() {
	sed -n "s/^$1 //p" "$tmp/figures"
}
# at_rest TRAVERSALS GROOMS
at_rest() {
	curl -s -m 20 "$url/metrics" >"$tmp/figures"
	[ "$(figure 'thread_work_total{role="traverse"}')" = "$1" ] &&
		[ "$(figure 'thread_work_total{role="groom"}')" = "$2" ] &&
		[ "$(figure 'thread_work_pending{role="scan"}')" = 0 ] &&
		[ "$(figure 'thread_busy{role="scan"}')" = 0 ] &&
		[ "$(figure 'thread_busy{role="groom"}')" = 0 ] &&
		[ "$(figure 'thread_busy{role="traverse"}')" = 0 ]
}

# observe WHO PROGRAM...: its metrics in WHO.metrics
observe() {
	local who=$1 asked
	shift
	start_debuginfod "$who" "$@" -p @PORT@ -F -R -U -X 'xx$' -c 2 -t 0 -g 0 \
		-d "$tmp/$who.sqlite" --fdcache-mintmp=0 "$tree"
	ok "$who has traversed and groomed" wait_until at_rest 1 1
	local id three four
	id=$(build_id "$tree/bin/prog")
	three=$(sample_id 3)
	four=$(sample_id 4)
	ask /
	ask /metrics
	for asked in debuginfo executable section/.text section/.none \
		"source$tree/src/main.c" source/nope; do
		ask "/buildid/$id/$asked"
	done
	for asked in "$three" "$four" "$three"; do
		ask "/buildid/$asked/executable"
		ask "/buildid/$asked/debuginfo"
		ask "/buildid/$asked/section/.debug_line"
	done
	ask /buildid/XX/executable
	ask "/buildid/$id/bogus"
	ask /nope
	ask /buildid/00112233/debuginfo
	ask "/metadata?key=glob&value=/x"
	ask / -X OPTIONS
	ask /buildid/x -X POST
	ask "/buildid/$id/executable" -H 'X-DEBUGINFOD-MAXSIZE: 1'
	rm "$tree/sub/sample-1"
	kill -USR2 "$pid"
	ok "$who has groomed again" wait_until at_rest 1 2
	kill -USR1 "$pid"
	ok "$who has traversed again" wait_until at_rest 2 2
	# How often it was asked meanwhile is not the same.
	curl -s -m 20 "$url/metrics" | grep -v 'type="metrics"' |
		sort >"$tmp/$who.metrics"
	cp "$tmp/samples/sample-1" "$tree/sub"
	stop_server "$who"
}
observe peer debuginfod
observe ours "$SYMBOLIZED" debuginfod

series() {
	sed 's/ [^ ]*$//' "$tmp/$1.metrics"
}
: >"$tmp/unknown"
: >"$tmp/listed"
while IFS= read -r line; do
	known "$known_series" "$line" >>"$tmp/listed" || echo "$line" >>"$tmp/unknown"
done < <(diff <(series peer) <(series ours) | grep '^[<>]')
is "names and labels are the peer's but for what is known" \
	"$(cat "$tmp/unknown")" ""
at_least "there are series that both have" \
	"$(comm -12 <(series peer) <(series ours) | wc -l)" 80
diag "$(sort "$tmp/listed" | uniq -c)"

: >"$tmp/unknown"
count=0
while IFS= read -r name; do
	here=$(grep -F -- "$name " "$tmp/ours.metrics")
	there=$(grep -F -- "$name " "$tmp/peer.metrics")
	count=$((count + 1))
	[ "$here" = "$there" ] || known "$known_values" "$name" >/dev/null ||
		echo "ours ${here##* }, the peer ${there##* }: $name" >>"$tmp/unknown"
done < <(comm -12 <(series peer) <(series ours))
is "values are the peer's but for what is known" "$(cat "$tmp/unknown")" ""
diag "$count values compared"
for name in 'thread_work_total{role="scan"}' 'thread_count{role="groom"}' \
	'thread_count{role="traverse"}' 'thread_work_pending{role="groom"}' \
	'groomed_total{action="cleaned"}' 'groomed_total{decision="stale"}' \
	'scanned_files_total{source="file"}' 'http_responses_total{result="file"}' \
	'found_sourcerefs_total{source="files"}' 'traversed_total{type="file"}' \
	'traversed_total{type="symlink"}' 'traversed_total{type="directory"}' \
	'traversed_total{type="file-skipped-X"}'; do
	is "as the peer: $name" "$(grep -F "$name " "$tmp/ours.metrics")" \
		"$(grep -F "$name " "$tmp/peer.metrics")"
done

# Without a scan mode there is a groom thread, and nothing scans.
start_debuginfod idle "$SYMBOLIZED" debuginfod -p @PORT@ -d :memory:
groomed_once() {
	curl -s -m 20 "$url/metrics" >"$tmp/idle.metrics"
	grep -q '^thread_work_total{role="groom"} 1' "$tmp/idle.metrics"
}
ok "without a scan mode it grooms" wait_until groomed_once
unlike "and tells of no thread that scans" "$(cat "$tmp/idle.metrics")" \
	'role="(scan|traverse)"'
finish
