/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/path.h"
#include "worker/scan_rule.h"

static const char prefix[] = "command ";

struct scan_rule *scan_rule_of(struct scan_rule *rules, size_t count,
			       const char *path)
{
	struct scan_rule *best = NULL;

	for (size_t i = 0; i < count; i++) {
		if (path_has_suffix(path, rules[i].suffix) &&
		    (!best || strcmp(rules[i].suffix, best->suffix) > 0))
			best = &rules[i];
	}
	return best;
}

bool scan_rule_has_command(const struct scan_rule *rule)
{
	return rule && rule->command && strcmp(rule->command, "cat") != 0;
}

void scan_rule_name(const struct scan_rule *rule, char ret[SCAN_RULE_NAME_SIZE])
{
	snprintf(ret, SCAN_RULE_NAME_SIZE, "%s%016" PRIx64, prefix,
		 hash_str(rule->command, 0));
}

bool scan_rule_is_name(const char *scanner)
{
	return !strncmp(scanner, prefix, sizeof(prefix) - 1);
}

const char *scan_rule_label(const char *scanner)
{
	return scan_rule_is_name(scanner) ? "command" : scanner;
}
