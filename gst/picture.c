/* SPDX-License-Identifier: Apache-2.0 */
/* Formats, colours and planes, between GStreamer and the transport. One table. */
#include "picture.h"

static const struct {
	guint32 format;
	GstVideoFormat raw;
} formats[] = {
    {ZOE_FORMAT_GREY, GST_VIDEO_FORMAT_GRAY8}, {ZOE_FORMAT_I420, GST_VIDEO_FORMAT_I420},
    {ZOE_FORMAT_I422, GST_VIDEO_FORMAT_Y42B},  {ZOE_FORMAT_I444, GST_VIDEO_FORMAT_Y444},
    {ZOE_FORMAT_NV12, GST_VIDEO_FORMAT_NV12},  {ZOE_FORMAT_YUYV, GST_VIDEO_FORMAT_YUY2},
    {ZOE_FORMAT_UYVY, GST_VIDEO_FORMAT_UYVY},  {ZOE_FORMAT_RGB24, GST_VIDEO_FORMAT_RGB},
    {ZOE_FORMAT_BGR24, GST_VIDEO_FORMAT_BGR},
};

static GstVideoFormat raw_format(guint32 format)
{
	for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
		if (formats[i].format == format)
			return formats[i].raw;
	}
	return GST_VIDEO_FORMAT_UNKNOWN;
}

static guint32 frame_format(GstVideoFormat raw)
{
	for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
		if (formats[i].raw == raw)
			return formats[i].format;
	}
	return ZOE_FORMAT_NONE;
}

/* The transport knows two matrices; BT.2020 and the like are nearer to BT.709. */
static guint32 frame_matrix(const GstVideoInfo *info)
{
	if (GST_VIDEO_INFO_IS_RGB(info) || GST_VIDEO_INFO_IS_GRAY(info))
		return ZOE_MATRIX_DEFAULT;
	switch (info->colorimetry.matrix) {
	case GST_VIDEO_COLOR_MATRIX_UNKNOWN:
		return ZOE_MATRIX_DEFAULT;
	case GST_VIDEO_COLOR_MATRIX_BT601:
	case GST_VIDEO_COLOR_MATRIX_FCC:
		return ZOE_MATRIX_BT601;
	default:
		return ZOE_MATRIX_BT709;
	}
}

static guint32 frame_range(const GstVideoInfo *info)
{
	switch (info->colorimetry.range) {
	case GST_VIDEO_COLOR_RANGE_0_255:
		return ZOE_RANGE_FULL;
	case GST_VIDEO_COLOR_RANGE_16_235:
		return ZOE_RANGE_LIMITED;
	default:
		return ZOE_RANGE_DEFAULT;
	}
}

static gboolean jpeg_from_caps(const GstStructure *structure, struct picture *out)
{
	gint width = 0, height = 0;

	if (!gst_structure_get_int(structure, "width", &width) ||
	    !gst_structure_get_int(structure, "height", &height) || width < 1 || height < 1)
		return FALSE;
	out->image = (struct zoe_image){.format = ZOE_FORMAT_MJPEG, .width = (guint32)width, .height = (guint32)height};
	return TRUE;
}

gboolean picture_from_caps(const GstCaps *caps, struct picture *out)
{
	const GstStructure *structure = gst_caps_get_structure(caps, 0);

	gst_video_info_init(&out->raw);
	if (gst_structure_has_name(structure, "image/jpeg"))
		return jpeg_from_caps(structure, out);
	if (!gst_video_info_from_caps(&out->raw, caps))
		return FALSE;
	const GstVideoInfo *raw = &out->raw;
	out->image = (struct zoe_image){.format = frame_format(GST_VIDEO_INFO_FORMAT(raw)),
	                                .width = (guint32)GST_VIDEO_INFO_WIDTH(raw),
	                                .height = (guint32)GST_VIDEO_INFO_HEIGHT(raw),
	                                .range = frame_range(raw),
	                                .matrix = frame_matrix(raw)};
	return out->image.format != ZOE_FORMAT_NONE;
}

/* As GStreamer's own elements write it: its names for limited range, numbers for JPEG's full one. */
static void set_colours(GstVideoInfo *raw, const struct zoe_image *image)
{
	GstVideoColorimetry *colours = &raw->colorimetry;

	if (GST_VIDEO_INFO_IS_YUV(raw)) {
		gboolean hd = image->matrix == ZOE_MATRIX_BT709;
		gst_video_colorimetry_from_string(colours,
		                                  hd ? GST_VIDEO_COLORIMETRY_BT709 : GST_VIDEO_COLORIMETRY_BT601);
		if (image->range == ZOE_RANGE_FULL && !hd) {
			colours->transfer = GST_VIDEO_TRANSFER_UNKNOWN;
			colours->primaries = GST_VIDEO_COLOR_PRIMARIES_UNKNOWN;
		}
	}
	if (image->range == ZOE_RANGE_FULL)
		colours->range = GST_VIDEO_COLOR_RANGE_0_255;
	if (image->range == ZOE_RANGE_LIMITED)
		colours->range = GST_VIDEO_COLOR_RANGE_16_235;
}

GstCaps *picture_to_caps(const struct zoe_image *image, struct picture *out)
{
	GstCaps *caps = NULL;

	*out = (struct picture){.image = *image};
	gst_video_info_init(&out->raw);
	if (image->format == ZOE_FORMAT_MJPEG) {
		caps = gst_caps_new_simple("image/jpeg", "width", G_TYPE_INT, (gint)image->width, "height", G_TYPE_INT,
		                           (gint)image->height, NULL);
	} else if (raw_format(image->format) != GST_VIDEO_FORMAT_UNKNOWN &&
	           gst_video_info_set_format(&out->raw, raw_format(image->format), image->width, image->height)) {
		set_colours(&out->raw, image);
		caps = gst_video_info_to_caps(&out->raw);
		/* not known, and a guess would keep others from connecting */
		gst_structure_remove_field(gst_caps_get_structure(caps, 0), "chroma-site");
	}
	if (caps)
		gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
	return caps;
}

void picture_planes(GstBuffer *buffer, const GstVideoInfo *info, gsize offset, struct zoe_image *out_image)
{
	const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
	guint count = meta ? meta->n_planes : GST_VIDEO_INFO_N_PLANES(info);

	out_image->plane_count = count;
	for (guint i = 0; i < count; i++) {
		gsize at = meta ? meta->offset[i] : GST_VIDEO_INFO_PLANE_OFFSET(info, i);
		gint stride = meta ? meta->stride[i] : GST_VIDEO_INFO_PLANE_STRIDE(info, i);
		out_image->planes[i] = (struct zoe_plane){.offset = at + offset, .stride = (guint32)stride};
	}
}

void picture_add_meta(GstBuffer *buffer, const GstVideoInfo *info, const struct zoe_image *image)
{
	gsize offsets[GST_VIDEO_MAX_PLANES] = {0};
	gint strides[GST_VIDEO_MAX_PLANES] = {0};

	for (guint i = 0; i < image->plane_count; i++) {
		offsets[i] = image->planes[i].offset;
		strides[i] = (gint)image->planes[i].stride;
	}
	gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info), image->width,
	                               image->height, image->plane_count, offsets, strides);
}

gboolean picture_is_plain(const GstVideoInfo *info, const struct zoe_image *image, gsize size)
{
	for (guint i = 0; i < image->plane_count; i++) {
		if (image->planes[i].offset != GST_VIDEO_INFO_PLANE_OFFSET(info, i) ||
		    image->planes[i].stride != (guint32)GST_VIDEO_INFO_PLANE_STRIDE(info, i))
			return FALSE;
	}
	return size >= GST_VIDEO_INFO_SIZE(info);
}

gboolean picture_copy(GstBuffer *to, GstBuffer *from, const GstVideoInfo *info)
{
	GstVideoFrame source, copy;

	if (!gst_video_frame_map(&source, info, from, GST_MAP_READ))
		return FALSE;
	gboolean done = gst_video_frame_map(&copy, info, to, GST_MAP_WRITE);
	if (done) {
		done = gst_video_frame_copy(&copy, &source);
		gst_video_frame_unmap(&copy);
	}
	gst_video_frame_unmap(&source);
	return done;
}

gsize picture_bytes(const struct picture *picture)
{
	if (picture->image.format == ZOE_FORMAT_MJPEG)
		return (gsize)picture->image.width * picture->image.height + 65536;
	return GST_VIDEO_INFO_SIZE(&picture->raw);
}
