/* SPDX-License-Identifier: Apache-2.0 */
/* Each public function of the plain kind with every call of libc failing in turn; see trial.h. */
/* limit: 120 s */
#include "trial.h"

#include <errno.h>
#include <poll.h>

/* ---- domain ------------------------------------------------------------------------------------------------- */

static void prepare_nothing(struct world *w)
{
	(void)w;
}

static int act_domain_open(struct world *w)
{
	return zoe_domain_open(NULL, &w->domain);
}

RUN(domain_open, prepare_nothing, act_domain_open)

static int count_topic(const char *topic, void *user)
{
	(void)topic;
	++*(int *)user;
	return 0;
}

static int act_list(struct world *w)
{
	int count = 0, status = zoe_domain_list(w->domain, count_topic, &count);

	if (status == 0)
		CHECK_EQ(count, 1);
	return status;
}

RUN(domain_list, prepare_publisher, act_list)

static int act_info(struct world *w)
{
	struct zoe_topic_info info;

	return zoe_topic_info(w->domain, TOPIC, &info);
}

RUN(topic_info, prepare_publisher, act_info)

static void die_as_publisher(void)
{
	struct world w = {0};

	prepare_publisher(&w);
	CHECK_OK(zoe_loan(w.pub, 1, &w.loan));
}

static void die_as_subscriber(void)
{
	struct world w = {0};

	prepare_domain(&w);
	CHECK_OK(zoe_subscriber_open(w.domain, TOPIC, NULL, &w.sub));
	zoe_take_latest(w.sub, 0, &w.frame);
	CHECK(zoe_subscriber_fd(w.sub) >= 0);
}

static void prepare_stale(struct world *w)
{
	prepare_domain(w);
	in_killed_child(die_as_publisher);
}

static void prepare_dead_among_us(struct world *w)
{
	prepare_publisher(w);
	in_killed_child(die_as_publisher);
	in_killed_child(die_as_subscriber);
}

static int act_clean(struct world *w)
{
	return zoe_domain_clean(w->domain);
}

RUN(domain_clean_stale, prepare_stale, act_clean, .cleans = true)
RUN(domain_clean_records, prepare_dead_among_us, act_clean, .cleans = true)

/* ---- publisher ---------------------------------------------------------------------------------------------- */

static int act_publisher(struct world *w)
{
	return zoe_publisher_open(w->domain, TOPIC, &trial_options, &w->pub2);
}

RUN(publisher_open_new, prepare_domain, act_publisher)
RUN(publisher_open_second, prepare_publisher, act_publisher)
RUN(publisher_open_stale, prepare_stale, act_publisher, .cleans = true)
RUN(publisher_open_beside_dead, prepare_dead_among_us, act_publisher, .cleans = true)

/* Slots below a page are reserved together. The publisher is closed again, since the proof wants larger ones. */
static int act_small_slots(struct world *w)
{
	int status = zoe_publisher_open(w->domain, TOPIC, &(struct zoe_topic_options){.slot_bytes = 64}, &w->pub2);

	if (status == 0)
		zoe_publisher_close(w->pub2);
	w->pub2 = NULL;
	return status;
}

RUN(publisher_open_small_slots, prepare_domain, act_small_slots)

static int act_close_publisher(struct world *w)
{
	zoe_publisher_close(w->pub);
	w->pub = NULL;
	return 0;
}

RUN(publisher_close_last, prepare_publisher, act_close_publisher)

static void prepare_two(struct world *w)
{
	prepare_publisher(w);
	CHECK_OK(zoe_subscriber_open(w->domain, TOPIC, NULL, &w->sub));
	CHECK_OK(zoe_publisher_open(w->domain, TOPIC, &trial_options, &w->pub2));
	CHECK_OK(zoe_loan(w->pub, 1, &w->loan));
}

RUN(publisher_close_one, prepare_two, act_close_publisher)

static int act_loan(struct world *w)
{
	return zoe_loan(w->pub2, FRAME_SIZE, &w->loan);
}

RUN(loan_first_use, prepare_two, act_loan)

/* A publisher that could not reach the FIFO does so with its next frame. */
static void check_listener(struct world *w)
{
	struct pollfd poll_fd = {.fd = zoe_subscriber_fd(w->sub), .events = POLLIN};

	put(w->pub, 8);
	CHECK_EQ(poll(&poll_fd, 1, 0), 1);
}

RUN(publish_to_listeners, prepare_listeners, act_publish, .check = check_listener)

static int act_publish_keep(struct world *w)
{
	struct zoe_loan loan = w->loan;
	int status = zoe_publish_keep(w->pub, &w->loan, NULL);

	if (status == 0)
		zoe_unkeep(w->pub, &loan);
	return status;
}

RUN(publish_keep, prepare_listeners, act_publish_keep)

static int act_discard(struct world *w)
{
	zoe_discard(w->pub, &w->loan);
	return 0;
}

RUN(discard, prepare_listeners, act_discard)

/* ---- subscriber --------------------------------------------------------------------------------------------- */

static int act_subscriber(struct world *w)
{
	return zoe_subscriber_open(w->domain, TOPIC, NULL, &w->sub2);
}

RUN(subscriber_open, prepare_publisher, act_subscriber)
RUN(subscriber_open_beside_dead, prepare_dead_among_us, act_subscriber, .cleans = true)

static int act_fd(struct world *w)
{
	return zoe_subscriber_fd(w->sub);
}

RUN(subscriber_fd, prepare_subscriber, act_fd)

static int act_take_next(struct world *w)
{
	int status = zoe_take_next(w->sub, 0, &w->frame);

	if (status == 0)
		zoe_release(w->sub, &w->frame);
	return status;
}

RUN(take_next, prepare_subscriber, act_take_next)

static int act_take_latest(struct world *w)
{
	int status = zoe_take_latest(w->sub, 1000000, &w->frame);

	if (status == 0)
		zoe_release(w->sub, &w->frame);
	return status;
}

RUN(take_latest, prepare_subscriber, act_take_latest)

/* Nothing comes: the time must pass whatever the futex says, but for a signal. */
static int act_take_in_vain(struct world *w)
{
	int64_t end = zoe_now_ns() + 300000;
	int status = zoe_take_next(w->sub, 300000, &w->frame);

	if (status == -EINTR)
		return 0;
	CHECK_EQ(status, -ETIMEDOUT);
	CHECK(zoe_now_ns() >= end);
	return 0;
}

RUN(take_waiting, prepare_waiting, act_take_in_vain)

static void prepare_polling(struct world *w)
{
	prepare_waiting(w);
	CHECK(zoe_subscriber_fd(w->sub) >= 0);
}

static int act_poll_empty(struct world *w)
{
	CHECK_EQ(zoe_take_next(w->sub, 0, &w->frame), -EAGAIN);
	return 0;
}

RUN(take_polling, prepare_polling, act_poll_empty)

static int act_close_subscriber(struct world *w)
{
	zoe_subscriber_close(w->sub);
	w->sub = NULL;
	return 0;
}

RUN(subscriber_close, prepare_polling, act_close_subscriber)

static void prepare_lone_subscriber(struct world *w)
{
	prepare_polling(w);
	zoe_publisher_close(w->pub);
	w->pub = NULL;
}

RUN(subscriber_close_last, prepare_lone_subscriber, act_close_subscriber)
