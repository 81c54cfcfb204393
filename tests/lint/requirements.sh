#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/REQUIREMENTS.md names tests for each of R-1 to R-43; each of them exists,
# is run by make check or make check-long, and says the number: a case of C in
# the comment right above it, a script anywhere in the comment at its head.
. "$(dirname "$0")/tap.sh"
last=43

# names FILE: lines of "NUMBER TEST [CASE]", and "NUMBER none" where there are no
# tests
names()
{
	# shellcheck disable=SC2016
	sed -n 's/^| R-\([0-9]*\) |[^|]*|\(.*\)|$/\1 \2/p' "$1" |
		while read -r number rest; do
			grep -q '`' <<<"$rest" || echo "$number none"
			grep -o '`[^`]*`' <<<"$rest" | tr -d '`' |
				sed "s/^/$number /"
		done
}

# says FILE CASE NUMBER: does that test say the number?
says()
{
	local file=$1 case=$2 number=$3
	if [[ $file = *.sh ]]; then
		sed '/^[^#]/q' "$file" | grep -qE "^#.*\<R-$number\>"
		return
	fi
	awk -v case="$case" -v number="R-$number" '
		/^$/ { comment = "" }
		{ comment = comment " " $0 }
		/^START_TEST\($/ { getline; $0 = "START_TEST(" $1 }
		$0 == "START_TEST(" case ")" {
			gsub(/[^-R0-9]/, " ", comment)
			found = index(" " comment " ", " " number " ")
		}
		/^START_TEST/ || /^}/ || /^END_TEST/ { comment = "" }
		END { exit !found }' "$file"
}

# faults FILE FOLDER
faults()
{
	local number test case
	for ((number = 1; number <= last; number++)); do
		[ "$(grep -c "^| R-$number |" "$1")" = 1 ] ||
			echo "R-$number has not one line"
	done
	while read -r number test case; do
		if [ "$test" = none ]; then
			echo "R-$number has no test"
		elif [ ! -e "$2/$test" ]; then
			echo "R-$number: there is no $test"
		elif ! says "$2/$test" "$case" "$number"; then
			echo "R-$number: $test $case does not say it"
		fi
	done < <(names "$1")
}

self_test()
{
	local dir=$1
	printf '#!/bin/bash\n# R-1, R-22.\nrun # R-3\n' >"$dir/a.sh"
	printf '/* R-1 */\nSTART_TEST(a)\n{\n}\nEND_TEST\n\nSTART_TEST(b)\n{\n}\n' \
		>"$dir/a.c"
	printf '%s\n' "| R-1 | x | \`a.sh\`, \`a.c a\` |" \
		"| R-2 | x | \`a.sh\`, \`a.c b\`, \`b.sh\` |" \
		"| R-3 | x | \`a.sh\` |" "| R-4 | x | |" >"$dir/list"
	last=5 faults "$dir/list" "$dir"
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tap_result "the lint sees what is missing" "$(diff - <(self_test "$dir") <<'END'
R-5 has not one line
R-2: a.sh  does not say it
R-2: a.c b does not say it
R-2: there is no b.sh
R-3: a.sh  does not say it
R-4 has no test
END
)"
said=$(faults tests/REQUIREMENTS.md tests)
tap_result "what requirements name are tests that say so" \
	"$(grep -v 'has no test$' <<<"$said")"
tap_result "every requirement has a test" \
	"$(grep 'has no test$' <<<"$said")"
tap_result "every script that is named is run" "$(names tests/REQUIREMENTS.md |
	grep -o 'it/[^ ]*\.sh' | sort -u | while read -r test; do
	grep -q "tests/$test" tests/it/local.mk || echo "$test"
done)"
tap_done
