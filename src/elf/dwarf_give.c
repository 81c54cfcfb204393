/* SPDX-License-Identifier: Apache-2.0 */
/* What was gathered of a function, made into what the sink is given. */
#include "config.h"

#include <inttypes.h>

#include "base/mem.h"
#include "elf/dwarf_walk.h"

/* Inlined calls. */

/* Are the spans of one all within those of the other? */
static bool is_within(const struct dwarf_span *a, size_t a_count,
		      const struct dwarf_span *b, size_t b_count)
{
	size_t j = 0;

	for (size_t i = 0; i < a_count; i++) {
		while (j < b_count && b[j].end < a[i].end)
			j++;
		if (j == b_count || b[j].start > a[i].start)
			return false;
	}
	return true;
}

/* Widen the spans of an inlined call by those of one that is inlined in it. */
static struct error *widen(struct dwarf_walk *w, struct dwarf_walk_inline *to,
			   const struct dwarf_walk_inline *by)
{
	struct dwarf_spans *s = &w->spans;
	size_t first = s->count;
	size_t need = first + to->count + by->count;

	if (need > ELF_DWARF_RANGES_MAX)
		return error_new(LIMIT, "too many ranges");
	if (!mem_grow(&s->v, &s->capacity, need, sizeof(*s->v)))
		return error_no_memory;
	if (to->count)
		memcpy(s->v + first, s->v + to->first,
		       to->count * sizeof(*s->v));
	memcpy(s->v + first + to->count, s->v + by->first,
	       by->count * sizeof(*s->v));
	s->count = need;
	dwarf_spans_normalize(s, first);
	to->first = first;
	to->count = s->count - first;
	return NULL;
}

/* What is inlined in a call is part of it, even where compilers leave it out of
 * the call's own ranges: the call is among the frames there. */
static struct error *widen_parents(struct dwarf_walk *w)
{
	for (size_t i = w->inline_count; i-- > 0;) {
		struct dwarf_walk_inline *in = &w->inlines[i];

		if (in->parent == DWARF_NO_INLINE || in->count == 0)
			continue;
		struct dwarf_walk_inline *to = &w->inlines[in->parent];

		TRY(dwarf_debug_work(w->cu->d, in->count + to->count));
		if (!is_within(w->spans.v + in->first, in->count,
			       w->spans.v + to->first, to->count))
			TRY(widen(w, to, in));
	}
	return NULL;
}

/* The ranges of an inlined call in a piece of its function. */
static size_t cut(const struct dwarf_walk *w,
		  const struct dwarf_walk_inline *in, struct dwarf_span piece,
		  struct dwarf_range *ret)
{
	const struct dwarf_span *s = w->spans.v + in->first;
	size_t count = 0;

	for (size_t i = 0; i < in->count; i++) {
		uint64_t start = s[i].start, end = s[i].end;

		if (start < piece.start)
			start = piece.start;
		if (end > piece.end)
			end = piece.end;
		if (start < end)
			ret[count++] =
				(struct dwarf_range) { start - piece.start,
						       end - start };
	}
	return count;
}

static struct error *make_inlines(struct dwarf_walk *w, struct dwarf_span piece,
				  struct dwarf_function *f)
{
	size_t ranges = 0;
	size_t need = 0;

	for (size_t i = 0; i < w->inline_count; i++)
		need += w->inlines[i].count;
	TRY(dwarf_debug_work(w->cu->d, need + w->inline_count / 8));
	if (!mem_grow(&w->out_inlines, &w->out_inline_capacity, w->inline_count,
		      sizeof(*w->out_inlines)) ||
	    !mem_grow(&w->out_ranges, &w->out_range_capacity, need,
		      sizeof(*w->out_ranges)))
		return error_no_memory;
	for (size_t i = 0; i < w->inline_count; i++) {
		const struct dwarf_walk_inline *in = &w->inlines[i];
		size_t count = 0;

		if (in->count)
			count = cut(w, in, piece, w->out_ranges + ranges);
		if (!count)
			continue;
		w->out_inlines[f->inline_count++] = (struct dwarf_inline) {
			.depth = in->depth,
			.name = in->name,
			.call_file = in->call_file,
			.call_line = in->call_line,
			.ranges = w->out_ranges + ranges,
			.range_count = count,
		};
		ranges += count;
	}
	f->inlines = w->out_inlines;
	return NULL;
}

/* Rows. */

static struct error *push_row(struct dwarf_walk *w, uint64_t offset,
			      uint32_t file, uint32_t line)
{
	if (w->out_row_count) {
		struct dwarf_row *last = &w->out_rows[w->out_row_count - 1];

		if (last->file == file && last->line == line)
			return NULL;
	} else if (file == 0 && line == 0) {
		return NULL;
	}
	if (w->out_row_count == w->out_row_capacity &&
	    !mem_grow(&w->out_rows, &w->out_row_capacity, w->out_row_count + 1,
		      sizeof(*w->out_rows)))
		return error_no_memory;
	w->out_rows[w->out_row_count++] =
		(struct dwarf_row) { offset, file, line };
	return NULL;
}

/* The number of the first sequence that ends behind an address. */
static size_t find_sequence(const struct dwarf_line_table *t, uint64_t address)
{
	size_t low = 0, high = t->sequence_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->sequences[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low && t->sequences[low - 1].end > address)
		low--;
	return low;
}

/* The row that holds at an address, which is in the sequence. */
static size_t find_row(const struct dwarf_line_table *t,
		       const struct dwarf_sequence *s, uint64_t address)
{
	size_t low = s->first, high = s->first + s->count;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (t->rows[mid].address <= address)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Rows of a sequence from @p at to @p end. */
static struct error *copy_rows(struct dwarf_walk *w,
			       const struct dwarf_sequence *s, uint64_t at,
			       uint64_t end, uint64_t start)
{
	struct dwarf_line_table *t = w->lines;
	size_t first = find_row(t, s, at);
	size_t i = first;

	for (; i < s->first + s->count && t->rows[i].address < end; i++) {
		const struct dwarf_line_row *row = &t->rows[i];
		uint64_t from = row->address < at ? at : row->address;
		uint32_t file;

		if (row->file < t->file_count && t->files[row->file].is_known)
			file = t->files[row->file].number;
		else
			TRY(dwarf_lines_file(t, row->file, w->sink, &file));
		TRY(push_row(w, from - start, file, row->line));
	}
	return dwarf_debug_work(w->cu->d, i - first);
}

static struct error *make_rows(struct dwarf_walk *w, struct dwarf_span piece)
{
	const struct dwarf_line_table *t = w->lines;
	uint64_t at = piece.start;

	for (size_t i = find_sequence(t, at);
	     i < t->sequence_count && t->sequences[i].start < piece.end; i++) {
		const struct dwarf_sequence *s = &t->sequences[i];
		uint64_t end = s->end < piece.end ? s->end : piece.end;

		TRY(dwarf_debug_work(w->cu->d, 1));
		if (end <= at) // they lie over each other
			continue;
		if (s->start > at) {
			TRY(push_row(w, at - piece.start, 0, 0));
			at = s->start;
		}
		TRY(copy_rows(w, s, at, end, piece.start));
		at = end;
	}
	if (at < piece.end)
		TRY(push_row(w, at - piece.start, 0, 0));
	return NULL;
}

struct error *dwarf_walk_give(struct dwarf_walk *w)
{
	TRY(widen_parents(w));
	for (size_t i = 0; i < w->piece_count; i++) {
		struct dwarf_span piece = w->spans.v[i];
		struct dwarf_function f = {
			.start = { piece.start },
			.size = piece.end - piece.start,
			.name = w->name,
		};

		w->out_row_count = 0;
		if (!w->is_cut)
			TRY(make_rows(w, piece));
		TRY(make_inlines(w, piece, &f));
		f.rows = w->out_rows;
		f.row_count = w->out_row_count;
		TRY(dwarf_sunk(w->cu->d, w->sink->function(w->sink->ctx, &f)));
	}
	return NULL;
}

/* Lines without functions. */

/* Does a row begin in a gap between functions? */
static bool has_row(const struct dwarf_line_table *t,
		    const struct dwarf_sequence *s, struct dwarf_span gap)
{
	size_t i = find_row(t, s, gap.start);

	if (t->rows[i].address < gap.start)
		i++;
	return i < s->first + s->count && t->rows[i].address < gap.end;
}

static struct error *give_gap(struct dwarf_walk *w,
			      const struct dwarf_sequence *s,
			      struct dwarf_span gap)
{
	bool is_ours;

	if (gap.start >= gap.end || !dwarf_walk_wants(w, gap))
		return NULL;
	TRY(dwarf_walk_claim(w, gap.start, &is_ours));
	if (!is_ours)
		return NULL;
	w->out_row_count = 0;
	TRY(copy_rows(w, s, gap.start, gap.end, gap.start));
	struct dwarf_lines l = {
		.start = { gap.start },
		.size = gap.end - gap.start,
		.rows = w->out_rows,
		.row_count = w->out_row_count,
		.is_left_over = !has_row(w->lines, s, gap),
	};

	return dwarf_sunk(w->cu->d, w->sink->lines(w->sink->ctx, &l));
}

struct error *dwarf_walk_give_lines(struct dwarf_walk *w)
{
	const struct dwarf_line_table *t = w->lines;
	const struct dwarf_spans *covered = &w->covered;
	size_t j = 0;

	dwarf_spans_normalize(&w->covered, 0);
	for (size_t i = 0; i < t->sequence_count; i++) {
		const struct dwarf_sequence *s = &t->sequences[i];
		uint64_t at = s->start;

		while (j < covered->count && covered->v[j].end <= at)
			j++;
		for (size_t k = j;
		     k < covered->count && covered->v[k].start < s->end; k++) {
			TRY(give_gap(w, s,
				     (struct dwarf_span) {
					     at, covered->v[k].start }));
			at = covered->v[k].end;
		}
		TRY(give_gap(w, s, (struct dwarf_span) { at, s->end }));
		TRY(dwarf_debug_work(w->cu->d, 1));
	}
	return NULL;
}
