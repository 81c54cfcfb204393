#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What debuginfod's -F, -R, -U and -Z let through: archives by suffix, of
# whatever kind, and such as a shell command has to print.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl readelf tar gzip

# ---- The server ------------------------------------------------------------------

# start_compat NAME OPTION... PATH...: the debuginfod command
start_compat() {
	local name=$1
	shift
	start_debuginfod "$name" "$SYMBOLIZED" debuginfod -p @PORT@ \
		--listen-address=127.0.0.1 -d "$tmp/$name.sqlite" -t0 -g0 "$@"
}

# scans_ended NAME COUNT
scans_ended() {
	[ "$(grep -c 'scan.*finished' "$tmp/$1.log")" -ge "$2" ]
}

compat() {
	local name=$1 before
	mkdir -p "$tmp/$name.tmp"
	before=$(grep -c 'scan.*finished' "$tmp/$name.log" 2>/dev/null)
	start_compat "$@"
	wait_until scans_ended "$name" "$((${before:-0} + 1))" ||
		die "no end of the scan"
}

# is_served WHAT ID FILE: the executable, byte for byte
is_served() {
	get "/buildid/$2/executable"
	is "$1 is served" "$status" 200
	same "$1 has the right bytes" "$tmp/body" "$3"
}

is_absent() {
	get "/buildid/$2/executable"
	is "$1 is not" "$status" 404
}

# ---- What there is ---------------------------------------------------------------

tree=$tmp/tree
mkdir "$tree"
must make_samples "$tmp/files" 8
file() {
	echo "$tmp/files/sample-$1"
}

cp "$(file 1)" "$tree/bare"
must "$mkpkg" deb --compress xz "$tree/two.deb" "./usr/bin/two=$(file 2)"
must "$mkpkg" rpm --compress zstd "$tree/three.rpm" "/usr/bin/three=$(file 3)"
must tar -C "$tmp/files" -czf "$tree/four.mytgz" sample-4
must "$mkpkg" cpio --compress gzip "$tree/five.cpio" "usr/bin/five=$(file 5)"
odd="$tree/it's \"six\" \$(touch ran) .hidden"
{ printf '#'; tar -C "$tmp/files" -cf - sample-6; } >"$odd"
{ printf '#'; tar -C "$tmp/files" -cf - sample-7 | gzip; } >"$tree/seven.hidden"
{ printf '#'; head -c 1000 "$tree/five.cpio"; } >"$tree/cut.hidden"
if have bsdtar; then
	must bsdtar -C "$tmp/files" --format zip -cf "$tree/eight.zip" sample-8
fi

# ---- By suffix -------------------------------------------------------------------

compat files -F "$tree"
is_served "with -F an ELF file" "$(sample_id 1)" "$(file 1)"
for i in 2 3 4 5 6 7 8; do
	is_absent "with -F what lies in archive $i" "$(sample_id "$i")"
done
stop_server files

compat packages -R -U "$tree"
is_absent "with -R -U an ELF file" "$(sample_id 1)"
is_served "with -R -U what lies in a deb" "$(sample_id 2)" "$(file 2)"
is_served "with -R -U what lies in an RPM" "$(sample_id 3)" "$(file 3)"
is_absent "with -R -U what lies in a tarball" "$(sample_id 4)"
stop_server packages

hidden='.hidden=tail -c +2 <'
all=(-F -R -U -Z mytgz -Z .cpio=cat -Z "$hidden" -Z .zip "$tree")
ask_for_all() {
	local i
	for i in 1 2 3 4 5 6 7; do
		is_served "$1 what lies in archive $i" "$(sample_id "$i")" "$(file "$i")"
	done
	if have bsdtar; then
		is_served "$1 what lies in a zip" "$(sample_id 8)" "$(file 8)"
	else
		skip "$1 what lies in a zip" "no bsdtar"
	fi
}
compat all "${all[@]}"
ask_for_all "with all of them"
get "/buildid/$(sample_id 6)/section/.debug_line"
is "a section of what a command prints is served" "$status" 200
ok "the file's name is nothing that the shell runs" test ! -e ran
like "what a command printed wrong is recorded" \
	"$(grep unreadable "$tmp/all.log")" 'cut\.hidden'
stop_server all
is "the server ends well" "$exit_status" 0

rm -rf "$tmp/all.tmp"
compat all "${all[@]}"
is "after a restart only what a command printed wrong is looked into again" \
	"$(last_scan looked_into all)" 1
ask_for_all "after a restart"
stop_server all

# ---- Another command -------------------------------------------------------------

compat all -F -R -U -Z mytgz -Z .cpio -Z '.hidden=tail --bytes=+2' -Z .zip "$tree"
is "files of another command are looked into again" \
	"$(last_scan looked_into all)" 3
is_served "what the other command prints" "$(sample_id 6)" "$(file 6)"
stop_server all

compat failing -Z ".hidden=false" "$tree"
like "a command that fails is recorded with its status" \
	"$(grep unreadable "$tmp/failing.log")" 'command ended with status 1'
stop_server failing

# ---- More than there is room for -------------------------------------------------

mkdir -p "$tmp/full.tmp"
if mount -t tmpfs -o size=24m none "$tmp/full.tmp" 2>/dev/null; then
	mounted+=("$tmp/full.tmp")
	# shellcheck disable=SC2016
	compat full -F -Z '.hidden=f() { tail -c +2 "$1"; head -c 100M /dev/zero; }; f' \
		-Z mytgz "$tree"
	like "what a command prints may fill the cache's file system, and says so" \
		"$(grep unreadable "$tmp/full.log")" 'cache directory'
	at_most "the room is there again, MiB in use" \
		"$(df -m --output=used "$tmp/full.tmp" | tail -n 1)" 2
	is_served "another archive" "$(sample_id 4)" "$(file 4)"
	stop_server full
	umount "$tmp/full.tmp" && mounted=()
else
	skip "what a command prints may fill the cache's file system" \
		"not allowed to mount"
fi

# ---- The end of a command --------------------------------------------------------

mkdir "$tmp/slow" "$tmp/hung.tmp"
printf 'x' >"$tmp/slow/one.slow"
start_compat hung -Z ".slow=echo \$\$ >$tmp/slow.pid; sleep 1000; cat" "$tmp/slow"
ok "a command is begun" wait_until test -s "$tmp/slow.pid"
command=$(cat "$tmp/slow.pid")
stop_server hung
is "a server whose command hangs ends well" "$exit_status" 0
ok "and its command with it" wait_until is_gone "$command"

finish
