/* SPDX-License-Identifier: Apache-2.0 */
/* One look at everybody on every topic of a domain, for `zoetrope top`. */
#ifndef ZOETROPE_CLI_LOOK_H
#define ZOETROPE_CLI_LOOK_H

#include "party.h"

#include <stdbool.h>

/* One party of one topic. */
struct seen {
	char topic[ZOE_TOPIC_NAME_MAX + 1];
	struct zoe_party party;
	int64_t at_ns;
	double rate; /* frames a second since the look before; -1 = it was not there then */
	int64_t held_ns;
	json_t *json;
};

struct look {
	struct zoe_domain *domain;
	bool json; /* fill the items' json */
	size_t count, room;
	struct seen *items;
};

/* Returns 0 | -errno, after an error was printed. A domain that is not there is empty. */
int look_take(const char *path, struct look *look);
void look_finish(struct look *look);

/* Rates of what both looks saw. */
void look_rates(const struct look *before, struct look *now);

#endif
