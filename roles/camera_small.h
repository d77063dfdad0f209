/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CAMERA/small: the camera's frames, scaled, made once for all who want them and only while somebody does. Size and
 * format are the largest size and the first format that subscribers wish for (zoe_subscriber_wish()); without a wish,
 * I420 of at most 640 x 360. It runs in the role's loop.
 */
#ifndef ROLES_CAMERA_SMALL_H
#define ROLES_CAMERA_SMALL_H

#include "common/role.h"

struct camera_small;

/* Returns 0 | -ENOMEM | -errno of zoe_publisher_open() */
int camera_small_create(struct role *role, struct camera_small **out);
void camera_small_destroy(struct camera_small *small); /* NULL is fine */

/* See whether somebody wants it: every 100 ms or so. */
void camera_small_tick(struct camera_small *small);

#endif
