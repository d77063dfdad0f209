/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A detector engine for tests that breaks a rule of zoetrope_detector.h: which one, its option `how` says. Built with
 * -DENGINE_HOLE its table has no infer(), with -DENGINE_DEFAULT an option's default is wrong.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zoetrope_detector.h"

static const struct zoe_detector_option options[] = {
    {"how", ZOE_DETECTOR_CHOICE, "not", 0, 0, "", "not|open-crash|input|many|class|nan|crash|hang|mute", "Rule."},
#ifdef ENGINE_DEFAULT
    {"size", ZOE_DETECTOR_INTEGER, "twelve", 0, 0, "", NULL, "A number whose default is none."},
#endif
    {"weight", ZOE_DETECTOR_NUMBER, "0.5", 0, 1, "kg", NULL, "A number."},
    {"quiet", ZOE_DETECTOR_BOOL, "true", 0, 0, "", NULL, "A switch."},
    {"word", ZOE_DETECTOR_TEXT, "", 0, 0, "", NULL, "A text."},
    {NULL},
};

static int broken_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	if (strcmp(config->options[0].text, "open-crash") == 0)
		raise(SIGSEGV);
	*out_state = strdup(config->options[0].text);
	return 0;
}

static void broken_input(void *state, struct zoe_detector_input *out)
{
	out->batch = strcmp(state, "input") ? 1 : 1000;
}

static const char *broken_label(void *state, uint32_t class_id)
{
	return class_id < 1 ? "Thing" : NULL;
}

static int broken_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
                        struct zoe_detector_found *found, char *error)
{
	const char *how = state;
	found->boxes[0] = (struct zoe_detection){.x = 0.9f, .y = -1, .w = 5, .h = 5, .score = 1};
	found->count = 1;
	if (strcmp(how, "many") == 0)
		found->count = found->room + 1;
	else if (strcmp(how, "class") == 0)
		found->boxes[0].class_id = 7;
	else if (strcmp(how, "nan") == 0)
		found->boxes[0].w = 0.0f / (found->boxes[0].x - found->boxes[0].x);
	else if (strcmp(how, "crash") == 0)
		raise(SIGSEGV);
	else if (strcmp(how, "mute") == 0)
		return -5;
	while (strcmp(how, "hang") == 0)
		pause();
	return 0;
}

const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    .abi = ZOE_DETECTOR_ABI,
	    .name = "broken",
	    .help = "Breaks rules.",
	    .options = options,
	    .open = broken_open,
	    .input = broken_input,
	    .label = broken_label,
#ifndef ENGINE_HOLE
	    .infer = broken_infer,
#endif
	    .close = free,
	};
	return &table;
}
