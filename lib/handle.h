/* SPDX-License-Identifier: Apache-2.0 */
/* What a handle remembers, in memory of its own process. Shared by the files that work on handles. */
#ifndef ZI_HANDLE_H
#define ZI_HANDLE_H

#include "alive.h"
#include "lossless.h"

/* A slot that this handle holds. generation NULL: the entry is free. */
struct zi_held {
	struct zi_generation *generation;
	uint32_t slot;
};

struct zoe_publisher {
	struct zi_topic topic;
	struct zi_fork_mark *mark;
	void *lock; /* the record's byte */
	unsigned record;
	struct zi_held loaned[ZI_LOANS_MAX];
	struct zi_held kept[ZI_KEEPS_MAX]; /* what my keep words say */
	unsigned batch[ZI_BATCH];          /* small slots of the current generation, claimed and not loaned yet */
	unsigned batched;
	unsigned next;       /* where the search for a slot begins; from shared memory, to be checked */
	struct zi_seen seen; /* of the lossless subscribers */
	int64_t publish_ns;  /* of the last frame */
	int64_t interval_ns; /* from the one before to it */
	int fifos[ZI_SUBSCRIBERS_MAX];
};

struct zoe_subscriber {
	struct zi_topic topic;
	struct zi_fork_mark *mark;
	void *lock; /* the record's byte */
	unsigned record;
	struct zoe_subscriber_options options; /* defaults filled in; group is not kept */
	struct zi_group *group;                /* NULL = a cursor of its own */
	uint64_t cursor;                       /* next sequence number wanted */
	uint64_t lost;                         /* overrun and not yet told */
	int64_t due_ns;                        /* zoe_take_latest: no frame published before this */
	bool taken_any;                        /* the first zoe_take_latest() may give a frame from before the join */
	int fifo;
	bool armed;
};

/* Returns 0 | -ECHILD with a sentence. */
int zi_check_publisher(const struct zoe_publisher *publisher);
int zi_check_subscriber(const struct zoe_subscriber *subscriber);

/* Wake whoever sleeps or polls; the hot path asks for the bits first. */
void zi_publisher_wake(struct zoe_publisher *publisher, bool all);

/* Leave the current generation for one that suffices; loans stay valid. timeout_ns: for lossless subscribers. */
int zi_publisher_go_over(struct zoe_publisher *publisher, const struct zi_shape *wanted, int64_t timeout_ns);

/* Give back what is claimed and not loaned. */
void zi_publisher_drop_batch(struct zoe_publisher *publisher);

#endif
