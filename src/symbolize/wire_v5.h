/* SPDX-License-Identifier: Apache-2.0 */
/** A request of /symbolicate/v5, between its reader and its writer. */
#ifndef SYMBOLIZE_WIRE_V5_H
#define SYMBOLIZE_WIRE_V5_H

#include "symbolize/wire.h"

enum { V5_NO_MODULE = UINT32_MAX };

/* An entry of a memoryMap. Names are the batch's. */
struct v5_module {
	const char *name, *debug_id;
	uint64_t hash;     /* of both */
	bool is_looked_up; /* a frame is in it */
	uint32_t batch_module;
};

/* A frame; where it is in a module, its address is that of the batch. */
struct v5_frame {
	uint32_t module; /* in wire_v5.modules, or V5_NO_MODULE */
	uint32_t address;
	int64_t offset;
};

struct v5_job {
	size_t first_module, module_count;
	size_t first_stack, stack_count;
};

struct wire_v5 {
	struct v5_module *modules;
	size_t module_count, module_capacity;
	struct v5_frame *frames;
	size_t frame_count, frame_capacity;
	size_t *stacks; /* first frame of each, and one more at the end */
	size_t stack_count, stack_capacity;
	struct v5_job *jobs;
	size_t job_count, job_capacity;
};

/** Memory that it takes; @p v5 may be NULL. */
size_t wire_v5_bytes(const struct wire_v5 *v5);

#endif
