/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit: a bare ring of indices in shared memory, one for each sender. No check, no repair, no join, no pin: whoever
 * is too slow reads garbage, whoever dies leaves the others waiting. The least that a hand-over can cost.
 */
#include "../bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define RING 1024u

struct line {
	_Alignas(64) _Atomic uint64_t value;
};

struct ring {
	struct line head, sleepers;
	struct line cursors[BENCH_RECEIVERS_MAX];
	_Alignas(64) uint32_t indices[RING];
};

struct side {
	const struct bench_work *work;
	struct ring *rings; /* one of each sender */
	struct ring *ring;  /* mine as sender, or the one that the message in hand came from */
	uint8_t *slots[BENCH_SENDERS_MAX];
	unsigned number, turn;
	size_t stride;
	uint64_t head, lowest;              /* of a sender: what it knows */
	uint64_t cursor[BENCH_SENDERS_MAX]; /* of a receiver */
};

/* Slots that are never in the ring: the one being filled, those being read. */
static unsigned slot_count(const struct bench_work *work)
{
	return work->depth + 4;
}

static void *limit_open(const struct bench_work *work, bool sender, unsigned number)
{
	struct side *s = calloc(1, sizeof(*s));
	bool make = sender && number == 0;

	s->work = work;
	s->number = number;
	s->stride = (work->size + 127) / 128 * 128;
	s->rings = bench_map("rings", sizeof(struct ring) * BENCH_SENDERS_MAX, make);
	for (unsigned i = 0; i < work->senders; i++) {
		char part[16];

		snprintf(part, sizeof(part), "slots%u", i);
		if (sender && i != number)
			continue;
		s->slots[i] = bench_map(part, s->stride * slot_count(work), sender);
	}
	s->ring = &s->rings[sender ? number : 0];
	return s;
}

static bool has_room(struct side *s)
{
	uint64_t lowest = s->head;

	if (s->head - s->lowest < s->work->depth)
		return true;
	for (unsigned i = 0; i < s->work->receivers; i++) {
		uint64_t cursor = atomic_load_explicit(&s->ring->cursors[i].value, memory_order_acquire);

		lowest = cursor < lowest ? cursor : lowest;
	}
	s->lowest = lowest;
	return s->head - lowest < s->work->depth;
}

static void *limit_prepare(void *side)
{
	struct side *s = side;

	while (s->work->lossless && !has_room(s))
		bench_pause();
	return s->slots[s->number] + s->head % slot_count(s->work) * s->stride;
}

static void limit_send(void *side)
{
	struct side *s = side;

	s->ring->indices[s->head % RING] = (uint32_t)(s->head % slot_count(s->work));
	s->head++;
	if (s->work->polling) {
		atomic_store_explicit(&s->ring->head.value, s->head, memory_order_release);
		return;
	}
	atomic_store(&s->ring->head.value, s->head);
	if (atomic_load(&s->ring->sleepers.value))
		bench_futex_wake(&s->ring->head.value);
}

static const void *look(struct side *s, unsigned sender)
{
	s->ring = &s->rings[sender];
	if (atomic_load_explicit(&s->ring->head.value, memory_order_acquire) == s->cursor[sender])
		return NULL;
	s->turn = sender;
	return s->slots[sender] + s->ring->indices[s->cursor[sender] % RING] * s->stride;
}

static const void *limit_receive(void *side, int64_t timeout_ns)
{
	struct side *s = side;
	const void *found = NULL;

	for (unsigned i = 0; i < s->work->senders && !found; i++)
		found = look(s, (s->turn + i + (s->work->senders > 1)) % s->work->senders);
	if (found || timeout_ns == 0)
		return found;
	/* those who sleep have one sender */
	atomic_fetch_add(&s->ring->sleepers.value, 1);
	if (atomic_load(&s->ring->head.value) == s->cursor[0])
		bench_futex_wait(&s->ring->head.value, (uint32_t)s->cursor[0], timeout_ns);
	atomic_fetch_sub(&s->ring->sleepers.value, 1);
	return look(s, 0);
}

static void limit_release(void *side)
{
	struct side *s = side;

	atomic_store_explicit(&s->ring->cursors[s->number].value, ++s->cursor[s->turn], memory_order_release);
}

static void limit_close(void *side)
{
	free(side);
}

static void limit_stop(void)
{
	bench_unlink("rings");
	for (unsigned i = 0; i < BENCH_SENDERS_MAX; i++) {
		char part[16];

		snprintf(part, sizeof(part), "slots%u", i);
		bench_unlink(part);
	}
}

const struct bench_peer bench_peer = {
    .name = "limit",
    .open = limit_open,
    .prepare = limit_prepare,
    .send = limit_send,
    .receive = limit_receive,
    .release = limit_release,
    .close = limit_close,
    .stop = limit_stop,
};
