/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two tables of words that the hot path works on, as pure steps: the ring (which slot holds which sequence number)
 * and the slots' states. Each atomic operation carries the name of its step in docs/transport.md. All are sequentially
 * consistent: that is what makes the argument there short.
 */
#ifndef ZI_RING_H
#define ZI_RING_H

#include "shm.h"

static inline uint64_t zi_ring_word(uint64_t seq, unsigned slot)
{
	return seq << 16 | slot;
}

static inline uint64_t zi_ring_seq(uint64_t word)
{
	return word >> 16;
}

static inline unsigned zi_ring_slot(uint64_t word)
{
	return word & 0xffff;
}

/*
 * Where sequence number seq lies. The remainder by multiplication is exact for numbers below 2^48 and up to 1025 words,
 * and what is more than that was never a number: it gets some word of the ring.
 */
static inline _Atomic uint64_t *zi_ring_at(const struct zi_generation *g, uint64_t seq)
{
	const uint64_t words = g->shape.depth + 1;

	seq &= (1ull << 48) - 1;
#ifdef __SIZEOF_INT128__
	return &g->ring[seq - (uint64_t)((unsigned __int128)seq * g->ring_inverse >> 64) * words];
#else
	return &g->ring[seq % words];
#endif
}

static inline uint64_t zi_state_word(enum zi_kind kind, unsigned publisher, uint64_t seq)
{
	return seq << 16 | publisher << 3 | kind;
}

static inline enum zi_kind zi_state_kind(uint64_t state)
{
	return (enum zi_kind)(state & 7);
}

static inline unsigned zi_state_publisher(uint64_t state)
{
	return state >> 3 & 0x1fff;
}

static inline uint64_t zi_state_seq(uint64_t state)
{
	return state >> 16;
}

static inline uint64_t zi_pin_word(const struct zi_generation *g, unsigned slot)
{
	return (uint64_t)g->shape.generation << 32 | slot;
}

/* Has the generation its first number? Nobody publishes or takes before. */
static inline bool zi_ring_begun(const struct zi_generation *g)
{
	return atomic_load(&g->index->head) != ZI_UNSET;
}

/* Sequence number after the newest frame; looks at the ring as well, since head may lag by one behind a dead publisher.
 */
uint64_t zi_ring_end(const struct zi_generation *g);

/* Is it closed: will nothing more be published here? Then zi_ring_end() is where the next generation begins. */
bool zi_ring_closed(const struct zi_generation *g);

/* Asked before a word of the ring that holds frame `displaced` is overwritten. Returns 0 = go ahead | -errno. */
typedef int zi_gate(void *user, uint64_t displaced);

/* Where a frame went. */
struct zi_published {
	uint64_t seq;
	unsigned
	    displaced; /* the slot that left the ring for it, ZI_SLOT_CLOSED if none did; a hint, it may be damage */
};

/*
 * Publish the slot, loaned by publisher and described; or close the generation, with slot ZI_SLOT_CLOSED.
 * Returns 0 | -ESTALE (closed) | -EOVERFLOW | -EBADMSG | what the gate returned; then the slot is loaned as before.
 */
int zi_ring_publish(const struct zi_generation *g, unsigned publisher, unsigned slot, zi_gate *gate, void *user,
                    struct zi_published *out);

/* Move head on if the ring already holds what it points to. */
void zi_ring_help(const struct zi_generation *g);

/* Overwrite all ring words of a closed generation, so that nothing more is taken from it. */
void zi_ring_retire(const struct zi_generation *g);

/* Where a claimer looks. */
struct zi_search {
	unsigned from;   /* first this slot, then those after it, round about */
	unsigned looks;  /* at so many */
	unsigned wanted; /* 1..ZI_BATCH */
};

/* Claim slots that nobody needs. Returns how many; their numbers in out_slots. */
unsigned zi_slot_claim(const struct zi_generation *g, const struct zi_readers *readers, unsigned publisher,
                       const struct zi_search *search, unsigned *out_slots);

/* Give a loaned slot back. */
void zi_slot_free(const struct zi_generation *g, unsigned slot);

/* Is the slot named by a subscriber's pin or a publisher's keep? */
bool zi_slot_held(const struct zi_generation *g, const struct zi_readers *readers, unsigned slot);

/* What a dead publisher left in the state words: loans become free, a pending publish is finished or undone. */
void zi_slot_repair(const struct zi_generation *g, unsigned publisher);

#endif
