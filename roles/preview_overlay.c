/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes, labels and notices drawn into an RGB picture, for viewers that show plain pictures. Lines and letters grow with the
 * picture. The colour belongs to the class; the page (web/app.js) has the same colours.
 */
#include <stdio.h>
#include <string.h>

#include "preview.h"

#define GLYPH_WIDTH  8
#define GLYPH_HEIGHT 13

struct colour {
	unsigned char red, green, blue;
};

static const struct colour overlay_palette[] = {
    {0xff, 0x9f, 0x1c}, {0x2e, 0xc4, 0xb6}, {0xe7, 0x1d, 0x73}, {0x8a, 0xc9, 0x26},
    {0x3a, 0x86, 0xff}, {0xff, 0xd1, 0x66}, {0xb5, 0x6c, 0xff}, {0xff, 0x59, 0x5e},
};

struct canvas {
	unsigned char *rgb;
	long width, height;
	size_t stride;
};

/* Fill what lies inside the picture of a rectangle. */
static void overlay_fill(const struct canvas *canvas, long x, long y, long w, long h, struct colour colour)
{
	long left = x < 0 ? 0 : x, top = y < 0 ? 0 : y;
	long right = x + w > canvas->width ? canvas->width : x + w;
	long bottom = y + h > canvas->height ? canvas->height : y + h;
	for (long row = top; row < bottom; row++) {
		unsigned char *pixel = canvas->rgb + (size_t)row * canvas->stride + (size_t)left * 3;
		for (long column = left; column < right; column++, pixel += 3) {
			pixel[0] = colour.red;
			pixel[1] = colour.green;
			pixel[2] = colour.blue;
		}
	}
}

static void overlay_frame(const struct canvas *canvas, long x, long y, long w, long h, long thick, struct colour colour)
{
	overlay_fill(canvas, x, y, w, thick, colour);
	overlay_fill(canvas, x, y + h - thick, w, thick, colour);
	overlay_fill(canvas, x, y, thick, h, colour);
	overlay_fill(canvas, x + w - thick, y, thick, h, colour);
}

static void overlay_letter(const struct canvas *canvas, long x, long y, long scale, unsigned char letter,
                           struct colour colour)
{
	const unsigned char *rows = overlay_font[letter >= 32 && letter < 127 ? letter - 32 : '?' - 32];
	for (long row = 0; row < GLYPH_HEIGHT; row++)
		for (long column = 0; column < GLYPH_WIDTH; column++)
			if (rows[row] & 0x80 >> column)
				overlay_fill(canvas, x + column * scale, y + row * scale, scale, scale, colour);
}

/* Above the box if there is room, else inside at its top; never beyond the right edge. */
static void overlay_label(const struct canvas *canvas, long x, long y, long scale, const char *text,
                          struct colour colour)
{
	long height = (GLYPH_HEIGHT + 2) * scale, width = ((long)strlen(text) * GLYPH_WIDTH + 6) * scale;
	long top = y >= height ? y - height : y;
	long left = x + width > canvas->width ? canvas->width - width : x;
	if (left < 0)
		left = 0;
	const struct colour black = {0, 0, 0};
	overlay_fill(canvas, left, top, width, height, colour);
	for (const char *letter = text; *letter; letter++)
		overlay_letter(canvas, left + (3 + (letter - text) * GLYPH_WIDTH) * scale, top + scale, scale,
		               (unsigned char)*letter, black);
}

static long overlay_scale(unsigned height)
{
	return height >= 1440 ? 3 : height >= 720 ? 2 : 1;
}

/* Lines of text from a top left corner, broken at blanks where they would leave the picture. Returns where it ends. */
static long overlay_text(const struct canvas *canvas, long x, long y, long scale, const char *text)
{
	const struct colour white = {255, 255, 255};
	size_t room = (size_t)((canvas->width - 2 * x) / (GLYPH_WIDTH * scale));
	while (*text && room && y + GLYPH_HEIGHT * scale <= canvas->height) {
		size_t length = strlen(text);
		if (length > room) {
			length = room;
			while (length > room / 2 && text[length] != ' ')
				length--;
		}
		for (size_t i = 0; i < length; i++)
			overlay_letter(canvas, x + (long)i * GLYPH_WIDTH * scale, y, scale, (unsigned char)text[i],
			               white);
		text += length;
		text += *text == ' ';
		y += (GLYPH_HEIGHT + 3) * scale;
	}
	return y;
}

void overlay_notice(unsigned char *rgb, unsigned width, unsigned height, size_t stride, const char *title,
                    const char *sentence)
{
	const struct canvas canvas = {.rgb = rgb, .width = width, .height = height, .stride = stride};
	long scale = overlay_scale(height), margin = GLYPH_WIDTH * scale;
	for (unsigned row = 0; row < height; row++)
		for (size_t i = 0; i < (size_t)width * 3; i++)
			rgb[row * stride + i] = (unsigned char)(rgb[row * stride + i] / 3);
	long below = overlay_text(&canvas, margin, (long)height / 3, scale * 2, title);
	overlay_text(&canvas, margin, below, scale, sentence);
}

void overlay_draw(unsigned char *rgb, unsigned width, unsigned height, size_t stride, const struct result *result)
{
	const struct canvas canvas = {.rgb = rgb, .width = width, .height = height, .stride = stride};
	long scale = overlay_scale(height);
	for (uint32_t i = 0; i < result->head.count; i++) {
		const struct zoe_detection *box = &result->boxes[i];
		struct colour colour =
		    overlay_palette[box->class_id % (sizeof(overlay_palette) / sizeof(*overlay_palette))];
		long x = (long)(box->x * (float)width + 0.5f), y = (long)(box->y * (float)height + 0.5f);
		long w = (long)(box->w * (float)width + 0.5f), h = (long)(box->h * (float)height + 0.5f);
		char text[ZOE_LABEL_BYTES + 8];
		snprintf(text, sizeof(text), "%s %.2f", box->label, (double)box->score);
		overlay_frame(&canvas, x, y, w, h, 1 + scale, colour);
		overlay_label(&canvas, x, y, scale, text, colour);
	}
}
