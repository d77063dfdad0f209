/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source of frames and the thread that serves it: opens it through its driver, publishes each frame at the moment it
 * is due, opens it again when it was lost. The driver's calls all come from that thread, so that a device or a network
 * that does not answer holds up nothing else. The functions below belong to the role's loop.
 */
#ifndef ROLES_CAMERA_SOURCE_H
#define ROLES_CAMERA_SOURCE_H

#include "camera_state.h"
#include "common/metrics.h"
#include "drivers/camera/camera_driver.h"

struct source_options {
	struct zoe_domain *domain;
	const char *topic;
	const struct camera_driver *driver;
	struct camera_request request; /* without interrupt */
	unsigned buffers;              /* newest frames kept for readers; 0 = by their size */
	void (*changed)(void *user);   /* source_look() has news; called by the thread */
	void *user;
};

/* A copy of what there is to know. */
struct source_status {
	struct camera_state state;
	struct camera_mode mode;      /* of the present or last session; format 0 = never opened */
	unsigned sessions;            /* how often it was opened */
	uint64_t captured;            /* pictures that went to the topic, or only to that of JPEGs */
	uint64_t published, sequence; /* those on the topic, and the last one's number */
	uint64_t drops;
	struct camera_counts counts; /* if mode.counted */
	struct metrics_rate rate;
	struct metrics_window delay;    /* from when a frame was due until it was published */
	bool failed;                    /* the source can never work: the process is to end */
	char error[CAMERA_ERROR_BYTES]; /* the last failure */
	uint64_t errors;                /* failures so far */
};

struct source;

/* Returns 0 | -ENOMEM | -errno of eventfd(), pthread_create() */
int source_create(const struct source_options *options, struct source **out);

/* End the thread. One that hangs in its driver is left behind with its memory: the process is about to end. Returns
 * whether it has ended. */
bool source_destroy(struct source *source);

/*
 * Turn capture on or off.
 *
 * must_open  on: the process is pointless if the source cannot be opened (and its driver is not patient)
 * patience_ns  how long to wait for the outcome: the source open, not to be opened, or closed
 */
void source_turn(struct source *source, bool on, bool must_open, int64_t patience_ns);

/* What may change while it runs. 0 = the source's own. */
struct source_shape {
	unsigned width, height;
	double fps;
	uint32_t format;
	char controls[CAMERA_CONTROLS_BYTES]; /* set each time that it is opened */
};

void source_shape(struct source *source, struct source_shape *out);

/*
 * Change that. If it is open it is opened anew (but not for other controls, which its driver was told): the topic and
 * its readers stay. source_settled() tells when the outcome is known.
 */
void source_reshape(struct source *source, const struct source_shape *shape);
bool source_settled(struct source *source);

/* Look at the clock: every 100 ms or so while capture is on. */
void source_tick(struct source *source);

void source_look(struct source *source, struct source_status *out);

/* Is the source open? */
bool source_is_open(struct source *source);

#endif
