#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The HTTP contract, route by route, for a file of a tree and for a member of an
# archive: methods, ranges, conditions, headers, errors, JSON.
#
# Requirements: R-18, R-24.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
need "$CC" curl objcopy strip readelf jq openssl

src=$tmp/tree/src
must write_program "$src"
mkdir "$tmp/tree/bin" "$tmp/tree/debug" "$tmp/tree/pool" "$tmp/packed"
must build_program "$src" "$tmp/tree/bin/prog"
must split_program "$tmp/tree/bin/prog"
mv "$tmp/tree/bin/prog.debug" "$tmp/tree/debug/prog.debug"
must build_program "$src" "$tmp/packed/tool" -O2 -gdwarf-4
must split_program "$tmp/packed/tool"
file_exe=$tmp/tree/bin/prog
file_debug=$tmp/tree/debug/prog.debug
deb_exe=$tmp/packed/tool
deb_debug=$tmp/packed/tool.debug
file_id=$(build_id "$file_exe")
deb_id=$(build_id "$deb_exe")
deb=$tmp/tree/pool/tool_1_amd64.deb
must touch -d @1500000000 "$file_exe"
must "$mkpkg" deb --compress xz --block-size 4096 --mtime 1400000000 "$deb" \
	"./usr/bin/tool=$deb_exe" "./usr/lib/debug/tool.debug=$deb_debug"
isnt "the two programs have IDs of their own" "$file_id" "$deb_id"
serve_ready main "$tmp/tree"

# ---- Whole answers -------------------------------------------------------------

date_of() {
	date -u -d "@$1" '+%a, %d %b %Y %H:%M:%S GMT'
}

whole() {
	local what=$1 path=$2 wanted=$3 mtime=$4 names=$5
	get "$path"
	is "$what is answered 200" "$status" 200
	same "$what comes byte for byte" "$tmp/body" "$wanted"
	is "X-DEBUGINFOD-SIZE of $what is its size" \
		"$(header X-DEBUGINFOD-SIZE)" "$(stat -c %s "$wanted")"
	is "Content-Length of $what is its size" \
		"$(header Content-Length)" "$(stat -c %s "$wanted")"
	is "X-DEBUGINFOD-FILE and -ARCHIVE of $what say where it lies" \
		"$(header X-DEBUGINFOD-FILE) $(header X-DEBUGINFOD-ARCHIVE)" "$names"
	is "Last-Modified of $what is its time" "$(header Last-Modified)" \
		"$(date_of "$mtime")"
	is "Content-Type of $what is octets" "$(header Content-Type)" \
		application/octet-stream
	is "$what accepts ranges" "$(header Accept-Ranges)" bytes
	like "$what has a strong ETag" "$(header ETag)" '^"[^"]+"$'
	like "$what may be cached by everybody" "$(header Cache-Control)" \
		'public.*max-age=[0-9]{5,}'
	isnt "$what has a request ID" "$(header X-Request-Id)" ""
}

variable='^(Date|X-Request-Id|Connection|Keep-Alive):'
heads() {
	tr -d '\r' <"$tmp/header" | grep -Eiv "$variable" | sort
}

headed() {
	local what=$1 path=$2 got
	shift 2
	get "$path" "$@"
	got=$(heads)
	head_of "$path" "$@"
	is "HEAD of $what gives the header of GET" "$(heads)" "$got"
	is "HEAD of $what gives no body" "$(wc -c <"$tmp/body")" \
		"$(wc -c <"$tmp/header")"
}

whole "an executable in the tree" "/buildid/$file_id/executable" "$file_exe" \
	1500000000 "$file_exe "
whole "a debug file in the tree" "/buildid/$file_id/debuginfo" "$file_debug" \
	"$(stat -c %Y "$file_debug")" "$file_debug "
whole "an executable in a deb" "/buildid/$deb_id/executable" "$deb_exe" \
	1400000000 "/usr/bin/tool $deb"
whole "a debug file in a deb" "/buildid/$deb_id/debuginfo" "$deb_debug" \
	1400000000 "/usr/lib/debug/tool.debug $deb"
whole "a debug file in a deb for the second time" "/buildid/$deb_id/debuginfo" \
	"$deb_debug" 1400000000 "/usr/lib/debug/tool.debug $deb"
whole "a source" "/buildid/$file_id/source$src/main.c" "$src/main.c" \
	"$(stat -c %Y "$src/main.c")" "$src/main.c "
headed "an executable in the tree" "/buildid/$file_id/executable"
headed "a debug file in a deb" "/buildid/$deb_id/debuginfo"
headed "a source" "/buildid/$file_id/source$src/main.c"
headed "a section" "/buildid/$file_id/section/.debug_line"
headed "an unknown ID" "/buildid/00112233/executable"
headed "a malformed ID" "/buildid/xyz/executable"
headed "the metadata" "/metadata?key=buildid&value=$file_id"
headed "what is known of an ID" "/buildid/$file_id/meta"
headed "/healthz" /healthz
headed "/readyz" /readyz
headed "the front page" / -H 'Accept: text/html'
head_of /metrics
is "HEAD of /metrics is answered" "$status" 200

get "/buildid/${file_id^^}/executable"
is "an ID in upper case is the same ID" "$status" 200
same "an ID in upper case gives the same bytes" "$tmp/body" "$file_exe"
get "/buildid/$file_id/source$src/lib/../lib/./helper.c"
same "a source is found however its path is spelt" "$tmp/body" "$src/lib/helper.c"
get "/buildid/$file_id/source/${src//\//%2F}%2Fmain.c"
same "a source is found when its slashes are escaped" "$tmp/body" "$src/main.c"
get "/buildid/$file_id/source$src/main.c" -H 'X-Request-Id: my.id-1'
is "a sane request ID comes back" "$(header X-Request-Id)" my.id-1
get "/buildid/$file_id/executable" -H 'X-Request-Id: <script>'
isnt "a request ID that is not sane does not come back" \
	"$(header X-Request-Id)" '<script>'

# ---- Ranges --------------------------------------------------------------------

# range WHAT PATH FILE SPEC FIRST LAST
range() {
	local size
	size=$(stat -c %s "$3")
	get "$2" -H "Range: bytes=$4"
	is "range $4 of $1 is 206 and says which part it is" \
		"$status $(header Content-Range) $(header Content-Length)" \
		"206 bytes $5-$6/$size $(($6 - $5 + 1))"
	tail -c "+$(($5 + 1))" "$3" | head -c "$(($6 - $5 + 1))" >"$tmp/part"
	same "range $4 of $1 has the bytes of that part" "$tmp/body" "$tmp/part"
}

ranges() {
	local what=$1 path=$2 file=$3 size
	size=$(stat -c %s "$file")
	range "$what" "$path" "$file" 0-0 0 0
	range "$what" "$path" "$file" 0-99 0 99
	range "$what" "$path" "$file" 100-1099 100 1099
	range "$what" "$path" "$file" "$((size - 10))-" $((size - 10)) $((size - 1))
	range "$what" "$path" "$file" "-7" $((size - 7)) $((size - 1))
	range "$what" "$path" "$file" "5-99999999999" 5 $((size - 1))
	range "$what" "$path" "$file" "-99999999999" 0 $((size - 1))
	get "$path" -H "Range: bytes=$size-"
	is "a range behind the end of $what is 416 and says the size" \
		"$status $(header Content-Range)" "416 bytes */$size"
	get "$path" -H "Range: bytes=-0"
	is "the last no bytes of $what are 416" "$status" 416
	for spec in bytes=0-1,4-5 lines=1-2 bytes=5-2 bytes=x bytes; do
		get "$path" -H "Range: $spec"
		is "Range: $spec of $what gives all of it" \
			"$status $(header Content-Length)" "200 $size"
		same "Range: $spec of $what gives its bytes" "$tmp/body" "$file"
	done
	head_of "$path" -H 'Range: bytes=0-9'
	is "HEAD of $what ignores a range" "$status $(header Content-Length)" \
		"200 $size"
}

ranges "a file" "/buildid/$file_id/executable" "$file_exe"
ranges "a member" "/buildid/$deb_id/debuginfo" "$deb_debug"

# ---- Conditions ----------------------------------------------------------------

conditions() {
	local what=$1 path=$2 etag modified
	get "$path"
	etag=$(header ETag)
	modified=$(header Last-Modified)
	get "$path"
	is "the ETag of $what stays" "$(header ETag)" "$etag"
	for tag in "$etag" "W/$etag" "\"x\", $etag" '*'; do
		get "$path" -H "If-None-Match: $tag"
		is "If-None-Match that names $what is 304 without a body: $tag" \
			"$status $(wc -c <"$tmp/body") $(header ETag)" "304 0 $etag"
	done
	get "$path" -H 'If-None-Match: "0"'
	is "If-None-Match of something else gives $what" "$status" 200
	get "$path" -H "If-Modified-Since: $modified"
	is "If-Modified-Since the time of $what is 304" "$status" 304
	get "$path" -H 'If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT'
	is "If-Modified-Since an earlier time gives $what" "$status" 200
	get "$path" -H 'If-Modified-Since: yesterday'
	is "If-Modified-Since no date gives $what" "$status" 200
	get "$path" -H 'If-None-Match: "0"' -H "If-Modified-Since: $modified"
	is "If-None-Match makes If-Modified-Since void for $what" "$status" 200
	get "$path" -H "If-Range: $etag" -H 'Range: bytes=0-9'
	is "If-Range with the ETag of $what gives the range" "$status" 206
	get "$path" -H "If-Range: $modified" -H 'Range: bytes=0-9'
	is "If-Range with the time of $what gives the range" "$status" 206
	get "$path" -H 'If-Range: "0"' -H 'Range: bytes=0-9'
	is "If-Range with something else gives all of $what" "$status" 200
	get "$path" -H "If-Range: W/$etag" -H 'Range: bytes=0-9'
	is "If-Range with a weak tag gives all of $what" "$status" 200
	head_of "$path" -H "If-None-Match: $etag"
	is "HEAD of $what is conditional too" "$status" 304
}

conditions "a file" "/buildid/$file_id/executable"
conditions "a member" "/buildid/$deb_id/debuginfo"
get "/buildid/$file_id/executable"
etag=$(header ETag)
get "/buildid/$file_id/debuginfo"
isnt "different bytes have different ETags" "$(header ETag)" "$etag"

# ---- Size limit of the client --------------------------------------------------

size=$(stat -c %s "$deb_debug")
for limit in 1 $((size - 1)); do
	get "/buildid/$deb_id/debuginfo" -H "X-DEBUGINFOD-MAXSIZE: $limit"
	is "more than X-DEBUGINFOD-MAXSIZE is 406, $limit" "$status" 406
	like "406 says the limit, $limit" "$(body)" "File too large, max size=$limit"
done
for limit in "$size" 0 -5 many; do
	get "/buildid/$deb_id/debuginfo" -H "X-DEBUGINFOD-MAXSIZE: $limit"
	is "X-DEBUGINFOD-MAXSIZE: $limit lets it pass" "$status" 200
done

# ---- Errors --------------------------------------------------------------------

errors() {
	local wanted=$1 path
	shift
	for path; do
		get "$path"
		is "$path is $wanted" "$status" "$wanted"
		at_most "the text of $path is short" "$(wc -c <"$tmp/body")" 1024
		unlike "the text of $path names nothing of this machine" \
			"$(body)" "$tmp"
	done
}

unknown=00112233445566778899aabbccddeeff00112233
errors 404 "/buildid/$unknown/executable" "/buildid/$unknown/debuginfo" \
	"/buildid/$unknown/source/etc/passwd" "/buildid/$unknown/section/.text" \
	"/buildid/$unknown/meta" \
	"/buildid/$file_id/source/etc/passwd" \
	"/buildid/$file_id/source$src/../../../../../../etc/passwd" \
	"/buildid/$file_id/source$src/absent.c" \
	"/buildid/$file_id/section/.none" "/buildid/$deb_id/section/.none" \
	"/buildid/$deb_id/source/usr/bin/tool" \
	/nowhere "/buildid/$file_id/nothing" "/buildid/$file_id" /buildid/
errors 400 /buildid/xyz/executable /buildid/abc/debuginfo \
	/buildid/00/executable "/buildid/$(printf '%0130d' 0)/executable" \
	/buildid/00112233445566zz/meta "/buildid/$file_id/source/" \
	"/buildid/$file_id/source" "/buildid/$file_id/section/" \
	"/buildid/$file_id/section" "/buildid/$file_id%00/executable" \
	/metadata '/metadata?key=x&value=y' '/metadata?key=glob' \
	'/metadata?key=buildid&value=xyz'
get "/buildid/$unknown/executable"
like "a 404 may be kept for a while" "$(header Cache-Control)" 'max-age=[0-9]+'

for method in PUT DELETE PATCH OPTIONS; do
	get "/buildid/$file_id/executable" -X $method
	is "$method is 405 with the methods that are allowed" \
		"$status $(header Allow)" "405 GET, HEAD"
done
get "/buildid/$file_id/executable" -d x=y
is "POST to an artifact is 405" "$status $(header Allow)" "405 GET, HEAD"
get /buildids/query
is "GET of /buildids/query is 405" "$status $(header Allow)" "405 POST"
get "/buildid/$file_id/executable" -X GET -d body
is "GET with a body is 400" "$status" 400
get "/buildid/$file_id/executable" -H 'X-Long: '"$(printf '%020000d' 0)"
is "a header of 20 kB is 431" "$status" 431
get "/buildid/$file_id/executable"
is "the server goes on after all of this" "$status" 200

# ---- Metadata ------------------------------------------------------------------

meta_of() {
	jq -cS "$1" "$tmp/body" 2>&1
}

get "/metadata?key=file&value=$file_exe"
is "/metadata finds a file by its name" "$(meta_of '.results,.complete')" \
	"[{\"buildid\":\"$file_id\",\"file\":\"$file_exe\",\"type\":\"executable\"}]"$'\ntrue'
like "/metadata is JSON" "$(header Content-Type)" '^application/json'
get "/metadata?key=glob&value=$tmp/tree/*/prog*"
is "/metadata finds files by a pattern" \
	"$(meta_of '[.results[]|.type]|sort|.[]')" '"debuginfo"'$'\n''"executable"'
get "/metadata?key=glob&value=/usr/bin/to%3Fl"
is "/metadata finds a member by a pattern" "$(meta_of '.results')" \
	"[{\"archive\":\"$deb\",\"buildid\":\"$deb_id\",\"file\":\"/usr/bin/tool\",\"type\":\"executable\"}]"
get "/metadata?key=glob&value=/usr/*"
is "/metadata's * does not cross a slash" "$(meta_of '.results')" '[]'
get "/metadata?key=file&value=/usr/bin/tool"
is "/metadata finds a member by its name" "$(meta_of '[.results[].buildid]')" \
	"[\"$deb_id\"]"
get "/metadata?key=file&value=/usr/bin/to*"
is "/metadata does not take a name for a pattern" "$(meta_of .results)" '[]'
get "/metadata?key=buildid&value=$deb_id"
is "/metadata finds all of an ID" \
	"$(meta_of '[.results[]|.type+" "+.file+" "+.archive]|sort|.[]')" \
	"\"debuginfo /usr/lib/debug/tool.debug $deb\""$'\n'"\"executable /usr/bin/tool $deb\""
get "/metadata?key=buildid&value=$unknown"
is "/metadata of an unknown ID is empty and complete" "$status $(meta_of .)" \
	'200 {"complete":true,"results":[]}'
get '/metadata?key=file'
is "errors of JSON routes are JSON" "$status $(meta_of '.error|keys')" \
	'400 ["kind","message"]'

# ---- /buildid/ID/meta ----------------------------------------------------------

get "/buildid/$deb_id/meta"
is "meta names ID, kind, architecture and type" \
	"$(meta_of '[.build_id,.kind,.arch,.type]')" \
	"[\"$deb_id\",\"gnu\",\"$(uname -m)\",\"ET_DYN\"]"
is "meta says where the executable is" "$(meta_of .executable)" \
	"{\"archive\":\"$deb\",\"file\":\"/usr/bin/tool\",\"size\":$(stat -c %s "$deb_exe")}"
is "meta says where the debuginfo is and how good" "$(meta_of .debuginfo)" \
	"{\"alt_build_id\":null,\"archive\":\"$deb\",\"file\":\"/usr/lib/debug/tool.debug\",\"quality\":\"dwarf\",\"size\":$(stat -c %s "$deb_debug")}"
is "meta lists the segments as readelf does" \
	"$(meta_of '.segments[]|[.offset,.vaddr,.file_size,.mem_size,.flags]')" \
	"$(readelf -lW "$deb_exe" | awk '$1 == "LOAD"' |
		while read -r _ offset vaddr _ file_size mem_size flags; do
			flags=${flags% 0x*}
			case $flags in
			"R E") flags=r-x ;;
			"RW"*) flags=rw- ;;
			"R"*) flags=r-- ;;
			esac
			printf '[%d,%d,%d,%d,"%s"]\n' "$offset" "$vaddr" \
				"$file_size" "$mem_size" "$flags"
		done)"
# The GUID is the first 16 bytes of the ID, the first three fields swapped.
is "meta has the Breakpad ID" "$(jq -r .breakpad_id "$tmp/body")" \
	"$(printf '%s' "$deb_id" | sed -E 's/^(..)(..)(..)(..)(..)(..)(..)(..)(.{16}).*/\4\3\2\1\6\5\8\7\9/' |
		tr a-f A-F)0"
at_least "meta counts the sources" "$(meta_of .sources)" 3
get "/buildid/$file_id/meta"
is "meta of files names no archive" \
	"$(meta_of '[.executable.file,.executable.archive,.debuginfo.file]')" \
	"[\"$file_exe\",null,\"$file_debug\"]"

# ---- Presence ------------------------------------------------------------------

ask() {
	get /buildids/query -H 'Content-Type: application/json' -d "$@"
}

ask "{\"build_ids\":[\"$file_id\",\"${deb_id^^}\",\"$unknown\",\"xyz\"]}"
is "/buildids/query answers" "$status" 200
is "/buildids/query says what is here" \
	"$(meta_of '.results[0:3][]|[.build_id,.executable,.debuginfo,.quality,.origin]')" \
	"[\"$file_id\",true,true,\"dwarf\",\"local\"]
[\"$deb_id\",true,true,\"dwarf\",\"local\"]
[\"$unknown\",false,false,\"none\",null]"
is "one ID that is none does not spoil the others" \
	"$(meta_of '.results|length') $(meta_of '.results[3]|[.build_id,.executable,.debuginfo]')" \
	'4 ["xyz",false,false]'
ask '{"build_ids":[]}'
is "no question has no answer" "$status $(meta_of .)" '200 {"results":[]}'
for bad in '' '{' '[]' '{"build_ids":7}' '{}' '{"build_ids":["00"],}'; do
	ask "$bad"
	is "a malformed question is 400: $bad" "$status $(meta_of '.error.kind')" \
		'400 "bad_request"'
done
deep="{\"x\":$(printf '[%.0s' {1..32})"
for path in /buildids/query /symbolize/v1 /symbolicate/v5; do
	get $path -H 'Content-Type: application/json' -d "$deep"
	is "JSON nested too deep is 400: $path" \
		"$status $(grep -c 'nested deeper than 32' "$tmp/body")" "400 1"
done
is "which is counted by name" \
	"$(metric 'symbolized_limits_reached_total{limit="json_depth"}')" 3
like "and logged" "$(cat "$tmp/main.log")" 'limit_reached limit=json_depth'
jq -cn '{build_ids:[range(1001)|"00112233"]}' >"$tmp/many"
ask @"$tmp/many"
is "more than 1000 IDs are 413" "$status" 413
is "which is counted" \
	"$(metric 'symbolized_limits_reached_total{limit="query_ids"}')" 1
jq -cn '{build_ids:[range(1000)|"00112233"]}' >"$tmp/many"
ask @"$tmp/many"
is "1000 IDs are answered" "$status $(meta_of '.results|length')" "200 1000"
get /buildids/query -H 'Content-Type: text/plain' -d '{"build_ids":[]}'
is "another media type is 415" "$status" 415
printf '{"build_ids":["%s"]}' "$file_id" | gzip -c >"$tmp/question.gz"
get /buildids/query -H 'Content-Type: application/json' \
	-H 'Content-Encoding: gzip' --data-binary @"$tmp/question.gz"
is "a compressed question is answered" "$(meta_of '.results[0].executable')" true

# ---- Compressed answers --------------------------------------------------------

# coded NAME PATH ACCEPT-ENCODING CODING DECODER [CURL OPTIONS]: compressed so,
# "" for not at all; decoded it is the plain answer
coded() {
	local name=$1 path=$2 accept=$3 coding=$4 decoder=$5
	shift 5
	get "$path" "$@"
	cp "$tmp/body" "$tmp/plain"
	get "$path" -H "Accept-Encoding: $accept" "$@"
	is "$name is sent so to who accepts $accept" \
		"$status $(header Content-Encoding) $(header Vary)" \
		"200 $coding Accept-Encoding"
	$decoder <"$tmp/body" >"$tmp/decoded"
	if [ "$path" = /metrics ]; then
		like "$name says the same to who accepts $accept" \
			"$(cat "$tmp/decoded")" '^symbolized_ready 1$'
	else
		same "$name says the same to who accepts $accept" \
			"$tmp/decoded" "$tmp/plain"
	fi
}

question=(-H 'Content-Type: application/json' -d @"$tmp/many")
coded "a large JSON answer" /buildids/query gzip gzip "gzip -dc" "${question[@]}"
coded "a large JSON answer" /buildids/query 'zstd;q=0.5, gzip' gzip "gzip -dc" \
	"${question[@]}"
coded "a large JSON answer" /buildids/query 'gzip;q=0, br' '' cat "${question[@]}"
coded /metrics /metrics 'gzip, deflate' gzip "gzip -dc"
coded /metrics /metrics br '' cat
if have zstd; then
	coded "a large JSON answer" /buildids/query 'gzip, zstd' zstd "zstd -dcq" \
		"${question[@]}"
	coded /metrics /metrics 'zstd, gzip;q=0.9' zstd "zstd -dcq"
else
	skip "answers in zstd" "no zstd"
fi
get /buildids/query -H 'Content-Type: application/json' \
	-H 'Accept-Encoding: gzip' -d '{"build_ids":[]}'
is "a small answer is sent as it is" "$(header Content-Encoding) $(meta_of .)" \
	' {"results":[]}'
get "/buildid/$file_id/executable" -H 'Accept-Encoding: gzip'
is "an artifact is sent as it is" "$(header Content-Encoding)" ""

# ---- Sections ------------------------------------------------------------------

# section_of NAME FILE: its bytes in the file, on standard output
section_of() {
	local place
	place=$(readelf -SW "$2" 2>/dev/null | sed 's/^ *\[ *[0-9]*\] *//' |
		awk -v want="$1" '$1 == want { print $4, $5 }')
	tail -c "+$((16#${place% *} + 1))" "$2" | head -c "$((16#${place#* }))"
}

for id in "$file_id" "$deb_id"; do
	if [ "$id" = "$file_id" ]; then
		where=tree exe=$file_exe debug=$file_debug
	else
		where=deb exe=$deb_exe debug=$deb_debug
	fi
	for turn in first second; do
		section_of .debug_str "$debug" >"$tmp/wanted"
		get "/buildid/$id/section/.debug_str"
		same ".debug_str comes from the debuginfo, $where, $turn time" \
			"$tmp/body" "$tmp/wanted"
		is "a section's size is its own, $where, $turn time" \
			"$(header X-DEBUGINFOD-SIZE)" "$(stat -c %s "$tmp/wanted")"
		section_of .text "$exe" >"$tmp/wanted"
		get "/buildid/$id/section/.text"
		same ".text comes from the executable, $where, $turn time" \
			"$tmp/body" "$tmp/wanted"
		get "/buildid/$id/section/.text.not"
		is "a section that is not there is 404, $where, $turn time" \
			"$status" 404
		get "/buildid/$id/section/.bss"
		is "a section without bytes is 404, $where, $turn time" "$status" 404
	done
	get "/buildid/$id/section/.text" -H 'Range: bytes=1-3'
	is "a section can be had in part, $where" \
		"$status $(header Content-Length)" "206 3"
done

# ---- For those who run it ------------------------------------------------------

get /healthz
is "/healthz says that the process answers" "$status $(body)" "200 ok"
get /readyz
is "/readyz says that answers can be given" "$status $(meta_of .status)" \
	'200 "ready"'
get / -H 'Accept: text/html'
is "/ is a page for people" "$status $(header Content-Type)" \
	"200 text/plain; charset=utf-8"
like "the page says how many IDs there are" "$(body)" '^2 build IDs'
get / -H 'Accept: application/json'
is "/ is a status for programs" \
	"$(meta_of '[.name,.status,.index.build_ids,.index.unreadable_files,.scan.active]')" \
	'["symbolized","ready",2,0,false]'
get /metrics
like "/metrics is the text format" "$(header Content-Type)" \
	'^text/plain; version=0\.0\.4'
is "every metric has the prefix" \
	"$(grep -v '^#' "$tmp/body" | grep -cv '^symbolized_')" 0
is "no metric has an ID or a path as label" \
	"$(grep -Ec "$file_id|$deb_id|$tmp" "$tmp/body")" 0
if have promtool; then
	said=$(promtool check metrics <"$tmp/body" 2>&1)
	is "promtool finds nothing wrong with the metrics" "$?: $said" "0: "
else
	skip "promtool finds nothing wrong with the metrics" "no promtool"
fi
before=$(metric 'symbolized_http_requests_total{route="executable",code="404"}')
get "/buildid/$unknown/executable"
is "requests are counted by route and status" \
	"$(metric 'symbolized_http_requests_total{route="executable",code="404"}')" \
	$((before + 1))

stop_server main
is "the server ends well" "$exit_status" 0

# ---- Options that change answers -----------------------------------------------

serve_ready main --hide-paths --cors "$tmp/tree"
get "/buildid/$deb_id/debuginfo"
is "--hide-paths leaves names out" "$status \
$(header X-DEBUGINFOD-FILE)$(header X-DEBUGINFOD-ARCHIVE)" "200 "
is "--cors lets pages of other origins read" \
	"$(header Access-Control-Allow-Origin)" '*'
get "/buildid/$deb_id/debuginfo" -X OPTIONS
is "--cors answers a preflight" "$status $(header Allow)" \
	"204 GET, HEAD, OPTIONS"

# ---- The log -------------------------------------------------------------------

must big_file "$tmp/big" 32
must "$CC" -g -shared -fPIC -nostdlib -Wl,--build-id=0x0011223344556677 \
	-o "$tmp/tree/big" "$src/lib/helper.c"
must objcopy --add-section ".filler=$tmp/big" "$tmp/tree/big"
serve_ready log "$tmp/tree"
get "/buildid/$file_id/executable" -H 'Range: bytes=0-99'
curl -s -m 20 "$url/buildid/0011223344556677/executable" 2>/dev/null |
	head -c 1000 >/dev/null
said_aborted() {
	grep -q 'end=aborted' "$tmp/log.log"
}
ok "a download that is broken off is logged" wait_until said_aborted
unlike "it is not said how much was sent, since nobody knows" \
	"$(grep 'end=aborted' "$tmp/log.log")" ' bytes='
like "of a whole answer it is" "$(grep 'status=206' "$tmp/log.log")" \
	' end=ok .* bytes=100'
stop_server log
finish
