/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole detector engine: the brightest cell of a picture. Anybody builds it with the installed header alone:
 *
 *   gcc -shared -fPIC $(pkg-config --cflags zoetrope) detector.c -o zoetrope-detector-bright.so
 *
 * ZOETROPE_DETECTOR_PATH names its folder; then  detectors: {spot: {engine: bright, cameras: [front]}}
 */
#include <errno.h>
#include <stdlib.h>
#include <zoetrope_detector.h>

struct bright {
	float threshold;
	uint32_t cells;
};

static const struct zoe_detector_option options[] = {
    {"cells", ZOE_DETECTOR_INTEGER, "8", 1, 64, "", NULL, "Cells in a row, and rows of cells."},
    {NULL, 0, NULL, 0, 0, NULL, NULL, NULL},
};

static int bright_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	struct bright *bright = malloc(sizeof(*bright));
	(void)error; /* a sentence is there already for failures that say nothing */
	if (!bright)
		return -ENOMEM;
	*bright = (struct bright){config->threshold, (uint32_t)config->options[0].integer};
	*out_state = bright;
	return 0;
}

/* Whatever the camera gives, this engine gets a grey byte for each cell. */
static void bright_input(void *state, struct zoe_detector_input *out)
{
	out->format = ZOE_FORMAT_GREY;
	out->width = out->height = ((struct bright *)state)->cells;
	out->batch = 1;
}

static const char *bright_label(void *state, uint32_t class_id)
{
	(void)state;
	return class_id == 0 ? "Bright" : NULL;
}

static int bright_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
                        struct zoe_detector_found *found, char *error)
{
	const struct bright *bright = state;
	const uint8_t *cells = pictures->data;
	uint32_t best = 0, side = bright->cells;
	(void)count, (void)error;
	for (uint32_t i = 1; i < side * side; i++)
		best = cells[i] > cells[best] ? i : best;
	float size = 1.0f / (float)side, score = (float)cells[best] / 255;
	found->boxes[0] = (struct zoe_detection){
	    .x = (float)(best % side) * size, .y = (float)(best / side) * size, .w = size, .h = size, .score = score};
	found->count = score >= bright->threshold;
	return 0;
}

const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    ZOE_DETECTOR_ABI, "bright",     "The brightest cell of a picture.",
	    options,          bright_open,  bright_input,
	    bright_label,     bright_infer, free,
	};
	return &table;
}
