/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For counting instructions under callgrind: each function here is one thing that is counted, ROUNDS times. One
 * publisher and one subscriber in one process, so nothing is ever repeated because of somebody else. The clock is ours
 * (--wrap): the search for a slot goes by the time between frames, and a count must not depend on the machine's pace.
 *
 *   probe PATH BYTES fast|slow    frames come one after the other, or at a camera's pace
 */
#include "zoetrope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM   64
#define ROUNDS 1000

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
void loan_publish(struct zoe_publisher *pub, size_t size);
void take_release(struct zoe_subscriber *sub);

static int64_t now_ns = 1000000000, step_ns;

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	now_ns += step_ns;
	*out = (struct timespec){.tv_sec = now_ns / 1000000000, .tv_nsec = now_ns % 1000000000};
	return 0;
}

static void check(int status)
{
	if (status < 0) {
		fprintf(stderr, "%s\n", zoe_error());
		exit(1);
	}
}

__attribute__((noinline)) void loan_publish(struct zoe_publisher *pub, size_t size)
{
	struct zoe_loan loan;

	check(zoe_loan(pub, size, &loan));
	check(zoe_publish(pub, &loan, NULL));
}

__attribute__((noinline)) void take_release(struct zoe_subscriber *sub)
{
	struct zoe_frame frame;

	check(zoe_take_next(sub, 0, &frame));
	zoe_release(sub, &frame);
}

int main(int argc, char **argv)
{
	const size_t size = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	const struct zoe_topic_options options = {.slot_bytes = size, .depth = 4};
	struct zoe_domain *domain;
	struct zoe_publisher *pub;
	struct zoe_subscriber *sub;

	if (argc != 4)
		return 2;
	step_ns = strcmp(argv[3], "slow") ? 100 : 16666666;
	check(zoe_domain_open(argv[1], &domain));
	check(zoe_publisher_open(domain, "probe", &options, &pub));
	check(zoe_subscriber_open(domain, "probe", NULL, &sub));
	for (unsigned i = 0; i < WARM + ROUNDS; i++) {
		loan_publish(pub, size);
		take_release(sub);
	}
	printf("%d\n", WARM + ROUNDS);
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_clean(domain);
	zoe_domain_close(domain);
	return 0;
}
