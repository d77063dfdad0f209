/* SPDX-License-Identifier: Apache-2.0 */
/* The parties of the chaos test: publishers, and a subscriber for each way to read. Any of them may be stopped or
 * killed at any instruction; all they know across that is in struct chaos. */
#include "chaos.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MS 1000000ll

static void doing(struct party *me, enum call call)
{
	atomic_store(&me->doing, call);
	atomic_fetch_add(&me->beat, 1);
}

static struct zoe_domain *open_domain(struct party *me)
{
	struct zoe_domain *domain = NULL;

	if (zoe_domain_open(NULL, &domain) < 0)
		chaos_fail(me, "no domain", 0, 0);
	return domain;
}

struct zoe_topic_options chaos_options(void)
{
	return (struct zoe_topic_options){
	    .slot_bytes = 1000,
	    .publishers = CHAOS_PUBLISHERS + 1, /* and the referee */
	    .subscribers = 12,
	    .pins = 31, /* latest 2, interval 2, next 2, dawdler 4, lossless 2, group 2 + 2, oldest 9, poll 2, keeper 2,
	                   and 2 for the referee */
	    .loans = 2,
	    .keeps = 2,
	    .lossless = 1,
	};
}

bool chaos_ledger(uint64_t seq, uint64_t publisher, uint64_t count)
{
	unsigned long long known = 0, mine = (publisher + 1) << 48 | count;

	if (seq >= CHAOS_LEDGER)
		return false;
	return atomic_compare_exchange_strong(&chaos->ledger[seq], &known, mine) || known == mine;
}

/* ---- publisher ---------------------------------------------------------------------------------------------- */

/* A frame that was published and that its publisher still reads. */
struct kept {
	struct zoe_loan loan;
	const void *data;
	size_t size;
};

static void let_go(struct party *me, struct zoe_publisher *pub, struct kept *kept)
{
	if (!kept->data)
		return;
	if (!content_intact(kept->data, kept->size))
		chaos_fail(me, "TORN frame that its publisher keeps", kept->loan.slot, kept->loan.generation);
	doing(me, KEEP);
	zoe_unkeep(pub, &kept->loan);
	doing(me, IDLE);
	kept->data = NULL;
}

static uint64_t some_words(struct dice *dice)
{
	uint64_t bytes = 900;

	if (dice_hit(dice, 300))
		bytes = 20000;
	if (atomic_load(&chaos->small))
		bytes = 200;
	if (dice_hit(dice, atomic_load(&chaos->small) ? 5 : 50))
		bytes = atomic_load(&chaos->limit_bytes);
	if (bytes > atomic_load(&chaos->limit_bytes))
		bytes = atomic_load(&chaos->limit_bytes);
	return dice_roll(dice, (bytes - sizeof(struct head)) / sizeof(uint64_t));
}

/* Publish what is loaned; who is held up tries a few times, then gives up. */
static void publish(struct party *me, struct zoe_publisher *pub, struct zoe_loan *loan, struct kept *kept,
                    struct dice *dice)
{
	static const int64_t patience_ns[] = {0, MS, 20 * MS, 200 * MS};
	const struct kept after = {.loan = *loan, .data = loan->data, .size = loan->size};
	const uint64_t count = ((const struct head *)loan->data)->count;
	uint64_t seq;

	loan->timeout_ns = patience_ns[dice_roll(dice, 4)];
	for (unsigned tries = 0; tries < 3; tries++) {
		int status = kept ? zoe_publish_keep(pub, loan, &seq) : zoe_publish(pub, loan, &seq);

		doing(me, PUBLISH);
		if (status == 0) {
			if (!chaos_ledger(seq, me->number, count))
				chaos_fail(me, "number given twice", seq, count);
			atomic_store(&chaos->newest, seq);
			if (kept)
				*kept = after;
			atomic_fetch_add(&me->success, 1);
			atomic_fetch_add(&chaos->published, 1);
			return;
		}
		if (status == -ESTALE)
			break;
		if (status != -EAGAIN && status != -ETIMEDOUT && status != -EINTR) {
			chaos_fail(me, "not published", count, (uint64_t)-status);
			break;
		}
		atomic_fetch_add(&chaos->timeouts, 1);
	}
	zoe_discard(pub, loan);
}

static void loan_and_publish(struct party *me, struct zoe_publisher *pub, struct kept kept[2], struct dice *dice)
{
	const uint64_t words = some_words(dice), count = atomic_fetch_add(&me->count, 1) + 1;
	struct kept *keep = dice_hit(dice, 100) ? &kept[dice_roll(dice, 2)] : NULL;
	struct zoe_loan loan, other = {0};

	doing(me, LOAN);
	int status = zoe_loan(pub, content_bytes(words), &loan);

	doing(me, IDLE);
	if (status == -EAGAIN) { /* it must grow, and a lossless subscriber is behind */
		atomic_fetch_add(&chaos->timeouts, 1);
		return;
	}
	if (status < 0) {
		chaos_fail(me, "no loan", content_bytes(words), (uint64_t)-status);
		return;
	}
	if (dice_hit(dice, 30) && zoe_loan(pub, 1, &other) == 0)
		memset(other.data, 0xaa, other.capacity < 100 ? other.capacity : 100);
	content_fill(loan.data, me->number, count, words);
	if (keep)
		let_go(me, pub, keep);
	doing(me, PUBLISH);
	if (dice_hit(dice, 20))
		zoe_discard(pub, &loan);
	else
		publish(me, pub, &loan, keep, dice);
	zoe_discard(pub, &other);
	doing(me, IDLE);
}

/* One life: join, publish, leave. */
static void publisher_life(struct party *me, struct zoe_domain *domain, struct dice *dice)
{
	static const unsigned depths[] = {0, 0, 0, 2, 3, 4, 5, 9};
	struct zoe_topic_options options = chaos_options();
	struct zoe_publisher *pub;
	struct kept kept[2] = {0};

	options.depth = depths[dice_roll(dice, 8)];
	doing(me, OPEN);
	int status = zoe_publisher_open(domain, CHAOS_TOPIC, &options, &pub);

	doing(me, IDLE);
	if (status < 0) {
		/* somebody stopped while it joins; a lossless subscriber that is stopped */
		if (status != -EBUSY && status != -ETIMEDOUT && status != -EINTR)
			chaos_fail(me, "not opened", options.depth, (uint64_t)-status);
		return;
	}
	while (!atomic_load(&me->quit)) {
		bool full = atomic_load(&chaos->newest) > CHAOS_LEDGER / 8 * 7;

		loan_and_publish(me, pub, kept, dice);
		if (dice_hit(dice, 5)) {
			doing(me, TRIM);
			if (zoe_publisher_trim(pub) < 0)
				chaos_fail(me, "not trimmed", 0, 0);
			doing(me, IDLE);
		}
		if (dice_hit(dice, full ? 1000 : atomic_load(&chaos->small) ? 20 : 700))
			chaos_pause(dice_roll(dice, full ? 300000 : 3000));
	}
	let_go(me, pub, &kept[0]);
	let_go(me, pub, &kept[1]);
	doing(me, CLOSE);
	zoe_publisher_close(pub);
	doing(me, IDLE);
}

void chaos_publish(struct party *me, struct dice *dice)
{
	struct zoe_domain *domain = open_domain(me);

	while (domain && !atomic_load(&me->quit))
		publisher_life(me, domain, dice);
	zoe_domain_close(domain);
}

/* ---- subscriber --------------------------------------------------------------------------------------------- */

#define HELD_MAX 8

/* What a subscriber knows of the frames so far. */
struct follower {
	uint64_t next; /* sequence number that comes next */
	bool any;
	uint64_t counts[CHAOS_PARTIES];
	struct zoe_frame held[HELD_MAX];
};

/* The group began where its first frame was, or the first that it lost. */
static void note_start(uint64_t start)
{
	unsigned long long known = atomic_load(&chaos->group_start);

	while (start < known && !atomic_compare_exchange_weak(&chaos->group_start, &known, start))
		;
}

static void check_number(struct party *me, const struct follower *f, const struct zoe_frame *frame)
{
	if (me->role == MEMBER) {
		if (frame->seq < f->next)
			chaos_fail(me, "a frame of the past", frame->seq, f->next);
		if (frame->seq < CHAOS_LEDGER && atomic_fetch_add(&chaos->group[frame->seq], 1) != 0)
			chaos_fail(me, "a frame to two members of a group", frame->seq, 0);
		atomic_fetch_add(&chaos->group_taken, 1);
		note_start(frame->seq - frame->lost);
		return;
	}
	if (f->any && frame->seq != f->next + frame->lost)
		chaos_fail(me, "gap that was not reported", frame->seq, f->next);
	if (me->role == LOSSLESS && frame->lost)
		chaos_fail(me,
		           f->any ? "a lossless subscriber lost frames" : "lossless, and lost frames when it joined",
		           frame->seq, frame->lost);
}

static void follow(struct party *me, struct follower *f, const struct zoe_frame *frame)
{
	const struct head *head = frame->data;

	check_number(me, f, frame);
	f->next = frame->seq + 1;
	f->any = true;
	atomic_fetch_add(&me->success, 1);
	atomic_fetch_add(&chaos->taken, 1);
	atomic_fetch_add(&chaos->lost, frame->lost);
	if (!content_intact(frame->data, frame->size)) {
		chaos_fail(me, "TORN frame", frame->seq, frame->slot);
		return;
	}
	if (!chaos_ledger(frame->seq, head->publisher, head->count))
		chaos_fail(me, "another frame than others have under this number", frame->seq, head->count);
	if (head->publisher >= CHAOS_PARTIES || head->count <= f->counts[head->publisher])
		chaos_fail(me, "a publisher's frames out of order", head->count, head->publisher);
	else
		f->counts[head->publisher] = head->count;
}

static void release(struct party *me, struct zoe_subscriber *sub, struct zoe_frame *frame)
{
	if (frame->data && !content_intact(frame->data, frame->size))
		chaos_fail(me, "TORN frame in hand", frame->seq, frame->slot);
	doing(me, RELEASE);
	zoe_release(sub, frame);
	doing(me, IDLE);
}

static void release_all(struct party *me, struct zoe_subscriber *sub, struct follower *f)
{
	for (unsigned i = 0; i < HELD_MAX; i++)
		release(me, sub, &f->held[i]);
}

/* Who dawdles keeps frames in hand and lets go of them in any order. */
static void put_down(struct party *me, struct zoe_subscriber *sub, struct follower *f, struct zoe_frame *frame,
                     struct dice *dice)
{
	unsigned hands = me->role == DAWDLER ? 3 : me->role == OLDEST ? HELD_MAX : 1;
	struct zoe_frame *hand = &f->held[dice_roll(dice, hands)];

	if (hands == 1 && dice_hit(dice, 900)) {
		release(me, sub, frame);
		return;
	}
	release(me, sub, hand);
	*hand = *frame;
	if (me->role == DAWDLER && dice_hit(dice, 100))
		chaos_pause(dice_roll(dice, 50000));
}

/* One look for a frame. Returns as the take. */
static int take(struct party *me, struct zoe_subscriber *sub, int64_t timeout_ns, struct zoe_frame *frame)
{
	int status;

	doing(me, TAKE);
	status = me->role == LATEST || me->role == INTERVAL ? zoe_take_latest(sub, timeout_ns, frame)
	                                                    : zoe_take_next(sub, timeout_ns, frame);
	doing(me, IDLE);
	if (status == 0) {
		atomic_store(&me->idle, 0);
		return 0;
	}
	atomic_fetch_add(&me->idle, 1);
	if (status != -EAGAIN && status != -ETIMEDOUT && status != -EINTR)
		chaos_fail(me, "not taken", 0, (uint64_t)-status);
	return status;
}

/*
 * Readable means take until there is nothing. Nothing readable means that no frame was published whose publisher got as far
 * as to tell of it; those that said so have.
 */
static void poll_and_take(struct party *me, struct zoe_subscriber *sub, struct follower *f, struct dice *dice)
{
	struct pollfd wait = {.fd = zoe_subscriber_fd(sub), .events = POLLIN};
	struct zoe_frame frame;

	if (wait.fd < 0) {
		chaos_fail(me, "no descriptor", 0, (uint64_t)-wait.fd);
		return;
	}
	doing(me, POLL);
	if (poll(&wait, 1, 200) == 0 && f->any) {
		uint64_t newest = atomic_load(&chaos->newest);

		if (newest >= f->next && poll(&wait, 1, 0) == 0)
			chaos_fail(me, "poll slept through a frame", newest, f->next);
	}
	doing(me, IDLE);
	while (!atomic_load(&me->quit) && take(me, sub, 0, &frame) == 0) {
		follow(me, f, &frame);
		put_down(me, sub, f, &frame, dice);
	}
}

static void rest(struct party *me, struct zoe_subscriber *sub, struct follower *f)
{
	release_all(me, sub, f);
	atomic_store(&chaos->resting, 1);
	while (atomic_load(&chaos->rest) && !atomic_load(&me->quit)) {
		chaos_pause(2000);
		doing(me, IDLE);
	}
	atomic_store(&chaos->resting, 0);
}

static void take_and_follow(struct party *me, struct zoe_subscriber *sub, struct follower *f, struct dice *dice)
{
	struct zoe_frame frame;

	if (me->role == POLLER) {
		poll_and_take(me, sub, f, dice);
	} else if (take(me, sub, dice_hit(dice, 100) ? 0 : 50 * MS, &frame) == 0) {
		follow(me, f, &frame);
		put_down(me, sub, f, &frame, dice);
	}
	if (me->role == KEEPER && atomic_load(&chaos->rest))
		rest(me, sub, f);
	if (me->role == LATEST && dice_hit(dice, 300))
		chaos_pause(dice_roll(dice, 10000));
}

static struct zoe_subscriber_options reading(const struct party *me)
{
	struct zoe_subscriber_options options = {0};

	if (me->role == DAWDLER)
		options.pins = 4;
	if (me->role == OLDEST)
		options.pins = HELD_MAX + 1; /* more than one line of pins */
	if (me->role == OLDEST)
		options.start = ZOE_START_OLDEST;
	if (me->role == LOSSLESS)
		options.mode = ZOE_LOSSLESS;
	if (me->role == MEMBER)
		options.group = "pair";
	if (me->role == INTERVAL)
		options.interval_ns = 5 * MS;
	if (me->role == NEXT)
		options.spin_ns = 50000;
	return options;
}

/* One life: join, take, leave. The one that begins with the oldest does so again and again. */
static void subscriber_life(struct party *me, struct zoe_domain *domain, struct dice *dice)
{
	const struct zoe_subscriber_options options = reading(me);
	uint64_t frames = me->role == OLDEST ? 10 + dice_roll(dice, 200) : UINT64_MAX;
	uint64_t until = frames == UINT64_MAX ? frames : atomic_load(&me->success) + frames;
	struct zoe_subscriber *sub;
	struct follower f = {0};

	doing(me, OPEN);
	int status = zoe_subscriber_open(domain, CHAOS_TOPIC, &options, &sub);

	doing(me, IDLE);
	if (status < 0) {
		/* not there yet; somebody stopped while it joins */
		if (status != -ENOENT && status != -EBUSY && status != -EINTR)
			chaos_fail(me, "not opened", 0, (uint64_t)-status);
		chaos_pause(1000);
		return;
	}
	while (!atomic_load(&me->quit) && atomic_load(&me->success) < until)
		take_and_follow(me, sub, &f, dice);
	release_all(me, sub, &f);
	doing(me, CLOSE);
	zoe_subscriber_close(sub);
	doing(me, IDLE);
}

void chaos_subscribe(struct party *me, struct dice *dice)
{
	struct zoe_domain *domain = open_domain(me);

	while (domain && !atomic_load(&me->quit))
		subscriber_life(me, domain, dice);
	zoe_domain_close(domain);
}
