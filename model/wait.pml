/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping and polling subscribers, publishers that die and are repaired: when nothing moves any more, nobody sleeps or
 * polls while there is a frame for it.
 */
/*
 * run: check PUBS=2 SUBS=1 FRAMES=2 DEATHS=2
 * run: check PUBS=2 SUBS=1 FRAMES=2 DEATHS=1 POLLS ONLY_POLLS
 * run: check PUBS=1 SUBS=2 FRAMES=2 DEATHS=2 POLLS
 * run: bits PUBS=2 SUBS=2 FRAMES=4 DEATHS=2 POLLS
 * run: bits PUBS=2 SUBS=1 FRAMES=5 DEATHS=2 POLLS ONLY_POLLS
 */
#define DROP
#define HELPED(p) owes = BIT(p); helped = true
#define COUNT(h) ALWAYS(twice, h >= count); ALWAYS(hole, h <= count); count++; owes = owes | BIT(p)
#define WAKE(p) wake(p);
#define WAKE_IF_HELPED(p) if :: helped -> wake(p) :: else fi;
#define WAKE_ALL(p) wake_all(p);
#include "words.pml"
#include "publish.pml"
#include "sleep.pml"
#include "take.pml"
byte writers_in_use;
#include "repair.pml"

proctype publisher(byte p)
{
	byte k = NONE, h = 0, w = 0, was = 0, seen = 0;
	bool helped = false;
	goto join;
dead:
	atomic { k = NONE; h = 0; w = 0; was = 0; seen = 0; helped = false }
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
	helped = false;
	if
	:: head < FRAMES -> goto again
	:: head >= FRAMES
	fi;
done:
	skip
}

/* Next, one after the other, asleep in between. */
proctype sleeper(byte r)
{
	byte w = 0, h = 0, q = 0;
	goto start;
dead:
	atomic { w = 0; h = 0; q = 0; cursor[r] = 255; goto left }
start:
#ifdef BREAK_BIT_AFTER_LOOK
	goto look;
late:
	STEP(waiting = waiting | BIT(r));
	sleep_on_head(r);
#else
wait:
	STEP(waiting = waiting | BIT(r));                                                  /* W1: waiting bit before the look */
#endif
look:
	W2_HEAD
	take_at(r, cursor[r]);                                                             /* W2: and ring */
over:
	ring_end(h);
	atomic { if :: h > cursor[r] + RING - 1 -> cursor[r] = h - (RING - 1) :: else fi; h = 0; goto look };
none:
#ifdef BREAK_BIT_AFTER_LOOK
	goto late;
#else
	sleep_on_head(r);
#endif
have:
	atomic { w = 0; h = 0; cursor[r]++ }
	STEP(waiting = waiting & ~BIT(r));                                                 /* W4: clear the bit */
#ifdef BREAK_BIT_AFTER_LOOK
	goto look;
#else
	goto wait;
#endif
left:
	skip
}

/* Latest, from an event loop: one take for each time that the descriptor is readable, and once without being asked. */
proctype poller(byte r)
{
	byte w = 0, e = 0, q = 0;
	bool mine = false, second = false, tick = true;
	goto poll;
dead:
	atomic { w = 0; e = 0; q = 0; mine = false; second = false; tick = false; cursor[r] = 255; goto left }
poll:
	if
	:: fifo & BIT(r)
	:: atomic { tick -> tick = false }
	fi;
try:
over:
	ring_end(e);
	if
	:: atomic { e <= cursor[r] -> e = 0; goto none }
	:: atomic { e > cursor[r] -> q = e - 1; e = 0 }
	fi;
	take_at(r, q);
none:
	q = 0;
	arm(r);
	goto try;                                                                          /* A2: second look */
have:
	atomic { w = 0; cursor[r] = q + 1; q = 0 }
	disarm(r);
	goto poll;
left:
	skip
}

proctype monitor()
{
	byte r = 0;
	timeout;
	d_step {
		do
		:: r < SUBS -> ALWAYS(slept, cursor[r] >= count || (owes & gone)); r++
		:: r == SUBS -> r = 0; break
		od
	}
}

init {
	byte n;
	atomic {
		fifo = 255;
		n = 0; do :: n < PUBS -> run publisher(n); n++ :: else -> break od;
		n = 0;
#ifndef ONLY_POLLS
		run sleeper(0);
#endif
#ifdef POLLS
		run poller(SUBS - 1);
#endif
		run monitor()
	}
}
