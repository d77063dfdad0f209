/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for gst.c in a build without GStreamer, and says so. */
#include "camera_driver.h"

#include <errno.h>
#include <stdio.h>

static int gst_none_open(const struct camera_request *request, struct camera_mode *out_mode, void **out_state,
                         char *error)
{
	snprintf(error, CAMERA_ERROR_BYTES,
	         "source '%.200s': this program was built without GStreamer; tools/install-packages gst, then build it "
	         "again",
	         request->shown);
	return -EINVAL;
}

static void gst_none_close(void *state)
{
}

const struct camera_driver camera_gst = {.schemes = "gst", .open = gst_none_open, .close = gst_none_close};
