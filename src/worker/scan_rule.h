/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which files are read as archives, and through which command: debuginfod's
 * -R, -U and -Z. A file whose name ends with a rule's suffix is an archive of
 * whatever kind its content says; with a command, the content is what the
 * command prints when it is given the file.
 *
 * Known to the scan, which reads archives, and to the store, which reads
 * members of them again.
 *
 * Threads: any; only the tally changes.
 */
#ifndef WORKER_SCAN_RULE_H
#define WORKER_SCAN_RULE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What was found so far, over all passes. Files and bytes are of archives that
 * were read whole, or, of bare files, of all that were looked at, archives
 * among them; source_refs are the distinct names in each ELF file's line
 * tables. */
struct scan_tally {
	_Atomic uint64_t files, bytes, executables, debuginfos, source_refs;
};

struct scan_rule {
	const char *suffix;  /* with or without a dot; "" ends every name */
	const char *command; /* for the shell; NULL or "cat": read directly */
	struct scan_tally tally;
};

/** The rule for a path: of several that match, the one whose suffix is last in
 * lexical order. NULL: none. */
struct scan_rule *scan_rule_of(struct scan_rule *rules, size_t count,
			       const char *path);

/** Is the file read through a command? */
bool scan_rule_has_command(const struct scan_rule *rule);

enum { SCAN_RULE_NAME_SIZE = 32 };

/** What the index remembers as the scanner of a container that was read
 * through the rule's command: "command" and a hash of it, so that another
 * command's container is known as such. */
void scan_rule_name(const struct scan_rule *rule,
		    char ret[SCAN_RULE_NAME_SIZE]);

/** Is it a name of scan_rule_name()? */
bool scan_rule_is_name(const char *scanner);

/** A scanner's name as a metric label: "command" without the hash. Borrowed
 * from @p scanner or static. */
const char *scan_rule_label(const char *scanner);

#endif
