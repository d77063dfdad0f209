/* SPDX-License-Identifier: Apache-2.0 */
/* What a detector and its workers say to each other, where a socket is full or its other side has gone. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "roles/detector_packet.h"

static struct detector_result crowd = {.count = ZOE_DETECTIONS_MAX};
static struct packet_full packet;

static void make_pair(int pair[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
}

TEST(a_batch_of_crowds_waits_for_room)
{
	int pair[2], sent = 0, got = 0, status;
	make_pair(pair);
	while ((status = packet_send(pair[0], &(struct packet){.kind = PACKET_FOUND}, &crowd, 0)) == 0)
		sent++;
	CHECK_EQ(status, -EAGAIN);
	CHECK_EQ(packet_send(pair[0], &(struct packet){.kind = PACKET_FOUND}, &crowd, 20), -EAGAIN);
	pid_t child = fork();
	CHECK(child >= 0);
	if (!child) {
		close(pair[1]);
		for (int i = 0; i < 100; i++) {
			if (packet_send(pair[0], &(struct packet){.kind = PACKET_FOUND}, &crowd, -1) < 0)
				_exit(1);
		}
		_exit(0);
	}
	close(pair[0]);
	while ((status = packet_receive(pair[1], &packet)) != -EPIPE) {
		CHECK(status == 0 || status == -EAGAIN);
		got += status == 0;
	}
	CHECK_EQ(got, sent + 100);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	close(pair[1]);
}

TEST(last_words_are_heard)
{
	int pair[2];
	make_pair(pair);
	CHECK_EQ(packet_send(pair[1], &(struct packet){.kind = PACKET_FOUND}, NULL, 0), 0);
	CHECK_EQ(packet_send(pair[0], &(struct packet){.kind = PACKET_LOOK}, NULL, 0), 0);
	close(pair[1]); /* without having read what it was told ahead */
	CHECK_EQ(packet_receive(pair[0], &packet), 0);
	CHECK_EQ(packet.head.kind, PACKET_FOUND);
	CHECK_EQ(packet_receive(pair[0], &packet), -EPIPE);
	close(pair[0]);
}

TEST(nobody_is_there_any_more)
{
	int pair[2];
	make_pair(pair);
	CHECK_EQ(packet_send(pair[0], &(struct packet){.kind = PACKET_LOOK}, NULL, 0), 0);
	close(pair[1]);
	CHECK_EQ(packet_send(pair[0], &(struct packet){.kind = PACKET_LEAVE}, NULL, -1), -EPIPE);
	close(pair[0]);
}
