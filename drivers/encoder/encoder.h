/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of an encoder: frames in, compressed pictures out. A driver is one file and one table of functions.
 * Preview and recorder use it; each encoder belongs to one thread at a time.
 */
#ifndef ZOETROPE_ENCODER_H
#define ZOETROPE_ENCODER_H

#include "zoetrope.h"

#define ENCODER_ERROR_BYTES 256

struct encoder_driver {
	const char *name;       /* "jpeg" */
	const char *media_type; /* "image/jpeg" */
	const char *suffix;     /* ".jpg" */

	/*
	 * quality  1..100
	 * Returns  0 | -ENOMEM
	 */
	int (*open)(int quality, void **out_state);

	/*
	 * Compress one picture.
	 *
	 * image, data, size  any format of enum zoe_format, read-only; what is compressed already in this way passes
	 * through out_data           the encoder's until its next call, or the caller's own `data` error
	 * [ENCODER_ERROR_BYTES], one sentence on failure
	 *
	 * Returns  0 | -EINVAL (format or planes) | -EBADMSG (damaged) | -ENOMEM
	 */
	int (*encode)(void *state, const struct zoe_image *image, const void *data, size_t size,
	              const unsigned char **out_data, size_t *out_size, char *error);

	void (*close)(void *state); /* NULL is fine */
};

extern const struct encoder_driver encoder_jpeg;

#endif
