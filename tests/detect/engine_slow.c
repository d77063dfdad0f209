/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A detector engine for tests: takes as many milliseconds for a batch as its "model" says, and finds one box in each picture,
 * whose place tells the picture's first byte (or is its middle), and whose score is 1 / pictures in the batch. It hangs at
 * picture number `hang_at`. The ABI it claims is chosen at build, so that a wrong one can be tried.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "zoetrope_detector.h"

struct slow {
	long delay_ms;
	int64_t left; /* pictures until it hangs */
	int64_t slow_every, count;
	uint32_t batch;
	int64_t middle;
};

static const struct zoe_detector_option options[] = {
    {"hang_at", ZOE_DETECTOR_INTEGER, "0", 0, 1000000, "pictures", NULL, "Hang at this one; 0 means never."},
    {"slow_every", ZOE_DETECTOR_INTEGER, "0", 0, 1000, "pictures", NULL, "Each n-th takes 20 times as long."},
    {"batch", ZOE_DETECTOR_INTEGER, "1", 1, 16, "pictures", NULL, "Most at once."},
    {"middle", ZOE_DETECTOR_BOOL, "false", 0, 0, "", NULL, "The box is the middle of the picture, a tenth of it."},
    {NULL},
};

static int slow_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	struct slow *slow = malloc(sizeof(*slow));
	if (!slow)
		return -ENOMEM;
	*slow = (struct slow){.delay_ms = atol(config->model),
	                      .left = config->options[0].integer,
	                      .slow_every = config->options[1].integer,
	                      .batch = (uint32_t)config->options[2].integer,
	                      .middle = config->options[3].integer};
	if (slow->delay_ms <= 0) {
		free(slow);
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "model '%s' is no number of milliseconds", config->model);
		return -EINVAL;
	}
	*out_state = slow;
	return 0;
}

static const char *slow_label(void *state, uint32_t class_id)
{
	static const char *const labels[] = {"", "Byte", "Other"};
	return class_id < 3 ? labels[class_id] : NULL;
}

/* The picture as it is, so that its first byte tells which one it was. */
static void slow_input(void *state, struct zoe_detector_input *out)
{
	out->batch = ((struct slow *)state)->batch;
}

static int slow_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
                      struct zoe_detector_found *found, char *error)
{
	struct slow *slow = state;
	long delay_ms = slow->delay_ms;
	if (slow->slow_every && ++slow->count % slow->slow_every == 0)
		delay_ms *= 20;
	if (slow->left && --slow->left == 0) {
		for (;;)
			pause();
	}
	nanosleep(&(struct timespec){.tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000}, NULL);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t first = ((const uint8_t *)pictures[i].data)[pictures[i].image.planes[0].offset];
		if (first == 255) {
			snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "the picture begins with 255");
			return -EINVAL;
		}
		found[i].boxes[0] = (struct zoe_detection){.x = first / 256.0f, .w = 0.25f, .h = 0.5f, .class_id = 1};
		if (slow->middle)
			found[i].boxes[0] =
			    (struct zoe_detection){.x = 0.45f, .y = 0.45f, .w = 0.1f, .h = 0.1f, .class_id = 1};
		found[i].boxes[0].score = 1.0f / (float)count;
		found[i].count = 1;
	}
	return 0;
}

static void slow_close(void *state)
{
	free(state);
}

const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    .abi = ENGINE_ABI,
	    .name = "slow",
	    .help = "Finds the first byte of a picture.",
	    .options = options,
	    .open = slow_open,
	    .input = slow_input,
	    .label = slow_label,
	    .infer = slow_infer,
	    .close = slow_close,
	};
	return &table;
}
