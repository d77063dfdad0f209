/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and its distribution. Ticks are the processor's time stamp counter where it runs at one rate on all cores (the
 * kernel's clock source says so), because a call of the clock takes as long as half of what is measured here.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

static inline int64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t bench_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Not before all loads so far have their values. */
static inline int64_t bench_ticks(void)
{
#if defined(__x86_64__)
	__builtin_ia32_lfence();
	return (int64_t)__builtin_ia32_rdtsc();
#else
	return bench_now_ns();
#endif
}

/* Ticks in a nanosecond; takes 20 ms. */
double bench_ticks_per_ns(void);

struct bench_percentiles {
	size_t count;
	double p50, p90, p99, p999, max; /* ns */
};

/* Sorts the samples, which are ticks. */
struct bench_percentiles bench_percentiles(int64_t *samples, size_t count, double ticks_per_ns);

#endif
