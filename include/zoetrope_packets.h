/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on the topic CAMERA/packets: what the camera's source sent, still compressed, for recording without encoding
 * again. Published only while somebody subscribes, and not at all while the camera has a privacy mask. A message is
 *
 *   struct zoe_packet_head | uint8 [extra_bytes], the codec's own header | the packet, to the end of the message
 *
 * H.264 and H.265 are as the source has them: with start codes from a network, with lengths from an MP4 file; their
 * header (parameter sets, avcC or hvcC) tells which. Who begins to read waits for ZOE_PACKET_KEY.
 */
#ifndef ZOETROPE_PACKETS_H
#define ZOETROPE_PACKETS_H

#include <stdint.h>

#define ZOE_PACKET_MAGIC      0x544b505au /* "ZPKT" */
#define ZOE_PACKET_KEY        1u
#define ZOE_PACKET_NO_TIME    INT64_MIN
#define ZOE_PACKET_NAME_BYTES 16

struct zoe_packet_head {
	uint32_t magic;                    /* ZOE_PACKET_MAGIC */
	uint32_t flags;                    /* ZOE_PACKET_KEY: decoding may begin here */
	char codec[ZOE_PACKET_NAME_BYTES]; /* as libavcodec calls it: "h264", "hevc", "mjpeg" */
	uint32_t extra_bytes;
	uint32_t width, height; /* pixels, as the source declares; 0 = it does not */
	uint32_t reserved;      /* 0 */
	int64_t pts_ns, dts_ns; /* in the source's own time; ZOE_PACKET_NO_TIME */
	int64_t duration_ns;    /* 0 = not known */
};

#endif
