/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame that was taken. It holds one pin of its subscriber's handle until it is released: by release(), at the end of
 * its with block, or when it dies; and never before the last view over it has died.
 */
#include "module.h"

#define NS_PER_MS 1e6

static struct frame_object *frame_of(PyObject *self)
{
	return (struct frame_object *)self;
}

static void unpin(struct frame_object *frame)
{
	if (frame->released)
		return;
	frame->released = true;
	subscriber_unpin(frame->subscriber, &frame->frame);
}

static int check(struct holder *holder)
{
	const struct frame_object *frame = (struct frame_object *)holder;

	if (frame->forks != module_forks()) {
		module_raise_text(ECHILD, "this frame was taken before fork(); subscribe in the child");
		return -1;
	}
	if (frame->released || frame->ending) {
		PyErr_Format(PyExc_ValueError,
		             "frame %llu was released: its memory may show another picture by now; take the array "
		             "before, and copy it to keep it",
		             (unsigned long long)frame->frame.seq);
		return -1;
	}
	return 0;
}

static void unheld(struct holder *holder)
{
	struct frame_object *frame = (struct frame_object *)holder;

	if (frame->ending)
		unpin(frame);
}

struct frame_object *frame_create(struct subscriber_object *subscriber)
{
	PyTypeObject *type = module_state(Py_TYPE(subscriber))->frame;
	struct frame_object *frame = (struct frame_object *)type->tp_alloc(type, 0);

	if (!frame)
		return NULL;
	frame->subscriber = (struct subscriber_object *)Py_NewRef((PyObject *)subscriber);
	frame->released = true; /* until it is ready */
	frame->forks = module_forks();
	frame->holder.check = check;
	frame->holder.unheld = unheld;
	return frame;
}

void frame_ready(struct frame_object *frame)
{
	void *data = (void *)(uintptr_t)frame->frame.data;
	struct holder *holder = &frame->holder;

	frame->released = false;
	holder->image = &frame->frame.image;
	holder->size = frame->frame.size;
	holder->bytes = data;
	holder->whole = picture_whole(holder->image, data, holder->size, true);
}

static int frame_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(frame_of(self)->subscriber);
	return 0;
}

static void frame_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	unpin(frame_of(self));
	Py_DECREF(frame_of(self)->subscriber);
	type->tp_free(self);
	Py_DECREF(type);
}

/* ---- methods -------------------------------------------------------------------------------------------------- */

static PyObject *frame_release(PyObject *self, PyObject *ignored)
{
	struct frame_object *frame = frame_of(self);

	if (frame->holder.exports > 0) {
		PyErr_Format(PyExc_BufferError,
		             "frame %llu cannot be released: %zd views over it are alive; delete them first",
		             (unsigned long long)frame->frame.seq, frame->holder.exports);
		return NULL;
	}
	unpin(frame);
	Py_RETURN_NONE;
}

static PyObject *frame_enter(PyObject *self, PyObject *ignored)
{
	return check((struct holder *)self) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *frame_exit(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
	struct frame_object *frame = frame_of(self);

	frame->ending = true;
	if (frame->holder.exports == 0)
		unpin(frame);
	Py_RETURN_NONE;
}

static PyObject *convert(PyObject *self, PyObject *args, PyObject *kwargs, enum zoe_format format)
{
	static char *names[] = {"width", "height", NULL};
	unsigned width = 0, height = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|II", names, &width, &height) ||
	    check((struct holder *)self) < 0)
		return NULL;
	return pixels_convert((struct holder *)self, format, width, height);
}

static PyObject *frame_bgr(PyObject *self, PyObject *args, PyObject *kwargs)
{
	return convert(self, args, kwargs, ZOE_FORMAT_BGR24);
}

static PyObject *frame_rgb(PyObject *self, PyObject *args, PyObject *kwargs)
{
	return convert(self, args, kwargs, ZOE_FORMAT_RGB24);
}

static PyObject *frame_gray(PyObject *self, PyObject *args, PyObject *kwargs)
{
	return convert(self, args, kwargs, ZOE_FORMAT_GREY);
}

static PyObject *frame_repr(PyObject *self)
{
	const struct frame_object *frame = frame_of(self);
	const char *state = frame->released ? ", released" : "";
	PyObject *format = picture_format_name(frame->frame.image.format), *text;

	if (!format)
		return NULL;
	if (format == Py_None)
		text = PyUnicode_FromFormat("<zoetrope.Frame %llu of %R: %zu bytes%s>",
		                            (unsigned long long)frame->frame.seq, subscriber_topic(frame->subscriber),
		                            frame->frame.size, state);
	else
		text = PyUnicode_FromFormat("<zoetrope.Frame %llu of %R: %U %ux%u%s>",
		                            (unsigned long long)frame->frame.seq, subscriber_topic(frame->subscriber),
		                            format, frame->frame.image.width, frame->frame.image.height, state);
	Py_DECREF(format);
	return text;
}

static PyMethodDef frame_methods[] = {
    {"release", frame_release, METH_NOARGS,
     "release($self, /)\n--\n\nGive the slot back now. Raises BufferError while an array or memoryview over it is "
     "alive.\n"
     "Releasing it again does nothing."},
    {"__enter__", frame_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))frame_exit, METH_FASTCALL, NULL},
    {"bgr", (PyCFunction)(void (*)(void))frame_bgr, METH_VARARGS | METH_KEYWORDS,
     "bgr($self, /, width=0, height=0)\n--\n\nThe picture as a fresh, writable array: uint8 [height][width][3], blue "
     "green\n"
     "red, full range, as OpenCV wants it. width and height scale it, in pixels; 0 is its own.\n\n"
     "Any format is converted, MJPEG too. Raises ValueError if it is no picture, OSError (EBADMSG) if a JPEG is "
     "damaged."},
    {"rgb", (PyCFunction)(void (*)(void))frame_rgb, METH_VARARGS | METH_KEYWORDS,
     "rgb($self, /, width=0, height=0)\n--\n\nAs bgr(), but red green blue."},
    {"gray", (PyCFunction)(void (*)(void))frame_gray, METH_VARARGS | METH_KEYWORDS,
     "gray($self, /, width=0, height=0)\n--\n\nAs bgr(), but brightness alone: uint8 [height][width]."},
    {"tobytes", holder_tobytes, METH_NOARGS,
     "tobytes($self, /)\n--\n\nA copy of the picture without padding between rows (planar formats: of all bytes)."},
    {"__bytes__", holder_tobytes, METH_NOARGS, NULL},
    {"__dlpack__", (PyCFunction)(void (*)(void))holder_dlpack, METH_VARARGS | METH_KEYWORDS,
     "__dlpack__($self, /, *, stream=None)\n--\n\nFor torch.from_dlpack(frame) and the like: no copy. DLPack cannot "
     "say that\n"
     "the memory is read-only: writing to such a tensor ends this process by SIGSEGV."},
    {"__dlpack_device__", holder_dlpack_device, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* ---- attributes ------------------------------------------------------------------------------------------------ */

enum frame_number { SEQ, LOST, CAPTURE, PUBLISH, PUBLISHER, FLAGS };

static PyObject *get_number(PyObject *self, void *which)
{
	const struct zoe_frame *frame = &frame_of(self)->frame;

	switch ((enum frame_number)(intptr_t)which) {
	case SEQ:
		return PyLong_FromUnsignedLongLong(frame->seq);
	case LOST:
		return PyLong_FromUnsignedLongLong(frame->lost);
	case CAPTURE:
		return PyLong_FromLongLong(frame->capture_ns);
	case PUBLISH:
		return PyLong_FromLongLong(frame->publish_ns);
	case PUBLISHER:
		return PyLong_FromUnsignedLong(frame->publisher);
	case FLAGS:
		return PyLong_FromUnsignedLong(frame->flags);
	}
	Py_UNREACHABLE();
}

static PyObject *get_latency(PyObject *self, void *closure)
{
	return PyFloat_FromDouble((double)(zoe_now_ns() - frame_of(self)->frame.capture_ns) / NS_PER_MS);
}

static PyObject *get_meta(PyObject *self, void *closure)
{
	return PyBytes_FromStringAndSize((const char *)frame_of(self)->frame.meta, ZOE_META_BYTES);
}

static PyObject *get_topic(PyObject *self, void *closure)
{
	return Py_NewRef(subscriber_topic(frame_of(self)->subscriber));
}

static PyObject *get_released(PyObject *self, void *closure)
{
	return PyBool_FromLong(frame_of(self)->released);
}

#define WHICH(value) ((void *)(intptr_t)(value))

static PyGetSetDef frame_getters[] = {
    {"array", holder_array, NULL,
     "The picture, read-only and without a copy: uint8 [height][width][3] (BGR24, RGB24), [height][width] (GREY),\n"
     "[height][width][2] (YUYV, UYVY), [bytes] (MJPEG, messages); for planar formats the tuple that is .planes.\n"
     "The slot stays pinned as long as the array, or anything made of it, lives. Raises ValueError once released.",
     NULL},
    {"planes", holder_planes, NULL,
     "All planes as a tuple of read-only uint8 arrays, without a copy. I420, I422, I444: Y, U, V [rows][columns];\n"
     "NV12: Y [height][width] and UV [rows][columns][2]; every other format: one.",
     NULL},
    {"data", holder_data, NULL, "All bytes of the frame, padding included, as a read-only memoryview.", NULL},
    {"seq", get_number, NULL, "Position in the topic's order: from 0, without holes.", WHICH(SEQ)},
    {"lost", get_number, NULL,
     "Frames that this subscriber did not get before this one: overrun (next, lossless, group) or passed over "
     "(latest).",
     WHICH(LOST)},
    {"capture_time_ns", get_number, NULL, "When the picture was taken: CLOCK_MONOTONIC, nanoseconds.", WHICH(CAPTURE)},
    {"publish_time_ns", get_number, NULL, "When it was published: CLOCK_MONOTONIC, nanoseconds.", WHICH(PUBLISH)},
    {"latency_ms", get_latency, NULL, "Milliseconds from the capture to this moment.", NULL},
    {"publisher", get_number, NULL, "Record number of who published it.", WHICH(PUBLISHER)},
    {"flags", get_number, NULL, "The publisher's own 32 bits.", WHICH(FLAGS)},
    {"meta", get_meta, NULL, "The publisher's own 48 bytes; zeros for messages.", NULL},
    {"topic", get_topic, NULL, "Name of the topic.", NULL},
    {"released", get_released, NULL, "True once the slot was given back; numbers and meta stay.", NULL},
    {"width", holder_picture, NULL, "Pixels; 0 for a message.", WHICH(PICTURE_WIDTH)},
    {"height", holder_picture, NULL, "Pixels; 0 for a message.", WHICH(PICTURE_HEIGHT)},
    {"format", holder_picture, NULL,
     "GREY, I420, I422, I444, NV12, YUYV, UYVY, RGB24, BGR24 or MJPEG; None for a message.", WHICH(PICTURE_FORMAT)},
    {"range", holder_picture, NULL, "Of YUV: default (limited), limited or full.", WHICH(PICTURE_RANGE)},
    {"matrix", holder_picture, NULL, "Of YUV: default (bt601), bt601 or bt709.", WHICH(PICTURE_MATRIX)},
    {"size", holder_picture, NULL, "Bytes of the frame.", WHICH(PICTURE_SIZE)},
    {"__array_interface__", holder_interface, NULL, "The picture by numpy's array interface, version 3.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(
    frame_doc,
    "A frame that was taken, in place: nothing is copied. It does not change until it is released, which\n"
    "happens at the end of its with block, by release(), or when it dies; but never while an array or a\n"
    "memoryview over it is alive. It is a buffer itself: memoryview(frame), bytes(frame), numpy.asarray(frame).\n"
    "Views are read-only in the memory map too: a forced write ends this process, and nobody else sees it.");

static PyType_Slot frame_slots[] = {
    {Py_tp_doc, (void *)frame_doc},
    {Py_tp_traverse, frame_traverse},
    {Py_tp_dealloc, frame_dealloc},
    {Py_tp_repr, frame_repr},
    {Py_tp_methods, frame_methods},
    {Py_tp_getset, frame_getters},
    {Py_bf_getbuffer, holder_getbuffer},
    {Py_bf_releasebuffer, holder_releasebuffer},
    {0, NULL},
};

PyType_Spec frame_spec = {
    .name = "zoetrope.Frame",
    .basicsize = sizeof(struct frame_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = frame_slots,
};
