/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder is given, as messages for those who want it (zoetrope_packets.h), and as pictures if it is JPEG. */
#include "libav.h"

#include "zoetrope_packets.h"

#include <stdio.h>

static int64_t in_ns(int64_t time, AVRational base)
{
	return time == AV_NOPTS_VALUE ? ZOE_PACKET_NO_TIME : av_rescale_q(time, base, (AVRational){1, 1000000000});
}

void libav_packet_publish(struct libav_camera *camera, int64_t arrival_ns)
{
	const AVPacket *packet = camera->packet;
	const AVStream *stream = camera->format->streams[camera->stream];
	const AVCodecParameters *codec = stream->codecpar;
	bool key = packet->flags & AV_PKT_FLAG_KEY;
	struct zoe_packet_head head = {
	    .magic = ZOE_PACKET_MAGIC,
	    .flags = key ? ZOE_PACKET_KEY : 0,
	    .extra_bytes = key ? (uint32_t)codec->extradata_size : 0, /* whoever begins, begins at a key picture */
	    .width = (uint32_t)codec->width,
	    .height = (uint32_t)codec->height,
	    .pts_ns = in_ns(packet->pts, stream->time_base),
	    .dts_ns = in_ns(packet->dts, stream->time_base),
	    .duration_ns = packet->duration > 0 ? in_ns(packet->duration, stream->time_base) : 0,
	};
	snprintf(head.codec, sizeof(head.codec), "%s", avcodec_get_name(codec->codec_id));
	camera_packet_publish(camera->topics.packets, &head, codec->extradata, packet->data, (size_t)packet->size,
	                      arrival_ns);
}

bool libav_sends_jpeg(const struct libav_camera *camera)
{
	const struct camera_request *request = &camera->request;
	const struct zoe_image *image = &camera->plan.image;
	bool as_it_came = !request->mask_count && request->crop.width <= 0 && request->fps <= 0 &&
	                  (int)image->width == camera->frame->width && (int)image->height == camera->frame->height;
	return camera->live && as_it_came && camera->codec->codec_id == AV_CODEC_ID_MJPEG;
}

bool libav_passes(const struct libav_camera *camera)
{
	return camera->topics.jpegs && !camera->have_frame && !camera_is_wanted(camera->topics.frames);
}

void libav_jpeg_keep(struct libav_camera *camera, int64_t arrival_ns)
{
	if (!camera->topics.jpegs || !camera_is_wanted(camera->topics.jpegs))
		return;
	av_packet_unref(camera->jpeg);
	camera->jpeg_ns = arrival_ns;
	if (av_packet_ref(camera->jpeg, camera->packet) < 0)
		camera->jpeg->size = 0;
}

void libav_jpeg_publish(struct libav_camera *camera, const uint64_t *frame)
{
	const AVCodecParameters *codec = camera->format->streams[camera->stream]->codecpar;
	struct camera_jpeg jpeg = {.width = (unsigned)codec->width,
	                           .height = (unsigned)codec->height,
	                           .data = camera->jpeg->data,
	                           .bytes = (size_t)camera->jpeg->size,
	                           .capture_ns = camera->jpeg_ns,
	                           .has_frame = frame,
	                           .frame = frame ? *frame : 0};
	if (camera->jpeg->size > 0)
		camera_jpeg_publish(camera->topics.jpegs, &jpeg);
	av_packet_unref(camera->jpeg);
}
