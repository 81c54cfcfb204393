# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# For the tests of upstream servers: fake ones that do as they are told. Sourced
# behind lib.sh, whose variables it uses and sets.

fake_upstream=$top_builddir/tests/lib/fake_upstream
[ -x "$fake_upstream" ] || skip_all "no fake_upstream: make check builds it"
declare -A fake_url=()

# start_fake NAME [PORT]: a server of the files below $tmp/NAME/files, which
# does what $tmp/NAME/rules says; its address is ${fake_url[NAME]}
start_fake() {
	local name=$1
	mkdir -p "$tmp/$name/files/buildid"
	: >>"$tmp/$name/rules"
	: >"$tmp/$name.fake.out"
	"$fake_upstream" "$tmp/$name" "${2:-0}" >"$tmp/$name.fake.out" \
		2>"$tmp/$name.fake.log" </dev/null &
	server_pid["fake-$name"]=$!
	wait_until test -s "$tmp/$name.fake.out" || die "no fake upstream"
	fake_url[$name]=http://127.0.0.1:$(cat "$tmp/$name.fake.out")
}

# stop_fake NAME
stop_fake() {
	stop_server "fake-$1" KILL 2>/dev/null
}

# put NAME ID TYPE FILE: it has that
put() {
	mkdir -p "$(dirname "$tmp/$1/files/buildid/$2/$3")"
	cp "$4" "$tmp/$1/files/buildid/$2/$3"
}

# rule NAME PATTERN WORD...: the only rule from now on; none without words
rule() {
	local name=$1
	shift
	printf '%s\n' "${*:-}" >"$tmp/$name/rules.new"
	mv "$tmp/$name/rules.new" "$tmp/$name/rules"
}

# asked NAME PART: how often it was asked for a path with that in it
asked() {
	local count
	count=$(grep -c -- "$2" "$tmp/$1/log" 2>/dev/null)
	echo "${count:-0}"
}

# is_running_requests COUNT: are so many requests to upstream servers under way?
is_running_requests() {
	[ "$(metric symbolized_upstream_running_requests)" -ge "$1" ]
}

# took PATH: milliseconds until all of the answer was there
took() {
	curl -s -m 60 -o /dev/null -w '%{time_total}' "$url$1" |
		awk '{ print int(1000 * $1) }'
}
