/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a detector engine: a shared object "zoetrope-detector-ENGINE.so" that exports one function,
 * zoe_detector_engine(), which returns a table of functions. It is plain C, so that an engine in C++ stays behind it.
 * examples/detector.c is a whole one; it is built with nothing but this header:
 *
 *   gcc -shared -fPIC $(pkg-config --cflags zoetrope) detector.c -o zoetrope-detector-bright.so
 *   ZOETROPE_DETECTOR_PATH=. zoetrope run CONFIG        with  detectors: {NAME: {engine: bright, ...}}
 *
 * Each detector process, or each of its workers if it has several, loads one engine and opens it once, after CPU affinity has
 * been set: the engine may start threads in open() and not before. A state is used by one thread at a time. An engine never
 * prints and never exits; it writes one sentence
 * into error[ZOE_DETECTOR_ERROR_BYTES] and returns -errno. One that crashes ends its own process only, and one that
 * does not come back is killed; both are started again.
 */
#ifndef ZOETROPE_DETECTOR_H
#define ZOETROPE_DETECTOR_H

#include "zoetrope.h"
#include "zoetrope_detections.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rises when anything below changes its meaning or layout. */
#define ZOE_DETECTOR_ABI         2u
#define ZOE_DETECTOR_ERROR_BYTES 512
#define ZOE_DETECTOR_BATCH_MAX   16u

/* ---- what an engine says of itself -------------------------------------------------------------------------- */

enum zoe_detector_type {
	ZOE_DETECTOR_TEXT,
	ZOE_DETECTOR_BOOL,
	ZOE_DETECTOR_INTEGER,
	ZOE_DETECTOR_NUMBER,
	ZOE_DETECTOR_CHOICE, /* text, one of choices */
};

/* An option of the engine, beyond those of struct zoe_detector_config: detectors.NAME.options in the configuration. */
struct zoe_detector_option {
	const char *name;     /* as in YAML: "min_area" */
	uint32_t type;        /* enum zoe_detector_type */
	const char *fallback; /* the default as text; never NULL */
	double min, max;      /* inclusive, of INTEGER and NUMBER; both 0 = no bounds */
	const char *unit;     /* "pixels", "" */
	const char *choices;  /* of CHOICE: "a|b|c"; else NULL */
	const char *help;     /* one sentence */
};

/* An option's value: text of TEXT and CHOICE, integer of INTEGER and BOOL (0, 1), number of NUMBER. */
union zoe_detector_value {
	const char *text;
	int64_t integer;
	double number;
};

/* What an engine is told at open. All of it lives until close. */
struct zoe_detector_config {
	const char *model;  /* name of a model ("ssd-mobilenet-v2") or path of a file; "" = the engine needs none */
	const char *models; /* folders where models by name lie, joined by ':'; the first that has it counts */
	float threshold;    /* least score of a box, 0..1 */
	uint32_t threads;   /* threads the engine may use; >= 1 */
	uint32_t streams;   /* cameras, times their regions; a picture's stream is less than this */
	const union zoe_detector_value *options; /* one for each of the engine's options, in their order */
};

/* ---- pictures: what an engine wants, and what it gets ------------------------------------------------------- */

enum zoe_detector_layout {
	ZOE_LAYOUT_BYTES, /* as the format says: uint8 [height][width][3] of RGB24, planes of I420 */
	ZOE_LAYOUT_NHWC,  /* float32 [n][height][width][channels] */
	ZOE_LAYOUT_NCHW,  /* float32 [n][channels][height][width] */
};

enum zoe_detector_fit {
	ZOE_FIT_STRETCH,   /* width and height are scaled each by its own factor */
	ZOE_FIT_LETTERBOX, /* both by the same; what is left over is filled, half of it on each side */
};

/* The picture that an engine wants; the process that calls it makes it out of the camera's. */
struct zoe_detector_input {
	uint32_t format;         /* RGB24, BGR24, GREY or I420 of enum zoe_format; NONE = as the camera has it */
	uint32_t layout;         /* enum zoe_detector_layout; I420 and NONE are bytes */
	uint32_t fit;            /* enum zoe_detector_fit; bytes are stretched */
	uint32_t width, height;  /* pixels; both 0 = the camera's own, for bytes */
	uint32_t batch;          /* most pictures in one call of infer(), 1..ZOE_DETECTOR_BATCH_MAX */
	uint32_t pad;            /* 0..255: what a letterbox is filled with, before it becomes a number */
	float mean[3], scale[3]; /* of float32, by channel in the format's order: (pixel - mean) * scale */
};

struct zoe_detector_picture {
	const void *data; /* float32: picture i of a batch lies right behind i - 1, so [0].data is the whole tensor */
	size_t size;      /* bytes of this picture */
	struct zoe_image image; /* format and size of what data holds; planes only of bytes */
	uint64_t seq;           /* of the frame in its camera's topic */
	int64_t capture_ns;     /* CLOCK_MONOTONIC */
	uint32_t stream;        /* which camera and region: for an engine that remembers earlier pictures */
	uint32_t reserved;      /* 0 */
};

/* What was found in one picture. */
struct zoe_detector_found {
	struct zoe_detection *boxes; /* room for `room`; the engine writes x y w h, score, class_id, track_id */
	uint32_t room;
	uint32_t count; /* the engine's: 0..room */
};

/* ---- the table ---------------------------------------------------------------------------------------------- */

struct zoe_detector_engine {
	uint32_t abi;                              /* ZOE_DETECTOR_ABI */
	const char *name;                          /* "opencv" */
	const char *help;                          /* one sentence: what it finds, and how */
	const struct zoe_detector_option *options; /* ends with one whose name is NULL; NULL = none */

	/*
	 * Load the model, and be ready.
	 *
	 * Returns  0 | -ENOENT (model missing; error says how to get it) | -EINVAL (model not understood) | -errno
	 */
	int (*open)(const struct zoe_detector_config *config, void **out_state, char *error);

	/* The pictures that it wants, once after open(). All of *out is 0 before. */
	void (*input)(void *state, struct zoe_detector_input *out);

	/*
	 * Name of a class: UTF-8, at most ZOE_LABEL_BYTES - 1 bytes, lives until close. "" = a class that is never
	 * reported (background). Returns NULL behind the last one.
	 */
	const char *(*label)(void *state, uint32_t class_id);

	/*
	 * Find objects in 1..batch pictures.
	 *
	 * found  one for each picture; boxes in fractions of the picture that the engine got, best score first, none
	 *        below the threshold
	 *
	 * Returns  0 | -EINVAL (a picture cannot be read) | -errno
	 */
	int (*infer)(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
	             struct zoe_detector_found *found, char *error);

	void (*close)(void *state); /* NULL is fine */
};

/* The one symbol that an engine exports. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const struct zoe_detector_engine *
zoe_detector_engine(void);

#ifdef __cplusplus
}
#endif

#endif
