/* SPDX-License-Identifier: Apache-2.0 */
/* Times of a pipeline are mapped through its clock. GStreamer's usual clock is CLOCK_MONOTONIC itself: nothing is lost then. */
#include "times.h"

#include "zoetrope.h"

static gboolean is_monotonic(GstClock *clock)
{
	GstClockType type = GST_CLOCK_TYPE_REALTIME;

	if (G_OBJECT_TYPE(clock) != GST_TYPE_SYSTEM_CLOCK)
		return FALSE;
	g_object_get(clock, "clock-type", &type, NULL);
	return type == GST_CLOCK_TYPE_MONOTONIC;
}

/* What the pipeline's clock shows more than CLOCK_MONOTONIC. FALSE = there is no clock. */
static gboolean clock_ahead(GstElement *element, gint64 *out_ahead_ns)
{
	GstClock *clock = gst_element_get_clock(element);

	if (!clock)
		return FALSE;
	*out_ahead_ns = is_monotonic(clock) ? 0 : (gint64)gst_clock_get_time(clock) - zoe_now_ns();
	gst_object_unref(clock);
	return TRUE;
}

GstClockTime times_running(GstElement *element, gint64 capture_ns)
{
	gint64 ahead;

	if (!clock_ahead(element, &ahead))
		return GST_CLOCK_TIME_NONE;
	gint64 running = capture_ns + ahead - (gint64)gst_element_get_base_time(element);
	return running > 0 ? (GstClockTime)running : 0;
}

gint64 times_capture(GstElement *element, GstClockTime running)
{
	gint64 ahead, now = zoe_now_ns();

	if (!GST_CLOCK_TIME_IS_VALID(running) || !clock_ahead(element, &ahead))
		return 0;
	gint64 capture = (gint64)(running + gst_element_get_base_time(element)) - ahead;
	return capture > 0 && capture < now ? capture : now;
}

static GstCaps *monotonic(void)
{
	static GstStaticCaps caps = GST_STATIC_CAPS("timestamp/x-monotonic");

	return gst_static_caps_get(&caps);
}

void times_keep(GstBuffer *buffer, gint64 capture_ns)
{
	GstCaps *caps = monotonic();

	gst_buffer_add_reference_timestamp_meta(buffer, caps, (GstClockTime)capture_ns, GST_CLOCK_TIME_NONE);
	gst_caps_unref(caps);
}

gint64 times_kept(GstBuffer *buffer)
{
	GstCaps *caps = monotonic();
	const GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta(buffer, caps);

	gst_caps_unref(caps);
	return meta ? (gint64)meta->timestamp : 0;
}
