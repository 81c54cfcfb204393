#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Programs that ask a debuginfod server, each as people use it, before the
# debuginfod command: a stripped program lies before them, its debugging
# information and sources are on the server alone. (gdb and eu-addr2line with
# packages: journey-clients.sh.)
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl objcopy strip readelf nm

tree=$tmp/tree
mkdir -p "$tree/src" "$tree/debug" "$tmp/here"
cat >"$tree/src/lost.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline)) int lost_in_here(int count)
{
	volatile int *numbers = malloc(4 * sizeof(int));
	return numbers[count + 3]; /* reads behind the end */
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		puts("waiting");
		fflush(stdout);
		pause();
	}
	return lost_in_here(argc) == 12345;
}
END
must "$CC" -O0 -g -Wl,--build-id=sha1 -o "$tmp/whole" "$tree/src/lost.c"
must objcopy --only-keep-debug "$tmp/whole" "$tree/debug/lost.debug"
must cp "$tmp/whole" "$tmp/here/lost"
must strip -s "$tmp/here/lost"
id=$(build_id "$tmp/here/lost")
address=$(address_of "$tmp/whole" lost_in_here)
line=$(grep -n '^__attribute__' "$tree/src/lost.c" | cut -d : -f 1)

if have go && have dlv; then
	mkdir "$tree/go"
	cat >"$tree/go/main.go" <<-'END'
		package main

		import "fmt"

		//go:noinline
		func gopherLost(n int) int { return n * 7 }

		func main() { fmt.Println(gopherLost(6)) }
	END
	printf 'module gopher\n' >"$tree/go/go.mod"
	go_id=00112233445566778899aabbccddeeff00112233
	(cd "$tree/go" && GOFLAGS=-mod=mod GOCACHE=$tmp/gocache GOPROXY=off \
		go build -gcflags='all=-N -l' -ldflags="-B 0x$go_id" \
		-o "$tmp/gopher" .) >"$tmp/go.log" 2>&1 || rm -f "$tmp/gopher"
	if [ -f "$tmp/gopher" ]; then
		must objcopy --only-keep-debug "$tmp/gopher" "$tree/debug/gopher.debug"
		must objcopy --strip-debug "$tmp/gopher" "$tmp/here/gopher"
	fi
fi

start_debuginfod server "$SYMBOLIZED" debuginfod -F -p @PORT@ -d :memory: -t0 "$tree"
server=$pid
has_debuginfo() {
	[ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' \
		"$url/buildid/$id/debuginfo")" = 200 ]
}
wait_until has_debuginfo || die "no server: $(cat "$tmp/server.log")"

# client COMMAND...: with nothing in its cache, in a time that is bounded
client() {
	rm -rf "$tmp/client-cache"
	DEBUGINFOD_URLS=$url DEBUGINFOD_CACHE_PATH=$tmp/client-cache \
		DEBUGINFOD_TIMEOUT=60 timeout "$long_s" "$@"
}

# asked WHAT CLIENT PATTERN COMMAND...: its output has the pattern, and it asked
# the server for it.
asked() {
	local what=$1 program=$2 pattern=$3 before
	shift 3
	if ! have "$program"; then
		skip "$what" "no $program"
		return
	fi
	before=$(grep -c "GET /buildid/" "$tmp/server.log")
	client "$@" >"$tmp/said" 2>&1 </dev/null
	like "$what" "$(cat "$tmp/said")" "$pattern"
	isnt "$what, from the server" "$(grep -c "GET /buildid/" "$tmp/server.log")" \
		"$before"
}

# ---- elfutils ------------------------------------------------------------------

asked "debuginfod-find names a file with the debuginfo" debuginfod-find \
	"client-cache/$id/debuginfo" debuginfod-find debuginfo "$id"
if have debuginfod-find; then
	same "and it is what the server has" "$(head -n 1 "$tmp/said")" \
		"$tree/debug/lost.debug"
fi
asked "eu-addr2line names the line" eu-addr2line "lost.c:$((line + 1))" \
	eu-addr2line -e "$tmp/here/lost" "$address"
# eu-readelf asks for the file that dwz moved things to.
if have dwz; then
	for name in one two; do
		sed "s/lost_in_here/lost_in_$name/" "$tree/src/lost.c" \
			>"$tree/src/$name.c"
		must "$CC" -O0 -gdwarf-4 -Wl,--build-id=sha1 -o "$tmp/here/$name" \
			"$tree/src/$name.c"
	done
	(cd "$tmp/here" && dwz -m common.dwz one two && mv common.dwz "$tree") \
		>"$tmp/dwz.log" 2>&1 || die "dwz: $(cat "$tmp/dwz.log")"
	kill -USR1 "$server"
	common=$(build_id "$tree/common.dwz")
	has_common() {
		[ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' \
			"$url/buildid/$common/debuginfo")" = 200 ]
	}
	ok "what dwz made is served" wait_until has_common
	asked "eu-readelf shows strings of the file that dwz made" eu-readelf \
		'strp_alt\) +"' eu-readelf --debug-dump=info "$tmp/here/one"
else
	skip "eu-readelf shows strings of the file that dwz made" "no dwz"
fi
asked "eu-unstrip puts the two together" eu-unstrip '^$' \
	eu-unstrip -e "$tmp/here/lost" -o "$tmp/joined"
if have eu-unstrip; then
	like "and what it made has debugging information" \
		"$(readelf -SW "$tmp/joined" 2>/dev/null)" '\.debug_info'
fi
if have eu-stack; then
	"$tmp/here/lost" wait >"$tmp/waits" &
	waiting=$!
	is_waiting() {
		grep -q waiting "$tmp/waits"
	}
	ok "a program waits" wait_until is_waiting
	asked "eu-stack names the line of a running program" eu-stack \
		'main.*lost\.c:|lost\.c:' eu-stack -s -p "$waiting"
	kill "$waiting"
	wait "$waiting" 2>/dev/null
else
	skip "eu-stack names the line of a running program" "no eu-stack"
fi

# ---- Debuggers and tools -------------------------------------------------------

if have gdb && gdb -nx -batch -ex 'help set debuginfod enabled' 2>&1 |
	grep -qi debuginfod; then
	asked "gdb knows the function and its line" gdb "Line $((line + 1)) of .*lost\.c" \
		gdb -nx -batch -iex 'set debuginfod enabled on' \
		-ex 'info scope lost_in_here' -ex 'info address lost_in_here' \
		-ex 'info line lost_in_here' "$tmp/here/lost"
else
	skip "gdb knows the function and its line" "no gdb with debuginfod"
fi
asked "valgrind names the line of a read behind the end" valgrind \
	"lost_in_here \(lost\.c:$((line + 3))\)" valgrind "$tmp/here/lost"
if have perf && perf probe -x "$tmp/whole" -L lost_in_here 2>/dev/null |
	grep -q lost_in_here; then
	asked "perf probe shows the source of a function" perf \
		'reads behind the end' \
		perf probe -x "$tmp/here/lost" -L lost_in_here
else
	skip "perf probe shows the source of a function" "no perf that can"
fi
if [ -f "$tmp/here/gopher" ]; then
	printf 'break main.gopherLost\ncontinue\nstack\nquit\n' >"$tmp/dlv.init"
	asked "delve stops at a function of a stripped Go program" dlv \
		'main\.gopherLost' env HOME="$HOME" dlv exec \
		--check-go-version=false --allow-non-terminal-interactive=true \
		--init "$tmp/dlv.init" "$tmp/here/gopher"
else
	skip "delve stops at a function of a stripped Go program" "no dlv or no go"
fi

# Every version of LLVM that is installed
for dir in /usr/lib/llvm-*/bin; do
	[ -d "$dir" ] || continue
	version=${dir#/usr/lib/}
	version=${version%/bin}
	if [ -x "$dir/llvm-debuginfod-find" ] && "$dir/llvm-debuginfod-find" \
		--help 2>&1 | grep -q -- --debuginfo; then
		asked "llvm-debuginfod-find finds the debuginfo, $version" \
			"$dir/llvm-debuginfod-find" . \
			"$dir/llvm-debuginfod-find" --debuginfo "$id"
		same "and it is what the server has, $version" \
			"$(head -n 1 "$tmp/said")" "$tree/debug/lost.debug"
	else
		skip "llvm-debuginfod-find finds the debuginfo, $version" \
			"not in $version"
	fi
	if [ -x "$dir/llvm-symbolizer" ] && "$dir/llvm-symbolizer" --help 2>&1 |
		grep -q -- --debuginfod; then
		asked "llvm-symbolizer names function and line, $version" \
			"$dir/llvm-symbolizer" "lost_in_here" \
			"$dir/llvm-symbolizer" --debuginfod \
			--obj="$tmp/here/lost" "$address"
		like "and the file, $version" "$(cat "$tmp/said")" "lost\.c:$((line + 1))"
	else
		skip "llvm-symbolizer names function and line, $version" \
			"cannot ask servers"
	fi
done

kill "$server"
wait "$server"
is "the server ends with 0 after all of them" $? 0
finish
