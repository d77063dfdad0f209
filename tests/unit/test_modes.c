/* SPDX-License-Identifier: Apache-2.0 */
/* Ways of reading: lossless, groups, intervals, oldest first; wishes, parties, quarantine. */
#include "check.h"
#include "zoetrope.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct zoe_domain *open_domain(void)
{
	struct zoe_domain *domain;

	CHECK_OK(zoe_domain_open(NULL, &domain));
	return domain;
}

static struct zoe_publisher *open_publisher(struct zoe_domain *domain, const struct zoe_topic_options *options)
{
	struct zoe_publisher *pub;

	CHECK_OK(zoe_publisher_open(domain, "work", options, &pub));
	return pub;
}

static struct zoe_subscriber *open_subscriber(struct zoe_domain *domain, const struct zoe_subscriber_options *options)
{
	struct zoe_subscriber *sub;

	CHECK_OK(zoe_subscriber_open(domain, "work", options, &sub));
	return sub;
}

static int try_put(struct zoe_publisher *pub, uint64_t value, int64_t timeout_ns)
{
	struct zoe_loan loan;

	CHECK_OK(zoe_loan(pub, sizeof(value), &loan));
	memcpy(loan.data, &value, sizeof(value));
	loan.timeout_ns = timeout_ns;
	int status = zoe_publish(pub, &loan, NULL);

	zoe_discard(pub, &loan);
	return status;
}

static uint64_t value_of(const struct zoe_frame *frame)
{
	uint64_t value;

	memcpy(&value, frame->data, sizeof(value));
	return value;
}

/* ---- lossless ----------------------------------------------------------------------------------------------- */

static const struct zoe_topic_options lossless_topic = {.depth = 3, .lossless = 1};
static const struct zoe_subscriber_options lossless = {.mode = ZOE_LOSSLESS};

TEST(lossless_needs_the_topic_to_allow_it)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_subscriber *sub;

	CHECK_EQ(zoe_subscriber_open(domain, "work", &lossless, &sub), -EOPNOTSUPP);
	CHECK_HAS(zoe_error(), "hold its publishers up");
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(lossless_holds_the_publisher_up)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &lossless_topic);
	struct zoe_subscriber *sub = open_subscriber(domain, &lossless);
	struct zoe_frame frame;
	uint64_t put = 0, got = 0;

	while (try_put(pub, put, 0) == 0)
		put++;
	CHECK_EQ(put, 4); /* the ring's depth + 1 words */
	int64_t begin = zoe_now_ns();

	CHECK_EQ(try_put(pub, put, 50000000), -ETIMEDOUT);
	CHECK(zoe_now_ns() - begin >= 50000000);
	for (int i = 0; i < 100; i++) {
		CHECK_OK(zoe_take_next(sub, 0, &frame));
		CHECK_EQ(value_of(&frame), got++);
		CHECK_EQ(frame.lost, 0);
		zoe_release(sub, &frame);
		CHECK_OK(try_put(pub, put++, 0));
	}
	CHECK_EQ(zoe_take_latest(sub, 0, &frame), -EINVAL);
	/* gone, it holds nobody up */
	zoe_subscriber_close(sub);
	for (int i = 0; i < 10; i++)
		CHECK_OK(try_put(pub, put++, 0));
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

struct flow {
	struct zoe_domain *domain;
	atomic_bool ready;
	uint64_t count;
};

static void *drain_all(void *user)
{
	struct flow *flow = user;
	struct zoe_subscriber *sub = open_subscriber(flow->domain, &lossless);
	struct zoe_frame frame;

	atomic_store(&flow->ready, true);
	for (uint64_t i = 0; i < flow->count; i++) {
		CHECK_OK(zoe_take_next(sub, 5000000000, &frame));
		CHECK_EQ(value_of(&frame), i);
		zoe_release(sub, &frame);
	}
	zoe_subscriber_close(sub);
	return NULL;
}

TEST(lossless_flow)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &lossless_topic);
	struct flow flow = {.domain = domain, .count = 50000};
	pthread_t thread;

	pthread_create(&thread, NULL, drain_all, &flow);
	while (!atomic_load(&flow.ready))
		;
	for (uint64_t i = 0; i < flow.count; i++)
		CHECK_OK(try_put(pub, i, 5000000000));
	pthread_join(thread, NULL);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(lossless_over_a_change_of_shape)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub =
	    open_publisher(domain, &(struct zoe_topic_options){.depth = 3, .lossless = 1, .slot_bytes = 10});
	struct zoe_subscriber *sub = open_subscriber(domain, &lossless);
	struct zoe_frame frame;
	struct zoe_loan loan;
	uint64_t next = 0;

	for (uint64_t i = 0; i < 40; i++) {
		int status = zoe_loan(pub, 10 + i * 100, &loan);

		if (status == 0) {
			memcpy(loan.data, &i, sizeof(i));
			status = zoe_publish(pub, &loan, NULL);
			zoe_discard(pub, &loan);
		}
		if (status == 0)
			continue;
		CHECK_EQ(status, -EAGAIN);
		CHECK_OK(zoe_take_next(sub, 0, &frame));
		CHECK_EQ(value_of(&frame), next++);
		CHECK_EQ(frame.lost, 0);
		zoe_release(sub, &frame);
		i--;
	}
	while (zoe_take_next(sub, 0, &frame) == 0) {
		CHECK_EQ(value_of(&frame), next++);
		zoe_release(sub, &frame);
	}
	CHECK_EQ(next, 40);
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

static void kill_child(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		what();
		raise(SIGKILL);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}

static void die_lossless(void)
{
	open_subscriber(open_domain(), &lossless);
}

TEST(dead_lossless_subscriber_holds_nobody_up)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &lossless_topic);

	kill_child(die_lossless);
	for (uint64_t i = 0; i < 20; i++)
		CHECK_OK(try_put(pub, i, 0));
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

/* ---- groups ------------------------------------------------------------------------------------------------- */

static const struct zoe_subscriber_options member = {.group = "workers"};

TEST(group_shares_frames)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &(struct zoe_topic_options){.depth = 16});
	struct zoe_subscriber *a = open_subscriber(domain, &member), *b = open_subscriber(domain, &member);
	struct zoe_subscriber *other = open_subscriber(domain, &(struct zoe_subscriber_options){.group = "others"});
	struct zoe_frame frame;

	for (uint64_t i = 0; i < 10; i++)
		CHECK_OK(try_put(pub, i, 0));
	for (uint64_t i = 0; i < 10; i++) {
		CHECK_OK(zoe_take_next(i % 3 ? a : b, 0, &frame));
		CHECK_EQ(value_of(&frame), i);
		zoe_release(i % 3 ? a : b, &frame);
	}
	CHECK_EQ(zoe_take_next(a, 0, &frame), -EAGAIN);
	CHECK_EQ(zoe_take_next(b, 0, &frame), -EAGAIN);
	CHECK_OK(zoe_take_next(other, 0, &frame));
	CHECK_EQ(value_of(&frame), 0);
	zoe_subscriber_close(other);
	zoe_subscriber_close(a);
	zoe_subscriber_close(b);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(group_counts_an_overrun_once)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &(struct zoe_topic_options){.depth = 4});
	struct zoe_subscriber *a = open_subscriber(domain, &member), *b = open_subscriber(domain, &member);
	struct zoe_frame frame;
	uint64_t lost = 0, taken = 0;

	for (uint64_t i = 0; i < 20; i++)
		CHECK_OK(try_put(pub, i, 0));
	while (zoe_take_next(taken % 2 ? a : b, 0, &frame) == 0) {
		lost += frame.lost;
		zoe_release(taken % 2 ? a : b, &frame);
		taken++;
	}
	CHECK_EQ(taken, 4);
	CHECK_EQ(lost, 16);
	zoe_subscriber_close(a);
	zoe_subscriber_close(b);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

struct worker {
	struct zoe_domain *domain;
	uint8_t *seen;
	uint64_t count, lost;
};

static void *work(void *user)
{
	struct worker *worker = user;
	struct zoe_subscriber *sub = open_subscriber(worker->domain, &member);
	struct zoe_frame frame;

	for (;;) {
		int status = zoe_take_next(sub, 300000000, &frame);

		if (status == -ETIMEDOUT)
			break;
		CHECK_OK(status);
		worker->lost += frame.lost;
		worker->count++;
		CHECK_EQ(__atomic_fetch_add(&worker->seen[value_of(&frame)], 1, __ATOMIC_SEQ_CST), 0);
		zoe_release(sub, &frame);
	}
	zoe_subscriber_close(sub);
	return NULL;
}

TEST(each_frame_to_exactly_one_member)
{
	static uint8_t seen[20000];
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &(struct zoe_topic_options){.depth = 16, .slot_bytes = 8});
	struct worker workers[4];
	pthread_t threads[4];
	struct zoe_topic_info info;
	uint64_t total = 0;

	for (int i = 0; i < 4; i++) {
		workers[i] = (struct worker){.domain = domain, .seen = seen};
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	do {
		CHECK_OK(zoe_topic_info(domain, "work", &info));
	} while (info.subscribers < 4);
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t message[8] = {i};

		/* and it grows at times */
		CHECK_OK(zoe_publish_bytes(pub, message, i % 5000 == 4999 ? 8 * (i / 5000 + 2) : 8, NULL));
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		total += workers[i].count + workers[i].lost;
	}
	CHECK_EQ(total, 20000);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

/* ---- the rest ----------------------------------------------------------------------------------------------- */

TEST(oldest_first)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &(struct zoe_topic_options){.depth = 5});
	struct zoe_subscriber *sub;
	struct zoe_frame frame;

	for (uint64_t i = 0; i < 9; i++)
		CHECK_OK(try_put(pub, i, 0));
	sub = open_subscriber(domain, &(struct zoe_subscriber_options){.start = ZOE_START_OLDEST});
	for (uint64_t i = 4; i < 9; i++) {
		CHECK_OK(zoe_take_next(sub, 0, &frame));
		CHECK_EQ(value_of(&frame), i);
		CHECK_EQ(frame.lost, 0);
		zoe_release(sub, &frame);
	}
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(latest_with_an_interval)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_subscriber *sub = open_subscriber(domain, &(struct zoe_subscriber_options){.interval_ns = 40000000});
	struct zoe_frame frame;
	int64_t begin = zoe_now_ns();
	unsigned taken = 0;

	for (uint64_t i = 0; zoe_now_ns() - begin < 400000000; i++) {
		CHECK_OK(try_put(pub, i, 0));
		if (zoe_take_latest(sub, 0, &frame) == 0) {
			CHECK_EQ(value_of(&frame), i);
			zoe_release(sub, &frame);
			taken++;
		}
	}
	printf("measured: %u frames in 400 ms at an interval of 40 ms\n", taken);
	CHECK(taken >= 2 && taken <= 12);
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(spin_before_sleep)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_subscriber *sub = open_subscriber(domain, &(struct zoe_subscriber_options){.spin_ns = 2000000});
	struct zoe_frame frame;
	int64_t begin = zoe_now_ns();

	CHECK_EQ(zoe_take_next(sub, 1000000, &frame), -ETIMEDOUT); /* the deadline is nearer than the spin is long */
	CHECK(zoe_now_ns() - begin >= 1000000);
	CHECK_OK(try_put(pub, 1, 0));
	CHECK_OK(zoe_take_next(sub, 1000000, &frame));
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(wishes_arrive)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_wish wishes[4];

	CHECK_EQ(zoe_publisher_wishes(pub, wishes, 4), 0);
	struct zoe_subscriber *a = open_subscriber(domain, NULL), *b = open_subscriber(domain, NULL);

	CHECK_OK(zoe_subscriber_wish(
	    b, &(struct zoe_wish){
	           .rate_mhz = 5000, .format = ZOE_FORMAT_NV12, .width = 640, .height = 360, .key_frames = 3}));
	CHECK_EQ(zoe_publisher_wishes(pub, wishes, 4), 2);
	CHECK_EQ(wishes[0].rate_mhz, 0);
	CHECK_EQ(wishes[1].rate_mhz, 5000);
	CHECK_EQ(wishes[1].format, ZOE_FORMAT_NV12);
	CHECK_EQ(wishes[1].key_frames, 3);
	zoe_subscriber_close(b);
	CHECK_EQ(zoe_publisher_wishes(pub, wishes, 0), 1);
	zoe_subscriber_close(a);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

struct parties {
	unsigned count;
	struct zoe_party all[8];
};

static int collect(const struct zoe_party *party, void *user)
{
	struct parties *parties = user;

	parties->all[parties->count++] = *party;
	return 0;
}

TEST(parties_are_listed)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_subscriber *sub = open_subscriber(domain, &member);
	struct parties parties = {0};
	struct zoe_frame frame;

	CHECK_OK(try_put(pub, 1, 0));
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	CHECK_OK(zoe_topic_parties(domain, "work", collect, &parties));
	CHECK_EQ(parties.count, 2);
	CHECK(parties.all[0].is_publisher && parties.all[0].alive && parties.all[0].pid == (uint32_t)getpid());
	CHECK_EQ(parties.all[0].count, 1);
	CHECK(!parties.all[1].is_publisher && parties.all[1].alive);
	CHECK_EQ(parties.all[1].count, 1);
	CHECK_EQ(parties.all[1].pins, 1);
	CHECK_EQ(parties.all[1].pinned_slots[0], frame.slot);
	CHECK_EQ(parties.all[1].pinned_publish_ns[0], frame.publish_ns);
	CHECK(!strcmp(parties.all[1].group, "workers"));
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

static const struct zoe_topic_options device = {.loans = 3, .slot_bytes = 8192, .quarantine_ns = 100000000};

static void die_filling(void)
{
	struct zoe_publisher *pub = open_publisher(open_domain(), &device);
	struct zoe_loan loans[3];

	for (int i = 0; i < 3; i++)
		CHECK_OK(zoe_loan(pub, 8192, &loans[i]));
}

TEST(quarantine_after_death)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &device);
	struct zoe_topic_info info;
	struct zoe_loan loans[3];

	kill_child(die_filling);
	int64_t death = zoe_now_ns();

	CHECK_EQ(zoe_domain_clean(domain), 0); /* repaired, but its slots are not free yet */
	CHECK_OK(zoe_topic_info(domain, "work", &info));
	CHECK_EQ(info.slots_quarantined, 3);
	/* the lowest slots are in quarantine, so these come from above */
	for (int i = 0; i < 3; i++) {
		CHECK_OK(zoe_loan(pub, 8192, &loans[i]));
		CHECK(loans[i].slot >= 3 || zoe_now_ns() - death > 100000000);
	}
	for (int i = 0; i < 3; i++)
		zoe_discard(pub, &loans[i]);
	while (zoe_now_ns() - death < 150000000)
		;
	CHECK_OK(zoe_loan(pub, 8192, &loans[0]));
	CHECK_EQ(loans[0].slot, 0);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}
