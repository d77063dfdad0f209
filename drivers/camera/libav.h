/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the files of the libav driver: decoding and pacing (libav.c), opening a source (libav_open.c), what is
 * decoded as a topic of its own (libav_packets.c), slots as decoder buffers (libav_slots.c), what a decoder's
 * picture means and how it gets into a slot (libav_picture.c), and how it is turned upright (libav_turn.c). */
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
	const struct camera_request *request;
};

/* libav's name of a format of enum zoe_format; AV_PIX_FMT_NONE: it has none. */
enum AVPixelFormat picture_format(uint32_t format);

/* Decide, by the size and format that are wanted. request outlives the plan. Returns 0 | -EINVAL with a sentence. */
int picture_plan(const AVFrame *frame, const struct camera_request *request, struct picture_plan *out, char *error);

/* Let the frame be the part of itself that is wanted. Returns 0 | an AVERROR. */
int picture_crop(AVFrame *frame, const struct camera_request *request);

/* Does the picture fit the plan, so that it can be published or copied as it is? */
bool picture_fits(const struct picture_plan *plan, const AVFrame *frame);

/*
 * Copy, or convert, the picture to data, laid out as plan->image. scaler keeps swscale's tables between calls.
 * Returns 0 | -EINVAL (swscale cannot) | -ENOMEM
 */
int picture_write(const struct picture_plan *plan, const AVFrame *frame, struct SwsContext **scaler, void *data);

/*
 * Loan a slot with the picture in it, as picture_write() does it, and masked.
 * out  its image is set; written on success only
 * Returns  0 | -errno of zoe_loan() | as picture_write()
 */
int picture_loan(struct zoe_publisher *publisher, const struct picture_plan *plan, const AVFrame *frame,
                 struct SwsContext **scaler, struct zoe_loan *out);

/* The same as picture_write(), always by swscale, into planes that lie anywhere. Returns 0 | -EINVAL. */
int picture_convert(const struct picture_plan *plan, const AVFrame *frame, struct SwsContext **scaler,
                    uint8_t *const planes[4], const int strides[4]);

/* ---- upright pictures ---------------------------------------------------------------------------------------- */

/* What a picture asks for. All 0: nothing. */
struct turn {
	int degrees;     /* clockwise, 90, 180 or 270 */
	bool mirrored;   /* from top to bottom, before that */
	int odd_degrees; /* it asks for an angle between, which is not done */
};

/* Of the picture itself, else of its whole stream. */
struct turn picture_turn(const AVStream *stream, const AVFrame *frame);

/* Turn it, in memory of libavutil. scaler as above. Returns 0 | AVERROR(ENOMEM) */
int picture_make_upright(AVFrame *frame, const struct turn *turn, struct SwsContext **scaler);

/* ---- a source ------------------------------------------------------------------------------------------------ */

#define LIBAV_ARRIVALS 32 /* a decoder that reorders holds back at most 16 pictures */

struct libav_camera {
	struct camera_request request;
	struct camera_mode *mode;           /* the role's */
	char name[CAMERA_SHOWN_BYTES + 16]; /* as told to people: "file 'clip.mp4'", "rtsp://10.0.0.5/main" */
	bool network;
	AVFormatContext *format;
	AVCodecContext *codec;
	AVPacket *packet;
	AVPacket *jpeg; /* the last one, to be published once it is known whether its pixels are; size 0 = none */
	int64_t jpeg_ns;
	bool passed;         /* the picture was not decoded: nobody wants its pixels */
	AVFrame *frame;      /* decoded, not yet published, if have_frame */
	int64_t deadline_ns; /* of what libavformat is doing; 0 = none */
	int stream;
	bool have_frame;
	bool live;
	bool picture;     /* one picture, not a video */
	bool fetched;     /* the network gives one picture at a time: each is asked for anew */
	bool own_memory;  /* nothing is decoded into slots: it is changed first, and the decoder needs it as it was */
	bool sound;       /* there is some, and it is ignored */
	struct turn turn; /* that the last picture asked for */
	uint64_t pass_frames; /* decoded since the file's beginning */
	struct {
		int64_t pts, when_ns;
	} arrivals[LIBAV_ARRIVALS]; /* of the last packets */
	unsigned arrived;

	struct slot_pool pool;
	struct picture_plan plan;
	struct SwsContext *scaler, *upright_scaler;
	struct zoe_loan spare; /* for copies; always held, or the decoder would take the last one. data is NULL: none */
	bool copied;           /* the frame is in spare, ready to be published */
	struct camera_topics topics;

	double fps;
	int64_t frame_ns;
	uint64_t count;    /* frames since it was opened */
	int64_t first_ts;  /* of this pass through the file */
	int64_t offset_ns; /* where this pass begins */
	int64_t at_ns;     /* of the frame before, -frame_ns at the beginning; live: when the next is wanted, 0 = any */
};

/* One sentence about the source, with libav's reason if there is one. Returns status. */
int libav_fail(const struct libav_camera *camera, char *error, int status, const char *what, int av_status);

/* The same for a network that failed: which of the usual mistakes it is, and what to do. Returns -errno. */
int libav_fail_network(const struct libav_camera *camera, char *error, int av_status);

/* Open the input: camera->format, stream, and what it is. Returns 0 | -errno with a sentence. */
int libav_open_input(struct libav_camera *camera, const AVCodec **out_decoder, char *error);

/* Open the file once more, to read it from its beginning; the decoder stays. Returns 0 | -errno with a sentence. */
int libav_reopen_input(struct libav_camera *camera, char *error);

int libav_open_codec(struct libav_camera *camera, const AVCodec *decoder, char *error);

/* Read the picture, or a video's first one, in the file request->source, cropped. Returns 0 | -errno with a sentence. */
int libav_read_picture(const struct camera_request *request, AVFrame *out, char *error);

/* Publish camera->packet, if somebody wants it. What cannot be published is left out: its readers see the gap. */
void libav_packet_publish(struct libav_camera *camera, int64_t arrival_ns);

/* Is what it sends worth a topic of its own: JPEGs to which nothing is done? */
bool libav_sends_jpeg(const struct libav_camera *camera);
/* Need the next picture not be decoded? */
bool libav_passes(const struct libav_camera *camera);
/* Remember the packet for libav_jpeg_publish(); frame: as what its pixels were published, NULL = they were not. */
void libav_jpeg_keep(struct libav_camera *camera, int64_t arrival_ns);
void libav_jpeg_publish(struct libav_camera *camera, const uint64_t *frame);

#endif
