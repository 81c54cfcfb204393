/* SPDX-License-Identifier: Apache-2.0 */
/* A line table in .debug_line (length and offsets: 4 bytes, or 8):
 *
 *	length, version (2), [5: address size (1), selector size (1)],
 *	header length, minimum instruction length (1), [from 4 on: operations
 *	in an instruction (1)], default of is_stmt (1), line base (1, signed),
 *	line range (1), opcode base (1), operand counts (opcode base - 1),
 *
 *	2 to 4: directories, each a string; an empty one ends them;
 *		files: string, directory, time, size (ULEB each); an empty
 *		string ends them. Directory 0 is the unit's, file 1 the first.
 *	5:	count of formats (1), pairs of content and form (ULEB), count of
 *		directories (ULEB), directories; the same for files. Directory 0
 *		is the unit's, file 0 the unit's own.
 *
 * and the program, from behind the header length on:
 *
 *	0, length (ULEB), opcode: extended
 *	1 to opcode base - 1: standard, operands are ULEB
 *	from opcode base on: special, moves both line and address; a row
 *
 * Source: DWARF 5 (2017-02-13), section 6.2; DWARF 4, section 6.2; dwarf
 * before: the same. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "elf/dwarf_debug.h"

enum {
	FORMATS_MAX = 255,
	/* What a file without a directory is relative to. */
	DIR_OF_UNIT = 0,
};

/* What a special opcode does. */
struct step {
	uint32_t address;
	int32_t line;
};

struct header {
	uint64_t end; /* of the table, in the section */
	uint64_t program;
	struct dwarf_format format;
	unsigned min_length;
	unsigned max_ops;
	int line_base;
	unsigned line_range;
	unsigned opcode_base;
	uint8_t operands[256];
	struct step steps[256];
};

struct program {
	struct dwarf_cu *cu;
	struct dwarf_line_table *t;
	const struct header *h;
	struct dwarf_cursor c;
	size_t first_row; /* of the sequence */
	bool is_dropped;  /* the sequence is of code that is not there */
	uint64_t address;
	unsigned op_index;
	uint32_t file;
	uint32_t line;
};

struct error *dwarf_lines_create(struct dwarf_line_table **ret)
{
	*ret = mem_zalloc(sizeof(**ret));
	return *ret ? NULL : error_no_memory;
}

void dwarf_lines_free(struct dwarf_line_table *t)
{
	if (!t)
		return;
	mem_free(t->rows);
	mem_free(t->sequences);
	mem_free(t->dirs);
	mem_free(t->files);
	buf_deinit(&t->path);
	mem_free(t);
}

static void empty(struct dwarf_line_table *t)
{
	t->row_count = t->sequence_count = 0;
	t->dir_count = t->file_count = 0;
	t->comp_dir = (struct dwarf_line_text) { "", 0 };
	t->is_read = false;
}

static struct error *too_many_names(void)
{
	return error_new(LIMIT,
			 "more than %" PRIu64 " files and directories in a "
			 "table",
			 ELF_NAMES_MAX);
}

static struct error *add_dir(struct dwarf_line_table *t, const char *s,
			     size_t len)
{
	if (t->dir_count >= ELF_NAMES_MAX)
		return too_many_names();
	if (!mem_grow(&t->dirs, &t->dir_capacity, t->dir_count + 1,
		      sizeof(*t->dirs)))
		return error_no_memory;
	t->dirs[t->dir_count++] = (struct dwarf_line_text) { s, len };
	return NULL;
}

static struct error *add_file(struct dwarf_line_table *t,
			      const struct dwarf_line_file *f)
{
	if (t->file_count >= ELF_NAMES_MAX)
		return too_many_names();
	if (!mem_grow(&t->files, &t->file_capacity, t->file_count + 1,
		      sizeof(*t->files)))
		return error_no_memory;
	t->files[t->file_count++] = *f;
	return NULL;
}

/* Before version 5. */

static bool read_old_file(struct dwarf_cursor *c, struct dwarf_line_file *ret)
{
	*ret = (struct dwarf_line_file) { 0 };
	ret->name = dwarf_cstr(c, &ret->len);
	if (!ret->name || ret->len == 0)
		return false;
	ret->value = (struct dwarf_value) { (uint64_t)(uintptr_t)ret->name,
					    DW_FORM_string };
	ret->dir = dwarf_uleb(c);
	dwarf_pass_leb(c);
	dwarf_pass_leb(c);
	return !c->failed;
}

static struct error *read_old_tables(struct dwarf_line_table *t,
				     struct dwarf_cursor *c)
{
	struct dwarf_line_file f = { 0 };
	const char *s;
	size_t len;

	// Numbers 0: the unit's own directory, and no file.
	TRY(add_dir(t, t->comp_dir.s, t->comp_dir.len));
	TRY(add_file(t, &f));
	while ((s = dwarf_cstr(c, &len)) && len)
		TRY(add_dir(t, s, len));
	while (read_old_file(c, &f))
		TRY(add_file(t, &f));
	return c->failed ? error_new(BAD_DATA, "header of files is cut off")
			 : NULL;
}

/* Version 5. */

struct formats {
	unsigned count;
	struct {
		uint64_t content;
		struct dwarf_op op;
	} v[FORMATS_MAX];
};

static struct error *read_formats(struct dwarf_cursor *c,
				  const struct dwarf_format *format,
				  struct formats *ret)
{
	ret->count = dwarf_u8(c);
	for (unsigned i = 0; i < ret->count && !c->failed; i++) {
		ret->v[i].content = dwarf_uleb(c);
		uint64_t form = dwarf_uleb(c);

		if (form > UINT16_MAX || form == DW_FORM_indirect ||
		    form == DW_FORM_implicit_const ||
		    !dwarf_op_of((unsigned)form, format, &ret->v[i].op))
			return error_new(BAD_DATA,
					 "file of unknown form 0x%" PRIx64,
					 form);
	}
	return NULL;
}

/* One directory or file. */
static void read_new_entry(struct dwarf_cursor *c, const struct formats *f,
			   struct dwarf_line_file *ret)
{
	*ret = (struct dwarf_line_file) { 0 };
	for (unsigned i = 0; i < f->count; i++) {
		const struct dwarf_op *o = &f->v[i].op;

		dwarf_pass(c, o->pass);
		uint64_t v = dwarf_op_read(o, c);

		if (f->v[i].content == DW_LNCT_path)
			ret->value = (struct dwarf_value) { v, o->form };
		else if (f->v[i].content == DW_LNCT_directory_index)
			ret->dir = v;
	}
}

/* Their count is a claim; each takes a byte at least. */
static struct error *read_new_dirs(struct dwarf_cu *cu,
				   struct dwarf_line_table *t,
				   struct dwarf_cursor *c,
				   const struct formats *f)
{
	uint64_t count = dwarf_uleb(c);

	if (count > dwarf_left(c))
		return error_new(BAD_DATA, "claims too many directories");
	for (uint64_t i = 0; i < count && !c->failed; i++) {
		struct dwarf_line_file dir;
		const char *s = NULL;
		size_t len = 0;

		read_new_entry(c, f, &dir);
		if (!c->failed)
			TRY(dwarf_debug_note(
				cu->d,
				dwarf_value_string(cu, &dir.value, &s, &len),
				cu->file, t->offset));
		TRY(add_dir(t, s ? s : "", len));
	}
	return NULL;
}

static struct error *read_new_files(struct dwarf_line_table *t,
				    struct dwarf_cursor *c,
				    const struct formats *f)
{
	uint64_t count = dwarf_uleb(c);

	if (count > dwarf_left(c))
		return error_new(BAD_DATA, "claims too many files");
	for (uint64_t i = 0; i < count && !c->failed; i++) {
		struct dwarf_line_file file;

		read_new_entry(c, f, &file);
		TRY(add_file(t, &file));
	}
	return NULL;
}

static struct error *read_new_tables(struct dwarf_cu *cu,
				     struct dwarf_line_table *t,
				     const struct header *h,
				     struct dwarf_cursor *c)
{
	struct formats f;

	TRY(read_formats(c, &h->format, &f));
	TRY(read_new_dirs(cu, t, c, &f));
	TRY(read_formats(c, &h->format, &f));
	TRY(read_new_files(t, c, &f));
	return c->failed ? error_new(BAD_DATA, "header of files is cut off")
			 : NULL;
}

/* Header. */

static void make_steps(struct header *h)
{
	for (unsigned op = h->opcode_base; op < 256; op++) {
		unsigned adjusted = op - h->opcode_base;

		h->steps[op] = (struct step) {
			.address = adjusted / h->line_range * h->min_length,
			.line = h->line_base + (int)(adjusted % h->line_range),
		};
	}
}

static struct error *read_parameters(struct dwarf_cursor *c, struct header *h)
{
	h->min_length = dwarf_u8(c);
	h->max_ops = h->format.version >= 4 ? dwarf_u8(c) : 1;
	dwarf_u8(c);
	h->line_base = (int8_t)dwarf_u8(c);
	h->line_range = dwarf_u8(c);
	h->opcode_base = dwarf_u8(c);
	if (c->failed)
		return error_new(BAD_DATA, "header is cut off");
	// Producers of no code may write zeros.
	if (h->max_ops == 0)
		h->max_ops = 1;
	if (h->line_range == 0)
		h->line_range = 1;
	if (h->opcode_base == 0)
		h->opcode_base = 1;
	for (unsigned i = 1; i < h->opcode_base; i++)
		h->operands[i] = dwarf_u8(c);
	make_steps(h);
	return NULL;
}

/* The whole table, behind its length. */
static struct error *find_table(struct dwarf_cu *cu, uint64_t offset,
				struct header *h, struct dwarf_bytes *s,
				struct dwarf_cursor *c)
{
	enum { LENGTH_MAX = 12 };
	bool big_endian = cu->file->object.big_endian;

	if (offset > UINT64_MAX - LENGTH_MAX)
		return error_new(BAD_DATA, "no table");
	TRY(dwarf_debug_part(cu->d, cu->file, DWARF_LINE, offset + LENGTH_MAX,
			     s));
	if (offset >= s->size)
		return error_new(BAD_DATA, "no table");
	*c = dwarf_cursor_at(s->data + offset, s->data + s->size, big_endian);
	uint64_t length = dwarf_length(c, &h->format.offset_size);
	uint64_t start = (uint64_t)(c->p - s->data);

	if (c->failed || length > UINT64_MAX - start)
		return error_new(BAD_DATA, "table is cut off");
	h->end = start + length;
	TRY(dwarf_debug_part(cu->d, cu->file, DWARF_LINE, h->end, s));
	if (h->end > s->size)
		return error_new(BAD_DATA, "table is cut off");
	c->end = s->data + h->end;
	return dwarf_debug_work(cu->d, length);
}

static struct error *read_header(struct dwarf_cu *cu,
				 struct dwarf_line_table *t, struct header *h,
				 struct dwarf_bytes *s)
{
	struct dwarf_cursor c;

	TRY(find_table(cu, t->offset, h, s, &c));
	h->format.address_size = cu->unit.format.address_size;
	h->format.version = t->version = dwarf_u16(&c);
	if (h->format.version < 2 || h->format.version > 5)
		return error_new(BAD_DATA, "table of unknown version %u",
				 h->format.version);
	if (h->format.version == 5) {
		unsigned size = dwarf_u8(&c);

		if (size == 4 || size == 8)
			h->format.address_size = size;
		dwarf_u8(&c);
	}
	uint64_t header_length = dwarf_uint(&c, h->format.offset_size);

	if (header_length > dwarf_left(&c))
		return error_new(BAD_DATA, "header is cut off");
	h->program = (uint64_t)(c.p - s->data) + header_length;
	c.end = c.p + header_length;
	TRY(read_parameters(&c, h));
	return h->format.version == 5 ? read_new_tables(cu, t, h, &c)
				      : read_old_tables(t, &c);
}

/* The program. */

static struct error *push_row(struct program *p)
{
	struct dwarf_line_table *t = p->t;
	struct dwarf_line_row row = {
		.address = p->address,
		.file = p->file,
		.line = p->line,
	};

	if (p->is_dropped)
		return NULL;
	if (t->row_count > p->first_row) {
		struct dwarf_line_row *last = &t->rows[t->row_count - 1];

		if (row.address < last->address)
			return NULL;
		// Of several at one address, the last counts.
		if (row.address == last->address) {
			*last = row;
			return NULL;
		}
		if (row.file == last->file && row.line == last->line)
			return NULL;
	}
	if (t->row_count >= ELF_DWARF_ROWS_MAX)
		return error_new(LIMIT, "more than %zu rows",
				 ELF_DWARF_ROWS_MAX);
	if (t->row_count == t->row_capacity &&
	    !mem_grow(&t->rows, &t->row_capacity, t->row_count + 1,
		      sizeof(*t->rows)))
		return error_no_memory;
	t->rows[t->row_count++] = row;
	return NULL;
}

static void begin_sequence(struct program *p)
{
	p->first_row = p->t->row_count;
	p->is_dropped = false;
	p->address = 0;
	p->op_index = 0;
	p->file = 1;
	p->line = 1;
}

static struct error *end_sequence(struct program *p)
{
	struct dwarf_line_table *t = p->t;
	size_t count = t->row_count - p->first_row;

	if (count) {
		uint64_t start = t->rows[p->first_row].address;

		if (p->address <= start || !dwarf_text_at(p->cu->d, start)) {
			t->row_count = p->first_row;
		} else {
			if (!mem_grow(&t->sequences, &t->sequence_capacity,
				      t->sequence_count + 1,
				      sizeof(*t->sequences)))
				return error_no_memory;
			t->sequences[t->sequence_count++] =
				(struct dwarf_sequence) {
					.start = start,
					.end = p->address,
					.first = p->first_row,
					.count = count,
				};
		}
	}
	begin_sequence(p);
	return NULL;
}

static void advance(struct program *p, uint64_t ops)
{
	const struct header *h = p->h;

	if (h->max_ops > 1) { // several operations in one instruction
		ops += p->op_index;
		p->op_index = (unsigned)(ops % h->max_ops);
		ops /= h->max_ops;
	}
	p->address += ops * h->min_length;
}

static struct error *run_extended(struct program *p)
{
	uint64_t length = dwarf_uleb(&p->c);

	if (length > dwarf_left(&p->c) || length == 0) {
		if (length)
			dwarf_fail(&p->c);
		return NULL;
	}
	struct dwarf_cursor c = p->c;
	uint64_t size = length - 1;
	struct dwarf_line_file f;

	c.end = c.p + length;
	p->c.p = c.end;
	switch (dwarf_u8(&c)) {
	case DW_LNE_end_sequence:
		return end_sequence(p);
	case DW_LNE_set_address:
		if (size != 1 && size != 2 && size != 4 && size != 8)
			return error_new(BAD_DATA,
					 "address of %" PRIu64 " bytes", size);
		p->address = dwarf_uint(&c, (unsigned)size);
		p->op_index = 0;
		// Where linkers put code that they dropped.
		p->is_dropped = p->address >=
				(size >= 8 ? UINT64_MAX - 1
					   : (UINT64_C(1) << size * 8) - 2);
		return NULL;
	case DW_LNE_define_file:
		if (read_old_file(&c, &f))
			return add_file(p->t, &f);
		return NULL;
	default:
		return NULL;
	}
}

/* flat: one opcode a case */
static struct error *run_standard(struct program *p, unsigned op)
{
	const struct header *h = p->h;
	struct dwarf_cursor *c = &p->c;
	uint64_t file;

	switch (op) {
	case DW_LNS_copy:
		return push_row(p);
	case DW_LNS_advance_pc:
		advance(p, dwarf_uleb(c));
		return NULL;
	case DW_LNS_advance_line:
		p->line += (uint32_t)dwarf_sleb(c);
		return NULL;
	case DW_LNS_set_file:
		file = dwarf_uleb(c);
		p->file = file > UINT32_MAX ? UINT32_MAX : (uint32_t)file;
		return NULL;
	case DW_LNS_const_add_pc:
		advance(p, (255 - h->opcode_base) / h->line_range);
		return NULL;
	case DW_LNS_fixed_advance_pc:
		p->address += dwarf_u16(c);
		p->op_index = 0;
		return NULL;
	case DW_LNS_negate_stmt:
	case DW_LNS_set_basic_block:
	case DW_LNS_set_prologue_end:
	case DW_LNS_set_epilogue_begin:
		return NULL;
	default: // DW_LNS_set_column, DW_LNS_set_isa, and what is to come
		for (unsigned i = 0; i < h->operands[op]; i++)
			dwarf_pass_leb(c);
		return NULL;
	}
}

static struct error *run(struct program *p)
{
	const struct header *h = p->h;

	begin_sequence(p);
	while (p->c.p < p->c.end) {
		unsigned op = *p->c.p++;

		if (op >= h->opcode_base) {
			if (h->max_ops > 1)
				advance(p,
					(op - h->opcode_base) / h->line_range);
			else
				p->address += h->steps[op].address;
			p->line += (uint32_t)h->steps[op].line;
			TRY(push_row(p));
		} else if (op) {
			TRY(run_standard(p, op));
		} else {
			TRY(run_extended(p));
		}
	}
	return p->c.failed ? error_new(BAD_DATA, "the program is cut off")
			   : NULL;
}

static int compare_sequences(const void *a, const void *b)
{
	const struct dwarf_sequence *sa = a;
	const struct dwarf_sequence *sb = b;

	if (sa->start != sb->start)
		return sa->start < sb->start ? -1 : 1;
	return (sa->first > sb->first) - (sa->first < sb->first);
}

static struct error *read_table(struct dwarf_cu *cu, struct dwarf_line_table *t)
{
	struct dwarf_bytes s;
	struct header h = { 0 };

	TRY(read_header(cu, t, &h, &s));
	struct program p = {
		.cu = cu,
		.t = t,
		.h = &h,
		.c = dwarf_cursor_at(s.data + h.program, s.data + h.end,
				     cu->file->object.big_endian),
	};
	struct error *err = run(&p);

	t->row_count = p.first_row; // of sequences that ended
	if (t->sequence_count)
		qsort(t->sequences, t->sequence_count, sizeof(*t->sequences),
		      compare_sequences);
	return err;
}

struct error *dwarf_lines_read(struct dwarf_cu *cu,
			       struct dwarf_line_table **ret)
{
	struct dwarf_line_table *t = cu->d->lines;
	const char *comp_dir = NULL;
	size_t len = 0;

	*ret = t;
	uint64_t offset = cu->root.values[DWARF_SLOT_STMT_LIST].v;

	if (!dwarf_die_has(&cu->root, DWARF_SLOT_STMT_LIST)) {
		empty(t);
		return NULL;
	}
	if (dwarf_die_has(&cu->root, DWARF_SLOT_COMP_DIR))
		TRY(dwarf_debug_note(
			cu->d,
			dwarf_value_string(
				cu, &cu->root.values[DWARF_SLOT_COMP_DIR],
				&comp_dir, &len),
			cu->file, cu->root.offset));
	if (t->is_read && t->offset == offset && t->comp_dir.len == len &&
	    memcmp(t->comp_dir.s, comp_dir ? comp_dir : "", len) == 0) {
		t->cu = cu;
		return NULL;
	}
	empty(t);
	t->offset = offset;
	if (comp_dir)
		t->comp_dir = (struct dwarf_line_text) { comp_dir, len };
	t->cu = cu;
	t->is_read = true;
	return dwarf_debug_note(cu->d,
				error_wrap(read_table(cu, t),
					   ".debug_line at 0x%" PRIx64, offset),
				cu->file, cu->unit.offset);
}

/* Paths. */

/* As LLVM joins them: nothing is made shorter. */
static bool append_path(struct buf *b, const char *s, size_t len)
{
	if (b->size && len && b->data[b->size - 1] == '/') {
		while (len && *s == '/') {
			s++;
			len--;
		}
	} else if (b->size && len && *s != '/' && !buf_append_byte(b, '/')) {
		return false;
	}
	return len == 0 || buf_append(b, s, len);
}

static bool make_path(struct dwarf_line_table *t,
		      const struct dwarf_line_file *f)
{
	struct dwarf_line_text dir = { "", 0 };

	buf_clear(&t->path);
	if (f->len && f->name[0] == '/')
		return buf_append(&t->path, f->name, f->len);
	if (f->dir < t->dir_count)
		dir = t->dirs[f->dir];
	// Directory 0 of version 5 is the unit's, whatever it looks like.
	if ((t->version < 5 || f->dir != DIR_OF_UNIT) &&
	    !(dir.len && dir.s[0] == '/') &&
	    !(t->version < 5 && f->dir == DIR_OF_UNIT) &&
	    !append_path(&t->path, t->comp_dir.s, t->comp_dir.len))
		return false;
	return append_path(&t->path, dir.s, dir.len) &&
	       append_path(&t->path, f->name, f->len);
}

static struct error *give_path(struct dwarf_line_table *t,
			       const struct dwarf_sink *sink, uint32_t *ret)
{
	const char *path = (const char *)t->path.data;
	const char *base = memrchr(path, '/', t->path.size);
	size_t dir_len = base ? (size_t)(base - path) : 0;

	base = base ? base + 1 : path;
	if (dir_len == 0 && base > path)
		dir_len = 1;
	return dwarf_sunk(t->cu->d,
			  sink->file(sink->ctx, path, dir_len, base,
				     t->path.size - (size_t)(base - path),
				     ret));
}

struct error *dwarf_lines_file(struct dwarf_line_table *t, uint64_t file,
			       const struct dwarf_sink *sink, uint32_t *ret)
{
	*ret = 0;
	if (file >= t->file_count)
		return NULL;
	struct dwarf_line_file *f = &t->files[file];

	if (!f->is_known) {
		f->is_known = true;
		TRY(dwarf_debug_note(
			t->cu->d,
			dwarf_value_string(t->cu, &f->value, &f->name, &f->len),
			t->cu->file, t->offset));
		if (f->len == 0)
			return NULL;
		TRY(dwarf_debug_work(t->cu->d, f->len));
		if (!make_path(t, f))
			return error_no_memory;
		TRY(give_path(t, sink, &f->number));
	}
	*ret = f->number;
	return NULL;
}
