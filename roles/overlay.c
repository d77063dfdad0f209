/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes, labels, notices, date and time drawn into an RGB picture, for pictures that are looked at as they are. Lines and letters grow with the
 * picture. The colour belongs to the class; the page (web/app.js) has the same colours.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "font.h"
#include "label.h"
#include "overlay.h"

struct colour {
	unsigned char red, green, blue;
};

static const struct colour overlay_palette[] = {
    {0xff, 0x9f, 0x1c}, {0x2e, 0xc4, 0xb6}, {0xe7, 0x1d, 0x73}, {0x8a, 0xc9, 0x26},
    {0x3a, 0x86, 0xff}, {0xff, 0xd1, 0x66}, {0xb5, 0x6c, 0xff}, {0xff, 0x59, 0x5e},
};

/* What is drawn on. */
struct canvas {
	unsigned char *rgb;
	long width, height;
	size_t stride;
};

static struct canvas canvas_of(const struct overlay_canvas *canvas)
{
	return (struct canvas){.rgb = canvas->rgb,
	                       .width = canvas->image.width,
	                       .height = canvas->image.height,
	                       .stride = canvas->image.planes[0].stride};
}

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
	for (long row = 0; row < FONT_HEIGHT; row++)
		for (long column = 0; column < FONT_WIDTH; column++)
			if (rows[row] & 0x80 >> column)
				overlay_fill(canvas, x + column * scale, y + row * scale, scale, scale, colour);
}

static void overlay_label(const struct canvas *canvas, struct labels *labels, const struct label_rect *box, long scale,
                          const char *text, struct colour colour)
{
	const struct colour black = {0, 0, 0};
	struct label_rect place;
	if (!label_place(labels, box, ((long)strlen(text) * FONT_WIDTH + 6) * scale, (FONT_HEIGHT + 2) * scale, &place))
		return;
	overlay_fill(canvas, place.x, place.y, place.w, place.h, colour);
	for (const char *letter = text; *letter; letter++)
		overlay_letter(canvas, place.x + (3 + (letter - text) * FONT_WIDTH) * scale, place.y + scale, scale,
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
	size_t room = (size_t)((canvas->width - 2 * x) / (FONT_WIDTH * scale));
	while (*text && room && y + FONT_HEIGHT * scale <= canvas->height) {
		size_t length = strlen(text);
		if (length > room) {
			length = room;
			while (length > room / 2 && text[length] != ' ')
				length--;
		}
		for (size_t i = 0; i < length; i++)
			overlay_letter(canvas, x + (long)i * FONT_WIDTH * scale, y, scale, (unsigned char)text[i],
			               white);
		text += length;
		text += *text == ' ';
		y += (FONT_HEIGHT + 3) * scale;
	}
	return y;
}

void overlay_notice(struct overlay_canvas *picture, const char *title, const char *sentence)
{
	const struct canvas canvas = canvas_of(picture);
	long scale = overlay_scale(picture->image.height), margin = FONT_WIDTH * scale;
	for (long row = 0; row < canvas.height; row++) {
		unsigned char *pixels = canvas.rgb + (size_t)row * canvas.stride;
		for (long i = 0; i < canvas.width * 3; i++)
			pixels[i] = (unsigned char)(pixels[i] / 3);
	}
	long below = overlay_text(&canvas, margin, canvas.height / 3, scale * 2, title);
	overlay_text(&canvas, margin, below, scale, sentence);
}

void overlay_clock(struct overlay_canvas *picture, int64_t capture_ns)
{
	const struct colour dark = {32, 32, 32};
	const struct canvas canvas = canvas_of(picture);
	struct timespec now;
	struct tm local;
	char text[32];
	clock_gettime(CLOCK_REALTIME, &now);
	time_t seconds = (time_t)((now.tv_sec * 1000000000LL + now.tv_nsec - (zoe_now_ns() - capture_ns)) / 1000000000);
	localtime_r(&seconds, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	long scale = overlay_scale(picture->image.height);
	long width = ((long)strlen(text) + 1) * FONT_WIDTH * scale, height = (FONT_HEIGHT + 2) * scale;
	overlay_fill(&canvas, 0, canvas.height - height, width, height, dark);
	overlay_text(&canvas, FONT_WIDTH * scale / 2, canvas.height - height + scale, scale, text);
}

int overlay_copy(struct overlay_canvas *canvas, struct converter *converter, const struct zoe_frame *frame,
                 unsigned width, unsigned height)
{
	struct zoe_image image = {.format = ZOE_FORMAT_RGB24, .width = width, .height = height};
	const uint8_t *pixels;
	int status = converter_run(converter, &frame->image, frame->data, frame->size, &image, &pixels);
	if (status < 0)
		return status;
	size_t bytes = (size_t)image.planes[0].stride * image.height;
	if (bytes > canvas->capacity) {
		unsigned char *rgb = realloc(canvas->rgb, bytes);
		if (!rgb)
			return -ENOMEM;
		canvas->rgb = rgb;
		canvas->capacity = bytes;
	}
	memcpy(canvas->rgb, pixels + image.planes[0].offset, bytes);
	image.planes[0].offset = 0;
	canvas->image = image;
	return 0;
}

size_t overlay_size(const struct overlay_canvas *canvas)
{
	return (size_t)canvas->image.planes[0].stride * canvas->image.height;
}

void overlay_finish(struct overlay_canvas *canvas)
{
	free(canvas->rgb);
	*canvas = (struct overlay_canvas){0};
}

static struct label_rect overlay_place(const struct overlay_canvas *picture, const struct zoe_detection *box)
{
	float width = (float)picture->image.width, height = (float)picture->image.height;
	return (struct label_rect){(long)(box->x * width + 0.5f), (long)(box->y * height + 0.5f),
	                           (long)(box->w * width + 0.5f), (long)(box->h * height + 0.5f)};
}

static struct colour overlay_colour(const struct zoe_detection *box)
{
	return overlay_palette[box->class_id % (sizeof(overlay_palette) / sizeof(*overlay_palette))];
}

/* All boxes first, so that none crosses a label. */
void overlay_draw(struct overlay_canvas *picture, const struct result *const results[], size_t count)
{
	const struct canvas canvas = canvas_of(picture);
	struct labels labels = {.width = canvas.width, .height = canvas.height};
	long scale = overlay_scale(picture->image.height);
	for (size_t k = 0; k < count; k++)
		for (uint32_t i = 0; i < results[k]->head.count; i++) {
			const struct zoe_detection *box = &results[k]->boxes[i];
			struct label_rect at = overlay_place(picture, box);
			overlay_frame(&canvas, at.x, at.y, at.w, at.h, 1 + scale, overlay_colour(box));
		}
	for (size_t k = 0; k < count; k++)
		for (uint32_t i = 0; i < results[k]->head.count; i++) {
			const struct zoe_detection *box = &results[k]->boxes[i];
			struct label_rect at = overlay_place(picture, box);
			char text[RESULT_LABEL_BYTES];
			result_label(box, text);
			overlay_label(&canvas, &labels, &at, scale, text, overlay_colour(box));
		}
}
