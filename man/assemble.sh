#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# assemble.sh PROGRAM PAGE.in: prints a manual page. A line "@COMMAND@" in it
# becomes the options of that command, "@metrics@" the list of metrics, as the
# program itself describes them.
set -eu -o pipefail

program=$1
page=$2

metrics()
{
	"$program" describe metrics | awk -F '\t' '
	{
		gsub(/-/, "\\-")
		print ".TP"
		printf "\\fB%s\\fR", $1
		if ($3 != "")
			printf "{%s}", $3
		print ""
		print $4 " (" $2 ")."
	}'
}

while IFS= read -r line; do
	case $line in
	@metrics@) metrics ;;
	@*@)
		line=${line#@}
		"$program" describe "${line%@}"
		;;
	*) printf '%s\n' "$line" ;;
	esac
done <"$page"
