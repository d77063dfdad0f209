/* SPDX-License-Identifier: Apache-2.0 */
/* What a subscriber does with frames: take the newest or the next, wait, release. Steps T, M, W, A of
 * docs/transport.md. */
#include "error.h"
#include "handle.h"
#include "lossless.h"
#include "ring.h"
#include "shape.h"
#include "topic.h"
#include "wait.h"

#include <errno.h>
#include <string.h>

/* Overruns in a row without a move of head before the topic counts as damaged. */
#define STUCK_MAX 1000

/* ---- one frame ---------------------------------------------------------------------------------------------- */

static struct zi_subscriber *record_of(const struct zoe_subscriber *sub)
{
	return &sub->topic.readers->records[sub->record];
}

static int damaged(const struct zoe_subscriber *sub)
{
	return zi_fail(
	    -EBADMSG,
	    "topic %s is damaged: its shared memory contradicts itself; end all its programs and run zoetrope "
	    "clean",
	    sub->topic.name);
}

/* What the description says of the picture: copied, then checked. */
static int read_image(const struct zi_description *d, uint32_t format, size_t size, struct zoe_image *out)
{
	*out = (struct zoe_image){
	    .format = format,
	    .width = d->width,
	    .height = d->height,
	    .plane_count = d->plane_count,
	    .range = d->range,
	    .matrix = d->matrix,
	};
	for (unsigned i = 0; i < ZOE_PLANES_MAX; i++)
		out->planes[i] = (struct zoe_plane){.offset = d->planes[i].offset, .stride = d->planes[i].stride};
	return zoe_image_check(out, size);
}

/* Copy the description into the caller's frame, each word once; what is used is the copy that was checked. */
static int read_frame(const struct zoe_subscriber *sub, unsigned slot, uint64_t seq, struct zoe_frame *out)
{
	const struct zi_generation *g = sub->topic.generation;
	const struct zi_description *d = zi_description(g, slot);
	const uint64_t size = d->size;
	const uint32_t format = d->format;
	struct zoe_image image;

	if (d->seq != seq || size > g->shape.slot_bytes || (format && read_image(d, format, (size_t)size, &image) < 0))
		return damaged(sub);
	*out = (struct zoe_frame){
	    .data = zi_payload(g, slot),
	    .size = (size_t)size,
	    .seq = seq,
	    .capture_ns = d->capture_ns,
	    .publish_ns = d->publish_ns,
	    .publisher = d->publisher,
	    .flags = d->flags,
	    .slot = slot,
	    .generation = g->shape.generation,
	};
	if (format) {
		out->image = image;
		memcpy(out->meta, d->meta, sizeof(out->meta));
	}
	return 0;
}

static int free_pin(const struct zoe_subscriber *sub)
{
	const struct zi_subscriber *record = record_of(sub);

	for (unsigned i = 0; i < sub->options.pins; i++) {
		if (atomic_load_explicit(&record->pins[i], memory_order_relaxed) == 0) /* mine alone */
			return (int)i;
	}
	return zi_fail(
	    -ENOBUFS,
	    "this subscriber of topic %s holds %u frames, as many as it asked for; release one, or open it with "
	    "more (zoe_subscriber_options.pins)",
	    sub->topic.name, sub->options.pins);
}

static void unpin(struct zoe_subscriber *sub, struct zi_generation *g, unsigned pin)
{
	atomic_store(&record_of(sub)->pins[pin], 0); /* T4, T5: unpin */
	g->held--;
}

/*
 * Take sequence number seq. Returns 0 | -EAGAIN (not published yet) | -EOVERFLOW (overrun) | -ESTALE (closed here)
 * | -ENOBUFS | -EBADMSG. Between pin and second look the slot is only prefetched: a load could touch a page that was
 * given back.
 */
static int take_at(struct zoe_subscriber *sub, uint64_t seq, struct zoe_frame *out)
{
	struct zi_generation *g = sub->topic.generation;
	struct zi_subscriber *record = record_of(sub);
	_Atomic uint64_t *at = zi_ring_at(g, seq);
	uint64_t word = atomic_load(at); /* T1: first look */
	unsigned slot = zi_ring_slot(word);
	int pin, status;

	if (word == ZI_EMPTY || zi_ring_seq(word) < seq)
		return -EAGAIN;
	if (zi_ring_seq(word) > seq)
		return -EOVERFLOW;
	if (slot == ZI_SLOT_CLOSED)
		return -ESTALE;
	if (slot >= g->shape.slots)
		return damaged(sub);
	pin = free_pin(sub);
	if (pin < 0)
		return pin;
	__builtin_prefetch(&zi_description(g, slot)->seq);
	__builtin_prefetch(zi_payload(g, slot));
	g->held++;
	atomic_store(&record->pins[pin], zi_pin_word(g, slot)); /* T2: pin before the second look */
	status = atomic_load(at) != word ? -EOVERFLOW           /* T3: still there? */
	                                 : read_frame(sub, slot, seq, out);
	if (status < 0) {
		unpin(sub, g, (unsigned)pin); /* T4: too late, or damaged */
		return status;
	}
	out->pin = (unsigned)pin;
	return 0;
}

/*
 * The generation is closed: go on in the next one. Pins in the old one stay good. only_if_newer: stay (-EAGAIN) as long
 * as the next one has no frame.
 */
static int go_over(struct zoe_subscriber *sub, bool only_if_newer)
{
	struct zi_generation *old = sub->topic.generation, *next;
	int status = zi_shape_after(&sub->topic, old->shape.generation, false, &next);

	if (status < 0)
		return status == -ENOENT ? damaged(sub) : status;
	if (only_if_newer && zi_ring_end(next) <= zi_ring_end(old)) {
		zi_generation_close(next);
		return -EAGAIN;
	}
	next->older = old; /* S6: over */
	sub->topic.generation = next;
	zi_shape_drop_older(&sub->topic);
	return 0;
}

/* ---- newest and next ---------------------------------------------------------------------------------------- */

/* Evidence that somebody got on: each round must see another number than the one before, or it counts as stuck. */
struct progress {
	uint64_t last;
	unsigned stuck;
};

static bool got_on(struct progress *p, uint64_t number)
{
	p->stuck = number == p->last ? p->stuck + 1 : 0;
	p->last = number;
	return p->stuck < STUCK_MAX;
}

/* A frame that came too soon after the one before goes back untaken. */
static int check_interval(struct zoe_subscriber *sub, struct zoe_frame *frame)
{
	int64_t interval = sub->options.interval_ns;

	if (interval == 0)
		return 0;
	if (frame->publish_ns < sub->due_ns) {
		unpin(sub, sub->topic.generation, frame->pin);
		return -EAGAIN;
	}
	/* due times on a grid, so that the rate does not drift; begun anew after a pause */
	sub->due_ns += interval;
	if (sub->due_ns <= frame->publish_ns)
		sub->due_ns = frame->publish_ns + interval - interval / 8;
	return 0;
}

/* The newest frame of this generation, if it is newer than the one before and not too soon. */
static int take_newest(struct zoe_subscriber *sub, uint64_t end, struct zoe_frame *out)
{
	int status;

	if (end == 0 || (sub->taken_any && end <= sub->cursor))
		return -EAGAIN;
	/* the newest may be of the generation before, and this one has none yet */
	if (atomic_load(zi_ring_at(sub->topic.generation, end - 1)) == ZI_EMPTY)
		return -EAGAIN;
	status = take_at(sub, end - 1, out);
	if (status == -EAGAIN)
		return -EOVERFLOW; /* not yet there, and end says it is: look again */
	if (status == 0)
		status = check_interval(sub, out);
	if (status == 0)
		out->lost = sub->taken_any ? end - 1 - sub->cursor : 0;
	return status;
}

static int try_latest(struct zoe_subscriber *sub, struct zoe_frame *out)
{
	struct progress progress = {.last = ZI_UNSET};
	uint64_t end;

	do {
		const struct zi_generation *g = sub->topic.generation;
		bool closed = zi_ring_closed(g);

		end = zi_ring_end(g);                               /* N1, N2 */
		int status = closed ? go_over(sub, true) : -EAGAIN; /* g is gone if it succeeds */

		if (status == -EAGAIN)
			status = take_newest(sub, end, out);
		else if (status == 0)
			status = -EOVERFLOW; /* in the next generation: look there */
		else
			return status;
		if (status == -EAGAIN && closed) {
			status = go_over(sub, false);
			if (status == 0)
				status = -EOVERFLOW;
		}
		if (status != -EOVERFLOW)
			return status;
	} while (got_on(&progress, end ^ (uint64_t)sub->topic.generation->shape.generation << 48));
	return damaged(sub);
}

/* Where to go on after want was overrun: the oldest that is kept, or a step, if that is not past it. */
static uint64_t after_overrun(const struct zi_generation *g, uint64_t want, uint64_t end)
{
	uint64_t kept = end > g->shape.depth ? end - g->shape.depth : 0;

	return kept > want ? kept : want + 1;
}

/* Take *want or, if that is gone, what comes after it; *want is then the frame's number. Goes over as needed. */
static int take_from(struct zoe_subscriber *sub, uint64_t *want, struct zoe_frame *out)
{
	struct progress progress = {.last = ZI_UNSET};
	uint64_t end;

	do {
		const struct zi_generation *g = sub->topic.generation;
		int status = take_at(sub, *want, out);

		if (status != -EAGAIN && status != -EOVERFLOW && status != -ESTALE)
			return status;
		end = zi_ring_end(g); /* N1, N2 */
		if (*want >= end) {
			if (!zi_ring_closed(g)) /* a word that is newer than head can be no honest one */
				return status == -EOVERFLOW ? damaged(sub) : -EAGAIN;
			status = go_over(sub, false);
			if (status < 0)
				return status;
		} else if (status == -EOVERFLOW || zi_ring_seq(atomic_load(zi_ring_at(g, *want))) != *want) {
			*want = after_overrun(g, *want, end);
		}
	} while (got_on(&progress, *want ^ (uint64_t)sub->topic.generation->shape.generation << 48));
	return damaged(sub);
}

static int try_next(struct zoe_subscriber *sub, struct zoe_frame *out)
{
	uint64_t want = sub->cursor;
	int status = take_from(sub, &want, out);

	/* what is lost is lost, though nothing newer may be there yet */
	sub->lost += want - sub->cursor;
	sub->cursor = want;
	if (status == 0) {
		out->lost = sub->lost;
		sub->lost = 0;
	}
	return status;
}

/* One of a group: pin first, then swap the cursor; who loses the swap unpins. */
static int try_group(struct zoe_subscriber *sub, struct zoe_frame *out)
{
	struct progress progress = {.last = ZI_UNSET};
	uint64_t cursor;

	do {
		cursor = atomic_load(&sub->group->cursor); /* M1: where the group is */
		uint64_t want = cursor;
		int status = take_from(sub, &want, out);

		if (status < 0 && (status != -EAGAIN || want == cursor))
			return status;
		uint64_t next = status == 0 ? want + 1 : want, gap = want - cursor;

		if (gap)
			atomic_fetch_add(&sub->group->lost, gap); /* M4: counted first, in case that we are killed */
		if (atomic_compare_exchange_strong(&sub->group->cursor, &cursor, next)) { /* M2, M4: mine */
			sub->lost += gap;
			if (status < 0)
				return status;
			out->lost = sub->lost;
			sub->lost = 0;
			return 0;
		}
		if (gap)
			atomic_fetch_sub(&sub->group->lost, gap); /* M4: somebody else's gap */
		if (status == 0)
			unpin(sub, sub->topic.generation, out->pin); /* M3: somebody else's */
	} while (got_on(&progress, cursor));
	return damaged(sub);
}

static void count_taken(struct zoe_subscriber *sub, const struct zoe_frame *frame)
{
	struct zi_subscriber *record = record_of(sub);

	sub->cursor = frame->seq + 1;
	sub->taken_any = true;
	/* for people who look: my own words, so no read-modify-write is needed */
	atomic_store_explicit(&record->taken, atomic_load_explicit(&record->taken, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
	if (frame->lost)
		atomic_store_explicit(&record->lost,
		                      atomic_load_explicit(&record->lost, memory_order_relaxed) + frame->lost,
		                      memory_order_relaxed);
	if (sub->options.mode == ZOE_LOSSLESS)
		zi_lossless_move(sub->topic.readers, sub->record, sub->cursor); /* C1..C3 */
	else
		atomic_store_explicit(&record->cursor, sub->cursor, memory_order_relaxed);
}

/* ---- wait --------------------------------------------------------------------------------------------------- */

typedef int try_function(struct zoe_subscriber *sub, struct zoe_frame *out);

/*
 * For those who ask again and again: the word that the frame I want will displace is still in the ring. Then that frame is
 * not published, the generation is not closed before it, and head, which publishers write, need not be read.
 */
static bool nothing_yet(const struct zoe_subscriber *sub, try_function *try)
{
	const struct zi_generation *g = sub->topic.generation;
	uint64_t before = sub->cursor - g->shape.depth - 1;

	if (sub->group || (try == try_latest && !sub->taken_any) || sub->cursor <= g->shape.depth)
		return false;
	return zi_ring_seq(atomic_load(zi_ring_at(g, sub->cursor))) == before; /* T1: first look */
}

/* Either publishers see it armed, or the FIFO is readable: whose frame was taken need not have written its byte. */
static void disarm(struct zoe_subscriber *sub)
{
	if (!sub->armed)
		return;
	atomic_fetch_and(&sub->topic.readers->armed, ~(1ull << sub->record)); /* A3: who disarms, stays readable */
	sub->armed = false;
	zi_fifo_signal(sub->fifo);
}

/* Nothing there: empty the FIFO, ask for a byte, look again. */
static int arm_and_try(struct zoe_subscriber *sub, try_function *try, struct zoe_frame *out)
{
	int status;

	zi_fifo_drain(sub->fifo); /* A1: empty the FIFO */
	if (!sub->armed)
		atomic_fetch_or(&sub->topic.readers->armed, 1ull << sub->record); /* A1: armed before the second look */
	sub->armed = true;
	status = try(sub, out); /* A2: second look */
	if (status == 0)
		zi_fifo_signal(sub->fifo); /* there may be more that came before the arming: stay readable */
	return status;
}

/* Where a core is free, a short spin spares the wake-up. */
static int spin_and_try(struct zoe_subscriber *sub, try_function *try, int64_t end_ns, struct zoe_frame *out)
{
	int64_t until = zi_deadline(sub->options.spin_ns);
	int status;

	do {
		for (unsigned i = 0; i < 64; i++) {
			status = nothing_yet(sub, try) ? -EAGAIN : try(sub, out);
			if (status != -EAGAIN)
				return status;
		}
	} while (zoe_now_ns() < (until < end_ns ? until : end_ns));
	return status;
}

static int sleep_and_try(struct zoe_subscriber *sub, try_function *try, int64_t end_ns, struct zoe_frame *out)
{
	const uint64_t mine = 1ull << sub->record;
	struct zi_readers *readers = sub->topic.readers;
	int status;

	atomic_fetch_add_explicit(&record_of(sub)->waits, 1, memory_order_relaxed);
	atomic_fetch_or(&readers->waiting, mine); /* W1: waiting bit before the look */
	for (;;) {
		const struct zi_generation *g = sub->topic.generation;
		uint64_t head = atomic_load(&g->index->head); /* W2: head */

		status = try(sub, out); /* W2: and ring */
		if (status != -EAGAIN)
			break;
		if (zoe_now_ns() >= end_ns) {
			status = -ETIMEDOUT;
			break;
		}
		if (g != sub->topic.generation)
			continue; /* gone over: the head that was read is the old one's */
		status = zi_wait(&g->index->head, head, end_ns); /* W3 */
		if (status < 0)
			break;
	}
	atomic_fetch_and(&readers->waiting, ~mine); /* W4: clear the bit */
	return status;
}

static int take(struct zoe_subscriber *sub, try_function *try, int64_t timeout_ns, struct zoe_frame *out)
{
	int status = zi_check_subscriber(sub);

	if (status < 0)
		return status;
	status = nothing_yet(sub, try) ? -EAGAIN : try(sub, out);
	if (status == -EAGAIN && timeout_ns > 0) {
		int64_t end_ns = zi_deadline(timeout_ns);

		if (sub->options.spin_ns)
			status = spin_and_try(sub, try, end_ns, out);
		if (status == -EAGAIN)
			status = sleep_and_try(sub, try, end_ns, out);
	} else if (status == -EAGAIN && sub->fifo >= 0) {
		status = arm_and_try(sub, try, out);
	} else if (status == 0) {
		disarm(sub);
	}
	if (status == 0)
		count_taken(sub, out);
	return status;
}

int zoe_take_latest(struct zoe_subscriber *sub, int64_t timeout_ns, struct zoe_frame *out_frame)
{
	if (sub->group || sub->options.mode == ZOE_LOSSLESS)
		return zi_fail(
		    -EINVAL, "a subscriber that is lossless or in a group takes frames in order: use zoe_take_next()");
	return take(sub, try_latest, timeout_ns, out_frame);
}

int zoe_take_next(struct zoe_subscriber *sub, int64_t timeout_ns, struct zoe_frame *out_frame)
{
	return take(sub, sub->group ? try_group : try_next, timeout_ns, out_frame);
}

void zoe_release(struct zoe_subscriber *sub, struct zoe_frame *frame)
{
	struct zi_generation *g;

	if (!frame->data || frame->pin >= sub->options.pins || !zi_fork_here(sub->mark))
		return;
	frame->data = NULL;
	g = zi_shape_find(&sub->topic, frame->generation);
	/* a copy of the struct may have been released already */
	if (!g || atomic_load_explicit(&record_of(sub)->pins[frame->pin], memory_order_relaxed) !=
	              zi_pin_word(g, frame->slot))
		return;
	unpin(sub, g, frame->pin); /* T5: release */
	if (sub->topic.generation->older && g->held == 0)
		zi_shape_drop_older(&sub->topic);
}
