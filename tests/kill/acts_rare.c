/* SPDX-License-Identifier: Apache-2.0 */
/* What victims do seldom: refusals, time that is up, leavings of the dead, systems that lack something. */
#include "acts.h"
#include "libc.h"
#include "party.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void must_be(int found, int wanted, const char *what)
{
	if (found != wanted && !stage->call_fails)
		party_fail("victim: %s: %d, not %d: %s", what, found, wanted, zoe_error());
}

/* ---- refusals ------------------------------------------------------------------------------------------------ */

void do_subscriber_open_senseless(struct victim *v)
{
	static const struct zoe_subscriber_options wrong[] = {
	    {.mode = ZOE_LOSSLESS, .group = MEMBERS},
	    {.mode = (enum zoe_mode)7},
	    {.start = (enum zoe_start)7},
	    {.group = ""},
	    {.spin_ns = -1},
	    {.interval_ns = -1},
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		must_be(zoe_subscriber_open(v->domain, TOPIC, &wrong[i], &v->sub), -EINVAL, "senseless options");
}

void do_take_latest_refused(struct victim *v)
{
	must_be(zoe_take_latest(v->sub, 0, &v->frame), -EINVAL, "the newest for a lossless one");
}

void do_loan_a_bit_larger(struct victim *v)
{
	v->status = zoe_loan(v->pub, stage->options.slot_bytes + 1, &v->loan);
	zoe_discard(v->pub, &v->loan);
}

void do_loan_absurd(struct victim *v)
{
	must_be(zoe_loan(v->pub, SIZE_MAX / 2, &v->loan), -EMSGSIZE, "a slot larger than all memory");
}

/* Topics that are not there: one cannot be made, the other is made by the library's own defaults. */
void do_create_others(struct victim *v)
{
	must_be(zoe_publisher_open(v->domain, "absurd", &(struct zoe_topic_options){.slot_bytes = SIZE_MAX}, &v->pub),
	        -EINVAL, "slots larger than all memory");
	v->status = zoe_publisher_open(v->domain, "other", NULL, &v->pub);
}

void do_release_wrong(struct victim *v)
{
	struct zoe_frame other = v->frame;

	other.generation = 77;
	zoe_release(v->sub, &other);
	other = v->frame;
	other.pin = 77;
	zoe_release(v->sub, &other);
	do_release(v);
}

/* One that may hold a single frame. */
void with_narrow_and_frames(struct victim *v)
{
	open_subscriber(v, 1);
	must_be(v->status, 0, "join");
	some_frames(v, 2);
}

/* As many groups as there can be, one member each. */
void with_all_groups(struct victim *v)
{
	for (unsigned i = 0; i < 16; i++) {
		char name[16];

		snprintf(name, sizeof(name), "group%u", i);
		must_be(zoe_subscriber_open(v->domain, TOPIC,
		                            &(struct zoe_subscriber_options){.pins = 1, .group = name}, &v->many[i]),
		        0, "join a group");
	}
}

void do_open_more_groups(struct victim *v)
{
	struct zoe_subscriber_options options = {.pins = 1, .group = "one more"};

	must_be(zoe_subscriber_open(v->domain, TOPIC, &options, &v->sub), -EUSERS, "one group more");
	options.group = "group3";
	v->status = zoe_subscriber_open(v->domain, TOPIC, &options, &v->sub);
}

/* ---- time that is up ----------------------------------------------------------------------------------------- */

static void hold_join_lock(const char *file)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 4096, .l_len = 1};
	char path[512];

	snprintf(path, sizeof(path), "%s/%s/%s", stage->domain, TOPIC, file);
	must_be(fcntl(open(path, O_RDWR | O_CLOEXEC), F_OFD_SETLK, &lock), 0, "the join lock");
	libc_wishes.tick_ns = 300000000;
}

void with_join_locks_held(struct victim *v)
{
	(void)v;
	hold_join_lock("writers");
	hold_join_lock("readers");
}

void do_open_both_locked(struct victim *v)
{
	must_be(zoe_publisher_open(v->domain, TOPIC, &stage->options, &v->pub), -EBUSY, "join of a publisher");
	must_be(zoe_subscriber_open(v->domain, TOPIC, NULL, &v->sub), -EBUSY, "join of a subscriber");
}

void with_topic_that_moves(struct victim *v)
{
	(void)v;
	libc_wishes.elsewhere = true;
}

void do_publisher_open_moving(struct victim *v)
{
	must_be(zoe_publisher_open(v->domain, TOPIC, &stage->options, &v->pub), -EBUSY, "join of a publisher");
}

void do_subscriber_open_moving(struct victim *v)
{
	must_be(zoe_subscriber_open(v->domain, TOPIC, NULL, &v->sub), -EBUSY, "join of a subscriber");
}

/* The ring is full, a lossless subscriber behind, and the topic is to grow. */
void with_full_ring_and_haste(struct victim *v)
{
	with_full_ring(v);
	libc_wishes.sleepless = true;
	libc_wishes.tick_ns = 700000000;
}

void do_grow_held_up(struct victim *v)
{
	struct zoe_topic_options options = stage->options;

	must_be(zoe_loan(v->pub, 2 * options.slot_bytes, &v->kept), -EAGAIN, "growth over a lossless subscriber");
	options.slot_bytes *= 2;
	must_be(zoe_publisher_open(v->domain, TOPIC, &options, &v->more[0]), -ETIMEDOUT, "join of a larger one");
}

/* Of two lossless subscribers one is behind. */
void with_full_ring_and_another(struct victim *v)
{
	struct zoe_frame frame;

	with_lossless(v);
	v->many[0] = v->sub;
	with_full_ring(v);
	while (zoe_take_next(v->many[0], 0, &frame) == 0)
		zoe_release(v->many[0], &frame);
}

void do_publish_bytes_held_up(struct victim *v)
{
	must_be(zoe_publish_bytes(v->pub, v->message, 8, NULL), -EAGAIN, "bytes over a lossless subscriber");
}

/* A loan of the generation before, and the new one's ring is full. */
void with_loan_left_behind_and_full_ring(struct victim *v)
{
	with_lossless(v);
	with_loan_left_behind(v);
	some_frames(v, stage->options.depth);
	loan_fill(&v->loan, frame_identity(v->who, ++v->count));
}

void do_publish_copy_held_up(struct victim *v)
{
	must_be(zoe_publish(v->pub, &v->loan, &v->seq), -EAGAIN, "a copy over a lossless subscriber");
	must_be(zoe_publish_keep(v->pub, &v->loan, &v->seq), -EAGAIN, "a copy to keep over a lossless subscriber");
}

/* Enough frames that the next one displaces the first. */
void with_loan_in_full_ring(struct victim *v)
{
	with_publisher(v);
	for (unsigned i = 0; i <= stage->options.depth; i++)
		publish_frame(v->pub, v->who, ++v->count, 0, "victim");
	with_loan_of(v);
}

/* A second publisher, beside the one that is open. */
void do_open_another(struct victim *v)
{
	v->status = zoe_publisher_open(v->domain, TOPIC, &stage->options, &v->more[0]);
}

/* ---- leavings ------------------------------------------------------------------------------------------------ */

static void make(const char *path, bool directory)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", stage->domain, path);
	must_be(directory ? mkdir(full, 0700) : mknod(full, S_IFREG | 0600, 0), 0, path);
}

void with_leavings(struct victim *v)
{
	(void)v;
	make(".old-1", true);
	make(".old-1/wake", true);
	make(".old-1/wake/0", false);
	make(".new-1", true);
	make(".new-2", true);
	make(".new-2/writers", false);
}

/* Topics of which somebody removed files. */
void with_remains(struct victim *v)
{
	(void)v;
	make("one", true);
	make("one/wake", true);
	make("two", true);
	make("two/writers", false);
	make("three", true);
	make("three/readers", false);
}

/* Nobody publishes any more; the first generation was given up, and its folder is left. */
void with_readers_alone(struct victim *v)
{
	with_publisher(v);
	with_subscriber(v);
	publish_frame(v->pub, v->who, ++v->count, 0, "victim");
	zoe_publisher_close(v->pub);
	with_publisher_gone_over(v);
	must_be(zoe_publish(v->pub, &v->loan, &v->seq), 0, "publish");
	zoe_publisher_close(v->pub);
	v->pub = NULL;
}

void with_newest_taken(struct victim *v)
{
	with_subscriber(v);
	do_take_latest(v);
	zoe_release(v->sub, &v->frame);
}

void with_kept_left_behind(struct victim *v)
{
	with_loan_left_behind(v);
	do_publish_keep(v);
	must_be(v->status, 0, "publish and keep");
	note_published(v);
}

/* ---- slots in several states --------------------------------------------------------------------------------- */

static void publish_round(struct victim *v)
{
	libc_wishes.tick_ns = 100000; /* frames that come fast are treated in another way */
	for (unsigned i = 0; i <= stage->options.depth; i++)
		publish_frame(v->pub, v->who, ++v->count, 0, "victim");
}

/* The slot that has just left the ring, where the search for the next one begins, is one that we keep. */
void with_kept_behind(struct victim *v)
{
	with_kept(v);
	publish_round(v);
	v->loan.data = NULL;
}

/* It is the one that the neighbour has in hand. */
void with_pinned_behind(struct victim *v)
{
	with_publisher(v);
	publish_round(v);
}

/* Slots have memory, and some of them are idle. */
void with_used_slots(struct victim *v)
{
	struct zoe_loan first, second;

	with_publisher(v);
	must_be(zoe_loan(v->pub, 1, &first) | zoe_loan(v->pub, 1, &second), 0, "loan");
	zoe_discard(v->pub, &first);
	zoe_discard(v->pub, &second);
}

void with_loan_at_risk(struct victim *v)
{
	with_loan(v);
	atomic_store(&stage->quarantined, 1);
	v->loan.data = NULL;
}

/* Frames that come faster than anybody can fill them. */
void with_haste(struct victim *v)
{
	with_publisher(v);
	libc_wishes.tick_ns = 1000;
	for (unsigned i = 0; i < 4; i++)
		publish_frame(v->pub, v->who, ++v->count, 0, "victim");
}

/* A lossless subscriber of ours that is up to date, and a ring that is full. */
void with_lossless_up_to_date(struct victim *v)
{
	struct zoe_frame frame;

	with_lossless(v);
	with_publisher(v);
	for (unsigned i = 0; i < 4; i++) {
		publish_frame(v->pub, v->who, ++v->count, 0, "victim");
		must_be(zoe_take_next(v->sub, 0, &frame), 0, "take");
		zoe_release(v->sub, &frame);
	}
	with_loan_of(v);
}

void with_lossless_and_gone_over(struct victim *v)
{
	with_lossless_and_frames(v);
	with_publisher_gone_over(v);
}

/* As a process of its own: wait to be killed, as a lossless subscriber that has taken nothing. */
static _Noreturn void be_mortal(int ready)
{
	struct victim v = {.who = DEAD, .domain = open_domain("mortal")};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	with_lossless(&v);
	must_be((int)write(ready, "r", 1), 1, "tell");
	for (;;)
		pause();
}

/* Of three lossless subscribers of the generation before one is dead, which nobody has noticed, and one is past it. */
void with_dead_and_gone_over(struct victim *v)
{
	struct zoe_frame frame;
	int ready[2];
	char letter;

	must_be(pipe2(ready, O_CLOEXEC), 0, "pipe");
	pid_t pid = fork();

	if (pid == 0)
		be_mortal(ready[1]);
	must_be((int)read(ready[0], &letter, 1), 1, "hear");
	close(ready[0]);
	close(ready[1]);
	with_lossless(v);
	v->many[0] = v->sub;
	with_lossless_and_gone_over(v);
	while (zoe_take_next(v->many[0], 0, &frame) == 0)
		zoe_release(v->many[0], &frame);
	kill(pid, SIGKILL);
	must_be(waitpid(pid, NULL, 0), pid, "reap");
}

/* A generation that only a lossless subscriber holds: the next one has depth frames. */
void with_lossless_superseded(struct victim *v)
{
	with_lossless_and_gone_over(v);
	zoe_discard(v->pub, &v->loan);
	publish_frame(v->pub, v->who, ++v->count, 0, "victim");
	v->many[0] = v->sub;
}

void with_lossless_gone_over(struct victim *v)
{
	struct zoe_frame frame;

	with_lossless_and_gone_over(v);
	while (zoe_take_next(v->sub, 0, &frame) == 0)
		zoe_release(v->sub, &frame);
}

/* ---- without MADV_WIPEONFORK --------------------------------------------------------------------------------- */

void with_all_without_wipe(struct victim *v)
{
	libc_wishes.no_wipe = true;
	with_kept_and_loan(v);
	with_frame(v);
}

void with_orphan_without_wipe(struct victim *v)
{
	with_all_without_wipe(v);
	orphan(v);
}

/* Every call that asks whether this process was forked. */
void do_all(struct victim *v)
{
	zoe_discard(v->pub, &v->loan);
	zoe_unkeep(v->pub, &v->kept);
	zoe_release(v->sub, &v->frame);
	v->status = zoe_loan(v->pub, 1, &v->loan);
	zoe_take_next(v->sub, 0, &v->frame);
	do_subscriber_close(v);
	do_publisher_close(v);
}
