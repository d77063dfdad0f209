/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG over libjpeg-turbo. JFIF means full-range BT.601, so planes of YUV are brought to that by convert/ and
 * compressed as they are; RGB is compressed as RGB. JPEG from the camera passes through untouched.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <turbojpeg.h>

#include "convert/convert.h"
#include "encoder.h"

struct jpeg_encoder {
	struct converter *converter;
	tjhandle turbo;
	int quality;
	unsigned char *buffer;
	size_t capacity;
};

static void jpeg_close(void *state)
{
	struct jpeg_encoder *jpeg = state;
	if (!jpeg)
		return;
	converter_destroy(jpeg->converter);
	if (jpeg->turbo)
		tjDestroy(jpeg->turbo);
	free(jpeg->buffer);
	free(jpeg);
}

static int jpeg_open(int quality, void **out_state)
{
	struct jpeg_encoder *jpeg = calloc(1, sizeof(*jpeg));
	if (!jpeg)
		return -ENOMEM;
	jpeg->quality = quality;
	jpeg->turbo = tjInitCompress();
	if (!jpeg->turbo || converter_create(&jpeg->converter) < 0)
		goto fail;
	*out_state = jpeg;
	return 0;
fail:
	jpeg_close(jpeg);
	return -ENOMEM;
}

static int jpeg_reserve(struct jpeg_encoder *jpeg, unsigned width, unsigned height, int sampling)
{
	unsigned long need = tjBufSize((int)width, (int)height, sampling);
	if (need == (unsigned long)-1)
		return -EINVAL;
	if (need <= jpeg->capacity)
		return 0;
	unsigned char *buffer = malloc(need);
	if (!buffer)
		return -ENOMEM;
	free(jpeg->buffer);
	jpeg->buffer = buffer;
	jpeg->capacity = need;
	return 0;
}

/* What the picture has to be turned into before it can be compressed. */
static struct zoe_image jpeg_wanted(const struct zoe_image *image)
{
	struct zoe_image wanted = {.width = image->width, .height = image->height};
	switch (image->format) {
	case ZOE_FORMAT_GREY:
		wanted.format = ZOE_FORMAT_GREY;
		wanted.range = ZOE_RANGE_FULL;
		break;
	case ZOE_FORMAT_RGB24:
	case ZOE_FORMAT_BGR24:
		wanted.format = ZOE_FORMAT_RGB24;
		break;
	default:
		wanted.format = ZOE_FORMAT_I420;
		wanted.range = ZOE_RANGE_FULL;
		wanted.matrix = ZOE_MATRIX_BT601;
		break;
	}
	return wanted;
}

/* Can libjpeg-turbo read the picture where it lies? */
static bool jpeg_direct(const struct zoe_image *image)
{
	if (image->format == ZOE_FORMAT_RGB24 || image->format == ZOE_FORMAT_BGR24)
		return true;
	if (image->format == ZOE_FORMAT_GREY)
		return image->range != ZOE_RANGE_LIMITED;
	return image->format == ZOE_FORMAT_I420 && image->range == ZOE_RANGE_FULL && image->matrix != ZOE_MATRIX_BT709;
}

static int jpeg_sampling(const struct zoe_image *image)
{
	return image->format == ZOE_FORMAT_GREY ? TJSAMP_GRAY : TJSAMP_420;
}

static int jpeg_compress(struct jpeg_encoder *jpeg, const struct zoe_image *image, const uint8_t *data,
                         unsigned long *out_size)
{
	int width = (int)image->width, height = (int)image->height;
	int sampling = jpeg_sampling(image);
	unsigned long size = jpeg->capacity;
	if (image->format == ZOE_FORMAT_I420) {
		const unsigned char *planes[3];
		int strides[3];
		for (int i = 0; i < 3; i++) {
			planes[i] = data + image->planes[i].offset;
			strides[i] = (int)image->planes[i].stride;
		}
		*out_size = size;
		return tjCompressFromYUVPlanes(jpeg->turbo, planes, width, strides, height, sampling, &jpeg->buffer,
		                               out_size, jpeg->quality, TJFLAG_NOREALLOC);
	}
	int pixels = image->format == ZOE_FORMAT_GREY    ? TJPF_GRAY
	             : image->format == ZOE_FORMAT_BGR24 ? TJPF_BGR
	                                                 : TJPF_RGB;
	*out_size = size;
	return tjCompress2(jpeg->turbo, data + image->planes[0].offset, width, (int)image->planes[0].stride, height,
	                   pixels, &jpeg->buffer, out_size, sampling, jpeg->quality, TJFLAG_NOREALLOC);
}

static int jpeg_encode(void *state, const struct zoe_image *image, const void *data, size_t size,
                       const unsigned char **out_data, size_t *out_size, char *error)
{
	struct jpeg_encoder *jpeg = state;
	if (image->format == ZOE_FORMAT_MJPEG) {
		*out_data = data;
		*out_size = size;
		return 0;
	}
	struct zoe_image ready = *image;
	const uint8_t *pixels = data;
	int status = 0;
	if (zoe_image_check(image, size) < 0)
		status = -EINVAL;
	else if (!jpeg_direct(image)) {
		ready = jpeg_wanted(image);
		status = converter_run(jpeg->converter, image, data, size, &ready, &pixels);
	}
	if (!status)
		status = jpeg_reserve(jpeg, ready.width, ready.height, jpeg_sampling(&ready));
	if (status < 0) {
		char name[5];
		zoe_format_name(image->format, name);
		snprintf(error, ENCODER_ERROR_BYTES, "cannot turn a picture of format %s, %ux%u, into JPEG: error %d",
		         name, image->width, image->height, -status);
		return status;
	}
	unsigned long bytes = 0;
	if (jpeg_compress(jpeg, &ready, pixels, &bytes)) {
		snprintf(error, ENCODER_ERROR_BYTES, "libjpeg-turbo: %s", tjGetErrorStr2(jpeg->turbo));
		return -EINVAL;
	}
	*out_data = jpeg->buffer;
	*out_size = bytes;
	return 0;
}

const struct encoder_driver encoder_jpeg = {
    .name = "jpeg",
    .media_type = "image/jpeg",
    .suffix = ".jpg",
    .open = jpeg_open,
    .encode = jpeg_encode,
    .close = jpeg_close,
};
