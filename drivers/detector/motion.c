/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine "motion": where something moved, without a model. It looks at a small grey picture and knows for each camera how
 * the scene usually looks: a running mean of each pixel. Pixels far from it have changed; where enough of a cell of 8x8
 * has, the cell moves, and neighbouring cells are one box. A light that goes on changes all pixels alike, and is left out.
 * Cost: one pass over 57600 pixels, whatever the camera's size.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zoetrope_detector.h"

#define CELL        8
#define IGNORED_MAX 16
#define NEVER       UINT16_MAX

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

/* How a camera's scene usually looks. */
struct scene {
	float *mean;        /* [height][width]; NULL until the first picture */
	int64_t capture_ns; /* of the picture before */
};

struct motion {
	unsigned width, height, columns, rows;
	float threshold, difference, min_area;
	double learn_s;
	unsigned char *ignored; /* [rows][columns] */
	float *share;           /* [rows][columns]: how much of the cell has changed */
	uint16_t *region;       /* [rows][columns]: which box the cell belongs to */
	unsigned *stack;
	struct scene *scenes;
	unsigned scene_count;
};

static void motion_close(void *state)
{
	struct motion *motion = state;
	if (!motion)
		return;
	for (unsigned i = 0; motion->scenes && i < motion->scene_count; i++)
		free(motion->scenes[i].mean);
	free(motion->scenes);
	free(motion->ignored);
	free(motion->share);
	free(motion->region);
	free(motion->stack);
	free(motion);
}

/* Mark the cells whose middle lies in an area. */
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
		for (unsigned cell = 0; cell < motion->columns * motion->rows; cell++) {
			float cx = ((float)(cell % motion->columns) + 0.5f) * CELL / (float)motion->width;
			float cy = ((float)(cell / motion->columns) + 0.5f) * CELL / (float)motion->height;
			if (cx >= x && cx < x + w && cy >= y && cy < y + h)
				motion->ignored[cell] = 1;
		}
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
	    .width = (unsigned)values[WIDTH].integer,
	    .height = (unsigned)values[HEIGHT].integer,
	    .threshold = config->threshold,
	    .difference = (float)values[DIFFERENCE].integer,
	    .min_area = (float)values[MIN_AREA].number,
	    .learn_s = values[LEARN].number,
	    .scene_count = config->streams,
	};
	motion->columns = (motion->width + CELL - 1) / CELL;
	motion->rows = (motion->height + CELL - 1) / CELL;
	size_t cells = (size_t)motion->columns * motion->rows;
	motion->ignored = calloc(cells, sizeof(*motion->ignored));
	motion->share = calloc(cells, sizeof(*motion->share));
	motion->region = calloc(cells, sizeof(*motion->region));
	motion->stack = calloc(cells, sizeof(*motion->stack));
	motion->scenes = calloc(config->streams, sizeof(*motion->scenes));
	int status =
	    motion->ignored && motion->share && motion->region && motion->stack && motion->scenes ? 0 : -ENOMEM;
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
	out->width = motion->width;
	out->height = motion->height;
	out->batch = 1;
}

static const char *motion_label(void *state, uint32_t class_id)
{
	return class_id == 0 ? "Motion" : NULL;
}

/* By how much the whole picture is lighter than usual: the median, so that what moves does not count. */
static float light(const float *mean, const uint8_t *pixels, size_t count)
{
	unsigned histogram[511] = {0};
	size_t seen = 0;
	int difference = -255;
	for (size_t i = 0; i < count; i++)
		histogram[255 + (int)lrintf((float)pixels[i] - mean[i])]++;
	for (; difference < 255; difference++) {
		seen += histogram[255 + difference];
		if (seen * 2 >= count)
			break;
	}
	return (float)difference;
}

/* Compare with the scene, and learn. Each cell gets the share of its pixels that have changed. */
static void compare(struct motion *motion, struct scene *scene, const uint8_t *pixels, float learnt)
{
	size_t count = (size_t)motion->width * motion->height;
	float lighter = light(scene->mean, pixels, count);
	memset(motion->share, 0, sizeof(*motion->share) * motion->columns * motion->rows);
	for (unsigned y = 0; y < motion->height; y++) {
		float *mean = scene->mean + (size_t)y * motion->width;
		const uint8_t *row = pixels + (size_t)y * motion->width;
		float *share = motion->share + (size_t)(y / CELL) * motion->columns;
		for (unsigned x = 0; x < motion->width; x++) {
			float difference = (float)row[x] - mean[x];
			share[x / CELL] += fabsf(difference - lighter) > motion->difference ? 1.0f / (CELL * CELL) : 0;
			mean[x] += difference * learnt;
		}
	}
}

static int moves(const struct motion *motion, unsigned cell)
{
	return motion->share[cell] >= motion->threshold && motion->share[cell] > 0 && !motion->ignored[cell] &&
	       motion->region[cell] == 0;
}

/* All cells that touch `first` through others that move, as one box. */
static struct zoe_detection grow(struct motion *motion, unsigned first, uint16_t number)
{
	unsigned left = UINT32_MAX, top = UINT32_MAX, right = 0, bottom = 0, count = 0, cells = 0;
	float sum = 0;
	motion->stack[count++] = first;
	motion->region[first] = number;
	while (count > 0) {
		unsigned cell = motion->stack[--count], x = cell % motion->columns, y = cell / motion->columns;
		left = x < left ? x : left;
		right = x > right ? x : right;
		top = y < top ? y : top;
		bottom = y > bottom ? y : bottom;
		sum += motion->share[cell];
		cells++;
		for (unsigned i = 0; i < 9; i++) {
			unsigned nx = x + i % 3 - 1, ny = y + i / 3 - 1; /* wraps below 0 to a large number */
			unsigned other = ny * motion->columns + nx;
			if (nx < motion->columns && ny < motion->rows && moves(motion, other)) {
				motion->region[other] = number;
				motion->stack[count++] = other;
			}
		}
	}
	float width = (float)motion->width, height = (float)motion->height;
	return (struct zoe_detection){
	    .x = (float)left * CELL / width,
	    .y = (float)top * CELL / height,
	    .w = (float)(right + 1 - left) * CELL / width,
	    .h = (float)(bottom + 1 - top) * CELL / height,
	    .score = fminf(sum / (float)cells, 1),
	};
}

static int by_score(const void *left, const void *right)
{
	const struct zoe_detection *a = left, *b = right;
	return a->score < b->score ? 1 : a->score > b->score ? -1 : 0;
}

static void find(struct motion *motion, struct zoe_detector_found *found)
{
	uint16_t number = 0;
	memset(motion->region, 0, sizeof(*motion->region) * motion->columns * motion->rows);
	for (unsigned cell = 0; cell < motion->columns * motion->rows && found->count < found->room && number < NEVER;
	     cell++) {
		if (!moves(motion, cell))
			continue;
		struct zoe_detection box = grow(motion, cell, ++number);
		if (box.w * box.h >= motion->min_area)
			found->boxes[found->count++] = box;
	}
	qsort(found->boxes, found->count, sizeof(found->boxes[0]), by_score);
}

static int motion_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
                        struct zoe_detector_found *found, char *error)
{
	struct motion *motion = state;
	struct scene *scene = &motion->scenes[pictures->stream];
	const uint8_t *pixels = pictures->data;
	size_t size = (size_t)motion->width * motion->height;
	double since_s = (double)(pictures->capture_ns - scene->capture_ns) / 1e9;
	scene->capture_ns = pictures->capture_ns;
	if (!scene->mean) {
		scene->mean = malloc(size * sizeof(float));
		for (size_t i = 0; scene->mean && i < size; i++)
			scene->mean[i] = pixels[i];
		return scene->mean ? 0 : -ENOMEM;
	}
	compare(motion, scene, pixels, since_s > 0 ? (float)(1 - exp(-since_s / motion->learn_s)) : 0);
	find(motion, found);
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
