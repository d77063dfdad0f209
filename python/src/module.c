/* SPDX-License-Identifier: Apache-2.0 */
/* The extension module zoetrope._zoetrope: its types, its errors, and numpy, which is imported when first needed. */
#include "module.h"

#include <math.h>
#include <pthread.h>

PyMODINIT_FUNC PyInit__zoetrope(void);

/* Of the process, hence of all interpreters in it. */
static unsigned long forks;

static void on_fork(void)
{
	forks++;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, on_fork);
}

unsigned long module_forks(void)
{
	return forks;
}

struct module_state *module_state(PyTypeObject *type)
{
	return PyType_GetModuleState(type);
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

PyObject *module_raise_text(int error, const char *text)
{
	/* called, OSError becomes the subclass that belongs to the number */
	PyObject *exception = PyObject_CallFunction(PyExc_OSError, "is", error, text);

	if (exception)
		PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
	Py_XDECREF(exception);
	return NULL;
}

PyObject *module_raise(int status)
{
	switch (-status) {
	case EINVAL:
		PyErr_SetString(PyExc_ValueError, zoe_error());
		return NULL;
	case ENOMEM:
		return PyErr_NoMemory();
	case EAGAIN:
		return module_raise_text(EAGAIN, "a lossless subscriber is behind; wait longer (timeout) or try again");
	case ETIMEDOUT:
		return module_raise_text(ETIMEDOUT, "a lossless subscriber was behind for as long as timeout allows");
	default:
		return module_raise_text(-status, zoe_error());
	}
}

int module_read_timeout(PyObject *seconds, int64_t *out_ns)
{
	if (seconds == Py_None) {
		*out_ns = ZOE_FOREVER;
		return 0;
	}
	double value = PyFloat_AsDouble(seconds);

	if (value == -1 && PyErr_Occurred())
		return -1;
	if (isnan(value) || value < 0) {
		PyErr_Format(PyExc_ValueError, "timeout is %R; it must be 0 or more seconds, or None for no limit",
		             seconds);
		return -1;
	}
	*out_ns = value >= (double)ZOE_FOREVER / 1e9 ? ZOE_FOREVER : (int64_t)(value * 1e9);
	return 0;
}

/* ---- numpy ----------------------------------------------------------------------------------------------------- */

PyObject *module_array(struct module_state *state, PyObject *exporter)
{
	if (!state->asarray) {
		PyObject *numpy = PyImport_ImportModule("numpy");

		state->asarray = numpy ? PyObject_GetAttrString(numpy, "asarray") : NULL;
		Py_XDECREF(numpy);
		if (!state->asarray)
			return NULL;
	}
	return PyObject_CallOneArg(state->asarray, exporter);
}

/* ---- the module ------------------------------------------------------------------------------------------------ */

static PyObject *now_ns(PyObject *module, PyObject *ignored)
{
	return PyLong_FromLongLong(zoe_now_ns());
}

static PyMethodDef methods[] = {
    {"now_ns", now_ns, METH_NOARGS, "now_ns()\n--\n\nCLOCK_MONOTONIC in nanoseconds: the clock of all times here."},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out)
{
	*out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
	return *out ? PyModule_AddType(module, *out) : -1;
}

static int execute(PyObject *module)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct module_state *state = PyModule_GetState(module);

	pthread_once(&once, watch_forks);
	if (add_type(module, &subscriber_spec, &state->subscriber) < 0 ||
	    add_type(module, &frame_spec, &state->frame) < 0 ||
	    add_type(module, &publisher_spec, &state->publisher) < 0 ||
	    add_type(module, &loan_spec, &state->loan) < 0 || add_type(module, &plane_spec, &state->plane) < 0 ||
	    add_type(module, &pixels_spec, &state->pixels) < 0)
		return -1;
	if (PyModule_AddFunctions(module, domain_methods) < 0 ||
	    PyModule_AddFunctions(module, detections_methods) < 0 || detections_add_constants(module) < 0)
		return -1;
	return PyModule_AddStringConstant(module, "__version__", zoe_version());
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
	struct module_state *state = PyModule_GetState(module);

	Py_VISIT(state->subscriber);
	Py_VISIT(state->frame);
	Py_VISIT(state->publisher);
	Py_VISIT(state->loan);
	Py_VISIT(state->plane);
	Py_VISIT(state->pixels);
	Py_VISIT(state->asarray);
	return 0;
}

static int clear(PyObject *module)
{
	struct module_state *state = PyModule_GetState(module);

	Py_CLEAR(state->subscriber);
	Py_CLEAR(state->frame);
	Py_CLEAR(state->publisher);
	Py_CLEAR(state->loan);
	Py_CLEAR(state->plane);
	Py_CLEAR(state->pixels);
	Py_CLEAR(state->asarray);
	return 0;
}

static void destroy(void *module)
{
	clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters
    /* DLPack consumers free from any thread, which needs the one GIL that PyGILState_Ensure() takes. */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "zoetrope._zoetrope",
    .m_doc = "The part of zoetrope that is written in C, over libzoetrope. Use the package zoetrope.",
    .m_size = sizeof(struct module_state),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = destroy,
};

PyMODINIT_FUNC PyInit__zoetrope(void)
{
	return PyModuleDef_Init(&definition);
}
