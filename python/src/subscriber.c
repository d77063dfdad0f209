/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subscriber. It waits without the GIL, in slices, so that a signal is never seen later than a slice. While one thread
 * waits, others may still release frames and close: both are noted and done when the slice is over.
 */
#include "module.h"

/* As long as the library sleeps at most: a signal that comes just before a sleep is noticed after it. */
#define SLICE_NS 100000000
#define PINS_MAX 16

enum mode { LATEST, NEXT, LOSSLESS, GROUP };
static const char *const modes[] = {"latest", "next", "lossless", "group", NULL};

struct subscriber_object {
	PyObject_HEAD struct zoe_domain *domain;
	struct zoe_subscriber *handle; /* NULL = closed, and no frame left */
	PyObject *topic;
	enum mode mode;
	int64_t timeout_ns; /* INT64_MAX = no limit */
	uint64_t lost;
	unsigned held;                      /* frames that were taken and not unpinned */
	struct zoe_frame pending[PINS_MAX]; /* to be unpinned when the waiting thread looks */
	unsigned pending_count;
	bool waiting; /* a thread is in the library without the GIL */
	bool closed;
	unsigned long forks;
};

static struct subscriber_object *subscriber_of(PyObject *self)
{
	return (struct subscriber_object *)self;
}

PyObject *subscriber_topic(const struct subscriber_object *subscriber)
{
	return subscriber->topic;
}

/* ---- close and release ---------------------------------------------------------------------------------------- */

/* Frames that were taken stay good: the handle goes with the last of them. */
static void close_if_done(struct subscriber_object *sub)
{
	if (!sub->closed || sub->waiting || sub->held)
		return;
	zoe_subscriber_close(sub->handle);
	sub->handle = NULL;
	zoe_domain_close(sub->domain);
	sub->domain = NULL;
}

void subscriber_unpin(struct subscriber_object *sub, struct zoe_frame *frame)
{
	if (sub->waiting) {
		sub->pending[sub->pending_count++] = *frame; /* as many as there are pins */
		return;
	}
	zoe_release(sub->handle, frame);
	sub->held--;
	close_if_done(sub);
}

/* Returns how many. */
static unsigned unpin_pending(struct subscriber_object *sub)
{
	unsigned count = sub->pending_count;

	while (sub->pending_count) {
		zoe_release(sub->handle, &sub->pending[--sub->pending_count]);
		sub->held--;
	}
	return count;
}

static int raise_closed(const struct subscriber_object *sub)
{
	PyErr_Format(PyExc_ValueError, "the subscriber of %R is closed", sub->topic);
	return -1;
}

static int check_free(const struct subscriber_object *sub)
{
	if (sub->forks != module_forks()) { /* in the child nobody ends the wait of a thread that only the parent has */
		module_raise_text(ECHILD, "this subscriber was opened before fork(); open one in the child");
		return -1;
	}
	if (sub->closed)
		return raise_closed(sub);
	if (!sub->waiting)
		return 0;
	PyErr_Format(PyExc_RuntimeError,
	             "another thread waits on this subscriber of %R; give each thread a subscriber of its own",
	             sub->topic);
	return -1;
}

/* ---- take ----------------------------------------------------------------------------------------------------- */

static int take(struct subscriber_object *sub, bool latest, int64_t timeout_ns, struct zoe_frame *out)
{
	return latest ? zoe_take_latest(sub->handle, timeout_ns, out) : zoe_take_next(sub->handle, timeout_ns, out);
}

/* One slice without the GIL. Returns a status of the library, or 1 with an exception. */
static int wait_slice(struct subscriber_object *sub, bool latest, int64_t timeout_ns, struct zoe_frame *out)
{
	int status;

	sub->waiting = true;
	Py_BEGIN_ALLOW_THREADS status = take(sub, latest, timeout_ns < SLICE_NS ? timeout_ns : SLICE_NS, out);
	Py_END_ALLOW_THREADS sub->waiting = false;
	if (status == 0)
		sub->held++;
	if (unpin_pending(sub) && status == -ENOBUFS)
		status = -EINTR; /* there is a pin now */
	if (sub->closed) {
		if (status == 0)
			subscriber_unpin(sub, out);
		close_if_done(sub);
		raise_closed(sub);
		return 1;
	}
	if ((status == -ETIMEDOUT || status == -EINTR) && PyErr_CheckSignals() < 0)
		return 1;
	return status;
}

static int wait(struct subscriber_object *sub, bool latest, int64_t timeout_ns, struct zoe_frame *out)
{
	const int64_t now = zoe_now_ns(), end = timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
	int status;

	for (int64_t left = timeout_ns;;) {
		status = wait_slice(sub, latest, left, out);
		if (status != -ETIMEDOUT && status != -EINTR)
			return status;
		left = end - zoe_now_ns();
		if (left <= 0)
			return -ETIMEDOUT;
		if (check_free(sub) < 0) /* a signal handler may do anything */
			return 1;
	}
}

static void raise_late(const struct subscriber_object *sub, int64_t timeout_ns)
{
	char text[ZOE_TOPIC_NAME_MAX + 64];
	const char *topic = PyUnicode_AsUTF8(sub->topic);

	if (!topic)
		return;
	PyOS_snprintf(text, sizeof(text), "topic %s had no frame for %.3f s", topic, (double)timeout_ns / 1e9);
	module_raise_text(ETIMEDOUT, text);
}

/* A frame; NULL with an exception, or without one if there is none and timeout_ns is 0. */
static PyObject *take_frame(struct subscriber_object *sub, bool latest, int64_t timeout_ns)
{
	if (check_free(sub) < 0)
		return NULL;
	struct frame_object *frame = frame_create(sub);

	if (!frame)
		return NULL;
	int status = take(sub, latest, 0, &frame->frame);

	if (status == 0)
		sub->held++;
	else if (status == -EAGAIN && timeout_ns > 0)
		status = wait(sub, latest, timeout_ns, &frame->frame);
	if (status == 0) {
		sub->lost += frame->frame.lost;
		frame_ready(frame);
		return (PyObject *)frame;
	}
	Py_DECREF(frame);
	if (status == -ETIMEDOUT)
		raise_late(sub, timeout_ns);
	else if (status < 0 && status != -EAGAIN)
		module_raise(status);
	return NULL;
}

static PyObject *take_method(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names, bool latest)
{
	struct subscriber_object *sub = subscriber_of(self);
	const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
	int64_t timeout_ns = sub->timeout_ns;

	if (count + named > 1 || (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "timeout"))) {
		PyErr_Format(PyExc_TypeError, "%s() takes at most one argument, timeout", latest ? "latest" : "next");
		return NULL;
	}
	if (count + named && module_read_timeout(args[0], &timeout_ns) < 0)
		return NULL;
	PyObject *frame = take_frame(sub, latest, timeout_ns);

	if (!frame && !PyErr_Occurred())
		Py_RETURN_NONE;
	return frame;
}

static PyObject *subscriber_latest(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
	return take_method(self, args, count, names, true);
}

static PyObject *subscriber_next(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
	return take_method(self, args, count, names, false);
}

static PyObject *subscriber_iternext(PyObject *self)
{
	struct subscriber_object *sub = subscriber_of(self);

	return take_frame(sub, sub->mode == LATEST, sub->timeout_ns);
}

/* ---- open ------------------------------------------------------------------------------------------------------- */

static int read_word(const char *what, const char *const *words, const char *text, int *out)
{
	for (int i = 0; words[i]; i++) {
		if (!strcmp(words[i], text)) {
			*out = i;
			return 0;
		}
	}
	PyErr_Format(PyExc_ValueError, "%s is '%s'; it must be %s%s", what, text,
	             words == modes ? "latest, next, lossless or group" : "new or oldest", "");
	return -1;
}

static int read_mode(const char *mode, const char *start, struct zoe_subscriber_options *options, enum mode *out)
{
	static const char *const starts[] = {"new", "oldest", NULL};
	int chosen, begin;

	if (read_word("mode", modes,
	              mode             ? mode
	              : options->group ? "group"
	                               : "latest",
	              &chosen) < 0 ||
	    read_word("start", starts, start, &begin) < 0)
		return -1;
	if ((chosen == GROUP) != (options->group != NULL)) {
		PyErr_SetString(PyExc_ValueError, "mode group and a group's name go together: group=\"workers\"");
		return -1;
	}
	options->mode = chosen == LOSSLESS ? ZOE_LOSSLESS : ZOE_LOSSY;
	options->start = (enum zoe_start)begin;
	*out = (enum mode)chosen;
	return 0;
}

static int open_handle(struct subscriber_object *sub, PyObject *domain, const char *topic,
                       const struct zoe_subscriber_options *options)
{
	int status = domain_open(domain, &sub->domain);

	if (status < 0)
		return -1;
	Py_BEGIN_ALLOW_THREADS status = zoe_subscriber_open(sub->domain, topic, options, &sub->handle);
	Py_END_ALLOW_THREADS if (status < 0) module_raise(status);
	return status < 0 ? -1 : 0;
}

static PyObject *subscriber_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"topic", "mode",   "timeout", "group",    "start",
	                        "pins",  "domain", "spin",    "interval", NULL};
	PyObject *topic, *timeout = Py_None, *domain = Py_None;
	const char *mode = NULL, *start = "new";
	double spin = 0, interval = 0;
	struct zoe_subscriber_options options = {.pins = 2};

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "U|$zOzsIOdd:Subscriber", names, &topic, &mode, &timeout,
	                                 &options.group, &start, &options.pins, &domain, &spin, &interval))
		return NULL;
	struct subscriber_object *sub = (struct subscriber_object *)type->tp_alloc(type, 0);

	if (!sub)
		return NULL;
	const char *name = PyUnicode_AsUTF8(topic);

	sub->topic = Py_NewRef(topic);
	sub->forks = module_forks();
	options.spin_ns = (int64_t)(spin * 1e9);
	options.interval_ns = (int64_t)(interval * 1e9);
	if (!name || module_read_timeout(timeout, &sub->timeout_ns) < 0 ||
	    read_mode(mode, start, &options, &sub->mode) < 0 || open_handle(sub, domain, name, &options) < 0)
		Py_CLEAR(sub);
	return (PyObject *)sub;
}

static int subscriber_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	return 0;
}

static void subscriber_dealloc(PyObject *self)
{
	struct subscriber_object *sub = subscriber_of(self);
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	sub->closed = true; /* no frame holds us any more */
	close_if_done(sub);
	Py_XDECREF(sub->topic);
	type->tp_free(self);
	Py_DECREF(type);
}

/* ---- other methods and attributes ------------------------------------------------------------------------------- */

static PyObject *subscriber_fileno(PyObject *self, PyObject *ignored)
{
	struct subscriber_object *sub = subscriber_of(self);

	if (check_free(sub) < 0)
		return NULL;
	int fd = zoe_subscriber_fd(sub->handle);

	return fd < 0 ? module_raise(fd) : PyLong_FromLong(fd);
}

static PyObject *subscriber_wish(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static char *names[] = {"rate", "format", "width", "height", "key_frames", NULL};
	struct subscriber_object *sub = subscriber_of(self);
	struct zoe_wish wish = {0};
	PyObject *format = Py_None;
	unsigned long long key_frames = 0;
	double rate = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$dOIIK", names, &rate, &format, &wish.width, &wish.height,
	                                 &key_frames) ||
	    check_free(sub) < 0 || picture_read_format(format, &wish.format) < 0)
		return NULL;
	if (!(rate >= 0 && rate <= UINT32_MAX / 1000.0))
		return PyErr_Format(PyExc_ValueError, "rate is frames a second, 0 or more");
	wish.rate_mhz = (uint32_t)(rate * 1000);
	wish.key_frames = key_frames;
	int status = zoe_subscriber_wish(sub->handle, &wish);

	if (status < 0)
		return module_raise(status);
	Py_RETURN_NONE;
}

static PyObject *subscriber_close(PyObject *self, PyObject *ignored)
{
	subscriber_of(self)->closed = true;
	close_if_done(subscriber_of(self));
	Py_RETURN_NONE;
}

static PyObject *subscriber_enter(PyObject *self, PyObject *ignored)
{
	return subscriber_of(self)->closed ? (raise_closed(subscriber_of(self)), NULL) : Py_NewRef(self);
}

static PyObject *subscriber_exit(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
	return subscriber_close(self, NULL);
}

static PyObject *subscriber_repr(PyObject *self)
{
	const struct subscriber_object *sub = subscriber_of(self);

	return PyUnicode_FromFormat("<zoetrope.Subscriber of %R, %s%s>", sub->topic, modes[sub->mode],
	                            sub->closed ? ", closed" : "");
}

static PyObject *get_topic(PyObject *self, void *closure)
{
	return Py_NewRef(subscriber_of(self)->topic);
}

static PyObject *get_mode(PyObject *self, void *closure)
{
	return PyUnicode_FromString(modes[subscriber_of(self)->mode]);
}

static PyObject *get_lost(PyObject *self, void *closure)
{
	return PyLong_FromUnsignedLongLong(subscriber_of(self)->lost);
}

static PyObject *get_closed(PyObject *self, void *closure)
{
	return PyBool_FromLong(subscriber_of(self)->closed);
}

static PyObject *get_timeout(PyObject *self, void *closure)
{
	int64_t timeout_ns = subscriber_of(self)->timeout_ns;

	if (timeout_ns == ZOE_FOREVER)
		Py_RETURN_NONE;
	return PyFloat_FromDouble((double)timeout_ns / 1e9);
}

static int set_timeout(PyObject *self, PyObject *value, void *closure)
{
	if (!value) {
		PyErr_SetString(PyExc_AttributeError, "timeout cannot be deleted; None is no limit");
		return -1;
	}
	return module_read_timeout(value, &subscriber_of(self)->timeout_ns);
}

#define TAKES                                                                                                       \
	"timeout: seconds to wait; None = no limit, 0 = do not wait; left out = the subscriber's own.\n"            \
	"Returns a Frame, or None if timeout is 0 and there is none. Raises TimeoutError; OSError (ENOBUFS) if as " \
	"many\n"                                                                                                    \
	"frames as `pins` are held; ChildProcessError after fork(); ValueError if closed."

static PyMethodDef subscriber_methods[] = {
    {"latest", (PyCFunction)(void (*)(void))subscriber_latest, METH_FASTCALL | METH_KEYWORDS,
     "latest($self, /, timeout=<self.timeout>)\n--\n\nTake the newest frame that is newer than the one taken "
     "last.\n\n" TAKES "\nNot for lossless and group (ValueError): they take frames in order."},
    {"next", (PyCFunction)(void (*)(void))subscriber_next, METH_FASTCALL | METH_KEYWORDS,
     "next($self, /, timeout=<self.timeout>)\n--\n\nTake the frame after the one taken last; in a group the next that "
     "nobody\n"
     "else has. Frames that are no longer kept are skipped, and counted in .lost.\n\n" TAKES},
    {"fileno", subscriber_fileno, METH_NOARGS,
     "fileno($self, /)\n--\n\nA descriptor for select, poll and event loops: readable when there may be a frame. Take "
     "with\n"
     "timeout=0 until that gives None; then wait again. Never read or close it."},
    {"wish", (PyCFunction)(void (*)(void))subscriber_wish, METH_VARARGS | METH_KEYWORDS,
     "wish($self, /, *, rate=0.0, format=None, width=0, height=0, key_frames=0)\n--\n\nTell publishers what this "
     "subscriber\n"
     "would like: frames a second, format, pixels; raise key_frames to ask for a key frame. They do as they can."},
    {"close", subscriber_close, METH_NOARGS,
     "close($self, /)\n--\n\nLeave the topic. Frames that were taken stay good: it is left when the last of them is "
     "released."},
    {"__enter__", subscriber_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))subscriber_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef subscriber_getters[] = {
    {"topic", get_topic, NULL, "Name of the topic.", NULL},
    {"mode", get_mode, NULL, "latest, next, lossless or group: what iteration takes.", NULL},
    {"timeout", get_timeout, set_timeout, "Seconds that a take waits unless told otherwise; None = no limit.", NULL},
    {"lost", get_lost, NULL, "Frames overrun or passed over so far: the sum of .lost of all frames.", NULL},
    {"closed", get_closed, NULL, "True after close().", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(
    subscriber_doc,
    "Subscriber(topic, *, mode=None, timeout=None, group=None, start='new', pins=2, domain=None, spin=0.0,\n"
    "           interval=0.0)\n--\n\n"
    "A subscriber of a topic that exists; zoetrope.subscribe() waits for the topic too. Iterate over it.\n\n"
    "mode      latest (newest frame, the default), next (every frame in order, as far as it is kept),\n"
    "          lossless (publishers wait for us; the topic must allow it), group (see below)\n"
    "timeout   seconds that a take waits; None = no limit, 0 = do not wait (iteration ends when none is left)\n"
    "group     name of a group that shares the work: each frame goes to one of its members\n"
    "start     new = with the next frame published; oldest = with the oldest that is kept\n"
    "pins      frames held at once, 1..16\n"
    "domain    directory; None = ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID\n"
    "spin      seconds to look before sleeping in a wait: less latency, more CPU\n"
    "interval  seconds between the frames that latest() gives, at least\n\n"
    "Raises FileNotFoundError if there is no such topic, ValueError for wrong arguments, OSError (EUSERS) if a\n"
    "budget of the topic is used up. One thread at a time may take; any thread may release frames.");

static PyType_Slot subscriber_slots[] = {
    {Py_tp_doc, (void *)subscriber_doc},   {Py_tp_new, subscriber_new},
    {Py_tp_traverse, subscriber_traverse}, {Py_tp_dealloc, subscriber_dealloc},
    {Py_tp_repr, subscriber_repr},         {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, subscriber_iternext}, {Py_tp_methods, subscriber_methods},
    {Py_tp_getset, subscriber_getters},    {0, NULL},
};

PyType_Spec subscriber_spec = {
    .name = "zoetrope.Subscriber",
    .basicsize = sizeof(struct subscriber_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = subscriber_slots,
};
