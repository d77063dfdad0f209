/* SPDX-License-Identifier: Apache-2.0 */
/* Options as rows: every type from text and back, bounds, the nearest key, lists with commas, ${ENV}. */
#include "check.h"
#include "config.h"
#include "zoetrope.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct sample {
	char *text;
	bool flag;
	int64_t count;
	double rate;
	int64_t wait_ns;
	int64_t bytes;
	char *mode;
	char *cpus;
	struct option_list names;
};

static const struct option_row rows[] = {
    {"text", OPTION_TEXT, offsetof(struct sample, text), "hello", 0, 0, "", NULL, "A text."},
    {"flag", OPTION_BOOL, offsetof(struct sample, flag), "true", 0, 0, "", NULL, "A flag."},
    {"count", OPTION_INTEGER, offsetof(struct sample, count), "3", -5, 10, "pieces", NULL, "A count."},
    {"rate", OPTION_NUMBER, offsetof(struct sample, rate), "2.5", 0, 1000, "frames per second", NULL, "A rate."},
    {"wait", OPTION_DURATION, offsetof(struct sample, wait_ns), "500ms", 0, 60, "", NULL, "A time."},
    {"bytes", OPTION_SIZE, offsetof(struct sample, bytes), "64K", 0, 0, "", NULL, "A size."},
    {"mode", OPTION_CHOICE, offsetof(struct sample, mode), "fast", 0, 0, "", "fast|slow", "A mode."},
    {"cpus", OPTION_CPUS, offsetof(struct sample, cpus), "", 0, 0, "", NULL, "CPUs."},
    {"names", OPTION_LIST, offsetof(struct sample, names), "", 0, 0, "", NULL, "Names."},
    {NULL},
};

static struct sample defaults(void)
{
	struct sample sample;

	CHECK_OK(options_init(rows, &sample));
	return sample;
}

static char error[OPTIONS_ERROR_BYTES];

static int set(struct sample *sample, const char *key, const char *text)
{
	return options_set(rows, sample, key, text, error);
}

TEST(defaults)
{
	struct sample sample = defaults();

	CHECK_HAS(sample.text, "hello");
	CHECK(sample.flag);
	CHECK_EQ(sample.count, 3);
	CHECK(sample.rate == 2.5);
	CHECK_EQ(sample.wait_ns, 500000000);
	CHECK_EQ(sample.bytes, 65536);
	CHECK_EQ(sample.names.count, 0);
	options_finish(rows, &sample);
	CHECK(!sample.text && !sample.mode && !sample.names.items);
}

/* Every default of the program's own rows is a value that its row accepts; options_init() asserts it. */
TEST(defaults_of_the_program)
{
	for (const struct config_section *section = config_sections; section->key; section++) {
		struct option_row *joined = config_join(section->rows);
		void *values = calloc(1, section->bytes);
		CHECK_OK(options_init(joined, values));
		for (const struct option_row *row = joined; row->name; row++) {
			char *text = options_text(row, values);
			CHECK(text);
			if (row->fallback)
				CHECK(!strcmp(text, row->fallback));
			CHECK(row->help[strlen(row->help) - 1] == '.');
			free(text);
		}
		options_finish(joined, values);
		free(values);
		free(joined);
	}
}

TEST(texts_come_back)
{
	static const char *const pairs[][3] = {
	    {"text", "", ""},
	    {"text", "a b=c,\"d\"", "a b=c,\"d\""},
	    {"flag", "no", "false"},
	    {"flag", "ON", "true"},
	    {"count", "-5", "-5"},
	    {"rate", "0.35", "0.35"},
	    {"rate", "1e2", "100"},
	    {"wait", "2s", "2s"},
	    {"wait", "1500ms", "1500ms"},
	    {"wait", "0.5m", "30s"},
	    {"wait", "60s", "1m"},
	    {"wait", "0s", "0s"},
	    {"bytes", "2M", "2M"},
	    {"bytes", "1.5K", "1536"},
	    {"bytes", "4097", "4097"},
	    {"mode", "slow", "slow"},
	    {"cpus", "0-3,5", "0-3,5"},
	    {"names", "a,b", "a,b"},
	    {"names", "a\\,b,c", "a\\,b,c"},
	};
	struct sample sample = defaults();

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if (set(&sample, pairs[i][0], pairs[i][1]) < 0)
			check_failed(__FILE__, __LINE__, "%s: %s", pairs[i][1], error);
		char *text = options_text(options_find(rows, pairs[i][0]), &sample);
		if (strcmp(text, pairs[i][2]))
			check_failed(__FILE__, __LINE__, "%s=%s came back as %s", pairs[i][0], pairs[i][1], text);
		free(text);
	}
	CHECK_EQ(sample.names.count, 2);
	CHECK(!strcmp(sample.names.items[0], "a,b"));
	options_finish(rows, &sample);
}

TEST(wrong_values_change_nothing)
{
	static const char *const wrong[][2] = {
	    {"flag", "2"},     {"flag", ""},          {"count", "11"},
	    {"count", "-6"},   {"count", "1.5"},      {"count", ""},
	    {"count", " 1"},   {"count", "1 "},       {"count", "99999999999999999999"},
	    {"rate", "25 Hz"}, {"rate", "nan"},       {"rate", "inf"},
	    {"rate", "-1"},    {"rate", "1001"},      {"rate", ""},
	    {"wait", "5"},     {"wait", "5 s"},       {"wait", "5sec"},
	    {"wait", "61s"},   {"wait", "-1s"},       {"bytes", "1KB"},
	    {"bytes", "-1"},   {"bytes", "M"},        {"mode", "fas"},
	    {"mode", ""},      {"mode", "fast|slow"}, {"cpus", "a"},
	    {"cpus", "3-1"},   {"cpus", "1,"},        {"cpus", "1-"},
	    {"cpus", ",1"},    {"cpus", "99999"},     {"cpus", "-1"},
	    {"names", "a,,b"}, {"names", "a,"},       {"names", ","},
	};
	struct sample sample = defaults();

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (set(&sample, wrong[i][0], wrong[i][1]) != -EINVAL)
			check_failed(__FILE__, __LINE__, "%s=%s was accepted", wrong[i][0], wrong[i][1]);
		CHECK_HAS(error, "wanted ");
		CHECK_HAS(error, wrong[i][0]);
	}
	CHECK_EQ(sample.count, 3);
	CHECK(sample.rate == 2.5);
	CHECK_HAS(sample.mode, "fast");
	options_finish(rows, &sample);
}

TEST(sentence_names_unit_and_bounds)
{
	struct sample sample = defaults();

	CHECK_EQ(set(&sample, "rate", "25 Hz"), -EINVAL);
	CHECK_HAS(error, "a number from 0 to 1000 (frames per second)");
	CHECK_HAS(error, "found '25 Hz'");
	CHECK_EQ(set(&sample, "mode", "x"), -EINVAL);
	CHECK_HAS(error, "one of fast|slow");
	options_finish(rows, &sample);
}

TEST(nearest_key)
{
	static const char *const pairs[][2] = {
	    {"treshold", "threshold"}, {"thershold", "threshold"}, {"max-fps", "max_fps"}, {"model_path", "model"},
	    {"label", "labels"},       {"thread", "threads"},      {"cpu", "cpus"},        {"camera", "cameras"},
	};
	struct option_row *joined = config_join(detector_rows);

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		const char *nearest = options_nearest(joined, pairs[i][0]);
		if (!nearest || strcmp(nearest, pairs[i][1]))
			check_failed(__FILE__, __LINE__, "nearest to %s is %s", pairs[i][0],
			             nearest ? nearest : "nothing");
	}
	CHECK(!options_nearest(joined, "xyzzy"));
	CHECK(!options_nearest(joined, ""));
	CHECK(!options_nearest(joined, "an_absurdly_long_key_that_is_longer_than_any_key_could_ever_be_in_earnest"));
	free(joined);
}

TEST(required)
{
	struct camera_config camera = {0};
	struct option_row *joined = config_join(camera_rows);

	CHECK_OK(options_init(joined, &camera));
	CHECK_EQ(options_complete(joined, &camera, error), -EINVAL);
	CHECK_HAS(error, "'source' is missing");
	CHECK_OK(options_set(joined, &camera, "source", "test:", error));
	CHECK_OK(options_complete(joined, &camera, error));
	options_finish(joined, &camera);
	free(joined);
}

TEST(environment)
{
	char *text = NULL;

	setenv("ZT_SECRET", "s3cret", 1);
	unsetenv("ZT_UNSET");
	CHECK_OK(options_expand("a${ZT_SECRET}b$c", &text, error));
	CHECK(!strcmp(text, "as3cretb$c"));
	free(text);
	CHECK_EQ(options_expand("x${ZT_UNSET}", &text, error), -EINVAL);
	CHECK_HAS(error, "ZT_UNSET is not set");
	CHECK_EQ(options_expand("x${ZT_SECRET", &text, error), -EINVAL);
	CHECK_EQ(options_expand("${}", &text, error), -EINVAL);
}

TEST(names)
{
	CHECK(config_is_name("front_2-b"));
	CHECK(config_is_name("abcdefghijklmnopqrstuvwxyz12345"));
	CHECK(!config_is_name("abcdefghijklmnopqrstuvwxyz123456"));
	CHECK(!config_is_name(""));
	CHECK(!config_is_name("all"));
	CHECK(!config_is_name("a/b"));
	CHECK(!config_is_name("a b"));
	CHECK(!config_is_name("../x"));
}
