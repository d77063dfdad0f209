/* SPDX-License-Identifier: Apache-2.0 */
/* Ring words and head: publishing, closing, and where the newest frame is. Steps N, P, R3, S2, S3 of docs/transport.md. */
#include "ring.h"
#include "error.h"

#include <errno.h>

/* Looks at an unmoved head without a step of our own before the topic counts as damaged. */
#define STUCK_MAX 1000

uint64_t zi_ring_end(const struct zi_generation *g)
{
	uint64_t head = atomic_load(&g->index->head);     /* N1: head */
	uint64_t word = atomic_load(zi_ring_at(g, head)); /* N2: it may lag by one */

	if (head == ZI_UNSET)
		return 0;
	if (head & ZI_CLOSED)
		return (head & ~ZI_CLOSED) - 1;
	if (word >= ZI_RETIRED || zi_ring_seq(word) < head)
		return head;
	/* newer than head if the ring went round since N1: then head was one behind, or more */
	return zi_ring_slot(word) == ZI_SLOT_CLOSED ? zi_ring_seq(word) : zi_ring_seq(word) + 1;
}

bool zi_ring_closed(const struct zi_generation *g)
{
	uint64_t head = atomic_load(&g->index->head);     /* N1: head */
	uint64_t word = atomic_load(zi_ring_at(g, head)); /* N2: it may lag by one */

	if (head == ZI_UNSET)
		return false;
	return head & ZI_CLOSED || (zi_ring_seq(word) == head && zi_ring_slot(word) == ZI_SLOT_CLOSED);
}

/* Head goes on over what the ring holds there; over the closed word it is marked closed in the same swap. */
static void advance(const struct zi_generation *g, uint64_t head, uint64_t word)
{
	uint64_t next = zi_ring_slot(word) == ZI_SLOT_CLOSED ? (head + 1) | ZI_CLOSED : head + 1;

	atomic_compare_exchange_strong(&g->index->head, &head, next); /* P6, S3: advance */
}

void zi_ring_help(const struct zi_generation *g)
{
	uint64_t head = atomic_load(&g->index->head);     /* R3: head */
	uint64_t word = atomic_load(zi_ring_at(g, head)); /* R3: ring */

	if (!(head & ZI_CLOSED) && zi_ring_seq(word) == head)
		advance(g, head, word); /* R3: help */
}

static int damaged(void)
{
	return zi_fail(-EBADMSG,
	               "shared memory is damaged: ring and head do not fit each other; end all programs of this "
	               "topic and run zoetrope clean");
}

/* What is to be published, and how. */
struct attempt {
	const struct zi_generation *g;
	unsigned publisher, slot;
	zi_gate *gate;
	void *user;
	struct zi_published *out;
};

static void set_state(const struct attempt *a, enum zi_kind kind, unsigned publisher, uint64_t seq)
{
	if (a->slot != ZI_SLOT_CLOSED)
		atomic_store(&a->g->state[a->slot], zi_state_word(kind, publisher, seq)); /* P4, P7, P8: kind */
}

/* One try to publish at head. Returns 1 published | 0 somebody was faster, try again | -errno. */
static int publish_at(const struct attempt *a, uint64_t head)
{
	const struct zi_generation *g = a->g;
	_Atomic uint64_t *at = zi_ring_at(g, head);
	uint64_t word = atomic_load(at); /* P2: what lies there */

	if (head > ZI_SEQ_LAST)
		return zi_fail(-EOVERFLOW, "the topic has used all of its 2^48 - 3 sequence numbers");
	if (word != ZI_EMPTY && zi_ring_seq(word) == head) {
		advance(g, head, word); /* P3: help */
		return 0;
	}
	if (word != ZI_EMPTY && zi_ring_seq(word) > head)
		return 0; /* head is old news: read it again */
	if (word != ZI_EMPTY) {
		uint64_t displaced = zi_ring_seq(word);

		if (displaced + g->shape.depth + 1 != head)
			return damaged();
		int status = a->gate ? a->gate(a->user, displaced) : 0;

		if (status < 0)
			return status;
	}
	if (a->slot != ZI_SLOT_CLOSED)
		zi_description(g, a->slot)->seq = head;
	set_state(a, ZI_PENDING, a->publisher, head); /* P4: pending */
	uint64_t mine = zi_ring_word(head, a->slot);

	if (!atomic_compare_exchange_strong(at, &word, mine)) /* P5, S2: publishes */
		return 0;
	advance(g, head, mine);                                                        /* P6, S3: advance */
	set_state(a, ZI_PUBLISHED, 0, head);                                           /* P7: published */
	*a->out = (struct zi_published){.seq = head, .displaced = zi_ring_slot(word)}; /* of the empty word: closed */
	return 1;
}

int zi_ring_publish(const struct zi_generation *g, unsigned publisher, unsigned slot, zi_gate *gate, void *user,
                    struct zi_published *out)
{
	const struct attempt a = {.g = g, .publisher = publisher, .slot = slot, .gate = gate, .user = user, .out = out};
	uint64_t last = ZI_UNSET;
	unsigned stuck = 0;
	int status;

	for (;;) {
		uint64_t head = atomic_load(&g->index->head); /* P1: where to publish */

		/* each round needs evidence that somebody got on */
		stuck = head == last ? stuck + 1 : 0;
		last = head;
		if (head == ZI_UNSET || stuck > STUCK_MAX)
			status = damaged();
		else if (head & ZI_CLOSED)
			status = -ESTALE;
		else
			status = publish_at(&a, head);
		if (status == 1)
			return 0;
		if (status < 0) {
			/* never to published: the slot may not have been in the ring */
			set_state(&a, ZI_LOANED, publisher, 0); /* P8: give up */
			return status;
		}
	}
}

void zi_ring_retire(const struct zi_generation *g)
{
	for (unsigned i = 0; i <= g->shape.depth; i++)
		atomic_store(&g->ring[i], ZI_RETIRED); /* S7: nothing more is taken here */
}
