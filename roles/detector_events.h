/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens before a camera: objects come, stay, enter and leave zones, and go. Each event is a line of JSON on the topic
 * "<camera>/events" (zoetrope.yaml(5), EVENTS), and may run a command.
 */
#ifndef ZOETROPE_DETECTOR_EVENTS_H
#define ZOETROPE_DETECTOR_EVENTS_H

#include "common/role.h"
#include "detector_engine.h"

struct detector_events; /* of one camera */

/* Returns 0 | -errno after role_error(). */
int detector_events_open(struct role *role, const char *camera, struct detector_events **out);
void detector_events_close(struct detector_events *events);

/* A result: its boxes get their track_id, and events are told. */
void detector_events_take(struct detector_events *events, const struct zoe_frame *frame,
                          struct detector_result *result);

/* Now and then: what has not been seen for too long has gone, even if there are no results any more. */
void detector_events_tend(struct detector_events *events);

/* Objects that are there, by label, a new reference. */
json_t *detector_events_counts(const struct detector_events *events);

#endif
