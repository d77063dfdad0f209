/* SPDX-License-Identifier: Apache-2.0 */
/* Percentiles over the last samples, and rates over the last 2 s. */
#include "check.h"
#include "metrics.h"
#include "zoetrope.h"

#include <errno.h>
#include <math.h>

#define SECOND 1000000000LL

static int64_t percentile(const struct metrics_window *window, double percent)
{
	int64_t value = -1;

	CHECK_OK(metrics_percentile(window, percent, &value));
	return value;
}

TEST(percentiles)
{
	static struct metrics_window window;
	int64_t none;

	CHECK_EQ(metrics_percentile(&window, 50, &none), -EAGAIN);
	metrics_add(&window, 7);
	CHECK_EQ(percentile(&window, 50), 7);
	CHECK_EQ(percentile(&window, 99), 7);
	window = (struct metrics_window){0};
	for (int64_t i = 100; i >= 1; i--)
		metrics_add(&window, i);
	CHECK_EQ(percentile(&window, 50), 50);
	CHECK_EQ(percentile(&window, 99), 99);
	CHECK_EQ(percentile(&window, 100), 100);
	CHECK_EQ(percentile(&window, 0), 1);
}

TEST(old_samples_go)
{
	static struct metrics_window window;

	for (int i = 0; i < METRICS_SAMPLES; i++)
		metrics_add(&window, 1000000);
	for (int i = 0; i < METRICS_SAMPLES; i++)
		metrics_add(&window, i);
	CHECK_EQ(percentile(&window, 100), METRICS_SAMPLES - 1);
}

static void near(double got, double wanted)
{
	if (fabs(got - wanted) > 0.01)
		check_failed(__FILE__, __LINE__, "%f, wanted %f", got, wanted);
}

TEST(steady_rate_is_exact)
{
	static struct metrics_rate rate;
	int64_t now = 5 * SECOND;

	near(metrics_per_second(&rate, now), 0);
	for (int i = 0; i < 200; i++)
		metrics_event(&rate, now += 40000000);
	for (int64_t late = 0; late < 80000000; late += 7000000)
		near(metrics_per_second(&rate, now + late), 25);
}

TEST(rate_falls_when_nothing_comes)
{
	static struct metrics_rate rate;
	int64_t now = 0;

	for (int i = 0; i < 100; i++)
		metrics_event(&rate, now += 40000000);
	double one = metrics_per_second(&rate, now + SECOND), more = metrics_per_second(&rate, now + SECOND * 3 / 2);
	CHECK(one > 5 && one < 20);
	CHECK(more < one);
	near(metrics_per_second(&rate, now + 2 * SECOND + 1), 0);
}

TEST(high_and_low_rates)
{
	static struct metrics_rate rate;
	int64_t now = 0;

	for (int i = 0; i < 5000; i++)
		metrics_event(&rate, now += 1000000);
	near(metrics_per_second(&rate, now), 1000);
	rate = (struct metrics_rate){0};
	metrics_event(&rate, now);
	near(metrics_per_second(&rate, now), 0.5);
}

TEST(json)
{
	static struct metrics_window window;
	json_t *object = json_object();

	metrics_put_ms(object, "time", &window);
	CHECK(!json_object_get(object, "time"));
	metrics_add(&window, 1234567);
	metrics_put_ms(object, "time", &window);
	metrics_put(object, "not_a_number", NAN);
	CHECK(!json_object_get(object, "not_a_number"));
	CHECK(json_real_value(json_object_get(json_object_get(object, "time"), "p50")) == 1.235);
	json_decref(object);
}
