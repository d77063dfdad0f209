/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Take and release (lib/subscriber.c). The slot is mine from the second look on: the pin was there before it, so a
 * claimer, who looks at the pins after it saw the frame gone, sees it.
 */
#ifndef CHOOSE
#define CHOOSE(q)
#endif
#ifdef SHAPES
#define OR_SHUT(w, q) :: w != EMPTY && SEQ(w) == q && SLOT(w) == CLOSED_SLOT -> w = 0; goto shut
#else
#define OR_SHUT(w, q)
#endif
#if defined(SLOTS) || defined(PINS)
#define PIN_STEP(...) STEP(__VA_ARGS__);
#else
#define PIN_STEP(...)
#endif
#ifdef BREAK_SECOND_LOOK_AT_SLOT
#define STILL_THERE(q, w) (SLOT(AT_RING(q)) == SLOT(w))
#else
#define STILL_THERE(q, w) (AT_RING(q) == w)
#endif

/*
 * Uses the local w. Ends at one of the caller's labels: have (q is pinned), none (not published yet), over (overrun); with
 * generations also shut (the next one begins with q).
 * CHOOSE lets a model try any q at once: latest and next are two ways to choose.
 */
inline take_at(r, q)
{
	STEP(CHOOSE(q) w = AT_RING(q);                                                    /* T1: first look */
	     if
	     :: w == EMPTY || SEQ(w) < q -> w = 0; goto none
	     :: w != EMPTY && SEQ(w) > q -> w = 0; goto over
	     OR_SHUT(w, q)
	     :: w != EMPTY && SEQ(w) == q && SLOT(w) != CLOSED_SLOT
	     fi);
	PIN_STEP(pin[r] = SLOT(w))                                                        /* T2: pin before the second look */
#ifdef BREAK_LOAD_BEFORE_SECOND_LOOK
	STEP(LOOKS_IN(SLOT(w)) skip);
#endif
#ifdef BREAK_NO_SECOND_LOOK
	goto have;
#endif
	STEP(if :: STILL_THERE(q, w) -> goto have :: else fi);                             /* T3: still there? */
	PIN_STEP(pin[r] = NONE)                                                           /* T4: too late */
	atomic { w = 0; goto over }
}

#ifdef SLOTS
inline release(r)
{
	STEP(ALWAYS(torn, content[SLOT(w)] == SEQ(w)); w = 0; pin[r] = NONE)           /* T5: release */
}
#endif
