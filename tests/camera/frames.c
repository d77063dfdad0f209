/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: take frames of a topic in order, print a JSON object a line for each, with the MD5 of its pixels without the
 * gaps between rows (as ffmpeg -f framemd5 counts).
 *
 *   frames TOPIC COUNT [HOLD [FILE [WIDTH HEIGHT [FORMAT]]]]
 *
 * HOLD: go on holding so many frames, 0..15; FILE: pixels go there too; WIDTH, HEIGHT and FORMAT
 * ("NV12", as it is printed) are wished for
 *
 * Ends with status 1 if no frame comes for 10 s.
 */
#include <errno.h>
#include <inttypes.h>
#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zoetrope.h"
#include "zoetrope_camera.h"

#define PATIENCE_NS 10000000000
#define HOLD_MAX    15

static int subscribe(struct zoe_domain *domain, const char *topic, unsigned pins, struct zoe_subscriber **out)
{
	int64_t deadline = zoe_now_ns() + PATIENCE_NS;
	struct zoe_subscriber_options options = {.pins = pins};
	int status;
	do {
		status = zoe_subscriber_open(domain, topic, &options, out);
	} while (status == -ENOENT && zoe_now_ns() < deadline);
	return status;
}

/* The rows of all planes, without what lies between them. The layout tells how long a row is. */
static void digest(const struct zoe_frame *frame, struct AVMD5 *md5, FILE *file)
{
	struct zoe_image tight = frame->image;
	if (frame->image.format == ZOE_FORMAT_MJPEG)
		av_md5_update(md5, frame->data, frame->size);
	int64_t size = zoe_image_layout(&tight, 1);
	for (unsigned i = 0; i < tight.plane_count; i++) {
		uint64_t end = i + 1 < tight.plane_count ? tight.planes[i + 1].offset : (uint64_t)size;
		uint64_t rows = (end - tight.planes[i].offset) / tight.planes[i].stride;
		for (uint64_t y = 0; y < rows; y++) {
			const uint8_t *row = (const uint8_t *)frame->data + frame->image.planes[i].offset +
			                     y * frame->image.planes[i].stride;
			av_md5_update(md5, row, tight.planes[i].stride);
			if (file)
				fwrite(row, 1, tight.planes[i].stride, file);
		}
	}
}

static void print_frame(const struct zoe_frame *frame, const uint8_t sum[16])
{
	char format[5];
	struct zoe_camera_meta meta;
	memcpy(&meta, frame->meta, sizeof(meta));
	zoe_format_name(frame->image.format, format);
	printf("{\"seq\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"capture_ns\": %" PRId64 ", \"publish_ns\": %" PRId64
	       ", \"size\": %zu, \"format\": \"%s\", \"width\": %u, \"height\": %u, \"range\": %u, \"matrix\": %u, "
	       "\"offsets\": [%" PRIu64 ", %" PRIu64 "], \"strides\": [%u, %u], \"md5\": \"",
	       frame->seq, frame->lost, frame->capture_ns, frame->publish_ns, frame->size, format, frame->image.width,
	       frame->image.height, frame->image.range, frame->image.matrix, frame->image.planes[0].offset,
	       frame->image.planes[1].offset, frame->image.planes[0].stride, frame->image.planes[1].stride);
	for (int i = 0; i < 16; i++)
		printf("%02x", sum[i]);
	bool known = meta.magic == ZOE_CAMERA_MAGIC;
	printf("\", \"device_sequence\": %lld, \"frame\": %lld}\n", known ? (long long)meta.sequence : -1,
	       known ? (long long)meta.frame - 1 : -1);
	fflush(stdout);
}

static int read_frames(struct zoe_subscriber *subscriber, unsigned count, unsigned hold, FILE *file)
{
	struct zoe_frame held[HOLD_MAX + 1] = {0};
	struct AVMD5 *md5 = av_md5_alloc();
	int status = md5 ? 0 : -ENOMEM;
	for (unsigned i = 0; i < count && status == 0; i++) {
		struct zoe_frame *frame = &held[i % (hold + 1)];
		zoe_release(subscriber, frame);
		status = zoe_take_next(subscriber, PATIENCE_NS, frame);
		if (status < 0)
			break;
		uint8_t sum[16];
		av_md5_init(md5);
		digest(frame, md5, file);
		av_md5_final(md5, sum);
		print_frame(frame, sum);
	}
	av_free(md5);
	return status;
}

int main(int argc, char **argv)
{
	struct zoe_domain *domain = NULL;
	struct zoe_subscriber *subscriber = NULL;
	unsigned hold = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	FILE *file = argc > 4 ? fopen(argv[4], "w") : NULL;
	if (argc < 3 || hold > HOLD_MAX || (argc > 4 && !file)) {
		fprintf(stderr, "usage: frames TOPIC COUNT [HOLD [FILE [WIDTH HEIGHT [FORMAT]]]]\n");
		return 2;
	}
	int status = zoe_domain_open(NULL, &domain);
	if (status == 0)
		status = subscribe(domain, argv[1], hold + 1, &subscriber);
	struct zoe_wish wish = {0};
	if (argc > 6) {
		wish.width = (uint32_t)atoi(argv[5]);
		wish.height = (uint32_t)atoi(argv[6]);
	}
	if (argc > 7 && strlen(argv[7]) == 4)
		wish.format = ZOE_FOURCC(argv[7][0], argv[7][1], argv[7][2], argv[7][3]);
	if (status == 0)
		status = zoe_subscriber_wish(subscriber, &wish);
	if (status == 0)
		status = read_frames(subscriber, (unsigned)atoi(argv[2]), hold, file);
	if (status < 0)
		fprintf(stderr, "frames: %s (%s)\n", strerror(-status), zoe_error());
	if (file)
		fclose(file);
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return status < 0;
}
