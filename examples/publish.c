/* SPDX-License-Identifier: Apache-2.0 */
/* Publish a grey ramp 25 times a second, in place: nothing is copied. usage: publish TOPIC [COUNT] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zoetrope.h"

static int fail(void)
{
	fprintf(stderr, "publish: %s\n", zoe_error());
	return 1;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : -1;
	const struct timespec pause = {.tv_nsec = 40000000};
	struct zoe_image image = {.format = ZOE_FORMAT_GREY, .width = 640, .height = 480};
	int64_t size = zoe_image_layout(&image, 64);
	struct zoe_topic_options options = {.slot_bytes = (size_t)size};
	struct zoe_domain *domain;
	struct zoe_publisher *publisher;
	struct zoe_loan loan;

	if (argc < 2) {
		fprintf(stderr, "usage: publish TOPIC [COUNT]\n");
		return 2;
	}
	if (zoe_domain_open(NULL, &domain) < 0 || zoe_publisher_open(domain, argv[1], &options, &publisher) < 0)
		return fail();
	for (long n = 0; n != count; n++) {
		if (zoe_loan(publisher, (size_t)size, &loan) < 0)
			return fail();
		loan.image = image;
		memset(loan.data, (int)(n & 0xff), loan.size);
		if (zoe_publish(publisher, &loan, NULL) < 0)
			return fail();
		nanosleep(&pause, NULL);
	}
	zoe_publisher_close(publisher);
	zoe_domain_close(domain);
	return 0;
}
