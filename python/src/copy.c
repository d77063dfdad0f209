/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, formats and buffers of what is to be published. Planes of ours are tight: a source is copied row after row. */
#include "copy.h"

/* ---- what is wanted --------------------------------------------------------------------------------------------- */

static int bad_shape(const Py_ssize_t *shape, int dimensions, uint32_t format)
{
	PyObject *name = picture_format_name(format);

	if (!name)
		return -1;
	if (dimensions < 2)
		PyErr_Format(PyExc_ValueError, "a %S picture needs a shape (height, width), found %d dimension%s", name,
		             dimensions, dimensions == 1 ? "" : "s");
	else
		PyErr_Format(PyExc_ValueError, "shape (%zd, %zd%s) does not fit format %S", shape[0], shape[1],
		             dimensions > 2 ? ", ..." : "", name);
	Py_DECREF(name);
	return -1;
}

/* What a picture of that shape is unless told otherwise. Returns 0 | -1 with an exception. */
static int default_format(const Py_ssize_t *shape, int dimensions, uint32_t *out)
{
	if (dimensions == 1)
		*out = ZOE_FORMAT_NONE;
	else if (dimensions == 2)
		*out = ZOE_FORMAT_GREY;
	else if (dimensions == 3 && shape[2] == 3)
		*out = ZOE_FORMAT_BGR24;
	else if (dimensions == 3 && shape[2] == 1)
		*out = ZOE_FORMAT_GREY;
	else {
		PyErr_SetString(PyExc_ValueError,
		                "wanted an array (height, width), (height, width, 3), or a format for it");
		return -1;
	}
	return 0;
}

/* Height, width and format to planes and bytes. */
static int lay_out(Py_ssize_t height, Py_ssize_t width, uint32_t format, struct loan_request *out)
{
	int64_t size;

	out->image = (struct zoe_image){.format = format,
	                                .width = (uint32_t)(width > UINT32_MAX || width < 0 ? 0 : width),
	                                .height = (uint32_t)(height > UINT32_MAX || height < 0 ? 0 : height)};
	size = zoe_image_layout(&out->image, 1);
	if (size < 0) {
		module_raise((int)size);
		return -1;
	}
	out->size = (size_t)size;
	return 0;
}

static int request_of_shape(const Py_ssize_t *shape, int dimensions, uint32_t format, Py_ssize_t size,
                            struct loan_request *out)
{
	if (format == ZOE_FORMAT_NONE || format == ZOE_FORMAT_MJPEG) {
		if (format == ZOE_FORMAT_NONE ? dimensions != 1 : dimensions != 2 || size <= 0) {
			PyErr_SetString(PyExc_ValueError,
			                "a message needs a number of bytes; an MJPEG needs (height, width) and "
			                "size=bytes");
			return -1;
		}
		out->size = (size_t)(dimensions == 1 ? shape[0] : size);
		out->image = (struct zoe_image){.format = format};
		if (format == ZOE_FORMAT_MJPEG) {
			out->image.width = (uint32_t)shape[1];
			out->image.height = (uint32_t)shape[0];
			return zoe_image_check(&out->image, out->size) < 0 ? (module_raise(-EINVAL), -1) : 0;
		}
		return 0;
	}
	if (dimensions < 2)
		return bad_shape(shape, dimensions, format);
	if (lay_out(shape[0], shape[1], format, out) < 0)
		return -1;
	const struct picture_view view = picture_plane(&out->image, NULL, out->size, 0, false);
	const Py_ssize_t channels = view.dimensions == 3 ? view.shape[2] : 1;

	if ((dimensions == 3 && shape[2] != channels) || (dimensions == 2 && channels == 3))
		return bad_shape(shape, dimensions, format);
	return 0;
}

int loan_read_request(PyObject *shape, PyObject *format, Py_ssize_t size, struct loan_request *out)
{
	Py_ssize_t numbers[3] = {0};
	int dimensions = 1;
	uint32_t fourcc;

	if (PyTuple_Check(shape)) {
		dimensions = (int)PyTuple_GET_SIZE(shape);
		if (dimensions < 2 || dimensions > 3) {
			PyErr_SetString(PyExc_ValueError,
			                "shape is (height, width), (height, width, channels), or bytes as int");
			return -1;
		}
	}
	for (int i = 0; i < dimensions; i++) {
		numbers[i] =
		    PyNumber_AsSsize_t(PyTuple_Check(shape) ? PyTuple_GET_ITEM(shape, i) : shape, PyExc_OverflowError);
		if (numbers[i] == -1 && PyErr_Occurred())
			return -1;
		if (numbers[i] < 0) {
			PyErr_Format(PyExc_ValueError, "shape holds %zd; sizes are 0 or more", numbers[i]);
			return -1;
		}
	}
	if (format ? picture_read_format(format, &fourcc) < 0 : default_format(numbers, dimensions, &fourcc) < 0)
		return -1;
	return request_of_shape(numbers, dimensions, fourcc, size, out);
}

int loan_read_meta(PyObject *bytes, uint8_t *out)
{
	Py_buffer view;

	memset(out, 0, ZOE_META_BYTES);
	if (bytes == Py_None)
		return 0;
	if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0)
		return -1;
	if (view.len <= ZOE_META_BYTES)
		memcpy(out, view.buf, (size_t)view.len);
	else
		PyErr_Format(PyExc_ValueError, "meta has room for %d bytes, found %zd", ZOE_META_BYTES, view.len);
	PyBuffer_Release(&view);
	return PyErr_Occurred() ? -1 : 0;
}

/* ---- what is given ---------------------------------------------------------------------------------------------- */

static int get_part(struct copy_source *source, PyObject *object)
{
	Py_buffer *part = &source->parts[source->count];

	if (PyObject_GetBuffer(object, part, PyBUF_STRIDED_RO | PyBUF_FORMAT) < 0)
		return -1;
	source->count++;
	if (part->ndim >= 1 && part->ndim <= 3 && part->itemsize == 1)
		return 0;
	PyErr_Format(PyExc_ValueError,
	             "wanted uint8 with 1 to 3 dimensions, found %d dimensions of '%s'; convert it, for example with "
	             ".astype(numpy.uint8)",
	             part->ndim, part->format ? part->format : "B");
	return -1;
}

/* I420 and NV12 as OpenCV has them: [height * 3 / 2][width], all planes in one. */
static bool is_opencv_planar(const Py_buffer *part, uint32_t format)
{
	return part->ndim == 2 && (format == ZOE_FORMAT_I420 || format == ZOE_FORMAT_NV12) && part->shape[0] % 3 == 0 &&
	       part->shape[1] % 2 == 0;
}

static int check_planes(struct copy_source *source)
{
	const struct loan_request *request = &source->request;

	if (source->count != request->image.plane_count) {
		PyObject *name = picture_format_name(request->image.format);

		if (name)
			PyErr_Format(PyExc_ValueError, "a %S picture has %u planes, found %u", name,
			             request->image.plane_count, source->count);
		Py_XDECREF(name);
		return -1;
	}
	for (unsigned i = 0; i < source->count; i++) {
		const struct picture_view view = picture_plane(&request->image, NULL, request->size, i, false);
		const Py_buffer *part = &source->parts[i];
		Py_ssize_t length = 1;

		for (int d = 0; d < view.dimensions; d++)
			length *= view.shape[d];
		if (part->ndim < 2 || part->shape[0] != view.shape[0] || part->shape[1] != view.shape[1] ||
		    part->len != length) {
			PyErr_Format(PyExc_ValueError, "plane %u must be (%zd, %zd), of %zd bytes in all", i,
			             view.shape[0], view.shape[1], length);
			return -1;
		}
	}
	return 0;
}

static int describe(struct copy_source *source, PyObject *format, unsigned width, unsigned height)
{
	const Py_buffer *first = &source->parts[0];
	uint32_t fourcc;

	if (format ? picture_read_format(format, &fourcc) < 0 : default_format(first->shape, first->ndim, &fourcc) < 0)
		return -1;
	if (fourcc == ZOE_FORMAT_MJPEG) {
		const Py_ssize_t sides[] = {height, width};
		return request_of_shape(sides, 2, fourcc, first->len, &source->request);
	}
	if (source->count == 1 && is_opencv_planar(first, fourcc))
		return lay_out(first->shape[0] / 3 * 2, first->shape[1], fourcc, &source->request);
	if (request_of_shape(first->shape, first->ndim, fourcc, 0, &source->request) < 0)
		return -1;
	return fourcc == ZOE_FORMAT_NONE ? 0 : check_planes(source);
}

int copy_open(struct copy_source *out, PyObject *object, PyObject *format, unsigned width, unsigned height)
{
	const bool planes = PyTuple_Check(object);
	const Py_ssize_t count = planes ? PyTuple_GET_SIZE(object) : 1;
	int status = 0;

	*out = (struct copy_source){0};
	if (count < 1 || count > ZOE_PLANES_MAX) {
		PyErr_Format(PyExc_ValueError, "a picture has 1 to %d planes, found %zd", ZOE_PLANES_MAX, count);
		return -1;
	}
	for (Py_ssize_t i = 0; i < count && status == 0; i++)
		status = get_part(out, planes ? PyTuple_GET_ITEM(object, i) : object);
	if (status == 0)
		status = describe(out, format, width, height);
	if (status < 0)
		copy_close(out);
	return status;
}

void copy_close(struct copy_source *source)
{
	while (source->count)
		PyBuffer_Release(&source->parts[--source->count]);
}

/* ---- the copy ----------------------------------------------------------------------------------------------------- */

static bool rows_are_tight(const Py_buffer *part)
{
	Py_ssize_t step = 1;

	for (int i = part->ndim - 1; i > 0; i--) {
		if (part->strides[i] != step && part->shape[i] > 1)
			return false;
		step *= part->shape[i];
	}
	return part->ndim > 1 || part->strides[0] == 1 || part->len <= 1;
}

static void copy_rows(const Py_buffer *part, char *to)
{
	if (PyBuffer_IsContiguous(part, 'C')) {
		memcpy(to, part->buf, (size_t)part->len);
		return;
	}
	const size_t row = (size_t)(part->len / part->shape[0]);

	for (Py_ssize_t i = 0; i < part->shape[0]; i++)
		memcpy(to + (size_t)i * row, (const char *)part->buf + i * part->strides[0], row);
}

int copy_run(struct copy_source *source, void *to, bool without_gil)
{
	char *at = to;

	for (unsigned i = 0; i < source->count; i++) {
		Py_buffer *part = &source->parts[i];

		if (part->len == 0)
			continue;
		if (!rows_are_tight(part)) {
			if (PyBuffer_ToContiguous(at, part, part->len, 'C') < 0)
				return -1;
		} else if (without_gil) {
			Py_BEGIN_ALLOW_THREADS copy_rows(part, at);
			Py_END_ALLOW_THREADS
		} else {
			copy_rows(part, at);
		}
		at += part->len;
	}
	return 0;
}
