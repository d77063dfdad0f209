/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zoetropesrc: a live source over a subscriber. A buffer is the pinned slot itself; only if downstream holds as many as it
 * may, or cannot read planes where they lie, it is a copy. The topic may come later, go, and come again.
 */
#include "zoetropesrc.h"

#include <errno.h>

#include "picture.h"
#include "pinned.h"
#include "times.h"
#include "words.h"

#define RETRY_MS        20  /* between two looks for a topic that is not there */
#define LOOK_MS         100 /* at most between two looks whether time is up or publishers have left */
#define BUFFERS_DEFAULT 4
#define BUFFERS_MAX     15 /* the library allows 16 pins, and one is kept for copies */
#define LATENCY_DEFAULT (40 * GST_MSECOND)

GST_DEBUG_CATEGORY_STATIC(zoetrope_src_debug);
#define GST_CAT_DEFAULT zoetrope_src_debug

enum mode { MODE_NEXT, MODE_LATEST, MODE_LOSSLESS };

enum property {
	PROPERTY_DOMAIN = 1,
	PROPERTY_TOPIC,
	PROPERTY_MODE,
	PROPERTY_FROM_OLDEST,
	PROPERTY_BUFFERS,
	PROPERTY_TIMEOUT,
	PROPERTY_EOS_ON_LEAVE,
	PROPERTY_LATENCY,
	PROPERTY_COUNTS,
};

struct _ZoetropeSrc {
	GstPushSrc parent;

	gchar *domain, *topic;
	gint mode;
	gboolean from_oldest, eos_on_leave;
	guint buffers;
	guint64 timeout_ns, latency_ns;

	struct pinned *pinned; /* NULL: the topic is not there yet */
	GstPoll *poll;         /* wakes for a frame, and for unlock() */
	GstPollFD fd;
	struct picture picture; /* of the caps that are set; format NONE = none */
	GstCaps *caps;          /* that the present frame may have; NULL before the first */
	gboolean any_planes;    /* downstream reads GstVideoMeta */
	guint64 frames, copied, lost;
};

G_DEFINE_TYPE(ZoetropeSrc, zoetrope_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE(zoetropesrc, "zoetropesrc", GST_RANK_NONE, zoetrope_src_get_type())

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(PICTURE_CAPS));

static GType mode_get_type(void)
{
	static gsize type;
	static const GEnumValue values[] = {
	    {MODE_NEXT, "Each frame in order; those that are no longer kept are left out", "next"},
	    {MODE_LATEST, "Always the newest frame", "latest"},
	    {MODE_LOSSLESS, "Each frame in order; publishers wait for this source", "lossless"},
	    {0, NULL, NULL},
	};

	if (g_once_init_enter(&type))
		g_once_init_leave(&type, g_enum_register_static("ZoetropeSrcMode", values));
	return (GType)type;
}

/* ---- the topic ---------------------------------------------------------------------------------------------- */

/* Returns 0 | -ENOENT (not there yet) | -errno with an error message posted */
static int join(ZoetropeSrc *self)
{
	struct zoe_subscriber_options options = {
	    .mode = self->mode == MODE_LOSSLESS ? ZOE_LOSSLESS : ZOE_LOSSY,
	    .start = self->from_oldest ? ZOE_START_OLDEST : ZOE_START_NEW,
	};
	struct pinned *pinned = NULL;
	int status = pinned_open(self->domain, self->topic, &options, self->buffers, &pinned);
	int fd = status < 0 ? status : pinned_fd(pinned);

	if (status == 0 && fd < 0)
		pinned_close(pinned);
	if (fd < 0 && fd != -ENOENT)
		GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ, ("%s", zoe_error()),
		                  ("joining topic %s: %s", self->topic, g_strerror(-fd)));
	if (fd < 0)
		return fd;
	self->pinned = pinned;
	gst_poll_fd_init(&self->fd);
	self->fd.fd = fd;
	gst_poll_add_fd(self->poll, &self->fd);
	gst_poll_fd_ctl_read(self->poll, &self->fd, TRUE);
	GST_INFO_OBJECT(self, "joined topic %s", self->topic);
	return 0;
}

static void leave(ZoetropeSrc *self)
{
	if (!self->pinned)
		return;
	gst_poll_remove_fd(self->poll, &self->fd);
	pinned_close(self->pinned);
	self->pinned = NULL;
}

static gboolean zoetrope_src_start(GstBaseSrc *src)
{
	ZoetropeSrc *self = ZOETROPE_SRC(src);

	if (!self->topic || !*self->topic) {
		GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", words_no_topic), (NULL));
		return FALSE;
	}
	self->picture = (struct picture){0};
	gst_clear_caps(&self->caps);
	self->frames = self->copied = self->lost = 0;
	int status = join(self);
	return status == 0 || status == -ENOENT;
}

static gboolean zoetrope_src_stop(GstBaseSrc *src)
{
	leave(ZOETROPE_SRC(src));
	return TRUE;
}

static gboolean zoetrope_src_unlock(GstBaseSrc *src)
{
	gst_poll_set_flushing(ZOETROPE_SRC(src)->poll, TRUE);
	return TRUE;
}

static gboolean zoetrope_src_unlock_stop(GstBaseSrc *src)
{
	gst_poll_set_flushing(ZOETROPE_SRC(src)->poll, FALSE);
	return TRUE;
}

/* ---- waiting for a frame ------------------------------------------------------------------------------------ */

static GstFlowReturn timed_out(ZoetropeSrc *self)
{
	gdouble seconds = (gdouble)self->timeout_ns / GST_SECOND;

	GST_ELEMENT_ERROR(self, RESOURCE, READ,
	                  (self->pinned
	                       ? "topic %s had no frame for %g s; is its publisher still at work?"
	                       : "there was no topic %s for %g s; is its publisher running, in the same domain?",
	                   self->topic, seconds),
	                  (NULL));
	return GST_FLOW_ERROR;
}

/* Nothing to take now: sleep until there may be. OK = look again. */
static GstFlowReturn wait_more(ZoetropeSrc *self, gint64 since_ns)
{
	if (self->timeout_ns && zoe_now_ns() - since_ns >= (gint64)self->timeout_ns)
		return timed_out(self);
	gint ms = self->pinned ? LOOK_MS : RETRY_MS;
	gint ready = gst_poll_wait(self->poll, (GstClockTime)ms * GST_MSECOND);
	if (ready < 0 && errno == EBUSY)
		return GST_FLOW_FLUSHING;
	/* a topic that is orphaned gets nothing more, but may have got something before we looked */
	if (ready == 0 && self->pinned && self->eos_on_leave && pinned_is_orphaned(self->pinned))
		return GST_FLOW_EOS;
	return GST_FLOW_OK;
}

/* Take the next frame. EOS is for sure only if a look after it finds nothing. */
static GstFlowReturn take(ZoetropeSrc *self, struct zoe_frame *out_frame)
{
	gint64 since_ns = zoe_now_ns();
	GstFlowReturn flow = GST_FLOW_OK;

	for (;;) {
		int status = self->pinned ? 0 : join(self);
		if (status == 0)
			status = pinned_take(self->pinned, self->mode == MODE_LATEST, out_frame);
		if (status == 0)
			return GST_FLOW_OK;
		if (flow != GST_FLOW_OK)
			return flow;
		if (!self->pinned && status != -ENOENT)
			return GST_FLOW_ERROR; /* join() has said why */
		if (self->pinned && status != -EAGAIN && status != -EINTR) {
			GST_ELEMENT_ERROR(self, RESOURCE, READ, ("%s", zoe_error()), ("%s", g_strerror(-status)));
			return GST_FLOW_ERROR;
		}
		flow = wait_more(self, since_ns);
		if (flow == GST_FLOW_FLUSHING || flow == GST_FLOW_ERROR)
			return flow;
	}
}

/* ---- caps --------------------------------------------------------------------------------------------------- */

static GstCaps *zoetrope_src_get_caps(GstBaseSrc *src, GstCaps *filter)
{
	ZoetropeSrc *self = ZOETROPE_SRC(src);

	GST_OBJECT_LOCK(self);
	GstCaps *caps = self->caps ? gst_caps_ref(self->caps) : NULL;
	GST_OBJECT_UNLOCK(self);
	if (!caps)
		caps = gst_pad_get_pad_template_caps(GST_BASE_SRC_PAD(src));
	if (filter) {
		GstCaps *both = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
		gst_caps_unref(caps);
		caps = both;
	}
	return caps;
}

/* Frames come when they come: the rate is 0/1, which means that it varies, unless downstream insists on another. */
static GstCaps *zoetrope_src_fixate(GstBaseSrc *src, GstCaps *caps)
{
	static const gint usual = 30;

	caps = gst_caps_truncate(gst_caps_make_writable(caps));
	GstStructure *structure = gst_caps_get_structure(caps, 0);
	const GValue *rate = gst_structure_get_value(structure, "framerate");
	GValue varies = G_VALUE_INIT;
	g_value_init(&varies, GST_TYPE_FRACTION);
	gst_value_set_fraction(&varies, 0, 1);
	gboolean may_vary = !rate || gst_value_can_intersect(rate, &varies);
	gst_structure_fixate_field_nearest_fraction(structure, "framerate", may_vary ? 0 : usual, 1);
	g_value_unset(&varies);
	return GST_BASE_SRC_CLASS(zoetrope_src_parent_class)->fixate(src, caps);
}

/* Before the first frame nobody knows what the topic carries. */
static gboolean zoetrope_src_negotiate(GstBaseSrc *src)
{
	if (!ZOETROPE_SRC(src)->caps)
		return TRUE;
	return GST_BASE_SRC_CLASS(zoetrope_src_parent_class)->negotiate(src);
}

static gboolean zoetrope_src_decide_allocation(GstBaseSrc *src, GstQuery *query)
{
	ZoetropeSrc *self = ZOETROPE_SRC(src);

	self->any_planes = gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	while (gst_query_get_n_allocation_pools(query) > 0) /* the slots are the buffers */
		gst_query_remove_nth_allocation_pool(query, 0);
	return TRUE;
}

static gboolean same_picture(const struct zoe_image *a, const struct zoe_image *b)
{
	return a->format == b->format && a->width == b->width && a->height == b->height && a->range == b->range &&
	       a->matrix == b->matrix;
}

/* The frame is of another kind than those before: agree with downstream on it. */
static GstFlowReturn renegotiate(ZoetropeSrc *self, const struct zoe_image *image)
{
	struct picture picture;
	char name[5];
	GstCaps *caps = picture_to_caps(image, &picture);

	zoe_format_name(image->format, name);
	if (!caps) {
		GST_ELEMENT_ERROR(self, STREAM, FORMAT,
		                  ("topic %s carries %s, and zoetropesrc gives pictures only", self->topic,
		                   image->format == ZOE_FORMAT_NONE ? "messages" : name),
		                  (NULL));
		return GST_FLOW_ERROR;
	}
	GST_OBJECT_LOCK(self);
	gst_caps_replace(&self->caps, caps);
	GST_OBJECT_UNLOCK(self);
	gst_caps_unref(caps);
	self->picture = picture;
	if (gst_base_src_negotiate(GST_BASE_SRC(self)))
		return GST_FLOW_OK;
	if (GST_PAD_IS_FLUSHING(GST_BASE_SRC_PAD(self)))
		return GST_FLOW_FLUSHING;
	GST_ELEMENT_ERROR(self, STREAM, FORMAT,
	                  ("topic %s carries %s pictures of %ux%u, which what follows zoetropesrc does not take; put "
	                   "videoconvert, videoscale or jpegdec between them",
	                   self->topic, name, image->width, image->height),
	                  (NULL));
	return GST_FLOW_NOT_NEGOTIATED;
}

/* ---- buffers ------------------------------------------------------------------------------------------------ */

/* A raw picture with its planes where caps alone say. */
static GstBuffer *copy_plain(const GstVideoInfo *info, GstBuffer *from)
{
	GstBuffer *plain = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);

	if (plain && !picture_copy(plain, from, info))
		gst_clear_buffer(&plain);
	return plain;
}

/* The frame as a buffer: itself, or a copy; it is released, now or with the buffer. */
static GstBuffer *wrap(ZoetropeSrc *self, struct zoe_frame *frame)
{
	const struct zoe_image *image = &frame->image;
	gboolean raw = image->format != ZOE_FORMAT_MJPEG;
	gboolean plain = !raw || picture_is_plain(&self->picture.raw, image, frame->size);
	GstMemory *memory = plain || self->any_planes ? pinned_wrap(self->pinned, frame) : NULL;
	GstBuffer *buffer = gst_buffer_new();

	if (memory) {
		gst_buffer_append_memory(buffer, memory);
		if (raw)
			picture_add_meta(buffer, &self->picture.raw, image);
		return buffer;
	}
	gst_buffer_append_memory(buffer, gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, (gpointer)frame->data,
	                                                        frame->size, 0, frame->size, NULL, NULL));
	if (raw)
		picture_add_meta(buffer, &self->picture.raw, image);
	GstBuffer *copy = raw ? copy_plain(&self->picture.raw, buffer) : gst_buffer_copy_deep(buffer);
	gst_buffer_unref(buffer);
	pinned_release(self->pinned, frame);
	GST_OBJECT_LOCK(self);
	self->copied++;
	GST_OBJECT_UNLOCK(self);
	return copy;
}

static GstFlowReturn zoetrope_src_create(GstPushSrc *src, GstBuffer **out_buffer)
{
	ZoetropeSrc *self = ZOETROPE_SRC(src);
	struct zoe_frame frame;
	GstFlowReturn flow = take(self, &frame);

	if (flow != GST_FLOW_OK)
		return flow;
	if (!same_picture(&frame.image, &self->picture.image) || !self->caps)
		flow = renegotiate(self, &frame.image);
	if (flow != GST_FLOW_OK) {
		pinned_release(self->pinned, &frame);
		return flow;
	}
	guint64 seq = frame.seq, lost = frame.lost;
	gint64 capture_ns = frame.capture_ns;
	GstBuffer *buffer = wrap(self, &frame);
	if (!buffer) {
		GST_ELEMENT_ERROR(self, STREAM, FAILED, ("frame %" G_GUINT64_FORMAT " cannot be copied", seq), (NULL));
		return GST_FLOW_ERROR;
	}
	GST_OBJECT_LOCK(self);
	gboolean first = self->frames++ == 0;
	self->lost += lost;
	GST_OBJECT_UNLOCK(self);
	GST_BUFFER_OFFSET(buffer) = seq;
	GST_BUFFER_OFFSET_END(buffer) = seq + 1;
	GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = times_running(GST_ELEMENT(self), capture_ns);
	times_keep(buffer, capture_ns);
	if (first || lost)
		GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
	*out_buffer = buffer;
	return GST_FLOW_OK;
}

/* A frame comes a while after its capture. Sinks that synchronise must allow for that. */
static gboolean zoetrope_src_query(GstBaseSrc *src, GstQuery *query)
{
	if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
		return GST_BASE_SRC_CLASS(zoetrope_src_parent_class)->query(src, query);
	gst_query_set_latency(query, TRUE, ZOETROPE_SRC(src)->latency_ns, GST_CLOCK_TIME_NONE);
	return TRUE;
}

/* ---- properties --------------------------------------------------------------------------------------------- */

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	ZoetropeSrc *self = ZOETROPE_SRC(object);

	switch ((enum property)id) {
	case PROPERTY_DOMAIN:
		g_free(self->domain);
		self->domain = g_value_dup_string(value);
		break;
	case PROPERTY_TOPIC:
		g_free(self->topic);
		self->topic = g_value_dup_string(value);
		break;
	case PROPERTY_MODE:
		self->mode = g_value_get_enum(value);
		break;
	case PROPERTY_FROM_OLDEST:
		self->from_oldest = g_value_get_boolean(value);
		break;
	case PROPERTY_BUFFERS:
		self->buffers = g_value_get_uint(value);
		break;
	case PROPERTY_TIMEOUT:
		self->timeout_ns = g_value_get_uint64(value);
		break;
	case PROPERTY_EOS_ON_LEAVE:
		self->eos_on_leave = g_value_get_boolean(value);
		break;
	case PROPERTY_LATENCY:
		self->latency_ns = g_value_get_uint64(value);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static GstStructure *counts(ZoetropeSrc *self)
{
	GST_OBJECT_LOCK(self);
	GstStructure *all = gst_structure_new("zoetropesrc-counts", "frames", G_TYPE_UINT64, self->frames, "copied",
	                                      G_TYPE_UINT64, self->copied, "lost", G_TYPE_UINT64, self->lost, NULL);
	GST_OBJECT_UNLOCK(self);
	return all;
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	ZoetropeSrc *self = ZOETROPE_SRC(object);

	switch ((enum property)id) {
	case PROPERTY_DOMAIN:
		g_value_set_string(value, self->domain);
		break;
	case PROPERTY_TOPIC:
		g_value_set_string(value, self->topic);
		break;
	case PROPERTY_MODE:
		g_value_set_enum(value, self->mode);
		break;
	case PROPERTY_FROM_OLDEST:
		g_value_set_boolean(value, self->from_oldest);
		break;
	case PROPERTY_BUFFERS:
		g_value_set_uint(value, self->buffers);
		break;
	case PROPERTY_TIMEOUT:
		g_value_set_uint64(value, self->timeout_ns);
		break;
	case PROPERTY_EOS_ON_LEAVE:
		g_value_set_boolean(value, self->eos_on_leave);
		break;
	case PROPERTY_LATENCY:
		g_value_set_uint64(value, self->latency_ns);
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
	    g_param_spec_string("topic", "Topic", "Name of the topic to read, for example front", NULL, set));
	g_object_class_install_property(
	    class, PROPERTY_MODE,
	    g_param_spec_enum("mode", "Mode", "Which frames to read, and whether publishers wait for this source",
	                      mode_get_type(), MODE_NEXT, set));
	g_object_class_install_property(
	    class, PROPERTY_FROM_OLDEST,
	    g_param_spec_boolean("from-oldest", "From the oldest frame",
	                         "Begin with the oldest frame that the topic keeps, not with the next one", FALSE,
	                         set));
	g_object_class_install_property(
	    class, PROPERTY_BUFFERS,
	    g_param_spec_uint("buffers", "Buffers",
	                      "Frames that downstream may hold in place, without a copy; when it holds that many, "
	                      "further ones are copied",
	                      0, BUFFERS_MAX, BUFFERS_DEFAULT, set));
	g_object_class_install_property(
	    class, PROPERTY_TIMEOUT,
	    g_param_spec_uint64(
	        "timeout", "Timeout",
	        "End with an error when there was no topic or no frame for so long, in nanoseconds; 0 = "
	        "wait for ever",
	        0, G_MAXINT64, 0, set));
	g_object_class_install_property(
	    class, PROPERTY_EOS_ON_LEAVE,
	    g_param_spec_boolean("eos-on-leave", "End when publishers leave",
	                         "End the stream after the last frame of the last publisher, instead of waiting for "
	                         "another publisher",
	                         FALSE, set));
	g_object_class_install_property(
	    class, PROPERTY_LATENCY,
	    g_param_spec_uint64("latency", "Latency",
	                        "How long after its capture a frame may come, told to sinks that synchronise, in "
	                        "nanoseconds",
	                        0, G_MAXINT64, LATENCY_DEFAULT, set));
	g_object_class_install_property(
	    class, PROPERTY_COUNTS,
	    g_param_spec_boxed("counts", "Counts",
	                       "Frames given out, how many of them were copied, and how many were lost",
	                       GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void finalize(GObject *object)
{
	ZoetropeSrc *self = ZOETROPE_SRC(object);

	gst_clear_caps(&self->caps);
	gst_poll_free(self->poll);
	g_free(self->domain);
	g_free(self->topic);
	G_OBJECT_CLASS(zoetrope_src_parent_class)->finalize(object);
}

static void zoetrope_src_class_init(ZoetropeSrcClass *class)
{
	GObjectClass *object = G_OBJECT_CLASS(class);
	GstElementClass *element = GST_ELEMENT_CLASS(class);
	GstBaseSrcClass *base = GST_BASE_SRC_CLASS(class);

	GST_DEBUG_CATEGORY_INIT(zoetrope_src_debug, "zoetropesrc", 0, "frames of a Zoetrope topic");
	object->set_property = set_property;
	object->get_property = get_property;
	object->finalize = finalize;
	install_properties(object);
	gst_type_mark_as_plugin_api(mode_get_type(), 0);
	gst_element_class_add_static_pad_template(element, &src_template);
	gst_element_class_set_static_metadata(element, "Zoetrope topic source", "Source/Video",
	                                      "Reads a topic's frames in shared memory in place, without a copy",
	                                      words_author);
	base->start = zoetrope_src_start;
	base->stop = zoetrope_src_stop;
	base->unlock = zoetrope_src_unlock;
	base->unlock_stop = zoetrope_src_unlock_stop;
	base->get_caps = zoetrope_src_get_caps;
	base->fixate = zoetrope_src_fixate;
	base->negotiate = zoetrope_src_negotiate;
	base->decide_allocation = zoetrope_src_decide_allocation;
	base->query = zoetrope_src_query;
	GST_PUSH_SRC_CLASS(class)->create = zoetrope_src_create;
}

static void zoetrope_src_init(ZoetropeSrc *self)
{
	self->buffers = BUFFERS_DEFAULT;
	self->latency_ns = LATENCY_DEFAULT;
	self->poll = gst_poll_new(TRUE);
	gst_base_src_set_live(GST_BASE_SRC(self), TRUE);
	gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
