/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishers and subscribers of one topic at full speed, as processes or as threads. Every word of a frame is checked,
 * every gap in the sequence must be one that the library reported, and each publisher's own count must rise in order.
 *
 *   stress processes|threads SECONDS PUBLISHERS SUBSCRIBERS [BYTES]
 */
#include "content.h"
#include "zoetrope.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARTIES_MAX 64

/* What all parties share: made before they start. */
struct common {
	int64_t end_ns;
	unsigned publishers, subscribers;
	size_t bytes;
	atomic_uint joined;   /* subscribers that are there: publishers begin when all are */
	atomic_uint finished; /* publishers that are done */
	atomic_ullong published, taken, lost;
	atomic_uint failures;
};

static struct common *common;

static void fail(const char *who, const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "stress: %s: %s (%" PRIu64 ", %" PRIu64 "): %s\n", who, what, a, b, zoe_error());
	atomic_fetch_add(&common->failures, 1);
}

static struct zoe_domain *open_domain(const char *who)
{
	struct zoe_domain *domain = NULL;

	if (zoe_domain_open(NULL, &domain) < 0)
		fail(who, "no domain", 0, 0);
	return domain;
}

static void publish_all(struct zoe_publisher *pub, unsigned me)
{
	for (uint64_t count = 1; zoe_now_ns() < common->end_ns; count++) {
		uint64_t words = mix(count ^ (uint64_t)me << 40) % ((common->bytes - sizeof(struct head)) / 8 + 1);
		struct zoe_loan loan;
		uint64_t seq;

		if (zoe_loan(pub, content_bytes(words), &loan) < 0) {
			fail("publisher", "no loan", me, count);
			return;
		}
		content_fill(loan.data, me, count, words);
		if (count % 61 == 0) {
			zoe_discard(pub, &loan);
		} else if (zoe_publish(pub, &loan, &seq) < 0) {
			fail("publisher", "not published", me, count);
			return;
		} else {
			atomic_fetch_add(&common->published, 1);
		}
	}
}

static void run_publisher(unsigned me)
{
	struct zoe_domain *domain = open_domain("publisher");
	struct zoe_publisher *pub = NULL;
	struct zoe_topic_options options = {.slot_bytes = common->bytes, .publishers = 8, .subscribers = 64};

	if (domain && zoe_publisher_open(domain, "stress", &options, &pub) < 0)
		fail("publisher", "not opened", me, 0);
	while (pub && atomic_load(&common->joined) < common->subscribers && zoe_now_ns() < common->end_ns)
		usleep(1000);
	if (pub)
		publish_all(pub, me);
	atomic_fetch_add(&common->finished, 1);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

/* What a subscriber knows of the frames so far. */
struct follower {
	uint64_t next; /* sequence number that comes next */
	bool any;
	uint64_t counts[PARTIES_MAX];
	uint64_t taken, lost;
};

static void follow(struct follower *f, const struct zoe_frame *frame)
{
	const struct head *head = frame->data;

	if (!content_intact(frame->data, frame->size)) {
		fail("subscriber", "TORN frame", frame->seq, frame->slot);
		return;
	}
	if (f->any && frame->seq != f->next + frame->lost)
		fail("subscriber", "gap that was not reported", frame->seq, f->next);
	if (head->publisher >= PARTIES_MAX || head->count <= f->counts[head->publisher])
		fail("subscriber", "a publisher's frames out of order", head->count, head->publisher);
	else
		f->counts[head->publisher] = head->count;
	f->next = frame->seq + 1;
	f->any = true;
	f->taken++;
	f->lost += frame->lost;
}

/* Every third subscriber takes the newest, every third dawdles with two frames in hand. */
static void take_all(struct zoe_subscriber *sub, unsigned me, struct follower *f)
{
	struct zoe_frame frame, before = {0};
	bool done = false;

	for (;;) {
		bool last = atomic_load(&common->finished) == common->publishers; /* before the look */
		int status =
		    me % 3 == 1 ? zoe_take_latest(sub, 20000000, &frame) : zoe_take_next(sub, 20000000, &frame);

		if (status == -ETIMEDOUT) {
			if (done)
				return;
			done = last;
			continue;
		}
		if (status == -EINTR)
			continue;
		if (status < 0) {
			fail("subscriber", "no take", me, (uint64_t)-status);
			return;
		}
		follow(f, &frame);
		if (me % 3 != 2) {
			zoe_release(sub, &frame);
			continue;
		}
		/* the frame held since the round before must still be whole */
		if (before.data && !content_intact(before.data, before.size))
			fail("subscriber", "TORN frame in hand", before.seq, before.slot);
		zoe_release(sub, &before);
		before = frame;
	}
}

static void run_subscriber(unsigned me)
{
	struct zoe_domain *domain = open_domain("subscriber");
	struct zoe_subscriber *sub = NULL;
	struct follower f = {0};
	int status = -ENOENT;

	while (domain && status == -ENOENT && zoe_now_ns() < common->end_ns) {
		status = zoe_subscriber_open(domain, "stress", NULL, &sub);
		if (status == -ENOENT)
			usleep(1000);
	}
	if (status < 0)
		fail("subscriber", "not opened", me, (uint64_t)-status);
	atomic_fetch_add(&common->joined, 1);
	if (sub)
		take_all(sub, me, &f);
	if (sub && f.taken == 0)
		fail("subscriber", "got no frame at all", me, 0);
	atomic_fetch_add(&common->taken, f.taken);
	atomic_fetch_add(&common->lost, f.lost);
	zoe_subscriber_close(sub);
	zoe_domain_close(domain);
}

static void run_party(unsigned me)
{
	if (me < common->publishers)
		run_publisher(me);
	else
		run_subscriber(me - common->publishers);
}

static void *run_thread(void *user)
{
	run_party((unsigned)(uintptr_t)user);
	return NULL;
}

static void as_threads(unsigned parties)
{
	pthread_t threads[PARTIES_MAX];

	for (unsigned i = 0; i < parties; i++)
		pthread_create(&threads[i], NULL, run_thread, (void *)(uintptr_t)i);
	for (unsigned i = 0; i < parties; i++)
		pthread_join(threads[i], NULL);
}

static void as_processes(unsigned parties)
{
	pid_t pids[PARTIES_MAX];
	int status;

	for (unsigned i = 0; i < parties; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			run_party(i);
			exit(0);
		}
	}
	for (unsigned i = 0; i < parties; i++) {
		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
			fail("parent", "a party ended badly", i, (uint64_t)status);
	}
}

int main(int argc, char **argv)
{
	unsigned parties;

	if (argc < 5) {
		fprintf(stderr, "usage: stress processes|threads SECONDS PUBLISHERS SUBSCRIBERS [BYTES]\n");
		return 2;
	}
	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (common == MAP_FAILED)
		return 1;
	common->end_ns = zoe_now_ns() + (int64_t)(atof(argv[2]) * 1e9);
	common->publishers = (unsigned)atoi(argv[3]);
	common->subscribers = (unsigned)atoi(argv[4]);
	common->bytes = argc > 5 ? (size_t)atol(argv[5]) : 20000;
	parties = common->publishers + common->subscribers;
	if (parties > PARTIES_MAX || common->bytes < sizeof(struct head))
		return 2;
	if (!strcmp(argv[1], "threads"))
		as_threads(parties);
	else
		as_processes(parties);
	printf("measured: %s, %s s, %u publishers, %u subscribers: %llu published, %llu taken, %llu reported lost, %u "
	       "failures\n",
	       argv[1], argv[2], common->publishers, common->subscribers, common->published, common->taken,
	       common->lost, common->failures);
	return common->failures ? 1 : 0;
}
