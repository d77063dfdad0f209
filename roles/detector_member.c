/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See detector_member.h. It is a role like others (CPUs, policy, domain), and its loop waits only for packets: what it is
 * told to do it does in one go. As a member of a group named after the detector it gets frames that no other worker gets.
 */
#include "detector_member.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "detector_feed.h"
#include "detector_look.h"
#include "detector_packet.h"

#define GROUP_BYTES 40
/* A publisher that is faster than we are must not hold us for ever: more than a topic keeps. */
#define TAKES_MAX 256

struct member {
	struct role *role;
	struct looker *looker;
	uv_poll_t poll;
	bool polling;
	int fd;
	struct zoe_subscriber **cameras; /* NULL = not subscribed */
	struct look *looks[ZOE_DETECTOR_BATCH_MAX];
	bool ahead[ZOE_DETECTOR_BATCH_MAX]; /* of each look: nobody has seen a frame */
	unsigned count;
};

static const struct detector_config *config_of(const struct member *member)
{
	return member->role->options;
}

/* ---- frames ------------------------------------------------------------------------------------------------- */

static int subscribe(struct member *member, unsigned camera)
{
	char topic[ZOE_TOPIC_NAME_MAX + 1], group[GROUP_BYTES];
	const struct detector_config *config = config_of(member);
	detector_feed_topic(config, camera, topic);
	snprintf(group, sizeof(group), "%.39s", member->role->name);
	const struct zoe_subscriber_options options = {.pins = 2, .start = ZOE_START_OLDEST, .group = group};
	zoe_subscriber_close(member->cameras[camera]);
	member->cameras[camera] = NULL;
	return zoe_subscriber_open(member->role->domain, topic, &options, &member->cameras[camera]);
}

/* The newest frame that is wanted; those before it have been the group's, and are let go of: they count as lost. */
static int take_newest(struct member *member, unsigned camera, struct zoe_frame *out)
{
	struct zoe_subscriber *subscriber = member->cameras[camera];
	uint64_t every = (uint64_t)config_of(member)->every, lost = 0;
	struct zoe_frame next;
	int status = -EAGAIN;
	out->data = NULL;
	for (unsigned i = 0; i < TAKES_MAX && (status = zoe_take_next(subscriber, 0, &next)) == 0; i++) {
		lost += next.lost;
		if (next.seq % every) {
			zoe_release(subscriber, &next);
			lost++;
			continue;
		}
		if (out->data) {
			zoe_release(subscriber, out);
			lost++;
		}
		*out = next;
	}
	out->lost = lost;
	return out->data ? 0 : status == 0 ? -EAGAIN : status;
}

/* Nothing there, though the role has seen a frame: the camera may have made its topic anew. If it has not, it will. */
static int take(struct member *member, struct look *look, bool ahead)
{
	int status = member->cameras[look->camera] ? take_newest(member, look->camera, &look->frame) : -EAGAIN;
	if (status < 0 && ahead)
		return -EAGAIN;
	if (status < 0)
		status = subscribe(member, look->camera);
	if (status == 0 && !look->frame.data)
		status = take_newest(member, look->camera, &look->frame);
	return status;
}

/* ---- what it is told ---------------------------------------------------------------------------------------- */

static void tell(struct member *member, const struct packet *packet, const struct detector_result *boxes)
{
	if (packet_send(member->fd, packet, boxes, -1) < 0)
		uv_stop(member->role->loop);
}

static void tell_frame(struct member *member, unsigned job, int status)
{
	const struct zoe_frame *frame = &member->looks[job]->frame;
	struct packet packet = {.kind = PACKET_TOOK, .job = job, .status = status};
	if (status < 0)
		snprintf(packet.text, sizeof(packet.text), "%s", zoe_error());
	if (status == 0) {
		packet.seq = frame->seq;
		packet.lost = frame->lost;
		packet.capture_ns = frame->capture_ns;
		packet.publish_ns = frame->publish_ns;
		packet.width = frame->image.width;
		packet.height = frame->image.height;
	}
	tell(member, &packet, NULL);
}

static void tell_result(struct member *member, unsigned job)
{
	const struct look *look = member->looks[job];
	struct packet packet = {.kind = PACKET_FOUND,
	                        .job = job,
	                        .status = look->status,
	                        .inference_ns = look->result.inference_ns,
	                        .begun_ns = look->result.begun_ns,
	                        .prepared_ns = look->result.prepared_ns,
	                        .inferred_ns = look->result.inferred_ns,
	                        .looked = look->looked};
	if (look->status < 0)
		memcpy(packet.text, look->error, sizeof(packet.text));
	tell(member, &packet, look->status < 0 ? NULL : &look->result);
}

static void go(struct member *member)
{
	struct look *taken[ZOE_DETECTOR_BATCH_MAX];
	unsigned jobs[ZOE_DETECTOR_BATCH_MAX], count = 0;
	for (unsigned i = 0; i < member->count; i++) {
		struct look *look = member->looks[i];
		look->frame = (struct zoe_frame){.data = NULL};
		int status = take(member, look, member->ahead[i]);
		tell_frame(member, i, status);
		if (status < 0)
			continue;
		jobs[count] = i;
		taken[count++] = look;
	}
	if (count)
		looker_run(member->looker, taken, count);
	for (unsigned i = 0; i < count; i++) {
		zoe_release(member->cameras[taken[i]->camera], &taken[i]->frame);
		tell_result(member, jobs[i]);
	}
	member->count = 0;
}

static int obey(struct member *member, const struct packet_full *packet)
{
	const struct packet *head = &packet->head;
	if (head->kind == PACKET_GO) {
		go(member);
		return 0;
	}
	if (head->camera >= config_of(member)->cameras.count)
		return -EBADMSG;
	if (head->kind == PACKET_LEAVE) {
		zoe_subscriber_close(member->cameras[head->camera]);
		member->cameras[head->camera] = NULL;
		return 0;
	}
	if (member->count == ZOE_DETECTOR_BATCH_MAX)
		return -EBADMSG;
	struct look **look = &member->looks[member->count];
	if (!*look && !(*look = calloc(1, sizeof(**look))))
		return -ENOMEM;
	(*look)->camera = head->camera;
	(*look)->whole = head->whole;
	member->ahead[member->count] = head->ahead;
	packet_boxes(packet, &(*look)->earlier);
	member->count++;
	return 0;
}

static void on_packet(uv_poll_t *poll, int poll_status, int events)
{
	struct member *member = poll->data;
	struct packet_full packet;
	/* what it was told ahead is not begun any more */
	int status = poll_status < 0 || events & UV_DISCONNECT ? -EPIPE : packet_receive(member->fd, &packet);
	if (status == 0)
		status = obey(member, &packet);
	if (status < 0 && status != -EAGAIN)
		uv_stop(member->role->loop); /* the role has gone */
}

/* ---- begin and end ------------------------------------------------------------------------------------------ */

static int begin(struct member *member, char *error)
{
	const struct detector_config *config = config_of(member);
	int status = looker_open(config, &member->looker, error);
	if (status < 0)
		return status;
	member->cameras = calloc(config->cameras.count, sizeof(struct zoe_subscriber *));
	status = member->cameras ? uv_poll_init(member->role->loop, &member->poll, member->fd) : -ENOMEM;
	if (status < 0) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "a worker cannot begin: %s", uv_strerror(status));
		return status;
	}
	member->polling = true;
	member->poll.data = member;
	return uv_poll_start(&member->poll, UV_READABLE | UV_DISCONNECT, on_packet);
}

int member_open(struct role *role)
{
	const char *text = getenv(PACKET_VARIABLE);
	struct packet ready = {.kind = PACKET_READY};
	struct member *member = calloc(1, sizeof(*member));
	if (!member)
		return -ENOMEM;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* an engine that hangs would not see the end of the socket */
	role->user = member;
	member->role = role;
	member->fd = text ? atoi(text) : -1;
	unsetenv(PACKET_VARIABLE);
	fcntl(member->fd, F_SETFD, FD_CLOEXEC);
	ready.status = begin(member, ready.text);
	if (ready.status == 0)
		ready.frames = looker_frames(member->looker);
	tell(member, &ready, NULL);
	return ready.status;
}

static void poll_closed(uv_handle_t *handle)
{
	struct member *member = handle->data;
	for (unsigned i = 0; i < ZOE_DETECTOR_BATCH_MAX; i++)
		free(member->looks[i]);
	free(member->cameras);
	free(member);
}

void member_close(struct role *role)
{
	struct member *member = role->user;
	if (!member)
		return;
	role->user = NULL;
	for (size_t i = 0; member->cameras && i < config_of(member)->cameras.count; i++)
		zoe_subscriber_close(member->cameras[i]);
	looker_close(member->looker);
	member->poll.data = member;
	if (member->polling)
		uv_close((uv_handle_t *)&member->poll, poll_closed);
	else
		poll_closed((uv_handle_t *)&member->poll);
}
