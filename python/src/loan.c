/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot on loan, to be filled in place. It is published at the end of its with block, and discarded if that ends with an
 * exception. It is never published while a view could still write to it, and never given back before the last view died.
 */
#include "module.h"

struct loan_object {
	struct holder holder;
	struct publisher_object *publisher;
	struct zoe_loan loan;
	unsigned long forks;
	enum { OPEN, ENDING, GONE } state; /* ENDING: discarded with the last view */
	bool published;
	uint64_t seq;
};

static struct loan_object *loan_of(PyObject *self)
{
	return (struct loan_object *)self;
}

static void give_back(struct loan_object *loan)
{
	if (loan->state == GONE)
		return;
	loan->state = GONE;
	publisher_discard(loan->publisher, &loan->loan);
}

static int check(struct holder *holder)
{
	const struct loan_object *loan = (struct loan_object *)holder;

	if (loan->forks != module_forks()) {
		module_raise_text(ECHILD, "this loan was taken before fork(); open a publisher in the child");
		return -1;
	}
	if (loan->state == OPEN)
		return 0;
	PyErr_SetString(PyExc_ValueError, loan->published ? "this loan was published: it belongs to all subscribers now"
	                                                  : "this loan was discarded");
	return -1;
}

static void unheld(struct holder *holder)
{
	if (((struct loan_object *)holder)->state == ENDING)
		give_back((struct loan_object *)holder);
}

static void describe(struct loan_object *loan)
{
	struct holder *holder = &loan->holder;

	holder->image = &loan->loan.image;
	holder->size = loan->loan.size;
	holder->bytes = loan->loan.data;
	holder->whole = picture_whole(holder->image, holder->bytes, holder->size, false);
}

PyObject *loan_create(struct publisher_object *publisher, const struct loan_request *request)
{
	PyTypeObject *type = module_state(Py_TYPE(publisher))->loan;
	struct loan_object *loan = (struct loan_object *)type->tp_alloc(type, 0);

	if (!loan)
		return NULL;
	loan->publisher = (struct publisher_object *)Py_NewRef((PyObject *)publisher);
	loan->forks = module_forks();
	loan->holder.check = check;
	loan->holder.unheld = unheld;
	loan->state = GONE;
	if (publisher_loan(publisher, request->size, &loan->loan) < 0) {
		Py_DECREF(loan);
		return NULL;
	}
	loan->state = OPEN;
	loan->loan.image = request->image;
	describe(loan);
	return (PyObject *)loan;
}

static int loan_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(loan_of(self)->publisher);
	return 0;
}

static void loan_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	give_back(loan_of(self));
	Py_DECREF(loan_of(self)->publisher);
	type->tp_free(self);
	Py_DECREF(type);
}

/* ---- methods --------------------------------------------------------------------------------------------------- */

static PyObject *publish(struct loan_object *loan, int64_t timeout_ns)
{
	if (check(&loan->holder) < 0)
		return NULL;
	if (loan->holder.exports > 0) {
		PyErr_Format(
		    PyExc_BufferError,
		    "not published: %zd views that could still write to this loan are alive; delete them first "
		    "(del image), or write through loan.array[...] without keeping it",
		    loan->holder.exports);
		return NULL;
	}
	loan->state = GONE; /* nobody else may give it back meanwhile */
	if (publisher_publish(loan->publisher, &loan->loan, timeout_ns, &loan->seq) < 0) {
		loan->state = OPEN;
		return NULL;
	}
	loan->published = true;
	return PyLong_FromUnsignedLongLong(loan->seq);
}

static PyObject *loan_publish(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"timeout", NULL};
	struct loan_object *loan = loan_of(self);
	int64_t timeout_ns = publisher_timeout(loan->publisher);
	PyObject *timeout = NULL;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &timeout) ||
	    (timeout && module_read_timeout(timeout, &timeout_ns) < 0))
		return NULL;
	return publish(loan, timeout_ns);
}

static PyObject *loan_discard(PyObject *self, PyObject *ignored)
{
	struct loan_object *loan = loan_of(self);

	if (loan->state == OPEN && loan->holder.exports > 0)
		loan->state = ENDING;
	else if (loan->state == OPEN)
		give_back(loan);
	Py_RETURN_NONE;
}

static PyObject *loan_enter(PyObject *self, PyObject *ignored)
{
	return check((struct holder *)self) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *loan_exit(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
	struct loan_object *loan = loan_of(self);
	PyObject *seq;

	if (loan->state != OPEN) /* published or discarded in the block */
		Py_RETURN_NONE;
	if (count > 0 && args[0] != Py_None)
		return loan_discard(self, NULL);
	seq = publish(loan, publisher_timeout(loan->publisher));
	if (!seq) {
		PyObject *type, *value, *traceback;

		PyErr_Fetch(&type, &value, &traceback);
		Py_XDECREF(loan_discard(self, NULL));
		PyErr_Restore(type, value, traceback);
		return NULL;
	}
	Py_DECREF(seq);
	Py_RETURN_NONE;
}

static PyObject *loan_repr(PyObject *self)
{
	static const char *const states[] = {"open", "discarded", "discarded"};
	const struct loan_object *loan = loan_of(self);

	return PyUnicode_FromFormat("<zoetrope.Loan of %zu bytes, %s>", loan->holder.size,
	                            loan->published ? "published" : states[loan->state]);
}

static PyMethodDef loan_methods[] = {
    {"publish", (PyCFunction)(void (*)(void))loan_publish, METH_VARARGS | METH_KEYWORDS,
     "publish($self, /, timeout=<the publisher's>)\n--\n\nGive it to all subscribers now; the end of the with block "
     "does it too.\n"
     "Returns the sequence number. Raises BufferError while a view over it is alive; TimeoutError or BlockingIOError "
     "if\n"
     "a lossless subscriber is behind: the loan stays yours, publish it again or discard it."},
    {"discard", loan_discard, METH_NOARGS,
     "discard($self, /)\n--\n\nGive it back unpublished, at the latest when the last view over it dies."},
    {"__enter__", loan_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))loan_exit, METH_FASTCALL, NULL},
    {"__dlpack__", (PyCFunction)(void (*)(void))holder_dlpack, METH_VARARGS | METH_KEYWORDS, NULL},
    {"__dlpack_device__", holder_dlpack_device, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* ---- attributes ------------------------------------------------------------------------------------------------- */

static PyObject *get_capture(PyObject *self, void *closure)
{
	return PyLong_FromLongLong(loan_of(self)->loan.capture_ns);
}

static int set_capture(PyObject *self, PyObject *value, void *closure)
{
	int64_t ns = value ? PyLong_AsLongLong(value) : 0;

	if (ns == -1 && PyErr_Occurred())
		return -1;
	loan_of(self)->loan.capture_ns = ns;
	return 0;
}

static PyObject *get_flags(PyObject *self, void *closure)
{
	return PyLong_FromUnsignedLong(loan_of(self)->loan.flags);
}

static int set_flags(PyObject *self, PyObject *value, void *closure)
{
	unsigned long flags = value ? PyLong_AsUnsignedLong(value) : 0;

	if (PyErr_Occurred())
		return -1;
	if (flags > UINT32_MAX) {
		PyErr_SetString(PyExc_OverflowError, "flags has 32 bits");
		return -1;
	}
	loan_of(self)->loan.flags = (uint32_t)flags;
	return 0;
}

static PyObject *get_meta(PyObject *self, void *closure)
{
	return PyBytes_FromStringAndSize((const char *)loan_of(self)->loan.meta, ZOE_META_BYTES);
}

static int set_meta(PyObject *self, PyObject *value, void *closure)
{
	return loan_read_meta(value ? value : Py_None, loan_of(self)->loan.meta);
}

/* range and matrix: one of the words of `closure` */
static int set_choice(PyObject *value, const char *const *words, uint32_t *out)
{
	for (uint32_t i = 0; value && PyUnicode_Check(value) && words[i]; i++) {
		if (!PyUnicode_CompareWithASCIIString(value, words[i])) {
			*out = i;
			return 0;
		}
	}
	PyErr_Format(PyExc_ValueError, "wanted %s, %s or %s, found %R", words[0], words[1], words[2],
	             value ? value : Py_None);
	return -1;
}

static int set_range(PyObject *self, PyObject *value, void *closure)
{
	return set_choice(value, picture_ranges, &loan_of(self)->loan.image.range);
}

static int set_matrix(PyObject *self, PyObject *value, void *closure)
{
	return set_choice(value, picture_matrices, &loan_of(self)->loan.image.matrix);
}

static int set_size(PyObject *self, PyObject *value, void *closure)
{
	struct loan_object *loan = loan_of(self);
	Py_ssize_t size = value ? PyLong_AsSsize_t(value) : -1;

	if (PyErr_Occurred() || check(&loan->holder) < 0)
		return -1;
	if (size < 0 || (size_t)size > loan->loan.capacity || loan->loan.image.plane_count > 0) {
		PyErr_Format(PyExc_ValueError, "size must be 0 to %zu bytes, of a message or an MJPEG",
		             loan->loan.capacity);
		return -1;
	}
	if (loan->holder.exports > 0) {
		PyErr_SetString(PyExc_BufferError, "size cannot change while views over the loan are alive");
		return -1;
	}
	loan->loan.size = (size_t)size;
	describe(loan);
	return 0;
}

static PyObject *get_seq(PyObject *self, void *closure)
{
	if (!loan_of(self)->published)
		Py_RETURN_NONE;
	return PyLong_FromUnsignedLongLong(loan_of(self)->seq);
}

#define WHICH(value) ((void *)(intptr_t)(value))

static PyGetSetDef loan_getters[] = {
    {"array", holder_array, NULL,
     "The slot as writable array, shaped as Frame.array. Write through it, loan.array[...] = image, and keep no view.",
     NULL},
    {"planes", holder_planes, NULL, "The planes as a tuple of writable arrays, shaped as Frame.planes.", NULL},
    {"data", holder_data, NULL, "All bytes as a writable memoryview.", NULL},
    {"capture_time_ns", get_capture, set_capture,
     "When the picture was taken: CLOCK_MONOTONIC, nanoseconds; 0 = the moment of publishing.", NULL},
    {"flags", get_flags, set_flags, "32 bits of your own, carried along.", NULL},
    {"meta", get_meta, set_meta, "Up to 48 bytes of your own, carried along with a picture.", NULL},
    {"seq", get_seq, NULL, "Sequence number once published, else None.", NULL},
    {"width", holder_picture, NULL, "Pixels; 0 for a message.", WHICH(PICTURE_WIDTH)},
    {"height", holder_picture, NULL, "Pixels; 0 for a message.", WHICH(PICTURE_HEIGHT)},
    {"format", holder_picture, NULL, "Pixel format; None for a message.", WHICH(PICTURE_FORMAT)},
    {"range", holder_picture, set_range, "Of YUV: default (limited), limited or full.", WHICH(PICTURE_RANGE)},
    {"matrix", holder_picture, set_matrix, "Of YUV: default (bt601), bt601 or bt709.", WHICH(PICTURE_MATRIX)},
    {"size", holder_picture, set_size, "Bytes used; of a message or an MJPEG it may be set to less.",
     WHICH(PICTURE_SIZE)},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(
    loan_doc,
    "A slot of shared memory to fill in place: with publisher.loan(shape, format) as loan: loan.array[...] = ...\n"
    "It is published at the end of the block, and discarded if that ends with an exception.");

static PyType_Slot loan_slots[] = {
    {Py_tp_doc, (void *)loan_doc},
    {Py_tp_traverse, loan_traverse},
    {Py_tp_dealloc, loan_dealloc},
    {Py_tp_repr, loan_repr},
    {Py_tp_methods, loan_methods},
    {Py_tp_getset, loan_getters},
    {Py_bf_getbuffer, holder_getbuffer},
    {Py_bf_releasebuffer, holder_releasebuffer},
    {0, NULL},
};

PyType_Spec loan_spec = {
    .name = "zoetrope.Loan",
    .basicsize = sizeof(struct loan_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = loan_slots,
};
