/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of the chaos test share: one piece of anonymous memory, made before any of them. */
#ifndef ZOETROPE_STRESS_CHAOS_H
#define ZOETROPE_STRESS_CHAOS_H

#include "content.h"
#include "zoetrope.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define CHAOS_TOPIC      "chaos"
#define CHAOS_LEDGER     (1u << 21) /* frames that one epoch may have; publishers are slower when it gets full */
#define CHAOS_PUBLISHERS 4u
#define CHAOS_PARTIES    16u

enum role { PUBLISHER, LATEST, INTERVAL, NEXT, DAWDLER, LOSSLESS, MEMBER, OLDEST, POLLER, KEEPER, CLEANER, REFEREE };

/* The call that a party is in, for the report of one that hangs. */
enum call { IDLE, OPEN, LOAN, PUBLISH, KEEP, TRIM, TAKE, POLL, RELEASE, CLOSE, CLEAN, LOOK };

struct party {
	enum role role;
	unsigned number;       /* its place; a publisher's identity in the frames */
	atomic_uint quit;      /* asked to leave as a program does that ends */
	atomic_uint doing;     /* enum call */
	atomic_ullong beat;    /* rises with every call that came back */
	atomic_ullong success; /* frames published or taken */
	atomic_ullong count;   /* publisher: rises with every frame, goes on after a kill */
	atomic_ullong idle;    /* subscriber: takes in a row that found nothing */
};

struct chaos {
	atomic_uint failures;
	atomic_uint rest;          /* the keeper lets go of all frames, and says so: */
	atomic_uint resting;       /* it has */
	atomic_uint small;         /* messages without pauses: most time passes in the library */
	atomic_ullong limit_bytes; /* largest frame now; rises, so that the topic grows again and again */
	atomic_ullong published, taken, lost, timeouts;
	atomic_ullong shapes;      /* generations that the topics of all epochs had */
	atomic_ullong newest;      /* frame published in this epoch */
	atomic_ullong group_taken; /* in this epoch */
	atomic_ullong group_start; /* where the group began: least of number - lost */
	struct party parties[CHAOS_PARTIES];
	atomic_ullong ledger[CHAOS_LEDGER]; /* which frame has this number: the first who knows writes it */
	atomic_uchar group[CHAOS_LEDGER];   /* how often a member of the group got it */
};

extern struct chaos *chaos;

/* One line on standard error; counts. Returns for the caller's convenience. */
void chaos_fail(const struct party *party, const char *what, uint64_t a, uint64_t b);
const char *chaos_role_name(enum role role);
const char *chaos_call_name(enum call call);

/* Random numbers of one process. */
struct dice {
	uint64_t state;
};
static inline uint64_t dice_roll(struct dice *dice, uint64_t sides)
{
	dice->state++;
	return mix(dice->state) % sides;
}
/* True in `in` of 1000 cases. */
static inline bool dice_hit(struct dice *dice, unsigned in)
{
	return dice_roll(dice, 1000) < in;
}

/* Sleep that long, for the sake of disorder and not to wait for something. */
void chaos_pause(uint64_t microseconds);

/* The topic as everybody opens it; budgets as tight as the parties need them, so that what leaks is missed soon. */
struct zoe_topic_options chaos_options(void);

/* Frames seen: `publisher` and `count` are what the ledger says of `seq`, or are entered. False: they are not. */
bool chaos_ledger(uint64_t seq, uint64_t publisher, uint64_t count);

/* The lives of the parties, each in a process of its own; they return when asked to quit. */
void chaos_publish(struct party *me, struct dice *dice);
void chaos_subscribe(struct party *me, struct dice *dice);
void chaos_clean(struct party *me, struct dice *dice);
/* All but the keeper were killed: a publisher that joins finds everything in order, and frames flow. */
void chaos_referee(struct party *me);
/* What the group lost and took is all that it was given; exact if none of its members was killed. */
void chaos_check_group(const struct party *me);
/* After the last one: nothing is left in the domain. */
void chaos_check_empty(const struct party *me);

#endif
