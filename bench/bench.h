/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer of the benchmark implements, and what it is asked to do. A peer is one file in peers/, linked with run.c
 * into a program bench-NAME; each program is one process of many, and each process opens one side.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_SENDERS_MAX   4
#define BENCH_RECEIVERS_MAX 16

/* A kind of traffic. */
struct bench_work {
	const char *name;
	size_t size;      /* bytes of a message */
	unsigned rate_hz; /* of each sender; 0 = as fast as the receivers follow */
	bool polling;     /* receivers ask again and again and never sleep */
	bool lossless;    /* a sender waits for its receivers */
	bool fill;        /* every byte is written and read; else only the first 64 */
	unsigned senders, receivers;
	bool stall;     /* one more receiver holds a message and is stopped, later killed */
	bool alone;     /* sender and receiver are one thread of one process, in turn */
	unsigned depth; /* messages that may be under way */
};

/* First bytes of each message. */
struct bench_stamp {
	uint64_t seq; /* of its sender, from 0 */
	int64_t sent; /* bench_ticks() when the content was ready */
	uint64_t sender;
	uint64_t words[4];
	uint64_t seq_again;
};

struct bench_peer {
	const char *name;
	/* A side of a connection. Receivers open when all senders have. NULL: cannot do this work. */
	void *(*open)(const struct bench_work *work, bool sender, unsigned number);
	/* Where the next message is to be written, work->size bytes. */
	void *(*prepare)(void *side);
	/* Send what was written there. */
	void (*send)(void *side);
	/* The next message; NULL if there is none within the time (0: now). */
	const void *(*receive)(void *side, int64_t timeout_ns);
	/* What receive() gave is no longer read. */
	void (*release)(void *side);
	void (*close)(void *side);
	/* Can it do this work at all? NULL: yes. */
	bool (*can)(const struct bench_work *work);
	/* May run in the first process before all others; stop undoes it. NULL: nothing to do. */
	void (*start)(const struct bench_work *work);
	void (*stop)(void);
};

/* Each peer's file defines it. */
#ifdef __cplusplus
extern "C" {
#endif
extern const struct bench_peer bench_peer;

/* End the program with a sentence. */
void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A name that only this run uses, for files, semaphores and sockets of the peers. */
const char *bench_name(void);

/* Shared futex on a word in shared memory. */
void bench_futex_wait(const void *word, uint32_t value, int64_t timeout_ns);
void bench_futex_wake(const void *word);

/* Map a new or an existing file /dev/shm/NAME-part of that many zeroed bytes; all pages are there before it returns. */
void *bench_map(const char *part, size_t bytes, bool make);
void bench_unlink(const char *part);

/*
 * iceoryx's daemon, which its users need: start it with a pool that is large enough for the work, and wait until it
 * answers; stop it. One can run on a machine at a time.
 */
void bench_roudi_start(const struct bench_work *work);
void bench_roudi_stop(void);
#ifdef __cplusplus
}
#endif

static inline void bench_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

#endif
