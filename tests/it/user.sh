#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# --user: from root to an ordinary user, for good; and the same by the unit file
# of contrib, whose filter of system calls leaves everything working.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl openssl
[ "$(id -u)" = 0 ] || skip_all "not root"
id nobody >/dev/null 2>&1 || skip_all "no user nobody"
! grep -q __gcov_ "$SYMBOLIZED" || skip_all "built to count lines: no sandbox"

# The user has to get at all of it.
chmod 755 "$tmp"
mkdir "$tmp/tree" "$tmp/packed"
must make_samples "$tmp/tree" 2
sample_base=1
must make_samples "$tmp/packed" 2
must "$mkpkg" deb --compress xz "$tmp/tree/x.deb" "./lib/1=$tmp/packed/sample-1" \
	"./lib/2=$tmp/packed/sample-2"
chmod -R a+rX "$tmp/tree"

# tries OPTIONS...: what serve says, which does not start
tries() {
	timeout "$long_s" "$SYMBOLIZED" serve --listen 127.0.0.1:0 \
		--state-dir "$tmp/tried.state" --cache-dir "$tmp/tried.cache" \
		"$@" "$tmp/tree" 2>&1 >/dev/null </dev/null
}

# ---- As root -------------------------------------------------------------------

serve_ready main --user nobody --require-sandbox "$tmp/tree"
status_of() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"
}
uid=$(id -u nobody)
is "it is the user, and cannot be root again" "$(status_of Uid | tr '\t' ' ')" \
	"$uid $uid $uid $uid"
is "it has the user's groups and no others" \
	"$(status_of Groups | tr ' ' '\n' | grep . | sort -n | tr '\n' ' ')" \
	"$(id -G nobody | tr ' ' '\n' | sort -n | tr '\n' ' ')"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	is "it has no capability in $set" "$(status_of $set)" 0000000000000000
done
is "nothing that it starts can have more" "$(status_of NoNewPrivs)" 1
like "the log says so" "$(cat "$tmp/main.log")" \
	"privileges: dropped user=nobody uid=$uid"
is "the directories were made for the user" \
	"$(stat -c '%U %a' "$tmp/main.state" "$tmp/main.cache" | sort -u)" \
	"nobody 700"
get "/buildid/$(sample_id 1)/executable"
same "its workers extract" "$tmp/body" "$tmp/packed/sample-1"
is "no worker died" "$(metric_sum symbolized_worker_deaths_total)" 0
stop_server main
is "it ends well" "$exit_status" 0

for port in {1..40}; do
	"$SYMBOLIZED" serve --listen "127.0.0.1:$((port + 900))" --user nobody \
		--state-dir "$tmp/low.state" --cache-dir "$tmp/low.cache" \
		2>"$tmp/low.log" </dev/null &
	server_pid[low]=$!
	url=http://127.0.0.1:$((port + 900))
	wait_until grep -q 'listening\|bind' "$tmp/low.log"
	! grep -q bind "$tmp/low.log" || continue
	break
done
ok "a port below 1024 is had" wait_until is_ready
stop_server low

# ---- What is refused -----------------------------------------------------------

like "a user that is not there is named" "$(tries --user no-such-user)" \
	'no user "no-such-user"'
like "so is a group" "$(tries --user nobody:no-such-group)" \
	'no group "no-such-group"'
like "root is no user to become" "$(tries --user root)" 'root is root'
mkdir "$tmp/tried.state"
chmod 755 "$tmp/tried.state"
like "a directory that is root's is named" "$(tries --user nobody)" \
	"nobody may not write to $tmp/tried.state"
chown nobody "$tmp/tried.state"
: >"$tmp/tried.state/index.sqlite"
chmod 644 "$tmp/tried.state/index.sqlite"
like "so is one with an index that is root's" "$(tries --user nobody)" \
	"nobody may not write to $tmp/tried.state"
rm -r "$tmp/tried.state"
if have setpriv; then
	like "who is not root can become nobody else" "$(
		setpriv --reuid=nobody --regid=nogroup --clear-groups \
			"$SYMBOLIZED" serve --user daemon --listen 127.0.0.1:0 \
			--state-dir "$tmp/a" --cache-dir "$tmp/b" 2>&1 </dev/null)" \
		'only root can become daemon'
else
	skip "who is not root can become nobody else" "no setpriv"
fi
scan scanned --user nobody "$tmp/tree"
is "scan takes it, too" "$(stat -c %U "$tmp/scanned.state/index.sqlite")" nobody

# Those on the way to its own as well, and they can be passed.
(umask 077 && scan deep --user nobody --state-dir "$tmp/new/way/state" \
	--cache-dir "$tmp/new//other/cache/" "$tmp/tree") || fail "a scan" \
	"$(tail -n 2 "$tmp/deep.log")"
is "missing directories are made under any umask" "$(cd "$tmp/new" &&
	stat -c '%n %U %a' . way way/state other other/cache | tr '\n' ' ')" \
	". root 755 way root 755 way/state nobody 700 other root 755 other/cache nobody 700 "

# ---- The unit ------------------------------------------------------------------

unit=$top_srcdir/contrib/symbolized.service

# names GROUP: the system calls in it and in the groups that it names
names() {
	local name
	systemd-analyze syscall-filter "$1" | sed -n 's/^    \([^#]\)/\1/p' |
		while read -r name; do
			case $name in
			@*) names "$name" ;;
			*) echo "$name" ;;
			esac
		done
}

# What the unit allows: later lines add to it or take from it.
allowed() {
	local line word sign
	: >"$tmp/allowed"
	while read -r line; do
		sign=+
		case $line in '~'*) sign=- line=${line#\~} ;; esac
		for word in $line; do
			case $word in
			@*) names "$word" ;;
			*) echo "$word" ;;
			esac
		done | sort -u >"$tmp/these"
		if [ "$sign" = + ]; then
			sort -u -o "$tmp/allowed" "$tmp/allowed" "$tmp/these"
		else
			comm -23 "$tmp/allowed" "$tmp/these" >"$tmp/fewer"
			mv "$tmp/fewer" "$tmp/allowed"
		fi
	done < <(sed -n 's/^SystemCallFilter=//p' "$unit")
	# systemd allows these whatever is said.
	names @default >>"$tmp/allowed"
	cat "$tmp/allowed"
}

if ! have systemd-analyze || ! systemd-analyze syscall-filter @default >/dev/null 2>&1; then
	skip "the unit's filter lets everything work" "no systemd-analyze"
elif is_sanitized; then
	skip "the unit's filter lets everything work" "a sanitizer wants more"
else
	program=$SYMBOLIZED
	cat >"$tmp/filtered" <<END
#!/bin/sh
exec $top_builddir/tests/lib/under_filter $(allowed | tr '\n' ' ') -- $program "\$@"
END
	chmod +x "$tmp/filtered"
	SYMBOLIZED=$tmp/filtered
	serve_ready filtered --require-sandbox "$tmp/tree"
	SYMBOLIZED=$program
	is "under the unit's filter workers close themselves in" \
		"$(metric 'symbolized_worker_sandbox{mechanism="seccomp"}')" 1
	get "/buildid/$(sample_id 2)/executable"
	same "under it they extract" "$tmp/body" "$tmp/packed/sample-2"
	sample_base=0
	get /symbolize/v1 -d "$(sample_id 1)+0x1000"
	is "under it addresses are answered" "$status" 200
	is "under it no worker dies" "$(metric_sum symbolized_worker_deaths_total)" 0
	stop_server filtered
	is "under it the server ends well" "$exit_status" 0
fi
finish
