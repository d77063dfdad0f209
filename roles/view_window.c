/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Window, texture, boxes and letters over SDL2. A texture has the frame's own format where SDL knows it, so that no
 * pixel is converted by the CPU; the rest (GREY, 4:2:2 and 4:4:4 planes, JPEG) becomes I420. See view.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "font.h"
#include "label.h"
#include "view.h"

#define WINDOW_WIDTH   960 /* until the first picture */
#define WINDOW_HEIGHT  540
#define EMPTY_AFTER_NS 500000000 /* without a picture so long: say what is waited for */

/* As in overlay.c and on the page. */
static const SDL_Color window_palette[] = {
    {0xff, 0x9f, 0x1c, 255}, {0x2e, 0xc4, 0xb6, 255}, {0xe7, 0x1d, 0x73, 255}, {0x8a, 0xc9, 0x26, 255},
    {0x3a, 0x86, 0xff, 255}, {0xff, 0xd1, 0x66, 255}, {0xb5, 0x6c, 0xff, 255}, {0xff, 0x59, 0x5e, 255},
};

static int window_fail(const char *what)
{
	fprintf(stderr, "zoetrope: view: %s: %s\n", what, SDL_GetError());
	return -EIO;
}

/* All letters side by side, white on nothing. */
static SDL_Texture *window_letters(SDL_Renderer *renderer)
{
	SDL_Surface *surface =
	    SDL_CreateRGBSurfaceWithFormat(0, FONT_COUNT * FONT_WIDTH, FONT_HEIGHT, 32, SDL_PIXELFORMAT_RGBA32);
	if (!surface)
		return NULL;
	for (int letter = 0; letter < FONT_COUNT; letter++)
		for (int y = 0; y < FONT_HEIGHT; y++)
			for (int x = 0; x < FONT_WIDTH; x++)
				memset((Uint8 *)surface->pixels + y * surface->pitch + (letter * FONT_WIDTH + x) * 4,
				       overlay_font[letter][y] & 0x80 >> x ? 255 : 0, 4);
	SDL_Texture *texture = SDL_CreateTextureFromSurface(renderer, surface);
	SDL_FreeSurface(surface);
	if (texture)
		SDL_SetTextureBlendMode(texture, SDL_BLENDMODE_BLEND);
	return texture;
}

int window_open(struct window *out, const char *title)
{
	struct window window = {0};
	/* Where Wayland cannot be, its library would complain before we do. */
	if (!getenv("XDG_RUNTIME_DIR") && !getenv("WAYLAND_DISPLAY"))
		SDL_SetHint(SDL_HINT_VIDEODRIVER, "x11,kmsdrm");
	if (SDL_Init(SDL_INIT_VIDEO) < 0)
		return window_fail("no desktop to show a window on: set DISPLAY or WAYLAND_DISPLAY");
	/* SDL would rather draw where nobody looks than fail. */
	const char *driver = SDL_GetCurrentVideoDriver();
	if (!getenv("SDL_VIDEODRIVER") && (!strcmp(driver, "offscreen") || !strcmp(driver, "dummy"))) {
		fprintf(stderr, "zoetrope: view: no desktop to show a window on: set DISPLAY or WAYLAND_DISPLAY\n");
		return -EIO;
	}
	SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
	SDL_EnableScreenSaver();
	/* Hidden until its size is known: a size that is set while the window manager maps it may be lost. */
	window.window = SDL_CreateWindow(title, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, WINDOW_WIDTH,
	                                 WINDOW_HEIGHT, SDL_WINDOW_RESIZABLE | SDL_WINDOW_HIDDEN);
	window.opened_ns = zoe_now_ns();
	if (window.window)
		window.renderer = SDL_CreateRenderer(window.window, -1, 0);
	if (window.renderer)
		window.letters = window_letters(window.renderer);
	if (!window.letters || converter_create(&window.converter) < 0) {
		window_close(&window);
		return window_fail("the window could not be opened");
	}
	*out = window;
	return 0;
}

void window_close(struct window *window)
{
	converter_destroy(window->converter);
	if (window->picture)
		SDL_DestroyTexture(window->picture);
	if (window->letters)
		SDL_DestroyTexture(window->letters);
	if (window->renderer)
		SDL_DestroyRenderer(window->renderer);
	if (window->window)
		SDL_DestroyWindow(window->window);
	*window = (struct window){0};
}

/* SDL's word for a format; SDL_PIXELFORMAT_UNKNOWN: convert it. */
static Uint32 window_format(uint32_t format)
{
	switch (format) {
	case ZOE_FORMAT_I420:
		return SDL_PIXELFORMAT_IYUV;
	case ZOE_FORMAT_NV12:
		return SDL_PIXELFORMAT_NV12;
	case ZOE_FORMAT_YUYV:
		return SDL_PIXELFORMAT_YUY2;
	case ZOE_FORMAT_UYVY:
		return SDL_PIXELFORMAT_UYVY;
	case ZOE_FORMAT_RGB24:
		return SDL_PIXELFORMAT_RGB24;
	case ZOE_FORMAT_BGR24:
		return SDL_PIXELFORMAT_BGR24;
	default:
		return SDL_PIXELFORMAT_UNKNOWN;
	}
}

/* As large as the picture, if the screen is. */
static void window_resize(struct window *window, const struct zoe_image *image)
{
	SDL_Rect usable = {.w = (int)image->width, .h = (int)image->height};
	SDL_GetDisplayUsableBounds(SDL_GetWindowDisplayIndex(window->window), &usable);
	double scale = 1;
	if ((int)image->width > usable.w)
		scale = (double)usable.w / image->width;
	if (image->height * scale > usable.h)
		scale = (double)usable.h / image->height;
	SDL_SetWindowSize(window->window, (int)(image->width * scale), (int)(image->height * scale));
	SDL_SetWindowPosition(window->window, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED);
}

static int window_texture(struct window *window, const struct zoe_image *image)
{
	const struct zoe_image *now = &window->image;
	if (window->picture && now->format == image->format && now->width == image->width &&
	    now->height == image->height && now->range == image->range && now->matrix == image->matrix)
		return 0;
	bool first = !window->picture;
	if (window->picture)
		SDL_DestroyTexture(window->picture);
	/* What a texture's YUV means is fixed when it is made. */
	SDL_SetYUVConversionMode(image->range == ZOE_RANGE_FULL      ? SDL_YUV_CONVERSION_JPEG
	                         : image->matrix == ZOE_MATRIX_BT709 ? SDL_YUV_CONVERSION_BT709
	                                                             : SDL_YUV_CONVERSION_BT601);
	window->picture = SDL_CreateTexture(window->renderer, window_format(image->format), SDL_TEXTUREACCESS_STREAMING,
	                                    (int)image->width, (int)image->height);
	window->image = *image;
	if (!window->picture)
		return window_fail("no texture for the picture");
	if (first)
		window_resize(window, image);
	return 0;
}

int window_take(struct window *window, const struct zoe_frame *frame)
{
	struct zoe_image image = frame->image;
	const uint8_t *data = frame->data;
	if (zoe_image_check(&image, frame->size) < 0)
		return -EINVAL;
	if (window_format(image.format) == SDL_PIXELFORMAT_UNKNOWN) {
		image = (struct zoe_image){
		    .format = ZOE_FORMAT_I420, .width = image.width, .height = image.height, .range = ZOE_RANGE_FULL};
		int status = converter_run(window->converter, &frame->image, frame->data, frame->size, &image, &data);
		if (status < 0)
			return status;
	}
	int status = window_texture(window, &image);
	if (status < 0)
		return status;
	const struct zoe_plane *p = image.planes;
	if (image.format == ZOE_FORMAT_I420)
		status =
		    SDL_UpdateYUVTexture(window->picture, NULL, data + p[0].offset, (int)p[0].stride,
		                         data + p[1].offset, (int)p[1].stride, data + p[2].offset, (int)p[2].stride);
	else if (image.format == ZOE_FORMAT_NV12)
		status = SDL_UpdateNVTexture(window->picture, NULL, data + p[0].offset, (int)p[0].stride,
		                             data + p[1].offset, (int)p[1].stride);
	else
		status = SDL_UpdateTexture(window->picture, NULL, data + p[0].offset, (int)p[0].stride);
	return status < 0 ? window_fail("the picture cannot be shown") : 0;
}

static void window_text(struct window *window, int x, int y, const char *text, SDL_Color ground, SDL_Color colour)
{
	SDL_Rect box = {x, y, (int)strlen(text) * FONT_WIDTH + 8, FONT_HEIGHT + 4};
	SDL_SetRenderDrawColor(window->renderer, ground.r, ground.g, ground.b, ground.a);
	SDL_RenderFillRect(window->renderer, &box);
	SDL_SetTextureColorMod(window->letters, colour.r, colour.g, colour.b);
	for (const char *letter = text; *letter; letter++) {
		int index = *letter >= 32 && *letter < 127 ? *letter - 32 : '?' - 32;
		SDL_Rect from = {index * FONT_WIDTH, 0, FONT_WIDTH, FONT_HEIGHT};
		SDL_Rect to = {x + 4 + (int)(letter - text) * FONT_WIDTH, y + 2, FONT_WIDTH, FONT_HEIGHT};
		SDL_RenderCopy(window->renderer, window->letters, &from, &to);
	}
}

static SDL_Rect window_place(const SDL_Rect *area, const struct zoe_detection *box)
{
	return (SDL_Rect){area->x + (int)(box->x * (float)area->w + 0.5f),
	                  area->y + (int)(box->y * (float)area->h + 0.5f), (int)(box->w * (float)area->w + 0.5f),
	                  (int)(box->h * (float)area->h + 0.5f)};
}

static void window_box(struct window *window, const SDL_Rect *area, const struct zoe_detection *box)
{
	SDL_Color colour = window_palette[box->class_id % SDL_arraysize(window_palette)];
	SDL_Rect rect = window_place(area, box);
	SDL_SetRenderDrawColor(window->renderer, colour.r, colour.g, colour.b, 255);
	for (int thick = 0; thick < 2; thick++) {
		SDL_Rect line = {rect.x + thick, rect.y + thick, rect.w - 2 * thick, rect.h - 2 * thick};
		SDL_RenderDrawRect(window->renderer, &line);
	}
}

static void window_label(struct window *window, struct labels *labels, const SDL_Rect *area,
                         const struct zoe_detection *box)
{
	SDL_Rect rect = window_place(area, box);
	struct label_rect place = {rect.x - area->x, rect.y - area->y, rect.w, rect.h};
	char text[RESULT_LABEL_BYTES];
	result_label(box, text);
	if (label_place(labels, &place, (long)strlen(text) * FONT_WIDTH + 8, FONT_HEIGHT + 4, &place))
		window_text(window, area->x + (int)place.x, area->y + (int)place.y, text,
		            window_palette[box->class_id % SDL_arraysize(window_palette)],
		            (SDL_Color){16, 32, 30, 255});
}

/* All boxes first, so that none crosses a label. */
static void window_results(struct window *window, const SDL_Rect *area, const struct result_set *results,
                           int64_t capture_ns)
{
	struct labels labels = {.width = area->w, .height = area->h};
	for (int letters = 0; letters < 2; letters++)
		for (size_t i = 0; i < DETECTORS_MAX; i++) {
			const struct result *result = results->results[i];
			bool shown = result && result->head.magic && result_fresh(result, capture_ns);
			for (uint32_t k = 0; shown && k < result->head.count; k++) {
				if (letters)
					window_label(window, &labels, area, &result->boxes[k]);
				else
					window_box(window, area, &result->boxes[k]);
			}
		}
}

/* The largest place for the picture that keeps its proportions. */
static SDL_Rect window_area(const struct window *window)
{
	int width, height;
	SDL_GetRendererOutputSize(window->renderer, &width, &height);
	if (!window->picture)
		return (SDL_Rect){0, 0, width, height};
	double scale = SDL_min((double)width / window->image.width, (double)height / window->image.height);
	int w = (int)(window->image.width * scale + 0.5), h = (int)(window->image.height * scale + 0.5);
	return (SDL_Rect){(width - w) / 2, (height - h) / 2, w, h};
}

void window_draw(struct window *window, const struct result_set *results, int64_t capture_ns, const char *text)
{
	SDL_Rect area = window_area(window);
	if (window->picture || zoe_now_ns() - window->opened_ns > EMPTY_AFTER_NS)
		SDL_ShowWindow(window->window);
	SDL_SetRenderDrawColor(window->renderer, 11, 15, 14, 255);
	SDL_RenderClear(window->renderer);
	if (window->picture)
		SDL_RenderCopy(window->renderer, window->picture, NULL, &area);
	if (results)
		window_results(window, &area, results, capture_ns);
	/* At the picture's lower edge, or in the middle while there is none. */
	int middle = window->picture ? 0 : (area.w - (int)strlen(text) * FONT_WIDTH) / 2;
	int below = window->picture ? FONT_HEIGHT + 4 : area.h / 2;
	window_text(window, area.x + middle, area.y + area.h - below, text, (SDL_Color){11, 15, 14, 255},
	            (SDL_Color){242, 246, 245, 255});
	SDL_RenderPresent(window->renderer);
}

void window_full(struct window *window, bool full)
{
	window->full = full;
	SDL_SetWindowFullscreen(window->window, full ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
}
