/* SPDX-License-Identifier: Apache-2.0 */
/* A subscriber's handle: join, group, leave, wishes, descriptor. What it does with frames is in take.c. */
#include "alive.h"
#include "error.h"
#include "handle.h"
#include "repair.h"
#include "ring.h"
#include "shape.h"
#include "topic.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int zi_check_subscriber(const struct zoe_subscriber *sub)
{
	return zi_fork_here(sub->mark)
	           ? 0
	           : zi_fail(-ECHILD, "this subscriber was opened before fork(); open one in the child");
}

/* ---- group -------------------------------------------------------------------------------------------------- */

/* Members by the records in use: the join lock is held, so nobody else joins or leaves a group meanwhile. */
static unsigned members(const struct zi_readers *readers, unsigned group)
{
	unsigned count = 0;

	for (uint64_t left = atomic_load(&readers->in_use); left; left &= left - 1)
		count += atomic_load(&readers->records[__builtin_ctzll(left)].group) == group + 1;
	return count;
}

/*
 * Where a group that is made begins. Asked when it is known that nobody is in it: one of that name may have been there
 * until now, and its frames are not given again.
 */
static int group_start(const struct zoe_subscriber *sub, uint64_t *out)
{
	struct zi_generation *newest;
	int status;

	*out = sub->cursor; /* the oldest, if it asked for that */
	if (sub->options.start == ZOE_START_OLDEST)
		return 0;
	status = zi_shape_newest(&sub->topic, false, &newest);
	if (status < 0)
		return status;
	*out = zi_ring_end(newest); /* Y2: then read head */
	zi_generation_close(newest);
	return 0;
}

/* The group of that name, made if nobody is in it. A late member begins where the group is. */
static int join_group(struct zoe_subscriber *sub, const char *name)
{
	struct zi_readers *readers = sub->topic.readers;
	unsigned empty = ZI_GROUPS_MAX, found = ZI_GROUPS_MAX;
	uint64_t start;
	int status;

	for (unsigned i = 0; i < ZI_GROUPS_MAX && found == ZI_GROUPS_MAX; i++) {
		bool used = members(readers, i) > 0;

		if (used && !strncmp(readers->groups[i].name, name, ZI_GROUP_NAME_MAX + 1))
			found = i;
		else if (!used && empty == ZI_GROUPS_MAX)
			empty = i;
	}
	if (found == ZI_GROUPS_MAX) {
		if (empty == ZI_GROUPS_MAX)
			return zi_fail(-EUSERS, "topic %s has %u groups already", sub->topic.name, ZI_GROUPS_MAX);
		found = empty;
		status = group_start(sub, &start);
		if (status < 0)
			return status;
		memset(readers->groups[found].name, 0, sizeof(readers->groups[found].name));
		memcpy(readers->groups[found].name, name, strlen(name));
		atomic_store(&readers->groups[found].lost, 0);
		atomic_store(&readers->groups[found].cursor, start);
	}
	sub->group = &readers->groups[found];
	atomic_store(&readers->records[sub->record].group, found + 1);
	return 0;
}

/* ---- join --------------------------------------------------------------------------------------------------- */

/* Pins that the records in use may hold together. */
static unsigned quotas_in_use(const struct zi_readers *readers)
{
	uint64_t in_use = atomic_load(&readers->in_use);
	unsigned sum = 0;

	for (; in_use; in_use &= in_use - 1) {
		unsigned quota = atomic_load(&readers->records[__builtin_ctzll(in_use)].quota);

		sum += quota < ZI_PINS_MAX ? quota : ZI_PINS_MAX;
	}
	return sum;
}

/* The oldest frame that can still be taken. */
static uint64_t oldest(const struct zi_generation *g)
{
	uint64_t end = zi_ring_end(g);
	uint64_t seq = end > g->shape.depth ? end - g->shape.depth : 0;

	while (seq < end && zi_ring_seq(atomic_load(zi_ring_at(g, seq))) != seq)
		seq++;
	return seq;
}

/* Read in another generation than the one that was opened: the newest there is by now, or the oldest. */
static int begin_in(struct zoe_subscriber *sub, bool newest)
{
	struct zi_generation *g;
	int status;

	if (newest)
		status = zi_shape_newest(&sub->topic, false, &g);
	else if (sub->options.mode == ZOE_LOSSLESS)
		status = zi_shape_oldest(&sub->topic, &g);
	else
		status = zi_shape_after(&sub->topic, 0, false, &g);
	if (status == -ENOENT)
		return zi_fail(-EBADMSG, "topic %s is damaged: no generation; run zoetrope clean", sub->topic.name);
	if (status < 0)
		return status;
	zi_generation_close(sub->topic.generation);
	sub->topic.generation = g;
	return 0;
}

/* The record is in use: where to begin. A group has a cursor of its own. */
static int find_place(struct zoe_subscriber *sub)
{
	struct zi_readers *readers = sub->topic.readers;
	bool lossless = sub->options.mode == ZOE_LOSSLESS, first = sub->options.start == ZOE_START_OLDEST;
	int status = 0;

	if (lossless) {
		atomic_fetch_add(&readers->joins, 1);                     /* Y1: what publishers have seen is old */
		atomic_fetch_or(&readers->lossless, 1ull << sub->record); /* Y1: visible, cursor 0 */
	}
	if (first || sub->options.group)
		status = begin_in(sub, false);
	else if (lossless)
		status =
		    begin_in(sub, true); /* from now on nothing is displaced, but the shape may have changed before */
	if (status < 0)
		return status;
	if (first)
		sub->cursor = oldest(sub->topic.generation); /* Y2: then read head */
	else if (!sub->options.group)
		sub->cursor = zi_ring_end(sub->topic.generation); /* Y2: then read head */
	zi_lossless_move(readers, sub->record, sub->cursor);      /* Y3: then set the cursor */
	return sub->options.group ? join_group(sub, sub->options.group) : 0;
}

/* The record is ours by its byte: clear it, fill it in, then be seen. */
static int record_start(struct zoe_subscriber *sub, unsigned r)
{
	struct zi_readers *readers = sub->topic.readers;
	struct zi_subscriber *record = &readers->records[r];

	sub->record = r;
	zi_repair_subscriber(readers, r);
	atomic_store(&record->quota, sub->options.pins);
	atomic_store(&record->pid, (uint32_t)getpid());
	atomic_store(&record->taken, 0);
	atomic_store(&record->lost, 0);
	atomic_store(&record->waits, 0);
	atomic_store(&record->cursor, 0);
	zoe_subscriber_wish(sub, &(struct zoe_wish){0});
	if (sub->options.pins > ZI_LINE / sizeof(uint64_t))
		atomic_fetch_or(&readers->wide, 1ull << r);
	atomic_fetch_or(&readers->in_use, 1ull << r); /* J2: in use before the first pin */
	return find_place(sub);
}

static int take_record(struct zoe_subscriber *sub)
{
	const struct zi_shape *shape = &sub->topic.generation->shape;
	unsigned used = quotas_in_use(sub->topic.readers);

	if (used + sub->options.pins > shape->pins)
		return zi_fail(
		    -EUSERS,
		    "subscribers of topic %s may hold %u frames together, %u are spoken for and %u wanted; ask for "
		    "fewer, or create the topic with more (zoe_topic_options.pins)",
		    sub->topic.name, shape->pins, used, sub->options.pins);
	for (unsigned r = 0; r < shape->subscribers; r++) {
		int status = zi_alive_take(sub->topic.fd, "readers", r, &sub->lock); /* J1: the byte */

		if (status == 0)
			return record_start(sub, r);
		if (status != -EAGAIN)
			return status;
	}
	return zi_fail(-EUSERS,
	               "topic %s has its %u subscribers already; create it with more (zoe_topic_options.subscribers)",
	               sub->topic.name, shape->subscribers);
}

static int join_locked(struct zoe_subscriber *sub)
{
	struct zi_topic *topic = &sub->topic;
	int status;

	if (!zi_topic_current(topic))
		return -EAGAIN;
	if (!zi_topic_alive(topic))
		return zi_fail(-ENOENT, "topic %s has nobody alive in it; start its publisher", topic->name);
	status = begin_in(sub, true); /* the shape may have changed while we waited for the lock */
	if (status < 0)
		return status;
	if (sub->options.mode == ZOE_LOSSLESS && !(topic->generation->shape.flags & ZI_LOSSLESS_ALLOWED))
		return zi_fail(-EOPNOTSUPP,
		               "topic %s lets nobody hold its publishers up; a publisher must open it with "
		               "zoe_topic_options.lossless",
		               topic->name);
	zi_repair_dead(topic, false);
	return take_record(sub);
}

static int join(struct zoe_subscriber *sub, struct zoe_domain *domain, const char *name)
{
	for (unsigned round = 0; round < 100; round++) {
		int status = zi_topic_open(domain, name, false, &sub->topic);

		if (status == -ENOENT)
			return zi_fail(-ENOENT, "there is no topic %s in the domain %s; start its publisher", name,
			               domain->path);
		if (status < 0)
			return status;
		status = zi_join_lock(sub->topic.readers_fd, ZI_JOIN_TIMEOUT_NS);
		if (status == 0) {
			status = join_locked(sub);
			zi_join_unlock(sub->topic.readers_fd);
		}
		if (status != -EAGAIN)
			return status;
		zi_topic_close(&sub->topic);
	}
	return zi_fail(-EBUSY, "topic %s is being made and removed all the time by others", name);
}

static int check_options(const struct zoe_subscriber_options *o)
{
	size_t length = o->group ? strlen(o->group) : 0;

	if (o->pins > ZI_PINS_MAX)
		return zi_fail(-EINVAL, "a subscriber may hold 1 to %u frames at once, not %u", ZI_PINS_MAX, o->pins);
	if (o->group && (length == 0 || length > ZI_GROUP_NAME_MAX))
		return zi_fail(-EINVAL, "a group's name has 1 to %u bytes, not %zu", ZI_GROUP_NAME_MAX, length);
	if (o->mode != ZOE_LOSSY && (o->mode != ZOE_LOSSLESS || o->group))
		return zi_fail(-EINVAL,
		               "a subscriber is lossy, lossless, or in a group; these options say something else");
	if (o->start != ZOE_START_NEW && o->start != ZOE_START_OLDEST)
		return zi_fail(-EINVAL, "a subscriber starts with new frames or with the oldest kept, not with %d",
		               (int)o->start);
	if (o->spin_ns < 0 || o->interval_ns < 0)
		return zi_fail(-EINVAL, "spin and interval are times of 0 or more");
	return 0;
}

int zoe_subscriber_open(struct zoe_domain *domain, const char *topic, const struct zoe_subscriber_options *options,
                        struct zoe_subscriber **out_subscriber)
{
	static const struct zoe_subscriber_options defaults;
	struct zoe_subscriber *sub;
	int status = check_options(options ? options : &defaults);

	if (status < 0)
		return status;
	sub = calloc(1, sizeof(*sub));
	if (!sub)
		return zi_fail(-ENOMEM, "no memory");
	sub->topic = (struct zi_topic){.fd = -1, .readers_fd = -1, .writers_fd = -1};
	sub->options = options ? *options : defaults;
	sub->options.pins = sub->options.pins ? sub->options.pins : 2;
	sub->fifo = -1;
	status = zi_fork_mark(&sub->mark);
	if (status == 0)
		status = join(sub, domain, topic);
	sub->options.group = NULL; /* the caller's string */
	if (status < 0) {
		zoe_subscriber_close(sub);
		return status;
	}
	*out_subscriber = sub;
	return 0;
}

/* Leaving takes no lock: pins, bits, then the byte. The last one out removes the topic. */
static void leave(struct zoe_subscriber *sub)
{
	char directory[ZOE_TOPIC_NAME_MAX + 1];

	atomic_store(&sub->topic.readers->records[sub->record].group, 0); /* what it has in hand it got */
	zi_repair_subscriber(sub->topic.readers, sub->record);
	zi_lossless_move(sub->topic.readers, sub->record, ZI_SEQ_LAST); /* nobody waits for us any more */
	zi_alive_drop(sub->lock);
	if (zi_topic_directory(sub->topic.name, directory) == 0)
		zi_topic_remove_stale(sub->topic.domain, directory, ZI_JOIN_TIMEOUT_NS);
}

void zoe_subscriber_close(struct zoe_subscriber *sub)
{
	if (!sub)
		return;
	if (sub->lock && zi_fork_here(sub->mark))
		leave(sub);
	if (sub->fifo >= 0)
		close(sub->fifo);
	zi_topic_close(&sub->topic);
	zi_fork_unmark(sub->mark);
	free(sub);
}

/* ---- wishes, descriptor ------------------------------------------------------------------------------------- */

int zoe_subscriber_wish(struct zoe_subscriber *sub, const struct zoe_wish *wish)
{
	struct zi_subscriber *record = &sub->topic.readers->records[sub->record];
	int status = zi_check_subscriber(sub);

	if (status < 0)
		return status;
	atomic_store(&record->wish_rate_mhz, wish->rate_mhz);
	atomic_store(&record->wish_format, wish->format);
	atomic_store(&record->wish_width, wish->width);
	atomic_store(&record->wish_height, wish->height);
	atomic_store(&record->wish_key_frames, wish->key_frames);
	return 0;
}

int zoe_subscriber_fd(struct zoe_subscriber *sub)
{
	int status = zi_check_subscriber(sub);

	if (status < 0)
		return status;
	if (sub->fifo < 0) {
		status = zi_fifo_open(sub->topic.fd, sub->record, true, sub->topic.domain->modes.file);
		if (status < 0)
			return status;
		sub->fifo = status;
		zi_fifo_signal(sub->fifo); /* readable at first: the first take looks, then arms */
	}
	return sub->fifo;
}
