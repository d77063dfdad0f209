/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes that a network is not sure of, and the choice among them. What every decoder ends with. */
#ifndef ZOETROPE_BOXES_H
#define ZOETROPE_BOXES_H

#include <stdbool.h>

#include "zoetrope_detections.h"

struct box {
	float x0, y0, x1, y1; /* fractions of the picture, x1 > x0, y1 > y0 */
	float score;
	unsigned class_id;
	unsigned anchor; /* the smaller one first among equal scores: so that the same comes out each time */
};

/* Put a box in its place, clipped to the picture. Returns false if nothing of it is inside, or it is no number. */
bool box_place(struct box *box, float centre_x, float centre_y, float width, float height);

/* A network's logit as a score. */
float box_score(float logit);

/*
 * Keep the best ones: within each class the better of two that overlap (intersection over union) by more than
 * `overlap`. Changes the order of boxes.
 *
 * out  room for `room` boxes, best score first; labels are left empty
 *
 * Returns number of boxes kept
 */
unsigned boxes_choose(struct box *boxes, unsigned count, float overlap, struct zoe_detection *out, unsigned room);

#endif
