/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every route, the frequent ones first. Include with defined
 *
 *	ROUTE(methods, pattern, tail, handler, label, is_json, body_type, flags)
 *
 * A route that takes a body names its media type, or "any" where the handler
 * judges; the body is in request.body when the handler runs, still in its
 * content coding, and at most route_body_limit() long.
 */
ROUTE(GET, "/buildid/*/debuginfo", IGNORED, get_debuginfo, "debuginfo", false,
      NULL, 0)
ROUTE(GET, "/buildid/*/executable", IGNORED, get_executable, "executable",
      false, NULL, 0)
ROUTE(GET, "/buildid/*/source", KEPT, get_source, "source", false, NULL, 0)
ROUTE(GET, "/buildid/*/section", KEPT, get_section, "section", false, NULL, 0)
ROUTE(POST, "/symbolize/v1", NONE, post_symbolize, "symbolize", true, "any",
      ROUTE_PUT)
ROUTE(POST, "/symbolicate/v5", NONE, post_symbolicate, "symbolicate", true,
      "any", ROUTE_OPEN)
ROUTE(GET, "/buildid/*/gsym", NONE, get_gsym, "gsym", false, NULL, 0)
ROUTE(GET, "/buildid/*/meta", NONE, get_meta, "meta", false, NULL, 0)
ROUTE(GET, "/metadata", NONE, get_metadata, "metadata", true, NULL, 0)
ROUTE(POST, "/buildids/query", NONE, post_presence, "query", true,
      "application/json", ROUTE_BRIEF)
ROUTE(GET, "/metrics", NONE, get_metrics, "metrics", false, NULL, ROUTE_OPS)
ROUTE(GET, "/healthz", NONE, get_healthz, "healthz", false, NULL, ROUTE_OPS)
ROUTE(GET, "/readyz", NONE, get_readyz, "readyz", true, NULL, ROUTE_OPS)
ROUTE(GET, "/", NONE, get_home, "home", false, NULL, 0)
