/* SPDX-License-Identifier: Apache-2.0 */
/* Who is on a topic, for the commands that show it. */
#ifndef ZOETROPE_CLI_PARTY_H
#define ZOETROPE_CLI_PARTY_H

#include "zoetrope.h"

#include <jansson.h>

#define PARTIES_MAX 80 /* 16 publishers, 64 subscribers */

struct parties {
	unsigned count;
	int64_t now_ns; /* when they were looked at */
	struct zoe_party items[PARTIES_MAX];
};

/* Returns 0 | as zoe_topic_parties(). */
int parties_look(struct zoe_domain *domain, const char *topic, struct parties *out);

/* Name of the program with that pid, "?" if it is not of this PID namespace or has ended. */
void party_program(const struct zoe_party *party, char out[32]);

/* "lossless", "group NAME", or "lossy". */
void party_mode(const struct zoe_party *party, char out[64]);

/* What it wishes for: "5 fps RGB3 640x480", or "-". */
void party_wish(const struct zoe_party *party, char out[64]);

/* How long pin i has been held at most; -1 = not known. */
int64_t party_held_ns(const struct parties *parties, const struct zoe_party *party, unsigned i);

/* All of it. */
json_t *topic_json(const char *topic, const struct zoe_topic_info *info);
json_t *party_json(const struct parties *parties, const struct zoe_party *party);

#endif
