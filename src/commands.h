/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command. Include with COMMAND defined:
 * COMMAND(name, letter in config_options.h, arguments, one-line help)
 * OWN(name, arguments, one-line help) for those that read a command line of
 * their own and HIDDEN(name) for those that are not for people.
 */
COMMAND(serve, 's', "[OPTIONS] [PATH...]",
	"scan and answer HTTP until told to stop")
COMMAND(scan, 'c', "[OPTIONS] PATH...",
	"bring the index up to date, once or for ever")
COMMAND(find, 'f', "[OPTIONS] ID", "where a build ID's artifacts are")
COMMAND(resolve, 'r', "[OPTIONS] [ADDRESS...]",
	"addresses to functions, files and lines: from the index, a server or "
	"a "
	"file")
COMMAND(check, 'k', "[OPTIONS]",
	"schema version, integrity, unreadable files, statistics")
OWN(debuginfod, "[OPTIONS] [PATH...]",
    "as serve, with the options and answers of elfutils' debuginfod")
HIDDEN(worker)
HIDDEN(describe)
