/* SPDX-License-Identifier: Apache-2.0 */
/* Percentiles and rates over a fixed number of last samples. */
#include "metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void metrics_add(struct metrics_window *window, int64_t value_ns)
{
	window->samples[window->next] = value_ns;
	window->next = (window->next + 1) % METRICS_SAMPLES;
	if (window->count < METRICS_SAMPLES)
		window->count++;
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

static int64_t sorted_percentile(const int64_t *sorted, unsigned count, double percent)
{
	double rank = ceil(percent / 100 * count); /* nearest rank: the smallest sample that suffices */

	if (rank < 1)
		rank = 1;
	if (rank > count)
		rank = count;
	return sorted[(unsigned)rank - 1];
}

static void sort(const struct metrics_window *window, int64_t *out_sorted)
{
	memcpy(out_sorted, window->samples, window->count * sizeof *out_sorted);
	qsort(out_sorted, window->count, sizeof *out_sorted, compare);
}

int metrics_percentile(const struct metrics_window *window, double percent, int64_t *out_ns)
{
	int64_t sorted[METRICS_SAMPLES];

	if (!window->count)
		return -EAGAIN;
	sort(window, sorted);
	*out_ns = sorted_percentile(sorted, window->count, percent);
	return 0;
}

void metrics_event(struct metrics_rate *rate, int64_t now_ns)
{
	rate->times[rate->next] = now_ns;
	rate->next = (rate->next + 1) % METRICS_EVENTS;
	if (rate->count < METRICS_EVENTS)
		rate->count++;
}

double metrics_per_second(const struct metrics_rate *rate, int64_t now_ns)
{
	int64_t first = 0, last = 0;
	unsigned events = 0;

	for (unsigned back = 1; back <= rate->count; back++) {
		int64_t time = rate->times[(rate->next + METRICS_EVENTS - back) % METRICS_EVENTS];
		if (now_ns - time > METRICS_RATE_NS)
			break;
		if (!events++)
			last = time;
		first = time;
	}
	if (events < 2 || last <= first)
		return events / (METRICS_RATE_NS / 1e9);

	/* Between the first and the last event there are events - 1 intervals: exact for a steady rate, wherever `now`
	 * lies. */
	double interval = (double)(last - first) / (events - 1);
	if ((double)(now_ns - last) > 2 * interval)
		return events / ((double)(now_ns - first) / 1e9);
	return 1e9 / interval;
}

void metrics_put(json_t *object, const char *key, double value)
{
	if (isfinite(value))
		json_object_set_new(object, key, json_real(round(value * 1000) / 1000));
}

void metrics_put_ms(json_t *object, const char *key, const struct metrics_window *window)
{
	int64_t sorted[METRICS_SAMPLES];

	if (!window->count)
		return;
	sort(window, sorted);
	json_t *spread = json_object();
	metrics_put(spread, "p50", (double)sorted_percentile(sorted, window->count, 50) / 1e6);
	metrics_put(spread, "p99", (double)sorted_percentile(sorted, window->count, 99) / 1e6);
	json_object_set_new(object, key, spread);
}
