/* SPDX-License-Identifier: Apache-2.0 */
/* A subscriber for tests: takes one frame, says so with a line, and holds it until it is ended.
 * usage: hold_frame TOPIC lossy|lossless|group */
#include "zoetrope.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct zoe_subscriber_options options = {0};
	struct zoe_domain *domain;
	struct zoe_subscriber *subscriber;
	struct zoe_frame frame;

	if (argc != 3)
		return 2;
	options.mode = strcmp(argv[2], "lossless") ? ZOE_LOSSY : ZOE_LOSSLESS;
	options.group = strcmp(argv[2], "group") ? NULL : "pair";
	if (zoe_domain_open(NULL, &domain) < 0 || zoe_subscriber_open(domain, argv[1], &options, &subscriber) < 0 ||
	    zoe_take_next(subscriber, ZOE_FOREVER, &frame) < 0) {
		fprintf(stderr, "hold_frame: %s\n", zoe_error());
		return 1;
	}
	zoe_subscriber_wish(
	    subscriber,
	    &(struct zoe_wish){
	        .rate_mhz = 5000, .format = ZOE_FORMAT_RGB24, .width = 320, .height = 240, .key_frames = 1});
	puts("held");
	fflush(stdout);
	pause();
	return 0;
}
