/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the detector role and its worker processes say to each other, over a socket that keeps packets apart. Both are the
 * same executable, so there is no version.
 */
#ifndef ZOETROPE_DETECTOR_PACKET_H
#define ZOETROPE_DETECTOR_PACKET_H

#include "detector_areas.h"

/* The variable that names the descriptor; a detector that finds it is a worker. */
#define PACKET_VARIABLE "ZOETROPE_WORKER"

enum packet_kind {
	/* to the worker */
	PACKET_LOOK,  /* the newest frame of this camera, next; boxes: what is known of it */
	PACKET_GO,    /* now, at all that were named */
	PACKET_LEAVE, /* end the subscription to this camera */
	/* from it */
	PACKET_READY, /* or failed: status, text; frames it takes at once */
	PACKET_TOOK,  /* which frame it is; status -EAGAIN: there was none */
	PACKET_FOUND, /* what is in it; status, text */
};

struct packet {
	uint32_t kind;
	uint32_t job;    /* index in the order of PACKET_LOOK */
	uint32_t camera; /* index in the configuration */
	int32_t status;
	uint32_t whole;
	uint32_t ahead; /* nobody has seen that there is a frame */
	uint32_t frames;
	uint64_t seq, lost;
	int64_t capture_ns, publish_ns, inference_ns, begun_ns, prepared_ns, inferred_ns;
	uint32_t width, height;
	struct areas looked;
	uint32_t box_count;
	char text[ZOE_DETECTOR_ERROR_BYTES];
};

/* A packet and its boxes. */
struct packet_full {
	struct packet head;
	struct zoe_detection boxes[ZOE_DETECTIONS_MAX];
};

/*
 * boxes    NULL = none
 * wait_ms  how long there may be no room: a socket holds a dozen packets that are full of boxes; -1 = no limit
 *
 * Returns 0 | -EAGAIN (there is no room) | -EPIPE (the other side has gone) | -errno
 */
int packet_send(int fd, const struct packet *head, const struct detector_result *boxes, int wait_ms);

/* Never waits. Returns 0 | -EAGAIN | -EPIPE (the end) | -EBADMSG | -errno. */
int packet_receive(int fd, struct packet_full *out);

/* Copy the boxes of a packet. */
void packet_boxes(const struct packet_full *packet, struct detector_result *out);

#endif
