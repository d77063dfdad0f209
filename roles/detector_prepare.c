/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preparing is written once, for all engines: so the same model gives the same boxes whoever runs it. convert/ changes
 * format and size; here bytes become numbers.
 */
#include "detector_prepare.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/convert.h"

#define SIDE_MAX 16384 /* of the converter */

/* Where the camera's picture lies in the engine's, pixels. */
struct place {
	unsigned x, y, width, height;
};

struct prepare {
	struct zoe_detector_input input;
	unsigned channels;
	float *tensor;         /* [batch][...]; NULL for bytes */
	float *means, *scales; /* of each byte of a row */
	uint8_t *split;        /* a row taken apart */
	struct place places[ZOE_DETECTOR_BATCH_MAX];
	struct converter *converters[ZOE_DETECTOR_BATCH_MAX]; /* bytes stay in them until the batch is done */
};

static int refuse(char *error, const char *what)
{
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "the engine wants pictures that nobody can make: %s", what);
	return -EINVAL;
}

static int check(const struct zoe_detector_input *input, char *error)
{
	bool packed =
	    input->format == ZOE_FORMAT_RGB24 || input->format == ZOE_FORMAT_BGR24 || input->format == ZOE_FORMAT_GREY;
	if (!packed && input->format != ZOE_FORMAT_I420 && input->format != ZOE_FORMAT_NONE)
		return refuse(error, "their format is none of RGB24, BGR24, GREY, I420, NONE");
	if (input->layout > ZOE_LAYOUT_NCHW || input->fit > ZOE_FIT_LETTERBOX)
		return refuse(error, "layout or fit is not one of zoetrope_detector.h");
	if (input->layout != ZOE_LAYOUT_BYTES && (!packed || !input->width))
		return refuse(error, "float32 needs a width, a height, and RGB24, BGR24 or GREY");
	if (input->layout == ZOE_LAYOUT_BYTES && input->fit != ZOE_FIT_STRETCH)
		return refuse(error, "bytes cannot be letterboxed");
	if (input->width > SIDE_MAX || input->height > SIDE_MAX || !input->width != !input->height)
		return refuse(error, "width and height are both 0, or both from 1 to 16384");
	if (input->batch < 1 || input->batch > ZOE_DETECTOR_BATCH_MAX)
		return refuse(error, "a batch has 1 to 16 of them");
	if (input->pad > 255)
		return refuse(error, "pad is no byte");
	return 0;
}

static size_t tensor_floats(const struct prepare *prepare)
{
	return (size_t)prepare->input.width * prepare->input.height * prepare->channels;
}

static int make_memory(struct prepare *prepare)
{
	const struct zoe_detector_input *input = &prepare->input;
	const size_t bytes = (size_t)input->width * prepare->channels;
	prepare->tensor = calloc(input->batch * tensor_floats(prepare), sizeof(float));
	prepare->means = calloc(bytes, sizeof(float));
	prepare->scales = calloc(bytes, sizeof(float));
	prepare->split = calloc(bytes, 1);
	if (!prepare->tensor || !prepare->means || !prepare->scales || !prepare->split)
		return -ENOMEM;
	for (size_t i = 0; i < bytes; i++) {
		prepare->means[i] = input->mean[i % prepare->channels];
		prepare->scales[i] = input->scale[i % prepare->channels];
	}
	return 0;
}

int prepare_create(const struct zoe_detector_input *input, struct prepare **out, char *error)
{
	int status = check(input, error);
	if (status < 0)
		return status;
	struct prepare *prepare = calloc(1, sizeof(*prepare));
	if (!prepare)
		goto fail;
	prepare->input = *input;
	prepare->channels = input->format == ZOE_FORMAT_GREY ? 1 : 3;
	for (unsigned i = 0; i < input->batch; i++) {
		if (converter_create(&prepare->converters[i]) < 0)
			goto fail;
	}
	if (input->layout != ZOE_LAYOUT_BYTES && make_memory(prepare) < 0)
		goto fail;
	*out = prepare;
	return 0;
fail:
	prepare_destroy(prepare);
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "no memory to prepare pictures of %ux%u pixels", input->width,
	         input->height);
	return -ENOMEM;
}

void prepare_destroy(struct prepare *prepare)
{
	if (!prepare)
		return;
	for (unsigned i = 0; i < ZOE_DETECTOR_BATCH_MAX; i++)
		converter_destroy(prepare->converters[i]);
	free(prepare->tensor);
	free(prepare->means);
	free(prepare->scales);
	free(prepare->split);
	free(prepare);
}

static struct place choose_place(const struct zoe_detector_input *input, const struct zoe_image *image)
{
	struct place place = {.width = input->width, .height = input->height};
	if (input->fit != ZOE_FIT_LETTERBOX || !image->width || !image->height)
		return place;
	double factor = fmin((double)input->width / image->width, (double)input->height / image->height);
	place.width = (unsigned)fmin(fmax(1, round(image->width * factor)), input->width);
	place.height = (unsigned)fmin(fmax(1, round(image->height * factor)), input->height);
	place.x = (input->width - place.width) / 2;
	place.y = (input->height - place.height) / 2;
	return place;
}

/* Bytes as numbers, whose channels stand as they did. */
static void number_packed(const struct prepare *prepare, const uint8_t *restrict from, size_t count, float *restrict to)
{
	const float *restrict means = prepare->means, *restrict scales = prepare->scales;
	for (size_t i = 0; i < count; i++)
		to[i] = ((float)from[i] - means[i]) * scales[i];
}

static void number_channel(const uint8_t *restrict from, size_t count, float mean, float scale, float *restrict to)
{
	for (size_t i = 0; i < count; i++)
		to[i] = ((float)from[i] - mean) * scale;
}

/* A row of three channels, each `plane` floats behind the one before. */
static void number_planes(const struct prepare *prepare, const uint8_t *from, unsigned pixels, float *to, size_t plane)
{
	const struct zoe_detector_input *input = &prepare->input;
	uint8_t *split[3] = {prepare->split, prepare->split + pixels, prepare->split + 2 * (size_t)pixels};
	convert_split(from, pixels, split[0], split[1], split[2]);
	for (unsigned channel = 0; channel < 3; channel++)
		number_channel(split[channel], pixels, input->mean[channel], input->scale[channel],
		               to + channel * plane);
}

/* What is left around a letterboxed picture. */
static void fill(const struct prepare *prepare, float *tensor)
{
	const struct zoe_detector_input *input = &prepare->input;
	bool planar = input->layout == ZOE_LAYOUT_NCHW;
	size_t plane = (size_t)input->width * input->height;
	for (unsigned channel = 0; channel < prepare->channels; channel++) {
		float pad = ((float)input->pad - input->mean[channel]) * input->scale[channel];
		for (size_t i = 0; i < plane; i++)
			tensor[planar ? channel * plane + i : i * prepare->channels + channel] = pad;
	}
}

static void make_tensor(const struct prepare *prepare, const struct place *place, const uint8_t *pixels, float *tensor)
{
	bool planar = prepare->input.layout == ZOE_LAYOUT_NCHW && prepare->channels > 1;
	size_t width = prepare->input.width, plane = width * prepare->input.height;
	size_t step = planar ? 1 : prepare->channels, row = (size_t)place->width * prepare->channels;
	if (place->width != prepare->input.width || place->height != prepare->input.height)
		fill(prepare, tensor);
	for (unsigned y = 0; y < place->height; y++, pixels += row) {
		float *to = tensor + ((place->y + y) * width + place->x) * step;
		if (planar)
			number_planes(prepare, pixels, place->width, to, plane);
		else
			number_packed(prepare, pixels, row, to);
	}
}

static int unreadable(const struct zoe_image *image, int status, char *error)
{
	char format[5];
	zoe_format_name(image->format, format);
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "a picture of %ux%u pixels, format %s, cannot be read", image->width,
	         image->height, format);
	return status;
}

int prepare_put(struct prepare *prepare, unsigned index, const struct zoe_image *image, const void *data, size_t size,
                struct zoe_detector_picture *out, char *error)
{
	const struct zoe_detector_input *input = &prepare->input;
	struct place *place = &prepare->places[index];
	*place = choose_place(input, image);
	if (input->format == ZOE_FORMAT_NONE) {
		out->data = data;
		out->size = size;
		out->image = *image;
		return 0;
	}
	struct zoe_image made = {.format = input->format, .width = place->width, .height = place->height};
	const uint8_t *pixels = NULL;
	int status = converter_run(prepare->converters[index], image, data, size, &made, &pixels);
	if (status < 0)
		return unreadable(image, status, error);
	out->image = made;
	out->data = pixels;
	if (input->layout == ZOE_LAYOUT_BYTES) {
		int64_t bytes = zoe_image_layout(&made, 1);
		out->size = bytes < 0 ? 0 : (size_t)bytes;
		return 0;
	}
	float *tensor = prepare->tensor + index * tensor_floats(prepare);
	make_tensor(prepare, place, pixels, tensor);
	out->image = (struct zoe_image){.format = input->format, .width = input->width, .height = input->height};
	out->data = tensor;
	out->size = tensor_floats(prepare) * sizeof(float);
	return 0;
}

static float clip(double fraction)
{
	return (float)fmin(fmax(fraction, 0), 1);
}

int prepare_back(const struct prepare *prepare, unsigned index, struct zoe_detection *box)
{
	const struct place *place = &prepare->places[index];
	double left = box->x, top = box->y, right = (double)box->x + box->w, bottom = (double)box->y + box->h;
	if (!isfinite(left) || !isfinite(top) || !isfinite(right) || !isfinite(bottom))
		return -ENOENT;
	if (prepare->input.fit == ZOE_FIT_LETTERBOX) {
		left = (left * prepare->input.width - place->x) / place->width;
		right = (right * prepare->input.width - place->x) / place->width;
		top = (top * prepare->input.height - place->y) / place->height;
		bottom = (bottom * prepare->input.height - place->y) / place->height;
	}
	box->x = clip(left);
	box->y = clip(top);
	box->w = clip(right) - box->x;
	box->h = clip(bottom) - box->y;
	return box->w > 0 && box->h > 0 ? 0 : -ENOENT;
}
