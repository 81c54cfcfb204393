#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `symbolized resolve --file` with a program whose debugging information lies in
# other files: .dwo where they were made or beside the program, and .dwp.
#
# Requirements: R-12.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" nm

mkdir "$tmp/made"
cat >"$tmp/made/p.c" <<'END'
volatile int sink;
static inline int inner(int x) { sink = x; return sink + 1; }
int main(int argc, char **argv) { return inner(argc) * 2; }
END
(cd "$tmp/made" && "$CC" -g -O2 -gsplit-dwarf -c -o p.o p.c &&
	"$CC" -o p p.o) || skip_all "$CC does not split DWARF"
[ -e "$tmp/made/p.dwo" ] || skip_all "$CC makes no p.dwo"
start=0x$(nm "$tmp/made/p" | awk '$3 == "main" { print $1 }')

# frames FILE: functions at the first bytes of main, each once
frames() {
	"$SYMBOLIZED" resolve --file "$1" --kind vaddr \
		"$start" "$(printf '%#x' $((start + 6)))" 2>"$tmp/log" |
		grep -E '^(inner|main)$' | sort -u | tr '\n' ' '
}

both='inner main '
is "a .dwo is found where it was made" "$(frames "$tmp/made/p")" "$both"
mkdir "$tmp/there"
mv "$tmp/made/p" "$tmp/made/p.dwo" "$tmp/there"
is "a .dwo is found beside the program" "$(frames "$tmp/there/p")" "$both"
is "and by a name without a directory" \
	"$(cd "$tmp/there" && frames p)" "$both"
mv "$tmp/there/p.dwo" "$tmp/there/p.dwp"
is "a .dwp is found by the program's name" "$(frames "$tmp/there/p")" "$both"
rm "$tmp/there/p.dwp"
is "without them there are the symbols" "$(frames "$tmp/there/p")" 'main '
mkfifo "$tmp/there/p.dwp"
is "what is no file is not waited for" "$(frames "$tmp/there/p")" 'main '
finish
