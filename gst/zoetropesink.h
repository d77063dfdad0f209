/* SPDX-License-Identifier: Apache-2.0 */
/* The element zoetropesink: a pipeline's pictures become frames of a topic. */
#ifndef ZOETROPE_GST_SINK_H
#define ZOETROPE_GST_SINK_H

#include <gst/base/gstbasesink.h>

G_DECLARE_FINAL_TYPE(ZoetropeSink, zoetrope_sink, ZOETROPE, SINK, GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE(zoetropesink)

#endif
