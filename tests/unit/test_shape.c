/* SPDX-License-Identifier: Apache-2.0 */
/* Change of shape: frames outgrow the slots, depth changes; nobody reopens, nothing is lost that was promised. */
#include "check.h"
#include "zoetrope.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
	struct zoe_domain *domain;
	struct zoe_publisher *pub;
	struct zoe_subscriber *sub;
};

static struct bench bench_open(const struct zoe_topic_options *options, const struct zoe_subscriber_options *reading)
{
	struct bench b = {0};

	CHECK_OK(zoe_domain_open(NULL, &b.domain));
	CHECK_OK(zoe_publisher_open(b.domain, "front", options, &b.pub));
	CHECK_OK(zoe_subscriber_open(b.domain, "front", reading, &b.sub));
	return b;
}

static void bench_close(struct bench *b)
{
	zoe_subscriber_close(b->sub);
	zoe_publisher_close(b->pub);
	zoe_domain_close(b->domain);
}

/* A frame of that size, all bytes its number. */
static uint64_t put(struct zoe_publisher *pub, size_t size)
{
	struct zoe_loan loan;
	uint64_t seq;

	CHECK_OK(zoe_loan(pub, size, &loan));
	memset(loan.data, (int)size & 0xff, size);
	CHECK_OK(zoe_publish(pub, &loan, &seq));
	return seq;
}

static void check_frame(const struct zoe_frame *frame, size_t size)
{
	const uint8_t *data = frame->data;

	CHECK_EQ(frame->size, size);
	for (size_t i = 0; i < size; i++)
		CHECK_EQ(data[i], size & 0xff);
}

static struct zoe_topic_info info(struct zoe_domain *domain)
{
	struct zoe_topic_info out;

	CHECK_OK(zoe_topic_info(domain, "front", &out));
	return out;
}

static int generations(void)
{
	char path[4200];
	int count = 0;
	struct stat st;

	for (int i = 1; i < 50; i++) {
		snprintf(path, sizeof(path), "%s/front/%d/index", getenv("ZOETROPE_DOMAIN"), i);
		count += stat(path, &st) == 0;
	}
	return count;
}

TEST(grows_with_its_frames)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 100, .depth = 8}, NULL);
	struct zoe_frame frame;
	static const size_t sizes[] = {100, 100, 101, 5000, 70000, 3, 4000000, 10};

	for (size_t i = 0; i < 8; i++)
		CHECK_EQ(put(b.pub, sizes[i]), i);
	/* the subscriber drains each generation, then goes on in the next */
	for (size_t i = 0; i < 8; i++) {
		CHECK_OK(zoe_take_next(b.sub, 0, &frame));
		CHECK_EQ(frame.seq, i);
		CHECK_EQ(frame.lost, 0);
		check_frame(&frame, sizes[i]);
		zoe_release(b.sub, &frame);
	}
	CHECK_EQ(zoe_take_next(b.sub, 0, &frame), -EAGAIN);
	CHECK_EQ(info(b.domain).slot_bytes, 4000000);
	bench_close(&b);
}

TEST(held_frame_survives_the_change)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 5000, .depth = 2}, NULL);
	struct zoe_frame held, frame;

	put(b.pub, 4321);
	CHECK_OK(zoe_take_next(b.sub, 0, &held));
	for (size_t size = 10000; size < 200000; size += 10000) {
		put(b.pub, size);
		CHECK_OK(zoe_take_next(b.sub, 0, &frame));
		check_frame(&frame, size);
		check_frame(&held, 4321);
		zoe_release(b.sub, &frame);
	}
	/* frames enough that the first generations are given up */
	for (int i = 0; i < 20; i++)
		put(b.pub, 77);
	CHECK_EQ(generations(), 1);
	check_frame(&held, 4321);
	zoe_release(b.sub, &held);
	bench_close(&b);
}

TEST(latest_goes_over)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 100}, NULL);
	struct zoe_frame frame;

	put(b.pub, 50);
	CHECK_OK(zoe_take_latest(b.sub, 0, &frame));
	zoe_release(b.sub, &frame);
	put(b.pub, 5000);
	put(b.pub, 5001);
	CHECK_OK(zoe_take_latest(b.sub, 0, &frame));
	check_frame(&frame, 5001);
	CHECK_EQ(frame.lost, 1);
	zoe_release(b.sub, &frame);
	CHECK_EQ(zoe_take_latest(b.sub, 0, &frame), -EAGAIN);
	bench_close(&b);
}

TEST(depth_changes_when_opened_so)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.depth = 2}, NULL);
	struct zoe_publisher *second;
	struct zoe_frame frame;

	put(b.pub, 1);
	CHECK_OK(
	    zoe_publisher_open(b.domain, "front", &(struct zoe_topic_options){.depth = 6, .publishers = 7}, &second));
	CHECK_EQ(info(b.domain).depth, 6);
	CHECK_EQ(info(b.domain).generation, 2);
	CHECK_EQ(put(second, 2), 1);
	CHECK_EQ(put(b.pub, 3), 2); /* the first publisher goes over by itself */
	for (size_t i = 1; i <= 3; i++) {
		CHECK_OK(zoe_take_next(b.sub, 0, &frame));
		check_frame(&frame, i);
		zoe_release(b.sub, &frame);
	}
	zoe_publisher_close(second);
	bench_close(&b);
}

TEST(loan_held_over_a_change_is_copied)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 1000}, NULL);
	struct zoe_publisher *second;
	struct zoe_loan loan;
	struct zoe_frame frame;
	uint64_t seq;

	CHECK_OK(zoe_loan(b.pub, 900, &loan));
	memset(loan.data, 900 & 0xff, 900);
	CHECK_OK(zoe_publisher_open(b.domain, "front", &(struct zoe_topic_options){.slot_bytes = 100000}, &second));
	CHECK_OK(zoe_publish(b.pub, &loan, &seq));
	CHECK_EQ(seq, 0);
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	check_frame(&frame, 900);
	CHECK_EQ(frame.generation, 2);
	zoe_publisher_close(second);
	bench_close(&b);
}

TEST(keep_over_a_change)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 1000, .keeps = 2, .loans = 3}, NULL);
	struct zoe_publisher *second;
	struct zoe_loan loan;
	struct zoe_frame frame;

	CHECK_OK(zoe_loan(b.pub, 900, &loan));
	uint8_t *data = loan.data;

	memset(data, 900 & 0xff, 900);
	CHECK_OK(zoe_publisher_open(b.domain, "front", &(struct zoe_topic_options){.slot_bytes = 100000}, &second));
	CHECK_OK(zoe_publish_keep(b.pub, &loan, NULL));
	for (int i = 0; i < 50; i++)
		put(second, 90000);
	CHECK_EQ(data[899], 900 & 0xff);
	zoe_unkeep(b.pub, &loan);
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	zoe_publisher_close(second);
	bench_close(&b);
	(void)frame;
}

TEST(kept_copies_are_no_loans)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 1000, .keeps = 2, .loans = 2}, NULL);
	struct zoe_publisher *second;
	struct zoe_loan loans[2], more[2];

	CHECK_OK(zoe_loan(b.pub, 900, &loans[0]));
	CHECK_OK(zoe_loan(b.pub, 900, &loans[1]));
	CHECK_OK(zoe_publisher_open(b.domain, "front", &(struct zoe_topic_options){.slot_bytes = 100000}, &second));
	CHECK_OK(zoe_publish_keep(b.pub, &loans[0], NULL));
	CHECK_OK(zoe_publish_keep(b.pub, &loans[1], NULL));
	CHECK_OK(zoe_loan(b.pub, 900, &more[0]));
	CHECK_OK(zoe_loan(b.pub, 900, &more[1]));
	CHECK_EQ(zoe_publish_keep(b.pub, &more[0], NULL), -ENOBUFS);
	zoe_unkeep(b.pub, &loans[0]);
	CHECK_OK(zoe_publish_keep(b.pub, &more[0], NULL));
	zoe_unkeep(b.pub, &loans[1]);
	zoe_unkeep(b.pub, &more[0]);
	zoe_discard(b.pub, &more[1]);
	CHECK_EQ(info(b.domain).slots_loaned, 0);
	zoe_publisher_close(second);
	bench_close(&b);
}

static void *grow_soon(void *user)
{
	struct bench *b = user;

	usleep(20000); /* the other thread sleeps already; it must pass without this as well */
	put(b->pub, 100000);
	return NULL;
}

TEST(sleeper_of_the_old_generation_is_woken)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 100}, NULL);
	struct zoe_frame frame;
	pthread_t thread;

	pthread_create(&thread, NULL, grow_soon, &b);
	CHECK_OK(zoe_take_next(b.sub, ZOE_FOREVER, &frame));
	check_frame(&frame, 100000);
	pthread_join(thread, NULL);
	bench_close(&b);
}

TEST(descriptor_over_a_change)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 100}, NULL);
	struct pollfd p = {.fd = zoe_subscriber_fd(b.sub), .events = POLLIN};
	struct zoe_frame frame;

	for (size_t size = 50; size < 1000000; size = size * 3) {
		while (zoe_take_next(b.sub, 0, &frame) == 0)
			zoe_release(b.sub, &frame);
		CHECK_EQ(poll(&p, 1, 0), 0);
		put(b.pub, size);
		CHECK_EQ(poll(&p, 1, 1000), 1);
		CHECK_OK(zoe_take_next(b.sub, 0, &frame));
		check_frame(&frame, size);
		zoe_release(b.sub, &frame);
	}
	bench_close(&b);
}

TEST(late_comer_after_a_change)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 100}, NULL);
	struct zoe_publisher *second;
	struct zoe_subscriber *late;
	struct zoe_frame frame;

	put(b.pub, 60);
	/* the new generation has no frame yet */
	CHECK_OK(zoe_publisher_open(b.domain, "front", &(struct zoe_topic_options){.slot_bytes = 5000}, &second));
	CHECK_OK(zoe_subscriber_open(b.domain, "front", NULL, &late));
	CHECK_EQ(zoe_take_latest(late, 0, &frame), -EAGAIN);
	CHECK_EQ(zoe_take_next(late, 0, &frame), -EAGAIN);
	put(second, 70);
	CHECK_OK(zoe_take_next(late, 0, &frame));
	CHECK_EQ(frame.seq, 1);
	zoe_subscriber_close(late);
	CHECK_OK(
	    zoe_subscriber_open(b.domain, "front", &(struct zoe_subscriber_options){.start = ZOE_START_OLDEST}, &late));
	CHECK_OK(zoe_take_next(late, 0, &frame));
	CHECK_EQ(frame.seq, 0); /* still kept, in the old generation */
	zoe_subscriber_close(late);
	zoe_publisher_close(second);
	bench_close(&b);
}

/* The number of the first frame for a lossless subscriber that opens the topic now, from the oldest frame on. */
static uint64_t first_for_late_lossless(struct zoe_domain *domain)
{
	struct zoe_subscriber *late;
	struct zoe_frame frame;

	CHECK_OK(zoe_subscriber_open(
	    domain, "front", &(struct zoe_subscriber_options){.mode = ZOE_LOSSLESS, .start = ZOE_START_OLDEST}, &late));
	CHECK_OK(zoe_take_next(late, 0, &frame));
	CHECK_EQ(frame.lost, 0);
	zoe_release(late, &frame);
	zoe_subscriber_close(late);
	return frame.seq;
}

/*
 * Once a later generation has the depth newest frames, a publisher may be about to give up the one before, and would not
 * see who joins there; the first subscriber holds it, so that it is still there.
 */
TEST(late_lossless_begins_where_nothing_is_given_up)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.depth = 2, .slot_bytes = 64, .lossless = 1},
	                            &(struct zoe_subscriber_options){.mode = ZOE_LOSSLESS});

	CHECK_EQ(put(b.pub, 64), 0);
	CHECK_EQ(put(b.pub, 9000), 1);
	CHECK_EQ(first_for_late_lossless(b.domain), 0);
	CHECK_EQ(put(b.pub, 9000), 2);
	CHECK_EQ(generations(), 2);
	CHECK_EQ(first_for_late_lossless(b.domain), 1);
	bench_close(&b);
}

TEST(sleepy_subscriber_counts_what_went_with_a_generation)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 100, .depth = 3}, NULL);
	struct zoe_frame frame;
	uint64_t next = 0;

	for (size_t i = 0; i < 60; i++)
		put(b.pub, 10 + i * i * 10); /* many generations, most of them gone */
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	CHECK_EQ(frame.seq, frame.lost);
	do {
		CHECK_EQ(frame.seq, next + frame.lost);
		next = frame.seq + 1;
		zoe_release(b.sub, &frame);
	} while (zoe_take_next(b.sub, 0, &frame) == 0);
	CHECK_EQ(next, 60);
	bench_close(&b);
}

TEST(memory_of_old_generations_comes_back)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 1 << 20, .depth = 4}, NULL);

	for (int i = 0; i < 10; i++)
		put(b.pub, 1 << 20);
	uint64_t before = info(b.domain).memory_bytes;

	put(b.pub, (1 << 20) + 1);
	for (int i = 0; i < 10; i++)
		put(b.pub, 1000);
	CHECK_EQ(generations(), 1);
	CHECK(info(b.domain).memory_bytes < before * 2);
	CHECK(zoe_publisher_trim(b.pub) > 0);
	CHECK(info(b.domain).memory_bytes < before);
	put(b.pub, 1 << 20);
	bench_close(&b);
}

/* What a killed publisher was making goes when its record has a new owner, although the topic lived on meanwhile. */
TEST(half_made_generation_of_the_dead_goes)
{
	struct bench b = bench_open(NULL, NULL);
	struct zoe_publisher *other, *next;
	char folder[256], file[272];

	CHECK_OK(zoe_publisher_open(b.domain, "front", NULL, &other));
	snprintf(folder, sizeof(folder), "%s/front/.new-0", getenv("ZOETROPE_DOMAIN"));
	snprintf(file, sizeof(file), "%s/index", folder);
	zoe_publisher_close(b.pub);
	CHECK_EQ(mkdir(folder, 0700), 0);
	CHECK(close(open(file, O_CREAT | O_WRONLY, 0600)) == 0);
	put(other, 1 << 20); /* a change of shape, by record 1 */
	CHECK_EQ(access(file, F_OK), 0);
	CHECK_OK(zoe_publisher_open(b.domain, "front", NULL, &next));
	CHECK_EQ(access(folder, F_OK), -1);
	put(next, 1 << 21);
	zoe_publisher_close(next);
	b.pub = other;
	bench_close(&b);
}

TEST(prefault_reserves_all)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 8192, .subscribers = 2}, NULL);

	CHECK(zoe_publisher_prefault(b.pub) >= (int64_t)info(b.domain).slots * 8192 - 8192);
	CHECK(info(b.domain).memory_bytes >= (uint64_t)(info(b.domain).slots - 1) * 8192);
	put(b.pub, 8000);
	bench_close(&b);
}
