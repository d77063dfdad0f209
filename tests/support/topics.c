/* SPDX-License-Identifier: Apache-2.0 */
/* Print what lies in the domain, a JSON object a line for each topic: for tests that compare slots before and after. */
#include <inttypes.h>
#include <stdio.h>

#include "zoetrope.h"

static int print(const char *topic, void *user)
{
	struct zoe_domain *domain = user;
	struct zoe_topic_info info;

	if (zoe_topic_info(domain, topic, &info) < 0) {
		fprintf(stderr, "topics: %s\n", zoe_error());
		return 0;
	}
	printf(
	    "{\"topic\": \"%s\", \"next_seq\": %" PRIu64 ", \"slots\": %u, \"free\": %u, \"loaned\": %u, \"kept\": %u, "
	    "\"pinned\": %u, \"publishers\": %u, \"subscribers\": %u, \"dead\": %u, \"memory_bytes\": %" PRIu64 "}\n",
	    topic, info.next_seq, info.slots, info.slots_free, info.slots_loaned, info.slots_kept, info.slots_pinned,
	    info.publishers, info.subscribers, info.dead, info.memory_bytes);
	return 0;
}

int main(void)
{
	struct zoe_domain *domain;

	if (zoe_domain_open(NULL, &domain) < 0) {
		fprintf(stderr, "topics: %s\n", zoe_error());
		return 1;
	}
	int status = zoe_domain_list(domain, print, domain);
	zoe_domain_close(domain);
	return status < 0;
}
