/* SPDX-License-Identifier: Apache-2.0 */
/* See detector_packet.h. */
#include "detector_packet.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* It is told once that the other side has gone without reading all, before what that side has said can be read. */
static bool is_passing(int error)
{
	return error == EINTR || error == ECONNRESET;
}

int packet_send(int fd, const struct packet *head, const struct detector_result *boxes, int wait_ms)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	struct packet copy = *head;
	copy.box_count = boxes ? boxes->count : 0;
	struct iovec parts[2] = {{&copy, sizeof(copy)}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1};
	if (copy.box_count) {
		parts[1] = (struct iovec){(void *)boxes->boxes, copy.box_count * sizeof(boxes->boxes[0])};
		message.msg_iovlen = 2;
	}
	while (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		int status = -errno;
		if (status == -EAGAIN ? poll(&room, 1, wait_ms) == 0 : !is_passing(-status))
			return status;
	}
	return 0;
}

int packet_receive(int fd, struct packet_full *out)
{
	ssize_t got;
	do
		got = recv(fd, out, sizeof(*out), MSG_DONTWAIT);
	while (got < 0 && is_passing(errno));
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
