/* SPDX-License-Identifier: Apache-2.0 */
/* What victims do in the other ways of reading (lossless, groups, from the oldest) and in changes of shape. */
#include "acts.h"
#include "party.h"

#include <errno.h>

/* ---- ways of reading ---------------------------------------------------------------------------------------- */

static void open_as(struct victim *v, const struct zoe_subscriber_options *options)
{
	v->status = zoe_subscriber_open(v->domain, TOPIC, options, &v->sub);
}

static void with(struct victim *v, const struct zoe_subscriber_options *options, unsigned frames)
{
	open_as(v, options);
	if (v->status < 0)
		party_fail("victim: cannot subscribe: %s", zoe_error());
	if (frames)
		some_frames(v, frames);
}

static const struct zoe_subscriber_options lossless = {.pins = 2, .mode = ZOE_LOSSLESS};
static const struct zoe_subscriber_options member = {.pins = 2, .group = MEMBERS};
static const struct zoe_subscriber_options oldest = {.pins = 2, .start = ZOE_START_OLDEST};
static const struct zoe_subscriber_options lossless_oldest = {
    .pins = 2, .mode = ZOE_LOSSLESS, .start = ZOE_START_OLDEST};
static const struct zoe_subscriber_options spinning = {.pins = 2, .spin_ns = 200000};
static const struct zoe_subscriber_options seldom = {.pins = 2, .interval_ns = 1000000000};

void do_open_lossless(struct victim *v)
{
	open_as(v, &lossless);
}

void do_open_member(struct victim *v)
{
	open_as(v, &member);
}

void do_open_oldest(struct victim *v)
{
	open_as(v, &oldest);
}

void do_open_lossless_oldest(struct victim *v)
{
	open_as(v, &lossless_oldest);
}

void with_lossless(struct victim *v)
{
	with(v, &lossless, 0);
}

void with_lossless_and_frames(struct victim *v)
{
	with(v, &lossless, 2);
}

void with_member_and_frames(struct victim *v)
{
	with(v, &member, 2);
}

void with_member_overrun(struct victim *v)
{
	with(v, &member, 7);
}

void with_spinning(struct victim *v)
{
	with(v, &spinning, 0);
}

void with_seldom(struct victim *v)
{
	with(v, &seldom, 2);
}

void with_one_too_soon(struct victim *v)
{
	with_seldom(v);
	do_take_latest(v);
	zoe_release(v->sub, &v->frame);
	some_frames(v, 1);
}

void do_take_too_soon(struct victim *v)
{
	v->status = zoe_take_latest(v->sub, 0, &v->frame);
	if (v->status == 0)
		party_fail("victim: a frame came sooner than the interval");
}

/* So many frames that the next one must wait for us. */
void with_lossless_behind(struct victim *v)
{
	with(v, &lossless, stage->options.depth + 1);
}

void do_publish_patiently(struct victim *v)
{
	v->loan.timeout_ns = 3000000;
	v->status = zoe_publish(v->pub, &v->loan, &v->seq);
}

/* Its own lossless subscriber is behind, and the ring is full. */
void with_full_ring(struct victim *v)
{
	with_lossless(v);
	with_publisher(v);
	for (unsigned i = 0; i <= stage->options.depth; i++)
		publish_frame(v->pub, v->who, ++v->count, 0, "victim");
	with_loan_of(v);
}

void do_publish_held_up(struct victim *v)
{
	if (zoe_publish(v->pub, &v->loan, &v->seq) != -EAGAIN)
		party_fail("victim: published over a lossless subscriber");
	v->loan.timeout_ns = 3000000;
	v->status = zoe_publish(v->pub, &v->loan, &v->seq);
	if (v->status == 0)
		party_fail("victim: published over a lossless subscriber after a wait");
}

/* ---- changes of shape --------------------------------------------------------------------------------------- */

#define LARGER (2 * stage->options.slot_bytes)

/* Another publisher of ours makes the topic grow and leaves. */
static void grow(struct victim *v)
{
	struct zoe_topic_options options = stage->options;
	struct zoe_publisher *pub;

	options.slot_bytes = LARGER;
	if (zoe_publisher_open(v->domain, TOPIC, &options, &pub) < 0)
		party_fail("victim: the topic does not grow: %s", zoe_error());
	publish_frame(pub, v->who, ++v->count, 0, "victim");
	zoe_publisher_close(pub);
}

void do_loan_larger(struct victim *v)
{
	v->status = zoe_loan(v->pub, LARGER, &v->loan);
}

void do_open_larger(struct victim *v)
{
	struct zoe_topic_options options = stage->options;

	options.slot_bytes = LARGER;
	v->status = zoe_publisher_open(v->domain, TOPIC, &options, &v->pub);
}

void with_publisher_left_behind(struct victim *v)
{
	with_publisher(v);
	grow(v);
}

void with_loan_left_behind(struct victim *v)
{
	with_loan(v);
	grow(v);
	loan_fill(&v->loan, frame_identity(v->who, ++v->count));
}

void with_frame_left_behind(struct victim *v)
{
	with_frame(v);
	grow(v);
}

void with_newest_left_behind(struct victim *v)
{
	with_subscriber(v);
	do_take_latest(v);
	zoe_release(v->sub, &v->frame);
	grow(v);
}

/* Past the change, then give back what was held since before. */
void do_take_and_release_both(struct victim *v)
{
	struct zoe_frame frame;

	while ((v->status = zoe_take_next(v->sub, 0, &frame)) == 0)
		zoe_release(v->sub, &frame);
	zoe_release(v->sub, &v->frame);
}

/* So many that the old generation is given up. */
void with_publisher_gone_over(struct victim *v)
{
	struct zoe_loan loan;

	with_publisher(v);
	if (zoe_loan(v->pub, LARGER, &loan) < 0)
		party_fail("victim: the topic does not grow: %s", zoe_error());
	zoe_discard(v->pub, &loan);
	for (unsigned i = 0; i + 1 < stage->options.depth; i++)
		publish_frame(v->pub, v->who, ++v->count, 0, "victim");
	with_loan_of(v);
}

/* ---- memory, messages --------------------------------------------------------------------------------------- */

void do_trim(struct victim *v)
{
	v->status = (int)zoe_publisher_trim(v->pub);
}

void do_prefault(struct victim *v)
{
	v->status = (int)zoe_publisher_prefault(v->pub);
}

void do_publish_bytes(struct victim *v)
{
	v->status = zoe_publish_bytes(v->pub, v->message, stage->options.slot_bytes, &v->seq);
}

void with_message(struct victim *v)
{
	struct zoe_loan loan = {.data = v->message};

	with_publisher(v);
	loan_fill(&loan, frame_identity(v->who, ++v->count));
	v->seq = UINT64_MAX;
}
