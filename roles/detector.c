/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detector role: lets workers look at the newest frame of a camera whenever one is free and a result is due, and
 * publishes what was found. The loop goes on answering meanwhile. Several cameras take turns; a worker gets as many of them at
 * once as its engine can take. Results of one are published in the order of its frames.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "detector_events.h"
#include "detector_feed.h"
#include "detector_jobs.h"
#include "detector_member.h"
#include "detector_packet.h"

/* How often cameras that are not there are looked for, and whether the engine still works. */
#define TEND_MS 100
/* How long the end waits for an engine that is busy; all has to be over after 1.5 s (docs/protocol.md "quit"). */
#define LATE_MS 1000
/* Results of a camera that may wait for an earlier one, for each worker. */
#define WAITING_MAX 4
/* A process that is not ready by then never will be; control waits as long for a role. */
#define BEGIN_NS 60000000000

struct detector {
	struct role *role;
	struct worker *workers;
	unsigned worker_count;
	bool ready;  /* all workers have been */
	bool failed; /* one of them cannot begin, and it was said */

	struct detector_feed *feeds;
	size_t feed_count;
	size_t turn; /* whose turn it is */

	uv_timer_t tend;
	uv_timer_t due;
	unsigned timers; /* open ones: freed when none is left, and no worker */
	bool closing;

	char present_error[ZOE_DETECTOR_ERROR_BYTES]; /* of the last frame; "" = none */
	char logged_error[ZOE_DETECTOR_ERROR_BYTES];  /* said last: an error of each frame is logged once */
};

/* What processes are started with: as this one was. */
static char *const *command_line;

static struct worker *find_idle(const struct detector *detector)
{
	for (unsigned i = 0; i < detector->worker_count; i++) {
		struct worker *worker = &detector->workers[i];
		if (worker->frames && !worker->job_count)
			return worker;
	}
	return NULL;
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

/* When workers and timers are gone, all goes. */
static void let_go(struct detector *detector)
{
	bool waits = detector->timers > 0;
	for (unsigned i = 0; i < detector->worker_count; i++)
		waits |= !detector->workers[i].gone;
	if (waits)
		return;
	for (size_t i = 0; i < detector->feed_count; i++) {
		jobs_free(&detector->feeds[i].jobs);
		detector_feed_close(&detector->feeds[i]);
	}
	for (unsigned i = 0; i < detector->worker_count; i++)
		detector->workers[i].ops->destroy(&detector->workers[i]);
	free(detector->workers);
	free(detector->feeds);
	free(detector);
}

static void timer_closed(uv_handle_t *handle)
{
	struct detector *detector = handle->data;
	detector->timers--;
	let_go(detector);
}

/* The end of the timer that waits for workers. */
static void check_gone(struct detector *detector)
{
	for (unsigned i = 0; i < detector->worker_count; i++) {
		if (!detector->workers[i].gone)
			return;
	}
	if (!uv_is_closing((uv_handle_t *)&detector->tend))
		uv_close((uv_handle_t *)&detector->tend, timer_closed);
}

/* An engine takes longer than the end may: topics are left in order, and its thread ends with the process. */
static void on_engine_late(uv_timer_t *timer)
{
	struct detector *detector = timer->data;
	for (size_t i = 0; i < detector->feed_count; i++)
		detector_feed_close(&detector->feeds[i]);
	for (unsigned i = 0; i < detector->worker_count; i++) {
		if (!detector->workers[i].gone && detector->worker_count > 1)
			detector->workers[i].ops->end(&detector->workers[i], "");
	}
	_exit(0);
}

static void detector_close(struct role *role)
{
	struct detector *detector = role->user;
	if (!detector)
		return;
	role->user = NULL;
	detector->closing = true;
	for (size_t i = 0; i < detector->feed_count; i++) {
		detector->feeds[i].on = false;
		jobs_drop(detector->feeds[i].jobs);
	}
	for (unsigned i = 0; i < detector->worker_count; i++)
		detector->workers[i].ops->close(&detector->workers[i]);
	uv_close((uv_handle_t *)&detector->due, timer_closed);
	uv_timer_start(&detector->tend, on_engine_late, LATE_MS, 0);
	check_gone(detector);
}

/* ---- results ------------------------------------------------------------------------------------------------ */

static void report_error(struct detector *detector, const struct detector_feed *feed, const char *error)
{
	snprintf(detector->present_error, sizeof(detector->present_error), "%s", error);
	if (!error[0] || strcmp(detector->logged_error, error) == 0)
		return;
	snprintf(detector->logged_error, sizeof(detector->logged_error), "%s", error);
	role_error(detector->role, "camera %s: %s", feed->camera, error);
}

static bool is_strict(const struct detector *detector)
{
	return strcmp(((const struct detector_config *)detector->role->options)->order, "strict") == 0;
}

static void publish(struct detector *detector, struct detector_feed *feed, struct job *job)
{
	struct look *look = &job->look;
	bool lost = job->missing || look->status < 0,
	     late = !lost && !is_strict(detector) && look->frame.capture_ns < feed->newest_ns;
	if (lost || late)
		feed->whole_due_ns = 0; /* what it would have told must be seen by another one */
	feed->late += late;
	if (job->missing || late)
		return;
	if (look->status < 0) {
		report_error(detector, feed, look->error);
		return;
	}
	int status = detector_feed_publish(feed, look);
	report_error(detector, feed, status < 0 ? zoe_error() : "");
}

/* Publish the results of a camera, and let go of their frames; in strict order those that no earlier frame holds up. */
static void finish(struct detector *detector, struct detector_feed *feed)
{
	bool strict = is_strict(detector);
	for (struct job **link = &feed->jobs, *job; (job = *link);) {
		if (!job->done && job->taken && strict)
			break;
		if (!job->done) {
			link = &job->next;
			continue;
		}
		if (strict && jobs_unclear(feed->jobs, job->worker))
			break;
		*link = job->next;
		if (job->drop)
			feed->whole_due_ns = 0;
		else
			publish(detector, feed, job);
		if (job->held)
			detector_feed_release(feed, &job->look.frame);
		free(job);
	}
	if (feed->on || feed->jobs)
		return;
	for (unsigned i = 0; i < detector->worker_count && feed->leaving; i++)
		detector->workers[i].ops->leave(&detector->workers[i], feed->index);
	feed->leaving = false;
	detector_feed_disconnect(feed);
}

static void step(struct detector *detector);

/*
 * A process is told what comes next while it is busy, so that it goes on by itself: the newest frame there is when it is
 * free. Where more has to be known by then (whose turn it is, a rate, what was found before), it waits to be told.
 */
static void order_ahead(struct detector *detector, struct worker *worker, struct detector_feed *feed)
{
	if (!worker->ops->follow || detector->feed_count > 1 || feed->period_ns || feed->known || !feed->on ||
	    jobs_count(feed->jobs) >= WAITING_MAX * detector->worker_count)
		return;
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return;
	job->feed = feed;
	job->worker = worker;
	job->look.camera = feed->index;
	jobs_append(&feed->jobs, job);
	worker->next = job;
	worker->ops->follow(worker);
}

/* A process has taken a frame itself: the one that was seen here, or a newer one. */
static void on_took(struct worker *worker, struct job *job)
{
	jobs_sort_in(&job->feed->jobs, job);
	if (!detector_feed_took(job->feed, &job->look.frame))
		job->drop = true;
	order_ahead(worker->user, worker, job->feed);
}

/* What keeps one worker from beginning keeps all: said once. Later it is a reason to try again. */
static void give_up(struct detector *detector, struct worker *worker)
{
	if (!detector->failed)
		role_error(detector->role, "%s", worker->failure);
	worker->failure[0] = '\0';
	detector->failed = !detector->ready;
	if (detector->failed)
		role_fail(detector->role);
}

static void on_changed(struct worker *worker)
{
	struct detector *detector = worker->user;
	for (size_t i = 0; i < detector->feed_count; i++)
		finish(detector, &detector->feeds[i]);
	if (detector->closing)
		check_gone(detector);
	else if (worker->failure[0])
		give_up(detector, worker);
	else
		step(detector);
}

/* ---- frames ------------------------------------------------------------------------------------------------- */

/* Who is told of a frame has time to take it before another one is; and not too many wait for an earlier one. */
static bool may_take(const struct detector *detector, const struct detector_feed *feed)
{
	return feed->on && feed->source && feed->ready && !jobs_unclear(feed->jobs, NULL) &&
	       jobs_count(feed->jobs) < WAITING_MAX * detector->worker_count;
}

/* NULL = there is no new frame. A thread looks at the frame that is taken here; a process takes one itself. */
static struct job *take(struct detector *detector, struct detector_feed *feed, int64_t now_ns)
{
	const struct detector_config *config = detector->role->options;
	struct job *job = calloc(1, sizeof(*job));
	if (!job || detector_feed_take(feed, &job->look.frame) < 0) {
		free(job);
		return NULL;
	}
	job->feed = feed;
	job->begun = true;
	job->held = job->taken = detector->worker_count == 1;
	if (job->held)
		detector_feed_took(feed, &job->look.frame);
	else
		detector_feed_release(feed, &job->look.frame);
	job->look.camera = feed->index;
	if (feed->known) {
		job->look.whole = now_ns >= feed->whole_due_ns;
		job->look.earlier = *feed->known;
	}
	if (job->look.whole)
		feed->whole_due_ns = now_ns + config->motion_gate;
	jobs_append(&feed->jobs, job);
	return job;
}

/* Let a worker look at the newest frames of the next cameras that have one and whose result is due. */
static bool start_looking(struct detector *detector, struct worker *worker, int64_t now_ns, int64_t *nearest_ns)
{
	unsigned count = 0;
	for (size_t i = 0, first = detector->turn; i < detector->feed_count && count < worker->frames; i++) {
		size_t index = (first + i) % detector->feed_count;
		struct detector_feed *feed = &detector->feeds[index];
		if (!may_take(detector, feed))
			continue;
		if (feed->due_ns > now_ns) {
			*nearest_ns = feed->due_ns < *nearest_ns ? feed->due_ns : *nearest_ns;
			continue;
		}
		struct job *job = take(detector, feed, now_ns);
		if (!job)
			continue;
		job->worker = worker;
		worker->jobs[count++] = job;
		detector->turn = index + 1;
		/* with a worker to spare, this camera's next frame may be due before another one ends */
		if (feed->period_ns && feed->due_ns < *nearest_ns)
			*nearest_ns = feed->due_ns;
	}
	if (!count)
		return false;
	worker->job_count = count;
	worker->since_ns = now_ns;
	worker->ops->start(worker);
	return true;
}

static void on_due(uv_timer_t *timer)
{
	step(timer->data);
}

static void step(struct detector *detector)
{
	int64_t now_ns = zoe_now_ns(), nearest_ns = INT64_MAX;
	struct worker *idle = find_idle(detector);
	while (idle && start_looking(detector, idle, now_ns, &nearest_ns))
		idle = find_idle(detector);
	if (!idle || nearest_ns == INT64_MAX)
		return;
	uv_update_time(detector->role->loop);
	int64_t wait_ns = nearest_ns > now_ns ? nearest_ns - now_ns : 0;
	uv_timer_start(&detector->due, on_due, (uint64_t)((wait_ns + 999999) / 1000000), 0);
}

/* ---- state -------------------------------------------------------------------------------------------------- */

/* Have all workers been ready? */
static bool is_ready(struct detector *detector)
{
	bool ready = true;
	for (unsigned i = 0; i < detector->worker_count; i++)
		ready &= detector->workers[i].frames > 0;
	detector->ready |= ready;
	return detector->ready;
}

static void show_state(struct detector *detector)
{
	unsigned on = 0, connected = 0;
	const char *why_not = "";
	if (!is_ready(detector))
		return;
	for (size_t i = 0; i < detector->feed_count; i++) {
		struct detector_feed *feed = &detector->feeds[i];
		on += feed->on;
		connected += feed->on && feed->source;
		if (feed->on && !feed->source)
			why_not = feed->why_not;
	}
	if (connected && !why_not[0])
		why_not = detector->present_error;
	for (unsigned i = 0; i < detector->worker_count && !why_not[0]; i++)
		why_not = detector->workers[i].frames ? "" : "a worker is started again";
	role_state(detector->role, connected ? "streaming" : on ? "retrying" : "off", "%s", why_not);
}

static void check_hang(const struct detector *detector)
{
	const struct detector_config *config = detector->role->options;
	char why[ROLE_REASON_BYTES];
	for (unsigned i = 0; i < detector->worker_count; i++) {
		struct worker *worker = &detector->workers[i];
		int64_t limit_ns = worker->frames ? config->hang_after : BEGIN_NS;
		bool waits = worker->job_count || !worker->frames;
		if (!waits || !limit_ns || zoe_now_ns() - worker->since_ns <= limit_ns)
			continue;
		snprintf(why, sizeof(why), "engine %s has given no result for %g s", config->engine,
		         (double)limit_ns / 1e9);
		worker->since_ns = zoe_now_ns();
		worker->ops->end(worker, why);
	}
}

static void on_tend(uv_timer_t *timer)
{
	struct detector *detector = timer->data;
	check_hang(detector);
	for (size_t i = 0; i < detector->feed_count; i++) {
		struct detector_feed *feed = &detector->feeds[i];
		detector_feed_tend(feed, feed->jobs != NULL);
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
	feed->leaving = !on;
	answer->actual = on;
	if (!on)
		jobs_drop(feed->jobs);
	finish(detector, feed); /* ends the subscription, now or when the last worker has come back */
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
	int status = 0;
	setenv("UV_THREADPOOL_SIZE", "1", 1); /* one worker is a thread, and libuv need not start more */
	detector->workers = calloc((size_t)config->workers, sizeof(*detector->workers));
	if (!detector->workers) {
		role_error(detector->role, "no memory for workers");
		return -ENOMEM;
	}
	for (unsigned i = 0; status == 0 && i < (unsigned)config->workers; i++) {
		struct worker *worker = &detector->workers[i];
		*worker = (struct worker){
		    .role = detector->role, .user = detector, .changed = on_changed, .took = on_took, .number = i};
		status = config->workers == 1 ? worker_open_thread(worker) : worker_open_process(worker, command_line);
		detector->worker_count += worker->ops != NULL;
	}
	return status;
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
		feed->index = (unsigned)i;
		detector_feed_topic(config, feed->index, feed->topic);
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
		if (config->motion_gate && !(feed->known = calloc(1, sizeof(*feed->known)))) {
			role_error(detector->role, "no memory for results");
			return -ENOMEM;
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
	detector->timers = 2;
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
	static const struct role_ops worker_ops = {
	    .role = "detector",
	    .rows = detector_rows,
	    .options_bytes = sizeof(struct detector_config),
	    .open = member_open,
	    .close = member_close,
	};
	command_line = argv;
	return role_main(argc, argv, getenv(PACKET_VARIABLE) ? &worker_ops : &ops);
}
