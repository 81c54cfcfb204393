/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "codec/codec_stream.h"

struct error *codec_none_read_at(struct codec_stream *s, uint64_t offset,
				 uint8_t *buf, size_t size, bool is_random,
				 size_t *size_ret)
{
	(void)is_random;
	return s->in.read(&s->in, offset, buf, size, size_ret);
}
