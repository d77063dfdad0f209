/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of the Python tests, in C. Each picture is noise, and its meta holds the sum of its 64-bit words.
 *
 *   peer publish TOPIC COUNT    COUNT pictures, or without end if it is 0; as fast as it can, lossless
 *   peer check TOPIC COUNT      take COUNT in order, check each sum; prints "checked COUNT lost LOST"
 */
#include "zoetrope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH  640u
#define HEIGHT 480u

static int fail(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, zoe_error());
	return 1;
}

static uint64_t sum(const void *data, size_t size)
{
	uint64_t total = 0, word;

	for (size_t at = 0; at + sizeof(word) <= size; at += sizeof(word)) {
		memcpy(&word, (const char *)data + at, sizeof(word));
		total += word;
	}
	return total;
}

static void fill(void *data, size_t size, uint64_t seed)
{
	uint64_t word = seed * 0x9e3779b97f4a7c15u + 1;

	for (size_t at = 0; at + sizeof(word) <= size; at += sizeof(word)) {
		word ^= word << 13;
		word ^= word >> 7;
		word ^= word << 17;
		memcpy((char *)data + at, &word, sizeof(word));
	}
}

static int publish(struct zoe_domain *domain, const char *topic, long count)
{
	struct zoe_image image = {.format = ZOE_FORMAT_BGR24, .width = WIDTH, .height = HEIGHT};
	int64_t size = zoe_image_layout(&image, 64);
	struct zoe_topic_options options = {.slot_bytes = (size_t)size, .lossless = 1};
	struct zoe_publisher *publisher;
	struct zoe_loan loan;

	if (zoe_publisher_open(domain, topic, &options, &publisher) < 0)
		return fail("open");
	for (long n = 0; count == 0 || n < count; n++) {
		if (zoe_loan(publisher, (size_t)size, &loan) < 0)
			return fail("loan");
		fill(loan.data, (size_t)size, (uint64_t)n);
		loan.image = image;
		loan.timeout_ns = ZOE_FOREVER;
		uint64_t total = sum(loan.data, (size_t)size);
		memcpy(loan.meta, &total, sizeof(total));
		if (zoe_publish(publisher, &loan, NULL) < 0)
			return fail("publish");
	}
	zoe_publisher_close(publisher);
	return 0;
}

static int check(struct zoe_domain *domain, const char *topic, long count)
{
	struct zoe_subscriber_options options = {.mode = ZOE_LOSSLESS};
	struct zoe_subscriber *subscriber;
	struct zoe_frame frame;
	uint64_t lost = 0, total;

	if (zoe_subscriber_open(domain, topic, &options, &subscriber) < 0)
		return fail("open");
	puts("open");
	fflush(stdout);
	for (long n = 0; n < count; n++) {
		if (zoe_take_next(subscriber, 20000000000, &frame) < 0)
			return fail("take");
		memcpy(&total, frame.meta, sizeof(total));
		if (sum(frame.data, frame.size) != total) {
			fprintf(stderr, "peer: frame %llu is torn\n", (unsigned long long)frame.seq);
			return 1;
		}
		lost += frame.lost;
		zoe_release(subscriber, &frame);
	}
	printf("checked %ld lost %llu\n", count, (unsigned long long)lost);
	zoe_subscriber_close(subscriber);
	return 0;
}

int main(int argc, char **argv)
{
	struct zoe_domain *domain;
	int status = 2;

	if (zoe_domain_open(NULL, &domain) < 0)
		return fail("domain");
	if (argc == 4 && !strcmp(argv[1], "publish"))
		status = publish(domain, argv[2], atol(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "check"))
		status = check(domain, argv[2], atol(argv[3]));
	zoe_domain_close(domain);
	return status;
}
