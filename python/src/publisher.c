/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher. Threads that share one take turns on its handle; while one waits for a lossless subscriber it holds the turn
 * for a slice at a time, so that signals are seen. A loan that dies meanwhile is discarded when the turn ends.
 */
#include "module.h"

#include "copy.h"

#include <pythread.h>

#define SLICE_NS   100000000
#define SLICE_US   100000
#define LOANS_MAX  32    /* of struct zoe_topic_options */
#define LARGE_SIZE 65536 /* bytes: to reserve or copy so much is worth letting other threads run */

struct publisher_object {
	PyObject_HEAD struct zoe_domain *domain;
	struct zoe_publisher *handle; /* NULL = closed, and no loan left */
	PyObject *topic;
	PyThread_type_lock turn;
	struct zoe_loan pending[LOANS_MAX]; /* to be discarded when the turn ends */
	unsigned pending_count;
	unsigned loans; /* that are neither published nor discarded */
	int64_t timeout_ns;
	unsigned long forks;
	bool closed;
};

static struct publisher_object *publisher_of(PyObject *self)
{
	return (struct publisher_object *)self;
}

int64_t publisher_timeout(const struct publisher_object *pub)
{
	return pub->timeout_ns;
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static bool try_turn(struct publisher_object *pub)
{
	return PyThread_acquire_lock(pub->turn, NOWAIT_LOCK);
}

static void close_if_done(struct publisher_object *pub)
{
	if (!pub->closed || pub->loans)
		return;
	zoe_publisher_close(pub->handle);
	pub->handle = NULL;
	zoe_domain_close(pub->domain);
	pub->domain = NULL;
}

static void end_turn(struct publisher_object *pub)
{
	while (pub->pending_count) {
		zoe_discard(pub->handle, &pub->pending[--pub->pending_count]);
		pub->loans--;
	}
	close_if_done(pub);
	PyThread_release_lock(pub->turn);
}

/* Returns 0 | -1 with an exception. */
static int begin_turn(struct publisher_object *pub, bool for_loan)
{
	PyLockStatus status = PY_LOCK_FAILURE;

	if (pub->forks != module_forks()) {
		module_raise_text(ECHILD, "this publisher was opened before fork(); open one in the child");
		return -1;
	}
	if (!try_turn(pub)) {
		while (status != PY_LOCK_ACQUIRED) {
			Py_BEGIN_ALLOW_THREADS status = PyThread_acquire_lock_timed(pub->turn, SLICE_US, 1);
			Py_END_ALLOW_THREADS if (status != PY_LOCK_ACQUIRED && PyErr_CheckSignals() < 0) return -1;
		}
	}
	if (!pub->closed || for_loan)
		return 0;
	end_turn(pub);
	PyErr_Format(PyExc_ValueError, "the publisher of %R is closed", pub->topic);
	return -1;
}

int publisher_loan(struct publisher_object *pub, size_t size, struct zoe_loan *out)
{
	int status;

	if (begin_turn(pub, false) < 0)
		return -1;
	if (size < LARGE_SIZE) {
		status = zoe_loan(pub->handle, size, out);
	} else {
		Py_BEGIN_ALLOW_THREADS status = zoe_loan(pub->handle, size, out);
		Py_END_ALLOW_THREADS
	}
	if (status == 0)
		pub->loans++;
	end_turn(pub);
	if (status < 0)
		module_raise(status);
	return status < 0 ? -1 : 0;
}

void publisher_discard(struct publisher_object *pub, struct zoe_loan *loan)
{
	if (pub->forks != module_forks())
		return;
	if (!try_turn(pub)) {
		pub->pending[pub->pending_count++] = *loan; /* as many as there are loans */
		return;
	}
	zoe_discard(pub->handle, loan);
	pub->loans--;
	end_turn(pub);
}

static int publish_slice(struct publisher_object *pub, struct zoe_loan *loan, int64_t timeout_ns, uint64_t *out_seq)
{
	int status;

	if (begin_turn(pub, true) < 0)
		return 1;
	loan->timeout_ns = timeout_ns < SLICE_NS ? timeout_ns : SLICE_NS;
	if (timeout_ns == 0) {
		status = zoe_publish(pub->handle, loan, out_seq);
	} else {
		Py_BEGIN_ALLOW_THREADS status = zoe_publish(pub->handle, loan, out_seq);
		Py_END_ALLOW_THREADS
	}
	if (status == 0)
		pub->loans--;
	end_turn(pub);
	if ((status == -ETIMEDOUT || status == -EINTR) && PyErr_CheckSignals() < 0)
		return 1;
	return status;
}

int publisher_publish(struct publisher_object *pub, struct zoe_loan *loan, int64_t timeout_ns, uint64_t *out_seq)
{
	int status = publish_slice(pub, loan, 0, out_seq);

	if (status == -EAGAIN && timeout_ns > 0) {
		const int64_t now = zoe_now_ns(), end = timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
		int64_t left = timeout_ns;

		do {
			status = publish_slice(pub, loan, left, out_seq);
			left = end - zoe_now_ns();
		} while ((status == -ETIMEDOUT || status == -EINTR) && left > 0);
	}
	if (status < 0)
		module_raise(status);
	return status == 0 ? 0 : -1;
}

/* ---- open and close ------------------------------------------------------------------------------------------------ */

static int open_handle(struct publisher_object *pub, PyObject *domain, const char *topic,
                       const struct zoe_topic_options *options)
{
	int status = domain_open(domain, &pub->domain);

	if (status < 0)
		return -1;
	do {
		Py_BEGIN_ALLOW_THREADS status = zoe_publisher_open(pub->domain, topic, options, &pub->handle);
		Py_END_ALLOW_THREADS
	} while (status == -EINTR && PyErr_CheckSignals() == 0);
	if (status < 0 && !PyErr_Occurred())
		module_raise(status);
	return status < 0 ? -1 : 0;
}

static PyObject *publisher_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"topic", "slot_bytes", "depth",   "publishers", "subscribers", "pins",
	                        "loans", "lossless",   "timeout", "domain",     NULL};
	PyObject *topic, *domain = Py_None, *timeout = Py_None;
	Py_ssize_t slot_bytes = 0;
	int lossless = 0;
	struct zoe_topic_options options = {0};

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "U|$nIIIIIpOO:Publisher", names, &topic, &slot_bytes,
	                                 &options.depth, &options.publishers, &options.subscribers, &options.pins,
	                                 &options.loans, &lossless, &timeout, &domain))
		return NULL;
	if (slot_bytes < 0)
		return PyErr_Format(PyExc_ValueError, "slot_bytes is %zd; it must be 0 or more", slot_bytes);
	struct publisher_object *pub = (struct publisher_object *)type->tp_alloc(type, 0);

	if (!pub)
		return NULL;
	const char *name = PyUnicode_AsUTF8(topic);

	options.slot_bytes = (size_t)slot_bytes;
	options.lossless = (unsigned)lossless;
	pub->topic = Py_NewRef(topic);
	pub->forks = module_forks();
	pub->turn = PyThread_allocate_lock();
	if (!pub->turn)
		PyErr_NoMemory();
	if (!pub->turn || !name || module_read_timeout(timeout, &pub->timeout_ns) < 0 ||
	    open_handle(pub, domain, name, &options) < 0)
		Py_CLEAR(pub);
	return (PyObject *)pub;
}

static int publisher_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	return 0;
}

static void publisher_dealloc(PyObject *self)
{
	struct publisher_object *pub = publisher_of(self);
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	pub->closed = true;
	pub->loans = 0; /* no loan holds us any more; in a forked child they were not counted down */
	close_if_done(pub);
	if (pub->turn)
		PyThread_free_lock(pub->turn);
	Py_XDECREF(pub->topic);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *publisher_close(PyObject *self, PyObject *ignored)
{
	struct publisher_object *pub = publisher_of(self);

	pub->closed = true;
	if (pub->forks == module_forks() && try_turn(pub)) /* else when the turn ends */
		end_turn(pub);
	Py_RETURN_NONE;
}

static PyObject *publisher_enter(PyObject *self, PyObject *ignored)
{
	if (publisher_of(self)->closed)
		return PyErr_Format(PyExc_ValueError, "the publisher of %R is closed", publisher_of(self)->topic);
	return Py_NewRef(self);
}

static PyObject *publisher_exit(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
	return publisher_close(self, NULL);
}

/* ---- loan and publish ------------------------------------------------------------------------------------------------ */

static PyObject *publisher_loan_method(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"shape", "format", "size", NULL};
	PyObject *shape, *format = NULL;
	Py_ssize_t size = 0;
	struct loan_request request;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$n:loan", names, &shape, &format, &size) ||
	    loan_read_request(shape, format, size, &request) < 0)
		return NULL;
	return loan_create(publisher_of(self), &request);
}

/* Copy a source into a loan, and publish that; a loan that cannot be published goes back. */
static PyObject *publish_copy(struct publisher_object *pub, struct copy_source *source, struct zoe_loan *wanted,
                              int64_t timeout_ns)
{
	struct zoe_loan loan;
	uint64_t seq;

	if (publisher_loan(pub, source->request.size, &loan) < 0)
		return NULL;
	loan.image = source->request.image;
	loan.capture_ns = wanted->capture_ns;
	loan.flags = wanted->flags;
	memcpy(loan.meta, wanted->meta, sizeof(loan.meta));
	if (copy_run(source, loan.data, source->request.size >= LARGE_SIZE) < 0 ||
	    publisher_publish(pub, &loan, timeout_ns, &seq) < 0) {
		publisher_discard(pub, &loan);
		return NULL;
	}
	return PyLong_FromUnsignedLongLong(seq);
}

static PyObject *publisher_publish_method(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"source", "format", "width",   "height", "capture_time_ns",
	                        "flags",  "meta",   "timeout", NULL};
	PyObject *object, *format = NULL, *meta = Py_None, *timeout = NULL;
	unsigned width = 0, height = 0;
	long long capture_ns = 0;
	struct zoe_loan wanted = {0};
	struct copy_source source;
	int64_t timeout_ns = publisher_of(self)->timeout_ns;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$IILIOO:publish", names, &object, &format, &width, &height,
	                                 &capture_ns, &wanted.flags, &meta, &timeout) ||
	    loan_read_meta(meta, wanted.meta) < 0 || (timeout && module_read_timeout(timeout, &timeout_ns) < 0))
		return NULL;
	wanted.capture_ns = capture_ns;
	if (copy_open(&source, object, format, width, height) < 0)
		return NULL;
	PyObject *seq = publish_copy(publisher_of(self), &source, &wanted, timeout_ns);

	copy_close(&source);
	return seq;
}

static PyObject *publisher_wishes(PyObject *self, PyObject *ignored)
{
	struct publisher_object *pub = publisher_of(self);
	struct zoe_wish wishes[64];

	if (begin_turn(pub, false) < 0)
		return NULL;
	int count = zoe_publisher_wishes(pub->handle, wishes, 64);

	end_turn(pub);
	if (count < 0)
		return module_raise(count);
	PyObject *list = PyList_New(0);

	for (int i = 0; list && i < count && i < 64; i++) {
		PyObject *wish =
		    Py_BuildValue("{s:d,s:N,s:I,s:I,s:K}", "rate", wishes[i].rate_mhz / 1000.0, "format",
		                  picture_format_name(wishes[i].format), "width", wishes[i].width, "height",
		                  wishes[i].height, "key_frames", (unsigned long long)wishes[i].key_frames);

		if (!wish || PyList_Append(list, wish) < 0)
			Py_CLEAR(list);
		Py_XDECREF(wish);
	}
	return list;
}

static PyObject *publisher_repr(PyObject *self)
{
	return PyUnicode_FromFormat("<zoetrope.Publisher of %R%s>", publisher_of(self)->topic,
	                            publisher_of(self)->closed ? ", closed" : "");
}

static PyObject *get_topic(PyObject *self, void *closure)
{
	return Py_NewRef(publisher_of(self)->topic);
}

static PyObject *get_closed(PyObject *self, void *closure)
{
	return PyBool_FromLong(publisher_of(self)->closed);
}

static PyMethodDef publisher_methods[] = {
    {"loan", (PyCFunction)(void (*)(void))publisher_loan_method, METH_VARARGS | METH_KEYWORDS,
     "loan($self, /, shape, format=<by shape>, *, size=0)\n--\n\nTake a free slot to fill in place; use it as context "
     "manager.\n\n"
     "shape   (height, width) or (height, width, channels) in pixels; an int is a message of so many bytes\n"
     "format  GREY for two numbers and BGR24 for (h, w, 3) unless told otherwise; see Frame.format\n"
     "size    bytes at most, for MJPEG\n\n"
     "Returns a Loan. Raises ValueError for shapes that do not fit the format, OSError: ENOBUFS (as many loans open "
     "as\n"
     "the topic allows), ENOSPC (the memory file system is full)."},
    {"publish", (PyCFunction)(void (*)(void))publisher_publish_method, METH_VARARGS | METH_KEYWORDS,
     "publish($self, /, source, format=<by shape>, *, width=0, height=0, capture_time_ns=0, flags=0, meta=None,\n"
     "        timeout=<the publisher's>)\n--\n\nPublish a copy: one copy, no more. Returns the sequence number.\n\n"
     "source  uint8 array [height][width] (GREY) or [height][width][3] (BGR24); a tuple of planes, or OpenCV's\n"
     "        [height * 3 / 2][width], for I420 and NV12; bytes for a message, or, with width and height, for MJPEG\n"
     "meta    up to 48 bytes that go with a picture\n"
     "capture_time_ns  when the picture was taken; 0 = now\n\n"
     "Raises ValueError (shape, dtype, format), TimeoutError or BlockingIOError (a lossless subscriber is behind), "
     "OSError."},
    {"wishes", publisher_wishes, METH_NOARGS,
     "wishes($self, /)\n--\n\nWhat each living subscriber would like: a list of dicts rate, format, width, height, "
     "key_frames.\n"
     "An empty list means that nobody listens."},
    {"close", publisher_close, METH_NOARGS,
     "close($self, /)\n--\n\nLeave the topic, when the last open loan is gone. The last one out removes the topic."},
    {"__enter__", publisher_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))publisher_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef publisher_getters[] = {
    {"topic", get_topic, NULL, "Name of the topic.", NULL},
    {"closed", get_closed, NULL, "True after close().", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(
    publisher_doc,
    "Publisher(topic, *, slot_bytes=0, depth=0, publishers=0, subscribers=0, pins=0, loans=0, lossless=False,\n"
    "          timeout=None, domain=None)\n--\n\n"
    "A publisher of a topic, which is made if it is not there. 0 means the default, or what the topic has.\n\n"
    "slot_bytes   largest frame; the topic grows by itself when a larger one comes\n"
    "depth        newest frames kept, 1..1024 (4)\n"
    "publishers   most at once, 1..16 (4)\n"
    "subscribers  most at once, 1..64 (32)\n"
    "pins         frames that all subscribers may hold together (2 for each)\n"
    "loans        slots that each publisher may have on loan, 1..32 (2)\n"
    "lossless     let subscribers hold publishers up\n"
    "timeout      seconds to wait for lossless subscribers; None = no limit, 0 = do not\n"
    "domain       directory; None = ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID\n\n"
    "Raises ValueError (name or numbers), OSError: ENOSPC, EUSERS, PermissionError. Threads may share it,\n"
    "if it has a loan for each.");

static PyType_Slot publisher_slots[] = {
    {Py_tp_doc, (void *)publisher_doc},   {Py_tp_new, publisher_new},
    {Py_tp_traverse, publisher_traverse}, {Py_tp_dealloc, publisher_dealloc},
    {Py_tp_repr, publisher_repr},         {Py_tp_methods, publisher_methods},
    {Py_tp_getset, publisher_getters},    {0, NULL},
};

PyType_Spec publisher_spec = {
    .name = "zoetrope.Publisher",
    .basicsize = sizeof(struct publisher_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = publisher_slots,
};
