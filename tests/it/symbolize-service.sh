#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Addresses posted to a server: who waits for whom, what is kept and for how
# long, and how answers get better. What the answers say is symbolize-diff.sh's.
#
# Requirements: R-23.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" addr2line curl objcopy strip readelf nm openssl gzip
need_curl_headers

src=$tmp/src
must write_program "$src"
mkdir "$tmp/pool" "$tmp/more"
# make_tool NUMBER: a program of its own, whose functions are not to be found
# without debugging information, and that in a file of its own
make_tool() {
	build_program "$src" "$tmp/tool$1" -DN="$1" -Wl,--build-id=0x"$(printf '%08x%032d' "$1" 0 | tr 0 a)" || return 1
	id[$1]=$(build_id "$tmp/tool$1")
	at[$1]=$(address_of "$tmp/tool$1" helper)
	helper_line=$(addr2line -e "$tmp/tool$1" "${at[$1]}" |
		sed -n 's/.*helper\.c:\([0-9]*\).*/\1/p')
	split_program "$tmp/tool$1"
}
for i in 1 2 3 4 5 6; do
	make_tool "$i" || die "make_tool $i"
done
[ "$helper_line" ] || die "addr2line knows no line of helper"

# ask NUMBER [WAIT_MS]: for the first address of helper, as JSON
ask() {
	get /symbolize/v1 -H 'Content-Type: application/json' -d '{"modules":[{"build_id":"'"${id[$1]}"'","kind":"vaddr","addresses":["'"${at[$1]}"'"]}],"wait_ms":'"${2:-30000}"'}'
}

# module_says KEY: a value of the answer's first module
module_says() {
	sed -n 's/.*"modules":\[{[^]]*"'"$1"'":"\([^"]*\)".*/\1/p; s/^"modules":\[{[^]]*"'"$1"'":"\([^"]*\)".*/\1/p' "$tmp/body" | head -n 1
}

table_ops() {
	metric "symbolized_symbol_table_operations_total{op=\"$1\"}"
}

tables() {
	find "$tmp/$1.cache/tables" -name '*.gsym' 2>/dev/null
}

has_tables() {
	[ "$(tables "$1" | wc -l)" = "$2" ]
}

# ---- One table, however many ask -------------------------------------------------

must slow_deb "$tmp/pool/slow.deb" "$tmp/tool1" "$tmp/tool1.debug"
must "$mkpkg" deb "$tmp/pool/tool2.deb" "./usr/bin/tool2=$tmp/tool2"
must "$mkpkg" deb "$tmp/more/tool2-dbg.deb" "./usr/lib/debug/tool2.debug=$tmp/tool2.debug"
cp "$tmp"/tool3 "$tmp"/tool3.debug "$tmp/pool"
serve_ready main "$tmp/pool"

ask 1 0
is "what must be extracted first is pending" "$status $(module_says status)" "200 pending"
like "the whole answer is partial, and says when to come back" "$(body)" '"status":"partial","retry_after_ms":[0-9]'
like "its addresses say why they have no answer" "$(body)" '"0":"module_pending"'
clients=()
for i in {1..100}; do
	curl -s -m 60 -o "$tmp/many.$i" --data-binary "${id[1]}+${at[1]}" \
		-H 'Content-Type: text/plain' "$url/symbolize/v1" &
	clients+=($!)
done
wait "${clients[@]}"
is "a hundred clients are all answered the same" \
	"$(cat "$tmp"/many.* | sort -u | wc -l)" 1
like "with function, file and line" "$(cat "$tmp/many.1")" "^helper .*/?lib/helper\\.c:$helper_line\$"
is "at the cost of one build and one extraction of each file" \
	"$(table_ops build) $(extractions)" "1 2"
ask 1 0
is "then it is ready at once" "$(module_says status)" ok
is "which is said of its quality and origin" \
	"$(module_says quality) $(module_says origin)" "dwarf local"

# ---- Forms of request ------------------------------------------------------------

printf '%s+%s\n' "${id[3]}" "${at[3]}" >"$tmp/stacks.txt"
get /symbolize/v1 -T "$tmp/stacks.txt"
is "curl -T of a text file is enough" "$status $(sed 's/ .*//' "$tmp/body")" "200 helper"
gzip -k "$tmp/stacks.txt"
get /symbolize/v1 -H 'Content-Encoding: gzip' -H 'Content-Type: text/plain' \
	--data-binary @"$tmp/stacks.txt.gz"
is "a body can be compressed" "$status $(sed 's/ .*//' "$tmp/body")" "200 helper"
for i in {1..200}; do
	cat "$tmp/stacks.txt"
done >"$tmp/many.txt"
get /symbolize/v1 -T "$tmp/many.txt" --compressed
like "a large answer is compressed for who takes that" \
	"$(header Content-Encoding) $(wc -l <"$tmp/body")" '^(gzip|zstd) 200$'
get /symbolize/v1 -H 'Content-Encoding: br' -d x
is "an unknown coding is 415" "$status" 415
get /symbolize/v1 -H 'Content-Type: image/png' -d x
is "an unknown type is 415 and says what can be had" "$status $(header Accept | cut -d, -f1)" \
	"415 application/json"
get /symbolize/v1
is "GET is 405" "$status $(header Allow)" "405 POST, PUT"
get /symbolize/v1 -H 'Content-Type: application/json' -d '{"modules":[{"build_id":}]}'
is "malformed JSON is 400" "$status" 400
like "and says where" "$(body)" 'line 1'
get /symbolize/v1 -H 'Content-Type: application/json' \
	-d "$(head -c 2000 /dev/zero | tr '\0' '[')"
is "so is what is nested without end" "$status" 400
get /symbolize/v1 -H 'Content-Type: application/json' --data-binary @<(
	printf '{"modules":['
	for i in {1..1001}; do
		printf '{"build_id":"%040d","addresses":[]},' "$i"
	done
	printf '{"build_id":"aabb","addresses":[]}]}'
)
is "too many modules are 413" "$status" 413
like "and the message names the option" "$(body)" 'batch-modules'
get /symbolicate/v5 -X OPTIONS -H 'Origin: https://profiler.firefox.com' \
	-H 'Access-Control-Request-Method: POST'
is "a browser may ask /symbolicate/v5 whether it may" \
	"$status $(header Access-Control-Allow-Origin)" "204 *"
guid=$(sed -E 's/^(..)(..)(..)(..)(..)(..)(..)(..)(.{16}).*/\4\3\2\1\6\5\8\7\9/' <<<"${id[3]}" | tr a-f A-F)
get /symbolicate/v5 -d '{"jobs":[{"memoryMap":[["tool3","'"$guid"0'"]],"stacks":[[[0,'$((at[3]))']]]}]}'
is "and may read the answer" "$status $(header Access-Control-Allow-Origin)" "200 *"
like "and when to come back, should there be no answer yet" \
	"$(header Access-Control-Expose-Headers)" '(^|, )Retry-After(,|$)'
like "to what it asks" "$(body)" '"function":"helper"'
get /symbolize/v1 -d 'x' -X OPTIONS
is "without --cors no other route allows it" "$status" 405

# ---- The table itself ------------------------------------------------------------

get "/buildid/${id[3]}/gsym"
is "the table is served" "$status $(head -c 4 "$tmp/body")" "200 MYSG"
cp "$tmp/body" "$tmp/tool3.gsym"
etag=$(header ETag)
like "it may get better, so it is to be asked for again" "$(header Cache-Control)" '^no-cache$'
get "/buildid/${id[3]}/gsym" -H "If-None-Match: $etag"
is "with its ETag it is 304" "$status" 304
get "/buildid/${id[3]}/gsym" -r 0-3
is "a part of it is a part" "$status $(body)" "206 MYSG"
head_of "/buildid/${id[3]}/gsym"
is "HEAD says its size" "$(header Content-Length)" "$(stat -c %s "$tmp/tool3.gsym")"
get /buildid/00112233445566778899/gsym
is "of an unknown ID there is none" "$status" 404
gsymutil=
for version in '' -19 -16 -14; do
	! have "llvm-gsymutil$version" || gsymutil=${gsymutil:-llvm-gsymutil$version}
done
if [ "$gsymutil" ]; then
	like "LLVM reads it" "$("$gsymutil" --address="${at[3]}" "$tmp/tool3.gsym")" 'helper'
else
	skip "LLVM reads it" "no llvm-gsymutil"
fi

# ---- Better debugging information ------------------------------------------------

ask 2
is "of a stripped program there is little" "$(module_says status) $(module_says quality)" "ok dynsym"
unlike "its function has no name" "$(body)" '"function":"helper"'
cp "$tmp/more/tool2-dbg.deb" "$tmp/pool"
must rescan main
is_better() {
	ask 2
	[ "$(module_says quality)" = dwarf ]
}
ok "when its debugging information is scanned, answers get better" wait_until is_better
like "and have names and lines" "$(body)" '"function":"helper".*"line":[1-9]'
rm "$tmp/pool/tool2-dbg.deb"
must rescan main
ask 2
is "what was better stays when its package goes" "$(module_says quality)" dwarf

# ---- On disk ---------------------------------------------------------------------

ok "three tables lie on disk" wait_until has_tables main 3
stop_server main
is "a server that has answered ends well" "$exit_status" 0
serve_ready main "$tmp/pool"
ask 3
is "after a restart a table is taken from disk" \
	"$(module_says status) $(table_ops load) $(table_ops build)" "ok 1 0"
stop_server main
table=$(tables main | grep "${id[3]}")
printf 'XXXXXXXX' | dd of="$table" bs=1 seek=100 conv=notrunc status=none
truncate -s 100 "$(tables main | grep "${id[2]}")"
serve_ready main "$tmp/pool"
ask 3
like "a damaged table is built anew" "$(body)" '"function":"helper"'
ask 2 # of the executable alone now
is "one that was cut off too" "$status $(module_says status)" "200 ok"
is "and both are counted" "$(table_ops damaged) $(table_ops build)" "2 2"
ok "in their place are sound ones" wait_until has_tables main 3

truncate -s 0 "$(tables main | grep "${id[3]}")"
ask 3
like "what becomes of its file while a table is in use harms nobody" "$(body)" \
	'"function":"helper"'
rm "$(tables main | grep "${id[3]}")"

# Killed at some moment, several times over: never a wrong answer.
for i in 4 5 6; do
	cp "$tmp/tool$i" "$tmp/tool$i.debug" "$tmp/pool"
done
must rescan main
wrong=
for turn in {1..12}; do
	stop_server main
	rm -f "$(tables main | grep "${id[$((turn % 3 + 4))]}")"
	serve_ready main "$tmp/pool"
	ask $((turn % 3 + 4)) 0
	sleep "0.0$((turn * 3 % 10))"
	stop_server main KILL
	serve_ready main "$tmp/pool"
	ask $((turn % 3 + 4))
	grep -q '"function":"helper"' "$tmp/body" || wrong="$wrong $turn: $(body)"
	[ "$(table_ops damaged)" = 0 ] || wrong="$wrong $turn: damaged"
done
is "killed at any moment it leaves nothing that is wrong" "$wrong" ""
is "nor leftovers" "$(find "$tmp/main.cache/tables/tmp" -type f 2>/dev/null)" ""

# A worker that is killed in the middle costs a second try.
stop_server main
rm -f "$(tables main | grep "${id[1]}")"
find "$tmp/main.cache" -maxdepth 1 -type f -size +4k -delete
serve_ready main "$tmp/pool"
ask 1 0
kill_one() {
	local child
	child=$(children "$pid" | head -n 1)
	[ "$child" ] && kill -KILL "$child"
}
ok "a worker can be killed while it works for a table" wait_until kill_one
is_answered() {
	ask 1
	[ "$(module_says status)" = ok ]
}
ok "the table is there all the same" wait_until is_answered

# ---- Bounds ----------------------------------------------------------------------

stop_server main
one=$(stat -c %s "$(tables main | head -n 1)")
serve_ready main "$tmp/pool"
ask 1
loaded=$(metric 'symbolized_symbol_table_bytes{where="memory"}')
at_least "a table that is loaded takes more than its file" "$loaded" $((one + 1))
stop_server main
serve_ready main --table-cache-size $((one * 5 / 2)) --table-memory $((loaded * 3 / 2)) "$tmp/pool"
for turn in 1 2; do
	for i in 1 3 4 5 6; do
		ask "$i"
		[ "$(module_says status)" = ok ] || fail "tool$i is answered within bounds" "$(body)"
	done
done
bytes=$(tables main | xargs -r stat -c %s | awk '{ n += $1 } END { print n + 0 }')
at_most "tables on disk stay within --table-cache-size" "$bytes" $((one * 5 / 2))
at_most "loaded ones within --table-memory" \
	"$(metric 'symbolized_symbol_table_bytes{where="memory"}')" $((loaded * 3 / 2))
at_least "those not used for longest went" "$(table_ops evict)" 1
stop_server main
kept=$(tables main | wc -l)
rm "$(tables main | head -n 1)"
serve_ready main --table-cache-size 0 "$tmp/pool"
ask 3
ask 4
is "with no room at all there are answers" "$(module_says status)" ok
is "and nothing more on disk" "$(tables main | wc -l)" $((kept - 1))
if mkdir "$tmp/full" && mount -t tmpfs -o size=64k tmpfs "$tmp/full" 2>/dev/null; then
	mounted+=("$tmp/full")
	stop_server main
	serve_ready main --cache-dir "$tmp/full" "$tmp/pool"
	head -c 64K /dev/zero >"$tmp/full/filler" 2>/dev/null
	for i in 3 4 5; do
		ask "$i"
		is "tool$i is answered while the disk is full" "$(module_says status)" ok
	done
else
	skip "addresses are answered while the disk is full" "cannot mount"
fi

# ---- The end ---------------------------------------------------------------------

stop_server main
serve_ready main "$tmp/pool"
find "$tmp/main.cache" -maxdepth 1 -type f -size +4k -delete
rm -f "$(tables main | grep "${id[1]}")"
stop_server main
serve_ready main --drain-timeout 1 "$tmp/pool"
ask 1 30000 &
client=$!
waits() {
	[ "$(metric symbolized_symbolize_waiting_batches)" = 1 ]
}
ok "a client waits for a table" wait_until waits
began=$SECONDS
stop_server main
is "the server ends well all the same" "$exit_status" 0
at_most "and soon" $((SECONDS - began)) 15
wait "$client"
finish
