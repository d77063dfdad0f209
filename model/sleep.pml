/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting and waking (lib/wait.c): sleepers on the low half of head, and FIFOs of those who poll. There is no clock
 * here: the 100 ms after which a sleeper looks again are an excuse only if a publisher died before it could wake.
 */
byte waiting, armed;        /* bit r, in readers */
byte fifo;                  /* bit r: readable */
byte asleep;                /* bit r: in the kernel, on head */
byte cursor[SUBS];          /* next number wanted */
byte owes;                  /* not in shared memory: bit p, moved something and has not woken anybody yet */
byte gone;                  /* not in shared memory: bit p, died and was not repaired */

#ifndef SLEEPERS_OF
#define SLEEPERS_OF asleep
#endif

/* Uses the locals seen, i. */
inline wake(p)
{
	STEP(seen = waiting; owes = BIT(p) | (HEAD == count -> 0 : owes));                                          /* P9: does anybody sleep */
	STEP_IF(seen, SLEEPERS_OF = 0);                                                    /* P9: wake all */
#ifdef POLLS
	STEP(seen = armed);                                                                /* P9: or poll */
	STEP_IF(seen, fifo = fifo | seen);                                                 /* P9: a byte for each */
#endif
	atomic { seen = 0; owes = owes & ~BIT(p) }
}

/* Repair wakes whoever there is: the dead owner may have got to P5 and not to P9. */
inline wake_all(p)
{
	STEP(SLEEPERS_OF = 0);                                                             /* R4: always all */
#ifdef POLLS
#ifndef BREAK_REPAIR_FORGETS_POLLERS
	STEP(seen = armed);                                                                /* R4: those who poll too */
	STEP(fifo = fifo | seen; seen = 0);                                                /* R4: a byte for each */
#endif
#endif
	atomic { owes = owes & ~BIT(p) }
}

#ifndef SAME_HEAD
#define SAME_HEAD(h) (HEAD == h)
#endif
#ifdef BREAK_SLEEP_ON_LATE_HEAD
#define W2_HEAD
#define W3_HEAD STEP(h = HEAD);
#else
#define W2_HEAD STEP(h = HEAD);                                                            /* W2: head */
#define W3_HEAD
#endif

/* Sleep unless head moved since W2. Uses the local h; goes to the caller's label look when woken. */
inline sleep_on_head(r)
{
	W3_HEAD
	STEP(if :: SAME_HEAD(h) -> SLEEPERS_OF = SLEEPERS_OF | BIT(r) :: else fi);            /* W3: sleep */
	(!(SLEEPERS_OF & BIT(r)));
	goto look
}

#if defined(BREAK_NO_RING_LOOK)
#define AFTER(e, w) e
#elif defined(BREAK_RING_LOOK_EXACT)
#define AFTER(e, w) (HOLDS(w, e) -> (e) + 1 : (e))
#else
#define AFTER(e, w) ((w) < RETIRED && SEQ(w) >= (e) -> SEQ(w) + 1 : (e))
#endif

/*
 * End of what is published, though head lags by one behind a publisher that died. Uses the locals e, w; what was
 * published when it began is not missed (q only remembers how much that was).
 */
inline ring_end(e)
{
	STEP(e = HEAD; q = count);                                                         /* N1: head */
	STEP(w = AT_RING(e); e = AFTER(e, w); ALWAYS(missed, e >= q); w = 0; q = 0)        /* N2: it may lag by one */
}

#ifdef BREAK_DRAIN_AFTER_LOOK
#define DRAIN
#define LATE_DRAIN STEP(fifo = fifo & ~BIT(r));
#else
#define DRAIN STEP(fifo = fifo & ~BIT(r));                                                 /* A1: empty the FIFO */
#define LATE_DRAIN
#endif

/* Who polls found nothing. Uses the locals mine (it is armed) and second (this was the second look). */
inline arm(r)
{
	if
	:: second -> second = false; LATE_DRAIN goto poll
	:: !second
	fi;
	DRAIN
	STEP_IF(!mine, armed = armed | BIT(r); mine = true);                               /* A1: armed before the second look */
	second = true
}

/* Who polls found a frame. */
inline disarm(r)
{
	if
	:: second -> second = false; STEP(fifo = fifo | BIT(r))                            /* A2: there may be more */
#ifdef BREAK_DISARM_IN_SILENCE
	:: !second && mine -> mine = false; STEP(armed = armed & ~BIT(r))
#else
	:: !second && mine -> mine = false;
	   STEP(armed = armed & ~BIT(r));                                                  /* A3: who disarms */
	   STEP(fifo = fifo | BIT(r))                                                      /* A3: stays readable */
#endif
	:: !second && !mine
	fi
}
