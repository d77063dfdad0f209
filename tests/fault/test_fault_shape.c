/* SPDX-License-Identifier: Apache-2.0 */
/* As test_fault.c, for ways of reading, memory and changes of shape. */
/* limit: 120 s */
#include "trial.h"

#include <errno.h>

/* ---- ways of reading ---------------------------------------------------------------------------------------- */

static void prepare_lossless(struct world *w)
{
	struct zoe_topic_options lossless = trial_options;

	lossless.lossless = 1;
	prepare_domain(w);
	CHECK_OK(zoe_publisher_open(w->domain, TOPIC, &lossless, &w->pub));
	put(w->pub, 1);
}

static int act_subscriber_lossless(struct world *w)
{
	struct zoe_subscriber_options how = {.mode = ZOE_LOSSLESS, .start = ZOE_START_OLDEST};
	int status = zoe_subscriber_open(w->domain, TOPIC, &how, &w->sub2);

	/* it would hold up the proof */
	if (status == 0)
		zoe_subscriber_close(w->sub2);
	w->sub2 = NULL;
	return status;
}

RUN(subscriber_open_lossless, prepare_lossless, act_subscriber_lossless)

static int act_subscriber_group(struct world *w)
{
	return zoe_subscriber_open(w->domain, TOPIC, &(struct zoe_subscriber_options){.group = "workers"}, &w->sub2);
}

RUN(subscriber_open_group, prepare_publisher, act_subscriber_group)

static void prepare_held_up(struct world *w)
{
	prepare_lossless(w);
	CHECK_OK(
	    zoe_subscriber_open(w->domain, TOPIC, &(struct zoe_subscriber_options){.mode = ZOE_LOSSLESS}, &w->sub));
	for (int i = 2; i < 5; i++)
		put(w->pub, i);
	CHECK_OK(zoe_loan(w->pub, 1, &w->loan));
}

/* The subscriber does not read: time passes whatever the futex says, but for a signal. Then it goes. */
static int act_publish_in_vain(struct world *w)
{
	w->loan.timeout_ns = 300000;
	int status = zoe_publish(w->pub, &w->loan, NULL);

	if (status != -EINTR)
		CHECK_EQ(status, -ETIMEDOUT);
	zoe_subscriber_close(w->sub);
	w->sub = NULL;
	return 0;
}

RUN(publish_held_up, prepare_held_up, act_publish_in_vain)

static int act_wishes(struct world *w)
{
	struct zoe_wish wish;
	int status = zoe_subscriber_wish(w->sub, &(struct zoe_wish){.width = 640});

	return status < 0 ? status : zoe_publisher_wishes(w->pub, &wish, 1);
}

RUN(wishes, prepare_waiting, act_wishes)

static int count_party(const struct zoe_party *party, void *user)
{
	(void)party;
	++*(int *)user;
	return 0;
}

static int act_parties(struct world *w)
{
	int count = 0, status = zoe_topic_parties(w->domain, TOPIC, count_party, &count);

	if (status == 0)
		CHECK_EQ(count, 2);
	return status;
}

RUN(topic_parties, prepare_waiting, act_parties)

/* ---- memory ------------------------------------------------------------------------------------------------- */

static int act_prefault(struct world *w)
{
	int64_t bytes = zoe_publisher_prefault(w->pub);

	return bytes < 0 ? (int)bytes : 0;
}

RUN(publisher_prefault, prepare_publisher, act_prefault)

static int act_trim(struct world *w)
{
	int64_t bytes = zoe_publisher_trim(w->pub);

	return bytes < 0 ? (int)bytes : 0;
}

static void prepare_prefaulted(struct world *w)
{
	prepare_publisher(w);
	CHECK(zoe_publisher_prefault(w->pub) > 0);
}

RUN(publisher_trim, prepare_prefaulted, act_trim)

/* ---- change of shape ---------------------------------------------------------------------------------------- */

#define LARGER 20000

static int act_publish_larger(struct world *w)
{
	static const uint8_t bytes[LARGER];

	return zoe_publish_bytes(w->pub, bytes, sizeof(bytes), NULL);
}

RUN(publish_bytes_that_outgrow_the_slots, prepare_subscriber, act_publish_larger, .moves = true)

static int act_publisher_other_depth(struct world *w)
{
	return zoe_publisher_open(w->domain, TOPIC, &(struct zoe_topic_options){.depth = 5}, &w->pub2);
}

RUN(publisher_open_other_depth, prepare_subscriber, act_publisher_other_depth, .moves = true)

static void prepare_loan_held_over(struct world *w)
{
	prepare_listeners(w);
	CHECK_OK(act_publisher_other_depth(w));
}

RUN(publish_a_loan_held_over, prepare_loan_held_over, act_publish, .moves = true)

static void prepare_two_generations(struct world *w)
{
	prepare_subscriber(w);
	CHECK_OK(act_publish_larger(w));
}

/* The frame of the old generation, then the one of the new. */
static int act_take_both(struct world *w)
{
	int status = 0;

	while (status == 0) {
		status = zoe_take_next(w->sub, 0, &w->frame);
		if (status < 0)
			break;
		uint64_t seq = w->frame.seq;

		CHECK_EQ(w->frame.lost, 0);
		CHECK_EQ(w->frame.size, seq < 2 ? FRAME_SIZE : LARGER);
		zoe_release(w->sub, &w->frame);
		if (seq == 2)
			return 0;
	}
	return status;
}

RUN(take_over_a_change, prepare_two_generations, act_take_both, .moves = true)

static int act_take_latest_over(struct world *w)
{
	int status = zoe_take_latest(w->sub, 0, &w->frame);

	if (status < 0)
		return status;
	CHECK_EQ(w->frame.seq, 2);
	zoe_release(w->sub, &w->frame);
	return 0;
}

RUN(take_latest_over_a_change, prepare_two_generations, act_take_latest_over, .moves = true)

/* The last frame before the old generation is given up. */
static int act_retire(struct world *w)
{
	return act_publish_larger(w);
}

RUN(publish_and_retire, prepare_two_generations, act_retire, .moves = true)

static int act_oldest(struct world *w)
{
	struct zoe_subscriber_options how = {.start = ZOE_START_OLDEST};

	return zoe_subscriber_open(w->domain, TOPIC, &how, &w->sub2);
}

RUN(subscriber_open_oldest, prepare_two_generations, act_oldest)
