/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two or three symbolizers' answers, side by side.
 *
 *	sym_compare [-l] [-d FILE] [-e ELF] [-v COUNT] ADDRESSES OURS THEIRS
 *	            [THIRD]
 *
 * ADDRESSES is what sym_sample printed. The others are answers to them in
 * order, as llvm-symbolizer or eu-addr2line print them: a function and a
 * FILE:LINE[:…] by turns, innermost first; an empty line or one with an address
 * between the addresses. Names are as the object file has them, not demangled.
 *
 * Places are equal if the frames are as many and each has the same file and
 * line. Line 0 is no place, whatever file stands before it: LLVM gives that of
 * the symbol table where there is no other. A file's name is compared with "."
 * and ".." taken out; differently spelt ones are counted. Names are compared
 * where places are equal, see enum name_class. The symbols of ELF say what is
 * an alias. -l: THEIRS are elfutils', which puts the directory of compilation
 * before what begins with it already.
 *
 * Printed: KEY=VALUE lines of totals, then a line for each class of
 * disagreement: its name, how many, with whom THIRD agrees ("ours", "theirs",
 * "neither"), and with -v so many examples.
 */
#include "config.h"

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/sym_elf.h"

struct frame {
	const char *name;
	const char *file; /* "??": unknown */
	long line;
};

struct answer {
	size_t first, count; /* frames */
	uint64_t at;         /* if it said */
	bool is_missing;
};

struct answers {
	struct frame *frames;
	size_t frame_count, frame_capacity;
	struct answer *list;
	size_t count, capacity;
};

struct address {
	uint64_t at;
	char kind[16];
};

enum place_class {
	PLACE_SAME,
	PLACE_SPELT,       /* same file, spelt differently */
	PLACE_ONLY_OURS,   /* they know no file of the innermost frame */
	PLACE_ONLY_THEIRS, /* we do not */
	PLACE_DEEPER,      /* we have more frames */
	PLACE_SHALLOWER,
	PLACE_FILE,      /* of the innermost frame */
	PLACE_LINE,      /* of the innermost frame, in the same file */
	PLACE_CALL_SITE, /* of an outer frame */
	PLACE_CLASSES
};

static const char *const place_names[PLACE_CLASSES] = {
	"same",
	"spelt",
	"file only ours",
	"file only theirs",
	"deeper",
	"shallower",
	"another file",
	"another line",
	"another call site",
};

enum name_class {
	NAME_SAME,
	NAME_SUFFIX,    /* but for what compilers append: .cold, .isra.0, … */
	NAME_ALIAS,     /* both are symbols of this place */
	NAME_SYMBOL,    /* theirs is the symbol of this place, ours no symbol */
	NAME_QUALIFIED, /* ours is theirs with its namespaces */
	NAME_LABEL,     /* theirs is a label of the assembler's: .L1 */
	NAME_ONLY_OURS,
	NAME_ONLY_THEIRS,
	NAME_OTHER,
	NAME_INLINED, /* of an inlined frame */
	NAME_CLASSES
};

static const char *const name_names[NAME_CLASSES] = {
	"same",      "suffix",         "alias",     "symbol for DWARF",
	"qualified", "label",          "only ours", "only theirs",
	"other",     "other, inlined",
};

enum opinion { FOR_OURS, FOR_THEIRS, FOR_NEITHER, NO_OPINION, OPINIONS };

struct tally {
	size_t count;
	size_t opinions[OPINIONS];
	size_t examples[64];
	size_t example_count;
};

struct comparison {
	struct address *addresses;
	size_t count, capacity;
	struct answers ours, theirs, third;
	bool has_third;
	struct sym_elf elf;
	bool has_elf;
	bool is_lenient;
	struct tally places[PLACE_CLASSES];
	struct tally names[NAME_CLASSES];
	size_t same_depth, same_innermost, names_compared, names_same;
};

static size_t examples_wanted;

/* ---- Reading ------------------------------------------------------------- */

static bool is_address_line(const char *line)
{
	return !strncmp(line, "0x", 2) &&
	       !line[2 + strspn(line + 2, "0123456789abcdefABCDEF")];
}

static void begin_answer(struct answers *a)
{
	a->list = sym_grow(a->list, a->count, &a->capacity, sizeof(*a->list));
	a->list[a->count++] = (struct answer) { .first = a->frame_count };
}

static char *copy(const char *s)
{
	char *ret = strdup(s);

	if (!ret)
		err(1, "memory");
	return ret;
}

/* FILE:LINE or FILE:LINE:COLUMN, and elfutils' " (discriminator …)". */
static void read_place(struct frame *f, char *text)
{
	char *cut = strstr(text, " (");
	char *colon;

	if (cut)
		*cut = '\0';
	colon = strrchr(text, ':');
	if (colon && colon > text) {
		char *before = colon - 1;

		while (before > text && *before >= '0' && *before <= '9')
			before--;
		if (*before == ':' && before + 1 < colon) {
			*colon = '\0';
			colon = before;
		}
		f->line = strtol(colon + 1, NULL, 10);
		*colon = '\0';
	}
	if (!strcmp(text, "??"))
		f->line = 0;
	f->file = f->line ? copy(text) : "??";
}

static void read_name(struct answers *a, char *text)
{
	char *cut = strstr(text, " inlined at ");

	if (cut)
		*cut = '\0';
	a->frames = sym_grow(a->frames, a->frame_count, &a->frame_capacity,
			     sizeof(*a->frames));
	a->frames[a->frame_count++] = (struct frame) { .name = copy(text) };
	a->list[a->count - 1].count++;
}

static void read_answers(struct answers *a, const char *path)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool has_addresses = false, is_open = false, is_place = false;
	FILE *f = fopen(path, "re");

	if (!f)
		err(1, "%s", path);
	while ((len = getline(&line, &size, f)) >= 0) {
		if (len && line[len - 1] == '\n')
			line[--len] = '\0';
		if (!is_place && is_address_line(line)) {
			has_addresses = true;
			begin_answer(a);
			a->list[a->count - 1].at = strtoull(line, NULL, 16);
			is_open = true;
		} else if (!is_place && !len) {
			is_open = false;
		} else if (is_place) {
			read_place(&a->frames[a->frame_count - 1], line);
			is_place = false;
		} else {
			if (!is_open && !has_addresses)
				begin_answer(a);
			if (!a->count)
				errx(1, "%s: begins with %s", path, line);
			is_open = true;
			read_name(a, line);
			is_place = true;
		}
	}
	free(line);
	fclose(f);
}

static void read_addresses(struct comparison *c, const char *path)
{
	struct address a;
	FILE *f = fopen(path, "re");

	if (!f)
		err(1, "%s", path);
	while (fscanf(f, "%" SCNx64 " %15s", &a.at, a.kind) == 2) {
		c->addresses = sym_grow(c->addresses, c->count, &c->capacity,
					sizeof(*c->addresses));
		c->addresses[c->count++] = a;
	}
	fclose(f);
}

static struct frame *frame_of(const struct answers *a, size_t i, size_t depth)
{
	return &a->frames[a->list[i].first + depth];
}

/* An answer of one unknown frame is none. */
static size_t depth_of(const struct answers *a, size_t i)
{
	size_t depth = a->list[i].count;

	if (depth == 1 && !strcmp(frame_of(a, i, 0)->name, "??") &&
	    !strcmp(frame_of(a, i, 0)->file, "??"))
		return 0;
	return depth;
}

/* ---- Files ----------------------------------------------------------------*/

/* Take out empty parts, "." and "..", as far as text alone can. */
static void normalise(const char *path, char *out)
{
	char *end = out;

	if (*path == '/')
		*end++ = '/';
	while (*path) {
		size_t len = strcspn(path, "/");
		char *last = end;

		while (last > out && last[-1] != '/')
			last--;
		if (!len || (len == 1 && *path == '.')) {
			/* nothing */
		} else if (len == 2 && !strncmp(path, "..", 2) &&
			   end > out + (*out == '/') && strcmp(last, "..")) {
			end = last > out + 1 ? last - 1 : last;
		} else {
			if (end > out && end[-1] != '/')
				*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
		*end = '\0';
		path += len;
		path += *path == '/';
	}
	*end = '\0';
}

static bool is_end_of(const char *path, const char *end, char separator)
{
	size_t x = strlen(path), y = strlen(end);

	return x > y && path[x - y - 1] == separator &&
	       !strcmp(path + x - y, end);
}

/* Lenient: see -l. */
static bool is_same_file(const char *a, const char *b, bool is_lenient)
{
	char x[8192], y[8192];

	if (!strcmp(a, b))
		return true;
	if (strlen(a) + 1 >= sizeof(x) || strlen(b) + 1 >= sizeof(y))
		return false;
	normalise(a, x);
	normalise(b, y);
	return !strcmp(x, y) ||
	       (is_lenient && (is_end_of(x, y, '/') || is_end_of(y, x, '/')));
}

static enum place_class classify_innermost(const struct frame *x,
					   const struct frame *y,
					   bool is_lenient)
{
	bool is_known_x = strcmp(x->file, "??") != 0;
	bool is_known_y = strcmp(y->file, "??") != 0;

	if (is_known_x != is_known_y)
		return is_known_x ? PLACE_ONLY_OURS : PLACE_ONLY_THEIRS;
	if (!is_same_file(x->file, y->file, is_lenient))
		return PLACE_FILE;
	return x->line == y->line ? PLACE_SAME : PLACE_LINE;
}

static enum place_class compare_places(const struct answers *a,
				       const struct answers *b, size_t i,
				       bool is_lenient)
{
	static const struct frame nothing = { .name = "??", .file = "??" };
	size_t x = depth_of(a, i), y = depth_of(b, i);
	enum place_class ret = classify_innermost(
		x ? frame_of(a, i, 0) : &nothing,
		y ? frame_of(b, i, 0) : &nothing, is_lenient);

	if (ret == PLACE_ONLY_OURS || ret == PLACE_ONLY_THEIRS)
		return ret;
	/* A name alone, or none, is no matter of places. */
	if (x != y && x + y > 1)
		return x > y ? PLACE_DEEPER : PLACE_SHALLOWER;
	for (size_t d = 1; d < x && ret == PLACE_SAME; d++) {
		const struct frame *f = frame_of(a, i, d);
		const struct frame *g = frame_of(b, i, d);

		if (f->line != g->line ||
		    !is_same_file(f->file, g->file, is_lenient))
			ret = PLACE_CALL_SITE;
	}
	for (size_t d = 0; d < x && d < y && ret == PLACE_SAME; d++)
		if (strcmp(frame_of(a, i, d)->file, frame_of(b, i, d)->file))
			ret = PLACE_SPELT;
	return ret;
}

static bool is_same_place(enum place_class c)
{
	return c == PLACE_SAME || c == PLACE_SPELT;
}

/* ---- Names ----------------------------------------------------------------*/

/* glibc's name for a function within itself: the policy has none. */
static const char *without_prefix(const char *name)
{
	return strncmp(name, "__GI_", 5) ? name : name + 5;
}

/* Length of a name without what gcc and llvm append to local copies. */
static size_t bare_length(const char *name)
{
	static const char *const suffixes[] = { "cold",      "part",     "isra",
						"constprop", "lto_priv", "llvm",
						"localalias" };
	size_t len = strlen(name);

	for (;;) {
		size_t end = len, at;
		bool is_suffix = false;

		while (end && name[end - 1] >= '0' && name[end - 1] <= '9')
			end--;
		if (end < len && end && name[end - 1] == '.')
			end--;
		else
			end = len;
		for (at = end; at && name[at - 1] != '.'; at--)
			;
		for (size_t i = 0; at > 1 && i < 7; i++)
			is_suffix =
				is_suffix ||
				(strlen(suffixes[i]) == end - at &&
				 !strncmp(suffixes[i], name + at, end - at));
		if (!is_suffix)
			return len;
		len = at - 1;
	}
}

/* Does a name, but for its version, belong to a symbol that begins there? */
static bool is_symbol_at(const struct sym_elf *e, const char *name,
			 const struct sym_function *f)
{
	size_t len = strcspn(name, "@");
	const struct sym_function *end = e->functions + e->function_count;

	while (f > e->functions && f[-1].section == f->section &&
	       f[-1].start == f->start)
		f--;
	for (const struct sym_function *g = f;
	     g < end && g->section == f->section && g->start == f->start; g++) {
		const char *symbol = without_prefix(g->name);

		if (strcspn(symbol, "@") == len && !strncmp(symbol, name, len))
			return true;
	}
	return false;
}

static enum name_class classify_name(const struct comparison *c, size_t i,
				     const char *ours, const char *theirs)
{
	ours = without_prefix(ours);
	theirs = without_prefix(theirs);
	size_t x = bare_length(ours), y = bare_length(theirs);
	const struct sym_function *f;

	if (!strcmp(ours, theirs))
		return NAME_SAME;
	if (!strcmp(ours, "??") || !strcmp(theirs, "??"))
		return *ours == '?' ? NAME_ONLY_THEIRS : NAME_ONLY_OURS;
	if (x == y && !strncmp(ours, theirs, x))
		return NAME_SUFFIX;
	if (is_end_of(ours, theirs, ':'))
		return NAME_QUALIFIED;
	if (*theirs == '.')
		return NAME_LABEL;
	f = c->has_elf ? sym_elf_find(&c->elf, c->addresses[i].at) : NULL;
	if (!f || !is_symbol_at(&c->elf, theirs, f))
		return NAME_OTHER;
	return is_symbol_at(&c->elf, ours, f) ? NAME_ALIAS : NAME_SYMBOL;
}

/* ---- Counting ------------------------------------------------------------ */

static enum opinion ask_third(const struct comparison *c, size_t i)
{
	if (!c->has_third || c->third.list[i].is_missing)
		return NO_OPINION;
	if (is_same_place(compare_places(&c->ours, &c->third, i, true)))
		return FOR_OURS;
	if (is_same_place(compare_places(&c->theirs, &c->third, i, true)))
		return FOR_THEIRS;
	return FOR_NEITHER;
}

static void count(struct tally *t, size_t i, enum opinion o)
{
	t->count++;
	t->opinions[o]++;
	if (t->example_count < sizeof(t->examples) / sizeof(t->examples[0]))
		t->examples[t->example_count++] = i;
}

static void compare_names(struct comparison *c, size_t i)
{
	size_t depth = depth_of(&c->ours, i);
	enum name_class worst = NAME_SAME;

	if (depth != depth_of(&c->theirs, i)) {
		/* One of them knows nothing: the other a name. */
		count(&c->names[depth ? NAME_ONLY_OURS : NAME_ONLY_THEIRS], i,
		      NO_OPINION);
		return;
	}
	for (size_t d = 0; d < depth; d++) {
		enum name_class n =
			classify_name(c, i, frame_of(&c->ours, i, d)->name,
				      frame_of(&c->theirs, i, d)->name);

		c->names_compared++;
		c->names_same += n == NAME_SAME;
		if (n != NAME_SAME && n != NAME_SUFFIX && n != NAME_QUALIFIED &&
		    d + 1 < depth)
			n = NAME_INLINED;
		if (n > worst)
			worst = n;
	}
	count(&c->names[worst], i, NO_OPINION);
}

static void compare_all(struct comparison *c)
{
	for (size_t i = 0; i < c->count; i++) {
		enum place_class p =
			compare_places(&c->ours, &c->theirs, i, c->is_lenient);
		size_t x = depth_of(&c->ours, i), y = depth_of(&c->theirs, i);

		c->same_depth += x == y;
		c->same_innermost += is_same_place(p) || p == PLACE_CALL_SITE;
		count(&c->places[p], i,
		      is_same_place(p) ? NO_OPINION : ask_third(c, i));
		if (is_same_place(p))
			compare_names(c, i);
	}
}

/* ---- Telling ------------------------------------------------------------- */

static void print_answer(const char *who, const struct answers *a, size_t i)
{
	printf("#     %s", who);
	for (size_t d = 0; d < a->list[i].count; d++) {
		const struct frame *f = frame_of(a, i, d);

		printf("%s%s %s:%ld", d ? " < " : " ", f->name, f->file,
		       f->line);
	}
	printf("\n");
}

static void print_tally(const struct comparison *c, const char *what,
			const char *name, const struct tally *t, bool ask)
{
	if (!t->count)
		return;
	printf("# %s: %s: %zu", what, name, t->count);
	if (c->has_third && ask)
		printf("; the third is for ours %zu, theirs %zu, neither %zu",
		       t->opinions[FOR_OURS], t->opinions[FOR_THEIRS],
		       t->opinions[FOR_NEITHER]);
	printf("\n");
	for (size_t k = 0; k < t->example_count && k < examples_wanted; k++) {
		size_t i = t->examples[k];

		printf("#   0x%" PRIx64 " %s\n", c->addresses[i].at,
		       c->addresses[i].kind);
		print_answer("ours  ", &c->ours, i);
		print_answer("theirs", &c->theirs, i);
		if (c->has_third && !c->third.list[i].is_missing)
			print_answer("third ", &c->third, i);
	}
}

static void print_all(const struct comparison *c)
{
	size_t same =
		c->places[PLACE_SAME].count + c->places[PLACE_SPELT].count;
	size_t named = c->names[NAME_ONLY_THEIRS].count +
		       c->names[NAME_OTHER].count +
		       c->names[NAME_INLINED].count;

	printf("addresses=%zu\nsame=%zu\nsame_permille=%.2f\n"
	       "same_depth=%zu\nsame_innermost=%zu\nspelt=%zu\n"
	       "names=%zu\nnames_same=%zu\nnames_wrong=%zu\n",
	       c->count, same,
	       c->count ? 1000.0 * (double)same / (double)c->count : 0,
	       c->same_depth, c->same_innermost, c->places[PLACE_SPELT].count,
	       c->names_compared, c->names_same, named);
	for (int p = PLACE_SPELT; p < PLACE_CLASSES; p++)
		print_tally(c, "place", place_names[p], &c->places[p],
			    p != PLACE_SPELT);
	for (int n = NAME_SUFFIX; n < NAME_CLASSES; n++)
		print_tally(c, "name", name_names[n], &c->names[n], false);
}

static void must_match(const struct comparison *c, const struct answers *a,
		       const char *path)
{
	if (a->count != c->count)
		errx(1, "%s: %zu answers to %zu addresses", path, a->count,
		     c->count);
	for (size_t i = 0; i < a->frame_count; i++)
		if (!a->frames[i].file)
			errx(1, "%s: ends within an answer", path);
}

/* The third answers some of the addresses, in order. */
static void spread_third(struct comparison *c)
{
	struct answers *a = &c->third;
	struct answer *list = calloc(c->count + 1, sizeof(*list));
	size_t k = 0;

	if (!list)
		err(1, "memory");
	for (size_t i = 0; i < c->count; i++) {
		list[i].is_missing = true;
		if (k < a->count && a->list[k].at == c->addresses[i].at)
			list[i] = a->list[k++];
	}
	if (k < a->count)
		errx(1, "the third answers what was not asked: 0x%" PRIx64,
		     a->list[k].at);
	free(a->list);
	a->list = list;
	a->count = c->count;
}

static void write_different(const struct comparison *c, const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		err(1, "%s", path);
	for (size_t i = 0; i < c->count; i++)
		if (!is_same_place(compare_places(&c->ours, &c->theirs, i,
						  c->is_lenient)))
			fprintf(f, "0x%" PRIx64 "\n", c->addresses[i].at);
	if (fclose(f))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	/* What it holds is given back with the process. */
	static struct comparison whole;
	struct comparison *c = &whole;
	const char *different = NULL;
	int option;

	while ((option = getopt(argc, argv, "d:e:lv:")) != -1) {
		switch (option) {
		case 'l':
			c->is_lenient = true;
			break;
		case 'd':
			different = optarg;
			break;
		case 'e':
			sym_elf_read(&c->elf, optarg, NULL);
			c->has_elf = true;
			break;
		case 'v':
			examples_wanted = strtoul(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 3 || argc > 4)
		errx(2, "see the head of %s", __FILE__);
	read_addresses(c, argv[0]);
	read_answers(&c->ours, argv[1]);
	must_match(c, &c->ours, argv[1]);
	read_answers(&c->theirs, argv[2]);
	must_match(c, &c->theirs, argv[2]);
	if (argc == 4) {
		c->has_third = true;
		read_answers(&c->third, argv[3]);
		spread_third(c);
		must_match(c, &c->third, argv[3]);
	}
	compare_all(c);
	print_all(c);
	if (different)
		write_different(c, different);
	return 0;
}
