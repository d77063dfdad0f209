/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desktop window, `zoetrope view`: an ordinary subscriber, no child of control. YUV goes to the graphics library as
 * it lies in shared memory; what it cannot take is converted first.
 *
 *   view.c          the program: what to show, the loop, keys
 *   view_window.c   window, texture, boxes, letters
 *   view_source.c   a file or a device without a configuration: a camera process of our own in a domain of our own
 */
#ifndef ZOETROPE_VIEW_H
#define ZOETROPE_VIEW_H

#include <SDL.h>

#include "convert/convert.h"
#include "result.h"

struct window {
	SDL_Window *window;
	SDL_Renderer *renderer;
	SDL_Texture *picture, *letters;
	struct zoe_image image; /* what picture is made for */
	struct converter *converter;
	int64_t opened_ns;
	bool full;
};

/* Returns 0 | -EIO | -ENOMEM after a sentence on standard error. */
int window_open(struct window *out, const char *title);
void window_close(struct window *window);
/* Put a frame's pixels into the texture. Returns 0 | -EINVAL | -EBADMSG | -ENOMEM | -EIO */
int window_take(struct window *window, const struct zoe_frame *frame);
/* Draw what is there: picture, boxes of the results that are fresh at capture_ns (NULL = none), a line of text. */
void window_draw(struct window *window, const struct result_set *results, int64_t capture_ns, const char *text);
void window_full(struct window *window, bool full);

/* A camera process for a source. */
struct source {
	pid_t pid;
	char domain[64];
};

#define SOURCE_TOPIC "view"

/* Start it in a new domain. Returns 0 | -errno after a sentence. */
int source_start(struct source *out, const char *uri);
/* Has it ended by itself? Its own sentence is on standard error then. */
bool source_ended(struct source *source);
/* End it and remove the domain. */
void source_stop(struct source *source);

#endif
