/* SPDX-License-Identifier: Apache-2.0 */
/* See tracker.h. Pairs are made greedily, the best overlap first: with tens of boxes that is as good as an assignment. */
#include "tracker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OVERLAP_MIN 0.2f /* of a track's foreseen box and a box; people at 5 results a second overlap by 0.3 and more */
#define HITS_REAL   2    /* one box may be a mistake */
#define SMOOTH      0.5f /* how much of a new velocity is believed */

struct pair {
	float overlap;
	unsigned track, box;
};

/* Where the track's box will be. */
static struct zoe_detection foresee(const struct track *track, int64_t capture_ns)
{
	struct zoe_detection box = track->box;
	float seconds = (float)(capture_ns - track->seen_ns) / 1e9f;
	box.x += track->dx * seconds;
	box.y += track->dy * seconds;
	return box;
}

/* Intersection over union. */
static float overlap(const struct zoe_detection *a, const struct zoe_detection *b)
{
	float width = fminf(a->x + a->w, b->x + b->w) - fmaxf(a->x, b->x);
	float height = fminf(a->y + a->h, b->y + b->h) - fmaxf(a->y, b->y);
	if (width <= 0 || height <= 0)
		return 0;
	return width * height / (a->w * a->h + b->w * b->h - width * height);
}

static int by_overlap(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	if (a->overlap != b->overlap)
		return a->overlap > b->overlap ? -1 : 1;
	return a->track != b->track ? (a->track < b->track ? -1 : 1) : (a->box < b->box ? -1 : 1);
}

static void follow(struct track *track, struct zoe_detection *box, int64_t capture_ns)
{
	float seconds = (float)(capture_ns - track->seen_ns) / 1e9f;
	if (seconds > 0) {
		float dx = (box->x + box->w / 2 - track->box.x - track->box.w / 2) / seconds;
		float dy = (box->y + box->h / 2 - track->box.y - track->box.h / 2) / seconds;
		float believed = track->hits > 1 ? SMOOTH : 1;
		track->dx += (dx - track->dx) * believed;
		track->dy += (dy - track->dy) * believed;
	}
	track->hits++;
	track->real = track->real || track->hits >= HITS_REAL;
	track->seen_ns = capture_ns;
	track->box = *box;
	box->track_id = track->box.track_id = track->real ? track->id : 0;
}

/* Pair the boxes of one kind, sure ones or others, with tracks that have none yet. */
static void pair_up(struct tracker *tracker, struct zoe_detection *boxes, unsigned count, int64_t capture_ns,
                    float sure, bool sure_ones, bool *taken)
{
	struct pair *pairs = calloc((size_t)tracker->count * count + 1, sizeof(*pairs));
	size_t pair_count = 0;
	for (unsigned t = 0; pairs && t < tracker->count; t++) {
		struct track *track = &tracker->tracks[t];
		struct zoe_detection foreseen = foresee(track, capture_ns);
		for (unsigned b = 0; b < count && track->seen_ns < capture_ns && !track->ended; b++) {
			float common = overlap(&foreseen, &boxes[b]);
			if (common >= OVERLAP_MIN && !taken[b] && (boxes[b].score >= sure) == sure_ones &&
			    boxes[b].class_id == track->box.class_id)
				pairs[pair_count++] = (struct pair){common, t, b};
		}
	}
	if (pairs)
		qsort(pairs, pair_count, sizeof(*pairs), by_overlap);
	for (size_t i = 0; i < pair_count; i++) {
		struct track *track = &tracker->tracks[pairs[i].track];
		if (taken[pairs[i].box] || track->seen_ns == capture_ns)
			continue;
		taken[pairs[i].box] = true;
		follow(track, &boxes[pairs[i].box], capture_ns);
	}
	free(pairs);
}

static void forget_ended(struct tracker *tracker)
{
	unsigned kept = 0;
	for (unsigned t = 0; t < tracker->count; t++) {
		if (!tracker->tracks[t].ended)
			tracker->tracks[kept++] = tracker->tracks[t];
	}
	tracker->count = kept;
}

void tracker_update(struct tracker *tracker, struct zoe_detection *boxes, unsigned count, int64_t capture_ns,
                    float sure, int64_t lost_ns)
{
	bool taken[ZOE_DETECTIONS_MAX] = {false};
	forget_ended(tracker);
	pair_up(tracker, boxes, count, capture_ns, sure, true, taken);
	pair_up(tracker, boxes, count, capture_ns, sure, false, taken);
	for (unsigned t = 0; t < tracker->count; t++)
		tracker->tracks[t].ended = capture_ns - tracker->tracks[t].seen_ns > lost_ns;
	for (unsigned b = 0; b < count && tracker->count < TRACKS_MAX; b++) {
		if (taken[b] || boxes[b].score < sure)
			continue;
		tracker->tracks[tracker->count++] = (struct track){.id = ++tracker->last_id,
		                                                   .box = boxes[b],
		                                                   .first_ns = capture_ns,
		                                                   .seen_ns = capture_ns,
		                                                   .hits = 1};
	}
}
