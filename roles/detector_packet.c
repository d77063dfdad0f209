/* SPDX-License-Identifier: Apache-2.0 */
/* See detector_packet.h. */
#include "detector_packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int packet_send(int fd, const struct packet *head, const struct detector_result *boxes, int flags)
{
	struct packet copy = *head;
	copy.box_count = boxes ? boxes->count : 0;
	struct iovec parts[2] = {{&copy, sizeof(copy)}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1};
	if (copy.box_count) {
		parts[1] = (struct iovec){(void *)boxes->boxes, copy.box_count * sizeof(boxes->boxes[0])};
		message.msg_iovlen = 2;
	}
	ssize_t sent;
	do
		sent = sendmsg(fd, &message, flags | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int packet_receive(int fd, struct packet_full *out, int flags)
{
	ssize_t got;
	do
		got = recv(fd, out, sizeof(*out), flags);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (got == 0)
		return -EPIPE;
	if ((size_t)got < sizeof(out->head) || out->head.box_count > ZOE_DETECTIONS_MAX ||
	    (size_t)got != sizeof(out->head) + out->head.box_count * sizeof(out->boxes[0]) ||
	    out->head.looked.count > AREAS_MAX)
		return -EBADMSG;
	out->head.text[sizeof(out->head.text) - 1] = '\0';
	return 0;
}

void packet_boxes(const struct packet_full *packet, struct detector_result *out)
{
	out->inference_ns = packet->head.inference_ns;
	out->begun_ns = packet->head.begun_ns;
	out->prepared_ns = packet->head.prepared_ns;
	out->inferred_ns = packet->head.inferred_ns;
	out->count = packet->head.box_count;
	memcpy(out->boxes, packet->boxes, out->count * sizeof(out->boxes[0]));
}
