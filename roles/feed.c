/* SPDX-License-Identifier: Apache-2.0 */
/* See feed.h. A subscription outlives its camera, and goes over to larger frames by itself: it is opened once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "feed.h"

#define FEED_RETRY_MS 100

static void feed_free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void feed_unsubscribe(struct feed *feed)
{
	subscription_close(feed->subscription);
	feed->subscription = NULL;
}

static void feed_readable(void *user)
{
	struct feed *feed = user;
	feed->ready(feed);
}

static void feed_subscribe(struct feed *feed)
{
	int status = subscription_open(feed->role, feed->topic, feed_readable, feed, &feed->subscription);
	bool refused = status < 0 && status != -ENOENT;
	if (refused && status != feed->refused)
		role_error(feed->role, "cannot read %s: %s", feed->topic, zoe_error());
	feed->refused = refused ? status : 0;
}

static void feed_tick(uv_timer_t *timer)
{
	struct feed *feed = timer->data;
	if (!feed->subscription)
		feed_subscribe(feed);
	/* The first frame that is wanted may be there already, with nobody to announce it. */
	if (feed->subscription)
		feed->ready(feed);
}

int feed_init(struct feed *feed, struct role *role, const char *camera, const char *suffix,
              void (*ready)(struct feed *feed), void *user)
{
	*feed = (struct feed){.role = role, .ready = ready, .user = user};
	int length = snprintf(feed->topic, sizeof(feed->topic), "%s%s", camera, suffix);
	if (length < 0 || (size_t)length >= sizeof(feed->topic))
		return -ENAMETOOLONG;
	feed->timer = calloc(1, sizeof(*feed->timer));
	if (!feed->timer)
		return -ENOMEM;
	uv_timer_init(role->loop, feed->timer);
	feed->timer->data = feed;
	return 0;
}

void feed_finish(struct feed *feed)
{
	feed_unsubscribe(feed);
	if (feed->timer)
		uv_close((uv_handle_t *)feed->timer, feed_free_handle);
	feed->timer = NULL;
}

void feed_want(struct feed *feed, bool wanted)
{
	if (feed->wanted == wanted)
		return;
	feed->wanted = wanted;
	if (!wanted) {
		uv_timer_stop(feed->timer);
		feed_unsubscribe(feed);
		return;
	}
	feed->fresh = true;
	feed_subscribe(feed);
	uv_timer_start(feed->timer, feed_tick, 0, FEED_RETRY_MS);
}

static int feed_take_with(struct feed *feed, int (*take)(struct zoe_subscriber *, int64_t, struct zoe_frame *),
                          struct zoe_frame *out_frame)
{
	if (!feed->subscription)
		return -EAGAIN;
	int status = take(feed->subscription->subscriber, 0, out_frame);
	if (status == -EAGAIN || status == -EINTR)
		return -EAGAIN;
	if (status < 0) {
		role_error(feed->role, "reading %s: %s", feed->topic, zoe_error());
		feed_unsubscribe(feed);
		return -EAGAIN;
	}
	if (feed->fresh)
		out_frame->lost = 0;
	feed->fresh = false;
	return 0;
}

int feed_take(struct feed *feed, struct zoe_frame *out_frame)
{
	return feed_take_with(feed, feed->fresh ? zoe_take_latest : zoe_take_next, out_frame);
}

int feed_take_latest(struct feed *feed, struct zoe_frame *out_frame)
{
	return feed_take_with(feed, zoe_take_latest, out_frame);
}

void feed_release(struct feed *feed, struct zoe_frame *frame)
{
	if (feed->subscription)
		zoe_release(feed->subscription->subscriber, frame);
}
