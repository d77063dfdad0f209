/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zoetropesink: publishes pictures. It offers its own buffer pool, so that upstream writes straight into loaned slots;
 * what comes in other memory is copied once.
 */
#include "zoetropesink.h"

#include <errno.h>

#include "picture.h"
#include "slotpool.h"
#include "times.h"
#include "words.h"

#define DEPTH_MAX       1024
#define BUFFERS_DEFAULT 8
#define BUFFERS_MAX     31                 /* the library allows 32 loans, and one is kept for copies */
#define PATIENCE_NS     (20 * GST_MSECOND) /* to wait for lossless subscribers, between two looks whether to stop */

GST_DEBUG_CATEGORY_STATIC(zoetrope_sink_debug);
#define GST_CAT_DEFAULT zoetrope_sink_debug

enum property {
	PROPERTY_DOMAIN = 1,
	PROPERTY_TOPIC,
	PROPERTY_DEPTH,
	PROPERTY_LOSSLESS,
	PROPERTY_BUFFERS,
	PROPERTY_COUNTS,
};

struct _ZoetropeSink {
	GstBaseSink parent;

	gchar *domain, *topic;
	guint depth, buffers;
	gboolean lossless;

	GMutex lock;           /* of loaned: the query comes from another thread than the frames */
	struct loaned *loaned; /* NULL before caps are known */
	struct picture picture;
	gint unlocked;
	guint64 frames, copied;
};

G_DEFINE_TYPE(ZoetropeSink, zoetrope_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(zoetropesink, "zoetropesink", GST_RANK_NONE, zoetrope_sink_get_type())

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(PICTURE_CAPS));

/* ---- the topic ---------------------------------------------------------------------------------------------- */

static gboolean zoetrope_sink_start(GstBaseSink *sink)
{
	ZoetropeSink *self = ZOETROPE_SINK(sink);

	if (!self->topic || !*self->topic) {
		GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", words_no_topic), (NULL));
		return FALSE;
	}
	self->frames = self->copied = 0;
	return TRUE;
}

static gboolean zoetrope_sink_stop(GstBaseSink *sink)
{
	ZoetropeSink *self = ZOETROPE_SINK(sink);

	g_mutex_lock(&self->lock);
	loaned_unref(self->loaned); /* upstream's pool may hold it a moment longer */
	self->loaned = NULL;
	g_mutex_unlock(&self->lock);
	return TRUE;
}

/* The publisher, opened with slots for such pictures when the first of them are announced. The caller unrefs it. */
static struct loaned *publisher(ZoetropeSink *self, const struct picture *picture)
{
	struct zoe_topic_options options = {
	    .slot_bytes = picture_bytes(picture), .depth = self->depth, .lossless = self->lossless};
	struct loaned *loaned = NULL;

	g_mutex_lock(&self->lock);
	int status = self->loaned ? 0 : loaned_open(self->domain, self->topic, &options, self->buffers, &self->loaned);
	if (status == 0)
		loaned = loaned_ref(self->loaned);
	g_mutex_unlock(&self->lock);
	if (status < 0)
		GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", zoe_error()),
		                  ("publishing on topic %s: %s", self->topic, g_strerror(-status)));
	return loaned;
}

static gboolean zoetrope_sink_set_caps(GstBaseSink *sink, GstCaps *caps)
{
	ZoetropeSink *self = ZOETROPE_SINK(sink);

	if (!picture_from_caps(caps, &self->picture)) {
		GST_ELEMENT_ERROR(self, STREAM, FORMAT,
		                  ("zoetropesink cannot publish %" GST_PTR_FORMAT "; it takes " PICTURE_CAPS, caps),
		                  (NULL));
		return FALSE;
	}
	struct loaned *loaned = publisher(self, &self->picture);
	loaned_unref(loaned);
	return loaned != NULL;
}

static gboolean zoetrope_sink_propose_allocation(GstBaseSink *sink, GstQuery *query)
{
	ZoetropeSink *self = ZOETROPE_SINK(sink);
	struct picture picture;
	GstCaps *caps = NULL;

	gst_query_parse_allocation(query, &caps, NULL);
	if (!caps || !picture_from_caps(caps, &picture))
		return FALSE;
	struct loaned *loaned = publisher(self, &picture);
	gboolean proposed = loaned && slotpool_propose(loaned, query);
	loaned_unref(loaned);
	return proposed;
}

/* ---- frames ------------------------------------------------------------------------------------------------- */

static gboolean zoetrope_sink_unlock(GstBaseSink *sink)
{
	g_atomic_int_set(&ZOETROPE_SINK(sink)->unlocked, TRUE);
	return TRUE;
}

static gboolean zoetrope_sink_unlock_stop(GstBaseSink *sink)
{
	g_atomic_int_set(&ZOETROPE_SINK(sink)->unlocked, FALSE);
	return TRUE;
}

/* When the picture was taken: as zoetropesrc says, else by the buffer's time. */
static gint64 capture_ns(ZoetropeSink *self, GstBuffer *buffer)
{
	GstSegment *segment = &GST_BASE_SINK(self)->segment;
	gint64 kept = times_kept(buffer);

	if (kept)
		return kept;
	if (segment->format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer))
		return 0;
	return times_capture(GST_ELEMENT(self),
	                     gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)));
}

static int publish(ZoetropeSink *self, GstBuffer *buffer, const struct zoe_loan *with, struct slotpool_published *out)
{
	if (with->image.format == ZOE_FORMAT_MJPEG)
		return slotpool_publish_bytes(self->loaned, buffer, picture_bytes(&self->picture), with, out);
	return slotpool_publish(self->loaned, buffer, &self->picture.raw, with, out);
}

static GstFlowReturn failed(ZoetropeSink *self, int status)
{
	if (status == -ENOSPC)
		GST_ELEMENT_ERROR(self, RESOURCE, NO_SPACE_LEFT, ("%s", zoe_error()), (NULL));
	else if (status == -EINVAL)
		GST_ELEMENT_ERROR(
		    self, STREAM, FORMAT,
		    ("a buffer does not hold the picture that its caps announce, or a side is above 16384"),
		    ("%s", zoe_error()));
	else
		GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("%s", zoe_error()), ("%s", g_strerror(-status)));
	return GST_FLOW_ERROR;
}

static GstFlowReturn zoetrope_sink_render(GstBaseSink *sink, GstBuffer *buffer)
{
	ZoetropeSink *self = ZOETROPE_SINK(sink);
	struct zoe_loan with = {.image = self->picture.image,
	                        .capture_ns = capture_ns(self, buffer),
	                        .timeout_ns = self->lossless ? PATIENCE_NS : 0};
	struct slotpool_published published;
	int status;

	for (;;) {
		status = publish(self, buffer, &with, &published);
		if (status != -ETIMEDOUT && status != -EAGAIN && status != -EINTR)
			break;
		if (!g_atomic_int_get(&self->unlocked)) /* lossless subscribers are behind: wait for them */
			continue;
		GstFlowReturn flow = gst_base_sink_wait_preroll(sink); /* paused, or flushing */
		if (flow != GST_FLOW_OK)
			return flow;
	}
	if (status < 0)
		return failed(self, status);
	GST_OBJECT_LOCK(self);
	self->frames++;
	self->copied += published.copied;
	GST_OBJECT_UNLOCK(self);
	return GST_FLOW_OK;
}

/* ---- properties --------------------------------------------------------------------------------------------- */

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	ZoetropeSink *self = ZOETROPE_SINK(object);

	switch ((enum property)id) {
	case PROPERTY_DOMAIN:
		g_free(self->domain);
		self->domain = g_value_dup_string(value);
		break;
	case PROPERTY_TOPIC:
		g_free(self->topic);
		self->topic = g_value_dup_string(value);
		break;
	case PROPERTY_DEPTH:
		self->depth = g_value_get_uint(value);
		break;
	case PROPERTY_LOSSLESS:
		self->lossless = g_value_get_boolean(value);
		break;
	case PROPERTY_BUFFERS:
		self->buffers = g_value_get_uint(value);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static GstStructure *counts(ZoetropeSink *self)
{
	GST_OBJECT_LOCK(self);
	GstStructure *all = gst_structure_new("zoetropesink-counts", "frames", G_TYPE_UINT64, self->frames, "copied",
	                                      G_TYPE_UINT64, self->copied, NULL);
	GST_OBJECT_UNLOCK(self);
	return all;
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	ZoetropeSink *self = ZOETROPE_SINK(object);

	switch ((enum property)id) {
	case PROPERTY_DOMAIN:
		g_value_set_string(value, self->domain);
		break;
	case PROPERTY_TOPIC:
		g_value_set_string(value, self->topic);
		break;
	case PROPERTY_DEPTH:
		g_value_set_uint(value, self->depth);
		break;
	case PROPERTY_LOSSLESS:
		g_value_set_boolean(value, self->lossless);
		break;
	case PROPERTY_BUFFERS:
		g_value_set_uint(value, self->buffers);
		break;
	case PROPERTY_COUNTS:
		g_value_take_boxed(value, counts(self));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void install_properties(GObjectClass *class)
{
	static const GParamFlags set = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

	g_object_class_install_property(class, PROPERTY_DOMAIN,
	                                g_param_spec_string("domain", "Domain", words_domain, NULL, set));
	g_object_class_install_property(
	    class, PROPERTY_TOPIC,
	    g_param_spec_string("topic", "Topic", "Name of the topic to publish on, for example front", NULL, set));
	g_object_class_install_property(
	    class, PROPERTY_DEPTH,
	    g_param_spec_uint("depth", "Depth",
	                      "Newest frames that the topic keeps for subscribers; 0 = what it has, or 4 if it is new",
	                      0, DEPTH_MAX, 0, set));
	g_object_class_install_property(
	    class, PROPERTY_LOSSLESS,
	    g_param_spec_boolean("lossless", "Lossless",
	                         "Let subscribers ask for every frame, and wait for those that do", FALSE, set));
	g_object_class_install_property(
	    class, PROPERTY_BUFFERS,
	    g_param_spec_uint("buffers", "Buffers",
	                      "Slots that upstream may hold at once and write into without a copy; further frames are "
	                      "copied; a decoder holds up to 18",
	                      0, BUFFERS_MAX, BUFFERS_DEFAULT, set));
	g_object_class_install_property(
	    class, PROPERTY_COUNTS,
	    g_param_spec_boxed("counts", "Counts", "Frames published, and how many of them were copied",
	                       GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void finalize(GObject *object)
{
	ZoetropeSink *self = ZOETROPE_SINK(object);

	g_mutex_clear(&self->lock);
	g_free(self->domain);
	g_free(self->topic);
	G_OBJECT_CLASS(zoetrope_sink_parent_class)->finalize(object);
}

static void zoetrope_sink_class_init(ZoetropeSinkClass *class)
{
	GObjectClass *object = G_OBJECT_CLASS(class);
	GstElementClass *element = GST_ELEMENT_CLASS(class);
	GstBaseSinkClass *base = GST_BASE_SINK_CLASS(class);

	GST_DEBUG_CATEGORY_INIT(zoetrope_sink_debug, "zoetropesink", 0, "pictures into a Zoetrope topic");
	object->set_property = set_property;
	object->get_property = get_property;
	object->finalize = finalize;
	install_properties(object);
	gst_element_class_add_static_pad_template(element, &sink_template);
	gst_element_class_set_static_metadata(
	    element, "Zoetrope topic sink", "Sink/Video",
	    "Publishes pictures in shared memory; upstream writes them there itself, without a copy", words_author);
	base->start = zoetrope_sink_start;
	base->stop = zoetrope_sink_stop;
	base->unlock = zoetrope_sink_unlock;
	base->unlock_stop = zoetrope_sink_unlock_stop;
	base->set_caps = zoetrope_sink_set_caps;
	base->propose_allocation = zoetrope_sink_propose_allocation;
	base->render = zoetrope_sink_render;
}

static void zoetrope_sink_init(ZoetropeSink *self)
{
	self->buffers = BUFFERS_DEFAULT;
	g_mutex_init(&self->lock);
	/* the last picture would keep a slot for as long as no other comes */
	gst_base_sink_set_last_sample_enabled(GST_BASE_SINK(self), FALSE);
}
