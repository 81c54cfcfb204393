/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <pthread.h>

#include "command.h"

void signals_block(sigset_t *ret)
{
	static const int waited_for[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1,
					  SIGUSR2 };

	sigemptyset(ret);
	for (size_t i = 0; i < sizeof(waited_for) / sizeof(*waited_for); i++)
		sigaddset(ret, waited_for[i]);
	pthread_sigmask(SIG_BLOCK, ret, NULL);
}
