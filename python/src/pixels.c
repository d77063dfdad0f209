/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A converted picture. It owns the converter that made it, and so the memory that the picture is in: nothing is copied once
 * more, and nobody else writes there.
 */
#include "module.h"

#include "convert/convert.h"

struct pixels_object {
	PyObject_HEAD struct converter *converter;
	void *copy; /* NULL, or the picture, if it was as wanted already */
	struct picture_view view;
};

static int pixels_getbuffer(PyObject *self, Py_buffer *out, int flags)
{
	out->obj = NULL;
	return picture_fill(out, self, &((struct pixels_object *)self)->view, flags);
}

static int pixels_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	return 0;
}

static void pixels_dealloc(PyObject *self)
{
	struct pixels_object *pixels = (struct pixels_object *)self;
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	converter_destroy(pixels->converter);
	PyMem_RawFree(pixels->copy);
	type->tp_free(self);
	Py_DECREF(type);
}

/* Without the GIL. The source's bytes stay: it is held. */
static int run(struct pixels_object *pixels, const struct holder *source, struct zoe_image *made)
{
	const uint8_t *data = NULL;
	int status = converter_create(&pixels->converter);

	if (status == 0)
		status = converter_run(pixels->converter, source->image, source->bytes, source->size, made, &data);
	if (status < 0)
		return status;
	const char *begin = source->bytes, *end = begin + source->size;
	const size_t size = (size_t)made->planes[0].stride * made->height;

	if ((const char *)data >= begin && (const char *)data < end) { /* as wanted already */
		pixels->copy = PyMem_RawMalloc(size);
		if (!pixels->copy)
			return -ENOMEM;
		memcpy(pixels->copy, data, size);
		data = pixels->copy;
	}
	pixels->view = picture_plane(made, (void *)(uintptr_t)data, size, 0, false);
	return 0;
}

static void raise_status(const struct holder *source, int status)
{
	PyObject *name = picture_format_name(source->image->format);

	if (status == -ENOMEM)
		PyErr_NoMemory();
	else if (status == -EBADMSG)
		module_raise_text(EBADMSG, "this JPEG is damaged");
	else if (name == Py_None)
		PyErr_SetString(PyExc_ValueError, "this is a message, not a picture: there is nothing to convert");
	else if (name)
		PyErr_Format(PyExc_ValueError,
		             "cannot convert a %U picture of %ux%u to that size: each side must be 1 to "
		             "16384 pixels",
		             name, source->image->width, source->image->height);
	Py_XDECREF(name);
}

PyObject *pixels_convert(struct holder *source, enum zoe_format format, unsigned width, unsigned height)
{
	struct module_state *state = module_state(Py_TYPE(source));
	struct pixels_object *pixels = (struct pixels_object *)state->pixels->tp_alloc(state->pixels, 0);
	struct zoe_image made = {.format = format, .width = width, .height = height};
	PyObject *array = NULL;
	int status;

	if (!pixels)
		return NULL;
	holder_hold(source);
	Py_BEGIN_ALLOW_THREADS status = run(pixels, source, &made);
	Py_END_ALLOW_THREADS holder_let_go(source);
	if (status < 0)
		raise_status(source, status);
	else
		array = module_array(state, (PyObject *)pixels);
	Py_DECREF(pixels);
	return array;
}

static PyType_Slot pixels_slots[] = {
    {Py_tp_doc, (void *)"A converted picture, as a buffer."},
    {Py_tp_traverse, pixels_traverse},
    {Py_tp_dealloc, pixels_dealloc},
    {Py_bf_getbuffer, pixels_getbuffer},
    {0, NULL},
};

PyType_Spec pixels_spec = {
    .name = "zoetrope.Pixels",
    .basicsize = sizeof(struct pixels_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = pixels_slots,
};
