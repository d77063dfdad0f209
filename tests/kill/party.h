/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a trial but the victim: a neighbour (publisher, a frame in hand, a loan in hand, a subscriber that
 * polls) and a waiter (asleep in zoe_take_next) that live through the kill, and a fresh one that comes after it.
 */
#ifndef KILL_PARTY_H
#define KILL_PARTY_H

#include "stage.h"

#include <sys/types.h>

struct party {
	const char *name;
	pid_t pid; /* 0 = not there */
	int link;
};

/* What a party runs; link carries single letters both ways. */
typedef void party_function(int link);
party_function neighbour_run, waiter_run, fresh_run, joining_publisher_run, joining_subscriber_run, joining_member_run;
party_function growing_publisher_run, repairer_run;

/* Fork a party. */
void party_start(struct party *party, const char *name, party_function *run);

/* Send it a letter; wait for this answer. False (and a failure noted) if it does not come in time. */
bool party_tell(struct party *party, char letter);
bool party_hear(struct party *party, char letter);

/* Wait until it sleeps in a futex. */
bool party_sleeps(const struct party *party);

/* Wait for its end; it must have ended well. Kill it, if it is there. */
bool party_end(struct party *party);
void party_kill(struct party *party);

/* For parties: open the domain, publish a frame and note its number. */
struct zoe_domain *open_domain(const char *who);
void publish_frame(struct zoe_publisher *pub, enum who who, uint32_t count, uint32_t flags, const char *name);

#endif
