/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher for tests of preview and recorder that need no camera: eight colour bars (white, yellow, cyan, green,
 * magenta, red, blue, black) as I420, limited range BT.601, with results of two detectors' boxes on every fifth frame.
 *
 *   publish_test TOPIC WIDTH HEIGHT FPS [MODE]     MODE: full (full range), rgb, nodetections, noise
 *   (the lower half is noise, which makes a large JPEG), two (the boxes are those of two detectors; the second one's
 *   come three frames later, and no more after SIGUSR1), other (results are those of another stream's frames, which have
 *   the same numbers and other times)
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zoetrope.h"
#include "zoetrope_detections.h"

#define EACH  5 /* frames from one result to the next */
#define LATER 3 /* frames until the second detector's result */
#define FIRST 1u
#define BOTH  3u

static const unsigned char bars[8][3] = {{255, 255, 255}, {255, 255, 0}, {0, 255, 255}, {0, 255, 0},
                                         {255, 0, 255},   {255, 0, 0},   {0, 0, 255},   {0, 0, 0}};

static volatile sig_atomic_t ended, alone;

struct publish {
	struct zoe_publisher *frames, *detections;
	struct zoe_image image;
	size_t size;
	unsigned char *picture; /* drawn once */
	bool full, noise, two, other;
};

static void die(const char *what, int status)
{
	fprintf(stderr, "publish_test: %s: %s (%s)\n", what, strerror(-status), zoe_error());
	exit(1);
}

static void end(int number)
{
	ended = 1;
}

static void quit(int number)
{
	alone = 1;
}

static unsigned char clamp(double value)
{
	return (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

/* Y, U or V of a colour. */
static unsigned char component(const struct publish *publish, const unsigned char rgb[3], int plane)
{
	double r = rgb[0], g = rgb[1], b = rgb[2], y = 0.299 * r + 0.587 * g + 0.114 * b;
	double luma = publish->full ? 1 : 219.0 / 255, chroma = publish->full ? 1 : 224.0 / 255;
	if (plane == 0)
		return clamp((publish->full ? 0 : 16) + y * luma);
	return clamp(128 + chroma * (plane == 1 ? (b - y) / 1.772 : (r - y) / 1.402));
}

static void draw(const struct publish *publish, unsigned char *data)
{
	const struct zoe_image *image = &publish->image;
	for (unsigned plane = 0; plane < image->plane_count; plane++) {
		bool rgb = image->format == ZOE_FORMAT_RGB24;
		unsigned width = plane ? (image->width + 1) / 2 : image->width;
		unsigned height = plane ? (image->height + 1) / 2 : image->height;
		for (unsigned y = 0; y < height; y++) {
			unsigned char *row =
			    data + image->planes[plane].offset + (size_t)y * image->planes[plane].stride;
			for (unsigned x = 0; x < width; x++) {
				const unsigned char *bar = bars[x * 8 / width];
				if (publish->noise && plane == 0 && y > height / 2)
					row[x] = (unsigned char)(16 + (x * 2654435761u ^ y * 40503u * 65537u) % 219);
				else if (rgb)
					memcpy(row + x * 3, bar, 3);
				else
					row[x] = component(publish, bar, (int)plane);
			}
		}
	}
}

/* which: bits of the boxes */
static void publish_boxes(const struct publish *publish, const char *detector, unsigned which, uint64_t seq,
                          int64_t capture_ns)
{
	struct {
		struct zoe_detections head;
		struct zoe_detection boxes[2];
	} message = {
	    .head = {.magic = ZOE_DETECTIONS_MAGIC,
	             .version = ZOE_DETECTIONS_VERSION,
	             .source_seq = seq,
	             .source_capture_ns = capture_ns,
	             .source_publish_ns = capture_ns,
	             .inference_ns = 20000000,
	             .source_width = publish->image.width,
	             .source_height = publish->image.height,
	             .count = which == BOTH ? 2 : 1},
	    .boxes = {{.x = 0.25f, .y = 0.25f, .w = 0.25f, .h = 0.5f, .score = 0.9f, .class_id = 0, .label = "Person"},
	              {.x = 0.625f, .y = 0.5f, .w = 0.25f, .h = 0.25f, .score = 0.5f, .class_id = 1, .label = "Car"}}};
	snprintf(message.head.detector, sizeof(message.head.detector), "%s", detector);
	if (!(which & FIRST))
		message.boxes[0] = message.boxes[1];
	struct zoe_loan loan;
	int status = zoe_loan(publish->detections, sizeof(message), &loan);
	if (status < 0)
		die("loan of a message", status);
	memcpy(loan.data, &message, sizeof(message));
	loan.capture_ns = capture_ns;
	status = zoe_publish(publish->detections, &loan, NULL);
	if (status < 0)
		die("publish of a message", status);
}

static void publish_detections(const struct publish *publish, uint64_t seq, int64_t capture_ns, int64_t period_ns)
{
	if (seq % EACH == 0)
		publish_boxes(publish, "planted", publish->two ? FIRST : BOTH, seq,
		              publish->other ? capture_ns - period_ns / 3 : capture_ns);
	if (seq % EACH == LATER && publish->two && !alone)
		publish_boxes(publish, "second", BOTH - FIRST, seq - LATER, capture_ns - LATER * period_ns);
}

static uint64_t publish_frame(const struct publish *publish, int64_t capture_ns)
{
	struct zoe_loan loan;
	uint64_t seq;
	int status = zoe_loan(publish->frames, publish->size, &loan);
	if (status < 0)
		die("loan", status);
	memcpy(loan.data, publish->picture, publish->size);
	loan.image = publish->image;
	loan.capture_ns = capture_ns;
	status = zoe_publish(publish->frames, &loan, &seq);
	if (status < 0)
		die("publish", status);
	return seq;
}

static void run(const struct publish *publish, double fps)
{
	int64_t due_ns = zoe_now_ns(), period_ns = (int64_t)(1e9 / fps);
	while (!ended) {
		uint64_t seq = publish_frame(publish, due_ns);
		if (publish->detections)
			publish_detections(publish, seq, due_ns, period_ns);
		due_ns += period_ns;
		struct timespec due = {.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR && !ended)
			;
	}
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "publish_test TOPIC WIDTH HEIGHT FPS [full|rgb|nodetections|noise|two|other]\n");
		return 2;
	}
	const char *mode = argc > 5 ? argv[5] : "";
	struct publish publish = {.full = !strcmp(mode, "full"),
	                          .noise = !strcmp(mode, "noise"),
	                          .two = !strcmp(mode, "two"),
	                          .other = !strcmp(mode, "other"),
	                          .image = {.format = strcmp(mode, "rgb") ? ZOE_FORMAT_I420 : ZOE_FORMAT_RGB24,
	                                    .width = (unsigned)atoi(argv[2]),
	                                    .height = (unsigned)atoi(argv[3])}};
	publish.image.range = publish.full ? ZOE_RANGE_FULL : ZOE_RANGE_DEFAULT;
	publish.size = (size_t)zoe_image_layout(&publish.image, 64);
	publish.picture = calloc(1, publish.size);
	if (!publish.picture)
		die("memory", -ENOMEM);
	draw(&publish, publish.picture);
	struct zoe_domain *domain;
	int status = zoe_domain_open(NULL, &domain);
	if (status < 0)
		die("domain", status);
	struct zoe_topic_options options = {.slot_bytes = publish.size, .depth = 16}; /* as a camera does */
	status = zoe_publisher_open(domain, argv[1], &options, &publish.frames);
	char detections[ZOE_TOPIC_NAME_MAX];
	snprintf(detections, sizeof(detections), "%s/detections", argv[1]);
	if (!status && strcmp(mode, "nodetections") != 0)
		status = zoe_publisher_open(domain, detections, NULL, &publish.detections);
	if (status < 0)
		die("topic", status);
	signal(SIGTERM, end);
	signal(SIGUSR1, quit);
	run(&publish, atof(argv[4]));
	zoe_publisher_close(publish.frames);
	zoe_publisher_close(publish.detections);
	zoe_domain_close(domain);
	free(publish.picture);
}
