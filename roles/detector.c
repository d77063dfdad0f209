/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detector role: takes the newest frame of a camera whenever the engine is free and a result is due, and publishes
 * what was found. The engine runs on a thread of libuv's pool, one frame at a time, so that the loop goes on answering;
 * the frame stays pinned until then. Several cameras take turns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detector_feed.h"
#include "detector_plugin.h"

/* How often cameras that are not there are looked for. */
#define TEND_MS 100

struct detector {
	struct role *role;
	const struct zoe_detector_engine *engine;
	void *state;    /* the engine's */
	bool *reported; /* by class; NULL = all */
	char *folders;  /* of models */

	struct detector_feed *feeds;
	size_t feed_count;
	size_t turn; /* whose turn it is */

	uv_timer_t tend;
	uv_timer_t due;
	unsigned handles; /* open ones, and the work that is queued: freed when none is left */

	uv_work_t work;
	struct detector_feed *busy; /* whose frame the engine looks at */
	bool drop;                  /* its result is not wanted any more */
	bool closing;
	struct zoe_frame frame;
	struct detector_result result;
	int status;
	char error[ZOE_DETECTOR_ERROR_BYTES];
	char present_error[ZOE_DETECTOR_ERROR_BYTES]; /* of the last frame; "" = none */
	char logged_error[ZOE_DETECTOR_ERROR_BYTES];  /* said last: an error of each frame is logged once */
};

/* ---- the end ------------------------------------------------------------------------------------------------ */

/* One handle less; with the last one all goes. */
static void let_go(struct detector *detector)
{
	if (--detector->handles > 0)
		return;
	for (size_t i = 0; i < detector->feed_count; i++)
		detector_feed_close(&detector->feeds[i]);
	if (detector->state)
		detector->engine->close(detector->state);
	free(detector->feeds);
	free(detector->reported);
	free(detector->folders);
	free(detector);
}

static void timer_closed(uv_handle_t *handle)
{
	let_go(handle->data);
}

static void detector_close(struct role *role)
{
	struct detector *detector = role->user;
	if (!detector)
		return;
	role->user = NULL;
	detector->closing = true;
	detector->drop = true;
	for (size_t i = 0; i < detector->feed_count; i++)
		detector->feeds[i].on = false;
	uv_close((uv_handle_t *)&detector->tend, timer_closed);
	uv_close((uv_handle_t *)&detector->due, timer_closed);
}

/* ---- one frame ---------------------------------------------------------------------------------------------- */

/* On a thread of the pool. */
static void look(uv_work_t *work)
{
	struct detector *detector = work->data;
	struct detector_result *result = &detector->result;
	const struct zoe_frame *frame = &detector->frame;
	int64_t begin_ns = zoe_now_ns();
	detector->status = detector->engine->infer(detector->state, &frame->image, frame->data, frame->size,
	                                           result->boxes, ZOE_DETECTIONS_MAX, detector->error);
	result->inference_ns = zoe_now_ns() - begin_ns;
	result->count = detector->status > 0 ? (unsigned)detector->status : 0;
}

/* Keep the boxes whose labels are wanted, and name them. */
static void name_boxes(const struct detector *detector, struct detector_result *result)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < result->count; i++) {
		struct zoe_detection box = result->boxes[i];
		const char *label = detector->engine->label(detector->state, box.class_id);
		if (!label || (detector->reported && !detector->reported[box.class_id]))
			continue;
		snprintf(box.label, sizeof(box.label), "%s", label);
		result->boxes[kept++] = box;
	}
	result->count = kept;
}

static void report_error(struct detector *detector, const char *error)
{
	snprintf(detector->present_error, sizeof(detector->present_error), "%s", error);
	if (!error[0] || strcmp(detector->logged_error, error) == 0)
		return;
	snprintf(detector->logged_error, sizeof(detector->logged_error), "%s", error);
	role_error(detector->role, "camera %s: %s", detector->busy->camera, error);
}

static void publish(struct detector *detector)
{
	if (detector->status < 0) {
		report_error(detector, detector->error);
		return;
	}
	name_boxes(detector, &detector->result);
	int status = detector_feed_publish(detector->busy, &detector->frame, &detector->result);
	report_error(detector, status < 0 ? zoe_error() : "");
}

static void step(struct detector *detector);

static void looked(uv_work_t *work, int status)
{
	struct detector *detector = work->data;
	struct detector_feed *feed = detector->busy;
	if (!detector->drop)
		publish(detector);
	detector_feed_release(feed, &detector->frame);
	detector->busy = NULL;
	if (!feed->on)
		detector_feed_disconnect(feed);
	if (detector->closing) {
		let_go(detector);
		return;
	}
	detector->handles--;
	step(detector);
}

static void on_due(uv_timer_t *timer)
{
	step(timer->data);
}

/* Let the engine look at the newest frame of the next camera that has one and whose result is due. */
static void step(struct detector *detector)
{
	int64_t now_ns = zoe_now_ns(), nearest_ns = INT64_MAX;
	for (size_t i = 0; i < detector->feed_count && !detector->busy; i++) {
		size_t index = (detector->turn + i) % detector->feed_count;
		struct detector_feed *feed = &detector->feeds[index];
		if (!feed->source || !feed->ready)
			continue;
		if (feed->due_ns > now_ns) {
			nearest_ns = feed->due_ns < nearest_ns ? feed->due_ns : nearest_ns;
			continue;
		}
		if (detector_feed_take(feed, &detector->frame) < 0)
			continue;
		detector->busy = feed;
		detector->drop = false;
		detector->turn = index + 1;
		detector->handles++;
		uv_queue_work(detector->role->loop, &detector->work, look, looked);
	}
	if (detector->busy || nearest_ns == INT64_MAX)
		return;
	uv_update_time(detector->role->loop);
	uv_timer_start(&detector->due, on_due, (uint64_t)((nearest_ns - now_ns + 999999) / 1000000), 0);
}

/* ---- state -------------------------------------------------------------------------------------------------- */

static void show_state(struct detector *detector)
{
	unsigned on = 0, connected = 0;
	const char *why_not = "";
	for (size_t i = 0; i < detector->feed_count; i++) {
		struct detector_feed *feed = &detector->feeds[i];
		on += feed->on;
		connected += feed->on && feed->source;
		if (feed->on && !feed->source)
			why_not = feed->why_not;
	}
	if (connected && !why_not[0])
		why_not = detector->present_error;
	role_state(detector->role, connected ? "streaming" : on ? "retrying" : "off", "%s", why_not);
}

static void on_tend(uv_timer_t *timer)
{
	struct detector *detector = timer->data;
	for (size_t i = 0; i < detector->feed_count; i++) {
		struct detector_feed *feed = &detector->feeds[i];
		detector_feed_tend(feed, feed == detector->busy);
	}
	step(detector);
	show_state(detector);
}

static void on_ready(void *user)
{
	step(user);
}

static void detector_turn(struct role *role, const char *camera, const char *verb, bool on, struct role_answer *answer)
{
	struct detector *detector = role->user;
	struct detector_feed *feed = NULL;
	for (size_t i = 0; i < detector->feed_count; i++) {
		if (strcmp(detector->feeds[i].camera, camera) == 0)
			feed = &detector->feeds[i];
	}
	if (!feed || strcmp(verb, "detect") != 0) {
		answer->actual = false;
		snprintf(answer->reason, sizeof(answer->reason), "detector %s has no switch %s for camera %s",
		         role->name, verb, camera);
		return;
	}
	feed->on = on;
	answer->actual = on;
	if (!on && feed == detector->busy)
		detector->drop = true; /* looked() ends the subscription */
	else if (!on)
		detector_feed_disconnect(feed);
	on_tend(&detector->tend);
}

static json_t *detector_metrics(struct role *role)
{
	struct detector *detector = role->user;
	if (!detector)
		return NULL;
	json_t *cameras = json_object();
	for (size_t i = 0; i < detector->feed_count; i++)
		json_object_set_new(cameras, detector->feeds[i].camera, detector_feed_metrics(&detector->feeds[i]));
	return json_pack("{s:o}", "cameras", cameras);
}

/* ---- begin -------------------------------------------------------------------------------------------------- */

static int open_engine(struct detector *detector, const struct detector_config *config)
{
	int status = detector_plugin_load(config->engine, &detector->engine, detector->error);
	detector->folders = detector_model_folders();
	if (status == 0 && !detector->folders)
		status = -ENOMEM;
	struct zoe_detector_config wanted = {
	    .model = config->model,
	    .models = detector->folders,
	    .threshold = (float)config->threshold,
	    .threads = (unsigned)config->threads,
	};
	if (status == 0)
		status = detector->engine->open(&wanted, &detector->state, detector->error);
	if (status < 0)
		role_error(detector->role, "%s", detector->error);
	return status;
}

static void report_label(struct detector *detector, const struct detector_config *config, const char *label)
{
	char known[1024] = "";
	const char *name;
	for (uint32_t i = 0; (name = detector->engine->label(detector->state, i)); i++) {
		size_t used = strlen(known);
		if (name[0])
			snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", name);
	}
	role_error(detector->role, "label '%s' is not known to model %s; known: %s", label, config->model, known);
}

static int choose_labels(struct detector *detector, const struct detector_config *config)
{
	if (config->labels.count == 0)
		return 0;
	uint32_t classes = 0;
	while (detector->engine->label(detector->state, classes))
		classes++;
	detector->reported = calloc(classes + 1, sizeof(*detector->reported));
	if (!detector->reported)
		return -ENOMEM;
	for (size_t i = 0; i < config->labels.count; i++) {
		const char *label = config->labels.items[i];
		bool known = false;
		for (uint32_t c = 0; c < classes; c++) {
			if (label[0] && strcmp(detector->engine->label(detector->state, c), label) == 0)
				detector->reported[c] = known = true;
		}
		if (!known) {
			report_label(detector, config, label);
			return -EINVAL;
		}
	}
	return 0;
}

/* Frames for detection may be on a topic of their own. */
static void name_topic(struct detector_feed *feed, const struct option_list *substreams)
{
	const char *suffix = "";
	for (size_t i = 0; i < substreams->count; i++)
		if (strcmp(substreams->items[i], feed->camera) == 0)
			suffix = "/detect";
	snprintf(feed->topic, sizeof(feed->topic), "%s%s", feed->camera, suffix);
}

static int open_feeds(struct detector *detector, const struct detector_config *config)
{
	detector->feeds = calloc(config->cameras.count, sizeof(*detector->feeds));
	if (!detector->feeds)
		return -ENOMEM;
	for (size_t i = 0; i < config->cameras.count; i++) {
		struct detector_feed *feed = &detector->feeds[i];
		feed->role = detector->role;
		feed->camera = config->cameras.items[i];
		name_topic(feed, &config->substreams);
		feed->on_ready = on_ready;
		feed->user = detector;
		feed->on = role_wanted(detector->role, feed->camera, "detect");
		feed->period_ns = config->max_fps > 0 ? (int64_t)(1e9 / config->max_fps) : 0;
		detector->feed_count++;
		int status = detector_feed_open(feed);
		if (status < 0) {
			role_error(detector->role, "results of camera %s: %s", feed->camera, zoe_error());
			return status;
		}
	}
	return 0;
}

static int detector_open(struct role *role)
{
	const struct detector_config *config = role->options;
	struct detector *detector = calloc(1, sizeof(*detector));
	if (!detector) {
		role_error(role, "no memory");
		return -ENOMEM;
	}
	role->user = detector;
	detector->role = role;
	detector->work.data = detector->tend.data = detector->due.data = detector;
	uv_timer_init(role->loop, &detector->tend);
	uv_timer_init(role->loop, &detector->due);
	detector->handles = 2;
	int status = open_engine(detector, config);
	if (status == 0)
		status = choose_labels(detector, config);
	if (status == 0)
		status = open_feeds(detector, config);
	if (status < 0)
		return status;
	uv_timer_start(&detector->tend, on_tend, TEND_MS, TEND_MS);
	on_tend(&detector->tend);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct role_ops ops = {
	    .role = "detector",
	    .rows = detector_rows,
	    .options_bytes = sizeof(struct detector_config),
	    .open = detector_open,
	    .turn = detector_turn,
	    .metrics = detector_metrics,
	    .close = detector_close,
	};
	/* One frame at a time is looked at: libuv need not start more threads. */
	setenv("UV_THREADPOOL_SIZE", "1", 1);
	return role_main(argc, argv, &ops);
}
