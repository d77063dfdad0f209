/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures of V4L2 devices that compress: JPEG as everywhere (jpeg_picture.h), H.264 by libavcodec, set for the least
 * delay. A device that streams has sent its parameter sets with the first key picture.
 */
#include "v4l2_decode.h"

#include "jpeg_picture.h"
#include "libav.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct v4l2_decoder {
	struct jpeg_reader *jpeg;
	AVCodecContext *codec; /* NULL: JPEG */
	AVPacket *packet;
};

int v4l2_decoder_open(uint32_t code, struct v4l2_decoder **out)
{
	struct v4l2_decoder *decoder = calloc(1, sizeof(*decoder));
	if (!decoder)
		return -ENOMEM;
	*out = decoder;
	if (code != V4L2_PIX_FMT_H264)
		return 0;
	const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
	av_log_set_level(AV_LOG_QUIET); /* what is wrong is counted, and said by us */
	decoder->packet = av_packet_alloc();
	decoder->codec = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!decoder->packet || !decoder->codec)
		return codec ? -ENOMEM : -ENOTSUP;
	decoder->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
	decoder->codec->thread_count = 1;
	return avcodec_open2(decoder->codec, codec, NULL) < 0 ? -ENOTSUP : 0;
}

void v4l2_decoder_close(struct v4l2_decoder *decoder)
{
	if (!decoder)
		return;
	jpeg_reader_destroy(decoder->jpeg);
	av_packet_free(&decoder->packet);
	avcodec_free_context(&decoder->codec);
	free(decoder);
}

static int decode_video(struct v4l2_decoder *decoder, const void *data, size_t bytes, int64_t capture_ns, AVFrame *out)
{
	/* A copy, with the zeros behind it that the decoder wants. */
	if (av_new_packet(decoder->packet, (int)bytes) < 0)
		return -ENOMEM;
	memcpy(decoder->packet->data, data, bytes);
	decoder->packet->pts = capture_ns;
	int status = avcodec_send_packet(decoder->codec, decoder->packet);
	av_packet_unref(decoder->packet);
	if (status < 0)
		return -EBADMSG;
	status = avcodec_receive_frame(decoder->codec, out);
	return status == AVERROR(EAGAIN) ? -EAGAIN : status < 0 ? -EBADMSG : 0;
}

int v4l2_decode(struct v4l2_decoder *decoder, const void *data, size_t bytes, int64_t capture_ns, AVFrame *out)
{
	av_frame_unref(out);
	return decoder->codec ? decode_video(decoder, data, bytes, capture_ns, out)
	                      : jpeg_read(&decoder->jpeg, data, bytes, out);
}
