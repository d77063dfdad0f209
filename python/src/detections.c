/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message of a detector as Python values. The layout is that of include/zoetrope_detections.h and is written down
 * nowhere else: Python's dtype is made of the offsets below.
 */
#include "module.h"

#include "zoetrope_detections.h"

#include <stddef.h>

/* A label is zero-terminated unless somebody forgot. */
static PyObject *label_text(const char *label)
{
	return PyUnicode_DecodeUTF8(label, (Py_ssize_t)strnlen(label, ZOE_LABEL_BYTES), "replace");
}

static int raise_damaged(const char *what, Py_ssize_t found)
{
	PyErr_Format(PyExc_ValueError, "this is no message of a detector: %s (%zd)", what, found);
	return -1;
}

static int check(const Py_buffer *view, struct zoe_detections *out)
{
	if (view->len < (Py_ssize_t)sizeof(*out))
		return raise_damaged("it is too short", view->len);
	memcpy(out, view->buf, sizeof(*out));
	if (out->magic != ZOE_DETECTIONS_MAGIC)
		return raise_damaged("it begins with something else", (Py_ssize_t)out->magic);
	if (out->version != ZOE_DETECTIONS_VERSION)
		return raise_damaged("its version is not known", (Py_ssize_t)out->version);
	if (out->count > ZOE_DETECTIONS_MAX ||
	    view->len != (Py_ssize_t)(sizeof(*out) + out->count * sizeof(struct zoe_detection)))
		return raise_damaged("its length is not that of its boxes", view->len);
	return 0;
}

static PyObject *read_detections(PyObject *module, PyObject *message)
{
	struct zoe_detections head;
	Py_buffer view;

	if (PyObject_GetBuffer(message, &view, PyBUF_SIMPLE) < 0)
		return NULL;
	int status = check(&view, &head);

	PyBuffer_Release(&view);
	if (status < 0)
		return NULL;
	return Py_BuildValue("(KLLLIIIN)", (unsigned long long)head.source_seq, (long long)head.source_capture_ns,
	                     (long long)head.source_publish_ns, (long long)head.inference_ns, head.source_width,
	                     head.source_height, head.count, label_text(head.detector));
}

/* Zero-terminated, and cut where a character begins. Returns 0 | -1 with an exception. */
static int write_label(PyObject *text, char *out)
{
	Py_ssize_t length;
	const char *utf8 = PyUnicode_AsUTF8AndSize(text, &length);

	if (!utf8)
		return -1;
	if (length > ZOE_LABEL_BYTES - 1) {
		length = ZOE_LABEL_BYTES - 1;
		while (length > 0 && ((unsigned char)utf8[length] & 0xc0) == 0x80)
			length--;
	}
	memcpy(out, utf8, (size_t)length);
	return 0;
}

static int write_box(PyObject *item, struct zoe_detection *out)
{
	PyObject *label, *box = PySequence_Tuple(item);

	if (!box)
		return -1;
	int good =
	    PyArg_ParseTuple(box, "fffffU|II;a box is (x, y, w, h, score, label, class_id=0, track_id=0)", &out->x,
	                     &out->y, &out->w, &out->h, &out->score, &label, &out->class_id, &out->track_id) &&
	    write_label(label, out->label) == 0;

	Py_DECREF(box);
	if (!good)
		return -1;
	/* written so that NaN fails; a thousandth for rounding in whoever divided by the width */
	if (out->x >= -0.001f && out->y >= -0.001f && out->w >= 0 && out->h >= 0 && out->x + out->w <= 1.001f &&
	    out->y + out->h <= 1.001f && out->score >= 0 && out->score <= 1)
		return 0;
	PyErr_Format(
	    PyExc_ValueError,
	    "box %R does not lie in the frame: x, y, w, h are fractions of width and height, 0..1, x, y of the "
	    "top left corner; score is 0..1",
	    item);
	return -1;
}

static PyObject *write_boxes(struct zoe_detections *head, PyObject *boxes)
{
	const Py_ssize_t count = PySequence_Fast_GET_SIZE(boxes);

	if (count > ZOE_DETECTIONS_MAX)
		return PyErr_Format(PyExc_ValueError, "a message has room for %u boxes, found %zd", ZOE_DETECTIONS_MAX,
		                    count);
	head->count = (uint32_t)count;
	PyObject *bytes =
	    PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(sizeof(*head) + (size_t)count * sizeof(struct zoe_detection)));

	if (!bytes)
		return NULL;
	memcpy(PyBytes_AS_STRING(bytes), head, sizeof(*head));
	for (Py_ssize_t i = 0; i < count; i++) {
		struct zoe_detection box = {0};

		if (write_box(PySequence_Fast_GET_ITEM(boxes, i), &box) < 0) {
			Py_DECREF(bytes);
			return NULL;
		}
		memcpy(PyBytes_AS_STRING(bytes) + sizeof(*head) + (size_t)i * sizeof(box), &box, sizeof(box));
	}
	return bytes;
}

static PyObject *write_detections(PyObject *module, PyObject *args)
{
	PyObject *detector, *items;
	unsigned long long seq;
	long long capture_ns, publish_ns, inference_ns;
	struct zoe_detections head = {.magic = ZOE_DETECTIONS_MAGIC, .version = ZOE_DETECTIONS_VERSION};

	if (!PyArg_ParseTuple(args, "KLLLIIUO", &seq, &capture_ns, &publish_ns, &inference_ns, &head.source_width,
	                      &head.source_height, &detector, &items))
		return NULL;
	head.source_seq = seq;
	head.source_capture_ns = capture_ns;
	head.source_publish_ns = publish_ns;
	head.inference_ns = inference_ns;
	if (write_label(detector, head.detector) < 0)
		return NULL;
	PyObject *boxes = PySequence_Fast(items, "boxes must be a sequence of (x, y, w, h, score, label)");
	PyObject *bytes = boxes ? write_boxes(&head, boxes) : NULL;

	Py_XDECREF(boxes);
	return bytes;
}

PyMethodDef detections_methods[] = {
    {"read_detections", read_detections, METH_O,
     "read_detections(message, /)\n--\n\n(source_seq, source_capture_ns, source_publish_ns, inference_ns, width, "
     "height, "
     "count,\n"
     "detector) of a message. Raises ValueError if it is none."},
    {"write_detections", write_detections, METH_VARARGS,
     "write_detections(source_seq, source_capture_ns, source_publish_ns, inference_ns, width, height, detector, "
     "boxes, /)\n--\n\n"
     "A message as bytes. boxes: (x, y, w, h, score, label, class_id=0, track_id=0) each."},
    {NULL, NULL, 0, NULL},
};

/* numpy's names of the types; host byte order. */
static const struct {
	const char *name, *type;
	size_t offset;
} fields[] = {
    {"x", "=f4", offsetof(struct zoe_detection, x)},
    {"y", "=f4", offsetof(struct zoe_detection, y)},
    {"w", "=f4", offsetof(struct zoe_detection, w)},
    {"h", "=f4", offsetof(struct zoe_detection, h)},
    {"score", "=f4", offsetof(struct zoe_detection, score)},
    {"class_id", "=u4", offsetof(struct zoe_detection, class_id)},
    {"track_id", "=u4", offsetof(struct zoe_detection, track_id)},
    {"label", "S32", offsetof(struct zoe_detection, label)},
};

static PyObject *list_fields(void)
{
	const Py_ssize_t count = sizeof(fields) / sizeof(*fields);
	PyObject *tuple = PyTuple_New(count);

	for (Py_ssize_t i = 0; tuple && i < count; i++) {
		PyObject *field = Py_BuildValue("(ssn)", fields[i].name, fields[i].type, (Py_ssize_t)fields[i].offset);

		if (!field)
			Py_CLEAR(tuple);
		else
			PyTuple_SET_ITEM(tuple, i, field);
	}
	return tuple;
}

int detections_add_constants(PyObject *module)
{
	PyObject *list = list_fields();
	int status = list ? PyModule_AddObjectRef(module, "DETECTION_FIELDS", list) : -1;

	Py_XDECREF(list);
	if (status < 0 || PyModule_AddIntConstant(module, "DETECTION_BYTES", sizeof(struct zoe_detection)) < 0 ||
	    PyModule_AddIntConstant(module, "DETECTIONS_HEAD_BYTES", sizeof(struct zoe_detections)) < 0)
		return -1;
	return PyModule_AddIntConstant(module, "DETECTIONS_MAX", ZOE_DETECTIONS_MAX);
}
