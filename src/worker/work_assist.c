/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help another worker with the archive it scans, until that is through with it
 * or asks for nothing.
 */
#include "config.h"

#include "codec/codec_share.h"
#include "worker/jobs.h"
#include "worker/worker_main.h"

enum { IDLE_MS = 1000 };

struct error *work_assist(struct reader *request, const int *fds,
			  size_t fd_count, struct wire_out *out)
{
	CLEANUP_CODEC_SHARE struct codec_share *share = NULL;
	uint64_t file_size = reader_u64(request);

	if (!reader_ok(request) || fd_count != 2)
		return error_new(BAD_DATA, "broken request to assist");
	TRY(codec_share_open(fds[1], &share));
	TRY(codec_share_assist(share, fds[0], file_size, IDLE_MS));
	buf_put_u32(wire_out_begin(out, WIRE_RESULT),
		    (uint32_t)codec_share_blocks(share));
	return wire_out_end(out);
}
