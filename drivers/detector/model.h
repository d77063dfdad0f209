/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model as its description says: NAME.yaml beside the network's file, documented in zoetrope-model(5). What every
 * engine with a model needs.
 */
#ifndef ZOETROPE_MODEL_H
#define ZOETROPE_MODEL_H

#include <stddef.h>

#include "zoetrope_detector.h"

#ifdef __cplusplus
extern "C" {
#endif

struct model {
	char *path; /* of the network's file */
	void *data; /* its bytes; model_forget() frees them once the engine has read them */
	size_t size;
	char **labels; /* label_count strings, index = class; "" = never reported */
	unsigned label_count;
	struct zoe_detector_input input; /* batch is 1: an engine may raise it */
	char *head;                      /* "ssd": how outputs become boxes, head.h */
	float overlap;                   /* of two boxes of a class that overlap by more, the weaker goes */
};

/*
 * Find NAME.yaml, and read it and the file that it names. A model with a '/' in it, or ending in ".yaml" or ".onnx", is a
 * path.
 *
 * config  model and models
 * error   one sentence on failure, ZOE_DETECTOR_ERROR_BYTES
 *
 * Returns  0 | -ENOENT | -EINVAL (description wrong, file too large) | -ENOMEM | -errno of reading
 */
int model_open(const struct zoe_detector_config *config, struct model *out, char *error);
void model_forget(struct model *model);
void model_close(struct model *model);

#ifdef __cplusplus
}
#endif

#endif
