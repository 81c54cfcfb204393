/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every option, in one table. Include with OPTION defined:
 *
 * OPTION(field, type, name, commands, default, least, most, argument, help)
 *
 * type: TEXT, NUMBER, BYTES (suffix K, M, G, T),
 * SECONDS (suffix s, m, h, d), FLAG, CHOICE_LEVEL, CHOICE_FORMAT, LIST (may be
 * repeated; the values with a space between), SWITCH (a FLAG of the command
 * line alone).
 * commands: letters of the commands that take it: s serve, c scan, f find,
 * k check, r resolve. Each is also read from the environment as
 * SYMBOLIZED_<NAME>, upper case with underscores; the command line wins. An
 * empty variable is as none. A FLAG is there 1, yes, true or on, or 0, no,
 * false or off. default: as text; NULL where the program works it out. least,
 * most: of a TEXT, 1 and 0 where it must not be empty.
 */
OPTION(listen, TEXT, "listen", "s", "127.0.0.1:8002", 1, 0, "ADDR:PORT",
       "Address to answer HTTP on; port 0 takes a free one")
OPTION(state_dir, TEXT, "state-dir", "scfkr", NULL, 1, 0, "DIR",
       "Where the index is (default: $XDG_STATE_HOME/symbolized, "
       "~/.local/state/symbolized; as root /var/lib/symbolized)")
OPTION(cache_dir, TEXT, "cache-dir", "scfr", NULL, 1, 0, "DIR",
       "Where extracted files are kept (default: $XDG_CACHE_HOME/symbolized, "
       "~/.cache/symbolized; as root /var/cache/symbolized)")
OPTION(cache_size, BYTES, "cache-size", "sr", NULL, 0, INT64_MAX, "BYTES",
       "Most the cache may hold (default: a tenth of its file system)")
OPTION(table_cache_size, BYTES, "table-cache-size", "sr", NULL, 0, INT64_MAX,
       "BYTES",
       "Most that compiled symbol tables may take on disk, beside the cache "
       "(default: a quarter of --cache-size)")
OPTION(table_memory, BYTES, "table-memory", "sr", "512M", 1024, INT64_MAX,
       "BYTES", "Most of them that is in memory at a time")
OPTION(batch_addresses, NUMBER, "batch-addresses", "s", "100000", 1, 10000000,
       "N", "Most addresses in one request")
OPTION(batch_modules, NUMBER, "batch-modules", "s", "1000", 1, 100000, "N",
       "Most modules in one request")
OPTION(batch_wait_s, SECONDS, "batch-wait", "s", "30", 0, 3600, "SECONDS",
       "Longest that a request may wait for symbol tables")
OPTION(body_size, BYTES, "body-size", "s", "16M", 1024, 1073741824, "BYTES",
       "Most that the body of a request may have, decoded")
OPTION(workers, NUMBER, "workers", "scr", NULL, 1, 256, "N",
       "Worker processes that parse files (default: one a core)")
OPTION(rescan_s, SECONDS, "rescan", "sc", "300", 0, 31536000, "SECONDS",
       "Pause between scans; 0 scans once")
OPTION(groom_s, SECONDS, "groom", "sc", "86400", 0, 31536000, "SECONDS",
       "Pause between grooms, which remove what nothing refers to; 0 never")
OPTION(include, TEXT, "include", "sc", NULL, 0, 0, "ERE",
       "Scan only files whose path matches this extended regular expression")
OPTION(exclude, TEXT, "exclude", "sc", NULL, 0, 0, "ERE",
       "Do not scan files whose path matches; wins over --include")
OPTION(follow_symlinks, FLAG, "follow-symlinks", "sc", "0", 0, 1, NULL,
       "Follow symbolic links; files are named by their real path")
OPTION(one_file_system, FLAG, "one-file-system", "sc", "0", 0, 1, NULL,
       "Do not descend into directories on other file systems")
OPTION(watch, FLAG, "watch", "c", "0", 0, 1, NULL,
       "Keep rescanning until told to stop, instead of ending when the index "
       "is up to date")
OPTION(source_root, TEXT, "source-root", "s", NULL, 0, 0, "DIR[:DIR...]",
       "Serve sources from beneath these too, of what everybody on this "
       "machine "
       "may read")
OPTION(upstream, LIST, "upstream", "sr", NULL, 0, 0, "URL",
       "Fetch what is not here from this debuginfod server; may be repeated. "
       "\"none\": from nobody. Without one and --upstream-file from those in "
       "DEBUGINFOD_URLS")
OPTION(find_upstream, SWITCH, "upstream", "f", "0", 0, 1, NULL,
       "Ask each upstream server, too: those of SYMBOLIZED_UPSTREAM, else of "
       "DEBUGINFOD_URLS")
OPTION(upstream_file, TEXT, "upstream-file", "sfr", NULL, 1, 0, "FILE",
       "Upstream servers, with how each wants to be treated")
OPTION(upstream_timeout_s, SECONDS, "upstream-timeout", "sfr", "10", 1, 86400,
       "SECONDS",
       "How long an upstream server may take to the first byte, and between "
       "two")
OPTION(upstream_max_size, BYTES, "upstream-max-size", "sr", "16G", 1, INT64_MAX,
       "BYTES", "Most that a file from upstream may have")
OPTION(forwarded_ttl_limit, NUMBER, "forwarded-ttl-limit", "s", "8", 0, 1000000,
       "N", "Ask no upstream server for a request that came by so many hops")
OPTION(cors, FLAG, "cors", "s", "0", 0, 1, NULL,
       "Let web pages of other origins read answers")
OPTION(hide_paths, FLAG, "hide-paths", "s", "0", 0, 1, NULL,
       "Leave out X-DEBUGINFOD-FILE and -ARCHIVE")
OPTION(connection_limit, NUMBER, "connection-limit", "s", "8192", 16, 1000000,
       "N", "Most connections at a time")
OPTION(connections_per_address, NUMBER, "connections-per-address", "s", "500",
       1, 1000000, "N",
       "Most connections of one client address; of one that a trusted proxy "
       "speaks for, requests under way")
OPTION(trusted_proxy, LIST, "trusted-proxy", "s", NULL, 0, 0, "ADDR[/BITS]",
       "Believe X-Forwarded-For of connections from there; may be repeated")
OPTION(request_memory, BYTES, "request-memory", "s", "512M", 1048576, INT64_MAX,
       "BYTES",
       "Most that bodies of requests and answers in memory may take together")
OPTION(drain_s, SECONDS, "drain-delay", "s", "0", 0, 3600, "SECONDS",
       "After SIGTERM go on answering for so long while /readyz says 503")
OPTION(drain_timeout_s, SECONDS, "drain-timeout", "s", "25", 0, 3600, "SECONDS",
       "How long running requests may take to finish at the end")
OPTION(import_debuginfod, TEXT, "import-debuginfod", "k", NULL, 1, 0, "DB",
       "Take over what this database of elfutils' debuginfod knows of files "
       "that have not changed, instead of checking")
OPTION(url, TEXT, "url", "r", NULL, 1, 0, "URL",
       "Ask this server, as http://localhost:8002, instead of the index")
OPTION(file, TEXT, "file", "r", NULL, 1, 0, "ELF",
       "All addresses are in this file, which need not be in the index; they "
       "may come without a build ID")
OPTION(debuginfo, TEXT, "debuginfo", "r", NULL, 1, 0, "ELF",
       "The debugging information of --file, where it is separate")
OPTION(alt, TEXT, "alt", "r", NULL, 1, 0, "ELF",
       "The file that it shares debugging information with (dwz)")
OPTION(input, TEXT, "input", "r", NULL, 1, 0, "FILE",
       "Read addresses or stacks from this file, - for standard input "
       "(default, where no address is given)")
OPTION(build_id, TEXT, "build-id", "r", NULL, 1, 0, "ID",
       "Build ID of addresses that come without one")
OPTION(kind, TEXT, "kind", "r", NULL, 1, 0, "KIND",
       "What an address is: file_offset (default), vaddr, image, runtime, "
       "section or kernel; see symbolized-api(7)")
OPTION(section, TEXT, "section", "r", NULL, 1, 0, "NAME",
       "Of kind section: which")
OPTION(map_start, TEXT, "map-start", "r", NULL, 1, 0, "ADDRESS",
       "Of kind runtime: where the mapping begins")
OPTION(map_offset, TEXT, "map-offset", "r", NULL, 1, 0, "OFFSET",
       "Of kind runtime: what offset in the file is mapped there")
OPTION(base_symbol, TEXT, "base-symbol", "r", NULL, 1, 0, "NAME",
       "Of kind kernel: a symbol, such as _text")
OPTION(base, TEXT, "base", "r", NULL, 1, 0, "ADDRESS",
       "Of kind kernel: the address of that symbol in the running kernel")
OPTION(return_addresses, FLAG, "return-addresses", "r", "0", 0, 1, NULL,
       "Subtract one from each address, but not from the leaf of a stack")
OPTION(no_inlines, FLAG, "no-inlines", "r", "0", 0, 1, NULL,
       "Only the function that holds the address, none that was inlined")
OPTION(no_demangle, FLAG, "no-demangle", "r", "0", 0, 1, NULL,
       "Names as they stand in the file")
OPTION(one_line, FLAG, "one-line", "r", "0", 0, 1, NULL,
       "All of an address on one line, inlined calls behind ' < '")
OPTION(wait_s, SECONDS, "wait", "r", "300", 0, 3600, "SECONDS",
       "How long to wait for tables that must be built first")
OPTION(user, TEXT, "user", "sc", NULL, 1, 0, "NAME[:GROUP]",
       "Started as root, become this user before anything is read but "
       "options, and for good")
OPTION(require_sandbox, FLAG, "require-sandbox", "sc", "0", 0, 1, NULL,
       "Do not start where worker processes cannot be closed in; see "
       "symbolized(8), SECURITY")
OPTION(json, FLAG, "json", "fkr", "0", 0, 1, NULL, "Print JSON for programs")
OPTION(log_level, CHOICE_LEVEL, "log-level", "scfkr", "info", 0, 0, "LEVEL",
       "What to log on stderr: error, warn, info or debug")
OPTION(log_format, CHOICE_FORMAT, "log-format", "scfkr", "logfmt", 0, 0,
       "FORMAT", "logfmt or json")
