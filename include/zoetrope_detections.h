/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a detector publishes on the topic "<camera>/detections": one message for each frame it looked at.
 *
 * A message is one struct zoe_detections, followed by `count` times struct zoe_detection. Fixed width, host byte
 * order, no padding. A reader checks magic, version and that the message is as long as count says.
 * The message's own capture_ns (struct zoe_frame) is the source frame's.
 */
#ifndef ZOETROPE_DETECTIONS_H
#define ZOETROPE_DETECTIONS_H

#include <stdint.h>

#define ZOE_DETECTIONS_MAGIC   0x5445445au /* "ZDET" */
#define ZOE_DETECTIONS_VERSION 1u
#define ZOE_DETECTIONS_MAX     256u /* boxes in one message */
#define ZOE_LABEL_BYTES        32

struct zoe_detections {
	uint32_t magic;                 /* ZOE_DETECTIONS_MAGIC */
	uint32_t version;               /* ZOE_DETECTIONS_VERSION */
	uint64_t source_seq;            /* sequence number of the frame in the camera's topic */
	int64_t source_capture_ns;      /* when that frame was taken, CLOCK_MONOTONIC */
	int64_t source_publish_ns;      /* when it was published */
	int64_t inference_ns;           /* time spent for this frame: preparing, network, decoding */
	uint32_t source_width;          /* pixels */
	uint32_t source_height;         /* pixels */
	uint32_t count;                 /* boxes that follow, 0..ZOE_DETECTIONS_MAX */
	uint32_t reserved;              /* 0 */
	char detector[ZOE_LABEL_BYTES]; /* who found them, zero-terminated UTF-8 */
};

struct zoe_detection {
	float x, y, w, h;  /* box, fraction of the source frame: x, y = top left; 0 <= x, x + w <= 1; likewise y, h */
	float score;       /* 0..1 */
	uint32_t class_id; /* index in the model's labels */
	uint32_t track_id; /* 0 = not tracked */
	uint32_t reserved; /* 0 */
	char label[ZOE_LABEL_BYTES]; /* zero-terminated UTF-8 */
};

#endif
