/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lossless subscribers: a publisher displaces a ring word only when all of them are past it, else it waits or gives up.
 * They join at any moment (OLDEST: with the oldest frame), leave (LEAVES), die, and sleep. No frame is lost to them, and
 * nobody waits for ever. What a publisher saw of their cursors it need not read again while the same ones are there.
 */
/*
 * run: check PUBS=2 SUBS=1 FRAMES=3 DEATHS=0
 * run: check PUBS=1 SUBS=1 FRAMES=4 DEATHS=2 LEAVES
 * run: check PUBS=1 SUBS=1 FRAMES=5 DEATHS=1 LEAVES OLDEST
 * run: check PUBS=2 SUBS=1 FRAMES=2 DEATHS=1 RING=1 PUBLISHERS_DIE
 * run: check PUBS=1 SUBS=2 FRAMES=3 DEATHS=0
 * run: bits PUBS=2 SUBS=2 FRAMES=4 DEATHS=2
 * run: bits PUBS=2 SUBS=1 FRAMES=5 DEATHS=2 LEAVES OLDEST
 */
#define DROP
#define HELPED(p) owes = BIT(p); helped = true
#define COUNT(h) ALWAYS(twice, h >= count); ALWAYS(hole, h <= count); count++; owes = owes | BIT(p)
#define WAKE(p) wake(p);
#define WAKE_IF_HELPED(p) if :: helped -> wake(p) :: else fi;
#define WAKE_ALL(p) wake_all(p);
#define GATE(p) gate(p);
#include "words.pml"

#define LEFT 200            /* cursor of who has left: newer than any number */
byte lossless;              /* bit r: holds publishers up. In readers, visible before the cursor is set */
byte joins;                 /* of lossless subscribers so far */
byte alive;                 /* bit r: the lock byte */
byte blocked;               /* bit p: waits for a cursor */
byte held_up[SUBS];         /* bit p: in the kernel, on the low half of cursor r */
byte displaces[PUBS];       /* not in shared memory: what p would displace when it sleeps */
byte idle;                  /* not in shared memory: bit r, lives and takes nothing more */

#ifdef BREAK_NO_WAKE_BEFORE_WAIT
#define WAKE_BEFORE_WAIT(p)
#else
#define WAKE_BEFORE_WAIT(p) wake(p);
#endif

#ifdef BREAK_SEEN_FOREVER
#define SEEN_PAST(w) (SEQ(w) < lowest)
#else
#define SEEN_PAST(w) (seen == seen_bits && joins == seen_joins && SEQ(w) < lowest)
#endif

/*
 * Called in publish() after P2: w is what would be displaced. Uses the locals seen, i, v, and what was seen the last time:
 * seen_bits, seen_joins, lowest.
 */
inline gate(p)
{
	if :: w == EMPTY -> goto open :: else fi;
	STEP(seen = lossless);                                                             /* G1: who is lossless */
	STEP(if :: SEEN_PAST(w) -> goto open :: else fi);                                  /* G1: how many joined */
	STEP(seen_joins = joins; lowest = LEFT);                                           /* G1: how many joined */
	STEP(seen_bits = lossless; i = 0);                                                 /* G1: who is lossless */
	do
	:: i < SUBS ->
	   STEP(if :: (seen_bits & BIT(i)) && cursor[i] < lowest -> lowest = cursor[i] :: else fi; i++) /* G1: their cursors */
	:: i >= SUBS -> break
	od;
behind:
	STEP(seen = lossless; i = 0);                                                      /* G1: who is lossless */
	do
	:: i < SUBS ->
	   STEP(if :: (seen & BIT(i)) && cursor[i] <= SEQ(w) -> v = cursor[i]; goto hold :: else fi; i++) /* G1: their cursors */
	:: i >= SUBS -> break
	od;
	goto open;
hold:
#ifndef BREAK_DEAD_HOLD
	if
	:: !(alive & BIT(i)) -> /* one step, for nobody joins in a record whose byte is held by who repairs it: life.pml */
	   STEP(if :: !(alive & BIT(i)) -> lossless = lossless & ~BIT(i) :: else fi; goto behind)  /* R5: repairs the dead */
	:: alive & BIT(i)
	fi;
#endif
	if
	:: helped = false; goto giveup                                                     /* would block */
	:: true
	fi;
	WAKE_BEFORE_WAIT(p)                                                                /* P9: before it waits */
	STEP(blocked = blocked | BIT(p));                                                  /* G2: my bit */
#ifdef BREAK_NO_LOOK_AT_CURSOR
	STEP(v = cursor[i]);
#else
	STEP(if :: cursor[i] != v -> goto past :: else fi);                                /* G3: the cursor again */
#endif
	STEP(if :: cursor[i] == v -> held_up[i] = held_up[i] | BIT(p); displaces[p] = SEQ(w) :: else fi);  /* G4: sleep */
#ifdef BREAK_DEAD_HOLD
	!(held_up[i] & BIT(p));
#else
	if
	:: !(held_up[i] & BIT(p))
	:: atomic { !(alive & BIT(i)) -> held_up[i] = held_up[i] & ~BIT(p) }               /* looks at liveness while it waits */
	fi;
#endif
past:
	displaces[p] = 0;
	STEP(blocked = blocked & ~BIT(p));                                                 /* G2: my bit off */
	goto behind;
open:
	atomic { i = 0; seen = 0; v = 0 }
}

#include "publish.pml"
#include "sleep.pml"
#include "take.pml"
byte writers_in_use;
#include "repair.pml"
byte finished;

proctype publisher(byte p)
{
	byte k = NONE, h = 0, w = 0, was = 0, seen = 0, i = 0, v = 0, seen_bits = 0, seen_joins = 0, lowest = 0;
	bool helped = false;
	goto join;
dead:
	atomic {
		k = NONE; h = 0; w = 0; was = 0; seen = 0; i = 0; v = 0; helped = false;
		seen_bits = 0; seen_joins = 0; lowest = 0;
		held_up[0] = held_up[0] & ~BIT(p); held_up[SUBS - 1] = held_up[SUBS - 1] & ~BIT(p);
		displaces[p] = 0
	}
	if
	:: gone = gone | BIT(p); goto done
	:: !(writers_in_use & BIT(p)) -> goto join
	:: writers_in_use & BIT(p)
	fi;
	repair_publisher(p);
join:
	STEP(writers_in_use = writers_in_use | BIT(p));                                    /* J2: in use before the first loan */
again:
	publish(p);
	atomic { helped = false; i = 0; seen = 0; v = 0 }
	if
	:: head < FRAMES -> goto again
	:: head >= FRAMES
	fi;
done:
	atomic { finished = finished | BIT(p); seen_bits = 0; seen_joins = 0; lowest = 0 }
}

proctype subscriber(byte r)
{
	byte w = 0, h = 0, q = 0, seen = 0;
#ifdef LEAVES
	bool back = false;
#endif
	goto join;
dead:
	atomic { w = 0; h = 0; q = 0; seen = 0; alive = alive & ~BIT(r) }
	if :: goto left :: true fi;
rejoin:
	alive = alive | BIT(r);                                                            /* J1: the byte */
	STEP(lossless = lossless & ~BIT(r));                                               /* R5: what the last owner left */
	STEP(cursor[r] = 0);                                                               /* J2: cleared */
join:
	alive = alive | BIT(r);
#ifdef BREAK_CURSOR_BEFORE_VISIBLE
	STEP(h = head);
	STEP(cursor[r] = h);
	STEP(lossless = lossless | BIT(r));
#else
#ifndef BREAK_JOIN_UNCOUNTED
	STEP(joins++);                                                                     /* Y1: what publishers have seen is old */
#endif
	STEP(lossless = lossless | BIT(r));                                                /* Y1: visible, cursor 0 */
	ring_end(h);                                                                       /* Y2: then read head */
#ifdef OLDEST
	h = (h > RING - 1 -> h - (RING - 1) : 0);
#endif
	STEP(cursor[r] = h);                                                               /* Y3: then set the cursor */
#endif
#ifndef BREAK_JOIN_SILENT
	STEP(seen = blocked);                                                              /* C2: a publisher may wait for cursor 0 */
	STEP_IF(seen, held_up[r] = 0);                                                     /* C3: wake */
#endif
	seen = 0;
wait:
	STEP(waiting = waiting | BIT(r));                                                  /* W1: waiting bit */
look:
	W2_HEAD
	take_at(r, cursor[r]);                                                             /* W2: and ring */
over:
	ALWAYS(lost, false);                                                               /* reached only if so */
none:
	sleep_on_head(r);
have:
	atomic { w = 0; h = 0 }
	STEP(waiting = waiting & ~BIT(r));                                                 /* W4: clear the bit */
#ifdef BREAK_BLOCKED_BEFORE_CURSOR
	STEP(seen = blocked);
	STEP(cursor[r] = cursor[r] + 1);
#else
	STEP(cursor[r] = cursor[r] + 1);                                                   /* C1: store cursor */
	STEP(seen = blocked);                                                              /* C2: does anybody wait */
#endif
	STEP_IF(seen, held_up[r] = 0);                                                     /* C3: wake */
	seen = 0;
	if
	:: goto wait
	:: idle = idle | BIT(r); goto left
#ifdef LEAVES
	:: !back
#endif
	fi;
#ifdef LEAVES
	back = true;
	STEP(lossless = lossless & ~BIT(r));                                               /* R5: leaving, bit */
	STEP(cursor[r] = LEFT);                                                            /* C1: store cursor */
	STEP(seen = blocked);                                                              /* C2: does anybody wait */
	STEP_IF(seen, held_up[r] = 0);                                                     /* C3: wake */
	atomic { seen = 0; alive = alive & ~BIT(r) };
	if :: goto left :: goto rejoin fi;
#endif
left:
	skip
}

#define EXCUSED ((owes & gone) && !held_up[0] && !held_up[SUBS - 1])
#define HELD_BY(r, p) ((held_up[r] & BIT(p)) && (alive & idle & BIT(r)) && cursor[r] <= displaces[p])

proctype monitor()
{
	byte r = 0, p = 0;
	timeout;
	d_step {
		do
		:: r < SUBS -> ALWAYS(slept, !(alive & ~idle & BIT(r)) || cursor[r] >= count || EXCUSED); r++
		:: r == SUBS -> r = 0; break
		od;
		do
		:: p < PUBS -> ALWAYS(stuck, (finished & BIT(p)) || HELD_BY(0, p) || HELD_BY(SUBS - 1, p)); p++
		:: p == PUBS -> p = 0; break
		od
	}
}

init {
	byte n;
	atomic {
		n = 0; do :: n < PUBS -> run publisher(n); n++ :: else -> break od;
		n = 0; do :: n < SUBS -> run subscriber(n); n++ :: else -> break od;
		n = 0; run monitor()
	}
}
