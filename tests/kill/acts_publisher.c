/* SPDX-License-Identifier: Apache-2.0 */
/* What victims do as publishers: with_...() prepare, do_...() are walked through, the others look at the outcome. */
#include "acts.h"
#include "party.h"

#include <errno.h>
#include <string.h>

/* A call of libc that was made to fail may lead to any answer; else shared memory is never damaged. */
void must_not_be_damaged(const struct victim *v, const char *what)
{
	if (v->status == -EBADMSG && !stage->call_fails)
		party_fail("victim: %s: %s", what, zoe_error());
}

void open_publisher(struct victim *v)
{
	v->status = zoe_publisher_open(v->domain, TOPIC, &stage->options, &v->pub);
}

void with_publisher(struct victim *v)
{
	open_publisher(v);
	if (v->status < 0)
		party_fail("victim: cannot publish: %s", zoe_error());
}

void do_loan(struct victim *v)
{
	v->status = zoe_loan(v->pub, stage->options.slot_bytes, &v->loan);
}

/* What was not got in `act` has no data. */
void publish_got(struct victim *v)
{
	must_not_be_damaged(v, "loan");
	if (!v->loan.data)
		return;
	loan_fill(&v->loan, frame_identity(v->who, 7));
	if (zoe_publish(v->pub, &v->loan, &v->seq) < 0)
		party_fail("victim: its loan cannot be published: %s", zoe_error());
	published(v->seq, frame_identity(v->who, 7), "victim");
}

void do_loans_until_full(struct victim *v)
{
	struct zoe_loan loan;

	for (unsigned i = 0; i <= stage->options.loans; i++)
		v->status = zoe_loan(v->pub, 1, &loan);
}

/* Its publisher is open. */
void with_loan_of(struct victim *v)
{
	do_loan(v);
	if (v->status < 0)
		party_fail("victim: no loan: %s", zoe_error());
	loan_fill(&v->loan, frame_identity(v->who, ++v->count));
	v->seq = UINT64_MAX;
}

void with_loan(struct victim *v)
{
	with_publisher(v);
	with_loan_of(v);
}

void do_discard(struct victim *v)
{
	struct zoe_loan foreign = {.data = v, .slot = 77};

	zoe_discard(v->pub, &v->loan);
	zoe_discard(v->pub, &v->loan);
	zoe_discard(v->pub, &foreign);
}

void do_publish(struct victim *v)
{
	v->status = zoe_publish(v->pub, &v->loan, &v->seq);
}

void note_published(struct victim *v)
{
	must_not_be_damaged(v, "publish");
	if (v->seq != UINT64_MAX)
		published(v->seq, frame_identity(v->who, v->count), "victim");
	else if (v->status == 0)
		party_fail("victim: published without a number");
}

void with_picture(struct victim *v)
{
	with_loan(v);
	v->loan.image = (struct zoe_image){.format = ZOE_FORMAT_NV12, .width = 31, .height = 5};
	if (zoe_image_layout(&v->loan.image, 1) < 0)
		party_fail("victim: no layout: %s", zoe_error());
}

/* Each is refused, and the loan stays; the last one is right. */
void do_publish_wrong(struct victim *v)
{
	const struct zoe_image good = v->loan.image;
	struct zoe_loan none = {.data = NULL};
	uint64_t seq;

	zoe_publish(v->pub, &none, &seq);
	for (unsigned i = 0; i < 7; i++) {
		size_t size = v->loan.size;

		v->loan.image = good;
		if (i == 0)
			v->loan.size = 1u << 30;
		else if (i == 1)
			v->loan.image.format = 1;
		else if (i == 2)
			v->loan.image.plane_count = 3;
		else if (i == 3)
			v->loan.image.width = 0;
		else if (i == 4)
			v->loan.image.planes[1].offset = 1u << 30;
		else if (i == 5)
			v->loan.image.planes[0].stride = 1;
		else
			v->loan.image = (struct zoe_image){.format = ZOE_FORMAT_MJPEG};
		if (zoe_publish(v->pub, &v->loan, &seq) != -EINVAL)
			party_fail("victim: a wrong picture was published (%u)", i);
		v->loan.size = size;
	}
	v->loan.image = (struct zoe_image){.format = ZOE_FORMAT_MJPEG, .width = 3, .height = 4};
	v->status = zoe_publish(v->pub, &v->loan, &v->seq);
}

/* The budget of keeps is one. */
void do_publish_keep(struct victim *v)
{
	v->kept = v->loan;
	v->status = zoe_publish_keep(v->pub, &v->loan, &v->seq);
}

void do_publish_keep_wrong(struct victim *v)
{
	struct zoe_loan none = {.data = NULL};
	uint64_t seq;

	zoe_publish_keep(v->pub, &none, &seq);
	v->status = zoe_publish_keep(v->pub, &v->loan, &seq);
	if (v->status != -ENOBUFS)
		party_fail("victim: kept more than the topic allows");
}

void with_kept(struct victim *v)
{
	with_loan(v);
	do_publish_keep(v);
	if (v->status < 0)
		party_fail("victim: not kept: %s", zoe_error());
	note_published(v);
}

void with_kept_and_loan(struct victim *v)
{
	with_kept(v);
	do_loan(v);
	if (v->status < 0)
		party_fail("victim: no loan: %s", zoe_error());
	loan_fill(&v->loan, frame_identity(v->who, ++v->count));
}

void do_unkeep(struct victim *v)
{
	zoe_unkeep(v->pub, &v->kept);
	zoe_unkeep(v->pub, &v->kept);
}

/* A kept slot does not change while others publish. */
void kept_is_whole(struct victim *v)
{
	if (!loan_intact(&v->kept, frame_identity(v->who, 1)))
		party_fail("victim: the slot that it keeps was overwritten");
	note_published(v);
}

void do_publisher_open(struct victim *v)
{
	open_publisher(v);
}

void use_publisher(struct victim *v)
{
	must_not_be_damaged(v, "open");
	if (v->status == 0)
		publish_frame(v->pub, v->who, ++v->count, 0, "victim");
}

void do_publisher_close(struct victim *v)
{
	zoe_publisher_close(v->pub);
	v->pub = NULL;
	zoe_publisher_close(NULL);
}

void with_all_publishers(struct victim *v)
{
	for (unsigned i = 0; i < stage->options.publishers; i++)
		zoe_publisher_open(v->domain, TOPIC, &stage->options, &v->more[i]);
}

void close_all(struct victim *v)
{
	victim_close(v);
	v->domain = open_domain("victim");
}

/* Wrong names and shapes, and slots larger than the topic's. */
void do_publisher_open_wrong(struct victim *v)
{
	static const struct zoe_topic_options wrong[] = {
	    {.depth = 100000}, {.publishers = 1000}, {.subscribers = 1000}, {.loans = 1000},
	    {.keeps = 1000},   {.pins = 100000},     {.quarantine_ns = -1}, {.slot_bytes = SIZE_MAX},
	};
	static const char *const names[] = {"", "/a", "a/", "a//b", "a b"};
	char long_name[ZOE_TOPIC_NAME_MAX + 2];

	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	v->status = zoe_publisher_open(v->domain, long_name, NULL, &v->pub);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && v->status < 0; i++)
		v->status = zoe_publisher_open(v->domain, names[i], NULL, &v->pub);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]) && v->status < 0; i++)
		v->status = zoe_publisher_open(v->domain, TOPIC, &wrong[i], &v->pub);
	if (v->status >= 0)
		party_fail("victim: a wrong shape or name was accepted");
}
