/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classic: a ring of bytes in shared memory, and three named semaphores: room, messages, and one that lets one
 * process at a time copy. Each receiver has a ring of its own.
 */
#include "../bench.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ring {
	uint64_t written, read;
	_Alignas(64) uint8_t bytes[];
};

struct channel {
	struct ring *ring;
	sem_t *room, *messages, *turn;
};

struct side {
	const struct bench_work *work;
	struct channel channels[BENCH_RECEIVERS_MAX + 1];
	unsigned count;
	void *own; /* what is sent from, or received into */
};

static sem_t *semaphore(unsigned receiver, const char *what, bool make, unsigned value)
{
	char name[128];

	snprintf(name, sizeof(name), "/%s-%u-%s", bench_name(), receiver, what);
	if (make)
		sem_unlink(name);
	sem_t *sem = sem_open(name, make ? O_CREAT | O_EXCL : 0, 0600, value);

	if (sem == SEM_FAILED)
		bench_fail("semaphore %s: %s", name, strerror(errno));
	return sem;
}

static void connect_channel(struct side *s, unsigned receiver, bool make)
{
	char part[16];

	snprintf(part, sizeof(part), "bytes%u", receiver);
	s->channels[s->count++] = (struct channel){
	    .ring = bench_map(part, sizeof(struct ring) + s->work->depth * s->work->size, make),
	    .room = semaphore(receiver, "room", make, s->work->depth),
	    .messages = semaphore(receiver, "messages", make, 0),
	    .turn = semaphore(receiver, "turn", make, 1),
	};
}

static void *side_open(const struct bench_work *work, bool sender, unsigned number)
{
	struct side *s = calloc(1, sizeof(*s));

	s->work = work;
	s->own = aligned_alloc(64, work->size);
	memset(s->own, 0, work->size);
	for (unsigned i = 0; sender && i < work->receivers + work->stall; i++)
		connect_channel(s, i, number == 0);
	if (!sender)
		connect_channel(s, number, false);
	return s;
}

static void *side_prepare(void *side)
{
	return ((struct side *)side)->own;
}

static void lock(sem_t *sem)
{
	while (sem_wait(sem) < 0)
		;
}

/* Lossy: who has no room misses the message. */
static void send_to(struct side *s, struct channel *c)
{
	if (!s->work->lossless && sem_trywait(c->room) < 0)
		return;
	while (s->work->lossless && (s->work->polling ? sem_trywait(c->room) : sem_wait(c->room)) < 0)
		bench_pause();
	lock(c->turn);
	memcpy(c->ring->bytes + c->ring->written++ % s->work->depth * s->work->size, s->own, s->work->size);
	sem_post(c->turn);
	sem_post(c->messages);
}

static void side_send(void *side)
{
	struct side *s = side;

	for (unsigned i = 0; i < s->count; i++)
		send_to(s, &s->channels[i]);
}

static const void *side_receive(void *side, int64_t timeout_ns)
{
	struct side *s = side;
	struct channel *c = &s->channels[0];
	struct timespec until;

	if (sem_trywait(c->messages) < 0) {
		if (timeout_ns == 0)
			return NULL;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += timeout_ns;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (sem_timedwait(c->messages, &until) < 0)
			return NULL;
	}
	lock(c->turn);
	memcpy(s->own, c->ring->bytes + c->ring->read++ % s->work->depth * s->work->size, s->work->size);
	sem_post(c->turn);
	sem_post(c->room);
	return s->own;
}

static void side_release(void *side)
{
}

static void side_close(void *side)
{
	struct side *s = side;

	for (unsigned i = 0; i < s->count; i++) {
		sem_close(s->channels[i].room);
		sem_close(s->channels[i].messages);
		sem_close(s->channels[i].turn);
	}
	free(s->own);
	free(s);
}

static void side_stop(void)
{
	static const char *const names[] = {"room", "messages", "turn"};
	char name[128];

	for (unsigned i = 0; i <= BENCH_RECEIVERS_MAX; i++) {
		for (unsigned j = 0; j < 3; j++) {
			snprintf(name, sizeof(name), "/%s-%u-%s", bench_name(), i, names[j]);
			sem_unlink(name);
		}
		snprintf(name, sizeof(name), "bytes%u", i);
		bench_unlink(name);
	}
}

const struct bench_peer bench_peer = {
    .name = "semaphore",
    .open = side_open,
    .prepare = side_prepare,
    .send = side_send,
    .receive = side_receive,
    .release = side_release,
    .close = side_close,
    .stop = side_stop,
};
