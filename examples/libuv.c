/* SPDX-License-Identifier: Apache-2.0 */
/* Take frames in a libuv loop, beside a timer that says how many came. Ends with SIGINT. usage: libuv TOPIC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <uv.h>

#include "zoetrope.h"

static unsigned taken;

static int fail(void)
{
	fprintf(stderr, "libuv: %s\n", zoe_error());
	return 1;
}

/* Readable means: take until there is nothing left. The take that finds nothing arms the descriptor again. */
static void readable(uv_poll_t *handle, int status, int events)
{
	struct zoe_subscriber *subscriber = handle->data;
	struct zoe_frame frame;

	while ((status = zoe_take_next(subscriber, 0, &frame)) == 0) {
		printf("frame %" PRIu64 ", %zu bytes, lost %" PRIu64 "\n", frame.seq, frame.size, frame.lost);
		taken++;
		zoe_release(subscriber, &frame);
	}
	if (status != -EAGAIN) {
		fail();
		uv_stop(handle->loop);
	}
}

static void every_second(uv_timer_t *timer)
{
	printf("%u frames in this second\n", taken);
	taken = 0;
}

static void interrupted(uv_signal_t *handle, int number)
{
	uv_stop(handle->loop);
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	struct zoe_domain *domain;
	struct zoe_subscriber *subscriber;
	uv_poll_t frames;
	uv_timer_t timer;
	uv_signal_t signals;

	if (argc != 2) {
		fprintf(stderr, "usage: libuv TOPIC\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* a line at a time, into a pipe, too */
	if (zoe_domain_open(NULL, &domain) < 0 || zoe_subscriber_open(domain, argv[1], NULL, &subscriber) < 0 ||
	    zoe_subscriber_fd(subscriber) < 0)
		return fail();
	uv_poll_init(loop, &frames, zoe_subscriber_fd(subscriber));
	frames.data = subscriber;
	uv_poll_start(&frames, UV_READABLE, readable);
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, every_second, 1000, 1000);
	uv_signal_init(loop, &signals);
	uv_signal_start(&signals, interrupted, SIGINT);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_poll_stop(&frames); /* before the descriptor goes */
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return 0;
}
