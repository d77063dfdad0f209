/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Change of shape: publishers that want larger slots make the next generation, close the old one and go over, die at any
 * step and come again; a subscriber drains and follows. Numbers go on without hole or repetition, nobody sleeps on in
 * an old generation, nobody goes astray; to a lossless subscriber nothing is lost.
 *
 * A generation has a number, under which it is found, and is itself one of several that were made: x.
 */
/*
 * run: check PUBS=1 FRAMES=4 MADE=3 DEATHS=2
 * run: check PUBS=2 FRAMES=2 MADE=2 DEATHS=0
 * run: check PUBS=2 FRAMES=1 MADE=2 DEATHS=1
 * run: check PUBS=2 FRAMES=2 MADE=4 WANTS=2 DEATHS=1 NO_READER FORGETS
 * run: check PUBS=1 FRAMES=4 MADE=3 DEATHS=1 POLLS
 * run: bits PUBS=2 FRAMES=1 MADE=2 DEATHS=2 POLLS PUBLISHERS_DIE
 * run: check PUBS=1 FRAMES=5 MADE=3 WANTS=2 DEATHS=1 LOSSLESS LATE
 * run: bits PUBS=2 FRAMES=2 MADE=3 DEATHS=0 LOSSLESS
 * run: bits PUBS=2 FRAMES=5 MADE=3 DEATHS=2
 * run: bits PUBS=3 FRAMES=5 MADE=3 DEATHS=2 LOSSLESS
 */
#define SHAPES
#ifdef FORGETS
#define DROP alive = alive & ~BIT(_pid); if :: joining == _pid -> joining = 0 :: else fi
#else
#define DROP
#endif
#define SUBS 1
#define UNSET 255
#define CLOSED 128
#define LOW(h) ((h) & 127)
#define HEAD heads[x]
#define AT_RING(s) rings[x * RING + LOW(s) % RING]
#define SLEEPERS_OF asleep_on[x]
#define SAME_HEAD(h) (LOW(HEAD) == LOW(h))
#define MY_SLOT what
#ifdef BREAK_PUBLISH_AT_CLOSED
#define ENDED(h) ((h) == UNSET || LOW(h) >= FRAMES)
#else
#define ENDED(h) ((h) >= CLOSED || (what == 0 && (h) >= FRAMES))
#endif
#ifdef BREAK_BIT_LATER
#define NEXT(h, w) ((h) + 1)
#else
#define NEXT(h, w) (SLOT(w) == CLOSED_SLOT -> ((h) + 1) | CLOSED : (h) + 1)
#endif
#define COUNT(h) \
	ALWAYS(twice, h >= count); ALWAYS(hole, h <= count); if :: what == 0 -> count++; owes = owes | BIT(p) :: else fi
#define HELPED(p) owes = BIT(p); helped = true
#define WAKE(p) if :: what == 0 -> wake(p) :: else fi;
#define WAKE_IF_HELPED(p) if :: helped -> wake(p) :: else fi;
#ifdef BREAK_CLOSED_NOT_LOSSLESS
#define GATE(p) STEP_IF(what == 0, HELD(w));
#else
#define GATE(p) STEP(HELD(w));
#endif
#ifndef WANTS
#define WANTS 1             /* how often each publisher wants larger slots */
#endif
#if defined(LATE)
#define HELD(w) (w == EMPTY || !lossless || cursor[0] > SEQ(w))
#define STILL_READ(s) (lossless && cursor[0] < (s))
#elif defined(LOSSLESS)
#define HELD(w) (w == EMPTY || cursor[0] > SEQ(w))
#define STILL_READ(s) (cursor[0] < (s))
#else
#define HELD(w) true
#define STILL_READ(s) false
#endif
#ifdef BREAK_RETIRE_NOT_LOSSLESS
#undef STILL_READ
#define STILL_READ(s) false
#endif
#ifdef BREAK_RETIRED_IS_EMPTY
#undef RETIRED_WORD
#define RETIRED_WORD EMPTY
#else
#define RETIRED_WORD RETIRED
#endif
#include "words.pml"

#define NUMBERS 3
#define NOTHING 100         /* no folder of this number */
#define EMPTIED 101         /* a folder without files: that generation was given up */
byte heads[MADE] = UNSET;
byte rings[MADE * RING] = EMPTY;
byte number[MADE];
byte folder[NUMBERS + 1] = NOTHING;
byte made;
byte asleep_on[MADE];
#ifdef LATE
bool lossless;              /* the subscriber's bit: it joins at any moment, with the oldest frame */
#endif
#ifdef FORGETS
byte alive;                 /* bit _pid: the publisher's lock byte */
byte joining;               /* _pid of who has the publishers' join lock */
#endif
#ifdef BREAK_REPAIR_IF_IN_USE
byte in_use[MADE];          /* bit p: publisher p is seen in that generation */
#define IN_USE(x) in_use[x] = in_use[x] | BIT(p)
#define NEEDS_REPAIR (in_use[x] & BIT(p))
#else
#define IN_USE(x) skip
#define NEEDS_REPAIR true
#endif
#ifdef BREAK_FORGET_NOT_ALONE
#define ALONE true
#else
#define ALONE (alive == 0)
#endif

#include "publish.pml"
#include "sleep.pml"
#include "take.pml"

#define THERE(n) (folder[n] < EMPTIED - 1)
#define BEGUN(n) (THERE(n) && heads[(THERE(n) -> folder[n] : 0)] != UNSET)
/* The generation that comes after the one with this number, or NOTHING. */
#define ABOVE(n) ((n) < 1 && THERE(1) -> folder[1] : ((n) < 2 && THERE(2) -> folder[2] : NOTHING))
#ifdef BREAK_JOIN_WITHOUT_FIRST
#define NEWEST (THERE(2) -> folder[2] : (THERE(1) -> folder[1] : folder[0]))
#else
#define NEWEST (BEGUN(2) -> folder[2] : (BEGUN(1) -> folder[1] : folder[0]))
#endif
#define END_OF(x) (LOW(heads[x]) - 1)

#ifdef BREAK_REPLACE_SUCCESSOR
#define MAY_MAKE (made < MADE)
#else
#define MAY_MAKE (made < MADE && folder[number[x] + 1] == NOTHING)
#endif

/* Uses the locals x, y. The successor is there before the old one is closed, and is never replaced. */
inline find_or_make(p)
{
	STEP(y = ABOVE(number[x]));                                                        /* S1: find */
#ifdef BREAK_CLOSE_BEFORE_SUCCESSOR
	if :: y == NOTHING && !(heads[x] & CLOSED) -> goto close :: else fi;
make:
#endif
	if
	:: y == NOTHING ->
	   STEP(if :: MAY_MAKE -> folder[number[x] + 1] = made; number[made] = number[x] + 1; made++
	           :: else fi);                                                            /* S1: rename */
	   STEP(y = ABOVE(number[x]); ALWAYS(astray, y != NOTHING))                        /* S1: whoever made it */
	:: y != NOTHING
	fi
}

#ifdef BREAK_FIRST_BEFORE_WAKE
#define SAY_SO STEP(if :: heads[y] == UNSET -> heads[y] = END_OF(x) :: else fi); \
	STEP(asleep_on[x] = 0);
#else
#define SAY_SO STEP(asleep_on[x] = 0);                                                     /* S4: wake */ \
	STEP(if :: heads[y] == UNSET -> heads[y] = END_OF(x) :: else fi);
#endif

/* Give up the generation before mine, which is o. Uses the locals o, i. */
inline retire()
{
	if
	:: atomic { o != NOTHING && heads[x] < CLOSED && heads[x] >= END_OF(o) + RING - 1 && !STILL_READ(END_OF(o)) -> i = 0 }
	   do
	   :: i < RING -> STEP(rings[o * RING + i] = RETIRED_WORD; i++)                    /* S7: nothing more is taken here */
	   :: i == RING -> i = 0; break
	   od;
#ifdef BREAK_NUMBER_FREE_AGAIN
	   STEP(if :: folder[number[o]] == o -> folder[number[o]] = NOTHING :: else fi);
#else
	   STEP(if :: folder[number[o]] == o -> folder[number[o]] = EMPTIED :: else fi);   /* S7: its files go */
#endif
	   o = NOTHING
	:: else
	fi
}

proctype publisher(byte p)
{
	byte k = NONE, h = 0, w = 0, seen = 0, x = 0, y = NOTHING, o = NOTHING, i = 0, what = 0;
	byte wants = WANTS;
	bool helped = false, first = true;
	goto join;
dead:
	atomic { k = NONE; h = 0; w = 0; seen = 0; x = 0; y = NOTHING; o = NOTHING; i = 0; what = 0; helped = false }
	if
	:: gone = gone | BIT(p); goto done
	:: first = false /* another takes the record */
	fi;
join:
	STEP(x = NEWEST);                                                                  /* J2: the newest that has begun */
#ifdef BREAK_JOIN_WITHOUT_FIRST
	STEP(if :: HEAD == UNSET -> HEAD = 0 :: else fi);
#endif
#ifdef FORGETS
	STEP(joining == 0 -> joining = _pid);
	STEP(seen = ALONE);                                                                /* S8: is any publisher alive */
	STEP_IF(seen && number[x] > 0 && folder[0] == EMPTIED, folder[0] = NOTHING);       /* S8: the number is free again */
	STEP_IF(seen && number[x] > 1 && folder[1] == EMPTIED, folder[1] = NOTHING);       /* S8: the number is free again */
	STEP(seen = 0; alive = alive | BIT(_pid));                                         /* J1: the byte */
#endif
	/* what the last owner left is repaired in the newest generation; it may have died in an older one */
	if
	:: !first && NEEDS_REPAIR ->
	   STEP(h = HEAD);                                                                 /* R3: head */
	   STEP(w = AT_RING(h));                                                           /* R3: ring */
	   STEP(if :: h < CLOSED && HOLDS(w, h) && HEAD == h -> HEAD = NEXT(h, w) :: else fi; h = 0; w = 0);  /* R3: help */
	   wake_all(p)
	:: !first && !NEEDS_REPAIR -> owes = owes & ~BIT(p)
	:: first
	fi;
	STEP(IN_USE(x));                                                                   /* J2: in use before the first loan */
#ifdef FORGETS
	STEP(joining = 0);
#endif
work:
	STEP(h = HEAD; if :: h & CLOSED -> goto over :: else fi);                          /* P1: is it open */
	if
	:: atomic { wants && number[x] + 1 < NUMBERS && made < MADE -> wants--; h = 0; goto over }
	:: h = 0
	fi;
again:
	publish(p);
	helped = false;
	if
	:: atomic { what == CLOSED_SLOT -> what = 0; goto closed }
	:: what == 0
	fi;
	retire();
	if
	:: atomic { LOW(HEAD) < FRAMES -> goto work }
	:: atomic { LOW(HEAD) >= FRAMES && HEAD & CLOSED && count < FRAMES -> goto work }
	:: LOW(HEAD) >= FRAMES && !(HEAD & CLOSED && count < FRAMES) -> goto done
	fi;
over:
	h = 0;
	find_or_make(p);
close:
	STEP(if :: HEAD & CLOSED -> goto closed :: else -> what = CLOSED_SLOT; goto again fi);  /* S2: closed by P1 to P5 */
closed:
#ifdef BREAK_BIT_LATER
	STEP(HEAD = HEAD | CLOSED);
#endif
	STEP(if :: !(HEAD & CLOSED) -> goto close :: else fi);                             /* S3: by whoever advanced it */
#ifdef BREAK_CLOSE_BEFORE_SUCCESSOR
	if :: y == NOTHING -> goto make :: else fi;
#endif
	SAY_SO                                                                             /* S5: its first number */
	atomic { o = x; x = y; y = NOTHING };                                              /* S6: over */
	STEP(IN_USE(x));                                                                   /* S6: in use there */
	wake(p);
	goto work;
done:
#ifdef FORGETS
	STEP(alive = alive & ~BIT(_pid));
#endif
	atomic { x = 0; y = NOTHING; o = NOTHING; wants = 0; first = true }
}

#ifdef BREAK_BEGIN_IN_RETIRED
#define SUPERSEDED(x, y) false
#else
#define SUPERSEDED(x, y) (heads[y] != UNSET && LOW(heads[y]) >= END_OF(x) + RING - 1)
#endif

proctype subscriber(byte r)
{
	byte w = 0, h = 0, x = 0;
#ifdef LATE
	byte y = 0;
#endif
	goto join;
dead:
	atomic { w = 0; h = 0; x = 0; cursor[r] = 255; goto left };
join:
#ifdef LATE
	STEP(lossless = true);                                                             /* Y1: visible, cursor 0 */
	STEP(x = (THERE(0) -> folder[0] : (THERE(1) -> folder[1] : folder[2])); y = ABOVE(number[x]));
	do
	:: y == NOTHING -> break
	:: y != NOTHING ->
	   STEP(if :: SUPERSEDED(x, y) -> x = y :: else fi; y = ABOVE(number[y]))          /* S7: another may be about to give it up */
	od;
	STEP(h = (HEAD & CLOSED -> LOW(HEAD) - 1 : HEAD); w = (h > RING - 1 -> h - (RING - 1) : 0)); /* Y2: then read head */
	do
	:: w < h -> STEP(if :: SEQ(AT_RING(w)) == w -> break :: else -> w++ fi)
	:: w == h -> break
	od;
	STEP(cursor[r] = w);                                                               /* Y3: then set the cursor */
	atomic { w = 0; h = 0; y = 0 };
#endif
wait:
	waiting = waiting | BIT(r);                                                        /* W1: waiting bit */
look:
	h = HEAD;                                                                          /* W2: head */
	take_at(r, cursor[r]);                                                             /* W2: and ring */
over:
	/* overrun, or the generation was given up: what is left of it is lost */
	atomic {
		h = 0;
		if :: HEAD & CLOSED && HEAD != UNSET && cursor[r] >= END_OF(x) -> goto shut :: else fi;
#ifdef LOSSLESS
		ALWAYS(lost, false);                                                       /* reached only if so */
#endif
		cursor[r]++; goto look
	};
none:
	STEP(w = HEAD);                                                                    /* N1: head */
	if
	:: atomic { w != UNSET && w >= CLOSED && cursor[r] >= LOW(w) - 1 -> goto shut }
	:: atomic { w != UNSET && cursor[r] < (w >= CLOSED -> LOW(w) - 1 : w) ->
	            w = 0; if :: SEQ(AT_RING(cursor[r])) == cursor[r] -> goto look :: else -> goto over fi }
	:: atomic { w == UNSET || cursor[r] >= w -> w = 0 }
	fi;
	sleep_on_head(r);
shut:
	atomic { h = 0; w = ABOVE(number[x]); ALWAYS(astray, w != NOTHING); x = w; w = 0; goto look };  /* S6: over */
have:
	atomic { w = 0; h = 0; cursor[r]++ };
	waiting = waiting & ~BIT(r);                                                       /* W4: clear the bit */
	goto wait;
left:
	skip
}

#ifdef POLLS
/* Next, from an event loop, over the generations. */
proctype poller(byte r)
{
	byte w = 0, x = 0;
	bool mine = false, second = false;
	goto poll;
dead:
	atomic { w = 0; x = 0; mine = false; second = false; cursor[r] = 255; goto left };
poll:
	(fifo & BIT(r));
look:
	take_at(r, cursor[r]);
over:
	atomic {
		if :: HEAD & CLOSED && HEAD != UNSET && cursor[r] >= END_OF(x) -> goto shut :: else fi;
		cursor[r]++; goto look
	};
none:
	STEP(w = HEAD);                                                                    /* N1: head */
	if
	:: atomic { w != UNSET && w >= CLOSED && cursor[r] >= LOW(w) - 1 -> goto shut }
	:: atomic { w != UNSET && cursor[r] < (w >= CLOSED -> LOW(w) - 1 : w) ->
	            w = 0; if :: SEQ(AT_RING(cursor[r])) == cursor[r] -> goto look :: else -> goto over fi }
	:: atomic { w == UNSET || cursor[r] >= w -> w = 0 }
	fi;
	arm(r);
	goto look;                                                                         /* A2: second look */
shut:
	atomic { w = ABOVE(number[x]); ALWAYS(astray, w != NOTHING); x = w; w = 0; goto look };  /* S6: over */
have:
	atomic { w = 0; cursor[r]++ };
	disarm(r);
	goto poll;
left:
	skip
}
#endif

proctype monitor()
{
	timeout;
	atomic {
		ALWAYS(slept, cursor[0] >= count || (owes & gone));
		ALWAYS(wedged, count == FRAMES || gone == BIT(PUBS) - 1)
	}
}

init {
	byte n;
	atomic {
		heads[0] = 0; folder[0] = 0; made = 1;
		n = 0; do :: n < PUBS -> run publisher(n); n++ :: else -> break od;
		n = 0;
#if defined(NO_READER)
		cursor[0] = 255;
#elif defined(POLLS)
		fifo = 255;
		run poller(0);
#else
		run subscriber(0);
#endif
		run monitor()
	}
}
