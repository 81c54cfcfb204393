# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Tools the benchmarks use, installed from Debian where they are missing.
# Sourced: need COMMAND...

# command -> Debian package
declare -A need_package=(
	[bsdtar]=libarchive-tools
	[cc]=gcc
	[curl]=curl
	[debuginfod]=debuginfod
	[nginx]=nginx-light
	[readelf]=binutils
	[rpmbuild]=rpm
	[sqlite3]=sqlite3
	[wrk]=wrk
)

need() {
	local command packages=()
	for command in "$@"; do
		command -v "$command" >/dev/null && continue
		[ -x "/usr/sbin/$command" ] && continue
		packages+=("${need_package[$command]:-$command}")
	done
	[ "${#packages[@]}" -eq 0 ] && return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "missing: ${packages[*]} (apt-get install them)" >&2
		return 1
	fi
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o Dpkg::Use-Pty=0 "${packages[@]}" >&2
}

# Headers the helper programs compile against.
need_libraries() {
	local package missing=()
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
			missing+=("$package")
	done
	[ "${#missing[@]}" -eq 0 ] && return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "missing: ${missing[*]} (apt-get install them)" >&2
		return 1
	fi
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o Dpkg::Use-Pty=0 "${missing[@]}" >&2
}
