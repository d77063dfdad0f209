/* SPDX-License-Identifier: Apache-2.0 */
/* libzoetrope, by its public functions alone. */
#include "zoetrope.h"
#include "../bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct side {
	const struct bench_work *work;
	struct zoe_domain *domain;
	struct zoe_publisher *pub;
	struct zoe_subscriber *sub;
	struct zoe_loan loan;
	struct zoe_frame frame;
};

static const char *domain_path(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "/dev/shm/%s", bench_name());
	return path;
}

static int open_publisher(struct side *s)
{
	const struct zoe_topic_options options = {
	    .slot_bytes = s->work->size,
	    .depth = s->work->depth,
	    .lossless = s->work->lossless,
	};
	int status = zoe_publisher_open(s->domain, "bench", &options, &s->pub);

	return status < 0 ? status : (int)(zoe_publisher_prefault(s->pub) < 0);
}

static void *side_open(const struct bench_work *work, bool sender, unsigned number)
{
	struct side *s = calloc(1, sizeof(*s));
	const struct zoe_subscriber_options options = {.mode = work->lossless ? ZOE_LOSSLESS : ZOE_LOSSY};

	s->work = work;
	if (zoe_domain_open(domain_path(), &s->domain) < 0 ||
	    (sender ? open_publisher(s) : zoe_subscriber_open(s->domain, "bench", &options, &s->sub)) < 0)
		bench_fail("%s", zoe_error());
	return s;
}

static void *side_prepare(void *side)
{
	struct side *s = side;

	if (zoe_loan(s->pub, s->work->size, &s->loan) < 0)
		bench_fail("%s", zoe_error());
	return s->loan.data;
}

static void side_send(void *side)
{
	struct side *s = side;
	int status;

	/* a sender whose receivers poll asks again and again, too */
	while ((status = zoe_publish(s->pub, &s->loan, NULL)) == -EAGAIN)
		bench_pause();
	if (status < 0)
		bench_fail("%s", zoe_error());
}

static const void *side_receive(void *side, int64_t timeout_ns)
{
	struct side *s = side;
	int status = zoe_take_next(s->sub, timeout_ns, &s->frame);

	if (status < 0 && status != -EAGAIN && status != -ETIMEDOUT)
		bench_fail("%s", zoe_error());
	return status == 0 ? s->frame.data : NULL;
}

static void side_release(void *side)
{
	struct side *s = side;

	zoe_release(s->sub, &s->frame);
}

static void side_close(void *side)
{
	struct side *s = side;

	zoe_subscriber_close(s->sub);
	zoe_publisher_close(s->pub);
	zoe_domain_close(s->domain);
	free(s);
}

static void domain_remove(void)
{
	struct zoe_domain *domain;

	if (zoe_domain_open(domain_path(), &domain) < 0)
		return;
	zoe_domain_clean(domain);
	zoe_domain_close(domain);
	rmdir(domain_path());
}

const struct bench_peer bench_peer = {
    .name = "zoetrope",
    .open = side_open,
    .prepare = side_prepare,
    .send = side_send,
    .receive = side_receive,
    .release = side_release,
    .close = side_close,
    .stop = domain_remove,
};
