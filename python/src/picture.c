/* SPDX-License-Identifier: Apache-2.0 */
/* Formats by name, and the planes of a picture as shapes and strides. */
#include "module.h"

#include <string.h>

const char *const picture_ranges[] = {"default", "limited", "full", NULL};
const char *const picture_matrices[] = {"default", "bt601", "bt709", NULL};

/* channels: bytes of a pixel in each plane; down and across: how much smaller planes 1 and 2 are. */
static const struct format_row {
	const char *name, *alias;
	enum zoe_format format;
	unsigned planes;
	uint8_t channels[3];
	uint8_t across, down;
} formats[] = {
    {"GREY", "GRAY", ZOE_FORMAT_GREY, 1, {1}, 1, 1},          {"I420", "YUV420P", ZOE_FORMAT_I420, 3, {1, 1, 1}, 2, 2},
    {"I422", "YUV422P", ZOE_FORMAT_I422, 3, {1, 1, 1}, 2, 1}, {"I444", "YUV444P", ZOE_FORMAT_I444, 3, {1, 1, 1}, 1, 1},
    {"NV12", "NV12", ZOE_FORMAT_NV12, 2, {1, 2}, 2, 2},       {"YUYV", "YUY2", ZOE_FORMAT_YUYV, 1, {2}, 1, 1},
    {"UYVY", "UYVY", ZOE_FORMAT_UYVY, 1, {2}, 1, 1},          {"RGB24", "RGB", ZOE_FORMAT_RGB24, 1, {3}, 1, 1},
    {"BGR24", "BGR", ZOE_FORMAT_BGR24, 1, {3}, 1, 1},         {"MJPEG", "JPEG", ZOE_FORMAT_MJPEG, 0, {0}, 1, 1},
};

#define FORMATS (sizeof(formats) / sizeof(*formats))

static const struct format_row *find_format(uint32_t format)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (formats[i].format == format)
			return &formats[i];
	}
	return NULL;
}

int picture_read_format(PyObject *name, uint32_t *out)
{
	const char *text = name == Py_None ? "" : PyUnicode_AsUTF8(name);
	char code[5];

	if (!text)
		return -1;
	if (name == Py_None) {
		*out = ZOE_FORMAT_NONE;
		return 0;
	}
	for (size_t i = 0; i < FORMATS; i++) {
		zoe_format_name(formats[i].format, code);
		if (!PyOS_stricmp(text, formats[i].name) || !PyOS_stricmp(text, formats[i].alias) ||
		    !PyOS_stricmp(text, code)) {
			*out = formats[i].format;
			return 0;
		}
	}
	PyErr_Format(PyExc_ValueError,
	             "%R is no pixel format; there are GREY, I420, I422, I444, NV12, YUYV, UYVY, RGB24, BGR24, MJPEG, "
	             "and None for a message",
	             name);
	return -1;
}

PyObject *picture_format_name(uint32_t format)
{
	const struct format_row *row = find_format(format);
	char code[5];

	if (format == ZOE_FORMAT_NONE)
		Py_RETURN_NONE;
	if (row)
		return PyUnicode_FromString(row->name);
	zoe_format_name(format, code);
	return PyUnicode_FromString(code);
}

static struct picture_view all_bytes(void *data, size_t size, bool readonly)
{
	return (struct picture_view){
	    .data = data, .dimensions = 1, .readonly = readonly, .shape = {(Py_ssize_t)size}, .strides = {1}};
}

struct picture_view picture_plane(const struct zoe_image *image, void *data, size_t size, unsigned index, bool readonly)
{
	const struct format_row *row = find_format(image->format);

	if (!row || index >= row->planes)
		return all_bytes(data, size, readonly);
	const unsigned across = index ? row->across : 1, down = index ? row->down : 1, channels = row->channels[index];

	return (struct picture_view){
	    .data = (char *)data + image->planes[index].offset,
	    .dimensions = channels > 1 ? 3 : 2,
	    .readonly = readonly,
	    /* chroma sizes round up */
	    .shape = {(image->height + down - 1) / down, (image->width + across - 1) / across, channels},
	    .strides = {image->planes[index].stride, channels, 1},
	};
}

struct picture_view picture_whole(const struct zoe_image *image, void *data, size_t size, bool readonly)
{
	return image->plane_count == 1 ? picture_plane(image, data, size, 0, readonly)
	                               : all_bytes(data, size, readonly);
}

static Py_ssize_t length_of(const struct picture_view *view)
{
	Py_ssize_t length = 1;

	for (int i = 0; i < view->dimensions; i++)
		length *= view->shape[i];
	return length;
}

static bool is_tight(const struct picture_view *view)
{
	Py_ssize_t step = 1;

	for (int i = view->dimensions; i-- > 0;) {
		if (view->strides[i] != step && view->shape[i] > 1)
			return false;
		step *= view->shape[i];
	}
	return true;
}

/* PyBUF_STRIDES includes PyBUF_ND, and the wish for contiguous memory includes PyBUF_STRIDES: see the C API's table. */
int picture_fill(Py_buffer *out, PyObject *exporter, struct picture_view *view, int flags)
{
	bool tight = is_tight(view);

	if (view->readonly && (flags & PyBUF_WRITABLE)) {
		PyErr_SetString(PyExc_BufferError, "frames of others are read-only; copy it to change it");
		return -1;
	}
	if (!tight && ((flags & PyBUF_STRIDES) != PyBUF_STRIDES || (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS ||
	               (flags & PyBUF_ANY_CONTIGUOUS) == PyBUF_ANY_CONTIGUOUS)) {
		PyErr_SetString(PyExc_BufferError,
		                "the rows of this picture are padded: ask for strides, or take .data");
		return -1;
	}
	if ((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS && view->dimensions > 1) {
		PyErr_SetString(PyExc_BufferError, "pictures are in C order, not in Fortran's");
		return -1;
	}
	*out = (Py_buffer){
	    .buf = view->data,
	    .obj = Py_NewRef(exporter),
	    .len = length_of(view),
	    .itemsize = 1,
	    .readonly = view->readonly,
	    .ndim = (flags & PyBUF_ND) ? view->dimensions : 1, /* as memoryview does: without a shape all are bytes */
	    .format = (flags & PyBUF_FORMAT) ? (char *)"B" : NULL,
	    .shape = (flags & PyBUF_ND) ? view->shape : NULL,
	    .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? view->strides : NULL,
	};
	return 0;
}
