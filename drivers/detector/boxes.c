/* SPDX-License-Identifier: Apache-2.0 */
/* See boxes.h. Greedy: sorted by score, each box is kept unless a kept one of its class covers it. */
#include "boxes.h"

#include <math.h>
#include <stdlib.h>

static float clip(float fraction)
{
	return fminf(fmaxf(fraction, 0.0f), 1.0f);
}

bool box_place(struct box *box, float centre_x, float centre_y, float width, float height)
{
	box->x0 = clip(centre_x - width / 2);
	box->y0 = clip(centre_y - height / 2);
	box->x1 = clip(centre_x + width / 2);
	box->y1 = clip(centre_y + height / 2);
	return box->x1 > box->x0 && box->y1 > box->y0;
}

float box_score(float logit)
{
	return 1.0f / (1.0f + expf(-logit));
}

static int by_score(const void *left, const void *right)
{
	const struct box *a = left, *b = right;
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->anchor < b->anchor ? -1 : 1;
}

/* Intersection over union. */
static float overlap_of(const struct box *a, const struct box *b)
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

static bool covered(const struct box *box, const struct box *kept, unsigned count, float overlap)
{
	for (unsigned i = 0; i < count; i++) {
		if (kept[i].class_id == box->class_id && overlap_of(&kept[i], box) > overlap)
			return true;
	}
	return false;
}

unsigned boxes_choose(struct box *boxes, unsigned count, float overlap, struct zoe_detection *out, unsigned room)
{
	unsigned kept = 0; /* the best ones move to the front */
	qsort(boxes, count, sizeof(*boxes), by_score);
	for (unsigned i = 0; i < count && kept < room; i++) {
		struct box box = boxes[i];
		if (covered(&box, boxes, kept, overlap))
			continue;
		out[kept] = (struct zoe_detection){
		    .x = box.x0,
		    .y = box.y0,
		    .w = box.x1 - box.x0,
		    .h = box.y1 - box.y0,
		    .score = box.score,
		    .class_id = box.class_id,
		};
		boxes[kept++] = box;
	}
	return kept;
}
