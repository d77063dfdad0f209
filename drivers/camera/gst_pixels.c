/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures of a pipeline that are not published as they come: turned as their tags say, cropped, masked, of another size or
 * format, or JPEG. They are private memory, seen as frames of libav, for which all that is written already (libav_turn.c,
 * libav_picture.c), and end in a slot. A JPEG is passed on as it is, and decoded only if somebody wants pixels.
 */
#include "gst.h"

#include <errno.h>

static GQuark orientation_quark(void)
{
	return g_quark_from_static_string("zoetrope-orientation");
}

/* A buffer may be behind others in the sink's queue when the next tag comes. */
void gst_pixels_note(struct gst_camera *camera, GstBuffer *buffer)
{
	gint orientation = g_atomic_int_get(&camera->orientation);

	gst_mini_object_set_qdata(GST_MINI_OBJECT(buffer), orientation_quark(), GINT_TO_POINTER(orientation), NULL);
}

/* libav's mirror is one from top to bottom, before the turn. */
static struct turn turn_of(GstBuffer *buffer)
{
	gpointer noted = gst_mini_object_get_qdata(GST_MINI_OBJECT(buffer), orientation_quark());

	switch ((GstVideoOrientationMethod)GPOINTER_TO_INT(noted)) {
	case GST_VIDEO_ORIENTATION_90R:
		return (struct turn){.degrees = 90};
	case GST_VIDEO_ORIENTATION_180:
		return (struct turn){.degrees = 180};
	case GST_VIDEO_ORIENTATION_90L:
		return (struct turn){.degrees = 270};
	case GST_VIDEO_ORIENTATION_VERT:
		return (struct turn){.mirrored = true};
	case GST_VIDEO_ORIENTATION_UL_LR:
		return (struct turn){.mirrored = true, .degrees = 90};
	case GST_VIDEO_ORIENTATION_HORIZ:
		return (struct turn){.mirrored = true, .degrees = 180};
	case GST_VIDEO_ORIENTATION_UR_LL:
		return (struct turn){.mirrored = true, .degrees = 270};
	default:
		return (struct turn){0};
	}
}

/* The pipeline makes most of what is wanted itself; not a size of which one side is wanted, and nothing of JPEG. */
static bool is_changed(const struct gst_camera *camera)
{
	const struct camera_request *wanted = &camera->request;
	const struct zoe_image *image = &camera->picture.image;

	return camera->private_memory || camera->turn.degrees || camera->turn.mirrored ||
	       image->format == ZOE_FORMAT_MJPEG || (wanted->format && wanted->format != image->format) ||
	       (wanted->width && wanted->width != image->width) || (wanted->height && wanted->height != image->height);
}

/* Let the frame be the raw picture in the map. */
static int show_planes(struct gst_camera *camera)
{
	struct zoe_image image = camera->picture.image;
	AVFrame *frame = camera->frame;

	picture_planes(gst_sample_get_buffer(camera->sample), &camera->picture.raw, 0, &image);
	if (zoe_image_check(&image, camera->map.size) < 0)
		return -EBADMSG;
	av_frame_unref(frame);
	frame->format = picture_format(image.format);
	frame->width = (int)image.width;
	frame->height = (int)image.height;
	frame->color_range = image.range == ZOE_RANGE_FULL      ? AVCOL_RANGE_JPEG
	                     : image.range == ZOE_RANGE_LIMITED ? AVCOL_RANGE_MPEG
	                                                        : AVCOL_RANGE_UNSPECIFIED;
	frame->colorspace = image.matrix == ZOE_MATRIX_BT709   ? AVCOL_SPC_BT709
	                    : image.matrix == ZOE_MATRIX_BT601 ? AVCOL_SPC_SMPTE170M
	                                                       : AVCOL_SPC_UNSPECIFIED;
	for (guint i = 0; i < image.plane_count; i++) {
		frame->data[i] = camera->map.data + image.planes[i].offset;
		frame->linesize[i] = (int)image.planes[i].stride;
	}
	return 0;
}

/* Its pixels, upright and cropped. Returns 0 | -EBADMSG | -ENOMEM */
static int show(struct gst_camera *camera)
{
	bool jpeg = camera->picture.image.format == ZOE_FORMAT_MJPEG;
	int status =
	    jpeg ? jpeg_read(&camera->jpeg, camera->map.data, camera->bytes, camera->frame) : show_planes(camera);

	if (status == 0 && (camera->turn.degrees || camera->turn.mirrored) &&
	    picture_make_upright(camera->frame, &camera->turn, &camera->upright_scaler) < 0)
		status = -ENOMEM;
	if (status == 0 && picture_crop(camera->frame, &camera->request) < 0)
		status = -EBADMSG;
	return status;
}

static void hide(struct gst_camera *camera)
{
	av_frame_unref(camera->frame);
	if (camera->mapped)
		gst_buffer_unmap(gst_sample_get_buffer(camera->sample), &camera->map);
	camera->mapped = false;
}

int gst_pixels_look(struct gst_camera *camera, char *error)
{
	GstBuffer *buffer = gst_sample_get_buffer(camera->sample);
	bool jpeg = camera->picture.image.format == ZOE_FORMAT_MJPEG;

	hide(camera);
	camera->turn = turn_of(buffer);
	camera->changed = is_changed(camera);
	camera->passed = camera->changed && jpeg && camera->topics.jpegs && !camera_is_wanted(camera->topics.frames);
	if (!camera->changed) {
		camera->mode->image = camera->picture.image;
		return 0;
	}
	camera->mapped = gst_buffer_map(buffer, &camera->map, GST_MAP_READ);
	camera->bytes = camera->mapped && jpeg ? jpeg_length(camera->map.data, camera->map.size) : 0;
	if (!camera->mapped || (jpeg && !camera->bytes))
		return -EBADMSG;
	if (camera->passed)
		return 0;
	int status = show(camera);
	if (status == -ENOMEM)
		return gst_words_fail(&camera->request, -ENOMEM, "needs memory for a picture", error);
	if (status == 0)
		status = picture_plan(camera->frame, &camera->request, &camera->plan, error);
	if (status == 0)
		camera->mode->image = camera->plan.image;
	return status;
}

bool gst_pixels_are_jpeg(const struct gst_camera *camera)
{
	const struct zoe_image *sent = &camera->picture.image, *wanted = &camera->plan.image;

	return sent->format == ZOE_FORMAT_MJPEG && !camera->private_memory && !camera->turn.degrees &&
	       !camera->turn.mirrored && sent->width == wanted->width && sent->height == wanted->height;
}

void gst_pixels_forget(struct gst_camera *camera)
{
	if (!camera->sample)
		return;
	hide(camera);
	gst_sample_unref(camera->sample);
	camera->sample = NULL;
}

/* Pipelines hold and give back slots on threads of their own: loaned has the lock. */
static int publish_copy(struct gst_camera *camera, int64_t capture_ns, uint64_t *out_seq)
{
	struct zoe_loan with = {.image = camera->plan.image, .capture_ns = capture_ns};
	GstMemory *memory;
	GstMapInfo map;
	int status = loaned_memory(camera->loaned, camera->plan.size, TRUE, &memory);

	if (status < 0)
		return status == -EAGAIN ? -ENOBUFS : status;
	GstBuffer *copy = gst_buffer_new();
	gst_buffer_append_memory(copy, memory);
	gst_memory_map(memory, &map, GST_MAP_WRITE);
	status = picture_write(&camera->plan, camera->frame, &camera->scaler, map.data);
	camera_mask(&camera->request, &with.image, map.data);
	gst_memory_unmap(memory, &map);
	if (status == 0)
		status = loaned_publish(camera->loaned, copy, &with, out_seq);
	gst_buffer_unref(copy);
	return status;
}

/* frame: as what its pixels were published; NULL = they were not. */
static void pass_on(const struct gst_camera *camera, int64_t capture_ns, const uint64_t *frame)
{
	struct camera_jpeg jpeg = {.width = camera->picture.image.width,
	                           .height = camera->picture.image.height,
	                           .data = camera->map.data,
	                           .bytes = camera->bytes,
	                           .capture_ns = capture_ns,
	                           .has_frame = frame,
	                           .frame = frame ? *frame : 0};

	if (camera->bytes)
		camera_jpeg_publish(camera->topics.jpegs, &jpeg);
}

int gst_pixels_publish(struct gst_camera *camera, int64_t capture_ns, uint64_t *out_seq)
{
	int status = 1;

	if (!camera->passed) {
		do /* once more into a slot of the topic's new shape, if it has changed meanwhile */
			status = publish_copy(camera, capture_ns, out_seq);
		while (status == -ESTALE);
	}
	pass_on(camera, capture_ns, status == 0 ? out_seq : NULL);
	return status;
}
