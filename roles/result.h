/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What detectors found, as read from "<camera>/detections": the newest result of each detector, checked and copied out
 * of shared memory. For preview and recorder.
 */
#ifndef ZOETROPE_RESULT_H
#define ZOETROPE_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/config.h"
#include "zoetrope.h"
#include "zoetrope_detections.h"

#define RESULT_LABEL_BYTES (ZOE_LABEL_BYTES + 32)

struct result {
	struct zoe_detections head; /* head.magic 0: none yet */
	int64_t publish_ns;
	int64_t period_ns; /* from the result before to this one, by capture times; 0 = first */
	struct zoe_detection boxes[ZOE_DETECTIONS_MAX];
};

struct result_set {
	struct result *results[DETECTORS_MAX];
	const struct result *newest; /* by source capture time; NULL = none */
};

void result_set_finish(struct result_set *set);

/* Copy a message in. Returns 0 | -EBADMSG (not a detections message of our version) | -ENOBUFS (too many detectors) |
 * -ENOMEM. */
int result_set_add(struct result_set *set, const struct zoe_frame *frame, const struct result **out_result);

/* Is the result still worth showing on a picture taken at capture_ns? */
bool result_fresh(const struct result *result, int64_t capture_ns);

/* What stands beside a box: "Car #7 0.90", the number only of what is followed. */
static inline void result_label(const struct zoe_detection *box, char out[RESULT_LABEL_BYTES])
{
	char track[16] = "";
	if (box->track_id)
		snprintf(track, sizeof(track), " #%u", box->track_id);
	snprintf(out, RESULT_LABEL_BYTES, "%.31s%s %.2f", box->label, track, (double)box->score);
}

/* As docs/http.md "Events", a new reference; NULL = no memory. */
json_t *result_json(const struct result *result, const char *camera);

#endif
