/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder role: while `save` is on for a camera, every n-th frame becomes a still (recorder_still.c). If the disk
 * does not take it, the role says why, and tries again now and then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/role.h"
#include "drivers/encoder/encoder.h"
#include "feed.h"
#include "overlay.h"
#include "recorder.h"

#define RECORDER_RETRY_NS 2000000000

struct recorder_camera {
	struct recorder *recorder;
	const char *name;
	bool on; /* the switch */
	struct feed frames, detections;
	struct result_set results;
	struct still_folder folder;
	char trouble[STILL_ERROR_BYTES]; /* why nothing is saved, "" */
	int64_t retry_ns;                /* when to try again, while there is trouble */
	uint64_t saved, drops;
};

struct recorder {
	struct role *role;
	const struct save_config *config;
	struct recorder_camera *cameras;
	size_t camera_count;
	void *encoder;
	struct converter *converter;
	struct overlay_canvas canvas; /* for date and time */
};

static void recorder_say_state(struct recorder *recorder)
{
	bool on = false;
	for (size_t i = 0; i < recorder->camera_count; i++) {
		on = on || recorder->cameras[i].on;
		if (!recorder->cameras[i].on || !recorder->cameras[i].trouble[0])
			continue;
		role_state(recorder->role, "retrying", "%s", recorder->cameras[i].trouble);
		return;
	}
	role_state(recorder->role, on ? "streaming" : "off", "%s", "");
}

/* Trouble begins, goes on or ends ("" as error). Said once. */
static void recorder_trouble(struct recorder_camera *camera, const char *error)
{
	bool changed = strcmp(camera->trouble, error) != 0;
	snprintf(camera->trouble, sizeof(camera->trouble), "%s", error);
	camera->retry_ns = zoe_now_ns() + RECORDER_RETRY_NS;
	if (error[0])
		still_folder_close(&camera->folder);
	if (!changed)
		return;
	if (error[0])
		role_error(camera->recorder->role, "%s", error);
	recorder_say_state(camera->recorder);
}

static int recorder_prepare(struct recorder_camera *camera)
{
	char error[STILL_ERROR_BYTES] = "";
	int status = camera->folder.fd >= 0
	                 ? 0
	                 : still_folder_open(&camera->folder, camera->recorder->config->folder, camera->name, error);
	if (status < 0)
		recorder_trouble(camera, error);
	return status;
}

static int recorder_encode(struct recorder *recorder, const struct zoe_frame *frame, const unsigned char **out_jpeg,
                           size_t *out_size, char *error)
{
	struct overlay_canvas *canvas = &recorder->canvas;
	if (!recorder->config->timestamp)
		return encoder_jpeg.encode(recorder->encoder, &frame->image, frame->data, frame->size, out_jpeg,
		                           out_size, error);
	int status = overlay_copy(canvas, recorder->converter, frame, frame->image.width, frame->image.height);
	if (status < 0) {
		snprintf(error, ENCODER_ERROR_BYTES, "cannot draw into this picture: %s", strerror(-status));
		return status;
	}
	overlay_clock(canvas, frame->capture_ns);
	return encoder_jpeg.encode(recorder->encoder, &canvas->image, canvas->rgb, overlay_size(canvas), out_jpeg,
	                           out_size, error);
}

static void recorder_save(struct recorder_camera *camera, const struct zoe_frame *frame)
{
	struct recorder *recorder = camera->recorder;
	if (camera->trouble[0] && zoe_now_ns() < camera->retry_ns) {
		camera->drops++;
		return;
	}
	char error[STILL_ERROR_BYTES > ENCODER_ERROR_BYTES ? STILL_ERROR_BYTES : ENCODER_ERROR_BYTES] = "";
	struct still still = {.camera = camera->name, .frame = frame, .results = &camera->results};
	const unsigned char *jpeg;
	int status = recorder_prepare(camera);
	if (status < 0) {
		camera->drops++;
		return;
	}
	status = recorder_encode(recorder, frame, &jpeg, &still.jpeg_size, error);
	still.jpeg = jpeg;
	if (!status)
		status = still_write(&camera->folder, &still, error);
	recorder_trouble(camera, error);
	if (status < 0)
		camera->drops++;
	else
		camera->saved++;
}

/* How many of the frames that were overrun before this one should have been saved? */
static uint64_t recorder_missed(const struct zoe_frame *frame, uint64_t every)
{
	uint64_t first = frame->seq - frame->lost; /* the oldest lost one */
	uint64_t before = first ? (first - 1) / every + 1 : 0;
	uint64_t until = frame->seq ? (frame->seq - 1) / every + 1 : 0;
	return until - before;
}

static void recorder_frames_ready(struct feed *feed)
{
	struct recorder_camera *camera = feed->user;
	uint64_t every = (uint64_t)camera->recorder->config->every;
	struct zoe_frame frame;
	if (feed_take(feed, &frame) < 0)
		return;
	if (frame.lost && frame.lost <= frame.seq)
		camera->drops += recorder_missed(&frame, every);
	if (frame.image.format != ZOE_FORMAT_NONE && frame.seq % every == 0)
		recorder_save(camera, &frame);
	feed_release(feed, &frame);
}

static void recorder_detections_ready(struct feed *feed)
{
	struct recorder_camera *camera = feed->user;
	struct zoe_frame frame;
	while (feed_take(feed, &frame) == 0) {
		const struct result *result;
		result_set_add(&camera->results, &frame, &result);
		feed_release(feed, &frame);
	}
}

static void recorder_switch(struct recorder_camera *camera, bool on)
{
	camera->on = on;
	feed_want(&camera->detections, on);
	feed_want(&camera->frames, on);
	if (on) {
		camera->retry_ns = 0;
		if (recorder_prepare(camera) == 0)
			recorder_trouble(camera, "");
	} else {
		still_folder_close(&camera->folder);
		camera->trouble[0] = 0;
	}
	recorder_say_state(camera->recorder);
}

static int recorder_open_camera(struct recorder *recorder, struct recorder_camera *camera, const char *name)
{
	*camera = (struct recorder_camera){.recorder = recorder, .name = name, .folder.fd = -1};
	int status = feed_init(&camera->frames, recorder->role, name, "", recorder_frames_ready, camera);
	if (!status)
		status = feed_init(&camera->detections, recorder->role, name, "/detections", recorder_detections_ready,
		                   camera);
	return status;
}

static void recorder_close(struct role *role)
{
	struct recorder *recorder = role->user;
	if (!recorder)
		return;
	role->user = NULL;
	for (size_t i = 0; i < recorder->camera_count; i++) {
		struct recorder_camera *camera = &recorder->cameras[i];
		feed_finish(&camera->frames);
		feed_finish(&camera->detections);
		result_set_finish(&camera->results);
		still_folder_close(&camera->folder);
	}
	free(recorder->cameras);
	encoder_jpeg.close(recorder->encoder);
	converter_destroy(recorder->converter);
	overlay_finish(&recorder->canvas);
	free(recorder);
}

static int recorder_open(struct role *role)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	if (!recorder)
		return -ENOMEM;
	role->user = recorder;
	*recorder = (struct recorder){.role = role, .config = role->options};
	const struct option_list *names = &recorder->config->cameras;
	recorder->cameras = calloc(names->count ? names->count : 1, sizeof(*recorder->cameras));
	int status =
	    recorder->cameras ? encoder_jpeg.open((int)recorder->config->quality, &recorder->encoder) : -ENOMEM;
	if (!status)
		status = converter_create(&recorder->converter);
	for (size_t i = 0; i < names->count && !status; i++) {
		status = recorder_open_camera(recorder, &recorder->cameras[i], names->items[i]);
		recorder->camera_count++;
	}
	if (status < 0) {
		role_error(role, "recorder could not start: %s", strerror(-status));
		return status;
	}
	for (size_t i = 0; i < recorder->camera_count; i++)
		recorder_switch(&recorder->cameras[i], role_wanted(role, recorder->cameras[i].name, "save"));
	recorder_say_state(recorder);
	return 0;
}

static void recorder_turn(struct role *role, const char *name, const char *verb, bool on, struct role_answer *answer)
{
	struct recorder *recorder = role->user;
	for (size_t i = 0; i < recorder->camera_count; i++) {
		struct recorder_camera *camera = &recorder->cameras[i];
		if (strcmp(camera->name, name) != 0)
			continue;
		recorder_switch(camera, on);
		answer->actual = camera->on && !camera->trouble[0];
		snprintf(answer->reason, sizeof(answer->reason), "%s", camera->trouble);
		role_changed(role);
		return;
	}
	snprintf(answer->reason, sizeof(answer->reason), "recorder has no camera %s", name);
}

static json_t *recorder_metrics(struct role *role)
{
	struct recorder *recorder = role->user;
	if (!recorder)
		return NULL;
	json_t *cameras = json_object();
	for (size_t i = 0; i < recorder->camera_count; i++) {
		const struct recorder_camera *camera = &recorder->cameras[i];
		json_object_set_new(cameras, camera->name,
		                    json_pack("{s:I, s:I, s:s}", "saved", (json_int_t)camera->saved, "drops",
		                              (json_int_t)camera->drops, "folder", recorder->config->folder));
	}
	return json_pack("{s:o}", "cameras", cameras);
}

static const struct role_ops recorder_ops = {
    .role = "recorder",
    .rows = save_rows,
    .options_bytes = sizeof(struct save_config),
    .open = recorder_open,
    .turn = recorder_turn,
    .metrics = recorder_metrics,
    .close = recorder_close,
};

int main(int argc, char **argv)
{
	return role_main(argc, argv, &recorder_ops);
}
