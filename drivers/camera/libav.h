/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the files of the file driver: reading and pacing (libav.c), slots as decoder buffers (libav_slots.c),
 * and what a decoder's picture means and how it gets into a slot (libav_picture.c). */
#ifndef CAMERA_LIBAV_H
#define CAMERA_LIBAV_H

#include "camera_driver.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>

/* ---- slots as decoder buffers -------------------------------------------------------------------------------- */

/* How a decoder's buffer lies in a slot. The same for all frames of a size and format. */
struct slot_layout {
	int width, height; /* as the decoder asks */
	enum AVPixelFormat format;
	int strides[4];
	size_t offsets[4];
	size_t bytes;
};

struct slot_buffer;

struct slot_pool {
	struct zoe_publisher *publisher; /* NULL: none yet, so everything is private memory */
	struct slot_layout layout;
	struct slot_buffer *live;
	uint64_t in_slots, in_private; /* buffers that the decoder got from either */
};

/* For AVCodecContext.get_buffer2; AVCodecContext.opaque is the struct slot_pool. */
int slot_pool_get_buffer(AVCodecContext *codec, AVFrame *frame, int flags);

/* The loan that the frame was decoded into; NULL if it lies in private memory or was published before. */
struct zoe_loan *slot_pool_loan(const struct slot_pool *pool, const AVFrame *frame);

/*
 * Publish a frame that lies in a loan. The decoder may go on reading it; its buffer's end gives the slot back.
 * Returns  0 | -ENOBUFS (as many kept as the topic allows; the loan stays) | -errno of zoe_publish()
 */
int slot_pool_publish(struct slot_pool *pool, const AVFrame *frame, uint64_t *out_seq);

/* ---- pictures ------------------------------------------------------------------------------------------------ */

/* What a decoder's picture becomes. */
struct picture_plan {
	struct zoe_image image;    /* format, size, range, matrix; planes laid out for copies, rows of 64 bytes */
	size_t size;               /* of a copy */
	enum AVPixelFormat source; /* the decoder's, without the J of full range */
	enum AVPixelFormat target; /* image.format as libav names it */
	int width, height;         /* the decoder's picture */
	bool convert;              /* swscale is needed */
};

/* Decide. Sizes 0 mean the source's own. Returns 0 | -EINVAL with a sentence. */
int picture_plan(const AVFrame *frame, unsigned width, unsigned height, struct picture_plan *out, char *error);

/* Does the picture fit the plan, so that it can be published or copied as it is? */
bool picture_fits(const struct picture_plan *plan, const AVFrame *frame);

/*
 * Copy, or convert, the picture to data, laid out as plan->image. scaler keeps swscale's tables between calls.
 * Returns 0 | -EINVAL (swscale cannot) | -ENOMEM
 */
int picture_write(const struct picture_plan *plan, const AVFrame *frame, struct SwsContext **scaler, void *data);

#endif
