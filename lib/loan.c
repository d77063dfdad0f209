/* SPDX-License-Identifier: Apache-2.0 */
/* What a publisher does with slots: loan, publish, keep, discard. The steps on words are in ring.c and slot.c. */
#include "error.h"
#include "handle.h"
#include "lossless.h"
#include "repair.h"
#include "ring.h"
#include "shape.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Less from one frame to the next: too little to write a frame of a page or more in between and do anything with it. */
#define FAST_NS 20000

/* ---- what is held ------------------------------------------------------------------------------------------- */

static struct zi_held *find_free(struct zi_held *table, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!table[i].generation)
			return &table[i];
	}
	return NULL;
}

static struct zi_held *find_held(struct zi_held *table, unsigned count, const struct zoe_loan *loan)
{
	for (unsigned i = 0; i < count; i++) {
		if (table[i].generation && table[i].slot == loan->slot &&
		    table[i].generation->shape.generation == loan->generation)
			return &table[i];
	}
	return NULL;
}

static void hold(struct zi_held *held, struct zi_generation *generation, uint32_t slot)
{
	*held = (struct zi_held){.generation = generation, .slot = slot};
	generation->held++;
}

static void let_go(struct zi_held *held)
{
	held->generation->held--;
	held->generation = NULL;
}

/* ---- loan --------------------------------------------------------------------------------------------------- */

void zi_publisher_drop_batch(struct zoe_publisher *pub)
{
	while (pub->batched)
		zi_slot_free(pub->topic.generation, pub->batch[--pub->batched]);
}

/*
 * The first lines of slots just claimed come here now, all at once, not one by one when their publisher publishes. By
 * stores, because a prefetch for writing does not take a line from those who have read it (measured, bench/README.md).
 */
static void touch(const struct zi_generation *g, const unsigned *slots, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		*(volatile uint64_t *)&zi_description(g, slots[i])->size = 0;
		if (g->places.inline_descriptions ||
		    atomic_load(&g->reserved[slots[i]])) /* else it has no memory yet */
			*(volatile uint8_t *)zi_payload(g, slots[i]) = 0;
	}
}

/*
 * Small messages: several at once, round about, for the lines of those that were used last are still with their readers.
 * Frames: the slot that the last one pushed out of the ring, else the lowest, so that few have memory and that is in the
 * cache; several at once only where they come faster than anybody can fill them.
 */
static unsigned search(struct zoe_publisher *pub)
{
	const struct zi_generation *g = pub->topic.generation;
	struct zi_search where = {.from = pub->next, .looks = g->shape.slots, .wanted = ZI_BATCH};

	if (!g->places.inline_descriptions) {
		if (pub->interval_ns == 0 || pub->interval_ns > FAST_NS)
			where.wanted = 1;
		if (where.wanted == 1 && where.from < g->shape.slots) {
			where.looks = 1;
			if (zi_slot_claim(g, pub->topic.readers, pub->record, &where, pub->batch))
				return 1;
		}
		where.from = 0;
		where.looks = g->shape.slots;
	}
	return zi_slot_claim(g, pub->topic.readers, pub->record, &where, pub->batch);
}

/* What was found first is taken first, from the end. */
static void reverse(unsigned *slots, unsigned count)
{
	for (unsigned i = 0; i < count / 2; i++) {
		unsigned other = slots[count - 1 - i];

		slots[count - 1 - i] = slots[i];
		slots[i] = other;
	}
}

/*
 * Claim slots in advance. The pool is large enough that a scan can fail only because somebody else got on, or because the
 * dead hold slots. So: scan, repair the dead, scan as long as head moves.
 */
static int refill(struct zoe_publisher *pub)
{
	struct zi_generation *g = pub->topic.generation;
	uint64_t head = ZI_UNSET;

	for (unsigned stuck = 0; stuck < 16;) {
		pub->batched = search(pub);
		if (pub->batched) {
			touch(g, pub->batch, pub->batched);
			reverse(pub->batch, pub->batched);
			return 0;
		}
		_Atomic uint64_t *repairs = &g->index->publishers[pub->record].repairs;

		atomic_store(repairs, atomic_load(repairs) + zi_repair_dead(&pub->topic, true));
		uint64_t now = atomic_load(&g->index->head);

		if (now & ZI_CLOSED)
			return -ESTALE; /* given up since prepare(): whoever did so has all slots, for good */
		stuck = now == head ? stuck + 1 : 0;
		head = now;
	}
	return zi_fail(-EBADMSG,
	               "topic %s has no free slot although its budgets leave some: its shared memory is "
	               "damaged; end all its programs and run zoetrope clean",
	               pub->topic.name);
}

static int claim(struct zoe_publisher *pub, unsigned *out_slot)
{
	const struct zi_generation *g = pub->topic.generation;
	int status = pub->batched ? 0 : refill(pub);

	if (status < 0)
		return status;
	*out_slot = pub->batch[--pub->batched];
	if (g->places.inline_descriptions)
		pub->next = *out_slot + 1 < g->shape.slots ? *out_slot + 1 : 0;
	return 0;
}

/* A slot's memory is reserved before its first use, while we hold it loaned: writing can then not be a SIGBUS. */
static int reserve(struct zoe_publisher *pub, unsigned slot)
{
	struct zi_generation *g = pub->topic.generation;
	size_t stride = g->places.slot_stride;

	if (g->places.inline_descriptions || atomic_load(&g->reserved[slot]))
		return 0;
	int status = zi_reserve(g->frames_fd, (off_t)((uint64_t)slot * stride), stride, pub->topic.name);

	if (status == 0)
		atomic_store(&g->reserved[slot], 1); /* L5: reserved */
	return status;
}

static int loan_slot(struct zoe_publisher *pub, unsigned *out_slot)
{
	unsigned slot = 0;
	int status = claim(pub, &slot);

	if (status == 0) {
		status = reserve(pub, slot);
		if (status < 0)
			zi_slot_free(pub->topic.generation, slot);
	}
	*out_slot = slot;
	return status;
}

/* A frame outgrows the slots: messages double, so that a growing topic does not change with each of them. */
static int grow(struct zoe_publisher *pub, size_t size)
{
	const struct zi_shape *now = &pub->topic.generation->shape;
	struct zi_shape wanted = {.slot_bytes = size};

	if (wanted.slot_bytes < 65536 && wanted.slot_bytes < 2 * now->slot_bytes)
		wanted.slot_bytes = 2 * now->slot_bytes;
	struct zi_shape larger = zi_shape_merge(now, &wanted);
	struct zi_places places;

	if (zi_places(&larger, &places) < 0)
		return zi_fail(-EMSGSIZE,
		               "%zu bytes are wanted for a frame of topic %s; %u slots of that size do not fit this "
		               "machine's address space",
		               size, pub->topic.name, larger.slots);
	return zi_publisher_go_over(pub, &wanted, 0);
}

/* Be in a generation that is open and large enough. */
static int prepare(struct zoe_publisher *pub, size_t size)
{
	int status = zi_check_publisher(pub);

	while (status == 0 && atomic_load(&pub->topic.generation->index->head) & ZI_CLOSED)
		status = zi_publisher_go_over(pub, NULL, 0);
	if (status == 0 && size > pub->topic.generation->shape.slot_bytes)
		status = grow(pub, size);
	return status;
}

int zoe_loan(struct zoe_publisher *pub, size_t size, struct zoe_loan *out_loan)
{
	struct zi_generation *g;
	struct zi_held *held;
	unsigned slot;
	int status;

	do {
		status = prepare(pub, size);
		if (status < 0)
			return status;
		g = pub->topic.generation;
		held = find_free(pub->loaned, g->shape.loans);
		if (!held)
			return zi_fail(-ENOBUFS,
			               "this publisher has %u slots of topic %s on loan, as many as the topic allows; "
			               "publish or discard one",
			               g->shape.loans, pub->topic.name);
		status = loan_slot(pub, &slot);
	} while (status == -ESTALE);
	if (status < 0)
		return status;
	hold(held, g, slot);
	*out_loan = (struct zoe_loan){
	    .data = zi_payload(g, slot),
	    .capacity = (size_t)g->shape.slot_bytes,
	    .slot = slot,
	    .generation = g->shape.generation,
	    .size = size,
	};
	return 0;
}

void zoe_discard(struct zoe_publisher *pub, struct zoe_loan *loan)
{
	struct zi_held *held =
	    loan->data && zi_fork_here(pub->mark) ? find_held(pub->loaned, ZI_LOANS_MAX, loan) : NULL;

	if (!held)
		return;
	zi_slot_free(held->generation, held->slot);
	let_go(held);
	loan->data = NULL;
}

/* ---- publish ------------------------------------------------------------------------------------------------ */

/* Returns when. */
static int64_t describe(const struct zi_generation *g, unsigned record, unsigned slot, const struct zoe_loan *loan)
{
	const int64_t now = zoe_now_ns();
	struct zi_description *d = zi_description(g, slot);
	const struct zoe_image *image = &loan->image;

	d->publish_ns = now;
	d->capture_ns = loan->capture_ns ? loan->capture_ns : now;
	d->size = loan->size;
	d->publisher = record;
	d->flags = loan->flags;
	d->format = image->format;
	if (!image->format)
		return now;
	d->width = image->width;
	d->height = image->height;
	d->range = image->range;
	d->matrix = image->matrix;
	d->plane_count = image->plane_count;
	for (unsigned i = 0; i < ZOE_PLANES_MAX; i++)
		d->planes[i] = (struct zi_plane){.offset = image->planes[i].offset, .stride = image->planes[i].stride};
	memcpy(d->meta, loan->meta, sizeof(d->meta));
	return now;
}

static void wake_all(void *user)
{
	zi_publisher_wake(user, true);
}

/* What the next search for a slot goes by. */
static void note(struct zoe_publisher *pub, const struct zi_generation *g, int64_t now, unsigned displaced)
{
	pub->interval_ns = now - pub->publish_ns;
	pub->publish_ns = now;
	if (!g->places.inline_descriptions && g == pub->topic.generation)
		pub->next = displaced;
}

static int publish_slot(struct zoe_publisher *pub, struct zi_generation *g, unsigned slot, const struct zoe_loan *loan,
                        uint64_t *out_seq)
{
	struct zi_patience patience = {
	    .topic = &pub->topic,
	    .seen = &pub->seen,
	    .publisher = pub->record,
	    .timeout_ns = loan->timeout_ns,
	    .before_sleep = wake_all,
	    .user = pub,
	};
	zi_gate *gate = g->shape.flags & ZI_LOSSLESS_ALLOWED ? zi_lossless_gate : NULL;
	struct zi_published published;
	const int64_t now = describe(g, pub->record, slot, loan);
	int status = zi_ring_publish(g, pub->record, slot, gate, &patience, &published);

	if (status == 0) {
		*out_seq = published.seq;
		note(pub, g, now, published.displaced);
	}
	if (patience.end_ns) {
		_Atomic uint64_t *waits = &g->index->publishers[pub->record].waits;

		atomic_store_explicit(waits, atomic_load_explicit(waits, memory_order_relaxed) + 1,
		                      memory_order_relaxed);
	}
	if (status < 0 && status != -ESTALE)
		zi_publisher_wake(pub, true); /* we may have helped head on, and publish nothing ourselves */
	return status;
}

/*
 * The loan's generation was closed while it was filled: the one time that something is copied. The old slot stays as it
 * is until the caller lets go of it.
 */
static int publish_copy(struct zoe_publisher *pub, const struct zi_held *held, const struct zoe_loan *loan,
                        uint64_t *out_seq)
{
	for (;;) {
		unsigned slot = 0;
		int status = prepare(pub, 0);

		if (status < 0)
			return status;
		struct zi_generation *g = pub->topic.generation;

		if (loan->size > g->shape.slot_bytes)
			return zi_fail(
			    -ESTALE,
			    "the topic changed its shape while this frame of %zu bytes was filled, and its slots "
			    "have %llu now; discard it and loan again",
			    loan->size, (unsigned long long)g->shape.slot_bytes);
		status = loan_slot(pub, &slot);
		if (status == -ESTALE)
			continue;
		if (status < 0)
			return status;
		memcpy(zi_payload(g, slot), zi_payload(held->generation, held->slot), loan->size);
		status = publish_slot(pub, g, slot, loan, out_seq);
		if (status < 0)
			zi_slot_free(g, slot);
		if (status != -ESTALE)
			return status;
	}
}

static void count_published(struct zoe_publisher *pub)
{
	struct zi_generation *g = pub->topic.generation;
	_Atomic uint64_t *published = &g->index->publishers[pub->record].published;

	atomic_store_explicit(published, atomic_load_explicit(published, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
	zi_publisher_wake(pub, false);
	if (g->older)
		zi_shape_retire_older(&pub->topic, pub->record);
}

/* The entry of an open loan; checks what the caller filled in. */
static int check_loan(struct zoe_publisher *pub, const struct zoe_loan *loan, struct zi_held **out_held)
{
	int status = zi_check_publisher(pub);

	if (status < 0)
		return status;
	*out_held = loan->data ? find_held(pub->loaned, ZI_LOANS_MAX, loan) : NULL;
	if (!*out_held)
		return zi_fail(-EINVAL, "this is no open loan of this publisher");
	if (loan->size > (*out_held)->generation->shape.slot_bytes)
		return zi_fail(-EINVAL, "the frame says that it uses %zu bytes of a slot of %llu", loan->size,
		               (unsigned long long)(*out_held)->generation->shape.slot_bytes);
	return loan->image.format ? zoe_image_check(&loan->image, loan->size) : 0;
}

int zoe_publish(struct zoe_publisher *pub, struct zoe_loan *loan, uint64_t *out_seq)
{
	struct zi_held *held;
	uint64_t seq;
	int status = check_loan(pub, loan, &held);

	if (status < 0)
		return status;
	status = publish_slot(pub, held->generation, held->slot, loan, &seq);
	if (status == -ESTALE) {
		status = publish_copy(pub, held, loan, &seq);
		if (status == 0)
			zi_slot_free(held->generation, held->slot);
	}
	if (status < 0)
		return status;
	let_go(held);
	loan->data = NULL;
	count_published(pub);
	if (out_seq)
		*out_seq = seq;
	return 0;
}

/* Let go of a keep: the word, then the entry. One that was copied into a new generation has no word; it is still loaned. */
static void unkeep(struct zoe_publisher *pub, struct zi_held *kept)
{
	_Atomic uint64_t *word = &kept->generation->index->publishers[pub->record].keeps[kept - pub->kept];

	if (atomic_load(word) == kept->slot + 1ull)
		atomic_store(word, 0); /* K2: let go */
	else
		zi_slot_free(kept->generation, kept->slot);
	let_go(kept);
}

int zoe_publish_keep(struct zoe_publisher *pub, struct zoe_loan *loan, uint64_t *out_seq)
{
	struct zi_held *held, *kept;
	uint64_t seq;
	int status = check_loan(pub, loan, &held);

	if (status < 0)
		return status;
	struct zi_generation *g = held->generation;

	kept = find_free(pub->kept, g->shape.keeps);
	if (!kept)
		return zi_fail(-ENOBUFS, "this publisher keeps %u slots of topic %s, as many as the topic allows",
		               g->shape.keeps, pub->topic.name);
	hold(kept, g, held->slot);
	/* K1: keep before it is published */
	atomic_store(&g->index->publishers[pub->record].keeps[kept - pub->kept], held->slot + 1ull);
	status = publish_slot(pub, g, held->slot, loan, &seq);
	if (status < 0)
		atomic_store(&g->index->publishers[pub->record].keeps[kept - pub->kept], 0); /* K2: not published */
	if (status == -ESTALE)
		status = publish_copy(pub, held, loan, &seq); /* what is kept is then the loan itself */
	if (status < 0) {
		let_go(kept);
		return status;
	}
	let_go(held);
	loan->data = NULL;
	count_published(pub);
	if (out_seq)
		*out_seq = seq;
	return 0;
}

void zoe_unkeep(struct zoe_publisher *pub, struct zoe_loan *loan)
{
	struct zi_held *kept = zi_fork_here(pub->mark) ? find_held(pub->kept, ZI_KEEPS_MAX, loan) : NULL;

	if (kept)
		unkeep(pub, kept);
}

int zoe_publish_bytes(struct zoe_publisher *pub, const void *bytes, size_t size, uint64_t *out_seq)
{
	struct zoe_loan loan;
	int status = zoe_loan(pub, size, &loan);

	if (status < 0)
		return status;
	if (size)
		memcpy(loan.data, bytes, size);
	status = zoe_publish(pub, &loan, out_seq);
	if (status < 0)
		zoe_discard(pub, &loan);
	return status;
}

/* ---- memory ------------------------------------------------------------------------------------------------- */

/* Do something with each slot that is not in use, while it is ours and nobody else's. Returns a sum | -errno. */
static int64_t with_idle_slots(struct zoe_publisher *pub, int64_t (*what)(struct zoe_publisher *pub, unsigned slot))
{
	struct zi_generation *g = pub->topic.generation;
	int64_t sum = zi_check_publisher(pub);
	unsigned slot = 0;

	if (sum < 0)
		return sum;
	zi_publisher_drop_batch(pub);
	for (unsigned from = 0; sum >= 0 && from < g->shape.slots; from = slot + 1) {
		const struct zi_search where = {.from = from, .looks = g->shape.slots, .wanted = 1};

		if (zi_slot_claim(g, pub->topic.readers, pub->record, &where, &slot) == 0)
			break;
		int64_t more = slot >= from ? what(pub, slot) : 0; /* the search goes round */

		zi_slot_free(g, slot);
		sum = more < 0 ? more : sum + more;
		if (slot < from)
			break;
	}
	return sum;
}

static int64_t punch(struct zoe_publisher *pub, unsigned slot)
{
	return (int64_t)zi_shape_punch(pub->topic.generation, slot);
}

static int64_t prefault(struct zoe_publisher *pub, unsigned slot)
{
	struct zi_generation *g = pub->topic.generation;
	int status = reserve(pub, slot);

#ifdef MADV_POPULATE_WRITE
	/* an older kernel does not know it: then the first touch is dear, nothing worse */
	if (status == 0 && !g->places.inline_descriptions)
		madvise(zi_payload(g, slot), g->places.slot_stride, MADV_POPULATE_WRITE);
#endif
	return status < 0 ? status : (int64_t)g->places.slot_stride;
}

int64_t zoe_publisher_trim(struct zoe_publisher *pub)
{
	return with_idle_slots(pub, punch);
}

int64_t zoe_publisher_prefault(struct zoe_publisher *pub)
{
	return with_idle_slots(pub, prefault);
}
