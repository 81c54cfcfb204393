#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# symbolized resolve: addresses and stacks from arguments, a file or a pipe,
# answered from one file, from the index or by a server.
. "$(dirname "$0")/lib.sh"

need objcopy addr2line jq

must write_program "$tmp/src"
must build_program "$tmp/src" "$tmp/prog"
cp "$tmp/prog" "$tmp/stripped"
must split_program "$tmp/stripped"
id=$(build_id "$tmp/prog")
main=$(address_of "$tmp/prog" main)
helper=$(address_of "$tmp/prog" helper)
line=$(addr2line -e "$tmp/prog" "$main" | sed 's/.*:\([0-9]*\).*/\1/')
# An address of helper that an inlined call is at.
inlined=$(for ((i = 0; i < 60; i++)); do
	printf '0x%x\n' $((helper + i))
done | addr2line -a -i -f -e "$tmp/prog" |
	awk '/^0x/ { at = $1 } $1 == "scale" { print at; exit }')
[ "$inlined" ] || die "no inlined call"

# run ARGUMENTS...: leaves $code, $tmp/out and $tmp/err
run() {
	code=0
	timeout "$long_s" "$SYMBOLIZED" resolve "$@" >"$tmp/out" 2>"$tmp/err" ||
		code=$?
}
# What was printed, without the directory
out() {
	sed "s|$tmp/src/||g" "$tmp/out"
}

# ---- One file ----------------------------------------------------------------

run --file "$tmp/prog" --kind vaddr "$main" "$inlined" </dev/null
is "an address of a file is answered as llvm-symbolizer does" "$code $(out |
	sed 's/^\(.*lib.*\):[0-9]*/\1:N/')" \
	"0 main
main.c:$line

scale
./lib/../lib/scale.h:N
helper
./lib/../lib/helper.c:N"
is "and nothing else is said" "$(cat "$tmp/err")" ""
run --file "$tmp/prog" --kind vaddr "${main#0x}" "$id+$main" 0x1
is "hexadecimal digits will do, and its build ID does no harm" \
	"$(out | paste -sd' ')" "main main.c:$line  main main.c:$line  ?? ??:0 "
run --file "$tmp/prog" --kind vaddr --no-inlines "$inlined"
is "--no-inlines gives the function alone" "$(out | head -n 1)" helper
run --file "$tmp/prog" --kind vaddr --one-line "$inlined" 0x1
is "--one-line gives all of an address on one" \
	"$(out | sed 's/:[0-9]* /:N /; s/:[0-9]*$/:N/')" \
	"scale ./lib/../lib/scale.h:N < helper ./lib/../lib/helper.c:N
?? ??:N"
run --file "$tmp/prog" --kind vaddr --return-addresses \
	"$(printf 0x%x $((main + 1)))" "0x1;$helper"
is "--return-addresses spares the leaf of a stack" \
	"$(out | paste -sd' ')" "main main.c:$line  ??;helper"
run --file "$tmp/prog" --kind vaddr --json "$main"
is "--json is what the server says" \
	"$(jq -c '[.status,.frames[0].function,.stacks]' "$tmp/out")" \
	'["complete","main",[[[0]]]]'
run --file "$tmp/stripped" --kind vaddr "$main"
is "of a stripped file nothing is known" "$(out | head -n 1)" '??'
run --file "$tmp/stripped" --debuginfo "$tmp/stripped.debug" --kind vaddr "$main"
is "but with its debugging information" "$(out | head -n 1)" main
run --file "$tmp/stripped.debug" --kind vaddr "$main"
is "which is enough by itself" "$(out | head -n 1)" main

# Files that do not belong together
must build_program "$tmp/src" "$tmp/another" -Wl,--build-id=0x"$(printf %040d 77)"
another=$(build_id "$tmp/another")
isnt "there is another program" "$another" "$id"
run --file "$tmp/stripped" --debuginfo "$tmp/another" --kind vaddr "$main"
is "another program's debugging information is refused" "$code $(cat "$tmp/err")" \
	"65 symbolized: $tmp/another is of build ID $another, not of $id as $tmp/stripped is"
run --file "$tmp/prog" --build-id "$another" --kind vaddr "$main"
is "so is its build ID" "$code $(cat "$tmp/err")" \
	"64 symbolized: --build-id $another: $tmp/prog has the build ID $id"
run --file "$tmp/prog" --build-id "${id}0000" --kind vaddr "$main"
is "but not its own, padded" "$code $(out | head -n 1)" "0 main"
run --file "$tmp/prog" --kind vaddr --one-line "$another+$main" "$id+$main"
is "an address of another program is not known" "$code $(out | sed 's/ .*//' | paste -sd' ')" \
	"0 ?? main"
like "and why is said, once" "$(cat "$tmp/err")" "addresses of other build IDs.*$another"
if have dwz; then
	mkdir "$tmp/dwz"
	cp "$tmp/prog" "$tmp/another" "$tmp/dwz"
	dwz -m "$tmp/dwz/common" "$tmp/dwz/prog" "$tmp/dwz/another" 2>"$tmp/err"
fi
if [ -e "$tmp/dwz/common" ]; then
	run --file "$tmp/dwz/prog" --alt "$tmp/dwz/common" --kind vaddr "$main"
	is "with its alternate file it is answered" "$code $(out | head -n 1)" "0 main"
	run --file "$tmp/dwz/prog" --alt "$tmp/another" --kind vaddr "$main"
	is "another file in its place is refused" "$code" 65
	like "and which is wanted is told" "$(cat "$tmp/err")" \
		"$tmp/another has the build ID $another; $tmp/dwz/prog needs the alternate file $(build_id "$tmp/dwz/common")"
else
	skip "another alternate file is refused" "no dwz that makes one"
fi

# ---- Stacks ------------------------------------------------------------------

printf 'prog;%s;%s 12\nswapper 3\n[0]%s +%s; [1]%s +%s\n' "$main" "$inlined" \
	"$id" "${inlined#0x}" "$id" "${main#0x}" >"$tmp/stacks"
folded='prog;main;helper;scale 12
swapper 3
main;helper;scale'
run --file "$tmp/prog" --kind vaddr <"$tmp/stacks"
is "stacks of addresses become stacks of names" "$(out)" "$folded"
run --file "$tmp/prog" --kind vaddr --input "$tmp/stacks"
is "from a file, too" "$(out)" "$folded"
printf '%s' "$main" >"$tmp/no-newline"
run --file "$tmp/prog" --kind vaddr --input "$tmp/no-newline"
is "a last line needs no end" "$(out | head -n 1)" main
run --file "$tmp/prog" --input /dev/null
is "of nothing comes nothing" "$code $(out)" "0 "

yes "prog;$main;$inlined 1" | head -n 100000 >"$tmp/long"
run --file "$tmp/prog" --kind vaddr --input "$tmp/long"
is "100 000 stacks are 100 000 lines" \
	"$code $(sort "$tmp/out" | uniq -c | tr -s ' ')" \
	"0  100000 prog;main;helper;scale 1"

mkfifo "$tmp/in" "$tmp/answers"
timeout "$long_s" "$SYMBOLIZED" resolve --file "$tmp/prog" --kind vaddr \
	--one-line <"$tmp/in" >"$tmp/answers" &
exec {in}>"$tmp/in" {answers}<"$tmp/answers"
turns=
for turn in 1 2 3; do
	echo "$main" >&"$in"
	read -r -t "$long_s" -u "$answers" said
	turns+="$turn:${said%% *} "
done
exec {in}>&- {answers}<&-
is "each line is answered while the pipe stays open" "$turns" \
	"1:main 2:main 3:main "

"$SYMBOLIZED" resolve --file "$tmp/prog" --kind vaddr --input "$tmp/long" \
	2>"$tmp/err" | head -n 1 >"$tmp/out"
is "who reads no further is no trouble" \
	"${PIPESTATUS[0]} $(cat "$tmp/out" "$tmp/err")" "0 prog;main;helper;scale 1"
if [ -w /dev/full ]; then
	"$SYMBOLIZED" resolve --file "$tmp/prog" --kind vaddr "$main" \
		>/dev/full 2>"$tmp/err"
	is "a full disk is" $? 74
fi
head -c 17000000 /dev/zero | tr '\0' x >"$tmp/endless"
run --file "$tmp/prog" --input "$tmp/endless"
is "a line without end is refused" "$code $(cat "$tmp/err")" \
	"64 symbolized: line 1 is longer than 16777216 bytes"

if have script; then
	script -qec "'$SYMBOLIZED' resolve --file '$tmp/prog' --kind vaddr \
		--input '$tmp/long' >'$tmp/out'" /dev/null >"$tmp/terminal" 2>&1
	like "a terminal is shown how far it is" "$(tr '\r' '\n' <"$tmp/terminal")" \
		'[0-9]+ lines, [0-9]+/s'
else
	skip "a terminal is shown how far it is" "no script"
fi

# ---- The index ---------------------------------------------------------------

mkdir "$tmp/scanned"
cp "$tmp/stripped" "$tmp/stripped.debug" "$tmp/scanned"
index=(--state-dir "$tmp/state" --cache-dir "$tmp/cache")
"$SYMBOLIZED" scan "${index[@]}" "$tmp/scanned" 2>"$tmp/scan.err" ||
	die "$(cat "$tmp/scan.err")"
run "${index[@]}" --kind vaddr "$id+$main" "ffff+0x1"
is "the local index answers" "$code $(out | paste -sd' ')" \
	"0 main main.c:$line  ?? ??:0 "
run "${index[@]}" --kind vaddr --build-id "$id" "$main"
is "--build-id is that of addresses without" "$(out | head -n 1)" main
run "${index[@]}" --kind vaddr --build-id "$id" --input "$tmp/stacks"
is "and of stacks" "$(out)" "$folded"
run --state-dir "$tmp/nowhere" --cache-dir "$tmp/cache" "$id+$main"
isnt "an index that is not there is an error" "$code" 0
like "which says where it was looked for" "$(cat "$tmp/err")" "$tmp/nowhere"

# What the index has got since answers, not the table that was kept
mkdir "$tmp/later"
later=(--state-dir "$tmp/later-state" --cache-dir "$tmp/later-cache")
objcopy --strip-debug "$tmp/prog" "$tmp/later/prog"
"$SYMBOLIZED" scan "${later[@]}" "$tmp/later" 2>"$tmp/scan.err" ||
	die "$(cat "$tmp/scan.err")"
run "${later[@]}" --kind vaddr --one-line "$id+$main"
is "of a file with symbols only the function is known" "$code $(out)" "0 main ??:0"
is "and its table is kept" "$(find "$tmp/later-cache/tables" -name '*.gsym' | wc -l)" 1
objcopy --only-keep-debug "$tmp/prog" "$tmp/later/prog.debug"
"$SYMBOLIZED" scan "${later[@]}" "$tmp/later" 2>"$tmp/scan.err" ||
	die "$(cat "$tmp/scan.err")"
run "${later[@]}" --kind vaddr --one-line "$id+$main"
is "when its debugging information has come, the next command has the line" \
	"$code $(out)" "0 main main.c:$line"

# ---- A server ----------------------------------------------------------------

serve_ready one "$tmp/scanned"
run --url "$url" --kind vaddr "$id+$main" "ffff+0x1"
is "a server answers" "$code $(out | paste -sd' ')" \
	"0 main main.c:$line  ?? ??:0 "
run --url "$url/" --kind vaddr --build-id "$id" --input "$tmp/stacks"
is "stacks, too" "$(out)" "$folded"
sed 's/^/long;/' "$tmp/long" | sed "s/0x/$id+0x/g" | head -n 30000 >"$tmp/far"
run --url "$url" --kind vaddr --input "$tmp/far"
is "in pieces that it takes" "$code $(sort "$tmp/out" | uniq -c | tr -s ' ')" \
	"0  30000 long;prog;main;helper;scale 1"
run --url "$url" --kind nonsense "$id+$main"
is "what it refuses is told" "$code $(sed "s|$url|URL|" "$tmp/err")" \
	"64 symbolized: URL/symbolize/v1: query: kind is not one of file_offset, vaddr, image, runtime, section, kernel"
stop_server one
serve_ready one --batch-addresses 1000 "$tmp/scanned"
run --url "$url" --kind vaddr --input "$tmp/far"
is "in smaller ones, where it says that they are too large" \
	"$code $(sort "$tmp/out" | uniq -c | tr -s ' ')" \
	"0  30000 long;prog;main;helper;scale 1"
yes "$id+$main" | head -n 2000 | paste -sd';' >"$tmp/wide"
run --url "$url" --kind vaddr --input "$tmp/wide"
is "but a line is one" "$code" 75
like "and the limit is told" "$(cat "$tmp/err")" 'batch-addresses'
{ head -n 300 "$tmp/far"; cat "$tmp/wide"; } >"$tmp/wide-last"
run --url "$url" --kind vaddr --input "$tmp/wide-last"
is "what was answered before it is printed" \
	"$code $(sort "$tmp/out" | uniq -c | tr -s ' ')" \
	"75  300 long;prog;main;helper;scale 1"
stop_server one
run --url "$url" "$id+$main"
is "a server that is not there is an error" "$code" 69
like "which names it" "$(cat "$tmp/err")" "symbolized: $url/symbolize/v1.*:"

# ---- Mistakes ----------------------------------------------------------------

# mistake NAME CODE TEXT ARGUMENTS...
mistake() {
	local name=$1 wanted=$2 text=$3
	shift 3
	run "$@" </dev/null
	is "$name ends with $wanted" "$code" "$wanted"
	like "… and says why" "$(cat "$tmp/err")" "$text"
}
mistake "a file that is not there" 74 "/nonexistent: No such file" \
	--file /nonexistent 0x1
mistake "a directory" 64 "not a regular file" --file "$tmp" 0x1
mistake "a file that is no ELF" 65 "$tmp/stacks" --file "$tmp/stacks" 0x1
mistake "input that is not there" 74 "/nonexistent: No such file" \
	--file "$tmp/prog" --input /nonexistent
mistake "two sources of answers" 64 "one of them" --file x --url y 0x1
mistake "debugging information of nothing" 64 "go with --file" --debuginfo x 0x1
mistake "two sources of addresses" 64 "not both" --file "$tmp/prog" --input x 0x1
mistake "a kind that needs more" 64 "needs a section" --file "$tmp/prog" \
	--kind section 0x1
mistake "a kind that is none" 64 "symbolized: options: kind is not one of" \
	--file /nonexistent --kind nonsense 0x1
mistake "a URL of another protocol" 64 "file:///x" --url file:///x "$id+1"
mistake "a name that a terminal would obey" 74 '/nonexistent.x1b\[31m: No' \
	--file $'/nonexistent\e[31m' 0x1

# What is no address is answered as what nobody knows, and told
# complaints: of each, argument and reason
complaints() {
	sed -n 's/.*not an address.* argument=\(.*\)$/\1/p' "$tmp/err"
}
run --file "$tmp/prog" --kind vaddr "$main" main main xyz+1 </dev/null
is "an address that is none is told, once" "$(complaints)" \
	'main why="it is no hexadecimal number"
xyz+1 why="no build ID stands before the +"'
is "it is answered as one that nobody knows, and no failure" \
	"$code $(grep -c '^??$' "$tmp/out")" "0 3"
run "${index[@]}" "$id+nonsense" "$main" "main;0x1" </dev/null
is "so is what lacks something" "$(complaints)" \
	"$id+nonsense why=\"no hexadecimal number of 64 bits stands behind the +\"
$main why=\"of which file? ID+0xOFFSET, --build-id or --file\""
run --file "$tmp/prog" 11223344556677889 </dev/null
is "so is what is too large" "$(complaints)" \
	'11223344556677889 why="it has more than 64 bits"'
mapfile -t many < <(seq -f 'no%g' 100)
run --file "$tmp/prog" "${many[@]}" </dev/null
is "of very many some are" "$(complaints | wc -l) $(wc -l <"$tmp/err")" "10 11"
mistake "an option that is none" 64 "unknown option" --files x
finish
