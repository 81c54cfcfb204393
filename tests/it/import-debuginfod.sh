#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What elfutils' debuginfod knows is taken over from its database, in both of
# the schemas that are in use, without a file being read; and is served.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl jq sqlite3 readelf

tree=$tmp/tree
mkdir "$tree"
must write_program "$tree/src"
must build_program "$tree/src" "$tree/prog"
must split_program "$tree/prog"
must make_samples "$tmp/members" 3
must "$mkpkg" deb --compress xz "$tree/one.deb" "./usr/bin/x=$tmp/members/sample-1" \
	"./usr/share/doc/x=/etc/passwd"
must "$mkpkg" rpm --compress gzip "$tree/two.rpm" "/usr/bin/y=$tmp/members/sample-2" \
	"/usr/src/y.c=$tree/src/lib/scale.h"
echo text >"$tree/text"
cp "$tmp/members/sample-3" "$tree/changes"
cp "$tmp/members/sample-3" "$tree/goes"

# ---- A database of schema buildids10, by hand ----------------------------------

seconds() {
	stat -c %Y "$1"
}

size() {
	stat -c %s "$1"
}

row() {
	echo "(select f.id from buildids10_files f join buildids10_fileparts d on d.id = f.dirname
	join buildids10_fileparts b on b.id = f.basename
	where d.name = '$(dirname "$1")' and b.name = '$(basename "$1")')"
}

schema10() {
	cat <<'END'
create table buildids10_fileparts (id integer primary key not null, name text unique not null);
create table buildids10_files (id integer primary key not null, dirname integer not null,
	basename integer not null, unique (dirname, basename));
create table buildids10_buildids (id integer primary key not null, hex text unique not null);
create table buildids10_file_mtime_scanned (mtime integer not null, file integer not null,
	size integer not null, sourcetype text(1) not null, primary key (file, mtime, sourcetype)) without rowid;
create table buildids10_f_de (buildid integer not null, debuginfo_p integer not null,
	executable_p integer not null, file integer not null, mtime integer not null,
	primary key (buildid, file, mtime)) without rowid;
create table buildids10_f_s (buildid integer not null, artifactsrc integer not null,
	file integer not null, mtime integer not null,
	primary key (buildid, artifactsrc, file, mtime)) without rowid;
create table buildids10_r_de (buildid integer not null, debuginfo_p integer not null,
	executable_p integer not null, file integer not null, mtime integer not null,
	content integer not null,
	primary key (buildid, debuginfo_p, executable_p, file, content, mtime)) without rowid;
create table buildids10_r_sref (buildid integer not null, artifactsrc integer not null,
	primary key (buildid, artifactsrc)) without rowid;
create table buildids10_r_sdef (file integer not null, mtime integer not null,
	content integer not null, primary key (content, file, mtime)) without rowid;
END
}

# add_name PATH: SQL that makes the row of a name where it is missing
add_name() {
	cat <<END
insert or ignore into buildids10_fileparts (name) values ('$(dirname "$1")'), ('$(basename "$1")');
insert or ignore into buildids10_files (dirname, basename)
	select d.id, b.id from buildids10_fileparts d, buildids10_fileparts b
	where d.name = '$(dirname "$1")' and b.name = '$(basename "$1")';
END
}

# scanned FILE TYPE
scanned() {
	add_name "$1"
	echo "insert into buildids10_file_mtime_scanned (file, mtime, size, sourcetype)
		values ($(row "$1"), $(seconds "$1"), $(size "$1"), '$2');"
}

id_row() {
	echo "(select id from buildids10_buildids where hex = '$1')"
}

# found FILE ID D E [MEMBER]
found() {
	echo "insert or ignore into buildids10_buildids (hex) values ('$2');"
	if [ -z "${5-}" ]; then
		echo "insert into buildids10_f_de values ($(id_row "$2"), $3, $4, $(row "$1"), $(seconds "$1"));"
	else
		add_name "$5"
		echo "insert into buildids10_r_de values ($(id_row "$2"), $3, $4, $(row "$1"), $(seconds "$1"), $(row "$5"));"
	fi
}

prog_id=$(build_id "$tree/prog")
one_id=$(build_id "$tmp/members/sample-1")
two_id=$(build_id "$tmp/members/sample-2")
three_id=$(build_id "$tmp/members/sample-3")
source=$tree/src/main.c

make_database10() {
	schema10
	for f in prog prog.debug text changes goes; do
		scanned "$tree/$f" F
	done
	for f in one.deb two.rpm; do
		scanned "$tree/$f" F
		scanned "$tree/$f" R
	done
	found "$tree/prog" "$prog_id" 0 1
	found "$tree/prog.debug" "$prog_id" 1 0
	found "$tree/changes" "$three_id" 0 1
	found "$tree/goes" "$three_id" 0 1
	found "$tree/one.deb" "$one_id" 0 1 /usr/bin/x
	found "$tree/two.rpm" "$two_id" 0 1 /usr/bin/y
	add_name "$source"
	echo "insert into buildids10_f_s values ($(id_row "$prog_id"), $(row "$source"),
		$(row "$source"), $(seconds "$source"));"
	add_name /usr/src/y.c
	echo "insert into buildids10_r_sdef values ($(row "$tree/two.rpm"),
		$(seconds "$tree/two.rpm"), $(row /usr/src/y.c));"
	echo "insert into buildids10_r_sref values ($(id_row "$two_id"), $(row /usr/src/y.c));"
}
make_database10 >"$tmp/ten.sql" || die "no database"
sqlite3 "$tmp/ten.db" <"$tmp/ten.sql" || die "no database"

touch -d '2001-01-01' "$tree/changes"
rm "$tree/goes"

# import NAME DB: what it says, as JSON
import() {
	"$SYMBOLIZED" check --json --import-debuginfod "$2" \
		--state-dir "$tmp/$1.state"
}

figures() {
	jq -r '"\(.files) \(.imported) \(.known) \(.changed) \(.gone) \(.empty) \(.artifacts)"'
}

is "files are taken over, those that changed or went are not" \
	"$(import ten "$tmp/ten.db" | figures)" "7 4 0 1 1 1 4"
is "a second import takes over nothing" \
	"$(import ten "$tmp/ten.db" | figures)" "7 0 4 1 1 1 0"
is "the index is sound" "$(check ten | tail -n 1)" "the index is sound"

# all_is_served NAME
all_is_served() {
	get "/buildid/$prog_id/executable"
	same "$1: an executable" "$tmp/body" "$tree/prog"
	get "/buildid/$prog_id/debuginfo"
	same "$1: debuginfo" "$tmp/body" "$tree/prog.debug"
	get "/buildid/$prog_id/source$source"
	same "$1: a source on disk" "$tmp/body" "$source"
	for turn in first second; do
		get "/buildid/$one_id/executable"
		same "$1: a member of a deb, $turn time" "$tmp/body" \
			"$tmp/members/sample-1"
		get "/buildid/$two_id/executable"
		same "$1: a member of an RPM, $turn time" "$tmp/body" \
			"$tmp/members/sample-2"
		is "$1: its size, $turn time" "$(header X-DEBUGINFOD-SIZE)" \
			"$(size "$tmp/members/sample-2")"
		is "$1: its name, $turn time" "$(header X-DEBUGINFOD-FILE)" /usr/bin/y
	done
	get "/buildid/$one_id/section/.text"
	is "$1: a section of a member" "$status" 200
}

if have strace && strace -f -o /dev/null true 2>/dev/null; then
	must traced -e trace=open,openat,openat2 -o "$tmp/trace" "$SYMBOLIZED" \
		check --import-debuginfod "$tmp/ten.db" --state-dir "$tmp/traced.state"
	is "an import opens none of the files" "$(grep "open.*$tree" "$tmp/trace")" ""
else
	skip "an import opens none of the files" "no strace"
fi

must scan ten "$tree"
is "the scan behind it reads what changed and what nobody had read" \
	"$(last_scan looked_into ten)" "$(($(find "$tree" -type f | wc -l) - 4))"
serve_ready ten "$tree"
all_is_served buildids10
get "/buildid/$two_id/source/usr/src/y.c"
same "a source in an archive" "$tmp/body" "$tree/src/lib/scale.h"
stop_server ten

# ---- A database that debuginfod itself made ------------------------------------

if have debuginfod; then
	start_debuginfod peer debuginfod -F -R -U -p @PORT@ -d "$tmp/real.db" -t0 -g0 "$tree"
	has_scanned_all() {
		curl -s -m 5 "$url/metrics" >"$tmp/peer.metrics" &&
			grep -q '^thread_work_total{role="traverse"} 1' "$tmp/peer.metrics" &&
			grep -q '^thread_work_pending{role="scan"} 0' "$tmp/peer.metrics" &&
			grep -q '^thread_busy{role="scan"} 0' "$tmp/peer.metrics"
	}
	ok "debuginfod has scanned" wait_until has_scanned_all
	stop_server peer
	at_least "what it knows is taken over" \
		"$(import real "$tmp/real.db" | jq .imported)" 5
	is "the index is sound" "$(check real | tail -n 1)" "the index is sound"
	serve_ready real "$tree"
	all_is_served "debuginfod's own"
	stop_server real
else
	skip "a database that debuginfod itself made" "no debuginfod"
fi

# ---- What is no such database --------------------------------------------------

echo nonsense >"$tmp/text.db"
import bad "$tmp/text.db" >"$tmp/out" 2>"$tmp/err"
isnt "a text file is refused" $? 0
like "it is named" "$(cat "$tmp/err")" "text.db"
is "nothing is left beside it" "$(ls "$tmp"/text.db*)" "$tmp/text.db"
sqlite3 "$tmp/other.db" 'create table t (a)'
import bad "$tmp/other.db" >"$tmp/out" 2>"$tmp/err"
isnt "another program's database is refused" $? 0
like "it is named" "$(cat "$tmp/err")" "other.db.*buildids10"
import bad "$tmp/none.db" >"$tmp/out" 2>"$tmp/err"
isnt "a database that is not there is refused" $? 0
head -c 6000 "$tmp/ten.db" >"$tmp/short.db"
import bad "$tmp/short.db" >"$tmp/out" 2>"$tmp/err"
isnt "a database that is cut off is refused" $? 0
is "none of them leaves an index" "$(ls "$tmp/bad.state" 2>/dev/null)" ""

finish
