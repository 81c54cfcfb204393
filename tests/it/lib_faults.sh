# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# For the tests in which the machine fails: what an index and a cache hold, to
# compare, and calls that fail on demand (tests/lib/fault.h). Sourced behind
# lib.sh.
#
# LONG_TESTS=yes (make check-long) has every call fail in its turn; otherwise a
# small sample of each kind, another one each time: IT_SEED repeats one.

: "${LONG_TESTS:=no}"
: "${IT_SEED:=$$}"
RANDOM=$IT_SEED
diag "IT_SEED=$IT_SEED LONG_TESTS=$LONG_TESTS"

# ---- What is there --------------------------------------------------------------

# dump NAME: every row by what it means: names for row numbers, no times of
# trying, no key (and so no fingerprints, only how many there are)
dump() {
	sqlite3 -bail "file:$tmp/$1.state/index.sqlite?mode=ro" <<'END'
.mode list
CREATE TEMP VIEW c AS SELECT c.*, cast(d.path AS text) || '/' ||
  cast(c.name AS text) AS path FROM container c JOIN directory d
  ON d.id = c.directory_id;
CREATE TEMP VIEW a AS SELECT a.*, hex(b.bytes) AS id_bytes, c.path AS path
  FROM artifact a JOIN build_id b ON b.id = a.build_id
  JOIN c ON c.id = a.container_id;
SELECT 'meta', containers, failed, artifacts, executables, debuginfos,
  build_ids, source_dirs, points, directories, ignored_files FROM meta;
SELECT 'container', path, mtime_ns, ctime_ns, size, inode, root_order, scanner,
  payload_codec, payload_offset, payload_size, problem_kind,
  cast(problem AS text), is_retryable, attempts FROM c ORDER BY path;
SELECT 'build id', hex(bytes) FROM build_id ORDER BY bytes;
SELECT 'artifact', path, ordinal, id_bytes, roles, quality, is_gnu, offset,
  size, packed_size, packed_codec, mtime, machine, type, elf_class,
  is_big_endian, source_count, name_hash, hex(htlhash), hex(breakpad_guid),
  hex(alt_id), hex(go_id), cast(member AS text), hex(segments)
  FROM a ORDER BY path, ordinal;
SELECT 'sources', a.path, a.ordinal, hex(s.packed) FROM source_list s
  JOIN a ON a.id = s.artifact_id ORDER BY a.path, a.ordinal;
SELECT 'source dir', c.path, cast(d.path AS text), hex(s.files)
  FROM source_dir s JOIN c ON c.id = s.container_id
  JOIN directory d ON d.id = s.directory_id ORDER BY 2, 3;
SELECT 'point', c.path, p.out_offset, p.in_offset, hex(p.state)
  FROM payload_point p JOIN c ON c.id = p.container_id ORDER BY 2, 3;
SELECT 'split unit', a.path, a.ordinal, printf('%x', s.dwo_id)
  FROM split_unit s JOIN a ON a.id = s.artifact_id ORDER BY 2, 3, 4;
SELECT 'pending', a.path, a.ordinal, hex(s.alt_id), hex(s.packed)
  FROM source_pending s JOIN a ON a.id = s.artifact_id ORDER BY 2, 3;
SELECT 'root', cast(path AS text) FROM root ORDER BY path;
SELECT 'directory', cast(path AS text) FROM directory ORDER BY path;
SELECT 'ignored', cast(d.path AS text), length(i.prints) FROM ignored i
  JOIN directory d ON d.id = i.directory_id ORDER BY d.path;
SELECT 'rows without owner',
  (SELECT count(*) FROM (SELECT artifact_id FROM source_list UNION ALL
    SELECT artifact_id FROM source_pending UNION ALL
    SELECT artifact_id FROM split_unit) WHERE artifact_id NOT IN
    (SELECT id FROM artifact)),
  (SELECT count(*) FROM artifact WHERE container_id NOT IN
    (SELECT id FROM container) OR build_id NOT IN (SELECT id FROM build_id));
END
}

# An index that was just being made is no index yet.
state_is_sound() {
	[ ! -e "$tmp/$1.state/index.sqlite" ] ||
		check "$1" | tail -n 1 |
		grep -q '^the index is sound$\|: no index yet$\|: open it for writing once$'
}

# is_true FILE: without its trailer it has a SHA-256 of $tmp/true.sums; or it
# begins, what is from upstream with headers behind it, with a file of
# $tmp/true.remote
is_true() {
	local sum size
	sum=$(head -c -40 "$1" | sha256sum)
	grep -q "^${sum%% *}" "$tmp/true.sums" && return 0
	[ -d "$tmp/true.remote" ] || return 1
	[ -e "$tmp/true.remote.sums" ] ||
		sha256sum "$tmp/true.remote"/* >"$tmp/true.remote.sums"
	for size in $(stat -c %s "$tmp/true.remote"/* | sort -u); do
		sum=$(head -c "$size" "$1" | sha256sum)
		grep -q "^${sum%% *}" "$tmp/true.remote.sums" && return 0
	done
	return 1
}

# cache_is_true NAME [LEAST]: each file that is kept there is one that is true,
# each table is that of its name in $tmp/true.tables, and there are so many at
# least. Says what is not so.
cache_is_true() {
	local file looked=0
	while read -r file; do
		looked=$((looked + 1))
		is_true "$file" || echo "$file is nothing that it should be"
	done < <(find "$tmp/$1.cache" -maxdepth 1 -type f -regex '.*/[0-9a-f]*' 2>/dev/null)
	while read -r file; do
		looked=$((looked + 1))
		cmp -s "$file" "$tmp/true.tables/${file##*/}" ||
			echo "$file is not the table that it should be"
	done < <(find "$tmp/$1.cache" -name '*.gsym' \
		-not -path "$tmp/$1.cache/*/tmp/*" 2>/dev/null)
	[ "$looked" -ge "${2:-0}" ] || echo "only $looked files are kept"
}

# ---- Faults ---------------------------------------------------------------------

faultctl=$top_builddir/tests/lib/faultctl
export FAULT_CONTROL=$tmp/fault.control
preload=$top_builddir/tests/lib/fault.so
case $(ldd "$SYMBOLIZED" 2>/dev/null) in
*libasan*) preload="$(ldd "$SYMBOLIZED" | awk '/libasan/ { print $3 }'):$preload" ;;
*libtsan*) preload="$(ldd "$SYMBOLIZED" | awk '/libtsan/ { print $3 }'):$preload" ;;
esac

# can_fail: whether anything can be made to fail here
can_fail() {
	must "$faultctl" "$FAULT_CONTROL" new
	must "$faultctl" "$FAULT_CONTROL" arm server open 1 EMFILE
	mkdir "$tmp/preload.state"
	LD_PRELOAD=$preload "$SYMBOLIZED" scan --state-dir "$tmp/preload.state" \
		--cache-dir "$tmp/preload.cache" "$HOME" 2>/dev/null
	[ "$("$faultctl" "$FAULT_CONTROL" off | cut -d' ' -f2)" -ge 1 ]
}

# need_faults: the whole script is skipped where nothing can
need_faults() {
	can_fail || skip_all "no preloading here (musl, clang's sanitizers)"
}

arm() {
	"$faultctl" "$FAULT_CONTROL" arm "$@" || die "faultctl $*"
}

# disarm: how many calls there were, how many failed, and which the last was: in
# $calls, $hits and $what
disarm() {
	read -r calls hits what < <("$faultctl" "$FAULT_CONTROL" off)
}

faults=0
crashes_seen=0

# new_crashes ERROR: says which worker process ended by a signal as memory that is
# not there brings it, not by one that it was sent, since this was last asked. A
# retry hides them. Those that were to die may do so.
new_crashes() {
	local count number
	read -r count number < <("$faultctl" "$FAULT_CONTROL" crashes)
	[ "$count" = "$crashes_seen" ] || [ "$1" = die ] ||
		echo "a worker died: signal $number"
	crashes_seen=$count
}

# choose_turns COUNT MOST: which calls are to fail, of about so many, in $turns:
# all, until none does any more; or a sample, half of MOST. Of ten thousand
# allocations of libraries a thousand are enough. Not in a subshell, which has a
# RANDOM of its own.
choose_turns() {
	local count=$1 most=$((($2 + 1) / 2)) i
	[ "$LONG_TESTS" != yes ] || most=1000
	if [ "$LONG_TESTS" = yes ] && [ "$count" -le 2000 ]; then
		mapfile -t turns < <(seq 1 $((2 * count + 100)))
		return
	fi
	turns=()
	[ "$most" -le "$count" ] || most=$count
	for ((i = 0; i < most; i++)); do
		turns+=($((1 + count * i / most + RANDOM % (count / most))))
	done
}

# fail_call N PROCESS CALL ERROR [UNDER]: attempt, while the Nth such call fails;
# then aftermath. False if there was no such call.
fail_call() {
	local n=$1 said
	shift
	arm "$1" "$2" "$n" "$3" "${4-}"
	said=$(attempt 2>&1)
	disarm
	new_crashes "$3" >"$tmp/crashes"
	said+=$(cat "$tmp/crashes")
	[ "$hits" != 0 ] || [ "$said" ] || return 1
	met=$((met + hits))
	# Not in a subshell: it may start servers.
	aftermath >"$tmp/aftermath" 2>&1
	new_crashes "$3" >>"$tmp/aftermath"
	said+=$(cat "$tmp/aftermath")
	[ "$said" ] || return 0
	diag "$1 $2 $3, $n ($what): ${said:0:1500}"
	wrong=$((wrong + 1))
	# The next is not to suffer from this one.
	set_right
}

# sweep MOST PROCESS CALL ERROR [UNDER]: attempt, while the Nth such call fails,
# for N from 1 until none does, or a sample; then aftermath. Both are functions of
# the script; what they say on stdout and stderr is what is wrong. So it is that
# nothing fails: the journey is to have such calls.
sweep() {
	local most=$1 name="$2 $3 $4${5:+ under ${5#"$tmp/"}}" n said wrong=0 \
		met=0 missed=0 total
	shift
	arm "$1" "$2" 1000000000 "$3" "${4-}"
	said=$(attempt 2>&1)
	disarm
	total=$calls
	[ -z "$said" ] || diag "$name: undisturbed: $said"
	choose_turns "$total" "$most"
	for n in "${turns[@]}"; do
		fail_call "$n" "$@" && continue
		# Threads do not count the same each time.
		missed=$((missed + 1))
		[ "$missed" -lt 3 ] || break
	done
	[ "$met" != 0 ] || fail_call 1 "$@"
	faults=$((faults + met))
	[ "$met" != 0 ] || wrong="no call met, $wrong"
	is "$current: after $name, $met of $total" "$wrong wrong" "0 wrong"
}

# set_right: after something went wrong; scripts have their own
set_right() {
	:
}
