/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subscriber and the handle that waits for its frames in a role's loop. Both in memory of their own, because libuv closes
 * handles later: there may be a new one before the old one's handle is gone.
 */
#ifndef ZOETROPE_SUBSCRIPTION_H
#define ZOETROPE_SUBSCRIPTION_H

#include "common/role.h"

struct subscription {
	struct zoe_subscriber *subscriber;
	uv_poll_t poll;
	void (*ready)(void *user); /* something may be there: take until there is nothing, or rest */
	void *user;
};

/* Subscribe, and wait for frames. Returns 0 | -errno (zoe_error()). */
int subscription_open(struct role *role, const char *topic, void (*ready)(void *user), void *user,
                      struct subscription **out);
void subscription_close(struct subscription *subscription); /* NULL does nothing */

/* Do not call ready() until subscription_wait(), though there may be frames. */
void subscription_rest(struct subscription *subscription);
void subscription_wait(struct subscription *subscription);

#endif
