/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the extension share. Every type is a heap type of one module object, and what they need in common is
 * in that module's state: nothing is static but a count of forks. The GIL guards all fields of all objects.
 */
#ifndef PYTHON_MODULE_H
#define PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "zoetrope.h"

#include <stdbool.h>

struct module_state {
	PyTypeObject *subscriber, *frame, *publisher, *loan, *plane, *pixels;
	PyObject *asarray; /* numpy.asarray; NULL until somebody wants an array */
};

struct module_state *module_state(PyTypeObject *type);

/* ---- errors (module.c) -------------------------------------------------------------------------------------- */

/* Raise what a negative status of the library means, with its sentence. Returns NULL. */
PyObject *module_raise(int status);

/* Raise OSError, or the subclass that Python has for this errno, with a sentence of ours. Returns NULL. */
PyObject *module_raise_text(int error, const char *text);

/* How often this process, or who it was forked from, forked: an object of before belongs to somebody else. */
unsigned long module_forks(void);

/* Seconds, None (no limit) or anything with __float__ as nanoseconds. Returns 0 | -1 with an exception. */
int module_read_timeout(PyObject *seconds, int64_t *out_ns);

/* numpy.asarray(exporter). */
PyObject *module_array(struct module_state *state, PyObject *exporter);

/* ---- picture.c: what the bytes of a frame look like to Python ----------------------------------------------- */

struct picture_view {
	char *data;
	int dimensions; /* 1..3 */
	bool readonly;
	Py_ssize_t shape[3];
	Py_ssize_t strides[3];
};

/* A name ("BGR24"), or a V4L2 code ("BGR3"), in any case; None = a message. Returns 0 | -1 with ValueError. */
int picture_read_format(PyObject *name, uint32_t *out);
/* The name of a format; None for a message. */
PyObject *picture_format_name(uint32_t format);

/* Plane `index` of a picture of size bytes at data; without planes it is all bytes. */
struct picture_view picture_plane(const struct zoe_image *image, void *data, size_t size, unsigned index,
                                  bool readonly);
/* The picture as one array, if it has one plane; else all bytes. */
struct picture_view picture_whole(const struct zoe_image *image, void *data, size_t size, bool readonly);

/* Fill a Py_buffer from a view. Returns 0 | -1 with BufferError. The exporter counts. */
int picture_fill(Py_buffer *out, PyObject *exporter, struct picture_view *view, int flags);

/* ---- plane.c: a part of a frame or a loan as a buffer, and what is common to these two ------------------------ */

/* What views are made of. First member of frame_object and loan_object. */
struct holder {
	PyObject_HEAD Py_ssize_t exports; /* views alive */
	struct picture_view whole;
	char *bytes; /* the first of all; whole.data may be further on */
	const struct zoe_image *image;
	size_t size;
	/* May a view be made now? Returns 0 | -1 with an exception. */
	int (*check)(struct holder *holder);
	/* The last view has gone. */
	void (*unheld)(struct holder *holder);
};

int holder_getbuffer(PyObject *self, Py_buffer *out, int flags);
void holder_releasebuffer(PyObject *self, Py_buffer *view);
/* A memoryview of all bytes; an array, or a tuple of them for planar formats; always a tuple. */
PyObject *holder_data(PyObject *self, void *closure);
PyObject *holder_array(PyObject *self, void *closure);
PyObject *holder_planes(PyObject *self, void *closure);
PyObject *holder_interface(PyObject *self, void *closure);
PyObject *holder_tobytes(PyObject *self, PyObject *ignored);
PyObject *holder_dlpack(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *holder_dlpack_device(PyObject *self, PyObject *ignored);
/* Keep it from being released while the GIL is not held, and let go again. */
void holder_hold(struct holder *holder);
void holder_let_go(struct holder *holder);

/* closure of the getters that describe a picture */
enum picture_field { PICTURE_WIDTH, PICTURE_HEIGHT, PICTURE_FORMAT, PICTURE_RANGE, PICTURE_MATRIX, PICTURE_SIZE };
PyObject *holder_picture(PyObject *self, void *field);
extern const char *const picture_ranges[];   /* by enum zoe_range; ends with NULL */
extern const char *const picture_matrices[]; /* by enum zoe_matrix; ends with NULL */

/* ---- pixels.c: pictures that were converted ------------------------------------------------------------------ */

/* A fresh picture of that format as numpy array. width, height: 0 = the source's. */
PyObject *pixels_convert(struct holder *source, enum zoe_format format, unsigned width, unsigned height);

/* ---- subscriber.c and frame.c -------------------------------------------------------------------------------- */

struct subscriber_object;

struct frame_object {
	struct holder holder;
	struct subscriber_object *subscriber;
	struct zoe_frame frame;
	unsigned long forks;
	bool ending; /* its with block is over: released with the last view */
	bool released;
};

/* An empty frame for the library to fill; frame_ready() when it has. */
struct frame_object *frame_create(struct subscriber_object *subscriber);
void frame_ready(struct frame_object *frame);

/* Unpin; later, if a thread waits on the handle. */
void subscriber_unpin(struct subscriber_object *subscriber, struct zoe_frame *frame);
PyObject *subscriber_topic(const struct subscriber_object *subscriber);

/* ---- publisher.c and loan.c ----------------------------------------------------------------------------------- */

struct publisher_object;

/* What a picture or a message is to be: arguments of loan() and publish(). */
struct loan_request {
	struct zoe_image image;
	size_t size;
};

/* From a shape (int, or tuple of 2 or 3) and a format name or None; size: of a message or an MJPEG, 0 = not given. */
int loan_read_request(PyObject *shape, PyObject *format, Py_ssize_t size, struct loan_request *out);
PyObject *loan_create(struct publisher_object *publisher, const struct loan_request *request);

/* The three verbs with the handle's turn taken. Returns 0 | -1 with an exception. */
int publisher_loan(struct publisher_object *publisher, size_t size, struct zoe_loan *out);
int publisher_publish(struct publisher_object *publisher, struct zoe_loan *loan, int64_t timeout_ns, uint64_t *out_seq);
void publisher_discard(struct publisher_object *publisher, struct zoe_loan *loan);
int64_t publisher_timeout(const struct publisher_object *publisher);
/* Copy bytes (up to ZOE_META_BYTES) into meta. Returns 0 | -1 with an exception. */
int loan_read_meta(PyObject *bytes, uint8_t *out);

/* ---- domain.c, detections.c ----------------------------------------------------------------------------------- */

extern PyMethodDef domain_methods[];
extern PyMethodDef detections_methods[];
int detections_add_constants(PyObject *module);

/* Open a domain from a path (str, bytes, PathLike) or None. Returns 0 | -1 with an exception. */
int domain_open(PyObject *path, struct zoe_domain **out);

/* ---- the types, for module.c ------------------------------------------------------------------------------- */

extern PyType_Spec subscriber_spec, frame_spec, publisher_spec, loan_spec, plane_spec, pixels_spec;

#endif
