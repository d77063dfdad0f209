/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which boxes of successive results are the same object? In the manner of ByteTrack: a track foresees where its box will
 * be, boxes of high score are paired with tracks first, by overlap, then those of low score; only the former begin tracks.
 */
#ifndef ZOETROPE_TRACKER_H
#define ZOETROPE_TRACKER_H

#include <stdbool.h>

#include "zoetrope_detections.h"

#define TRACKS_MAX 256

struct track {
	uint32_t id;              /* from 1, never used twice */
	struct zoe_detection box; /* the newest */
	float dx, dy;             /* of its middle, a second */
	int64_t first_ns;         /* capture time of its first box */
	int64_t seen_ns;          /* of its newest */
	unsigned hits;            /* boxes so far */
	bool real;                /* enough of them: others know of it */
	bool ended;               /* not seen for too long: gone with the next update */
	uint64_t zones;           /* for detector_events.c: a bit for each zone that it is in */
	int64_t zone_ns[64];      /* since when it is in a zone; 0 = is not */
	int64_t told_ns;          /* when something was told of it last */
};

struct tracker {
	uint32_t last_id;
	unsigned count;
	struct track tracks[TRACKS_MAX];
};

/*
 * Pair boxes with tracks: each box gets its track_id, 0 as long as its track is not real. Tracks that were `ended` are
 * forgotten, those not seen for lost_ns become so.
 *
 * sure  a score from which on a box may begin a track
 */
void tracker_update(struct tracker *tracker, struct zoe_detection *boxes, unsigned count, int64_t capture_ns,
                    float sure, int64_t lost_ns);

#endif
