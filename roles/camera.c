/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera role: opens a source through a driver, publishes its frames on the topic that has the camera's name, each
 * at the moment it is due, and closes the source when capture is switched off. A timer descriptor with absolute times
 * wakes the loop for each frame; between two frames the driver makes the next one ready.
 */
#include "common/metrics.h"
#include "common/role.h"
#include "drivers/camera/camera_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define DEPTH_MAX      16
#define DEPTH_MIN      4
#define KEPT_BYTES     (64u << 20)
#define RETRY_FIRST_MS 500
#define RETRY_LAST_MS  5000

struct camera {
	struct role *role;
	const struct camera_config *config;
	const struct camera_driver *driver;
	struct camera_request request;
	void *state; /* the driver's; NULL = the source is closed */
	struct camera_mode mode;
	struct camera_pace pace;
	int64_t due_ns;                  /* of the frame that is ready */
	struct zoe_publisher *publisher; /* stays while capture is off, so that subscribers keep their topic */
	size_t slot_bytes;               /* that publisher was opened with */

	int timer_fd;
	uv_poll_t timer; /* readable when a frame is due */
	uv_timer_t retry;
	uint64_t retry_ms;
	unsigned open_handles;

	uint64_t published, sequence, drops; /* drops: without those of the present pace */
	struct metrics_rate rate;
	struct metrics_window delay;
};

static void timer_arm(struct camera *camera, int64_t due_ns)
{
	struct itimerspec at = {.it_value = {.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000}};
	timerfd_settime(camera->timer_fd, TFD_TIMER_ABSTIME, &at, NULL); /* a time in the past fires at once; 0 never */
}

/* Close the source. What was loaned goes back; the topic stays. */
static void source_close(struct camera *camera)
{
	if (!camera->state)
		return;
	timer_arm(camera, 0);
	camera->driver->close(camera->state);
	camera->state = NULL;
	camera->drops += camera->pace.dropped;
	camera->pace.dropped = 0;
}

static void retry_later(struct camera *camera, const char *reason);

/* Have the driver make the next frame ready, and wake up for it. */
static void frame_prepare(struct camera *camera)
{
	char error[CAMERA_ERROR_BYTES] = "";
	int status = camera->driver->next(camera->state, &camera->pace, &camera->due_ns, error);
	if (status == 0) {
		timer_arm(camera, camera->due_ns);
		return;
	}
	source_close(camera);
	if (status == -ENODATA) {
		role_state(camera->role, "off", "end of file");
		role_info(camera->role, "end of file after %llu frames", (unsigned long long)camera->published);
		return;
	}
	role_error(camera->role, "%s", error);
	retry_later(camera, error);
}

/*
 * The frame could not be delivered. Memory or slots may come back, so the camera goes on; but a camera that never got a
 * frame out is set up wrong. Returns whether to go on.
 */
static bool frame_lost(struct camera *camera, int status)
{
	const char *reason =
	    status == -EINVAL ? "a frame cannot be converted to the size and format of the first" : zoe_error();
	bool passing = status == -ENOBUFS || status == -EINVAL ||
	               ((status == -ENOSPC || status == -ENOMEM) && camera->published > 0);
	camera->drops++;
	if (passing) {
		role_state(camera->role, "stalled", "%s", reason);
		return true;
	}
	role_error(camera->role, "%s", reason);
	role_fail(camera->role);
	return false;
}

static void on_due(uv_poll_t *handle, int status, int events)
{
	struct camera *camera = handle->data;
	uint64_t expired;
	if (read(camera->timer_fd, &expired, sizeof(expired)) < 0 || !camera->state)
		return; /* it was armed anew meanwhile */
	uint64_t sequence;
	int published = camera->driver->publish(camera->state, camera->due_ns, &sequence);
	if (published == 0) {
		int64_t now = zoe_now_ns();
		camera->published++;
		camera->sequence = sequence;
		camera->retry_ms = RETRY_FIRST_MS;
		metrics_event(&camera->rate, now);
		metrics_add(&camera->delay, now - camera->due_ns);
		role_state(camera->role, "streaming", "%s", "");
	} else if (!frame_lost(camera, published)) {
		return;
	}
	frame_prepare(camera);
}

/* Frames kept for readers: half a second at 30 a second, so that a preview that is held up loses none; fewer if they are huge. */
static unsigned depth_for(size_t slot_bytes)
{
	size_t fit = KEPT_BYTES / slot_bytes;

	return fit > DEPTH_MAX ? DEPTH_MAX : fit < DEPTH_MIN ? DEPTH_MIN : (unsigned)fit;
}

/* The publisher, with slots of the size that the source needs. The old one leaves last, so that the sequence goes on. */
static int publisher_open(struct camera *camera, char *error)
{
	const struct camera_mode *mode = &camera->mode;
	if (camera->publisher && camera->slot_bytes >= mode->slot_bytes)
		return 0;
	struct zoe_topic_options options = {.slot_bytes = mode->slot_bytes,
	                                    .depth = depth_for(mode->slot_bytes),
	                                    .loans = mode->loans,
	                                    .keeps = mode->keeps};
	struct zoe_publisher *publisher;
	int status = zoe_publisher_open(camera->role->domain, camera->role->name, &options, &publisher);
	if (status < 0) {
		snprintf(error, CAMERA_ERROR_BYTES, "%s", zoe_error());
		return status;
	}
	zoe_publisher_close(camera->publisher);
	camera->publisher = publisher;
	camera->slot_bytes = mode->slot_bytes;
	return 0;
}

static void tell_mode(struct camera *camera)
{
	const struct camera_mode *mode = &camera->mode;
	char format[5];
	zoe_format_name(mode->image.format, format);
	role_info(camera->role, "%s: %s %ux%u, %g frames a second%s%s", camera->config->source, format,
	          mode->image.width, mode->image.height, mode->fps, *mode->note ? "; " : "", mode->note);
}

/* Open the source and begin. Returns 0 | -errno with a sentence; then everything is closed as before. */
static int source_open(struct camera *camera, char *error)
{
	struct camera_mode mode = {0};
	int status = camera->driver->open(&camera->request, &mode, &camera->state, error);
	if (status < 0)
		return status;
	if (memcmp(&mode, &camera->mode, sizeof(mode)) != 0) {
		camera->mode = mode;
		tell_mode(camera);
	}
	status = publisher_open(camera, error);
	if (status < 0) {
		camera->driver->close(camera->state);
		camera->state = NULL;
		return status;
	}
	camera->driver->attach(camera->state, camera->publisher);
	camera->pace = (struct camera_pace){.start_ns = zoe_now_ns(), .period_ns = (int64_t)(1e9 / mode.fps)};
	role_state(camera->role, "streaming", "%s", "");
	frame_prepare(camera);
	return 0;
}

static void on_retry(uv_timer_t *handle)
{
	struct camera *camera = handle->data;
	char error[CAMERA_ERROR_BYTES] = "";
	if (!camera->state && source_open(camera, error) < 0)
		retry_later(camera, error);
}

/* The source is lost, or does not come. Each time in a row it takes twice as long, up to 5 s. */
static void retry_later(struct camera *camera, const char *reason)
{
	role_state(camera->role, "retrying", "%s", reason);
	uv_timer_start(&camera->retry, on_retry, camera->retry_ms, 0);
	camera->retry_ms = camera->retry_ms * 2 < RETRY_LAST_MS ? camera->retry_ms * 2 : RETRY_LAST_MS;
}

static void capture_off(struct camera *camera)
{
	uv_timer_stop(&camera->retry);
	source_close(camera);
	role_state(camera->role, "off", "%s", "");
}

static void camera_turn(struct role *role, const char *name, const char *verb, bool on, struct role_answer *answer)
{
	struct camera *camera = role->user;
	char error[CAMERA_ERROR_BYTES] = "";
	if (strcmp(verb, "capture") != 0) {
		snprintf(answer->reason, sizeof(answer->reason), "a camera has only the switch capture");
		return;
	}
	if (!on) {
		capture_off(camera);
	} else if (!camera->state) {
		uv_timer_stop(&camera->retry);
		camera->retry_ms = RETRY_FIRST_MS;
		if (source_open(camera, error) < 0)
			retry_later(camera, error);
	}
	answer->actual = camera->state != NULL;
	snprintf(answer->reason, sizeof(answer->reason), "%.*s", (int)sizeof(answer->reason) - 1, error);
}

static json_t *camera_metrics(struct role *role)
{
	struct camera *camera = role->user;
	json_t *metrics = json_object();
	if (camera->mode.image.format) {
		char format[5];
		zoe_format_name(camera->mode.image.format, format);
		json_object_set_new(metrics, "format", json_string(format));
		json_object_set_new(metrics, "width", json_integer(camera->mode.image.width));
		json_object_set_new(metrics, "height", json_integer(camera->mode.image.height));
		metrics_put(metrics, "fps_wanted", camera->mode.fps);
	}
	metrics_put(metrics, "fps", metrics_per_second(&camera->rate, zoe_now_ns()));
	if (camera->published)
		json_object_set_new(metrics, "sequence", json_integer((json_int_t)camera->sequence));
	json_object_set_new(metrics, "published", json_integer((json_int_t)camera->published));
	json_object_set_new(metrics, "drops", json_integer((json_int_t)(camera->drops + camera->pace.dropped)));
	metrics_put_ms(metrics, "publish_ms", &camera->delay);
	return metrics;
}

static int handles_open(struct camera *camera)
{
	camera->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (camera->timer_fd < 0)
		return -errno;
	uv_timer_init(camera->role->loop, &camera->retry);
	camera->retry.data = camera;
	camera->open_handles++;
	int status = uv_poll_init(camera->role->loop, &camera->timer, camera->timer_fd);
	if (status < 0)
		return status;
	camera->timer.data = camera;
	camera->open_handles++;
	return uv_poll_start(&camera->timer, UV_READABLE, on_due);
}

static int camera_open(struct role *role)
{
	const struct camera_config *config = role->options;
	char error[CAMERA_ERROR_BYTES] = "";
	struct camera *camera = calloc(1, sizeof(*camera));
	if (!camera) {
		role_error(role, "no memory");
		return -ENOMEM;
	}
	role->user = camera;
	*camera = (struct camera){.role = role, .config = config, .timer_fd = -1, .retry_ms = RETRY_FIRST_MS};
	camera->request = (struct camera_request){.width = (unsigned)config->width,
	                                          .height = (unsigned)config->height,
	                                          .fps = config->fps,
	                                          .loop = config->loop};
	camera->driver = camera_driver_find(config->source, &camera->request.source, error);
	int status = camera->driver ? handles_open(camera) : -EINVAL;
	if (status < 0 && camera->driver)
		snprintf(error, sizeof(error), "no timer: %s", strerror(-status));
	if (status == 0 && role_wanted(role, role->name, "capture"))
		status = source_open(camera, error);
	else if (status == 0)
		role_state(role, "off", "%s", "");
	if (status < 0)
		role_error(role, "%s", error);
	return status;
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
	source_close(camera);
	zoe_publisher_close(camera->publisher);
	unsigned handles = camera->open_handles;
	if (handles >= 2)
		uv_close((uv_handle_t *)&camera->timer, on_closed);
	if (camera->timer_fd >= 0)
		close(camera->timer_fd);
	if (handles >= 1)
		uv_close((uv_handle_t *)&camera->retry, on_closed);
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
