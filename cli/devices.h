/* SPDX-License-Identifier: Apache-2.0 */
/* What V4L2 devices offer, as JSON (devices_look.c); devices.c prints it. */
#ifndef CLI_DEVICES_H
#define CLI_DEVICES_H

#include <jansson.h>

/*
 * Look at a device: "/dev/video0", "video0".
 *
 * Returns  {"device", "card", "driver", "bus", "source", "formats": [...], "controls": [...]}, or {"device", "error"}
 */
json_t *devices_look(const char *name);

#endif
