/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads "<camera>/detections" as any program would, and prints each message as one line of JSON. For the tests.
 *
 *   print_detections TOPIC COUNT SECONDS    ends after COUNT messages (status 0) or SECONDS (status 1)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zoetrope.h"
#include "zoetrope_detections.h"

static int open_topic(struct zoe_domain *domain, const char *topic, int64_t end_ns, struct zoe_subscriber **out)
{
	int status;
	while ((status = zoe_subscriber_open(domain, topic, NULL, out)) == -ENOENT && zoe_now_ns() < end_ns)
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	return status;
}

static int print(const struct zoe_frame *frame)
{
	struct zoe_detections head;
	if (frame->size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, frame->data, sizeof(head));
	if (head.magic != ZOE_DETECTIONS_MAGIC || head.version != ZOE_DETECTIONS_VERSION || head.reserved ||
	    head.count > ZOE_DETECTIONS_MAX ||
	    frame->size != sizeof(head) + head.count * sizeof(struct zoe_detection) ||
	    frame->capture_ns != head.source_capture_ns || frame->image.format != ZOE_FORMAT_NONE)
		return -EBADMSG;
	printf(
	    "{\"seq\": %llu, \"source_seq\": %llu, \"capture_ns\": %lld, \"source_publish_ns\": %lld, \"publish_ns\": "
	    "%lld, \"inference_ns\": %lld, \"width\": %u, \"height\": %u, \"detector\": \"%s\", \"boxes\": [",
	    (unsigned long long)frame->seq, (unsigned long long)head.source_seq, (long long)head.source_capture_ns,
	    (long long)head.source_publish_ns, (long long)frame->publish_ns, (long long)head.inference_ns,
	    head.source_width, head.source_height, head.detector);
	for (uint32_t i = 0; i < head.count; i++) {
		struct zoe_detection box;
		memcpy(&box, (const char *)frame->data + sizeof(head) + i * sizeof(box), sizeof(box));
		printf("%s{\"label\": \"%s\", \"class\": %u, \"track\": %u, \"score\": %.9g, \"box\": [%.9g, %.9g, "
		       "%.9g, %.9g]}",
		       i ? ", " : "", box.label, box.class_id, box.track_id, (double)box.score, (double)box.x,
		       (double)box.y, (double)box.w, (double)box.h);
	}
	printf("]}\n");
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: print_detections TOPIC COUNT SECONDS\n");
		return 2;
	}
	struct zoe_domain *domain = NULL;
	struct zoe_subscriber *subscriber = NULL;
	int64_t end_ns = zoe_now_ns() + (int64_t)(atof(argv[3]) * 1e9);
	int status = zoe_domain_open(NULL, &domain);
	if (status == 0)
		status = open_topic(domain, argv[1], end_ns, &subscriber);
	for (long wanted = atol(argv[2]); status == 0 && wanted > 0; wanted--) {
		struct zoe_frame frame;
		int64_t left_ns = end_ns - zoe_now_ns();
		status = left_ns > 0 ? zoe_take_next(subscriber, left_ns, &frame) : -ETIMEDOUT;
		if (status == 0) {
			status = print(&frame);
			zoe_release(subscriber, &frame);
		}
	}
	if (status < 0)
		fprintf(stderr, "print_detections: %s: %s\n", strerror(-status), zoe_error());
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return status < 0;
}
