/* SPDX-License-Identifier: Apache-2.0 */
/* What publish() is given, as buffers: bytes, an array, or a tuple of planes. */
#ifndef PYTHON_COPY_H
#define PYTHON_COPY_H

#include "module.h"

struct copy_source {
	struct loan_request request;
	Py_buffer parts[ZOE_PLANES_MAX];
	unsigned count;
};

/* format NULL: by the shape. width, height: of an MJPEG. Returns 0 | -1 with an exception. */
int copy_open(struct copy_source *out, PyObject *object, PyObject *format, unsigned width, unsigned height);
void copy_close(struct copy_source *source);

/* Copy to where a loan begins, rows tight. Returns 0 | -1 with an exception. */
int copy_run(struct copy_source *source, void *to, bool without_gil);

#endif
