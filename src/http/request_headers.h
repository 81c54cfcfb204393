/* SPDX-License-Identifier: Apache-2.0 */
/* Every request header that is looked at, in one table. Include with
 * HEADER(ID, "Name") defined. */
HEADER(ACCEPT, "Accept")
HEADER(ACCEPT_ENCODING, "Accept-Encoding")
HEADER(CONTENT_ENCODING, "Content-Encoding")
HEADER(CONTENT_LENGTH, "Content-Length")
HEADER(CONTENT_TYPE, "Content-Type")
HEADER(EXPECT, "Expect")
HEADER(FORWARDED_FOR, "X-Forwarded-For")
HEADER(HOST, "Host")
HEADER(IF_MODIFIED_SINCE, "If-Modified-Since")
HEADER(IF_NONE_MATCH, "If-None-Match")
HEADER(IF_RANGE, "If-Range")
HEADER(MAXSIZE, "X-DEBUGINFOD-MAXSIZE")
HEADER(RANGE, "Range")
HEADER(REQUEST_ID, "X-Request-Id")
HEADER(TRANSFER_ENCODING, "Transfer-Encoding")
HEADER(USER_AGENT, "User-Agent")
