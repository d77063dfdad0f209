/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all processes of a trial share: which sequence number holds which frame, and the first failure. And the frames'
 * content: every word of a frame depends on who published it and as which of its frames.
 */
#ifndef KILL_STAGE_H
#define KILL_STAGE_H

#include "zoetrope.h"

#include <stdatomic.h>
#include <stdbool.h>

#define TOPIC   "front"
#define SEQ_MAX 4096

/* Who publishes; the upper half of a frame's identity. */
enum who { NOBODY, NEIGHBOUR, VICTIM, FRESH, DEAD, JOINER };

/* Flags of frames: what the waiter does when it has taken one. */
#define FLAG_MARK 1u /* tell */
#define FLAG_LAST 2u /* tell, and take no more */

/* One thing that is to be made good again, see damage.h. */
#define DAMAGES_MAX 8
struct damage {
	enum { DAMAGE_NONE, DAMAGE_BYTES, DAMAGE_SIZE, DAMAGE_PLACE, DAMAGE_MADE } kind;
	char path[64];
	uint64_t offset;
	size_t size;
	uint8_t bytes[1024];
};

struct stage {
	struct zoe_topic_options options;
	char domain[256];
	unsigned patience_ms; /* for what should come at once; only a hang takes that long */
	bool call_fails;      /* a call of libc is made to fail in this trial */
	bool swap_fails;      /* a compare-and-swap is, so often that it cannot be others who are faster */
	atomic_uint failed;
	char failure[700];
	atomic_int victim;           /* pid of a victim that made itself another process */
	atomic_uint quarantined;     /* slots that the dead had on loan, at least */
	atomic_ullong waiter_next;   /* number that the waiter wants next */
	atomic_ullong repaired_next; /* number that comes next, found by who repaired and did nothing else */
	unsigned damages;            /* not yet made good */
	struct damage damage[DAMAGES_MAX];
	atomic_ullong next;               /* number that comes next, found when all is over */
	atomic_ullong published[SEQ_MAX]; /* identity, told by its publisher; 0 = not told */
	atomic_ullong seen[SEQ_MAX];      /* identity, found by whoever took it */
};
extern struct stage *stage;

/* Made once; cleared before each trial. */
void stage_make(void);
void stage_clear(void);

/* Note the first failure of a trial. The second one ends the process, which must be a party of a trial. */
void stage_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void party_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline uint64_t frame_identity(enum who who, uint32_t count)
{
	return (uint64_t)who << 32 | count;
}

/* Fill a loan, and check that one is as it was filled. */
void loan_fill(struct zoe_loan *loan, uint64_t identity);
bool loan_intact(const struct zoe_loan *loan, uint64_t identity);

/* Check every word of a frame; note what its number holds. Fails the party if it is torn or contradicts others. */
void frame_check(const struct zoe_frame *frame, const char *who);

/* A publisher got this number for that frame. */
void published(uint64_t seq, uint64_t identity, const char *who);

/*
 * All numbers below `next` were given once, and whoever took a frame found what its publisher published. At most
 * `unknown` frames may be such that their publisher died before it could tell; they must be those of the dead.
 */
void numbers_check(uint64_t next, unsigned unknown);

#endif
