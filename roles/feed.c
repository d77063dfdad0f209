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
	if (feed->poll)
		uv_close((uv_handle_t *)feed->poll, feed_free_handle);
	feed->poll = NULL;
	zoe_subscriber_close(feed->subscriber);
	feed->subscriber = NULL;
}

static void feed_readable(uv_poll_t *poll, int status, int events)
{
	struct feed *feed = poll->data;
	feed->ready(feed);
}

static int feed_watch(struct feed *feed)
{
	int fd = zoe_subscriber_fd(feed->subscriber);
	if (fd < 0)
		return fd;
	uv_poll_t *poll = calloc(1, sizeof(*poll));
	if (!poll)
		return -ENOMEM;
	int status = uv_poll_init(feed->role->loop, poll, fd);
	if (status < 0) {
		free(poll);
		return status;
	}
	poll->data = feed;
	feed->poll = poll;
	return uv_poll_start(poll, UV_READABLE, feed_readable);
}

static void feed_subscribe(struct feed *feed)
{
	int status = zoe_subscriber_open(feed->role->domain, feed->topic, NULL, &feed->subscriber);
	bool refused = status < 0 && status != -ENOENT;
	if (refused && status != feed->refused)
		role_error(feed->role, "cannot read %s: %s", feed->topic, zoe_error());
	feed->refused = refused ? status : 0;
	if (status < 0)
		return;
	if (feed_watch(feed) < 0) {
		role_error(feed->role, "cannot wait for frames of %s: %s", feed->topic, zoe_error());
		feed_unsubscribe(feed);
	}
}

static void feed_tick(uv_timer_t *timer)
{
	struct feed *feed = timer->data;
	if (!feed->subscriber)
		feed_subscribe(feed);
	/* The first frame that is wanted may be there already, with nobody to announce it. */
	if (feed->subscriber)
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
	if (!feed->subscriber)
		return -EAGAIN;
	int status = take(feed->subscriber, 0, out_frame);
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
	if (feed->subscriber)
		zoe_release(feed->subscriber, frame);
}
