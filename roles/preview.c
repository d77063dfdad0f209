/* SPDX-License-Identifier: Apache-2.0 */
/* The preview role: pictures, results and state over HTTP. How its parts are laid out is in preview.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "convert/convert.h"
#include "preview.h"

static void preview_say_state(struct preview *preview)
{
	for (size_t i = 0; i < preview->camera_count; i++) {
		if (!preview->cameras[i].on)
			continue;
		role_state(preview->role, "streaming", "%s", "");
		return;
	}
	if (preview->camera_count)
		role_state(preview->role, "off", "preview is off for every camera");
	else
		role_state(preview->role, "streaming", "there is no camera");
}

/* Alone, nobody sends a state: listeners get our own. */
static void preview_second(uv_timer_t *timer)
{
	struct preview *preview = timer->data;
	if (preview->system || !preview->events.listeners)
		return;
	json_t *state = state_json(preview);
	events_send(preview, "state", state);
	json_decref(state);
}

static int preview_open_cameras(struct preview *preview)
{
	const struct option_list *names = &preview->config->cameras;
	preview->cameras = calloc(names->count ? names->count : 1, sizeof(*preview->cameras));
	if (!preview->cameras)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		preview->camera_count++;
		int status = camera_open(&preview->cameras[i], preview, names->items[i]);
		if (status < 0)
			return status;
	}
	return 0;
}

static void preview_free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void preview_close(struct role *role)
{
	struct preview *preview = role->user;
	if (!preview)
		return;
	role->user = NULL;
	http_close(preview);
	for (size_t i = 0; i < preview->camera_count; i++)
		camera_close(&preview->cameras[i]);
	free(preview->cameras);
	events_finish(preview);
	converter_destroy(preview->converter);
	json_decref(preview->system);
	if (preview->second)
		uv_close((uv_handle_t *)preview->second, preview_free_handle);
	free(preview);
}

static int preview_open(struct role *role)
{
	struct preview *preview = calloc(1, sizeof(*preview));
	if (!preview) {
		role_error(role, "no memory");
		return -ENOMEM;
	}
	role->user = preview;
	*preview =
	    (struct preview){.role = role, .config = role->options, .http.listen_fd = -1, .begin_ns = zoe_now_ns()};
	signal(SIGPIPE, SIG_IGN);
	int status = converter_create(&preview->converter);
	if (!status)
		status = preview_open_cameras(preview);
	if (!status && !(preview->second = calloc(1, sizeof(*preview->second))))
		status = -ENOMEM;
	if (status < 0) {
		role_error(role, "preview could not start: no memory");
		return status;
	}
	uv_timer_init(role->loop, preview->second);
	preview->second->data = preview;
	uv_timer_start(preview->second, preview_second, 1000, 1000);
	status = http_open(preview);
	if (status < 0)
		return status;
	role_info(role, "listening on http://%s/", preview->http.address);
	preview_say_state(preview);
	return 0;
}

static void preview_turn(struct role *role, const char *name, const char *verb, bool on, struct role_answer *answer)
{
	struct preview *preview = role->user;
	struct preview_camera *camera = camera_find(preview, name);
	if (!camera) {
		snprintf(answer->reason, sizeof(answer->reason), "preview has no camera %s", name);
		return;
	}
	camera_turn(camera, on);
	answer->actual = camera->on;
	preview_say_state(preview);
	role_changed(role);
}

static json_t *preview_metrics(struct role *role)
{
	return role->user ? state_metrics(role->user) : NULL;
}

static void preview_system(struct role *role, const json_t *state)
{
	struct preview *preview = role->user;
	if (!preview)
		return;
	json_decref(preview->system);
	preview->system = json_deep_copy(state);
	for (size_t i = 0; i < preview->camera_count; i++) {
		camera_update(&preview->cameras[i]); /* it may send JPEG now, or no more */
		camera_look_away(&preview->cameras[i], preview->system);
	}
	events_send(preview, "state", state);
}

static const struct role_ops preview_ops = {
    .role = "preview",
    .rows = preview_rows,
    .options_bytes = sizeof(struct preview_config),
    .open = preview_open,
    .turn = preview_turn,
    .metrics = preview_metrics,
    .system = preview_system,
    .close = preview_close,
};

int main(int argc, char **argv)
{
	return role_main(argc, argv, &preview_ops);
}
