/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call with the n-th call of libc failing, for each n until none is hit, several errnos, once and lastingly. A call
 * that fails says why, has changed nothing and works when it is made again; one that gets by works.
 */
#ifndef ZOETROPE_FAULT_TRIAL_H
#define ZOETROPE_FAULT_TRIAL_H

#include "check.h"
#include "zoetrope.h"

#include <stdbool.h>

#define TOPIC      "front"
#define FRAME_SIZE 5000 /* above a page: slots are reserved one by one */

/* Handles of one trial. */
struct world {
	struct zoe_domain *domain;
	struct zoe_publisher *pub, *pub2;
	struct zoe_subscriber *sub, *sub2;
	struct zoe_loan loan;
	struct zoe_frame frame;
};

struct scenario {
	void (*prepare)(struct world *w);
	int (*act)(struct world *w);    /* the call that meets failures; 0 or more is success */
	bool moves;                     /* it may have gone over to another generation, and fail then */
	bool cleans;                    /* it may clear away what the dead left, and fail then */
	void (*check)(struct world *w); /* what must hold afterwards, besides */
};

/* Shape of the topic in all scenarios that say nothing else. */
extern const struct zoe_topic_options trial_options;

void trial_run(const char *name, const struct scenario *s);

#define RUN(name, ...)                                             \
	TEST(name)                                                 \
	{                                                          \
		trial_run(#name, &(struct scenario){__VA_ARGS__}); \
	}

/* ---- parts of scenarios ------------------------------------------------------------------------------------- */

/* A domain; with a publisher that has published; with a subscriber that has seen all; that has one frame to take. */
void prepare_domain(struct world *w);
void prepare_publisher(struct world *w);
void prepare_waiting(struct world *w);
void prepare_subscriber(struct world *w);

/* A subscriber that polls, and a loan to be published to it. */
void prepare_listeners(struct world *w);
int act_publish(struct world *w);

void in_killed_child(void (*what)(void));

/* Publish a frame of that byte. */
void put(struct zoe_publisher *pub, int byte);

#endif
