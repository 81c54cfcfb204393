/* SPDX-License-Identifier: Apache-2.0 */
/*
 * application/x-bpf-stack-build-id: arrays of `depth` records, one behind the
 * other, as they come out of a stack map. A record is 32 bytes in the byte
 * order of the machine it was made on:
 *
 *	 0  s32  status    0 the stack has ended, 1 build ID and file offset,
 *	                   2 an address in the process, without either
 *	 4  20   build ID, zero-padded on the right
 *	24  u64  offset in the file, or the address
 *
 * The first record of a stack is where the thread was, the others are return
 * addresses, from which one is subtracted. What is behind a record of status 0
 * is not looked at. The last stack may be shorter than the others: then the
 * body ends with it.
 *
 * Source: struct bpf_stack_build_id, include/uapi/linux/bpf.h, Linux 6.1.
 */
#include "config.h"

#include <string.h>

#include "base/reader.h"
#include "symbolize/wire.h"

enum {
	RECORD_SIZE = 32,
	ID_SIZE = 20,
	STATUS_EMPTY = 0,
	STATUS_VALID = 1,
	STATUS_IP = 2,
};

struct records_reader {
	struct exchange *x;
	const struct wire_body *body;
	struct wire_group group;
};

static struct error *bad_status(const struct reader *r, uint32_t status)
{
	return error_new(BAD_REQUEST,
			 "byte %zu: a record of status %u: it is 0, 1 or 2; "
			 "the parameter endian says in which byte order",
			 r->pos - 4, status);
}

/* @param[in] i Its place in the stack. */
static struct error *read_record(struct records_reader *t, struct reader *r,
				 size_t i, bool *ended_ret)
{
	uint32_t status = reader_u32(r);
	struct wire_frame f = { 0 };
	struct build_id id = { 0 };
	uint32_t module;

	if (status > STATUS_IP)
		return bad_status(r, status);
	*ended_ret = status == STATUS_EMPTY;
	if (*ended_ret)
		return NULL;
	const uint8_t *bytes = reader_bytes(r, ID_SIZE);
	uint64_t offset = reader_u64(r);

	if (status == STATUS_VALID)
		build_id_set(&id, bytes, ID_SIZE);
	TRY(wire_group_id(&t->group, t->body->limits, &id, &module));
	TRY(wire_group_add(&t->group, module, offset, i > 0, &f.address));
	return wire_add_frame(t->x, t->body->limits, &f);
}

static struct error *read_stacks(struct records_reader *t)
{
	const struct wire_body *body = t->body;
	size_t stack_size = (size_t)body->depth * RECORD_SIZE;

	for (size_t at = 0; at < body->size; at += stack_size) {
		struct wire_stack *stack;
		struct reader r;
		bool ended = false;

		TRY(wire_add_stack(t->x, body->limits, &stack));
		stack->is_leaf_first = true;
		reader_init(&r, body->data, body->size, body->is_big_endian);
		reader_seek(&r, at);
		for (size_t i = 0;
		     i < body->depth && !ended && reader_left(&r) > 0; i++)
			TRY(read_record(t, &r, i, &ended));
	}
	return wire_group_finish(&t->group, t->x, body->limits);
}

struct error *wire_records_read(struct exchange *x,
				const struct wire_body *body)
{
	struct records_reader t = { .x = x, .body = body };

	if (body->size % RECORD_SIZE)
		return error_new(BAD_REQUEST,
				 "the body ends %zu bytes into the record at "
				 "byte %zu: records have 32",
				 body->size % RECORD_SIZE,
				 body->size - body->size % RECORD_SIZE);
	x->has_stacks = true;
	struct error *err = read_stacks(&t);

	wire_group_deinit(&t.group);
	return err;
}
