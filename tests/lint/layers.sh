#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Who may include whom. A folder may include itself and what stands beside it
# here: folders, or a single header. Nothing else of ours.
layers='
src/base
src/codec       src/base
src/elf         src/base src/codec
scanners        src/base src/codec
src/index       src/base
src/symtab      src/base src/elf
src/upstream    src/base
src/worker      src/base src/codec src/elf src/symtab scanners
src/store       src/base src/codec src/index src/upstream src/worker src/elf/elf_facts.h
src/scan        src/base src/index src/worker
src/symbolize   src/base src/codec src/symtab/symtab.h src/symtab/symtab_layout.h src/store src/index src/worker
src/http        src/base src/codec src/store src/upstream/upstream.h src/symbolize src/symtab/symtab.h src/index src/elf/elf_facts.h
src             src scanners
tests           src scanners
'
# These return what went wrong and leave it to others to say.
silent='src/codec src/elf src/index scanners'

# One library, one folder (or file): it can then be upgraded, faked or replaced
# by reading one folder. Tests may use any of them.
libraries='
microhttpd.h     src/http/mhd
sqlite3.h        src/index
archive.h        scanners
archive_entry.h  scanners
zlib.h           src/codec
libdeflate.h     src/codec
lzma.h           src/codec
zstd.h           src/codec
zstd_errors.h    src/codec
bzlib.h          src/codec
nettle/          src/elf
xxhash.h         src/base
libiberty/       src/symtab
demangle.h       src/symtab
libelf.h         tests
gelf.h           tests
dwarf.h          tests
elfutils/        tests
curl/            src/upstream
seccomp.h        src/worker
'

# find_faults ROOT: lines of "FOLDER FILE:LINE: what is wrong".
find_faults()
{
	(cd "$1" && find src scanners tests -name '*.[ch]' -exec awk \
		-v layers="$layers" -v libraries="$libraries" \
		-v silent=" $silent " '
	function fault(what)
	{
		print folder, FILENAME ":" FNR ": " what
	}

	# Is path the thing named, or in the folder named?
	function is_in(path, name)
	{
		return path == name || index(path, name "/") == 1
	}

	# The row of the table for a file: the longest that names it.
	function folder_of(path,    f, best)
	{
		best = ""
		for (f in allowed)
			if (is_in(path, f) && length(f) > length(best))
				best = f
		return best
	}

	function check_ours(name,    path, i, n, names)
	{
		if (name == "config.h")
			return
		path = name ~ /^(scanners|tests)\// ? name : "src/" name
		if (name ~ /^\.|\/\.\.?\//) {
			fault("\"" name "\" is not a path from src or the top")
			return
		}
		if (path == "src/base/log.h" && index(silent, " " folder " "))
			fault(folder " does not log")
		if (folder_of(path) == folder)
			return
		if (folder == "src" || folder == "tests") {
			if (path ~ /^tests\// && folder != "tests")
				fault("\"" name "\" belongs to the tests")
			return
		}
		n = split(allowed[folder], names, " ")
		for (i = 1; i <= n; i++)
			if (is_in(path, names[i]))
				return
		fault("\"" name "\" is beyond what " folder " may include")
	}

	function check_library(name,    header)
	{
		for (header in home)
			if (index(name, header) == 1 && folder != "tests" &&
			    !is_in(FILENAME, home[header]))
				fault("<" name "> is for " home[header])
	}

	BEGIN {
		n = split(layers, rows, "\n")
		for (i = 1; i <= n; i++) {
			split(rows[i], f, " ")
			row = rows[i]
			sub(/^[^ ]+ */, "", row)
			if (f[1] != "")
				allowed[f[1]] = row
		}
		n = split(libraries, rows, "\n")
		for (i = 1; i <= n; i++)
			if (split(rows[i], f, " ") == 2)
				home[f[1]] = f[2]
	}
	FNR == 1 {
		folder = folder_of(FILENAME)
		first = 1
		if (folder == "" ||
		    (folder == "src" && FILENAME ~ /^src\/.*\//)) {
			folder = "src"
			fault("this folder is not in the table of layers")
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
		is_ours = $0 ~ /include[ \t]*"/
		name = $0
		sub(/^[^<"]*[<"]/, "", name)
		sub(/[>"].*/, "", name)
		if (first && FILENAME ~ /\.c$/ && name != "config.h" &&
		    FILENAME !~ /^tests\/bench\//)
			fault("\"config.h\" is not the first thing included")
		first = 0
		if (is_ours)
			check_ours(name)
		else
			check_library(name)
	}' {} +)
}

# A tree that breaks each rule once.
make_bad_tree()
{
	mkdir -p "$1"/src/{base,codec,http,index,new} "$1"/scanners "$1"/tests
	cat >"$1/src/base/a.c" <<-'END'
		#include "config.h"
		#include <stdio.h>
		#include "base/a.h"
		#include "index/index.h"
	END
	cat >"$1/src/codec/b.c" <<-'END'
		#include "config.h"
		# include <zlib.h>
		#include "../base/a.h"
		#include "base/log.h"
	END
	cat >"$1/src/http/handlers.c" <<-'END'
		#include "config.h"
		#include <microhttpd.h>
		#include "elf/elf_facts.h"
		#include "elf/elf_note.h"
	END
	cat >"$1/src/index/index.c" <<-'END'
		#include <sqlite3.h>
		#include "config.h"
	END
	echo '#include "scanners/scanner.h"' >"$1/src/new/new.h"
	echo '#include "tests/lib/writer.h"' >"$1/src/cmd.h"
	echo '#include <nettle/sha2.h>' >"$1/scanners/s.h"
	echo '#include <gelf.h>' >"$1/tests/t.h"
}

expected_faults='scanners scanners/s.h:1
src src/cmd.h:1
src src/new/new.h:1
src/base src/base/a.c:4
src/codec src/codec/b.c:3
src/codec src/codec/b.c:4
src/http src/http/handlers.c:2
src/http src/http/handlers.c:4
src/index src/index/index.c:1'

. "$(dirname "$0")/tap.sh"

bad_tree=$(mktemp -d)
trap 'rm -rf "$bad_tree"' EXIT
make_bad_tree "$bad_tree"
found_faults=$(find_faults "$bad_tree" | cut -d: -f1,2 | LC_ALL=C sort)
tap_result "the lint finds each kind of fault in a tree that has them" \
	"$(diff <(echo "$expected_faults") <(echo "$found_faults"))"

faults=$(find_faults .)
while read -r folder others; do
	[ -n "$folder" ] || continue
	if [ "$folder" = src ] || [ "$folder" = tests ]; then
		name="$folder includes by path, config.h first"
	else
		name="$folder includes only ${others:-itself}"
	fi
	tap_result "$name" "$(sed -n "s|^$folder ||p" <<<"$faults")"
done <<<"$layers"
tap_done
