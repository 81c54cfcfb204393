/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire forms, from a body to an answer, without a symbolizer: build ID
 * "aabb" (and the GUID that begins with it) is the sample table, "dddd" is
 * pending, all others are absent.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "symbolize/exchange.h"
#include "tests/lib/sample_table.h"
#include "tests/unit/unit.h"

static const struct batch_limits limits = {
	.addresses = 1000,
	.modules = 100,
	.wait_ms = 30000,
};

static struct buf bytes;
static struct symtab *table;

static void open_table(void)
{
	const struct sample_table sample = {
		.quality = SYMTAB_QUALITY_DWARF,
		.functions = 20,
	};

	table = sample_table_open(&sample, &bytes);
}

static void close_table(void)
{
	symtab_put(table);
	buf_deinit(&bytes);
}

static void fill(struct batch *b)
{
	for (size_t i = 0; i < b->module_count; i++) {
		struct batch_module *m = &b->modules[i];
		const uint8_t *id =
			m->is_breakpad ? m->breakpad_guid : m->id.bytes;

		if (!m->is_breakpad && !m->id.len)
			continue;
		if (id[0] == 0xaa && id[1] == 0xbb) {
			m->status = MODULE_OK;
			m->origin = "local";
			m->table = symtab_get(table);
		} else if (id[0] == 0xdd) {
			m->status = MODULE_PENDING;
		}
	}
	b->retry_after_ms = 700;
}

static struct buf answer_bytes;
static const char *answer_type;

static struct error *ask_request(const struct exchange_request *rq)
{
	CLEANUP_EXCHANGE struct exchange *x = NULL;

	buf_clear(&answer_bytes);
	TRY(exchange_read(rq, &limits, &x));
	fill(exchange_batch(x));
	TRY(batch_answer(exchange_batch(x)));
	return exchange_write(x, 1 << 20, NULL, &answer_bytes, &answer_type);
}

/* In memory of exactly its size. */
static struct error *try_bytes(struct exchange_request rq, const void *body,
			       size_t size)
{
	CLEANUP_FREE void *exact = mem_alloc(size ? size : 1);

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, body, size);
	rq.body = exact;
	rq.size = size;
	return ask_request(&rq);
}

static struct error *try_text(struct exchange_request rq, const char *body)
{
	return try_bytes(rq, body, strlen(body));
}

static const char *ask(struct exchange_request rq, const char *body)
{
	ck_no_error(try_text(rq, body));
	return buf_str(&answer_bytes);
}

#define JSON                                        \
	(struct exchange_request)                   \
	{                                           \
		.content_type = "application/json", \
	}
#define TEXT                                                 \
	(struct exchange_request)                            \
	{                                                    \
		.content_type = "text/plain; charset=utf-8", \
	}
#define QUERY(q)                                            \
	(struct exchange_request)                           \
	{                                                   \
		.content_type = "text/plain", .query = (q), \
	}
#define V5                                     \
	(struct exchange_request)              \
	{                                      \
		.route = EXCHANGE_SYMBOLICATE, \
	}

START_TEST(json_in_json_out)
{
	open_table();
	ck_assert_str_eq(
		ask(JSON, "{\"modules\":[{\"build_id\":\"AABB\",\"addresses\":"
			  "[\"0x1150\",\"0x1140\",4352,\"0x1000\"]}]}"),
		"{\"status\":\"complete\",\n"
		"\"modules\":[{\"build_id\":\"aabb\",\"status\":\"ok\","
		"\"quality\":\"dwarf\",\"origin\":\"local\"}],\n"
		"\"frames\":["
		"{\"function\":\"fn0\",\"start\":\"0x401000\",\"size\":256},"
		"{\"function\":\"fn1\",\"file\":\"/src/a.c\",\"line\":11,"
		"\"start\":\"0x401100\",\"size\":256},"
		"{\"function\":\"inner\",\"file\":\"/src/a.h\",\"line\":5,"
		"\"inlined\":true},"
		"{\"function\":\"fn1\",\"file\":\"/src/a.c\",\"line\":17,"
		"\"start\":\"0x401100\",\"size\":256}],\n"
		"\"results\":[[[2,3],[2,3],[1],[0]]],\n"
		"\"reasons\":[{\"3\":\"no_line\"}]}\n");
	ck_assert_str_eq(answer_type, "application/json");
	close_table();
}
END_TEST

START_TEST(every_kind_of_address_is_told_by_the_module)
{
	open_table();
	ck_assert_ptr_nonnull(strstr(
		ask(JSON,
		    "{\"modules\":["
		    "{\"addresses\":[4198656],\"build_id\":\"aabb\","
		    "\"kind\":\"vaddr\"},"
		    "{\"build_id\":\"aabb\",\"kind\":\"image\","
		    "\"addresses\":[\"0x100\"]},"
		    "{\"build_id\":\"aabb\",\"kind\":\"runtime\","
		    "\"map\":{\"start\":\"0x7f0000001000\","
		    "\"offset\":\"0x1000\"},\"addresses\":[139637976731904]},"
		    "{\"build_id\":\"aabb\",\"kind\":\"file_offset\","
		    "\"return_addresses\":true,\"addresses\":[\"0x1101\",0]},"
		    "{\"build_id\":\"aabb\",\"kind\":\"section\","
		    "\"section\":\".none\",\"addresses\":[1]},"
		    "{\"build_id\":\"aabb\",\"kind\":\"kernel\",\"base\":1,"
		    "\"base_symbol\":\"_text\",\"addresses\":[1]}],"
		    "\"wait_ms\":0,\"inlines\":false,\"demangle\":false}"),
		"\"results\":[[[0]],[[0]],[[0]],[[0],[]],[[]],[[]]],\n"
		"\"reasons\":[{},{},{},{\"1\":\"bad_address\"},"
		"{\"0\":\"bad_address\"},{\"0\":\"bad_address\"}]"));
	close_table();
}
END_TEST

START_TEST(a_bad_module_fails_alone)
{
	open_table();
	ck_assert_str_eq(
		ask(JSON, "{\"modules\":["
			  "{\"build_id\":\"xyz\\n\",\"addresses\":[1]},"
			  "{\"build_id\":\"ffff\",\"addresses\":[1,2]},"
			  "{\"build_id\":\"dddd\",\"addresses\":[1]},"
			  "{\"build_id\":\"aabb\",\"addresses\":[9]}]}"),
		"{\"status\":\"partial\",\"retry_after_ms\":700,\n"
		"\"modules\":[{\"build_id\":null,\"status\":\"malformed\","
		"\"message\":\"\\\"xyz\\\\n\\\" is not a build ID: an even "
		"number of 4 to 128 hexadecimal digits\"},"
		"{\"build_id\":\"ffff\",\"status\":\"absent\"},"
		"{\"build_id\":\"dddd\",\"status\":\"pending\"},"
		"{\"build_id\":\"aabb\",\"status\":\"ok\","
		"\"quality\":\"dwarf\",\"origin\":\"local\"}],\n"
		"\"frames\":[],\n\"results\":[[[]],[[],[]],[[]],[[]]],\n"
		"\"reasons\":[{\"0\":\"no_build_id\"},"
		"{\"0\":\"module_absent\",\"1\":\"module_absent\"},"
		"{\"0\":\"module_pending\"},{\"0\":\"unmapped_offset\"}]}\n");
	close_table();
}
END_TEST

START_TEST(json_that_is_no_request_is_refused_with_its_place)
{
	static const struct {
		const char *body, *says;
	} bad[] = {
		{ "", "line 1 column 1" },
		{ "[]", "an object expected" },
		{ "{}", "modules is missing" },
		{ "{\"modules\":7}", "column 12: a list expected" },
		{ "{\"modules\":[7]}", "column 13: an object expected" },
		{ "{\"modules\":[{}]}", "column 13: module 0: build_id" },
		{ "{\"modules\":[{\"build_id\":\"aabb\"}]}",
		  "module 0: addresses is missing" },
		{ "{\"modules\":[{\"build_id\":7,\"addresses\":[]}]}",
		  "a string expected" },
		{ "{\"modules\":[{\"build_id\":\"aabb\",\"addresses\":"
		  "[\"0x1\",\"zz\"]}]}",
		  "column 51: an address is" },
		{ "{\"modules\":[\n{\"build_id\":\"aabb\",\"addresses\":"
		  "[18446744073709551616]}]}",
		  "line 2 column 33: 2^64 or more" },
		{ "{\"modules\":[{\"build_id\":\"aabb\",\"addresses\":[-1]}]}",
		  "below 0" },
		{ "{\"modules\":[{\"build_id\":\"aabb\",\"kind\":\"rva\","
		  "\"addresses\":[]}]}",
		  "kind is none of file_offset" },
		{ "{\"modules\":[{\"build_id\":\"aabb\",\"kind\":\"runtime\","
		  "\"addresses\":[]}]}",
		  "needs the start and the offset" },
		{ "{\"modules\":[{\"build_id\":\"aabb\",\"kind\":\"runtime\","
		  "\"map\":{\"start\":1},\"addresses\":[]}]}",
		  "needs the start and the offset" },
		{ "{\"modules\":[{\"build_id\":\"aabb\",\"kind\":\"section\","
		  "\"addresses\":[]}]}",
		  "needs a section" },
		{ "{\"modules\":[{\"build_id\":\"aabb\",\"kind\":\"kernel\","
		  "\"base\":1,\"addresses\":[]}]}",
		  "needs base_symbol" },
		{ "{\"modules\":[],\"wait_ms\":30001}",
		  "column 25: wait_ms is at most 30000" },
		{ "{\"modules\":[],\"wait_ms\":-1}", "below 0" },
		{ "{\"modules\":[],\"inlines\":1}", "true or false" },
		{ "{\"modules\":[],\"modules\":[]}",
		  "\"modules\" is there twice" },
		{ "{\"modules\":[]}{}", "more follows" },
		{ "{\"modules\":[],\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
		  "nested deeper than 32" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_error(try_text(JSON, bad[i].body), BAD_REQUEST, bad[i].says);
}
END_TEST

START_TEST(limits_are_named)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_append_str(&b, "{\"modules\":[{\"build_id\":\"aabb\","
			   "\"addresses\":[1");
	for (unsigned i = 0; i < 1000; i++)
		buf_append_str(&b, ",1");
	buf_append_str(&b, "]}]}");
	ck_error(try_text(JSON, buf_str(&b)), LIMIT, "1000 addresses");
	buf_clear(&b);
	buf_append_str(&b, "{\"modules\":[");
	for (unsigned i = 0; i < 101; i++)
		buf_append_str(&b, "{\"build_id\":\"aabb\",\"addresses\":[]},");
	ck_error(try_text(JSON, buf_str(&b)), LIMIT, "100 modules");
	buf_clear(&b);
	for (unsigned i = 0; i < 101; i++)
		buf_printf(&b, "%04x+0x1\n", i);
	ck_error(try_text(TEXT, buf_str(&b)), LIMIT, "100 modules");
	buf_clear(&b);
	for (unsigned i = 0; i < 1001; i++)
		buf_append_str(&b, "aabb+0x1;");
	ck_error(try_text(TEXT, buf_str(&b)), LIMIT, "1000 addresses");
	buf_clear(&b);
	for (unsigned i = 0; i < 1001; i++)
		buf_append_str(&b, "\n");
	ck_error(try_text(TEXT, buf_str(&b)), LIMIT, "1000 stacks");
}
END_TEST

START_TEST(a_line_is_answered_with_a_line)
{
	open_table();
	ck_assert_str_eq(ask(TEXT, "aabb+0x1150\n"
				   "AABB+0x1000\r\n"
				   "\n"
				   "  aabb +1100  \n"
				   "ffff+0x1\n"
				   "what is this\n"
				   "aabb+0x\n"
				   "aabb+0x10000000000000000\n"
				   "aabb+0x1100"),
			 "inner /src/a.h:5 < fn1 /src/a.c:17\n"
			 "fn0 \?\?:0\n"
			 "\n"
			 "fn1 /src/a.c:11\n"
			 "?? ?\?:0\n"
			 "?? ?\?:0\n"
			 "?? ?\?:0\n"
			 "?? ?\?:0\n"
			 "fn1 /src/a.c:11\n");
	ck_assert_str_eq(answer_type, "text/plain; charset=utf-8");
	ck_assert_str_eq(ask(TEXT, ""), "");
	ck_assert_str_eq(ask(TEXT, "+0x1\n;\n"), "?? ?\?:0\n\n");
	close_table();
}
END_TEST

START_TEST(a_stack_is_answered_folded_with_its_inlined_frames)
{
	open_table();
	ck_assert_str_eq(ask(TEXT, "nginx;aabb+0x1150;ffff+0x1;do_sys_[k] 17\n"
				   "aabb+0x1100;aabb+0x1350\n"
				   "aabb+0x1100 3\n"
				   "swapper 2\n"
				   "a;b;  1.5\n"
				   "a;aabb+0x1100; 4\n"),
			 "nginx;fn1;inner;?\?;do_sys_[k] 17\n"
			 "fn1;fn3;inner\n"
			 "fn1 3\n"
			 "swapper 2\n"
			 "a;b 1.5\n"
			 "a;fn1 4\n");
	// Lines and stacks in one body.
	ck_assert_str_eq(ask(TEXT, "aabb+0x1150\n"
				   "aabb+0x1150;aabb+0x1150 2\n"
				   "aabb+0x1150\n"),
			 "inner /src/a.h:5 < fn1 /src/a.c:17\n"
			 "fn1;inner;fn1;inner 2\n"
			 "inner /src/a.h:5 < fn1 /src/a.c:17\n");
	close_table();
}
END_TEST

START_TEST(inspektor_gadgets_stacks_are_leaf_first_by_their_numbers)
{
	open_table();
	ck_assert_str_eq(ask(TEXT, "[0]aabb +1150; [1]aabb +1200; \n"
				   "[1]aabb +1200; [0]aabb +1150\n"
				   "[0]aabb +1100\n"
				   "[0] aabb +0x1100; [1]main 9\n"),
			 "fn2;fn1;inner\n"
			 "fn2;fn1;inner\n"
			 "fn1\n"
			 "main;fn1 9\n");
	/* Where not all have one, it is a part of the name. */
	ck_assert_str_eq(ask(TEXT, "main;[1]work;aabb+0x1100\n"
				   "[1];aabb+0x1100 2\n"),
			 "main;[1]work;fn1\n[1];fn1 2\n");
	close_table();
}
END_TEST

START_TEST(the_query_says_what_text_cannot)
{
	open_table();
	ck_assert_str_eq(ask(QUERY("kind=vaddr"), "aabb+0x401100\n"),
			 "fn1 /src/a.c:11\n");
	ck_assert_str_eq(ask(QUERY("kind=vaddr&build_id=aabb"),
			     "0x401100\n401100\na;0x401150;0x401200 2\n"),
			 "fn1 /src/a.c:11\n?? ?\?:0\na;fn1;inner;fn2 2\n");
	ck_assert_str_eq(ask(QUERY("inlines=0"), "aabb+0x1150\n"),
			 "fn1 /src/a.c:17\n");
	ck_assert_str_eq(ask(QUERY("kind=runtime&map_start=0x7f00&"
				   "map_offset=4096"),
			     "aabb+0x8000\n"),
			 "fn1 /src/a.c:11\n");
	/* All but the leaf. */
	ck_assert_str_eq(ask(QUERY("return_addresses=1"),
			     "aabb+0x1100\naabb+0x1200;aabb+0x1200\n"
			     "[0]aabb +1200; [1]aabb +1200\n"
			     "[1]aabb +1200; [0]aabb +1200\naabb+0x0\n"),
			 "fn0 ?\?:0\nfn1;fn2\nfn1;fn2\nfn1;fn2\n?? ?\?:0\n");
	/* What was 0 is none, whatever it is one of. */
	struct exchange_request rq = QUERY("return_addresses=1&kind=vaddr");

	rq.accept = "application/json";
	ck_assert_ptr_nonnull(strstr(ask(rq, "aabb+0x0\n"),
				     "\"reasons\":[{\"0\":\"bad_address\"}]"));
	ck_assert_str_eq(
		ask(QUERY("what=ever&&kind=file%5foffset"), "aabb+0x1100\n"),
		"fn1 /src/a.c:11\n");
	close_table();
}
END_TEST

START_TEST(a_query_that_makes_no_sense_is_refused)
{
	static const struct {
		const char *query, *says;
	} bad[] = {
		{ "inlines=2", "inlines is not 0 or 1" },
		{ "kind=x", "kind is not one of file_offset" },
		{ "kind=runtime&map_start=1", "needs the start" },
		{ "kind=section", "needs a section" },
		{ "kind=section&base_symbol=_text", "needs a section" },
		{ "kind=section&section=.te%00xt", "section is not a name" },
		{ "kind=kernel&base=1&section=.text", "needs base_symbol" },
		{ "kind=kernel&base=1", "needs base_symbol" },
		{ "map_start=0x", "map_start is not a number" },
		{ "map_start=", "map_start is not a number" },
		{ "map_start=18446744073709551616", "below 2^64" },
		{ "map_start=0x10000000000000000", "below 2^64" },
		{ "build_id=xyz", "build_id is not a build ID" },
		{ "wait_ms=30001", "wait_ms is at most 30000" },
		{ "inlines=1&inlines=1", "inlines is there twice" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_error(try_text(QUERY(bad[i].query), "aabb+0x1\n"),
			 BAD_REQUEST, bad[i].says);
}
END_TEST

START_TEST(names_of_strangers_cannot_break_a_line)
{
	ck_assert_str_eq(ask(TEXT, "a\x01\x7f;b\xff;\xc3\xa9 1\n"),
			 "a??;b\xef\xbf\xbd;\xc3\xa9 1\n");
}
END_TEST

START_TEST(lines_as_of_llvm_symbolizer_where_they_are_wanted)
{
	struct exchange_request rq = TEXT;

	rq.accept = "text/plain; style=lines";
	open_table();
	ck_assert_str_eq(ask(rq, "aabb+0x1150\nffff+1\na;aabb+0x1100 5\n"),
			 "inner\n/src/a.h:5\nfn1\n/src/a.c:17\n\n"
			 "?\?\n?\?:0\n\n"
			 "a;fn1 5\n");
	close_table();
}
END_TEST

/* A record as the kernel writes it. */
static void put_record(struct buf *out, bool is_big, uint32_t status,
		       const char *id, uint64_t offset)
{
	uint8_t r[32] = { 0 };

	for (unsigned i = 0; i < 4; i++)
		r[is_big ? 3 - i : i] = (uint8_t)(status >> 8 * i);
	memcpy(r + 4, id, strlen(id));
	for (unsigned i = 0; i < 8; i++)
		r[is_big ? 31 - i : 24 + i] = (uint8_t)(offset >> 8 * i);
	buf_append(out, r, sizeof(r));
}

static void put_stacks(struct buf *out, bool is_big)
{
	put_record(out, is_big, 1, "\xaa\xbb", 0x1200);
	put_record(out, is_big, 1, "\xaa\xbb", 0x1200); /* a return */
	put_record(out, is_big, 2, "", 0x7f0000001234);
	put_record(out, is_big, 0, "", 0);
	put_record(out, is_big, 9, "", 0); /* behind the end: not read */
	put_record(out, is_big, 1, "\xaa\xbb", 0x1150);
	put_record(out, is_big, 1, "\xff\xff", 0x10);
}

static const char records_answer[] =
	"{\"status\":\"complete\",\n"
	"\"modules\":["
	"{\"build_id\":\"aabb000000000000000000000000000000000000\","
	"\"status\":\"ok\",\"quality\":\"dwarf\",\"origin\":\"local\"},"
	"{\"build_id\":null,\"status\":\"absent\"},"
	"{\"build_id\":\"ffff000000000000000000000000000000000000\","
	"\"status\":\"absent\"}],\n"
	"\"frames\":["
	"{\"function\":\"inner\",\"file\":\"/src/a.h\",\"line\":5,"
	"\"inlined\":true},"
	"{\"function\":\"fn1\",\"file\":\"/src/a.c\",\"line\":17,"
	"\"start\":\"0x401100\",\"size\":256},"
	"{\"function\":\"fn1\",\"file\":\"/src/a.c\",\"line\":13,"
	"\"start\":\"0x401100\",\"size\":256},"
	"{\"function\":\"fn2\",\"file\":\"/src/a.c\",\"line\":21,"
	"\"start\":\"0x401200\",\"size\":256}],\n"
	"\"stacks\":[[[3],[2],[]],[[0,1],[]]],\n"
	"\"reasons\":[{\"2\":\"no_build_id\"},{\"1\":\"module_absent\"}]}\n";

START_TEST(records_come_as_the_kernel_has_them)
{
	static const char *const types[] = {
		"application/x-bpf-stack-build-id; depth=5",
		"application/x-bpf-stack-build-id;endian=big;depth=\"5\"",
	};

	open_table();
	for (unsigned is_big = 0; is_big < 2; is_big++) {
		CLEANUP_BUF struct buf body = BUF_INIT;
		struct exchange_request rq = { .content_type = types[is_big] };

		put_stacks(&body, is_big);
		ck_no_error(try_bytes(rq, body.data, body.size));
		ck_assert_str_eq(buf_str(&answer_bytes), records_answer);
		rq.accept = "text/plain";
		ck_no_error(try_bytes(rq, body.data, body.size));
		ck_assert_str_eq(buf_str(&answer_bytes),
				 "?\?;fn1;fn2 1\n?\?;fn1;inner 1\n");
	}
	close_table();
}
END_TEST

START_TEST(records_cut_in_half_or_of_no_known_status_are_refused)
{
	CLEANUP_BUF struct buf body = BUF_INIT;
	struct exchange_request rq = {
		.content_type = "application/x-bpf-stack-build-id",
	};

	put_record(&body, false, 1, "\xaa\xbb", 0x1200);
	put_record(&body, false, 1, "\xaa\xbb", 0x1200);
	ck_error(try_bytes(rq, body.data, 48), BAD_REQUEST,
		 "16 bytes into the record at byte 32");
	ck_error(try_bytes(rq, body.data, 1), BAD_REQUEST, "at byte 0");
	rq.content_type = "application/x-bpf-stack-build-id;endian=big";
	ck_error(try_bytes(rq, body.data, body.size), BAD_REQUEST,
		 "byte 0: a record of status 16777216");
	put_record(&body, false, 3, "", 0);
	rq.content_type = "application/x-bpf-stack-build-id";
	ck_error(try_bytes(rq, body.data, body.size), BAD_REQUEST,
		 "byte 64: a record of status 3");
	ck_no_error(try_bytes(rq, "", 0));
}
END_TEST

static const char v5_job[] =
	"{\"memoryMap\":[[\"liba.so\",\"AABB00000000000000000000000000010\"],"
	"[\"[vdso]\",\"EEEE00000000000000000000000000010\"],"
	"[\"liba.so\",\"AABB00000000000000000000000000010\"],"
	"[\"unused\",\"AABB00000000000000000000000000010\"],"
	"[\"zero\",\"000000000000000000000000000000000\"],"
	"[\"\",\"\"]],"
	"\"stacks\":[[[0,336],[2,257],[-1,4660],[0,-1],[1,7],[4,8]],[]]}";

static const char v5_result[] =
	"{\"stacks\":[\n"
	"[{\"frame\":0,\"module\":\"liba.so\",\"module_offset\":\"0x150\","
	"\"function\":\"fn1\",\"file\":\"/src/a.c\",\"line\":17,"
	"\"function_offset\":\"0x50\",\"function_size\":\"0x100\","
	"\"inlines\":[{\"function\":\"inner\",\"file\":\"/src/a.h\","
	"\"line\":5}]},"
	"{\"frame\":1,\"module\":\"liba.so\",\"module_offset\":\"0x101\","
	"\"function\":\"fn1\",\"file\":\"/src/a.c\",\"line\":11,"
	"\"function_offset\":\"0x1\",\"function_size\":\"0x100\"},"
	"{\"frame\":2,\"module\":\"<unknown>\",\"module_offset\":\"0x1234\"},"
	"{\"frame\":3,\"module\":\"liba.so\",\"module_offset\":\"-0x1\"},"
	"{\"frame\":4,\"module\":\"[vdso]\",\"module_offset\":\"0x7\"},"
	"{\"frame\":5,\"module\":\"zero\",\"module_offset\":\"0x8\"}],\n"
	"[]],\n"
	"\"found_modules\":{"
	"\"liba.so/AABB00000000000000000000000000010\":true,"
	"\"[vdso]/EEEE00000000000000000000000000010\":false,"
	"\"unused/AABB00000000000000000000000000010\":null,"
	"\"zero/000000000000000000000000000000000\":false,"
	"\"/\":null},\n"
	"\"module_errors\":{"
	"\"[vdso]/EEEE00000000000000000000000000010\":[{"
	"\"name\":\"CouldNotFindDebugFile\","
	"\"message\":\"nothing with this debug ID is known here\"}],"
	"\"zero/000000000000000000000000000000000\":[{"
	"\"name\":\"Malformed\",\"message\":\"not a debug ID: 32 hexadecimal "
	"digits, not all 0, and an age\"}]}}";

START_TEST(the_firefox_profiler_is_answered_job_by_job)
{
	CLEANUP_BUF struct buf body = BUF_INIT, expected = BUF_INIT;

	open_table();
	buf_printf(&expected, "{\"results\":[%s]}\n", v5_result);
	ck_assert_str_eq(ask(V5, v5_job), buf_str(&expected));
	buf_printf(&body, "{\"jobs\":[%s,%s]}", v5_job, v5_job);
	buf_clear(&expected);
	buf_printf(&expected, "{\"results\":[%s,\n%s]}\n", v5_result,
		   v5_result);
	ck_assert_str_eq(ask(V5, buf_str(&body)), buf_str(&expected));
	ck_assert_str_eq(ask(V5, "{\"jobs\":[]}"), "{\"results\":[]}\n");
	close_table();
}
END_TEST

START_TEST(stacks_may_come_before_their_map)
{
	open_table();
	ck_assert_ptr_nonnull(strstr(
		ask(V5, "{\"jobs\":[{\"stacks\":[[[0,256]]],\"memoryMap\":"
			"[[\"a\",\"AABB00000000000000000000000000010\"]]}]}"),
		"\"function\":\"fn1\""));
	ck_assert_ptr_nonnull(strstr(
		ask(V5, "{\"stacks\":[[[0,256]]],\"version\":5,\"memoryMap\":"
			"[[\"a\",\"AABB00000000000000000000000000010\"]]}"),
		"\"function\":\"fn1\""));
	close_table();
}
END_TEST

START_TEST(v5_requests_are_validated)
{
	static const struct {
		const char *body, *says;
	} bad[] = {
		{ "", "an object expected" },
		{ "{}", "memoryMap is missing" },
		{ "{\"memoryMap\":[]}", "stacks is missing" },
		{ "{\"jobs\":{}}", "a list expected" },
		{ "{\"jobs\":[{}]}", "memoryMap is missing" },
		{ "{\"memoryMap\":[[\"a\"]],\"stacks\":[]}",
		  "column 15: module 0 is not a name and a debug ID" },
		{ "{\"memoryMap\":[[\"a\",\"AA\",1]],\"stacks\":[]}",
		  "module 0 is not a name" },
		{ "{\"memoryMap\":[[\"../a\",\"AA\"]],\"stacks\":[]}",
		  "column 16: module 0: a name that no library has" },
		{ "{\"memoryMap\":[[\"a\\u0000b\",\"AA\"]],\"stacks\":[]}",
		  "a NUL in a name" },
		{ "{\"memoryMap\":[[\"a\",\"AAx\"]],\"stacks\":[]}",
		  "a debug ID that is not hexadecimal" },
		{ "{\"memoryMap\":[],\"stacks\":[[[0,1]]]}",
		  "column 29: a module index that is not in memoryMap" },
		{ "{\"memoryMap\":[],\"stacks\":[[[-2,1]]]}", "module index" },
		{ "{\"memoryMap\":[],\"stacks\":[[[-1,-2]]]}",
		  "an offset below -1" },
		{ "{\"memoryMap\":[],\"stacks\":[[[-1]]]}",
		  "column 28: a frame is a module index and an offset" },
		{ "{\"memoryMap\":[],\"stacks\":[[[-1,1,1]]]}", "a frame is" },
		{ "{\"memoryMap\":[],\"stacks\":[[[-1,1.5]]]}",
		  "not an integer" },
		{ "{\"memoryMap\":[],\"stacks\":[[[-1,\"1\"]]]}",
		  "an integer expected" },
		{ "{\"memoryMap\":[],\"stacks\":[7]}", "a list expected" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_error(try_text(V5, bad[i].body), BAD_REQUEST, bad[i].says);
}
END_TEST

START_TEST(protobuf_asks_and_is_answered)
{
	/* modules { build_id aabb; kind VADDR; addresses [0x401150, 1] },
	 * modules { build_id "x"; addresses 1, alone }, inlines, wait_ms 0,
	 * and field 15, which nobody knows. */
	static const char body[] =
		"\x0a\x0f\x0a\x02\xaa\xbb\x10\x01\x1a\x05\xd0\xa2\x80\x02"
		"\x01\x20\x00\x0a\x05\x0a\x01x\x18\x01\x10\x01\x20\x00\x7a"
		"\x00";
	static const char answer[] =
		/* modules */
		"\x1a\x12\x0a\x02\xaa\xbb\x1a\x05"
		"dwarf\x22\x05local"
		"\x1a\x21\x10\x04\x2a\x1dnot a build ID: 2 to 64 bytes"
		/* frames */
		"\x22\x15\x0a\x05inner\x1a\x08/src/a.h\x20\x05\x28\x01"
		"\x22\x19\x0a\x03"
		"fn1\x1a\x08/src/a.c\x20\x11\x30\x80\xa2\x80\x02\x38\x80\x02"
		/* results */
		"\x2a\x0a\x0a\x04\x0a\x02\x00\x01\x0a\x02\x10\x01"
		"\x2a\x04\x0a\x02\x10\x07";
	struct exchange_request rq = {
		.content_type = "application/x-protobuf",
	};

	open_table();
	ck_no_error(try_bytes(rq, body, sizeof(body) - 1));
	ck_assert_str_eq(answer_type, "application/x-protobuf");
	ck_assert_uint_eq(answer_bytes.size, sizeof(answer) - 1);
	ck_assert_mem_eq(answer_bytes.data, answer, sizeof(answer) - 1);
	rq.accept = "application/json";
	ck_no_error(try_bytes(rq, body, sizeof(body) - 1));
	ck_assert_ptr_nonnull(strstr(buf_str(&answer_bytes),
				     "\"results\":[[[0,1],[]],[[]]]"));
	close_table();
}
END_TEST

START_TEST(protobuf_that_is_none_is_refused_with_its_place)
{
	static const struct {
		const char *body;
		size_t size;
		const char *says;
	} bad[] = {
		{ "\x0a\x05\x0a", 3, "the field at byte 0 cannot be read" },
		{ "\x0a", 1, "the field at byte 0 cannot be read" },
		{ "\x03", 1, "the field at byte 0 cannot be read" },
		{ "\x00\x00", 2, "cannot be read" },
		{ "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11,
		  "cannot be read" },
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11,
		  "cannot be read" },
		{ "\x08\x01", 2, "field 1 at byte 0 is of another type" },
		{ "\x12\x00", 2, "field 2 at byte 0 is of another type" },
		{ "\x0a\x00", 2, "the module at byte 0: build_id is missing" },
		{ "\x0a\x03\x0a\x05x", 5, "the field at byte 2" },
		{ "\x0a\x06\x0a\x02xx\x10\x09", 8, "no such kind" },
		{ "\x0a\x06\x0a\x02xx\x10\x03", 8, "needs the start" },
		{ "\x0a\x06\x0a\x02xx\x1a\x01", 8, "cannot be read" },
		{ "\x0a\x07\x0a\x02xx\x3a\x01\xff", 9, "cannot be read" },
		{ "\x20\xb1\xea\x01", 4, "wait_ms is at most 30000" },
	};
	struct exchange_request rq = {
		.content_type = "application/x-protobuf",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_error(try_bytes(rq, bad[i].body, bad[i].size), BAD_REQUEST,
			 bad[i].says);
	ck_no_error(try_bytes(rq, "", 0));
}
END_TEST

START_TEST(content_type_and_accept_choose_the_forms)
{
	static const char json[] = "application/json",
			  text[] = "text/plain; charset=utf-8",
			  proto[] = "application/x-protobuf";
	static const struct {
		const char *type, *accept, *body, *gives;
	} cases[] = {
		{ NULL, NULL, " \n{\"modules\":[]}", json },
		{ NULL, NULL, "aabb+0x1", text },
		{ NULL, "*/*", "", text },
		{ "application/x-www-form-urlencoded", "*/*",
		  "{\"modules\":[]}", json },
		{ "application/octet-stream", NULL, "aabb+1", text },
		{ "Application/JSON", "text/html, */*;q=0.1",
		  "{\"modules\":[]}", json },
		{ "application/json; charset=\"UTF-8\"",
		  "text/plain;q=0.5, application/x-protobuf",
		  "{\"modules\":[]}", proto },
		{ "text/plain", "application/json;q=0, text/*", "", text },
		{ "text/plain",
		  "application/x-protobuf;q=0.3,"
		  "application/json;q=0.4",
		  "", json },
		{ "text/plain", " application/protobuf ; q = 1 ", "", proto },
		{ "text/plain", "application/x-bpf-stack-build-id", "", text },
	};

	open_table();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct exchange_request rq = {
			.content_type = cases[i].type,
			.accept = cases[i].accept,
		};

		ck_assert(exchange_takes(EXCHANGE_SYMBOLIZE, rq.content_type));
		ck_no_error(try_text(rq, cases[i].body));
		ck_assert_str_eq(answer_type, cases[i].gives);
	}
	close_table();
}
END_TEST

START_TEST(other_media_types_are_not_taken)
{
	static const char *const bad[] = {
		"text/html",
		"application/jsonx",
		"text/plain; charset=utf-16",
		"application/x-bpf-stack-build-id; depth=0",
		"application/x-bpf-stack-build-id; depth=x",
		"application/x-bpf-stack-build-id; depth=99999999999999999999",
		"application/x-bpf-stack-build-id; endian=middle",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!exchange_takes(EXCHANGE_SYMBOLIZE, bad[i]), "%s",
			      bad[i]);
	ck_assert(!exchange_takes(EXCHANGE_SYMBOLICATE,
				  "application/x-protobuf"));
	ck_assert(exchange_takes(EXCHANGE_SYMBOLICATE,
				 "text/plain;charset=UTF-8"));
	ck_assert(exchange_takes(EXCHANGE_SYMBOLICATE, NULL));
}
END_TEST

START_TEST(an_answer_is_bounded)
{
	CLEANUP_EXCHANGE struct exchange *x = NULL;
	const struct exchange_request rq = {
		.content_type = "text/plain",
		.body = "aabb+0x1150\naabb+0x1100\n",
		.size = 24,
	};
	CLEANUP_BUF struct buf out = BUF_INIT;

	open_table();
	ck_no_error(exchange_read(&rq, &limits, &x));
	fill(exchange_batch(x));
	ck_no_error(batch_answer(exchange_batch(x)));
	ck_error(exchange_write(x, 20, NULL, &out, &answer_type), LIMIT,
		 "larger than 20 bytes");
	close_table();
}
END_TEST

/* Nobody waits from look number @c until on. */
struct looks {
	size_t count, until;
};

static bool look(void *ctx)
{
	struct looks *l = ctx;

	return ++l->count >= l->until;
}

static void check_forsaken(struct exchange_request rq, const char *body)
{
	CLEANUP_EXCHANGE struct exchange *x = NULL;
	struct looks all = { .until = SIZE_MAX };

	rq.body = body;
	rq.size = strlen(body);
	ck_no_error(exchange_read(&rq, &limits, &x));
	struct batch *b = exchange_batch(x);

	fill(b);
	ck_no_error(batch_answer(b));
	b->is_forsaken = look;
	b->forsaken_ctx = &all;
	buf_clear(&answer_bytes);
	ck_no_error(
		exchange_write(x, 1 << 20, NULL, &answer_bytes, &answer_type));
	size_t whole = answer_bytes.size;

	/* Between any two frames at least. */
	ck_assert_uint_ge(all.count, 20);
	for (size_t until = 1; until <= all.count; until++) {
		struct looks l = { .until = until };

		b->forsaken_ctx = &l;
		buf_clear(&answer_bytes);
		ck_error(exchange_write(x, 1 << 20, NULL, &answer_bytes,
					&answer_type),
			 BUSY, "nobody waits");
		ck_assert_uint_eq(l.count, until);
		ck_assert_uint_lt(answer_bytes.size,
				  until < all.count / 2 ? whole : whole + 1);
	}
}

START_TEST(an_answer_that_nobody_waits_for_is_not_written)
{
	static const char *const accepts[] = {
		"application/json",
		"text/plain",
		"text/plain;style=lines",
		"application/x-protobuf",
	};
	CLEANUP_BUF struct buf text = BUF_INIT, v5 = BUF_INIT;

	open_table();
	buf_append_str(&v5, "{\"memoryMap\":[[\"a\","
			    "\"AABB00000000000000000000000000010\"]],"
			    "\"stacks\":[[[0,256]");
	for (unsigned i = 0; i < 20; i++) {
		buf_printf(&text, "aabb+%#x\n", 0x1000 + 0x100 * i);
		buf_printf(&v5, ",[0,%u]", 0x100 * i);
	}
	buf_append_str(&v5, "]],\"version\":5}");
	for (size_t i = 0; i < sizeof(accepts) / sizeof(*accepts); i++) {
		struct exchange_request rq = TEXT;

		rq.accept = accepts[i];
		check_forsaken(rq, buf_str(&text));
	}
	check_forsaken(V5, buf_str(&v5));
	close_table();
}
END_TEST

static const struct {
	const char *type, *accept, *body;
} for_memory[] = {
	{ "application/json", NULL,
	  "{\"modules\":[{\"build_id\":\"aabb\",\"kind\":\"section\","
	  "\"section\":\"\\u0061\",\"addresses\":[1,2]},"
	  "{\"build_id\":\"x\",\"addresses\":[\"0x1150\"]}]}" },
	{ "text/plain", "application/json", "aabb+0x1150;x 4\nffff+1\n" },
	{ "text/plain", "application/x-protobuf", "aabb+0x1150\n" },
	{ "text/plain", "text/plain", "aabb+0x1150\nx;aabb+0x1150 4\n" },
	{ "application/json", "text/plain",
	  "{\"modules\":[{\"build_id\":\"aabb\",\"addresses\":[4432]}]}" },
};

START_TEST(every_form_survives_want_of_memory)
{
	open_table();
	for (size_t i = 0; i < sizeof(for_memory) / sizeof(*for_memory); i++) {
		const struct exchange_request rq = {
			.content_type = for_memory[i].type,
			.accept = for_memory[i].accept,
			.query = "demangle=1",
			.body = for_memory[i].body,
			.size = strlen(for_memory[i].body),
		};
		unsigned long n = 1;

		for (;; n++) {
			buf_deinit(&answer_bytes);
			mem_fail_at(n);
			struct error *err = ask_request(&rq);
			bool failed = mem_fail_happened();

			mem_fail_at(0);
			if (!failed) {
				ck_no_error(err);
				break;
			}
			ck_assert_ptr_eq(err, error_no_memory);
		}
		ck_assert_uint_gt(n, 5);
	}
	close_table();
}
END_TEST

START_TEST(v5_survives_want_of_memory)
{
	struct exchange_request rq = V5;
	unsigned long n = 1;

	rq.body = v5_job;
	rq.size = strlen(v5_job);
	open_table();
	for (;; n++) {
		buf_deinit(&answer_bytes);
		mem_fail_at(n);
		struct error *err = ask_request(&rq);
		bool failed = mem_fail_happened();

		mem_fail_at(0);
		if (!failed) {
			ck_no_error(err);
			break;
		}
		ck_assert_ptr_eq(err, error_no_memory);
	}
	ck_assert_uint_gt(n, 10);
	close_table();
}
END_TEST

UNIT_MAIN("wire", json_in_json_out, every_kind_of_address_is_told_by_the_module,
	  a_bad_module_fails_alone,
	  json_that_is_no_request_is_refused_with_its_place, limits_are_named,
	  a_line_is_answered_with_a_line,
	  a_stack_is_answered_folded_with_its_inlined_frames,
	  inspektor_gadgets_stacks_are_leaf_first_by_their_numbers,
	  the_query_says_what_text_cannot,
	  a_query_that_makes_no_sense_is_refused,
	  names_of_strangers_cannot_break_a_line,
	  lines_as_of_llvm_symbolizer_where_they_are_wanted,
	  records_come_as_the_kernel_has_them,
	  records_cut_in_half_or_of_no_known_status_are_refused,
	  the_firefox_profiler_is_answered_job_by_job,
	  stacks_may_come_before_their_map, v5_requests_are_validated,
	  protobuf_asks_and_is_answered,
	  protobuf_that_is_none_is_refused_with_its_place,
	  content_type_and_accept_choose_the_forms,
	  other_media_types_are_not_taken, an_answer_is_bounded,
	  an_answer_that_nobody_waits_for_is_not_written,
	  every_form_survives_want_of_memory, v5_survives_want_of_memory)
