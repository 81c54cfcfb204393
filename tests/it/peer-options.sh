#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The command line of `symbolized debuginfod` beside that of the installed peer:
# option by option as its --help has them, command line by command line what is
# refused and what starts, and what is said in the log then. We stand for 0.196;
# what the peer, perhaps older, has in another way is listed.
#
# The peer listens on all addresses. Where it can be done the script goes into a
# network namespace of its own.
if [ -z "${PEER_NAMESPACE-}" ] && unshare -rn ip link set lo up 2>/dev/null; then
	# shellcheck disable=SC2016
	PEER_NAMESPACE=yes exec unshare -rn sh -c 'ip link set lo up && exec "$@"' \
		sh "${BASH:-bash}" "$0" "$@"
fi
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need debuginfod curl readelf

ours=("$SYMBOLIZED" debuginfod)

# ---- Options ---------------------------------------------------------------------

# Lines of --help that are in one of the two only. "> " is ours, "< " the peer's.
known_options='
> --cors | since 0.193
> --home-html=FILE | since 0.195
> --home-redirect=URL | since 0.195
> --koji-sigcache | since 0.192, where it is built with IMA
> --listen-address=ADDR | since 0.193
> --max-depth=NUM | since 0.195
> --metadata-maxtime=SECONDS | since 0.192
> --scan-checkpoint=NUM | since 0.190
> --source-root=DIR[:DIR...] | ours: see the manual
< --fdcache-fds=NUM | taken, and no longer in the help since 0.189
< --fdcache-prefetch-fds=NUM | taken, and no longer in the help since 0.189
< --fdcache-prefetch-mbs=MB | taken, and no longer in the help since 0.189
< --fdcache-mintmp=NUM | the argument is called PERCENT
> --fdcache-mintmp=PERCENT | the argument is called NUM
< -Z, --scan-archive=EXT=CMD | =CMD may be left out there, too
> -Z, --scan-archive=EXT[=CMD] | =CMD may be left out there, too
'

# options_of FILE: "-F, --scan-file-dir", "-p, --port=NUM", … in order
options_of() {
	sed -nE 's/^ +((-[A-Za-z?], )?--[a-z-]+(\[?=[^ ]*)?)( .*)?$/\1/p' "$1" | sort
}
"${ours[@]}" --help >"$tmp/ours.help"
debuginfod --help >"$tmp/peer.help"
options_of "$tmp/ours.help" >"$tmp/ours.options"
options_of "$tmp/peer.help" >"$tmp/peer.options"
at_least "the peer's options were read" "$(wc -l <"$tmp/peer.options")" 25
unknown=
while IFS= read -r line; do
	grep -qF -- "
$line | " <<<"$known_options" || grep -qF -- "$line | " <<<"$known_options" ||
		unknown+=$line$'\n'
done < <(diff "$tmp/peer.options" "$tmp/ours.options" | grep '^[<>]')
is "options, letters and arguments are the peer's but for what is known" \
	"$unknown" ""
# What is said to be ours is ours, and what the peer dropped is still taken.
while IFS='|' read -r line _; do
	case $line in
	"> "*) like "there is ${line#> }" "$(cat "$tmp/ours.options")" \
		"^$(sed 's/[].[*?+]/\\&/g' <<<"${line#> }" | sed 's/ *$//')\$" ;;
	esac
done <<<"$known_options"
is "the letters are the peer's" \
	"$(sed -n 's/^-\(.\),.*/\1/p' "$tmp/ours.options" | sort | tr -d '\n')" \
	"$(sed -n 's/^-\(.\),.*/\1/p' "$tmp/peer.options" | sort | tr -d '\n')"

# Every abbreviation that means something there means the same here.
taken() {
	"$@" --version >"$tmp/out" 2>&1
	echo "$?"
}
wrong=
while IFS= read -r option; do
	name=${option#*--}
	argument=
	case $name in
	*[*=*) name=${name%%[*} ;;
	*=*)
		argument="=1"
		name=${name%%=*}
		;;
	esac
	for ((i = 1; i <= ${#name}; i++)); do
		short=--${name:0:i}
		there=$(taken debuginfod "$short$argument")
		here=$(taken "${ours[@]}" "$short$argument")
		[ "$there" = "$here" ] || [ "$there" = 64 ] ||
			wrong+="$short: $here, there $there"$'\n'
	done
done < <(grep -vE -- '--(help|usage|version)$' "$tmp/peer.options")
# A new option may begin as an old one does.
is "abbreviations of the peer's are taken, but where 0.196 has two" \
	"$(grep -vE '^--(c|co|h|l|m|ma|max|s|sc|sca|scan|scan-|f|fd):' <<<"$wrong")" ""

# ---- Command lines ---------------------------------------------------------------

tree=$tmp/tree
mkdir "$tree"
cd "$tmp" || exit 99 # where a database "-p" may come to lie
must make_samples "$tree" 1
id=$(sample_id 1)

# Several servers run at a time: each waits a second before it traverses, and
# the peer another one before it ends.
declare -A port_of=()

# launch NAME PROGRAM ARGUMENT...
launch() {
	local name=$1
	shift
	port=$(find_port)
	port_of[$name]=$port
	mkdir -p "$tmp/$name.home"
	rm -f "$tmp/$name".{pid,ended}
	# A shell of its own waits for it: this one forgets the status of a child
	# when another one gets its number.
	(
		HOME=$tmp/$name.home TMPDIR=$tmp/$name.home \
			"${@/@PORT@/$port}" >"$tmp/$name.out" 2>&1 </dev/null &
		echo $! >"$tmp/$name.pid"
		wait $!
		echo $? >"$tmp/$name.ended"
	) &
	wait_until test -s "$tmp/$name.pid"
	server_pid[$name]=$(cat "$tmp/$name.pid")
}

# look NAME ARGUMENTS: "exit" if it has ended, or the status of the file, when
# it has been looked for; in NAME.status
look() {
	local which=${server_pid[$1]}
	url=http://127.0.0.1:${port_of[$1]}
	is_decided() {
		is_gone "$which" || curl -s -m 20 -o /dev/null "$url/metrics"
	}
	wait_until is_decided
	if is_gone "$which"; then
		echo exit >"$tmp/$1.status"
		return
	fi
	[[ $2 != *-F* && $2 != *--scan-file* ]] || wait_until traversed_once
	curl -s -m 20 -o /dev/null -w '%{http_code}' \
		"$url/buildid/$id/executable" >"$tmp/$1.status"
	kill "$which"
}
traversed_once() {
	curl -s -m 20 "$url/metrics" >"$tmp/figures"
	grep -q 'thread_count{role="scan"}' "$tmp/figures" || return 0
	# Of no file at all the peer counts nothing.
	grep -q '^thread_work_total{role="traverse"} [1-9]' "$tmp/figures" &&
		! grep -qE '^thread_(work_pending|busy)\{role="scan"\} [1-9]' \
			"$tmp/figures"
}

# outcome NAME: leaves it in $outcome
outcome() {
	exit_status=hung
	! wait_until test -s "$tmp/$1.ended" || exit_status=$(cat "$tmp/$1.ended")
	unset "server_pid[$1]"
	outcome=$(cat "$tmp/$1.status")
	if [ "$outcome" = exit ]; then
		outcome="exit $exit_status: $(grep '^debuginfod: ' "$tmp/$1.out" | head -n 1)"
	else
		outcome="starts, $outcome, exit $exit_status"
	fi
	# Of an option that may be two, the peer knows fewer.
	outcome=${outcome%; possibilities:*}
}

# Command lines that end otherwise here, and why.
known_outcomes() {
	case $1 in
	"--passive -d :memory:"* | *"-t 5 --passive"* | *"-r --passive"*)
		echo "a passive server of nothing says 404, the peer 503" ;;
	"-d ''"*) echo "a database without a name is a temporary one; the peer then finds nothing in it" ;;
	*none.sqlite*) echo "another message" ;;
	*"-L "*) return 1 ;;
	*/link) echo "a PATH that is a link is followed" ;;
	*--fdcache-prefetch-mbs=*) echo "retired since 0.189, and then looked at no more" ;;
	*"-Z =cat"*) echo "what is an archive by its name is not an ELF file, too" ;;
	--scan-checkpoint* | --listen-address* | --metadata-maxtime*)
		echo "younger than the peer" ;;
	*) return 1 ;;
	esac
}
ln -s tree "$tmp/link"
mapfile -t command_lines <<END
-F -d :memory: $tree
-d :memory: -F $tree
-d :memory: $tree
-d :memory:
$tree -d :memory: --scan-file
-d '' -F $tree
--passive -d :memory:
--passive -d :memory: -F
--passive -d :memory: $tree
-t 5 --passive -d :memory:
-c 5 -g 3 -I x -X y -r --passive -d :memory:
--passive -d $tmp/none.sqlite
--passive -t 3 -d :memory:
--passive -g 3 -d :memory:
--passive -c 3 -d :memory:
--passive -I x -d :memory:
--passive -X x -d :memory:
--passive -r -d :memory:
--passive -G -d :memory:
--passive -L -d :memory:
--passive -D x -d :memory:
-G --passive -d :memory:
-L --passive -d :memory:
-D x --passive -d :memory:
$tree --passive -d :memory:
-F -d :memory: $tmp/link
-F -L -d :memory: $tmp/link
-F -d :memory: -I '' $tree
-F -d :memory: -X '' $tree
-F -d :memory: -I nothing $tree
-F -d :memory: -I nothing -I sample $tree
-F -d :memory: -X sample -X nothing $tree
-F -d :memory: -I '(' $tree
-F -d :memory: -X '[' $tree
-F -d :memory: -t -5 -g -7 $tree
-F -d :memory: -t abc -g 12abc $tree
-F -d :memory: -c 0 $tree
-F -d :memory: -C $tree
-F -d :memory: -C3 $tree
-F -d :memory: -C1 $tree
-F -d :memory: -C0 $tree
-F -d :memory: --fdcache-mbs=-3 --fdcache-mintmp=100 $tree
-F -d :memory: --fdcache-mintmp=101 $tree
-F -d :memory: --fdcache-mintmp=-1 $tree
-F -d :memory: --fdcache-fds=x --fdcache-prefetch-fds=0 --fdcache-prefetch-mbs=-1 $tree
-F -d :memory: --fdcache-prefetch=0 $tree
-F -d :memory: --forwarded-ttl-limit=-1 $tree
-F -d :memory: --forwarded-ttl-limit=0 $tree
-F -d :memory: -D 'no SQL at all' -G $tree
-F -d :memory: -D 'pragma cache_size=100' -D 'select 1' $tree
-F -d :memory: -Z '' $tree
-F -d :memory: -Z =cat $tree
-F -d :memory: -Ztar -Z .x=cat -R -U $tree
-F -d :memory: $tree $tree $tmp/nowhere
-F -d :memory: -p 0 $tree
-F -d :memory: -p 65536 $tree
-F -d :memory: -p http $tree
-F -d :memory: -p $tree
-F $tree
-F -d
--nosuch
-y
--scan
-F -d :memory: -vvvvv $tree
-F -d :memory: --disable-source-scan $tree
--scan-checkpoint=-1
--listen-address=300.1.1.1
--metadata-maxtime=-1 -F -d :memory: $tree
END
at_once=8
for ((first = 0; first < ${#command_lines[@]}; first += at_once)); do
	batch=("${command_lines[@]:first:at_once}")
	for i in "${!batch[@]}"; do
		line=${batch[i]}
		# The words of a line, '' among them.
		eval "words=($line)"
		[[ " ${words[*]} " == *" -p "* || $line == *-d ]] ||
			words+=(-p @PORT@)
		launch "ours$i" "${ours[@]}" "${words[@]}"
		launch "peer$i" debuginfod "${words[@]}"
	done
	for i in "${!batch[@]}"; do
		look "ours$i" "${batch[i]}"
		look "peer$i" "${batch[i]}"
	done
	for i in "${!batch[@]}"; do
		line=${batch[i]}
		outcome "ours$i"
		here=$outcome
		outcome "peer$i"
		if why=$(known_outcomes "$line"); then
			isnt "otherwise: $line ($why)" "$here" "$outcome"
		else
			is "as there: $line" "$here" "$outcome"
		fi
	done
done

# ---- What is said at the start ---------------------------------------------------

# said WHO PROGRAM ARGUMENT...: without dates, numbers of processes and what is
# the machine's or the version's
said() {
	local who=$1
	shift
	: >"$tmp/$who.log"
	start_debuginfod "$who" "$@" -p @PORT@
	log=$tmp/$who.log
	if [ -z "${passive-}" ]; then
		ok "$who says that it has groomed" wait_until \
			grep -q 'groomed database in' "$log"
		ok "$who says that it has traversed" wait_until \
			grep -q 'fts traversed source paths in' "$log"
	fi
	stop_server "$who"
	sed -E -e 's/^\[[^]]*\] \([0-9/]*\): //' -e "s|$tmp/$who|NAME|g" \
		-e 's/port=[0-9]+/port=N/' -e 's/(fdcache mbs|pool) [0-9]+/\1 N/' \
		-e 's/^((file|archive|files|index) .*|buildids|filenames|fileparts) [0-9]+$/\1 N/' \
		-e 's/ in [0-9.e-]+s/ in Ns/' -e 's/scanned=[0-9]+/scanned=N/' \
		"$log" | grep -v ' UA:' >"$tmp/$who.said"
}
lines() {
	grep -vE '^(prefetch (fds|mbs) |fdcache fds )' "$1" |
		sed -E -e 's/^(accepting archive types ).*/\1/' | sort -u
}
# There until 0.188 or so, here not: two retired limits. Here and not there: what
# is our own.
for passive in '' --passive; do
	if [ "$passive" ]; then
		start_debuginfod scan "$SYMBOLIZED" debuginfod -d "$tmp/ours.tmp/x" -p @PORT@
		stop_server scan
		said ours "$SYMBOLIZED" debuginfod --passive -d "$tmp/ours.tmp/x"
		start_debuginfod scan debuginfod -d "$tmp/peer.tmp/x" -p @PORT@
		stop_server scan
		said peer debuginfod --passive -d "$tmp/peer.tmp/x"
	else
		said ours "$SYMBOLIZED" debuginfod -d "$tmp/ours.tmp/x" -t0 -g0 -F -R -X none "$tree"
		said peer debuginfod -d "$tmp/peer.tmp/x" -t0 -g0 -F -R -X none "$tree"
		for line in 'started http server on IPv4 IPv6 port=N' 'rescan time 0' \
			'service mode active' 'groomed database in Ns' \
			'fts traversed source paths in Ns, scanned=N, regex-skipped=0' \
			'accepting archive types .rpm(cat) '; do
			is "the log says: $line" "$(grep -cxF "$line" "$tmp/ours.said")" \
				"$(grep -cxF "$line" "$tmp/peer.said")"
		done
	fi
	is "whatever the peer says of itself ${passive:-in active mode} is said" \
		"$(comm -13 <(lines "$tmp/ours.said") <(lines "$tmp/peer.said") |
			grep -vE '^filenames |^fileparts ')" ""
done
passive=yes
said cors "$SYMBOLIZED" debuginfod -d :memory: --cors --listen-address=127.0.0.1
like "address and CORS are said" "$(cat "$tmp/cors.said")" \
	'^started http server on 127.0.0.1 port=N with cors$'
finish
