/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures that every role reports: the spread of a time (p50, p99) over the last samples, and a rate over the last 2 s.
 * Fixed size, no allocation but for the JSON; zero-initialised is empty. One thread at a time.
 */
#ifndef ZOETROPE_METRICS_H
#define ZOETROPE_METRICS_H

#include <jansson.h>
#include <stdint.h>

#define METRICS_SAMPLES 512  /* 20 s at 25 a second */
#define METRICS_EVENTS  1024 /* 2 s at 512 a second; at higher rates the window is shorter */
#define METRICS_RATE_NS 2000000000

struct metrics_window {
	int64_t samples[METRICS_SAMPLES];
	unsigned count; /* samples there are, up to METRICS_SAMPLES */
	unsigned next;  /* where the next one goes */
};

struct metrics_rate {
	int64_t times[METRICS_EVENTS];
	unsigned count;
	unsigned next;
};

/* Add a sample; the oldest one goes. */
void metrics_add(struct metrics_window *window, int64_t value_ns);

/* The sample that `percent` per cent of all do not exceed. Returns 0 | -EAGAIN (no sample yet). */
int metrics_percentile(const struct metrics_window *window, double percent, int64_t *out_ns);

/* Something happened at now_ns (zoe_now_ns()); times must not go back. */
void metrics_event(struct metrics_rate *rate, int64_t now_ns);

/* Events a second over the last 2 s; falls while nothing happens, 0 after 2 s. */
double metrics_per_second(const struct metrics_rate *rate, int64_t now_ns);

/* Put {"p50": .., "p99": ..} in milliseconds under key. Does nothing while there is no sample. */
void metrics_put_ms(json_t *object, const char *key, const struct metrics_window *window);

/* Put a number rounded to 3 decimals under key. */
void metrics_put(json_t *object, const char *key, double value);

#endif
