/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a camera can be set while it runs: width, height, fps and format, for which the source is opened anew, and
 * the controls of its device. One change after the other; a device is told on a thread of libuv's, since it may take its
 * time. A change that fails is taken back.
 */
#ifndef ROLES_CAMERA_SETTINGS_H
#define ROLES_CAMERA_SETTINGS_H

#include "camera_source.h"
#include "common/role.h"

struct camera_settings;

/*
 * Begin, before the source is turned on: it gets the controls of the configuration, and what was set in earlier lives.
 *
 * source, request, config  must outlive the settings
 * request                  as the source was created with
 *
 * Returns  0 | -EINVAL | -ENOMEM, each with a sentence
 */
int camera_settings_create(struct role *role, struct source *source, const struct camera_driver *driver,
                           const struct camera_request *request, const struct camera_config *config,
                           struct camera_settings **out, char *error);

/* Nothing is answered any more. Memory is freed when the device has answered. NULL is fine. */
void camera_settings_destroy(struct camera_settings *settings);

/* Of role_ops.set. */
void camera_settings_set(struct camera_settings *settings, const json_t *wanted, json_int_t id);

/* See whether the source has been opened anew: every 100 ms or so, and when it has news. */
void camera_settings_tick(struct camera_settings *settings);

#endif
