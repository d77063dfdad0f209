/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See scene.h. A running mean of each pixel is the scene. Pixels far from it have changed; where enough of a cell of 8x8
 * has, the cell moves, and neighbouring cells are one box. A light that goes on changes all pixels alike, and is left out.
 * Cost: one pass over the picture, which is small whatever the camera's size.
 */
#include "scene.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CELL  8
#define NEVER UINT16_MAX

struct scene {
	struct scene_settings settings;
	unsigned columns, rows;
	unsigned char *ignored; /* [rows][columns] */
	float *share;           /* [rows][columns]: how much of the cell has changed */
	uint16_t *region;       /* [rows][columns]: which box the cell belongs to */
	unsigned *stack;
	float *mean;        /* [height][width] */
	bool known;         /* mean is of some picture */
	int64_t capture_ns; /* of the picture before */
};

void scene_destroy(struct scene *scene)
{
	if (!scene)
		return;
	free(scene->ignored);
	free(scene->share);
	free(scene->region);
	free(scene->stack);
	free(scene->mean);
	free(scene);
}

int scene_create(const struct scene_settings *settings, struct scene **out)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	if (!scene)
		return -ENOMEM;
	scene->settings = *settings;
	scene->columns = (settings->width + CELL - 1) / CELL;
	scene->rows = (settings->height + CELL - 1) / CELL;
	size_t cells = (size_t)scene->columns * scene->rows;
	scene->ignored = calloc(cells, sizeof(*scene->ignored));
	scene->share = calloc(cells, sizeof(*scene->share));
	scene->region = calloc(cells, sizeof(*scene->region));
	scene->stack = calloc(cells, sizeof(*scene->stack));
	scene->mean = calloc((size_t)settings->width * settings->height, sizeof(*scene->mean));
	if (!scene->ignored || !scene->share || !scene->region || !scene->stack || !scene->mean) {
		scene_destroy(scene);
		return -ENOMEM;
	}
	*out = scene;
	return 0;
}

void scene_ignore(struct scene *scene, float x, float y, float width, float height)
{
	for (unsigned cell = 0; cell < scene->columns * scene->rows; cell++) {
		float cx = ((float)(cell % scene->columns) + 0.5f) * CELL / (float)scene->settings.width;
		float cy = ((float)(cell / scene->columns) + 0.5f) * CELL / (float)scene->settings.height;
		if (cx >= x && cx < x + width && cy >= y && cy < y + height)
			scene->ignored[cell] = 1;
	}
}

bool scene_known(const struct scene *scene)
{
	return scene->known;
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
static void compare(struct scene *scene, const uint8_t *pixels, float learnt)
{
	size_t count = (size_t)scene->settings.width * scene->settings.height;
	float lighter = light(scene->mean, pixels, count), limit = scene->settings.difference;
	memset(scene->share, 0, sizeof(*scene->share) * scene->columns * scene->rows);
	for (unsigned y = 0; y < scene->settings.height; y++) {
		float *mean = scene->mean + (size_t)y * scene->settings.width;
		const uint8_t *row = pixels + (size_t)y * scene->settings.width;
		float *share = scene->share + (size_t)(y / CELL) * scene->columns;
		for (unsigned x = 0; x < scene->settings.width; x++) {
			float difference = (float)row[x] - mean[x];
			share[x / CELL] += fabsf(difference - lighter) > limit ? 1.0f / (CELL * CELL) : 0;
			mean[x] += difference * learnt;
		}
	}
}

static int moves(const struct scene *scene, unsigned cell)
{
	return scene->share[cell] >= scene->settings.share && scene->share[cell] > 0 && !scene->ignored[cell] &&
	       scene->region[cell] == 0;
}

/* All cells that touch `first` through others that move, as one box. */
static struct zoe_detection grow(struct scene *scene, unsigned first, uint16_t number)
{
	unsigned left = UINT32_MAX, top = UINT32_MAX, right = 0, bottom = 0, count = 0, cells = 0;
	float sum = 0;
	scene->stack[count++] = first;
	scene->region[first] = number;
	while (count > 0) {
		unsigned cell = scene->stack[--count], x = cell % scene->columns, y = cell / scene->columns;
		left = x < left ? x : left;
		right = x > right ? x : right;
		top = y < top ? y : top;
		bottom = y > bottom ? y : bottom;
		sum += scene->share[cell];
		cells++;
		for (unsigned i = 0; i < 9; i++) {
			unsigned nx = x + i % 3 - 1, ny = y + i / 3 - 1; /* wraps below 0 to a large number */
			unsigned other = ny * scene->columns + nx;
			if (nx < scene->columns && ny < scene->rows && moves(scene, other)) {
				scene->region[other] = number;
				scene->stack[count++] = other;
			}
		}
	}
	float width = (float)scene->settings.width, height = (float)scene->settings.height;
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

static unsigned find(struct scene *scene, struct zoe_detection *out, unsigned room)
{
	unsigned count = 0;
	uint16_t number = 0;
	memset(scene->region, 0, sizeof(*scene->region) * scene->columns * scene->rows);
	for (unsigned cell = 0; cell < scene->columns * scene->rows && count < room && number < NEVER; cell++) {
		if (!moves(scene, cell))
			continue;
		struct zoe_detection box = grow(scene, cell, ++number);
		if (box.w * box.h >= scene->settings.min_area)
			out[count++] = box;
	}
	qsort(out, count, sizeof(out[0]), by_score);
	return count;
}

unsigned scene_look(struct scene *scene, const uint8_t *pixels, int64_t capture_ns, struct zoe_detection *out,
                    unsigned room)
{
	size_t size = (size_t)scene->settings.width * scene->settings.height;
	double since_s = (double)(capture_ns - scene->capture_ns) / 1e9;
	scene->capture_ns = capture_ns;
	if (!scene->known) {
		for (size_t i = 0; i < size; i++)
			scene->mean[i] = pixels[i];
		scene->known = true;
		return 0;
	}
	compare(scene, pixels, since_s > 0 ? (float)(1 - exp(-since_s / scene->settings.learn_s)) : 0);
	return find(scene, out, room);
}
