#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# R-3, R-4: the program's own workers, taken over by a debugger, are killed at
# the first thing they should not do; the server counts it, says so, and answers
# everybody else. What they should do they can, in every format.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl jq openssl
! grep -q __gcov_ "$SYMBOLIZED" || skip_all "built to count lines: no sandbox"

mkdir "$tmp/tree" "$tmp/slow" "$tmp/packed"
must make_samples "$tmp/tree" 3
sample_base=1
must make_samples "$tmp/packed" 9
must slow_deb "$tmp/slow/slow.deb" "$tmp/packed/sample-1"
members=()
for i in {2..9}; do
	members+=("./lib/$i=$tmp/packed/sample-$i")
done
must "$mkpkg" deb --compress xz "$tmp/tree/quick.deb" "${members[@]}"

deaths() {
	metric 'symbolized_worker_deaths_total{pool="'"$1"'",cause="sandbox"}'
}

serve_ready main --workers 1 --require-sandbox "$tmp/tree" "$tmp/slow"
like "the start says what holds workers" "$(cat "$tmp/main.log")" \
	'worker: sandbox on=no_new_privs,not_dumpable,limits,capabilities,.*seccomp '
for mechanism in no_new_privs not_dumpable limits capabilities seccomp; do
	is "/metrics says that there is $mechanism" \
		"$(metric "symbolized_worker_sandbox{mechanism=\"$mechanism\"}")" 1
done
is "nothing has died of it" "$(metric_sum symbolized_worker_deaths_total)" 0

# ---- Taken over ----------------------------------------------------------------

# take_over PID CALL: have it call a function of the C library
take_over() {
	gdb -q -batch -nx -iex 'set debuginfod enabled off' \
		-iex 'set auto-load no' -p "$1" \
		-ex "print ((long (*)(long, ...))syscall)($2)" >"$tmp/gdb.out" 2>&1
}

# by_number NAME: a system call's, as the compiler knows it
by_number() {
	printf '#include <sys/syscall.h>\nSYS_%s\n' "$1" |
		"$CC" -E -P - | tail -n 1
}

can_trace() {
	sleep 60 &
	local victim=$! result
	take_over "$victim" "$(by_number getpid)"
	grep -q "= $victim\$" "$tmp/gdb.out"
	result=$?
	kill "$victim"
	wait "$victim" 2>/dev/null
	return "$result"
}

# The worker that extracts; the others have scanned.
extractor() {
	children "$pid" | grep -vxF "$scanners"
}

# steal_and_die NUMBER NAME CALL: an idle worker makes it, and is dead. The
# sample of that number was not asked for yet.
steal_and_die() {
	local worker before number=$1
	shift
	worker=$(extractor)
	before=$(deaths answer)
	take_over "$worker" "$2"
	wait_until is_gone "$worker" ||
		diag "$(cat "$tmp/gdb.out")"
	ok "a worker that tries to $1 is dead" is_gone "$worker"
	# Its death is seen when there is something to do again.
	get "/buildid/$(sample_id "$number")/executable"
	same "the next request is answered after a worker tried to $1" \
		"$tmp/body" "$tmp/packed/sample-$number"
	is "it is counted that a worker tried to $1" "$(deaths answer)" \
		$((before + 1))
}

name="a worker is taken over"
if ! have gdb || ! can_trace; then
	skip "$name" "no gdb that may trace"
else
	sample_base=1
	scanners=$(children "$pid")
	get "/buildid/$(sample_id 2)/executable"
	same "a worker extracts" "$tmp/body" "$tmp/packed/sample-2"
	steal_and_die 3 "open a socket" "$(by_number socket), 2, 1, 0"
	steal_and_die 4 "connect" "$(by_number connect), 3, 0, 0"
	steal_and_die 5 "execute a program" "$(by_number execve), \"/bin/true\", 0, 0"
	steal_and_die 6 "signal the server" "$(by_number kill), $pid, 0"
	steal_and_die 7 "write elsewhere" \
		"$(by_number openat), -100, \"$tmp/elsewhere\", 0101, 0600"
	ok "nothing was written elsewhere" test ! -e "$tmp/elsewhere"
	steal_and_die 8 "trace the server" "$(by_number ptrace), 16, $pid, 0, 0"
	like "the log says it" "$(cat "$tmp/main.log")" \
		'worker: made a system call that no job needs pool=answer'

	# In the middle of a job. It is tried again at once, by another worker.
	before=$(deaths answer)
	held=no
	hold_extraction main "$(sample_id 1)" && held=yes
	is "an extraction stands still" "$held" yes
	take_over "$(extractor)" "$(by_number socket), 2, 1, 0"
	signal CONT "$stopped"
	wait "$client"
	is "who waited for that extraction has its file" \
		"$(cat "$tmp/held.$(sample_id 1).status")" 200
	same "and every byte of it" "$tmp/held.$(sample_id 1)" \
		"$tmp/packed/sample-1"
	at_least "that death is counted, too" "$(deaths answer)" $((before + 1))
	like "the log names the archive" "$(cat "$tmp/main.log")" \
		'slow.deb.*made a system call that no job needs'
fi
sample_base=0
get "/buildid/$(sample_id 2)/executable"
same "other files are served as before" "$tmp/body" "$tmp/tree/sample-2"
stop_server main

# ---- At work -------------------------------------------------------------------

# Names that are not ASCII, and dates in local time: the C library would like to
# read files for them.
make_archives() {
	local kind in=$tmp/in
	mkdir -p "$in/dür" "$tmp/kinds"
	cp "$tmp/packed/sample-2" "$in/dür/lib-日本.so"
	for kind in zip:zip 7zip:7z iso9660:iso newc:cpio xar:xar pax:tar; do
		(cd "$in" && LC_ALL=C.UTF-8 bsdtar -c --format "${kind%:*}" \
			-f "$tmp/kinds/x.${kind#*:}" ./dür) 2>/dev/null ||
			rm -f "$tmp/kinds/x.${kind#*:}"
	done
}

if ! have bsdtar; then
	skip "every format is read in the sandbox" "no bsdtar"
else
	make_archives
	rules=()
	for file in "$tmp"/kinds/x.*; do
		rules+=(-Z ".${file##*.}")
	done
	start_debuginfod kinds "$SYMBOLIZED" debuginfod -vv -p @PORT@ \
		-d "$tmp/kinds.sqlite" "${rules[@]}" "$tmp/kinds"
	scanned() {
		grep -q 'scan: finished' "$tmp/kinds.log"
	}
	ok "the scan ends" wait_until scanned
	for file in "$tmp"/kinds/x.*; do
		unlike "${file##*/} with names that are not ASCII is read" \
			"$(cat "$tmp/kinds.log")" "unreadable path=$file"
	done
	sample_base=1
	get "/buildid/$(sample_id 2)/executable"
	same "a member of one of them is served" "$tmp/body" \
		"$tmp/packed/sample-2"
	stop_server kinds
fi
finish
