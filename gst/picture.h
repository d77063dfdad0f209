/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures as GStreamer and as the transport describe them: caps, GstVideoInfo and GstVideoMeta on one side, struct
 * zoe_image on the other.
 */
#ifndef ZOETROPE_GST_PICTURE_H
#define ZOETROPE_GST_PICTURE_H

#include <gst/video/video.h>

#include "zoetrope.h"

/* The raw formats of enum zoe_format, by GStreamer's names. */
#define PICTURE_FORMATS "{ I420, NV12, YUY2, UYVY, Y42B, Y444, RGB, BGR, GRAY8 }"
#define PICTURE_SIZES   "width = (int) [ 1, 16384 ], height = (int) [ 1, 16384 ], framerate = (fraction) [ 0/1, max ]"
#define PICTURE_CAPS    "video/x-raw, format = (string) " PICTURE_FORMATS ", " PICTURE_SIZES "; image/jpeg, " PICTURE_SIZES

/* What caps say, for both sides. raw is unset for JPEG. */
struct picture {
	struct zoe_image image; /* format, size, range, matrix; no planes */
	GstVideoInfo raw;
};

/*
 * Read fixed caps.
 *
 * Returns  TRUE | FALSE (a format that the transport does not know)
 */
gboolean picture_from_caps(const GstCaps *caps, struct picture *out);

/*
 * Caps for frames like image, any rate; NULL = messages, or a format that GStreamer has no name for. out->raw has
 * GStreamer's own planes.
 */
GstCaps *picture_to_caps(const struct zoe_image *image, struct picture *out);

/* Where a raw picture's planes lie in buffer: its GstVideoMeta, else what info says. offset is added to each. */
void picture_planes(GstBuffer *buffer, const GstVideoInfo *info, gsize offset, struct zoe_image *out_image);

/* Put the planes of a frame on a buffer as GstVideoMeta. */
void picture_add_meta(GstBuffer *buffer, const GstVideoInfo *info, const struct zoe_image *image);

/* Copy a raw picture, row by row, each buffer's planes where picture_planes() finds them. FALSE = one is too small. */
gboolean picture_copy(GstBuffer *to, GstBuffer *from, const GstVideoInfo *info);

/* Bytes that a slot for it needs; a JPEG is hardly ever larger than a byte for each pixel. */
gsize picture_bytes(const struct picture *picture);

/* Are the planes where whoever knows caps alone looks for them? */
gboolean picture_is_plain(const GstVideoInfo *info, const struct zoe_image *image, gsize size);

#endif
