/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera of any GStreamer pipeline, "gst:PIPELINE", that ends in raw video or JPEG. Its last element may write into
 * loaned slots: the appsink behind it offers the same pool as zoetropesink (gst/slotpool.h), once a publisher is there.
 * Other memory is copied once. A picture that is cropped or masked is copied from memory that nobody else sees.
 *
 * Pictures come on GStreamer's threads; this one waits for them, a little at a time, and looks at the bus.
 */
#include "gst.h"

#include "gst/picture.h"
#include "gst/slotpool.h"
#include "gst/times.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS       8                  /* that the pipeline may hold at once; further pictures are copied */
#define QUEUE       3                  /* pictures that wait for us; older ones of a live source make room */
#define LOOK_NS     (20 * GST_MSECOND) /* between two looks at the bus and at the interrupt */
#define FPS_UNKNOWN 30

struct gst_camera {
	struct camera_request request;
	struct camera_mode *mode; /* the role's; changes with the caps */
	GstElement *pipeline;
	GstAppSink *sink;
	GstBus *bus;
	struct loaned *loaned; /* NULL before attach; GStreamer's threads read it */
	struct zoe_publisher *publisher;
	struct picture picture; /* what caps say */
	GstCaps *caps;
	GstSample *sample; /* the one that is ready */
	int64_t last_ns;   /* capture time of the one before */
	bool private_memory;
};

/* ---- the pipeline ---------------------------------------------------------------------------------------------- */

/* Upstream asks for memory to write into. */
static GstPadProbeReturn on_query(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	struct gst_camera *camera = user;
	GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
	struct loaned *loaned = g_atomic_pointer_get(&camera->loaned);

	if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
		return GST_PAD_PROBE_OK;
	if (!loaned || camera->private_memory || !slotpool_propose(loaned, query))
		gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	return GST_PAD_PROBE_HANDLED;
}

static int pipeline_build(struct gst_camera *camera, char *error)
{
	char text[GST_PIPELINE_BYTES];
	GError *reason = NULL;
	int status = gst_words_pipeline(&camera->request, text, error);

	if (status < 0)
		return status;
	camera->pipeline = gst_parse_launch_full(text, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &reason);
	if (!camera->pipeline) {
		status = gst_words_parse_error(&camera->request, reason, error);
		g_error_free(reason);
		return status;
	}
	camera->sink = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(camera->pipeline), "zoetrope"));
	camera->bus = gst_element_get_bus(camera->pipeline);
	GstPad *pad = gst_element_get_static_pad(GST_ELEMENT(camera->sink), "sink");
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, on_query, camera, NULL);
	gst_object_unref(pad);
	/* the last picture would keep a slot for as long as no other comes */
	g_object_set(camera->sink, "max-buffers", QUEUE, "enable-last-sample", FALSE, NULL);
	return 0;
}

/* A live source is not held up, and not held back either: whoever reads decides when to show a picture. */
static int pipeline_start(struct gst_camera *camera, char *error)
{
	GstStateChangeReturn paused = gst_element_set_state(camera->pipeline, GST_STATE_PAUSED);

	camera->mode->live = paused == GST_STATE_CHANGE_NO_PREROLL;
	g_object_set(camera->sink, "drop", camera->mode->live, "sync", !camera->mode->live, NULL);
	if (paused != GST_STATE_CHANGE_FAILURE &&
	    gst_element_set_state(camera->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
		return 0;
	GstMessage *message = gst_bus_pop_filtered(camera->bus, GST_MESSAGE_ERROR);
	if (!message)
		return gst_words_fail(&camera->request, -EIO, "cannot be started", error);
	int status = gst_words_message(&camera->request, message, error);
	gst_message_unref(message);
	return status;
}

/* Returns 0 | -EIO with a sentence (some element failed). */
static int look_at_bus(struct gst_camera *camera, char *error)
{
	GstMessage *message;
	int status = 0;

	while (status == 0 && (message = gst_bus_pop(camera->bus))) {
		if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
			status = gst_words_message(&camera->request, message, error);
		if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY)
			gst_bin_recalculate_latency(GST_BIN(camera->pipeline));
		gst_message_unref(message);
	}
	return status;
}

static bool begin_again(struct gst_camera *camera)
{
	return camera->request.loop &&
	       gst_element_seek_simple(camera->pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0);
}

/* Wait for a picture. Returns 0 | -EINTR | -ENODATA | -EIO with a sentence. */
static int wait_sample(struct gst_camera *camera, char *error)
{
	for (;;) {
		camera->sample = gst_app_sink_try_pull_sample(camera->sink, LOOK_NS);
		int status = look_at_bus(camera, error);
		if (status == 0 && camera->sample)
			return 0;
		if (status < 0)
			return status;
		if (atomic_load(&camera->request.interrupt->set))
			return -EINTR;
		if (gst_app_sink_is_eos(camera->sink) && !begin_again(camera))
			return -ENODATA;
	}
}

/* ---- pictures -------------------------------------------------------------------------------------------------- */

/* What the sample's caps say, if they are others than before. Returns 0 | -EINVAL with a sentence. */
static int read_caps(struct gst_camera *camera, char *error)
{
	GstCaps *caps = gst_sample_get_caps(camera->sample);
	struct camera_mode *mode = camera->mode;

	if (caps == camera->caps)
		return 0;
	if (!caps || !picture_from_caps(caps, &camera->picture))
		return gst_words_fail(&camera->request, -EINVAL,
		                      "gives something else than raw video of a known format or JPEG; put videoconvert "
		                      "at its end",
		                      error);
	gst_caps_replace(&camera->caps, caps);
	const struct picture *picture = &camera->picture;
	const GstVideoInfo *raw = &picture->raw;
	if (picture->image.format == ZOE_FORMAT_MJPEG && camera->private_memory)
		return gst_words_fail(&camera->request, -EINVAL,
		                      "ends in JPEG, and crop and mask need pixels; put jpegdec at its end", error);
	mode->image = picture->image;
	area_crop(&camera->request.crop, &mode->image);
	mode->fps = raw->fps_n > 0 && raw->fps_d > 0 ? (double)raw->fps_n / raw->fps_d : camera->request.fps;
	mode->fps = mode->fps > 0 ? mode->fps : FPS_UNKNOWN;
	return 0;
}

/* The part that is wanted, row by row, into a slot; what is masked is black before anybody can see it. */
static int publish_part(struct gst_camera *camera, const struct zoe_image *from, const uint8_t *data,
                        int64_t capture_ns, uint64_t *out_seq)
{
	struct zoe_image tight = *from, to = *from;
	struct zoe_loan loan;
	int64_t tight_bytes = zoe_image_layout(&tight, 1), bytes = zoe_image_layout(&to, 64);
	int status = zoe_loan(camera->publisher, (size_t)bytes, &loan);

	if (status < 0)
		return status;
	for (unsigned i = 0; i < to.plane_count; i++) {
		int64_t end = i + 1 < tight.plane_count ? (int64_t)tight.planes[i + 1].offset : tight_bytes;
		int64_t rows = (end - (int64_t)tight.planes[i].offset) / tight.planes[i].stride;

		for (int64_t y = 0; y < rows; y++)
			memcpy((uint8_t *)loan.data + to.planes[i].offset + (size_t)y * to.planes[i].stride,
			       data + from->planes[i].offset + (size_t)y * from->planes[i].stride,
			       tight.planes[i].stride);
	}
	camera_mask(&camera->request, &to, loan.data);
	loan.image = to;
	loan.capture_ns = capture_ns;
	status = zoe_publish(camera->publisher, &loan, out_seq);
	if (status < 0)
		zoe_discard(camera->publisher, &loan);
	return status;
}

static int publish_private(struct gst_camera *camera, GstBuffer *buffer, int64_t capture_ns, uint64_t *out_seq)
{
	struct zoe_image from = camera->picture.image;
	GstMapInfo map;
	int status = -EINVAL;

	picture_planes(buffer, &camera->picture.raw, 0, &from);
	if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
		return -EINVAL;
	if (zoe_image_check(&from, map.size) == 0) {
		area_crop(&camera->request.crop, &from);
		status = publish_part(camera, &from, map.data, capture_ns, out_seq);
	}
	gst_buffer_unmap(buffer, &map);
	return status;
}

/* ---- the table's functions ------------------------------------------------------------------------------------- */

static void gst_camera_close(void *state)
{
	struct gst_camera *camera = state;

	if (!camera)
		return;
	if (camera->sample)
		gst_sample_unref(camera->sample);
	if (camera->pipeline)
		gst_element_set_state(camera->pipeline, GST_STATE_NULL);
	gst_clear_object(&camera->sink);
	gst_clear_object(&camera->bus);
	gst_clear_object(&camera->pipeline);
	gst_clear_caps(&camera->caps);
	loaned_unref(camera->loaned);
	free(camera);
}

static int library_init(const struct camera_request *request, char *error)
{
	GError *reason = NULL;

	gst_segtrap_set_enabled(FALSE); /* signals are the program's */
	if (gst_init_check(NULL, NULL, &reason))
		return 0;
	int status = gst_words_fail(request, -EINVAL, reason->message, error);
	g_error_free(reason);
	return status;
}

static int gst_camera_open(const struct camera_request *request, struct camera_mode *out_mode, void **out_state,
                           char *error)
{
	struct gst_camera *camera = calloc(1, sizeof(*camera));
	int status = camera ? library_init(request, error) : gst_words_fail(request, -ENOMEM, "needs memory", error);

	if (status < 0)
		goto fail;
	camera->request = *request;
	camera->mode = out_mode;
	camera->private_memory = request->crop.width > 0 || request->mask_count > 0;
	status = pipeline_build(camera, error);
	if (status == 0)
		status = pipeline_start(camera, error);
	if (status == 0)
		status = wait_sample(camera, error);
	if (status == -ENODATA)
		status = gst_words_fail(request, -EIO, "ended before it gave a picture", error);
	if (status == 0)
		status = read_caps(camera, error);
	if (status < 0)
		goto fail;
	out_mode->slot_bytes = picture_bytes(&camera->picture);
	out_mode->loans = out_mode->keeps = SLOTS + 1;
	*out_state = camera;
	return 0;
fail:
	gst_camera_close(camera);
	return status;
}

/* From now on there are slots: upstream asks again what to write into. */
static void gst_camera_attach(void *state, const struct camera_topics *topics)
{
	struct gst_camera *camera = state;
	GstPad *pad = gst_element_get_static_pad(GST_ELEMENT(camera->sink), "sink");

	camera->publisher = topics->frames;
	g_atomic_pointer_set(&camera->loaned, loaned_over(topics->frames, SLOTS));
	gst_pad_push_event(pad, gst_event_new_reconfigure());
	gst_object_unref(pad);
}

static int64_t capture_of(struct gst_camera *camera)
{
	GstBuffer *buffer = gst_sample_get_buffer(camera->sample);
	const GstSegment *segment = gst_sample_get_segment(camera->sample);
	GstClockTime running = GST_CLOCK_TIME_NONE;
	int64_t kept = times_kept(buffer);

	if (kept)
		return kept;
	if (segment && segment->format == GST_FORMAT_TIME && GST_BUFFER_PTS_IS_VALID(buffer))
		running = gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
	int64_t capture_ns = times_capture(camera->pipeline, running);
	/* pictures that came in one packet may have one time; no two frames were captured at once */
	return capture_ns > camera->last_ns ? capture_ns : zoe_now_ns();
}

static int gst_camera_next(void *state, struct camera_pace *pace, int64_t *out_due_ns, char *error)
{
	struct gst_camera *camera = state;
	int status = camera->sample ? 0 : wait_sample(camera, error); /* the first is there since open */

	if (status == 0)
		status = read_caps(camera, error);
	if (status == 0)
		*out_due_ns = camera->last_ns = capture_of(camera);
	return status;
}

static int gst_camera_publish(void *state, int64_t capture_ns, uint64_t *out_seq)
{
	struct gst_camera *camera = state;
	GstBuffer *buffer = gst_sample_get_buffer(camera->sample);
	struct zoe_loan with = {.image = camera->picture.image, .capture_ns = capture_ns};
	struct slotpool_published published;
	int status;

	if (camera->private_memory)
		status = publish_private(camera, buffer, capture_ns, &published.seq);
	else if (with.image.format == ZOE_FORMAT_MJPEG)
		status =
		    slotpool_publish_bytes(camera->loaned, buffer, picture_bytes(&camera->picture), &with, &published);
	else
		status = slotpool_publish(camera->loaned, buffer, &camera->picture.raw, &with, &published);
	gst_sample_unref(camera->sample);
	camera->sample = NULL;
	if (status == 0)
		*out_seq = published.seq;
	return status;
}

const struct camera_driver camera_gst = {
    .schemes = "gst",
    .patient = true,
    .open = gst_camera_open,
    .attach = gst_camera_attach,
    .next = gst_camera_next,
    .publish = gst_camera_publish,
    .close = gst_camera_close,
};
