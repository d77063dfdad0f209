/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSD decoding. Anchors follow tensorflow/models research/object_detection anchor_generators/
 * multiple_grid_anchor_generator.py (create_ssd_anchors) with the settings of ssd_mobilenet_v2: six grids, scales 0.2
 * to 0.95, aspect ratios 1, 2, 1/2, 3, 1/3 and one square between each two scales, fewer on the first grid.
 */
#include "ssd.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define GRIDS       6
#define PER_CELL    6
#define SCALE_MIN   0.2
#define SCALE_MAX   0.95
#define OVERLAP_MAX 0.5f
/* Boxes are trained multiplied by these (faster_rcnn_box_coder in the model's pipeline.config). */
#define CENTRE_SCALE 10.0f
#define SIZE_SCALE   5.0f

struct candidate {
	float x0, y0, x1, y1;
	float score;
	unsigned class_id;
	unsigned anchor;
};

struct ssd {
	unsigned classes;
	float threshold;
	float anchors[SSD_ANCHORS][4];
	struct candidate candidates[SSD_ANCHORS];
};

/* Widths and heights of the anchors in each cell of a grid. Returns how many. */
static unsigned cell_sizes(unsigned grid, double out[PER_CELL][2])
{
	static const double ratios[] = {1.0, 2.0, 0.5, 3.0, 0.3333};
	double scale = SCALE_MIN + (SCALE_MAX - SCALE_MIN) * grid / (GRIDS - 1);
	double next = grid + 1 < GRIDS ? SCALE_MIN + (SCALE_MAX - SCALE_MIN) * (grid + 1) / (GRIDS - 1) : 1.0;
	unsigned ratio_count = grid == 0 ? 3 : 5;
	for (unsigned i = 0; i < ratio_count; i++) {
		out[i][0] = scale * sqrt(ratios[i]);
		out[i][1] = scale / sqrt(ratios[i]);
	}
	if (grid == 0) {
		out[0][0] = out[0][1] = 0.1;
		return ratio_count;
	}
	out[ratio_count][0] = out[ratio_count][1] = sqrt(scale * next);
	return ratio_count + 1;
}

static void fill_anchors(float anchors[SSD_ANCHORS][4])
{
	static const unsigned cells[GRIDS] = {19, 10, 5, 3, 2, 1};
	unsigned n = 0;
	for (unsigned grid = 0; grid < GRIDS; grid++) {
		double sizes[PER_CELL][2];
		unsigned count = cell_sizes(grid, sizes);
		for (unsigned cell = 0; cell < cells[grid] * cells[grid]; cell++) {
			for (unsigned i = 0; i < count; i++, n++) {
				anchors[n][0] = (float)((cell % cells[grid] + 0.5) / cells[grid]);
				anchors[n][1] = (float)((cell / cells[grid] + 0.5) / cells[grid]);
				anchors[n][2] = (float)sizes[i][0];
				anchors[n][3] = (float)sizes[i][1];
			}
		}
	}
}

int ssd_create(unsigned classes, float threshold, struct ssd **out)
{
	struct ssd *ssd = calloc(1, sizeof(*ssd));
	if (!ssd)
		return -ENOMEM;
	ssd->classes = classes;
	ssd->threshold = threshold;
	fill_anchors(ssd->anchors);
	*out = ssd;
	return 0;
}

void ssd_destroy(struct ssd *ssd)
{
	free(ssd);
}

const float (*ssd_anchors(const struct ssd *ssd))[4]
{
	return ssd->anchors;
}

static float clip(float fraction)
{
	return fminf(fmaxf(fraction, 0.0f), 1.0f);
}

/* Where an encoded box lies. Returns false if nothing of it is inside the picture. */
static bool place(const float anchor[4], const float box[4], struct candidate *out)
{
	float y = box[0] / CENTRE_SCALE * anchor[3] + anchor[1];
	float x = box[1] / CENTRE_SCALE * anchor[2] + anchor[0];
	float half_height = expf(box[2] / SIZE_SCALE) * anchor[3] / 2;
	float half_width = expf(box[3] / SIZE_SCALE) * anchor[2] / 2;
	out->x0 = clip(x - half_width);
	out->y0 = clip(y - half_height);
	out->x1 = clip(x + half_width);
	out->y1 = clip(y + half_height);
	return out->x1 > out->x0 && out->y1 > out->y0;
}

static int by_score(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->anchor < b->anchor ? -1 : 1;
}

/* Candidates above the threshold, best first. */
static unsigned collect(struct ssd *ssd, const float *boxes, const float *scores)
{
	unsigned count = 0;
	for (unsigned i = 0; i < SSD_ANCHORS; i++) {
		const float *logits = scores + (size_t)i * ssd->classes;
		unsigned best = 1;
		for (unsigned c = 2; c < ssd->classes; c++) {
			if (logits[c] > logits[best])
				best = c;
		}
		struct candidate *candidate = &ssd->candidates[count];
		candidate->score = 1.0f / (1.0f + expf(-logits[best]));
		candidate->class_id = best;
		candidate->anchor = i;
		/* Written so that a score that is no number fails too. */
		if (candidate->score >= ssd->threshold && place(ssd->anchors[i], boxes + (size_t)i * 4, candidate))
			count++;
	}
	qsort(ssd->candidates, count, sizeof(*ssd->candidates), by_score);
	return count;
}

/* Intersection over union. */
static float overlap(const struct candidate *a, const struct candidate *b)
{
	float width = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0);
	float height = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0);
	if (width <= 0 || height <= 0)
		return 0;
	float both = width * height;
	float area_a = (a->x1 - a->x0) * (a->y1 - a->y0);
	float area_b = (b->x1 - b->x0) * (b->y1 - b->y0);
	return both / (area_a + area_b - both);
}

static bool suppressed(const struct candidate *candidate, const struct candidate *kept, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (kept[i].class_id == candidate->class_id && overlap(&kept[i], candidate) > OVERLAP_MAX)
			return true;
	}
	return false;
}

unsigned ssd_decode(struct ssd *ssd, const float *boxes, const float *scores, struct zoe_detection *out, unsigned room)
{
	unsigned count = collect(ssd, boxes, scores);
	unsigned kept = 0; /* the best ones move to the front of the candidates */
	for (unsigned i = 0; i < count && kept < room; i++) {
		struct candidate candidate = ssd->candidates[i];
		if (suppressed(&candidate, ssd->candidates, kept))
			continue;
		out[kept] = (struct zoe_detection){
		    .x = candidate.x0,
		    .y = candidate.y0,
		    .w = candidate.x1 - candidate.x0,
		    .h = candidate.y1 - candidate.y0,
		    .score = candidate.score,
		    .class_id = candidate.class_id,
		};
		ssd->candidates[kept++] = candidate;
	}
	return kept;
}
