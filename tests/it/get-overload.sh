#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# More extractions are asked for than may wait: the surplus is told so at once,
# everything else goes on meanwhile, and what waited is answered in the end.
#
# Requirements: R-19, R-22.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl openssl
need_curl_headers

# One runs, EXTRACT_QUEUE of src/store/store.c wait, the rest is surplus.
queue=1000
count=1200
# An address may have 500 connections, a curl 300 transfers.
clients=5
# What is answered without a worker is answered in so many seconds each, on the
# busiest of machines.
prompt_s=5
# Each that waits has sockets, a container and a file to write.
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 8192 ] ||
	skip_all "no more than $(ulimit -Hn) descriptors"
ulimit -Sn 4096
curl --interface 127.0.0.2 -s -o "$tmp/none" http://127.0.0.1:9/
[ $? -eq 7 ] || skip_all "no loopback addresses beside 127.0.0.1"

mkdir "$tmp/tree"
must make_samples "$tmp/plain" 1 plain
cp "$tmp/plain/plain-1" "$tmp/tree/plain"
plain_id=$(sample_id 1)
sample_base=1
must make_samples "$tmp/slow" 2 slow
must slow_deb "$tmp/tree/slow.deb" "$tmp/slow/slow-1"
slow_id=$(sample_id 1)
sample_base=2
must make_samples "$tmp/packed" $((count + 1))
members=()
for ((i = 1; i <= count + 1; i++)); do
	members+=("./usr/bin/$i=$tmp/packed/sample-$i")
done
must "$mkpkg" deb --compress xz --block-size 200000 "$tmp/tree/many.deb" \
	"${members[@]}"
cached_id=$(sample_id $((count + 1)))

serve_ready main --workers 1 "$tmp/tree"
get "/buildid/$cached_id/executable"
same "one member is served" "$tmp/body" "$tmp/packed/sample-$((count + 1))"
in_cache() {
	get "/buildid/$cached_id/executable"
	[ "$(served_from cache)" -gt 0 ]
}
ok "it is in the cache" wait_until in_cache
find "$tmp/main.cache" -type f >"$tmp/cached-before"

# ask NUMBER: that client's share of the members, all at once, from an address
# of its own. A line an answer goes to $tmp/answers.NUMBER: status, Retry-After,
# bytes, place.
ask() {
	local i
	for ((i = $1; i <= count; i += clients)); do
		[ ! -e "$tmp/got/$i" ] || continue
		printf 'url = "%s/buildid/%s/executable"\noutput = "%s"\n' \
			"$url" "$(sample_id "$i")" "$tmp/body.$i"
	done >"$tmp/urls.$1"
	curl -s -m "$((2 * long_s))" --interface "127.0.0.$(($1 + 1))" \
		-Z --parallel-max 300 --parallel-immediate -K "$tmp/urls.$1" \
		-w '%{http_code} %header{retry-after} %{size_download} %{filename_effective}\n' \
		>"$tmp/answers.$1" 2>"$tmp/errors.$1"
}

waiting() {
	metric symbolized_http_suspended_requests
}

refused() {
	metric symbolized_http_refused_total
}

all_are_in() {
	[ "$(refused)" -ge $((count - queue)) ] &&
		[ "$(waiting)" -le $((queue + 1)) ]
}

held=no
hold_extraction main "$slow_id" && held=yes
is "the only worker stands still" "$held" yes
slow_client=$client
askers=()
for ((n = 1; n <= clients; n++)); do
	ask "$n" &
	askers+=($!)
done
ok "all have been asked for" wait_until all_are_in
is "as many wait as there is room for, the rest is refused" \
	"$(waiting) $(refused)" "$((queue + 1)) $((count - queue))"
is "which is counted by the limit's name" \
	"$(metric 'symbolized_limits_reached_total{limit="queued_jobs"}')" \
	$((count - queue))
is "the gauge of the queue shows it" \
	"$(metric 'symbolized_worker_jobs{pool="answer",stage="queued"}')" \
	"$queue"

# ---- While the queue is full ---------------------------------------------------

# prompt NAME STATUS PATH: 20 times, the slowest in time
prompt() {
	local i
	for ((i = 0; i < 20; i++)); do
		printf 'url = "%s%s"\noutput = "%s"\n' "$url" "$3" "$tmp/prompt"
	done >"$tmp/urls"
	curl -s -m "$long_s" -K "$tmp/urls" \
		-w '%{http_code} %{time_starttransfer}\n' >"$tmp/times"
	is "$1 are answered while the queue is full" \
		"$(cut -d' ' -f1 "$tmp/times" | sort | uniq -c | tr -s ' ')" \
		" 20 $2"
	at_most "$1 are answered promptly while the queue is full" \
		"$(sort -k2n "$tmp/times" | tail -n 1 | sed 's/.* //; s/\..*//')" \
		$((prompt_s - 1))
}

prompt "metrics" 200 /metrics
prompt "absent artifacts" 404 \
	/buildid/00112233445566778899aabbccddeeff00112233/debuginfo
prompt "files of the tree" 200 "/buildid/$plain_id/executable"
prompt "cached members" 200 "/buildid/$cached_id/executable"
same "a cached member is right while the queue is full" "$tmp/prompt" \
	"$tmp/packed/sample-$((count + 1))"
prompt "what is known of members" 200 "/buildid/$cached_id/meta"
is "nothing was extracted meanwhile" \
	"$(find "$tmp/main.cache" -type f | sort | comm -13 \
		<(sort "$tmp/cached-before") - | grep -cv /tmp/)" 0

# One that is not asked for yet: it would be the next.
sample_base=1
surplus=/buildid/$slow_id/section/.text
get "$surplus"
is "one more is refused" "$status" 503
like "one more is told when to come again" "$(header Retry-After)" '^[0-9]+$'
get "$surplus" -A elfutils/0.188
is "libdebuginfod is not told by a status" "$status" 000
curl -s -m 20 -A elfutils/0.188 -o "$tmp/none" "$url$surplus"
is "libdebuginfod's connection ends without an answer" $? 52
sample_base=2

# ---- Afterwards ----------------------------------------------------------------

signal CONT "$stopped"
wait "$slow_client"
is "the one that was held is answered" "$(cat "$tmp/held.$slow_id.status")" 200
same "the one that was held is right" "$tmp/held.$slow_id" "$tmp/slow/slow-1"
wait "${askers[@]}"
cat "$tmp"/answers.* >"$tmp/answers"
is "each is answered, one way or the other" \
	"$(cut -d' ' -f1 "$tmp/answers" | sort | uniq -c | tr -s ' ')" \
	" $queue 200"$'\n'" $((count - queue)) 503"
is "each that is refused is told when to come again" \
	"$(awk '$1 == 503 && $2 !~ /^[0-9]+$/' "$tmp/answers")" ""

# check_answers: the bodies that came with 200; those that are right need not be
# asked for again
check_answers() {
	local code path number
	while read -r code _ _ path; do
		number=${path##*body.}
		[ "$code" = 200 ] || continue
		if cmp -s "$path" "$tmp/packed/sample-$number"; then
			: >"$tmp/got/$number"
		else
			echo "$number"
		fi
	done < <(sed 's/^200  /200 - /' "$tmp/answers")
}

mkdir "$tmp/got"
is "those that waited got the right bytes" "$(check_answers)" ""
for ((n = 1; n <= clients; n++)); do
	ask "$n"
done
cat "$tmp"/answers.* >"$tmp/answers"
is "those refused are answered when they come again" \
	"$(cut -d' ' -f1 "$tmp/answers" | sort | uniq -c | tr -s ' ')" \
	" $((count - queue)) 200"
is "their bytes are right, too" "$(check_answers)" ""
get "$surplus"
is "the one more is answered now" "$status" 200
is "nothing waits any more" \
	"$(waiting) $(metric 'symbolized_worker_jobs{pool="answer",stage="queued"}')" \
	"0 0"
is "no worker died of it" "$(metric_sum symbolized_worker_deaths_total)" 0
finish
