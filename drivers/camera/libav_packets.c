/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder is given, as messages for those who want it: see zoetrope_packets.h. */
#include "libav.h"

#include "zoetrope_packets.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct zoe_packet_head) == 64 && offsetof(struct zoe_packet_head, pts_ns) == 40, "layout");

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
	struct zoe_loan loan;
	if (!camera->packets || zoe_publisher_wishes(camera->packets, NULL, 0) <= 0)
		return;
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
	size_t size = sizeof(head) + head.extra_bytes + (size_t)packet->size;
	if (zoe_loan(camera->packets, size, &loan) < 0)
		return;
	char *data = loan.data;
	memcpy(data, &head, sizeof(head));
	if (head.extra_bytes)
		memcpy(data + sizeof(head), codec->extradata, head.extra_bytes);
	memcpy(data + sizeof(head) + head.extra_bytes, packet->data, (size_t)packet->size);
	loan.capture_ns = arrival_ns;
	if (zoe_publish(camera->packets, &loan, NULL) < 0)
		zoe_discard(camera->packets, &loan);
}
