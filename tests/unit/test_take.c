/* SPDX-License-Identifier: Apache-2.0 */
/* What a subscriber gets: order, loss, newest, held frames, waiting, the descriptor. */
#include "check.h"
#include "zoetrope.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct bench {
	struct zoe_domain *domain;
	struct zoe_publisher *pub;
	struct zoe_subscriber *sub;
};

static struct bench bench_open(const struct zoe_topic_options *options, unsigned pins)
{
	struct bench b = {0};

	CHECK_OK(zoe_domain_open(NULL, &b.domain));
	CHECK_OK(zoe_publisher_open(b.domain, "front", options, &b.pub));
	CHECK_OK(zoe_subscriber_open(b.domain, "front", &(struct zoe_subscriber_options){.pins = pins}, &b.sub));
	return b;
}

static void bench_close(struct bench *b)
{
	zoe_subscriber_close(b->sub);
	zoe_publisher_close(b->pub);
	zoe_domain_close(b->domain);
}

static uint64_t put(struct zoe_publisher *pub, uint64_t value)
{
	struct zoe_loan loan;
	uint64_t seq;

	CHECK_OK(zoe_loan(pub, sizeof(value), &loan));
	memcpy(loan.data, &value, sizeof(value));
	CHECK_OK(zoe_publish(pub, &loan, &seq));
	CHECK(loan.data == NULL);
	return seq;
}

static uint64_t value_of(const struct zoe_frame *frame)
{
	uint64_t value;

	CHECK_EQ(frame->size, sizeof(value));
	memcpy(&value, frame->data, sizeof(value));
	return value;
}

TEST(next_in_order)
{
	struct bench b = bench_open(NULL, 2);
	struct zoe_frame frame;

	for (uint64_t i = 0; i < 100; i++) {
		CHECK_EQ(put(b.pub, i * 7), i);
		CHECK_OK(zoe_take_next(b.sub, 0, &frame));
		CHECK_EQ(frame.seq, i);
		CHECK_EQ(frame.lost, 0);
		CHECK_EQ(value_of(&frame), i * 7);
		CHECK(frame.publish_ns <= zoe_now_ns() && frame.capture_ns == frame.publish_ns);
		zoe_release(b.sub, &frame);
		CHECK(frame.data == NULL);
	}
	CHECK_EQ(zoe_take_next(b.sub, 0, &frame), -EAGAIN);
	bench_close(&b);
}

TEST(overrun_is_counted)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.depth = 3}, 2);
	struct zoe_frame frame;

	for (uint64_t i = 0; i < 10; i++)
		put(b.pub, i);
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	CHECK_EQ(frame.seq, 7); /* 7, 8 and 9 are kept */
	CHECK_EQ(frame.lost, 7);
	zoe_release(b.sub, &frame);
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	CHECK_EQ(frame.seq, 8);
	CHECK_EQ(frame.lost, 0);
	bench_close(&b);
}

TEST(latest_passes_over)
{
	struct bench b = bench_open(NULL, 2);
	struct zoe_frame frame;

	CHECK_EQ(zoe_take_latest(b.sub, 0, &frame), -EAGAIN);
	for (uint64_t i = 0; i < 6; i++)
		put(b.pub, i);
	CHECK_OK(zoe_take_latest(b.sub, 0, &frame));
	CHECK_EQ(frame.seq, 5);
	zoe_release(b.sub, &frame);
	CHECK_EQ(zoe_take_latest(b.sub, 0, &frame), -EAGAIN);
	put(b.pub, 6);
	put(b.pub, 7);
	CHECK_OK(zoe_take_latest(b.sub, 0, &frame));
	CHECK_EQ(frame.seq, 7);
	CHECK_EQ(frame.lost, 1);
	zoe_release(b.sub, &frame);
	bench_close(&b);
}

TEST(latest_of_a_late_comer)
{
	struct bench b = bench_open(NULL, 2);
	struct zoe_subscriber *late;
	struct zoe_frame frame;

	put(b.pub, 1);
	put(b.pub, 2);
	CHECK_OK(zoe_subscriber_open(b.domain, "front", NULL, &late));
	CHECK_EQ(zoe_take_next(late, 0, &frame), -EAGAIN);
	CHECK_OK(zoe_take_latest(late, 0, &frame));
	CHECK_EQ(value_of(&frame), 2);
	CHECK_EQ(frame.lost, 0);
	zoe_subscriber_close(late);
	bench_close(&b);
}

TEST(held_frame_does_not_change)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.depth = 2}, 2);
	struct zoe_frame held, frame;

	put(b.pub, 4711);
	CHECK_OK(zoe_take_next(b.sub, 0, &held));
	for (uint64_t i = 0; i < 1000; i++) {
		put(b.pub, i);
		CHECK_EQ(value_of(&held), 4711);
	}
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	CHECK_EQ(zoe_take_next(b.sub, 0, &(struct zoe_frame){0}), -ENOBUFS);
	CHECK_HAS(zoe_error(), "holds 2 frames");
	zoe_release(b.sub, &held);
	zoe_release(b.sub, &held);
	CHECK_OK(zoe_take_next(b.sub, 0, &held));
	bench_close(&b);
}

TEST(many_pins)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.depth = 16}, 16);
	struct zoe_frame frames[16];

	for (uint64_t i = 0; i < 16; i++)
		put(b.pub, i);
	for (uint64_t i = 0; i < 16; i++)
		CHECK_OK(zoe_take_next(b.sub, 0, &frames[i]));
	for (uint64_t i = 0; i < 200; i++)
		put(b.pub, 1000 + i);
	for (uint64_t i = 0; i < 16; i++)
		CHECK_EQ(value_of(&frames[i]), i);
	bench_close(&b);
}

TEST(timeout_is_kept)
{
	struct bench b = bench_open(NULL, 2);
	struct zoe_frame frame;
	int64_t begin = zoe_now_ns();

	CHECK_EQ(zoe_take_next(b.sub, 150000000, &frame), -ETIMEDOUT);
	CHECK(zoe_now_ns() - begin >= 150000000);
	bench_close(&b);
}

static void *publish_soon(void *user)
{
	struct bench *b = user;

	usleep(20000); /* so that the other thread sleeps already; it must pass without this as well */
	put(b->pub, 5);
	return NULL;
}

TEST(sleeper_is_woken)
{
	struct bench b = bench_open(NULL, 2);
	struct zoe_frame frame;
	pthread_t thread;

	pthread_create(&thread, NULL, publish_soon, &b);
	CHECK_OK(zoe_take_next(b.sub, ZOE_FOREVER, &frame));
	CHECK_EQ(value_of(&frame), 5);
	pthread_join(thread, NULL);
	bench_close(&b);
}

static int readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms);
}

TEST(descriptor_follows_frames)
{
	struct bench b = bench_open(NULL, 2);
	struct zoe_frame frame;
	int fd = zoe_subscriber_fd(b.sub);

	CHECK_OK(fd);
	CHECK_EQ(zoe_subscriber_fd(b.sub), fd);
	CHECK_EQ(readable(fd, 0), 1); /* at first, so that the first take arms */
	for (uint64_t i = 0; i < 50; i++) {
		CHECK_EQ(zoe_take_next(b.sub, 0, &frame), -EAGAIN);
		CHECK_EQ(readable(fd, 0), 0);
		put(b.pub, i);
		CHECK_EQ(readable(fd, 1000), 1);
		CHECK_OK(zoe_take_next(b.sub, 0, &frame));
		CHECK_EQ(frame.seq, i);
		zoe_release(b.sub, &frame);
	}
	bench_close(&b);
}

TEST(descriptor_with_one_take_a_wake)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.depth = 8}, 2);
	struct zoe_frame frame;
	int fd = zoe_subscriber_fd(b.sub);
	uint64_t want = 0;

	/* somebody who takes just one frame each time must not be forgotten with more frames there */
	for (uint64_t i = 0; i < 300; i++) {
		if (i % 3 == 0)
			put(b.pub, i), put(b.pub, i), put(b.pub, i);
		CHECK_EQ(readable(fd, 1000), 1);
		int status = zoe_take_next(b.sub, 0, &frame);

		if (status == -EAGAIN) {
			i--;
			continue;
		}
		CHECK_OK(status);
		CHECK_EQ(frame.seq, want++);
		zoe_release(b.sub, &frame);
	}
	bench_close(&b);
}

TEST(empty_message)
{
	struct bench b = bench_open(NULL, 2);
	struct zoe_frame frame;
	struct zoe_loan loan;

	CHECK_OK(zoe_loan(b.pub, 0, &loan));
	CHECK_OK(zoe_publish(b.pub, &loan, NULL));
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	CHECK_EQ(frame.size, 0);
	bench_close(&b);
}

TEST(description_arrives)
{
	struct bench b = bench_open(&(struct zoe_topic_options){.slot_bytes = 1 << 20}, 2);
	struct zoe_frame frame;
	struct zoe_loan loan;
	struct zoe_image image = {.format = ZOE_FORMAT_NV12,
	                          .width = 641,
	                          .height = 361,
	                          .range = ZOE_RANGE_FULL,
	                          .matrix = ZOE_MATRIX_BT709};
	int64_t bytes = zoe_image_layout(&image, 64);

	CHECK_EQ(bytes, 704 * 361 + 704 * 181);
	CHECK_OK(zoe_loan(b.pub, (size_t)bytes, &loan));
	CHECK_EQ((uintptr_t)loan.data % 4096, 0);
	loan.image = image;
	loan.capture_ns = 12345;
	loan.flags = 0xabcd;
	memcpy(loan.meta, "hello", 6);
	memset(loan.data, 0x5a, (size_t)bytes);
	CHECK_OK(zoe_publish(b.pub, &loan, NULL));
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	CHECK(!memcmp(&frame.image, &image, sizeof(image)));
	CHECK_EQ(frame.capture_ns, 12345);
	CHECK_EQ(frame.flags, 0xabcd);
	CHECK(!strcmp((const char *)frame.meta, "hello"));
	CHECK_EQ(((const uint8_t *)frame.data)[bytes - 1], 0x5a);
	bench_close(&b);
}

TEST(write_to_a_taken_frame_faults)
{
	struct bench b = bench_open(NULL, 2);
	struct zoe_frame frame;
	int link[2];
	char byte = 'x';

	put(b.pub, 1);
	CHECK_OK(zoe_take_next(b.sub, 0, &frame));
	CHECK_EQ(pipe(link), 0);
	/* a read into it by the kernel fails with EFAULT where a store would be a SIGSEGV */
	CHECK_EQ(write(link[1], &byte, 1), 1);
	CHECK_EQ(read(link[0], (void *)(uintptr_t)frame.data, 1), -1);
	CHECK_EQ(errno, EFAULT);
	close(link[0]);
	close(link[1]);
	bench_close(&b);
}
