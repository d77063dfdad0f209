/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One camera of a detector: the subscription to its frames, when the next one is due, the results' topic, the figures.
 */
#ifndef ZOETROPE_DETECTOR_FEED_H
#define ZOETROPE_DETECTOR_FEED_H

#include "common/metrics.h"
#include "common/role.h"
#include "detector_worker.h"
#include "subscription.h"

/* What the age of a result is made of, one behind the other. */
enum detector_part {
	PART_PUBLISHED, /* from capture to the frame's publishing */
	PART_TAKEN,     /* until the engine was free for it */
	PART_PREPARED,  /* until the picture was as the engine wants it */
	PART_INFERRED,  /* until the engine was done: network and decoding */
	PART_TOLD,      /* until the result was published */
	PARTS,
};

struct detector_feed {
	struct role *role;
	const char *camera;
	unsigned index;                     /* in the configuration's cameras */
	char topic[ZOE_TOPIC_NAME_MAX + 1]; /* of its frames */
	void (*on_ready)(void *user);       /* a frame may have come */
	void *user;

	bool on;      /* the switch "detect" */
	bool leaving; /* it was turned off, and workers have not been told, for jobs are still on their way */
	struct subscription *source;     /* NULL = not subscribed */
	char why_not[ROLE_REASON_BYTES]; /* why on, but not subscribed */
	bool ready;                      /* a take may succeed: do not poll */
	struct detector_events *events;  /* NULL = objects are not followed */
	struct job *jobs;                /* on their way, in the order of their frames */
	struct detector_result *known;   /* the last result, where parts are looked at; NULL = not wanted */
	int64_t whole_due_ns;            /* when all of the picture is looked at again */
	uint64_t every;                  /* look at frames whose number is a multiple of it; 0 = all */
	int64_t period_ns;               /* between two results; 0 = as fast as it goes */
	int64_t due_ns;                  /* of the next result */
	int64_t heard_ns;                /* when a frame was taken last, or the source opened */
	uint64_t last_seq;               /* the frame taken last */
	int64_t last_capture_ns;
	uint64_t skipped;       /* frames since the one taken last */
	struct zoe_frame taken; /* the newest frame that a worker took; only its number and time */

	struct zoe_publisher *results;
	uint64_t result_count;
	uint64_t passed_over; /* frames never looked at */
	uint64_t inferences;  /* pictures that the engine was given */
	uint64_t still;       /* frames in which nothing moved: it was given none */
	uint64_t late;        /* results dropped, for a newer one was there */
	int64_t newest_ns;    /* capture time of the newest result */
	unsigned boxes;       /* of the last result */
	json_t *counts;       /* of its labels; NULL = no result yet */
	struct metrics_rate rate;
	struct metrics_window inference;
	struct metrics_window age; /* from capture to result published */
	struct metrics_window parts[PARTS];
};

/* Name of the topic of a camera's frames: they may have one of their own for detection. */
void detector_feed_topic(const struct detector_config *config, unsigned camera, char topic[ZOE_TOPIC_NAME_MAX + 1]);

/* Open the results' topic. The caller has set role, camera, on_ready, user and period_ns. Returns 0 | -errno
 * (zoe_error()). */
int detector_feed_open(struct detector_feed *feed);
void detector_feed_close(struct detector_feed *feed);

/*
 * Subscribe if it is on and not subscribed; let go of a camera that has ended. Called now and then.
 *
 * keep  a frame of it is in use: do not let go
 */
void detector_feed_tend(struct detector_feed *feed, bool keep);

/* End the subscription; frames taken are released. */
void detector_feed_disconnect(struct detector_feed *feed);

/* What is known of the camera is old: look at all of it next. */
void detector_feed_forget(struct detector_feed *feed);

/* Take the newest frame. Returns 0 | -EAGAIN (none: on_ready will be called) | -errno (not subscribed any more). */
int detector_feed_take(struct detector_feed *feed, struct zoe_frame *out_frame);
void detector_feed_release(struct detector_feed *feed, struct zoe_frame *frame);

/* A worker has the frame: count it, and those before it. Returns whether it is a new one. */
bool detector_feed_took(struct detector_feed *feed, const struct zoe_frame *frame);

/* Follow objects, and publish the result. Returns 0 | -errno (zoe_error()). */
int detector_feed_publish(struct detector_feed *feed, struct look *look);

/* Metrics of this camera, a new reference. */
json_t *detector_feed_metrics(const struct detector_feed *feed);

#endif
