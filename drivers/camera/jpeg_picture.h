/* SPDX-License-Identifier: Apache-2.0 */
/* JPEGs of devices and pipelines: how long one really is, and its pixels. A picture each, nothing is remembered. */
#ifndef CAMERA_JPEG_PICTURE_H
#define CAMERA_JPEG_PICTURE_H

#include <libavutil/frame.h>
#include <stddef.h>

/* How many of the bytes are a JPEG: devices pad, and what is behind its end is left out. 0 = it does not begin as one. */
size_t jpeg_length(const void *data, size_t bytes);

/*
 * Decode it.
 * reader  points to NULL for the first one; keeps tables and memory between calls
 * out     its pixels, in the reader's memory until the next call
 * Returns  0 | -EBADMSG (damaged) | -ENOMEM
 */
struct jpeg_reader;
int jpeg_read(struct jpeg_reader **reader, const void *data, size_t bytes, AVFrame *out);
void jpeg_reader_destroy(struct jpeg_reader *reader); /* NULL is fine */

#endif
