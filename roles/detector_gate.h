/* SPDX-License-Identifier: Apache-2.0 */
/* Has anything moved before a camera? A small grey picture of each frame, and the scene that engine `motion` knows as well
 * (drivers/detector/scene.h). */
#ifndef ZOETROPE_DETECTOR_GATE_H
#define ZOETROPE_DETECTOR_GATE_H

#include "detector_areas.h"
#include "zoetrope_detector.h"

struct gate; /* of one camera; one thread at a time */

#define GATE_BOXES 64

/* ignored: what moves there does not count. Returns 0 | -ENOMEM | -EINVAL with a sentence in
 * error[ZOE_DETECTOR_ERROR_BYTES]. */
int gate_create(const struct areas *ignored, struct gate **out, char *error);
void gate_destroy(struct gate *gate);

/*
 * Compare a picture with those before, and remember it.
 *
 * moved  where something moves: place and score, most changed first; or, for the first picture, the whole of it
 *
 * Returns number of boxes, 0 = nothing moves | -errno with a sentence
 */
int gate_look(struct gate *gate, const struct zoe_image *image, const void *data, size_t size, int64_t capture_ns,
              struct zoe_detection moved[GATE_BOXES], char *error);

#endif
