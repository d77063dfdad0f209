/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See camera_source.h. One mutex guards what loop and thread share (struct source from `lock` on); the thread holds it
 * only to tell what happened. An order is a number: what a session says after a newer order came is not heard.
 */
#include "camera_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEPTH_MAX     16
#define DEPTH_MIN     4
#define KEPT_BYTES    (64u << 20)
#define PACKETS_DEPTH 64          /* 2 s at 30 a second: whoever writes them to a disk may hesitate that long */
#define OPEN_LIMIT_NS 10000000000 /* a camera that has answered by then will not */
#define JOIN_SECONDS  1           /* control grants 1.5 s for leaving */

struct source {
	struct source_options options;
	char packets_topic[ZOE_TOPIC_NAME_MAX + 1], jpeg_topic[ZOE_TOPIC_NAME_MAX + 1];
	pthread_t thread;

	/* The thread's. */
	void *driver_state;
	struct camera_mode mode; /* the driver changes it while it is open */
	struct camera_pace pace;
	struct zoe_publisher *publisher; /* stays while capture is off, so that subscribers keep their topic */
	struct zoe_publisher *packets, *jpegs;
	size_t slot_bytes; /* that publisher was opened with; loans, too */
	unsigned loans;
	struct camera_interrupt interrupt;

	pthread_mutex_t lock;
	pthread_cond_t change; /* of anything below */
	bool on, must_open, quit;
	struct source_shape shape; /* wanted; a session has its own copy, used */
	struct source_shape used;  /* the thread's */
	unsigned order;            /* counts source_turn() and source_reshape() */
	unsigned done;             /* the order whose first outcome is known */
	bool open;                 /* the driver has the source open */
	bool opening;              /* and since when it tries, opening_ns */
	bool given_up;             /* the driver was told to come back */
	int64_t opening_ns;
	int64_t retry_ns;      /* not before */
	uint64_t drops_before; /* those of earlier sessions */
	struct camera_counts counts_before;
	struct source_status status;
};

static void interrupt_set(struct source *source)
{
	uint64_t one = 1;
	atomic_store(&source->interrupt.set, true);
	if (write(source->interrupt.fd, &one, sizeof(one)) < 0)
		return; /* full: it is readable already */
}

static void interrupt_clear(struct source *source)
{
	uint64_t count;
	atomic_store(&source->interrupt.set, false);
	if (read(source->interrupt.fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: it was not set */
}

/* Something is known now. The lock is held. */
static void tell(struct source *source)
{
	pthread_cond_broadcast(&source->change);
	if (!source->quit)
		source->options.changed(source->options.user);
}

/* What the driver counts, with what it counted in earlier sessions. The lock is held. */
static void tell_counts(struct source *source)
{
	const struct camera_counts *before = &source->counts_before, *now = &source->mode.counts;
	source->status.counts = (struct camera_counts){.lost = before->lost + now->lost,
	                                               .damaged = before->damaged + now->damaged,
	                                               .in_place = before->in_place + now->in_place,
	                                               .copied = before->copied + now->copied};
}

/* ---- a session, in the thread --------------------------------------------------------------------------------- */

/* Frames kept for readers: half a second at 30 a second, so that a preview that is held up loses none; fewer if they are huge. */
static unsigned depth_for(const struct source *source, size_t slot_bytes)
{
	size_t fit = KEPT_BYTES / slot_bytes;

	if (source->options.buffers)
		return source->options.buffers;
	return fit > DEPTH_MAX ? DEPTH_MAX : fit < DEPTH_MIN ? DEPTH_MIN : (unsigned)fit;
}

/* Hardly any JPEG is larger; for one that is, the topic grows. */
static size_t jpeg_bytes(const struct zoe_image *image)
{
	return (size_t)image->width * image->height / 2;
}

/* The publishers, with slots of the size that the source needs. The old one leaves last, so that the sequence goes on. */
static int publishers_open(struct source *source, char *error)
{
	const struct camera_mode *mode = &source->mode;
	struct zoe_topic_options options = {.slot_bytes = mode->slot_bytes,
	                                    .depth = depth_for(source, mode->slot_bytes),
	                                    .loans = mode->loans,
	                                    .keeps = mode->keeps,
	                                    .quarantine_ns = mode->quarantine_ns};
	struct zoe_topic_options packets = {.depth = PACKETS_DEPTH};
	struct zoe_topic_options jpegs = {.depth = options.depth, .slot_bytes = jpeg_bytes(&mode->image)};
	if (!mode->jpeg) { /* so that its readers see that there is none, and take the frames */
		zoe_publisher_close(source->jpegs);
		source->jpegs = NULL;
	}
	struct zoe_publisher *publisher = NULL;
	int status = 0;
	if (!source->publisher || source->slot_bytes < mode->slot_bytes || source->loans < mode->loans)
		status = zoe_publisher_open(source->options.domain, source->options.topic, &options, &publisher);
	if (status == 0 && mode->jpeg && !source->jpegs)
		status = zoe_publisher_open(source->options.domain, source->jpeg_topic, &jpegs, &source->jpegs);
	if (status == 0 && mode->packets && !source->packets)
		status = zoe_publisher_open(source->options.domain, source->packets_topic, &packets, &source->packets);
	if (status < 0)
		snprintf(error, CAMERA_ERROR_BYTES, "%s", zoe_error());
	if (publisher) {
		zoe_publisher_close(source->publisher);
		source->publisher = publisher;
		source->slot_bytes = mode->slot_bytes;
		source->loans = mode->loans;
	}
	return status;
}

/* What must not be tried again: it can never work, or the user is to know at once. */
static bool is_final(const struct source *source, int status, bool publisher_failed)
{
	return source->must_open && (status == -EINVAL || publisher_failed || !source->options.driver->patient);
}

/* Why the session ended, for people. */
static void session_reason(const struct source *source, int status, bool was_open, char *error)
{
	const char *shown = source->options.request.shown;
	if (source->given_up && was_open)
		snprintf(error, CAMERA_ERROR_BYTES, "%s gives no picture any more; it is opened anew", shown);
	else if (source->given_up)
		snprintf(error, CAMERA_ERROR_BYTES, "%s does not answer; is the camera on, and connected?", shown);
	else if (status == -ENODATA)
		snprintf(error, CAMERA_ERROR_BYTES, "%s has ended its stream", shown);
}

/* The source was lost, did not open, or was closed. */
static void session_end(struct source *source, unsigned order, int status, bool was_open, char *error)
{
	bool publisher_failed = source->driver_state && !was_open;
	source->options.driver->close(source->driver_state);
	source->driver_state = NULL;
	pthread_mutex_lock(&source->lock);
	struct source_status *known = &source->status;
	bool heard = order == source->order && source->on;
	if (heard && status == -ENODATA && !source->mode.live) {
		source->on = false;
		camera_state_off(&known->state, "end of file");
	} else if (heard && !known->failed) {
		session_reason(source, status, was_open, error);
		snprintf(known->error, sizeof(known->error), "%s", error);
		known->errors++;
		known->failed |= is_final(source, status, publisher_failed);
		source->retry_ns = zoe_now_ns() + camera_state_failed(&known->state, error);
	}
	source->opening = source->open = false;
	source->must_open &= !heard;
	source->done = order;
	source->drops_before += source->pace.dropped;
	source->pace.dropped = 0;
	tell_counts(source);
	source->counts_before = known->counts;
	source->mode.counts = (struct camera_counts){0};
	tell(source);
	pthread_mutex_unlock(&source->lock);
}

static int session_open(struct source *source, unsigned order, char *error)
{
	struct camera_request *request = &source->options.request;
	struct camera_mode *mode = &source->mode;
	*mode = (struct camera_mode){0};
	int status = source->options.driver->open(request, mode, &source->driver_state, error);
	if (status == 0)
		status = publishers_open(source, error);
	if (status < 0)
		return status;
	source->options.driver->attach(source->driver_state,
	                               &(struct camera_topics){.frames = source->publisher,
	                                                       .packets = mode->packets ? source->packets : NULL,
	                                                       .jpegs = mode->jpeg ? source->jpegs : NULL});
	source->pace = (struct camera_pace){.start_ns = zoe_now_ns(), .period_ns = (int64_t)(1e9 / mode->fps)};
	pthread_mutex_lock(&source->lock);
	source->opening = false;
	source->open = true;
	source->must_open = false;
	source->done = order;
	source->status.mode = *mode;
	source->status.sessions++;
	camera_state_opened(&source->status.state, mode->live, source->pace.period_ns, source->pace.start_ns);
	tell(source);
	pthread_mutex_unlock(&source->lock);
	return 0;
}

/*
 * The frame could not be delivered. Memory or slots may come back, so the camera goes on; but a camera that never got a
 * frame out is set up wrong. The lock is held. Returns whether to go on.
 */
static bool frame_lost(struct source *source, int status)
{
	struct source_status *known = &source->status;
	const char *reason =
	    status == -EINVAL ? "a frame cannot be converted to the size and format of the first" : zoe_error();
	bool passing = status == -ENOBUFS || status == -EINVAL ||
	               ((status == -ENOSPC || status == -ENOMEM) && known->captured > 0);
	source->drops_before++;
	camera_state_held(&known->state, reason);
	if (!passing) {
		known->failed = true;
		known->errors++;
		snprintf(known->error, sizeof(known->error), "%s", reason);
	}
	return passing;
}

/* Note what became of a frame. Returns whether to go on. */
static bool frame_told(struct source *source, unsigned order, int status, int64_t due_ns, uint64_t sequence)
{
	struct source_status *known = &source->status;
	bool go_on = true;
	pthread_mutex_lock(&source->lock);
	enum camera_phase before = known->state.phase;
	if (order == source->order && status >= 0) {
		int64_t now_ns = zoe_now_ns();
		known->captured++;
		known->published += status == 0; /* else it was passed on as it came */
		known->sequence = status == 0 ? sequence : known->sequence;
		metrics_event(&known->rate, now_ns);
		metrics_add(&known->delay, now_ns - due_ns);
		camera_state_frame(&known->state, now_ns);
	} else if (order == source->order) {
		go_on = frame_lost(source, status);
	}
	known->drops = source->drops_before + source->pace.dropped;
	tell_counts(source);
	bool resized = memcmp(&known->mode.image, &source->mode.image, sizeof(known->mode.image)) != 0;
	known->mode.image = source->mode.image;
	if (resized || known->state.phase != before || known->state.phase == CAMERA_STALLED || known->failed)
		tell(source);
	pthread_mutex_unlock(&source->lock);
	return go_on;
}

static void driver_waited_for(struct source *source, bool waits)
{
	pthread_mutex_lock(&source->lock);
	camera_state_wait(&source->status.state, waits, zoe_now_ns());
	pthread_mutex_unlock(&source->lock);
}

/* One frame from the driver to the topic. Returns 0 | -ENODATA | -EINTR | -errno with a sentence. */
static int session_frame(struct source *source, unsigned order, char *error)
{
	const struct camera_driver *driver = source->options.driver;
	int64_t due_ns = 0;
	uint64_t sequence = 0;
	driver_waited_for(source, true);
	int status = driver->next(source->driver_state, &source->pace, &due_ns, error);
	driver_waited_for(source, false);
	if (status == 0)
		status = camera_interrupt_wait(&source->interrupt, due_ns);
	if (status < 0)
		return status;
	status = driver->publish(source->driver_state, due_ns, &sequence);
	return frame_told(source, order, status, due_ns, sequence) ? 0 : -EINTR;
}

static void session_run(struct source *source, unsigned order)
{
	char error[CAMERA_ERROR_BYTES] = "";
	int status = session_open(source, order, error);
	bool was_open = status == 0;
	while (status == 0)
		status = session_frame(source, order, error);
	session_end(source, order, status, was_open, error);
}

/* ---- the thread ----------------------------------------------------------------------------------------------- */

/* Wait until there is something to do. The lock is held. */
static void wait_for_order(struct source *source)
{
	int64_t now_ns = zoe_now_ns();
	if (!source->on || source->status.failed) {
		pthread_cond_wait(&source->change, &source->lock);
		return;
	}
	struct timespec until = {.tv_sec = source->retry_ns / 1000000000, .tv_nsec = source->retry_ns % 1000000000};
	if (source->retry_ns > now_ns)
		pthread_cond_timedwait(&source->change, &source->lock, &until);
}

/* The next session's request. The lock is held. */
static void use_shape(struct source *source)
{
	struct camera_request *request = &source->options.request;
	source->used = source->shape;
	request->width = source->used.width;
	request->height = source->used.height;
	request->fps = source->used.fps;
	request->format = source->used.format;
	request->controls = source->used.controls;
}

static void *source_thread(void *user)
{
	struct source *source = user;
	pthread_mutex_lock(&source->lock);
	while (!source->quit) {
		if (!source->on || source->status.failed || source->retry_ns > zoe_now_ns()) {
			wait_for_order(source);
			continue;
		}
		unsigned order = source->order;
		interrupt_clear(source);
		use_shape(source);
		source->given_up = false;
		source->opening = true;
		source->opening_ns = zoe_now_ns();
		pthread_mutex_unlock(&source->lock);
		session_run(source, order);
		pthread_mutex_lock(&source->lock);
	}
	pthread_mutex_unlock(&source->lock);
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------------------------ */

static void source_free(struct source *source)
{
	zoe_publisher_close(source->publisher);
	zoe_publisher_close(source->packets);
	zoe_publisher_close(source->jpegs);
	if (source->interrupt.fd >= 0)
		close(source->interrupt.fd);
	pthread_cond_destroy(&source->change);
	pthread_mutex_destroy(&source->lock);
	free(source);
}

int source_create(const struct source_options *options, struct source **out)
{
	struct source *source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&source->change, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&source->lock, NULL);
	source->options = *options;
	source->options.request.interrupt = &source->interrupt;
	source->shape = (struct source_shape){.width = options->request.width,
	                                      .height = options->request.height,
	                                      .fps = options->request.fps,
	                                      .format = options->request.format};
	snprintf(source->shape.controls, sizeof(source->shape.controls), "%s",
	         options->request.controls ? options->request.controls : "");
	source->status.state.phase = CAMERA_OFF;
	snprintf(source->packets_topic, sizeof(source->packets_topic), "%s/packets", options->topic);
	snprintf(source->jpeg_topic, sizeof(source->jpeg_topic), "%s/jpeg", options->topic);
	source->interrupt.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int status = source->interrupt.fd < 0 ? -errno : -pthread_create(&source->thread, NULL, source_thread, source);
	if (status < 0) {
		source_free(source);
		return status;
	}
	*out = source;
	return 0;
}

bool source_destroy(struct source *source)
{
	if (!source)
		return true;
	pthread_mutex_lock(&source->lock);
	source->quit = true;
	source->order++;
	interrupt_set(source);
	pthread_cond_broadcast(&source->change);
	pthread_mutex_unlock(&source->lock);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += JOIN_SECONDS;
	bool ended = pthread_timedjoin_np(source->thread, NULL, &until) == 0;
	if (ended)
		source_free(source);
	return ended;
}

/* Is what was ordered known to have come about? */
static bool order_done(const struct source *source)
{
	return source->on ? source->done == source->order : !source->open && !source->opening;
}

void source_turn(struct source *source, bool on, bool must_open, int64_t patience_ns)
{
	int64_t deadline_ns = zoe_now_ns() + patience_ns;
	struct timespec until = {.tv_sec = deadline_ns / 1000000000, .tv_nsec = deadline_ns % 1000000000};
	pthread_mutex_lock(&source->lock);
	if (source->on != on) {
		source->on = on;
		source->must_open = on && must_open;
		source->order++;
		source->retry_ns = 0;
		interrupt_set(source);
		if (on)
			camera_state_on(&source->status.state, zoe_now_ns());
		pthread_cond_broadcast(&source->change);
	}
	if (!on)
		camera_state_off(&source->status.state, "");
	int status = 0;
	while (!order_done(source) && status == 0 && patience_ns > 0)
		status = pthread_cond_timedwait(&source->change, &source->lock, &until);
	pthread_mutex_unlock(&source->lock);
}

void source_shape(struct source *source, struct source_shape *out)
{
	pthread_mutex_lock(&source->lock);
	*out = source->shape;
	pthread_mutex_unlock(&source->lock);
}

void source_reshape(struct source *source, const struct source_shape *shape)
{
	pthread_mutex_lock(&source->lock);
	const struct source_shape *old = &source->shape;
	bool same = old->width == shape->width && old->height == shape->height && old->fps == shape->fps &&
	            old->format == shape->format;
	source->shape = *shape;
	if (!same && source->on) {
		source->order++;
		source->retry_ns = 0;
		interrupt_set(source);
		pthread_cond_broadcast(&source->change);
	}
	pthread_mutex_unlock(&source->lock);
}

bool source_settled(struct source *source)
{
	pthread_mutex_lock(&source->lock);
	bool settled = order_done(source);
	pthread_mutex_unlock(&source->lock);
	return settled;
}

void source_tick(struct source *source)
{
	int64_t now_ns = zoe_now_ns();
	pthread_mutex_lock(&source->lock);
	struct camera_state *state = &source->status.state;
	enum camera_phase before = state->phase;
	bool late = source->on && source->opening && source->options.driver->patient &&
	            now_ns - source->opening_ns > OPEN_LIMIT_NS;
	bool silent = source->on && source->open && camera_state_tick(state, now_ns);
	if ((late || silent) && !source->given_up) {
		source->given_up = true;
		interrupt_set(source);
	}
	if (state->phase != before)
		source->options.changed(source->options.user);
	pthread_mutex_unlock(&source->lock);
}

void source_look(struct source *source, struct source_status *out)
{
	pthread_mutex_lock(&source->lock);
	*out = source->status;
	pthread_mutex_unlock(&source->lock);
}

bool source_is_open(struct source *source)
{
	pthread_mutex_lock(&source->lock);
	bool open = source->open;
	pthread_mutex_unlock(&source->lock);
	return open;
}
