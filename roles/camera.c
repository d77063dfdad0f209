/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera role: a source, whose frames are published on the topic that has the camera's name, and perhaps a second
 * one for detectors, on CAMERA/detect. What a source does is in camera_source.c; here are the switch, the state and the
 * figures that control is told. The camera's state is that of its first source.
 */
#include "camera_derived.h"
#include "camera_settings.h"
#include "camera_source.h"
#include "common/role.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS     100
#define PATIENCE_NS 80000000 /* a switch answers within 100 ms, with what is known by then */
#define STREAMS     2

/* A source, and what was said of it. */
struct stream {
	struct source *source; /* NULL: there is none */
	char topic[ZOE_TOPIC_NAME_MAX + 1];
	const char *prefix; /* of its errors: which key of the configuration is meant, if it is not source */
	char shown[CAMERA_SHOWN_BYTES];
	struct source_status status; /* as last looked at */
	uint64_t errors_said;
	char error_said[CAMERA_ERROR_BYTES];
	char mode_said[CAMERA_ERROR_BYTES];
};

struct camera {
	struct role *role;
	const struct camera_config *config;
	struct stream streams[STREAMS]; /* the camera's own; the one for detectors */
	struct area crop, *masks;
	struct camera_derived *derived[DERIVED_KINDS];
	struct camera_settings *settings;
	uv_async_t news;
	uv_timer_t tick;
	unsigned open_handles;
	bool tried; /* the second source, if there is one */
};

/* ---- what is said ----------------------------------------------------------------------------------------------- */

/* Once for each size and format that comes, not for each time that the source is opened. */
static void say_mode(struct role *role, struct stream *stream)
{
	const struct camera_mode *mode = &stream->status.mode;
	char format[5], text[CAMERA_ERROR_BYTES];
	if (!mode->image.format)
		return;
	zoe_format_name(mode->image.format, format);
	snprintf(text, sizeof(text), "%s %ux%u, %g frames a second%s%s", format, mode->image.width, mode->image.height,
	         mode->fps, *mode->note ? "; " : "", mode->note);
	if (strcmp(text, stream->mode_said) != 0)
		role_info(role, "%s: %s", stream->shown, text);
	memcpy(stream->mode_said, text, sizeof(text));
}

/* A camera that is away for a day says so once. */
static void say_error(struct role *role, struct stream *stream)
{
	const struct source_status *status = &stream->status;
	if (status->state.phase == CAMERA_STREAMING)
		*stream->error_said = 0;
	if (status->errors == stream->errors_said)
		return;
	stream->errors_said = status->errors;
	if (strcmp(status->error, stream->error_said) != 0)
		role_error(role, "%s%s", stream->prefix, status->error);
	memcpy(stream->error_said, status->error, sizeof(status->error));
}

static void look(struct role *role, struct stream *stream)
{
	enum camera_phase before = stream->status.state.phase;
	if (!stream->source)
		return;
	source_look(stream->source, &stream->status);
	const struct camera_state *state = &stream->status.state;
	say_mode(role, stream);
	say_error(role, stream);
	if (state->phase == CAMERA_OFF && before != CAMERA_OFF && *state->reason)
		role_info(role, "%s after %llu frames", state->reason, (unsigned long long)stream->status.captured);
	if (stream->status.failed)
		role_fail(role);
}

/*
 * The first source's state; of the second one only what is wrong. Nothing is told until the second one, too, was tried
 * once: one that can never work must end the program as the first one does, and for control a camera of which it has
 * heard more than that it starts is one that works.
 */
static void tell_state(struct camera *camera)
{
	const struct camera_state *state = &camera->streams[0].status.state;
	const struct camera_state *second = &camera->streams[1].status.state;
	const char *reason = state->reason;
	char text[CAMERA_REASON_BYTES];
	camera->tried |= !camera->streams[1].source || second->phase != CAMERA_STARTING;
	if (!camera->tried)
		return;
	if (camera->streams[1].source && !*reason && *second->reason) {
		snprintf(text, sizeof(text), "%s%.230s", camera->streams[1].prefix, second->reason);
		reason = text;
	}
	role_state(camera->role, camera_phase_name(state->phase), "%s", reason);
}

static void on_news(uv_async_t *handle)
{
	struct camera *camera = handle->data;
	if (!camera->streams[0].source)
		return;
	for (int i = 0; i < STREAMS; i++)
		look(camera->role, &camera->streams[i]);
	if (!camera->streams[0].status.failed && !camera->streams[1].status.failed)
		tell_state(camera);
	camera_settings_tick(camera->settings);
}

static void on_changed(void *user)
{
	struct camera *camera = user;
	uv_async_send(&camera->news);
}

static void on_tick(uv_timer_t *handle)
{
	struct camera *camera = handle->data;
	for (int i = 0; i < STREAMS; i++)
		if (camera->streams[i].source)
			source_tick(camera->streams[i].source);
	for (int i = 0; i < DERIVED_KINDS; i++)
		camera_derived_tick(camera->derived[i]);
	camera_settings_tick(camera->settings);
}

/* ---- what control wants ----------------------------------------------------------------------------------------- */

static void camera_turn(struct role *role, const char *name, const char *verb, bool on, struct role_answer *answer)
{
	struct camera *camera = role->user;
	if (strcmp(verb, "capture") != 0) {
		snprintf(answer->reason, sizeof(answer->reason), "a camera has only the switch capture");
		return;
	}
	if (camera->streams[1].source)
		source_turn(camera->streams[1].source, on, false, 0);
	source_turn(camera->streams[0].source, on, false, PATIENCE_NS);
	on_news(&camera->news);
	const struct camera_state *state = &camera->streams[0].status.state;
	answer->actual = state->phase != CAMERA_OFF && state->phase != CAMERA_LOST && state->phase != CAMERA_RETRYING;
	snprintf(answer->reason, sizeof(answer->reason), "%s", state->reason);
}

static void camera_set(struct role *role, const char *name, const json_t *wanted, json_int_t id)
{
	struct camera *camera = role->user;
	camera_settings_set(camera->settings, wanted, id);
}

static void put_counts(json_t *metrics, const struct camera_counts *counts)
{
	json_object_set_new(metrics, "device_lost", json_integer((json_int_t)counts->lost));
	json_object_set_new(metrics, "device_damaged", json_integer((json_int_t)counts->damaged));
	json_object_set_new(metrics, "in_place", json_integer((json_int_t)counts->in_place));
	json_object_set_new(metrics, "copied", json_integer((json_int_t)counts->copied));
}

static json_t *stream_metrics(struct stream *stream)
{
	json_t *metrics = json_object();
	source_look(stream->source, &stream->status);
	const struct source_status *status = &stream->status;
	if (status->mode.image.format) {
		char format[5];
		zoe_format_name(status->mode.image.format, format);
		json_object_set_new(metrics, "format", json_string(format));
		json_object_set_new(metrics, "width", json_integer(status->mode.image.width));
		json_object_set_new(metrics, "height", json_integer(status->mode.image.height));
		metrics_put(metrics, "fps_wanted", status->mode.fps);
	}
	if (status->mode.jpeg)
		json_object_set_new(metrics, "jpeg", json_true());
	metrics_put(metrics, "fps", metrics_per_second(&status->rate, zoe_now_ns()));
	json_object_set_new(metrics, "captured", json_integer((json_int_t)status->captured));
	if (status->published)
		json_object_set_new(metrics, "sequence", json_integer((json_int_t)status->sequence));
	json_object_set_new(metrics, "published", json_integer((json_int_t)status->published));
	json_object_set_new(metrics, "drops", json_integer((json_int_t)status->drops));
	if (status->mode.counted)
		put_counts(metrics, &status->counts);
	json_object_set_new(metrics, "stalls", json_integer((json_int_t)status->state.stalls));
	json_object_set_new(metrics, "losses", json_integer((json_int_t)status->state.losses));
	metrics_put_ms(metrics, "publish_ms", &status->delay);
	return metrics;
}

static json_t *camera_metrics(struct role *role)
{
	struct camera *camera = role->user;
	json_t *metrics = stream_metrics(&camera->streams[0]);
	if (camera->streams[1].source)
		json_object_set_new(metrics, "detect", stream_metrics(&camera->streams[1]));
	return metrics;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------ */

static int handles_open(struct camera *camera, char *error)
{
	uv_timer_init(camera->role->loop, &camera->tick);
	camera->tick.data = camera;
	camera->open_handles++;
	int status = uv_async_init(camera->role->loop, &camera->news, on_news);
	if (status < 0) {
		snprintf(error, CAMERA_ERROR_BYTES, "no event for the camera's thread: %s", uv_strerror(status));
		return status;
	}
	camera->news.data = camera;
	camera->open_handles++;
	return 0;
}

static int read_areas(struct camera *camera, char *error)
{
	const struct camera_config *config = camera->config;
	char why[CAMERA_ERROR_BYTES] = "no memory";
	const char *key = "crop";
	int status = *config->crop ? area_read(config->crop, &camera->crop, why) : 0;
	camera->masks = calloc(config->mask.count + 1, sizeof(*camera->masks));
	if (!camera->masks)
		status = -ENOMEM;
	for (size_t i = 0; i < config->mask.count && status == 0; i++) {
		key = "mask";
		status = area_read(config->mask.items[i], &camera->masks[i], why);
	}
	if (status < 0)
		snprintf(error, CAMERA_ERROR_BYTES, "key '%s': %.480s", key, why);
	return status;
}

/* own: size, rate and format are those of the camera's first source, and not wanted of the second. */
static int stream_open(struct camera *camera, struct stream *stream, const char *uri, bool own, char *error)
{
	const struct camera_config *config = camera->config;
	struct source_options options = {.domain = camera->role->domain,
	                                 .topic = stream->topic,
	                                 .request = {.uri = uri,
	                                             .shown = stream->shown,
	                                             .loop = config->loop,
	                                             .crop = camera->crop,
	                                             .masks = camera->masks,
	                                             .mask_count = (unsigned)config->mask.count,
	                                             .udp = strcmp(config->transport, "udp") == 0,
	                                             .decoder = config->decoder},
	                                 .buffers = (unsigned)config->buffers,
	                                 .changed = on_changed,
	                                 .user = camera};
	if (own) {
		options.request.width = (unsigned)config->width;
		options.request.height = (unsigned)config->height;
		options.request.fps = config->fps;
		options.request.format = camera_format_find(config->format);
	}
	stream->prefix = own ? "" : "detect_source: ";
	snprintf(stream->topic, sizeof(stream->topic), "%s%s", camera->role->name, own ? "" : "/detect");
	camera_source_show(uri, stream->shown);
	options.driver = camera_driver_find(uri, &options.request.source, error);
	if (!options.driver)
		return -EINVAL;
	int status = source_create(&options, &stream->source);
	if (status < 0)
		snprintf(error, CAMERA_ERROR_BYTES, "no thread for the camera: %s", strerror(-status));
	else if (own)
		status = camera_settings_create(camera->role, stream->source, options.driver, &options.request, config,
		                                &camera->settings, error);
	return status;
}

static int camera_open(struct role *role)
{
	const struct camera_config *config = role->options;
	char error[CAMERA_ERROR_BYTES] = "no memory";
	struct camera *camera = role->user = calloc(1, sizeof(*camera));
	int status = camera ? 0 : -ENOMEM;
	if (camera) {
		*camera = (struct camera){.role = role, .config = config};
		status = handles_open(camera, error);
	}
	if (status == 0)
		status = read_areas(camera, error);
	if (status == 0)
		status = stream_open(camera, &camera->streams[0], config->source, true, error);
	if (status == 0 && *config->detect_source) {
		char why[CAMERA_ERROR_BYTES];
		status = stream_open(camera, &camera->streams[1], config->detect_source, false, why);
		if (status < 0)
			snprintf(error, sizeof(error), "%s%.480s", camera->streams[1].prefix, why);
	}
	for (int i = 0; i < DERIVED_KINDS && status == 0; i++) {
		status = camera_derived_create(role, (enum derived_kind)i, &camera->derived[i]);
		snprintf(error, sizeof(error), "%s", status == -ENOMEM ? "no memory" : zoe_error());
	}
	if (status < 0) {
		role_error(role, "%s", error);
		return status;
	}
	uv_timer_start(&camera->tick, on_tick, TICK_MS, TICK_MS);
	bool on = role_wanted(role, role->name, "capture");
	for (int i = 0; i < STREAMS && on; i++)
		if (camera->streams[i].source)
			source_turn(camera->streams[i].source, true, true, 0);
	if (!on)
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
	bool ended = true;
	for (int i = 0; i < DERIVED_KINDS; i++)
		camera_derived_destroy(camera->derived[i]);
	camera_settings_destroy(camera->settings);
	camera->settings = NULL;
	for (int i = 0; i < STREAMS; i++) {
		ended &= source_destroy(camera->streams[i].source);
		camera->streams[i].source = NULL;
	}
	if (ended)
		free(camera->masks);
	if (camera->open_handles >= 2)
		uv_close((uv_handle_t *)&camera->news, on_closed);
	uv_close((uv_handle_t *)&camera->tick, on_closed);
}

int main(int argc, char **argv)
{
	static const struct role_ops ops = {
	    .role = "camera",
	    .rows = camera_rows,
	    .options_bytes = sizeof(struct camera_config),
	    .open = camera_open,
	    .turn = camera_turn,
	    .set = camera_set,
	    .metrics = camera_metrics,
	    .close = camera_close,
	};
	return role_main(argc, argv, &ops);
}
