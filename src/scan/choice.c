/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a scan looks at, and as what.
 *
 * A container's row tells how it was read by the name of its scanner; a file of
 * no interest has nothing but its print, which is made to differ with the way
 * it was looked at. So a file is looked at again when it is to be read in
 * another way than last time.
 */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "scan/scan_internal.h"

enum {
	MARK_UNKNOWN, /* it could not be said what the file is */
	MARK_BARE,
	MARK_PACKAGE,
	MARK_ARCHIVE, /* through libarchive, which only a rule asks for */
	MARK_TAKEN,   /* over from debuginfod, which does not say how */
};

/* Behind the marks above. */
static uint32_t mark_of_text(const char *name)
{
	return (uint32_t)hash_str(name, 0) | 1u << 31;
}

uint32_t scan_mark(const char *scanner)
{
	if (!*scanner)
		return MARK_UNKNOWN;
	if (scan_rule_is_name(scanner))
		return mark_of_text(scanner);
	if (!strcmp(scanner, "elf") || !strcmp(scanner, "kmod"))
		return MARK_BARE;
	if (!strcmp(scanner, SCANNER_BY_CONTENT))
		return MARK_TAKEN;
	return strcmp(scanner, "archive") ? MARK_PACKAGE : MARK_ARCHIVE;
}

bool scan_way_of(const struct scan *s, const char *path, struct scan_way *ret)
{
	const struct scan_choice *c = s->o.policy.choice;

	*ret = (struct scan_way) { .as = SCANNER_ANY };
	if (!c)
		return true;
	ret->rule = scan_rule_of(c->rules, c->rule_count, path);
	ret->as = ret->rule ? SCANNER_ARCHIVE : SCANNER_BARE;
	return ret->rule || c->bare_files;
}

bool scan_way_has_command(const struct scan_way *way)
{
	return scan_rule_has_command(way->rule);
}

/* The name that the index has of it. */
static uint32_t command_mark(const struct scan_way *way)
{
	char name[SCAN_RULE_NAME_SIZE];

	scan_rule_name(way->rule, name);
	return mark_of_text(name);
}

bool scan_way_made(const struct scan_way *way, uint32_t mark)
{
	if (mark == MARK_TAKEN)
		return way->as != SCANNER_BARE;
	if (scan_way_has_command(way))
		return mark == command_mark(way);
	switch (way->as) {
	case SCANNER_BARE:
		return mark == MARK_UNKNOWN || mark == MARK_BARE;
	case SCANNER_ARCHIVE:
		return mark == MARK_UNKNOWN || mark == MARK_PACKAGE ||
		       mark == MARK_ARCHIVE;
	default:
		return mark < MARK_ARCHIVE;
	}
}

uint64_t scan_way_print(const struct scan_way *way, uint64_t print)
{
	/* Of a command's containers none is of no interest. */
	if (way->as == SCANNER_ANY)
		return print;
	print ^= way->as * UINT64_C(0x9e3779b97f4a7c15);
	return print ? print : 1;
}

struct scan_tally *scan_tally_of(const struct scan *s,
				 const struct scan_way *way)
{
	if (!s->o.policy.choice)
		return NULL;
	return way->rule ? &way->rule->tally : &s->o.policy.choice->bare_tally;
}
