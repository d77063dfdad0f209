/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures are published upright. Telephones store them as their sensor lies, and say beside them how that is to be
 * turned: a film in its container, a photograph in its Exif data, which libavcodec hands on with the picture. Turns by
 * whole quarters and mirrors are done, by libyuv; others do not come from cameras, and are told.
 */
#include "libav.h"

#include <libavutil/display.h>
#include <libyuv/planar_functions.h>
#include <libyuv/rotate.h>
#include <math.h>
#include <string.h>

/*
 * The matrix [a b u; c d v; x y w] moves the point (x, y) to (a x + c y, b x + d y). A mirror is one from top to bottom,
 * before the turn.
 */
struct turn picture_turn(const AVStream *stream, const AVFrame *frame)
{
	const AVFrameSideData *own = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
	size_t size = own ? own->size : 0;
	const uint8_t *bytes = own ? own->data : av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
	struct turn turn = {0};
	int32_t matrix[9];
	if (!bytes || size < sizeof(matrix))
		return turn;
	memcpy(matrix, bytes, sizeof(matrix));
	int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
	if (a == 0 && b == 0)
		return turn;
	bool straight = b == 0 && c == 0 && d != 0, across = a == 0 && d == 0 && c != 0;
	if (!straight && !across) {
		turn.odd_degrees = (int)lround(fabs(av_display_rotation_get(matrix)));
		return turn;
	}
	turn.mirrored = straight ? (a > 0) != (d > 0) : (b > 0) == (c > 0);
	turn.degrees = straight ? (a > 0 ? 0 : 180) : b > 0 ? 90 : 270;
	return turn;
}

/* Planes that libyuv turns one by one; all else becomes I420 first. */
static bool turns_by_planes(enum AVPixelFormat format)
{
	return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUV444P ||
	       format == AV_PIX_FMT_YUVJ444P || format == AV_PIX_FMT_GRAY8;
}

/* An empty picture of that format and size, with all that is known of another. Returns NULL without memory. */
static AVFrame *frame_like(const AVFrame *other, enum AVPixelFormat format, int width, int height)
{
	AVFrame *frame = av_frame_alloc();
	if (!frame)
		return NULL;
	frame->format = format;
	frame->width = width;
	frame->height = height;
	if (av_frame_copy_props(frame, other) < 0 || av_frame_get_buffer(frame, 64) < 0)
		av_frame_free(&frame);
	return frame;
}

static AVFrame *as_i420(const AVFrame *frame, struct SwsContext **scaler)
{
	const struct camera_request wanted = {.format = ZOE_FORMAT_I420};
	struct picture_plan plan;
	char error[CAMERA_ERROR_BYTES];
	if (picture_plan(frame, &wanted, &plan, error) < 0)
		return NULL;
	AVFrame *made = frame_like(frame, AV_PIX_FMT_YUV420P, frame->width, frame->height);
	if (!made || picture_convert(&plan, frame, scaler, made->data, made->linesize) < 0) {
		av_frame_free(&made);
		return NULL;
	}
	made->color_range = plan.image.range == ZOE_RANGE_FULL ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	made->colorspace = plan.image.matrix == ZOE_MATRIX_BT709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
	return made;
}

static void turn_planes(const AVFrame *from, AVFrame *to, const struct turn *turn)
{
	int planes = from->format == AV_PIX_FMT_GRAY8 ? 1 : 3;
	bool halved = from->format == AV_PIX_FMT_YUV420P || from->format == AV_PIX_FMT_YUVJ420P;
	for (int i = 0; i < planes; i++) {
		int width = i && halved ? (from->width + 1) / 2 : from->width;
		int height = i && halved ? (from->height + 1) / 2 : from->height;
		/* libyuv reads a picture of negative height from its lowest row. */
		RotatePlane(from->data[i], from->linesize[i], to->data[i], to->linesize[i], width,
		            turn->mirrored ? -height : height, (enum RotationMode)turn->degrees);
	}
}

int picture_make_upright(AVFrame *frame, const struct turn *turn, struct SwsContext **scaler)
{
	bool across = turn->degrees % 180 != 0;
	AVFrame *made = turns_by_planes(frame->format) ? NULL : as_i420(frame, scaler);
	const AVFrame *planar = turns_by_planes(frame->format) ? frame : made;
	AVFrame *upright = planar ? frame_like(planar, planar->format, across ? planar->height : planar->width,
	                                       across ? planar->width : planar->height)
	                          : NULL;
	int status = upright ? 0 : AVERROR(ENOMEM);
	if (status == 0) {
		turn_planes(planar, upright, turn);
		av_frame_unref(frame);
		av_frame_move_ref(frame, upright);
	}
	av_frame_free(&made);
	av_frame_free(&upright);
	return status;
}
