/* SPDX-License-Identifier: Apache-2.0 */
/* Print each frame of a topic as it comes, read in place. usage: subscribe TOPIC [COUNT] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "zoetrope.h"

static int fail(void)
{
	fprintf(stderr, "subscribe: %s\n", zoe_error());
	return 1;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : -1;
	struct zoe_domain *domain;
	struct zoe_subscriber *subscriber;
	struct zoe_frame frame;
	char format[5];

	if (argc < 2) {
		fprintf(stderr, "usage: subscribe TOPIC [COUNT]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* a line at a time, into a pipe, too */
	if (zoe_domain_open(NULL, &domain) < 0 || zoe_subscriber_open(domain, argv[1], NULL, &subscriber) < 0)
		return fail();
	for (long n = 0; n != count; n++) {
		if (zoe_take_next(subscriber, ZOE_FOREVER, &frame) < 0)
			return fail();
		zoe_format_name(frame.image.format, format);
		printf("frame %" PRIu64 ": %" PRIu32 "x%" PRIu32 " %s, first byte %u, lost %" PRIu64 "\n", frame.seq,
		       frame.image.width, frame.image.height, format, *(const unsigned char *)frame.data, frame.lost);
		zoe_release(subscriber, &frame);
	}
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return 0;
}
