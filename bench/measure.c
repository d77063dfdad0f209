/* SPDX-License-Identifier: Apache-2.0 */
/* Length of a tick; percentiles. */
#include "measure.h"

#include <stdlib.h>

double bench_ticks_per_ns(void)
{
	int64_t ns = bench_now_ns(), ticks = bench_ticks();

	while (bench_now_ns() < ns + 20000000)
		;
	return (double)(bench_ticks() - ticks) / (double)(bench_now_ns() - ns);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct bench_percentiles bench_percentiles(int64_t *samples, size_t count, double ticks_per_ns)
{
	if (count == 0)
		return (struct bench_percentiles){0};
	qsort(samples, count, sizeof(*samples), compare);
	return (struct bench_percentiles){
	    .count = count,
	    .p50 = (double)samples[count / 2] / ticks_per_ns,
	    .p90 = (double)samples[count * 90 / 100] / ticks_per_ns,
	    .p99 = (double)samples[count * 99 / 100] / ticks_per_ns,
	    .p999 = (double)samples[count * 999 / 1000] / ticks_per_ns,
	    .max = (double)samples[count - 1] / ticks_per_ns,
	};
}
