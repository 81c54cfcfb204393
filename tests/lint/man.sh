#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The manual pages say what the program says: the lists in them are those of
# its tables, no route, option or version is left out, and mandoc finds nothing
# to complain about.
. "$(dirname "$0")/tap.sh"
program=${SYMBOLIZED:-./symbolized}

for page in man/*.in; do
	made=${page%.in}
	tap_result "$made is fresh; if not: make man" "$(
		diff "$made" <(bash man/assemble.sh "$program" "$page" 2>&1) 2>&1)"
done

for page in man/*.[1-8]; do
	name="$page is clean by mandoc"
	if command -v mandoc >/dev/null; then
		tap_result "$name" "$(mandoc -T lint -W warning "$page")"
	else
		tap_skip "$name" "no mandoc"
	fi
done

version=$("$program" --version)
tap_result "the manual pages are of this version" \
	"$(grep -L "^\.TH .* \"$version\"" man/*.[1-8])"

# As a reader sees them, without spaces.
spelt=$(sed -n 's/^\.BI\{0,1\} //p' man/symbolized-api.7 |
	sed 's/\\f.//g; s/[" ]//g')
routes=$(sed -n 's/^ROUTE(\([A-Z]*\), "\([^"]*\)".*/\1\2/p' \
	src/http/routes_table.h | sed 's/\*/ID/')
tap_result "symbolized-api(7) has every route" "$(
	while read -r route; do
		grep -qE "^$route(/[A-Z]+)?($|\?)" <<<"$spelt" || echo "$route"
	done <<<"$routes")"
tap_done
