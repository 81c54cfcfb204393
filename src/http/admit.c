/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "http/admit.h"

struct client {
	LIST_ENTRY(client) link; /* guarded by the table's lock */
	struct address address;
	unsigned count;
};

enum { BUCKETS = 4096 };

bool clients_init(struct clients *c, unsigned limit)
{
	memset(c, 0, sizeof(*c));
	c->buckets = mem_array(BUCKETS, sizeof(*c->buckets));
	if (!c->buckets)
		return false;
	c->bucket_count = BUCKETS;
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_INIT(&c->buckets[i]);
	c->limit = limit;
	/* Who could choose addresses that meet would make each look-up long. */
	if (getrandom(&c->seed, sizeof(c->seed), GRND_NONBLOCK) !=
	    sizeof(c->seed))
		c->seed = (uint64_t)clock_ns() ^ (uint64_t)(uintptr_t)c;
	lock_init(&c->lock, LOCK_HTTP_CLIENTS);
	return true;
}

void clients_deinit(struct clients *c)
{
	if (!c->buckets)
		return;
	lock_deinit(&c->lock);
	mem_free(STEAL(c->buckets));
}

static struct client_list *bucket_of(struct clients *c,
				     const struct address *who)
{
	uint64_t hash = hash_bytes(who->bytes, sizeof(who->bytes), c->seed);

	return &c->buckets[hash & (c->bucket_count - 1)];
}

static struct client *find(struct client_list *bucket,
			   const struct address *who)
{
	struct client *client;

	LIST_FOREACH(client, bucket, link)
	{
		if (!memcmp(&client->address, who, sizeof(*who)))
			return client;
	}
	return NULL;
}

struct client *clients_enter(struct clients *c, const struct address *from)
{
	const struct address who = address_of_client(from);
	struct client_list *bucket = bucket_of(c, &who);

	LOCKED(&c->lock);
	struct client *client = find(bucket, &who);

	if (!client) {
		client = mem_zalloc(sizeof(*client));
		if (!client)
			return NULL;
		client->address = who;
		LIST_INSERT_HEAD(bucket, client, link);
	}
	if (client->count >= c->limit)
		return NULL;
	client->count++;
	return client;
}

void clients_leave(struct clients *c, struct client *client)
{
	if (!client)
		return;
	LOCKED(&c->lock);
	if (--client->count > 0)
		return;
	LIST_REMOVE(client, link);
	mem_free(client);
}

unsigned clients_count(struct clients *c, const struct address *from)
{
	const struct address who = address_of_client(from);

	LOCKED(&c->lock);
	struct client *client = find(bucket_of(c, &who), &who);

	return client ? client->count : 0;
}

unsigned surplus_of(unsigned limit)
{
	unsigned share = limit / SURPLUS_SHARE;

	return share > SURPLUS_LEAST ? share : SURPLUS_LEAST;
}
