/* SPDX-License-Identifier: Apache-2.0 */
/* A look at a topic from outside, for people and tests. Reads only; counts may be a moment apart. */
#include "alive.h"
#include "error.h"
#include "ring.h"
#include "topic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Open a topic to look at it. */
static int look_at(struct zoe_domain *domain, const char *topic, struct zi_topic *out)
{
	int status = zi_topic_open(domain, topic, false, out);

	return status == -ENOENT ? zi_fail(status, "there is no topic %s in the domain %s", topic, domain->path)
	                         : status;
}

static uint64_t blocks_bytes(int directory, const char *file)
{
	struct stat st;

	return fstatat(directory, file, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

/* All generations: an old one lives until the next has enough frames. */
static uint64_t memory(const struct zi_topic *t)
{
	uint64_t bytes = blocks_bytes(t->fd, "readers");
	char path[32];

	for (unsigned n = t->generation->shape.generation; n > 0 && n + 8 > t->generation->shape.generation; n--) {
		snprintf(path, sizeof(path), "%u/index", n);
		bytes += blocks_bytes(t->fd, path);
		snprintf(path, sizeof(path), "%u/frames", n);
		bytes += blocks_bytes(t->fd, path);
	}
	return bytes;
}

static void count_slots(const struct zi_topic *t, struct zoe_topic_info *out)
{
	const struct zi_generation *g = t->generation;

	for (unsigned slot = 0; slot < g->shape.slots; slot++) {
		uint64_t state = atomic_load(&g->state[slot]);
		uint64_t seq = zi_state_seq(state);

		if (zi_state_kind(state) == ZI_LOANED || zi_state_kind(state) == ZI_PENDING)
			out->slots_loaned++;
		else if (zi_state_kind(state) == ZI_PUBLISHED &&
		         atomic_load(zi_ring_at(g, seq)) == zi_ring_word(seq, slot))
			out->slots_kept++;
		else if (zi_state_kind(state) == ZI_QUARANTINED && (uint64_t)zoe_now_ns() / 1000000 <= seq)
			out->slots_quarantined++;
		else
			out->slots_free++;
		if (zi_slot_held(g, t->readers, slot))
			out->slots_pinned++;
	}
}

static void count_people(const struct zi_topic *t, struct zoe_topic_info *out)
{
	uint64_t writers = atomic_load(&t->generation->index->in_use);
	uint64_t readers = atomic_load(&t->readers->in_use);

	for (unsigned p = 0; p < ZI_PUBLISHERS_MAX; p++) {
		bool alive = zi_alive_any(t->writers_fd, p, 1);

		out->publishers += alive;
		out->dead += !alive && writers >> p & 1;
	}
	for (unsigned r = 0; r < ZI_SUBSCRIBERS_MAX; r++) {
		bool alive = zi_alive_any(t->readers_fd, r, 1);

		out->subscribers += alive;
		out->dead += !alive && readers >> r & 1;
	}
}

/* The newest frame is only glanced at, without a pin: a word of it may belong to the frame that comes next. */
static void glance(const struct zi_generation *g, struct zoe_topic_info *out)
{
	uint64_t end = zi_ring_end(g);
	uint64_t word = end ? atomic_load(zi_ring_at(g, end - 1)) : ZI_EMPTY;

	out->next_seq = end;
	if (word == ZI_EMPTY || zi_ring_slot(word) >= g->shape.slots)
		return;
	const struct zi_description *d = zi_description(g, zi_ring_slot(word));

	out->last_publish_ns = d->publish_ns;
	out->format = d->format;
	out->width = d->format ? d->width : 0;
	out->height = d->format ? d->height : 0;
}

int zoe_topic_info(struct zoe_domain *domain, const char *topic, struct zoe_topic_info *out_info)
{
	struct zoe_topic_info info = {0};
	struct zi_topic t;
	int status = look_at(domain, topic, &t);

	if (status < 0)
		return status;
	info.generation = t.generation->shape.generation;
	info.depth = t.generation->shape.depth;
	info.slots = t.generation->shape.slots;
	info.slot_bytes = t.generation->shape.slot_bytes;
	info.memory_bytes = memory(&t);
	count_slots(&t, &info);
	count_people(&t, &info);
	glance(t.generation, &info);
	zi_topic_close(&t);
	*out_info = info;
	return 0;
}

/* ---- parties ------------------------------------------------------------------------------------------------ */

/* A pin names generation and slot; the frame's time is known for the generation that is mapped here. */
static void look_at_pins(const struct zi_topic *t, const struct zi_subscriber *record, struct zoe_party *party)
{
	const struct zi_generation *g = t->generation;

	for (unsigned i = 0; i < ZI_PINS_MAX; i++) {
		uint64_t pin = atomic_load(&record->pins[i]);
		uint32_t slot = (uint32_t)pin;

		if (pin == 0)
			continue;
		party->pinned_slots[party->pins] = slot;
		if (pin >> 32 == g->shape.generation && slot < g->shape.slots)
			party->pinned_publish_ns[party->pins] = zi_description(g, slot)->publish_ns;
		party->pins++;
	}
}

static struct zoe_party look_at_subscriber(const struct zi_topic *t, unsigned r)
{
	const struct zi_subscriber *record = &t->readers->records[r];
	unsigned group = atomic_load(&record->group);
	struct zoe_party party = {
	    .record = r,
	    .alive = zi_alive_any(t->readers_fd, r, 1),
	    .pid = atomic_load(&record->pid),
	    .count = atomic_load(&record->taken),
	    .lost = atomic_load(&record->lost),
	    .waits = atomic_load(&record->waits),
	    .cursor = atomic_load(&record->cursor),
	    .mode = atomic_load(&t->readers->lossless) >> r & 1 ? ZOE_LOSSLESS : ZOE_LOSSY,
	    .wish.rate_mhz = atomic_load(&record->wish_rate_mhz),
	    .wish.format = atomic_load(&record->wish_format),
	    .wish.width = atomic_load(&record->wish_width),
	    .wish.height = atomic_load(&record->wish_height),
	    .wish.key_frames = atomic_load(&record->wish_key_frames),
	};

	if (group >= 1 && group <= ZI_GROUPS_MAX)
		memcpy(party.group, t->readers->groups[group - 1].name, ZI_GROUP_NAME_MAX);
	look_at_pins(t, record, &party);
	return party;
}

static struct zoe_party look_at_publisher(const struct zi_topic *t, unsigned p)
{
	const struct zi_publisher *record = &t->generation->index->publishers[p];

	return (struct zoe_party){
	    .is_publisher = 1,
	    .record = p,
	    .alive = zi_alive_any(t->writers_fd, p, 1),
	    .pid = atomic_load(&record->pid),
	    .count = atomic_load(&record->published),
	    .waits = atomic_load(&record->waits),
	    .repairs = atomic_load(&record->repairs),
	};
}

int zoe_topic_parties(struct zoe_domain *domain, const char *topic,
                      int (*visit)(const struct zoe_party *party, void *user), void *user)
{
	struct zi_topic t;
	int status = look_at(domain, topic, &t);

	if (status < 0)
		return status;
	uint64_t writers = atomic_load(&t.generation->index->in_use), readers = atomic_load(&t.readers->in_use);

	for (unsigned p = 0; p < ZI_PUBLISHERS_MAX && status == 0; p++) {
		if (writers >> p & 1) {
			struct zoe_party party = look_at_publisher(&t, p);

			status = visit(&party, user);
		}
	}
	for (unsigned r = 0; r < ZI_SUBSCRIBERS_MAX && status == 0; r++) {
		if (readers >> r & 1) {
			struct zoe_party party = look_at_subscriber(&t, r);

			status = visit(&party, user);
		}
	}
	zi_topic_close(&t);
	return status;
}
