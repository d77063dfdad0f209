/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a camera's scene usually looks, and where it looks otherwise now: something moved. For the engine `motion`, and for
 * the detector role, which looks only where something did (motion_gate).
 */
#ifndef ZOETROPE_SCENE_H
#define ZOETROPE_SCENE_H

#include <stdbool.h>

#include "zoetrope_detections.h"

struct scene_settings {
	unsigned width, height; /* of the grey pictures that it is shown */
	float share;            /* of a cell's pixels that have changed: then the cell moves */
	float difference;       /* of 255: a pixel that differs by more has changed */
	float min_area;         /* of the picture: smaller boxes are left out */
	double learn_s;         /* after about so long what stays belongs to the scene */
};

struct scene; /* of one camera; one thread at a time */

/* Returns 0 | -ENOMEM. */
int scene_create(const struct scene_settings *settings, struct scene **out);
void scene_destroy(struct scene *scene);

/* Nothing ever moves in an area, fractions of the picture: cells whose middle lies in it. */
void scene_ignore(struct scene *scene, float x, float y, float width, float height);

/* Has it seen a picture yet? The first one tells nothing. */
bool scene_known(const struct scene *scene);

/*
 * Compare a picture with the scene, and learn it.
 *
 * pixels  uint8 [height][width]
 * out     room for `room` boxes, most changed first: place and score, the share that has changed
 *
 * Returns number of boxes
 */
unsigned scene_look(struct scene *scene, const uint8_t *pixels, int64_t capture_ns, struct zoe_detection *out,
                    unsigned room);

#endif
