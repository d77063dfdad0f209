/* SPDX-License-Identifier: Apache-2.0 */
/* See subscription.h. */
#include "subscription.h"

#include <errno.h>
#include <stdlib.h>

static void handle_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	const struct subscription *subscription = poll->data;
	subscription->ready(subscription->user);
}

int subscription_open(struct role *role, const char *topic, void (*ready)(void *user), void *user,
                      struct subscription **out)
{
	struct subscription *subscription = calloc(1, sizeof(*subscription));
	if (!subscription)
		return -ENOMEM;
	int status = zoe_subscriber_open(role->domain, topic, NULL, &subscription->subscriber);
	int fd = status < 0 ? status : zoe_subscriber_fd(subscription->subscriber);
	status = fd < 0 ? fd : uv_poll_init(role->loop, &subscription->poll, fd);
	if (status < 0) {
		zoe_subscriber_close(subscription->subscriber);
		free(subscription);
		return status;
	}
	subscription->ready = ready;
	subscription->user = user;
	subscription->poll.data = subscription;
	subscription_wait(subscription);
	*out = subscription;
	return 0;
}

void subscription_close(struct subscription *subscription)
{
	if (!subscription)
		return;
	uv_close((uv_handle_t *)&subscription->poll, handle_closed);
	zoe_subscriber_close(subscription->subscriber);
	subscription->subscriber = NULL;
}

void subscription_rest(struct subscription *subscription)
{
	uv_poll_stop(&subscription->poll);
}

void subscription_wait(struct subscription *subscription)
{
	uv_poll_start(&subscription->poll, UV_READABLE, on_readable);
}
