/* SPDX-License-Identifier: Apache-2.0 */
/* Capture times of the transport (CLOCK_MONOTONIC) and times of a pipeline. */
#ifndef ZOETROPE_GST_TIMES_H
#define ZOETROPE_GST_TIMES_H

#include <gst/gst.h>

/*
 * The running time of element's pipeline at which a frame was captured; one from before the pipeline ran was captured
 * at 0. GST_CLOCK_TIME_NONE without a clock.
 */
GstClockTime times_running(GstElement *element, gint64 capture_ns);

/* When the pipeline's running time was, in ns of CLOCK_MONOTONIC; what lies ahead is now. 0 without clock or time. */
gint64 times_capture(GstElement *element, GstClockTime running);

/* Keep a frame's capture time on a buffer, for a sink in the same process; and read it: 0 = there is none. */
void times_keep(GstBuffer *buffer, gint64 capture_ns);
gint64 times_kept(GstBuffer *buffer);

#endif
