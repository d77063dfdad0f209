/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera of bench/preview, and the limit that its rows are held against.
 *
 *   bench-preview-publish publish PICTURES WIDTH HEIGHT FPS TOPIC
 *       prints "publishing", and on SIGTERM "NUMBER NS" for each frame
 *   bench-preview-publish limit PICTURES WIDTH HEIGHT FPS QUALITY COUNT
 *       libjpeg-turbo alone, FPS times a second (0: without a pause); prints "NS BYTES" for each picture
 *   bench-preview-publish taken TOPIC QUALITY COUNT
 *       the same with what is published: another core has just written it, so it is in no cache of this one
 *
 * PICTURES holds raw I420, full range, one picture behind the other; they are shown round and round. Each frame carries
 * its number in blocks that survive JPEG (preview_marks.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "measure.h"
#include "preview_marks.h"
#include "zoetrope.h"

#define FRAMES_MOST 100000

struct pictures {
	const unsigned char *data;
	unsigned width, height, count;
	size_t size; /* of one */
};

static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "bench-preview-publish: %s: %s\n", what, why);
	return 1;
}

static int pictures_open(struct pictures *out, char **argv)
{
	struct pictures pictures = {.width = (unsigned)atoi(argv[3]), .height = (unsigned)atoi(argv[4])};
	pictures.size = (size_t)pictures.width * pictures.height * 3 / 2;
	int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	struct stat about = {0};
	if (fd < 0 || fstat(fd, &about) < 0 || pictures.size == 0 || (size_t)about.st_size < pictures.size)
		return fail(argv[2], "this is no file with pictures of that size");
	pictures.count = (unsigned)((size_t)about.st_size / pictures.size);
	void *data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return fail(argv[2], strerror(errno));
	pictures.data = data;
	*out = pictures;
	return 0;
}

static void sleep_until(int64_t ns)
{
	struct timespec at = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR && !ended)
		;
}

static int publish(const struct pictures *pictures, double fps, const char *topic)
{
	struct zoe_domain *domain;
	struct zoe_publisher *publisher;
	struct zoe_topic_options options = {.slot_bytes = pictures->size + 4096, .depth = 16}; /* as a camera has */
	int64_t *times = calloc(FRAMES_MOST, sizeof(*times));
	unsigned count = 0;
	if (!times || zoe_domain_open(NULL, &domain) < 0 || zoe_publisher_open(domain, topic, &options, &publisher) < 0)
		return fail(topic, zoe_error());
	zoe_publisher_prefault(publisher);
	printf("publishing\n");
	fflush(stdout);
	struct zoe_image image = {.format = ZOE_FORMAT_I420,
	                          .width = pictures->width,
	                          .height = pictures->height,
	                          .range = ZOE_RANGE_FULL,
	                          .matrix = ZOE_MATRIX_BT601};
	zoe_image_layout(&image, 1);
	for (int64_t due_ns = zoe_now_ns(); !ended && count < FRAMES_MOST; due_ns += (int64_t)(1e9 / fps)) {
		struct zoe_loan loan;
		sleep_until(due_ns);
		if (zoe_loan(publisher, pictures->size, &loan) < 0)
			return fail("loan", zoe_error());
		memcpy(loan.data, pictures->data + pictures->size * (count % pictures->count), pictures->size);
		marks_draw(loan.data, pictures->width, count);
		loan.image = image;
		loan.capture_ns = zoe_now_ns();
		if (zoe_publish(publisher, &loan, NULL) < 0)
			return fail("publish", zoe_error());
		times[count++] = zoe_now_ns();
	}
	for (unsigned i = 0; i < count; i++)
		printf("%u %lld\n", i, (long long)times[i]);
	free(times);
	zoe_publisher_close(publisher);
	zoe_domain_close(domain);
	return 0;
}

struct encoder {
	tjhandle turbo;
	unsigned char *out;
	unsigned long room;
};

/* Prints what it cost. y: planes one behind the other, without gaps. */
static int encode(struct encoder *encoder, const unsigned char *y, unsigned width, unsigned height, int quality)
{
	size_t pixels = (size_t)width * height;
	const unsigned char *planes[3] = {y, y + pixels, y + pixels * 5 / 4};
	int strides[3] = {(int)width, (int)width / 2, (int)width / 2};
	unsigned long size = tjBufSize((int)width, (int)height, TJSAMP_420);
	if (!encoder->turbo)
		encoder->turbo = tjInitCompress();
	if (encoder->room < size)
		encoder->out = malloc(encoder->room = size);
	int64_t began = bench_cpu_ns();
	if (!encoder->out || tjCompressFromYUVPlanes(encoder->turbo, planes, (int)width, strides, (int)height,
	                                             TJSAMP_420, &encoder->out, &size, quality, TJFLAG_NOREALLOC))
		return fail("libjpeg-turbo", tjGetErrorStr2(encoder->turbo));
	printf("%lld %lu\n", (long long)(bench_cpu_ns() - began), size);
	return 0;
}

static void encoder_finish(struct encoder *encoder)
{
	free(encoder->out);
	tjDestroy(encoder->turbo);
}

/* What encoding costs whoever does nothing else. */
static int limit(const struct pictures *pictures, double fps, int quality, unsigned count)
{
	struct encoder encoder = {0};
	int status = 0;
	int64_t due_ns = bench_now_ns();
	for (unsigned i = 0; i < count && !status; i++) {
		if (fps > 0)
			sleep_until(due_ns += (int64_t)(1e9 / fps));
		status = encode(&encoder, pictures->data + pictures->size * (i % pictures->count), pictures->width,
		                pictures->height, quality);
	}
	encoder_finish(&encoder);
	return status;
}

static int taken(const char *topic, int quality, unsigned count)
{
	struct zoe_domain *domain;
	struct zoe_subscriber *subscriber;
	struct encoder encoder = {0};
	int status = 0;
	if (zoe_domain_open(NULL, &domain) < 0 || zoe_subscriber_open(domain, topic, NULL, &subscriber) < 0)
		return fail(topic, zoe_error());
	for (unsigned i = 0; i < count && !status; i++) {
		struct zoe_frame frame;
		if (zoe_take_next(subscriber, ZOE_FOREVER, &frame) < 0)
			return fail(topic, zoe_error());
		status = encode(&encoder, frame.data, frame.image.width, frame.image.height, quality);
		zoe_release(subscriber, &frame);
	}
	encoder_finish(&encoder);
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return status;
}

int main(int argc, char **argv)
{
	struct pictures pictures;
	bool publishes = argc == 7 && !strcmp(argv[1], "publish"), takes = argc == 5 && !strcmp(argv[1], "taken");
	if (!publishes && !takes && (argc != 8 || strcmp(argv[1], "limit")))
		return fail("usage",
		            "publish PICTURES WIDTH HEIGHT FPS TOPIC | limit PICTURES WIDTH HEIGHT FPS QUALITY COUNT"
		            " | taken TOPIC QUALITY COUNT");
	signal(SIGTERM, end);
	if (takes)
		return taken(argv[2], atoi(argv[3]), (unsigned)atoi(argv[4]));
	if (pictures_open(&pictures, argv))
		return 1;
	if (publishes)
		return publish(&pictures, atof(argv[5]), argv[6]);
	return limit(&pictures, atof(argv[5]), atoi(argv[6]), (unsigned)atoi(argv[7]));
}
