#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Questions that are broken, lie or ask for too much, and debug files made to
# loop, to blow up or to claim more than there is: 4xx or a status of that
# module, in bounded time and memory, and whoever else asks is answered.
#
# Requirements: R-1, R-22.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl jq readelf objcopy gzip openssl

pool=$tmp/pool
mkdir "$pool"
must write_program "$tmp/src"
must build_program "$tmp/src" "$pool/good"
good=$(build_id "$pool/good")
at=$(address_of "$pool/good" helper)

# ---- Files that mean harm ----------------------------------------------------

# assembled NAME NUMBER: a shared object out of the assembly on standard input,
# with a function that its DWARF is about
assembled() {
	{
		cat <<'END'
	.text
	.globl victim
	.type victim, @function
victim:
	.fill 65536, 1, 0x90
	.size victim, . - victim
	.section .note.GNU-stack,"",@progbits
	.section .debug_abbrev,"",@progbits
	.uleb128 1, 0x11
	.byte 1
	.uleb128 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0x10, 0x17, 0, 0
	.uleb128 2, 0x2e
	.byte 1
	.uleb128 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0, 0
	.uleb128 3, 0x1d
	.byte 1
	.uleb128 0x31, 0x13, 0x11, 0x01, 0x12, 0x07, 0x59, 0x0b, 0, 0
	.uleb128 4, 0x1d
	.byte 0
	.uleb128 0x31, 0x13, 0x55, 0x17, 0, 0
	.uleb128 5, 0x2e
	.byte 0
	.uleb128 0x31, 0x13, 0, 0
	.uleb128 6, 0x2e
	.byte 0
	.uleb128 0x03, 0x08, 0, 0
	.uleb128 7, 0x0b
	.byte 1
	.uleb128 0, 0
	.byte 0
	.section .debug_info,"",@progbits
unit:
	.long unit_end - unit_start
unit_start:
	.short 5
	.byte 1, 8
	.long .debug_abbrev
	.uleb128 1
	.string "hostile.c"
	.quad victim, 65536
	.long .debug_line
	.uleb128 2
	.string "victim"
	.quad victim, 65536
END
		cat
	} >"$tmp/$1.s"
	must "$CC" -shared -nostdlib -o "$pool/$1" "$tmp/$1.s" \
		-Wl,--build-id=0x"$(hostile_id "$2")"
}

hostile_id() {
	printf 'bad0%036d' "$1"
}

# The end of the unit, and a line table of one row
unit_end='
	.byte 0
	.byte 0
unit_end:'
line_table='
	.section .debug_line,"",@progbits
	.long line_end - line_start
line_start:
	.short 5
	.byte 8, 0
	.long line_program - line_header
line_header:
	.byte 1, 1, 1, -5, 14, 13
	.byte 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1
	.byte 1
	.uleb128 1, 8
	.uleb128 1
	.string "/hostile"
	.byte 1
	.uleb128 1, 8
	.uleb128 1
	.string "hostile.c"
line_program:
	.byte 0, 9, 2
	.quad victim
	.byte 1'
line_end='
	.byte 2
	.uleb128 65536
	.byte 0, 1, 1
line_end:'

# 1: origins in a circle
assembled circle 1 <<END
first:	.uleb128 5
	.long second - unit
second:	.uleb128 5
	.long first - unit
self:	.uleb128 5
	.long self - unit
	.uleb128 3
	.long first - unit
	.quad victim, 64
	.byte 1
	.uleb128 3
	.long self - unit
	.quad victim, 32
	.byte 1
	.byte 0, 0
$unit_end
$line_table
$line_end
END

# 2: calls within calls
assembled deep 2 <<END
callee:	.uleb128 6
	.string "callee"
	.rept 100000
	.uleb128 3
	.long callee - unit
	.quad victim, 65536
	.byte 1
	.endr
	.fill 100000, 1, 0
$unit_end
$line_table
$line_end
END

# 3: 40 000 calls, each of which says it covers the same 20 000 ranges: 12 GB
assembled wide 3 <<END
callee:	.uleb128 6
	.string "callee"
	.rept 40000
	.uleb128 4
	.long callee - unit
	.long ranges
	.endr
$unit_end
$line_table
$line_end
	.section .debug_rnglists,"",@progbits
	.long ranges_end - ranges_start
ranges_start:
	.short 5
	.byte 8, 0
	.long 0
ranges:
	.byte 5
	.quad victim
	.set at, 0
	.rept 20000
	.byte 4
	.uleb128 at, at + 1
	.set at, at + 3
	.endr
	.byte 0
ranges_end:
END

# 4: a line program of 30 million rows at one place
assembled rows 4 <<END
$unit_end
$line_table
	.fill 30000000, 1, 1
$line_end
END

# 5: a line program that goes back and forth
assembled zigzag 5 <<END
$unit_end
$line_table
	.rept 200000
	.byte 0, 9, 2
	.quad victim + 4096
	.byte 1
	.byte 0, 9, 2
	.quad victim
	.byte 1
	.endr
$line_end
END

# noise BYTES: the same each time
noise() {
	openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null |
		head -c "$1"
}

# 6: sizes that are not there: a compressed section says it has 4 GiB
"$CC" -g -O1 -shared -fPIC -gz=zlib -nostdlib -o "$pool/claim" \
	-Wl,--build-id=0x"$(hostile_id 6)" "$tmp/src/lib/helper.c" ||
	die "-gz=zlib"
claimed=no
offset=$(readelf -SW "$pool/claim" | sed 's/^ *\[ *[0-9]*\]//' |
	awk '$1 == ".debug_info" && / C / { print $4 }')
if [ "$offset" ]; then
	claimed=yes
	printf '\0\0\0\0\1\0\0\0' | dd of="$pool/claim" bs=1 \
		seek=$((16#$offset + 8)) conv=notrunc status=none
fi

# 7: a unit that says it is longer than the section; 8: one without end
assembled long 7 <<END
$unit_end
$line_table
$line_end
END
offset=$(readelf -SW "$pool/long" | sed 's/^ *\[ *[0-9]*\]//' |
	awk '$1 == ".debug_info" { print $4 }')
printf '\xf0\xff\xff\x7f' | dd of="$pool/long" bs=1 seek=$((16#$offset)) \
	conv=notrunc status=none
noise 3000 | od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g; s/,$//; s/^/.byte /' \
	>"$tmp/noise"
assembled noise 8 <<END
$(cat "$tmp/noise")
$unit_end
$line_table
$line_end
END

# at_byte FILE OFFSET BYTES: written over what is there
at_byte() {
	printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# word FILE OFFSET SIZE: the number that is there
word() {
	od -An -tu"$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

# copies FILE NUMBER: of what is in it
copies() {
	local n=1
	local size=$(($(stat -c %s "$1") * $2))
	while [ "$n" -lt "$2" ]; do
		cat "$1" "$1" >"$1.twice" && mv "$1.twice" "$1"
		n=$((2 * n))
	done
	truncate -s "$size" "$1"
}

# An Elf64_Off of the present end of the file, in eight bytes
end_of() {
	local size
	truncate -s %8 "$1"
	size=$(stat -c %s "$1")
	printf '\\x%02x\\x%02x\\x%02x\\x%02x\\0\\0\\0\\0' $((size & 255)) \
		$((size >> 8 & 255)) $((size >> 16 & 255)) $((size >> 24))
}

# 9: a million segments, none of which has an offset that is asked for: PN_XNUM,
# and the number in section 0. 1000000 is 0x000f4240.
assembled loads 9 <<END
$unit_end
$line_table
$line_end
END
{
	printf '\1\0\0\0\5\0\0\0'               # PT_LOAD, r-x
	head -c 8 /dev/zero                      # p_offset
	printf '\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0' # p_vaddr, p_paddr
	printf '\20\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0' # p_filesz, p_memsz
	printf '\0\20\0\0\0\0\0\0'              # p_align
} >"$tmp/headers"
must copies "$tmp/headers" 1000000
at_byte "$pool/loads" 32 "$(end_of "$pool/loads")"
at_byte "$pool/loads" 56 '\xff\xff'
at_byte "$pool/loads" $(($(word "$pool/loads" 40 8) + 44)) '\x40\x42\x0f\0'
cat "$tmp/headers" >>"$pool/loads"

# 10: a million sections, none of which has the name that is asked for. The table
# is the one there is, and its second entry again and again.
assembled sections 10 <<END
$unit_end
$line_table
$line_end
END
entries=$(word "$pool/sections" 60 2)
tail -c +$(($(word "$pool/sections" 40 8) + 1)) "$pool/sections" |
	head -c $((64 * entries)) >"$tmp/table"
readelf -SW "$pool/sections" | grep -q '^ *\[ *1\].* A ' || die "no loaded section"
tail -c +65 "$tmp/table" | head -c 64 >"$tmp/headers"
must copies "$tmp/headers" $((1000000 - entries))
at_byte "$tmp/table" 32 '\x40\x42\x0f\0\0\0\0\0'
at_byte "$pool/sections" 40 "$(end_of "$pool/sections")"
at_byte "$pool/sections" 60 '\0\0'
cat "$tmp/table" "$tmp/headers" >>"$pool/sections"

# The first of these in an archive, and that twice
mkdir "$tmp/loads"
for i in {1..6}; do
	must ln "$pool/loads" "$tmp/loads/$i"
done
must tar -C "$tmp/loads" --hard-dereference -czf "$pool/loads.1.tar.gz" .
must cp "$pool/loads.1.tar.gz" "$pool/loads.2.tar.gz"

# 11: a call within more blocks than are looked into; the line, which here is of
# a file that there is, is the callee's
assembled blocks 11 <<END
callee:	.uleb128 6
	.string "callee"
	.rept 4600
	.uleb128 7
	.endr
	.uleb128 3
	.long callee - unit
	.quad victim, 65536
	.byte 1
	.byte 0
	.fill 4600, 1, 0
$unit_end
${line_table%.byte 1}.byte 4, 0, 1
$line_end
END

serve_ready main "$pool"

# ---- Somebody else, all the while --------------------------------------------

question='{"modules":[{"build_id":"'$good'","kind":"vaddr","addresses":["'$at'"]}],"wait_ms":30000}'
json='Content-Type: application/json'
curl -s -m 60 -H "$json" -d "$question" "$url/symbolize/v1" >"$tmp/first"
like "what is good is answered" "$(cat "$tmp/first")" '"function":"helper"'
: >"$tmp/go"
: >"$tmp/times"
: >"$tmp/wrong"
while [ -e "$tmp/go" ]; do
	echo "no answer" >"$tmp/probe"
	curl -s -m 60 -o "$tmp/probe" -w '%{time_total}\n' -H "$json" \
		-d "$question" "$url/symbolize/v1" >>"$tmp/times"
	cmp -s "$tmp/probe" "$tmp/first" || cat "$tmp/probe" >>"$tmp/wrong"
	sleep 0.05
done &
prober=$!

# ---- JSON --------------------------------------------------------------------

# refused NAME STATUS ERE CURL-ARGUMENTS...
refused() {
	local name=$1 wanted=$2 pattern=$3
	shift 3
	get /symbolize/v1 "$@"
	is "$name is refused" "$status" "$wanted"
	like "$name: the message" "$(body)" "$pattern"
}

while IFS='|' read -r name text; do
	refused "$name" 400 '"kind":"bad_request".*[0-9]' -H "$json" -d "$text"
done <<'END'
nothing|
half an object|{"modules":[{"build_id":"00
a comma too many|{"modules":[],}
two values|{"modules":[]} {}
no object|[1,2,3]
text within|{"modules":[] x}
a bare word|{"modules":nope}
a string without end|{"modules":"
an escape that is none|{"modules":"\q"}
half a pair|{"modules":[{"build_id":"\ud800"}]}
a number that is none|{"modules":[{"build_id":"0011","addresses":[0x1]}]}
addresses that are no list|{"modules":[{"build_id":"0011","addresses":7}]}
modules that are no list|{"modules":{}}
END
refused "no modules" 400 'modules is missing' -H "$json" -d '{}'
printf '{"modules":[{"build_id":"\xff\xfe"}]}' >"$tmp/latin"
refused "what is not UTF-8" 400 '[0-9]' -H "$json" --data-binary @"$tmp/latin"
printf '{"modules":[{"build_id":"00\000"}]}' >"$tmp/nul"
refused "a NUL" 400 '[0-9]' -H "$json" --data-binary @"$tmp/nul"

head -c 1000000 /dev/zero | tr '\0' '[' >"$tmp/nested"
refused "a million brackets" 400 . -H "$json" --data-binary @"$tmp/nested"
{
	printf '{"modules":['
	head -c 1000000 /dev/zero | tr '\0' '['
	head -c 1000000 /dev/zero | tr '\0' ']'
	printf ']}'
} >"$tmp/nested"
refused "a million brackets that are closed" 400 . -H "$json" \
	--data-binary @"$tmp/nested"
{
	printf '{"modules":['
	yes '{"build_id":"0011","addresses":[]},' | head -n 400000 | tr -d '\n'
	printf '{}]}'
} >"$tmp/many"
refused "400 000 modules" 413 '1000|limit|modules' -H "$json" \
	--data-binary @"$tmp/many"
{
	printf '{"modules":['
	yes '{"build_id":"0011","addresses":[1]},' | head -n 1000000 | tr -d '\n'
	printf '{}]}'
} >"$tmp/many"
refused "a million modules" 413 . -H "$json" --data-binary @"$tmp/many"
gzip -1 -c "$tmp/many" >"$tmp/many.gz"
refused "a million modules, packed" 413 . -H "$json" \
	-H 'Content-Encoding: gzip' --data-binary @"$tmp/many.gz"
head -c 400000000 /dev/zero | gzip -1 >"$tmp/bomb.gz"
refused "400 MB of nothing, packed" 413 . -H "$json" \
	-H 'Content-Encoding: gzip' --data-binary @"$tmp/bomb.gz"
{
	printf '{"modules":[{"build_id":"%s","addresses":[1' "$good"
	yes ',1' | head -n 200000 | tr -d '\n'
	printf ']}]}'
} >"$tmp/many"
refused "200 001 addresses" 413 '100000|limit|addresses' -H "$json" \
	--data-binary @"$tmp/many"

# address NAME VALUE STATUS: one that is too large, or none
address() {
	get /symbolize/v1 -H "$json" \
		-d '{"modules":[{"build_id":"'"$good"'","addresses":['"$2"']}]}'
	is "$1" "$status" "$3"
}
address "2^64 as a number is refused" 18446744073709551616 400
address "2^64 as a string is refused" '"0x10000000000000000"' 400
address "2^64 - 1 is an address" '"0xffffffffffffffff"' 200
is "of which nothing is known" "$(jq -c .results "$tmp/body")" '[[[]]]'
address "less than nothing is refused" -1 400
address "a fraction is refused" 1.5 400
address "a power is refused" 1e3 400
address "an empty address is refused" '""' 400
address "a word is refused" '"main"' 400

# Unknown IDs by the thousand
for i in {1..5}; do
	{
		printf '{"wait_ms":30000,"modules":['
		for ((k = 0; k < 1000; k++)); do
			printf '%s{"build_id":"dead%036d","addresses":[1,2]}' \
				"$([ "$k" = 0 ] || echo ,)" $((i * 1000 + k))
		done
		printf ']}'
	} >"$tmp/unknown.$i"
done
begun=$SECONDS
for i in {1..5}; do
	curl -s -m 60 -o "$tmp/absent.$i" -H "$json" \
		--data-binary @"$tmp/unknown.$i" "$url/symbolize/v1" &
	askers[i]=$!
done
wait "${askers[@]}"
is "5000 unknown IDs are absent" "$(cat "$tmp"/absent.? |
	jq -s '[.[].modules[].status] | group_by(.) | map([.[0], length])' -c)" \
	'[["absent",5000]]'
at_most "soon" $((SECONDS - begun)) "$long_s"

# ---- Framing -----------------------------------------------------------------

# raw TEXT: over a connection of its own; the first line of the answer
raw() {
	local line=""
	exec 7<>"/dev/tcp/127.0.0.1/${url##*:}" || return
	printf '%b' "$1" >&7
	IFS= read -r -t "$long_s" line <&7
	exec 7>&-
	echo "${line%$'\r'}"
}
head="POST /symbolize/v1 HTTP/1.1\r\nHost: x\r\n$json\r\n"
like "a length that is no number" "$(raw "${head}Content-Length: ten\r\n\r\n{}")" ' 400 '
like "a length below zero" "$(raw "${head}Content-Length: -5\r\n\r\n{}")" ' 400 '
like "two lengths" "$(raw "${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")" ' 400 '
like "a length without limit" \
	"$(raw "${head}Content-Length: 99999999999999999999\r\n\r\n{}")" ' (400|413) '
like "a length over the limit" \
	"$(raw "${head}Content-Length: 9000000000\r\n\r\n{}")" ' 413 '
like "a length that is too short ends in the middle" \
	"$(raw "${head}Content-Length: 5\r\n\r\n$question")" ' 400 '
# Longer than what comes: they hold no more than a connection each
for i in {1..20}; do
	(
		exec 7<>"/dev/tcp/127.0.0.1/${url##*:}"
		printf '%b' "${head}Content-Length: 10000000\r\n\r\n{" >&7
		while [ -e "$tmp/go" ]; do
			sleep 0.2
		done
	) 2>/dev/null &
	held[i]=$!
done

# ---- Other forms -------------------------------------------------------------

records='Content-Type: application/x-bpf-stack-build-id; depth=2'
head -c 64 /dev/zero | tr '\0' '\1' >"$tmp/records"
for size in 1 31 33 48 63; do
	head -c "$size" "$tmp/records" >"$tmp/cut"
	refused "records cut after $size bytes" 400 . -H "$records" \
		--data-binary @"$tmp/cut"
done
refused "records of depth 0" 415 Content-Type -H "${records/depth=2/depth=0}" \
	--data-binary @"$tmp/records"
refused "records of no endianness" 415 Content-Type -H "$records; endian=middle" \
	--data-binary @"$tmp/records"
noise 100000 >"$tmp/noise.bin"
get /symbolize/v1 -H 'Content-Type: text/plain' --data-binary @"$tmp/noise.bin"
like "noise as text is answered or refused" "$status" '^(200|400)$'
get /symbolize/v1 -H 'Content-Type: application/x-protobuf' \
	--data-binary @"$tmp/noise.bin"
is "noise as protobuf is refused" "$status" 400
head -c 15000000 /dev/zero | tr '\0' a >"$tmp/line"
get /symbolize/v1 -H 'Content-Type: text/plain' --data-binary @"$tmp/line"
like "a line of 15 MB is answered or refused" "$status" '^(200|400|413)$'
get /symbolicate/v5 -H "$json" --data-binary @"$tmp/nested"
is "brackets are refused by /symbolicate/v5, too" "$status" 400

# ---- Debug files -------------------------------------------------------------

# survives NAME NUMBER: the module has a status, and the symbol a name if any
survives() {
	local begun=$SECONDS
	get /symbolize/v1 -H "$json" -d '{"wait_ms":30000,"modules":[{"build_id":"'"$(hostile_id "$2")"'",
		"kind":"vaddr","addresses":["'"$(address_of "$pool/$1" "${3:-victim}")"'"]}]}'
	is "$1: is answered" "$status" 200
	like "$1: its module has a status" "$(jq -r '.modules[0].status' "$tmp/body")" \
		'^(ok|malformed|too_large)$'
	if [ "$(jq -r '.modules[0].status' "$tmp/body")" = ok ]; then
		is "$1: and its function a name" "$(jq -r \
			'. as $all | $all.frames[.results[0][0][-1]].function' \
			"$tmp/body")" "${3:-victim}"
	fi
	at_most "$1: in time" $((SECONDS - begun)) 30
	diag "$1: $(jq -c '.modules[0]' "$tmp/body")"
}
survives circle 1
survives deep 2
survives wide 3
survives rows 4
survives zigzag 5
[ "$claimed" = no ] || survives claim 6 helper
survives long 7
survives noise 8
survives loads 9
survives sections 10

# A hundred thousand addresses of what would be gone through for each of them
# many MEMBERS NUMBER: asked of that file
many() {
	{
		printf '{"wait_ms":30000,"modules":[{"build_id":"%s",%s,"addresses":[77' \
			"$(hostile_id "$2")" "$1"
		yes ',77' | head -n 99999 | tr -d '\n'
		printf ']}]}'
	} >"$tmp/many"
	get /symbolize/v1 -H "$json" --data-binary @"$tmp/many"
	is "100 000 addresses are answered for $1" "$status" 200
}
many '"kind":"file_offset"' 9
is "of too many segments none is taken" \
	"$(jq -r '.reasons[0]["0"]' "$tmp/body")" unmapped_offset
many '"kind":"section","section":"none"' 10
for i in {1..4}; do
	curl -s -m 60 -o "$tmp/absent.$i" "$url/buildid/$(hostile_id 9)/section/.x" &
	askers[i]=$!
done
wait "${askers[@]}"
get "/buildid/$(hostile_id 9)/meta"
is "nor told" "$(jq -c .segments "$tmp/body")" '[]'
at_most "nor kept (KiB)" "$(du -sk "$tmp/main.state" | cut -f 1)" 2000

# cut NAME: the last answer has a name and no line that might be another's, and
# says why
cut() {
	is "$1: a limit has cut it, and it says so" \
		"$(jq -r '.modules[0].message' "$tmp/body")" \
		'a limit cut its debug information'
	is "$1: its line is not known" "$(jq -c '.reasons[0]' "$tmp/body")" \
		'{"0":"no_line"}'
	is "$1: and not given" "$(jq -c \
		'[.frames[] | select(.inlined | not) | .line]' "$tmp/body")" \
		'[null]'
}
survives blocks 11
cut blocks
reached=$(metric 'symbolized_limits_reached_total{limit="dwarf"}')
at_least "such limits are counted" "$reached" 2

# ---- And they? ---------------------------------------------------------------

rm "$tmp/go"
wait "$prober" "${held[@]}" 2>/dev/null
is "the others were answered all the while, and rightly" "$(cat "$tmp/wrong")" ""
at_least "often" "$(wc -l <"$tmp/times")" 20
diag "$(wc -l <"$tmp/times") questions, the slowest took $(
	sort -g "$tmp/times" | tail -n 1) s"
is "the server is ready" "$(is_ready; echo $?)" 0
peak=$(awk '$1 == "VmHWM:" { print int($2 / 1024) }' "/proc/$pid/status")
diag "its memory was at most $peak MiB"
if ! grep -q fsanitize "$top_builddir/config.status" 2>/dev/null; then
	at_most "its memory is bounded (MiB)" "$peak" 400
fi

# ---- What is kept on disk ----------------------------------------------------

# is_kept NUMBER: is its table on disk?
is_kept() {
	[ "$(find "$tmp/main.cache/tables" -name "$(hostile_id "$1")-*.gsym")" ]
}
wait_until is_kept 11 || diag "its table is not on disk"
stop_server main
serve_ready main "$pool"
survives blocks 11
cut "blocks, from disk"
is "it was not built again" \
	"$(metric 'symbolized_symbol_table_operations_total{op="build"}')" 0

finish
