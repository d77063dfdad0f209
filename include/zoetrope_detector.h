/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a detector engine: a shared object "zoetrope-detector-ENGINE.so" that exports one function,
 * zoe_detector_engine(), which returns a table of functions. It is plain C, so that an engine in C++ stays behind it.
 *
 * Each detector process loads one engine and calls it from one thread at a time, after CPU affinity has been set: the
 * engine may start threads in open() and not before. An engine never prints and never exits; it writes one sentence
 * into `error` and returns -errno.
 */
#ifndef ZOETROPE_DETECTOR_H
#define ZOETROPE_DETECTOR_H

#include "zoetrope.h"
#include "zoetrope_detections.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rises when anything below changes its meaning or layout. */
#define ZOE_DETECTOR_ABI         1u
#define ZOE_DETECTOR_ERROR_BYTES 512

/* What the role tells an engine at open. Strings live until close. */
struct zoe_detector_config {
	const char *model;  /* name of a model ("ssd-mobilenet-v2") or path of a file; "" = the engine needs none */
	const char *models; /* folders where models by name lie, joined by ':'; the first that has it counts */
	float threshold;    /* least score of a box, 0..1 */
	unsigned threads;   /* threads the engine may use; >= 1 */
};

struct zoe_detector_engine {
	uint32_t abi;     /* ZOE_DETECTOR_ABI */
	const char *name; /* "opencv" */

	/*
	 * Load the model. error[ZOE_DETECTOR_ERROR_BYTES].
	 *
	 * Returns  0 | -ENOENT (model missing; error says how to get it) | -EINVAL (model not understood) | -errno
	 */
	int (*open)(const struct zoe_detector_config *config, void **out_state, char *error);

	/*
	 * Name of a class of the model: UTF-8, lives until close. "" = a class that is never reported (background).
	 * Returns NULL behind the last one.
	 */
	const char *(*label)(void *state, uint32_t class_id);

	/*
	 * Find objects in one picture.
	 *
	 * image, data  the picture, any format of enum zoe_format, read-only
	 * out          room for `room` boxes, best score first, none below the threshold. The role fills in label
	 *              and track_id: both are left 0.
	 *
	 * Returns  number of boxes, 0..room | -EINVAL (picture cannot be read) | -errno
	 */
	int (*infer)(void *state, const struct zoe_image *image, const void *data, size_t size,
	             struct zoe_detection *out, unsigned room, char *error);

	void (*close)(void *state); /* NULL is fine */
};

/* The one symbol that an engine exports. */
const struct zoe_detector_engine *zoe_detector_engine(void);

#ifdef __cplusplus
}
#endif

#endif
