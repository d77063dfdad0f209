/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of the state and of our own metrics, as docs/protocol.md says. Alone, the state has our own part only. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "preview.h"

static json_t *state_camera_metrics(const struct preview_camera *camera, int64_t now_ns)
{
	json_t *json = json_pack("{s:I, s:I, s:I}", "viewers", (json_int_t)camera->viewers, "encoded",
	                         (json_int_t)camera->encoded, "drops", (json_int_t)camera->drops);
	if (!json)
		return NULL;
	metrics_put(json, "fps", metrics_per_second(&camera->rate, now_ns));
	metrics_put_ms(json, "taken_ms", &camera->taken);
	metrics_put_ms(json, "encode_ms", &camera->encode);
	metrics_put_ms(json, "send_ms", &camera->send);
	metrics_put_ms(json, "latency_ms", &camera->latency);
	metrics_put_ms(json, "result_age_ms", &camera->result_age);
	return json;
}

unsigned preview_viewers(const struct preview *preview)
{
	unsigned viewers = 0;
	for (size_t i = 0; i < preview->camera_count; i++)
		viewers += preview->cameras[i].viewers;
	return viewers;
}

json_t *state_metrics(struct preview *preview)
{
	int64_t now_ns = zoe_now_ns();
	json_t *cameras = json_object();
	for (size_t i = 0; i < preview->camera_count; i++)
		json_object_set_new(cameras, preview->cameras[i].name,
		                    state_camera_metrics(&preview->cameras[i], now_ns));
	return json_pack("{s:s, s:I, s:o}", "listen", preview->http.address, "viewers",
	                 (json_int_t)preview_viewers(preview), "cameras", cameras);
}

static json_t *state_own_switch(const struct preview_camera *camera)
{
	return json_pack("{s:b, s:b, s:s}", "wanted", (int)camera->on, "actual", (int)camera->on, "reason", "");
}

static json_t *state_own_camera(const struct preview_camera *camera)
{
	return json_pack("{s:o, s:s, s:s, s:{s:o}}", "preview", state_own_switch(camera), "state",
	                 camera->frames.subscription ? "streaming" : "off", "reason", camera->trouble, "metrics",
	                 "preview", state_camera_metrics(camera, zoe_now_ns()));
}

json_t *state_json(struct preview *preview)
{
	if (preview->system)
		return json_incref(preview->system);
	json_t *cameras = json_object();
	for (size_t i = 0; i < preview->camera_count; i++)
		json_object_set_new(cameras, preview->cameras[i].name, state_own_camera(&preview->cameras[i]));
	return json_pack("{s:I, s:s, s:f, s:o, s:{}}", "pid", (json_int_t)getpid(), "domain",
	                 zoe_domain_path(preview->role->domain), "uptime",
	                 (double)(zoe_now_ns() - preview->begin_ns) / 1e9, "cameras", cameras, "processes");
}

const json_t *state_known_camera(const struct preview *preview, const struct preview_camera *camera)
{
	return json_object_get(json_object_get(preview->system, "cameras"), camera->name);
}

json_t *state_camera(struct preview *preview, const struct preview_camera *camera)
{
	const json_t *known = state_known_camera(preview, camera);
	return known ? json_incref((json_t *)known) : state_own_camera(camera);
}

json_t *state_switch(struct preview *preview, const struct preview_camera *camera, const char *verb)
{
	json_t *known = json_object_get(state_known_camera(preview, camera), verb);
	if (known)
		return json_incref(known);
	return strcmp(verb, "preview") ? NULL : state_own_switch(camera);
}

void state_learn_switch(const struct preview_camera *camera, const char *verb, json_t *answer)
{
	const json_t *known = state_known_camera(camera->preview, camera);
	if (known)
		json_object_set((json_t *)known, verb, answer);
}

bool state_ready(const struct preview *preview, char *out, size_t room)
{
	json_t *processes = json_object_get(preview->system, "processes"), *process;
	const char *name;
	unsigned begin = 0;
	json_object_foreach(processes, name, process)
	{
		const char *state = json_string_value(json_object_get(process, "state"));
		begin += !state || !strcmp(state, "starting") || !strcmp(state, "restarting");
	}
	size_t count = json_object_size(processes);
	if (!preview->system)
		snprintf(out, room, "preview runs alone, or control has said nothing yet");
	else
		snprintf(out, room, "%u of %zu processes have not begun to work", begin, count);
	return preview->system && !begin;
}
