#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A function longer than 80 lines, head and braces included, has the comment
# /* flat: WHY */ in the line above it or is too long. A file has at most 1000
# lines. The layout of a function is clang-format's: its braces stand alone in
# the first column.
. "$(dirname "$0")/tap.sh"

# measure FILE...: lines of "FILE:LINE LENGTH NAME FLAT" for each function.
measure()
{
	awk '
	FNR == 1 { head = 0; body = 0; flat = 0 }
	/^{/ && head { body = head }
	/^}/ && body {
		name = text
		sub(/ *\(.*/, "", name)
		sub(/.*[ *]/, "", name)
		if (name == "START_TEST") {
			name = text
			gsub(/.*START_TEST\(|\).*/, "", name)
		}
		print FILENAME ":" body, FNR - body + 1, name, flat
		head = 0; body = 0; flat = 0
	}
	body { next }
	/^(\/\*| \*|\/\/|#|$|}|\t)/ {
		if (!/^\t/ || !head) {
			head = 0
			flat = /\/\* flat: .*\*\//
		}
		next
	}
	!head { head = FNR; text = "" }
	/^[A-Za-z_].*;$/ { head = 0; flat = 0; next }
	{ text = text " " $0 }' "$@"
}

self_test()
{
	local dir=$1
	{
		printf 'static int\nlong_one(int a,\n\tint b)\n{\n'
		yes '	step();' | head -n 77
		printf '}\n\n/* flat: a table */\nint table(void)\n{\n'
		yes '	step();' | head -n 90
		printf '}\n\nstruct x {\n\tint a;\n};\n\nSTART_TEST(a_case)\n{\n}\n'
	} >"$dir/a.c"
	measure "$dir/a.c" | sed "s|^$dir/||"
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tap_result "the lint measures functions, their heads and marks" "$(diff \
	<(printf 'a.c:1 82 long_one 0\na.c:85 93 table 1\na.c:183 3 a_case 0\n') \
	<(self_test "$dir"))"

for folder in $(c_folders); do
	mapfile -t files < <(c_files "$folder")
	sizes=$(measure "${files[@]}")
	tap_result "$folder has no function over 80 lines" "$(awk \
		'$2 > 80 && !$4 { print $1 ": " $3 " has " $2 " lines" }' \
		<<<"$sizes")"
	tap_result "$folder has no file over 1000 lines" "$(wc -l "${files[@]}" |
		awk '$2 != "total" && $1 > 1000 { print $2 ": " $1 " lines" }')"
	sort -k2n <<<"$sizes" | awk -v folder="$folder" '
		{ length_of[NR] = $2 }
		END {
			if (NR)
				printf "# %s: %d functions, median %d lines, " \
					"90 %% at most %d, longest %d\n",
					folder, NR, length_of[int((NR + 1) / 2)],
					length_of[int((NR * 9 + 9) / 10)],
					length_of[NR]
		}'
done
tap_done
