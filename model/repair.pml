/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repair of a publisher's record by who holds its lock byte (lib/repair.c, lib/slot.c). One that is killed is simply
 * done again, so the owner goes last.
 */
#define OWNED(x, p) (x < SLOTS && OWNED_BY(state[(x < SLOTS -> x : 0)], p))
#define FIND_OWNED(k, p) \
	k = (OWNED(0, p) -> 0 : (OWNED(1, p) -> 1 : (OWNED(2, p) -> 2 : (OWNED(3, p) -> 3 : (OWNED(4, p) -> 4 : \
	    (OWNED(5, p) -> 5 : NONE))))))

#if defined(BREAK_PENDING_FREE)
#define FINISHED(k, was, w) FREE
#elif defined(BREAK_PENDING_PUBLISHED)
#define FINISHED(k, was, w) PUBLISHED(STATE_SEQ(was))
#else
#define FINISHED(k, was, w) (w == WORD(STATE_SEQ(was), k) -> PUBLISHED(STATE_SEQ(was)) : FREE)
#endif
#ifndef WAKE_ALL
#define WAKE_ALL(p)
#endif

/* Uses the locals k, h, w, was. */
inline repair_publisher(p)
{
#ifdef BREAK_OWNER_FIRST
	STEP(writers_in_use = writers_in_use & ~(1 << p));
#endif
#ifdef SLOTS
	do
	:: STEP(FIND_OWNED(k, p); if :: k == NONE -> break :: else -> was = state[k] fi);  /* R1: state */
	   if
	   :: KIND(was) == 1 -> STEP(state[k] = FREE)                                      /* R2: a loan becomes free */
	   :: KIND(was) == 2 ->
	      STEP(w = AT_RING(STATE_SEQ(was)));                                           /* R2: ring */
	      STEP(state[k] = FINISHED(k, was, w); w = 0)                                  /* R2: finish or undo */
	   fi
	od;
#endif
#ifdef KEEPS
	STEP(keep[p] = NONE);                                                              /* R3: keeps */
#endif
	STEP(h = HEAD);                                                                    /* R3: head */
	STEP(w = AT_RING(h));                                                              /* R3: ring */
	STEP(if :: HOLDS(w, h) && HEAD == h -> HEAD = NEXT(h, w) :: else fi;               /* R3: help */
	     k = NONE; h = 0; w = 0; was = 0);
#ifdef BREAK_OWNER_BEFORE_WAKE
	STEP(writers_in_use = writers_in_use & ~(1 << p));
#endif
	WAKE_ALL(p)                                                                       /* R4: always all */
	STEP(writers_in_use = writers_in_use & ~(1 << p));                                 /* R5: owner last */
}
