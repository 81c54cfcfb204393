/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store_internal.h"

void artifact_deinit(struct artifact *a)
{
	if (a->fd >= 0)
		close(a->fd);
	mem_free(a->file);
	mem_free(a->archive);
	mem_free(a->signature);
	growth_put(a->growth);
	*a = (struct artifact)ARTIFACT_INIT;
}

bool artifact_copy(const struct artifact *from, struct artifact *to)
{
	*to = *from;
	to->file = from->file ? mem_strdup(from->file) : NULL;
	to->archive = from->archive ? mem_strdup(from->archive) : NULL;
	to->signature = from->signature ? mem_strdup(from->signature) : NULL;
	to->growth = from->growth ? growth_get(from->growth) : NULL;
	to->fd = fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
	if (to->fd >= 0 && !to->file == !from->file &&
	    !to->archive == !from->archive &&
	    !to->signature == !from->signature)
		return true;
	artifact_deinit(to);
	return false;
}
