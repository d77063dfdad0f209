/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes of several parts of a picture become one result; where to look when something moves. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "roles/detector_areas.h"

static const struct areas whole = {.count = 1, .items = {{0, 0, 1, 1}}};
static const struct areas halves = {.count = 2, .items = {{0, 0, 0.6, 1}, {0.4, 0, 0.6, 1}}};

static struct zoe_detection box(double x, double y, double w, double h, double score, uint32_t class_id)
{
	return (struct zoe_detection){
	    .x = (float)x, .y = (float)y, .w = (float)w, .h = (float)h, .score = (float)score, .class_id = class_id};
}

static int is_near(const struct zoe_detection *found, struct zoe_detection wanted)
{
	return fabsf(found->x - wanted.x) < 1e-5f && fabsf(found->y - wanted.y) < 1e-5f &&
	       fabsf(found->w - wanted.w) < 1e-5f && fabsf(found->h - wanted.h) < 1e-5f &&
	       fabsf(found->score - wanted.score) < 1e-5f && found->class_id == wanted.class_id;
}

/* What a part of `area` gives for a box of the whole picture: clipped to the part. */
static void add(struct areas_found *found, unsigned number, const struct area *area, struct zoe_detection seen)
{
	static struct detector_result result;
	double left = fmax(((double)seen.x - area->x) / area->width, 0),
	       right = fmin(((double)seen.x + (double)seen.w - area->x) / area->width, 1);
	result.count = 1;
	result.boxes[0] = box(left, (double)seen.y, right - left, (double)seen.h, (double)seen.score, seen.class_id);
	areas_add(found, number, area, &result);
}

TEST(boxes_are_told_in_the_whole_picture)
{
	struct areas_found *found = calloc(1, sizeof(*found));
	struct detector_result *out = calloc(1, sizeof(*out));
	add(found, 0, &halves.items[0], box(0.1, 0.2, 0.1, 0.3, 0.5, 1));
	add(found, 1, &halves.items[1], box(0.7, 0.2, 0.2, 0.3, 0.9, 2));
	areas_merge(found, out);
	CHECK_EQ(out->count, 2);
	CHECK(is_near(&out->boxes[0], box(0.7, 0.2, 0.2, 0.3, 0.9, 2)));
	CHECK(is_near(&out->boxes[1], box(0.1, 0.2, 0.1, 0.3, 0.5, 1)));
	free(found);
	free(out);
}

TEST(an_object_in_two_parts_is_one)
{
	struct areas_found *found = calloc(1, sizeof(*found));
	struct detector_result *out = calloc(1, sizeof(*out));
	/* wholly in both */
	add(found, 0, &halves.items[0], box(0.45, 0.1, 0.1, 0.1, 0.5, 1));
	add(found, 1, &halves.items[1], box(0.45, 0.1, 0.1, 0.1, 0.7, 1));
	/* cut by the first, which is surer of it */
	add(found, 0, &halves.items[0], box(0.5, 0.5, 0.2, 0.2, 0.9, 1));
	add(found, 1, &halves.items[1], box(0.5, 0.5, 0.2, 0.2, 0.6, 1));
	/* of another class in the same place */
	add(found, 1, &halves.items[1], box(0.5, 0.5, 0.2, 0.2, 0.4, 2));
	/* two of a class in one part stay two, however near */
	add(found, 0, &halves.items[0], box(0.1, 0.1, 0.1, 0.1, 0.3, 1));
	add(found, 0, &halves.items[0], box(0.1, 0.1, 0.1, 0.1, 0.2, 1));
	areas_merge(found, out);
	CHECK_EQ(out->count, 5);
	CHECK(is_near(&out->boxes[0], box(0.45, 0.1, 0.1, 0.1, 0.7, 1)));
	CHECK(is_near(&out->boxes[1], box(0.5, 0.5, 0.2, 0.2, 0.6, 1)));
	CHECK(is_near(&out->boxes[2], box(0.5, 0.5, 0.2, 0.2, 0.4, 2)));
	free(found);
	free(out);
}

TEST(there_is_room_for_so_many)
{
	struct areas_found *found = calloc(1, sizeof(*found));
	struct detector_result *out = calloc(1, sizeof(*out));
	for (unsigned i = 0; i < ZOE_DETECTIONS_MAX + 10; i++)
		add(found, i % 2, &halves.items[i % 2], box(0.45, 0.003 * i, 0.05, 0.001, 0.5, 1));
	areas_merge(found, out);
	CHECK_EQ(out->count, ZOE_DETECTIONS_MAX);
	areas_carry(&(struct areas){0}, out, out);
	CHECK_EQ(out->count, ZOE_DETECTIONS_MAX);
	free(found);
	free(out);
}

TEST(what_was_not_looked_at_stands)
{
	struct detector_result *earlier = calloc(1, sizeof(*earlier)), *result = calloc(1, sizeof(*result));
	const struct areas right = {.count = 1, .items = {{0.5, 0, 0.5, 1}}};
	earlier->count = 2;
	earlier->boxes[0] = box(0.1, 0.1, 0.1, 0.1, 0.9, 1);
	earlier->boxes[1] = box(0.8, 0.1, 0.1, 0.1, 0.8, 1); /* it has gone: looked at, and not found */
	result->count = 1;
	result->boxes[0] = box(0.6, 0.5, 0.1, 0.1, 0.95, 2);
	areas_carry(&right, earlier, result);
	CHECK_EQ(result->count, 2);
	CHECK_EQ(result->boxes[0].class_id, 2);
	CHECK(is_near(&result->boxes[1], earlier->boxes[0]));
	result->count = 0;
	areas_carry(&(struct areas){0}, earlier, result);
	CHECK_EQ(result->count, 2);
	free(earlier);
	free(result);
}

TEST(a_part_encloses_what_moves_and_what_it_would_cut)
{
	struct detector_result *earlier = calloc(1, sizeof(*earlier));
	struct areas out;
	struct zoe_detection moved[] = {box(0.9, 0.9, 0.1, 0.125, 1, 0), box(0.8, 0.85, 0.05, 0.1, 1, 0)};
	areas_around(&whole, moved, 2, earlier, &out);
	CHECK_EQ(out.count, 1);
	struct area part = out.items[0];
	CHECK(part.width == part.height && part.width < 0.5);
	CHECK(part.x <= 0.79 && part.y <= 0.83 && part.x + part.width > 0.9999 && part.y + part.height > 0.9999);
	/* someone stands at its edge */
	earlier->boxes[earlier->count++] = box(part.x - 0.1, 0.7, 0.15, 0.3, 0.9, 1);
	areas_around(&whole, moved, 2, earlier, &out);
	CHECK(out.items[0].x <= part.x - 0.1 && out.items[0].x + out.items[0].width > 0.9999);
	/* one who touches it and is nearly as large as the picture: all of it */
	earlier->boxes[earlier->count++] = box(0.01, 0.01, 0.95, 0.99, 0.9, 1);
	areas_around(&whole, moved, 2, earlier, &out);
	CHECK(out.items[0].width == 1 && out.items[0].height == 1 && out.items[0].x == 0);
	/* far apart: all of it */
	moved[1] = box(0, 0, 0.05, 0.05, 1, 0);
	earlier->count = 0;
	areas_around(&whole, moved, 2, earlier, &out);
	CHECK(out.count == 1 && out.items[0].width == 1);
	free(earlier);
}

/* Boxes at random: it always ends, and known boxes are inside or outside, not cut. */
TEST(no_known_box_is_cut)
{
	struct detector_result *earlier = calloc(1, sizeof(*earlier));
	srand(5);
	for (unsigned round = 0; round < 2000; round++) {
		struct areas out;
		earlier->count = (unsigned)rand() % 40;
		for (unsigned i = 0; i <= earlier->count; i++) {
			double x = rand() % 100 / 100.0, y = rand() % 100 / 100.0;
			earlier->boxes[i] =
			    box(x, y, (1 - x) * (rand() % 20) / 100, (1 - y) * (rand() % 20) / 100, 1, 0);
		}
		areas_around(&whole, &earlier->boxes[earlier->count], 1, earlier, &out);
		const struct area *part = &out.items[0];
		CHECK(part->x >= 0 && part->y >= 0 && part->x + part->width < 1.000001);
		for (unsigned i = 0; i < earlier->count; i++) {
			const struct zoe_detection *b = &earlier->boxes[i];
			double x0 = (double)b->x - part->x, x1 = x0 + (double)b->w, y0 = (double)b->y - part->y,
			       y1 = y0 + (double)b->h, e = 1e-5;
			bool inside = x0 > -e && y0 > -e && x1 < part->width + e && y1 < part->height + e;
			bool outside = x1 < e || y1 < e || x0 > part->width - e || y0 > part->height - e;
			CHECK(inside || outside);
		}
	}
	free(earlier);
}

TEST(with_regions_those_in_which_something_moves)
{
	struct detector_result *none = calloc(1, sizeof(*none));
	struct areas out;
	struct zoe_detection left = box(0.1, 0.1, 0.1, 0.1, 1, 0), both = box(0.45, 0.1, 0.1, 0.1, 1, 0);
	areas_around(&halves, &left, 1, none, &out);
	CHECK(out.count == 1 && out.items[0].x == 0);
	areas_around(&halves, &both, 1, none, &out);
	CHECK_EQ(out.count, 2);
	const struct areas corner = {.count = 1, .items = {{0.8, 0.8, 0.2, 0.2}}};
	areas_around(&corner, &left, 1, none, &out);
	CHECK_EQ(out.count, 0);
	free(none);
}

TEST(regions_are_read)
{
	char error[ZOE_DETECTOR_ERROR_BYTES], *items[AREAS_MAX + 1], one[] = "0 0 0.5 1", wrong[] = "0 0 2 1";
	struct areas out;
	struct option_list list = {.items = items};
	for (unsigned i = 0; i <= AREAS_MAX; i++)
		items[i] = one;
	CHECK_EQ(areas_read(&list, &out, error), 0);
	CHECK(out.count == 1 && out.items[0].width == 1);
	list.count = AREAS_MAX;
	CHECK_EQ(areas_read(&list, &out, error), 0);
	CHECK(out.count == AREAS_MAX && out.items[AREAS_MAX - 1].width == 0.5);
	list.count++;
	CHECK_EQ(areas_read(&list, &out, error), -EINVAL);
	CHECK_HAS(error, "key 'regions': wanted at most 16 areas, found 17");
	list.count = 2;
	items[1] = wrong;
	CHECK_EQ(areas_read(&list, &out, error), -EINVAL);
	CHECK_HAS(error, "key 'regions': wanted an area inside the picture");
}
