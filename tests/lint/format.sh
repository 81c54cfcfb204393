#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# C is laid out as .clang-format says; `make format` does it. Versions of
# clang-format differ in details: the one that counts is Debian 12's.
version=14
. "$(dirname "$0")/tap.sh"

clang_format=$(command -v clang-format-$version || command -v clang-format)
case $($clang_format --version 2>/dev/null) in
*"version $version."*) ;;
*) tap_skip_all "no clang-format $version" ;;
esac

for folder in $(c_folders); do
	mapfile -t files < <(c_files "$folder")
	faults=$("$clang_format" --dry-run "${files[@]}" 2>&1 |
		sed -n 's/: warning: .*//p')
	tap_result "$folder is laid out as make format does" "$faults"
done
tap_done
