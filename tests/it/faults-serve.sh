#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Journeys two and three when the machine fails: the Nth allocation, read, write,
# fsync, rename, mmap, descriptor, worker's answer fails while an artifact is
# served, fetched from another server, or an address symbolized. The server goes
# on, what it answers is true or says that it is none, the next attempt works, no
# descriptor is lost, and no file of the cache is wrong.
#
# Requirements: R-31, R-33, R-34.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_faults.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need "$CC" curl objcopy openssl
need_faults

count=120
must make_samples "$tmp/tree/elf" $count
sample_base=1
must make_samples "$tmp/packed" $count
members=()
for ((i = 1; i <= count; i++)); do
	members+=("./usr/bin/x$i=$tmp/packed/sample-$i")
done
must "$mkpkg" deb --compress xz --block-size 200000 "$tmp/tree/all.deb" "${members[@]}"
must objcopy -O binary --only-section=.text "$tmp/packed/sample-1" "$tmp/text"
{
	sha256sum <"$tmp/text"
	sha256sum "$tmp"/packed/sample-*
} >"$tmp/true.sums"
# What another server has; it comes in parts.
start_fake other
sample_base=2
must make_samples "$tmp/true.remote" $count
for ((i = 1; i <= count; i++)); do
	put other "$(sample_id "$i")" debuginfo "$tmp/true.remote/sample-$i"
done
rule other '*' slow=6000
sample_base=1
at=$(address_of "$tmp/packed/sample-1" helper)

# The tables as they are to be
serve_ready calm "$tmp/tree"
for ((i = 1; i <= count; i++)); do
	echo "$(sample_id "$i")+$at"
done >"$tmp/all"
curl -s -m 60 -o /dev/null -H 'Content-Type: text/plain' \
	--data-binary "@$tmp/all" "$url/symbolize/v1?kind=vaddr"
has_all_tables() {
	[ "$(find "$tmp/calm.cache/tables" -name '*.gsym' | wc -l)" = "$count" ]
}
ok "tables are made" wait_until has_all_tables
stop_server calm
mv "$tmp/calm.cache/tables" "$tmp/true.tables"

program=$SYMBOLIZED
printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "$preload" "$program" >"$tmp/preloaded"
chmod +x "$tmp/preloaded"

# serve_faulty: a server whose calls can be made to fail, and which has done
# everything once
serve_faulty() {
	SYMBOLIZED=$tmp/preloaded
	if [ "$current" = fetch ]; then
		serve_ready faulty --workers 1 --upstream "${fake_url[other]}" "$tmp/tree"
	else
		serve_ready faulty --workers 1 --table-memory 1024 "$tmp/tree"
	fi
	SYMBOLIZED=$program
	ask_for serve
	ask_for "$current"
	descriptors=$(count_descriptors)
}

count_descriptors() {
	local open=("/proc/$pid/fd"/*)
	echo "${#open[@]}"
}

# next_one: files that nobody has asked for, as long as there are some
next_one() {
	which=$((which % count + 1))
	[ "$which" != 1 ] || forget
}

forget() {
	cache_is_true faulty
	find "$tmp/faulty.cache" -type f ! -name secret -delete
}

# right STATUS EXIT FILE FILE: what is wrong with an answer that came whole; that
# it did not is said if $strict
right() {
	if [ "$1 $2" = "200 0" ]; then
		cmp -s "$3" "$4" || echo "served other bytes than $4"
	elif [ "$strict" = yes ] || [ "$1 $poisons" = "404 no" ]; then
		echo "$4: status $1, curl $2: $(head -c 200 "$3")"
	fi
}

# ask_for JOURNEY: says what is wrong with the answers
ask_for() {
	local id status code
	sample_base=1
	id=$(sample_id "$which")
	if [ "$1" = fetch ]; then
		sample_base=2
		: >"$tmp/a.1"
		status=$(curl -s -m 60 -o "$tmp/a.1" -w '%{http_code} %{exitcode}' \
			"$url/buildid/$(sample_id "$which")/debuginfo")
		# shellcheck disable=SC2086 # two words
		right $status "$tmp/a.1" "$tmp/true.remote/sample-$which"
	elif [ "$1" = serve ]; then
		sample_base=0
		curl -s -m 60 -w '%{http_code} %{exitcode}\n' \
			-o "$tmp/a.1" "$url/buildid/$id/executable" \
			-o "$tmp/a.2" "$url/buildid/$(sample_id "$which")/debuginfo" \
			-o "$tmp/a.3" "$url/buildid/$id/section/.text" >"$tmp/a.codes"
		{
			read -r status code
			right "${status:-0}" "${code:-1}" "$tmp/a.1" "$tmp/packed/sample-$which"
			read -r status code
			right "${status:-0}" "${code:-1}" "$tmp/a.2" "$tmp/tree/elf/sample-$which"
			read -r status code
			right "${status:-0}" "${code:-1}" "$tmp/a.3" "$tmp/text"
		} <"$tmp/a.codes"
	else
		: >"$tmp/a.1"
		status=$(curl -s -m 60 -o "$tmp/a.1" -w '%{http_code} %{exitcode}' \
			-H 'Content-Type: text/plain' --data-binary "$id+$at" \
			"$url/symbolize/v1?kind=vaddr")
		case "$strict $status $(cat "$tmp/a.1")" in
		*" 200 0 helper "*"lib/helper.c:"*) ;;
		*" 200 0 helper"* | *" 200 0 ?""?"*)
			# Without debugging information, or with nothing, and
			# said so: not the second time.
			[ "$strict" = no ] || echo "answered $(cat "$tmp/a.1")"
			;;
		"no 5"* | "no 200 "[1-9]* | "no 000 "*) ;;
		*) echo "status $status, answered $(head -c 300 "$tmp/a.1")" ;;
		esac
	fi
	is_running "$pid" || echo "the server is gone"
}
strict=yes
poisons=no

attempt() {
	# sweep has it run in a subshell.
	strict=no
	ask_for "$current"
	# What follows an answer belongs to it.
	sleep 0.02
}

has_descriptors() {
	[ "$(count_descriptors)" -le "$descriptors" ]
}

# What failed on the way from another server is not asked for again for a second
# or two (schema/http.md).
has_recovered() {
	again=$(ask_for "$current")
	[ "$current" != fetch ] || [[ $again != *"status 502"* ]]
}

# What a worker's limits or an answer without sense stand for is left alone for a
# minute (schema/http.md), and tried by another process.
aftermath() {
	if [ "$poisons" = yes ]; then
		stop_server faulty
		is "the server ends well" "$exit_status" 0 | grep '^not'
		serve_faulty
	fi
	wait_until has_recovered
	printf '%s' "$again"
	wait_until has_descriptors || echo "$(count_descriptors) descriptors, $descriptors before: $(ls -l "/proc/$pid/fd")"
}

# Each attempt is of another file, also where it ran in a subshell.
arm() {
	next_one
	"$faultctl" "$FAULT_CONTROL" arm "$@" || die "faultctl $*"
}

set_right() {
	is_running "$pid" && stop_server faulty
	rm -rf "$tmp/faulty.cache"
	serve_faulty
}

# sweeps_of_all: what each journey has
sweeps_of_all() {
	if ! is_sanitized; then
		sweep 8 server alloc ENOMEM
		sweep 8 server malloc ENOMEM
		poisons=yes
		sweep 2 worker alloc ENOMEM
		poisons=no
	fi
	sweep 3 server write ENOSPC "$tmp/faulty.cache"
	sweep 3 server write EIO "$tmp/faulty.cache"
	sweep 2 server write short "$tmp/faulty.cache"
	sweep 2 server write EINTR "$tmp/faulty.cache"
	sweep 3 server fsync EIO "$tmp/faulty.cache"
	sweep 3 server rename ENOSPC "$tmp/faulty.cache"
	sweep 3 server open EMFILE
	sweep 3 server open EINTR "$tmp"
	sweep 3 server stat EIO "$tmp"
	sweep 3 server receive end
	sweep 3 server receive short
	poisons=yes
	sweep 3 server receive noise
	poisons=no
	sweep 2 server receive EINTR
	sweep 2 server send EINTR
	sweep 2 server send ECONNRESET
	sweep 3 worker read EIO
	sweep 2 worker read short
	sweep 2 worker send short
	sweep 2 worker send die
	sweep 2 worker read die
}

# of_files: what is read, and what a worker writes
of_files() {
	sweep 3 server read EIO "$tmp"
	sweep 3 server read short "$tmp"
	sweep 3 server read EINTR "$tmp"
	sweep 3 worker write ENOSPC
	sweep 2 worker write short
}

# Nothing is mapped on this journey, nor on that of what is fetched.
of_serve() {
	of_files
}

of_symbolize() {
	of_files
	sweep 3 server mmap ENOMEM
	sweep 2 worker mmap ENOMEM
}

of_fetch() {
	sweep 2 server read EIO "$tmp"
	sweep 2 server read short "$tmp"
	sweep 2 server read EINTR "$tmp"
	sweep 3 server recv ECONNRESET
	sweep 3 server recv end
	sweep 3 server recv short
	sweep 3 server recv EINTR
	# No connection is there from before: on one a request goes again.
	rule other '*' header=Connection:close slow=6000
	sweep 2 server recv ECONNRESET
	sweep 2 server recv end
	sweep 1 server connect ECONNRESET
}

which=1
for current in serve symbolize fetch; do
	serve_faulty
	sweeps_of_all
	of_$current
	is "no file of the cache is wrong: $current" "$(cache_is_true faulty 10)" ""
	stop_server faulty
	is "the server ends well: $current" "$exit_status" 0
	rm -rf "$tmp/faulty.cache"
done
current=serve
serve_faulty

# hold_connection: one, in $held, that is answered on: where there are no
# descriptors no other one is accepted
hold_connection() {
	local line
	exec {held}<>"/dev/tcp/127.0.0.1/$port"
	printf 'HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&"$held"
	while read -r -t "$long_s" line <&"$held" && [ "$line" != $'\r' ]; do
		:
	done
}

# Workers that cannot be started are none that died.
for call in spawn open; do
	next_one
	hold_connection
	"$faultctl" "$FAULT_CONTROL" arm server $call 1+ EMFILE
	for child in $(children "$pid"); do
		kill -KILL "$child"
	done
	sample_base=1
	printf 'GET /buildid/%s/executable HTTP/1.1\r\nHost: x\r\n\r\n' \
		"$(sample_id "$which")" >&"$held"
	read -r -t "$long_s" _ status _ <&"$held"
	like "without descriptors to be had, $call, it is busy" "$status" '^503'
	disarm
	exec {held}>&-
	is "with descriptors again, $call, all is answered" "$(ask_for serve)" ""
done
stop_server faulty
is "the server ends well after all" "$exit_status" 0
state_is_sound faulty && sound=yes
is "the index is sound after all" "${sound:-no}" yes
diag "faults: $faults"
finish
