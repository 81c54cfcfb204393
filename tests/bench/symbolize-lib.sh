# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Shared by the benchmarks of symbolizing: what is asked about, who is asked.
# Sourced instead of lib.sh, after "set -euo pipefail".
#
# SYMBOLIZE_CORPUS: unpacked packages, as tests/it/symbolize-diff.sh wants them:
# linux-image-*-dbg, ceph-osd and ceph-osd-dbg, libc6 and libc6-dbg,
# libpython3.11 and python3.11-dbg or libpython3.11-dbg.
# SYMBOLIZE_TOOLS: a build directory in which "make check TESTS=" has been run.

NEED_PEER=''
# shellcheck source=tests/bench/lib.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"
: "${SYMBOLIZE_CORPUS:?unpacked packages, see tests/it/symbolize-diff.sh}"
: "${SYMBOLIZE_TOOLS:=$(dirname "$SYMBOLIZED")}"
sym_sample=$SYMBOLIZE_TOOLS/tests/lib/sym_sample
sym_answer=$SYMBOLIZE_TOOLS/tests/lib/sym_answer
if [ ! -x "$sym_sample" ] || [ ! -x "$sym_answer" ]; then
	die "$SYMBOLIZE_TOOLS: make check TESTS= there first"
fi
need readelf
build_helper symload -pthread
symload=$BENCH_WORK/bin/symload
work=$BENCH_WORK/symbolize
mkdir -p "$work"

# newest PROGRAM
newest() {
	compgen -c "$1-" | grep -E "^$1-[0-9]+$" | sort -t- -k3n -V | tail -n 1 |
		grep . || echo "$1"
}
llvm_symbolizer=${LLVM_SYMBOLIZER:-$(newest llvm-symbolizer)}
llvm_gsymutil=${LLVM_GSYMUTIL:-$(newest llvm-gsymutil)}
need "$llvm_symbolizer" "$llvm_gsymutil"

# ---- Targets -----------------------------------------------------------------
# exec_of, debug_of and id_of by name: vmlinux, cxx, libc, libpython; those the
# corpus has are in $targets.

declare -A exec_of=() debug_of=() id_of=()
targets=()

# debug_file ID
debug_file() {
	find -L "$SYMBOLIZE_CORPUS" -path "*/.build-id/${1:0:2}/${1:2}.debug" \
		2>/dev/null | head -n 1
}

# target NAME EXECUTABLE DEBUG
add_target() {
	[ "$2" ] && [ "$3" ] || return 0
	exec_of[$1]=$2 debug_of[$1]=$3
	id_of[$1]=$(build_id "$2")
	targets+=("$1")
}

find_targets() {
	local file
	file=$(find -L "$SYMBOLIZE_CORPUS"/linux-image-*-dbg/ -name 'vmlinux-*' \
		-type f 2>/dev/null | head -n 1)
	add_target vmlinux "$file" "$file"
	file=$(find -L "$SYMBOLIZE_CORPUS/ceph-osd/" -path '*/bin/ceph-osd' \
		2>/dev/null | head -n 1)
	[ ! "$file" ] || add_target cxx "$file" "$(debug_file "$(build_id "$file")")"
	file=$(find -L "$SYMBOLIZE_CORPUS/libc6/" -name libc.so.6 -type f \
		2>/dev/null | head -n 1)
	[ ! "$file" ] || add_target libc "$file" "$(debug_file "$(build_id "$file")")"
	file=$(find -L "$SYMBOLIZE_CORPUS"/libpython3.11{,-dbg}/ \
		-name 'libpython3.11*.so.1.0' -type f 2>/dev/null)
	for file in $file; do
		readelf -SW "$file" | grep -q ' \.debug_info' &&
			add_target libpython "$file" "$file" && break
	done
	[ "${#targets[@]}" -gt 0 ] || die "$SYMBOLIZE_CORPUS has none of the targets"
}
find_targets

# draw NAME COUNT: $work/NAME.vaddr and $work/NAME.offset, the same addresses
draw() {
	local name=$1 count=$2
	if [ ! -e "$work/$name.vaddr" ] ||
		[ "$(wc -l <"$work/$name.vaddr")" != "$count" ]; then
		"$sym_sample" -n "$count" -x "${exec_of[$name]}" \
			"${debug_of[$name]}" | cut -d' ' -f1 >"$work/$name.vaddr"
		"$sym_sample" -f -n "$count" -x "${exec_of[$name]}" \
			"${debug_of[$name]}" | cut -d' ' -f1 >"$work/$name.offset"
	fi
}

# ---- Who is asked ------------------------------------------------------------

# fed FILE COMMAND...: seconds of user and system time of a command that reads
# FILE; more is in $work/meter
fed() {
	local from=$1
	shift
	"$meter" run -i 50 -o "$work/meter" "$@" <"$from" >/dev/null \
		2>"$work/said" || die "$1: $(tail -n 2 "$work/said")"
	value "$work/meter" cpu_s
}

# least_of COUNT COMMAND...: the least of some runs' figures
least_of() {
	local times=$1 i
	shift
	for ((i = 0; i < times; i++)); do
		"$@"
	done | sort -g | head -n 1
}

# llvm_run NAME COUNT
llvm_run() {
	head -n "$2" "$work/$1.vaddr" >"$work/$1.llvm"
	fed "$work/$1.llvm" "$llvm_symbolizer" --inlines --obj="${debug_of[$1]}"
}

# llvm_us NAME: microseconds of CPU an address, at a steady rate
llvm_us() {
	local one two
	one=$(least_of 3 llvm_run "$1" 10000)
	two=$(least_of 3 llvm_run "$1" 20000)
	awk -v a="$one" -v b="$two" 'BEGIN { printf "%.3f", (b - a) * 100 }'
}

# The files of the targets, and nothing else, to be indexed
pool() {
	local name dir=$work/pool
	rm -rf "$dir"
	for name in "${targets[@]}"; do
		mkdir -p "$dir/$name"
		cp -lL "${exec_of[$name]}" "$dir/$name/exec" 2>/dev/null ||
			cp -L "${exec_of[$name]}" "$dir/$name/exec"
		[ "${debug_of[$name]}" = "${exec_of[$name]}" ] ||
			cp -lL "${debug_of[$name]}" "$dir/$name/debug" 2>/dev/null ||
			cp -L "${debug_of[$name]}" "$dir/$name/debug"
	done
	echo "$dir"
}

# start_symbolizer HOME [OPTION|PATH...]: on the pool, indexed
start_symbolizer() {
	start_ours ours "$PORT_OURS" "$@"
	wait_ours ours "$PORT_OURS"
}

# server_cpu: seconds of the server's own threads, without its workers. The
# scheduler's count: those of /proc/PID/stat are of 10 ms.
server_cpu() {
	cat "/proc/${server_pid[ours]}/task"/*/schedstat |
		awk '{ sum += $1 } END { printf "%.6f", sum / 1e9 }'
}

# wait_table NAME: until the whole table
wait_table() {
	local tries
	for tries in {1..300}; do
		[ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 60 \
			"http://127.0.0.1:$PORT_OURS/buildid/${id_of[$1]}/gsym")" = 200 ] &&
			return 0
		sleep 0.1
	done
	die "$1: no table after try $tries"
}
