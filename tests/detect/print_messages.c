/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints each message of a topic of text as a line, from the first that the topic keeps. For the tests.
 *
 *   print_messages TOPIC    ends at the end of its standard input
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "zoetrope.h"

#define WAIT_NS 20000000

static int input_ended(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	return poll(&input, 1, 0) > 0;
}

int main(int argc, char **argv)
{
	struct zoe_domain *domain = NULL;
	struct zoe_subscriber *subscriber = NULL;
	struct zoe_frame frame;
	int status = argc == 2 ? zoe_domain_open(NULL, &domain) : -EINVAL;
	while (status == 0 && zoe_subscriber_open(domain, argv[1], NULL, &subscriber) < 0 && !input_ended())
		usleep(WAIT_NS / 1000);
	while (status == 0 && subscriber) {
		status = zoe_take_next(subscriber, WAIT_NS, &frame);
		if (status == 0) {
			printf("%.*s\n", (int)frame.size, (const char *)frame.data);
			fflush(stdout);
			zoe_release(subscriber, &frame);
		} else if (status == -ETIMEDOUT && !input_ended()) {
			status = 0;
		}
	}
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return status == 0 || status == -ETIMEDOUT ? 0 : 1;
}
