#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Addresses whose files are on another server, or some of them: fetched, made a
# table of, and kept; and what becomes of them while that server is ill.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need "$CC" readelf objcopy strip nm

src=$tmp/src
must write_program "$src"
mkdir "$tmp/pool"
declare -a id at

# make_tool NUMBER: stripped, its debugging information in a file of its own
make_tool() {
	build_program "$src" "$tmp/tool$1" -DN="$1" \
		-Wl,--build-id=0x"$(printf '%08x%032d' "$1" 0 | tr 0 b)" || return 1
	id[$1]=$(build_id "$tmp/tool$1")
	at[$1]=$(address_of "$tmp/tool$1" helper)
	split_program "$tmp/tool$1"
}
for i in {1..6} 9; do
	make_tool "$i" || die "make_tool $i"
done

# ask NUMBER [WAIT_MS]: for the first address of helper; leaves what the first
# module says in $said: status and, of a table, quality and origin
ask() {
	get /symbolize/v1 -H 'Content-Type: application/json' -d '{"modules":[{"build_id":"'"${id[$1]}"'","kind":"vaddr","addresses":["'"${at[$1]}"'"]}],"wait_ms":'"${2:-30000}"'}'
	said=$(tr -d '\n' <"$tmp/body" | sed 's/"frames".*//' |
		grep -oE '"(status|quality|origin)":("[a-z_]*"|null)' | tail -n +2 |
		sed 's/.*://; s/"//g' | tr '\n' ' ')
}

builds() {
	metric 'symbolized_symbol_table_operations_total{op="build"}'
}

start_fake up
for i in 1 2 4 5 9; do
	put up "${id[$i]}" debuginfo "$tmp/tool$i.debug"
done
put up "${id[1]}" executable "$tmp/tool1"
cp "$tmp/tool2" "$tmp/tool9" "$tmp/tool3" "$tmp/tool4" "$tmp/tool4.debug" "$tmp/pool"
options=(--upstream "${fake_url[up]}" --upstream-timeout 5)
serve_ready main "${options[@]}" "$tmp/pool"

# ---- Fetched and made a table of -------------------------------------------------

ask 1
is "what is nowhere here comes from there" "$said" "ok dwarf upstream "
like "with function and line" "$(body)" '"function":"helper".*"line":[1-9]'
is "both files were fetched, once" \
	"$(asked up "${id[1]}/debuginfo") $(asked up "${id[1]}/executable")" "1 1"
ask 2
is "the program is here, its debugging information there" "$said" "ok dwarf upstream "
is "the program was not asked for" "$(asked up "${id[2]}/executable")" 0
ask 3
is "where they have none either, there is what the program has" "$said" "ok dynsym local "
ask 4
is "what is here is not asked for there" "$said $(asked up "${id[4]}")" "ok dwarf local  0"
ask 6
is "what is nowhere is absent" "$said" "absent "
ask 6
is "and soon known to be" "$(asked up "${id[6]}/debuginfo")" 1
is "an unknown program costs one question" "$(asked up "${id[6]}")" 1
# Kernels pad IDs to 20 bytes: in the order of what they most probably are.
for length in 16 8 10; do
	full=$(printf '%0*d' $((2 * length)) 0 | tr 0 "$((length % 9))")
	must build_program "$src" "$tmp/padded$length" -DN="$length" -Wl,--build-id=0x"$full"
	put up "$full" debuginfo "$tmp/padded$length"
	id[$length]=$full$(printf '%0*d' $((40 - 2 * length)) 0)
	at[$length]=$(address_of "$tmp/padded$length" helper)
	ask "$length"
	is "an ID of $length bytes that is padded is found there, too" "$said" \
		"ok dwarf upstream "
	is "in two questions or three, and is asked for no more" \
		"$(ask "$length"; ask "$length"; asked up "${full:0:16}.*/debuginfo")" \
		$((length == 10 ? 3 : 2))
done
before=$(builds)
for i in 1 2 3 4; do
	ask "$i"
done
is "nothing is built again" "$(builds)" "$before"
stop_server main
serve_ready main "${options[@]}" "$tmp/pool"
ask 1
is "a restart knows table and origin" "$said $(builds)" "ok dwarf upstream  0"

# ---- By the command --------------------------------------------------------------

# resolved ARGUMENTS...: the first line that the command prints
resolved() {
	timeout "$long_s" "$SYMBOLIZED" resolve --kind vaddr "$@" 2>"$tmp/err" | head -n 1
}
stop_server main
index=(--state-dir "$tmp/main.state" --cache-dir "$tmp/own-cache")
is "without an upstream server the command knows its index alone" \
	"$(resolved "${index[@]}" "${id[1]}+${at[1]}" "${id[4]}+${at[4]}")" '??'
is "with one, what that has" \
	"$(resolved "${index[@]}" --upstream "${fake_url[up]}" "${id[1]}+${at[1]}")" helper
rm -r "$tmp/own-cache"
is "and with those in DEBUGINFOD_URLS" \
	"$(DEBUGINFOD_URLS=${fake_url[up]} resolved "${index[@]}" "${id[1]}+${at[1]}")" helper
rm -r "$tmp/own-cache"
is "unless it is to ask none" \
	"$(DEBUGINFOD_URLS=${fake_url[up]} resolved "${index[@]}" --upstream none "${id[1]}+${at[1]}")" '??'
serve_ready main "${options[@]}" "$tmp/pool"

# ---- An ill server ---------------------------------------------------------------

rule up '*' status=500
ask 9
is "what a server that fails may have more of is made a table of" "$said" "ok dynsym local "
rule up
is_whole() {
	ask 9
	[ "$said" = "ok dwarf upstream " ]
}
ok "which is bettered when that server is well again" wait_until is_whole
rule up '*' status=500
ask 5
is "a server that fails is an error of that module" "$said" "upstream_error "
ask 4
is "and of no other" "$said" "ok dwarf local "
stop_server main
rule up '*' delay=60000
serve_ready main --upstream "${fake_url[up]}" --upstream-timeout 15 "$tmp/pool"
ask 5 100
is "while a server does not answer the module is pending" "$said" "pending "
# It would be pending if it waited for that server, too.
ask 4 5000
is "what is here is answered as ever" "$said" "ok dwarf local "
rule up
is_there() {
	ask 5
	[ "$said" = "ok dwarf upstream " ]
}
ok "when it is well again, so is the answer" wait_until is_there

# ---- An alternate file -----------------------------------------------------------

if have dwz; then
	mkdir "$tmp/dwz"
	for i in 7 8; do
		build_program "$src" "$tmp/dwz/$i" -DN="$i" \
			-Wl,--build-id=0x"$(printf '%08x%032d' "$i" 0 | tr 0 c)" ||
			die "build $i"
		id[i]=$(build_id "$tmp/dwz/$i")
		at[i]=$(address_of "$tmp/dwz/$i" helper)
	done
	if dwz -m "$tmp/dwz/common" "$tmp/dwz/7" "$tmp/dwz/8" 2>"$tmp/dwz/said"; then
		for i in 7 8; do
			objcopy --only-keep-debug "$tmp/dwz/$i" "$tmp/dwz/$i.debug"
			put up "${id[$i]}" debuginfo "$tmp/dwz/$i.debug"
		done
		common=$(build_id "$tmp/dwz/common")
		ask 7
		is "what is dwz'ed is answered without its alternate file" "${said%% *}" ok
		is "which was asked for" "$(asked up "$common/debuginfo")" 1
		put up "$common" debuginfo "$tmp/dwz/common"
		stop_server main
		rm -r "$tmp/main.cache"
		serve_ready main "${options[@]}" "$tmp/pool"
		ask 8
		like "and with it in full" "$said $(tr -d '\n' <"$tmp/body")" \
			'^ok dwarf upstream .*"function":"helper".*"line":[1-9]'
		is "which is one table" "$(builds)" 1
	else
		skip "alternate files" "dwz says $(cat "$tmp/dwz/said")"
	fi
else
	skip "alternate files" "no dwz"
fi
finish
