/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detector role: takes the newest frame of a camera whenever the engine is free and a result is due, and publishes
 * what was found. The engine runs on a thread of libuv's pool, one frame at a time, so that the loop goes on answering;
 * the frame stays pinned until then. Several cameras take turns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "detector_engine.h"
#include "detector_events.h"
#include "detector_feed.h"

/* How often cameras that are not there are looked for, and whether the engine still works. */
#define TEND_MS 100
/* How long the end waits for an engine that is busy; all has to be over after 1.5 s (docs/protocol.md "quit"). */
#define LATE_MS 1000

struct detector {
	struct role *role;
	struct detector_engine *engine;

	struct detector_feed *feeds;
	size_t feed_count;
	size_t turn; /* whose turn it is */

	uv_timer_t tend;
	uv_timer_t due;
	unsigned handles; /* open ones, and the work that is queued: freed when none is left */

	uv_work_t work;
	struct detector_feed *busy; /* whose frame the engine looks at */
	int64_t busy_ns;            /* since when */
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
	detector_engine_close(detector->engine);
	free(detector->feeds);
	free(detector);
}

static void timer_closed(uv_handle_t *handle)
{
	let_go(handle->data);
}

/* The engine takes longer than the end may: topics are left in order, and the thread ends with the process. */
static void on_engine_late(uv_timer_t *timer)
{
	struct detector *detector = timer->data;
	for (size_t i = 0; i < detector->feed_count; i++)
		detector_feed_close(&detector->feeds[i]);
	_exit(0);
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
	uv_close((uv_handle_t *)&detector->due, timer_closed);
	if (detector->busy)
		uv_timer_start(&detector->tend, on_engine_late, LATE_MS, 0);
	else
		uv_close((uv_handle_t *)&detector->tend, timer_closed);
}

/* ---- one frame ---------------------------------------------------------------------------------------------- */

/* On a thread of the pool. */
static void look(uv_work_t *work)
{
	struct detector *detector = work->data;
	const struct zoe_frame *frame = &detector->frame;
	const struct detector_picture picture = {
	    .image = &frame->image,
	    .data = frame->data,
	    .size = frame->size,
	    .seq = frame->seq,
	    .capture_ns = frame->capture_ns,
	    .stream = (unsigned)(detector->busy - detector->feeds),
	};
	detector->status = detector_engine_run(detector->engine, &picture, 1, &detector->result, detector->error);
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
	if (detector->busy->events)
		detector_events_take(detector->busy->events, &detector->frame, &detector->result);
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
		uv_close((uv_handle_t *)&detector->tend, timer_closed);
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
		detector->busy_ns = now_ns;
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

/* A thread that does not come back cannot be ended by itself: the process goes, and control starts another. */
static void check_hang(const struct detector *detector)
{
	const struct detector_config *config = detector->role->options;
	if (detector->busy && config->hang_after && zoe_now_ns() - detector->busy_ns > config->hang_after)
		role_die(detector->role, "engine %s has given no result for %g s, so it is killed and started again",
		         config->engine, (double)config->hang_after / 1e9);
}

static void on_tend(uv_timer_t *timer)
{
	struct detector *detector = timer->data;
	check_hang(detector);
	for (size_t i = 0; i < detector->feed_count; i++) {
		struct detector_feed *feed = &detector->feeds[i];
		detector_feed_tend(feed, feed == detector->busy);
		if (feed->events)
			detector_events_tend(feed->events);
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

static int open_feeds(struct detector *detector, const struct detector_config *config)
{
	detector->feeds = calloc(config->cameras.count, sizeof(*detector->feeds));
	if (!detector->feeds)
		return -ENOMEM;
	for (size_t i = 0; i < config->cameras.count; i++) {
		struct detector_feed *feed = &detector->feeds[i];
		feed->role = detector->role;
		feed->camera = config->cameras.items[i];
		feed->on_ready = on_ready;
		feed->user = detector;
		feed->on = role_wanted(detector->role, feed->camera, "detect");
		feed->every = (uint64_t)config->every;
		feed->period_ns = config->max_fps > 0 ? (int64_t)(1e9 / config->max_fps) : 0;
		detector->feed_count++;
		int status = detector_feed_open(feed);
		if (status < 0) {
			role_error(detector->role, "results of camera %s: %s", feed->camera, zoe_error());
			return status;
		}
		if (config->track || config->zones.count || config->on_event[0])
			status = detector_events_open(detector->role, feed->camera, &feed->events);
		if (status < 0)
			return status;
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
	int status = detector_engine_open(config, &detector->engine, detector->error);
	if (status < 0)
		role_error(role, "%s", detector->error);
	else
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
