/* SPDX-License-Identifier: Apache-2.0 */
/* A camera's pictures as an engine wants them: format, size, layout and normalisation of struct zoe_detector_input. */
#ifndef ZOETROPE_DETECTOR_PREPARE_H
#define ZOETROPE_DETECTOR_PREPARE_H

#include "zoetrope_detector.h"

struct prepare; /* memory for a batch; one thread at a time */

/*
 * input  what the engine wants
 * error  one sentence on failure, ZOE_DETECTOR_ERROR_BYTES
 *
 * Returns 0 | -EINVAL (nobody could make such pictures) | -ENOMEM
 */
int prepare_create(const struct zoe_detector_input *input, struct prepare **out, char *error);
void prepare_destroy(struct prepare *prepare);

/*
 * Make picture number `index` of the next batch.
 *
 * out  data, size and image are set; they live until the same index is made again, and no longer than data
 *
 * Returns 0 | -EINVAL (the picture cannot be read) | -ENOMEM | -EBADMSG (damaged JPEG)
 */
int prepare_put(struct prepare *prepare, unsigned index, const struct zoe_image *image, const void *data, size_t size,
                struct zoe_detector_picture *out, char *error);

/* Turn a box of picture `index` into one of the camera's picture, clipped. Returns 0 | -ENOENT (nothing of it is inside).
 */
int prepare_back(const struct prepare *prepare, unsigned index, struct zoe_detection *box);

#endif
