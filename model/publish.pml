/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publish: ring words and head (lib/ring.c). Models without slots leave SLOTS undefined; those with generations,
 * lossless subscribers or sleepers define HEAD and AT_RING, GATE or WAKE. ENDED(h) says when a publisher has had enough.
 */
#ifndef HEAD
byte head;
byte ring[RING] = EMPTY;
#define HEAD head
#define AT_RING(s) ring[(s) % RING]
#endif
#ifndef ENDED
#define ENDED(h) ((h) >= FRAMES)
#endif
#ifndef NEXT
#define NEXT(h, w) ((h) + 1)
#endif
#ifndef GATE
#define GATE(p)
#endif
#ifndef HELPED
#define HELPED(p)
#endif
#ifndef WAKE
#define WAKE(p)
#endif
#ifndef WAKE_IF_HELPED
#define WAKE_IF_HELPED(p)
#endif
#ifdef SLOTS
byte state[SLOTS];          /* all free */
byte content[SLOTS] = NONE; /* which frame the slot's bytes are of: one byte stands for 25 MB */
#define SLOT_STEP(...) STEP(__VA_ARGS__);
#define MY_SLOT k
#else
#define SLOT_STEP(...)
#ifndef MY_SLOT
#define MY_SLOT 0
#endif
#endif
byte count;                 /* not in shared memory: frames published so far */

#define HOLDS(w, h) ((w) != EMPTY && SEQ(w) == (h))
#ifdef BREAK_NEWER_OVERWRITTEN
#define NEWER(w, h) false
#else
#define NEWER(w, h) ((w) != EMPTY && SEQ(w) > (h))
#endif

#ifndef ON_PUT
#define ON_PUT(h)
#endif
#ifndef COUNT
#define COUNT(h) ALWAYS(twice, (h) >= count); ALWAYS(hole, (h) <= count); count++
#endif

#ifdef WOULD_BLOCK
#define OR_GIVE_UP :: goto giveup
#else
#define OR_GIVE_UP
#endif

#define SET_PUBLISHED(k, h) SLOT_STEP(state[k] = PUBLISHED(h))                     /* P7 below */

/*
 * Called as `again: publish(p)`; uses the locals k, h, w. Goes on behind it when published, or when given up: then the
 * slot is free. What COUNT asserts: no number is given twice, none is left out.
 */
inline publish(p)
{
	STEP(h = HEAD; if :: ENDED(h) -> goto giveup :: else fi);                          /* P1: where to publish */
	STEP(w = AT_RING(h);                                                               /* P2: what lies there */
	     if :: HOLDS(w, h) -> goto help :: NEWER(w, h) -> goto again :: else fi);
	GATE(p)
	SLOT_STEP(content[k] = h; state[k] = PENDING(p, h))                                /* P4: pending */
#ifdef BREAK_PUBLISHED_BEFORE_RING
	SET_PUBLISHED(k, h)
#endif
	STEP(if :: AT_RING(h) == w -> COUNT(h); ON_PUT(h) AT_RING(h) = WORD(h, MY_SLOT)   /* P5, S2: publishes */
	        :: AT_RING(h) != w -> goto again
	        OR_GIVE_UP
	     fi);
#ifdef BREAK_WAKE_BEFORE_HEAD
	WAKE(p)
#endif
	STEP(if :: HEAD == h -> HEAD = NEXT(h, WORD(h, MY_SLOT)) :: else fi);              /* P6, S3: advance */
#ifndef BREAK_PUBLISHED_BEFORE_RING
	SET_PUBLISHED(k, h)                                                               /* P7: published */
#endif
#ifndef BREAK_WAKE_BEFORE_HEAD
	WAKE(p)                                                                           /* P9: does anybody sleep */
#endif
	goto out;
help:
#ifdef BREAK_NO_HELP
	STEP(HEAD != h -> goto again);
#else
	STEP(if :: HEAD == h -> HEAD = NEXT(h, w); HELPED(p) :: else fi; goto again);       /* P3: help */
#endif
giveup:
#ifndef BREAK_HELPER_SILENT
	WAKE_IF_HELPED(p)                                                                 /* P9: who helped wakes too */
#endif
#ifdef SLOTS
#ifdef BREAK_GIVE_UP_PUBLISHED
	STEP(state[k] = PUBLISHED(h); goto out);
#endif
	STEP(state[k] = LOANED(p));                                                        /* P8: give up, never to published */
	STEP(state[k] = FREE);                                                             /* D1: discard */
#endif
out:
	atomic { k = NONE; h = 0; w = 0 }
}
