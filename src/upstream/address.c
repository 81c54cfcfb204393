/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "upstream/address.h"

/* a.b.c.d / bits */
#define NET(a, b, c, d, bits)                               \
	{                                                   \
		(uint32_t)(a) << 24 | (uint32_t)(b) << 16 | \
			(uint32_t)(c) << 8 | (d),           \
			bits                                \
	}

static const struct {
	uint32_t net;
	unsigned bits;
} private_v4[] = {
	NET(0, 0, 0, 0, 8),       /* this network */
	NET(10, 0, 0, 0, 8),      /* private */
	NET(100, 64, 0, 0, 10),   /* carriers' NAT */
	NET(127, 0, 0, 0, 8),     /* loopback */
	NET(169, 254, 0, 0, 16),  /* link-local; clouds' metadata */
	NET(172, 16, 0, 0, 12),   /* private */
	NET(192, 0, 0, 0, 24),    /* protocols */
	NET(192, 0, 2, 0, 24),    /* documentation */
	NET(192, 168, 0, 0, 16),  /* private */
	NET(198, 18, 0, 0, 15),   /* benchmarks */
	NET(198, 51, 100, 0, 24), /* documentation */
	NET(203, 0, 113, 0, 24),  /* documentation */
	NET(224, 0, 0, 0, 3),     /* multicast, reserved, broadcast */
};

static bool is_private_v4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(private_v4) / sizeof(*private_v4); i++) {
		if ((address ^ private_v4[i].net) >>
			    (32 - private_v4[i].bits) ==
		    0)
			return true;
	}
	return false;
}

static uint32_t v4_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool is_private_v6(const uint8_t *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
	static const uint8_t zeros[12];

	/* "::", "::1" and the old form of IPv4 in IPv6. */
	if (!memcmp(p, zeros, 12))
		return true;
	if (!memcmp(p, mapped, 12) || !memcmp(p, nat64, 12))
		return is_private_v4(v4_at(p + 12));
	if (p[0] == 0x20 && p[1] == 0x02) /* 6to4 */
		return is_private_v4(v4_at(p + 2));
	if (p[0] == 0x20 && p[1] == 0x01 && p[2] == 0x0d && p[3] == 0xb8)
		return true; /* documentation */
	/* All that is routed begins with 001; fc00::/7, fe80::/10, ff00::/8
	 * and what is not assigned do not. */
	return p[0] >> 5 != 1;
}

bool address_is_private(const struct sockaddr *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (a->sa_family) {
	case AF_INET:
		memcpy(&v4, a, sizeof(v4));
		return is_private_v4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, a, sizeof(v6));
		return is_private_v6(v6.sin6_addr.s6_addr);
	default:
		return true;
	}
}
