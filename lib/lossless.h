/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher that must not displace what a lossless subscriber has not taken yet, and waits for it. */
#ifndef ZI_LOSSLESS_H
#define ZI_LOSSLESS_H

#include "shm.h"

/*
 * What a publisher has seen of the lossless cursors. It stays true as long as the same ones are there, for cursors only
 * move forward; so their lines, which subscribers write all the time, need not be read for each frame.
 */
struct zi_seen {
	uint64_t lossless, joins; /* who was there */
	uint64_t lowest;          /* all their cursors are this or more */
};

/* Who asks, and how long it waits: the user pointer of zi_lossless_gate(). */
struct zi_patience {
	const struct zi_topic *topic;
	struct zi_seen *seen;
	unsigned publisher;
	int64_t timeout_ns;               /* 0 = do not wait */
	int64_t end_ns;                   /* set by the gate when it first waits; 0 before */
	void (*before_sleep)(void *user); /* wakes everybody else */
	void *user;
};

/*
 * A zi_gate. Returns 0 (every live lossless cursor is past the frame) | -EAGAIN (one is not, timeout_ns is 0)
 * | -ETIMEDOUT | -EINTR.
 */
int zi_lossless_gate(void *patience, uint64_t displaced);

/* Has a live lossless subscriber not come to `seq` yet? */
bool zi_lossless_below(const struct zi_topic *topic, uint64_t seq);

/* A lossless subscriber's cursor moves: let publishers that wait for it look again. */
void zi_lossless_move(struct zi_readers *readers, unsigned record, uint64_t cursor);

#endif
