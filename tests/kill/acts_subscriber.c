/* SPDX-License-Identifier: Apache-2.0 */
/* What victims do as subscribers. */
#include "acts.h"
#include "party.h"

#include <errno.h>
#include <string.h>

void open_subscriber(struct victim *v, unsigned pins)
{
	v->status = zoe_subscriber_open(v->domain, TOPIC, &(struct zoe_subscriber_options){.pins = pins}, &v->sub);
}

void with_subscriber(struct victim *v)
{
	open_subscriber(v, 2);
	if (v->status < 0)
		party_fail("victim: cannot subscribe: %s", zoe_error());
}

void some_frames(struct victim *v, unsigned frames)
{
	struct zoe_publisher *pub;

	if (zoe_publisher_open(v->domain, TOPIC, &stage->options, &pub) < 0)
		party_fail("victim: cannot publish: %s", zoe_error());
	while (frames-- > 0)
		publish_frame(pub, v->who, ++v->count, 0, "victim");
	zoe_publisher_close(pub);
}

void with_subscriber_and_frames(struct victim *v)
{
	with_subscriber(v);
	some_frames(v, 2);
}

void with_overrun(struct victim *v)
{
	with_subscriber(v);
	some_frames(v, 7);
}

void with_picture_to_take(struct victim *v)
{
	with_subscriber(v);
	with_picture(v);
	do_publish(v);
	note_published(v);
	zoe_publisher_close(v->pub);
	v->pub = NULL;
	v->seq = UINT64_MAX;
}

void do_take_next(struct victim *v)
{
	v->status = zoe_take_next(v->sub, 0, &v->frame);
}

void do_take_latest(struct victim *v)
{
	v->status = zoe_take_latest(v->sub, 0, &v->frame);
}

void do_take_latest_twice(struct victim *v)
{
	do_take_latest(v);
	zoe_release(v->sub, &v->frame);
	v->status = zoe_take_latest(v->sub, 0, &v->frame);
}

void do_take_wait(struct victim *v)
{
	v->status = zoe_take_next(v->sub, 5000000, &v->frame);
}

void do_take_latest_wait(struct victim *v)
{
	v->status = zoe_take_latest(v->sub, 5000000, &v->frame);
}

void check_taken(struct victim *v)
{
	must_not_be_damaged(v, "take");
	if (v->status < 0)
		return;
	frame_check(&v->frame, "victim");
	zoe_release(v->sub, &v->frame);
}

void do_take_too_many(struct victim *v)
{
	struct zoe_frame frame;

	v->status = zoe_take_next(v->sub, 0, &v->frame);
	zoe_take_next(v->sub, 0, &frame);
	if (zoe_take_next(v->sub, 0, &frame) == 0)
		party_fail("victim: took more than its quota");
}

void with_frame(struct victim *v)
{
	with_subscriber_and_frames(v);
	do_take_next(v);
	if (v->status < 0)
		party_fail("victim: no frame: %s", zoe_error());
}

void do_release(struct victim *v)
{
	zoe_release(v->sub, &v->frame);
	zoe_release(v->sub, &v->frame);
}

void do_fd(struct victim *v)
{
	v->status = zoe_subscriber_fd(v->sub);
	if (v->status >= 0)
		v->status = zoe_subscriber_fd(v->sub);
}

void with_fd(struct victim *v)
{
	with_subscriber(v);
	do_fd(v);
	if (v->status < 0)
		party_fail("victim: no descriptor: %s", zoe_error());
}

/* Nothing there, so it arms; twice. */
void do_arm(struct victim *v)
{
	v->status = zoe_take_next(v->sub, 0, &v->frame);
	if (v->status == -EAGAIN)
		v->status = zoe_take_latest(v->sub, 0, &v->frame);
}

void with_armed_and_frames(struct victim *v)
{
	with_fd(v);
	while (zoe_take_next(v->sub, 0, &v->frame) == 0)
		zoe_release(v->sub, &v->frame);
	some_frames(v, 2);
}

void do_subscriber_open(struct victim *v)
{
	open_subscriber(v, 2);
}

void do_subscriber_open_narrow(struct victim *v)
{
	open_subscriber(v, 1);
}

void do_subscriber_open_wide(struct victim *v)
{
	open_subscriber(v, 16);
}

void use_subscriber(struct victim *v)
{
	must_not_be_damaged(v, "open");
	if (v->status == 0)
		do_take_latest(v);
	if (v->status == 0)
		check_taken(v);
}

void do_subscriber_close(struct victim *v)
{
	zoe_subscriber_close(v->sub);
	v->sub = NULL;
	zoe_subscriber_close(NULL);
}

/* As many as the budgets allow: of pins, then of records. */
void with_many_subscribers(struct victim *v)
{
	int status = 0;

	for (unsigned i = 0; i < 16 && status == 0; i++)
		status =
		    zoe_subscriber_open(v->domain, TOPIC, &(struct zoe_subscriber_options){.pins = 1}, &v->many[i]);
	if (status != -EUSERS)
		party_fail("victim: more subscribers than the topic allows");
}

void do_subscriber_open_wrong(struct victim *v)
{
	open_subscriber(v, 17);
	if (v->status < 0)
		v->status = zoe_subscriber_open(v->domain, "not/there", NULL, &v->sub);
	if (v->status < 0)
		v->status = zoe_subscriber_open(v->domain, "not there", NULL, &v->sub);
	if (v->status >= 0)
		party_fail("victim: subscribed to what is not there");
}
