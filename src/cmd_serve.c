/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "serve.h"

struct error *cmd_serve(const struct settings *s, const char *program)
{
	struct serve_plan plan = { .settings = s };

	return serve_run(&plan, program);
}
