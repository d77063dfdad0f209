/* SPDX-License-Identifier: Apache-2.0 */
/* Everybody on every topic, and what changed since the look before. */
#include "look.h"
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void look_finish(struct look *look)
{
	for (size_t i = 0; i < look->count; i++)
		json_decref(look->items[i].json);
	free(look->items);
	look->items = NULL;
	look->count = look->room = 0;
}

static int note(struct look *look, const char *topic, const struct parties *parties, const struct zoe_party *party)
{
	if (look->count == look->room) {
		size_t room = look->room ? 2 * look->room : 32;
		struct seen *items = realloc(look->items, room * sizeof *items);
		if (!items)
			return -ENOMEM;
		look->items = items;
		look->room = room;
	}
	struct seen *seen = &look->items[look->count++];
	*seen = (struct seen){.party = *party, .at_ns = parties->now_ns, .rate = -1, .held_ns = -1};
	snprintf(seen->topic, sizeof seen->topic, "%s", topic);
	for (unsigned i = 0; i < party->pins && i < 16; i++) {
		int64_t held_ns = party_held_ns(parties, party, i);
		seen->held_ns = held_ns > seen->held_ns ? held_ns : seen->held_ns;
	}
	if (look->json)
		seen->json = party_json(parties, party);
	return 0;
}

static int visit(const char *topic, void *user)
{
	struct look *look = user;
	struct parties parties;
	int status = parties_look(look->domain, topic, &parties);

	if (status == -ENOENT) /* it has just gone */
		return 0;
	for (unsigned i = 0; i < parties.count && !status; i++)
		status = note(look, topic, &parties, &parties.items[i]);
	return status;
}

/* The domain may come and go while we look at it. */
int look_take(const char *path, struct look *look)
{
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	int status = zoe_domain_open(path, &look->domain);
	if (!status)
		status = zoe_domain_list(look->domain, visit, look);
	zoe_domain_close(look->domain);
	look->domain = NULL;
	if (status < 0)
		cli_error("top: %s", status == -ENOMEM ? "no memory" : zoe_error());
	return status;
}

static bool same(const struct seen *a, const struct seen *b)
{
	return a->party.is_publisher == b->party.is_publisher && a->party.record == b->party.record &&
	       a->party.pid == b->party.pid && !strcmp(a->topic, b->topic);
}

void look_rates(const struct look *before, struct look *now)
{
	for (size_t i = 0; i < now->count; i++) {
		struct seen *seen = &now->items[i];
		for (size_t k = 0; k < before->count; k++) {
			const struct seen *old = &before->items[k];
			if (same(old, seen) && seen->party.count >= old->party.count && seen->at_ns > old->at_ns)
				seen->rate = (double)(seen->party.count - old->party.count) * 1e9 /
				             (double)(seen->at_ns - old->at_ns);
		}
	}
}
