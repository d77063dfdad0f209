/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of shared memory as bytes, and the three macros everything is made of. A STEP is one atomic operation on
 * shared memory (with what the process then decides by itself); before each one the process may stall, which is
 * ordinary interleaving, or die, which drops its lock byte. Names of steps: docs/transport.md.
 */
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef RING
#define RING 2 /* depth + 1 */
#endif

#ifdef PUBLISHERS_DIE
#define MORTAL PUBS /* they are started first, after init: subscribers live on */
#else
#define MORTAL 255
#endif

/* One step, or death before it. Every process has a label `dead` that forgets what the process knew. */
#if DEATHS > 0
byte deaths = DEATHS;
byte mortal = MORTAL; /* processes up to this number may die. A word, for the text of a step is then the same in all runs */
#define STEP(...)                                            \
	if                                                   \
	:: atomic { __VA_ARGS__ }                            \
	:: atomic { deaths > 0 && _pid <= mortal -> deaths--; DROP; goto dead } \
	fi
#else
#define STEP(...) atomic { __VA_ARGS__ }
#endif
#define STEP_IF(c, ...) if :: c -> STEP(__VA_ARGS__) :: !(c) fi

/* What must hold. pan prints the expression when it does not, and so the name. */
#define ALWAYS(name, ...) assert((__VA_ARGS__) || name)
hidden byte torn, twice, hole, lost, slept, wedged, leaked, no_slot, two_owners, orphan, uncounted, no_memory, missed, astray, stuck;

#define NONE 15
#define BIT(x) (1 << (x))

/* Ring word: sequence number 0..31 and slot. Slot 7 is "closed". Retired is newer than any number. */
#ifdef BREAK_EMPTY_IS_ZERO
#define EMPTY 0
#else
#define EMPTY 255
#endif
#define RETIRED 254
#define CLOSED_SLOT 7
#define WORD(s, k) ((s) << 3 | (k))
#define SEQ(w) ((w) >> 3)
#define SLOT(w) ((w) & 7)
#define AT(s) ((s) % RING)

/* State word of a slot: kind, publisher, sequence number. */
#define FREE 0
#define LOANED(p) (1 | (p) << 2)
#define PENDING(p, s) (2 | (p) << 2 | (s) << 4)
#define PUBLISHED(s) (3 | (s) << 4)
#define KIND(x) ((x) & 3)
#define OWNER(x) ((x) >> 2 & 3)
#define STATE_SEQ(x) ((x) >> 4)
#define OWNED_BY(x, p) ((KIND(x) == 1 || KIND(x) == 2) && OWNER(x) == (p))
