/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The converter: look at the source as planes (unpack YUYV, decode JPEG), scale the planes, change the format, change
 * range and matrix, pack the planes. Each step is left out where nothing is to do; so a source that is right already is handed back.
 *
 * libyuv names packed RGB by little-endian words: its "RGB24" is our BGR24 and its "RAW" our RGB24.
 */
#include "picture.h"

#include <errno.h>
#include <libyuv.h>
#include <libyuv/scale_rgb.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct converter {
	struct jpeg *jpeg;
	struct scratch unpacked, scaled, ranged, formatted, packed, row;
};

int converter_create(struct converter **out)
{
	struct converter *converter = calloc(1, sizeof(*converter));
	if (!converter)
		return -ENOMEM;
	*out = converter;
	return 0;
}

void converter_destroy(struct converter *converter)
{
	if (!converter)
		return;
	unpack_jpeg_end(converter->jpeg);
	free(converter->unpacked.data);
	free(converter->scaled.data);
	free(converter->ranged.data);
	free(converter->formatted.data);
	free(converter->packed.data);
	free(converter->row.data);
	free(converter);
}

static bool is_rgb(enum zoe_format format)
{
	return format == ZOE_FORMAT_RGB24 || format == ZOE_FORMAT_BGR24;
}

static enum zoe_range range_of(const struct zoe_image *image)
{
	if (is_rgb((enum zoe_format)image->format))
		return ZOE_RANGE_FULL;
	if (image->range == ZOE_RANGE_LIMITED || image->range == ZOE_RANGE_FULL)
		return (enum zoe_range)image->range;
	return image->format == ZOE_FORMAT_GREY || image->format == ZOE_FORMAT_MJPEG ? ZOE_RANGE_FULL
	                                                                             : ZOE_RANGE_LIMITED;
}

static enum zoe_matrix matrix_of(const struct zoe_image *image)
{
	return image->matrix == ZOE_MATRIX_BT709 ? ZOE_MATRIX_BT709 : ZOE_MATRIX_BT601;
}

static int unpack_yuyv(struct converter *converter, const struct picture *src, struct picture *out)
{
	*out = *src;
	out->format = ZOE_FORMAT_I422;
	int status = picture_allocate(out, &converter->unpacked, 1);
	if (status < 0)
		return status;
	if (src->format == ZOE_FORMAT_YUYV)
		YUY2ToI422(src->planes[0], src->strides[0], out->planes[0], out->strides[0], out->planes[1],
		           out->strides[1], out->planes[2], out->strides[2], out->width, out->height);
	else
		UYVYToI422(src->planes[0], src->strides[0], out->planes[0], out->strides[0], out->planes[1],
		           out->strides[1], out->planes[2], out->strides[2], out->width, out->height);
	return 0;
}

/* The source as planes. Its bytes are only read; the pointers lose their const because a picture may be scratch too. */
static int unpack(struct converter *converter, const struct zoe_image *src, const uint8_t *data, size_t size,
                  struct picture *out)
{
	if (src->format == ZOE_FORMAT_MJPEG)
		return unpack_jpeg(&converter->jpeg, data, size, &converter->unpacked, out);
	if (src->format == ZOE_FORMAT_NONE || zoe_image_check(src, size) < 0 || src->plane_count > 3)
		return -EINVAL;
	struct picture view = {.format = (enum zoe_format)src->format,
	                       .width = (int)src->width,
	                       .height = (int)src->height,
	                       .range = range_of(src),
	                       .matrix = matrix_of(src)};
	for (unsigned i = 0; i < src->plane_count; i++) {
		if (src->planes[i].stride > INT_MAX)
			return -EINVAL;
		view.planes[i] = (uint8_t *)(uintptr_t)data + src->planes[i].offset;
		view.strides[i] = (int)src->planes[i].stride;
	}
	if (view.format == ZOE_FORMAT_YUYV || view.format == ZOE_FORMAT_UYVY)
		return unpack_yuyv(converter, &view, out);
	*out = view;
	return 0;
}

static int scale_rgb(struct converter *converter, const struct picture *src, struct picture *out)
{
	if (src->width > out->width && src->height > out->height)
		return shrink_rgb(src, out, &converter->row);
	return RGBScale(src->planes[0], src->strides[0], src->width, src->height, out->planes[0], out->strides[0],
	                out->width, out->height, kFilterBox) == 0
	           ? 0
	           : -ENOMEM;
}

/*
 * Scale to width x height. Chroma goes straight to the size that the wanted format needs: full for RGB, so that no
 * colour is lost in a small picture for a detector; half for I420.
 */
static int scale(struct converter *converter, const struct picture *src, enum zoe_format wanted, int width, int height,
                 struct picture *out)
{
	*out = *src;
	if (src->width == width && src->height == height)
		return 0;
	if (src->format != ZOE_FORMAT_GREY && !is_rgb(src->format))
		out->format = wanted == ZOE_FORMAT_GREY   ? ZOE_FORMAT_GREY
		              : wanted == ZOE_FORMAT_I420 ? ZOE_FORMAT_I420
		                                          : ZOE_FORMAT_I444;
	out->width = width;
	out->height = height;
	int status = picture_allocate(out, &converter->scaled, 1);
	if (status < 0)
		return status;
	if (is_rgb(src->format))
		return scale_rgb(converter, src, out);
	ScalePlane(src->planes[0], src->strides[0], src->width, src->height, out->planes[0], out->strides[0], width,
	           height, kFilterBox);
	if (out->format == ZOE_FORMAT_GREY)
		return 0;
	int from_width, from_height, to_width, to_height;
	picture_chroma_size(src->format, src->width, src->height, &from_width, &from_height);
	picture_chroma_size(out->format, width, height, &to_width, &to_height);
	for (int i = 1; i < 3; i++)
		ScalePlane(src->planes[i], src->strides[i], from_width, from_height, out->planes[i], out->strides[i],
		           to_width, to_height, kFilterBox);
	return 0;
}

/* NV12 has no scaler that also changes the format; as three planes it is I420. */
static int split_nv12(struct converter *converter, const struct picture *src, struct picture *out)
{
	struct picture planar = *src;
	planar.format = ZOE_FORMAT_I420;
	int status = picture_allocate(&planar, &converter->unpacked, 1);
	if (status < 0)
		return status;
	int width, height;
	picture_chroma_size(src->format, src->width, src->height, &width, &height);
	SplitUVPlane(src->planes[1], src->strides[1], planar.planes[1], planar.strides[1], planar.planes[2],
	             planar.strides[2], width, height);
	planar.planes[0] = src->planes[0];
	planar.strides[0] = src->strides[0];
	*out = planar;
	return 0;
}

static const struct YuvConstants *yuv_constants(const struct picture *src, bool swapped)
{
	bool full = src->range == ZOE_RANGE_FULL;
	if (src->matrix == ZOE_MATRIX_BT709 && full)
		return swapped ? &kYvuF709Constants : &kYuvF709Constants;
	if (src->matrix == ZOE_MATRIX_BT709)
		return swapped ? &kYvuH709Constants : &kYuvH709Constants;
	if (full)
		return swapped ? &kYvuJPEGConstants : &kYuvJPEGConstants;
	return swapped ? &kYvuI601Constants : &kYuvI601Constants;
}

/* libyuv makes B G R; with U and V exchanged, in data and constants, that is R G B. */
static void yuv_to_rgb(const struct picture *src, struct picture *out)
{
	bool swapped = out->format == ZOE_FORMAT_RGB24;
	const struct YuvConstants *constants = yuv_constants(src, swapped);
	uint8_t *to = out->planes[0];
	if (src->format == ZOE_FORMAT_NV12) {
		(swapped ? NV21ToRGB24Matrix : NV12ToRGB24Matrix)(src->planes[0], src->strides[0], src->planes[1],
		                                                  src->strides[1], to, out->strides[0], constants,
		                                                  src->width, src->height);
		return;
	}
	int u = swapped ? 2 : 1, v = swapped ? 1 : 2;
	int (*run)(const uint8_t *, int, const uint8_t *, int, const uint8_t *, int, uint8_t *, int,
	           const struct YuvConstants *, int, int) = src->format == ZOE_FORMAT_I420   ? I420ToRGB24Matrix
	                                                    : src->format == ZOE_FORMAT_I422 ? I422ToRGB24Matrix
	                                                                                     : I444ToRGB24Matrix;
	run(src->planes[0], src->strides[0], src->planes[u], src->strides[u], src->planes[v], src->strides[v], to,
	    out->strides[0], constants, src->width, src->height);
}

static void grey_to_rgb(const struct picture *src, struct picture *out)
{
	bool limited = src->range == ZOE_RANGE_LIMITED;
	for (int y = 0; y < src->height; y++) {
		const uint8_t *from = src->planes[0] + (ptrdiff_t)y * src->strides[0];
		uint8_t *to = out->planes[0] + (ptrdiff_t)y * out->strides[0];
		for (int x = 0; x < src->width; x++) {
			int grey = limited ? ((from[x] - 16) * 255 + 109) / 219 : from[x];
			to[3 * x] = to[3 * x + 1] = to[3 * x + 2] = (uint8_t)(grey < 0 ? 0 : grey > 255 ? 255 : grey);
		}
	}
}

/* libyuv's factor for blue ends at 2.0; limited BT.709 needs 2.11 (12 steps off for pure blue), full range 1.86. */
static int widen_range(struct converter *converter, struct picture *picture)
{
	if (picture->matrix != ZOE_MATRIX_BT709 || picture->range != ZOE_RANGE_LIMITED)
		return 0;
	struct picture full = *picture;
	full.range = ZOE_RANGE_FULL;
	int status = picture_allocate(&full, &converter->ranged, 1);
	if (status < 0)
		return status;
	colour_range(picture, &full);
	*picture = full;
	return 0;
}

static int to_rgb(struct converter *converter, const struct picture *src, struct picture *out)
{
	out->range = ZOE_RANGE_FULL;
	if (src->format == ZOE_FORMAT_GREY) {
		grey_to_rgb(src, out);
	} else if (src->format == out->format) {
		CopyPlane(src->planes[0], src->strides[0], out->planes[0], out->strides[0], 3 * src->width,
		          src->height);
	} else if (is_rgb(src->format)) { /* exchanging bytes is its own inverse */
		RAWToRGB24(src->planes[0], src->strides[0], out->planes[0], out->strides[0], src->width, src->height);
	} else {
		struct picture yuv = *src;
		int status = widen_range(converter, &yuv);
		if (status < 0)
			return status;
		yuv_to_rgb(&yuv, out);
	}
	return 0;
}

/* Mean of two rows, or of two by two samples; the last one of an odd number stands alone. */
static void halve_plane(const uint8_t *from, int from_stride, int from_width, int from_height, bool across, uint8_t *to,
                        int to_stride)
{
	for (int y = 0; y < from_height; y += 2, to += to_stride) {
		const uint8_t *a = from + (ptrdiff_t)y * from_stride;
		const uint8_t *b = y + 1 < from_height ? a + from_stride : a;
		if (!across) {
			for (int x = 0; x < from_width; x++)
				to[x] = (uint8_t)((a[x] + b[x] + 1) / 2);
			continue;
		}
		for (int x = 0; x < from_width / 2; x++)
			to[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) / 4);
		if (from_width % 2)
			to[from_width / 2] = (uint8_t)((a[from_width - 1] + b[from_width - 1] + 1) / 2);
	}
}

static void to_i420(const struct picture *src, struct picture *out)
{
	CopyPlane(src->planes[0], src->strides[0], out->planes[0], out->strides[0], src->width, src->height);
	int from_width, from_height, width, height;
	picture_chroma_size(src->format, src->width, src->height, &from_width, &from_height);
	picture_chroma_size(ZOE_FORMAT_I420, src->width, src->height, &width, &height);
	for (int i = 1; i < 3 && src->format != ZOE_FORMAT_NV12; i++) {
		if (src->format == ZOE_FORMAT_GREY)
			SetPlane(out->planes[i], out->strides[i], width, height, 128);
		else if (src->format == ZOE_FORMAT_I420)
			CopyPlane(src->planes[i], src->strides[i], out->planes[i], out->strides[i], width, height);
		else
			halve_plane(src->planes[i], src->strides[i], from_width, from_height,
			            src->format == ZOE_FORMAT_I444, out->planes[i], out->strides[i]);
	}
	if (src->format == ZOE_FORMAT_NV12)
		SplitUVPlane(src->planes[1], src->strides[1], out->planes[1], out->strides[1], out->planes[2],
		             out->strides[2], width, height);
}

/* libyuv knows RGB to BT.601 only; from there colour_change() goes on. */
static void rgb_to_yuv(const struct picture *src, struct picture *out)
{
	bool raw = src->format == ZOE_FORMAT_RGB24;
	out->range = ZOE_RANGE_FULL;
	out->matrix = ZOE_MATRIX_BT601;
	if (out->format == ZOE_FORMAT_GREY)
		(raw ? RAWToJ400 : RGB24ToJ400)(src->planes[0], src->strides[0], out->planes[0], out->strides[0],
		                                src->width, src->height);
	else
		(raw ? RAWToJ420 : RGB24ToJ420)(src->planes[0], src->strides[0], out->planes[0], out->strides[0],
		                                out->planes[1], out->strides[1], out->planes[2], out->strides[2],
		                                src->width, src->height);
}

static int change_format(struct converter *converter, const struct picture *src, const struct zoe_image *wanted,
                         struct picture *out)
{
	if (is_rgb(out->format))
		return to_rgb(converter, src, out);
	if (is_rgb(src->format))
		rgb_to_yuv(src, out);
	else if (out->format == ZOE_FORMAT_GREY)
		CopyPlane(src->planes[0], src->strides[0], out->planes[0], out->strides[0], src->width, src->height);
	else
		to_i420(src, out);
	return colour_change(out, (enum zoe_range)wanted->range, (enum zoe_matrix)wanted->matrix, &converter->row);
}

/* May the picture be handed out as it is: right format, range and matrix, planes one behind the other, rows tight? */
static bool is_ready(const struct picture *picture, const struct zoe_image *dst)
{
	if (picture->format != (enum zoe_format)dst->format || picture->range != range_of(dst))
		return false;
	if (picture->format == ZOE_FORMAT_I420 && picture->matrix != matrix_of(dst))
		return false;
	for (unsigned i = 0; i < dst->plane_count; i++) {
		if (picture->strides[i] != (int)dst->planes[i].stride ||
		    picture->planes[i] != picture->planes[0] + dst->planes[i].offset)
			return false;
	}
	return true;
}

static bool is_target(uint32_t format)
{
	return format == ZOE_FORMAT_I420 || format == ZOE_FORMAT_GREY || is_rgb((enum zoe_format)format);
}

/* Formats that are made from I420 in a last step. */
static bool is_packed(uint32_t format)
{
	return format == ZOE_FORMAT_I422 || format == ZOE_FORMAT_I444 || format == ZOE_FORMAT_NV12 ||
	       format == ZOE_FORMAT_YUYV || format == ZOE_FORMAT_UYVY;
}

static void pack(const struct picture *src, struct picture *out)
{
	uint8_t *const *from = src->planes, **to = out->planes;
	const int *rows = src->strides, *to_rows = out->strides;
	if (out->format == ZOE_FORMAT_NV12) {
		I420ToNV12(from[0], rows[0], from[1], rows[1], from[2], rows[2], to[0], to_rows[0], to[1], to_rows[1],
		           src->width, src->height);
		return;
	}
	if (out->format == ZOE_FORMAT_YUYV || out->format == ZOE_FORMAT_UYVY) {
		(out->format == ZOE_FORMAT_YUYV ? I420ToYUY2 : I420ToUYVY)(
		    from[0], rows[0], from[1], rows[1], from[2], rows[2], to[0], to_rows[0], src->width, src->height);
		return;
	}
	(out->format == ZOE_FORMAT_I422 ? I420ToI422 : I420ToI444)(from[0], rows[0], from[1], rows[1], from[2], rows[2],
	                                                           to[0], to_rows[0], to[1], to_rows[1], to[2],
	                                                           to_rows[2], src->width, src->height);
}

/* Is the source what is wanted, but perhaps for gaps between its rows? */
static bool is_wanted(const struct zoe_image *src, const struct zoe_image *wanted)
{
	return src->format == wanted->format && src->width == wanted->width && src->height == wanted->height &&
	       range_of(src) == (enum zoe_range)wanted->range && matrix_of(src) == (enum zoe_matrix)wanted->matrix;
}

static int copy_tight(const struct zoe_image *src, const uint8_t *data, size_t size, const struct zoe_image *wanted,
                      size_t bytes, struct scratch *last, const uint8_t **out)
{
	if (zoe_image_check(src, size) < 0)
		return -EINVAL;
	int status = scratch_reserve(last, bytes);
	for (unsigned i = 0; status == 0 && i < wanted->plane_count; i++) {
		size_t end = i + 1 < wanted->plane_count ? wanted->planes[i + 1].offset : bytes;
		int stride = (int)wanted->planes[i].stride;
		CopyPlane(data + src->planes[i].offset, (int)src->planes[i].stride,
		          last->data + wanted->planes[i].offset, stride, stride,
		          (int)((end - wanted->planes[i].offset) / (size_t)stride));
	}
	*out = last->data;
	return status;
}

/* The steps from the source as planes to what is wanted, in `last` if it is not there already. */
static int run_steps(struct converter *converter, struct picture *source, const struct zoe_image *wanted,
                     struct scratch *last, struct picture *result)
{
	struct picture sized;
	int status = 0;
	bool scaled = (int)wanted->width != source->width || (int)wanted->height != source->height;
	if (scaled && source->format == ZOE_FORMAT_NV12)
		status = split_nv12(converter, source, source);
	if (status == 0)
		status = scale(converter, source, (enum zoe_format)wanted->format, (int)wanted->width,
		               (int)wanted->height, &sized);
	if (status < 0)
		return status;
	*result = sized;
	if (is_ready(&sized, wanted))
		return 0;
	result->format = (enum zoe_format)wanted->format;
	status = picture_allocate(result, last, 1);
	return status < 0 ? status : change_format(converter, &sized, wanted, result);
}

/* As run_steps(), from the source as it came; *wanted gets what 0 stood for in it. */
static int run_all(struct converter *converter, const struct zoe_image *src, const void *src_data, size_t src_size,
                   struct zoe_image *wanted, struct scratch *into, const uint8_t **out_data)
{
	struct picture source, result;
	int status = unpack(converter, src, src_data, src_size, &source);
	if (status < 0)
		return status;
	wanted->width = wanted->width ? wanted->width : (uint32_t)source.width;
	wanted->height = wanted->height ? wanted->height : (uint32_t)source.height;
	int64_t bytes = zoe_image_layout(wanted, 1);
	if (bytes < 0)
		return -EINVAL;
	if (into && (size_t)bytes > into->size)
		return -ENOSPC;
	wanted->range = range_of(wanted);
	wanted->matrix = matrix_of(wanted);
	if (is_packed(wanted->format) && is_wanted(src, wanted))
		return copy_tight(src, src_data, src_size, wanted, (size_t)bytes, into ? into : &converter->packed,
		                  out_data);
	struct zoe_image planar = *wanted;
	if (is_packed(wanted->format)) {
		planar.format = ZOE_FORMAT_I420;
		zoe_image_layout(&planar, 1);
	}
	bool last = planar.format == wanted->format;
	status = run_steps(converter, &source, &planar, last && into ? into : &converter->formatted, &result);
	if (status == 0 && !last) {
		struct picture flat = result;
		result.format = (enum zoe_format)wanted->format;
		status = picture_allocate(&result, into ? into : &converter->packed, 1);
		if (status == 0)
			pack(&flat, &result);
	}
	*out_data = result.planes[0];
	return status;
}

void convert_split(const uint8_t *pixels, unsigned count, uint8_t *first, uint8_t *second, uint8_t *third)
{
	SplitRGBPlane(pixels, 0, first, 0, second, 0, third, 0, (int)count, 1);
}

int converter_run(struct converter *converter, const struct zoe_image *src, const void *src_data, size_t src_size,
                  struct zoe_image *dst, const uint8_t **out_data)
{
	struct zoe_image wanted = *dst;
	const uint8_t *made;
	if (!is_target(dst->format) && !is_packed(dst->format))
		return -EINVAL;
	int status = run_all(converter, src, src_data, src_size, &wanted, NULL, &made);
	if (status < 0)
		return status;
	*dst = wanted;
	*out_data = made;
	return 0;
}

int converter_run_into(struct converter *converter, const struct zoe_image *src, const void *src_data, size_t src_size,
                       struct zoe_image *dst, void *out, size_t room)
{
	struct scratch into = {.data = out, .size = room};
	struct zoe_image wanted = *dst;
	const uint8_t *made;
	if ((!is_target(dst->format) && !is_packed(dst->format)) || !dst->width || !dst->height)
		return -EINVAL;
	int status = run_all(converter, src, src_data, src_size, &wanted, &into, &made);
	if (status < 0)
		return status;
	if (made != out) {
		struct zoe_image layout = wanted;
		memcpy(out, made, (size_t)zoe_image_layout(&layout, 1));
	}
	*dst = wanted;
	return 0;
}
