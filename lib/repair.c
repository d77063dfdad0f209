/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repair: slots first, keeps and pins next, the record's bit last, so that a repair that is itself killed is simply
 * done again. Steps R1..R5 of docs/transport.md "Repair".
 */
#include "repair.h"
#include "alive.h"
#include "error.h"
#include "ring.h"
#include "wait.h"

#include <unistd.h>

/* The dead owner may have published and not told anybody; who polls has no 100 ms after which it looks again. */
static void wake_pollers(const struct zi_topic *topic)
{
	uint64_t armed = atomic_load(&topic->readers->armed); /* R4: those who poll too */

	for (; armed; armed &= armed - 1) {
		zi_autoclose int fifo = zi_fifo_open(topic->fd, (unsigned)__builtin_ctzll(armed), false, 0);

		if (fifo >= 0)
			zi_fifo_signal(fifo);
	}
}

void zi_repair_publisher(const struct zi_topic *topic, unsigned record)
{
	const struct zi_generation *g = topic->generation;

	zi_slot_repair(g, record); /* R1, R2 */
	for (unsigned i = 0; i < ZI_KEEPS_MAX; i++)
		atomic_store(&g->index->publishers[record].keeps[i], 0); /* R3: keeps */
	atomic_fetch_and(&topic->readers->blocked, ~(1ull << record));   /* R3: its wait */
	zi_ring_help(g);                                                 /* R3: head */
	zi_wake(&g->index->head);                                        /* R4: always all */
	wake_pollers(topic);
	atomic_fetch_and(&g->index->in_use, ~(1ull << record)); /* R5: owner last */
}

void zi_repair_subscriber(struct zi_readers *readers, unsigned record)
{
	struct zi_subscriber *mine = &readers->records[record];
	const uint64_t others = ~(1ull << record);
	unsigned group = atomic_load(&mine->group);
	unsigned pins = 0;

	for (unsigned i = 0; i < ZI_PINS_MAX; i++)
		pins += atomic_load(&mine->pins[i]) != 0; /* R3: what it had in hand, nobody of its group gets */
	if (group >= 1 && group <= ZI_GROUPS_MAX && pins)
		atomic_fetch_add(&readers->groups[group - 1].lost, pins); /* R3: at least; so before the pins go */
	for (unsigned i = 0; i < ZI_PINS_MAX; i++)
		atomic_store(&mine->pins[i], 0); /* R3: pins */
	atomic_store(&mine->group, 0);
	atomic_fetch_and(&readers->lossless, others);
	atomic_fetch_and(&readers->waiting, others);
	atomic_fetch_and(&readers->armed, others);
	atomic_fetch_and(&readers->in_use, others); /* R5: owner last */
	atomic_fetch_and(&readers->wide, others);
}

/* Check, lock, check again: between the two looks somebody else may have cleared the record and another joined. */
static bool borrow_dead(const struct zi_topic *topic, const char *file, int fd, const _Atomic uint64_t *in_use,
                        unsigned record, int *out_lock)
{
	if (!(atomic_load(in_use) >> record & 1) || zi_alive_any(fd, record, 1))
		return false;
	int lock = zi_alive_borrow(topic->fd, file, record);

	if (lock < 0)
		return false;
	if (!(atomic_load(in_use) >> record & 1)) {
		close(lock);
		return false;
	}
	*out_lock = lock;
	return true;
}

bool zi_repair_if_dead(const struct zi_topic *topic, unsigned subscriber)
{
	int lock;

	if (!borrow_dead(topic, "readers", topic->readers_fd, &topic->readers->in_use, subscriber, &lock))
		return false;
	zi_repair_subscriber(topic->readers, subscriber);
	close(lock);
	return true;
}

unsigned zi_repair_dead(const struct zi_topic *topic, bool publishers)
{
	unsigned repaired = 0;
	int lock;

	for (unsigned p = 0; publishers && p < topic->generation->shape.publishers; p++) {
		if (!borrow_dead(topic, "writers", topic->writers_fd, &topic->generation->index->in_use, p, &lock))
			continue;
		zi_repair_publisher(topic, p);
		close(lock);
		repaired++;
	}
	for (unsigned r = 0; r < ZI_SUBSCRIBERS_MAX; r++)
		repaired += zi_repair_if_dead(topic, r);
	return repaired;
}
