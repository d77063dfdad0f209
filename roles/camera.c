/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera role: one source, whose frames are published on the topic that has the camera's name. What the source does
 * is in camera_source.c; here are the switch, the state and the figures that control is told.
 */
#include "camera_source.h"
#include "common/role.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS     100
#define PATIENCE_NS 80000000 /* a switch answers within 100 ms, with what is known by then */

struct camera {
	struct role *role;
	const struct camera_config *config;
	struct source *source;
	struct camera_area crop, *masks;
	char shown[CAMERA_SHOWN_BYTES];
	uv_async_t news;
	uv_timer_t tick;
	unsigned open_handles;
	struct source_status status; /* as last looked at */
	uint64_t errors_said;
	char error_said[CAMERA_ERROR_BYTES];
	char mode_said[CAMERA_ERROR_BYTES];
};

/* Once for each size and format that comes, not for each time that the source is opened. */
static void say_mode(struct camera *camera)
{
	const struct camera_mode *mode = &camera->status.mode;
	char format[5], text[CAMERA_ERROR_BYTES];
	zoe_format_name(mode->image.format, format);
	snprintf(text, sizeof(text), "%s %ux%u, %g frames a second%s%s", format, mode->image.width, mode->image.height,
	         mode->fps, *mode->note ? "; " : "", mode->note);
	if (strcmp(text, camera->mode_said) != 0)
		role_info(camera->role, "%s: %s", camera->shown, text);
	memcpy(camera->mode_said, text, sizeof(text));
}

/* A camera that is away for a day says so once. */
static void say_error(struct camera *camera)
{
	const struct source_status *status = &camera->status;
	if (status->errors == camera->errors_said)
		return;
	camera->errors_said = status->errors;
	if (strcmp(status->error, camera->error_said) != 0)
		role_error(camera->role, "%s", status->error);
	memcpy(camera->error_said, status->error, sizeof(status->error));
}

static void on_news(uv_async_t *handle)
{
	struct camera *camera = handle->data;
	enum camera_phase before = camera->status.state.phase;
	if (!camera->source)
		return;
	source_look(camera->source, &camera->status);
	const struct camera_state *state = &camera->status.state;
	if (camera->status.mode.image.format)
		say_mode(camera);
	say_error(camera);
	if (camera->status.failed) {
		role_fail(camera->role);
		return;
	}
	if (state->phase == CAMERA_STREAMING)
		*camera->error_said = 0;
	if (state->phase == CAMERA_OFF && before != CAMERA_OFF && *state->reason)
		role_info(camera->role, "%s after %llu frames", state->reason,
		          (unsigned long long)camera->status.published);
	role_state(camera->role, camera_phase_name(state->phase), "%s", state->reason);
}

static void on_changed(void *user)
{
	struct camera *camera = user;
	uv_async_send(&camera->news);
}

static void on_tick(uv_timer_t *handle)
{
	struct camera *camera = handle->data;
	source_tick(camera->source);
}

static void camera_turn(struct role *role, const char *name, const char *verb, bool on, struct role_answer *answer)
{
	struct camera *camera = role->user;
	if (strcmp(verb, "capture") != 0) {
		snprintf(answer->reason, sizeof(answer->reason), "a camera has only the switch capture");
		return;
	}
	source_turn(camera->source, on, false, PATIENCE_NS);
	on_news(&camera->news);
	enum camera_phase phase = camera->status.state.phase;
	answer->actual = phase != CAMERA_OFF && phase != CAMERA_LOST && phase != CAMERA_RETRYING;
	snprintf(answer->reason, sizeof(answer->reason), "%s", camera->status.state.reason);
}

static json_t *camera_metrics(struct role *role)
{
	struct camera *camera = role->user;
	json_t *metrics = json_object();
	source_look(camera->source, &camera->status);
	const struct source_status *status = &camera->status;
	if (status->mode.image.format) {
		char format[5];
		zoe_format_name(status->mode.image.format, format);
		json_object_set_new(metrics, "format", json_string(format));
		json_object_set_new(metrics, "width", json_integer(status->mode.image.width));
		json_object_set_new(metrics, "height", json_integer(status->mode.image.height));
		metrics_put(metrics, "fps_wanted", status->mode.fps);
	}
	metrics_put(metrics, "fps", metrics_per_second(&status->rate, zoe_now_ns()));
	if (status->published)
		json_object_set_new(metrics, "sequence", json_integer((json_int_t)status->sequence));
	json_object_set_new(metrics, "published", json_integer((json_int_t)status->published));
	json_object_set_new(metrics, "drops", json_integer((json_int_t)status->drops));
	json_object_set_new(metrics, "stalls", json_integer((json_int_t)status->state.stalls));
	json_object_set_new(metrics, "losses", json_integer((json_int_t)status->state.losses));
	metrics_put_ms(metrics, "publish_ms", &status->delay);
	return metrics;
}

static int handles_open(struct camera *camera)
{
	uv_timer_init(camera->role->loop, &camera->tick);
	camera->tick.data = camera;
	camera->open_handles++;
	int status = uv_async_init(camera->role->loop, &camera->news, on_news);
	if (status < 0)
		return status;
	camera->news.data = camera;
	camera->open_handles++;
	return 0;
}

static int read_areas(struct camera *camera, char *error)
{
	const struct camera_config *config = camera->config;
	char why[CAMERA_ERROR_BYTES];
	const char *key = "crop";
	int status = *config->crop ? camera_area_read(config->crop, &camera->crop, why) : 0;
	camera->masks = calloc(config->mask.count + 1, sizeof(*camera->masks));
	if (!camera->masks)
		return -ENOMEM;
	for (size_t i = 0; i < config->mask.count && status == 0; i++) {
		key = "mask";
		status = camera_area_read(config->mask.items[i], &camera->masks[i], why);
	}
	if (status < 0)
		snprintf(error, CAMERA_ERROR_BYTES, "key '%s': %.480s", key, why);
	return status;
}

static int source_make(struct camera *camera, char *error)
{
	const struct camera_config *config = camera->config;
	struct source_options options = {.domain = camera->role->domain,
	                                 .topic = camera->role->name,
	                                 .request = {.uri = config->source,
	                                             .shown = camera->shown,
	                                             .width = (unsigned)config->width,
	                                             .height = (unsigned)config->height,
	                                             .fps = config->fps,
	                                             .loop = config->loop,
	                                             .format = camera_format_find(config->format),
	                                             .crop = camera->crop,
	                                             .masks = camera->masks,
	                                             .mask_count = (unsigned)config->mask.count,
	                                             .udp = strcmp(config->transport, "udp") == 0,
	                                             .decoder = config->decoder},
	                                 .buffers = (unsigned)config->buffers,
	                                 .changed = on_changed,
	                                 .user = camera};
	options.driver = camera_driver_find(config->source, &options.request.source, error);
	if (!options.driver)
		return -EINVAL;
	int status = handles_open(camera);
	if (status == 0)
		status = source_create(&options, &camera->source);
	if (status < 0)
		snprintf(error, CAMERA_ERROR_BYTES, "no thread for the camera: %s", strerror(-status));
	return status;
}

static int camera_open(struct role *role)
{
	char error[CAMERA_ERROR_BYTES] = "";
	struct camera *camera = calloc(1, sizeof(*camera));
	if (!camera) {
		role_error(role, "no memory");
		return -ENOMEM;
	}
	role->user = camera;
	*camera = (struct camera){.role = role, .config = role->options};
	camera_source_show(camera->config->source, camera->shown);
	int status = read_areas(camera, error);
	if (status == 0)
		status = source_make(camera, error);
	if (status < 0) {
		role_error(role, "%s", error);
		return status;
	}
	uv_timer_start(&camera->tick, on_tick, TICK_MS, TICK_MS);
	if (role_wanted(role, role->name, "capture"))
		source_turn(camera->source, true, true, 0);
	else
		role_state(role, "off", "%s", "");
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct camera *camera = handle->data;
	if (--camera->open_handles == 0)
		free(camera);
}

static void camera_close(struct role *role)
{
	struct camera *camera = role->user;
	if (!camera)
		return;
	role->user = NULL;
	if (source_destroy(camera->source))
		free(camera->masks);
	camera->source = NULL;
	unsigned handles = camera->open_handles;
	if (handles >= 2)
		uv_close((uv_handle_t *)&camera->news, on_closed);
	if (handles >= 1)
		uv_close((uv_handle_t *)&camera->tick, on_closed);
	else
		free(camera);
}

int main(int argc, char **argv)
{
	static const struct role_ops ops = {
	    .role = "camera",
	    .rows = camera_rows,
	    .options_bytes = sizeof(struct camera_config),
	    .open = camera_open,
	    .turn = camera_turn,
	    .metrics = camera_metrics,
	    .close = camera_close,
	};
	return role_main(argc, argv, &ops);
}
