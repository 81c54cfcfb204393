#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Upstream servers over TLS: an authority of one's own, and no other, says who
# they are; HTTP/2 is spoken with those that offer it.
#
# Requirements: R-37, R-39.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/it/lib.sh"
. "$top_srcdir/tests/it/lib_upstream.sh"
nginx=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx) ||
	skip_all "no nginx"
"$nginx" -V 2>&1 | grep -q with-http_v2_module || skip_all "nginx without HTTP/2"
need readelf objcopy openssl
need_curl_headers

make_samples "$tmp/samples" 7
id() {
	sample_id "$1"
}
must big_file "$tmp/ballast" 6
mkdir -p "$tmp/www" "$tmp/tree"
for i in {1..7}; do
	mkdir -p "$tmp/www/buildid/$(id "$i")"
	must objcopy --add-section .ballast="$tmp/ballast" \
		"$tmp/samples/sample-$i" "$tmp/www/buildid/$(id "$i")/debuginfo"
done

# authority NAME: $tmp/NAME.pem and its key
authority() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$tmp/$1.key" -out "$tmp/$1.pem" 2>"$tmp/openssl.log"
}
must authority ours
must authority others
must openssl req -newkey rsa:2048 -nodes -subj /CN=upstream -keyout "$tmp/server.key" \
	-out "$tmp/server.csr" 2>"$tmp/openssl.log"
echo 'subjectAltName = IP:127.0.0.1' >"$tmp/server.ext"
must openssl x509 -req -in "$tmp/server.csr" -CA "$tmp/ours.pem" -CAkey "$tmp/ours.key" \
	-CAcreateserial -days 2 -extfile "$tmp/server.ext" -out "$tmp/server.pem" \
	2>"$tmp/openssl.log"

# serve_tls: nginx, HTTP/2 at $h2_port, HTTP/1.1 alone at $h1_port
serve_tls() {
	h2_port=$(find_port)
	h1_port=$(find_port)
	cat >"$tmp/nginx.conf" <<END
daemon off;
worker_processes 1;
pid $tmp/nginx.pid;
error_log $tmp/nginx.error;
events {}
http {
	client_body_temp_path $tmp/nginx-body;
	proxy_temp_path $tmp/nginx-proxy;
	fastcgi_temp_path $tmp/nginx-fastcgi;
	uwsgi_temp_path $tmp/nginx-uwsgi;
	scgi_temp_path $tmp/nginx-scgi;
	log_format spoken '\$server_protocol \$status \$uri';
	access_log $tmp/nginx.access spoken;
	ssl_certificate $tmp/server.pem;
	ssl_certificate_key $tmp/server.key;
	root $tmp/www;
	server {
		listen 127.0.0.1:$h2_port ssl http2;
		location /moved/ {
			rewrite ^/moved(/.*) https://127.0.0.1:$h1_port\$1 redirect;
		}
	}
	server {
		listen 127.0.0.1:$h1_port ssl;
	}
}
END
	"$nginx" -c "$tmp/nginx.conf" -e "$tmp/nginx.error" >"$tmp/nginx.out" 2>&1 </dev/null &
	server_pid[nginx]=$!
	is_listening() {
		curl -s -o /dev/null --cacert "$tmp/ours.pem" \
			"https://127.0.0.1:$h1_port/" || is_gone "${server_pid[nginx]}"
	}
	wait_until is_listening && ! is_gone "${server_pid[nginx]}"
}
chmod 755 "$tmp"
for _ in {1..5}; do
	serve_tls && break
done
is_gone "${server_pid[nginx]}" && skip_all "nginx does not start: $(tail -n 1 "$tmp/nginx.error")"
h2=https://127.0.0.1:$h2_port
h1=https://127.0.0.1:$h1_port

# spoken ID: in what protocol was it asked for, and what was said
spoken() {
	grep "/$1/" "$tmp/nginx.access" | cut -d ' ' -f 1,2 | sort -u
}

# ---- Whom to believe ----------------------------------------------------------------

serve_ready system --upstream "$h2" "$tmp/tree"
get "/buildid/$(id 1)/debuginfo"
is "a server that an unknown authority signed is not believed" "$status" 502
is "and not told what is wanted" "$(spoken "$(id 1)")" ""
stop_server system

printf '[%s]\nca-file = %s\n' "$h2" "$tmp/others.pem" >"$tmp/wrong"
serve_ready wrong --upstream-file "$tmp/wrong" "$tmp/tree"
get "/buildid/$(id 1)/debuginfo"
is "nor one that another authority signed than the file has" "$status" 502
said=$("$SYMBOLIZED" find "$(id 1)" --upstream --upstream-file "$tmp/wrong" \
	--state-dir "$tmp/wrong.state" 2>&1)
like "find says why" "$said" 'certificate'
is "it was asked for nothing" "$(spoken "$(id 1)")" ""
stop_server wrong

printf '[%s]\nca-file = %s\n' "$h2" "$tmp/server.key" >"$tmp/none"
said=$("$SYMBOLIZED" serve --listen 127.0.0.1:0 --state-dir "$tmp/none.state" \
	--upstream-file "$tmp/none" "$tmp/tree" 2>&1)
isnt "a file without a certificate is no beginning" "$?" 0
like "that is said with the line" "$said" 'none:2: ca-file: no certificate'

# ---- HTTP/2 -------------------------------------------------------------------------

printf '[%s]\nca-file = %s\n' "$h2" "$tmp/ours.pem" >"$tmp/right"
serve_ready right --upstream-file "$tmp/right" "$tmp/tree"
get "/buildid/$(id 1)/debuginfo"
same "a server that it signed is, and what it has arrives" "$tmp/body" \
	"$tmp/www/buildid/$(id 1)/debuginfo"
is "by HTTP/2" "$(spoken "$(id 1)")" "HTTP/2.0 200"
pids=()
for i in 2 3 4; do
	curl -s -m 60 -o "$tmp/got-$i" "$url/buildid/$(id "$i")/debuginfo" &
	pids+=($!)
done
wait "${pids[@]}"
for i in 2 3 4; do
	same "several at a time do, too: $i" "$tmp/got-$i" \
		"$tmp/www/buildid/$(id "$i")/debuginfo"
done
get "/buildid/$(id 9)/debuginfo"
is "what it has not is absent" "$status" 404
stop_server right

# ---- Behind a proxy -----------------------------------------------------------------

# What a proxy says of the way is not the server's answer.
"$top_builddir/tests/lib/connect_proxy" "$tmp/proxied" &
server_pid[proxy]=$!
wait_until test -s "$tmp/proxied"
https_proxy=http://127.0.0.1:$(head -n 1 "$tmp/proxied")
export https_proxy
serve_ready proxied --upstream-file "$tmp/right" "$tmp/tree"
unset https_proxy
get "/buildid/$(id 7)/debuginfo"
same "what it has arrives by way of a proxy" "$tmp/body" \
	"$tmp/www/buildid/$(id 7)/debuginfo"
is "which had the way to it" "$(sed -n '2,$p' "$tmp/proxied" | sort -u)" \
	"127.0.0.1:$h2_port"
stop_server proxied
stop_server proxy KILL

# ---- Elsewhere ----------------------------------------------------------------------

printf '[%s]\nca-file = %s\n' "$h1" "$tmp/ours.pem" >"$tmp/old"
serve_ready old --upstream-file "$tmp/old" "$tmp/tree"
get "/buildid/$(id 5)/debuginfo"
same "without HTTP/2 it arrives" "$tmp/body" "$tmp/www/buildid/$(id 5)/debuginfo"
is "by HTTP/1.1" "$(spoken "$(id 5)")" "HTTP/1.1 200"
stop_server old

# Asked at the first, and sent to the second: whose authority counts there?
printf '[%s/moved]\nca-file = %s\n[%s]\nca-file = %s\n' "$h2" "$tmp/ours.pem" \
	"$h1" "$tmp/others.pem" >"$tmp/moved"
serve_ready moved --upstream-file "$tmp/moved" "$tmp/tree"
get "/buildid/$(id 6)/debuginfo"
is "an authority counts for its own server, and not where that sends us" \
	"$status" 502
is "it was sent there" "$(spoken "$(id 6)")" "HTTP/2.0 302"
stop_server moved
printf '[%s/moved]\nca-file = %s\n[%s]\nca-file = %s\n' "$h2" "$tmp/ours.pem" \
	"$h1" "$tmp/ours.pem" >"$tmp/moved"
serve_ready moved2 --upstream-file "$tmp/moved" "$tmp/tree"
get "/buildid/$(id 6)/debuginfo"
same "with that one's own it is followed" "$tmp/body" \
	"$tmp/www/buildid/$(id 6)/debuginfo"
stop_server moved2
finish
