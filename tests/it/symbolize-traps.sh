#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What symbolizers go wrong at, each with real files through a server:
#
#   1  a file offset is no address: lld, -z separate-code     here
#   2  the program headers of a debug file lie                here
#   3  one file offset in two segments                        here; test_symtab_layout
#   4  a call that does not return, at the end of a function  here
#   5  build IDs of 8, 16, 20 and 32 bytes, padded, cut       here
#   6  _text and _stext are not the same place                here
#   7  relocatable files                                      here; symbolize-diff, module
#   8  PLT stubs, indirect functions, the vDSO                here; test_elf_plt
#   9  functions in several parts                             here
#  10  dwz, split DWARF, compressed sections, DWARF 5         here; symbolize-diff
#  11  names: aliases, versions, tags, languages              here; test_symtab_names
#  12  mappings of OpenTelemetry: none for a kernel           here
#  13  /symbolicate/v5: no module, no offset, twice, odd names here; test_wire
#  14  Symbolicator's interface is not offered by halves      here
#  15  a hundred who ask for one build ID                     here; symbolize-service
#  16  an upstream server that is ill                         symbolize-upstream
#  17  damaged and hostile files                              symbolize-hostile; tests/fuzz
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_fixtures.sh"
need gcc g++ curl jq objcopy strip readelf nm ld objdump

pool=$tmp/pool
mkdir "$pool"

# stored FILE NAME: into the pool under that name
stored() {
	cp "$1" "$pool/$2"
}

# offset_in FILE ADDRESS: where in the file the byte at an address is
offset_in() {
	readelf -lW "$1" | awk '$1 == "LOAD" { print $2, $3, $5 }' |
		while read -r offset vaddr size; do
			if (($2 >= vaddr && $2 < vaddr + size)); then
				printf '0x%x\n' $(($2 - vaddr + offset))
				break
			fi
		done
}

# ask ID KIND ADDRESSES [MORE JSON]: of one module
ask() {
	local addresses=\"${3// /\",\"}\"
	get /symbolize/v1 -H 'Content-Type: application/json' -d '{"modules":[{
		"build_id":"'"$1"'","kind":"'"$2"'","addresses":['"$addresses"']
		'"${4:+,$4}"'}],"wait_ms":30000}'
}

# functions: of each address the chain, innermost first; nothing is ??
functions() {
	jq -r '. as $all | [.results[][] | if length == 0 then "??" else
		[.[] | $all.frames[.].function] | join("<") end] | join(" ")' \
		"$tmp/body"
}

# linkage: of each address the concrete function as the file has it
linkage() {
	jq -r '. as $all | [.results[][] | $all.frames[.[-1]] |
		.linkage_name // .function] | join(" ")' "$tmp/body"
}

# places: of each address FILE:LINE of the innermost frame, without directory
places() {
	jq -r '. as $all | [.results[][] | if length == 0 then "??" else
		$all.frames[.[0]] | "\(.file | sub(".*/"; "")):\(.line)" end] |
		join(" ")' "$tmp/body"
}

statuses() {
	jq -r '[.modules[].status] | join(" ")' "$tmp/body"
}

reasons() {
	jq -c '.reasons' "$tmp/body"
}

# breakpad ID: as Breakpad writes it, of 16 bytes
breakpad() {
	local guid
	guid=$(sed -E 's/(..)(..)(..)(..)(..)(..)(..)(..)(.{16}).*/\4\3\2\1\6\5\8\7\9/' \
		<<<"$1")
	echo "${guid^^}0"
}

# base_of FILE: its lowest address
base_of() {
	readelf -lW "$1" | awk '$1 == "LOAD" { print $3; exit }'
}

# made NAME: a fixture, in $tmp/NAME; false if it cannot be
made() {
	make_fixture "$1" "$tmp/$1" || {
		skip "$1" "$reason"
		return 1
	}
}

# needed NAME: one that gcc makes
needed() {
	make_fixture "$1" "$tmp/$1" || die "$reason"
}

needed c-gcc
c_prog=$fx_debug
stored "$c_prog" c-gcc
c_id=$(build_id "$c_prog")

# ---- Files for all of it -----------------------------------------------------

write_program "$tmp/src"

# 1
has_lld=no
if made lld; then
	has_lld=yes
	stored "$fx_debug" lld
	lld_prog=$fx_debug
fi

# 2: the debug file says that everything begins at 0 of the file
must build_program "$tmp/src" "$tmp/lies" -Wl,--build-id=0x"$(printf %040d 2)"
must split_program "$tmp/lies"
phoff=$(readelf -h "$tmp/lies.debug" | awk '/Start of program headers/ { print $5 }')
phnum=$(readelf -h "$tmp/lies.debug" | awk '/Number of program headers/ { print $5 }')
for ((i = 0; i < phnum; i++)); do
	dd if=/dev/zero of="$tmp/lies.debug" bs=1 seek=$((phoff + 56 * i + 8)) \
		count=8 conv=notrunc status=none
done
stored "$tmp/lies" lies
stored "$tmp/lies.debug" lies.debug

# 3: a read-only segment that ends, and an executable one that begins, in one
# page of the file; the first is made to reach over the second
must build_program "$tmp/src" "$tmp/overlap" -Wl,-z,noseparate-code \
	-Wl,--build-id=0x"$(printf %040d 3)"
cp "$tmp/overlap" "$tmp/overlap.whole"
read -r phoff phnum < <(readelf -h "$tmp/overlap" | awk '
	/Start of program headers/ { off = $5 }
	/Number of program headers/ { print off, $5 }')
code=$(readelf -lW "$tmp/overlap" 2>/dev/null | awk '$1 == "LOAD" && / E /' | head -n 1)
read -r _ code_offset code_vaddr _ code_size _ <<<"$code"
# PT_NOTE becomes a second PT_LOAD of the same bytes, elsewhere, not executable
note=$(readelf -lW "$tmp/overlap" 2>/dev/null | awk '
	/^  [A-Z]/ && $1 != "Type" { n++ }
	$1 == "NOTE" && !at { at = n } END { print at - 1 }')
# number VALUE: its 8 bytes, little-endian
number() {
	local i
	for ((i = 0; i < 8; i++)); do
		# shellcheck disable=SC2059
		printf "\\x$(printf %x $(($1 >> 8 * i & 255)))"
	done
}
{
	printf '\x01\x00\x00\x00\x04\x00\x00\x00'
	number $((code_offset))
	number $((code_vaddr + 0x40000000))
	number $((code_vaddr + 0x40000000))
	number $((code_size))
	number $((code_size))
	number 4096
} | dd of="$tmp/overlap" bs=1 seek=$((phoff + 56 * note)) conv=notrunc \
	status=none
stored "$tmp/overlap" overlap

# 5: none shall be the beginning of another
declare -A sized=([8]=5508aaaaaaaaaaaa [16]=5516bbbbbbbbbbbbbbbbbbbbbbbbbbbb
	[20]=5520cccccccccccccccccccccccccccccccccccc
	[32]=5532dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd)
for size in "${!sized[@]}"; do
	must build_program "$tmp/src" "$pool/sized-$size" \
		-Wl,--build-id=0x"${sized[$size]}"
done

# 6, 12: like a kernel, with 64 KiB between the two
cat >"$tmp/kernel.c" <<'END'
int start_kernel(int value)
{
	return value * 3;
}
END
cat >"$tmp/kernel.ld" <<'END'
SECTIONS {
	. = 0xffffffff81000000;
	_text = .;
	.head.text : { . = . + 0x10000; }
	_stext = .;
	.text : { *(.text) }
	.note.gnu.build-id : { *(.note.gnu.build-id) }
}
END
must gcc -g -O1 -mcmodel=kernel -fno-pie -no-pie -static -nostdlib \
	-Wl,--build-id=0x"$(printf %040d 6)" -Wl,-T,"$tmp/kernel.ld" \
	-Wl,-e,start_kernel -o "$pool/kernel" "$tmp/kernel.c"

# 7
needed module
stored "$fx_debug" module.ko

# 8
cat >"$tmp/plt.c" <<'END'
#include <stdio.h>
static int plain(int a) { return a + 1; }
static int (*resolve(void))(int) { return plain; }
int indirect(int a) __attribute__((ifunc("resolve")));
int main(int argc, char **argv) { puts(argv[0]); return indirect(argc); }
END
must gcc -O1 -fcf-protection=none -Wl,-z,lazy -o "$tmp/plt" "$tmp/plt.c" \
	-Wl,--build-id=0x"$(printf %040d 8)"
cp "$tmp/plt" "$tmp/plt.whole"
must gcc -O1 -o "$pool/indirect" "$tmp/plt.c" -fcf-protection=none \
	-Wl,-z,lazy -Wl,--build-id=0x"$(printf %040d 88)"
must strip "$tmp/plt"
stored "$tmp/plt" plt
# The vDSO of the kernel that runs, out of the memory of this shell
vdso=$(awk '/\[vdso\]/ { print $1 }' "/proc/$$/maps")
vdso_start=$((16#${vdso%-*})) vdso_end=$((16#${vdso#*-}))
[ ! "$vdso" ] || dd if="/proc/$$/mem" of="$pool/vdso" bs=4096 status=none \
	skip=$((vdso_start / 4096)) count=$(((vdso_end - vdso_start) / 4096)) \
	2>/dev/null

# 10: each part in a place of its own
has_dwz=no
if made dwz-multi; then
	has_dwz=yes
	mkdir "$pool/a" "$pool/b" "$pool/c"
	cp "$fx_exec" "$pool/a/prog"
	cp "$fx_debug" "$pool/b/prog.debug"
	cp "$fx_alt" "$pool/c/common"
	dwz_prog=$tmp/dwz-multi/whole
fi
for name in zlib zstd zdebug; do
	# Each is the same program: a build ID of its own
	if made "$name"; then
		printf '%s' "$name" | od -An -tx1 | tr -d ' \n' >"$tmp/$name.hex"
		id=$(printf '%-40s' "$(cat "$tmp/$name.hex")" | tr ' ' 0)
		objcopy --remove-section=.note.gnu.build-id "$fx_debug" \
			"$tmp/$name.bare" 2>/dev/null
		printf '\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0' >"$tmp/$name.note"
		for ((i = 0; i < 40; i += 2)); do
			# shellcheck disable=SC2059
			printf "\\x${id:i:2}"
		done >>"$tmp/$name.note"
		objcopy --add-section .note.gnu.build-id="$tmp/$name.note" \
			--set-section-flags .note.gnu.build-id=readonly \
			"$tmp/$name.bare" "$pool/$name" 2>/dev/null
	fi
done

# 11
cat >"$tmp/names.c" <<'END'
int ___aliased(int a) { return a * 5; }
extern __typeof(___aliased) __aliased __attribute__((alias("___aliased")));
extern __typeof(___aliased) aliased __attribute__((alias("___aliased")));
extern __typeof(___aliased) __GI_aliased __attribute__((alias("___aliased")));
extern __typeof(___aliased) weak_one __attribute__((weak, alias("___aliased")));
int versioned_new(int a) { return a * 7; }
__asm__(".symver versioned_new, versioned@@NEW_2.0");
END
printf 'NEW_2.0 { global: versioned; local: versioned_new; };\n' >"$tmp/names.map"
must gcc -O1 -shared -fPIC -o "$pool/names" "$tmp/names.c" \
	-Wl,--version-script="$tmp/names.map" \
	-Wl,--build-id=0x"$(printf %040d 11)"
needed cxx-gcc
stored "$fx_debug" cxx
has_rust=no
if made rust; then
	has_rust=yes
	stored "$fx_debug" rust
	rust_prog=$fx_debug
fi
has_go=no
if made go && [ "$(build_id "$fx_debug")" ]; then
	has_go=yes
fi

serve_ready traps "$pool"

# ---- 1 -----------------------------------------------------------------------

if [ "$has_lld" = yes ]; then
	at=$(address_of "$lld_prog" main)
	offset=$(offset_in "$lld_prog" "$at")
	isnt "1: lld's file offsets are not addresses" $((at)) $((offset))
	ask "$(build_id "$lld_prog")" file_offset "$offset"
	is "1: an offset in the file is told from an address" "$(linkage)" main
	ask "$(build_id "$lld_prog")" vaddr "$at"
	is "1: and an address from an offset" "$(linkage)" main
fi

# ---- 2 -----------------------------------------------------------------------

at=$(address_of "$tmp/lies.debug" helper)
ask "$(printf %040d 2)" file_offset "$(offset_in "$tmp/lies" "$at")"
is "2: offsets are those of the executable, whatever its debug file says" \
	"$(functions)" helper

# ---- 3 -----------------------------------------------------------------------

at=$(address_of "$tmp/overlap.whole" helper)
ask "$(printf %040d 3)" file_offset "$(offset_in "$tmp/overlap.whole" "$at")"
is "3: an offset in two segments is that of the code" "$(functions)" helper

# ---- 4 -----------------------------------------------------------------------

# The last instruction of a function calls what does not return
read -r back caller < <(objdump -d --no-show-raw-insn "$c_prog" | awk '
	/^[0-9a-f]+ <.*>:$/ { next_name = $2
		if (was_call) { print "0x" $1, name; exit }
		name = $2; was_call = 0; next }
	/call .*<give_up>/ { was_call = name ~ /^<function_[0-9]+(.cold)?>:$/; next }
	/[0-9a-f]+:/ { if ($2 !~ /^(nop|xchg|data16|cs)/) was_call = 0 }')
if [ "$back" ]; then
	caller=${caller#<}
	caller=${caller%>:}
	# Padding may stand before the next function: then nothing is there
	ask "$c_id" vaddr "$back"
	isnt "4: behind a call that does not return is another function" \
		"$(linkage)" "$caller"
	ask "$c_id" vaddr "$back" '"return_addresses":true'
	is "4: a return address belongs to the call" "$(linkage)" "$caller"
	get /symbolize/v1 -H 'Content-Type: text/plain' -d \
		"$c_id+$(offset_in "$c_prog" "$(address_of "$c_prog" main)");$c_id+$(offset_in "$c_prog" "$back") 1"
	unlike "4: the leaf of a stack is exact: no return address" "$(body)" \
		";$caller( |;|\$)"
else
	skip "4: a call that does not return" "the compiler made none at an end"
fi

# ---- 5 -----------------------------------------------------------------------

for size in 8 16 20 32; do
	file=$pool/sized-$size
	at=$(address_of "$file" helper)
	ask "${sized[$size]}" vaddr "$at"
	is "5: a build ID of $size bytes" "$(functions)" helper
	if [ "$size" -le 20 ]; then
		padded=$(printf '%-40s' "${sized[$size]}" | tr ' ' 0)
		ask "$padded" vaddr "$at"
		is "5: one of $size bytes, padded to 20 as the kernel does" \
			"$(functions)" helper
	fi
	guid=$(printf '%-32s' "${sized[$size]:0:32}" | tr ' ' 0)
	guid=$(breakpad "$guid")
	get /symbolicate/v5 -H 'Content-Type: application/json' -d '{"jobs":[{
		"memoryMap":[["prog","'"$guid"'"]],
		"stacks":[[[0,'$((at - $(base_of "$file")))']]]}]}'
	like "5: one of $size bytes, as 16 in Breakpad's way" "$(body)" \
		'"function":"helper"'
done
ask "ab/cd" vaddr 0x1
is "5: an ID with a slash is none" "$status $(statuses)" "200 malformed"

# ---- 6, 12 -------------------------------------------------------------------

id=$(printf %040d 6)
running=0xffffffffa2c00000
at=$(address_of "$pool/kernel" start_kernel)
from_text=$(printf '0x%x' $((running + at - 0xffffffff81000000)))
ask "$id" kernel "$from_text" '"base_symbol":"_text","base":"'"$running"'"'
is "6: a kernel's address, from _text" "$(functions)" start_kernel
ask "$id" kernel "$(printf '0x%x' $((running + at - 0xffffffff81010000)))" \
	'"base_symbol":"_stext","base":"'"$running"'"'
is "6: from _stext, which lies elsewhere" "$(functions)" start_kernel
ask "$id" kernel "$from_text" '"base_symbol":"_stext","base":"'"$running"'"'
is "6: the one is not taken for the other" "$(functions)" '??'
ask "$id" kernel "$(printf '0x%x' $((at - 0xffffffff81010000)))" \
	'"base_symbol":"_stext","base":"0x0"'
is "12: an address relative to _stext, as OpenTelemetry's agent sends" \
	"$(functions)" start_kernel
ask "$id" vaddr "$(printf '0x%x' $((at - 0xffffffff81010000)))"
is "12: which is no address of the file" "$(functions)" '??'

# ---- 7 -----------------------------------------------------------------------

id=$(build_id "$pool/module.ko")
for section in .text .init.text; do
	read -r at name < <(readelf -sW "$pool/module.ko" | awk -v want="$(
		readelf -SW "$pool/module.ko" |
			sed -n "s/^ *\[ *\([0-9]*\)\] $section .*/\1/p")" \
		'$7 == want && $4 == "FUNC" && $8 ~ /^function_/ { print "0x" $2, $8; exit }')
	ask "$id" section "$at" '"section":"'"$section"'"'
	is "7: of a module, an offset in $section" "$(linkage)" "$name"
	like "7: with its line, relocated" "$(places)" '^(main\.c|deep\.h):[1-9]'
done
ask "$id" section 0x10 '"section":".none"'
is "7: a section it does not have" "$(reasons)" '[{"0":"bad_address"}]'

# ---- 8 -----------------------------------------------------------------------

id=$(printf %040d 8)
stub=$(objdump -d "$tmp/plt.whole" | sed -n 's/^0*\([0-9a-f]*\) <puts@plt>:$/0x\1/p')
ask "$id" vaddr "$stub"
is "8: a stub of the PLT has its function's name" "$(functions)" puts@plt
at=$(nm "$tmp/plt.whole" | awk '$2 == "i" && $3 == "indirect" { print "0x" $1 }')
ask "$(build_id "$pool/indirect")" vaddr "$at"
like "8: an indirect function's resolver has a name" "$(functions)" \
	'^(indirect|resolve)$'
if [ -s "$pool/vdso" ]; then
	id=$(build_id "$pool/vdso")
	read -r at name < <(nm -D "$pool/vdso" | awk '$2 == "T" { print "0x" $1, $3; exit }')
	ask "$id" vaddr "$at"
	names=$(nm -D "$pool/vdso" | awk -v at="${at#0x}" '$1 == at { print $3 }' | sed 's/@.*//')
	like "8: a function of the vDSO goes by one of its names" " ${names//$'\n'/ } " \
		" $(functions) "
else
	skip "8: the vDSO" "cannot be read"
fi

# ---- 9 -----------------------------------------------------------------------

read -r at name < <(nm "$c_prog" | awk '$3 ~ /\.cold$/ { print "0x" $1, $3; exit }')
if [ "$name" ]; then
	ask "$c_id" vaddr "$at"
	whole=${name%%.*}
	like "9: a cold part goes by its function's name" "$(functions)" \
		"(^|<)$whole\$"
	is "9: and keeps its own as that of the object file" "$(linkage)" "$name"
	is "9: its start is its own" "$(jq -r '.frames[-1].start' "$tmp/body")" \
		"$(printf '0x%x' $((at)))"
else
	skip "9: functions in parts" "the compiler made none"
fi

# ---- 10 ----------------------------------------------------------------------

if [ "$has_dwz" = yes ]; then
	at=$(address_of "$dwz_prog" plain_c)
	ask "$(build_id "$dwz_prog")" vaddr "$at"
	like "10: program, debug file and what dwz shares, in three places" \
		"$(places) $(functions)" '^main.cc:[0-9]+ .*plain_c$'
fi
for name in zlib zstd zdebug; do
	[ -e "$pool/$name" ] || continue
	ask "$(build_id "$pool/$name")" vaddr "$(address_of "$pool/$name" plain_c)"
	like "10: $name" "$(places) $(functions)" '^main.cc:[0-9]+ .*plain_c$'
done

# ---- 11 ----------------------------------------------------------------------

id=$(printf %040d 11)
ask "$id" vaddr "$(address_of "$pool/names" ___aliased)"
is "11: of several names one is chosen, with the fewest underscores" \
	"$(functions)" aliased
at=$(nm -D "$pool/names" | awk '$3 ~ /^versioned@/ { print "0x" $1 }')
ask "$id" vaddr "$at"
is "11: versions are not part of a name" "$(functions)" versioned
id=$(build_id "$pool/cxx")
at=$(nm "$pool/cxx" | awk '$3 ~ /issue/ { print "0x" $1; exit }')
ask "$id" vaddr "$at"
like "11: C++ with a tag" "$(functions)" \
	'shop::issue\[abi:tagged\]\(int\)'
get /symbolize/v1 -H 'Content-Type: application/json' -d '{"demangle":false,
	"modules":[{"build_id":"'"$id"'","kind":"vaddr","addresses":["'"$at"'"]}]}'
like "11: and mangled" "$(functions)" '_ZN4shop5issueB6taggedEi$'
if [ "$has_rust" = yes ]; then
	at=$(nm "$rust_prog" | awk '$3 ~ /5total/ { print "0x" $1; exit }')
	ask "$(build_id "$rust_prog")" vaddr "$at"
	like "11: Rust" "$(functions)" '(^|<)main::total'
	unlike "11: without its hash" "$(functions)" '::h[0-9a-f]{16}'
fi
if [ "$has_go" = yes ]; then
	stored "$tmp/go/prog" go
	rescan traps
	ask "$(build_id "$tmp/go/prog")" vaddr "$(address_of "$tmp/go/prog" main.main)"
	like "11: Go" "$(functions)" 'main\.main$'
fi

# ---- 13 ----------------------------------------------------------------------

at=$((0x$(nm "$c_prog" | awk '$3 == "main" { print $1 }')))
guid=$(breakpad "$c_id")
base=$(base_of "$c_prog")
get /symbolicate/v5 -H 'Content-Type: application/json' -d '{"memoryMap":[
	["a.out","'"$guid"'"],["a.out","'"$guid"'"]],
	"stacks":[[[0,'$((at - base))'],[1,'$((at - base))'],[-1,4660],[0,-1]]]}'
is "13: a request without jobs is one" "$status" 200
is "13: no module, no offset and a module twice are answered" \
	"$(jq -r '[.results[0].stacks[0][] | .function // "none"] | join(" ")' "$tmp/body")" \
	"$(jq -r '.results[0].stacks[0][0].function' "$tmp/body") $(
		jq -r '.results[0].stacks[0][0].function' "$tmp/body") none none"
like "13: the function is main" "$(body)" '"function":"main"'
get /symbolicate/v5 -H 'Content-Type: application/json' -d '{"memoryMap":[
	["../../etc/passwd","'"$guid"'"]],"stacks":[[[0,1]]]}'
is "13: a name with slashes is no path" "$status" 400

# ---- 14 ----------------------------------------------------------------------

get /symbolicate -H 'Content-Type: application/json' \
	-d '{"stacktraces":[],"modules":[]}'
is "14: Symbolicator's route is unknown, not half there" "$status" 404

# ---- 15 ----------------------------------------------------------------------

must build_program "$tmp/src" "$pool/wanted" -Wl,--build-id=0x"$(printf %040d 15)"
rescan traps
at=$(address_of "$pool/wanted" helper)
built() {
	grep -c "table built.*build_id=$(printf %040d 15)" "$tmp/traps.log"
}
for ((i = 0; i < 100; i++)); do
	curl -s -m 60 -o "$tmp/answer.$i" -H 'Content-Type: application/json' \
		-d '{"modules":[{"build_id":"'"$(printf %040d 15)"'","kind":"vaddr","addresses":["'"$at"'"]}],"wait_ms":30000}' \
		"$url/symbolize/v1" &
	askers[i]=$!
done
wait "${askers[@]}"
is "15: a hundred are answered" \
	"$(grep -l '"function":"helper"' "$tmp"/answer.* | wc -l)" 100
is "15: by one table" "$(built)" 1

finish
