/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look: frames of one or several cameras become results. Which parts of each are looked at (regions, motion_gate), how
 * many of them at once (the engine's batch), and what is then made of the boxes. No event loop, no topics: this is what a
 * worker does, whether a thread of the role or a process of its own.
 */
#ifndef ZOETROPE_DETECTOR_LOOK_H
#define ZOETROPE_DETECTOR_LOOK_H

#include "detector_areas.h"
#include "detector_engine.h"

/* One frame, and what became of it. */
struct look {
	unsigned camera; /* index in the configuration's cameras */
	bool whole;      /* the gate is open: look at all of it */
	struct zoe_frame frame;
	struct detector_result earlier; /* what is known of the camera: parts are chosen around it */

	int status; /* 0 | -errno with a sentence */
	char error[ZOE_DETECTOR_ERROR_BYTES];
	struct areas looked; /* the parts; none = nothing moved */
	struct detector_result result;
};

struct looker; /* an engine and what it needs around it; one thread at a time */

/* config lives until close. Returns 0 | -errno with a sentence in error[ZOE_DETECTOR_ERROR_BYTES]. */
int looker_open(const struct detector_config *config, struct looker **out, char *error);
void looker_close(struct looker *looker);

/* Most frames in one call of looker_run(), each of another camera: their parts fit into one batch. */
unsigned looker_frames(const struct looker *looker);

/* Look at 1..ZOE_DETECTOR_BATCH_MAX frames. A frame that cannot be read is an error of its own look only. */
void looker_run(struct looker *looker, struct look *const *looks, unsigned count);

#endif
