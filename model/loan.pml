/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loan: claim a slot, then read who holds it (lib/slot.c). A scan passes what it cannot claim without a trace in
 * shared memory, so the model goes straight to any slot that can be claimed now, and is blocked when there is none.
 */
byte pin[SUBS] = NONE;      /* each subscriber's record: one pin */
byte keep[PUBS] = NONE;     /* each publisher's record: one keep */
byte readers_in_use;        /* bit r */
byte writers_in_use;        /* bit p */

#define GONE(k, was) (AT_RING(STATE_SEQ(was)) != WORD(STATE_SEQ(was), k))
#define CLAIMABLE(k) (state[k] == FREE || (KIND(state[k]) == 3 && GONE(k, state[k])))
#define PICK_3(k) :: CLAIMABLE(0) -> k = 0 :: CLAIMABLE(1) -> k = 1 :: CLAIMABLE(2) -> k = 2
#if SLOTS == 3
#define PICK(k) PICK_3(k)
#elif SLOTS == 4
#define PICK(k) PICK_3(k) :: CLAIMABLE(3) -> k = 3
#elif SLOTS == 5
#define PICK(k) PICK_3(k) :: CLAIMABLE(3) -> k = 3 :: CLAIMABLE(4) -> k = 4
#else
#define PICK(k) PICK_3(k) :: CLAIMABLE(3) -> k = 3 :: CLAIMABLE(4) -> k = 4 :: CLAIMABLE(5) -> k = 5
#endif

#define NAMED(x) (pin[0] == x || pin[SUBS - 1] == x || keep[0] == x || keep[PUBS / 2] == x || keep[PUBS - 1] == x)
#define UNNAMED(x) (x < SLOTS && CLAIMABLE((x < SLOTS -> x : 0)) && !NAMED(x))
#define AVAILABLE (UNNAMED(0) || UNNAMED(1) || UNNAMED(2) || UNNAMED(3) || UNNAMED(4) || UNNAMED(5))

#ifdef BREAK_CLAIM_WITHOUT_SWAP
#define SWAP(x, was, new) state[x] = new
#else
#define SWAP(x, was, new) if :: state[x] == was -> state[x] = new :: else -> x = NONE fi
#endif

/* One try to claim a slot into x. `or_not` lets it come back with none. */
inline look(p, x, was, or_not)
{
	STEP(if PICK(x); was = state[x] :: or_not -> skip fi);                             /* L1: state */
	STEP_IF(x != NONE && KIND(was) == 3, if :: !GONE(x, was) -> x = NONE :: else fi);  /* L1: gone from the ring */
}

inline claim(p, x, was)
{
	STEP_IF(x != NONE, SWAP(x, was, LOANED(p)));                                       /* L2: claim */
}

#ifdef BATCH
#define HOLDER(x) held = held | ((seen >> i & 1) && (x) == k) | ((seen >> i & 1) && (x) == b) << 1
#else
#define HOLDER(x) held = held | ((seen >> i & 1) && (x) == k)
#endif

/* Do pins or keeps name k (bit 0 of held) or the spare b (bit 1)? */
inline look_who_holds(p)
{
#ifndef BREAK_RECORDS_BEFORE_CLAIM
	STEP(seen = readers_in_use);                                                       /* L3: which records */
#endif
	do
	:: i < SUBS -> STEP(HOLDER(pin[i]); i++)                                           /* L3: their pins */
	:: i >= SUBS -> break
	od;
#ifdef KEEPS
	STEP(seen = writers_in_use; i = 0);                                                /* L3: which publishers */
	do
	:: i < PUBS -> STEP(HOLDER(keep[i]); i++)                                          /* L3: their keeps */
	:: i >= PUBS -> break
	od;
#endif
	atomic { seen = 0; i = 0 }
}


/* Uses the locals k, was, seen, i, held (and b, bwas: the spare of a batch). Afterwards k is p's to write into. */
inline loan(p)
{
#ifdef BATCH
	atomic { k = b; b = NONE };                                                        /* claimed and looked at before */
#ifdef BREAK_BATCH_OLD_PINS
	claim(p, k, bwas);
#endif
#endif
	do
	:: k == NONE ->
#ifdef BREAK_RECORDS_BEFORE_CLAIM
	   STEP(seen = readers_in_use);
#endif
#ifdef BREAK_PINS_BEFORE_CLAIM
	   if :: k = 0 :: k = 1 :: k = 2 fi;
	   look_who_holds(p);
	   STEP(if :: !held && CLAIMABLE(k) -> was = state[k] :: else -> k = NONE; held = 0 fi);
#else
	   look(p, k, was, false);
#endif
	   claim(p, k, was);
#ifdef BATCH
	   look(p, b, bwas, true);
#ifndef BREAK_BATCH_OLD_PINS
	   claim(p, b, bwas);
#endif
#endif
#ifndef BREAK_PINS_BEFORE_CLAIM
	   look_who_holds(p);
#endif
	   STEP_IF(k != NONE && (held & 1), state[k] = was; k = NONE);                     /* L4: put it back */
#ifdef BATCH
	   STEP_IF(b != NONE && (held & 2), state[b] = bwas; b = NONE);/* L4: the spare too */
	   atomic { bwas = 0; if :: k == NONE -> k = b; b = NONE :: else fi };
#endif
	   atomic { was = 0; held = 0 };
	   if :: k == NONE -> AVAILABLE :: k != NONE fi                                        /* else it would turn round for ever */
	:: k != NONE -> content[k] = NONE; break
	od
}
