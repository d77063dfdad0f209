/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C side of bench/python: the same work as its Python peers, over the public header.
 *
 *   handover send TOPIC BYTES RATE SECONDS SUBSCRIBERS    each frame is filled, then stamped
 *   handover receive TOPIC                                prints "LATENCY_NS..." and then "cpu NS", until 2 s of silence
 *   handover takes COUNT                                  one process: prints ns for a take and release
 */
#include "zoetrope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SILENCE_NS 2000000000

static int fail(const char *what)
{
	fprintf(stderr, "handover: %s: %s\n", what, zoe_error());
	return 1;
}

static long long cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1000000000ll + used.tv_nsec;
}

static void sleep_until(int64_t ns)
{
	struct timespec at = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int send(struct zoe_domain *domain, char **argv)
{
	size_t size = (size_t)atol(argv[3]);
	long rate = atol(argv[4]), count = rate * atol(argv[5]);
	struct zoe_topic_options options = {.slot_bytes = size};
	struct zoe_publisher *publisher;
	struct zoe_loan loan;

	if (zoe_publisher_open(domain, argv[2], &options, &publisher) < 0)
		return fail("open");
	zoe_publisher_prefault(publisher);
	while (zoe_publisher_wishes(publisher, NULL, 0) < atol(argv[6]))
		sleep_until(zoe_now_ns() + 1000000);
	int64_t next = zoe_now_ns() + 200000000;
	long long before = cpu_ns(), drawing = 0;

	for (long n = 0; n < count; n++, next += 1000000000 / rate) {
		sleep_until(next);
		if (zoe_loan(publisher, size, &loan) < 0)
			return fail("loan");
		long long begin = cpu_ns();

		memset(loan.data, (int)n, size);
		drawing += cpu_ns() - begin;
		int64_t now = zoe_now_ns();

		memcpy(loan.data, &now, sizeof(now));
		if (zoe_publish(publisher, &loan, NULL) < 0)
			return fail("publish");
	}
	printf("cpu %lld\n", cpu_ns() - before - drawing);
	fflush(stdout);
	sleep_until(zoe_now_ns() + 500000000);
	return 0;
}

static int receive(struct zoe_domain *domain, const char *topic)
{
	struct zoe_subscriber *subscriber;
	struct zoe_frame frame;
	int64_t sent, timeout_ns = 20000000000;

	while (zoe_subscriber_open(domain, topic, NULL, &subscriber) < 0)
		sleep_until(zoe_now_ns() + 10000000);
	long long before = cpu_ns();

	while (zoe_take_next(subscriber, timeout_ns, &frame) == 0) {
		memcpy(&sent, frame.data, sizeof(sent));
		printf("%lld\n", (long long)(zoe_now_ns() - sent));
		zoe_release(subscriber, &frame);
		timeout_ns = SILENCE_NS;
	}
	printf("cpu %lld\n", cpu_ns() - before);
	return 0;
}

static int takes(struct zoe_domain *domain, long count)
{
	struct zoe_publisher *publisher;
	struct zoe_subscriber *subscriber;
	struct zoe_frame frame;
	volatile unsigned char seen = 0;
	int64_t spent = 0;

	if (zoe_publisher_open(domain, "takes", NULL, &publisher) < 0 ||
	    zoe_subscriber_open(domain, "takes", NULL, &subscriber) < 0)
		return fail("open");
	for (long n = 0; n < count; n++) {
		if (zoe_publish_bytes(publisher, "x", 1, NULL) < 0)
			return fail("publish");
		int64_t begin = zoe_now_ns();
		if (zoe_take_next(subscriber, 0, &frame) < 0)
			return fail("take");
		seen = *(const unsigned char *)frame.data;
		zoe_release(subscriber, &frame);
		spent += zoe_now_ns() - begin;
	}
	printf("%lld\n", (long long)(spent / count));
	zoe_subscriber_close(subscriber);
	zoe_publisher_close(publisher);
	return seen == 'x' ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct zoe_domain *domain;

	if (zoe_domain_open(NULL, &domain) < 0)
		return fail("domain");
	if (argc == 7 && !strcmp(argv[1], "send"))
		return send(domain, argv);
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return receive(domain, argv[2]);
	if (argc == 3 && !strcmp(argv[1], "takes"))
		return takes(domain, atol(argv[2]));
	return 2;
}
