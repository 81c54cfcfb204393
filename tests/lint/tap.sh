# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# TAP for the lints. Sourced; goes to the top of the source tree.

cd "${top_srcdir:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 1

tap_count=0

# tap_result NAME [FAULTS]: passed if there is no text of faults.
tap_result()
{
	tap_count=$((tap_count + 1))
	if [ -z "${2-}" ]; then
		echo "ok $tap_count - $1"
	else
		echo "not ok $tap_count - $1"
		echo "# ${2//$'\n'/$'\n'# }"
	fi
}

# tap_skip NAME WHY
tap_skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

tap_skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

tap_done()
{
	echo "1..$tap_count"
}

# Every script of ours, one a line.
shell_scripts()
{
	echo bootstrap
	echo .ci/run
	echo tests/fuzz/run
	find man src scanners schema tests -name '*.sh' | sort
}

# Every folder with C in it.
c_folders()
{
	find src scanners tests -name '*.[ch]' -printf '%h\n' | sort -u
}

# The C in a folder, one file a line. Generated files are nobody's to format or
# to shorten.
c_files()
{
	find "$1" -maxdepth 1 -name '*.[ch]' ! -name '*_sql.c' | sort
}
