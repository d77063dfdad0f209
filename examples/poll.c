/* SPDX-License-Identifier: Apache-2.0 */
/* Wait for several topics and standard input at once, with poll(). Ends at the end of input. usage: poll TOPIC... */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "zoetrope.h"

#define TOPICS_MAX 15

static int fail(void)
{
	fprintf(stderr, "poll: %s\n", zoe_error());
	return 1;
}

/* Readable means: take until there is nothing left. The take that finds nothing arms the descriptor again. */
static int print_frames(struct zoe_subscriber *subscriber, const char *topic)
{
	struct zoe_frame frame;
	int status;

	while ((status = zoe_take_next(subscriber, 0, &frame)) == 0) {
		printf("%s: frame %" PRIu64 ", %zu bytes, lost %" PRIu64 "\n", topic, frame.seq, frame.size,
		       frame.lost);
		zoe_release(subscriber, &frame);
	}
	return status;
}

int main(int argc, char **argv)
{
	struct zoe_domain *domain;
	struct zoe_subscriber *subscribers[TOPICS_MAX];
	struct pollfd waits[TOPICS_MAX + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	int topics = argc - 1;
	char byte;

	if (topics < 1 || topics > TOPICS_MAX) {
		fprintf(stderr, "usage: poll TOPIC...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* a line at a time, into a pipe, too */
	if (zoe_domain_open(NULL, &domain) < 0)
		return fail();
	for (int i = 0; i < topics; i++) {
		if (zoe_subscriber_open(domain, argv[i + 1], NULL, &subscribers[i]) < 0)
			return fail();
		waits[i + 1] = (struct pollfd){.fd = zoe_subscriber_fd(subscribers[i]), .events = POLLIN};
	}
	do {
		poll(waits, (nfds_t)topics + 1, -1);
		for (int i = 0; i < topics; i++) {
			if (waits[i + 1].revents && print_frames(subscribers[i], argv[i + 1]) != -EAGAIN)
				return fail();
		}
	} while (!waits[0].revents || read(STDIN_FILENO, &byte, 1) > 0);
	for (int i = 0; i < topics; i++)
		zoe_subscriber_close(subscribers[i]);
	zoe_domain_close(domain);
	return 0;
}
