/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State words: claiming slots that nobody needs, giving them back, and what a dead publisher left. Steps L1..L4 of
 * docs/transport.md "Loan", R1..R2 of "Repair".
 */
#include "ring.h"

/* Pins in one line of a record. */
#define PINS_LINE (ZI_LINE / sizeof(uint64_t))

static uint64_t now_ms(void)
{
	return (uint64_t)zoe_now_ns() / 1000000;
}

/* The bits of those slots of the list that have this number. */
static unsigned named(const unsigned *slots, unsigned count, uint64_t slot)
{
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++)
		found |= (unsigned)(slots[i] == slot) << i;
	return found;
}

/* Which slots of the list subscribers have pinned, as bits. */
static unsigned pinned(const struct zi_generation *g, const struct zi_readers *readers, const unsigned *slots,
                       unsigned count)
{
	uint64_t in_use = atomic_load(&readers->in_use); /* L3: which records */
	uint64_t wide = atomic_load(&readers->wide);
	unsigned found = 0;

	for (; in_use; in_use &= in_use - 1) {
		unsigned r = (unsigned)__builtin_ctzll(in_use);
		unsigned pins = wide >> r & 1 ? ZI_PINS_MAX : PINS_LINE;

		for (unsigned i = 0; i < pins; i++) {
			uint64_t pin = atomic_load(&readers->records[r].pins[i]); /* L3: their pins */

			if (pin && pin >> 32 == g->shape.generation) /* most are not in use: zero */
				found |= named(slots, count, pin & UINT32_MAX);
		}
	}
	return found;
}

/* Which slots of the list publishers keep, as bits. */
static unsigned kept(const struct zi_generation *g, const unsigned *slots, unsigned count)
{
	unsigned found = 0;

	if (g->shape.keeps == 0)
		return 0;
	uint64_t in_use = atomic_load(&g->index->in_use); /* L3: which publishers */

	for (unsigned p = 0; p < g->shape.publishers; p++) {
		if (!(in_use >> p & 1))
			continue;
		for (unsigned i = 0; i < g->shape.keeps; i++) {
			uint64_t keep = atomic_load(&g->index->publishers[p].keeps[i]); /* L3: their keeps */

			if (keep)
				found |= named(slots, count, keep - 1);
		}
	}
	return found;
}

bool zi_slot_held(const struct zi_generation *g, const struct zi_readers *readers, unsigned slot)
{
	return pinned(g, readers, &slot, 1) || kept(g, &slot, 1);
}

/* Free, or published and no longer in the ring, or past its quarantine. */
static bool claimable(const struct zi_generation *g, unsigned slot, uint64_t state)
{
	uint64_t seq = zi_state_seq(state);

	switch (zi_state_kind(state)) {
	case ZI_FREE:
		return true;
	case ZI_PUBLISHED:
		return atomic_load(zi_ring_at(g, seq)) != zi_ring_word(seq, slot); /* L1: gone from the ring */
	case ZI_QUARANTINED:
		return now_ms() > seq;
	default:
		return false;
	}
}

unsigned zi_slot_claim(const struct zi_generation *g, const struct zi_readers *readers, unsigned publisher,
                       const struct zi_search *search, unsigned *out_slots)
{
	const uint64_t loaned = zi_state_word(ZI_LOANED, publisher, 0);
	uint64_t before[ZI_BATCH];
	unsigned slot = search->from, left = search->looks, claimed, good;

	do {
		/* all claims first, then one reading of the pins for all of them */
		for (claimed = 0; claimed < search->wanted && left > 0; left--) {
			uint64_t state = atomic_load(&g->state[slot]); /* L1: state */

			if (claimable(g, slot, state) &&
			    atomic_compare_exchange_strong(&g->state[slot], &state, loaned)) { /* L2: claim */
				before[claimed] = state;
				out_slots[claimed++] = slot;
			}
			slot = slot + 1 < g->shape.slots ? slot + 1 : 0;
		}
		unsigned held = pinned(g, readers, out_slots, claimed) | kept(g, out_slots, claimed);

		good = 0;
		for (unsigned i = 0; i < claimed; i++) {
			unsigned mine = out_slots[i];

			if (held >> i & 1)
				atomic_store(&g->state[mine], before[i]); /* L4: put it back, somebody reads it */
			else
				out_slots[good++] = mine;
		}
	} while (good == 0 && left > 0);
	return good;
}

void zi_slot_free(const struct zi_generation *g, unsigned slot)
{
	atomic_store(&g->state[slot], zi_state_word(ZI_FREE, 0, 0)); /* D1: discard */
}

/* Hardware that filled a dead owner's slot may still write into it for a moment. */
static uint64_t after_death(const struct zi_generation *g)
{
	return g->shape.quarantine_ms ? zi_state_word(ZI_QUARANTINED, 0, now_ms() + g->shape.quarantine_ms)
	                              : zi_state_word(ZI_FREE, 0, 0);
}

void zi_slot_repair(const struct zi_generation *g, unsigned publisher)
{
	for (unsigned slot = 0; slot < g->shape.slots; slot++) {
		uint64_t state = atomic_load(&g->state[slot]); /* R1: state */
		uint64_t seq = zi_state_seq(state);

		if (zi_state_publisher(state) != publisher)
			continue;
		if (zi_state_kind(state) == ZI_LOANED) {
			atomic_store(&g->state[slot], after_death(g)); /* R2: a loan becomes free */
		} else if (zi_state_kind(state) == ZI_PENDING) {
			bool in_ring = atomic_load(zi_ring_at(g, seq)) == zi_ring_word(seq, slot); /* R2: ring */

			atomic_store(&g->state[slot], in_ring ? zi_state_word(ZI_PUBLISHED, 0, seq)
			                                      : zi_state_word(ZI_FREE, 0, 0)); /* R2: finish or undo */
		}
	}
}
