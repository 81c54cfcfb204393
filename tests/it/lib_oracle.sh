# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Asking others what an address is, and comparing. Sourced after
# lib_fixtures.sh, which says what the fx_ variables are.

sample=$top_builddir/tests/lib/sym_sample
compare=$top_builddir/tests/lib/sym_compare
answer=$top_builddir/tests/lib/sym_answer
llvm_symbolizer=${LLVM_SYMBOLIZER:-$(newest llvm-symbolizer)}
llvm_gsymutil=${LLVM_GSYMUTIL:-$(newest llvm-gsymutil)}

# figure FILE KEY
figure() {
	sed -n "s/^$2=//p" "$1" | tail -n 1
}

# draw_addresses DIR COUNT: DIR/drawn, with kinds, and DIR/asked, bare. In a
# relocatable file an address is one of the linked file, see linked().
draw_addresses() {
	local dir=$1 count=$2 code=$fx_exec
	[ "$fx_oracle" = "$fx_debug" ] || code=$fx_oracle
	"$sample" -n "$count" -s "${SYMBOLIZE_SEED:-1}" \
		${code:+-x "$code"} "$fx_names" >"$dir/drawn" ||
		return 1
	cut -d' ' -f1 "$dir/drawn" >"$dir/asked"
}

# answer_ours DIR: built and asked without the service
answer_ours() {
	local dir=$1 each args=()
	[ -z "$fx_debug" ] || args+=(-d "$fx_debug")
	[ -z "$fx_exec" ] || args+=(-x "$fx_exec")
	[ -z "$fx_alt" ] || args+=(-a "$fx_alt")
	[ -z "$fx_dwp" ] || args+=(-p "$fx_dwp")
	for each in $fx_dwos; do
		args+=(-w "$each")
	done
	"$answer" "${args[@]}" -o "$dir/table" <"$dir/asked" >"$dir/ours" \
		2>"$dir/report" || {
		reason=$(tail -n 1 "$dir/report")
		return 1
	}
}

# answer_llvm DIR: in the file's directory, where it looks for others
answer_llvm() {
	(cd "$(dirname "$fx_oracle")" && "$llvm_symbolizer" -a --no-demangle \
		${fx_dwp:+--dwp="$fx_dwp"} --obj="$fx_oracle" <"$1/asked") \
		>"$1/llvm" 2>"$1/llvm.log"
}

# answer_elfutils DIR FILE: to the addresses in FILE. Fails where there is none,
# or it gives up
answer_elfutils() {
	have eu-addr2line && (cd "$(dirname "$fx_oracle")" && eu-addr2line -a \
		-i -f -A -e "$fx_oracle" <"$2") >"$1/elfutils" 2>/dev/null &&
		[ "$(grep -c '^0x[0-9a-f]*$' "$1/elfutils")" = "$(wc -l <"$2")" ]
}

# compare_answers DIR: DIR/result. elfutils is asked where we differ, as it is
# slow. But LLVM knows nothing of dwz's other file: there it is elfutils we have
# to agree with.
compare_answers() {
	local dir=$1 args=(-v "${SYMBOLIZE_EXAMPLES:-2}" -e "$fx_names")
	args+=(-d "$dir/different" "$dir/drawn" "$dir/ours")
	if [ "$fx_alt" ] && [[ $fx_oracle != */whole ]] &&
		answer_elfutils "$dir" "$dir/asked"; then
		"$compare" -l "${args[@]}" "$dir/elfutils" "$dir/llvm" \
			>"$dir/result" 2>&1
		return
	fi
	"$compare" "${args[@]}" "$dir/llvm" >"$dir/result" 2>&1 || return 1
	[ -s "$dir/different" ] || return 0
	head -n 200 "$dir/different" >"$dir/doubtful"
	! answer_elfutils "$dir" "$dir/doubtful" ||
		"$compare" "${args[@]}" "$dir/llvm" "$dir/elfutils" \
			>"$dir/result" 2>&1
}
