/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the whole system as JSON: docs/protocol.md "State". */
#include "control.h"

#include "metrics.h"

#include <string.h>
#include <unistd.h>

static void put_sample(json_t *state, const struct stat_sample *sample, const char *cpus)
{
	if (sample->cpu_percent >= 0)
		metrics_put(state, "cpu_percent", sample->cpu_percent);
	json_object_set_new(state, "memory_bytes", json_integer(sample->memory_bytes));
	json_object_set_new(state, "shared_bytes", json_integer(sample->shared_bytes));
	json_object_set_new(state, "threads", json_integer(sample->threads));
	json_object_set_new(state, "cpus", channel_string(*cpus ? cpus : sample->cpus));
}

/* What it has started itself, as a detector its workers. */
static json_t *children_state(const struct stat_children *children)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < children->count; i++) {
		const struct stat_child *child = &children->items[i];
		json_t *state = json_object();
		json_object_set_new(state, "pid", json_integer(child->pid));
		json_object_set_new(state, "program", channel_string(child->program));
		put_sample(state, &child->sample, "");
		json_array_append_new(list, state);
	}
	return list;
}

static json_t *process_state(const struct process *process)
{
	json_t *state = json_object();

	json_object_set_new(state, "pid", json_integer(process->pid));
	json_object_set_new(state, "role", json_string(process->entry->section->role));
	json_object_set_new(state, "name", json_string(process->entry->name));
	json_object_set_new(state, "state", channel_string(process->state));
	json_object_set_new(state, "reason", channel_string(process->reason));
	json_object_set_new(state, "restarts", json_integer(process->life ? process->life - 1 : 0));
	if (!process->pid)
		return state;
	metrics_put(state, "uptime", (double)(zoe_now_ns() - process->started_ns) / 1e9);
	if (!process->stat.taken_ns)
		return state;
	put_sample(state, &process->stat, process->cpus);
	json_object_set_new(state, "policy", channel_string(process->policy));
	if (process->children.count)
		json_object_set_new(state, "children", children_state(&process->children));
	return state;
}

static void put_copy(json_t *object, const char *key, json_t *value)
{
	if (value)
		json_object_set(object, key, value);
}

/* What a role that serves all cameras has sent for this one. */
static json_t *of_camera(const struct process *process, const char *camera)
{
	return json_object_get(json_object_get(process->metrics, "cameras"), camera);
}

static json_t *camera_metrics(const struct control *control, const char *camera)
{
	json_t *metrics = json_object(), *detectors = json_object();

	for (size_t i = 0; i < control->process_count; i++) {
		const struct process *process = &control->processes[i];
		const char *role = process->entry->section->role;
		if (!strcmp(role, "detector"))
			put_copy(detectors, process->entry->name, of_camera(process, camera));
		else if (strcmp(role, "camera"))
			put_copy(metrics, role, of_camera(process, camera));
		else if (!strcmp(process->entry->name, camera))
			put_copy(metrics, role, process->metrics);
	}
	json_object_set_new(metrics, "detectors", detectors);
	return metrics;
}

static json_t *camera_state(const struct control *control, const struct process *process)
{
	static const char *const verbs[] = {"capture", "preview", "save", "detect"};
	const char *camera = process->entry->name;
	json_t *state = json_object();

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		json_object_set_new(state, verbs[i], routes_state(control, camera, verbs[i]));
	if (process->settings)
		json_object_set(state, "settings", process->settings);
	json_object_set_new(state, "state", channel_string(process->state));
	json_object_set_new(state, "reason", channel_string(process->reason));
	json_object_set_new(state, "metrics", camera_metrics(control, camera));
	return state;
}

json_t *state_build(const struct control *control)
{
	json_t *state = json_object(), *cameras = json_object(), *processes = json_object();

	for (size_t i = 0; i < control->process_count; i++) {
		const struct process *process = &control->processes[i];
		if (!strcmp(process->entry->section->role, "camera"))
			json_object_set_new(cameras, process->entry->name, camera_state(control, process));
		json_object_set_new(processes, process->title, process_state(process));
	}
	json_object_set_new(state, "pid", json_integer(getpid()));
	json_object_set_new(state, "domain", channel_string(zoe_domain_path(control->domain)));
	metrics_put(state, "uptime", (double)(zoe_now_ns() - control->started_ns) / 1e9);
	json_object_set_new(state, "cameras", cameras);
	json_object_set_new(state, "processes", processes);
	return state;
}
