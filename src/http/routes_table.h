/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every route, the frequent ones first. Include with defined
 *
 *	ROUTE(methods, pattern, tail, handler, label, is_json, body_type)
 *
 * A route that takes a body names its media type; the body is in request.body
 * when the handler runs, still in its content coding, and at most
 * http_options.body_limit_bytes long.
 */
ROUTE(GET, "/buildid/*/debuginfo", IGNORED, get_debuginfo, "debuginfo", false,
      NULL)
ROUTE(GET, "/buildid/*/executable", IGNORED, get_executable, "executable",
      false, NULL)
ROUTE(GET, "/buildid/*/source", KEPT, get_source, "source", false, NULL)
ROUTE(GET, "/buildid/*/section", KEPT, get_section, "section", false, NULL)
ROUTE(GET, "/buildid/*/meta", NONE, get_meta, "meta", false, NULL)
ROUTE(GET, "/metadata", NONE, get_metadata, "metadata", true, NULL)
ROUTE(POST, "/buildids/query", NONE, post_presence, "query", true,
      "application/json")
ROUTE(GET, "/metrics", NONE, get_metrics, "metrics", false, NULL)
ROUTE(GET, "/healthz", NONE, get_healthz, "healthz", false, NULL)
ROUTE(GET, "/readyz", NONE, get_readyz, "readyz", true, NULL)
ROUTE(GET, "/", NONE, get_home, "home", false, NULL)
