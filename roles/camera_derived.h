/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics made from a camera's frames, once for all who want them and only while somebody does:
 *
 *   CAMERA/small      scaled: at most 640 x 360, in I420
 *   CAMERA/converted  in another format: RGB24, as large as the frames
 *
 * unless subscribers wish (zoe_subscriber_wish()) for another size, of which the largest counts, or for another format, of
 * which the first does. They are made in the role's loop.
 */
#ifndef ROLES_CAMERA_DERIVED_H
#define ROLES_CAMERA_DERIVED_H

#include "common/role.h"

enum derived_kind { DERIVED_SMALL, DERIVED_CONVERTED, DERIVED_KINDS };

struct camera_derived;

/* Returns 0 | -ENOMEM | -errno of zoe_publisher_open() */
int camera_derived_create(struct role *role, enum derived_kind kind, struct camera_derived **out);
void camera_derived_destroy(struct camera_derived *derived); /* NULL is fine */

/* See whether somebody wants it: every 100 ms or so. */
void camera_derived_tick(struct camera_derived *derived);

#endif
