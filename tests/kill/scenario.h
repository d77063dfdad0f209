/* SPDX-License-Identifier: Apache-2.0 */
/* What a victim does: one row for each operation that is walked through. */
#ifndef KILL_SCENARIO_H
#define KILL_SCENARIO_H

#include "stage.h"

/* The victim's own things; all are closed when it gets to its end. */
struct victim {
	enum who who;
	struct zoe_domain *domain;
	struct zoe_publisher *pub, *more[4];
	struct zoe_subscriber *sub, *many[16];
	struct zoe_loan loan, kept;
	struct zoe_frame frame;
	uint64_t seq;
	uint32_t count;
	uint64_t message[2048];
	int status;
};

enum {
	ALONE = 1,           /* nobody else is there before; others come afterwards */
	LARGE = 2,           /* slots of more than a page: reserved one by one, described in index */
	WIDE = 4,            /* the topic's budget has room for a subscriber of 16 pins */
	STOPS = 8,           /* stop at every step too, let others go on, and continue */
	JOIN_PUB = 16,       /* when stopped, a publisher joins */
	JOIN_SUB = 32,       /* when stopped, a subscriber joins */
	LONG = 64,           /* each instruction the first and the last time only, unless ZOETROPE_SOAK is set */
	VARIANT = 2048,      /* much is as in an earlier row: what is new, and after changes that others see */
	RARE_STOPS = 4096,   /* stops as for a VARIANT */
	LOSSLESS = 256,      /* the topic allows lossless subscribers */
	JOIN_GROUP = 512,    /* when stopped, another member of the group takes a frame */
	LATE = 1024,         /* the death comes when the victim is ready */
	ORPHAN = 128,        /* the victim is a forked child that uses its parent's handles */
	JOIN_LARGER = 8192,  /* when stopped, the topic grows and its generation is given up */
	CLEAN_FIRST = 16384, /* somebody repairs before anybody publishes, and that wakes */
	QUARANTINE = 32768,  /* loans of the dead are not used again for a while */
	NO_KEEPS = 65536,    /* the topic has none */
	SWAPS = 262144,      /* each compare-and-swap fails over and over */
	MANY = 131072,       /* room for as many subscribers as there are groups, and one more */
};

struct scenario {
	const char *name;
	unsigned flags;
	void (*prepare)(struct victim *v); /* not walked through */
	void (*act)(struct victim *v);     /* each instruction of the library is a kill point */
	void (*finish)(struct victim *v);  /* if it lives: look at what it got. May be NULL */
	/* before the victim, another one acts by this row and dies after its nth atomic operation of act; 0 = at its end */
	const char *death;
	unsigned death_after;
};

extern const struct scenario scenarios[];
extern const unsigned scenario_count;
const struct scenario *scenario_find(const char *name);

/* Close all that the victim has. */
void victim_close(struct victim *v);

#endif
