/* SPDX-License-Identifier: Apache-2.0 */
/* MJPEG pictures, by libjpeg-turbo: YCbCr stays YCbCr (JPEG is full range, BT.601), other colour spaces become RGB. */
#include "picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define JPEG_SIDE_MAX 16384 /* as zoe_image_layout() */

struct jpeg {
	tjhandle turbo;
};

/* Cameras leave a few bytes between segments, which harms nothing. Any other warning means that pixels are missing. */
static int jpeg_verdict(struct jpeg *jpeg, int status)
{
	if (status == 0)
		return 0;
	if (tjGetErrorCode(jpeg->turbo) == TJERR_WARNING && strstr(tjGetErrorStr2(jpeg->turbo), "extraneous bytes"))
		return 0;
	return -EBADMSG;
}

static enum zoe_format jpeg_planar_format(int subsampling, int colours)
{
	if (colours == TJCS_GRAY)
		return ZOE_FORMAT_GREY;
	if (colours != TJCS_YCbCr)
		return ZOE_FORMAT_RGB24;
	switch (subsampling) {
	case TJSAMP_420:
		return ZOE_FORMAT_I420;
	case TJSAMP_422:
		return ZOE_FORMAT_I422;
	case TJSAMP_444:
		return ZOE_FORMAT_I444;
	case TJSAMP_GRAY:
		return ZOE_FORMAT_GREY;
	default:
		return ZOE_FORMAT_RGB24;
	}
}

/* libjpeg-turbo rounds luma up to whole chroma samples, so planes may be one larger than the picture. */
static int jpeg_planes(struct jpeg *jpeg, const uint8_t *data, size_t size, int subsampling, struct scratch *scratch,
                       struct picture *out)
{
	int count = out->format == ZOE_FORMAT_GREY ? 1 : 3;
	size_t bytes = 0;
	size_t offsets[3];
	for (int i = 0; i < count; i++) {
		out->strides[i] = tjPlaneWidth(i, out->width, subsampling);
		offsets[i] = bytes;
		bytes += (size_t)out->strides[i] * (size_t)tjPlaneHeight(i, out->height, subsampling);
	}
	int status = scratch_reserve(scratch, bytes);
	if (status < 0)
		return status;
	for (int i = 0; i < count; i++)
		out->planes[i] = scratch->data + offsets[i];
	return jpeg_verdict(jpeg, tjDecompressToYUVPlanes(jpeg->turbo, data, size, out->planes, out->width,
	                                                  out->strides, out->height, 0));
}

static int jpeg_decode_with(struct jpeg *jpeg, const uint8_t *data, size_t size, struct scratch *scratch,
                            struct picture *out)
{
	tjhandle turbo = jpeg->turbo;
	int width = 0, height = 0, subsampling = 0, colours = 0;
	/* A picture cut off within its tables is success to libjpeg-turbo, and the sizes are left alone. */
	if (tjDecompressHeader3(turbo, data, size, &width, &height, &subsampling, &colours) != 0 || width < 1 ||
	    height < 1 || width > JPEG_SIDE_MAX || height > JPEG_SIDE_MAX)
		return -EBADMSG;
	*out = (struct picture){.format = jpeg_planar_format(subsampling, colours),
	                        .width = width,
	                        .height = height,
	                        .range = ZOE_RANGE_FULL,
	                        .matrix = ZOE_MATRIX_BT601};
	if (out->format != ZOE_FORMAT_RGB24)
		return jpeg_planes(jpeg, data, size, subsampling, scratch, out);
	int status = picture_allocate(out, scratch, 1);
	if (status < 0)
		return status == -EINVAL ? -EBADMSG : status;
	return jpeg_verdict(
	    jpeg, tjDecompress2(turbo, data, size, out->planes[0], width, out->strides[0], height, TJPF_RGB, 0));
}

int unpack_jpeg(struct jpeg **jpeg, const uint8_t *data, size_t size, struct scratch *scratch, struct picture *out)
{
	if (!*jpeg) {
		*jpeg = calloc(1, sizeof(**jpeg));
		if (!*jpeg)
			return -ENOMEM;
	}
	if (!(*jpeg)->turbo && !((*jpeg)->turbo = tjInitDecompress()))
		return -ENOMEM;
	int status = jpeg_decode_with(*jpeg, data, size, scratch, out);
	if (status == -EBADMSG) {
		/* What a damaged picture left in the decoder makes it refuse good ones. */
		tjDestroy((*jpeg)->turbo);
		(*jpeg)->turbo = NULL;
	}
	return status;
}

void unpack_jpeg_end(struct jpeg *jpeg)
{
	if (jpeg && jpeg->turbo)
		tjDestroy(jpeg->turbo);
	free(jpeg);
}
