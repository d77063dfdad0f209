/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher's handle: join, leave, change of shape, wishes. What it does with slots is in loan.c. */
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
#include <unistd.h>

/* Each costs address space, which a 32-bit machine has little of. */
#define SUBSCRIBERS_DEFAULT (sizeof(void *) >= 8 ? 32 : 8)

int zi_check_publisher(const struct zoe_publisher *pub)
{
	return zi_fork_here(pub->mark)
	           ? 0
	           : zi_fail(-ECHILD, "this publisher was opened before fork(); open one in the child");
}

/* ---- shape -------------------------------------------------------------------------------------------------- */

static int check_options(const struct zoe_topic_options *o)
{
	if (o->depth <= ZI_DEPTH_MAX && o->publishers <= ZI_PUBLISHERS_MAX && o->subscribers <= ZI_SUBSCRIBERS_MAX &&
	    o->pins <= ZI_SUBSCRIBERS_MAX * ZI_PINS_MAX && o->loans <= ZI_LOANS_MAX && o->keeps <= ZI_KEEPS_MAX &&
	    o->quarantine_ns >= 0 && o->quarantine_ns <= 60000000000)
		return 0;
	return zi_fail(-EINVAL,
	               "topic options out of range: depth %u (1..%u), publishers %u (1..%u), subscribers %u (1..%u), "
	               "pins %u (1..%u), loans %u (1..%u), keeps %u (0..%u), quarantine %lld ns (0..60 s)",
	               o->depth, ZI_DEPTH_MAX, o->publishers, ZI_PUBLISHERS_MAX, o->subscribers, ZI_SUBSCRIBERS_MAX,
	               o->pins, ZI_SUBSCRIBERS_MAX * ZI_PINS_MAX, o->loans, ZI_LOANS_MAX, o->keeps, ZI_KEEPS_MAX,
	               (long long)o->quarantine_ns);
}

/* What the caller asks for, zero where it does not say. */
static struct zi_shape wanted_shape(const struct zoe_topic_options *o)
{
	return (struct zi_shape){
	    .slot_bytes = o->slot_bytes,
	    .depth = o->depth,
	    .publishers = o->publishers,
	    .subscribers = o->subscribers,
	    .pins = o->pins,
	    .loans = o->loans,
	    .keeps = o->keeps,
	    .quarantine_ms = (uint32_t)((o->quarantine_ns + 999999) / 1000000),
	    .flags = o->lossless ? ZI_LOSSLESS_ALLOWED : 0,
	};
}

/* The shape of a topic that is new: what is wanted, defaults where it is not said. */
static int first_shape(const struct zi_shape *wanted, struct zi_shape *out)
{
	struct zi_shape base = {
	    .slot_bytes = wanted->slot_bytes ? wanted->slot_bytes : 65536,
	    .depth = 4,
	    .publishers = wanted->publishers ? wanted->publishers : 4,
	    .subscribers = wanted->subscribers ? wanted->subscribers : SUBSCRIBERS_DEFAULT,
	    .loans = wanted->loans ? wanted->loans : 2,
	};
	struct zi_places places;

	base.pins = wanted->pins ? wanted->pins : 2 * base.subscribers;
	*out = zi_shape_merge(&base, wanted); /* which makes it generation 1 */
	if (zi_places(out, &places) < 0)
		return zi_fail(-EINVAL, "%u slots of %llu bytes do not fit this machine's address space", out->slots,
		               (unsigned long long)out->slot_bytes);
	return 0;
}

static void wake_all(void *user)
{
	zi_publisher_wake(user, true);
}

int zi_publisher_go_over(struct zoe_publisher *pub, const struct zi_shape *wanted, int64_t timeout_ns)
{
	struct zi_patience patience = {
	    .topic = &pub->topic,
	    .seen = &pub->seen,
	    .publisher = pub->record,
	    .timeout_ns = timeout_ns,
	    .before_sleep = wake_all,
	    .user = pub,
	};

	zi_publisher_drop_batch(pub);
	for (;;) {
		int status = zi_shape_go_over(&pub->topic, wanted, &patience);

		zi_publisher_wake(pub, true);
		pub->next = 0;
		if (status < 0 || !wanted || zi_shape_suffices(&pub->topic.generation->shape, wanted))
			return status;
	}
}

/* ---- join --------------------------------------------------------------------------------------------------- */

/*
 * The record is ours by its byte: clear what an earlier owner left, then be seen. Though its bit is off here: that owner may
 * have published in the generation before this one and died before it told those who poll.
 */
static void record_start(struct zoe_publisher *pub, unsigned record)
{
	struct zi_index *index = pub->topic.generation->index;

	pub->record = record;
	zi_repair_publisher(&pub->topic, record);
	atomic_store(&index->publishers[record].published, 0);
	atomic_store(&index->publishers[record].waits, 0);
	atomic_store(&index->publishers[record].repairs, 0);
	atomic_store(&index->publishers[record].pid, (uint32_t)getpid());
	atomic_fetch_or(&index->in_use, 1ull << record); /* J2: in use before the first loan */
}

static int take_record(struct zoe_publisher *pub)
{
	const struct zi_shape *shape = &pub->topic.generation->shape;

	for (unsigned p = 0; p < shape->publishers; p++) {
		int status = zi_alive_take(pub->topic.fd, "writers", p, &pub->lock); /* J1: the byte */

		if (status == 0) {
			zi_shape_forget_half_made(&pub->topic, p);
			record_start(pub, p);
			return 0;
		}
		if (status != -EAGAIN)
			return status;
	}
	return zi_fail(-EUSERS,
	               "topic %s has its %u publishers already; create it with more (zoe_topic_options.publishers)",
	               pub->topic.name, shape->publishers);
}

/* Join the topic that is open. -EAGAIN: it was removed. -ESTALE: only the dead are in it. */
static int join_locked(struct zoe_publisher *pub)
{
	unsigned repaired;
	int status;

	if (!zi_topic_current(&pub->topic))
		return -EAGAIN;
	if (!zi_topic_alive(&pub->topic))
		return -ESTALE;
	status = zi_shape_adopt_older(&pub->topic);
	if (status < 0)
		return status;
	repaired = zi_repair_dead(&pub->topic, true);
	status = take_record(pub);
	if (status == 0)
		atomic_store(&pub->topic.generation->index->publishers[pub->record].repairs, repaired);
	return status;
}

static int join_existing(struct zoe_publisher *pub, const char *name)
{
	char directory[ZOE_TOPIC_NAME_MAX + 1];
	struct zoe_domain *domain = pub->topic.domain;
	int status = zi_topic_open(domain, name, true, &pub->topic);

	if (status == -ENOENT)
		return status;
	if (status == 0) {
		status = zi_join_lock(pub->topic.writers_fd, ZI_JOIN_TIMEOUT_NS);
		if (status == 0) {
			status = join_locked(pub);
			zi_join_unlock(pub->topic.writers_fd);
		}
		if (status == 0)
			return 0;
		zi_topic_close(&pub->topic);
	}
	/* a topic of the dead makes room, damaged or not; one that somebody uses stays */
	if ((status == -ESTALE || status == -EBADMSG) && zi_topic_directory(name, directory) == 0 &&
	    zi_topic_remove_stale(domain, directory, 100000000) > 0)
		return -EAGAIN;
	return status == -ESTALE ? -EAGAIN : status;
}

static int join_new(struct zoe_publisher *pub, struct zoe_domain *domain, const char *name,
                    const struct zi_shape *wanted)
{
	struct zi_shape shape;
	int status = first_shape(wanted, &shape);

	if (status < 0)
		return status;
	zi_topic_sweep(domain);
	status = zi_topic_make(domain, name, &shape, &pub->topic, &pub->lock);
	if (status == -ENOENT)
		return -EAGAIN; /* swept away by somebody before we held its byte */
	if (status < 0)
		return status;
	record_start(pub, 0);
	status = zi_topic_settle(&pub->topic);
	if (status == 0)
		return 0;
	zi_alive_drop(pub->lock);
	pub->lock = NULL;
	zi_topic_close(&pub->topic);
	return status == -EEXIST ? -EAGAIN : status;
}

static int join(struct zoe_publisher *pub, struct zoe_domain *domain, const char *name, const struct zi_shape *wanted)
{
	/* each round ends because somebody else made or removed the topic meanwhile */
	for (unsigned round = 0; round < 100; round++) {
		pub->topic.domain = domain;
		int status = join_existing(pub, name);

		if (status == -ENOENT)
			status = join_new(pub, domain, name, wanted);
		if (status == 0 && !zi_shape_suffices(&pub->topic.generation->shape, wanted))
			status = zi_publisher_go_over(pub, wanted, ZI_JOIN_TIMEOUT_NS);
		if (status != -EAGAIN)
			return status;
	}
	return zi_fail(-EBUSY, "topic %s is being made and removed all the time by others", name);
}

int zoe_publisher_open(struct zoe_domain *domain, const char *topic, const struct zoe_topic_options *options,
                       struct zoe_publisher **out_publisher)
{
	static const struct zoe_topic_options defaults;
	char directory[ZOE_TOPIC_NAME_MAX + 1];
	int status = zi_topic_directory(topic, directory);

	if (!options)
		options = &defaults;
	if (status == 0)
		status = check_options(options);
	if (status < 0)
		return status;
	struct zi_shape wanted = wanted_shape(options);
	struct zoe_publisher *pub = calloc(1, sizeof(*pub));

	if (!pub)
		return zi_fail(-ENOMEM, "no memory");
	pub->topic = (struct zi_topic){.fd = -1, .readers_fd = -1, .writers_fd = -1};
	for (unsigned i = 0; i < ZI_SUBSCRIBERS_MAX; i++)
		pub->fifos[i] = -1;
	status = zi_fork_mark(&pub->mark);
	if (status == 0)
		status = join(pub, domain, topic, &wanted);
	if (status < 0) {
		zoe_publisher_close(pub);
		return status;
	}
	*out_publisher = pub;
	return 0;
}

static void leave(struct zoe_publisher *pub)
{
	char directory[ZOE_TOPIC_NAME_MAX + 1];

	zi_repair_publisher(&pub->topic, pub->record); /* loans, keeps, the record's bit */
	zi_alive_drop(pub->lock);
	if (zi_topic_directory(pub->topic.name, directory) == 0)
		zi_topic_remove_stale(pub->topic.domain, directory, ZI_JOIN_TIMEOUT_NS);
}

void zoe_publisher_close(struct zoe_publisher *pub)
{
	if (!pub)
		return;
	if (pub->lock && zi_fork_here(pub->mark))
		leave(pub);
	for (unsigned i = 0; i < ZI_SUBSCRIBERS_MAX; i++) {
		if (pub->fifos[i] >= 0)
			close(pub->fifos[i]);
	}
	zi_topic_close(&pub->topic);
	zi_fork_unmark(pub->mark);
	free(pub);
}

/* ---- wake, wishes ------------------------------------------------------------------------------------------- */

void zi_publisher_wake(struct zoe_publisher *pub, bool all)
{
	const struct zi_readers *readers = pub->topic.readers;

	if (all || atomic_load(&readers->waiting)) /* P9: does anybody sleep */
		zi_wake(&pub->topic.generation->index->head);
	uint64_t armed = atomic_load(&readers->armed); /* P9: or poll */

	for (; armed; armed &= armed - 1) {
		unsigned r = (unsigned)__builtin_ctzll(armed);

		if (pub->fifos[r] < 0)
			pub->fifos[r] = zi_fifo_open(pub->topic.fd, r, false, 0);
		if (pub->fifos[r] >= 0)
			zi_fifo_signal(pub->fifos[r]);
	}
}

int zoe_publisher_wishes(struct zoe_publisher *pub, struct zoe_wish *out_wishes, unsigned room)
{
	const struct zi_readers *readers = pub->topic.readers;
	int status = zi_check_publisher(pub);
	unsigned count = 0;

	if (status < 0)
		return status;
	for (uint64_t left = atomic_load(&readers->in_use); left; left &= left - 1) {
		unsigned r = (unsigned)__builtin_ctzll(left);
		const struct zi_subscriber *record = &readers->records[r];

		if (!zi_alive_any(pub->topic.readers_fd, r, 1))
			continue;
		if (count < room)
			out_wishes[count] = (struct zoe_wish){
			    .rate_mhz = atomic_load(&record->wish_rate_mhz),
			    .format = atomic_load(&record->wish_format),
			    .width = atomic_load(&record->wish_width),
			    .height = atomic_load(&record->wish_height),
			    .key_frames = atomic_load(&record->wish_key_frames),
			};
		count++;
	}
	return (int)count;
}
