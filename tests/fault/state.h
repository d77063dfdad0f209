/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed call must leave as it was: descriptors, mappings, files of the domain, the topic's counts. */
#ifndef ZOETROPE_FAULT_STATE_H
#define ZOETROPE_FAULT_STATE_H

#include "zoetrope.h"

#include <stddef.h>

struct state {
	unsigned descriptors;
	size_t mapped_bytes;
	char files[8192]; /* paths below the domain, one a line */
	int topic;        /* what zoe_topic_info() said */
	struct zoe_topic_info info;
};

void state_look(struct zoe_domain *domain, const char *topic, struct state *out);

/*
 * Fail the test, naming what, unless now is as before. Left-overs with temporary names (.new-, .old-) are for
 * zoe_domain_clean(), and a FIFO that is there already is used again.
 */
void state_compare(const struct state *before, const struct state *now, const char *what);

#endif
