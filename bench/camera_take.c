/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subscriber of bench/camera: takes each frame of a topic in place and looks at its number.
 *
 *   bench-camera-take TOPIC    prints "NUMBER MONOTONIC_NS" for each, after 2 s without one
 */
#include "camera_marks.h"

#include "zoetrope.h"

#define BEGIN_NS   60000000000
#define SILENCE_NS 2000000000

int main(int argc, char **argv)
{
	static struct arrivals arrivals;
	struct zoe_domain *domain = NULL;
	struct zoe_subscriber *subscriber = NULL;
	struct zoe_frame frame;
	int64_t timeout_ns = BEGIN_NS;
	if (argc != 2) {
		fprintf(stderr, "usage: bench-camera-take TOPIC\n");
		return 2;
	}
	int status = zoe_domain_open(NULL, &domain);
	while (status == 0 && (status = zoe_subscriber_open(domain, argv[1], NULL, &subscriber)) == -ENOENT) {
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		status = 0;
	}
	while (status == 0 && (status = zoe_take_next(subscriber, timeout_ns, &frame)) == 0) {
		const struct zoe_plane *luma = &frame.image.planes[0];
		arrivals_add(&arrivals, marks_read((const uint8_t *)frame.data + luma->offset, luma->stride));
		zoe_release(subscriber, &frame);
		timeout_ns = SILENCE_NS;
	}
	if (status < 0 && status != -ETIMEDOUT)
		fprintf(stderr, "bench-camera-take: %s\n", zoe_error());
	arrivals_print(&arrivals);
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return arrivals.count ? 0 : 1;
}
