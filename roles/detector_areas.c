/* SPDX-License-Identifier: Apache-2.0 */
/* See detector_areas.h. Only numbers here: no pixel, no engine. */
#include "detector_areas.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two boxes of a class are one object: shared part of the smaller one, and of both together. */
#define SAME_CUT   0.6f
#define SAME_WHOLE 0.5f
/* Around what moved: a network wants to see some of what surrounds an object, and an object moves in part. */
#define MARGIN 0.25
/* A smaller part would show the network fewer pixels than it can use, and objects larger than it has learnt. */
#define LEAST_SIDE 0.34
/* A larger one saves nothing. */
#define MOST_SIDE 0.8
/* So near to a part's edge a box may go on behind it. */
#define EDGE 0.01f

static int read_list(const char *key, const struct option_list *list, struct areas *out, char *error)
{
	char why[AREA_ERROR_BYTES];
	if (list->count > AREAS_MAX) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "key '%s': wanted at most %d areas, found %zu", key,
		         AREAS_MAX, list->count);
		return -EINVAL;
	}
	for (size_t i = 0; i < list->count; i++) {
		if (area_read(list->items[i], &out->items[i], why) < 0) {
			snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "key '%s': %.470s", key, why);
			return -EINVAL;
		}
		out->count = (unsigned)i + 1;
	}
	return 0;
}

int areas_read(const struct option_list *regions, struct areas *out, char *error)
{
	*out = (struct areas){.count = 1, .items = {{0, 0, 1, 1}}};
	return read_list("regions", regions, out, error);
}

int areas_read_ignored(const struct option_list *ignored, struct areas *out, char *error)
{
	*out = (struct areas){.count = 0};
	return read_list("motion_ignore", ignored, out, error);
}

/* ---- what was found ----------------------------------------------------------------------------------------- */

static bool is_cut(const struct zoe_detection *box, const struct area *part)
{
	return (box->x < EDGE && part->x > 0) || (box->y < EDGE && part->y > 0) ||
	       (box->x + box->w > 1 - EDGE && part->x + part->width < 1) ||
	       (box->y + box->h > 1 - EDGE && part->y + part->height < 1);
}

void areas_add(struct areas_found *found, unsigned area, const struct area *part, const struct detector_result *result)
{
	found->parts++;
	for (unsigned i = 0; i < result->count && found->count < ZOE_DETECTIONS_MAX; i++) {
		struct zoe_detection *box = &found->boxes[found->count];
		*box = result->boxes[i];
		found->area[found->count] = (uint8_t)area;
		found->cut[found->count++] = is_cut(box, part);
		box->x = (float)(part->x + (double)box->x * part->width);
		box->y = (float)(part->y + (double)box->y * part->height);
		box->w = (float)((double)box->w * part->width);
		box->h = (float)((double)box->h * part->height);
	}
}

static float overlap(const struct zoe_detection *a, const struct zoe_detection *b)
{
	float width = fminf(a->x + a->w, b->x + b->w) - fmaxf(a->x, b->x);
	float height = fminf(a->y + a->h, b->y + b->h) - fmaxf(a->y, b->y);
	return width > 0 && height > 0 ? width * height : 0;
}

/* How much of the smaller one lies in the other. */
static float shared(const struct zoe_detection *a, const struct zoe_detection *b)
{
	return overlap(a, b) / fmaxf(fminf(a->w * a->h, b->w * b->h), 1e-9f);
}

/* Of an object that is cut by the edge of a part the half lies inside the whole; two whole boxes are nearly alike. */
static bool is_same(const struct areas_found *found, unsigned i, unsigned k)
{
	const struct zoe_detection *a = &found->boxes[i], *b = &found->boxes[k];
	if (found->area[i] == found->area[k] || a->class_id != b->class_id)
		return false;
	if (found->cut[i] || found->cut[k])
		return shared(a, b) > SAME_CUT;
	return overlap(a, b) > SAME_WHOLE * (a->w * a->h + b->w * b->h - overlap(a, b));
}

/* Is i a better box of an object than k? One that is whole, then one that is surer, then the earlier one. */
static bool is_better(const struct areas_found *found, unsigned i, unsigned k)
{
	if (found->cut[i] != found->cut[k])
		return found->cut[k];
	if (found->boxes[i].score != found->boxes[k].score)
		return found->boxes[i].score > found->boxes[k].score;
	return i < k;
}

static int by_score(const void *left, const void *right)
{
	const struct zoe_detection *a = left, *b = right;
	return a->score < b->score ? 1 : a->score > b->score ? -1 : 0;
}

void areas_merge(struct areas_found *found, struct detector_result *out)
{
	bool gone[ZOE_DETECTIONS_MAX] = {false};
	out->count = 0;
	if (found->parts < 2) { /* as the engine has sorted them */
		out->count = found->count;
		memcpy(out->boxes, found->boxes, found->count * sizeof(out->boxes[0]));
		return;
	}
	for (unsigned left = found->count; left > 0; left--) {
		unsigned best = ZOE_DETECTIONS_MAX;
		for (unsigned i = 0; i < found->count; i++) {
			if (!gone[i] && (best == ZOE_DETECTIONS_MAX || is_better(found, i, best)))
				best = i;
		}
		if (best == ZOE_DETECTIONS_MAX)
			break;
		gone[best] = true;
		for (unsigned i = 0; i < found->count; i++)
			gone[i] |= is_same(found, best, i);
		out->boxes[out->count++] = found->boxes[best];
	}
	qsort(out->boxes, out->count, sizeof(out->boxes[0]), by_score);
}

static bool is_inside(const struct areas *areas, const struct zoe_detection *box)
{
	double x = (double)box->x + (double)box->w / 2, y = (double)box->y + (double)box->h / 2;
	for (unsigned i = 0; i < areas->count; i++) {
		const struct area *area = &areas->items[i];
		if (x >= area->x && x < area->x + area->width && y >= area->y && y < area->y + area->height)
			return true;
	}
	return false;
}

void areas_carry(const struct areas *looked, const struct detector_result *earlier, struct detector_result *result)
{
	unsigned fresh = result->count;
	for (unsigned i = 0; i < earlier->count && result->count < ZOE_DETECTIONS_MAX; i++) {
		const struct zoe_detection *box = &earlier->boxes[i];
		bool known = is_inside(looked, box);
		for (unsigned k = 0; k < fresh && !known; k++)
			known = result->boxes[k].class_id == box->class_id && shared(&result->boxes[k], box) > SAME_CUT;
		if (!known)
			result->boxes[result->count++] = *box;
	}
	qsort(result->boxes, result->count, sizeof(result->boxes[0]), by_score);
}

/* ---- where to look ------------------------------------------------------------------------------------------ */

/* Left, top, right, bottom, fractions of the picture. */
struct edges {
	double x0, y0, x1, y1;
};

static struct edges edges_of(const struct zoe_detection *box, double margin)
{
	double x = (double)box->x, y = (double)box->y, w = (double)box->w, h = (double)box->h;
	return (struct edges){fmax(x - w * margin, 0), fmax(y - h * margin, 0), fmin(x + w * (1 + margin), 1),
	                      fmin(y + h * (1 + margin), 1)};
}

static void include(struct edges *edges, const struct edges *other)
{
	edges->x0 = fmin(edges->x0, other->x0);
	edges->y0 = fmin(edges->y0, other->y0);
	edges->x1 = fmax(edges->x1, other->x1);
	edges->y1 = fmax(edges->y1, other->y1);
}

static bool touches(const struct edges *a, const struct edges *b)
{
	return a->x0 < b->x1 && b->x0 < a->x1 && a->y0 < b->y1 && b->y0 < a->y1;
}

/* As large a share of the width as of the height: the network sees objects in the shape that they have in the whole
 * picture. Moved rather than cut where it would stick out. */
static struct area shape(const struct edges *edges)
{
	double side = fmax(fmax(edges->x1 - edges->x0, edges->y1 - edges->y0), LEAST_SIDE);
	if (side > MOST_SIDE)
		return (struct area){0, 0, 1, 1};
	double x = (edges->x0 + edges->x1 - side) / 2, y = (edges->y0 + edges->y1 - side) / 2;
	return (struct area){fmin(fmax(x, 0), 1 - side), fmin(fmax(y, 0), 1 - side), side, side};
}

static struct edges edges_of_area(const struct area *area)
{
	return (struct edges){area->x, area->y, area->x + area->width, area->y + area->height};
}

/* A known object that the part would cut is taken in, until none is. */
static struct area enclose(struct edges edges, const struct detector_result *earlier)
{
	struct area area = shape(&edges);
	for (unsigned i = 0; i < earlier->count && area.width < 1;) {
		struct edges box = edges_of(&earlier->boxes[i], 0), now = edges_of_area(&area);
		/* 1e-6: sums of fractions are that near to 1, and not 1 */
		bool whole = box.x0 >= now.x0 - 1e-6 && box.y0 >= now.y0 - 1e-6 && box.x1 <= now.x1 + 1e-6 &&
		             box.y1 <= now.y1 + 1e-6;
		if (whole || !touches(&box, &now)) {
			i++;
			continue;
		}
		box = edges_of(&earlier->boxes[i], MARGIN);
		include(&edges, &box);
		area = shape(&edges);
		i = 0;
	}
	return area;
}

void areas_around(const struct areas *regions, const struct zoe_detection *moved, unsigned count,
                  const struct detector_result *earlier, struct areas *out)
{
	struct edges all = edges_of(&moved[0], MARGIN);
	out->count = 0;
	if (regions->count == 1 && regions->items[0].width >= 1 && regions->items[0].height >= 1) {
		for (unsigned i = 1; i < count; i++) {
			struct edges one = edges_of(&moved[i], MARGIN);
			include(&all, &one);
		}
		out->items[out->count++] = enclose(all, earlier);
		return;
	}
	for (unsigned r = 0; r < regions->count; r++) {
		struct edges region = edges_of_area(&regions->items[r]);
		bool moves = false;
		for (unsigned i = 0; i < count && !moves; i++) {
			struct edges box = edges_of(&moved[i], 0);
			moves = touches(&box, &region);
		}
		if (moves)
			out->items[out->count++] = regions->items[r];
	}
}
