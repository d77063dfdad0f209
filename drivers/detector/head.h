/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a network: how its outputs become boxes, as the model's description names it (`head: ssd`). Knows nothing
 * of the engine that ran the network; every engine with a model uses it, so that all give the same boxes.
 *
 *   ssd        [n][1917][4] and [n][1917][classes]: boxes relative to anchors, logits (ssd.c)
 *   blazeface  [n][anchors][16] and [n][anchors][1], perhaps in several parts: boxes relative to anchors, logits
 *   yolov5     [n][boxes][5 + classes]: centre x y, width, height in pixels of the input, objectness, scores
 *   yolov8     [n][4 + classes][boxes]: the same without objectness, the other way round
 */
#ifndef ZOETROPE_HEAD_H
#define ZOETROPE_HEAD_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HEAD_OUTPUTS 8
#define HEAD_DIMS    4

/* An output of the network: float32, row by row. */
struct head_tensor {
	const float *data;
	int64_t shape[HEAD_DIMS];
	unsigned dims; /* 0 = no such tensor: not float32, or more dimensions */
};

struct head;

/*
 * outputs    of a first run, in the order in which they will come each time
 * threshold  least score of a box, 0..1
 *
 * Returns 0 | -EINVAL (outputs are not what this head reads; the sentence names both) | -ENOMEM
 */
int head_create(const struct model *model, float threshold, const struct head_tensor *outputs, unsigned count,
                struct head **out, char *error);
void head_destroy(struct head *head);

/* Boxes of picture `index` of a batch. outputs have the shapes that head_create() saw, but for n. */
void head_decode(struct head *head, const struct head_tensor *outputs, unsigned index,
                 struct zoe_detector_found *found);

#ifdef __cplusplus
}
#endif

#endif
