/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine at work: loaded by name, opened with its options, fed with pictures as it wants them. For the detector role
 * and for `zoetrope detect`; no event loop, no topics.
 */
#ifndef ZOETROPE_DETECTOR_ENGINE_H
#define ZOETROPE_DETECTOR_ENGINE_H

#include <stdbool.h>

#include "common/config.h"
#include "zoetrope_detector.h"

struct detector_engine;

/* A picture as a camera has it. */
struct detector_picture {
	const struct zoe_image *image;
	const void *data;
	size_t size;
	uint64_t seq;
	int64_t capture_ns;
	unsigned stream;
};

/* What was found in it: best score first, named, only labels that are wanted. */
struct detector_result {
	int64_t inference_ns; /* preparing, network, decoding */
	int64_t begun_ns;     /* when preparing began, */
	int64_t prepared_ns;  /* when it was done, */
	int64_t inferred_ns;  /* and when the engine was: of the whole batch */
	unsigned count;
	struct zoe_detection boxes[ZOE_DETECTIONS_MAX];
};

/*
 * Load the engine that config names, with its model, options and labels.
 *
 * config  lives until close
 * error   one sentence on failure, ZOE_DETECTOR_ERROR_BYTES
 *
 * Returns 0 | -ENOENT (engine or model is not there) | -EINVAL (not understood) | -ENOMEM | -errno of the engine
 */
int detector_engine_open(const struct detector_config *config, struct detector_engine **out, char *error);
void detector_engine_close(struct detector_engine *engine);

/* Print what an engine is and its options. Returns 0 | -errno with a sentence. */
int detector_engine_help(const char *name, char *error);

/* Most pictures in one call of detector_engine_run(). */
unsigned detector_engine_batch(const struct detector_engine *engine);

/*
 * Look at 1..batch pictures. A result that breaks the rules of zoetrope_detector.h (more boxes than there is room for, a
 * class without a name) is an error too.
 *
 * Returns 0 | -errno with a sentence
 */
int detector_engine_run(struct detector_engine *engine, const struct detector_picture *pictures, unsigned count,
                        struct detector_result *results, char *error);

#endif
