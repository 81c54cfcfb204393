#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the benchmark corpus: corpus.sh DIR
#
#   DIR/debs/*.deb    the packages of corpus.list as the archive has them
#   DIR/tree/NAME/    each of them unpacked
#   DIR/rpms/*.rpm    some of them again as RPMs: gzip, xz and zstd payloads
#
# Running it again completes what is missing and leaves the rest alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/need.sh
. "$here/need.sh"

if [ $# -ne 1 ]; then
	echo "usage: corpus.sh DIR" >&2
	exit 2
fi
mkdir -p "$1"/{debs,tree,rpms,tmp}
corpus=$(cd "$1" && pwd)
need rpmbuild

log() { echo "corpus: $*" >&2; }

fetch() {
	local missing=() name _
	while read -r name _; do
		compgen -G "$corpus/debs/${name}_*.deb" >/dev/null || missing+=("$name")
	done <"$corpus/packages"
	log "${#missing[@]} packages to fetch"
	[ "${#missing[@]}" -eq 0 ] && return 0
	# The download directory must be writable for apt's own user, or apt warns and
	# goes on as root; both are fine here.
	(cd "$corpus/tmp" && printf '%s\n' "${missing[@]}" | xargs -n 40 apt-get -qq download)
	mv "$corpus"/tmp/*.deb "$corpus/debs/"
}

# shellcheck disable=SC2016 # expanded by the inner shell
unpack() {
	local deb name
	for deb in "$corpus"/debs/*.deb; do
		name=$(basename "$deb")
		name=${name%%_*}
		[ -d "$corpus/tree/$name" ] && continue
		echo "$deb $name"
	done | xargs -r -P "$(nproc)" -n 2 sh -c '
		dpkg-deb -x "$1" "$0/tmp/$2.tree" && chmod -R u+rwX "$0/tmp/$2.tree" &&
		mv "$0/tmp/$2.tree" "$0/tree/$2"' "$corpus"
}

# build_rpm NAME PAYLOAD: the unpacked tree verbatim, nothing stripped, nothing derived
build_rpm() {
	local name=$1 payload=$2 level work version
	case $payload in
	gzip) level=w6.gzdio ;;
	xz) level=w6.xzdio ;;
	zstd) level=w3.zstdio ;;
	*)
		log "$name: unknown payload $payload"
		return 1
		;;
	esac
	compgen -G "$corpus/rpms/$name"-[0-9]*.rpm >/dev/null && return 0
	work=$corpus/tmp/rpm-$name
	rm -rf "$work"
	mkdir -p "$work"
	version=$(dpkg-deb -f "$corpus"/debs/"${name}"_*.deb Version)
	version=$(tr -c 'A-Za-z0-9.+~\n' . <<<"${version#*:}")
	{
		cat <<-SPEC
			%global debug_package %{nil}
			%global __os_install_post %{nil}
			%global __spec_install_post /bin/true
			%global __spec_install_pre /bin/true
			%global _build_id_links none
			%global _binary_payload $level
			Name: $name
			Version: $version
			Release: 1
			Summary: Benchmark corpus
			License: see the package
			AutoReqProv: no
			%description
			Repacked for measurements.
			%files
			%defattr(-,root,root)
		SPEC
		find "$corpus/tree/$name" -mindepth 1 -maxdepth 1 -printf '"/%f"\n'
	} >"$work/$name.spec"
	# rpmbuild clears its build root: hand it hard links, never the tree itself.
	cp -al "$corpus/tree/$name" "$work/root"
	if ! rpmbuild -bb --quiet --target x86_64 --nodeps --noclean \
		--define "_topdir $work" --define "_rpmdir $work/out" \
		--define "_tmppath $work" --buildroot "$work/root" \
		"$work/$name.spec" >"$work/log" 2>&1; then
		tail -n 20 "$work/log" >&2
		return 1
	fi
	mv "$work"/out/x86_64/*.rpm "$corpus/rpms/"
	rm -rf "$work"
}

if [ "${CORPUS_RPM_ONLY:-}" ]; then
	read -r name payload <<<"$CORPUS_RPM_ONLY"
	build_rpm "$name" "$payload"
	exit
fi

# "@meta" -> the package of the same kind that it depends on
follow() {
	local name=$1
	case $name in
	@*) apt-cache depends "${name#@}" | awk '$1 == "Depends:" { print $2; exit }' ;;
	*) echo "$name" ;;
	esac
}

# DIR/packages: "name payload" with payload "-" where no RPM is wanted
grep -Ev '^(#|$)' "$here/corpus.list" | while read -r name payload; do
	echo "$(follow "$name") ${payload:--}"
done >"$corpus/packages"

fetch
log "unpacking"
unpack
log "building RPMs"
awk '$2 != "-"' "$corpus/packages" |
	xargs -r -P "$(nproc)" -d '\n' -I '{}' env CORPUS_RPM_ONLY='{}' "$0" "$corpus"
rmdir "$corpus/tmp" 2>/dev/null || log "left over: $(ls "$corpus/tmp")"
for part in debs tree rpms; do
	log "$part: $(du -sh "$corpus/$part" | cut -f 1), $(find "$corpus/$part" -type f | wc -l) files"
done
