/* SPDX-License-Identifier: Apache-2.0 */
/* Letters of 8 x 13 pixels for ASCII 32..126, a byte a row, the leftmost pixel highest. For preview and window. */
#ifndef ZOETROPE_FONT_H
#define ZOETROPE_FONT_H

#define FONT_WIDTH  8
#define FONT_HEIGHT 13
#define FONT_COUNT  95

extern const unsigned char overlay_font[FONT_COUNT][FONT_HEIGHT];

#endif
