#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Our answers beside those of llvm-symbolizer, the newest there is, with
# eu-addr2line for a third opinion: file and line of every frame, how many frames
# there are, and names up to the policy (schema/http.md). Programs are compiled
# for it, see lib_fixtures.sh; so many addresses of each are asked for that
# `make check` stays quick. The whole of it:
#
#	SYMBOLIZE_ADDRESSES=10000 SYMBOLIZE_CORPUS=DIR tests/it/symbolize-diff.sh
#
# DIR holds unpacked packages, DIR/PACKAGE/usr/…; those of corpus_targets below
# that are there are compared as well. In an empty DIR, on Debian:
#
#	for p in libc6 libc6-dbg libc6:arm64 …; do
#		apt-get download "$p" && dpkg-deb -x *.deb "$p" && rm *.deb
#	done
#
# with apt-get -o APT::Architectures::=arm64 … update before, for the foreign ones.
#
# What is compared and counted is said in tests/lib/sym_compare.c. Each class of
# disagreement is printed with examples.
#
# SYMBOLIZE_ADDRESSES  how many of each (600)
# SYMBOLIZE_ONLY       names of fixtures and targets; all
# SYMBOLIZE_EXAMPLES   of each class (2)
# SYMBOLIZE_SEED       another draws other addresses (1)
# LLVM_SYMBOLIZER, LLVM_GSYMUTIL  instead of the newest
# SYMBOLIZE_KEEP       directory for addresses, answers and results
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_fixtures.sh"
. "$top_srcdir/tests/it/lib_oracle.sh"
need gcc objcopy readelf "$llvm_symbolizer"
! grep -q fsanitize=thread "$top_builddir/config.status" 2>/dev/null ||
	skip_all "one thread"
[ -x "$sample" ] || skip_all "built without libdw, which draws addresses"

count=${SYMBOLIZE_ADDRESSES:-600}
work=${SYMBOLIZE_KEEP:-$tmp/diff}
mkdir -p "$work"

# Of 1000 addresses, how many must agree
least=999

# is_wanted NAME
is_wanted() {
	[ -z "${SYMBOLIZE_ONLY:-}" ] || [[ " $SYMBOLIZE_ONLY " = *" $1 "* ]]
}

# judge NAME DIR: asks all, compares and tests
judge() {
	local name=$1 dir=$2 permille
	if ! draw_addresses "$dir" "$count"; then
		fail "$name: addresses can be drawn"
		return
	fi
	if ! answer_ours "$dir"; then
		fail "$name: a table is built" "$reason"
		return
	fi
	answer_llvm "$dir"
	if ! compare_answers "$dir"; then
		fail "$name: answers can be compared" "$(tail -n 1 "$dir/result")"
		return
	fi
	permille=$(figure "$dir/result" same_permille)
	diag "$name: $(grep -v '^#' "$dir/result" | tr '\n' ' ')" \
		"$(grep -E '^(quality|problem)=' "$dir/report" | tr '\n' ' ')"
	grep '^#' "$dir/result"
	at_least "$name: file, line and depth are llvm-symbolizer's" \
		"${permille%%.*}" "$least"
	at_most "$name: a name differs by the policy only" \
		"$(figure "$dir/result" names_wrong)" \
		"$(($(figure "$dir/result" names) / 1000))"
	verify_gsym "$name" "$dir"
}

# LLVM reads what we wrote: the same function at some of the addresses.
verify_gsym() {
	local name=$1 dir=$2
	if ! have "$llvm_gsymutil"; then
		skip "$1: LLVM reads the table" "no llvm-gsymutil"
		return
	fi
	head -n 100 "$dir/asked" | sed "s|\$| $dir/table|" |
		"$llvm_gsymutil" --addresses-from-stdin 2>"$dir/gsymutil.log" |
		gsym_functions | grep -Ev ' ([?][?]|error: .*)$' >"$dir/gsymutil"
	last_functions "$dir/ours" | head -n 100 | grep -v ' ??$' >"$dir/found"
	same "$name: $llvm_gsymutil reads the table" "$dir/gsymutil" "$dir/found"
	[ -s "$dir/found" ] || fail "$name: functions are found in it"
}

# The address and the concrete function of each answer of gsymutil's
gsym_functions() {
	awk '
		/^0x[0-9a-f]*: / {
			if (at)
				print at, name
			at = $1
			sub(/:$/, "", at)
			sub(/^0x[0-9a-f]*: /, "")
		}
		/./ {
			name = $0
			sub(/^ +/, "", name)
			sub(/ @ .*/, "", name)
			sub(/ \+ [0-9]+$/, "", name)
			sub(/ \[inlined\]$/, "", name)
		}
		END { if (at) print at, name }' | sed 's/^0x0*/0x/'
}

# The same of each of our answers
last_functions() {
	awk '
		/^0x[0-9a-f]*$/ && !odd { at = $1; next }
		/^$/ && !odd { print at, name; next }
		{ odd = !odd; if (odd) name = $0 }' "$1"
}

for name in $fixture_names; do
	is_wanted "$name" || continue
	if make_fixture "$name" "$work/$name"; then
		judge "$name" "$work/$name"
	else
		skip "$name" "$reason"
	fi
	[ "${SYMBOLIZE_KEEP:-}" ] || rm -rf "${work:?}/$name"
done

# ---- Packages ----------------------------------------------------------------

# NAME, the package with the code, the file in it, the package with debugging
# information: "." if the file has its own, or "-" if it lies beside.
corpus_targets='
libc        libc6 */libc.so.6 libc6-dbg
libpython   libpython3.11 */libpython3.11.so.1.0 python3.11-dbg
libpython-d libpython3.11-dbg */libpython3.11d.so.1.0 .
ceph-osd    ceph-osd */bin/ceph-osd ceph-osd-dbg
libstdc++   libstdc++6-12-dbg */libstdc++.so.6.0.?? .
vmlinux     linux-image-*-amd64-dbg */boot/vmlinux-* .
xfs.ko      linux-image-*-amd64-dbg */fs/xfs/xfs.ko .
lua         liblua5.4-0 */liblua5.4.so.0.* liblua5.4-0-dbg
krb5        libkrb5-3 */libkrb5.so.3.* libkrb5-dbg
libc:arm64  libc6:arm64 */libc.so.6 libc6-dbg:arm64
libc:s390x  libc6:s390x */libc.so.6 libc6-dbg:s390x
'

# find_target PACKAGE FILE DEBUG-PACKAGE
find_target() {
	local file id debug
	# shellcheck disable=SC2086 # a pattern
	file=$(find -L "$SYMBOLIZE_CORPUS"/$1/ -path "$2" -type f 2>/dev/null |
		head -n 1)
	[ "$file" ] || return 1
	fx_exec="" fx_debug=$file fx_alt="" fx_dwos="" fx_dwp=""
	fx_oracle=$file fx_names=$file
	[ "$3" != . ] || return 0
	id=$(build_id "$file")
	debug=$(find -L "$SYMBOLIZE_CORPUS/$3/" \
		-path "*/.build-id/${id:0:2}/${id:2}.debug" 2>/dev/null | head -n 1)
	[ "$debug" ] || return 1
	fx_exec=$file fx_debug=$debug fx_oracle=$debug fx_names=$debug
	find_alt "$debug"
}

# find_alt DEBUG: what dwz took out. elfutils looks for it where it would be
# installed, so it is asked about a copy that names the file where it is.
find_alt() {
	local name
	name=$(readelf -p .gnu_debugaltlink "$1" 2>/dev/null |
		sed -n 's/^ *\[ *0\] *//p')
	[ "$name" ] || return 0
	fx_alt=$(find -L "$SYMBOLIZE_CORPUS" -path "*/.dwz/*/${name##*/}" |
		head -n 1)
	[ "$fx_alt" ] || return 1
	objcopy -O binary --only-section=.gnu_debugaltlink \
		--set-section-flags .gnu_debugaltlink=alloc "$1" "$work/link" &&
		{
			printf '%s\0' "$fx_alt"
			tail -c "+$((${#name} + 2))" "$work/link"
		} >"$work/new-link" &&
		objcopy --update-section .gnu_debugaltlink="$work/new-link" \
			"$1" "$work/with-alt" && fx_oracle=$work/with-alt
}

while read -r name package file debug; do
	{ [ "$name" ] && is_wanted "$name"; } || continue
	if [ -z "${SYMBOLIZE_CORPUS:-}" ]; then
		skip "$name" "no SYMBOLIZE_CORPUS"
	elif find_target "$package" "$file" "$debug"; then
		mkdir -p "$work/$name"
		if [[ $name = *.ko ]]; then
			linked "$work/$name" "$fx_debug" || {
				fail "$name can be linked" "$reason"
				continue
			}
			fx_oracle=$work/$name/linked fx_names=$work/$name/linked
		fi
		judge "$name" "$work/$name"
	else
		skip "$name" "$package or $debug is not in SYMBOLIZE_CORPUS"
	fi
done <<<"$corpus_targets"

finish
