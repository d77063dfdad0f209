/* SPDX-License-Identifier: Apache-2.0 */
/* Engine "motion": where something moved, without a model. It looks at a small grey picture, and scene.c does the rest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scene.h"
#include "zoetrope_detector.h"

enum option { WIDTH, HEIGHT, DIFFERENCE, LEARN, MIN_AREA, IGNORE };
static const struct zoe_detector_option options[] = {
    {"width", ZOE_DETECTOR_INTEGER, "320", 64, 1920, "pixels", NULL, "Width of the picture it looks at."},
    {"height", ZOE_DETECTOR_INTEGER, "180", 64, 1080, "pixels", NULL, "Height of that picture."},
    {"difference", ZOE_DETECTOR_INTEGER, "20", 1, 255, "of 255", NULL, "A pixel that differs by more has changed."},
    {"learn", ZOE_DETECTOR_NUMBER, "5", 0.1, 3600, "seconds", NULL,
     "After about so long what stays belongs to the scene."},
    {"min_area", ZOE_DETECTOR_NUMBER, "0.002", 0, 1, "of the picture", NULL, "Smaller boxes are left out."},
    {"ignore", ZOE_DETECTOR_TEXT, "", 0, 0, "", NULL,
     "Areas to ignore: x y width height in fractions, several divided by ';'."},
    {NULL},
};

struct motion {
	struct scene_settings settings;
	struct scene **scenes; /* one for each camera */
	unsigned scene_count;
};

static void motion_close(void *state)
{
	struct motion *motion = state;
	if (!motion)
		return;
	for (unsigned i = 0; motion->scenes && i < motion->scene_count; i++)
		scene_destroy(motion->scenes[i]);
	free(motion->scenes);
	free(motion);
}

static int read_ignored(struct motion *motion, const char *text, char *error)
{
	for (const char *at = text; *at;) {
		float x, y, w, h;
		int used = 0;
		if (sscanf(at, " %f %f %f %f %n", &x, &y, &w, &h, &used) != 4 || (at[used] && at[used] != ';')) {
			snprintf(error, ZOE_DETECTOR_ERROR_BYTES,
			         "option 'ignore': wanted areas such as '0 0 1 0.2; 0.5 0.5 0.1 0.1', found '%.100s'",
			         at);
			return -EINVAL;
		}
		for (unsigned i = 0; i < motion->scene_count; i++)
			scene_ignore(motion->scenes[i], x, y, w, h);
		at += used + (at[used] == ';');
	}
	return 0;
}

static int motion_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	const union zoe_detector_value *values = config->options;
	struct motion *motion = calloc(1, sizeof(*motion));
	if (!motion)
		return -ENOMEM;
	*motion = (struct motion){
	    .settings = {.width = (unsigned)values[WIDTH].integer,
	                 .height = (unsigned)values[HEIGHT].integer,
	                 .share = config->threshold,
	                 .difference = (float)values[DIFFERENCE].integer,
	                 .min_area = (float)values[MIN_AREA].number,
	                 .learn_s = values[LEARN].number},
	    .scene_count = config->streams,
	};
	motion->scenes = calloc(config->streams, sizeof(*motion->scenes));
	int status = motion->scenes ? 0 : -ENOMEM;
	for (unsigned i = 0; status == 0 && i < motion->scene_count; i++)
		status = scene_create(&motion->settings, &motion->scenes[i]);
	if (status == 0)
		status = read_ignored(motion, values[IGNORE].text, error);
	if (status < 0) {
		motion_close(motion);
		return status;
	}
	*out_state = motion;
	return 0;
}

static void motion_input(void *state, struct zoe_detector_input *out)
{
	const struct motion *motion = state;
	out->format = ZOE_FORMAT_GREY;
	out->width = motion->settings.width;
	out->height = motion->settings.height;
	out->batch = 1;
}

static const char *motion_label(void *state, uint32_t class_id)
{
	return class_id == 0 ? "Motion" : NULL;
}

static int motion_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
                        struct zoe_detector_found *found, char *error)
{
	struct motion *motion = state;
	found->count = scene_look(motion->scenes[pictures->stream], pictures->data, pictures->capture_ns, found->boxes,
	                          found->room);
	return 0;
}

const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    .abi = ZOE_DETECTOR_ABI,
	    .name = "motion",
	    .help = "Where something moved, without a model: label Motion.",
	    .options = options,
	    .open = motion_open,
	    .input = motion_input,
	    .label = motion_label,
	    .infer = motion_infer,
	    .close = motion_close,
	};
	return &table;
}
