/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding of SSD networks (Liu and others, "SSD: Single Shot MultiBox Detector") as TensorFlow's object detection API
 * trains them: boxes are told relative to fixed anchors, scores are logits, class 0 is the background.
 * Knows nothing of the engine that ran the network.
 */
#ifndef ZOETROPE_SSD_H
#define ZOETROPE_SSD_H

#include <stddef.h>

#include "zoetrope_detections.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Anchors of an SSD MobileNet that looks at 300x300 pixels. */
#define SSD_ANCHORS 1917

struct ssd; /* anchors, and room for candidates */

/*
 * classes    with the background
 * threshold  least score of a box, 0..1
 *
 * Returns  0 | -ENOMEM
 */
int ssd_create(unsigned classes, float threshold, struct ssd **out);
void ssd_destroy(struct ssd *ssd);

/* The anchors: float32 [SSD_ANCHORS][4], centre x, centre y, width, height, fractions of the picture. */
const float (*ssd_anchors(const struct ssd *ssd))[4];

/*
 * Turn a network's output into boxes: best class of each anchor, threshold, then within each class the better of two
 * boxes that overlap by more than half (IoU).
 *
 * boxes   float32 [SSD_ANCHORS][4], centre y, centre x, height, width, relative to the anchor
 * scores  float32 [SSD_ANCHORS][classes], logits
 * out     room for `room` boxes, best score first, clipped to the picture; labels are left empty
 *
 * Returns  number of boxes
 */
unsigned ssd_decode(struct ssd *ssd, const float *boxes, const float *scores, struct zoe_detection *out, unsigned room);

#ifdef __cplusplus
}
#endif

#endif
