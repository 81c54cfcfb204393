/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of all kinds. The first byte: 0 asks for a body, 1 whether it is
 * there, 3 the same with GET, 16 with little allowed, 32 without knowing of a
 * proxy. */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#define SEED(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}
#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
	const char *text;
	size_t size;
} seeds[] = {
	SEED("\0" OK "Content-Length: 4\r\nX-DEBUGINFOD-SIZE: 4\r\n"
	     "X-DEBUGINFOD-FILE: /usr/bin/a\r\nX-DEBUGINFOD-ARCHIVE: /a.rpm\r\n"
	     "X-DEBUGINFOD-IMASIGNATURE: 0302af\r\nETag: \"x\"\r\n"
	     "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n\177ELF"),
	SEED("\0" OK "Transfer-Encoding: chunked\r\n\r\n"
	     "4\r\n\177ELF\r\n0\r\nETag: late\r\n\r\n"),
	SEED("\0" OK "Content-Encoding: gzip\r\nX-DEBUGINFOD-SIZE: 4\r\n"
	     "Transfer-Encoding: chunked\r\n\r\n18\r\n"
	     "\x1f\x8b\x08\0\0\0\0\0\x02\x03\xab\x77\xf5\x71\x03\0"
	     "\x02\xb1\x3e\xd9\x04\0\0\0\r\n0\r\n\r\n"),
	SEED("\0" OK "Connection: close\r\n\r\nwithout a length"),
	SEED("\0" OK "Content-Length: 4\r\nX-DEBUGINFOD-SIZE: 5\r\n\r\nabcd"),
	SEED("\20" OK "Content-Length: 101\r\n\r\nlarger than is allowed"),
	SEED("\20" OK "Transfer-Encoding: chunked\r\n\r\n"
	     "70\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"
	     "0\r\n\r\n"),
	SEED("\0HTTP/1.1 302 Found\r\nLocation: /there\r\n"
	     "Content-Length: 0\r\n\r\n%%\n"
	     "HTTP/1.1 307 Found\r\nLocation: http://"
	     "192.0.2.1/x\r\n"
	     "Content-Length: 0\r\n\r\n%%\n"
	     "HTTP/1.1 301 Found\r\nLocation: http://b.example/x\r\n"
	     "Content-Length: 2\r\n\r\nab%%\n" OK "Content-Length: 1\r\n\r\na"),
	SEED("\0HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n"),
	SEED("\0HTTP/1.1 302 Found\r\nLocation: http://[::ffff:127.0.0.1]/\r\n"
	     "\r\n"),
	SEED("\0HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n"),
	SEED("\0HTTP/1.1 302 Found\r\n\r\n"),
	SEED("\40HTTP/1.1 302 Found\r\nLocation: http://c.example/\r\n\r\n"),
	SEED("\0HTTP/1.1 303 Found\r\nLocation: ?\r\n"
	     "Transfer-Encoding: chunked\r\n\r\n0\r\nHTTP/1.1 200: \r\n\r\n"
	     "%%\n" OK "Content-Length: 0\r\n\r\n"),
	SEED("\0HTTP/1.1 503 Busy\r\nRetry-After: 120\r\n"
	     "Content-Length: 0\r\n\r\n"),
	SEED("\0HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n"
	     "Link: x\r\n\r\n" OK "Content-Length: 1\r\n\r\na"),
	SEED("\1" OK "Content-Length: 1000\r\n\r\n"),
	SEED("\3" OK "Content-Length: 1000\r\n\r\nabcd"),
	SEED("\1HTTP/1.0 404 Not Found\r\n\r\n"),
	SEED("\4" OK "Content-Length: 1\r\n\r\na"),
	SEED("\10" OK "Content-Length: 1\r\n\r\na"),
	/* Cut within the header, of which libcurl does not complain. */
	SEED("\0" OK "Content-Length: 0\r\n\r"),
	/* Behind a redirection a header that begins with a continued line. */
	SEED("\0HTTP/1.1 302 Found\r\nLocation: /there\r\n"
	     "Content-Length: 0\r\n\r\n%%\nHTTP/1.1 503 \r\n folded: x\r\n"
	     "Content-Length: 0\r\n\r\n"),
	SEED("\0HTTP/0.9\n"),
	SEED("\0\0\0"),
};

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++)
		take(ctx, seeds[i].text, seeds[i].size);
}
