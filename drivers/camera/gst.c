/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera of any GStreamer pipeline, "gst:PIPELINE", that ends in raw video or JPEG. Its last element may write into
 * loaned slots: the appsink behind it offers the same pool as zoetropesink (gst/slotpool.h), once a publisher is there.
 * Other memory is copied once. A picture to which something is done is private memory before (gst_pixels.c).
 *
 * Pictures come on GStreamer's threads; this one waits for them, a little at a time, and looks at the bus.
 */
#include "gst.h"

#include "gst/times.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS       8                  /* that the pipeline may hold at once; further pictures are copied */
#define QUEUE       3                  /* pictures that wait for us; older ones of a live source make room */
#define LOOK_NS     (20 * GST_MSECOND) /* between two looks at the bus and at the interrupt */
#define FPS_UNKNOWN 30

/* ---- the pipeline ---------------------------------------------------------------------------------------------- */

/* Upstream asks for memory to write into. */
static GstPadProbeReturn on_query(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	struct gst_camera *camera = user;
	GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
	struct loaned *loaned = g_atomic_pointer_get(&camera->loaned);

	if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
		return GST_PAD_PROBE_OK;
	bool private = camera->private_memory || g_atomic_int_get(&camera->orientation);
	if (!loaned || private || !slotpool_propose(loaned, query))
		gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	return GST_PAD_PROBE_HANDLED;
}

/* What comes is to be turned as the tags before it say; another stream begins upright. */
static GstPadProbeReturn on_data(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
	struct gst_camera *camera = user;
	GstVideoOrientationMethod orientation;
	GstTagList *tags;

	if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
		gst_pixels_note(camera, GST_PAD_PROBE_INFO_BUFFER(info));
		return GST_PAD_PROBE_OK;
	}
	GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
	if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START)
		g_atomic_int_set(&camera->orientation, GST_VIDEO_ORIENTATION_IDENTITY);
	if (GST_EVENT_TYPE(event) == GST_EVENT_TAG && !camera->turns) {
		gst_event_parse_tag(event, &tags);
		if (gst_video_orientation_from_tag(tags, &orientation))
			g_atomic_int_set(&camera->orientation, orientation);
	}
	return GST_PAD_PROBE_OK;
}

/* What ends in JPEG cannot be linked with elements that scale and convert: gst_pixels.c does it then. */
static int pipeline_parse(struct gst_camera *camera, char *error)
{
	char text[GST_PIPELINE_BYTES];
	bool raw = true;

	for (;;) {
		GError *reason = NULL;
		int status = gst_words_pipeline(&camera->request, raw, text, error);
		if (status < 0)
			return status;
		camera->pipeline = gst_parse_launch_full(text, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &reason);
		if (camera->pipeline)
			return 0;
		bool last = !raw || !g_error_matches(reason, GST_PARSE_ERROR, GST_PARSE_ERROR_LINK);
		if (last)
			status = gst_words_parse_error(&camera->request, reason, error);
		g_error_free(reason);
		if (last)
			return status;
		raw = false;
	}
}

/* Is there an element in it that turns or mirrors? It leaves the tag as it was. */
static bool pipeline_turns(GstElement *pipeline)
{
	GstIterator *elements = gst_bin_iterate_all_by_interface(GST_BIN(pipeline), GST_TYPE_VIDEO_DIRECTION);
	GValue value = G_VALUE_INIT;
	bool turns = false;

	while (gst_iterator_next(elements, &value) == GST_ITERATOR_OK) {
		GstVideoOrientationMethod method = GST_VIDEO_ORIENTATION_IDENTITY;
		g_object_get(g_value_get_object(&value), "video-direction", &method, NULL);
		turns |= method != GST_VIDEO_ORIENTATION_IDENTITY;
		g_value_reset(&value);
	}
	g_value_unset(&value);
	gst_iterator_free(elements);
	return turns;
}

static int pipeline_build(struct gst_camera *camera, char *error)
{
	int status = pipeline_parse(camera, error);

	if (status < 0)
		return status;
	camera->turns = pipeline_turns(camera->pipeline);
	camera->sink = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(camera->pipeline), "zoetrope"));
	camera->bus = gst_element_get_bus(camera->pipeline);
	GstPad *pad = gst_element_get_static_pad(GST_ELEMENT(camera->sink), "sink");
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, on_query, camera, NULL);
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_data, camera, NULL);
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
		if (atomic_load(&camera->request.interrupt->set))
			return -EINTR; /* even if there are pictures: all of them may be damaged */
		camera->sample = gst_app_sink_try_pull_sample(camera->sink, LOOK_NS);
		int status = look_at_bus(camera, error);
		if (status == 0 && camera->sample)
			return 0;
		if (status < 0)
			return status;
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

	if (caps && caps == camera->caps)
		return 0;
	if (!caps || !picture_from_caps(caps, &camera->picture))
		return gst_words_fail(&camera->request, -EINVAL,
		                      "gives something else than raw video of a known format or JPEG; put videoconvert "
		                      "at its end",
		                      error);
	gst_caps_replace(&camera->caps, caps);
	gint number = 0, seconds = 0;
	gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &number, &seconds);
	mode->fps = number > 0 && seconds > 0 ? (double)number / seconds : camera->request.fps;
	mode->fps = mode->fps > 0 ? mode->fps : FPS_UNKNOWN;
	return 0;
}

/* The next picture that is whole; the first one waits since open. Returns 0 | -errno as wait_sample(), or with a sentence */
static int take_sample(struct gst_camera *camera, char *error)
{
	for (;;) {
		int status = camera->sample ? 0 : wait_sample(camera, error);
		if (status == 0)
			status = read_caps(camera, error);
		if (status == 0)
			status = gst_pixels_look(camera, error);
		if (status != -EBADMSG)
			return status;
		gst_pixels_forget(camera);
	}
}

static void tell_mode(const struct gst_camera *camera, struct camera_mode *out)
{
	bool jpeg = camera->picture.image.format == ZOE_FORMAT_MJPEG;

	out->slot_bytes = jpeg ? 0 : picture_bytes(&camera->picture);
	if (camera->changed && camera->plan.size > out->slot_bytes)
		out->slot_bytes = camera->plan.size;
	out->loans = out->keeps = SLOTS + 1;
	out->jpeg = gst_pixels_are_jpeg(camera);
	if (camera->turn.degrees || camera->turn.mirrored)
		snprintf(out->note, sizeof(out->note), "it is turned by %d degrees%s", camera->turn.degrees,
		         camera->turn.mirrored ? " and mirrored" : "");
}

/* ---- the table's functions ------------------------------------------------------------------------------------- */

static void gst_camera_close(void *state)
{
	struct gst_camera *camera = state;

	if (!camera)
		return;
	gst_pixels_forget(camera);
	if (camera->pipeline)
		gst_element_set_state(camera->pipeline, GST_STATE_NULL);
	gst_clear_object(&camera->sink);
	gst_clear_object(&camera->bus);
	gst_clear_object(&camera->pipeline);
	gst_clear_caps(&camera->caps);
	loaned_unref(camera->loaned);
	av_frame_free(&camera->frame);
	sws_freeContext(camera->scaler);
	sws_freeContext(camera->upright_scaler);
	jpeg_reader_destroy(camera->jpeg);
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
	int status = library_init(request, error);

	if (camera)
		camera->frame = av_frame_alloc();
	if (status == 0 && (!camera || !camera->frame))
		status = gst_words_fail(request, -ENOMEM, "needs memory", error);
	if (status < 0)
		goto fail;
	camera->request = *request;
	camera->mode = out_mode;
	camera->private_memory = request->crop.width > 0 || request->mask_count > 0;
	status = pipeline_build(camera, error);
	if (status == 0)
		status = pipeline_start(camera, error);
	if (status == 0)
		status = take_sample(camera, error);
	if (status == -ENODATA)
		status = gst_words_fail(request, -EIO, "ended before it gave a picture", error);
	if (status < 0)
		goto fail;
	tell_mode(camera, out_mode);
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

	camera->topics = *topics;
	g_atomic_pointer_set(&camera->loaned, loaned_over(topics->frames, SLOTS));
	gst_pad_push_event(pad, gst_event_new_reconfigure());
	gst_object_unref(pad);
}

/* pace: of pictures without a time, which GStreamer hands on as fast as they are made. */
static int64_t capture_of(struct gst_camera *camera, struct camera_pace *pace)
{
	GstBuffer *buffer = gst_sample_get_buffer(camera->sample);
	const GstSegment *segment = gst_sample_get_segment(camera->sample);
	GstClockTime running = GST_CLOCK_TIME_NONE;
	int64_t kept = times_kept(buffer);

	if (kept)
		return kept;
	if (segment && segment->format == GST_FORMAT_TIME && GST_BUFFER_PTS_IS_VALID(buffer))
		running = gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
	if (!GST_CLOCK_TIME_IS_VALID(running) && !camera->mode->live)
		return camera_pace_due(pace, (int64_t)((double)camera->untimed++ * 1e9 / camera->mode->fps));
	int64_t capture_ns = times_capture(camera->pipeline, running);
	/* pictures that came in one packet may have one time; no two frames were captured at once */
	return capture_ns > camera->last_ns ? capture_ns : zoe_now_ns();
}

static int gst_camera_next(void *state, struct camera_pace *pace, int64_t *out_due_ns, char *error)
{
	struct gst_camera *camera = state;
	int status = take_sample(camera, error);

	if (status == 0)
		*out_due_ns = camera->last_ns = capture_of(camera, pace);
	return status;
}

static int gst_camera_publish(void *state, int64_t capture_ns, uint64_t *out_seq)
{
	struct gst_camera *camera = state;
	GstBuffer *buffer = gst_sample_get_buffer(camera->sample);
	struct zoe_loan with = {.image = camera->picture.image, .capture_ns = capture_ns};
	struct slotpool_published published;
	int status;

	if (camera->changed)
		status = gst_pixels_publish(camera, capture_ns, &published.seq);
	else
		status = slotpool_publish(camera->loaned, buffer, &camera->picture.raw, &with, &published);
	gst_pixels_forget(camera);
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
