/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lossless: a frame is displaced only when every live lossless cursor is past it. The cursor is in the subscriber's
 * record, the publisher sleeps on its low half. Steps G1..G4, C1..C3 of docs/transport.md "Lossless".
 */
#include "lossless.h"
#include "repair.h"
#include "wait.h"

#include <errno.h>

#define NOBODY UINT32_MAX

/* A lossless subscriber whose cursor is not past seq - 1, or NOBODY; *out_cursor is what was seen. */
static unsigned behind(const struct zi_topic *topic, uint64_t seq, uint64_t *out_cursor)
{
	uint64_t lossless = atomic_load(&topic->readers->lossless); /* G1: who is lossless */

	for (; lossless; lossless &= lossless - 1) {
		unsigned r = (unsigned)__builtin_ctzll(lossless);

		*out_cursor = atomic_load(&topic->readers->records[r].cursor); /* G1: their cursors */
		if (*out_cursor < seq)
			return r;
	}
	return NOBODY;
}

/* Was every lossless cursor past the frame when they were last read, and are they the same ones as then? */
static bool seen_past(const struct zi_patience *p, uint64_t displaced)
{
	const struct zi_readers *readers = p->topic->readers;
	uint64_t lossless = atomic_load(&readers->lossless); /* G1: who is lossless */

	/* joins after lossless: who joined in a record that somebody left has raised it before its bit was set */
	return displaced < p->seen->lowest && lossless == p->seen->lossless &&
	       atomic_load(&readers->joins) == p->seen->joins; /* G1: how many joined */
}

/* Read them all. */
static void see(const struct zi_patience *p)
{
	const struct zi_readers *readers = p->topic->readers;
	struct zi_seen seen = {.lowest = UINT64_MAX};

	seen.joins = atomic_load(&readers->joins);       /* G1: how many joined */
	seen.lossless = atomic_load(&readers->lossless); /* G1: who is lossless */
	for (uint64_t left = seen.lossless; left; left &= left - 1) {
		uint64_t cursor = atomic_load(&readers->records[__builtin_ctzll(left)].cursor); /* G1: their cursors */

		seen.lowest = cursor < seen.lowest ? cursor : seen.lowest;
	}
	*p->seen = seen;
}

bool zi_lossless_below(const struct zi_topic *topic, uint64_t seq)
{
	uint64_t cursor;
	unsigned r = behind(topic, seq, &cursor);

	while (r != NOBODY && zi_repair_if_dead(topic, r))
		r = behind(topic, seq, &cursor);
	return r != NOBODY;
}

static int sleep_for(const struct zi_patience *p, unsigned r, uint64_t cursor)
{
	struct zi_readers *readers = p->topic->readers;
	const uint64_t mine = 1ull << p->publisher;
	int status = 0;

	p->before_sleep(p->user); /* whoever we wait for may sleep because of a publisher that died before it woke it */
	atomic_fetch_or(&readers->blocked, mine);                                 /* G2: my bit */
	if (atomic_load(&readers->records[r].cursor) == cursor)                   /* G3: the cursor again */
		status = zi_wait(&readers->records[r].cursor, cursor, p->end_ns); /* G4: sleep */
	atomic_fetch_and(&readers->blocked, ~mine);                               /* G2: my bit off */
	return status;
}

int zi_lossless_gate(void *patience, uint64_t displaced)
{
	struct zi_patience *p = patience;
	uint64_t cursor;
	unsigned r;

	if (seen_past(p, displaced))
		return 0;
	see(p);
	while ((r = behind(p->topic, displaced + 1, &cursor)) != NOBODY) {
		if (zi_repair_if_dead(p->topic, r))
			continue;
		if (p->timeout_ns <= 0)
			return -EAGAIN;
		if (p->end_ns == 0)
			p->end_ns = zi_deadline(p->timeout_ns);
		else if (zoe_now_ns() >= p->end_ns)
			return -ETIMEDOUT;
		int status = sleep_for(p, r, cursor);

		if (status < 0)
			return status;
	}
	return 0;
}

void zi_lossless_move(struct zi_readers *readers, unsigned record, uint64_t cursor)
{
	atomic_store(&readers->records[record].cursor, cursor); /* C1: store cursor */
	if (atomic_load(&readers->blocked))                     /* C2: does anybody wait */
		zi_wake(&readers->records[record].cursor);      /* C3: wake */
}
