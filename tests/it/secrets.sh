#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# R-26: nothing can be changed over HTTP, nobody but this machine is answered
# unless it is said so, and a secret that the server was given shows nowhere.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need "$CC" curl jq

must make_samples "$tmp/samples" 4
must make_samples "$tmp/tree" 1 local
local_id=$(build_id "$tmp/tree/local-1")

# ---- Secrets -------------------------------------------------------------------

# Every way that a secret comes in. Each has "hush" in it.
start_fake first
put first "$(sample_id 2)" debuginfo "$tmp/samples/sample-2"
echo hush-token >"$tmp/token"
chmod 600 "$tmp/token"
cat >"$tmp/upstreams" <<END
[${fake_url[first]}]
token-file = $tmp/token
header = X-Key: hush-header
[http://127.0.0.1:1]
token-file = $tmp/token
END
chmod 600 "$tmp/upstreams"
SYMBOLIZED_LOG_LEVEL=debug serve_ready main --upstream-file "$tmp/upstreams" \
	"$tmp/tree"
get "/buildid/$(sample_id 2)/debuginfo"
is "what an upstream server has is had" "$status" 200
like "it is given its token" "$(cat "$tmp/first/headers")" \
	'^Authorization: Bearer hush-token'

: >"$tmp/said"
# Misses, failures, an unreachable server, and all that can be looked at.
rule first '*' status 401
for path in "/buildid/$(sample_id 3)/debuginfo" "/buildid/$(sample_id 3)/section/.x" \
	"/buildid/$(sample_id 3)/source/a.c" "/buildid/$local_id/meta" \
	"/buildid/zz/debuginfo" /metrics /readyz /healthz / /nowhere \
	'/metadata?key=glob&value=*'; do
	get "$path"
	cat "$tmp/header" "$tmp/body" >>"$tmp/said"
	get "$path" -H 'Authorization: Bearer hush-client' -H 'Cookie: hush-cookie'
	cat "$tmp/header" "$tmp/body" >>"$tmp/said"
done
unlike "no answer has a secret" "$(cat "$tmp/said")" hush
unlike "nor has the log, at its most talkative" "$(cat "$tmp/main.log")" hush
unlike "nor a command line" \
	"$(for p in "$pid" $(children "$pid"); do tr '\0' ' ' <"/proc/$p/cmdline"; done)" \
	hush
stop_server main

SYMBOLIZED_UPSTREAM=http://hush-user:hush-word@127.0.0.1:1 start_server named \
	"$tmp/tree" && stop_server named
unlike "nor what is said of an address with a password in it" \
	"$(cat "$tmp/named.log")" hush
SYMBOLIZED_UPSTREAM=${fake_url[first]} serve_ready env "$tmp/tree"
get "/buildid/$local_id/section/.text"
worker=$(children "$pid" | head -n 1)
unlike "workers do not have the server's environment" \
	"$(tr '\0' '\n' <"/proc/$worker/environ")" 'SYMBOLIZED|HOME|PATH'
stop_server env
printf 'hush\001token\n' >"$tmp/token"
unlike "nor what is said of a token that is none" "$(
	"$SYMBOLIZED" serve --upstream-file "$tmp/upstreams" --listen 127.0.0.1:0 \
		--state-dir "$tmp/bad.state" --cache-dir "$tmp/bad.cache" 2>&1
)" hush

# ---- Nothing can be changed ----------------------------------------------------

serve_ready plain "$tmp/tree"
for method in PUT DELETE PATCH POST MKCOL; do
	for path in "/buildid/$local_id/debuginfo" "/buildid/$(sample_id 1)/executable" \
		/metrics /; do
		get "$path" -X "$method" -d x
		is "$method $path is not allowed" "$status" 405
	done
done
for path in /admin /upload /buildids/upload /debug /config /shutdown /rescan \
	/groom /cache "/buildid/$local_id/upload"; do
	for method in GET POST PUT; do
		get "$path" -X "$method"
		is "there is no $method $path" "$status" 404
	done
done
get "/buildid/$local_id/executable"
same "all is as it was" "$tmp/body" "$tmp/tree/local-1"
# listens PID: addresses, as /proc/net/tcp has them, of sockets that listen
listens() {
	local inode
	for inode in $(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' |
		tr -dc '0-9\n'); do
		awk -v inode="$inode" '$4 == "0A" && $10 == inode { print $2 }' \
			/proc/net/tcp /proc/net/tcp6 2>/dev/null
	done
}
is "nor does the server listen elsewhere than it was told to" "$(listens "$pid")" \
	"0100007F:$(printf %04X "$port")"
is "which is this machine unless it is said" \
	"$("$SYMBOLIZED" serve --help | grep -c '(default 127.0.0.1:8002)')" 1
stop_server plain
finish
