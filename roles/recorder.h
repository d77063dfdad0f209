/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder role: stills on disk. recorder.c is the role, recorder_still.c what one still consists of: a JPEG and a
 * JSON beside it, FOLDER/CAMERA/YYYYMMDD-HHMMSS-SEQUENCE.jpg and .json, by the capture time in UTC.
 */
#ifndef ZOETROPE_RECORDER_H
#define ZOETROPE_RECORDER_H

#include "result.h"

#define STILL_ERROR_BYTES 256

/* A folder that stills of one camera go to. fd is -1 while it is not open. */
struct still_folder {
	int fd;
	char path[4096];
};

/* Make and open ROOT/CAMERA, and take away what a killed recorder left half-written. error[STILL_ERROR_BYTES]. */
int still_folder_open(struct still_folder *folder, const char *root, const char *camera, char *error);
void still_folder_close(struct still_folder *folder);

/* One still: the JPEG's bytes, and what stands in the JSON. */
struct still {
	const char *camera;
	const struct zoe_frame *frame;
	const struct result_set *results;
	const void *jpeg;
	size_t jpeg_size;
};

/* Write both files, each under a hidden name first. Nothing is left of what failed. Returns 0 | -errno, error as above.
 */
int still_write(const struct still_folder *folder, const struct still *still, char *error);

#endif
