/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of V4L2 devices that compress. */
#ifndef CAMERA_V4L2_DECODE_H
#define CAMERA_V4L2_DECODE_H

#include "v4l2.h"

#include <libavutil/frame.h>

struct v4l2_decoder;

/* code: V4L2_PIX_FMT_MJPEG, _JPEG or _H264. Also after a failure the caller closes it. Returns 0 | -ENOMEM | -ENOTSUP */
int v4l2_decoder_open(uint32_t code, struct v4l2_decoder **out);
void v4l2_decoder_close(struct v4l2_decoder *decoder); /* NULL is fine */

/*
 * Decode what the device has sent.
 *
 * out  the picture, until the next call; of H.264 its pts is the capture_ns of what it was sent in
 * Returns  0 | -EAGAIN (no picture yet) | -EBADMSG (damaged) | -ENOMEM
 */
int v4l2_decode(struct v4l2_decoder *decoder, const void *data, size_t bytes, int64_t capture_ns, AVFrame *out);

#endif
