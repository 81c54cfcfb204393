#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything at once, for a long time: files and packages come and go, artifacts
# are asked for that are at hand, in packages, or at another server that fails now
# and then, addresses are symbolized with tables that are there and tables that
# must be made. Each answer is compared with what is known beforehand; memory and
# descriptors must not grow.
#
# In `make check` it is there for its own sake: SOAK_SECONDS=15. `make check-long`
# has 3600. The table is in the log.
#
# SOAK_THREADS   clients (8); SOAK_PAUSE  milliseconds between their requests (5)
#
# Requirements: R-1, R-14, R-22, R-36, R-40.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
need "$CC" objcopy openssl readelf nm
client=$top_builddir/tests/lib/soak_client

seconds=${SOAK_SECONDS:-$([ "${LONG_TESTS:-no}" = yes ] && echo 3600 || echo 15)}
# Calm, faults, and time for what they left to pass: the breaker is open for a
# minute, and for two when the probe fails.
calm_s=$((seconds < 240 ? seconds / 3 : 80))
fault_s=$calm_s
grace_s=150
sample_s=$((seconds < 240 ? 1 : 5))
RANDOM=${IT_SEED:-$$}
diag "IT_SEED=${IT_SEED:-$$}"

# ---- What is there ---------------------------------------------------------------

tree=$tmp/tree
churn=$tmp/tree/churn
plan=$tmp/plan
excused='0!,502!,503!,504!' # while the other server fails
mkdir "$tree" "$tmp/expect"

# plan_line CLASS PATH BODY EXPECT ELSE
plan_line() {
	(IFS=$'\t' && printf '%s\n' "$*") >>"$plan"
}

# plan_file CLASS ID FILE ELSE: all that is known of an ELF file
plan_file() {
	local name=$tmp/expect/$2
	plan_line "$1" "/buildid/$2/executable" - "$3" "$4"
	plan_line "$1" "/buildid/$2/debuginfo" - "$3" "$4"
	[ -e "$name.note" ] ||
		must objcopy -O binary --only-section=.text "$3" "$name.note"
	plan_line "$1" "/buildid/$2/section/.text" - "$name.note" "$4"
}

must make_samples "$tree/plain" 100
for i in {1..100}; do
	plan_file plain "$(sample_id "$i")" "$tree/plain/sample-$i" -
done

sample_base=1
must make_samples "$tmp/packed" 40
mkdir "$tree/packages"
must big_file "$tmp/filler" 1
codecs=(gzip xz zstd bzip2)
for i in {1..40}; do
	kind=$([ $((i % 2)) = 0 ] && echo deb || echo rpm)
	must "$mkpkg" "$kind" --compress "${codecs[i % 4]}" --block-size 100000 \
		"$tree/packages/p$i.$kind" \
		"$([ "$kind" = deb ] && echo .)/usr/share/filler=$tmp/filler" \
		"$([ "$kind" = deb ] && echo .)/usr/bin/x=$tmp/packed/sample-$i"
	plan_file packed "$(sample_id "$i")" "$tmp/packed/sample-$i" -
done

# What comes and goes is itself, or not there.
sample_base=2
must make_samples "$tmp/loose" 60
mkdir "$churn"
for i in {1..60}; do
	plan_file churn "$(sample_id "$i")" "$tmp/loose/sample-$i" "404,$excused"
done

must write_program "$tmp/src"
mkdir "$tree/programs" "$tree/programs/src" "$tmp/remote"
cp -r "$tmp/src/." "$tree/programs/src"
source=$tree/programs/src
for i in 0 1 2 s; do
	must build_program "$source" "$tree/programs/p$i" "-O$i"
	plan_line source \
		"/buildid/$(build_id "$tree/programs/p$i")/source$source/lib/helper.c" \
		- "$source/lib/helper.c" -
done

# What only the other server has: 600 KiB each, more in all than the cache holds.
start_fake upstream
for i in {1..12}; do
	must big_file "$tmp/remote/blob" 1
	truncate -s 600K "$tmp/remote/blob"
	echo "$i" >>"$tmp/remote/blob"
	must build_program "$tmp/src" "$tmp/remote/r$i" -O2 "-DWHICH=$i" \
		"-Wl,--build-id=0x$(printf 'abcd%036d' "$i")"
	must objcopy --add-section ".blob=$tmp/remote/blob" "$tmp/remote/r$i"
	id=$(build_id "$tmp/remote/r$i")
	put upstream "$id" executable "$tmp/remote/r$i"
	put upstream "$id" debuginfo "$tmp/remote/r$i"
	plan_line remote "/buildid/$id/executable" - "$tmp/remote/r$i" \
		"$excused"
	plan_line remote "/buildid/$id/debuginfo" - "$tmp/remote/r$i" \
		"$excused"
done
plan_line unknown "/buildid/%R/debuginfo" - - "$excused"

serve_ready soaked --upstream "${fake_url[upstream]}" --cache-size 4M \
	--table-memory 48K --table-cache-size 48K --upstream-timeout 3 \
	--batch-wait 60 "$tree"

# ---- Addresses, and what they are -------------------------------------------------

# ask_addresses FILE CURL OPTIONS...: all of its functions' addresses
ask_addresses() {
	local id
	id=$(build_id "$1")
	base=$tmp/expect/$id
	shift
	get /symbolize/v1 -H 'Content-Type: application/json' \
		--data-binary "@$base.json" "$@"
}

# plan_addresses CLASS FILE ELSE: asked once now, and the same ever after
plan_addresses() {
	local class=$1 file=$2 base
	base=$tmp/expect/$(build_id "$file")
	nm -S "$file" | awk '$3 ~ /^[tT]$/ && $4 ~ /^(helper|main)$/ {
		print $1, $2 }' | while read -r at size; do
		for ((j = 0; j < 16#$size; j++)); do
			printf '0x%x\n' $((16#$at + j))
		done
	done >"$base.addresses"
	printf '{"modules":[{"build_id":"%s","kind":"vaddr","addresses":["%s"]}],"wait_ms":30000}' \
		"$(build_id "$file")" \
		"$(paste -s -d , "$base.addresses" | sed 's/,/","/g')" >"$base.json"
	ask_addresses "$file"
	[ "$status" = 200 ] || die "no first answer: $status $(body)"
	cp "$tmp/body" "$base.answer"
	plan_line "$class" /symbolize/v1 "$base.json" "$base.answer" "$3"
}

# What llvm-symbolizer makes of the same addresses, without columns; files
# without their directories, as ours are spelt as the compiler was told them.
told_by_llvm() {
	"$llvm_symbolizer" --obj="$1" --no-demangle \
		<"$tmp/expect/$(build_id "$1").addresses" |
		sed -E 's/:[0-9]+$//; s|^.*/||'
}

llvm_symbolizer=$(compgen -c llvm-symbolizer | sort -V | tail -n 1)
for i in 0 1 2 s; do
	plan_addresses symbolized "$tree/programs/p$i" -
	if [ "$llvm_symbolizer" ]; then
		ask_addresses "$tree/programs/p$i" -H 'Accept: text/plain;style=lines'
		sed 's|^.*/||' "$tmp/body" >"$tmp/ours.lines"
		told_by_llvm "$tree/programs/p$i" >"$tmp/llvm.lines"
		same "p$i is symbolized as by llvm-symbolizer" "$tmp/ours.lines" \
			"$tmp/llvm.lines"
	else
		skip "p$i is symbolized as by llvm-symbolizer" "none there"
	fi
done
for i in {1..60}; do
	sample_base=0
	plan_addresses built "$tree/plain/sample-$i" -
done
for i in {1..4}; do
	plan_addresses far "$tmp/remote/r$i" "200!,$excused"
done

# ---- What happens meanwhile --------------------------------------------------------

stir() {
	local i=$((1 + RANDOM % 60))
	case $((RANDOM % 6)) in
	0 | 1 | 2) cp "$tmp/loose/sample-$i" "$churn/.new" &&
		mv "$churn/.new" "$churn/file-$((RANDOM % 20))" ;;
	3) rm -f "$churn/file-$((RANDOM % 20))" ;;
	4) "$mkpkg" deb --compress "${codecs[i % 4]}" "$churn/.new" \
		"./usr/bin/x=$tmp/loose/sample-$i" &&
		mv "$churn/.new" "$churn/p$((RANDOM % 5)).deb" ;;
	5) rm -f "$churn/p$((RANDOM % 5)).deb" ;;
	esac
	kill -USR1 "$pid"
	[ $((RANDOM % 10)) != 0 ] || kill -USR2 "$pid"
}

faults=('status=503' 'status=500' 'status=429 header=Retry-After:1' 'hang'
	'hang_at=300000' 'cut_at=400000' 'reset' 'delay=700' 'slow=20000'
	'length=1000' 'no_length cut_at=200000')
break_upstream() {
	touch "$tmp/fault"
	rule upstream '*' "${faults[RANDOM % ${#faults[@]}]}"
}

heal_upstream() {
	rule upstream
}

# sample: seconds, memory of the server and of its workers, descriptors, threads
sample() {
	local each rss=0 workers=0
	rss=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")
	for each in $(children "$pid"); do
		# It may have ended.
		each=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$each/status" 2>/dev/null)
		workers=$((workers + ${each:-0}))
	done
	set -- "/proc/$pid/fd"/*
	printf '%d %d %d %d %d\n' $((SECONDS - begun)) "$rss" "$workers" $# \
		"$(awk '$1 == "Threads:" { print $2 }' "/proc/$pid/status")"
}

begun=$SECONDS
mkdir "$tmp/wrong"
"$client" -s "$seconds" -t "${SOAK_THREADS:-8}" -w "${SOAK_PAUSE:-5}" \
	-e $((seconds < 240 ? seconds : 240)) -f "$tmp/fault" -k "$tmp/wrong" \
	"$url" "$plan" >"$tmp/client.out" 2>"$tmp/client.err" &
soaking=$!
next_sample=0
while is_running "$soaking"; do
	at=$((SECONDS - begun))
	turn=$((at % (calm_s + fault_s + grace_s)))
	if [ "$turn" -lt "$calm_s" ]; then
		rm -f "$tmp/fault"
	elif [ "$turn" -lt $((calm_s + fault_s)) ]; then
		break_upstream
	else
		heal_upstream
	fi
	stir
	if [ "$at" -ge "$next_sample" ]; then
		sample >>"$tmp/samples"
		next_sample=$((at + sample_s))
	fi
	sleep 0.5
done
wait "$soaking"
soak_status=$?
heal_upstream

# ---- What became of it --------------------------------------------------------------

diag "$seconds s; faults upstream for $fault_s of each $((calm_s + fault_s + grace_s)) s"
diag "$(cat "$tmp/client.out")"
is "no answer was wrong" "$soak_status: $(head -n 20 "$tmp/client.err")" "0: "
for class in plain packed churn source remote unknown symbolized built far; do
	right=$(sed -n "s/^total class=$class .* right=\([0-9]*\) .*/\1/p" \
		"$tmp/client.out")
	at_least "$class: there were right answers" "${right:-0}" 1
done
for class in plain packed source symbolized; do
	like "$class: nothing had to be excused" "$(cat "$tmp/client.out")" \
		"^total class=$class .* excused=0 pending=0 wrong=0 "
done
is "the server is the same process" "$(is_running "$pid" && echo yes)" yes
is "no worker was lost" "$(metric_sum symbolized_worker_deaths_total)" 0

# median COLUMN FROM TO: of the samples in that part of the time, in percent
median() {
	awk -v column="$1" -v from="$2" -v to="$3" -v all="$seconds" \
		'$1 * 100 >= from * all && $1 * 100 < to * all { print $column }' \
		"$tmp/samples" | sort -n |
		awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : 0 }'
}
for column in 2 3 4 5; do
	diag "column $column at 25, 50, 75, 100 %:" "$(median $column 0 25)" \
		"$(median $column 25 50)" "$(median $column 50 75)" \
		"$(median $column 75 101)"
done
if [ "$seconds" -ge 600 ]; then
	early=$(median 2 25 50)
	at_most "memory does not grow, KiB" "$(median 2 75 101)" \
		$((early + early / 20 + 2048))
	at_most "descriptors do not grow" "$(median 4 75 101)" \
		$(($(median 4 25 50) + 4))
	is "threads do not grow" "$(median 5 75 101)" "$(median 5 25 50)"
fi

# When the clients have gone so have their descriptors.
descriptors_are_back() {
	local now
	set -- "/proc/$pid/fd"/*
	now=$#
	[ "$now" -le $(($(head -n 1 "$tmp/samples" | cut -d ' ' -f 4) + 8)) ]
}
ok "descriptors are what they were when it began" wait_until \
	descriptors_are_back
is "no error was logged" "$(grep -E '^[^ ]+ error ' "$tmp/soaked.log" | head -n 3)" ""
stop_server soaked
is "the server ends well" "$exit_status" 0
is "the index is sound" "$(check soaked | tail -n 1)" "the index is sound"
finish
