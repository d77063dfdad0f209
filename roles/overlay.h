/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes and labels drawn into a picture (preview_overlay.c), and the letters for it (preview_font.c). */
#ifndef ZOETROPE_OVERLAY_H
#define ZOETROPE_OVERLAY_H

#include <stddef.h>

#include "result.h"

/* rgb: uint8 [height][stride], 3 bytes a pixel. */
void overlay_draw(unsigned char *rgb, unsigned width, unsigned height, size_t stride, const struct result *result);

extern const unsigned char overlay_font[95][13];

#endif
