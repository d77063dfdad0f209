/* SPDX-License-Identifier: Apache-2.0 */
/* ZeroMQ over ipc:// (a Unix socket). Lossless work goes by PUSH and PULL, the other by PUB and SUB. */
#include "../bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

struct side {
	const struct bench_work *work;
	void *context, *socket;
	zmq_msg_t message;
	bool holds;
};

static const char *address(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "ipc:///dev/shm/%s.socket", bench_name());
	return text;
}

static void set(struct side *s, int option, int value)
{
	if (zmq_setsockopt(s->socket, option, &value, sizeof(value)) < 0)
		bench_fail("option %d: %s", option, zmq_strerror(errno));
}

/*
 * The side of which there is one binds, the others connect. A subscriber is not heard of at once: the sender's warm-up
 * is longer than that.
 */
static void *side_open(const struct bench_work *work, bool sender, unsigned number)
{
	struct side *s = calloc(1, sizeof(*s));
	bool binds = work->senders > 1 ? !sender : sender;
	int type = work->lossless ? (sender ? ZMQ_PUSH : ZMQ_PULL) : (sender ? ZMQ_PUB : ZMQ_SUB);

	s->work = work;
	s->context = zmq_ctx_new();
	s->socket = zmq_socket(s->context, type);
	set(s, ZMQ_LINGER, 0);
	set(s, sender ? ZMQ_SNDHWM : ZMQ_RCVHWM, work->size > 65536 ? (int)work->depth : 1000);
	if (type == ZMQ_SUB)
		zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, "", 0);
	if (sender && work->lossless)
		set(s, ZMQ_SNDTIMEO, 1000);
	if ((binds ? zmq_bind(s->socket, address()) : zmq_connect(s->socket, address())) < 0)
		bench_fail("%s: %s", address(), zmq_strerror(errno));
	return s;
}

static void *side_prepare(void *side)
{
	struct side *s = side;

	if (zmq_msg_init_size(&s->message, s->work->size) < 0)
		bench_fail("no memory");
	return zmq_msg_data(&s->message);
}

/* Times out at the end only, when nobody receives any more. */
static void side_send(void *side)
{
	struct side *s = side;

	if (zmq_msg_send(&s->message, s->socket, s->work->lossless ? 0 : ZMQ_DONTWAIT) < 0)
		zmq_msg_close(&s->message);
}

static const void *side_receive(void *side, int64_t timeout_ns)
{
	struct side *s = side;
	zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLIN};

	zmq_msg_init(&s->message);
	if (zmq_msg_recv(&s->message, s->socket, ZMQ_DONTWAIT) >= 0)
		return zmq_msg_data(&s->message);
	if (timeout_ns == 0 || zmq_poll(&item, 1, timeout_ns / 1000000) <= 0)
		return NULL;
	return zmq_msg_recv(&s->message, s->socket, ZMQ_DONTWAIT) >= 0 ? zmq_msg_data(&s->message) : NULL;
}

static void side_release(void *side)
{
	zmq_msg_close(&((struct side *)side)->message);
}

static void side_close(void *side)
{
	struct side *s = side;

	zmq_close(s->socket);
	zmq_ctx_term(s->context);
	free(s);
}

static void side_stop(void)
{
	unlink(address() + 6);
}

static bool side_can(const struct bench_work *work)
{
	return !work->alone;
}

const struct bench_peer bench_peer = {
    .name = "zeromq",
    .open = side_open,
    .prepare = side_prepare,
    .send = side_send,
    .receive = side_receive,
    .release = side_release,
    .close = side_close,
    .stop = side_stop,
    .can = side_can,
};
