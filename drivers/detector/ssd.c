/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSD decoding. Anchors follow tensorflow/models research/object_detection anchor_generators/
 * multiple_grid_anchor_generator.py (create_ssd_anchors) with the settings of ssd_mobilenet_v2: six grids, scales 0.2
 * to 0.95, aspect ratios 1, 2, 1/2, 3, 1/3 and one square between each two scales, fewer on the first grid.
 */
#include "ssd.h"
#include "boxes.h"

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

struct ssd {
	unsigned classes;
	float threshold;
	float anchors[SSD_ANCHORS][4];
	struct box candidates[SSD_ANCHORS];
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

/* Where an encoded box lies. Returns false if nothing of it is inside the picture. */
static bool place(const float anchor[4], const float box[4], struct box *out)
{
	float y = box[0] / CENTRE_SCALE * anchor[3] + anchor[1];
	float x = box[1] / CENTRE_SCALE * anchor[2] + anchor[0];
	return box_place(out, x, y, expf(box[3] / SIZE_SCALE) * anchor[2], expf(box[2] / SIZE_SCALE) * anchor[3]);
}

/* Candidates above the threshold. */
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
		struct box *candidate = &ssd->candidates[count];
		candidate->score = box_score(logits[best]);
		candidate->class_id = best;
		candidate->anchor = i;
		/* Written so that a score that is no number fails too. */
		if (candidate->score >= ssd->threshold && place(ssd->anchors[i], boxes + (size_t)i * 4, candidate))
			count++;
	}
	return count;
}

unsigned ssd_decode(struct ssd *ssd, const float *boxes, const float *scores, struct zoe_detection *out, unsigned room)
{
	return boxes_choose(ssd->candidates, collect(ssd, boxes, scores), OVERLAP_MAX, out, room);
}
