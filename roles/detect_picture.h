/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures of `zoetrope detect`: read by the camera driver that plays files, and written with boxes in them. */
#ifndef ZOETROPE_DETECT_PICTURE_H
#define ZOETROPE_DETECT_PICTURE_H

#include "detector_engine.h"

#define DETECT_ERROR_BYTES 1024

struct detect_picture {
	const char *path; /* the caller's */
	struct zoe_image image;
	void *data;
	size_t size;
};

/*
 * Read the picture at path, or a video's first frame: just as a camera of that source would give it.
 *
 * error  [DETECT_ERROR_BYTES]
 * Returns 0 | -errno with a sentence
 */
int detect_picture_read(const char *path, struct detect_picture *out, char *error);
void detect_picture_finish(struct detect_picture *picture);

/* Write FOLDER/NAME.detect.jpg, the picture with boxes; *out_path is the caller's to free. Returns 0 | -errno. */
int detect_picture_write(const struct detect_picture *picture, const struct detector_result *result, const char *folder,
                         char **out_path, char *error);

#endif
