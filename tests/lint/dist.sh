#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The tarball has every file that git has, and besides only what autoreconf
# makes. What `make dist` would pack is laid out in a directory of our own.
. "$(dirname "$0")/tap.sh"

# In git and not in the tarball.
left_out='.gitignore'
# In the tarball and not in git.
generated='Makefile.in aclocal.m4 config.h.in configure build-aux/ar-lib
build-aux/compile build-aux/depcomp build-aux/install-sh build-aux/missing
build-aux/tap-driver.sh'

# A checkout of its own, not a tarball unpacked beneath some other one.
is_checkout()
{
	[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ]
}

# compare TRACKED DISTRIBUTED: lines of "FILE: what is wrong"
compare()
{
	comm -23 <(sorted "$1") <(sorted "$2" "$left_out") |
		sed 's/$/: in git, not in the tarball (EXTRA_DIST)/'
	comm -13 <(sorted "$1" "$generated") <(sorted "$2") |
		sed 's/$/: in the tarball, not in git/'
}

# sorted WORDS...: one a line
sorted()
{
	# shellcheck disable=SC2048,SC2086 # words
	printf '%s\n' $* | LC_ALL=C sort -u
}

tap_result "the lint finds what is missing and what is too much" "$(
	diff <(compare 'a b .gitignore' 'b c configure') - <<-'END'
		a: in git, not in the tarball (EXTRA_DIST)
		c: in the tarball, not in git
	END
)"

name="the tarball has what git has"
if ! is_checkout; then
	tap_skip "$name" "not a git checkout"
elif ! [ -f "${top_builddir:=.}/Makefile" ]; then
	tap_skip "$name" "not configured"
else
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	# Not a part of the make that runs this.
	if said=$(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		make -s -C "$top_builddir" distdir distdir="$dir/tree" 2>&1); then
		tap_result "$name" "$(compare "$(git ls-files)" \
			"$(cd "$dir/tree" && find . -type f -printf '%P\n')")"
	else
		tap_result "$name" "make distdir: $said"
	fi
fi
tap_done
