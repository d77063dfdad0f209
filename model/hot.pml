/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot path with deaths: publishers loan and publish, subscribers take and release; each may die anywhere and stay
 * dead, or another comes, takes its record and repairs it. Nothing is torn, no number is given twice or left out, no
 * slot leaks, nobody is held up.
 */
/*
 * run: check PUBS=2 SUBS=1 SLOTS=4 FRAMES=3 DEATHS=0
 * run: check PUBS=2 SUBS=1 SLOTS=3 FRAMES=3 DEATHS=1
 * run: check PUBS=1 SUBS=1 SLOTS=4 FRAMES=4 DEATHS=2
 * run: check PUBS=1 SUBS=1 SLOTS=5 FRAMES=3 DEATHS=1 KEEPS
 * run: check PUBS=1 SUBS=1 SLOTS=5 FRAMES=3 DEATHS=1 BATCH
 * run: check PUBS=2 SUBS=1 SLOTS=3 FRAMES=3 DEATHS=1 WOULD_BLOCK
 * run: check PUBS=1 SUBS=1 SLOTS=4 FRAMES=4 DEATHS=1 PUNCH
 * run: bits PUBS=3 SUBS=2 SLOTS=5 FRAMES=5 DEATHS=2
 * run: bits PUBS=2 SUBS=2 SLOTS=5 FRAMES=5 DEATHS=1 KEEPS
 * run: bits PUBS=2 SUBS=1 SLOTS=5 FRAMES=5 DEATHS=1 BATCH WOULD_BLOCK
 */
#define DROP
#if RING == 3
#define CHOOSE_2(q) :: ring[2] != EMPTY && SEQ(ring[2]) >= c -> q = SEQ(ring[2])
#else
#define CHOOSE_2(q)
#endif
#define CHOOSE(q)                                                    \
	if                                                           \
	:: ring[0] != EMPTY && SEQ(ring[0]) >= c -> q = SEQ(ring[0]) \
	:: ring[1] != EMPTY && SEQ(ring[1]) >= c -> q = SEQ(ring[1]) \
	CHOOSE_2(q)                                                  \
	fi;
#ifdef KEEPS
#ifdef BREAK_KEEP_AFTER
#define ON_PUT(h) if :: kept == NONE -> kept = k; kept_seq = h :: else fi;
#else
#define ON_PUT(h) if :: kept == k -> kept_seq = h :: else fi;
#endif
#endif
/* The pool: ring, loans, keeps or spares, pins. */
#if !defined(NEEDED) && (defined(KEEPS) || defined(BATCH))
#define NEEDED (RING + 2 * PUBS + SUBS)
#elif !defined(NEEDED)
#define NEEDED (RING + PUBS + SUBS)
#endif
#ifdef PUNCH
#define LOOKS_IN(k) ALWAYS(no_memory, memory & BIT(k));
#else
#define LOOKS_IN(k)
#endif
#ifndef READERS
#define READERS SUBS
#endif
#include "words.pml"
#include "publish.pml"
#include "loan.pml"
#include "take.pml"
#include "repair.pml"

byte finished;              /* bit p: has published enough, or is dead for good */

#ifdef BREAK_BIT_AFTER_PIN
#define SEEN_AT_LAST(r) STEP_IF(!(readers_in_use >> r & 1), readers_in_use = readers_in_use | 1 << r);
#else
#define SEEN_AT_LAST(r)
#endif

#ifdef PUNCH
/* Bit k: the slot has memory; its mark says so. Without memory a load or store is a SIGBUS when the file system is full. */
byte memory, reserved;
#endif

/* A slot is reserved before it is written to, and may be given back by who has it loaned. */
inline reserve_or_punch(p)
{
	if
	:: goto write
	:: true
	fi;
#ifdef BREAK_PUNCH_BEFORE_MARK
	STEP(memory = memory & ~BIT(k));
	STEP(reserved = reserved & ~BIT(k));
#else
	STEP(reserved = reserved & ~BIT(k));                                               /* L5: no longer */
	STEP(memory = memory & ~BIT(k));                                                   /* L5: punched */
#endif
	STEP(state[k] = FREE; k = NONE; goto work);                                        /* D1: back */
write:
	STEP_IF(!(reserved & BIT(k)), memory = memory | BIT(k));                           /* L5: first use */
	STEP(reserved = reserved | BIT(k));                                                /* L5: then the mark */
	STEP(LOOKS_IN(k) skip)
}

/* What a decoder does: a slot it will refer to is named before it is published, and not written to until let go. */
inline keep_it(p)
{
	STEP_IF(kept == NONE, keep[p] = k; kept = k);                                      /* K1: keep before it is published */
}

inline let_go(p)
{
	if
	:: kept != NONE && kept_seq == NONE -> STEP(keep[p] = NONE; kept = NONE)           /* K2: was not published */
	:: kept_seq != NONE ->
	   STEP(ALWAYS(torn, content[kept] == kept_seq); keep[p] = NONE; kept = NONE; kept_seq = NONE)  /* K2: let go */
	:: true
	fi
}

proctype publisher(byte p)
{
	byte k = NONE, h = 0, w = 0, was = 0, seen = 0, i = 0, held = 0;
#ifdef BATCH
	byte b = NONE, bwas = 0;
#endif
#ifdef KEEPS
	byte kept = NONE, kept_seq = NONE;
#endif
	goto join;
dead:
	atomic {
		k = NONE; h = 0; w = 0; was = 0; seen = 0; i = 0; held = 0;
#ifdef BATCH
		b = NONE; bwas = 0;
#endif
#ifdef KEEPS
		kept = NONE; kept_seq = NONE
#endif
	}
	if
	:: goto done
	:: !(writers_in_use >> p & 1) -> goto join
	:: writers_in_use >> p & 1
	fi;
	repair_publisher(p);
join:
	STEP(writers_in_use = writers_in_use | 1 << p);                                    /* J2: in use before the first loan */
work:
	loan(p);
#ifdef PUNCH
	reserve_or_punch(p);
#endif
#if defined(KEEPS) && !defined(BREAK_KEEP_AFTER)
	keep_it(p);
#endif
again:
	publish(p);
#ifdef KEEPS
#ifdef BREAK_KEEP_AFTER
	STEP_IF(kept != NONE, keep[p] = kept);
#endif
	let_go(p);
#endif
	if
	:: head < FRAMES -> goto work
	:: head >= FRAMES
	fi;
#ifdef BATCH
	STEP_IF(b != NONE, state[b] = FREE; b = NONE);                                     /* D1: the spare */
#endif
done:
	finished = finished | 1 << p
}

proctype subscriber(byte r)
{
	byte w = 0, c = 0, q = 0;
	goto join;
dead:
	atomic { w = 0; q = 0 }
	if :: goto gone :: true fi;
	STEP(pin[r] = NONE);                                                               /* R3: pins */
	STEP(readers_in_use = readers_in_use & ~(1 << r));                                 /* R5: owner last */
join:
#ifndef BREAK_BIT_AFTER_PIN
	STEP(readers_in_use = readers_in_use | 1 << r);                                    /* J2: in use before the first pin */
#endif
over:
none:
	take_at(r, q);
have:
#ifdef PUNCH
	STEP(LOOKS_IN(SLOT(w)) skip);
#endif
	SEEN_AT_LAST(r)
	atomic { c = q + 1; q = 0 }
	release(r);
	goto over;
gone:
	c = 0
}

#define MAY_OWN(x) (KIND(state[x]) == 0 || KIND(state[x]) == 3 || writers_in_use >> OWNER(state[x]) & 1)
#define ALL_FINISHED (finished == (1 << PUBS) - 1)

/* When nothing moves any more. */
proctype monitor()
{
	byte n = 0;
	timeout;
	d_step {
		do
		:: n < SLOTS -> ALWAYS(leaked, MAY_OWN(n)); n++
		:: n == SLOTS -> n = 0; break
		od;
		ALWAYS(wedged, ALL_FINISHED || !HOLDS(AT_RING(head), head));
		ALWAYS(no_slot, SLOTS < NEEDED || ALL_FINISHED)
	}
}

init {
	byte n;
	atomic {
		n = 0; do :: n < PUBS -> run publisher(n); n++ :: else -> break od;
		n = 0; do :: n < READERS -> run subscriber(n); n++ :: else -> break od;
		n = 0; run monitor()
	}
}
