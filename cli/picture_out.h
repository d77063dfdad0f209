/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures as bytes on a descriptor, for `zoetrope cat`: as they are, or as YUV4MPEG2. */
#ifndef ZOETROPE_CLI_PICTURE_OUT_H
#define ZOETROPE_CLI_PICTURE_OUT_H

#include "zoetrope.h"

#include <stdbool.h>

struct picture_out;

int picture_out_create(int fd, bool y4m, struct picture_out **out);
/* NULL is fine. */
void picture_out_destroy(struct picture_out *out);

/* The rate that the beginning of YUV4MPEG2 says; before the first frame. */
void picture_out_rate(struct picture_out *out, double fps);

/*
 * Write a frame: its rows without what lies between them.
 *
 * stop    set when somebody wants to end; then a write that is interrupted is not taken up again
 *
 * Returns  0 | -EPIPE (nobody reads any more) | -EINTR (stop) | -EINVAL, with a sentence in error (the format or size is
 *          another than the first frame's, or no picture of YUV4MPEG2) | -errno of write()
 */
int picture_out_write(struct picture_out *out, const struct zoe_frame *frame, const volatile int *stop,
                      char error[256]);

#endif
