/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subscription in a role's event loop: opened while wanted, tried again while the topic is not there, woken by its
 * descriptor. For preview and recorder, who only ever read.
 */
#ifndef ZOETROPE_FEED_H
#define ZOETROPE_FEED_H

#include "subscription.h"

struct feed {
	struct role *role;
	char topic[ZOE_TOPIC_NAME_MAX + 1];
	void (*ready)(
	    struct feed *feed); /* something may be there: feed_take(); called again until that gave -EAGAIN */
	void *user;

	bool wanted;
	bool fresh;                        /* nothing has been taken since it began to be wanted */
	struct subscription *subscription; /* NULL: not wanted, or no such topic yet */
	int refused; /* why the last attempt to subscribe failed, other than that nobody publishes; 0 = it did not */
	uv_timer_t *timer;
};

/* Fill in role, topic "CAMERA" or "CAMERA/detections", ready and user. Returns 0 | -ENOMEM | -ENAMETOOLONG. */
int feed_init(struct feed *feed, struct role *role, const char *camera, const char *suffix,
              void (*ready)(struct feed *feed), void *user);
void feed_finish(struct feed *feed);

/* Begin or end to subscribe. */
void feed_want(struct feed *feed, bool wanted);

/*
 * The next frame in order; the very first time since it began to be wanted, the newest that is there, and `lost` is 0.
 * A subscription that fails is closed and opened again later. Returns 0 | -EAGAIN.
 */
int feed_take(struct feed *feed, struct zoe_frame *out_frame);

/* The newest frame, passing over others. Returns 0 | -EAGAIN. */
int feed_take_latest(struct feed *feed, struct zoe_frame *out_frame);
void feed_release(struct feed *feed, struct zoe_frame *frame);

#endif
