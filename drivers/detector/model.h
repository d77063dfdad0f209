/* SPDX-License-Identifier: Apache-2.0 */
/* A model's files: where they are, their bytes, the names of its classes. What every engine with a model needs. */
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
	char **labels; /* label_count strings, index = class */
	unsigned label_count;
};

/*
 * Find NAME.onnx and NAME.labels.txt and read both. A model with a '/' in it, or ending in `suffix`, is a path.
 *
 * config  model and models
 * suffix  of the network's file: ".onnx"
 * error   one sentence on failure, ZOE_DETECTOR_ERROR_BYTES
 *
 * Returns  0 | -ENOENT | -EINVAL (too large, or labels wrong) | -ENOMEM | -errno of reading
 */
int model_open(const struct zoe_detector_config *config, const char *suffix, struct model *out, char *error);
void model_forget(struct model *model);
void model_close(struct model *model);

#ifdef __cplusplus
}
#endif

#endif
