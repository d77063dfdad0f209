/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes of the very frame, of all detectors, for viewers who want them in step. A second subscriber stays behind until every
 * detector that is at work has given its result of a frame, or of a later one: what the topic keeps is the memory for
 * that. A detector that takes longer than the topic keeps frames is not waited for. See preview.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "preview.h"

/* Frames are shown without results that have not come when so much of the topic's depth is newer than they are. */
#define EXACT_PATIENCE(depth) ((depth)*3 / 4)

static void exact_forget(struct exact *exact, uint64_t seq)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < exact->count; i++) {
		if (exact->results[i]->head.source_seq > seq)
			exact->results[kept++] = exact->results[i];
		else
			free(exact->results[i]);
	}
	exact->count = kept;
}

void exact_close(struct preview_camera *camera)
{
	struct exact *exact = &camera->exact;
	exact_forget(exact, UINT64_MAX);
	zoe_subscriber_close(exact->late);
	*exact = (struct exact){0};
}

static void exact_open(struct preview_camera *camera)
{
	struct exact *exact = &camera->exact;
	struct zoe_domain *domain = camera->preview->role->domain;
	struct zoe_topic_info info;
	if (zoe_topic_info(domain, camera->name, &info) < 0 ||
	    zoe_subscriber_open(domain, camera->name, NULL, &exact->late) < 0) {
		exact->late = NULL; /* the next frame tries again */
		return;
	}
	exact->shown_ns = zoe_now_ns();
	exact->patience = EXACT_PATIENCE(info.depth);
}

void exact_update(struct preview_camera *camera)
{
	bool wanted = false, open = camera->exact.late;
	for (struct variant *variant = camera->variants; variant; variant = variant->next)
		wanted |= camera->on && variant->options.overlay == OVERLAY_EXACT;
	if (wanted && !open && (camera->frames.subscription || camera->jpegs.subscription))
		exact_open(camera);
	else if (!wanted && open)
		exact_close(camera);
}

const struct result *exact_result(const struct preview_camera *camera, const struct zoe_frame *frame, unsigned *at)
{
	const struct exact *exact = &camera->exact;
	while (*at < exact->count) {
		const struct result *result = exact->results[(*at)++];
		/* With a second stream for detectors the numbers are those of other frames. */
		if (result->head.source_seq == frame->seq && result->head.source_capture_ns == frame->capture_ns)
			return result;
	}
	return NULL;
}

/* Has every detector that is at work looked at that result's frame, or gone past it? */
static bool exact_complete(const struct preview_camera *camera, const struct result *first)
{
	for (size_t i = 0; i < DETECTORS_MAX; i++) {
		const struct result *newest = camera->results.results[i];
		if (newest && newest->head.magic && newest->head.source_seq < first->head.source_seq &&
		    result_fresh(newest, first->head.source_capture_ns))
			return false;
	}
	return true;
}

/* Go on to a frame, and encode it if it is still there. Returns how many variants have got a picture. */
static unsigned exact_deliver(struct preview_camera *camera, uint64_t seq)
{
	struct exact *exact = &camera->exact;
	struct zoe_frame frame;
	unsigned made = 0;
	int status = 0;
	for (bool reached = false; !reached && (status = zoe_take_next(exact->late, 0, &frame)) == 0;) {
		unsigned at = 0;
		reached = frame.seq >= seq;
		if (frame.seq == seq && frame.image.format != ZOE_FORMAT_NONE && exact_result(camera, &frame, &at)) {
			exact->shown_ns = zoe_now_ns();
			made = variants_deliver(camera, &frame, true);
		}
		zoe_release(exact->late, &frame);
	}
	exact_forget(exact, seq);
	if (status && status != -EAGAIN && status != -EINTR)
		exact_close(camera);
	return made;
}

/* Show what is complete, or has waited for long enough. */
static unsigned exact_run(struct preview_camera *camera)
{
	struct exact *exact = &camera->exact;
	unsigned made = 0;
	while (exact->late && exact->count) {
		const struct result *first = exact->results[0];
		for (unsigned i = 1; i < exact->count; i++)
			if (exact->results[i]->head.source_seq < first->head.source_seq)
				first = exact->results[i];
		uint64_t seq = first->head.source_seq;
		if (!exact_complete(camera, first) && exact->newest_seq < seq + exact->patience)
			break;
		made += exact_deliver(camera, seq);
	}
	return made;
}

void exact_add(struct preview_camera *camera, const struct result *result)
{
	struct exact *exact = &camera->exact;
	struct result *copy = exact->late ? malloc(sizeof(*copy)) : NULL;
	if (!copy)
		return;
	if (exact->count == EXACT_RESULTS)
		exact_forget(exact, exact->results[0]->head.source_seq);
	copy->head = result->head;
	memcpy(copy->boxes, result->boxes, result->head.count * sizeof(*copy->boxes));
	exact->results[exact->count++] = copy;
	camera->encoded += exact_run(camera);
}

unsigned exact_frame(struct preview_camera *camera, const struct zoe_frame *frame)
{
	struct exact *exact = &camera->exact;
	if (!exact->late)
		return 0;
	exact->newest_seq = variant_number(frame);
	unsigned made = exact_run(camera);
	if (exact->late && zoe_now_ns() - exact->shown_ns > PREVIEW_EXACT_NS)
		made += variants_deliver(camera, frame, true);
	return made;
}
