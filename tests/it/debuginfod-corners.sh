#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What a unit file, a script or a second server may rely on in the debuginfod
# command, and that one does not think of: where sources may lie, databases of the
# peer and its imports, passive servers, what is answered before it is ready.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl readelf objcopy strip sqlite3

ours=("$SYMBOLIZED" debuginfod -p @PORT@)
must write_program "$tmp/outside/src"
mkdir "$tmp/tree"
tree=$tmp/tree
must build_program "$tmp/outside/src" "$tree/prog" -gdwarf-5
id=$(build_id "$tree/prog")
must make_samples "$tmp/samples" 4
main=$tmp/outside/src/main.c
helper=$tmp/outside/src/lib/helper.c

# begin NAME OPTION...: ours, with a log of its own
begin() {
	local who=$1
	shift
	: >"$tmp/$who.log"
	start_debuginfod "$who" "${ours[@]}" "$@"
	log=$tmp/$who.log
}
has_scanned_times() {
	[ "$(grep -c 'scan: finished' "$log")" -ge "$1" ]
}
status_of() {
	curl -s -m 20 -o /dev/null -w '%{http_code}' "$url/buildid/$1"
}
# statuses SUFFIX...: of that build ID, in one line
statuses() {
	local suffix
	for suffix; do
		status_of "$id/$suffix"
		echo
	done | paste -sd ' '
}

# ---- Sources ---------------------------------------------------------------------

# sources_with WHAT STATUSES OPTION...: of main.c and helper.c, outside of PATHs
sources_with() {
	local what=$1 wanted=$2
	shift 2
	begin sources -d :memory: -F "$@" "$tree"
	wait_until has_scanned_times 1 || die "no scan"
	is "$what" "$(statuses "source$main" "source$helper" source/etc/passwd)" \
		"$wanted 404"
	stop_server sources
}
chmod 755 "$tmp/outside" "$tmp/outside/src" "$tmp/outside/src/lib"
chmod 644 "$main" "$helper"
sources_with "a source that lies elsewhere is not served" "404 404"
sources_with "beneath a source root it is" "200 200" --source-root="$tmp/outside"
sources_with "beneath one of several" "404 200" \
	--source-root="$tmp/nowhere:$tmp/outside/src/lib"
export SYMBOLIZED_SOURCE_ROOT=$tmp/outside/src/lib
sources_with "the environment can name it" "404 200"
sources_with "the command line is before the environment" "200 200" \
	--source-root="$tmp/outside"
unset SYMBOLIZED_SOURCE_ROOT
chmod 640 "$main"
chmod 750 "$tmp/outside/src/lib"
sources_with "what not all may read is not served from there" "404 404" \
	--source-root="$tmp/outside"
chmod 644 "$main"
chmod 755 "$tmp/outside/src/lib"
chmod 700 "$tmp/outside"
sources_with "how it is reached is the operator's business" "200 200" \
	--source-root="$tmp/outside"
chmod 755 "$tmp/outside"

# /usr/src is one by itself: seen in a file system of its own.
if unshare -rm mount -t tmpfs tmpfs /usr/src 2>/dev/null; then
	must "$CC" -g "-ffile-prefix-map=$tmp/outside/src=/usr/src/prog" \
		-Wl,--build-id=0x7777777777777777777777777777777777777777 \
		-o "$tree/distributed" "$main" "$helper"
	cat >"$tmp/with-sources" <<-'END'
		#!/bin/bash
		mount -t tmpfs tmpfs /usr/src && cp -r "$1" /usr/src/prog &&
			chmod -R go+rX /usr/src && chmod 600 /usr/src/prog/lib/helper.c
		shift
		exec "$@"
	END
	chmod +x "$tmp/with-sources"
	id=7777777777777777777777777777777777777777
	for root in default ''; do
		arguments=(-d :memory: -F "$tree")
		[ "$root" ] || arguments+=(--source-root=)
		: >"$tmp/usrsrc.log"
		start_debuginfod usrsrc unshare -rm "$tmp/with-sources" \
			"$tmp/outside/src" "${ours[@]}" "${arguments[@]}"
		log=$tmp/usrsrc.log
		wait_until has_scanned_times 1 || die "no scan"
		is "of /usr/src what all may read is served${root:-, unless it is none}" \
			"$(statuses source/usr/src/prog/main.c source/usr/src/prog/lib/helper.c)" \
			"$([ "$root" ] && echo 200 || echo 404) 404"
		stop_server usrsrc
	done
	rm "$tree/distributed"
	id=$(build_id "$tree/prog")
else
	skip "of /usr/src what all may read is served" "no file systems of one's own"
fi

# ---- Paths that are links --------------------------------------------------------

ln -s tree "$tmp/link"
for option in '' -L; do
	# shellcheck disable=SC2086 # none, or one
	begin link -d :memory: -F $option "$tmp/link"
	wait_until has_scanned_times 1 || die "no scan"
	is "a PATH that is a link is followed${option:+ with }$option" \
		"$(statuses executable)" 200
	stop_server link
done

# ---- Before it is ready ----------------------------------------------------------

# Its log is a pipe that nobody reads, so it cannot go on behind its first line.
mkfifo "$tmp/pipe"
exec 9<>"$tmp/pipe"
dd if=/dev/zero of="$tmp/pipe" bs=4k count=1000 oflag=nonblock 2>/dev/null
port=$(find_port)
mkdir -p "$tmp/unready"
TMPDIR=$tmp/unready "${ours[@]/@PORT@/$port}" -d :memory: -F "$tree" 2>"$tmp/pipe" \
	>/dev/null </dev/null 9<&- &
server_pid[unready]=$!
url=http://127.0.0.1:$port
ok "HTTP answers before it is ready" wait_until \
	curl -s -m 5 -o "$tmp/figures" "$url/metrics"
is "and says that it is not" "$(grep ready "$tmp/figures")" "ready 0"
cat <&9 >/dev/null 9<&9 &
reader=$!
says_ready() {
	curl -s -m 5 "$url/metrics" | grep -qx 'ready 1'
}
ok "and then that it is" wait_until says_ready
stop_server unready
is "it ends with 0" "$exit_status" 0
kill "$reader"
exec 9<&-

# ---- Upstream servers ------------------------------------------------------------

: >"$tmp/upstream.log"
start_debuginfod upstream env DEBUGINFOD_URLS=http://127.0.0.1:1/ "${ours[@]}" \
	-d :memory:
# Not as the peer says it, with all that stands in a URL.
like "servers in DEBUGINFOD_URLS are named" "$(cat "$tmp/upstream.log")" \
	'upstream: will be asked.*127\.0\.0\.1:1$'
stop_server upstream

# ---- Without a scan mode ---------------------------------------------------------

cp "$tmp/samples/sample-1" "$tree/deeper"
begin modeless -d "$tmp/modeless.sqlite" -F "$tree"
wait_until has_scanned_times 1 || die "no scan"
stop_server modeless
begin modeless -d "$tmp/modeless.sqlite" -g 1 "$tree"
ok "without a scan mode and -r it grooms" wait_until \
	grep -q 'groomed database' "$log"
is "and forgets nothing" "$(status_of "$(sample_id 1)/executable")" 200
is "sources beneath the paths of another start are served, or not at all" \
	"$(statuses executable "source$main")" "200 404"
stop_server modeless
begin modeless -d "$tmp/modeless.sqlite" -r -X deeper "$tree"
is_forgotten() {
	[ "$(status_of "$(sample_id 1)/executable")" = 404 ]
}
ok "with -r it drops what -X rejects" wait_until is_forgotten
is "and nothing else" "$(statuses executable)" 200
stop_server modeless
rm "$tree/deeper"

# ---- Passive ---------------------------------------------------------------------

mkdir "$tree/src" "$tmp/files"
cp -r "$tmp/outside/src/." "$tree/src"
must build_program "$tree/src" "$tree/beside" -gdwarf-5
cp "$tmp/samples/sample-2" "$tmp/files/two"
cp "$tmp/samples/sample-3" "$tmp/files/three"
must "$mkpkg" deb --compress xz "$tree/two.deb" "./usr/bin/two=$tmp/files/two"
must tar -C "$tmp/files" -czf "$tree/three.odd" three
begin writer -d "$tmp/shared.sqlite" -F -U -Z '.odd=gzip -dc' "$tree"
wait_until has_scanned_times 1 || die "no scan"
begin reader --passive -d "$tmp/shared.sqlite" -F -U -Z '.odd=gzip -dc'
get "/buildid/$(sample_id 2)/executable"
same "a passive server gives members of packages" "$tmp/body" "$tmp/files/two"
get "/buildid/$(sample_id 3)/executable"
same "and what a command prints" "$tmp/body" "$tmp/files/three"
get "/buildid/$(sample_id 3)/section/.debug_line"
is "and sections of it" "$status" 200
get "/buildid/$(build_id "$tree/beside")/source$tree/src/main.c"
same "and sources beneath the writer's paths" "$tmp/body" "$tree/src/main.c"
is "and none that lie elsewhere" "$(statuses "source$main")" 404
like "it says that it is passive" "$(cat "$log")" 'service mode passive$'
stop_server reader
stop_server writer

# ---- A command, and an alternate file --------------------------------------------

if have dwz; then
	mkdir "$tmp/alt" "$tmp/altree"
	for i in 1 2; do
		must build_program "$tree/src" "$tmp/alt/p$i" -gdwarf-4 -O$i \
			"-ffile-prefix-map=$tree/src=/usr/src/alt"
	done
	(cd "$tmp/alt" && dwz -m common.debug p1 p2) >"$tmp/dwz.log" 2>&1 ||
		die "dwz: $(cat "$tmp/dwz.log")"
	mkdir -p "$tmp/alt/usr/src/alt"
	cp -r "$tree/src/." "$tmp/alt/usr/src/alt"
	must tar -C "$tmp/alt" -czf "$tmp/altree/all.odd" p1 p2 common.debug usr
	begin alt -d :memory: -Z '.odd=gzip -dc' "$tmp/altree"
	wait_until has_scanned_times 1 || die "no scan"
	common=$(build_id "$tmp/alt/common.debug")
	get "/buildid/$common/debuginfo"
	same "an alternate file that a command printed is served" "$tmp/body" \
		"$tmp/alt/common.debug"
	for i in 1 2; do
		get "/buildid/$(build_id "$tmp/alt/p$i")/source/usr/src/alt/lib/helper.c"
		same "a source is found through it, $i" "$tmp/body" \
			"$tree/src/lib/helper.c"
	done
	stop_server alt
else
	skip "an alternate file that a command printed is served" "no dwz"
fi

# ---- Databases of the peer -------------------------------------------------------

if have debuginfod && have bsdtar; then
	peer_has_scanned() {
		curl -s -m 20 "$url/metrics" >"$tmp/figures"
		grep -q '^thread_work_total{role="traverse"} [1-9]' "$tmp/figures" &&
			grep -q '^thread_work_pending{role="scan"} 0' "$tmp/figures" &&
			grep -q '^thread_busy{role="scan"} 0' "$tmp/figures"
	}
	start_debuginfod peer debuginfod -p @PORT@ -d "$tmp/theirs.sqlite" -F -U -t0 \
		-g0 "$tree"
	ok "the peer has scanned" wait_until peer_has_scanned
	stop_server peer
	before=$(cksum <"$tmp/theirs.sqlite")
	must "$SYMBOLIZED" check --import-debuginfod "$tmp/theirs.sqlite"
	ok "an import goes beside the database" test -s "$tmp/theirs.sqlite.symbolized"
	begin imported -d "$tmp/theirs.sqlite" -F -U "$tree"
	like "what the peer's is, and where ours, is said" "$(cat "$log")" \
		'theirs\.sqlite.*theirs\.sqlite\.symbolized'
	is "what was imported is served before anything is scanned" \
		"$(statuses executable debuginfo)" "200 200"
	wait_until has_scanned_times 1 || die "no scan"
	like "files that the peer knew are not read again" "$(cat "$log")" \
		"finished visited=[0-9]+ looked_into=[0-6] "
	get "/buildid/$(sample_id 2)/executable"
	same "members of archives are served" "$tmp/body" "$tmp/files/two"
	stop_server imported
	is "the peer's database is as it was" "$(cksum <"$tmp/theirs.sqlite")" \
		"$before"

	# And back: a unit file that is changed and changed again
	begin back -d "$tmp/back.sqlite" -F "$tree"
	wait_until has_scanned_times 1 || die "no scan"
	stop_server back
	start_debuginfod peer debuginfod -p @PORT@ -d "$tmp/back.sqlite" -F -U -t0 \
		-g0 "$tree"
	ok "the peer can have a database that was ours" wait_until peer_has_scanned
	is "and serves from it" "$(statuses executable)" 200
	stop_server peer
	begin back -d "$tmp/back.sqlite" -F "$tree"
	wait_until has_scanned_times 1 || die "no scan"
	is "and we have it again" "$(statuses executable)" 200
	is "which is sound" "$("$SYMBOLIZED" check --state-dir \
		"file:$tmp/back.sqlite" >/dev/null 2>&1 || "$SYMBOLIZED" check \
		--state-dir "file:$tmp/back.sqlite.symbolized" >/dev/null 2>&1; echo $?)" 0
	stop_server back
else
	skip "databases of the peer" "no debuginfod, or no bsdtar for it"
fi

# ---- A search that takes too long ------------------------------------------------

if have strace && strace -f -o /dev/null -e inject=pread64:delay_enter=1000 true \
	2>/dev/null && [ -z "$(nm -D "$SYMBOLIZED" 2>/dev/null | grep -E '__(a|t)san')" ]; then
	sample_base=0
	must make_samples "$tmp/many" 2000
	"$SYMBOLIZED" scan --state-dir "file:$tmp/many.sqlite" --cache-dir \
		"$tmp/many.cache" "$tmp/many" 2>"$tmp/many.log" || die "no scan"
	for limit in 1 0; do
		: >"$tmp/slow.log"
		start_debuginfod slow strace -f -qq -o /dev/null -e trace=pread64 \
			-e inject=pread64:delay_enter=20000 "${ours[@]}" --passive \
			-d "$tmp/many.sqlite" "--metadata-maxtime=$limit"
		get '/metadata?key=glob&value=/*/*/*/many-*'
		like "with --metadata-maxtime=$limit the answer says how complete it is" \
			"$status $(tail -c 40 "$tmp/body")" \
			"^200 .*\"complete\": $([ $limit = 0 ] && echo true || echo false) \}\$"
		signal_tree TERM "$pid"
		stop_server slow
	done
else
	skip "a search that takes too long says so" "no strace that can"
fi
finish
