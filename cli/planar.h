/* SPDX-License-Identifier: Apache-2.0 */
/* Formats whose luma and chroma are mixed, taken apart into planes, for `zoetrope cat`. */
#ifndef ZOETROPE_CLI_PLANAR_H
#define ZOETROPE_CLI_PLANAR_H

#include "zoetrope.h"

/* The planar format that says the same as format, maybe itself; 0 = none. */
uint32_t planar_format(uint32_t format);

/* Returns 0 | -EINVAL (image has no planar format; the sentence says what to do instead). */
int planar_check(const struct zoe_image *image, char error[256]);

/* NV12, YUYV or UYVY into planar, which is of planar_format() and laid out without gaps, at out_rows. */
void planar_take_apart(const struct zoe_image *image, const uint8_t *data, const struct zoe_image *planar,
                       uint8_t *out_rows);

#endif
