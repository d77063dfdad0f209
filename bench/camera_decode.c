/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit of bench/camera: libavformat and libavcodec in one loop and one thread, nothing handed over to anybody.
 *
 *   bench-camera-decode URL    prints "NUMBER MONOTONIC_NS" for each picture when it is decoded, at the stream's end
 */
#include "camera_marks.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct decoding {
	AVFormatContext *format;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
	int stream;
	struct arrivals arrivals;
};

static int fail(const char *what, int status)
{
	fprintf(stderr, "bench-camera-decode: %s: %s\n", what, av_err2str(status));
	return 1;
}

static int open_stream(struct decoding *decoding, const char *url)
{
	const AVCodec *codec;
	int status = avformat_open_input(&decoding->format, url, NULL, NULL);
	if (status < 0)
		return status;
	decoding->format->max_analyze_duration = 1000000; /* as the camera does */
	decoding->format->fps_probe_size = 0;
	status = avformat_find_stream_info(decoding->format, NULL);
	if (status < 0)
		return status;
	decoding->stream = av_find_best_stream(decoding->format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
	if (decoding->stream < 0)
		return decoding->stream;
	decoding->codec = avcodec_alloc_context3(codec);
	avcodec_parameters_to_context(decoding->codec, decoding->format->streams[decoding->stream]->codecpar);
	decoding->codec->thread_count = 1;
	decoding->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
	return avcodec_open2(decoding->codec, codec, NULL);
}

static void take_pictures(struct decoding *decoding)
{
	while (avcodec_receive_frame(decoding->codec, decoding->frame) == 0)
		arrivals_add(&decoding->arrivals,
		             marks_read(decoding->frame->data[0], (size_t)decoding->frame->linesize[0]));
}

int main(int argc, char **argv)
{
	static struct decoding decoding;
	decoding.packet = av_packet_alloc();
	decoding.frame = av_frame_alloc();
	if (argc != 2) {
		fprintf(stderr, "usage: bench-camera-decode URL\n");
		return 2;
	}
	int status = open_stream(&decoding, argv[1]);
	if (status < 0)
		return fail(argv[1], status);
	while (av_read_frame(decoding.format, decoding.packet) == 0) {
		if (decoding.packet->stream_index == decoding.stream)
			avcodec_send_packet(decoding.codec, decoding.packet);
		av_packet_unref(decoding.packet);
		take_pictures(&decoding);
	}
	arrivals_print(&decoding.arrivals);
	av_frame_free(&decoding.frame);
	av_packet_free(&decoding.packet);
	avcodec_free_context(&decoding.codec);
	avformat_close_input(&decoding.format);
	return 0;
}
