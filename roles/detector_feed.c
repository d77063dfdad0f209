/* SPDX-License-Identifier: Apache-2.0 */
/* One camera of a detector: see detector_feed.h. */
#include "detector_feed.h"
#include "detector_events.h"
#include "detector_jobs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No frame for so long: subscribe anew. */
#define SILENCE_NS 1000000000
/* Results kept for readers: preview may want to pair a result with its frame. */
#define RESULTS_DEPTH 8
#define RESULT_BYTES  (sizeof(struct zoe_detections) + ZOE_DETECTIONS_MAX * sizeof(struct zoe_detection))

/* The layout is public: other languages read it by offset. */
static_assert(sizeof(struct zoe_detections) == 88 && offsetof(struct zoe_detections, detector) == 56, "layout");
static_assert(sizeof(struct zoe_detection) == 64 && offsetof(struct zoe_detection, label) == 32, "layout");

void detector_feed_topic(const struct detector_config *config, unsigned camera, char topic[ZOE_TOPIC_NAME_MAX + 1])
{
	const char *name = config->cameras.items[camera], *suffix = "";
	for (size_t i = 0; i < config->substreams.count; i++)
		if (strcmp(config->substreams.items[i], name) == 0)
			suffix = "/detect";
	snprintf(topic, ZOE_TOPIC_NAME_MAX + 1, "%s%s", name, suffix);
}

int detector_feed_open(struct detector_feed *feed)
{
	char topic[2 * ZOE_TOPIC_NAME_MAX];
	snprintf(topic, sizeof(topic), "%s/detections", feed->camera);
	struct zoe_topic_options options = {
	    .slot_bytes = RESULT_BYTES, .depth = RESULTS_DEPTH, .publishers = DETECTORS_MAX};
	return zoe_publisher_open(feed->role->domain, topic, &options, &feed->results);
}

void detector_feed_close(struct detector_feed *feed)
{
	detector_feed_disconnect(feed);
	detector_events_close(feed->events);
	feed->events = NULL;
	zoe_publisher_close(feed->results);
	feed->results = NULL;
	json_decref(feed->counts);
	feed->counts = NULL;
	free(feed->known);
	feed->known = NULL;
}

static void frame_came(void *user)
{
	struct detector_feed *feed = user;
	subscription_rest(feed->source); /* it is readable until all is taken */
	feed->ready = true;
	feed->on_ready(feed->user);
}

/* A topic that only subscribers keep alive is no camera. */
static int look_for_camera(const struct detector_feed *feed)
{
	struct zoe_topic_info info;
	int status = zoe_topic_info(feed->role->domain, feed->topic, &info);
	return status < 0 ? status : info.publishers > 0 ? 0 : -ENOENT;
}

static void connect_source(struct detector_feed *feed)
{
	int status = look_for_camera(feed);
	if (status == 0)
		status = subscription_open(feed->role, feed->topic, frame_came, feed, &feed->source);
	if (status < 0) {
		snprintf(feed->why_not, sizeof(feed->why_not), "waiting for camera %s%s%s", feed->camera,
		         status == -ENOENT ? "" : ": ", status == -ENOENT ? "" : zoe_error());
		return;
	}
	subscription_rest(feed->source);
	feed->ready = true;
	feed->heard_ns = zoe_now_ns();
	feed->why_not[0] = '\0';
}

void detector_feed_disconnect(struct detector_feed *feed)
{
	subscription_close(feed->source);
	feed->source = NULL;
	feed->ready = false;
}

void detector_feed_forget(struct detector_feed *feed)
{
	feed->whole_due_ns = 0;
	if (feed->known)
		feed->known->count = 0;
}

void detector_feed_tend(struct detector_feed *feed, bool keep)
{
	/* Silent: the camera has ended, or has made its topic anew. */
	if (feed->source && !keep && zoe_now_ns() - feed->heard_ns > SILENCE_NS)
		detector_feed_disconnect(feed);
	if (feed->on && !feed->source)
		connect_source(feed);
}

/* The next one is due a period after this one was, not after now; unless this one is late by more than a period. */
static void set_due(struct detector_feed *feed, int64_t now_ns)
{
	if (now_ns - feed->due_ns > feed->period_ns)
		feed->due_ns = now_ns;
	feed->due_ns += feed->period_ns;
}

/* The newest frame whose number is wanted: those in between are let go of. */
static int take_wanted(struct detector_feed *feed, struct zoe_frame *out_frame)
{
	int status = zoe_take_latest(feed->source->subscriber, 0, out_frame);
	while (status == 0 && feed->every > 1 && out_frame->seq % feed->every) {
		feed->heard_ns = zoe_now_ns();
		feed->skipped += out_frame->lost + 1;
		zoe_release(feed->source->subscriber, out_frame);
		status = zoe_take_latest(feed->source->subscriber, 0, out_frame);
	}
	return status;
}

int detector_feed_take(struct detector_feed *feed, struct zoe_frame *out_frame)
{
	int status = take_wanted(feed, out_frame);
	if (status == 0 && out_frame->seq == feed->last_seq && out_frame->capture_ns == feed->last_capture_ns) {
		/* A new subscription to an old topic begins with its newest frame. */
		zoe_release(feed->source->subscriber, out_frame);
		status = take_wanted(feed, out_frame);
	}
	if (status == -EAGAIN) {
		feed->ready = false;
		subscription_wait(feed->source);
		return status;
	}
	if (status < 0) {
		snprintf(feed->why_not, sizeof(feed->why_not), "camera %s: %s", feed->camera, zoe_error());
		detector_feed_disconnect(feed);
		return status;
	}
	feed->heard_ns = zoe_now_ns();
	out_frame->lost += feed->skipped;
	feed->skipped = 0;
	feed->last_seq = out_frame->seq;
	feed->last_capture_ns = out_frame->capture_ns;
	set_due(feed, feed->heard_ns);
	return 0;
}

void detector_feed_release(struct detector_feed *feed, struct zoe_frame *frame)
{
	zoe_release(feed->source->subscriber, frame);
}

bool detector_feed_took(struct detector_feed *feed, const struct zoe_frame *frame)
{
	const struct zoe_frame before = feed->taken;
	feed->passed_over += frame->lost;
	feed->heard_ns = zoe_now_ns();
	if (jobs_before(frame, &before)) /* of two workers the later one was heard first */
		return true;
	if (frame->seq < before.seq) /* the camera has begun anew */
		detector_feed_forget(feed);
	feed->taken = (struct zoe_frame){.seq = frame->seq, .capture_ns = frame->capture_ns};
	feed->last_seq = frame->seq;
	feed->last_capture_ns = frame->capture_ns;
	return frame->seq != before.seq || frame->capture_ns != before.capture_ns;
}

static void fill_message(const struct detector_feed *feed, const struct zoe_frame *frame,
                         const struct detector_result *result, void *data)
{
	struct zoe_detections header = {
	    .magic = ZOE_DETECTIONS_MAGIC,
	    .version = ZOE_DETECTIONS_VERSION,
	    .source_seq = frame->seq,
	    .source_capture_ns = frame->capture_ns,
	    .source_publish_ns = frame->publish_ns,
	    .inference_ns = result->inference_ns,
	    .source_width = frame->image.width,
	    .source_height = frame->image.height,
	    .count = result->count,
	};
	snprintf(header.detector, sizeof(header.detector), "%s", feed->role->name);
	memcpy(data, &header, sizeof(header));
	memcpy((char *)data + sizeof(header), result->boxes, result->count * sizeof(result->boxes[0]));
}

/* Boxes where nothing was looked at stand. */
static void complete(struct detector_feed *feed, struct look *look)
{
	feed->inferences += look->looked.count;
	feed->still += look->looked.count == 0;
	if (!feed->known)
		return;
	areas_carry(&look->looked, feed->known, &look->result);
	*feed->known = look->result;
}

static json_t *count_labels(const struct detector_result *result)
{
	json_t *counts = json_object();
	for (unsigned i = 0; i < result->count; i++) {
		const char *label = result->boxes[i].label;
		json_int_t before = json_integer_value(json_object_get(counts, label));
		json_object_set_new(counts, label, json_integer(before + 1));
	}
	return counts;
}

int detector_feed_publish(struct detector_feed *feed, struct look *look)
{
	struct zoe_loan loan;
	struct detector_result *result = &look->result;
	complete(feed, look);
	if (feed->events)
		detector_events_take(feed->events, &look->frame, result);
	size_t size = sizeof(struct zoe_detections) + result->count * sizeof(result->boxes[0]);
	int status = zoe_loan(feed->results, size, &loan);
	if (status < 0)
		return status;
	fill_message(feed, &look->frame, result, loan.data);
	loan.capture_ns = look->frame.capture_ns;
	status = zoe_publish(feed->results, &loan, NULL);
	if (status < 0) {
		zoe_discard(feed->results, &loan);
		return status;
	}
	int64_t now_ns = zoe_now_ns();
	feed->result_count++;
	feed->boxes = result->count;
	json_decref(feed->counts);
	feed->counts = count_labels(result);
	feed->newest_ns = look->frame.capture_ns;
	metrics_event(&feed->rate, now_ns);
	metrics_add(&feed->inference, result->inference_ns);
	metrics_add(&feed->age, now_ns - look->frame.capture_ns);
	const int64_t ends_ns[PARTS] = {look->frame.publish_ns, result->begun_ns, result->prepared_ns,
	                                result->inferred_ns, now_ns};
	for (int i = 0; i < PARTS; i++)
		metrics_add(&feed->parts[i], ends_ns[i] - (i ? ends_ns[i - 1] : look->frame.capture_ns));
	return 0;
}

static json_t *parts_json(const struct detector_feed *feed)
{
	static const char *const names[PARTS] = {"published", "taken", "prepared", "inferred", "told"};
	json_t *parts = json_object();
	for (int i = 0; i < PARTS; i++)
		metrics_put_ms(parts, names[i], &feed->parts[i]);
	return parts;
}

json_t *detector_feed_metrics(const struct detector_feed *feed)
{
	json_t *metrics = json_pack("{s:I, s:I, s:I}", "results", (json_int_t)feed->result_count, "passed_over",
	                            (json_int_t)feed->passed_over, "inferences", (json_int_t)feed->inferences);
	if (feed->known)
		json_object_set_new(metrics, "still", json_integer((json_int_t)feed->still));
	if (feed->late)
		json_object_set_new(metrics, "late", json_integer((json_int_t)feed->late));
	metrics_put(metrics, "fps", metrics_per_second(&feed->rate, zoe_now_ns()));
	metrics_put_ms(metrics, "inference_ms", &feed->inference);
	metrics_put_ms(metrics, "age_ms", &feed->age);
	json_object_set_new(metrics, "age_parts_ms", parts_json(feed));
	if (feed->result_count > 0)
		json_object_set_new(metrics, "boxes", json_integer(feed->boxes));
	if (feed->counts)
		json_object_set(metrics, "counts", feed->counts);
	if (feed->events)
		json_object_set_new(metrics, "objects", detector_events_counts(feed->events));
	return metrics;
}
