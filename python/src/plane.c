/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views over frames and loans. A holder (frame or loan) counts the views that live over it; a Plane is a part of one that
 * numpy, memoryview and others take as a buffer. numpy keeps the memoryview that it makes of a buffer as the array's base,
 * so the count falls when the last array dies, whatever was sliced or reshaped from it.
 */
#include "dlpack.h"
#include "module.h"

struct plane_object {
	PyObject_HEAD struct holder *holder;
	struct picture_view view;
};

void holder_hold(struct holder *holder)
{
	holder->exports++;
}

void holder_let_go(struct holder *holder)
{
	if (--holder->exports == 0)
		holder->unheld(holder);
}

/* ---- as buffers ---------------------------------------------------------------------------------------------- */

static int export(struct holder *holder, PyObject *exporter, struct picture_view *view, Py_buffer *out, int flags)
{
	out->obj = NULL;
	if (holder->check(holder) < 0 || picture_fill(out, exporter, view, flags) < 0)
		return -1;
	holder_hold(holder);
	return 0;
}

int holder_getbuffer(PyObject *self, Py_buffer *out, int flags)
{
	struct holder *holder = (struct holder *)self;

	return export(holder, self, &holder->whole, out, flags);
}

void holder_releasebuffer(PyObject *self, Py_buffer *view)
{
	holder_let_go((struct holder *)self);
}

static int plane_getbuffer(PyObject *self, Py_buffer *out, int flags)
{
	struct plane_object *plane = (struct plane_object *)self;

	return export(plane->holder, self, &plane->view, out, flags);
}

static void plane_releasebuffer(PyObject *self, Py_buffer *view)
{
	holder_let_go(((struct plane_object *)self)->holder);
}

static int plane_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(((struct plane_object *)self)->holder);
	return 0;
}

static void plane_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	Py_XDECREF(((struct plane_object *)self)->holder);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyType_Slot plane_slots[] = {
    {Py_tp_doc, (void *)"A part of a frame or a loan, as a buffer."},
    {Py_tp_traverse, plane_traverse},
    {Py_tp_dealloc, plane_dealloc},
    {Py_bf_getbuffer, plane_getbuffer},
    {Py_bf_releasebuffer, plane_releasebuffer},
    {0, NULL},
};

PyType_Spec plane_spec = {
    .name = "zoetrope.Plane",
    .basicsize = sizeof(struct plane_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plane_slots,
};

static PyObject *plane_create(struct holder *holder, const struct picture_view *view)
{
	PyTypeObject *type = module_state(Py_TYPE(holder))->plane;
	struct plane_object *plane = (struct plane_object *)type->tp_alloc(type, 0);

	if (!plane)
		return NULL;
	plane->holder = (struct holder *)Py_NewRef((PyObject *)holder);
	plane->view = *view;
	return (PyObject *)plane;
}

/* ---- as attributes ------------------------------------------------------------------------------------------- */

PyObject *holder_data(PyObject *self, void *closure)
{
	struct holder *holder = (struct holder *)self;
	const struct zoe_image message = {0};

	if (holder->check(holder) < 0)
		return NULL;
	struct picture_view view = picture_plane(&message, holder->bytes, holder->size, 0, holder->whole.readonly);
	PyObject *plane = plane_create(holder, &view);
	PyObject *memory = plane ? PyMemoryView_FromObject(plane) : NULL;

	Py_XDECREF(plane);
	return memory;
}

static PyObject *plane_array(struct holder *holder, unsigned index)
{
	struct picture_view view =
	    picture_plane(holder->image, holder->bytes, holder->size, index, holder->whole.readonly);
	PyObject *plane = plane_create(holder, &view);
	PyObject *array = plane ? module_array(module_state(Py_TYPE(holder)), plane) : NULL;

	Py_XDECREF(plane);
	return array;
}

PyObject *holder_planes(PyObject *self, void *closure)
{
	struct holder *holder = (struct holder *)self;
	const unsigned count = holder->image->plane_count ? holder->image->plane_count : 1;

	if (holder->check(holder) < 0)
		return NULL;
	PyObject *planes = PyTuple_New(count);

	for (unsigned i = 0; planes && i < count; i++) {
		PyObject *array = plane_array(holder, i);

		if (!array)
			Py_CLEAR(planes);
		else
			PyTuple_SET_ITEM(planes, i, array);
	}
	return planes;
}

PyObject *holder_array(PyObject *self, void *closure)
{
	struct holder *holder = (struct holder *)self;

	if (holder->image->plane_count > 1)
		return holder_planes(self, closure);
	if (holder->check(holder) < 0)
		return NULL;
	return module_array(module_state(Py_TYPE(self)), self);
}

PyObject *holder_tobytes(PyObject *self, PyObject *ignored)
{
	PyObject *memory = PyMemoryView_FromObject(self);
	PyObject *bytes = memory ? PyObject_CallMethod(memory, "tobytes", NULL) : NULL;

	Py_XDECREF(memory);
	return bytes;
}

static PyObject *sizes(const Py_ssize_t *values, int count)
{
	PyObject *tuple = PyTuple_New(count);

	for (int i = 0; tuple && i < count; i++) {
		PyObject *value = PyLong_FromSsize_t(values[i]);

		if (!value)
			Py_CLEAR(tuple);
		else
			PyTuple_SET_ITEM(tuple, i, value);
	}
	return tuple;
}

/* "data" is a memoryview, not an address: whoever keeps the array keeps the view, and with it the slot. */
PyObject *holder_interface(PyObject *self, void *closure)
{
	struct holder *holder = (struct holder *)self;
	PyObject *data = holder_data(self, NULL);

	if (!data)
		return NULL;
	return Py_BuildValue("{s:i,s:s,s:N,s:N,s:N,s:n}", "version", 3, "typestr", "|u1", "shape",
	                     sizes(holder->whole.shape, holder->whole.dimensions), "strides",
	                     sizes(holder->whole.strides, holder->whole.dimensions), "data", data, "offset",
	                     (Py_ssize_t)(holder->whole.data - holder->bytes));
}

static PyObject *choice(const char *const *words, uint32_t index)
{
	for (uint32_t i = 0; words[i]; i++) {
		if (i == index)
			return PyUnicode_FromString(words[i]);
	}
	return PyUnicode_FromFormat("%u", index);
}

PyObject *holder_picture(PyObject *self, void *field)
{
	const struct holder *holder = (struct holder *)self;
	const struct zoe_image *image = holder->image;

	switch ((enum picture_field)(intptr_t)field) {
	case PICTURE_WIDTH:
		return PyLong_FromUnsignedLong(image->width);
	case PICTURE_HEIGHT:
		return PyLong_FromUnsignedLong(image->height);
	case PICTURE_FORMAT:
		return picture_format_name(image->format);
	case PICTURE_RANGE:
		return choice(picture_ranges, image->range);
	case PICTURE_MATRIX:
		return choice(picture_matrices, image->matrix);
	case PICTURE_SIZE:
		return PyLong_FromSize_t(holder->size);
	}
	Py_UNREACHABLE();
}

/* ---- DLPack ---------------------------------------------------------------------------------------------------- */

struct dlpack_export {
	struct dlpack_managed managed;
	struct holder *holder;
	int64_t shape[3], strides[3];
};

/* Called by the consumer, from any of its threads. */
static void dlpack_delete(struct dlpack_managed *managed)
{
	struct dlpack_export *exported = managed->context;
	PyGILState_STATE gil = PyGILState_Ensure();

	holder_let_go(exported->holder);
	Py_DECREF(exported->holder);
	PyMem_Free(exported);
	PyGILState_Release(gil);
}

/* Nobody has taken the tensor out of the capsule. */
static void capsule_delete(PyObject *capsule)
{
	if (PyCapsule_IsValid(capsule, DLPACK_CAPSULE)) {
		struct dlpack_managed *managed = PyCapsule_GetPointer(capsule, DLPACK_CAPSULE);
		managed->deleter(managed);
	}
}

PyObject *holder_dlpack(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"stream", NULL};
	struct holder *holder = (struct holder *)self;
	PyObject *stream = Py_None;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$O", names, &stream) || holder->check(holder) < 0)
		return NULL;
	if (stream != Py_None)
		return PyErr_Format(PyExc_BufferError, "frames are in the memory of the CPU, which has no streams");
	struct dlpack_export *exported = PyMem_Calloc(1, sizeof(*exported));

	if (!exported)
		return PyErr_NoMemory();
	for (int i = 0; i < holder->whole.dimensions; i++) {
		exported->shape[i] = holder->whole.shape[i];
		exported->strides[i] = holder->whole.strides[i];
	}
	exported->holder = (struct holder *)Py_NewRef(self);
	exported->managed = (struct dlpack_managed){
	    .tensor = {.data = holder->whole.data,
	               .device = {DLPACK_CPU, 0},
	               .dimensions = holder->whole.dimensions,
	               .type = {DLPACK_UNSIGNED, 8, 1},
	               .shape = exported->shape,
	               .strides = exported->strides},
	    .context = exported,
	    .deleter = dlpack_delete,
	};
	holder_hold(holder);
	PyObject *capsule = PyCapsule_New(&exported->managed, DLPACK_CAPSULE, capsule_delete);

	if (!capsule)
		dlpack_delete(&exported->managed);
	return capsule;
}

PyObject *holder_dlpack_device(PyObject *self, PyObject *ignored)
{
	return Py_BuildValue("(ii)", DLPACK_CPU, 0);
}
