/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group shares the work: each frame goes to one member, or is counted as lost. Members die with and without a frame
 * in hand; who comes next on the record repairs it.
 */
/*
 * run: check PUBS=1 SUBS=2 FRAMES=4 DEATHS=1
 * run: check PUBS=1 SUBS=3 FRAMES=3 DEATHS=0
 * run: check PUBS=1 SUBS=2 FRAMES=3 DEATHS=2
 * run: bits PUBS=2 SUBS=3 FRAMES=5 DEATHS=2
 */
#define DROP
#define PINS
#include "words.pml"
byte pin[SUBS] = NONE;      /* here: the number of the frame */
#include "publish.pml"
#include "take.pml"

byte group_cursor;
byte group_lost;
byte handed;                /* not in shared memory: bit s, given to a member's user */
byte times;                 /* not in shared memory: how many were given and not lost again with who held them */

proctype publisher(byte p)
{
	byte k = NONE, h = 0, w = 0;
	goto again;
dead:
	atomic { k = NONE; h = 0; w = 0; goto done }
again:
	publish(p);
	if
	:: head < FRAMES -> goto again
	:: head >= FRAMES
	fi;
done:
	skip
}

#ifdef BREAK_GROUP_NO_SWAP
#define MOVE(from, to) if :: true -> group_cursor = to fi
#else
#define MOVE(from, to) if :: group_cursor == from -> group_cursor = to :: else -> goto beaten fi
#endif
#define HAND_OUT ALWAYS(twice, !(handed >> want & 1)); handed = handed | 1 << want; times++; got = 1

proctype member(byte r)
{
	byte w = 0, c = 0, want = 0, got = 0;
	goto start;
dead:
	atomic { times = times - got; w = 0; c = 0; want = 0; got = 0 }
#ifdef BREAK_REPAIR_UNCOUNTED
	STEP(w = pin[r]; pin[r] = NONE);
	STEP_IF(w != NONE, group_lost++);
	w = 0;
#else
	STEP_IF(pin[r] != NONE, group_lost++);                                             /* R3: in hand, at least */
	STEP(pin[r] = NONE);                                                               /* R3: pins */
#endif
start:
	STEP(c = group_cursor; want = c);                                                  /* M1: where the group is */
#ifdef BREAK_SWAP_BEFORE_PIN
	STEP(head > c);
	STEP(MOVE(c, c + 1));
#endif
	take_at(r, want);
none:
	STEP(head > c || (ring[AT(c)] != EMPTY && SEQ(ring[AT(c)]) >= c); c = 0; want = 0; goto start);
over:
#ifdef BREAK_SWAP_BEFORE_PIN
	atomic { c = 0; want = 0; goto start }
#endif
	STEP(want = (head > RING - 1 + c -> head - (RING - 1) : c + 1));                   /* N1: head */
#ifdef BREAK_COUNT_AFTER_SWAP
	STEP(MOVE(c, want));
	STEP(group_lost = group_lost + want - c; c = 0; want = 0; goto start);
#else
	STEP(group_lost = group_lost + want - c);                                          /* M4: counted first, at least */
	STEP(if :: group_cursor == c -> group_cursor = want; c = 0; want = 0; goto start   /* M4: mine, over the gap in one swap */
	        :: else fi);
	STEP(group_lost = group_lost - (want - c); c = 0; want = 0; goto start);           /* M4: somebody else's gap */
#endif
have:
#ifdef BREAK_SWAP_BEFORE_PIN
	atomic { HAND_OUT }
#else
	STEP(MOVE(c, c + 1); HAND_OUT);                                                    /* M2: mine */
#endif
	STEP(pin[r] = NONE; got = 0; w = 0; c = 0; want = 0; goto start);                  /* T5: release */
beaten:
	STEP(pin[r] = NONE; w = 0; c = 0; want = 0; goto start)                            /* M3: somebody else's */
}

proctype monitor()
{
	timeout;
	ALWAYS(uncounted, times + group_lost >= group_cursor)
}

init {
	byte n;
	atomic {
		n = 0; do :: n < PUBS -> run publisher(n); n++ :: else -> break od;
		n = 0; do :: n < SUBS -> run member(n); n++ :: else -> break od;
		n = 0; run monitor()
	}
}
