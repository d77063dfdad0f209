/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a topic: it is made, joined, left, repaired and removed by processes that die at any step. A record has one
 * owner, who holds its lock byte; nobody clears what is another's, and nobody is left in a topic that has no name.
 * The record is one word here, its mark; publishers and subscribers have a join lock and a record each.
 */
/*
 * run: check PEERS=3 TOPICS=2 DEATHS=1
 * run: check PEERS=2 TOPICS=3 DEATHS=2
 * run: bits PEERS=4 TOPICS=3 DEATHS=2
 */
#define NOBODY 9
#include "words.pml"

byte name;                  /* the topic that the name leads to; 0 = none */
byte made;
byte byte_of[2 * TOPICS + 2] = NOBODY; /* who holds the record's lock byte */
byte join_of[2 * TOPICS + 2] = NOBODY; /* who holds the join lock */
byte in_use;                /* bit */
byte mark[2 * TOPICS + 2] = NOBODY;    /* the record's content: who filled it in */
byte tries;

#define AT_RECORD (2 * x + kind)
#define LOCK(l) l == NOBODY -> l = me

#define DROP \
	if :: byte_of[AT_RECORD] == me -> byte_of[AT_RECORD] = NOBODY :: else fi; \
	if :: join_of[2 * x] == me -> join_of[2 * x] = NOBODY :: else fi; \
	if :: join_of[2 * x + 1] == me -> join_of[2 * x + 1] = NOBODY :: else fi; \
	if :: byte_of[2 * x + 1 - kind] == me -> byte_of[2 * x + 1 - kind] = NOBODY :: else fi

#ifdef BREAK_JOIN_BLINDLY
#define CURRENT true
#define ALIVE true
#else
#define CURRENT (name == x)
#define ALIVE (byte_of[2 * x] != NOBODY || byte_of[2 * x + 1] != NOBODY)
#endif

proctype peer(byte me)
{
	byte x = 0, kind = me & 1;
	bool seen = false;
	goto open;
dead:
	atomic { x = 0; seen = false; goto gone }
open:
	STEP(x = name);                                                                    /* by name */
	if
	:: atomic { x == 0 && made < TOPICS }
	   STEP(if :: name == 0 && made < TOPICS -> made++; name = made; x = made; byte_of[AT_RECORD] = me  /* made, its byte held, renamed */
	           :: else -> goto open fi);
	   STEP(mark[AT_RECORD] = me);                                                     /* J2: fill in */
	   STEP(in_use = in_use | BIT(AT_RECORD); goto use)                                /* J2: in use */
	:: atomic { x == 0 && made == TOPICS -> goto gone }
	:: x != 0
	fi;
	STEP(LOCK(join_of[AT_RECORD]));                                                    /* the join lock */
	STEP(if :: !CURRENT -> join_of[AT_RECORD] = NOBODY; x = 0; goto open :: else fi);  /* still the one of this name */
	STEP(seen = ALIVE;                                                                 /* anybody alive in it */
	     if :: !seen -> join_of[AT_RECORD] = NOBODY; goto stale :: else -> seen = false fi);
	STEP(if :: byte_of[AT_RECORD] == NOBODY -> byte_of[AT_RECORD] = me                 /* J1: the byte */
	        :: else -> join_of[AT_RECORD] = NOBODY; goto retry fi);
	STEP(mark[AT_RECORD] = NOBODY);                                                    /* R3: what an earlier owner left */
	STEP(in_use = in_use & ~BIT(AT_RECORD));                                           /* R5: owner last */
	STEP(mark[AT_RECORD] = me);                                                        /* J2: fill in */
	STEP(in_use = in_use | BIT(AT_RECORD));                                            /* J2: in use */
	STEP(join_of[AT_RECORD] = NOBODY);
use:
	STEP(ALWAYS(two_owners, mark[AT_RECORD] == me); ALWAYS(orphan, name == x));
	/* whoever finds a dead one repairs it: check, lock, check again */
	kind = 1 - kind;
	STEP(seen = in_use & BIT(AT_RECORD) && byte_of[AT_RECORD] == NOBODY);              /* R1: check */
	if
	:: seen ->
#ifdef BREAK_REPAIR_WITHOUT_LOCK
	   STEP(mark[AT_RECORD] = NOBODY);
	   STEP(in_use = in_use & ~BIT(AT_RECORD))
#else
	   STEP(if :: byte_of[AT_RECORD] == NOBODY -> byte_of[AT_RECORD] = me              /* R1: lock */
	           :: else -> goto repaired fi);
	   STEP(if :: in_use & BIT(AT_RECORD) :: else -> byte_of[AT_RECORD] = NOBODY; goto repaired fi);  /* R1: again */
	   STEP(mark[AT_RECORD] = NOBODY);                                                 /* R3: pins and keeps */
	   STEP(in_use = in_use & ~BIT(AT_RECORD));                                        /* R5: owner last */
	   STEP(byte_of[AT_RECORD] = NOBODY)
#endif
	:: !seen
	fi;
repaired:
	atomic { kind = 1 - kind; seen = false };
	STEP(ALWAYS(two_owners, mark[AT_RECORD] == me); ALWAYS(orphan, name == x));
#ifdef BREAK_BYTE_BEFORE_RECORD
	STEP(byte_of[AT_RECORD] = NOBODY);
#endif
	STEP(mark[AT_RECORD] = NOBODY);                                                    /* R3: leaving, pins */
	STEP(in_use = in_use & ~BIT(AT_RECORD));                                           /* R5: bit */
	STEP(if :: byte_of[AT_RECORD] == me -> byte_of[AT_RECORD] = NOBODY :: else fi);    /* then the byte */
stale:
	/* the last one out, or who finds only the dead in it, removes it */
	STEP(LOCK(join_of[2 * x]));
#ifndef BREAK_REMOVE_WITH_ONE_LOCK
	STEP(LOCK(join_of[2 * x + 1]));
#endif
	STEP(seen = name == x && byte_of[2 * x] == NOBODY && byte_of[2 * x + 1] == NOBODY);
	STEP_IF(seen, ALWAYS(orphan, name == x); name = 0);                                /* rename away */
	STEP(join_of[2 * x] = (join_of[2 * x] == me -> NOBODY : join_of[2 * x]);
	     join_of[2 * x + 1] = (join_of[2 * x + 1] == me -> NOBODY : join_of[2 * x + 1]));
	goto retry;
retry:
	atomic { x = 0; seen = false; if :: tries < 2 -> tries++; goto open :: else fi };
gone:
	skip
}

proctype monitor()
{
	byte n = 0;
	timeout;
	/* all have left or died: no lock is held, and a topic that still has a name is one that the dead left */
	d_step {
		do
		:: n < 2 * TOPICS + 2 -> ALWAYS(wedged, byte_of[n] == NOBODY && join_of[n] == NOBODY); n++
		:: n == 2 * TOPICS + 2 -> n = 0; break
		od
	}
}

init {
	byte n;
	atomic {
		n = 0; do :: n < PEERS -> run peer(n); n++ :: else -> break od;
		n = 0;
		run monitor()
	}
}
