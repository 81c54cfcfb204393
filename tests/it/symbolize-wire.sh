#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# POST /symbolize/v1 and /symbolicate/v5 over HTTP, in every form of question
# and answer, and what is refused: a program is stripped, its addresses are
# asked for, and functions, files and lines come back.
. "$(dirname "$0")/lib.sh"

need jq objcopy addr2line

must write_program "$tmp/src"
must build_program "$tmp/src" "$tmp/src/prog"
mkdir "$tmp/scanned"
cp "$tmp/src/prog" "$tmp/scanned/prog"
must split_program "$tmp/scanned/prog"
id=$(build_id "$tmp/src/prog")
main=$(address_of "$tmp/src/prog" main)
helper=$(address_of "$tmp/src/prog" helper)
line=$(addr2line -e "$tmp/src/prog" "$main" | sed 's/.*:\([0-9]*\).*/\1/')
helper_size=$((0x$(nm -S "$tmp/src/prog" | awk '$4 == "helper" { print $2 }')))
# File offset = address - p_vaddr + p_offset of the segment with the code.
delta=$(readelf -lW "$tmp/src/prog" | awk '$1 == "LOAD" && $0 ~ /R E/ {
	print $2, $3; exit }' | { read -r offset vaddr; echo $((vaddr - offset)); })
offset_of() {
	printf '0x%x' $(($1 - delta))
}
main_offset=$(offset_of "$main")
helper_offset=$(offset_of "$helper")

serve_ready one "$tmp/scanned"

# ask ROUTE CURL-ARGUMENTS...: as get(), with a body
post() {
	local path=$1
	shift
	get "$path" -X POST "$@"
}
json='Content-Type: application/json'
answer_of() {
	jq -c "$1" "$tmp/body"
}
# chains_of PATH [OF-A-FRAME]: of each address below it
chains_of() {
	# shellcheck disable=SC2016 # jq's
	answer_of '[. as $all | '"$1"' | [.[] | [.[] | $all.frames[.] | '"${2:-.function}"']]]'
}

# ---- JSON --------------------------------------------------------------------

post /symbolize/v1 -H "$json" -d "{\"modules\":[
	{\"build_id\":\"$id\",\"addresses\":[\"$main_offset\",$((helper_offset))]},
	{\"build_id\":\"${id^^}\",\"kind\":\"vaddr\",\"addresses\":[\"$main\"]},
	{\"build_id\":\"ffffffffffffffff\",\"addresses\":[\"0x1\"]}]}"
is "JSON is answered" "$status $(answer_of .status)" '200 "complete"'
is "each module has its status" \
	"$(answer_of '[.modules[]|[.build_id,.status,.quality,.origin]]')" \
	"[[\"$id\",\"ok\",\"dwarf\",\"local\"],[\"$id\",\"ok\",\"dwarf\",\"local\"],[\"ffffffffffffffff\",\"absent\",null,null]]"
is "each address has its frames, in order of the request" \
	"$(chains_of '.results[]' '.function+" "+(.file|sub(".*/src/";""))')" \
	'[[["main main.c"],["helper ./lib/../lib/helper.c"]],[["main main.c"]],[[]]]'
is "a module that is nowhere is a reason" "$(answer_of .reasons)" \
	'[{},{},{"0":"module_absent"}]'
is "an answer is not to be kept" "$(header Cache-Control)" "no-store"

all=$(seq -s, $((helper_offset)) $((helper_offset + helper_size - 1)))
post /symbolize/v1 -H "$json" \
	-d "{\"modules\":[{\"build_id\":\"$id\",\"addresses\":[$all]}]}"
is "an inlined call stands before the function it is in" \
	"$(chains_of '.results[]|map(select(length>1))|unique' \
		'[.function,.inlined]')" \
	'[[[["scale",true],["helper",null]]]]'
post /symbolize/v1 -H "$json" -d "{\"inlines\":false,
	\"modules\":[{\"build_id\":\"$id\",\"addresses\":[$all]}]}"
is "without inlines there is the function alone" \
	"$(chains_of '.results[]' | jq -c 'map(unique)')" \
	'[[["helper"]]]'

# ---- Text --------------------------------------------------------------------

printf '%s+%s\nffff+0x1\n\nx;%s+%s;%s+%s 7\n' "$id" "$main_offset" "$id" \
	"$main_offset" "$id" "$helper_offset" >"$tmp/stacks.txt"
text() {
	sed "s|[^ ]*/src/||g" "$tmp/body"
}
wanted="main main.c:$line"$'\n?? ??:0\n\nx;main;helper 7'
get /symbolize/v1 -T "$tmp/stacks.txt"
is "curl -T is enough" "$status $(text)" "200 $wanted"
is "text is answered with text" "$(header Content-Type)" \
	"text/plain; charset=utf-8"
post /symbolize/v1 --data-binary @"$tmp/stacks.txt"
is "and curl --data-binary, which says nothing of the type" "$(text)" "$wanted"
post "/symbolize/v1?kind=vaddr&build_id=$id" -H 'Content-Type: text/plain' \
	-H 'Accept: text/plain;style=lines' -d "$main"
is "the query tells a kind and an ID, Accept the style" "$(text)" \
	$'main\nmain.c:'"$line"
post /symbolize/v1 -H 'Content-Type: text/plain' -H 'Accept: application/json' \
	--data-binary @"$tmp/stacks.txt"
is "stacks can be answered with JSON" \
	"$(chains_of '.stacks[]')" \
	'[[["main"]],[[]],[],[[],["main"],["helper"]]]'

# ---- Raw records -------------------------------------------------------------

# record STATUS ID OFFSET: a struct bpf_stack_build_id of this little-endian
# machine
record() {
	local hex i
	hex=$(printf '%02x000000%-40s' "$1" "$2" | tr ' ' 0)
	for ((i = 0; i < 8; i++)); do
		hex+=$(printf '%02x' $((($3 >> 8 * i) & 255)))
	done
	# shellcheck disable=SC2059
	printf "$(sed 's/../\\x&/g' <<<"$hex")"
}
{
	record 1 "$id" "$helper_offset"
	record 1 "$id" $((main_offset + 1))
	record 2 "" 0x7f0012345678
	record 0 "" 0
} >"$tmp/records"
records='Content-Type: application/x-bpf-stack-build-id; depth=4'
post /symbolize/v1 -H "$records" --data-binary @"$tmp/records"
is "records are answered by stack" \
	"$(chains_of '.stacks[]') $(answer_of .reasons)" \
	'[[["helper"],["main"],[]]] [{"2":"no_build_id"}]'
post /symbolize/v1 -H "$records" -H 'Accept: text/plain' \
	--data-binary @"$tmp/records"
is "or folded, root first" "$(text)" '??;main;helper 1'
head -c 48 "$tmp/records" >"$tmp/half"
post /symbolize/v1 -H "$records" --data-binary @"$tmp/half"
is "a record cut in half is 400 with its place" \
	"$status $(answer_of .error.message)" \
	'400 "the body ends 16 bytes into the record at byte 32: records have 32"'

# ---- The Firefox Profiler ----------------------------------------------------

guid=${id:6:2}${id:4:2}${id:2:2}${id:0:2}${id:10:2}${id:8:2}${id:14:2}${id:12:2}${id:16:16}
debug_id=${guid^^}0
other=0123456789ABCDEF0123456789ABCDEF0
post /symbolicate/v5 -H 'Origin: https://profiler.firefox.com' -d "{\"jobs\":[{
	\"memoryMap\":[[\"prog\",\"$debug_id\"],[\"gone\",\"$other\"],[\"idle\",\"$other\"]],
	\"stacks\":[[[0,$((main))],[1,65802],[-1,4660],[0,-1]]]}]}"
is "the Firefox Profiler's question is answered" \
	"$status $(answer_of '.results[0].stacks[0][0]|del(.function_size,.file)')" \
	'200 {"frame":0,"module":"prog","module_offset":"'"$(printf 0x%x "$main")"'","function":"main","line":'"$line"',"function_offset":"0x0"}'
is "frames that nobody knows have their module and offset" \
	"$(answer_of '.results[0].stacks[0][1:]')" \
	'[{"frame":1,"module":"gone","module_offset":"0x1010a"},{"frame":2,"module":"<unknown>","module_offset":"0x1234"},{"frame":3,"module":"prog","module_offset":"-0x1"}]'
is "found_modules tells found, missing and not looked for" \
	"$(answer_of '.results[0].found_modules')" \
	"{\"prog/$debug_id\":true,\"gone/$other\":false,\"idle/$other\":null}"
is "and module_errors why" \
	"$(answer_of '.results[0].module_errors|map_values(.[0].name)')" \
	"{\"gone/$other\":\"CouldNotFindDebugFile\"}"
is "a web page may read it" "$(header Access-Control-Allow-Origin)" '*'
get /symbolicate/v5 -X OPTIONS -H 'Origin: https://profiler.firefox.com' \
	-H 'Access-Control-Request-Method: POST'
is "and a browser is told so before" \
	"$status $(header Access-Control-Allow-Origin)" '204 *'

# ---- Protocol Buffers --------------------------------------------------------

protobuf() {
	protoc -I "$top_srcdir/schema" "$1" "$top_srcdir/schema/symbolize.proto"
}
if have protoc; then
	escaped=$(sed 's/../\\x&/g' <<<"$id")
	protobuf --encode=symbolized.v1.SymbolizeRequest >"$tmp/question.pb" <<END
modules { build_id: "$escaped" kind: VADDR addresses: $((main)) addresses: $((helper)) }
modules { build_id: "\xff\xff" addresses: 1 }
END
	post /symbolize/v1 -H 'Content-Type: application/x-protobuf' \
		--data-binary @"$tmp/question.pb"
	is "protobuf is answered with protobuf" "$status $(header Content-Type)" \
		"200 application/x-protobuf"
	protobuf --decode=symbolized.v1.SymbolizeResponse <"$tmp/body" |
		sed 's/[^"]*\/src\///' >"$tmp/decoded"
	is "which protoc reads" "$(grep -E 'status|quality|function|reason' \
		"$tmp/decoded" | tr -s ' \n' ' ')" \
		' quality: "dwarf" status: ABSENT function: "main" function: "helper" reason: MODULE_ABSENT '
	post /symbolize/v1 -H 'Content-Type: application/x-protobuf' \
		-H 'Accept: application/json' --data-binary @"$tmp/question.pb"
	is "or with JSON" \
		"$(chains_of '.results[]')" \
		'[[["main"],["helper"]],[[]]]'
else
	skip "protobuf is answered with protobuf" "no protoc"
fi

# ---- Bodies ------------------------------------------------------------------

question="{\"modules\":[{\"build_id\":\"$id\",\"addresses\":[\"$main_offset\"]}]}"
gzip -c <<<"$question" >"$tmp/question.gz"
post /symbolize/v1 -H "$json" -H 'Content-Encoding: gzip' \
	--data-binary @"$tmp/question.gz"
is "a body may come compressed" "$(answer_of '.frames[0].function')" '"main"'
post /symbolize/v1 -H "$json" -H 'Content-Encoding: br' -d "$question"
is "but not in every coding" "$status $(header Accept-Encoding)" '415 gzip, zstd'
post /symbolize/v1 -H 'Content-Type: text/html' -d "$question"
is "another type is 415, and the known ones are said" \
	"$status $(header Accept)" \
	"415 application/json, text/plain, application/x-bpf-stack-build-id, application/x-protobuf"
get /symbolize/v1
is "GET is 405" "$status" 405

# ---- Bad input ---------------------------------------------------------------

# refused NAME STATUS TEXT CURL-ARGUMENTS...: and the server still answers
refused() {
	local name=$1 wanted=$2 text=$3
	shift 3
	post /symbolize/v1 -H "$json" "$@"
	is "$name is $wanted" "$status" "$wanted"
	like "… and says so" "$(answer_of .error.message)" "$text"
	post /symbolize/v1 -H "$json" -d "$question"
	is "… and the next one is answered" "$status" 200
}
refused "malformed JSON" 400 'line 2 column 13' -d $'{\n"modules":[{]}'
refused "an address of 2^64" 400 '2\^64 or more' \
	-d "{\"modules\":[{\"build_id\":\"$id\",\"addresses\":[18446744073709551616]}]}"
refused "another of 2^64" 400 '2\^64 or more' \
	-d "{\"modules\":[{\"build_id\":\"$id\",\"addresses\":[\"0x10000000000000000\"]}]}"
refused "a kind without what it needs" 400 'kind runtime needs' \
	-d "{\"modules\":[{\"build_id\":\"$id\",\"kind\":\"runtime\",\"addresses\":[1]}]}"
head -c 1000000 /dev/zero | tr '\0' '[' >"$tmp/deep"
refused "nesting a million deep" 400 'nested deeper than 32' \
	-d "{\"x\":$(head -c 1000 "$tmp/deep")"
{
	printf '{"x":'
	cat "$tmp/deep"
} >"$tmp/deeper"
refused "all of it" 400 'nested deeper than 32' --data-binary @"$tmp/deeper"
jq -cn --arg id "$id" '{modules:[range(1001)|{build_id:$id,addresses:[]}]}' \
	>"$tmp/modules"
refused "a module more than 1000" 413 'more than 1000 modules.*--batch-modules' \
	--data-binary @"$tmp/modules"
yes '{"build_id":"aabb","addresses":[]},' | head -n 400000 |
	{
		printf '{"modules":['
		cat
		printf '0]}'
	} >"$tmp/many"
refused "400 000 modules" 413 'more than 1000 modules' --data-binary @"$tmp/many"
yes '"0x1",' | head -n 100001 | {
	printf '{"modules":[{"build_id":"aabb","addresses":['
	cat
	printf '1]}]}'
} >"$tmp/addresses"
refused "an address more than 100000" 413 'more than 100000 addresses' \
	--data-binary @"$tmp/addresses"
is "which is counted, as are the modules" \
	"$(metric 'symbolized_limits_reached_total{limit="batch"}')" 3
head -c 17000000 /dev/zero | tr '\0' ' ' >"$tmp/large"
refused "a body of 17 MB" 413 '16777216 bytes' --data-binary @"$tmp/large"

jq -cn '{modules:[range(1000)|{build_id:(1000000000000+.|tostring|.[1:13]),addresses:[1,2]}]}' \
	>"$tmp/unknown"
post /symbolize/v1 -H "$json" --data-binary @"$tmp/unknown"
is "a thousand unknown build IDs are absent, each" \
	"$status $(answer_of '[.modules[].status]|unique') $(answer_of '.results|flatten|length')" \
	'200 ["absent"] 0'
post /symbolize/v1 -H "$json" -d "{\"modules\":[
	{\"build_id\":\"nope\",\"addresses\":[1]},
	{\"build_id\":\"$id\",\"addresses\":[\"$main_offset\"]}]}"
is "one that is no build ID does not spoil the others" \
	"$(answer_of '[.modules[].status]') $(answer_of '.frames[0].function')" \
	'["malformed","ok"] "main"'

exec {socket}<>"/dev/tcp/127.0.0.1/$port"
printf 'POST /symbolize/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"modules":[' >&"$socket"
exec {socket}>&-
post /symbolize/v1 -H "$json" -d "$question"
is "a body that never comes hurts nobody" "$status" 200

# ---- Waiting -----------------------------------------------------------------

must make_samples "$tmp/later" 1
serve_ready two "$tmp/later"
post /symbolize/v1 -H "$json" -d "{\"wait_ms\":0,
	\"modules\":[{\"build_id\":\"$(sample_id 1)\",\"addresses\":[\"0x1000\"]}]}"
is "who does not wait is told of what is pending" \
	"$status $(answer_of '[.status,.modules[0].status,.reasons[0]["0"]]')" \
	'200 ["partial","pending","module_pending"]'
at_least "and when to come again" "$(header Retry-After)" 1
is_resolved() {
	post /symbolize/v1 -H "$json" -d "{\"wait_ms\":0,
		\"modules\":[{\"build_id\":\"$(sample_id 1)\",\"addresses\":[\"0x1000\"]}]}"
	[ "$(answer_of .status)" = '"complete"' ]
}
ok "the same question finds it ready then" wait_until is_resolved
finish
