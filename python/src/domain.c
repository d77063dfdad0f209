/* SPDX-License-Identifier: Apache-2.0 */
/* Functions on a domain: what topics there are, what is on them, and removing what the dead left. */
#include "module.h"

int domain_open(PyObject *path, struct zoe_domain **out)
{
	PyObject *bytes = NULL;
	int status;

	if (path != Py_None && !PyUnicode_FSConverter(path, &bytes))
		return -1;
	status = zoe_domain_open(bytes ? PyBytes_AS_STRING(bytes) : NULL, out);
	Py_XDECREF(bytes);
	if (status < 0)
		module_raise(status);
	return status < 0 ? -1 : 0;
}

static int append_name(const char *topic, void *list)
{
	PyObject *name = PyUnicode_FromString(topic);
	int status = name ? PyList_Append(list, name) : -1;

	Py_XDECREF(name);
	return status < 0 ? 1 : 0; /* an exception is set */
}

/* (domain=None): one argument that all functions here have. */
static int open_argument(PyObject *args, PyObject *kwargs, const char *format, const char **out_topic,
                         struct zoe_domain **out)
{
	static char *with_topic[] = {"topic", "domain", NULL}, *alone[] = {"domain", NULL};
	PyObject *domain = Py_None;

	if (out_topic ? !PyArg_ParseTupleAndKeywords(args, kwargs, format, with_topic, out_topic, &domain)
	              : !PyArg_ParseTupleAndKeywords(args, kwargs, format, alone, &domain))
		return -1;
	return domain_open(domain, out);
}

static PyObject *topics(PyObject *module, PyObject *args, PyObject *kwargs)
{
	struct zoe_domain *domain;

	if (open_argument(args, kwargs, "|O:topics", NULL, &domain) < 0)
		return NULL;
	PyObject *list = PyList_New(0);
	int status = list ? zoe_domain_list(domain, append_name, list) : 1;

	zoe_domain_close(domain);
	if (status == 0)
		return list;
	Py_XDECREF(list);
	return status < 0 ? module_raise(status) : NULL;
}

static PyObject *clean(PyObject *module, PyObject *args, PyObject *kwargs)
{
	struct zoe_domain *domain;
	int status;

	if (open_argument(args, kwargs, "|O:clean", NULL, &domain) < 0)
		return NULL;
	Py_BEGIN_ALLOW_THREADS status = zoe_domain_clean(domain);
	Py_END_ALLOW_THREADS zoe_domain_close(domain);
	return status < 0 ? module_raise(status) : PyLong_FromLong(status);
}

static PyObject *info(PyObject *module, PyObject *args, PyObject *kwargs)
{
	struct zoe_domain *domain;
	struct zoe_topic_info info;
	const char *topic;

	if (open_argument(args, kwargs, "s|O:info", &topic, &domain) < 0)
		return NULL;
	int status = zoe_topic_info(domain, topic, &info);

	zoe_domain_close(domain);
	if (status < 0)
		return module_raise(status);
	return Py_BuildValue("{s:K,s:K,s:K,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:L,s:N,s:I,s:I}", "next_seq",
	                     (unsigned long long)info.next_seq, "slot_bytes", (unsigned long long)info.slot_bytes,
	                     "memory_bytes", (unsigned long long)info.memory_bytes, "generation", info.generation,
	                     "depth", info.depth, "slots", info.slots, "slots_free", info.slots_free, "slots_loaned",
	                     info.slots_loaned, "slots_pinned", info.slots_pinned, "publishers", info.publishers,
	                     "subscribers", info.subscribers, "dead", info.dead, "last_publish_ns",
	                     (long long)info.last_publish_ns, "format", picture_format_name(info.format), "width",
	                     info.width, "height", info.height);
}

PyMethodDef domain_methods[] = {
    {"topics", (PyCFunction)(void (*)(void))topics, METH_VARARGS | METH_KEYWORDS,
     "topics(domain=None)\n--\n\nNames of all topics in the domain, sorted."},
    {"info", (PyCFunction)(void (*)(void))info, METH_VARARGS | METH_KEYWORDS,
     "info(topic, domain=None)\n--\n\nA look at a topic, as dict: next_seq, slot_bytes, memory_bytes, generation, "
     "depth, slots,\n"
     "slots_free, slots_loaned, slots_pinned, publishers, subscribers, dead, last_publish_ns, and format, width, "
     "height of\n"
     "the newest frame. Raises FileNotFoundError if there is no such topic."},
    {"clean", (PyCFunction)(void (*)(void))clean, METH_VARARGS | METH_KEYWORDS,
     "clean(domain=None)\n--\n\nRemove what the dead left. Returns the number of topics removed."},
    {NULL, NULL, 0, NULL},
};
