/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See result.h. Messages come from other processes: everything is copied first and checked before it is used.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "result.h"

#define RESULT_FRESH_NS 3000000000 /* a result is shown for so long, or for 2.5 of its periods if that is more */

void result_set_finish(struct result_set *set)
{
	for (size_t i = 0; i < DETECTORS_MAX; i++)
		free(set->results[i]);
	*set = (struct result_set){0};
}

/* A fraction of the picture, whatever a detector wrote. */
static float result_fraction(float value)
{
	return isfinite(value) ? fminf(fmaxf(value, 0), 1) : 0;
}

static void result_clean(struct zoe_detection *box)
{
	box->x = result_fraction(box->x);
	box->y = result_fraction(box->y);
	box->w = fminf(result_fraction(box->w), 1 - box->x);
	box->h = fminf(result_fraction(box->h), 1 - box->y);
	box->score = result_fraction(box->score);
	box->label[sizeof(box->label) - 1] = 0;
}

static struct result *result_slot(struct result_set *set, const char *detector)
{
	for (size_t i = 0; i < DETECTORS_MAX; i++) {
		if (!set->results[i])
			set->results[i] = calloc(1, sizeof(struct result));
		struct result *result = set->results[i];
		if (!result || !result->head.magic || !strcmp(result->head.detector, detector))
			return result;
	}
	return NULL;
}

int result_set_add(struct result_set *set, const struct zoe_frame *frame, const struct result **out_result)
{
	struct zoe_detections head;
	if (frame->size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, frame->data, sizeof(head));
	head.detector[sizeof(head.detector) - 1] = 0;
	if (head.magic != ZOE_DETECTIONS_MAGIC || head.version != ZOE_DETECTIONS_VERSION ||
	    head.count > ZOE_DETECTIONS_MAX || frame->size < sizeof(head) + head.count * sizeof(struct zoe_detection))
		return -EBADMSG;
	struct result *result = result_slot(set, head.detector);
	if (!result)
		return -ENOBUFS;
	result->period_ns = result->head.magic ? head.source_capture_ns - result->head.source_capture_ns : 0;
	result->head = head;
	result->publish_ns = frame->publish_ns;
	memcpy(result->boxes, (const char *)frame->data + sizeof(head), head.count * sizeof(struct zoe_detection));
	for (uint32_t i = 0; i < head.count; i++)
		result_clean(&result->boxes[i]);
	if (!set->newest || head.source_capture_ns >= set->newest->head.source_capture_ns)
		set->newest = result;
	*out_result = result;
	return 0;
}

bool result_fresh(const struct result *result, int64_t capture_ns)
{
	int64_t age_ns = capture_ns - result->head.source_capture_ns;
	int64_t limit_ns = RESULT_FRESH_NS;
	if (result->period_ns > 0 && result->period_ns < 60 * RESULT_FRESH_NS && result->period_ns * 5 / 2 > limit_ns)
		limit_ns = result->period_ns * 5 / 2;
	return age_ns < limit_ns;
}

/* A float as it was meant: 0.9, not 0.899999976. */
static double result_round(float value)
{
	return round((double)value * 1e5) / 1e5;
}

static json_t *result_box_json(const struct zoe_detection *box)
{
	json_t *json = json_pack("{s:[f,f,f,f], s:f, s:I, s:I}", "box", result_round(box->x), result_round(box->y),
	                         result_round(box->w), result_round(box->h), "score", result_round(box->score), "class",
	                         (json_int_t)box->class_id, "track", (json_int_t)box->track_id);
	json_t *label = json_string(box->label); /* NULL if it is not UTF-8 */
	if (json)
		json_object_set_new(json, "label", label ? label : json_string("?"));
	else
		json_decref(label);
	return json;
}

json_t *result_json(const struct result *result, const char *camera)
{
	const struct zoe_detections *head = &result->head;
	json_t *detector = json_string(head->detector);
	json_t *json =
	    json_pack("{s:s, s:o, s:I, s:f, s:f, s:f, s:f, s:I, s:I, s:[]}", "camera", camera, "detector",
	              detector ? detector : json_string("?"), "sequence", (json_int_t)head->source_seq, "capture_time",
	              (double)head->source_capture_ns / 1e9, "publish_time", (double)result->publish_ns / 1e9,
	              "inference_time", (double)head->inference_ns / 1e9, "period", (double)result->period_ns / 1e9,
	              "width", (json_int_t)head->source_width, "height", (json_int_t)head->source_height, "boxes");
	if (!json)
		return NULL;
	json_t *boxes = json_object_get(json, "boxes");
	for (uint32_t i = 0; i < head->count; i++)
		json_array_append_new(boxes, result_box_json(&result->boxes[i]));
	return json;
}
