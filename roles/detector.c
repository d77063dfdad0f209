/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detector role: takes the newest frame of a camera whenever the engine is free and a result is due, and publishes
 * what was found. Each worker has an engine of its own, on a thread of libuv's pool, one frame at a time, so that the loop
 * goes on answering; the frame stays pinned until then. Several cameras take turns; results of one are published in the
 * order of its frames.
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

/* An engine, and the frame that it looks at. */
struct worker {
	struct detector *detector;
	struct detector_engine *engine;
	uv_work_t work;
	struct detector_feed *feed; /* whose frame; NULL = idle */
	uint64_t order;             /* counts the frames taken: results are published in this order */
	int64_t since_ns;           /* since when */
	bool looked;                /* the result is there, and waits for earlier ones */
	bool drop;                  /* the result is not wanted any more */
	struct zoe_frame frame;
	struct detector_result result;
	int status;
	char error[ZOE_DETECTOR_ERROR_BYTES];
};

struct detector {
	struct role *role;
	struct worker *workers;
	size_t worker_count;
	uint64_t taken; /* frames */

	struct detector_feed *feeds;
	size_t feed_count;
	size_t turn; /* whose turn it is */

	uv_timer_t tend;
	uv_timer_t due;
	unsigned handles; /* open ones, and the works that are queued: freed when none is left */
	bool closing;

	char present_error[ZOE_DETECTOR_ERROR_BYTES]; /* of the last frame; "" = none */
	char logged_error[ZOE_DETECTOR_ERROR_BYTES];  /* said last: an error of each frame is logged once */
};

/* The worker that took a frame of this camera (NULL = of any) first; NULL = none has one. */
static struct worker *first_busy(const struct detector *detector, const struct detector_feed *feed)
{
	struct worker *first = NULL;
	for (size_t i = 0; i < detector->worker_count; i++) {
		struct worker *worker = &detector->workers[i];
		if (worker->feed && (!feed || worker->feed == feed) && (!first || worker->order < first->order))
			first = worker;
	}
	return first;
}

static struct worker *find_idle(const struct detector *detector)
{
	for (size_t i = 0; i < detector->worker_count; i++) {
		if (!detector->workers[i].feed)
			return &detector->workers[i];
	}
	return NULL;
}

/* Results of this camera that are on their way are not wanted; NULL = of any. */
static void drop_results(struct detector *detector, const struct detector_feed *feed)
{
	for (size_t i = 0; i < detector->worker_count; i++) {
		if (!feed || detector->workers[i].feed == feed)
			detector->workers[i].drop = true;
	}
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

/* One handle less; with the last one all goes. */
static void let_go(struct detector *detector)
{
	if (--detector->handles > 0)
		return;
	for (size_t i = 0; i < detector->feed_count; i++)
		detector_feed_close(&detector->feeds[i]);
	for (size_t i = 0; i < detector->worker_count; i++)
		detector_engine_close(detector->workers[i].engine);
	free(detector->workers);
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
	drop_results(detector, NULL);
	for (size_t i = 0; i < detector->feed_count; i++)
		detector->feeds[i].on = false;
	uv_close((uv_handle_t *)&detector->due, timer_closed);
	if (first_busy(detector, NULL))
		uv_timer_start(&detector->tend, on_engine_late, LATE_MS, 0);
	else
		uv_close((uv_handle_t *)&detector->tend, timer_closed);
}

/* ---- one frame ---------------------------------------------------------------------------------------------- */

/* On a thread of the pool. */
static void look(uv_work_t *work)
{
	struct worker *worker = work->data;
	const struct zoe_frame *frame = &worker->frame;
	const struct detector_picture picture = {
	    .image = &frame->image,
	    .data = frame->data,
	    .size = frame->size,
	    .seq = frame->seq,
	    .capture_ns = frame->capture_ns,
	    .stream = (unsigned)(worker->feed - worker->detector->feeds),
	};
	worker->status = detector_engine_run(worker->engine, &picture, 1, &worker->result, worker->error);
}

static void report_error(struct worker *worker, const char *error)
{
	struct detector *detector = worker->detector;
	snprintf(detector->present_error, sizeof(detector->present_error), "%s", error);
	if (!error[0] || strcmp(detector->logged_error, error) == 0)
		return;
	snprintf(detector->logged_error, sizeof(detector->logged_error), "%s", error);
	role_error(detector->role, "camera %s: %s", worker->feed->camera, error);
}

static void publish(struct worker *worker)
{
	if (worker->status < 0) {
		report_error(worker, worker->error);
		return;
	}
	if (worker->feed->events)
		detector_events_take(worker->feed->events, &worker->frame, &worker->result);
	int status = detector_feed_publish(worker->feed, &worker->frame, &worker->result);
	report_error(worker, status < 0 ? zoe_error() : "");
}

static void step(struct detector *detector);

/* Publish the results of a camera that no earlier frame holds up, and let go of their frames. */
static void finish(struct detector *detector, struct detector_feed *feed)
{
	struct worker *worker;
	while ((worker = first_busy(detector, feed)) && worker->looked) {
		if (!worker->drop)
			publish(worker);
		detector_feed_release(feed, &worker->frame);
		worker->feed = NULL;
	}
	if (!feed->on && !worker)
		detector_feed_disconnect(feed);
}

static void looked(uv_work_t *work, int status)
{
	struct worker *worker = work->data;
	struct detector *detector = worker->detector;
	worker->looked = true;
	finish(detector, worker->feed);
	if (detector->closing) {
		if (!first_busy(detector, NULL))
			uv_close((uv_handle_t *)&detector->tend, timer_closed);
		let_go(detector);
		return;
	}
	detector->handles--;
	step(detector);
}

static void start_looking(struct worker *worker, struct detector_feed *feed, int64_t now_ns)
{
	struct detector *detector = worker->detector;
	worker->feed = feed;
	worker->order = detector->taken++;
	worker->since_ns = now_ns;
	worker->looked = worker->drop = false;
	detector->handles++;
	uv_queue_work(detector->role->loop, &worker->work, look, looked);
}

static void on_due(uv_timer_t *timer)
{
	step(timer->data);
}

/* Let idle workers look at the newest frames of the next cameras that have one and whose result is due. */
static void step(struct detector *detector)
{
	int64_t now_ns = zoe_now_ns(), nearest_ns = INT64_MAX;
	struct worker *idle = find_idle(detector);
	for (size_t i = 0, first = detector->turn; i < detector->feed_count && idle; i++) {
		size_t index = (first + i) % detector->feed_count;
		struct detector_feed *feed = &detector->feeds[index];
		if (!feed->source || !feed->ready)
			continue;
		if (feed->due_ns > now_ns) {
			nearest_ns = feed->due_ns < nearest_ns ? feed->due_ns : nearest_ns;
			continue;
		}
		if (detector_feed_take(feed, &idle->frame) < 0)
			continue;
		detector->turn = index + 1;
		start_looking(idle, feed, now_ns);
		/* with a worker to spare, this camera's next frame may be due before another one ends */
		if (feed->period_ns && feed->due_ns < nearest_ns)
			nearest_ns = feed->due_ns;
		idle = find_idle(detector);
	}
	if (!idle || nearest_ns == INT64_MAX)
		return;
	uv_update_time(detector->role->loop);
	int64_t wait_ns = nearest_ns > now_ns ? nearest_ns - now_ns : 0;
	uv_timer_start(&detector->due, on_due, (uint64_t)((wait_ns + 999999) / 1000000), 0);
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
	for (size_t i = 0; i < detector->worker_count; i++) {
		const struct worker *worker = &detector->workers[i];
		if (worker->feed && !worker->looked && config->hang_after &&
		    zoe_now_ns() - worker->since_ns > config->hang_after)
			role_die(detector->role,
			         "engine %s has given no result for %g s, so it is killed and started again",
			         config->engine, (double)config->hang_after / 1e9);
	}
}

static void on_tend(uv_timer_t *timer)
{
	struct detector *detector = timer->data;
	check_hang(detector);
	for (size_t i = 0; i < detector->feed_count; i++) {
		struct detector_feed *feed = &detector->feeds[i];
		detector_feed_tend(feed, first_busy(detector, feed) != NULL);
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
	if (!on && first_busy(detector, feed))
		drop_results(detector, feed); /* finish() ends the subscription */
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

static int open_workers(struct detector *detector, const struct detector_config *config)
{
	char error[ZOE_DETECTOR_ERROR_BYTES] = "no memory for workers", text[16];
	/* As many frames at a time are looked at: libuv need not start more threads. */
	snprintf(text, sizeof(text), "%u", (unsigned)config->workers);
	setenv("UV_THREADPOOL_SIZE", text, 1);
	detector->workers = calloc((size_t)config->workers, sizeof(*detector->workers));
	int status = detector->workers ? 0 : -ENOMEM;
	for (int64_t i = 0; status == 0 && i < config->workers; i++) {
		struct worker *worker = &detector->workers[i];
		worker->detector = detector;
		worker->work.data = worker;
		detector->worker_count++;
		status = detector_engine_open(config, &worker->engine, error);
	}
	if (status < 0)
		role_error(detector->role, "%s", error);
	return status;
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
		feed->every = (uint64_t)config->every;
		feed->pins = (unsigned)config->workers;
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
	if (config->command.count) {
		role_error(role,
		           "key 'command': zoetrope run starts that program in place of this one; start %s itself",
		           config->command.items[0]);
		return -EINVAL;
	}
	struct detector *detector = calloc(1, sizeof(*detector));
	if (!detector) {
		role_error(role, "no memory");
		return -ENOMEM;
	}
	role->user = detector;
	detector->role = role;
	detector->tend.data = detector->due.data = detector;
	uv_timer_init(role->loop, &detector->tend);
	uv_timer_init(role->loop, &detector->due);
	detector->handles = 2;
	int status = open_workers(detector, config);
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
	return role_main(argc, argv, &ops);
}
