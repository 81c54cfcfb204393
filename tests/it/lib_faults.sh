# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# For the tests in which the machine fails: what an index and a cache hold, to
# compare, and calls that fail on demand (tests/lib/fault.h). Sourced behind
# lib.sh.
#
# LONG_TESTS=yes (make check-long) has every call fail in its turn; otherwise a
# sample of them, another one each time: IT_SEED repeats one.

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
SELECT 'directory', cast(path AS text) FROM directory ORDER BY path;
SELECT 'ignored', cast(d.path AS text), length(i.prints) FROM ignored i
  JOIN directory d ON d.id = i.directory_id ORDER BY d.path;
SELECT 'rows without owner',
  (SELECT count(*) FROM source_list WHERE artifact_id NOT IN
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
	local sum known
	sum=$(head -c -40 "$1" | sha256sum)
	grep -q "^${sum%% *}" "$tmp/true.sums" && return 0
	for known in "$tmp/true.remote"/*; do
		[ -e "$known" ] && [ "$(stat -c %s "$1")" -gt "$(stat -c %s "$known")" ] &&
			cmp -s -n "$(stat -c %s "$known")" "$1" "$known" && return 0
	done
	return 1
}

# cache_is_true NAME: each file that is kept there is one that is true, each table
# is that of its name in $tmp/true.tables. Says which is not.
cache_is_true() {
	local file
	[ -d "$tmp/$1.cache" ] || return 0
	while read -r file; do
		is_true "$file" || echo "$file is nothing that it should be"
	done < <(find "$tmp/$1.cache" -maxdepth 1 -type f -regex '.*/[0-9a-f]*')
	while read -r file; do
		cmp -s "$file" "$tmp/true.tables/${file##*/}" ||
			echo "$file is not the table that it should be"
	done < <(find "$tmp/$1.cache" -name '*.gsym' -not -path "$tmp/$1.cache/*/tmp/*")
}

# ---- Faults ---------------------------------------------------------------------

faultctl=$top_builddir/tests/lib/faultctl
export FAULT_CONTROL=$tmp/fault.control
is_sanitized=no
preload=$top_builddir/tests/lib/fault.so
case $(ldd "$SYMBOLIZED" 2>/dev/null) in
*libasan*) preload="$(ldd "$SYMBOLIZED" | awk '/libasan/ { print $3 }'):$preload" is_sanitized=yes ;;
*libtsan*) preload="$(ldd "$SYMBOLIZED" | awk '/libtsan/ { print $3 }'):$preload" is_sanitized=yes ;;
esac

# need_faults: the whole script is skipped where nothing can be made to fail
need_faults() {
	must "$faultctl" "$FAULT_CONTROL" new
	must "$faultctl" "$FAULT_CONTROL" arm server open 1 EMFILE
	mkdir "$tmp/preload.state"
	LD_PRELOAD=$preload "$SYMBOLIZED" scan --state-dir "$tmp/preload.state" \
		--cache-dir "$tmp/preload.cache" "$HOME" 2>/dev/null
	[ "$("$faultctl" "$FAULT_CONTROL" off | cut -d' ' -f2)" -ge 1 ] ||
		skip_all "no preloading here (musl, clang's sanitizers)"
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

# turns COUNT MOST: which calls are to fail, of about so many: all, until none
# does any more; or the first and a sample. Of ten thousand allocations of
# libraries a thousand are enough.
turns() {
	local count=$1 most=$2 i
	if [ "$LONG_TESTS" = yes ]; then
		most=1000
	fi
	if [ "$count" -le 2000 ] && [ "$LONG_TESTS" = yes ] || [ "$((count + count / 8))" -le "$most" ]; then
		seq 1 $((2 * count + 100))
		return
	fi
	echo 1
	for ((i = 1; i < most; i++)); do
		echo $((1 + count * (i - 1) / (most - 1) +
			RANDOM % (count / (most - 1) + 1)))
	done
}

# sweep MOST PROCESS CALL ERROR [UNDER]: attempt, while the Nth such call fails,
# for N from 1 until none does, or a sample of so many; then aftermath. Both are
# functions of the script; what they say on stdout and stderr is what is wrong.
sweep() {
	local most=$1 name="$2 $3 $4${5:+ under ${5#"$tmp/"}}" n said wrong=0 \
		done=0 missed=0
	shift
	arm "$1" "$2" 1000000000 "$3" "${4-}"
	said=$(attempt 2>&1)
	disarm
	[ -z "$said" ] || diag "$name: undisturbed: $said"
	for n in $(turns "$calls" "$most"); do
		arm "$1" "$2" "$n" "$3" "${4-}"
		said=$(attempt 2>&1)
		disarm
		if [ "$hits" = 0 ] && [ -z "$said" ]; then
			# Threads do not count the same each time.
			missed=$((missed + 1))
			[ "$missed" -lt 3 ] || break
			continue
		fi
		done=$((done + hits))
		# Not in a subshell: it may start servers.
		aftermath >"$tmp/aftermath" 2>&1
		said+=$(cat "$tmp/aftermath")
		[ "$said" ] || continue
		diag "$name, $n ($what): ${said:0:1500}"
		wrong=$((wrong + 1))
		# The next is not to suffer from this one.
		set_right
	done
	faults=$((faults + done))
	is "$current: after $name, $done of $calls" "$wrong wrong" "0 wrong"
}

# set_right: after something went wrong; scripts have their own
set_right() {
	:
}
