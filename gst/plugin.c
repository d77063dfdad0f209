/* SPDX-License-Identifier: Apache-2.0 */
/* The GStreamer plug-in zoetrope: its two elements. */
#include "zoetropesink.h"
#include "zoetropesrc.h"

#include "zoetrope.h"

#define PACKAGE "zoetrope" /* the macro below wants it */

static gboolean plugin_init(GstPlugin *plugin)
{
	return GST_ELEMENT_REGISTER(zoetropesrc, plugin) && GST_ELEMENT_REGISTER(zoetropesink, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, zoetrope,
                  "Frames in shared memory, from one process to many, without a copy", plugin_init, ZOE_VERSION,
                  "Apache 2.0", "zoetrope", "see docs/gstreamer.md")
